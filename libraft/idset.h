/* idset.h - a small set of node ids, kept in ascending order.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RAFT_IDSET_H
#define RAFT_IDSET_H

#include <libraft/types.h>

/* Zero-initialised is the empty set. Iteration is by position, ascending. */
typedef struct raft_idset {
  uint64_t *ids;
  uint32_t count;
  uint32_t capacity;
} raft_idset;

bool raft_idset_has(const raft_idset *set, uint64_t id);
/* RAFT_OK, also if it is there already; RAFT_ENOMEM: unchanged. */
int raft_idset_add(raft_idset *set, uint64_t id, const raft_allocator *allocator);
void raft_idset_remove(raft_idset *set, uint64_t id); /* no-op if absent */
/* `to` must be empty. RAFT_ENOMEM leaves it so. */
int raft_idset_copy(raft_idset *to, const raft_idset *from, const raft_allocator *allocator);
/* `to` must be empty; becomes the set of a list in any order. RAFT_EINVAL: an id is twice in the
 * list; RAFT_ENOMEM. Either leaves it empty. O(n log n). */
int raft_idset_assign(raft_idset *to, raft_ids from, const raft_allocator *allocator);
void raft_idset_free(raft_idset *set, const raft_allocator *allocator); /* leaves the empty set */

static inline raft_ids raft_idset_view(const raft_idset *set) {
  raft_ids view = {set->ids, set->count};
  return view;
}

#endif
