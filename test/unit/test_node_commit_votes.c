/* test_node_commit_votes.c - votes tell of commits (raft_config.commit_in_votes), which cures a
 * group that can elect nobody.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "group.h"
#include "run_suite.h"

static group g;

static void tells(raft_config *config) {
  config->commit_in_votes = true;
}

static void setup(void) {
  group_open(&g, 3, tells);
  group_elect(&g, 1);
}

static void teardown(void) {
  group_close(&g);
}

static void turn(int rounds) {
  for (int i = 0; i < rounds; i++) {
    group_turn(&g);
    group_deliver(&g);
  }
}

static uint64_t commit_of(uint64_t id) {
  return group_status(&g, id).hard_state.commit;
}

/* ---- the hole (etcd#12359) ---- */

static bool nothing_about_commits(void *ctx, const raft_message *message) {
  (void)ctx;
  return !(message->type == RAFT_MSG_APP && message->from == 1 && message->commit > 1) &&
         message->type != RAFT_MSG_HEARTBEAT;
}

/* Four voters; the leader removes 4, of which 2 and 3 never hear that it is committed. Then it
 * sends 2 an entry that a crash makes it lose itself: 2 has the longest log and the old membership.
 */
static void open_the_hole(void (*change)(raft_config *config)) {
  group_reopen(&g, 4, change);
  g.keep = nothing_about_commits;
  ck_assert_int_eq(group_propose_change(&g, 1, RAFT_CONF_REMOVE_NODE, 4), RAFT_OK);
  group_settle(&g);
  ck_assert_uint_eq(group_status(&g, 1).applied, 2);
  ck_assert_uint_eq(commit_of(2), 1);

  ck_assert_int_eq(group_propose(&g, 1, "lost by 1"), RAFT_OK);
  const raft_ready *rd = NULL;
  ck_assert_int_eq(raft_rawnode_ready(group_node(&g, 1), &rd), RAFT_OK);
  for (size_t i = 0; i < rd->message_count; i++) {
    raft_message append = rd->messages[i];
    if (append.to == 2) {
      append.commit = 1;
      ck_assert_int_eq(group_step(&g, append), RAFT_OK);
    }
  }
  group_restart(&g, 1); /* without having written anything of it */
  g.keep = NULL;
  g.members[3].cut = true; /* one of the three that are left may fail */
  g.members[4].cut = true; /* and what was removed is gone */
  group_turn(&g);
  group_lose(&g);
  ck_assert_uint_eq(group_status(&g, 1).last_index, 2);
  ck_assert_uint_eq(group_status(&g, 2).last_index, 3);
}

START_TEST(without_it_a_majority_can_be_unable_to_elect) {
  open_the_hole(NULL);
  group_tick(&g, 500);
  ck_assert_uint_eq(group_leader(&g), 0);
}
END_TEST

START_TEST(with_it_the_longest_log_learns_that_the_membership_changed) {
  open_the_hole(tells);
  group_tick(&g, 60);
  ck_assert_uint_eq(group_leader(&g), 2);
  ck_assert_int_eq(group_propose(&g, 2, "on it goes"), RAFT_OK);
  group_settle(&g);
  ck_assert_uint_eq(commit_of(1), 5);
}
END_TEST

/* ---- its parts ---- */

/* 1 and 2 know that entry 2 is committed, 3 has it and does not know. */
static void leave_3_behind(void) {
  ck_assert_int_eq(group_propose(&g, 1, "entry"), RAFT_OK);
  turn(2);
  g.members[3].cut = true;
  group_settle(&g);
  ck_assert_uint_eq(commit_of(2), 2);
  ck_assert_uint_eq(commit_of(3), 1);
  ck_assert_uint_eq(group_status(&g, 3).last_index, 2);
}

static raft_message vote_of(uint64_t commit, uint64_t commit_term) {
  raft_message vote = {.type = RAFT_MSG_PRE_VOTE,
                       .from = 2,
                       .to = 3,
                       .term = 2,
                       .log_term = 1,
                       .index = 1,
                       .commit = commit,
                       .commit_term = commit_term};
  return vote;
}

START_TEST(a_request_tells) {
  leave_3_behind();
  ck_assert_int_eq(group_step(&g, vote_of(2, 1)),
                   RAFT_OK); /* ignored otherwise: a leader is known */
  ck_assert_uint_eq(commit_of(3), 2);
}
END_TEST

