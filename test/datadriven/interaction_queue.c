/* interaction_queue.c - messages that wait in order: in flight, or for a storage thread.
 *
 * Invariant: every item holds one reference to its message and one to its holder.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "interaction_queue.h"

#include <stdlib.h>
#include <string.h>

#include "text.h"

/* Appends an item together with the references that it holds. */
static void append(struct interaction_queue *queue, struct interaction_item item) {
  if (queue->count == queue->capacity) {
    queue->capacity = queue->capacity == 0 ? 16 : 2 * queue->capacity;
    queue->items = must_reallocate(queue->items, queue->capacity * sizeof *queue->items);
  }
  queue->items[queue->count++] = item;
}

void interaction_queue_push(struct interaction_queue *queue, const raft_message *message,
                            const raft_message *holder) {
  struct interaction_item item = {.message = *message};
  raft_message_retain(message);
  if (holder != NULL) {
    item.holder = *holder;
    raft_message_retain(holder);
  }
  append(queue, item);
}

struct interaction_item interaction_queue_pop(struct interaction_queue *queue) {
  struct interaction_item first = queue->items[0];
  queue->count--;
  memmove(queue->items, queue->items + 1, queue->count * sizeof first);
  return first;
}

void interaction_queue_move(struct interaction_queue *from, struct interaction_queue *to,
                            interaction_match *matches, const void *ctx) {
  size_t kept = 0;
  for (size_t i = 0; i < from->count; i++) {
    struct interaction_item item = from->items[i];
    if (matches(&item.message, ctx)) {
      append(to, item);
    } else {
      from->items[kept++] = item;
    }
  }
  from->count = kept;
}

bool interaction_queue_any(const struct interaction_queue *queue, interaction_match *matches,
                           const void *ctx) {
  for (size_t i = 0; i < queue->count; i++) {
    if (matches(&queue->items[i].message, ctx)) {
      return true;
    }
  }
  return false;
}

void interaction_item_release(const struct interaction_item *item) {
  raft_message_release(&item->message);
  raft_message_release(&item->holder);
}

void interaction_queue_clear(struct interaction_queue *queue) {
  for (size_t i = 0; i < queue->count; i++) {
    interaction_item_release(&queue->items[i]);
  }
  free(queue->items);
  *queue = (struct interaction_queue){0};
}
