/* region_map.h - the regions of a store: by id, and by key.
 *
 * Invariant: by id every region that this store has a peer of, or had (a grave, so that nobody
 * brings it back by an old message); by key only initialised ones, and no two of these overlap.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_RAFTSTORE_REGION_MAP_H
#define KV_RAFTSTORE_REGION_MAP_H

#include <libraft/bytes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "raftstore/region.h"

struct kv_peer;

typedef struct kv_region_slot {
  uint64_t region_id;
  struct kv_peer *peer; /* NULL: only the grave is left */
  uint64_t buried_peer; /* id of the last peer that was removed; 0: none */
  kv_region buried;     /* the region as that peer knew it last */
  unsigned held;        /* splits at the engine that may make this region; see split.h */
} kv_region_slot;

typedef struct kv_region_map {
  kv_region_slot *slots; /* ascending by id */
  size_t count;
  struct kv_peer **ranges; /* ascending by start key */
  size_t range_count;
} kv_region_map;

void kv_region_map_free(kv_region_map *map);

/* NULL: never heard of. Valid until the next kv_region_map_add. */
kv_region_slot *kv_region_map_find(const kv_region_map *map, uint64_t region_id);
/* The slot of the region, a new one if need be. NULL: out of memory. */
kv_region_slot *kv_region_map_add(kv_region_map *map, uint64_t region_id);
struct kv_peer *kv_region_map_peer(const kv_region_map *map, uint64_t region_id);

/* The peer whose region has the key; NULL: none here. */
struct kv_peer *kv_region_map_by_key(const kv_region_map *map, raft_slice key);
/* The first range, in key order; NULL: none. */
struct kv_peer *kv_region_map_first(const kv_region_map *map);
/* An initialised region other than `region` itself that has keys of it; NULL: none. */
struct kv_peer *kv_region_map_overlap(const kv_region_map *map, const kv_region *region);
/* Puts the peer's range in; take it out before the range changes. False: out of memory. */
bool kv_region_map_add_range(kv_region_map *map, struct kv_peer *peer);
void kv_region_map_remove_range(kv_region_map *map, const struct kv_peer *peer);

#endif
