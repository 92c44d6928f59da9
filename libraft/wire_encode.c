/* wire_encode.c - from plain structs to raftpb bytes.
 *
 * What is present follows the model: numbers when they are not zero, bytes when data is not
 * NULL, and always: a message's type, a hard state's three numbers, a snapshot's metadata and
 * membership with auto_leave, a change's type, node and transition.
 *
 * Each put_X function writes the fields of one kind of message, numbered as in raftpb.proto
 * and in their order. The writer counts, fills a buffer or calls a function.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <libraft/wire.h>

#include "entry_size.h"
#include "raftpb.pb.h"
#include "vote_traffic.h"
#include "wire_put.h"

typedef void (*putter)(raft_wire_writer *to, const void *object);

static uint64_t total(const raft_wire_writer *writer) {
  return writer->used + writer->left_out;
}

/* A submessage of which only its fields know how long it is. */
static void put_submessage(raft_wire_writer *to, uint32_t field, putter put, const void *object) {
  raft_wire_writer counting = {.buffer = NULL};
  put(&counting, object);
  raft_wire_put_head(to, field, total(&counting));
  put(to, object);
}

/* --- entries ------------------------------------------------------------------------------- */

static void put_entry(raft_wire_writer *to, const void *object) {
  const raft_entry *entry = object;
  raft_wire_put_nonzero(to, raft_pb_Entry_type_tag, (uint64_t)entry->type);
  raft_wire_put_nonzero(to, raft_pb_Entry_term_tag, entry->term);
  raft_wire_put_nonzero(to, raft_pb_Entry_index_tag, entry->index);
  raft_wire_put_bytes(to, raft_pb_Entry_data_tag, entry->data);
}

static void put_entries(raft_wire_writer *to, const raft_message *message) {
  for (size_t i = 0; i < message->entry_count && to->rc == 0; i++) {
    const raft_entry *entry = &message->entries[i];
    uint64_t bytes = raft_entry_bytes(entry);
    raft_wire_put_head(to, raft_pb_Message_entries_tag, bytes);
    if (!raft_wire_leaves_out(to, bytes)) {
      put_entry(to, entry);
    }
  }
}

/* --- snapshots ----------------------------------------------------------------------------- */

static void put_ids(raft_wire_writer *to, uint32_t field, raft_ids list) {
  for (size_t i = 0; i < list.count; i++) {
    raft_wire_put_number(to, field, list.ids[i]);
  }
}

static void put_conf_state(raft_wire_writer *to, const void *object) {
  const raft_conf_state *state = object;
  put_ids(to, raft_pb_ConfState_voters_tag, state->voters);
  put_ids(to, raft_pb_ConfState_learners_tag, state->learners);
  put_ids(to, raft_pb_ConfState_voters_outgoing_tag, state->voters_outgoing);
  put_ids(to, raft_pb_ConfState_learners_next_tag, state->learners_next);
  raft_wire_put_number(to, raft_pb_ConfState_auto_leave_tag, state->auto_leave);
}

static void put_metadata(raft_wire_writer *to, const void *object) {
  const raft_snapshot *snapshot = object;
  put_submessage(to, raft_pb_SnapshotMetadata_conf_state_tag, put_conf_state,
                 &snapshot->conf_state);
  raft_wire_put_nonzero(to, raft_pb_SnapshotMetadata_index_tag, snapshot->index);
  raft_wire_put_nonzero(to, raft_pb_SnapshotMetadata_term_tag, snapshot->term);
}

static void put_snapshot(raft_wire_writer *to, const void *object) {
  const raft_snapshot *snapshot = object;
  raft_wire_put_bytes(to, raft_pb_Snapshot_data_tag, snapshot->data);
  put_submessage(to, raft_pb_Snapshot_metadata_tag, put_metadata, snapshot);
}

/* --- messages and hard states -------------------------------------------------------------- */

static void put_message(raft_wire_writer *to, const void *object) {
  const raft_message *message = object;
  raft_wire_put_number(to, raft_pb_Message_type_tag, (uint64_t)message->type);
  raft_wire_put_nonzero(to, raft_pb_Message_to_tag, message->to);
  raft_wire_put_nonzero(to, raft_pb_Message_from_tag, message->from);
  raft_wire_put_nonzero(to, raft_pb_Message_term_tag, message->term);
  raft_wire_put_nonzero(to, raft_pb_Message_logTerm_tag, message->log_term);
  raft_wire_put_nonzero(to, raft_pb_Message_index_tag, message->index);
  put_entries(to, message);
  raft_wire_put_nonzero(to, raft_pb_Message_commit_tag, message->commit);
  if (message->snapshot != NULL) {
    put_submessage(to, raft_pb_Message_snapshot_tag, put_snapshot, message->snapshot);
  }
  raft_wire_put_nonzero(to, raft_pb_Message_reject_tag, message->reject);
  raft_wire_put_nonzero(to, raft_pb_Message_rejectHint_tag, message->reject_hint);
  raft_wire_put_bytes(to, raft_pb_Message_context_tag, message->context);
  if (raft_is_vote_traffic(message->type)) {
    raft_wire_put_nonzero(to, raft_pb_Message_commitTerm_tag, message->commit_term);
  }
  raft_wire_put_nonzero(to, raft_pb_Message_priority_tag, (uint64_t)message->priority);
  raft_wire_put_nonzero(to, raft_pb_Message_requestSnapshot_tag, message->request_snapshot);
}

