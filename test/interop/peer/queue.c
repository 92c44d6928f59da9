/* queue.c - messages that wait for a storage thread, or come from one.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>
#include <string.h>

#include "peer.h"

void queue_push(struct queue *queue, const raft_message *message, const raft_message *holder) {
  if (queue->count == queue->capacity) {
    queue->capacity = 2 * queue->capacity + 4;
    queue->items = pipe_allocate(queue->items, queue->capacity * sizeof *queue->items);
  }
  struct waiting *waiting = &queue->items[queue->count++];
  *waiting = (struct waiting){.message = *message};
  raft_message_retain(message);
  if (holder != NULL) {
    waiting->holder = *holder;
    raft_message_retain(holder);
  }
}

struct waiting queue_pop(struct queue *queue) {
  struct waiting first = queue->items[0];
  memmove(queue->items, queue->items + 1, --queue->count * sizeof *queue->items);
  return first;
}

void waiting_release(const struct waiting *waiting) {
  raft_message_release(&waiting->message);
  raft_message_release(&waiting->holder);
}

void queue_clear(struct queue *queue) {
  for (size_t i = 0; i < queue->count; i++) {
    waiting_release(&queue->items[i]);
  }
  free(queue->items);
  *queue = (struct queue){0};
}
