/* scheduler_world.h - a store_world with a real scheduler core beside its stores.
 *
 * Requests and answers take no time, and are lost while the scheduler is down.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TEST_SCHEDULER_WORLD_H
#define TEST_SCHEDULER_WORLD_H

#include "raftstore/peer.h"
#include "scheduler/scheduler.h"
#include "store_world.h"

typedef struct scheduler_question {
  uint64_t store_id;
  raft_buf *bytes;
} scheduler_question;

typedef struct scheduler_world {
  world w;
  kv_scheduler_options options;
  memory_engine engine;
  kv_scheduler *scheduler; /* NULL: down */
  uint64_t next_tick;
  scheduler_question *asked;
  size_t asked_count;
} scheduler_world;

/* A scheduler and `stores` stores, 1 ..., which have joined and are not started. The first of them
 * has the first region, with one peer. options may be changed before: scheduler_world_init. */
void scheduler_world_init(scheduler_world *s);
void scheduler_world_open(scheduler_world *s, uint64_t seed, size_t stores);
void scheduler_world_close(scheduler_world *s);

void scheduler_world_start(scheduler_world *s); /* of the scheduler, on what it has kept */
void scheduler_world_stop(scheduler_world *s);
/* As a tool asks. The response is to be cleared. */
void scheduler_world_ask(scheduler_world *s, const kv_scheduler_request *request,
                         kv_scheduler_response *response);

/* Runs until every region that the scheduler knows has so many voters, none of them pending, and no
 * learner; fails the test after five minutes of the clock. */
void scheduler_world_wait_replicas(scheduler_world *s, size_t voters);
/* Runs until nothing of the kind is left on the store. */
void scheduler_world_wait_empty(scheduler_world *s, uint64_t store_id);

#endif
