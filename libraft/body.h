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
raft_body *raft_body_retain(raft_body *body); /* NULL is allowed */
void raft_body_release(raft_body *body);      /* NULL is allowed */

#endif
