/* test_node_batch.c - fewer messages when wanted: batch_append, skip_commit_broadcast; and one
 * more, when asked for: ping.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "group.h"
#include "run_suite.h"

static group g;

static void batches(raft_config *config) {
  config->batch_append = true;
}

static void batches_small(raft_config *config) {
  config->batch_append = true;
  config->max_size_per_message = 40; /* two entries of 16 bytes, or so */
  config->max_inflight_messages = 3;
}

static void skips(raft_config *config) {
  config->skip_commit_broadcast = true;
}

static void reopen(void (*change)(raft_config *config)) {
  group_reopen(&g, 3, change);
  memset(g.delivered, 0, sizeof g.delivered);
}

static void setup(void) {
  group_open(&g, 3, batches);
  group_elect(&g, 1);
  memset(g.delivered, 0, sizeof g.delivered);
}

static void teardown(void) {
  group_close(&g);
}

static void propose(int count) {
  for (int i = 0; i < count; i++) {
    ck_assert_int_eq(group_propose(&g, 1, "12345678"), RAFT_OK);
  }
}

/* Handles one Ready of the leader: appends in flight to 2. */
static size_t appends_to_2(void) {
  size_t count = 0;
  group_turn(&g);
  for (size_t i = 0; i < g.queued; i++) {
    count += g.queue[i].type == RAFT_MSG_APP && g.queue[i].to == 2 ? 1 : 0;
  }
  return count;
}

START_TEST(proposals_of_one_turn_travel_in_one_append) {
  propose(20);
  ck_assert_uint_eq(appends_to_2(), 1);
  const raft_message *append = group_sent(&g, RAFT_MSG_APP, 1, 2);
  ck_assert_uint_eq(append->entry_count, 20);
  group_settle(&g);
  ck_assert_uint_eq(group_status(&g, 2).applied, 21);
  group_expect_equal(&g);
}
END_TEST

START_TEST(without_the_option_each_has_its_own) {
  reopen(NULL);
  propose(20);
  ck_assert_uint_eq(appends_to_2(), 20);
}
END_TEST

START_TEST(a_commit_and_new_entries_travel_together) {
  propose(1);
  group_turn(&g);
  group_deliver(&g); /* followers have it */
  group_turn(&g);
  group_deliver(&g); /* and their answers commit it */
  propose(2);
  ck_assert_uint_eq(appends_to_2(), 1);
  const raft_message *append = group_sent(&g, RAFT_MSG_APP, 1, 2);
  ck_assert_uint_eq(append->entry_count, 2);
  ck_assert_uint_eq(append->commit, 2);
  group_settle(&g);
  group_expect_equal(&g);
}
END_TEST

START_TEST(limits_of_size_and_window_hold) {
  reopen(batches_small);
  propose(9);
  ck_assert_uint_eq(appends_to_2(), 3); /* the window's three */
  for (size_t i = 0; i < g.queued; i++) {
    ck_assert(g.queue[i].entry_count <= 2);
  }
  raft_progress_status progress = group_progress(&g, 2);
  ck_assert_uint_eq(progress.inflight, 3);
  ck_assert(progress.inflight_full);
  group_settle(&g);
  ck_assert_uint_eq(group_status(&g, 3).applied, 10);
  group_expect_equal(&g);
}
END_TEST

START_TEST(what_is_owed_by_a_leader_that_steps_down_is_not_sent) {
  propose(3);
  raft_message newer = {.type = RAFT_MSG_HEARTBEAT, .from = 3, .to = 1, .term = 5};
  ck_assert_int_eq(group_step(&g, newer), RAFT_OK);
  ck_assert_uint_eq(appends_to_2(), 0);
}
END_TEST

START_TEST(one_that_finds_no_memory_is_made_up_for) {
  propose(3);
  for (size_t n = 1; n <= 12; n++) {
    failing_allocator_arm(&g.members[1].memory, n, true);
    group_turn(&g);
    failing_allocator_arm(&g.members[1].memory, 0, false);
    group_settle(&g);
    group_tick(&g, 2);
    propose(1);
  }
  group_settle(&g);
  group_tick(&g, 2);
  ck_assert_uint_eq(group_status(&g, 2).applied, 16);
  group_expect_equal(&g);
}
END_TEST

START_TEST(a_commit_waits_for_the_next_heartbeat) {
  reopen(skips);
  propose(1);
  group_settle(&g);
  ck_assert_uint_eq(group_status(&g, 1).hard_state.commit, 2);
  ck_assert_uint_eq(group_status(&g, 2).hard_state.commit, 1);
  ck_assert_uint_eq(g.delivered[RAFT_MSG_APP], 2);
  group_tick(&g, 1);
  ck_assert_uint_eq(group_status(&g, 2).hard_state.commit, 2);
  ck_assert_uint_eq(g.delivered[RAFT_MSG_APP], 2);
}
END_TEST

START_TEST(or_for_the_next_entries) {
  reopen(skips);
  propose(1);
  group_settle(&g);
  propose(1);
  group_settle(&g);
  ck_assert_uint_eq(group_status(&g, 2).hard_state.commit, 2);
  ck_assert_uint_eq(g.delivered[RAFT_MSG_APP], 4);
}
END_TEST

START_TEST(but_a_change_of_membership_does_not_wait) {
  reopen(skips);
  ck_assert_int_eq(group_propose_change(&g, 1, RAFT_CONF_ADD_LEARNER, 4), RAFT_OK);
  group_settle(&g);
  ck_assert_uint_eq(group_status(&g, 2).applied, 2);
  ck_assert_uint_eq(group_status(&g, 3).applied, 2);
}
END_TEST

START_TEST(a_ping_is_a_round_of_heartbeats_of_the_leader_alone) {
  for (uint64_t id = 1; id <= 3; id++) {
    ck_assert_int_eq(raft_rawnode_ping(group_node(&g, id)), RAFT_OK);
  }
  group_settle(&g);
  ck_assert_uint_eq(g.delivered[RAFT_MSG_HEARTBEAT], 2);
  ck_assert_uint_eq(g.delivered[RAFT_MSG_HEARTBEAT_RESP], 2);
}
END_TEST

int main(void) {
  const TTest *const tests[] = {
      proposals_of_one_turn_travel_in_one_append,
      without_the_option_each_has_its_own,
      a_commit_and_new_entries_travel_together,
      limits_of_size_and_window_hold,
      what_is_owed_by_a_leader_that_steps_down_is_not_sent,
      one_that_finds_no_memory_is_made_up_for,
      a_commit_waits_for_the_next_heartbeat,
      or_for_the_next_entries,
      but_a_change_of_membership_does_not_wait,
      a_ping_is_a_round_of_heartbeats_of_the_leader_alone,
  };
  return run_suite("batch", tests, sizeof tests / sizeof tests[0], setup, teardown);
}
