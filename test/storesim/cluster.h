/* cluster.h - whole clusters of raftstore cores in one thread, in virtual time, from one seed.
 *
 * The cores are the real ones, and so are snapshot files; log, state machine, network, clocks and
 * clients are simulated. A run is a queue of events; whatever a device is asked for becomes an
 * event of later. A scenario lets time pass by ss_run and looks at what has become of the cluster.
 *
 * A violation ends the run: nothing happens any more, all functions return at once.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef STORESIM_CLUSTER_H
#define STORESIM_CLUSTER_H

#include <stdbool.h>
#include <stdint.h>

#include "check.h"
#include "model_engine.h"
#include "options.h"
#include "raftstore/apply.h"
#include "raftstore/join.h"
#include "raftstore/read.h"
#include "raftstore/store.h"
#include "test/sim/memory.h"
#include "test/sim/network.h"
#include "test/sim/queue.h"
#include "test/sim/trace.h"
#include "world_log.h"

enum { SS_STORES = 10, SS_SENTENCE = 400 };
enum { SS_MS = 1000, SS_SECOND = 1000000 };

typedef enum ss_counter {
  SS_MILLISECONDS, /* of virtual time */
  SS_STEPS,
  SS_OPERATIONS, /* of clients, answered */
  SS_REFUSED,    /* certainly not done */
  SS_UNKNOWN,    /* outcome unknown */
  SS_KEYS,       /* whose history was proven to be linearizable */
  SS_UNPROVEN,   /* keys whose history was too hard to judge */
  SS_LEADERS,    /* changes of a region's leader, as stores see it */
  SS_ENTRIES,    /* applied, on all stores */
  SS_SPLITS,
  SS_CHANGES, /* of membership */
  SS_SNAPSHOTS,
  SS_STARTS,
  SS_CRASHES,     /* power losses of a store */
  SS_GENERATIONS, /* of overlays, written below */
  SS_TORN,        /* that left a part of what was not durable */
  SS_CUT_SHORT,   /* in the middle of a loop turn or an installation */
  SS_PARTITIONS,  /* cuts of the network, one-way ones too */
  SS_LOST,        /* frames */
  SS_DUPLICATED,  /* frames */
  SS_OVERTAKEN,   /* frames that came out of order */
  SS_BROKEN,      /* connections */
  SS_PAUSES,      /* of whole stores */
  SS_FULL_DISKS,  /* times that a log's disk was full */
  SS_FULL_MAPS,   /* commits refused for want of space */
  SS_SLOW_WRITES, /* of the log */
  SS_BAD_CHUNKS,  /* of snapshots, lost or damaged */
  SS_REPLACED,    /* stores replaced by empty ones */
  SS_SCHEDULER_DOWN,
  SS_COUNTERS
} ss_counter;

const char *ss_counter_name(ss_counter counter);

typedef enum ss_event_kind {
  SS_TICK,
  SS_FLUSH,
  SS_FRAME,   /* number: from */
  SS_BREAK,   /* number: from; the connection to target */
  SS_LOG,     /* what was being synced is durable */
  SS_DURABLE, /* the overlay is written below */
  SS_APPLY,   /* a transaction is at its end */
  SS_READ,
  SS_JOB,    /* data: ss_job */
  SS_ANSWER, /* data: ss_call */
  SS_START,  /* of a store that is down */
  SS_CLIENT, /* number: which */
  SS_ADMIN,
  SS_NEMESIS,
  SS_HEAL,
  SS_INSPECT,
  SS_TO_SCHEDULER,   /* target: from; data: the request */
  SS_FROM_SCHEDULER, /* data: the response */
  SS_SCHEDULER_TICK,
  SS_SCHEDULER_START
} ss_event_kind;

typedef struct ss_world ss_world;
typedef struct ss_store ss_store;
typedef struct ss_call ss_call;
typedef struct ss_job ss_job;
typedef struct ss_scheduler ss_scheduler;

/* A request to a store and its answer. Belongs to the world once it was made. */
struct ss_call {
  ss_world *world;
  unsigned store;
  uint64_t begun;
  uint64_t deadline; /* by which it must be answered, with a margin */
  uint64_t ended;
  bool answered;
  bool lost; /* the store died before it could answer */
  char *reply;
  size_t len;
  void (*done)(ss_call *call, void *owner); /* after the answer, from an event; may be NULL */
  void *owner;
  ss_call *next;
};

struct ss_store {
  ss_world *world;
  unsigned id;
  uint64_t kv_id; /* what it is called in the cluster; 0: it has not joined yet */
  kv_join *join;  /* NULL: it is not on its way into the cluster */
  kv_join_config join_config;
  kv_scheduler_device join_device;
  char address[32];
  bool joins;      /* no member of the first region */
  bool gone;       /* replaced: never starts again */
  kv_store *store; /* NULL: down */
  uint64_t generation;
  uint64_t started;
  uint64_t paused_until;
  uint64_t clock_base;
  uint64_t clock_rate; /* microseconds of its clock in a second */
  uint64_t next_tick;  /* in world time */
  bool flush_planned;
  bool closing;

