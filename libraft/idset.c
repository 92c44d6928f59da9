/* idset.c - a small set of node ids, kept in ascending order.
 *
 * Sets of voters and learners have a handful of members and there may be a million of them
 * in a process, hence an array that is exactly as long as the set while that is small.
 *
 * Invariant: ids strictly ascend; count <= capacity.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "idset.h"

#include <libraft/error.h>
#include <string.h>

#include "allocate.h"

/* Up to here an addition makes room for one id only; beyond it the room doubles. */
#define RAFT_IDSET_SMALL 16

/* Position of the first id that is not below `id`. */
static uint32_t position_of(const raft_idset *set, uint64_t id) {
  uint32_t low = 0;
  uint32_t high = set->count;
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    if (set->ids[middle] < id) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

static bool holds_at(const raft_idset *set, uint32_t position, uint64_t id) {
  return position < set->count && set->ids[position] == id;
}

bool raft_idset_has(const raft_idset *set, uint64_t id) {
  return holds_at(set, position_of(set, id), id);
}

/* Room for one id more. */
static int make_room(raft_idset *set, const raft_allocator *allocator) {
  if (set->count < set->capacity) {
    return RAFT_OK;
  }
  if (set->count > UINT32_MAX / 2) {
    return RAFT_ENOMEM;
  }
  uint32_t capacity = set->count < RAFT_IDSET_SMALL ? set->count + 1 : set->count * 2;
  uint64_t *ids = raft_allocate_array(allocator, capacity, sizeof *ids);
  if (ids == NULL) {
    return RAFT_ENOMEM;
  }
  if (set->count > 0) {
    memcpy(ids, set->ids, set->count * sizeof *ids);
  }
  raft_deallocate(allocator, set->ids);
  set->ids = ids;
  set->capacity = capacity;
  return RAFT_OK;
}

int raft_idset_add(raft_idset *set, uint64_t id, const raft_allocator *allocator) {
  uint32_t position = position_of(set, id);
  if (holds_at(set, position, id)) {
    return RAFT_OK;
  }
  int rc = make_room(set, allocator);
  if (rc != RAFT_OK) {
    return rc;
  }
  uint64_t *place = set->ids + position;
  memmove(place + 1, place, (set->count - position) * sizeof *place);
  *place = id;
  set->count++;
  return RAFT_OK;
}

void raft_idset_remove(raft_idset *set, uint64_t id) {
  uint32_t position = position_of(set, id);
  if (!holds_at(set, position, id)) {
    return;
  }
  uint64_t *place = set->ids + position;
  set->count--;
  memmove(place, place + 1, (set->count - position) * sizeof *place);
}

int raft_idset_copy(raft_idset *to, const raft_idset *from, const raft_allocator *allocator) {
  return raft_idset_assign(to, raft_idset_view(from), allocator);
}

/* Lets ids[root] sink to its place in the max-heap of the first `count` ids. */
static void sift_down(uint64_t *ids, size_t root, size_t count) {
  uint64_t id = ids[root];
  size_t child = 0;
  while ((child = 2 * root + 1) < count) {
    if (child + 1 < count && ids[child + 1] > ids[child]) {
      child++;
    }
    if (ids[child] <= id) {
      break;
    }
    ids[root] = ids[child];
    root = child;
  }
  ids[root] = id;
}

/* Heapsort: lists come from the network, so their order must not decide what sorting costs. */
static void sort(uint64_t *ids, size_t count) {
  for (size_t i = count / 2; i > 0; i--) {
    sift_down(ids, i - 1, count);
  }
  for (size_t end = count; end > 1; end--) {
    uint64_t largest = ids[0];
    ids[0] = ids[end - 1];
    ids[end - 1] = largest;
    sift_down(ids, 0, end - 1);
  }
}

static bool ascends(const uint64_t *ids, size_t count) {
  for (size_t i = 1; i < count; i++) {
    if (ids[i - 1] >= ids[i]) {
      return false;
    }
  }
  return true;
}

int raft_idset_assign(raft_idset *to, raft_ids from, const raft_allocator *allocator) {
  if (from.count == 0) {
    return RAFT_OK;
  }
  if (from.count > UINT32_MAX) {
    return RAFT_ENOMEM;
  }
  uint64_t *ids = raft_allocate_array(allocator, from.count, sizeof *ids);
  if (ids == NULL) {
    return RAFT_ENOMEM;
  }
  memcpy(ids, from.ids, from.count * sizeof *ids);
  if (!ascends(ids, from.count)) {
    sort(ids, from.count);
    if (!ascends(ids, from.count)) {
      raft_deallocate(allocator, ids);
      return RAFT_EINVAL;
    }
  }
  *to = (raft_idset){ids, (uint32_t)from.count, (uint32_t)from.count};
  return RAFT_OK;
}

void raft_idset_free(raft_idset *set, const raft_allocator *allocator) {
  raft_deallocate(allocator, set->ids);
  *set = (raft_idset){0};
}
