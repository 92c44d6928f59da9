/* outbox.c - messages waiting to be handed out.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "outbox.h"

#include <libraft/error.h>
#include <string.h>

#include "allocate.h"
#include "body.h"

int raft_outbox_grow(raft_outbox *box, size_t more, const raft_allocator *allocator) {
  if (more > UINT32_MAX / 2 || (uint64_t)box->count + more > UINT32_MAX / 2) {
    return RAFT_ENOMEM;
  }
  size_t need = box->count + more;
  /* Grown to what is needed, no more at first: in an idle group this array is a good part of all.
   */
  size_t grown = need > 2 * (size_t)box->capacity ? need : 2 * (size_t)box->capacity;
  if (grown > SIZE_MAX / sizeof *box->items) {
    return RAFT_ENOMEM;
  }
  void *items = allocator->realloc(allocator->ctx, box->items, grown * sizeof *box->items);
  if (items == NULL) {
    return RAFT_ENOMEM;
  }
  box->items = items;
  box->capacity = (uint32_t)grown;
  return RAFT_OK;
}

void raft_outbox_push(raft_outbox *box, const raft_message *message) {
  box->items[box->count++] = *message;
}

void raft_outbox_drop(raft_outbox *box, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    raft_message_release(&box->items[i]);
  }
  box->count -= count;
  if (box->count > 0) {
    memmove(box->items, box->items + count, box->count * sizeof *box->items);
  }
}

void raft_outbox_reclaim(raft_outbox *box, raft_body **spare) {
  for (uint32_t i = 0; i < box->count; i++) {
    raft_body_reclaim(box->items[i].body, spare);
  }
  box->count = 0;
}

void raft_outbox_clear(raft_outbox *box) {
  raft_outbox_drop(box, box->count);
}

void raft_outbox_close(raft_outbox *box, const raft_allocator *allocator) {
  raft_outbox_clear(box);
  raft_deallocate(allocator, box->items);
  memset(box, 0, sizeof *box);
}

void raft_outbox_shrink(raft_outbox *box, uint32_t usual, const raft_allocator *allocator) {
  if (box->count == 0 && box->capacity > usual) {
    raft_outbox_close(box, allocator);
  }
}

void raft_outbox_recycle(raft_outbox *box, raft_outbox *spare) {
  raft_outbox_clear(spare);
  if (box->items == NULL) {
    *box = *spare;
    memset(spare, 0, sizeof *spare);
  }
}
