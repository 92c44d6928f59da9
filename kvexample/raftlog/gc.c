/* gc.c - which segments are not needed any more, and how one that hardly is gets free.
 *
 * Segments go in the order of their epochs only, so what is left is always the end of history and
 * replays to the same state: the last piece of each region and the entries in force are in it.
 *
 * A segment in which nothing is in force any more gives up its file when a later group is durable,
 * for two reasons: what took its place must be durable first, and that later group says by
 * its `oldest` that the segment may be missing.
 *
 * Regions that write nothing would pin the oldest segment for ever. What they have in it is written
 * forward, at the pace of the clients' writes, once the files are more than twice what is in force.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>

#include "raftlog/log_state.h"

/* Slots of the region table and entries looked at in one step, and entries moved by one group. */
enum { LOOKS_PER_STEP = 16384, ENTRIES_PER_GROUP = 256 };

/* Smallest step of rewriting in bytes, so that a log of few and small writes gets on, too. */
enum { LEAST_ALLOWANCE = 4096 };

/* The oldest segment that is not on its way out. */
static kv_log_segment *first_kept(const kv_raft_log *log) {
  kv_log_segment *segment = log->oldest;
  while (segment->retire_after != 0) {
    segment = segment->next;
  }
  return segment;
}

static void mark_dead(kv_raft_log *log) {
  kv_log_segment *segment = first_kept(log);
  while (segment != log->active && segment->live == 0) {
    segment->retire_after = log->next_sequence;
    segment = segment->next;
  }
  log->oldest_needed = segment->first_sequence != 0 ? segment->first_sequence : log->next_sequence;
}

void kv_log_retire(kv_raft_log *log, kv_log_work *work) {
  kv_log_segment **end = &work->retired;
  while (log->oldest->retire_after != 0 && log->oldest->retire_after <= log->durable) {
    kv_log_segment *segment = log->oldest;
    log->oldest = segment->next;
    log->segments--;
    log->file_bytes -= segment->bytes;
    segment->next = NULL;
    *end = segment;
    end = &segment->next;
  }
}

/* ---- writing forward ---- */

static bool worth_it(const kv_raft_log *log) {
  const uint64_t slack = 2 * log->writer.segment_bytes + log->active->bytes;
  return log->file_bytes > 2 * log->index.bytes + slack;
}

/* The first entry from `from` on that is in the segment; looks at no more than *looks, which it
 * counts down. Last + 1: there is none; where it stopped: not known yet. */
static uint64_t find_in(const kv_log_region *region, const kv_log_segment *segment, uint64_t from,
                        size_t *looks) {
  uint64_t index = from > region->first ? from : region->first;
  for (; *looks > 0; index++, (*looks)--) {
    const kv_log_entry *entry = kv_log_region_entry(region, index);
    if (entry == NULL || entry->segment == segment) {
      break;
    }
  }
  return index;
}

/* How many entries from index on are in the segment, up to some bytes, but at least one. */
static size_t count_in(const kv_log_region *region, const kv_log_segment *segment, uint64_t index,
                       uint64_t most_bytes, uint64_t *payload) {
  size_t count = 0;
  *payload = 0;
  for (; count < ENTRIES_PER_GROUP; count++) {
    const kv_log_entry *entry = kv_log_region_entry(region, index + count);
    if (entry == NULL || entry->segment != segment ||
        (count > 0 && *payload + entry->header.len > most_bytes)) {
      break;
    }
    *payload += entry->header.len;
  }
  return count;
}

/* A copy of the entry's place in the index, with its payload in memory until it is durable. */
static int load_copy(kv_raft_log *log, kv_log_region *region, uint64_t index, kv_log_entry *copy) {
  *copy = *kv_log_region_entry(region, index);
  copy->cached = NULL;
  if (!copy->header.has_data) {
    return KV_OK;
  }
  kv_log_cached *node = calloc(1, sizeof(*node));
  raft_bytes data;
  const int rc = node == NULL ? KV_ENOMEM : kv_log_load(log, region, index, &data);
  if (rc != KV_OK) {
    free(node);
    return rc;
  }
  *node = (kv_log_cached){
      .region = region, .index = index, .data = data.data, .len = data.len, .owner = data.owner};
  copy->cached = node;
  return KV_OK;
}

