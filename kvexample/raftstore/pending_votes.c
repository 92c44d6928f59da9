/* pending_votes.c - votes for regions that this store will have in a moment.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "raftstore/pending_votes.h"

#include <stdlib.h>

static void empty(kv_pending_vote *vote) {
  raft_buf_release(vote->payload);
  *vote = (kv_pending_vote){0};
}

void kv_pending_votes_free(kv_pending_votes *votes) {
  for (size_t i = 0; votes->places != NULL && i < KV_PENDING_VOTES; i++) {
    empty(&votes->places[i]);
  }
  free(votes->places);
  *votes = (kv_pending_votes){0};
}

/* The one that the new vote takes the place of: the same voter's, or the oldest. */
static kv_pending_vote *place_for(kv_pending_votes *votes, uint64_t region_id,
                                  uint64_t from_store) {
  for (size_t i = 0; i < KV_PENDING_VOTES; i++) {
    kv_pending_vote *vote = &votes->places[i];
    if (vote->region_id == region_id && vote->from_store == from_store) {
      return vote;
    }
  }
  kv_pending_vote *oldest = &votes->places[votes->next];
  votes->next = (votes->next + 1) % KV_PENDING_VOTES;
  return oldest;
}

void kv_pending_votes_keep(kv_pending_votes *votes, uint64_t region_id, uint64_t from_store,
                           raft_bytes payload) {
  if (payload.len > KV_PENDING_VOTE_BYTES) {
    return;
  }
  if (votes->places == NULL) {
    votes->places = calloc(KV_PENDING_VOTES, sizeof *votes->places);
  }
  raft_buf *copy = votes->places != NULL ? raft_buf_copy(NULL, payload.data, payload.len) : NULL;
  if (copy != NULL) {
    kv_pending_vote *vote = place_for(votes, region_id, from_store);
    empty(vote);
    *vote = (kv_pending_vote){region_id, from_store, copy};
  }
}

raft_buf *kv_pending_votes_take(kv_pending_votes *votes, uint64_t region_id, uint64_t *from_store) {
  for (size_t i = 0; votes->places != NULL && i < KV_PENDING_VOTES; i++) {
    kv_pending_vote *vote = &votes->places[i];
    if (vote->region_id == region_id) {
      raft_buf *payload = vote->payload;
      *from_store = vote->from_store;
      *vote = (kv_pending_vote){0};
      return payload;
    }
  }
  return NULL;
}
