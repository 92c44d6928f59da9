/* queue.c - a binary heap by time, then by age.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "queue.h"

#include "memory.h"

static bool is_before(const sim_event *a, const sim_event *b) {
  return a->at < b->at || (a->at == b->at && a->order < b->order);
}

void sim_queue_push(sim_queue *queue, sim_event event) {
  if (queue->count == queue->capacity) {
    queue->capacity = queue->capacity == 0 ? 64 : queue->capacity * 2;
    queue->heap = sim_resize(queue->heap, queue->capacity, sizeof *queue->heap);
  }
  event.order = queue->pushed++;
  size_t at = queue->count++;
  while (at > 0 && is_before(&event, &queue->heap[(at - 1) / 2])) {
    queue->heap[at] = queue->heap[(at - 1) / 2];
    at = (at - 1) / 2;
  }
  queue->heap[at] = event;
}

/* The hole at the top sinks to where `event` fits. */
static void sink(sim_queue *queue, const sim_event *event) {
  size_t at = 0;
  for (;;) {
    size_t child = 2 * at + 1;
    if (child >= queue->count) {
      break;
    }
    if (child + 1 < queue->count && is_before(&queue->heap[child + 1], &queue->heap[child])) {
      child++;
    }
    if (!is_before(&queue->heap[child], event)) {
      break;
    }
    queue->heap[at] = queue->heap[child];
    at = child;
  }
  queue->heap[at] = *event;
}

bool sim_queue_pop(sim_queue *queue, sim_event *event) {
  if (queue->count == 0) {
    return false;
  }
  *event = queue->heap[0];
  sim_event last = queue->heap[--queue->count];
  if (queue->count > 0) {
    sink(queue, &last);
  }
  return true;
}

void sim_queue_close(sim_queue *queue) {
  free(queue->heap);
  queue->heap = NULL;
  queue->count = queue->capacity = 0;
}
