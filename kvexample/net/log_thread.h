/* log_thread.h - the thread that makes the raft log durable.
 *
 * One piece of work is with the thread at a time; whatever is written to the log meanwhile becomes
 * the next one. So the busier the disk, the more each sync carries.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_NET_LOG_THREAD_H
#define KV_NET_LOG_THREAD_H

#include "net/worker.h"
#include "raftlog/raft_log.h"
#include "raftstore/store.h"

typedef struct kv_log_thread {
  kv_raft_log *log;
  kv_store *store; /* set before the first kick */
  const kv_logger *logger;

  kv_worker *worker; /* from here on kept by log_thread.c */
  kv_job job;
  kv_log_work *work; /* NULL: the thread has nothing */
  bool full;         /* the disk; said once until it is not */
} kv_log_thread;

/* log and logger are set. */
int kv_log_thread_open(kv_log_thread *writer, uv_loop_t *loop, kv_error *error);
/* Gives the thread what was written to the log, if it has nothing to do. */
void kv_log_thread_kick(kv_log_thread *writer);
/* Makes all of it durable and ends the thread. */
void kv_log_thread_close(kv_log_thread *writer);

#endif
