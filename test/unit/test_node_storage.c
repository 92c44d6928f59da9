/* test_node_storage.c - storage that has no memory to answer loses a message, never an entry.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "faulty_storage.h"
#include "group.h"
#include "run_suite.h"

static group g;
static faulty_storage faults[GROUP_MOST + 1];

static void plain(raft_config *config) {
  group_plain(config);
  faulty_storage_init(&faults[config->id], config->storage);
  config->storage = &faults[config->id].iface;
}

static void setup(void) {
  group_open(&g, 3, plain);
  group_elect(&g, 1);
  for (int i = 0; i < 4; i++) {
    ck_assert_int_eq(group_propose(&g, 1, "entry"), RAFT_OK);
  }
  group_settle(&g); /* 5 entries of term 1 */
}

static void teardown(void) {
  group_close(&g);
}

static void forget_terms(uint64_t id, bool forgetful) {
  faults[id].answers[STORAGE_TERM] = forgetful ? RAFT_ENOMEM : RAFT_OK;
}

static const raft_entry *entries_of_term_1(void) {
  static const raft_entry entries[] = {{.term = 1, .index = 6}, {.term = 1, .index = 7}};
  return entries;
}

static raft_message append_of(size_t count) {
  return (raft_message){.type = RAFT_MSG_APP,
                        .from = 1,
                        .to = 2,
                        .term = 1,
                        .log_term = 1,
                        .index = 5,
                        .commit = 5,
                        .entries = entries_of_term_1(),
                        .entry_count = count};
}

START_TEST(an_append_that_cannot_be_compared_truncates_nothing) {
  ck_assert_int_eq(group_step(&g, append_of(2)), RAFT_OK);
  (void)group_turn(&g); /* both are stored and acknowledged */
  /* An older append comes late. The term of its previous entry is still told, that of 6 not: it
   * must not pass for a conflict, which would take 7 away. */
  for (size_t call = 1; call <= 2; call++) {
    faults[2].code = RAFT_ENOMEM;
    faults[2].fail_at = faults[2].calls + call;
    ck_assert_int_eq(group_step(&g, append_of(1)), RAFT_ENOMEM);
    faults[2].fail_at = 0;
    ck_assert_uint_eq(group_status(&g, 2).last_index, 7);
  }
  ck_assert_int_eq(group_step(&g, append_of(1)), RAFT_OK);
  ck_assert_uint_eq(group_status(&g, 2).last_index, 7);
}
END_TEST

START_TEST(a_vote_that_cannot_be_judged_is_not_cast) {
  raft_message request = {
      .type = RAFT_MSG_VOTE, .from = 3, .to = 2, .term = 2, .log_term = 9, .index = 9};
  forget_terms(2, true);
  ck_assert_int_eq(group_step(&g, request), RAFT_ENOMEM);
  ck_assert_uint_eq(group_status(&g, 2).hard_state.vote, 0);
  forget_terms(2, false);
  ck_assert_int_eq(group_step(&g, request), RAFT_OK);
  ck_assert_uint_eq(group_status(&g, 2).hard_state.vote, 3);
}
END_TEST

START_TEST(a_campaign_waits_until_the_last_term_is_known) {
  forget_terms(2, true);
  ck_assert_int_eq(raft_rawnode_campaign(group_node(&g, 2)), RAFT_ENOMEM);
  ck_assert_int_eq(group_status(&g, 2).soft_state.role, RAFT_FOLLOWER);
  ck_assert_uint_eq(group_status(&g, 2).hard_state.term, 1);
  forget_terms(2, false);
  group_elect(&g, 2);
}
END_TEST

