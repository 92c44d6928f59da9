/* wire_encode.c - from plain structs to raftpb bytes.
 *
 * What is present follows the model: numbers when they are not zero, bytes when data is not
 * NULL, and always: a message's type, a hard state's three numbers, a snapshot's metadata and
 * membership with auto_leave, a change's type, node and transition.
 *
 * Each encode_X function writes one kind of message to a nanopb stream; the stream counts, fills a
 * buffer or calls a function. Payloads are passed to the stream as they lie in memory.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "vote_traffic.h"
#include "wire_pb.h"

/* --- fields of variable size --------------------------------------------------------------- */

static bool sink_write(pb_ostream_t *stream, const pb_byte_t *data, size_t count);
static void sink_expect_payload(pb_ostream_t *stream, const void *data);

static bool write_bytes(pb_ostream_t *stream, const pb_field_t *field, void *const *arg) {
  const raft_bytes *bytes = *arg;
  if (bytes->data == NULL) {
    return true;
  }
  if (!pb_encode_tag_for_field(stream, field) || !pb_encode_varint(stream, bytes->len)) {
    return false;
  }
  if (bytes->len == 0) {
    return true;
  }
  sink_expect_payload(stream, bytes->data);
  return pb_write(stream, bytes->data, bytes->len);
}

static pb_callback_t bytes_field(raft_bytes *bytes) {
  return (pb_callback_t){.funcs.encode = write_bytes, .arg = bytes};
}

static bool write_ids(pb_ostream_t *stream, const pb_field_t *field, void *const *arg) {
  const raft_ids *list = *arg;
  for (size_t i = 0; i < list->count; i++) {
    if (!pb_encode_tag_for_field(stream, field) || !pb_encode_varint(stream, list->ids[i])) {
      return false;
    }
  }
  return true;
}

static pb_callback_t ids_field(raft_ids *ids) {
  return (pb_callback_t){.funcs.encode = write_ids, .arg = ids};
}

/* --- entries ------------------------------------------------------------------------------- */

/* The generated form of an entry; its data field refers to *data. */
static raft_pb_Entry entry_form(const raft_entry *entry, raft_bytes *data) {
  *data = entry->data;
  return (raft_pb_Entry){
      .has_type = entry->type != RAFT_ENTRY_NORMAL,
      .type = (raft_pb_EntryType)entry->type,
      .has_term = entry->term != 0,
      .term = entry->term,
      .has_index = entry->index != 0,
      .index = entry->index,
      .data = bytes_field(data),
  };
}

static bool encode_entry(pb_ostream_t *stream, const void *object) {
  raft_bytes data;
  raft_pb_Entry form = entry_form(object, &data);
  return pb_encode(stream, raft_pb_Entry_fields, &form);
}

typedef struct entry_list {
  const raft_entry *entries;
  size_t count;
} entry_list;

static bool write_entries(pb_ostream_t *stream, const pb_field_t *field, void *const *arg) {
  const entry_list *list = *arg;
  for (size_t i = 0; i < list->count; i++) {
    raft_bytes data;
    raft_pb_Entry form = entry_form(&list->entries[i], &data);
    if (!pb_encode_tag_for_field(stream, field) ||
        !pb_encode_submessage(stream, raft_pb_Entry_fields, &form)) {
      return false;
    }
  }
  return true;
}

/* --- snapshots ----------------------------------------------------------------------------- */

/* The generated form of a ConfState; its lists refer to *lists. */
static raft_pb_ConfState conf_state_form(const raft_conf_state *state, raft_conf_state *lists) {
  *lists = *state;
  return (raft_pb_ConfState){
      .voters = ids_field(&lists->voters),
      .learners = ids_field(&lists->learners),
      .voters_outgoing = ids_field(&lists->voters_outgoing),
      .learners_next = ids_field(&lists->learners_next),
      .has_auto_leave = true,
      .auto_leave = state->auto_leave,
  };
}

static bool encode_conf_state(pb_ostream_t *stream, const void *object) {
  raft_conf_state lists;
  raft_pb_ConfState form = conf_state_form(object, &lists);
  return pb_encode(stream, raft_pb_ConfState_fields, &form);
}

/* What the callbacks of a snapshot's two inner messages refer to. */
typedef struct snapshot_source {
  const raft_snapshot *snapshot;
  raft_bytes data;
} snapshot_source;

static bool write_conf_state(pb_ostream_t *stream, const pb_field_t *field, void *const *arg) {
  const snapshot_source *source = *arg;
  raft_conf_state lists;
  raft_pb_ConfState form = conf_state_form(&source->snapshot->conf_state, &lists);
  return pb_encode_tag_for_field(stream, field) &&
         pb_encode_submessage(stream, raft_pb_ConfState_fields, &form);
}

