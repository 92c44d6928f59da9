/* test_node_group_commit.c - with group commit, what is committed is in two commit groups.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "group.h"
#include "libraft/quorum.h"
#include "run_suite.h"

static group g;

/* ---- the arithmetic, against its definition ---- */

enum { VOTERS = 4, INDEXES = 4, GROUPS = 3 };

typedef struct model {
  uint64_t index[VOTERS + 1]; /* by id */
  uint64_t group[VOTERS + 1];
} model;

static bool acked(const void *ctx, uint64_t id, uint64_t *index) {
  const model *m = ctx;
  *index = m->index[id];
  return true;
}

static uint64_t group_of(const void *ctx, uint64_t id) {
  const model *m = ctx;
  return m->group[id];
}

static bool two_groups_have(const model *m, raft_ids voters, uint64_t index) {
  for (size_t a = 0; a < voters.count; a++) {
    for (size_t b = 0; b < a; b++) {
      uint64_t one = voters.ids[a], other = voters.ids[b];
      if (m->group[one] != 0 && m->group[other] != 0 && m->group[one] != m->group[other] &&
          m->index[one] >= index && m->index[other] >= index) {
        return true;
      }
    }
  }
  return false;
}

static size_t count_having(const model *m, raft_ids voters, uint64_t index) {
  size_t count = 0;
  for (size_t i = 0; i < voters.count; i++) {
    count += m->index[voters.ids[i]] >= index ? 1 : 0;
  }
  return count;
}

static uint64_t by_definition(const model *m, raft_ids voters, bool *by_groups) {
  bool ungrouped = false;
  uint64_t best = 0;
  for (size_t i = 0; i < voters.count; i++) {
    ungrouped = ungrouped || m->group[voters.ids[i]] == 0;
  }
  *by_groups = two_groups_have(m, voters, 0);
  for (uint64_t index = 1; index < INDEXES; index++) {
    size_t having = count_having(m, voters, index);
    bool enough =
        *by_groups ? two_groups_have(m, voters, index) : !ungrouped || having == voters.count;
    if (2 * having > voters.count && enough) {
      best = index;
    }
  }
  return best;
}

/* All indexes and groups of up to four voters. */
START_TEST(the_index_is_that_of_the_definition) {
  static const uint64_t ids[VOTERS] = {1, 2, 3, 4};
  const unsigned states = INDEXES * GROUPS;
  for (size_t count = 1; count <= VOTERS; count++) {
    raft_ids voters = {ids, count};
    unsigned all = 1;
    for (size_t i = 0; i < count; i++) {
      all *= states;
    }
    for (unsigned n = 0; n < all; n++) {
      model m = {{0}, {0}};
      unsigned rest = n;
      for (size_t i = 1; i <= count; i++, rest /= states) {
        m.index[i] = rest % INDEXES;
        m.group[i] = rest / INDEXES % GROUPS;
      }
      bool expected_by = false, by = false;
      uint64_t expected = by_definition(&m, voters, &expected_by);
      ck_assert_uint_eq(raft_majority_group_committed(voters, acked, group_of, &m, &by), expected);
      ck_assert_int_eq(by, expected_by);
      ck_assert_uint_le(expected, raft_majority_committed(voters, acked, &m));
    }
  }
}
END_TEST

START_TEST(both_halves_of_a_joint_configuration_must_agree) {
  static const uint64_t old_ids[] = {1, 2}, new_ids[] = {3, 4};
  raft_ids old_half = {old_ids, 2}, new_half = {new_ids, 2}, none = {NULL, 0};
  model m = {{0, 9, 8, 7, 6}, {0, 1, 2, 1, 2}};
  bool by = false;
  ck_assert_uint_eq(raft_joint_group_committed(new_half, old_half, acked, group_of, &m, &by), 6);
  ck_assert(by);
  m.group[2] = 1; /* the old half is in one group: its majority decides */
  ck_assert_uint_eq(raft_joint_group_committed(new_half, old_half, acked, group_of, &m, &by), 6);
  ck_assert(!by);
  ck_assert_uint_eq(raft_joint_group_committed(new_half, none, acked, group_of, &m, &by), 6);
  ck_assert(by);
}
END_TEST

/* ---- groups of nodes ---- */

static void setup(void) {
  group_open(&g, 5, NULL);
  group_elect(&g, 1);
}

