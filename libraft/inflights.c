/* inflights.c - the window of appends sent to one follower and not acknowledged.
 *
 * Most followers have a few appends on their way, a slow one has many; so the ring starts
 * small and doubles up to the limit. Acknowledgements take from the front whatever they
 * cover, because one answer may stand for several appends.
 *
 * Invariants: count <= capacity; bytes is the sum over the ring; indexes ascend from start.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "inflights.h"

#include <libraft/error.h>
#include <string.h>

#include "allocate.h"

#define RAFT_INFLIGHTS_FIRST_CAPACITY 4

bool raft_inflights_full(const raft_inflights *window, const raft_inflight_limits *limits) {
  return raft_inflights_count(window) >= limits->max_count ||
         (limits->max_bytes != 0 && raft_inflights_bytes(window) >= limits->max_bytes);
}

static uint32_t larger_capacity(uint32_t capacity, uint32_t limit) {
  if (capacity > limit / 2) {
    return limit;
  }
  uint32_t doubled = capacity * 2;
  uint32_t wanted =
      doubled < RAFT_INFLIGHTS_FIRST_CAPACITY ? RAFT_INFLIGHTS_FIRST_CAPACITY : doubled;
  return wanted < limit ? wanted : limit;
}

/* Copies the ring's content, unrolled, to the start of `to`. */
static void unroll(const raft_inflight_ring *ring, raft_inflight *to) {
  uint32_t tail = ring->capacity - ring->start;
  uint32_t first = ring->count < tail ? ring->count : tail;
  memcpy(to, ring->slots + ring->start, first * sizeof *to);
  memcpy(to + first, ring->slots, (ring->count - first) * sizeof *to);
}

int raft_inflights_reserve(raft_inflights *window, const raft_inflight_limits *limits,
                           const raft_allocator *allocator) {
  const raft_inflight_ring *old = window->ring;
  uint32_t count = raft_inflights_count(window), capacity = old == NULL ? 0 : old->capacity;
  if (count < capacity || count >= limits->max_count) {
    return RAFT_OK;
  }
  capacity = larger_capacity(capacity, limits->max_count);
  size_t slots = capacity;
  if (slots > (SIZE_MAX - sizeof *old) / sizeof old->slots[0]) {
    return RAFT_ENOMEM;
  }
  raft_inflight_ring *ring = raft_allocate(allocator, sizeof *ring + slots * sizeof ring->slots[0]);
  if (ring == NULL) {
    return RAFT_ENOMEM;
  }
  if (old != NULL) {
    unroll(old, ring->slots);
  }
  ring->bytes = raft_inflights_bytes(window);
  ring->start = 0;
  ring->count = count;
  ring->capacity = capacity;
  raft_deallocate(allocator, window->ring);
  window->ring = ring;
  return RAFT_OK;
}

void raft_inflights_add(raft_inflights *window, uint64_t index, uint64_t bytes) {
  raft_inflight_ring *ring = window->ring;
  uint32_t tail = ring->capacity - ring->start; /* slots up to the end of the array */
  uint32_t place = ring->count < tail ? ring->start + ring->count : ring->count - tail;
  ring->slots[place] = (raft_inflight){index, bytes};
  ring->bytes += bytes;
  ring->count++;
}

static void drop_first(raft_inflight_ring *ring) {
  ring->bytes -= ring->slots[ring->start].bytes;
  ring->start = ring->start + 1 == ring->capacity ? 0 : ring->start + 1;
  ring->count--;
}

void raft_inflights_free_to(raft_inflights *window, uint64_t index) {
  raft_inflight_ring *ring = window->ring;
  while (raft_inflights_count(window) > 0 && ring->slots[ring->start].index <= index) {
    drop_first(ring);
  }
}

void raft_inflights_reset(raft_inflights *window) {
  if (window->ring != NULL) {
    window->ring->bytes = 0;
    window->ring->start = 0;
    window->ring->count = 0;
  }
}

void raft_inflights_shrink(raft_inflights *window, const raft_allocator *allocator) {
  if (raft_inflights_count(window) == 0) {
    raft_inflights_close(window, allocator);
  }
}

void raft_inflights_close(raft_inflights *window, const raft_allocator *allocator) {
  raft_deallocate(allocator, window->ring);
  window->ring = NULL;
}
