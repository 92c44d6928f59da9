/* overlay_engine.h - what the files of the overlay engine share.
 *
 * Locks are taken in this order: writer, flusher, mutex.
 *
 * Why a reader sees one state: under the mutex it takes the number of the last commit, references
 * to both generations and a transaction below. A generation is sealed and taken away under the
 * mutex too, and what the engine below has was committed here before. The one exception, a durable
 * commit, which is below before it is here, holds the mutex meanwhile.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_ENGINE_OVERLAY_ENGINE_H
#define KV_ENGINE_OVERLAY_ENGINE_H

#include <pthread.h>
#include <stdatomic.h>

#include "engine/overlay.h"
#include "engine/overlay_generation.h"

typedef struct kv_overlay {
  kv_engine base;
  kv_engine *below;
  size_t generation_bytes;

  pthread_mutex_t writer;  /* held by the write transaction from begin to end */
  pthread_mutex_t flusher; /* held while a generation is written below */
  pthread_mutex_t mutex;   /* guards these: */
  kv_generation *active;
  kv_generation *sealed; /* complete, not yet below; NULL: none */

  /* Changed under the mutex, read by anyone. */
  atomic_uint_fast64_t committed;
  atomic_uint_fast64_t durable;
  atomic_size_t active_bytes;
  atomic_size_t sealed_bytes;
  atomic_uint_fast64_t flushes;
  atomic_uint_fast64_t refused;
} kv_overlay;

typedef struct kv_overlay_txn {
  kv_txn base;
  bool write;
  int failure;       /* the first error that makes a write transaction useless */
  uint64_t sequence; /* versions up to it are seen; a writer's own number */
  kv_generation *active, *sealed;
  kv_txn *below; /* NULL: a writer that has not looked there yet */

  /* A writer's way back. */
  kv_overlay_touch *touched[2]; /* by kv_space */
  size_t touched_count[2], touched_room[2];
  kv_arena_mark mark;
} kv_overlay_txn;

/* overlay_cursor.c */
int kv_overlay_seek(kv_txn *txn, kv_space space, raft_slice from, kv_cursor **cursor);
int kv_overlay_next(kv_cursor *cursor);
void kv_overlay_item(kv_cursor *cursor, raft_slice *key, raft_slice *value);
void kv_overlay_cursor_close(kv_cursor *cursor);

/* overlay.c: the transaction below, begun if need be. */
int kv_overlay_below_txn(kv_overlay_txn *txn, kv_txn **below);

/* overlay_flush.c: everything including the versions of a write transaction, which holds `writer`
 * and has no transaction below any more. Otherwise than after KV_OK nothing of it is durable. */
int kv_overlay_flush_with(kv_overlay *overlay, const kv_overlay_txn *txn);

/* Drops a reference, under the mutex; the generation is to be freed afterwards if it is returned.
 */
kv_generation *kv_overlay_release(kv_generation *generation);

#endif
