/* store_world.h - a cluster of raftstore cores in one thread: simulated devices, network and clock.
 *
 * Everything is a function of the seed and of the calls. Time passes only in world_run, which is
 * fair (everything that can happen does, soon), and in world_random_step, which is not: it makes
 * one thing happen somewhere, so that devices of one store may stand still for long while others
 * run. Both check that equal applied indexes mean equal data.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TEST_STORE_WORLD_H
#define TEST_STORE_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "fault_engine.h"
#include "memory_engine.h"
#include "raftstore/store.h"
#include "world_log.h"
#include "world_snapshot.h"

enum { WORLD_STORES = 6, WORLD_TICK_MS = 100 };

typedef enum world_job_kind { WORLD_MAKE, WORLD_SEND, WORLD_INSTALL } world_job_kind;

typedef struct world_job {
  world_job_kind kind;
  uint64_t region_id;
  uint64_t to_store;
  uint64_t to_peer;
  raft_buf *envelope;
  char name[96];
} world_job;

struct world;

typedef struct world_store {
  struct world *world;
  uint64_t id;
  char address[32];
  bool joins;      /* started without members */
  kv_store *store; /* NULL: down */
  uint64_t next_tick;
  memory_engine engine; /* what is durable */
  fault_engine below;   /* it, for the overlay */
  kv_engine *overlay;   /* world.overlay: lost in a crash; else NULL */
  uint64_t next_flush;
  world_log log;
  kv_apply_task *tasks, *last_task;
  kv_read_task *reads, *last_read;
  size_t task_count, task_limit; /* limit 0: none */
  bool engine_stalls;            /* tasks are taken, and not run */
  world_job *jobs;
  size_t job_count;
  int fail_jobs; /* so many of the next makes and sends fail */
  world_file *files;
  size_t file_count;
  unsigned file_serial;
} world_store;

typedef struct world_frame {
  uint64_t from, to;
  kv_frame_type type;
  raft_buf *bytes;
} world_frame;

/* Answer of a command. Must stay where it is until it is answered. */
typedef struct world_call {
  int answers; /* how often it was given */
  char reply[512];
  size_t len;
} world_call;

/* A region's data at an applied index, as the first store had it. */
typedef struct world_point {
  uint64_t region_id;
  uint64_t applied;
  uint64_t hash;
} world_point;

/* Who plays the scheduler; ask NULL: nobody. */
typedef struct world_scheduler {
  void *ctx;
  int (*ask)(void *ctx, uint64_t store_id, raft_bytes request);
  bool (*work)(void *ctx); /* answers what was asked; false: there was nothing */
} world_scheduler;

typedef struct world {
  uint64_t random;
  uint64_t now;
  kv_store_config config;           /* of every store, but for id, address and members */
  world_store stores[WORLD_STORES]; /* [0] is store 1 */
  size_t store_count;
  size_t member_count; /* the first so many bootstrap the cluster */
  world_frame *frames;
  size_t frame_count;
  bool blocked[WORLD_STORES + 1][WORLD_STORES + 1]; /* [from][to] */
  bool frozen[WORLD_STORES + 1];         /* blocked, and nobody is told: no link breaks */
  unsigned drop_percent, repeat_percent; /* of raft frames */
  unsigned lose_frame;                   /* the so-manieth raft frame from now; 0: none */
  uint64_t sent[16];                     /* frames by kv_frame_type */
  world_point *points;
  size_t point_count;
  world_scheduler scheduler;
  uint64_t pace;     /* milliseconds that pass at most in one random step; 0: 10 */
  bool overlay;      /* stores that are started from now on commit in memory, and flush later ... */
  uint64_t flush_ms; /* ... so often while time passes fairly; 0: 150 */
  bool verbose;
} world;

/* Members 1 ... member_count are started. The caller may have set config before world_start. */
void world_open(world *w, uint64_t seed, size_t member_count);
void world_close(world *w);
uint64_t world_random(world *w, uint64_t below);

/* Another store, which waits to be added. Returns its id. */
uint64_t world_add_store(world *w);
void world_start(world *w, uint64_t store_id);
/* Under another id than its own, for the errors of kv_store_open. */
int world_try_start(world *w, uint64_t store_id, uint64_t as_id, kv_error *error);
void world_crash(world *w, uint64_t store_id);
void world_isolate(world *w, uint64_t store_id, bool isolated);
void world_heal(world *w);
world_store *world_at(world *w, uint64_t store_id);

/* Writes what the store has committed in memory; KV_OK without an overlay. */
int world_flush(world *w, uint64_t store_id);
void world_run(world *w, uint64_t ms);
void world_random_step(world *w);
/* Store id of the leader that a majority of stores agrees on; 0: none. */
uint64_t world_leader(world *w);
/* Runs until there is one, which `other_than` is not; fails the test after a minute of the clock.
 */
uint64_t world_wait_leader(world *w, uint64_t other_than);
/* Runs until the call is answered; fails the test if it is not within a minute of the clock. */
void world_wait(world *w, world_call *call);

/* One command; arguments end with NULL. */
void world_execute(world *w, uint64_t store_id, world_call *call, uint64_t timeout_ms, kv_op op,
                   int64_t number, ...);
/* The same, and waits; returns the reply. */
const char *world_do(world *w, uint64_t store_id, world_call *call, kv_op op, int64_t number, ...);
/* For the administration calls. */
void world_answered(void *ctx, const void *reply, size_t len);

/* Figures of the first region on a store that is up. */
uint64_t world_applied(world *w, uint64_t store_id);
uint64_t world_number(world *w, uint64_t store_id, const char *name);
/* The same of one region; 0: the store has no peer of it. */
uint64_t world_region_number(world *w, uint64_t store_id, uint64_t region_id, const char *name);
/* The store that leads the region; 0: none does. */
uint64_t world_region_leader(world *w, uint64_t region_id);
/* Runs until all given stores are up to date with each other and compares their data. */
void world_check_equal(world *w, const uint64_t *ids, size_t count);

#endif
