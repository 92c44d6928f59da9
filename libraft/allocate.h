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
