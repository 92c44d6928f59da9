/* inflights.h - the window of appends sent to one follower and not acknowledged.
 *
 * A ring of (last index, bytes) in send order. Bounded by a count and, softly, by bytes: a window
 * that is below the byte limit takes one more message of any size. The ring's memory grows on
 * demand up to the count and may be given back when empty.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RAFT_INFLIGHTS_H
#define RAFT_INFLIGHTS_H

#include <libraft/types.h>

typedef struct raft_inflight {
  uint64_t index;
  uint64_t bytes;
} raft_inflight;

typedef struct raft_inflight_ring {
  uint64_t bytes; /* sum over the window */
  uint32_t start;
  uint32_t count;
  uint32_t capacity;
  raft_inflight slots[];
} raft_inflight_ring;

/* Zero-initialised is the empty window. It is as small as can be, for most windows are empty: those
 * of followers that idle, and all that nodes have who do not lead. The limits live in the
 * tracker, not in every window. */
typedef struct raft_inflights {
  raft_inflight_ring *ring; /* NULL: empty, nothing reserved */
} raft_inflights;

static inline uint32_t raft_inflights_count(const raft_inflights *window) {
  return window->ring == NULL ? 0 : window->ring->count;
}
static inline uint64_t raft_inflights_bytes(const raft_inflights *window) {
  return window->ring == NULL ? 0 : window->ring->bytes;
}

typedef struct raft_inflight_limits {
  uint32_t max_count;
  uint64_t max_bytes; /* 0: none */
} raft_inflight_limits;

bool raft_inflights_full(const raft_inflights *window, const raft_inflight_limits *limits);
/* Makes room for one more, so that the following add cannot fail. RAFT_ENOMEM: unchanged. */
int raft_inflights_reserve(raft_inflights *window, const raft_inflight_limits *limits,
                           const raft_allocator *allocator);
/* The window must not be full and must have been reserved. */
void raft_inflights_add(raft_inflights *window, uint64_t index, uint64_t bytes);
/* Frees everything with index <= `index`; indexes left of the window are a no-op. */
void raft_inflights_free_to(raft_inflights *window, uint64_t index);
/* Empty; keeps the memory. */
void raft_inflights_reset(raft_inflights *window);
/* Gives the memory of an empty window back. */
void raft_inflights_shrink(raft_inflights *window, const raft_allocator *allocator);
void raft_inflights_close(raft_inflights *window, const raft_allocator *allocator);

#endif