/* The acknowledgement that would have committed comes only once. */
START_TEST(a_commit_that_could_not_be_judged_is_made_up_for) {
  g.members[3].cut = true;
  ck_assert_int_eq(group_propose(&g, 1, "entry"), RAFT_OK);
  while (group_turn(&g)) {
  }
  forget_terms(1, true); /* the entry is stored by now, so its term is asked of storage */
  group_settle(&g);
  ck_assert_uint_eq(group_status(&g, 1).hard_state.commit, 5);
  group_tick(&g, 2);
  ck_assert_uint_eq(group_status(&g, 1).hard_state.commit, 5);
  forget_terms(1, false);
  group_tick(&g, 1);
  ck_assert_uint_eq(group_status(&g, 1).hard_state.commit, 6);
  ck_assert_uint_eq(g.members[2].applied, 6);
}
END_TEST

START_TEST(a_read_whose_commit_could_not_be_judged_is_made_up_for) {
  raft_bytes context = {"read", 4, NULL};
  forget_terms(1, true);
  ck_assert_int_eq(raft_rawnode_read_index(group_node(&g, 1), &context), RAFT_OK);
  group_settle(&g);
  ck_assert_uint_eq(g.members[1].read_count, 0);
  forget_terms(1, false);
  group_tick(&g, 1);
  ck_assert_uint_eq(g.members[1].read_count, 1);
  ck_assert_uint_eq(g.members[1].reads[0].index, 5);
}
END_TEST

START_TEST(a_late_acknowledgement_does_not_make_a_waiting_read_forgotten) {
  raft_bytes context = {"read", 4, NULL};
  raft_message late = {.type = RAFT_MSG_APP_RESP, .from = 3, .to = 1, .term = 1, .index = 6};
  g.members[3].cut = true;
  ck_assert_int_eq(group_propose(&g, 1, "entry"), RAFT_OK);
  group_settle(&g);
  ck_assert_uint_eq(group_status(&g, 1).hard_state.commit, 6);
  forget_terms(1, true);
  ck_assert_int_eq(raft_rawnode_read_index(group_node(&g, 1), &context), RAFT_OK);
  ck_assert_int_eq(group_step(&g, late), RAFT_OK); /* commits nothing more */
  forget_terms(1, false);
  group_tick(&g, 1);
  ck_assert_uint_eq(g.members[1].read_count, 1);
  ck_assert_uint_eq(g.members[1].reads[0].index, 6);
}
END_TEST

START_TEST(a_snapshot_that_cannot_be_compared_is_not_installed) {
  static const uint64_t voters[] = {1, 2, 3};
  ck_assert_int_eq(group_step(&g, append_of(2)), RAFT_OK);
  (void)group_turn(&g);
  raft_snapshot snapshot = {.index = 7, .term = 1, .conf_state.voters = {voters, 3}};
  raft_message message = {
      .type = RAFT_MSG_SNAP, .from = 1, .to = 2, .term = 1, .snapshot = &snapshot};
  forget_terms(2, true);
  ck_assert_int_eq(group_step(&g, message), RAFT_ENOMEM);
  ck_assert_uint_eq(group_status(&g, 2).hard_state.commit, 5);
  forget_terms(2, false);
  ck_assert_int_eq(group_step(&g, message), RAFT_OK); /* the log has it already */
  ck_assert_uint_eq(group_status(&g, 2).hard_state.commit, 7);
  ck_assert_uint_eq(group_status(&g, 2).last_index, 7);
  group_lose(&g);
}
END_TEST

int main(void) {
  const TTest *const tests[] = {
      an_append_that_cannot_be_compared_truncates_nothing,
      a_vote_that_cannot_be_judged_is_not_cast,
      a_campaign_waits_until_the_last_term_is_known,
      a_commit_that_could_not_be_judged_is_made_up_for,
      a_read_whose_commit_could_not_be_judged_is_made_up_for,
      a_late_acknowledgement_does_not_make_a_waiting_read_forgotten,
      a_snapshot_that_cannot_be_compared_is_not_installed,
  };
  return run_suite("storage answers", tests, sizeof tests / sizeof tests[0], setup, teardown);
}