static bool write_metadata(pb_ostream_t *stream, const pb_field_t *field, void *const *arg) {
  const snapshot_source *source = *arg;
  raft_pb_SnapshotMetadata form = {
      .conf_state = {.funcs.encode = write_conf_state, .arg = *arg},
      .has_index = source->snapshot->index != 0,
      .index = source->snapshot->index,
      .has_term = source->snapshot->term != 0,
      .term = source->snapshot->term,
  };
  return pb_encode_tag_for_field(stream, field) &&
         pb_encode_submessage(stream, raft_pb_SnapshotMetadata_fields, &form);
}

static raft_pb_Snapshot snapshot_form(const raft_snapshot *snapshot, snapshot_source *source) {
  source->snapshot = snapshot;
  source->data = snapshot->data;
  return (raft_pb_Snapshot){
      .data = bytes_field(&source->data),
      .metadata = {.funcs.encode = write_metadata, .arg = source},
  };
}

static bool encode_snapshot(pb_ostream_t *stream, const void *object) {
  snapshot_source source;
  raft_pb_Snapshot form = snapshot_form(object, &source);
  return pb_encode(stream, raft_pb_Snapshot_fields, &form);
}

/* *arg is a snapshot_source whose snapshot is NULL when there is none. */
static bool write_snapshot(pb_ostream_t *stream, const pb_field_t *field, void *const *arg) {
  const snapshot_source *given = *arg;
  if (given->snapshot == NULL) {
    return true;
  }
  snapshot_source source;
  raft_pb_Snapshot form = snapshot_form(given->snapshot, &source);
  return pb_encode_tag_for_field(stream, field) &&
         pb_encode_submessage(stream, raft_pb_Snapshot_fields, &form);
}

/* --- messages and hard states -------------------------------------------------------------- */

static bool encode_message(pb_ostream_t *stream, const void *object) {
  const raft_message *message = object;
  entry_list entries = {message->entries, message->entry_count};
  snapshot_source snapshot = {.snapshot = message->snapshot};
  raft_bytes context = message->context;
  raft_pb_Message form = {
      .has_type = true,
      .type = (raft_pb_MessageType)message->type,
      .has_to = message->to != 0,
      .to = message->to,
      .has_from = message->from != 0,
      .from = message->from,
      .has_term = message->term != 0,
      .term = message->term,
      .has_logTerm = message->log_term != 0,
      .logTerm = message->log_term,
      .has_index = message->index != 0,
      .index = message->index,
      .entries = {.funcs.encode = write_entries, .arg = &entries},
      .has_commit = message->commit != 0,
      .commit = message->commit,
      .snapshot = {.funcs.encode = write_snapshot, .arg = &snapshot},
      .has_reject = message->reject,
      .reject = message->reject,
      .has_rejectHint = message->reject_hint != 0,
      .rejectHint = message->reject_hint,
      .context = bytes_field(&context),
      .has_commitTerm = raft_is_vote_traffic(message->type) && message->commit_term != 0,
      .commitTerm = message->commit_term,
      .has_priority = message->priority != 0,
      .priority = message->priority,
      .has_requestSnapshot = message->request_snapshot,
      .requestSnapshot = message->request_snapshot,
  };
  return pb_encode(stream, raft_pb_Message_fields, &form);
}

static bool encode_hard_state(pb_ostream_t *stream, const void *object) {
  const raft_hard_state *state = object;
  raft_pb_HardState form = {
      .has_term = true,
      .term = state->term,
      .has_vote = true,
      .vote = state->vote,
      .has_commit = true,
      .commit = state->commit,
  };
  return pb_encode(stream, raft_pb_HardState_fields, &form);
}

/* --- membership changes -------------------------------------------------------------------- */

static bool encode_conf_change(pb_ostream_t *stream, const void *object) {
  const raft_conf_change *change = object;
  raft_bytes context = change->context;
  raft_pb_ConfChange form = {
      .has_id = change->id != 0,
      .id = change->id,
      .has_type = true,
      .type = (raft_pb_ConfChangeType)change->type,
      .has_node_id = true,
      .node_id = change->node_id,
      .context = bytes_field(&context),
  };
  return pb_encode(stream, raft_pb_ConfChange_fields, &form);
}

typedef struct change_list {
  const raft_conf_change_single *changes;
  size_t count;
} change_list;

static bool write_changes(pb_ostream_t *stream, const pb_field_t *field, void *const *arg) {
  const change_list *list = *arg;
  for (size_t i = 0; i < list->count; i++) {
    raft_pb_ConfChangeSingle form = {
        .has_type = true,
        .type = (raft_pb_ConfChangeType)list->changes[i].type,
        .has_node_id = true,
        .node_id = list->changes[i].node_id,
    };
    if (!pb_encode_tag_for_field(stream, field) ||
        !pb_encode_submessage(stream, raft_pb_ConfChangeSingle_fields, &form)) {
      return false;
    }
  }
  return true;
}

