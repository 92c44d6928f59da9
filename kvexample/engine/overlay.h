/* overlay.h - an engine that answers from memory and writes to another engine behind its back.
 *
 * A commit puts the transaction into an ordered map in memory, the active generation, and is
 * visible at once. kv_overlay_flush seals the generation and writes it, sorted, in one transaction
 * of the engine below, usually LMDB: its fsync is in nobody's way, and a key that was written often
 * is written once. Reads look at the active generation, then at the one that is being written, then
 * below.
 *
 * What is lost with power: commits since the last flush, as a whole from the end; the state is then
 * that of an earlier commit. Who needs more keeps a log to do them again (the raft log, which is
 * cut only up to what is durable), or uses kv_commit_durable (engine.h).
 *
 * Every commit has a number, ascending from 1; `durable` is the last one that survives power loss.
 *
 * Threads: as engine.h says; read transactions on as many threads as the engine below allows. A
 * flush, on any thread without a transaction, runs beside readers and the writer. The engine has no
 * thread of its own: a server gives it one, a simulator calls kv_overlay_flush when it likes.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_ENGINE_OVERLAY_H
#define KV_ENGINE_OVERLAY_H

#include "engine/engine.h"

/* Opens an overlay on an engine, which then belongs to it and is closed with it; what was not
 * flushed is then lost. generation_bytes 0: 32 MiB. KV_ENOMEM, and the engine is still the
 * caller's. */
int kv_overlay_open(kv_engine *below, size_t generation_bytes, kv_engine **overlay,
                    kv_error *error);

/* Writes everything that was committed before the call, and stores in *durable (may be NULL) the
 * number up to which all is durable, whatever is returned. KV_OK also if there was nothing to
 * write. KV_EFULL: the map or the disk is full; KV_ENOMEM, KV_EBUSY: nothing is lost, it is to be
 * tried again. Others are fatal, as from the commit of the engine below. */
int kv_overlay_flush(kv_engine *overlay, uint64_t *durable);

/* Number of the last commit; 0: none yet. Any thread. */
uint64_t kv_overlay_committed(const kv_engine *overlay);

typedef enum kv_overlay_fill {
  KV_OVERLAY_CLEAN = 0, /* everything is durable */
  KV_OVERLAY_DIRTY = 1,
  KV_OVERLAY_DUE = 2,   /* the active generation has its size: flush it */
  KV_OVERLAY_BUSY = 3,  /* ... and so has the one before: no new work should be taken */
  KV_OVERLAY_JAMMED = 4 /* it has twice its size: work that is under way should wait */
} kv_overlay_fill;
/* Any thread, without waiting. */
kv_overlay_fill kv_overlay_fill_of(const kv_engine *overlay);

typedef struct kv_overlay_stats {
  uint64_t committed;
  uint64_t durable;
  size_t active_bytes; /* of the generation that takes writes */
  size_t sealed_bytes; /* of the one that is being written; 0: none */
  uint64_t flushes;    /* transactions of the engine below that were made */
  uint64_t refused;    /* that failed */
} kv_overlay_stats;
/* Any thread, without waiting; the figures are not of one moment. */
void kv_overlay_get_stats(const kv_engine *overlay, kv_overlay_stats *stats);

/* The engine below. Writing to it is allowed after a flush that succeeded, on the thread that
 * writes to the overlay, as long as it begins no write transaction of the overlay meanwhile:
 * for bulk work that memory is not to hold. */
kv_engine *kv_overlay_below(const kv_engine *overlay);

#endif
