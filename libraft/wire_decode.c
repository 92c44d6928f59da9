/* wire_decode.c - from raftpb bytes to messages.
 *
 * The input is read twice. First everything is counted within the limits; then one allocation is
 * made that holds all of the message, and the input is read again into it. If the input has no
 * owner it is copied into that allocation first, and payloads point into the copy.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "allocate.h"
#include "body.h"
#include "vote_traffic.h"
#include "wire_pb.h"

/* One reading of a message. */
typedef struct reader {
  raft_slice input;
  raft_buf *owner;
  raft_entry *entries; /* NULL: only count */
  size_t entry_count;
  size_t max_entries;
  bool over_limit;
  raft_wire_field snapshot;
  raft_wire_field context;
} reader;

static bool take_entry(pb_istream_t *stream, const pb_field_t *field, void **arg) {
  (void)field;
  reader *to = *arg;
  if (!raft_wire_is_within(to->input, stream)) {
    return false;
  }
  if (to->entry_count == to->max_entries) {
    to->over_limit = true;
    return false;
  }
  if (to->entries == NULL) {
    to->entry_count++;
    return pb_read(stream, NULL, stream->bytes_left);
  }
  raft_entry *entry = &to->entries[to->entry_count];
  if (!raft_wire_read_entry(stream, to->input, entry)) {
    return false;
  }
  if (entry->data.data != NULL) {
    entry->data.owner = raft_buf_retain(to->owner);
  }
  to->entry_count++;
  return true;
}

static void set_numbers(const raft_pb_Message *form, raft_message *message) {
  *message = (raft_message){
      .type = (raft_message_type)form->type,
      .reject = form->reject,
      .to = form->to,
      .from = form->from,
      .term = form->term,
      .log_term = form->logTerm,
      .index = form->index,
      .commit = form->commit,
      .reject_hint = form->rejectHint,
      .priority = form->priority,
      .request_snapshot = form->requestSnapshot,
  };
  if (raft_is_vote_traffic(message->type)) {
    message->commit_term = form->commitTerm;
  }
}

/* Reads all but what is inside the snapshot. */
static int read_message(reader *from, raft_message *message) {
  from->entry_count = 0;
  from->snapshot = raft_wire_field_of(from->input);
  from->context = raft_wire_field_of(from->input);
  raft_pb_Message form = {
      .entries = {.funcs.decode = take_entry, .arg = from},
      .snapshot = raft_wire_take(&from->snapshot),
      .context = raft_wire_take(&from->context),
  };
  if (!raft_wire_decode(from->input, raft_pb_Message_fields, &form)) {
    return from->over_limit ? RAFT_ELIMIT : RAFT_EDECODE;
  }
  /* The storage threads of a node do not speak over a network: whoever pretends to be one would be
   * believed. */
  if ((unsigned)form.type >= RAFT_MSG_TYPE_COUNT || form.from == RAFT_APPEND_THREAD ||
      form.from == RAFT_APPLY_THREAD) {
    return RAFT_EDECODE;
  }
  set_numbers(&form, message);
  return RAFT_OK;
}

/* What a message of which only the counts are known needs. */
static int measure(const reader *counted, const raft_wire_limits *limits, raft_body_shape *shape) {
  *shape = (raft_body_shape){
      .entries = counted->entry_count,
      .snapshot = counted->snapshot.found.data != NULL,
  };
  bool has_payloads = shape->entries > 0 || shape->snapshot || counted->context.found.data != NULL;
  if (has_payloads && counted->owner == NULL) {
    shape->bytes = counted->input.len;
  }
  if (!shape->snapshot) {
    return RAFT_OK;
  }
  raft_wire_snapshot opened;
  int rc = raft_wire_open_snapshot(counted->snapshot.found, &opened);
  return rc != RAFT_OK ? rc : raft_wire_count_ids(opened.conf_state, limits->max_ids, &shape->ids);
}

static int fill_snapshot(const reader *from, raft_body *body) {
  raft_wire_snapshot opened;
  int rc = raft_wire_open_snapshot(from->snapshot.found, &opened);
  if (rc != RAFT_OK) {
    return rc;
  }
  raft_snapshot *snapshot = body->snapshot;
  snapshot->index = opened.index;
  snapshot->term = opened.term;
  snapshot->data = (raft_bytes){opened.data.data, opened.data.len, NULL};
  if (opened.data.data != NULL) {
    snapshot->data.owner = raft_buf_retain(from->owner);
  }
  return raft_wire_read_conf_state(opened.conf_state, body->ids, &snapshot->conf_state);
}

/* Reads again, now into the body. On error the body is only good to be released. */
static int fill(reader *from, raft_body *body, raft_message *message) {
  if (body->bytes != NULL) {
    memcpy(body->bytes, from->input.data, from->input.len);
    from->input.data = body->bytes;
  }
  from->entries = body->entries;
  from->max_entries = body->entry_count;
  int rc = read_message(from, message);
  if (rc == RAFT_OK && body->snapshot != NULL) {
    rc = fill_snapshot(from, body);
  }
  if (rc != RAFT_OK) {
    return rc;
  }
  raft_slice context = from->context.found;
  if (context.data != NULL) {
    body->context_owner = raft_buf_retain(from->owner);
    message->context = (raft_bytes){context.data, context.len, from->owner};
  }
  message->entries = body->entries;
  message->entry_count = body->entry_count;
  message->snapshot = body->snapshot;
  message->body = body;
  return RAFT_OK;
}

/* A message that points to nothing needs no body: heartbeats and answers allocate nothing. */
static bool is_plain(const reader *counted) {
  return counted->entry_count == 0 && counted->snapshot.found.data == NULL &&
         counted->context.found.data == NULL;
}

static int decode(reader *from, const raft_wire_limits *limits, const raft_allocator *allocator,
                  raft_message *message) {
  raft_body_shape shape;
  int rc = read_message(from, message);
  if (rc != RAFT_OK || is_plain(from)) {
    return rc;
  }
  rc = measure(from, limits, &shape);
  if (rc != RAFT_OK) {
    return rc;
  }
  raft_body *body = raft_body_create(allocator, &shape);
  if (body == NULL) {
    return RAFT_ENOMEM;
  }
  rc = fill(from, body, message);
  if (rc != RAFT_OK) {
    raft_body_release(body);
  }
  return rc;
}

int raft_message_decode(raft_bytes input, const raft_wire_limits *limits,
                        const raft_allocator *allocator, raft_message *message) {
  raft_wire_limits bounds = raft_wire_limits_or_default(limits);
  raft_message decoded;
  allocator = raft_allocator_or_default(allocator);
  if (allocator == NULL) {
    return RAFT_EINVAL;
  }
  if (input.len > bounds.max_bytes) {
    return RAFT_ELIMIT;
  }
  reader from = {
      .input = {input.data, input.len},
      .owner = input.owner,
      .max_entries = bounds.max_entries,
  };
  int rc = decode(&from, &bounds, allocator, &decoded);
  if (rc == RAFT_OK) {
    *message = decoded;
  }
  return rc;
}
