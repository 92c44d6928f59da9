/* test_node_priority.c - who has the highest priority leads, if it is fit to
 * (raft_config.priority).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "group.h"
#include "run_suite.h"

static group g;

/* Node n of three has priority 10 n. */
static void by_id(raft_config *config) {
  config->priority = 10 * (int64_t)config->id;
}

static void by_id_without_lease(raft_config *config) {
  by_id(config);
  config->check_quorum = false;
}

static void below_zero(raft_config *config) {
  config->priority = -10 * (int64_t)config->id;
}

static void setup(void) {
  group_open(&g, 3, by_id);
}

static void teardown(void) {
  group_close(&g);
}

static void campaign(uint64_t id) {
  ck_assert_int_eq(raft_rawnode_campaign(group_node(&g, id)), RAFT_OK);
  group_settle(&g);
}

static raft_role role_of(uint64_t id) {
  return group_status(&g, id).soft_state.role;
}

START_TEST(a_voter_refuses_candidates_of_lower_priority) {
  campaign(1);
  ck_assert_int_ne(role_of(1), RAFT_LEADER);
  campaign(3);
  ck_assert_int_eq(role_of(3), RAFT_LEADER);
}
END_TEST

START_TEST(a_quorum_without_higher_ones_is_enough) {
  campaign(2); /* has the votes of 1 and its own */
  ck_assert_int_eq(role_of(2), RAFT_LEADER);
}
END_TEST

START_TEST(requests_carry_it_and_nothing_when_it_is_zero) {
  ck_assert_int_eq(raft_rawnode_campaign(group_node(&g, 2)), RAFT_OK);
  ck_assert_int_eq(group_sent(&g, RAFT_MSG_PRE_VOTE, 2, 1)->priority, 20);
  group_close(&g);
  group_open(&g, 3, NULL);
  ck_assert_int_eq(raft_rawnode_campaign(group_node(&g, 2)), RAFT_OK);
  ck_assert_int_eq(group_sent(&g, RAFT_MSG_PRE_VOTE, 2, 1)->priority, 0);
}
END_TEST

START_TEST(priorities_may_be_below_zero) {
  group_close(&g);
  group_open(&g, 3, below_zero);
  campaign(3);
  ck_assert_int_ne(role_of(3), RAFT_LEADER);
  campaign(1);
  ck_assert_int_eq(role_of(1), RAFT_LEADER);
}
END_TEST

START_TEST(a_longer_log_goes_before_priority) {
  group_elect(&g, 3);
  g.members[3].cut = true;
  ck_assert_int_eq(group_propose(&g, 3, "lost"), RAFT_OK);
  group_tick(&g, 60); /* 2 leads 1 and itself */
  ck_assert_uint_eq(group_leader(&g), 2);
  g.members[2].cut = true;
  g.members[3].cut = false;
  group_tick(&g, 60);
  ck_assert_uint_eq(group_leader(&g), 1); /* has what 2 committed, 3 has not */
}
END_TEST

START_TEST(pre_votes_go_by_it_and_disturb_nobody) {
  group_elect(&g, 3);
  uint64_t term = group_status(&g, 3).hard_state.term;
  group_restart(&g, 2); /* knows no leader, so that only priority is in the way */
  raft_message ask = {.type = RAFT_MSG_PRE_VOTE,
                      .from = 1,
                      .to = 2,
                      .term = term + 1,
                      .log_term = term,
                      .index = group_status(&g, 2).last_index,
                      .priority = 19};
  ck_assert_int_eq(group_step(&g, ask), RAFT_OK);
  ck_assert(group_sent(&g, RAFT_MSG_PRE_VOTE_RESP, 2, 1)->reject);
  group_lose(&g);
  ask.priority = 20;
  ck_assert_int_eq(group_step(&g, ask), RAFT_OK);
  ck_assert(!group_sent(&g, RAFT_MSG_PRE_VOTE_RESP, 2, 1)->reject);
  ck_assert_uint_eq(group_status(&g, 2).hard_state.term, term);
}
END_TEST

START_TEST(a_hand_over_goes_before_priority) {
  group_elect(&g, 3);
  ck_assert_int_eq(raft_rawnode_transfer_leader(group_node(&g, 3), 1), RAFT_OK);
  group_settle(&g);
  ck_assert_uint_eq(group_leader(&g), 1);
}
END_TEST