static void teardown(void) {
  group_close(&g);
}

static void assign(uint64_t one, uint64_t two, uint64_t three, uint64_t four, uint64_t five) {
  raft_commit_group groups[] = {{1, one}, {2, two}, {3, three}, {4, four}, {5, five}};
  ck_assert_int_eq(raft_rawnode_assign_commit_groups(group_node(&g, 1), groups, 5), RAFT_OK);
}

static void enable(bool on) {
  ck_assert_int_eq(raft_rawnode_enable_group_commit(group_node(&g, 1), on), RAFT_OK);
}

static uint64_t commit(void) {
  return group_status(&g, 1).hard_state.commit;
}

/* Proposes one entry while 4 and 5 are away. */
static void propose_to_three(void) {
  g.members[4].cut = g.members[5].cut = true;
  ck_assert_int_eq(group_propose(&g, 1, "entry"), RAFT_OK);
  group_settle(&g);
}

START_TEST(a_quorum_in_one_group_is_not_enough) {
  assign(7, 7, 7, 8, 8);
  enable(true);
  propose_to_three();
  ck_assert_uint_eq(commit(), 1);
  g.members[5].cut = false;
  group_tick(&g, 2);
  ck_assert_uint_eq(commit(), 2);
  group_tick(&g, 1);
  ck_assert_uint_eq(group_status(&g, 5).applied, 2);
}
END_TEST

START_TEST(a_quorum_in_two_groups_is) {
  assign(7, 7, 8, 8, 8);
  enable(true);
  propose_to_three();
  ck_assert_uint_eq(commit(), 2);
}
END_TEST

START_TEST(a_voter_without_a_group_holds_one_group_up) {
  assign(7, 7, 7, 7, 0);
  enable(true);
  propose_to_three();
  ck_assert_uint_eq(commit(), 1);
  g.members[4].cut = false;
  group_tick(&g, 2);
  ck_assert_uint_eq(commit(), 1); /* all but 5 */
  assign(7, 7, 7, 7, 7);
  ck_assert_uint_eq(commit(), 2); /* one group for all: the quorum decides */
}
END_TEST

START_TEST(switching_it_off_commits_at_once_and_tells) {
  assign(7, 7, 7, 8, 8);
  enable(true);
  propose_to_three();
  ck_assert_uint_eq(commit(), 1);
  enable(false);
  ck_assert_uint_eq(commit(), 2);
  group_settle(&g);
  ck_assert_uint_eq(group_status(&g, 3).hard_state.commit, 2);
}
END_TEST

START_TEST(groups_can_be_changed_and_cleared) {
  assign(7, 7, 7, 8, 8);
  enable(true);
  propose_to_three();
  raft_commit_group other = {2, 9};
  ck_assert_int_eq(raft_rawnode_assign_commit_groups(group_node(&g, 1), &other, 1), RAFT_OK);
  ck_assert_uint_eq(commit(), 2);
  ck_assert_int_eq(group_propose(&g, 1, "entry"), RAFT_OK);
  ck_assert_int_eq(raft_rawnode_clear_commit_groups(group_node(&g, 1)), RAFT_OK);
  group_settle(&g);
  ck_assert_uint_eq(commit(), 2); /* nobody has a group: all must have it */
  enable(false);
  ck_assert_uint_eq(commit(), 3);
}
END_TEST

START_TEST(without_it_groups_mean_nothing) {
  assign(7, 7, 7, 8, 8);
  propose_to_three();
  ck_assert_uint_eq(commit(), 2);
}
END_TEST

START_TEST(a_joint_change_needs_two_groups_in_each_half) {
  static const raft_conf_change_single swap[] = {{RAFT_CONF_REMOVE_NODE, 4},
                                                 {RAFT_CONF_REMOVE_NODE, 5}};
  raft_conf_change_v2 change = {
      .transition = RAFT_TRANSITION_JOINT_EXPLICIT, .changes = swap, .change_count = 2};
  assign(7, 7, 8, 9, 9);
  enable(true);
  ck_assert_int_eq(raft_rawnode_propose_conf_change_v2(group_node(&g, 1), &change), RAFT_OK);
  group_settle(&g);
  ck_assert_uint_eq(commit(), 2);
  g.members[3].cut =
      true; /* 1 2 4 5 are quorums of both halves, and in two groups of the old one */
  ck_assert_int_eq(group_propose(&g, 1, "entry"), RAFT_OK);
  group_settle(&g);
  ck_assert_uint_eq(commit(), 2);
  g.members[3].cut = false;
  group_tick(&g, 2);
  ck_assert_uint_eq(commit(), 3);
}
END_TEST

