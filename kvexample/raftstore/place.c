/* place.c - where a key is served, as far as this store knows.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "raftstore/place.h"

#include "raftstore/peer.h"

/* Of two regions that have the same key. */
static bool is_newer(const kv_region *a, const kv_region *b) {
  return a->epoch.version > b->epoch.version ||
         (a->id == b->id && a->epoch.version == b->epoch.version &&
          a->epoch.conf_ver > b->epoch.conf_ver);
}

kv_place kv_place_of(kv_store *store, raft_slice key) {
  kv_peer *peer = kv_region_map_by_key(&store->regions, key);
  const kv_cached_region *cached = kv_region_cache_find(&store->cache, key);
  if (peer == NULL) {
    return (kv_place){cached != NULL ? &cached->region : NULL, NULL};
  }
  const bool lags = cached != NULL && is_newer(&cached->region, &peer->region);
  return lags ? (kv_place){&cached->region, NULL} : (kv_place){&peer->region, peer};
}
