/* unstable.h - the end of the log that storage does not have yet, and a snapshot on its way there.
 *
 * Entries wait here from the moment they are appended until the write that holds them is durable.
 * The part below offset_in_progress has been handed out for writing.
 *
 * Invariants: entries are consecutive from offset; offset <= offset_in_progress <= offset + count;
 * a snapshot, if any, ends at offset - 1 or below; offset - 1 is the last index that storage has,
 * or will have once the snapshot is written.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RAFT_UNSTABLE_H
#define RAFT_UNSTABLE_H

#include <libraft/types.h>

/* A queue in one allocation: entries leave at `head` and come behind the last. */
typedef struct raft_entry_block {
  uint32_t head;
  uint32_t capacity;
  uint32_t
      orphans; /* entries from head on whose references this block holds, once it was replaced */
  raft_entry entries[];
} raft_entry_block;

typedef struct raft_unstable {
  raft_body *snapshot_body;      /* what keeps `snapshot` alive */
  const raft_snapshot *snapshot; /* NULL: none */
  raft_entry_block *block;       /* entry i of the live part is entries[head + i]; may be NULL */
  raft_entry_block *orphan;      /* replaced while it was lent; NULL: none */
  uint32_t count;
  bool snapshot_in_progress;
  bool lent; /* a Ready points at entries below offset_in_progress */
  uint64_t offset;
  uint64_t offset_in_progress;
} raft_unstable;

void raft_unstable_init(raft_unstable *unstable, uint64_t offset);
void raft_unstable_close(raft_unstable *unstable, const raft_allocator *allocator);

static inline raft_entry *raft_unstable_at(const raft_unstable *unstable, uint64_t index) {
  return &unstable->block->entries[unstable->block->head + (index - unstable->offset)];
}
static inline uint64_t raft_unstable_last(const raft_unstable *unstable) {
  return unstable->offset + unstable->count - 1;
}

/* Term of an entry, or of the snapshot's last; false: not here. */
bool raft_unstable_term(const raft_unstable *unstable, uint64_t index, uint64_t *term);

/* Makes an append of `more` entries at `index` possible, which will drop what stands there and
 * behind. Entries that are lent stay where they are, as they are. RAFT_ENOMEM: unchanged. */
int raft_unstable_reserve(raft_unstable *unstable, uint64_t index, size_t more,
                          const raft_allocator *allocator);

/* Drops everything from `index` on (what storage has from there on counts as overwritten). */
void raft_unstable_truncate(raft_unstable *unstable, uint64_t index);

/* Appends one entry, whose reference moves in; room must be reserved. */
void raft_unstable_push(raft_unstable *unstable, const raft_entry *entry);

/* Everything up to (term, index) is durable. Ignored unless that very entry is here. */
bool raft_unstable_stable_to(raft_unstable *unstable, uint64_t term, uint64_t index);
void raft_unstable_stable_snapshot_to(raft_unstable *unstable, uint64_t index);

/* Starts anew behind a snapshot, whose body reference moves in. */
void raft_unstable_restore(raft_unstable *unstable, raft_body *body);

/* All that is here now has been handed out. */
void raft_unstable_accept(raft_unstable *unstable);

/* What has been handed out is pointed at, and must not move or change until it is returned. */
void raft_unstable_lend(raft_unstable *unstable);
void raft_unstable_return(raft_unstable *unstable, const raft_allocator *allocator);

/* Gives memory back that an idle group does not need. */
void raft_unstable_shrink(raft_unstable *unstable, const raft_allocator *allocator);

#endif
