/* message.c - messages and snapshots made to outlive the call that brought them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <libraft/error.h>
#include <string.h>

#include "body.h"
#include "outbox.h"

/* Bytes that the copy keeps: a reference of the owner, or a copy behind *at. */
static raft_bytes own_bytes(raft_bytes bytes, unsigned char **at) {
  if (bytes.owner != NULL) {
    raft_buf_retain(bytes.owner);
  } else if (bytes.len > 0) {
    memcpy(*at, bytes.data, bytes.len);
    bytes.data = *at;
    *at += bytes.len;
  } else if (bytes.data != NULL) {
    bytes.data = "";
  }
  return bytes;
}

static size_t unowned(raft_bytes bytes) {
  return bytes.owner == NULL ? bytes.len : 0;
}

/* SIZE_MAX, which no body has room for, when there is no sum: borrowed payloads may overlap. */
static size_t sum_of(size_t a, size_t b) {
  return a > SIZE_MAX - b ? SIZE_MAX : a + b;
}

static raft_ids own_ids(raft_ids ids, uint64_t **at) {
  raft_ids own = {*at, ids.count};
  if (ids.count > 0) { /* else there may be no memory behind *at either */
    memcpy(*at, ids.ids, ids.count * sizeof *ids.ids);
    *at += ids.count;
  }
  return own;
}

static size_t conf_state_ids(const raft_conf_state *state) {
  return state->voters.count + state->learners.count + state->voters_outgoing.count +
         state->learners_next.count;
}

static void fill_snapshot(raft_body *body, const raft_snapshot *snapshot, unsigned char **bytes) {
  raft_snapshot *own = body->snapshot;
  uint64_t *ids = body->ids;
  *own = *snapshot;
  own->data = own_bytes(snapshot->data, bytes);
  own->conf_state.voters = own_ids(snapshot->conf_state.voters, &ids);
  own->conf_state.learners = own_ids(snapshot->conf_state.learners, &ids);
  own->conf_state.voters_outgoing = own_ids(snapshot->conf_state.voters_outgoing, &ids);
  own->conf_state.learners_next = own_ids(snapshot->conf_state.learners_next, &ids);
}

raft_body *raft_snapshot_body(const raft_allocator *allocator, const raft_snapshot *snapshot) {
  raft_body_shape shape = {.ids = conf_state_ids(&snapshot->conf_state),
                           .bytes = unowned(snapshot->data),
                           .snapshot = true};
  raft_body *body = raft_body_create(allocator, &shape);
  if (body != NULL) {
    unsigned char *bytes = body->bytes;
    fill_snapshot(body, snapshot, &bytes);
  }
  return body;
}

static raft_body_shape shape_of(const raft_message *message) {
  raft_body_shape shape = {.entries = message->entry_count,
                           .bytes = unowned(message->context),
                           .snapshot = message->snapshot != NULL};
  for (size_t i = 0; i < message->entry_count; i++) {
    shape.bytes = sum_of(shape.bytes, unowned(message->entries[i].data));
  }
  if (message->snapshot != NULL) {
    shape.ids = conf_state_ids(&message->snapshot->conf_state);
    shape.bytes = sum_of(shape.bytes, unowned(message->snapshot->data));
  }
  return shape;
}

static bool points_nowhere(const raft_message *message) {
  return message->entry_count == 0 && message->snapshot == NULL && message->context.len == 0;
}

int raft_message_own(const raft_allocator *allocator, const raft_message *message,
                     raft_message *own) {
  *own = *message;
  own->responses = NULL; /* only storage messages have them, and those are never passed on */
  own->response_count = 0;
  if (message->body != NULL || points_nowhere(message)) {
    raft_message_retain(own);
    return RAFT_OK;
  }
  raft_body_shape shape = shape_of(message);
  raft_body *body = raft_body_create(allocator, &shape);
  if (body == NULL) {
    return RAFT_ENOMEM;
  }
  unsigned char *bytes = body->bytes;
  for (size_t i = 0; i < message->entry_count; i++) {
    body->entries[i] = message->entries[i];
    body->entries[i].data = own_bytes(message->entries[i].data, &bytes);
  }
  own->context = own_bytes(message->context, &bytes);
  body->context_owner = own->context.owner;
  if (message->snapshot != NULL) {
    fill_snapshot(body, message->snapshot, &bytes);
  }
  own->entries = body->entries;
  own->snapshot = body->snapshot;
  own->body = body;
  return RAFT_OK;
}