static bool encode_conf_change_v2(pb_ostream_t *stream, const void *object) {
  const raft_conf_change_v2 *change = object;
  change_list changes = {change->changes, change->change_count};
  raft_bytes context = change->context;
  raft_pb_ConfChangeV2 form = {
      .has_transition = true,
      .transition = (raft_pb_ConfChangeTransition)change->transition,
      .changes = {.funcs.encode = write_changes, .arg = &changes},
      .context = bytes_field(&context),
  };
  return pb_encode(stream, raft_pb_ConfChangeV2_fields, &form);
}

/* --- into a buffer ------------------------------------------------------------------------- */

typedef bool (*encoder)(pb_ostream_t *stream, const void *object);

static size_t encoded_size(encoder encode, const void *object) {
  pb_ostream_t counting = PB_OSTREAM_SIZING;
  (void)encode(&counting, object);
  return counting.bytes_written;
}

static int encode_into(encoder encode, const void *object, void *buf, size_t size, size_t *len) {
  pb_ostream_t stream = pb_ostream_from_buffer(buf, size);
  if (!encode(&stream, object)) {
    *len = encoded_size(encode, object);
    return RAFT_ENOSPACE;
  }
  *len = stream.bytes_written;
  return RAFT_OK;
}

size_t raft_message_wire_size(const raft_message *message) {
  return encoded_size(encode_message, message);
}

int raft_message_encode(const raft_message *message, void *buf, size_t size, size_t *len) {
  return encode_into(encode_message, message, buf, size, len);
}

int raft_entry_encode(const raft_entry *entry, void *buf, size_t size, size_t *len) {
  return encode_into(encode_entry, entry, buf, size, len);
}

int raft_hard_state_encode(const raft_hard_state *state, void *buf, size_t size, size_t *len) {
  return encode_into(encode_hard_state, state, buf, size, len);
}

int raft_conf_state_encode(const raft_conf_state *state, void *buf, size_t size, size_t *len) {
  return encode_into(encode_conf_state, state, buf, size, len);
}

int raft_snapshot_encode(const raft_snapshot *snapshot, void *buf, size_t size, size_t *len) {
  return encode_into(encode_snapshot, snapshot, buf, size, len);
}

int raft_conf_change_encode(const raft_conf_change *change, void *buf, size_t size, size_t *len) {
  return encode_into(encode_conf_change, change, buf, size, len);
}

int raft_conf_change_v2_encode(const raft_conf_change_v2 *change, void *buf, size_t size,
                               size_t *len) {
  return encode_into(encode_conf_change_v2, change, buf, size, len);
}

/* --- piece by piece ------------------------------------------------------------------------ */

/* Gathers tags and numbers, which come byte by byte, and lets payloads pass. */
typedef struct sink {
  int (*write)(void *ctx, const void *data, size_t len);
  void *ctx;
  int rc;              /* the first non-zero answer of write */
  const void *payload; /* the next piece, if it begins here, is a payload */
  size_t gathered;
  unsigned char buffer[RAFT_WIRE_SMALL];
} sink;

static bool sink_pass(sink *to, const void *data, size_t len) {
  to->rc = to->write(to->ctx, data, len);
  return to->rc == 0;
}

static bool sink_flush(sink *to) {
  size_t gathered = to->gathered;
  to->gathered = 0;
  return gathered == 0 || sink_pass(to, to->buffer, gathered);
}

static bool sink_write(pb_ostream_t *stream, const pb_byte_t *data, size_t count) {
  sink *to = stream->state;
  if (data == to->payload || count > sizeof(to->buffer)) {
    to->payload = NULL;
    return sink_flush(to) && sink_pass(to, data, count);
  }
  if (count > sizeof(to->buffer) - to->gathered && !sink_flush(to)) {
    return false;
  }
  memcpy(to->buffer + to->gathered, data, count);
  to->gathered += count;
  return true;
}

static void sink_expect_payload(pb_ostream_t *stream, const void *data) {
  if (stream->callback == sink_write) {
    sink *to = stream->state;
    to->payload = data;
  }
}

int raft_message_encode_to(const raft_message *message,
                           int (*write)(void *ctx, const void *data, size_t len), void *ctx) {
  sink to = {.write = write, .ctx = ctx};
  pb_ostream_t stream = {.callback = sink_write, .state = &to, .max_size = SIZE_MAX};
  if (encode_message(&stream, message)) {
    (void)sink_flush(&to);
  }
  return to.rc;
}
