/* body.h - the reference-counted memory behind a message: one allocation for all its parts.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RAFT_BODY_H
#define RAFT_BODY_H

#include <libraft/types.h>
#include <stdatomic.h>

/* How much of each part is wanted. */
typedef struct raft_body_shape {
  size_t entries;
  size_t responses;
  size_t ids;   /* for the lists of a snapshot's ConfState */
  size_t bytes; /* for payloads that have no owner of their own */
  bool snapshot;
} raft_body_shape;

/* Parts lie behind the struct in the same allocation, zeroed, `bytes` excepted. When the last
 * reference goes, the owners of the entries' and snapshot's data, context_owner, the bodies of the
 * responses and `shared` are released. */
struct raft_body {
  atomic_size_t references;
  const raft_allocator *allocator;
  raft_entry *entries;
  size_t entry_count;
  size_t entry_room; /* of one that can be used again: it has nothing but entries; else 0 */
  raft_message *responses;
  size_t response_count;
  raft_snapshot *snapshot; /* NULL when not wanted */
  uint64_t *ids;
  unsigned char *bytes;
  raft_buf *context_owner;
  raft_body *shared;    /* another body that this one's message points into */
  raft_body *next_dead; /* body.c's, while it frees */
};

/* One reference, the caller's. NULL when out of memory or when the sizes overflow. */
raft_body *raft_body_create(const raft_allocator *allocator, const raft_body_shape *shape);
/* For `count` entries, which are not zeroed, and nothing else. *spare (may hold NULL), if it has
 * room for them, is used up for it. */
raft_body *raft_body_of_entries(const raft_allocator *allocator, size_t count, raft_body **spare);
/* Before anybody else knows of it: `count` references instead of one. */
void raft_body_share(raft_body *body, size_t count);
/* Like release, but what can be used again becomes *spare if that is NULL. */
void raft_body_reclaim(raft_body *body, raft_body **spare);
raft_body *raft_body_retain(raft_body *body); /* NULL is allowed */
void raft_body_release(raft_body *body);      /* NULL is allowed */

#endif
