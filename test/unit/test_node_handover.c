/* test_node_handover.c - a leader that is taken out of the voters hands over to the best one
 * (raft_config.hand_over_on_removal).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "group.h"
#include "run_suite.h"

static group g;

static void hands_over(raft_config *config) {
  config->hand_over_on_removal = true;
}

static void hands_over_and_steps_down(raft_config *config) {
  config->hand_over_on_removal = true;
  config->step_down_on_removal = true;
}

static void reopen(size_t count, void (*change)(raft_config *config)) {
  group_reopen(&g, count, change);
  group_tick(&g, 1);
}

static void setup(void) {
  group_open(&g, 4, hands_over);
  group_elect(&g, 1);
  group_tick(&g, 1); /* everybody answered a heartbeat */
}

static void teardown(void) {
  group_close(&g);
}

static void change_member(raft_conf_change_type type, uint64_t id) {
  ck_assert_int_eq(group_propose_change(&g, 1, type, id), RAFT_OK);
}

static raft_role role_of(uint64_t id) {
  return group_status(&g, id).soft_state.role;
}

/* No append with entries above `index` reaches the one who lags. */
static uint64_t lagging, lag_from;
static bool keep_behind(void *ctx, const raft_message *message) {
  (void)ctx;
  return message->type != RAFT_MSG_APP || message->to != lagging ||
         message->index + message->entry_count <= lag_from;
}

static void let_lag(uint64_t id, uint64_t index) {
  lagging = id;
  lag_from = index;
  g.keep = keep_behind;
}

/* The leader that leaves has chosen `id`, which takes over. */
static void expect_handed_to(uint64_t id) {
  group_settle(&g);
  ck_assert_uint_eq(group_status(&g, 1).lead_transferee, id);
  group_tick(&g, 1);
  ck_assert_uint_eq(group_leader(&g), id);
}

START_TEST(a_removed_leader_hands_over_within_a_heartbeat) {
  change_member(RAFT_CONF_REMOVE_NODE, 1);
  group_settle(&g);
  group_tick(&g, 1);
  ck_assert_uint_eq(group_leader(&g), 2);
  ck_assert_uint_eq(g.delivered[RAFT_MSG_PRE_VOTE], 3); /* those of the first election */
  ck_assert_int_eq(role_of(1), RAFT_FOLLOWER);
  ck_assert_int_eq(group_propose(&g, 2, "x"), RAFT_OK);
  group_settle(&g);
  ck_assert_uint_eq(group_status(&g, 4).applied, group_status(&g, 2).applied);
}
END_TEST

START_TEST(a_demoted_leader_hands_over_too_and_stays_as_a_learner) {
  change_member(RAFT_CONF_ADD_LEARNER, 1);
  group_settle(&g);
  group_tick(&g, 1);
  ck_assert_uint_eq(group_leader(&g), 2);
  ck_assert_int_eq(group_propose(&g, 2, "x"), RAFT_OK);
  group_settle(&g);
  group_expect_equal(&g);
}
END_TEST

START_TEST(without_the_option_the_removed_leader_leads_on) {
  reopen(4, NULL);
  change_member(RAFT_CONF_REMOVE_NODE, 1);
  group_settle(&g);
  group_tick(&g, 9);
  ck_assert_uint_eq(group_leader(&g), 1);
  ck_assert_uint_eq(group_status(&g, 1).lead_transferee, 0);
}
END_TEST

START_TEST(whoever_has_the_longest_log_gets_it) {
  let_lag(2, group_status(&g, 1).last_index);
  change_member(RAFT_CONF_REMOVE_NODE, 1);
  expect_handed_to(3);
}
END_TEST

START_TEST(whoever_is_heard_of_goes_before_whoever_is_not) {
  group_tick(&g, 9); /* the leader begins to count anew who is active ... */
  g.members[2].cut = true;
  group_tick(&g, 1); /* ... and 2 is not */
  change_member(RAFT_CONF_REMOVE_NODE, 1);
  expect_handed_to(3);
}
END_TEST