static void put_hard_state(raft_wire_writer *to, const void *object) {
  const raft_hard_state *state = object;
  raft_wire_put_number(to, raft_pb_HardState_term_tag, state->term);
  raft_wire_put_number(to, raft_pb_HardState_vote_tag, state->vote);
  raft_wire_put_number(to, raft_pb_HardState_commit_tag, state->commit);
}

/* --- membership changes -------------------------------------------------------------------- */

static void put_conf_change(raft_wire_writer *to, const void *object) {
  const raft_conf_change *change = object;
  raft_wire_put_nonzero(to, raft_pb_ConfChange_id_tag, change->id);
  raft_wire_put_number(to, raft_pb_ConfChange_type_tag, (uint64_t)change->type);
  raft_wire_put_number(to, raft_pb_ConfChange_node_id_tag, change->node_id);
  raft_wire_put_bytes(to, raft_pb_ConfChange_context_tag, change->context);
}

static void put_change(raft_wire_writer *to, const void *object) {
  const raft_conf_change_single *change = object;
  raft_wire_put_number(to, raft_pb_ConfChangeSingle_type_tag, (uint64_t)change->type);
  raft_wire_put_number(to, raft_pb_ConfChangeSingle_node_id_tag, change->node_id);
}

static void put_conf_change_v2(raft_wire_writer *to, const void *object) {
  const raft_conf_change_v2 *change = object;
  raft_wire_put_number(to, raft_pb_ConfChangeV2_transition_tag, (uint64_t)change->transition);
  for (size_t i = 0; i < change->change_count; i++) {
    put_submessage(to, raft_pb_ConfChangeV2_changes_tag, put_change, &change->changes[i]);
  }
  raft_wire_put_bytes(to, raft_pb_ConfChangeV2_context_tag, change->context);
}

/* --- into a buffer ------------------------------------------------------------------------- */

/* More than any buffer can have stays more. */
static size_t as_size(uint64_t bytes) {
  size_t size = (size_t)bytes;
  return size == bytes ? size : SIZE_MAX;
}

static int encode_into(putter put, const void *object, void *buf, size_t size, size_t *len) {
  raft_wire_writer writer = {.buffer = buf, .size = size};
  put(&writer, object);
  *len = as_size(total(&writer));
  return writer.left_out > 0 ? RAFT_ENOSPACE : RAFT_OK;
}

size_t raft_message_wire_size(const raft_message *message) {
  raft_wire_writer counting = {.buffer = NULL};
  put_message(&counting, message);
  return as_size(total(&counting));
}

int raft_message_encode(const raft_message *message, void *buf, size_t size, size_t *len) {
  return encode_into(put_message, message, buf, size, len);
}

int raft_entry_encode(const raft_entry *entry, void *buf, size_t size, size_t *len) {
  return encode_into(put_entry, entry, buf, size, len);
}

int raft_hard_state_encode(const raft_hard_state *state, void *buf, size_t size, size_t *len) {
  return encode_into(put_hard_state, state, buf, size, len);
}

int raft_conf_state_encode(const raft_conf_state *state, void *buf, size_t size, size_t *len) {
  return encode_into(put_conf_state, state, buf, size, len);
}

int raft_snapshot_encode(const raft_snapshot *snapshot, void *buf, size_t size, size_t *len) {
  return encode_into(put_snapshot, snapshot, buf, size, len);
}

int raft_conf_change_encode(const raft_conf_change *change, void *buf, size_t size, size_t *len) {
  return encode_into(put_conf_change, change, buf, size, len);
}

int raft_conf_change_v2_encode(const raft_conf_change_v2 *change, void *buf, size_t size,
                               size_t *len) {
  return encode_into(put_conf_change_v2, change, buf, size, len);
}

/* --- piece by piece ------------------------------------------------------------------------ */

int raft_message_encode_to(const raft_message *message,
                           int (*write)(void *ctx, const void *data, size_t len), void *ctx) {
  unsigned char small[RAFT_WIRE_SMALL];
  raft_wire_writer writer = {.buffer = small, .size = sizeof(small), .write = write, .ctx = ctx};
  put_message(&writer, message);
  raft_wire_flush(&writer);
  return writer.rc;
}