static void drop_copies(kv_log_entry *copies, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (copies[i].cached != NULL) {
      raft_buf_release(copies[i].cached->owner);
      free(copies[i].cached);
    }
  }
}

static void move_entries(kv_raft_log *log, kv_log_region *region, kv_log_group *group,
                         uint64_t first, kv_log_entry *copies, size_t count) {
  const kv_log_piece piece = {.region_id = region->id,
                              .flags = KV_LOG_PIECE_REWRITE,
                              .entry_count = (uint32_t)count,
                              .hard_state = region->hard_state,
                              .truncated_index = region->truncated_index,
                              .truncated_term = region->truncated_term,
                              .first_index = count > 0 ? first : 0};
  kv_log_group_add_piece(group, &piece);
  for (size_t i = 0; i < count; i++) {
    kv_log_entry *copy = &copies[i];
    kv_log_cached *node = copy->cached;
    copy->segment = group->segment;
    copy->offset =
        (uint32_t)(group->offset + kv_log_group_add_entry(group, &copy->header,
                                                          node == NULL ? NULL : node->data,
                                                          node == NULL ? NULL : node->owner));
    kv_log_region_replace(&log->index, region, first + i, copy);
    if (node != NULL) {
      node->sequence = group->header.sequence;
      kv_log_cache_append(&log->index.cache, node);
    }
  }
  kv_log_region_set_state(region, &piece, group->segment);
}

/* Writes forward what the region has in the segment from index on, or only its state. False: not
 * now. */
static bool rewrite(kv_raft_log *log, kv_log_region *region, const kv_log_segment *segment,
                    uint64_t index) {
  kv_log_entry copies[ENTRIES_PER_GROUP];
  uint64_t payload;
  const size_t count = count_in(region, segment, index, (uint64_t)log->allowance, &payload);
  const uint64_t bytes =
      kv_log_frame_bytes(KV_LOG_PIECE + count * (uint64_t)KV_LOG_ENTRY_HEADER, payload);
  if (kv_log_admit(log, bytes, true) != KV_OK || kv_log_ready_place(log, bytes) != KV_OK) {
    return false;
  }
  for (size_t i = 0; i < count; i++) {
    if (load_copy(log, region, index + i, &copies[i]) != KV_OK) {
      drop_copies(copies, i);
      return false;
    }
  }
  kv_log_group *group = kv_log_group_create(1, count, (size_t)payload);
  if (group == NULL) {
    drop_copies(copies, count);
    return false;
  }
  kv_log_enqueue(log, group);
  move_entries(log, region, group, index, copies, count);
  log->allowance -= (int64_t)bytes;
  return true;
}

/* Goes on to the next region of the table, round and round. */
static void next_region(kv_raft_log *log, size_t *looks) {
  log->cursor_slot++;
  log->cursor_index = 0;
  *looks -= *looks > 0 ? 1 : 0;
}

static void write_forward(kv_raft_log *log, const kv_log_segment *segment) {
  size_t looks = LOOKS_PER_STEP;
  while (looks > 0 && log->allowance > 0 && segment->live > 0 &&
         log->queued_bytes < log->queue_bytes) {
    log->cursor_slot = log->cursor_slot < log->index.slot_count ? log->cursor_slot : 0;
    kv_log_region *region = log->index.slots[log->cursor_slot];
    if (region == NULL) {
      next_region(log, &looks);
      continue;
    }
    log->cursor_index = find_in(region, segment, log->cursor_index, &looks);
    const bool at_end = kv_log_region_entry(region, log->cursor_index) == NULL;
    if (looks > 0 && at_end && region->state_segment != segment) {
      next_region(log, &looks);
    } else if (looks > 0 && !rewrite(log, region, segment, log->cursor_index)) {
      return;
    }
  }
}

void kv_log_collect(kv_raft_log *log) {
  mark_dead(log);
  const kv_log_segment *segment = first_kept(log);
  if (segment == log->active || !worth_it(log)) {
    log->allowance = 0;
    return;
  }
  log->allowance =
      log->allowance < LEAST_ALLOWANCE ? log->allowance + LEAST_ALLOWANCE : log->allowance;
  write_forward(log, segment);
  mark_dead(log);
}
