/* outbox.c - messages waiting to be handed out.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "outbox.h"

#include <libraft/error.h>
#include <string.h>

#include "allocate.h"
#include "body.h"

int raft_outbox_reserve(raft_outbox *box, size_t more, const raft_allocator *allocator) {
  size_t need = box->count + more;
  if (need <= box->capacity) {
    return RAFT_OK;
  }
  void *items = box->items;
  size_t capacity = box->capacity;
  if (need > UINT32_MAX / 2 || !raft_grow(allocator, &items, &capacity, need, sizeof *box->items)) {
    return RAFT_ENOMEM;
  }
  box->items = items;
  box->capacity = (uint32_t)capacity;
  return RAFT_OK;
}

void raft_outbox_push(raft_outbox *box, const raft_message *message) {
  box->items[box->count++] = *message;
}

void raft_outbox_clear(raft_outbox *box) {
  for (uint32_t i = 0; i < box->count; i++) {
    raft_message_release(&box->items[i]);
  }
  box->count = 0;
}

void raft_outbox_close(raft_outbox *box, const raft_allocator *allocator) {
  raft_outbox_clear(box);
  raft_deallocate(allocator, box->items);
  memset(box, 0, sizeof *box);
}

void raft_outbox_recycle(raft_outbox *box, raft_outbox *spare, const raft_allocator *allocator) {
  raft_outbox_clear(spare);
  if (box->items == NULL) {
    *box = *spare;
  } else {
    raft_deallocate(allocator, spare->items);
  }
  memset(spare, 0, sizeof *spare);
}
