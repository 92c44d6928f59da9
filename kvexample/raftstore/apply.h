/* apply.h - committed entries on their way through the engine and back.
 *
 * The core makes a task from what Raft committed in one region, the engine device runs it inside
 * its write transaction, on another thread if it likes, and gives it back with the outcome. A
 * task carries everything it needs; what it changes is in the transaction and in the task itself.
 * Region descriptor and apply state are read from the transaction, so tasks of one region that
 * share or follow each other in transactions see each other's effects.
 *
 * What the device does:
 *
 *   begin; for each task taken: rc = kv_apply_run(task, txn)
 *   commit: kv_commit_durable if one of them is a barrier now
 *   a failed run or commit: abort, set the rc of all tasks of this transaction to it
 *   otherwise: set all of them to KV_OK, and `sequence` if the commit is not durable yet
 *   give all back in the order in which they came: kv_store_applied
 *   when what was committed has become durable: kv_store_durable
 *
 * A barrier is what the world must not see before it is durable: a change of a region, its
 * end. Without it a store that lost power could come back as a member that it no longer is, or
 * without a region that has voted.
 *
 * A task may be run again after its transaction was given up.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_RAFTSTORE_APPLY_H
#define KV_RAFTSTORE_APPLY_H

#include <libraft/raft.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine/engine.h"
#include "raftstore/command.h"
#include "raftstore/region.h"
#include "raftstore/reply.h"

typedef struct kv_apply_task kv_apply_task;

/* What became of one entry. */
typedef enum kv_apply_outcome {
  KV_APPLY_NOTHING = 0,  /* an empty entry, or one that was applied before */
  KV_APPLY_DONE = 1,     /* commands executed, change made */
  KV_APPLY_STALE = 2,    /* the region's epoch moved between proposal and apply: no effect */
  KV_APPLY_REDUNDANT = 3 /* a membership change that is in force already: no effect */
} kv_apply_outcome;

typedef struct kv_apply_result {
  kv_apply_outcome outcome;
  bool answer;             /* in: the answers of the entry's commands are wanted */
  uint64_t lowest_peer_id; /* in: of a split; peers of the new region below it do not begin here */
  size_t reply_count;      /* answers in task->replies, from first_reply on */
  size_t first_reply;
} kv_apply_result;

typedef enum kv_apply_kind {
  KV_APPLY_ENTRIES = 0,
  KV_APPLY_BURY = 1, /* by another store's word: the region's record becomes a tombstone */
  KV_APPLY_CLEAR = 2 /* deletes data in a range that no region of this store has any more, a bounded
                        part each time it is run */
} kv_apply_kind;

/* A split that took effect. */
typedef struct kv_apply_split {
  kv_region region; /* the new one, on the right */
  uint64_t peer_id; /* of this store in it */
  kv_region_size size;
  bool created; /* false: this store has no part in it, nor in its keys */
} kv_apply_split;

struct kv_apply_task {
  /* The device's: */
  kv_apply_task *next; /* for its queues */
  int rc;
  size_t bytes;      /* estimate of the work, for the device's limits */
  uint64_t sequence; /* of its commit, for kv_store_durable; 0: it is durable */

  /* The core's; constant while the device has the task: */
  kv_apply_kind kind;
  uint64_t region_id;
  uint64_t peer_id;          /* of this store */
  raft_message message;      /* MsgStorageApply, a reference of its own */
  kv_size_change correction; /* of the estimate of the region's size */
  kv_region clear;           /* KV_APPLY_CLEAR: its range */
  uint64_t *held;            /* regions that splits in it may make */
  size_t held_count;

  /* Filled by kv_apply_run: */
  kv_apply_result *results; /* one an entry */
  kv_reply replies;         /* of all entries, one behind the other */
  size_t *reply_ends;       /* where each ends */
  size_t reply_count;
  size_t reply_room;
  bool barrier;        /* to be given back only when it is durable, with all before it: others
                          build on what it did (a new region, a changed or removed member) */
  bool region_changed; /* `region` is the new descriptor */
  bool tombstone;      /* this store's peer was removed */
  bool truncated;      /* the log may be cut up to truncated_index */
  bool more;           /* KV_APPLY_CLEAR: data is left */
  uint64_t truncated_index;
  uint64_t applied;
  kv_region_size size;
  kv_written written;
  kv_region region;
  kv_apply_split *splits; /* in log order */
  size_t split_count;
};

/* Applies the task. Otherwise the transaction must be given up: an engine's error; KV_EINVAL, an
 * earlier task of the region has failed; KV_ECORRUPT, an entry that this program does not
 * understand. Any thread. */
int kv_apply_run(kv_apply_task *task, kv_txn *txn);

/* Any thread; NULL is ignored. */
void kv_apply_task_free(kv_apply_task *task);

#endif
