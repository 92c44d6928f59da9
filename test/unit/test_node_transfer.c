/* test_node_transfer.c - leadership is handed over in one piece, or stays where it is.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "group.h"
#include "run_suite.h"

static group g;

static void setup(void) {
  group_open(&g, 3, NULL); /* pre-vote and check-quorum, as by default */
  group_elect(&g, 1);
}

static void teardown(void) {
  group_close(&g);
}

static void propose(uint64_t id, unsigned count) {
  for (unsigned i = 0; i < count; i++) {
    ck_assert_int_eq(group_propose(&g, id, "entry"), RAFT_OK);
  }
}

static void transfer(uint64_t through, uint64_t to) {
  ck_assert_int_eq(raft_rawnode_transfer_leader(group_node(&g, through), to), RAFT_OK);
}

static void change_member(raft_conf_change_type type, uint64_t id) {
  ck_assert_int_eq(group_propose_change(&g, 1, type, id), RAFT_OK);
}

static uint64_t transferee(void) {
  return group_status(&g, 1).lead_transferee;
}

START_TEST(an_up_to_date_follower_takes_over_at_once) {
  transfer(1, 2);
  ck_assert_ptr_nonnull(group_sent(&g, RAFT_MSG_TIMEOUT_NOW, 1, 2));
  group_settle(&g);
  ck_assert_uint_eq(group_leader(&g), 2); /* no tick, no pre-vote, although 3 knows a leader */
  ck_assert_uint_eq(g.delivered[RAFT_MSG_PRE_VOTE], 2);
  ck_assert_uint_eq(group_status(&g, 3).soft_state.lead, 2);
  ck_assert_uint_eq(transferee(), 0);
}
END_TEST

START_TEST(a_follower_may_ask_for_it) {
  transfer(3, 2); /* through a bystander */
  group_settle(&g);
  ck_assert_uint_eq(group_leader(&g), 2);
  transfer(3, 3); /* for itself */
  group_settle(&g);
  ck_assert_uint_eq(group_leader(&g), 3);
  transfer(1, 1); /* and back */
  group_settle(&g);
  ck_assert_uint_eq(group_leader(&g), 1);
}
END_TEST

START_TEST(without_a_leader_nobody_hands_over) {
  group_close(&g);
  group_open(&g, 3, NULL);
  transfer(1, 2);
  ck_assert(!raft_rawnode_has_ready(group_node(&g, 1)));
}
END_TEST

START_TEST(a_lagging_follower_is_helped_first) {
  g.members[3].cut = true;
  propose(1, 10);
  group_settle(&g);
  g.members[3].cut = false;
  transfer(1, 3);
  ck_assert_ptr_null(group_sent(&g, RAFT_MSG_TIMEOUT_NOW, 1, 3));
  ck_assert_uint_eq(transferee(), 3);
  group_settle(&g);
  group_tick(&g, 2);
  ck_assert_uint_eq(group_leader(&g), 3);
  group_expect_equal(&g);
}
END_TEST

START_TEST(even_through_a_snapshot) {
  g.members[3].cut = true;
  propose(1, 10);
  group_settle(&g);
  group_compact(&g, 1, 10);
  g.members[3].cut = false;
  transfer(1, 3);
  group_settle(&g);
  group_tick(&g, 2);
  ck_assert_uint_ge(g.delivered[RAFT_MSG_SNAP], 1);
  ck_assert_uint_eq(group_leader(&g), 3);
}
END_TEST

START_TEST(to_itself_a_stranger_or_a_learner_it_is_nothing) {
  change_member(RAFT_CONF_ADD_LEARNER, 4);
  group_settle(&g);
  static const uint64_t nobody[] = {1, 4, 9};
  for (size_t i = 0; i < 3; i++) {
    transfer(1, nobody[i]);
    ck_assert_uint_eq(transferee(), 0);
  }
  propose(1, 1);
  ck_assert_uint_eq(group_leader(&g), 1);
}
END_TEST

START_TEST(proposals_are_dropped_meanwhile_and_say_why) {
  g.members[2].cut = true;
  propose(1, 1);
  group_settle(&g);
  transfer(1, 2);
  ck_assert_int_eq(group_propose(&g, 1, "x"), RAFT_EDROPPED_TRANSFERRING);
  ck_assert_uint_eq(group_status(&g, 1).last_index, 2);
}
END_TEST

START_TEST(after_an_election_timeout_the_leader_takes_proposals_again) {
  g.members[2].cut = true;
  propose(1, 1);
  group_settle(&g);
  transfer(1, 2);
  group_tick(&g, 9);
  ck_assert_uint_eq(transferee(), 2);
  group_tick(&g, 1);
  ck_assert_uint_eq(transferee(), 0);
  propose(1, 1);
  group_settle(&g);
  ck_assert_uint_eq(group_leader(&g), 1);
  ck_assert_uint_eq(group_status(&g, 1).hard_state.commit, 3);
}
END_TEST

