/* forge.h - messages that nobody sent: every field as a fuzzer likes it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef FUZZ_FORGE_H
#define FUZZ_FORGE_H

#include <libraft/types.h>

#include "input.h"

enum { FORGED_ENTRIES = 4, FORGED_IDS = 5 };

typedef struct forged {
  raft_message message;
  raft_entry entries[FORGED_ENTRIES];
  raft_snapshot snapshot;
  uint64_t ids[4][FORGED_IDS];
} forged;

/* Numbers tend to be near those of a node with this term and last index. What the message points
 * to lies in *out and in the input. */
void forge_message(fuzz_input *input, uint64_t to, uint64_t term, uint64_t last, forged *out);
/* An entry of any kind, its data whatever the input says. */
raft_entry forge_entry(fuzz_input *input, uint64_t term, uint64_t index);
/* A change of members of up to four steps, in `singles`. */
raft_conf_change_v2 forge_change(fuzz_input *input, raft_conf_change_single singles[4]);
/* Encoded change, in *buf of `size` bytes; 0: it does not fit. */
size_t forge_encoded_change(fuzz_input *input, bool v2, void *buf, size_t size);
void forge_snapshot(fuzz_input *input, uint64_t term, uint64_t last, raft_snapshot *snapshot,
                    uint64_t ids[4][FORGED_IDS]);

#endif
