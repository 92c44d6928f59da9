/* log_index.c - the table of regions and each region's entries.
 *
 * A region's entries are a vector that grows at the end and shrinks at the front; the free room in
 * front is reclaimed when it is larger than what is left.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "raftlog/log_index.h"

#include <libraft/error.h>
#include <stdlib.h>
#include <string.h>

/* ---- table of regions ---- */

void kv_log_index_init(kv_log_index *index, size_t cache_budget) {
  *index = (kv_log_index){.slots = NULL};
  kv_log_cache_init(&index->cache, cache_budget);
}

static void region_free(kv_log_index *index, kv_log_region *region) {
  if (region != NULL) {
    kv_log_region_truncate(index, region, 0);
    free(region->entries);
    free(region);
  }
}

void kv_log_index_free(kv_log_index *index) {
  for (size_t i = 0; i < index->slot_count; i++) {
    region_free(index, index->slots[i]);
  }
  free(index->slots);
  index->slots = NULL;
  index->slot_count = 0;
  index->used = 0;
}

/* Fibonacci hashing: ids are consecutive numbers. */
static size_t slot_of(uint64_t region_id, size_t slot_count) {
  return (size_t)(region_id * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (slot_count - 1);
}

/* The slot that has the region, or the free one where it belongs. */
static kv_log_region **look_up(kv_log_region **slots, size_t slot_count, uint64_t region_id) {
  size_t at = slot_of(region_id, slot_count);
  while (slots[at] != NULL && slots[at]->id != region_id) {
    at = (at + 1) & (slot_count - 1);
  }
  return &slots[at];
}

kv_log_region *kv_log_index_find(const kv_log_index *index, uint64_t region_id) {
  return index->slot_count == 0 ? NULL : *look_up(index->slots, index->slot_count, region_id);
}

static int grow_table(kv_log_index *index) {
  const size_t slot_count = index->slot_count == 0 ? 16 : index->slot_count * 2;
  kv_log_region **slots = calloc(slot_count, sizeof(kv_log_region *));
  if (slots == NULL) {
    return KV_ENOMEM;
  }
  for (size_t i = 0; i < index->slot_count; i++) {
    if (index->slots[i] != NULL) {
      *look_up(slots, slot_count, index->slots[i]->id) = index->slots[i];
    }
  }
  free(index->slots);
  index->slots = slots;
  index->slot_count = slot_count;
  return KV_OK;
}

kv_log_region *kv_log_index_obtain(kv_log_index *index, uint64_t region_id) {
  kv_log_region *region = kv_log_index_find(index, region_id);
  if (region != NULL) {
    return region;
  }
  if (index->used * 2 >= index->slot_count && grow_table(index) != KV_OK) {
    return NULL;
  }
  region = calloc(1, sizeof(*region));
  if (region != NULL) {
    region->id = region_id;
    *look_up(index->slots, index->slot_count, region_id) = region;
    index->used++;
  }
  return region;
}

/* ---- entries of a region ---- */

static uint64_t footprint(const kv_log_entry *entry) {
  return KV_LOG_ENTRY_HEADER + (uint64_t)entry->header.len;
}

/* The entry counts from now on. */
static void enter(kv_log_index *index, kv_log_region *region, const kv_log_entry *entry) {
  if (entry->segment != NULL) {
    entry->segment->live++;
    region->bytes += footprint(entry);
    index->bytes += footprint(entry);
  }
}

/* The entry does not count any more, and its payload is not cached. */
static void leave(kv_log_index *index, kv_log_region *region, kv_log_entry *entry) {
  if (entry->segment != NULL) {
    entry->segment->live--;
    region->bytes -= footprint(entry);
    index->bytes -= footprint(entry);
  }
  kv_log_cache_remove(&index->cache, entry->cached);
  entry->cached = NULL;
}

static kv_log_entry *entries_of(const kv_log_region *region) {
  return region->entries + region->head;
}

uint64_t kv_log_region_last(const kv_log_region *region) {
  return region->count == 0 ? region->truncated_index : region->first + region->count - 1;
}

kv_log_entry *kv_log_region_entry(const kv_log_region *region, uint64_t index) {
  return index < region->first || index - region->first >= region->count
             ? NULL
             : entries_of(region) + (index - region->first);
}

int kv_log_region_reserve(kv_log_region *region, size_t count) {
  if (count == 0 || region->capacity - region->head - region->count >= count) {
    return KV_OK;
  }
  if (region->head > region->count && region->capacity - region->count >= count) {
    memmove(region->entries, entries_of(region), region->count * sizeof(kv_log_entry));
    region->head = 0;
    return KV_OK;
  }
  const size_t needed = region->count + count;
  const size_t capacity = needed + needed / 2 + 4;
  kv_log_entry *entries = malloc(capacity * sizeof(*entries));
  if (entries == NULL) {
    return KV_ENOMEM;
  }
  if (region->count > 0) {
    memcpy(entries, entries_of(region), region->count * sizeof(*entries));
  }
  free(region->entries);
  region->entries = entries;
  region->head = 0;
  region->capacity = capacity;
  return KV_OK;
}

void kv_log_region_truncate(kv_log_index *index, kv_log_region *region, uint64_t from) {
  while (region->count > 0 && region->first + region->count - 1 >= from) {
    leave(index, region, entries_of(region) + region->count - 1);
    region->count--;
  }
}

void kv_log_region_shrink(kv_log_region *region) {
  if (region->count == 0 && region->capacity > 64) {
    free(region->entries);
    region->entries = NULL;
    region->capacity = 0;
  }
  if (region->count == 0) {
    region->head = 0;
  }
}

void kv_log_region_compact(kv_log_index *index, kv_log_region *region, uint64_t to) {
  while (region->count > 0 && region->first <= to) {
    leave(index, region, entries_of(region));
    region->head++;
    region->count--;
    region->first++;
  }
}

void kv_log_region_append(kv_log_index *index, kv_log_region *region, uint64_t at,
                          const kv_log_entry *entry) {
  if (region->count == 0) {
    region->first = at;
    region->head = 0;
  }
  entries_of(region)[region->count++] = *entry;
  enter(index, region, entry);
}

void kv_log_region_replace(kv_log_index *index, kv_log_region *region, uint64_t at,
                           const kv_log_entry *entry) {
  kv_log_entry *old = kv_log_region_entry(region, at);
  leave(index, region, old);
  *old = *entry;
  enter(index, region, old);
}

/* Entries that are absent for a while in recovery; more than this is nonsense. */
#define LARGEST_GAP ((size_t)1 << 32)

/* Absent entries in front of the first, down to index `at`. */
static int extend_front(kv_log_region *region, uint64_t at) {
  const size_t more = (size_t)(region->first - at);
  if (more > LARGEST_GAP || kv_log_region_reserve(region, more) != KV_OK) {
    return KV_ENOMEM;
  }
  memmove(entries_of(region) + more, entries_of(region), region->count * sizeof(kv_log_entry));
  memset(entries_of(region), 0, more * sizeof(kv_log_entry));
  region->first = at;
  region->count += more;
  return KV_OK;
}

static int extend_back(kv_log_region *region, uint64_t at) {
  const size_t more = (size_t)(at - (region->first + region->count) + 1);
  if (more > LARGEST_GAP || kv_log_region_reserve(region, more) != KV_OK) {
    return KV_ENOMEM;
  }
  memset(entries_of(region) + region->count, 0, more * sizeof(kv_log_entry));
  region->count += more;
  return KV_OK;
}

int kv_log_region_place(kv_log_index *index, kv_log_region *region, uint64_t at,
                        const kv_log_entry *entry) {
  int rc = KV_OK;
  if (region->count == 0) {
    region->first = at;
    rc = extend_back(region, at);
  } else if (at < region->first) {
    rc = extend_front(region, at);
  } else if (at - region->first >= region->count) {
    rc = extend_back(region, at);
  }
  if (rc == KV_OK) {
    kv_log_region_replace(index, region, at, entry);
  }
  return rc;
}

void kv_log_region_set_state(kv_log_region *region, const kv_log_piece *piece,
                             kv_log_segment *segment) {
  region->exists = (piece->flags & KV_LOG_PIECE_GONE) == 0;
  region->hard_state = piece->hard_state;
  region->truncated_index = piece->truncated_index;
  region->truncated_term = piece->truncated_term;
  if (region->state_segment != NULL) {
    region->state_segment->live--;
  }
  /* That a region is gone need not be kept: what it had is in older segments, which go first. */
  region->state_segment = region->exists ? segment : NULL;
  if (region->state_segment != NULL) {
    region->state_segment->live++;
  }
}

/* ---- cache ---- */

void kv_log_index_evict(kv_log_index *index, uint64_t durable) {
  for (kv_log_cached *node; (node = kv_log_cache_surplus(&index->cache, durable)) != NULL;) {
    kv_log_entry *entry = kv_log_region_entry(node->region, node->index);
    entry->cached = NULL;
    kv_log_cache_remove(&index->cache, node);
  }
}
