/* body.c - one allocation that holds all the parts of a message, and its reference count.
 *
 * Layout: the struct, then snapshot, entries, responses, ids and bytes, each aligned. Bodies
 * can refer to bodies (responses, shared); releasing a chain of them works off a list, so the
 * depth of the chain costs no stack.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "body.h"

#include <string.h>

#include "allocate.h"
#include "buf.h"

/* Adds room for count elements to *total and says where it begins; false: overflow. */
static bool reserve(size_t *total, size_t count, size_t size, size_t *offset) {
  const size_t alignment = _Alignof(max_align_t);
  if (*total > SIZE_MAX - alignment) {
    return false;
  }
  *offset = (*total + alignment - 1) / alignment * alignment;
  if (count > (SIZE_MAX - *offset) / size) {
    return false;
  }
  *total = *offset + count * size;
  return true;
}

typedef struct layout {
  size_t snapshot;
  size_t entries;
  size_t responses;
  size_t ids;
  size_t bytes;
  size_t total;
} layout;

static bool plan(const raft_body_shape *shape, layout *to) {
  to->total = sizeof(raft_body);
  return reserve(&to->total, shape->snapshot ? 1 : 0, sizeof(raft_snapshot), &to->snapshot) &&
         reserve(&to->total, shape->entries, sizeof(raft_entry), &to->entries) &&
         reserve(&to->total, shape->responses, sizeof(raft_message), &to->responses) &&
         reserve(&to->total, shape->ids, sizeof(uint64_t), &to->ids) &&
         reserve(&to->total, shape->bytes, 1, &to->bytes);
}

/* Where a part of `count` elements is; NULL for a part that nobody wants. */
static void *part(void *base, size_t offset, size_t count) {
  return count == 0 ? NULL : (unsigned char *)base + offset;
}

raft_body *raft_body_create(const raft_allocator *allocator, const raft_body_shape *shape) {
  layout at;
  if (!plan(shape, &at)) {
    return NULL;
  }
  raft_body *body = raft_allocate(allocator, at.total);
  if (body == NULL) {
    return NULL;
  }
  memset(body, 0, at.bytes);
  atomic_init(&body->references, 1);
  body->allocator = allocator;
  body->snapshot = part(body, at.snapshot, shape->snapshot ? 1 : 0);
  body->entries = part(body, at.entries, shape->entries);
  body->entry_count = shape->entries;
  body->responses = part(body, at.responses, shape->responses);
  body->response_count = shape->responses;
  body->ids = part(body, at.ids, shape->ids);
  body->bytes = part(body, at.bytes, shape->bytes);
  return body;
}

static raft_body *take_spare(raft_body **spare, size_t count) {
  raft_body *body = *spare;
  if (body == NULL || body->entry_room < count) {
    return NULL;
  }
  *spare = NULL;
  return body;
}

raft_body *raft_body_of_entries(const raft_allocator *allocator, size_t count, raft_body **spare) {
  raft_body *body = take_spare(spare, count);
  if (body == NULL) {
    layout at = {.total = sizeof *body};
    if (!reserve(&at.total, count, sizeof(raft_entry), &at.entries)) {
      return NULL;
    }
    body = raft_allocate(allocator, at.total);
    if (body == NULL) {
      return NULL;
    }
    memset(body, 0, sizeof *body);
    body->allocator = allocator;
    body->entries = part(body, at.entries, count);
    body->entry_room = count;
  }
  atomic_init(&body->references, 1);
  body->entry_count = count;
  return body;
}

void raft_body_share(raft_body *body, size_t count) {
  atomic_store_explicit(&body->references, count, memory_order_relaxed);
}

raft_body *raft_body_retain(raft_body *body) {
  if (body != NULL) {
    atomic_fetch_add_explicit(&body->references, 1, memory_order_relaxed);
  }
  return body;
}

/* Takes one reference off; true: it was the last. The only holder needs no read-modify-write. */
static bool is_last(raft_body *body) {
  return atomic_load_explicit(&body->references, memory_order_acquire) == 1 ||
         atomic_fetch_sub_explicit(&body->references, 1, memory_order_acq_rel) == 1;
}

/* A body whose last reference it was joins the list of the dead. */
static void drop(raft_body *body, raft_body **dead) {
  if (body != NULL && is_last(body)) {
    body->next_dead = *dead;
    *dead = body;
  }
}

static void release_payloads(const raft_body *body) {
  raft_entries_release(body->entries, body->entry_count);
  if (body->snapshot != NULL) {
    raft_buf_release(body->snapshot->data.owner);
  }
  raft_buf_release(body->context_owner);
}

static void bury(raft_body *dead) {
  while (dead != NULL) {
    raft_body *last = dead;
    dead = last->next_dead;
    release_payloads(last);
    for (size_t i = 0; i < last->response_count; i++) {
      drop(last->responses[i].body, &dead);
    }
    drop(last->shared, &dead);
    raft_deallocate(last->allocator, last);
  }
}

void raft_body_release(raft_body *body) {
  raft_body *dead = NULL;
  drop(body, &dead);
  bury(dead);
}

void raft_body_reclaim(raft_body *body, raft_body **spare) {
  if (body == NULL || !is_last(body)) {
    return;
  }
  if (body->entry_room > 0 && *spare == NULL) {
    raft_entries_release(body->entries, body->entry_count);
    *spare = body;
    body->entry_count = 0;
    return;
  }
  body->next_dead = NULL;
  bury(body);
}

void raft_message_retain(const raft_message *message) {
  (void)raft_body_retain(message->body);
}

void raft_message_release(const raft_message *message) {
  raft_body_release(message->body);
}