START_TEST(it_says_whether_it_is_consistent) {
  bool consistent = true;
  raft_rawnode *leader = group_node(&g, 1);
  ck_assert_int_eq(raft_rawnode_group_commit_consistent(leader, &consistent), RAFT_OK);
  ck_assert(!consistent); /* off */
  propose_to_three();
  assign(7, 7, 7, 8, 8);
  enable(true);
  ck_assert_int_eq(raft_rawnode_group_commit_consistent(leader, &consistent), RAFT_OK);
  ck_assert(!consistent); /* committed before in one group */
  g.members[4].cut = g.members[5].cut = false;
  group_tick(&g, 2);
  ck_assert_int_eq(raft_rawnode_group_commit_consistent(leader, &consistent), RAFT_OK);
  ck_assert(consistent);
  assign(7, 7, 7, 7, 7);
  ck_assert_int_eq(raft_rawnode_group_commit_consistent(leader, &consistent), RAFT_OK);
  ck_assert(!consistent); /* one group is none */
}
END_TEST

START_TEST(only_a_leader_that_applied_in_its_term_knows) {
  bool consistent = false;
  ck_assert_int_eq(raft_rawnode_group_commit_consistent(group_node(&g, 2), &consistent),
                   RAFT_EUSAGE);
  group_close(&g);
  group_open(&g, 3, NULL);
  ck_assert_int_eq(raft_rawnode_campaign(group_node(&g, 1)), RAFT_OK);
  while (group_leader(&g) == 0) {
    group_turn(&g);
    group_deliver(&g);
  }
  ck_assert_int_eq(raft_rawnode_group_commit_consistent(group_node(&g, 1), &consistent),
                   RAFT_EUSAGE);
  group_settle(&g);
  ck_assert_int_eq(raft_rawnode_group_commit_consistent(group_node(&g, 1), &consistent), RAFT_OK);
}
END_TEST

START_TEST(bad_ids_and_want_of_memory_change_nothing) {
  raft_commit_group groups[] = {{2, 9}, {0, 9}};
  raft_rawnode *leader = group_node(&g, 1);
  ck_assert_int_eq(raft_rawnode_assign_commit_groups(leader, groups, 2), RAFT_EINVAL);
  groups[1].id = 3;
  size_t failures = 0;
  int rc = RAFT_ENOMEM;
  for (size_t n = 1; rc != RAFT_OK; n++) {
    failing_allocator_arm(&g.members[1].memory, n, false);
    rc = raft_rawnode_assign_commit_groups(leader, groups, 2);
    ck_assert(rc == RAFT_OK || rc == RAFT_ENOMEM);
    failures += rc == RAFT_OK ? 0 : 1;
  }
  ck_assert_uint_eq(failures, 2);
  failing_allocator_arm(&g.members[2].memory, 1, true);
  ck_assert_int_eq(raft_rawnode_enable_group_commit(group_node(&g, 2), false), RAFT_OK);
  ck_assert_int_eq(raft_rawnode_enable_group_commit(group_node(&g, 2), true), RAFT_ENOMEM);
  ck_assert_int_eq(raft_rawnode_clear_commit_groups(group_node(&g, 2)), RAFT_OK);
  failing_allocator_arm(&g.members[2].memory, 0, false);
}
END_TEST

int main(void) {
  const TTest *const tests[] = {
      the_index_is_that_of_the_definition,
      both_halves_of_a_joint_configuration_must_agree,
      a_quorum_in_one_group_is_not_enough,
      a_quorum_in_two_groups_is,
      a_voter_without_a_group_holds_one_group_up,
      switching_it_off_commits_at_once_and_tells,
      groups_can_be_changed_and_cleared,
      without_it_groups_mean_nothing,
      a_joint_change_needs_two_groups_in_each_half,
      it_says_whether_it_is_consistent,
      only_a_leader_that_applied_in_its_term_knows,
      bad_ids_and_want_of_memory_change_nothing,
  };
  return run_suite("group_commit", tests, sizeof tests / sizeof tests[0], setup, teardown);
}
