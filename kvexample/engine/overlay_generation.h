/* overlay_generation.h - what was committed between two flushes, in memory.
 *
 * Shared by the overlay and by the transactions that look at it; freed with the last reference.
 * The references are counted under the overlay's mutex.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_ENGINE_OVERLAY_GENERATION_H
#define KV_ENGINE_OVERLAY_GENERATION_H

#include "engine/engine.h"
#include "engine/overlay_map.h"

typedef struct kv_generation {
  kv_arena arena;
  kv_overlay_map maps[2]; /* by kv_space */
  size_t references;
  uint64_t last; /* number of the last commit in it; 0: none */
} kv_generation;

/* Empty, with one reference; NULL: out of memory. */
kv_generation *kv_generation_create(void);
void kv_generation_free(kv_generation *generation);

/* Writes what a reader with that number sees into a write transaction of another engine, in the
 * order of the keys. */
int kv_generation_write(const kv_generation *generation, uint64_t sequence, kv_txn *txn);

#endif
