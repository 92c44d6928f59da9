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
  return window->count >= limits->max_count ||
         (limits->max_bytes != 0 && window->bytes >= limits->max_bytes);
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
static void unroll(const raft_inflights *window, raft_inflight *to) {
  uint32_t tail = window->capacity - window->start;
  uint32_t first = window->count < tail ? window->count : tail;
  if (first > 0) {
    memcpy(to, window->ring + window->start, first * sizeof *to);
  }
  if (window->count > first) {
    memcpy(to + first, window->ring, (window->count - first) * sizeof *to);
  }
}

int raft_inflights_reserve(raft_inflights *window, const raft_inflight_limits *limits,
                           const raft_allocator *allocator) {
  if (window->count < window->capacity || window->count >= limits->max_count) {
    return RAFT_OK;
  }
  uint32_t capacity = larger_capacity(window->capacity, limits->max_count);
  raft_inflight *ring = raft_allocate_array(allocator, capacity, sizeof *ring);
  if (ring == NULL) {
    return RAFT_ENOMEM;
  }
  unroll(window, ring);
  raft_deallocate(allocator, window->ring);
  window->ring = ring;
  window->start = 0;
  window->capacity = capacity;
  return RAFT_OK;
}

void raft_inflights_add(raft_inflights *window, uint64_t index, uint64_t bytes) {
  uint32_t tail = window->capacity - window->start; /* slots up to the end of the array */
  uint32_t place = window->count < tail ? window->start + window->count : window->count - tail;
  window->ring[place] = (raft_inflight){index, bytes};
  window->bytes += bytes;
  window->count++;
}

static void drop_first(raft_inflights *window) {
  window->bytes -= window->ring[window->start].bytes;
  window->start = window->start + 1 == window->capacity ? 0 : window->start + 1;
  window->count--;
}

void raft_inflights_free_to(raft_inflights *window, uint64_t index) {
  while (window->count > 0 && window->ring[window->start].index <= index) {
    drop_first(window);
  }
}

void raft_inflights_reset(raft_inflights *window) {
  window->bytes = 0;
  window->start = 0;
  window->count = 0;
}

void raft_inflights_shrink(raft_inflights *window, const raft_allocator *allocator) {
  if (window->count == 0 && window->ring != NULL) {
    raft_inflights_close(window, allocator);
  }
}

void raft_inflights_close(raft_inflights *window, const raft_allocator *allocator) {
  raft_deallocate(allocator, window->ring);
  *window = (raft_inflights){0};
}
