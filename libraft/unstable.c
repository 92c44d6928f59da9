/* unstable.c - the end of the log that storage does not have yet, and a snapshot on its way there.
 *
 * The block is a queue: writes that became durable leave at the head, new entries come at the
 * tail, and the live part moves to the front when the tail hits the wall.
 *
 * A synchronous Ready points right into the block, which is lent meanwhile. What would move or drop
 * lent entries then works on a copy, and the old block, orphaned, lives until it is returned.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "unstable.h"

#include <libraft/error.h>
#include <string.h>

#include "allocate.h"
#include "body.h"
#include "buf.h"

void raft_unstable_init(raft_unstable *unstable, uint64_t offset) {
  memset(unstable, 0, sizeof *unstable);
  unstable->offset = offset;
  unstable->offset_in_progress = offset;
}

enum { SMALLEST_CAPACITY = 4 };

/* Drops the entries from position `from` on. */
static void release_entries(raft_unstable *unstable, size_t from) {
  if (unstable->count > from) {
    const raft_entry_block *block = unstable->block;
    raft_entries_release(block->entries + block->head + from, unstable->count - from);
    unstable->count = (uint32_t)from;
  }
}

static void free_orphan(raft_unstable *unstable, const raft_allocator *allocator) {
  raft_entry_block *orphan = unstable->orphan;
  if (orphan != NULL) {
    raft_entries_release(orphan->entries + orphan->head, orphan->orphans);
    raft_deallocate(allocator, orphan);
    unstable->orphan = NULL;
  }
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
  free_orphan(unstable, allocator);
  raft_deallocate(allocator, unstable->block);
  unstable->block = NULL;
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

/* ---- room ---- */

/* Is a quarter of the room left over with `need` entries? Then it is worth moving them to the front
 * of it: each move makes way for so many that all moves together cost little. */
static bool is_roomy(size_t capacity, size_t need) {
  return need <= capacity - capacity / 4;
}

/* What there was if that is roomy, else twice that, or `need` when that is more. */
static raft_entry_block *new_block(const raft_unstable *unstable, size_t need,
                                   const raft_allocator *allocator) {
  size_t capacity = unstable->block == NULL ? 0 : unstable->block->capacity;
  capacity = is_roomy(capacity, need) ? capacity : 2 * capacity;
  capacity = capacity > need ? capacity : need;
  capacity = capacity > SMALLEST_CAPACITY ? capacity : SMALLEST_CAPACITY;
  raft_entry_block *block = NULL;
  if (need <= UINT32_MAX / 4 && capacity <= (SIZE_MAX - sizeof *block) / sizeof(raft_entry)) {
    block = raft_allocate(allocator, sizeof *block + capacity * sizeof(raft_entry));
  }
  if (block != NULL) {
    block->head = 0;
    block->capacity = (uint32_t)capacity;
    block->orphans = 0;
  }
  return block;
}

/* The first `keep` entries go on in `block`. A lent block is left as it is, with all its
 * references; otherwise they move. */
static void leave_block(raft_unstable *unstable, raft_entry_block *block, size_t keep,
                        const raft_allocator *allocator) {
  raft_entry_block *old = unstable->block;
  if (keep > 0) {
    memcpy(block->entries, old->entries + old->head, keep * sizeof *block->entries);
  }
  if (unstable->lent) {
    raft_entries_retain(block->entries, keep);
    old->orphans = unstable->count;
    unstable->orphan = old;
    unstable->lent = false;
  } else {
    raft_deallocate(allocator, old);
  }
}

/* Goes on in a block of its own with the first `keep` entries and room for `more`. */
static int replace_block(raft_unstable *unstable, size_t keep, size_t more,
                         const raft_allocator *allocator) {
  raft_entry_block *block = more > UINT32_MAX ? NULL : new_block(unstable, keep + more, allocator);
  if (block == NULL) {
    return RAFT_ENOMEM;
  }
  if (unstable->block != NULL) { /* else there is nothing to keep, and nothing lent */
    leave_block(unstable, block, keep, allocator);
  }
  unstable->block = block;
  unstable->count = (uint32_t)keep;
  return RAFT_OK;
}

int raft_unstable_reserve(raft_unstable *unstable, uint64_t index, size_t more,
                          const raft_allocator *allocator) {
  raft_entry_block *block = unstable->block;
  uint64_t before = index > unstable->offset ? index - unstable->offset : 0;
  size_t keep = before < unstable->count ? (size_t)before : unstable->count;
  if (unstable->lent && index < unstable->offset_in_progress) {
    return replace_block(unstable, keep, more, allocator);
  }
  if (block != NULL && more <= block->capacity - block->head - keep) {
    return RAFT_OK;
  }
  if (block == NULL || unstable->lent || more > block->capacity - unstable->count ||
      !is_roomy(block->capacity, unstable->count + more)) {
    return replace_block(unstable, unstable->count, more, allocator);
  }
  memmove(block->entries, block->entries + block->head, unstable->count * sizeof *block->entries);
  block->head = 0;
  return RAFT_OK;
}

/* ---- changes ---- */

/* An empty queue begins at the front. */
static void rewind_block(raft_unstable *unstable) {
  if (unstable->count == 0 && unstable->block != NULL) {
    unstable->block->head = 0;
  }
}

void raft_unstable_truncate(raft_unstable *unstable, uint64_t index) {
  if (index <= unstable->offset) {
    release_entries(unstable, 0);
    rewind_block(unstable);
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
  unstable->block->entries[unstable->block->head + unstable->count] = *entry;
  unstable->count++;
}

bool raft_unstable_stable_to(raft_unstable *unstable, uint64_t term, uint64_t index) {
  uint64_t own = 0;
  if (index < unstable->offset || !raft_unstable_term(unstable, index, &own) || own != term) {
    return false;
  }
  uint32_t stable = (uint32_t)(index + 1 - unstable->offset);
  raft_entries_release(unstable->block->entries + unstable->block->head, stable);
  unstable->block->head += stable;
  unstable->count -= stable;
  rewind_block(unstable);
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
  if (unstable->lent) {
    unstable->block->orphans = unstable->count;
    unstable->orphan = unstable->block;
    unstable->block = NULL;
    unstable->count = 0;
    unstable->lent = false;
  }
  release_entries(unstable, 0);
  drop_snapshot(unstable);
  rewind_block(unstable);
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

void raft_unstable_lend(raft_unstable *unstable) {
  unstable->lent = true;
}

void raft_unstable_return(raft_unstable *unstable, const raft_allocator *allocator) {
  unstable->lent = false;
  free_orphan(unstable, allocator);
}

void raft_unstable_shrink(raft_unstable *unstable, const raft_allocator *allocator) {
  if (unstable->count == 0 && unstable->block != NULL) {
    raft_deallocate(allocator, unstable->block);
    unstable->block = NULL;
  }
}
