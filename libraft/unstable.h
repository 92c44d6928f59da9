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

typedef struct raft_unstable {
  raft_body *snapshot_body;      /* what keeps `snapshot` alive */
  const raft_snapshot *snapshot; /* NULL: none */
  raft_entry *array;             /* entry i of the live part is array[head + i] */
  uint32_t head;
  uint32_t count;
  uint32_t capacity;
  bool snapshot_in_progress;
  uint64_t offset;
  uint64_t offset_in_progress;
} raft_unstable;

void raft_unstable_init(raft_unstable *unstable, uint64_t offset);
void raft_unstable_close(raft_unstable *unstable, const raft_allocator *allocator);

static inline raft_entry *raft_unstable_at(const raft_unstable *unstable, uint64_t index) {
  return &unstable->array[unstable->head + (index - unstable->offset)];
}
static inline uint64_t raft_unstable_last(const raft_unstable *unstable) {
  return unstable->offset + unstable->count - 1;
}

/* Term of an entry, or of the snapshot's last; false: not here. */
bool raft_unstable_term(const raft_unstable *unstable, uint64_t index, uint64_t *term);

/* Room for `more` entries behind the present ones. RAFT_ENOMEM: unchanged. */
int raft_unstable_reserve(raft_unstable *unstable, size_t more, const raft_allocator *allocator);

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

/* Gives memory back that an idle group does not need. */
void raft_unstable_shrink(raft_unstable *unstable, const raft_allocator *allocator);

#endif