/* Learners and whoever leaves with the leader are not asked. */
START_TEST(only_voters_are_chosen) {
  change_member(RAFT_CONF_ADD_LEARNER, 2);
  group_settle(&g);
  change_member(RAFT_CONF_REMOVE_NODE, 1);
  group_settle(&g);
  ck_assert_uint_eq(group_status(&g, 1).lead_transferee, 3);
}
END_TEST

START_TEST(leaving_a_joint_configuration_hands_over) {
  static const raft_conf_change_single replace[] = {{RAFT_CONF_REMOVE_NODE, 1},
                                                    {RAFT_CONF_REMOVE_NODE, 2}};
  raft_conf_change_v2 change = {
      .transition = RAFT_TRANSITION_JOINT_EXPLICIT, .changes = replace, .change_count = 2};
  ck_assert_int_eq(raft_rawnode_propose_conf_change_v2(group_node(&g, 1), &change), RAFT_OK);
  group_settle(&g);
  ck_assert_uint_eq(group_status(&g, 1).lead_transferee, 0); /* it still votes */
  ck_assert_int_eq(raft_rawnode_propose_conf_change_v2(group_node(&g, 1), NULL), RAFT_OK);
  expect_handed_to(3);
}
END_TEST

START_TEST(the_last_voter_beside_it_needs_nobody_s_vote) {
  reopen(2, hands_over);
  change_member(RAFT_CONF_REMOVE_NODE, 1);
  while (group_status(&g, 2).applied < 2) {
    group_turn(&g);
    group_deliver(&g);
  }
  g.members[1].cut = true; /* the change was its last word to 2, which applied it */
  raft_message now = {.type = RAFT_MSG_TIMEOUT_NOW, .from = 1, .to = 2, .term = 1};
  ck_assert_int_eq(group_step(&g, now), RAFT_OK);
  group_settle(&g);
  ck_assert_int_eq(role_of(2), RAFT_LEADER);
}
END_TEST

START_TEST(a_transferee_that_lags_is_helped_first) {
  reopen(2, hands_over);
  uint64_t last = group_status(&g, 1).last_index;
  change_member(RAFT_CONF_REMOVE_NODE, 1);
  for (int i = 0; i < 3; i++) {
    ck_assert_int_eq(group_propose(&g, 1, "behind the change"), RAFT_OK);
  }
  let_lag(2, last + 1);
  group_settle(&g);
  ck_assert_uint_eq(group_status(&g, 1).applied, last + 1);
  ck_assert_uint_eq(group_status(&g, 1).lead_transferee, 2);
  ck_assert_uint_eq(g.delivered[RAFT_MSG_TIMEOUT_NOW], 0);
  g.keep = NULL;
  group_tick(&g, 3);
  ck_assert_int_eq(role_of(2), RAFT_LEADER);
  ck_assert_uint_eq(group_status(&g, 2).applied, last + 5); /* its own first entry is the fifth */
}
END_TEST

START_TEST(when_nobody_takes_over_it_steps_down_after_an_election_timeout) {
  change_member(RAFT_CONF_REMOVE_NODE, 1);
  while (group_status(&g, 1).lead_transferee == 0) {
    group_turn(&g);
    group_deliver(&g);
  }
  for (uint64_t id = 2; id <= 4; id++) {
    g.members[id].cut = true;
  }
  for (int i = 0; i < 9; i++) {
    ck_assert_int_eq(raft_rawnode_tick(group_node(&g, 1)), RAFT_OK);
    group_settle(&g);
    ck_assert_int_eq(role_of(1), RAFT_LEADER);
  }
  ck_assert_int_eq(raft_rawnode_tick(group_node(&g, 1)), RAFT_OK);
  ck_assert_int_eq(role_of(1), RAFT_FOLLOWER);
  ck_assert_uint_eq(group_status(&g, 1).lead_transferee, 0);
}
END_TEST

