/* quorum.c - what a majority, or two majorities at once, has agreed on.
 *
 * The committed index of n voters is the (n/2 + 1)-th largest of the indexes that they have
 * acknowledged. A voter of which nothing is known counts as 0: then a missing answer can only hold
 * the index down, never raise it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "quorum.h"

/* Real groups have up to so many voters; theirs are sorted in place. */
#define RAFT_QUORUM_SMALL 15

static uint64_t acked_index(raft_acked_function acked, const void *ctx, uint64_t id) {
  uint64_t index = 0;
  return acked(ctx, id, &index) ? index : 0;
}

/* How many of the voters make a majority. */
static size_t majority_of(size_t voters) {
  return voters / 2 + 1;
}

/* Puts `index` into its place among the `count` descending ones. */
static void insert_descending(uint64_t *indexes, size_t count, uint64_t index) {
  while (count > 0 && indexes[count - 1] < index) {
    indexes[count] = indexes[count - 1];
    count--;
  }
  indexes[count] = index;
}

static uint64_t committed_by_sorting(raft_ids voters, raft_acked_function acked, const void *ctx) {
  uint64_t indexes[RAFT_QUORUM_SMALL] = {0};
  for (size_t i = 0; i < voters.count; i++) {
    insert_descending(indexes, i, acked_index(acked, ctx, voters.ids[i]));
  }
  return indexes[majority_of(voters.count) - 1];
}

static size_t count_at_least(raft_ids voters, raft_acked_function acked, const void *ctx,
                             uint64_t index) {
  size_t count = 0;
  for (size_t i = 0; i < voters.count; i++) {
    count += acked_index(acked, ctx, voters.ids[i]) >= index ? 1 : 0;
  }
  return count;
}

/* Bisection over the index itself, between the smallest and the largest acknowledged one: needs no
 * memory for any number of voters, and as many rounds as their distance has bits. */
static uint64_t committed_by_bisection(raft_ids voters, raft_acked_function acked,
                                       const void *ctx) {
  uint64_t low = UINT64_MAX;
  uint64_t high = 0;
  for (size_t i = 0; i < voters.count; i++) {
    uint64_t index = acked_index(acked, ctx, voters.ids[i]);
    low = index < low ? index : low;
    high = index > high ? index : high;
  }
  while (low < high) { /* a majority has low, none has more than high */
    uint64_t middle = high - (high - low) / 2;
    if (count_at_least(voters, acked, ctx, middle) >= majority_of(voters.count)) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return low;
}

uint64_t raft_majority_committed(raft_ids voters, raft_acked_function acked, const void *ctx) {
  if (voters.count == 0) {
    return UINT64_MAX;
  }
  return voters.count <= RAFT_QUORUM_SMALL ? committed_by_sorting(voters, acked, ctx)
                                           : committed_by_bisection(voters, acked, ctx);
}

raft_vote_result raft_majority_vote(raft_ids voters, raft_voted_function voted, const void *ctx) {
  size_t granted = 0;
  size_t missing = 0;
  if (voters.count == 0) {
    return RAFT_VOTE_WON;
  }
  for (size_t i = 0; i < voters.count; i++) {
    bool yes = false;
    if (!voted(ctx, voters.ids[i], &yes)) {
      missing++;
    } else if (yes) {
      granted++;
    }
  }
  if (granted >= majority_of(voters.count)) {
    return RAFT_VOTE_WON;
  }
  return granted + missing >= majority_of(voters.count) ? RAFT_VOTE_PENDING : RAFT_VOTE_LOST;
}

uint64_t raft_joint_committed(raft_ids incoming, raft_ids outgoing, raft_acked_function acked,
                              const void *ctx) {
  uint64_t new_half = raft_majority_committed(incoming, acked, ctx);
  uint64_t old_half = raft_majority_committed(outgoing, acked, ctx);
  return new_half < old_half ? new_half : old_half;
}

/* ---- commit groups ---- */

/* The best index of the best group, and the best one of all other groups. */
typedef struct group_best {
  uint64_t group; /* 0: no voter with a group yet */
  uint64_t first;
  uint64_t second;
  bool several; /* there is another group */
} group_best;

static uint64_t larger(uint64_t a, uint64_t b) {
  return a > b ? a : b;
}

static void add_to_groups(group_best *best, uint64_t group, uint64_t index) {
  if (best->group == 0 || group == best->group) {
    best->group = group;
    best->first = larger(best->first, index);
  } else if (index > best->first) {
    best->second = best->first;
    best->first = index;
    best->group = group;
    best->several = true;
  } else {
    best->second = larger(best->second, index);
    best->several = true;
  }
}

uint64_t raft_majority_group_committed(raft_ids voters, raft_acked_function acked,
                                       raft_group_function group_of, const void *ctx,
                                       bool *by_groups) {
  group_best best = {0, 0, 0, false};
  uint64_t quorum = raft_majority_committed(voters, acked, ctx), least = UINT64_MAX;
  bool all_grouped = true;
  for (size_t i = 0; i < voters.count; i++) {
    uint64_t index = acked_index(acked, ctx, voters.ids[i]), group = group_of(ctx, voters.ids[i]);
    least = index < least ? index : least;
    if (group == 0) {
      all_grouped = false;
    } else {
      add_to_groups(&best, group, index);
    }
  }
  *by_groups = best.several || voters.count == 0;
  if (best.several) {
    return best.second < quorum ? best.second : quorum;
  }
  return all_grouped ? quorum : least;
}

uint64_t raft_joint_group_committed(raft_ids incoming, raft_ids outgoing, raft_acked_function acked,
                                    raft_group_function group_of, const void *ctx,
                                    bool *by_groups) {
  bool new_by_groups = false, old_by_groups = false;
  uint64_t new_half = raft_majority_group_committed(incoming, acked, group_of, ctx, &new_by_groups);
  uint64_t old_half = raft_majority_group_committed(outgoing, acked, group_of, ctx, &old_by_groups);
  *by_groups = new_by_groups && old_by_groups;
  return new_half < old_half ? new_half : old_half;
}

raft_vote_result raft_joint_vote(raft_ids incoming, raft_ids outgoing, raft_voted_function voted,
                                 const void *ctx) {
  raft_vote_result new_half = raft_majority_vote(incoming, voted, ctx);
  raft_vote_result old_half = raft_majority_vote(outgoing, voted, ctx);
  if (new_half == old_half) {
    return new_half;
  }
  bool lost = new_half == RAFT_VOTE_LOST || old_half == RAFT_VOTE_LOST;
  return lost ? RAFT_VOTE_LOST : RAFT_VOTE_PENDING;
}
