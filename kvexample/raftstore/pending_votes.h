/* pending_votes.h - votes for regions that this store will have in a moment.
 *
 * Where a split is not applied yet, the candidate of the new region finds nobody. Without its vote
 * the region might wait for an election timeout. So the vote is kept and delivered once the peer is
 * there. What is too old does no harm: Raft knows its term.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_RAFTSTORE_PENDING_VOTES_H
#define KV_RAFTSTORE_PENDING_VOTES_H

#include <libraft/bytes.h>
#include <stddef.h>
#include <stdint.h>

/* So many are kept, none larger than so many bytes; the oldest makes room. */
#define KV_PENDING_VOTES      256u
#define KV_PENDING_VOTE_BYTES 4096u

typedef struct kv_pending_vote {
  uint64_t region_id; /* 0: a free place */
  uint64_t from_store;
  raft_buf *payload;
} kv_pending_vote;

/* Zero-initialised is empty. */
typedef struct kv_pending_votes {
  kv_pending_vote *places; /* a ring, made with the first vote */
  size_t next;
} kv_pending_votes;

void kv_pending_votes_free(kv_pending_votes *votes);
/* Copies the frame; one of the same store for the same region is replaced. May be lost. */
void kv_pending_votes_keep(kv_pending_votes *votes, uint64_t region_id, uint64_t from_store,
                           raft_bytes payload);
/* Takes out one for the region; the caller releases it. NULL: there is none. */
raft_buf *kv_pending_votes_take(kv_pending_votes *votes, uint64_t region_id, uint64_t *from_store);

#endif
