/* allocate.h - the four verbs of a node's allocator.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RAFT_ALLOCATE_H
#define RAFT_ALLOCATE_H

#include <libraft/allocator.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* `allocator`, or the C library's for NULL. A freestanding build (RAFT_FREESTANDING defined)
 * has none to fall back on: NULL. */
static inline const raft_allocator *raft_allocator_or_default(const raft_allocator *allocator) {
#ifdef RAFT_FREESTANDING
  return allocator;
#else
  return allocator != NULL ? allocator : raft_default_allocator();
#endif
}

static inline void *raft_allocate(const raft_allocator *allocator, size_t size) {
  return allocator->malloc(allocator->ctx, size);
}

/* count * size bytes, NULL when that overflows. */
void *raft_allocate_array(const raft_allocator *allocator, size_t count, size_t size);

static inline void raft_deallocate(const raft_allocator *allocator, void *pointer) {
  if (pointer != NULL) {
    allocator->free(allocator->ctx, pointer);
  }
}

/* Makes room for `need` elements in a growing array: capacity at least doubles. On failure
 * false, and the array is as it was. */
bool raft_grow(const raft_allocator *allocator, void **array, size_t *capacity, size_t need,
               size_t element_size);

#endif
