/* region_cache.c - what a client knows of the regions: who serves which keys.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "client/region_cache.h"

#include <stdlib.h>
#include <string.h>

void kv_region_cache_init(kv_region_cache *cache, size_t limit) {
  *cache = (kv_region_cache){.limit = limit > 0 ? limit : 1};
}

static void free_cached(kv_cached_region *cached) {
  kv_region_clear(&cached->region);
  free(cached);
}

void kv_region_cache_free(kv_region_cache *cache) {
  for (size_t i = 0; i < cache->count; i++) {
    free_cached(cache->items[i]);
  }
  free(cache->items);
  *cache = (kv_region_cache){.limit = cache->limit};
}

static int compare(raft_slice a, raft_slice b) {
  size_t len = a.len < b.len ? a.len : b.len;
  int order = len > 0 ? memcmp(a.data, b.data, len) : 0;
  return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

/* How many regions start at the key or before it. */
static size_t count_up_to(const kv_region_cache *cache, raft_slice key) {
  size_t low = 0, high = cache->count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (compare(cache->items[middle]->region.start, key) <= 0) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

static kv_cached_region *find(const kv_region_cache *cache, raft_slice key, size_t *position) {
  size_t behind = count_up_to(cache, key);
  kv_cached_region *found = behind > 0 ? cache->items[behind - 1] : NULL;
  *position = behind - 1;
  return found != NULL && !kv_key_past_end(key, found->region.end) ? found : NULL;
}

kv_cached_region *kv_region_cache_find(kv_region_cache *cache, raft_slice key) {
  size_t position;
  kv_cached_region *found = find(cache, key, &position);
  if (found != NULL) {
    found->used = ++cache->clock;
  }
  return found;
}

const kv_region_peer *kv_cached_region_target(const kv_cached_region *cached) {
  const kv_region *region = &cached->region;
  const kv_region_peer *leader = kv_region_find_peer(region, cached->leader);
  if (leader != NULL || region->peer_count == 0) {
    return leader;
  }
  return &region->peers[cached->turn % region->peer_count];
}

/* ---- learning ---- */

static void remove_at(kv_region_cache *cache, size_t position) {
  kv_cached_region *gone = cache->items[position];
  cache->count--;
  for (size_t i = position; i < cache->count; i++) {
    cache->items[i] = cache->items[i + 1];
  }
  free_cached(gone);
}

static void make_room(kv_region_cache *cache) {
  size_t oldest = 0;
  for (size_t i = 1; i < cache->count && cache->count >= cache->limit; i++) {
    oldest = cache->items[i]->used < cache->items[oldest]->used ? i : oldest;
  }
  if (cache->count >= cache->limit) {
    remove_at(cache, oldest);
  }
}

/* The first region that has keys of the range, if any has. */
static size_t first_overlap(const kv_region_cache *cache, const kv_region *region) {
  size_t position = count_up_to(cache, region->start);
  bool before = position > 0 && kv_region_overlaps(&cache->items[position - 1]->region, region);
  return before ? position - 1 : position;
}

static bool overlaps_at(const kv_region_cache *cache, size_t position, const kv_region *region) {
  return position < cache->count && kv_region_overlaps(&cache->items[position]->region, region);
}

/* A split raises the version of both halves: of overlapping ranges the higher version is newer. */
static bool is_newer(const kv_region *known, const kv_region *heard) {
  return known->epoch.version > heard->epoch.version ||
         (known->id == heard->id && known->epoch.version == heard->epoch.version &&
          known->epoch.conf_ver >= heard->epoch.conf_ver);
}

static void learn_leader(kv_cached_region *cached, uint64_t leader) {
  if (leader != 0 && kv_region_find_peer(&cached->region, leader) != NULL) {
    cached->leader = leader;
  }
}

/* NULL: out of memory. */
static kv_cached_region *create(const kv_region *region) {
  kv_cached_region *cached = calloc(1, sizeof *cached);
  if (cached != NULL && kv_region_copy(&cached->region, region) != KV_OK) {
    free(cached);
    cached = NULL;
  }
  return cached;
}

static int insert(kv_region_cache *cache, kv_cached_region *cached) {
  kv_cached_region **items =
      realloc(cache->items, (cache->count + 1) * sizeof *items); /* grows by use */
  if (items == NULL) {
    return KV_ENOMEM;
  }
  cache->items = items;
  size_t position = count_up_to(cache, cached->region.start);
  memmove(&items[position + 1], &items[position], (cache->count - position) * sizeof *items);
  items[position] = cached;
  cache->count++;
  return KV_OK;
}

int kv_region_cache_put(kv_region_cache *cache, const kv_region *region, uint64_t leader) {
  size_t first = first_overlap(cache, region);
  for (size_t i = first; overlaps_at(cache, i, region); i++) {
    kv_cached_region *known = cache->items[i];
    if (is_newer(&known->region, region)) {
      if (known->region.id == region->id) {
        learn_leader(known, leader);
      }
      return KV_EINVAL;
    }
  }
  kv_cached_region *cached = create(region);
  if (cached == NULL) {
    return KV_ENOMEM;
  }
  cached->used = ++cache->clock;
  learn_leader(cached, leader);
  while (overlaps_at(cache, first, region)) {
    remove_at(cache, first);
  }
  make_room(cache);
  int rc = insert(cache, cached);
  if (rc != KV_OK) {
    free_cached(cached);
  }
  return rc;
}

void kv_region_cache_drop(kv_region_cache *cache, raft_slice key) {
  size_t position;
  if (find(cache, key, &position) != NULL) {
    remove_at(cache, position);
  }
}

static void turn_from(kv_cached_region *cached, uint64_t store_id) {
  const kv_region_peer *target = kv_cached_region_target(cached);
  if (target != NULL && target->store_id == store_id) {
    cached->turn = (size_t)(target - cached->region.peers) + 1;
    cached->leader = 0;
  }
}

void kv_region_cache_failed(kv_region_cache *cache, raft_slice key, uint64_t store_id) {
  size_t position;
  kv_cached_region *found = find(cache, key, &position);
  if (found != NULL) {
    turn_from(found, store_id);
  }
}

void kv_region_cache_store_lost(kv_region_cache *cache, uint64_t store_id) {
  for (size_t i = 0; i < cache->count; i++) {
    turn_from(cache->items[i], store_id);
  }
}

/* ---- advice ---- */

static kv_cache_advice not_leader(kv_region_cache *cache, raft_slice key,
                                  const kv_region_error *error, uint64_t from_store) {
  size_t position;
  kv_cached_region *found = find(cache, key, &position);
  if (found == NULL || found->region.id != error->region_id) {
    return KV_ADVICE_LOOK_UP;
  }
  kv_region_cache_failed(cache, key, from_store);
  if (error->leader_peer == 0 || error->leader_store == from_store) {
    return KV_ADVICE_WAIT;
  }
  if (kv_region_find_peer(&found->region, error->leader_peer) == NULL) {
    return KV_ADVICE_LOOK_UP; /* a member that is new to us */
  }
  found->leader = error->leader_peer;
  return KV_ADVICE_AT_ONCE;
}

/* Whoever leads the one half leads the other, at first. */
static kv_cache_advice epoch_not_match(kv_region_cache *cache, raft_slice key,
                                       const kv_region_error *error, uint64_t from_store) {
  bool better = false;
  for (size_t i = 0; i < error->region_count; i++) {
    const kv_region *region = &error->regions[i];
    const kv_region_peer *there = kv_region_find_store(region, from_store);
    int rc = kv_region_cache_put(cache, region, there != NULL ? there->id : 0);
    better = better || (rc == KV_OK && kv_region_has_key(region, key));
  }
  return better ? KV_ADVICE_AT_ONCE : KV_ADVICE_WAIT;
}

kv_cache_advice kv_region_cache_refused(kv_region_cache *cache, raft_slice key,
                                        const kv_region_error *error, uint64_t from_store) {
  switch (error->kind) {
  case KV_NOT_LEADER: return not_leader(cache, key, error, from_store);
  case KV_EPOCH_NOT_MATCH: return epoch_not_match(cache, key, error, from_store);
  case KV_REGION_NOT_FOUND:
  case KV_KEY_NOT_IN_REGION:
  case KV_STORE_NOT_MATCH:
  case KV_MISMATCH_PEER: kv_region_cache_drop(cache, key); return KV_ADVICE_LOOK_UP;
  case KV_REGION_NOT_INITIALIZED:
    kv_region_cache_failed(cache, key, from_store);
    return KV_ADVICE_WAIT;
  case KV_SERVER_IS_BUSY:
  case KV_DISK_FULL:
  case KV_STALE_COMMAND: return KV_ADVICE_WAIT;
  case KV_ENTRY_TOO_LARGE:
  case KV_REGION_OK: break;
  }
  return KV_ADVICE_GIVE_UP;
}