  /* A crash in the middle of a loop turn: after fuse more calls of devices nothing has effect. */
  bool fused, burnt;
  unsigned fuse;
  size_t log_limit; /* writes that were queued by then */

  sim_disk disk;
  world_log log;
  size_t log_batch; /* writes being synced; 0: idle */

  ss_model model;
  kv_engine *below, *engine; /* NULL: closed */
  bool durable_planned;
  kv_apply_task *tasks, *last_task;
  size_t task_count;
  bool applying;
  kv_read_task *reads, *last_read;
  bool reading;

  ss_job *jobs;      /* all that are not over */
  unsigned arriving; /* snapshots */
  char directory[96];
  bool has_directory;
};

/* Frames under way on one connection, oldest first. */
typedef struct ss_frame {
  struct ss_frame *next;
  kv_frame_type type;
  raft_buf *bytes;
} ss_frame;

typedef struct ss_link {
  ss_frame *first, *last;
  unsigned stalled; /* arrivals that a cut holds up */
  bool breaking;
} ss_link;

struct ss_world {
  ss_options options;
  sim_random random;
  sim_queue queue;
  sim_trace trace;
  sim_network network;
  ss_link links[SS_STORES + 1][SS_STORES + 1]; /* [from][to] */
  ss_store stores[SS_STORES + 1];              /* [0]: not used */
  unsigned store_count;
  uint64_t now;
  uint64_t steps;
  ss_call *calls; /* not over */
  ss_check check;
  bool calm;               /* faults have ended */
  ss_scheduler *scheduler; /* NULL: none */

  /* Whoever plays the clients: gets SS_CLIENT events. */
  void *clients;
  void (*client_event)(ss_world *world, unsigned client);
  void (*clients_free)(ss_world *world);
  char scratch[64];

  bool violated;
  char what[SS_SENTENCE];
  uint64_t counts[SS_COUNTERS];
};

/* All stores of the options are started. */
void ss_open(ss_world *world, const ss_options *options, sim_listener listener, void *ctx);
void ss_close(ss_world *world);

