/* read.h - commands that read, on their way through the engine and back.
 *
 * The core hands out a task once everything that the reads must see is applied. The device runs it
 * in a read transaction that begins after that (any number of tasks may share one), on any
 * thread, and gives it back by kv_store_read_done, task->rc set to what kv_read_run, or beginning
 * the transaction, returned.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_RAFTSTORE_READ_H
#define KV_RAFTSTORE_READ_H

#include <libraft/bytes.h>
#include <stdint.h>

#include "engine/engine.h"
#include "raftstore/reply.h"
#include "raftstore/size_scan.h"

typedef struct kv_read_task kv_read_task;

typedef enum kv_read_kind {
  KV_READ_COMMANDS = 0,
  KV_READ_CHECKSUM = 1,
  KV_READ_SIZE = 2
} kv_read_kind;

struct kv_read_task {
  /* The device's: */
  kv_read_task *next; /* for its queues */
  int rc;

  /* The core's; constant while the device has the task: */
  kv_read_kind kind;
  uint64_t region_id;
  uint64_t store_id;
  uint64_t version;     /* of the region's epoch, by which the commands were routed */
  uint64_t id;          /* which round of reads it belongs to */
  raft_slice *commands; /* encoded, in memory of the task's own */
  size_t command_count;
  size_t first; /* the first command that has no answer yet */

  kv_size_scan *scan; /* KV_READ_SIZE: one slice a run; KV_ENOTFOUND if the region was split */

  /* Filled by kv_read_run: one answer a command of [first, end), at least one. What is left,
   * because the answers are many bytes already, is for another run. */
  size_t end;
  kv_reply replies; /* one behind the other */
  size_t *reply_ends;
  uint64_t applied; /* index that the transaction shows */
};

/* KV_OK, KV_ENOTFOUND (the region is gone, its data not there, or it was split) or an engine's
 * error. Any thread. */
int kv_read_run(kv_read_task *task, kv_txn *txn);

/* Any thread; NULL is ignored. */
void kv_read_task_free(kv_read_task *task);

#endif
