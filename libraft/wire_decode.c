/* wire_decode.c - from raftpb bytes to messages.
 *
 * The input is read twice. First the numbers are taken and the rest is counted within the limits;
 * then one allocation is made that holds all of the message, and the entries and the snapshot are
 * read into it. If the input has no owner it is copied into that allocation first, and payloads
 * point into the copy.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "allocate.h"
#include "body.h"
#include "vote_traffic.h"
#include "wire_get.h"
#include "wire_pb.h"

/* What is known of a message before there is memory for it. */
typedef struct outline {
  raft_slice input;
  raft_buf *owner;
  size_t entry_count;
  size_t max_entries;
  raft_slice snapshot; /* data NULL: none */
  raft_slice context;
  uint64_t type;
  uint64_t commit_term;
} outline;

static int count_entry(const raft_wire_item *item, outline *of) {
  if (item->type != RAFT_WIRE_BYTES) {
    return RAFT_EDECODE;
  }
  if (of->entry_count == of->max_entries) {
    return RAFT_ELIMIT;
  }
  of->entry_count++;
  return RAFT_OK;
}

static int number(const raft_wire_item *item, uint64_t *to) {
  return raft_wire_get_number(item, to) ? RAFT_OK : RAFT_EDECODE;
}

static int flag(const raft_wire_item *item, bool *to) {
  *to = item->number != 0;
  return item->type == RAFT_WIRE_VARINT ? RAFT_OK : RAFT_EDECODE;
}

static int bytes(const raft_wire_item *item, raft_slice *to) {
  return raft_wire_get_bytes(item, to) ? RAFT_OK : RAFT_EDECODE;
}

static int priority(const raft_wire_item *item, int64_t *to) {
  *to = (int64_t)item->number;
  return item->type == RAFT_WIRE_VARINT ? RAFT_OK : RAFT_EDECODE;
}

/* Given twice, the last one counts. What is not known is skipped. */
static int take_field(const raft_wire_item *item, outline *of, raft_message *message) {
  switch (item->field) {
  case raft_pb_Message_type_tag: return number(item, &of->type);
  case raft_pb_Message_to_tag: return number(item, &message->to);
  case raft_pb_Message_from_tag: return number(item, &message->from);
  case raft_pb_Message_term_tag: return number(item, &message->term);
  case raft_pb_Message_logTerm_tag: return number(item, &message->log_term);
  case raft_pb_Message_index_tag: return number(item, &message->index);
  case raft_pb_Message_entries_tag: return count_entry(item, of);
  case raft_pb_Message_commit_tag: return number(item, &message->commit);
  case raft_pb_Message_snapshot_tag: return bytes(item, &of->snapshot);
  case raft_pb_Message_reject_tag: return flag(item, &message->reject);
  case raft_pb_Message_rejectHint_tag: return number(item, &message->reject_hint);
  case raft_pb_Message_context_tag: return bytes(item, &of->context);
  case raft_pb_Message_commitTerm_tag: return number(item, &of->commit_term);
  case raft_pb_Message_priority_tag: return priority(item, &message->priority);
  case raft_pb_Message_requestSnapshot_tag: return flag(item, &message->request_snapshot);
  default: return RAFT_OK;
  }
}

/* Reads all but what is inside of entries and of the snapshot. */
static int read_outline(outline *of, raft_message *message) {
  raft_wire_reader from = {.input = of->input};
  raft_wire_item item;
  int rc = RAFT_OK;
  *message = (raft_message){.type = RAFT_MSG_HUP};
  while (rc == RAFT_OK && raft_wire_next(&from, &item)) {
    rc = take_field(&item, of, message);
  }
  if (rc != RAFT_OK) {
    return rc;
  }
  /* The storage threads of a node do not speak over a network: whoever pretends to be one would be
   * believed. */
  if (from.malformed || of->type >= RAFT_MSG_TYPE_COUNT || message->from == RAFT_APPEND_THREAD ||
      message->from == RAFT_APPLY_THREAD) {
    return RAFT_EDECODE;
  }
  message->type = (raft_message_type)of->type;
  if (raft_is_vote_traffic(message->type)) {
    message->commit_term = of->commit_term;
  }
  return RAFT_OK;
}

