/* worker.h - one thread that does what would make the loop wait, batch by batch.
 *
 * The loop pushes jobs; at the end of a turn it hands all of them over with one wake-up. The
 * thread takes everything that is queued as one batch, so batches grow by themselves while it is
 * busy. What it has done comes back to the loop in order, again as many as there are at once.
 *
 * Waking a thread and being woken by it takes longer than small jobs do, and much longer on a busy
 * machine: while the thread has nothing the loop may do them itself. The first ones that take long
 * send the next ones to the thread, so that a slow disk does not hold the loop up.
 *
 * Threads: kv_worker_config.run is called on the worker's thread, or on the loop's while the other
 * has nothing; everything else belongs to the loop's thread. A job is owned by whoever has it;
 * nothing else is shared.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_NET_WORKER_H
#define KV_NET_WORKER_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "base/error.h"

/* First member of every job. */
typedef struct kv_job {
  struct kv_job *next;
} kv_job;

typedef struct kv_worker_config {
  const char *name; /* of the thread, at most 15 bytes */
  size_t limit;     /* jobs that were pushed and are not done: more are refused */
  int nice;         /* how much the thread steps back behind the others, as nice(2) counts */
  /* A list of jobs, oldest first; none may be added, removed or freed. */
  void (*run)(void *ctx, kv_job *jobs);
  /* A list of jobs that were run, in the order in which they were pushed; now the callee's. */
  void (*done)(void *ctx, kv_job *jobs);
  /* Do these jobs take less than handing them over? Then kv_worker_kick runs them, and calls
   * `done`. Asked while the thread has nothing; NULL: never. */
  bool (*quick)(void *ctx, const kv_job *jobs);
  void *ctx;
} kv_worker_config;

typedef struct kv_worker kv_worker;

/* A job that knows itself what to do: for workers with mixed work, whose config.run and config.done
 * are kv_tasks_run and kv_tasks_done. `done` owns the task. */
typedef struct kv_task {
  kv_job job;
  void (*run)(struct kv_task *task);
  void (*done)(struct kv_task *task);
} kv_task;
void kv_tasks_run(void *ctx, kv_job *jobs);
void kv_tasks_done(void *ctx, kv_job *jobs);

/* Starts the thread. KV_ENOMEM, KV_EIO. */
int kv_worker_open(uv_loop_t *loop, const kv_worker_config *config, kv_worker **worker,
                   kv_error *error);

/* KV_EBUSY: not taken. The thread sees the job after the next kv_worker_kick. */
int kv_worker_push(kv_worker *worker, kv_job *job);

/* Hands over what was pushed, or runs it. */
void kv_worker_kick(kv_worker *worker);

/* Jobs that were pushed and not given to `done`. */
size_t kv_worker_pending(const kv_worker *worker);

/* Finishes what was pushed, ends the thread and calls `done` for the rest. NULL is ignored. */
void kv_worker_stop(kv_worker *worker);

/* Stops, and frees once the loop has run. */
void kv_worker_close(kv_worker *worker);

#endif
