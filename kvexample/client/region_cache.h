/* region_cache.h - what a client knows of the regions: who serves which keys.
 *
 * A guess, corrected by what stores answer. It does no I/O: the caller asks a store, or the
 * scheduler on a miss, and tells what came back. Used by the stores themselves, for keys that
 * they have no replica of, and by tools.
 *
 * Invariants: no two regions overlap; of a range the newest descriptor heard of is kept; never
 * more than `limit` regions (those that were not asked for longest go).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_CLIENT_REGION_CACHE_H
#define KV_CLIENT_REGION_CACHE_H

#include <libraft/bytes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "raftstore/region.h"
#include "raftstore/region_error.h"

typedef struct kv_cached_region {
  kv_region region;
  uint64_t leader; /* peer id, 0: unknown */
  size_t turn;     /* leader unknown: which peer is asked next */
  uint64_t used;
} kv_cached_region;

typedef struct kv_region_cache {
  kv_cached_region **items; /* ascending by start key */
  size_t count;
  size_t limit;
  uint64_t clock; /* counts look-ups */
} kv_region_cache;

/* What to do after a region error. */
typedef enum kv_cache_advice {
  KV_ADVICE_AT_ONCE, /* the cache knows better now: ask again */
  KV_ADVICE_WAIT,    /* ask again after a wait */
  KV_ADVICE_LOOK_UP, /* the scheduler must be asked for the key first */
  KV_ADVICE_GIVE_UP  /* asking again would not help */
} kv_cache_advice;

void kv_region_cache_init(kv_region_cache *cache, size_t limit);
void kv_region_cache_free(kv_region_cache *cache);

/* NULL: a miss. Valid until the next change. */
kv_cached_region *kv_region_cache_find(kv_region_cache *cache, raft_slice key);
/* Whom to ask: the leader, or one peer after the other. NULL: the region has no peers. */
const kv_region_peer *kv_cached_region_target(const kv_cached_region *cached);

/* Learns a region (copied) and its leader's peer id, 0: unknown. KV_EINVAL: not newer than what is
 * known of its range, which stays (but a leader that is named is learnt); KV_ENOMEM. */
int kv_region_cache_put(kv_region_cache *cache, const kv_region *region, uint64_t leader);
/* The region that has the key is not where it was thought to be. */
void kv_region_cache_drop(kv_region_cache *cache, raft_slice key);
/* The peer on this store gave no answer, or leads no more: another one is asked next. */
void kv_region_cache_failed(kv_region_cache *cache, raft_slice key, uint64_t store_id);

/* The same for every region, because the store is gone. Linear in the number of regions. */
void kv_region_cache_store_lost(kv_region_cache *cache, uint64_t store_id);

/* Learns from what the peer on from_store answered to a request for the key. */
kv_cache_advice kv_region_cache_refused(kv_region_cache *cache, raft_slice key,
                                        const kv_region_error *error, uint64_t from_store);

#endif
