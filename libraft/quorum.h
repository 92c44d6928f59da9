/* quorum.h - what a majority, or two majorities at once, has agreed on.
 *
 * Pure functions over lists of voters. No allocation. An empty majority agrees with everything:
 * it commits UINT64_MAX and has won every vote, which makes joint quorums with an empty half plain.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RAFT_QUORUM_H
#define RAFT_QUORUM_H

#include <libraft/types.h>

typedef enum raft_vote_result {
  RAFT_VOTE_PENDING = 1,
  RAFT_VOTE_LOST = 2,
  RAFT_VOTE_WON = 3
} raft_vote_result;

/* The index that voter `id` has acknowledged; false: nothing known (counts as 0). */
typedef bool (*raft_acked_function)(const void *ctx, uint64_t id, uint64_t *index);
/* How voter `id` voted; false: not yet. */
typedef bool (*raft_voted_function)(const void *ctx, uint64_t id, bool *granted);

/* Largest index that more than half of the voters have acknowledged. */
uint64_t raft_majority_committed(raft_ids voters, raft_acked_function acked, const void *ctx);
raft_vote_result raft_majority_vote(raft_ids voters, raft_voted_function voted, const void *ctx);
/* Both halves must agree (thesis 4.3). */
uint64_t raft_joint_committed(raft_ids incoming, raft_ids outgoing, raft_acked_function acked,
                              const void *ctx);

/* The commit group of voter `id`; 0: none. */
typedef uint64_t (*raft_group_function)(const void *ctx, uint64_t id);
/* As above, but an index counts only if voters of two groups have it too. *by_groups: so it was
 * found. Otherwise: with one group for all voters, the majority decides alone; while some voters
 * have none, all of them must have it. Never more than without groups. */
uint64_t raft_majority_group_committed(raft_ids voters, raft_acked_function acked,
                                       raft_group_function group_of, const void *ctx,
                                       bool *by_groups);
uint64_t raft_joint_group_committed(raft_ids incoming, raft_ids outgoing, raft_acked_function acked,
                                    raft_group_function group_of, const void *ctx, bool *by_groups);

raft_vote_result raft_joint_vote(raft_ids incoming, raft_ids outgoing, raft_voted_function voted,
                                 const void *ctx);

#endif
