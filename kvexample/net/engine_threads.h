/* engine_threads.h - the threads that apply committed commands and that read.
 *
 * Apply takes all tasks that wait as one write transaction, commits it and gives them back. With an
 * overlay the commit is one in memory, and committer.h makes it durable later; without one it is
 * durable. Tasks for whose answers nobody waits, as on a follower, are held back for some
 * milliseconds: a wake-up and a commit cost the same for many as for one.
 *
 * Snapshot installations go through the same queue: they come after what was handed out before, and
 * go past the overlay, whose memory they would fill.
 * Read takes all tasks that wait as one read transaction.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_NET_ENGINE_THREADS_H
#define KV_NET_ENGINE_THREADS_H

#include "engine/engine.h"
#include "net/committer.h"
#include "net/worker.h"
#include "raftstore/store.h"

typedef struct kv_engine_threads {
  kv_engine *engine;
  bool overlay;    /* `engine` is one */
  uint64_t age_ms; /* after which what was committed in memory is written */
  kv_store *store; /* set by kv_engine_threads_serve */
  const kv_logger *logger;
  const char *snapshot_directory;

  kv_worker *apply; /* from here on kept by engine_threads.c */
  kv_committer committer;
  uint64_t durable; /* what the store was told of barriers */
  kv_worker *read;
  uv_timer_t hold; /* running: tasks are held back until it fires */
  bool urgent;     /* one of the tasks that were pushed must not wait */
  size_t held_bytes;
} kv_engine_threads;

/* engine, logger and snapshot_directory are set. On failure close may be called. */
int kv_engine_threads_open(kv_engine_threads *threads, uv_loop_t *loop, kv_error *error);

/* The core is open: what the threads give back is its. */
void kv_engine_threads_serve(kv_engine_threads *threads, kv_store *store);

/* Is the disk so far behind that clients should wait? */
bool kv_engine_threads_are_busy(const kv_engine_threads *threads);

/* For the devices of the core. KV_EBUSY: not taken. */
int kv_engine_threads_apply(kv_engine_threads *threads, kv_apply_task *task);
int kv_engine_threads_read(kv_engine_threads *threads, kv_read_task *task);
int kv_engine_threads_install(kv_engine_threads *threads, uint64_t region_id,
                              const kv_snapshot_file *file);

void kv_engine_threads_kick(kv_engine_threads *threads);
/* Finishes what was taken and ends the threads. */
void kv_engine_threads_close(kv_engine_threads *threads);

#endif
