/* allocate.c - arrays from a node's allocator, with every multiplication checked.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "allocate.h"

enum { SMALLEST_CAPACITY = 4 };

void *raft_allocate_array(const raft_allocator *allocator, size_t count, size_t size) {
  if (size != 0 && count > SIZE_MAX / size) {
    return NULL;
  }
  return raft_allocate(allocator, count * size);
}

/* Twice `capacity`, or `need` when that is more (or doubling would overflow). */
static size_t grown_capacity(size_t capacity, size_t need) {
  size_t doubled = capacity > SIZE_MAX / 2 ? need : capacity * 2;
  size_t grown = doubled > need ? doubled : need;
  return grown > SMALLEST_CAPACITY ? grown : SMALLEST_CAPACITY;
}

bool raft_grow(const raft_allocator *allocator, void **array, size_t *capacity, size_t need,
               size_t element_size) {
  if (need <= *capacity) {
    return true;
  }
  size_t grown = grown_capacity(*capacity, need);
  if (grown > SIZE_MAX / element_size) {
    return false;
  }
  void *moved = allocator->realloc(allocator->ctx, *array, grown * element_size);
  if (moved == NULL) {
    return false;
  }
  *array = moved;
  *capacity = grown;
  return true;
}