START_TEST(a_rejection_tells) {
  leave_3_behind();
  ck_assert_int_eq(group_propose(&g, 1, "longer"), RAFT_OK);
  turn(1); /* 2 has it, and knows of the commit of 2 alone */
  g.members[1].cut = true;
  group_settle(&g);
  group_restart(&g, 2);
  g.members[3].cut = false;
  ck_assert_int_eq(raft_rawnode_campaign(group_node(&g, 3)), RAFT_OK);
  const raft_message *request = group_sent(&g, RAFT_MSG_PRE_VOTE, 3, 2);
  ck_assert_uint_eq(request->commit, 1);
  ck_assert_uint_eq(request->commit_term, 1);
  group_settle(&g);
  ck_assert_uint_eq(commit_of(2), 2);
  ck_assert_uint_eq(commit_of(3), 2);
}
END_TEST

START_TEST(what_is_not_in_the_log_is_not_believed) {
  leave_3_behind();
  ck_assert_int_eq(group_step(&g, vote_of(2, 2)), RAFT_OK); /* another term */
  ck_assert_int_eq(group_step(&g, vote_of(3, 1)), RAFT_OK); /* beyond the log */
  ck_assert_int_eq(group_step(&g, vote_of(2, 0)), RAFT_OK); /* nothing said */
  ck_assert_int_eq(group_step(&g, vote_of(1, 1)), RAFT_OK); /* known */
  ck_assert_uint_eq(commit_of(3), 1);
}
END_TEST

START_TEST(who_has_the_option_off_neither_tells_nor_listens) {
  group_reopen(&g, 3, NULL);
  leave_3_behind();
  ck_assert_int_eq(group_step(&g, vote_of(2, 1)), RAFT_OK);
  ck_assert_uint_eq(commit_of(3), 1);
  group_restart(&g, 2);
  ck_assert_int_eq(raft_rawnode_campaign(group_node(&g, 2)), RAFT_OK);
  const raft_message *request = group_sent(&g, RAFT_MSG_PRE_VOTE, 2, 1);
  ck_assert(request->commit == 0 && request->commit_term == 0);
}
END_TEST

START_TEST(a_candidate_that_learns_of_a_change_gives_up_and_applies_it_first) {
  ck_assert_int_eq(group_propose_change(&g, 1, RAFT_CONF_ADD_LEARNER, 9), RAFT_OK);
  turn(2);
  g.members[1].cut = true;
  group_settle(&g);
  group_lose(&g);
  ck_assert_uint_eq(commit_of(3), 1);
  g.members[2].cut = true;
  ck_assert_int_eq(raft_rawnode_campaign(group_node(&g, 3)), RAFT_OK);
  group_settle(&g);
  ck_assert_int_eq(group_status(&g, 3).soft_state.role, RAFT_PRE_CANDIDATE);
  raft_message rejection = {.type = RAFT_MSG_PRE_VOTE_RESP,
                            .from = 2,
                            .to = 3,
                            .term = 1,
                            .reject = true,
                            .commit = 2,
                            .commit_term = 1};
  ck_assert_int_eq(group_step(&g, rejection), RAFT_OK);
  ck_assert_int_eq(group_status(&g, 3).soft_state.role, RAFT_FOLLOWER);
  group_settle(&g);
  ck_assert_uint_eq(group_status(&g, 3).applied, 2);
}
END_TEST

START_TEST(a_leader_counts_for_itself) {
  ck_assert_int_eq(group_propose(&g, 1, "entry"), RAFT_OK);
  raft_message request = vote_of(2, 1);
  request.to = 1;
  request.from = 3;
  ck_assert_int_eq(group_step(&g, request), RAFT_OK);
  ck_assert_uint_eq(commit_of(1), 1);
}
END_TEST

int main(void) {
  const TTest *const tests[] = {
      without_it_a_majority_can_be_unable_to_elect,
      with_it_the_longest_log_learns_that_the_membership_changed,
      a_request_tells,
      a_rejection_tells,
      what_is_not_in_the_log_is_not_believed,
      who_has_the_option_off_neither_tells_nor_listens,
      a_candidate_that_learns_of_a_change_gives_up_and_applies_it_first,
      a_leader_counts_for_itself,
  };
  return run_suite("commit_votes", tests, sizeof tests / sizeof tests[0], setup, teardown);
}