START_TEST(with_both_options_it_hands_over_before_it_steps_down) {
  reopen(3, hands_over_and_steps_down);
  change_member(RAFT_CONF_REMOVE_NODE, 1);
  group_settle(&g);
  ck_assert_int_eq(role_of(1), RAFT_LEADER);
  group_tick(&g, 1);
  ck_assert_uint_eq(group_leader(&g), 2);
}
END_TEST

START_TEST(a_hand_over_under_way_goes_on) {
  g.members[4].cut = true;
  ck_assert_int_eq(group_propose(&g, 1, "what 4 lacks"), RAFT_OK);
  change_member(RAFT_CONF_REMOVE_NODE, 1);
  ck_assert_int_eq(raft_rawnode_transfer_leader(group_node(&g, 1), 4), RAFT_OK);
  group_settle(&g);
  ck_assert_uint_eq(group_status(&g, 1).lead_transferee, 4);
  g.members[4].cut = false;
  group_tick(&g, 3);
  ck_assert_uint_eq(group_leader(&g), 4);
}
END_TEST

START_TEST(a_leader_that_votes_again_stays) {
  group_reopen(&g, 4, hands_over);
  raft_conf_change_single single = {RAFT_CONF_ADD_LEARNER, 1};
  raft_conf_change_v2 change = {.changes = &single, .change_count = 1};
  ck_assert_int_eq(raft_rawnode_apply_conf_change(group_node(&g, 1), &change, NULL), RAFT_OK);
  ck_assert_uint_eq(group_status(&g, 1).lead_transferee, 2);
  group_turn(&g);
  group_lose(&g); /* nobody was told */
  single.type = RAFT_CONF_ADD_NODE;
  ck_assert_int_eq(raft_rawnode_apply_conf_change(group_node(&g, 1), &change, NULL), RAFT_OK);
  ck_assert_uint_eq(group_status(&g, 1).lead_transferee, 0);
  group_tick(&g, 10);
  ck_assert_int_eq(role_of(1), RAFT_LEADER);
  ck_assert_int_eq(group_propose(&g, 1, "x"), RAFT_OK);
}
END_TEST

START_TEST(a_call_that_finds_no_memory_is_repeated) {
  change_member(RAFT_CONF_REMOVE_NODE, 1);
  while (group_status(&g, 1).hard_state.commit < 2) {
    group_turn(&g);
    group_deliver(&g);
  }
  raft_conf_change_single single = {RAFT_CONF_REMOVE_NODE, 1};
  raft_conf_change_v2 change = {.changes = &single, .change_count = 1};
  size_t failures = 0;
  for (size_t n = 1; n <= 20 && group_status(&g, 1).lead_transferee == 0; n++) {
    failing_allocator_arm(&g.members[1].memory, n, true);
    int rc = raft_rawnode_apply_conf_change(group_node(&g, 1), &change, NULL);
    ck_assert(rc == RAFT_OK || rc == RAFT_ENOMEM);
    failures += rc == RAFT_OK ? 0 : 1;
    failing_allocator_arm(&g.members[1].memory, 0, false);
  }
  ck_assert_uint_gt(failures, 0);
  group_tick(&g, 3);
  ck_assert_uint_eq(group_leader(&g), 2);
}
END_TEST

int main(void) {
  const TTest *const tests[] = {
      a_removed_leader_hands_over_within_a_heartbeat,
      a_demoted_leader_hands_over_too_and_stays_as_a_learner,
      without_the_option_the_removed_leader_leads_on,
      whoever_has_the_longest_log_gets_it,
      whoever_is_heard_of_goes_before_whoever_is_not,
      only_voters_are_chosen,
      leaving_a_joint_configuration_hands_over,
      the_last_voter_beside_it_needs_nobody_s_vote,
      a_transferee_that_lags_is_helped_first,
      when_nobody_takes_over_it_steps_down_after_an_election_timeout,
      with_both_options_it_hands_over_before_it_steps_down,
      a_hand_over_under_way_goes_on,
      a_leader_that_votes_again_stays,
      a_call_that_finds_no_memory_is_repeated,
  };
  return run_suite("handover", tests, sizeof tests / sizeof tests[0], setup, teardown);
}
