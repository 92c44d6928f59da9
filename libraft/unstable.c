/* unstable.c - the end of the log that storage does not have yet, and a snapshot on its way there.
 *
 * The array is a queue: writes that became durable leave at the head, new entries come at the
 * tail, and the live part moves to the front when the tail hits the wall.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "unstable.h"

#include <libraft/error.h>
#include <string.h>

#include "allocate.h"
#include "body.h"

void raft_unstable_init(raft_unstable *unstable, uint64_t offset) {
  memset(unstable, 0, sizeof *unstable);
  unstable->offset = offset;
  unstable->offset_in_progress = offset;
}

static void release_entries(raft_unstable *unstable, size_t from) {
  for (size_t i = from; i < unstable->count; i++) {
    raft_buf_release(unstable->array[unstable->head + i].data.owner);
  }
  unstable->count = (uint32_t)from;
}

static void drop_snapshot(raft_unstable *unstable) {
  raft_body_release(unstable->snapshot_body);
  unstable->snapshot_body = NULL;
  unstable->snapshot = NULL;
  unstable->snapshot_in_progress = false;
}

void raft_unstable_close(raft_unstable *unstable, const raft_allocator *allocator) {
  release_entries(unstable, 0);
  drop_snapshot(unstable);
  raft_deallocate(allocator, unstable->array);
  unstable->array = NULL;
}

bool raft_unstable_term(const raft_unstable *unstable, uint64_t index, uint64_t *term) {
  if (index >= unstable->offset) {
    if (index - unstable->offset >= unstable->count) {
      return false;
    }
    *term = raft_unstable_at(unstable, index)->term;
    return true;
  }
  if (unstable->snapshot != NULL && unstable->snapshot->index == index) {
    *term = unstable->snapshot->term;
    return true;
  }
  return false;
}

int raft_unstable_reserve(raft_unstable *unstable, size_t more, const raft_allocator *allocator) {
  size_t used = (size_t)unstable->head + unstable->count;
  if (more <= unstable->capacity - used) {
    return RAFT_OK;
  }
  if (unstable->head > 0) {
    memmove(unstable->array, unstable->array + unstable->head,
            unstable->count * sizeof *unstable->array);
    unstable->head = 0;
  }
  size_t need = unstable->count + more;
  if (need <= unstable->capacity) {
    return RAFT_OK;
  }
  size_t capacity = unstable->capacity;
  void *array = unstable->array;
  if (need > UINT32_MAX / 2 ||
      !raft_grow(allocator, &array, &capacity, need, sizeof *unstable->array)) {
    return RAFT_ENOMEM;
  }
  unstable->array = array;
  unstable->capacity = (uint32_t)capacity;
  return RAFT_OK;
}

void raft_unstable_truncate(raft_unstable *unstable, uint64_t index) {
  if (index <= unstable->offset) {
    release_entries(unstable, 0);
    unstable->head = 0;
    unstable->offset = index;
    unstable->offset_in_progress = index;
    return;
  }
  size_t keep = (size_t)(index - unstable->offset);
  if (keep < unstable->count) {
    release_entries(unstable, keep);
  }
  /* Entries above `index` that are being written will be written again. */
  if (unstable->offset_in_progress > index) {
    unstable->offset_in_progress = index;
  }
}

void raft_unstable_push(raft_unstable *unstable, const raft_entry *entry) {
  unstable->array[unstable->head + unstable->count] = *entry;
  unstable->count++;
}

bool raft_unstable_stable_to(raft_unstable *unstable, uint64_t term, uint64_t index) {
  uint64_t own = 0;
  if (index < unstable->offset || !raft_unstable_term(unstable, index, &own) || own != term) {
    return false;
  }
  uint32_t stable = (uint32_t)(index + 1 - unstable->offset);
  for (uint32_t i = 0; i < stable; i++) {
    raft_buf_release(unstable->array[unstable->head + i].data.owner);
  }
  unstable->count -= stable;
  unstable->head = unstable->count == 0 ? 0 : unstable->head + stable;
  unstable->offset = index + 1;
  if (unstable->offset_in_progress < unstable->offset) {
    unstable->offset_in_progress = unstable->offset;
  }
  return true;
}

void raft_unstable_stable_snapshot_to(raft_unstable *unstable, uint64_t index) {
  if (unstable->snapshot != NULL && unstable->snapshot->index == index) {
    drop_snapshot(unstable);
  }
}

void raft_unstable_restore(raft_unstable *unstable, raft_body *body) {
  release_entries(unstable, 0);
  drop_snapshot(unstable);
  unstable->head = 0;
  unstable->snapshot_body = body;
  unstable->snapshot = body->snapshot;
  unstable->offset = body->snapshot->index + 1;
  unstable->offset_in_progress = unstable->offset;
}

void raft_unstable_accept(raft_unstable *unstable) {
  unstable->offset_in_progress = unstable->offset + unstable->count;
  if (unstable->snapshot != NULL) {
    unstable->snapshot_in_progress = true;
  }
}

void raft_unstable_shrink(raft_unstable *unstable, const raft_allocator *allocator) {
  if (unstable->count == 0 && unstable->array != NULL) {
    raft_deallocate(allocator, unstable->array);
    unstable->array = NULL;
    unstable->capacity = 0;
    unstable->head = 0;
  }
}
