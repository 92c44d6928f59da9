/* queue.h - what will happen, ordered by virtual time.
 *
 * Events of the same time come out in the order in which they were put in, so a run is a function
 * of its seed.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SIM_QUEUE_H
#define SIM_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All but `at` and `order` is the user's. */
typedef struct sim_event {
  uint64_t at;    /* virtual time */
  uint64_t order; /* filled in by sim_queue_push */
  uint32_t kind;
  uint32_t target;
  uint64_t number;
  void *data;
} sim_event;

typedef struct sim_queue {
  sim_event *heap;
  size_t count;
  size_t capacity;
  uint64_t pushed;
} sim_queue;

/* All zero is an empty queue. */
void sim_queue_push(sim_queue *queue, sim_event event);
/* False: it is empty. */
bool sim_queue_pop(sim_queue *queue, sim_event *event);
/* Forgets the events; what their `data` points to is the user's affair. */
void sim_queue_close(sim_queue *queue);

#endif