/* What a message of which only the counts are known needs. */
static int measure(const outline *of, const raft_wire_limits *limits, raft_body_shape *shape) {
  *shape = (raft_body_shape){
      .entries = of->entry_count,
      .snapshot = of->snapshot.data != NULL,
  };
  bool has_payloads = shape->entries > 0 || shape->snapshot || of->context.data != NULL;
  if (has_payloads && of->owner == NULL) {
    shape->bytes = of->input.len;
  }
  if (!shape->snapshot) {
    return RAFT_OK;
  }
  raft_wire_snapshot opened;
  int rc = raft_wire_open_snapshot(of->snapshot, &opened);
  return rc != RAFT_OK ? rc : raft_wire_count_ids(opened.conf_state, limits->max_ids, &shape->ids);
}

static int fill_snapshot(const outline *of, raft_body *body) {
  raft_wire_snapshot opened;
  int rc = raft_wire_open_snapshot(of->snapshot, &opened);
  if (rc != RAFT_OK) {
    return rc;
  }
  raft_snapshot *snapshot = body->snapshot;
  snapshot->index = opened.index;
  snapshot->term = opened.term;
  snapshot->data = (raft_bytes){opened.data.data, opened.data.len, NULL};
  if (opened.data.data != NULL) {
    snapshot->data.owner = raft_buf_retain(of->owner);
  }
  return raft_wire_read_conf_state(opened.conf_state, body->ids, &snapshot->conf_state);
}

/* The payloads lie in the body from now on. */
static void move_input(outline *of, unsigned char *to) {
  const unsigned char *begin = of->input.data;
  raft_slice *const parts[] = {&of->snapshot, &of->context};
  memcpy(to, begin, of->input.len);
  for (size_t i = 0; i < 2; i++) {
    if (parts[i]->data != NULL) {
      parts[i]->data = to + ((const unsigned char *)parts[i]->data - begin);
    }
  }
  of->input.data = to;
}

static int fill_entries(const outline *of, raft_body *body) {
  raft_wire_reader from = {.input = of->input};
  raft_wire_item item;
  for (size_t i = 0; i < body->entry_count && raft_wire_next(&from, &item);) {
    if (item.field == raft_pb_Message_entries_tag) {
      raft_entry *entry = &body->entries[i++];
      if (!raft_wire_read_entry(item.bytes, entry)) {
        return RAFT_EDECODE;
      }
      entry->data.owner = entry->data.data == NULL ? NULL : raft_buf_retain(of->owner);
    }
  }
  return RAFT_OK;
}

/* On error the body is only good to be released. */
static int fill(outline *of, raft_body *body, raft_message *message) {
  if (body->bytes != NULL) {
    move_input(of, body->bytes);
  }
  int rc = fill_entries(of, body);
  if (rc == RAFT_OK && body->snapshot != NULL) {
    rc = fill_snapshot(of, body);
  }
  if (rc != RAFT_OK) {
    return rc;
  }
  if (of->context.data != NULL) {
    body->context_owner = raft_buf_retain(of->owner);
    message->context = (raft_bytes){of->context.data, of->context.len, of->owner};
  }
  message->entries = body->entries;
  message->entry_count = body->entry_count;
  message->snapshot = body->snapshot;
  message->body = body;
  return RAFT_OK;
}

/* A message that points to nothing needs no body: heartbeats and answers allocate nothing. */
static bool is_plain(const outline *of) {
  return of->entry_count == 0 && of->snapshot.data == NULL && of->context.data == NULL;
}

static int decode(outline *of, const raft_wire_limits *limits, const raft_allocator *allocator,
                  raft_message *message) {
  raft_body_shape shape;
  int rc = read_outline(of, message);
  if (rc != RAFT_OK || is_plain(of)) {
    return rc;
  }
  rc = measure(of, limits, &shape);
  if (rc != RAFT_OK) {
    return rc;
  }
  raft_body *body = raft_body_create(allocator, &shape);
  if (body == NULL) {
    return RAFT_ENOMEM;
  }
  rc = fill(of, body, message);
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
  outline of = {
      .input = {input.data, input.len},
      .owner = input.owner,
      .max_entries = bounds.max_entries,
  };
  int rc = decode(&of, &bounds, allocator, &decoded);
  if (rc == RAFT_OK) {
    *message = decoded;
  }
  return rc;
}
