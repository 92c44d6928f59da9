/* wire_pb.h - what the files of the codec share: nanopb, and the readers of parts.
 *
 * Only wire*.c may include this; nobody else sees nanopb.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RAFT_WIRE_PB_H
#define RAFT_WIRE_PB_H

#include <libraft/wire.h>
#include <pb_decode.h>

#include "raftpb.pb.h"

/* `limits`, or the defaults for NULL. */
raft_wire_limits raft_wire_limits_or_default(const raft_wire_limits *limits);

/* Decodes `input` into a generated struct. */
bool raft_wire_decode(raft_slice input, const pb_msgdesc_t *fields, void *to);

/* Where nanopb is in the input. nanopb hands a field of a wrong wire type to a callback in a
 * scratch buffer of its own; what is not within the input must not be pointed at. */
bool raft_wire_is_within(raft_slice input, const pb_istream_t *stream);

/* A field of bytes, or an undecoded submessage, as it lies in the input. Given twice, the last one
 * counts. `found` is empty with data NULL when the field is absent. */
typedef struct raft_wire_field {
  raft_slice input; /* all that is being decoded */
  raft_slice found;
} raft_wire_field;

raft_wire_field raft_wire_field_of(raft_slice input);
/* The callback that fills *field. */
pb_callback_t raft_wire_take(raft_wire_field *field);

/* One Entry; false: malformed. Its data has no owner. */
bool raft_wire_read_entry(raft_slice input, raft_entry *entry);

/* How many ids the four lists of a ConfState have. RAFT_EDECODE; RAFT_ELIMIT: one of them has more
 * than max_ids. */
int raft_wire_count_ids(raft_slice input, size_t max_ids, size_t *total);
/* The ConfState, its lists in `ids`, which has room for what was counted. RAFT_EDECODE. */
int raft_wire_read_conf_state(raft_slice input, uint64_t *ids, raft_conf_state *state);

/* A Snapshot whose ConfState is still undecoded. */
typedef struct raft_wire_snapshot {
  raft_slice data;
  raft_slice conf_state;
  uint64_t index;
  uint64_t term;
} raft_wire_snapshot;

int raft_wire_open_snapshot(raft_slice input, raft_wire_snapshot *snapshot);

#endif
