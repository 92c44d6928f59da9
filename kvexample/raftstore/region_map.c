/* region_map.c - the regions of a store: by id, and by key.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "raftstore/region_map.h"

#include <stdlib.h>
#include <string.h>

#include "raftstore/peer.h"

void kv_region_map_free(kv_region_map *map) {
  for (size_t i = 0; i < map->count; i++) {
    kv_region_clear(&map->slots[i].buried);
  }
  free(map->slots);
  free(map->ranges);
  *map = (kv_region_map){0};
}

static size_t slot_position(const kv_region_map *map, uint64_t region_id) {
  size_t low = 0, high = map->count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (map->slots[middle].region_id < region_id) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

kv_region_slot *kv_region_map_find(const kv_region_map *map, uint64_t region_id) {
  size_t at = slot_position(map, region_id);
  return at < map->count && map->slots[at].region_id == region_id ? &map->slots[at] : NULL;
}

kv_peer *kv_region_map_peer(const kv_region_map *map, uint64_t region_id) {
  const kv_region_slot *slot = kv_region_map_find(map, region_id);
  return slot != NULL ? slot->peer : NULL;
}

kv_region_slot *kv_region_map_add(kv_region_map *map, uint64_t region_id) {
  kv_region_slot *slot = kv_region_map_find(map, region_id);
  if (slot != NULL) {
    return slot;
  }
  kv_region_slot *slots = realloc(map->slots, (map->count + 1) * sizeof *slots);
  if (slots == NULL) {
    return NULL;
  }
  map->slots = slots;
  size_t at = slot_position(map, region_id);
  memmove(slots + at + 1, slots + at, (map->count - at) * sizeof *slots);
  slots[at] = (kv_region_slot){.region_id = region_id};
  map->count++;
  return &slots[at];
}

/* Number of ranges that start at or before the key. */
static size_t range_position(const kv_region_map *map, raft_slice key) {
  size_t low = 0, high = map->range_count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    raft_slice start = map->ranges[middle]->region.start;
    if (start.len == 0 || kv_key_past_end(key, start)) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

kv_peer *kv_region_map_by_key(const kv_region_map *map, raft_slice key) {
  size_t after = range_position(map, key);
  kv_peer *peer = after > 0 ? map->ranges[after - 1] : NULL;
  return peer != NULL && kv_region_has_key(&peer->region, key) ? peer : NULL;
}

kv_peer *kv_region_map_first(const kv_region_map *map) {
  return map->range_count > 0 ? map->ranges[0] : NULL;
}

kv_peer *kv_region_map_overlap(const kv_region_map *map, const kv_region *region) {
  size_t after = range_position(map, region->start);
  for (size_t i = after > 0 ? after - 1 : 0; i < map->range_count; i++) {
    const kv_region *other = &map->ranges[i]->region;
    if (other->id != region->id && kv_region_overlaps(other, region)) {
      return map->ranges[i];
    }
    if (i >= after && kv_key_past_end(other->start, region->end)) {
      break; /* and so do all that follow */
    }
  }
  return NULL;
}

bool kv_region_map_add_range(kv_region_map *map, kv_peer *peer) {
  kv_peer **ranges = realloc(map->ranges, (map->range_count + 1) * sizeof *ranges);
  if (ranges == NULL) {
    return false;
  }
  map->ranges = ranges;
  size_t at = range_position(map, peer->region.start);
  memmove(ranges + at + 1, ranges + at, (map->range_count - at) * sizeof *ranges);
  ranges[at] = peer;
  map->range_count++;
  return true;
}

void kv_region_map_remove_range(kv_region_map *map, const kv_peer *peer) {
  size_t after = range_position(map, peer->region.start);
  if (after > 0 && map->ranges[after - 1] == peer) {
    map->range_count--;
    memmove(map->ranges + after - 1, map->ranges + after,
            (map->range_count - (after - 1)) * sizeof *map->ranges);
  }
}