START_TEST(who_cannot_lead_holds_nobody_up) {
  raft_conf_change_single single = {RAFT_CONF_ADD_LEARNER, 3};
  raft_conf_change_v2 demote = {.changes = &single, .change_count = 1};
  ck_assert_int_eq(raft_rawnode_apply_conf_change(group_node(&g, 3), &demote, NULL), RAFT_OK);
  g.members[2].cut = true; /* 3 is a voter as far as 1 knows, and a learner as far as it does */
  campaign(1);
  ck_assert_int_eq(role_of(1), RAFT_LEADER);
}
END_TEST

/* Its application is slow, and till it has applied the change it may not campaign. */
START_TEST(nor_does_who_may_not_campaign_yet) {
  group_close(&g);
  group_open(&g, 3, by_id_without_lease);
  raft_entry change = {.term = 1, .index = 1, .type = RAFT_ENTRY_CONF_CHANGE};
  raft_message append = {
      .type = RAFT_MSG_APP, .from = 1, .to = 3, .term = 1, .entries = &change, .entry_count = 1};
  raft_message vote = {.type = RAFT_MSG_VOTE,
                       .from = 1,
                       .to = 3,
                       .term = 2,
                       .log_term = 1,
                       .index = 1,
                       .priority = 10};
  ck_assert_int_eq(group_step(&g, append), RAFT_OK);
  ck_assert_int_eq(group_step(&g, vote), RAFT_OK);
  ck_assert_uint_eq(group_status(&g, 3).hard_state.vote, 0); /* not committed: 3 may */
  append.term = vote.term = 3;
  append.commit = 1;
  ck_assert_int_eq(group_step(&g, append), RAFT_OK);
  vote.term = 4;
  ck_assert_int_eq(group_step(&g, vote), RAFT_OK);
  ck_assert_uint_eq(group_status(&g, 3).hard_state.vote, 1);
}
END_TEST

START_TEST(it_can_be_changed_at_run_time) {
  ck_assert_int_eq(raft_rawnode_set_priority(group_node(&g, 1), 100), RAFT_OK);
  ck_assert_int_eq(raft_rawnode_set_priority(group_node(&g, 3), 0), RAFT_OK);
  campaign(1);
  ck_assert_int_eq(role_of(1), RAFT_LEADER);
}
END_TEST

START_TEST(zero_takes_no_memory_and_another_may_find_none) {
  group_close(&g);
  group_open(&g, 3, NULL);
  failing_allocator_arm(&g.members[1].memory, 1, true);
  ck_assert_int_eq(raft_rawnode_set_priority(group_node(&g, 1), 0), RAFT_OK);
  ck_assert_int_eq(raft_rawnode_set_priority(group_node(&g, 1), 1), RAFT_ENOMEM);
  failing_allocator_arm(&g.members[1].memory, 0, false);
  ck_assert_int_eq(raft_rawnode_set_priority(group_node(&g, 1), 1), RAFT_OK);
}
END_TEST

START_TEST(left_alone_the_highest_leads_sooner_or_later) {
  for (uint64_t seed = 1; seed <= 5; seed++) {
    group_close(&g);
    group_open(&g, 3, by_id);
    for (uint64_t id = 1; id <= 3; id++) {
      raft_rawnode_close(g.members[id].node);
      g.members[id].config.seed = seed;
      ck_assert_int_eq(raft_rawnode_open(&g.members[id].config, &g.members[id].node), RAFT_OK);
    }
    group_tick(&g, 200);
    ck_assert_uint_ge(group_leader(&g), 2); /* 1 never has a quorum */
  }
}
END_TEST

int main(void) {
  const TTest *const tests[] = {
      a_voter_refuses_candidates_of_lower_priority,
      a_quorum_without_higher_ones_is_enough,
      requests_carry_it_and_nothing_when_it_is_zero,
      priorities_may_be_below_zero,
      a_longer_log_goes_before_priority,
      pre_votes_go_by_it_and_disturb_nobody,
      a_hand_over_goes_before_priority,
      who_cannot_lead_holds_nobody_up,
      nor_does_who_may_not_campaign_yet,
      it_can_be_changed_at_run_time,
      zero_takes_no_memory_and_another_may_find_none,
      left_alone_the_highest_leads_sooner_or_later,
  };
  return run_suite("priority", tests, sizeof tests / sizeof tests[0], setup, teardown);
}
