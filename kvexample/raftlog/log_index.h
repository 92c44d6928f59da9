/* log_index.h - what the raft log holds of each region, and where: in memory, always complete.
 *
 * Invariants of a region outside of recovery: its entries are those of
 * [truncated_index + 1, truncated_index + count], without a gap. Each entry and each region's state
 * counts once in the `live` of the segment that has it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_RAFTLOG_LOG_INDEX_H
#define KV_RAFTLOG_LOG_INDEX_H

#include <libraft/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "raftlog/frame.h"
#include "raftlog/log_cache.h"
#include "raftlog/segment.h"

/* One entry. segment NULL: absent, which occurs in recovery only. */
typedef struct kv_log_entry {
  kv_log_segment *segment;
  kv_log_cached *cached; /* NULL: payload is in the file only */
  uint32_t offset;       /* of the payload in the segment */
  kv_log_entry_header header;
} kv_log_entry;

typedef struct kv_log_region {
  uint64_t id;
  bool exists; /* false: known to the table only */
  raft_hard_state hard_state;
  uint64_t truncated_index;
  uint64_t truncated_term;
  kv_log_segment *state_segment; /* that has the last piece of this region; NULL: none */

  /* Entries [first, first + count), at entries[head...]. */
  uint64_t first;
  kv_log_entry *entries;
  size_t head;
  size_t count;
  size_t capacity;
  uint64_t bytes; /* payloads and entry headers of all of them */

  /* While a write is checked: what its earlier changes make of this region. */
  uint64_t plan; /* number of the write these are of */
  uint64_t plan_truncated;
  uint64_t plan_last;
  size_t plan_entries; /* room that the write needs here */
} kv_log_region;

typedef struct kv_log_index {
  kv_log_region **slots; /* by hash of the id, open addressing; NULL: free */
  size_t slot_count;     /* a power of two, or 0 */
  size_t used;
  kv_log_cache cache;
  uint64_t bytes; /* sum of all regions' */
} kv_log_index;

void kv_log_index_init(kv_log_index *index, size_t cache_budget);
void kv_log_index_free(kv_log_index *index);

/* NULL: not known. */
kv_log_region *kv_log_index_find(const kv_log_index *index, uint64_t region_id);
/* Finds, or makes one that does not exist yet. NULL: out of memory. */
kv_log_region *kv_log_index_obtain(kv_log_index *index, uint64_t region_id);

/* Last index; truncated_index when there are no entries. */
uint64_t kv_log_region_last(const kv_log_region *region);
/* The entry; NULL when it is not there. */
kv_log_entry *kv_log_region_entry(const kv_log_region *region, uint64_t index);

/* Makes room for `count` entries more, so that adding them cannot fail. KV_ENOMEM. */
int kv_log_region_reserve(kv_log_region *region, size_t count);
/* Drops entries >= from. */
void kv_log_region_truncate(kv_log_index *index, kv_log_region *region, uint64_t from);
/* Drops entries <= to. */
void kv_log_region_compact(kv_log_index *index, kv_log_region *region, uint64_t to);
/* A region without entries gives memory back. Not between reserving room and using it. */
void kv_log_region_shrink(kv_log_region *region);
/* Adds an entry behind the last one; into an empty log at `at`. There is room. */
void kv_log_region_append(kv_log_index *index, kv_log_region *region, uint64_t at,
                          const kv_log_entry *entry);
/* Puts an entry in the place of the one at `at`. */
void kv_log_region_replace(kv_log_index *index, kv_log_region *region, uint64_t at,
                           const kv_log_entry *entry);
/* For recovery: puts an entry anywhere, with absent ones between it and the others. KV_ENOMEM. */
int kv_log_region_place(kv_log_index *index, kv_log_region *region, uint64_t at,
                        const kv_log_entry *entry);
/* Takes over what a piece says, but for its entries. */
void kv_log_region_set_state(kv_log_region *region, const kv_log_piece *piece,
                             kv_log_segment *segment);

/* Gives up cached payloads of entries that are durable until the budget is kept. */
void kv_log_index_evict(kv_log_index *index, uint64_t durable);

#endif