START_TEST(asking_twice_does_not_win_time_asking_for_another_does) {
  g.members[2].cut = true;
  propose(1, 1);
  group_settle(&g);
  transfer(1, 2);
  group_tick(&g, 5);
  transfer(1, 2);
  group_tick(&g, 5);
  ck_assert_uint_eq(transferee(), 0);
  transfer(1, 2);
  group_tick(&g, 5);
  transfer(1, 3); /* is up to date */
  group_settle(&g);
  ck_assert_uint_eq(group_leader(&g), 3);
}
END_TEST

START_TEST(asking_for_the_leader_itself_calls_it_off) {
  g.members[2].cut = true;
  propose(1, 1);
  group_settle(&g);
  transfer(1, 2);
  transfer(1, 1);
  ck_assert_uint_eq(transferee(), 0);
  propose(1, 1);
}
END_TEST

/* The change is in the log before the hand-over begins, and applied while it lasts. */
static void expect_abort_by(raft_conf_change_type type) {
  g.members[2].cut = true;
  change_member(type, 2);
  transfer(1, 2);
  ck_assert_uint_eq(transferee(), 2);
  group_settle(&g);
  ck_assert_uint_eq(group_status(&g, 1).applied, 2);
  ck_assert_uint_eq(transferee(), 0);
  propose(1, 1);
}

START_TEST(removing_the_transferee_calls_it_off) {
  expect_abort_by(RAFT_CONF_REMOVE_NODE);
}
END_TEST

START_TEST(making_it_a_learner_calls_it_off) {
  expect_abort_by(RAFT_CONF_ADD_LEARNER);
}
END_TEST

START_TEST(a_change_of_others_does_not) {
  g.members[2].cut = true;
  change_member(RAFT_CONF_ADD_LEARNER, 9);
  transfer(1, 2);
  group_settle(&g);
  ck_assert_uint_eq(group_status(&g, 1).applied, 2);
  ck_assert_uint_eq(transferee(), 2);
}
END_TEST

START_TEST(a_higher_term_ends_it) {
  g.members[2].cut = true;
  propose(1, 1);
  group_settle(&g);
  transfer(1, 2);
  raft_message newer = {.type = RAFT_MSG_HEARTBEAT, .from = 3, .to = 1, .term = 5};
  ck_assert_int_eq(group_step(&g, newer), RAFT_OK);
  ck_assert_uint_eq(transferee(), 0);
}
END_TEST

START_TEST(who_cannot_campaign_ignores_the_call) {
  change_member(RAFT_CONF_ADD_LEARNER, 3); /* demoted, but called all the same */
  group_settle(&g);
  raft_message now = {.type = RAFT_MSG_TIMEOUT_NOW, .from = 1, .to = 3, .term = 1};
  ck_assert_int_eq(group_step(&g, now), RAFT_OK);
  ck_assert_int_eq(group_status(&g, 3).soft_state.role, RAFT_FOLLOWER);
  ck_assert_uint_eq(group_status(&g, 3).hard_state.term, 1);
}
END_TEST

START_TEST(a_call_that_finds_no_memory_is_given_up_like_a_lost_one) {
  group_tick(&g, 1);
  failing_allocator_arm(&g.members[1].memory, 1, true);
  for (int i = 0; i < 3; i++) { /* heartbeats take what room there was */
    ck_assert_int_eq(raft_rawnode_tick(group_node(&g, 1)), RAFT_OK);
  }
  transfer(1, 2);
  ck_assert_uint_eq(transferee(), 2);
  failing_allocator_arm(&g.members[1].memory, 0, false);
  group_settle(&g);
  ck_assert_uint_eq(group_leader(&g), 1);
  group_tick(&g, 10);
  ck_assert_uint_eq(transferee(), 0);
  propose(1, 1);
}
END_TEST

int main(void) {
  const TTest *const tests[] = {
      an_up_to_date_follower_takes_over_at_once,
      a_follower_may_ask_for_it,
      without_a_leader_nobody_hands_over,
      a_lagging_follower_is_helped_first,
      even_through_a_snapshot,
      to_itself_a_stranger_or_a_learner_it_is_nothing,
      proposals_are_dropped_meanwhile_and_say_why,
      after_an_election_timeout_the_leader_takes_proposals_again,
      asking_twice_does_not_win_time_asking_for_another_does,
      asking_for_the_leader_itself_calls_it_off,
      removing_the_transferee_calls_it_off,
      making_it_a_learner_calls_it_off,
      a_change_of_others_does_not,
      a_higher_term_ends_it,
      who_cannot_campaign_ignores_the_call,
      a_call_that_finds_no_memory_is_given_up_like_a_lost_one,
  };
  return run_suite("transfer", tests, sizeof tests / sizeof tests[0], setup, teardown);
}
