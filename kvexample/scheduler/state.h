/* state.h - everything the scheduler knows, for the files of the scheduler only.
 *
 * Stores and regions are known from what they report; operators are what the scheduler wants of
 * regions. A region has at most one operator. Counts and sums of stores follow from the regions'
 * reports (region_set.c keeps them), the influence from the running operators (operators.c).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_SCHEDULER_STATE_H
#define KV_SCHEDULER_STATE_H

#include "base/list.h"
#include "scheduler/scheduler.h"
#include "scheduler/treap.h"

#define KV_WHY_BYTES 160u
enum { KV_OPERATOR_STEPS = 5, KV_OPERATOR_HISTORY = 256 };

typedef struct kv_sched_store {
  uint64_t id;
  char address[265];
  uint64_t incarnation;
  kv_scheduler_store_state kept; /* Up, Offline or Tombstone; the others are a matter of time */
  /* as last heard */
  bool heard; /* since this scheduler started */
  uint64_t heard_ms;
  kv_scheduler_store_state seen; /* for the log: the state last computed */
  kv_store_stats stats;
  /* its peers, by the regions' reports */
  kv_list leaders, followers; /* of kv_place, the longest not reported first */
  size_t region_count, leader_count, pending_count;
  uint64_t region_bytes, leader_bytes;
  /* what running operators will change */
  int64_t coming_bytes; /* less what will go */
  int64_t coming_leaders;
  size_t adding, removing;
} kv_sched_store;

typedef struct kv_store_set {
  kv_sched_store **stores; /* ascending by id */
  size_t count;
  uint64_t version; /* moves whenever ids or addresses change */
} kv_store_set;

/* A peer of a region in the list of its store. */
typedef struct kv_place {
  kv_link link;
  struct kv_sched_region *region;
  kv_sched_store *store; /* NULL: no such store */
  bool leader, pending;
} kv_place;

typedef struct kv_sched_region {
  kv_treap_node by_key, by_id;
  kv_region_report report;
  uint64_t reported_ms;
  bool reported; /* since this scheduler started, not only read from disk */
  uint64_t weight;
  kv_place *places;
  size_t place_count;
  struct kv_operator *operator;
  uint64_t split_again_ms; /* a split that did not work is not wanted before */
  kv_link dirty;           /* in kv_region_set.dirty: to be written */
} kv_sched_region;

typedef struct kv_region_set {
  kv_treap by_key, by_id;
  size_t reported;
  kv_list dirty;
} kv_region_set;

typedef enum kv_plan_kind {
  KV_PLAN_NONE = 0,
  KV_PLAN_ADD,      /* target */
  KV_PLAN_REMOVE,   /* peer */
  KV_PLAN_MOVE,     /* peer, target */
  KV_PLAN_PROMOTE,  /* peer */
  KV_PLAN_TRANSFER, /* peer */
  KV_PLAN_SPLIT     /* key */
} kv_plan_kind;

/* Which limit and which time-out hold. */
typedef enum kv_operator_class {
  KV_CLASS_LEADER = 0,
  KV_CLASS_BALANCE = 1,
  KV_CLASS_REPLICA = 2,
  KV_CLASS_ADMIN = 3, /* asked for by people: no limit */
  KV_CLASSES = 4
} kv_operator_class;

/* What a checker would like to do; made without any effect. */
typedef struct kv_plan {
  kv_plan_kind kind;
  kv_operator_class class;
  kv_sched_region *region;
  const kv_region_peer *peer;
  kv_sched_store *target;
  raft_slice key;
  char why[KV_WHY_BYTES]; /* the reason of the plan, or why there is none */
} kv_plan;

typedef struct kv_operator {
  kv_link link;
  uint64_t id;
  kv_sched_region *region;
  kv_plan_kind kind;
  kv_operator_class class;
  char name[96];
  char reason[KV_WHY_BYTES];
  kv_step steps[KV_OPERATOR_STEPS];
  size_t step_count, done;
  kv_epoch epoch; /* of the region when the current step began */
  char *split_key;
  size_t split_key_len;
  uint64_t began_ms, deadline_ms;
  /* influence, taken back as it becomes real */
  uint64_t new_peer, old_peer;
  kv_sched_store *to, *from;
  uint64_t weight;
  bool counts_add, counts_work, counts_remove, counts_leader;
} kv_operator;

typedef struct kv_operator_set {
  kv_list running;
  size_t count, of_class[KV_CLASSES];
  uint64_t last_id;
  kv_operator_info history[KV_OPERATOR_HISTORY]; /* age and ended: points in time */
  size_t ended;                                  /* ever */
} kv_operator_set;

typedef struct kv_ids {
  uint64_t next, limit; /* those below limit may have been given out, says the engine */
} kv_ids;

struct kv_scheduler {
  kv_scheduler_config config;
  kv_engine *engine;
  kv_logger logger;
  uint64_t now, started;
  uint64_t cluster_id;
  bool bootstrapped, paused, ready;
  int write_code; /* how the last attempt to write regions ended */
  kv_ids ids;
  kv_store_set stores;
  kv_region_set regions;
  kv_operator_set operators;
};

#endif