void ss_violation(ss_world *world, const char *format, ...) __attribute__((format(printf, 2, 3)));
void ss_tell(ss_world *world, unsigned store, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- time ---- */

void ss_plan(ss_world *world, uint64_t delay, ss_event_kind kind, unsigned target, uint64_t number,
             void *data);
/* False: violated. */
bool ss_run(ss_world *world, uint64_t microseconds);
/* Lets time pass until the condition holds. False: it did not come to that in time. */
bool ss_run_until(ss_world *world, bool (*condition)(ss_world *world, void *arg), void *arg,
                  uint64_t limit);
static inline uint64_t ss_below(ss_world *world, uint64_t bound) {
  return bound == 0 ? 0 : sim_random_below(&world->random, bound);
}
/* A chance that is one only as long as there are faults. */
static inline bool ss_fault(ss_world *world, uint32_t chance) {
  return !world->calm && sim_random_chance(&world->random, chance);
}

/* ---- stores: store.c ---- */

unsigned ss_add_store(ss_world *world, bool joins);
void ss_start(ss_store *store);
/* Power is lost. It starts again after `down`; UINT64_MAX: not by itself. */
void ss_crash(ss_store *store, uint64_t down);
void ss_pause(ss_store *store, uint64_t microseconds);
static inline bool ss_is_up(const ss_store *store) {
  return store->store != NULL;
}
/* Something was handed to the store: a loop turn follows. */
void ss_touch(ss_store *store);
/* False: a crash in the middle of things has begun; the call must have no effect. */
bool ss_spend(ss_store *store);
/* By chance, crashes the store here: true, it is gone. */
bool ss_may_crash(ss_store *store);
void ss_store_event(ss_store *store, const sim_event *event);
uint64_t ss_clock(const ss_store *store);
/* The store with that id in the cluster; NULL: none here has it. */
ss_store *ss_by_kv_id(ss_world *world, uint64_t kv_id);
void ss_store_free(ss_store *store);

/* ---- devices: devices.c, jobs.c, links.c ---- */

kv_devices ss_devices(ss_store *store);
void ss_log_event(ss_store *store);
void ss_apply_event(ss_store *store);
void ss_read_event(ss_store *store);
/* Runs all tasks that the engine has. */
void ss_apply_all(ss_store *store);
void ss_devices_crash(ss_store *store);

/* What is kept: engines.c. open: without the overlay, cover: with it. */
int ss_engine_open(ss_store *store, kv_error *error);
int ss_engine_cover(ss_store *store, kv_error *error);
void ss_engine_close(ss_store *store);
void ss_engine_free(ss_store *store);
int ss_engine_commit(ss_store *store, kv_txn *txn, bool barrier);
/* Number of the last commit; 0: it is durable. */
uint64_t ss_engine_sequence(const ss_store *store);
bool ss_engine_is_busy(const ss_store *store);
/* Something was committed. */
void ss_engine_moved(ss_store *store);
void ss_durable_event(ss_store *store);
int ss_engine_flush(ss_store *store);
/* Sum over the records of a range. */
uint64_t ss_engine_hash(ss_store *store, kv_txn *txn, raft_slice start, raft_slice end,
                        size_t *count);

kv_snapshot_device ss_snapshot_device(ss_store *store);
void ss_job_event(ss_store *store, ss_job *job);
void ss_jobs_crash(ss_store *store);
void ss_job_free(ss_job *job);
/* Makes the directory of the store's snapshots, or empties it of what a crash left. */
int ss_jobs_recover(ss_store *store, kv_error *error);

kv_transport_device ss_transport_device(ss_store *store);
void ss_frame_event(ss_world *world, unsigned from, unsigned to);
void ss_break_event(ss_world *world, unsigned from, unsigned to);
/* All that is under way between the two is lost, and the sender will be told. */
void ss_break(ss_world *world, unsigned from, unsigned to);
void ss_links_crash(ss_world *world, unsigned store);
void ss_cut(ss_world *world, unsigned from, unsigned to);
void ss_isolate(ss_world *world, unsigned store);
/* Bit i of the set: store i; 0: the scheduler. */
void ss_split(ss_world *world, uint32_t set);
void ss_heal(ss_world *world);
void ss_links_free(ss_world *world);

/* ---- scheduler: sched.c ---- */

void ss_scheduler_open(ss_world *world);
void ss_scheduler_free(ss_world *world);
/* It is away for so long. */
void ss_scheduler_stop(ss_world *world, uint64_t down);
void ss_scheduler_start(ss_world *world);
void ss_scheduler_tick(ss_world *world);
kv_scheduler_device ss_scheduler_device(ss_store *store);
void ss_request_event(ss_world *world, const sim_event *event);
void ss_response_event(ss_world *world, const sim_event *event);

/* ---- requests: call.c ---- */

typedef struct ss_command {
  kv_op op;
  uint32_t flags;
  int64_t number;
  size_t arg_count;
  raft_slice args[8];
} ss_command;

/* Asks a store that is up. */
ss_call *ss_execute(ss_store *store, const ss_command *command, uint64_t timeout_ms,
                    void (*done)(ss_call *call, void *owner), void *owner);
typedef enum ss_admin_kind {
  SS_TRANSFER,
  SS_ADD_PEER,
  SS_REMOVE_PEER,
  SS_COMPACT,
  SS_HALVE
} ss_admin_kind;
ss_call *ss_administrate(ss_store *store, ss_admin_kind kind, uint64_t region_id, unsigned to,
                         uint64_t timeout_ms, void (*done)(ss_call *call, void *owner),
                         void *owner);
void ss_call_free(ss_call *call); /* it was answered, and has no `done` */
void ss_answer_event(ss_call *call);
/* No answer is overdue. */
void ss_check_calls(ss_world *world);
/* The store was closed: each of its calls must have been answered. */
void ss_calls_crash(ss_store *store);
void ss_calls_free(ss_world *world);

typedef enum ss_outcome { SS_DONE, SS_NOT_DONE, SS_PERHAPS, SS_WRONG } ss_outcome;
ss_outcome ss_outcome_of(const ss_call *call);

/* ---- the rest ---- */

/* Makes things go wrong, by options.nemesis_every. */
void ss_nemesis_start(ss_world *world);
void ss_nemesis_event(ss_world *world, const sim_event *event);
void ss_admin_event(ss_world *world);
/* Faults end: everything is healed and started. */
void ss_calm(ss_world *world);
/* After that: every region has a leader, its replicas become equal, and there are no others. */
void ss_settle(ss_world *world);

/* ---- looking: view.c ---- */

/* Store that leads the region, as one that is up says of itself, in the newest term if more do;
 * 0: none does. term may be NULL. */
unsigned ss_leader(const ss_world *world, uint64_t region_id, uint64_t *term);
/* Of a region by chance; 0: it has none. */
unsigned ss_any_leader(ss_world *world);
/* Has an initialised replica of the region. */
bool ss_has_replica(const ss_store *store, uint64_t region_id);
/* The state machine of a store that has, or had, this key. NULL: not there. Valid for a moment. */
bool ss_get(ss_store *store, const char *key, char value[64]);

#endif
