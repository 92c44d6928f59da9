/* test_tracker.c - the tracker finds its members and puts the right questions to its quorums.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <libraft/error.h>
#include <stdlib.h>

#include "failing_allocator.h"
#include "libraft/tracker.h"
#include "members.h"

static failing_allocator memory;
static raft_tracker tracker;

static void setup(void) {
  failing_allocator_init(&memory);
  raft_tracker_init(&tracker, (raft_inflight_limits){.max_count = 256}, &memory.iface);
}

static void teardown(void) {
  raft_tracker_close(&tracker);
  ck_assert_uint_eq(memory.live_blocks, 0);
}

static void set_match(uint64_t id, uint64_t match) {
  raft_tracker_find(&tracker, id)->match = match;
}

static void assert_tally(raft_vote_result result, unsigned granted, unsigned rejected) {
  unsigned yes = 99;
  unsigned no = 99;
  ck_assert_int_eq((int)raft_tracker_tally_votes(&tracker, &yes, &no), (int)result);
  ck_assert_uint_eq(yes, granted);
  ck_assert_uint_eq(no, rejected);
}

/* --- members --------------------------------------------------------------------------------- */

START_TEST(members_are_found_and_strangers_are_not) {
  members_change(&tracker, 1, "v30 v10 l20");
  for (uint64_t id = 0; id <= 31; id++) {
    bool member = id == 10 || id == 20 || id == 30;
    ck_assert_int_eq(raft_tracker_find(&tracker, id) != NULL, member);
    ck_assert_ptr_eq(raft_tracker_get(&tracker, id), raft_tracker_find(&tracker, id));
    ck_assert(!member || raft_tracker_get(&tracker, id)->id == id);
  }
}
END_TEST

START_TEST(progress_ascends_by_id) {
  members_change(&tracker, 1, "v3 v1 l4 v2");
  ck_assert_uint_eq(tracker.count, 4);
  for (uint32_t i = 0; i < 4; i++) {
    ck_assert_uint_eq(tracker.progress[i].id, i + 1);
  }
}
END_TEST

START_TEST(an_empty_tracker_has_nobody) {
  ck_assert_ptr_null(raft_tracker_find(&tracker, 1));
  ck_assert(!raft_tracker_is_joint(&tracker));
  ck_assert(!raft_tracker_is_singleton(&tracker));
  ck_assert(!raft_tracker_is_voter(&tracker, 1));
  ck_assert_uint_eq(raft_tracker_committed(&tracker), UINT64_MAX);
  members_assert(&tracker, "");
}
END_TEST

START_TEST(learners_are_members_but_no_voters) {
  members_change(&tracker, 1, "v1 l2");
  ck_assert(raft_tracker_is_voter(&tracker, 1));
  ck_assert(!raft_tracker_is_voter(&tracker, 2));
  ck_assert(!raft_tracker_is_voter(&tracker, 3));
}
END_TEST

START_TEST(voters_of_either_half_are_voters) {
  members_change(&tracker, 1, "v1 v2");
  members_enter_joint(&tracker, 1, "r1 v3 l4");
  ck_assert(raft_tracker_is_joint(&tracker));
  for (uint64_t id = 1; id <= 3; id++) {
    ck_assert(raft_tracker_is_voter(&tracker, id));
  }
  ck_assert(!raft_tracker_is_voter(&tracker, 4));
}
END_TEST

START_TEST(one_voter_is_a_singleton_whatever_the_learners) {
  members_change(&tracker, 1, "v1 l2 l3");
  ck_assert(raft_tracker_is_singleton(&tracker));
  members_change(&tracker, 1, "v2");
  ck_assert(!raft_tracker_is_singleton(&tracker));
}
END_TEST

START_TEST(a_joint_configuration_is_no_singleton) {
  members_change(&tracker, 1, "v1");
  members_enter_joint(&tracker, 1, "r1 v2");
  members_assert(&tracker, "2|1");
  ck_assert(!raft_tracker_is_singleton(&tracker));
}
END_TEST

START_TEST(the_conf_state_lists_everybody) {
  members_change(&tracker, 1, "v2 v1 l5");
  members_enter_joint(&tracker, 1, "l1 v3");
  members_assert(&tracker, "2 3|1 2|5|1");
  ck_assert(!raft_tracker_conf_state(&tracker).auto_leave);
}
END_TEST

/* --- quorums --------------------------------------------------------------------------------- */

START_TEST(a_majority_of_voters_commits) {
  members_change(&tracker, 1, "v1 v2 v3 l4");
  set_match(1, 9);
  ck_assert_uint_eq(raft_tracker_committed(&tracker), 0);
  set_match(4, 9);
  ck_assert_uint_eq(raft_tracker_committed(&tracker), 0);
  set_match(3, 7);
  ck_assert_uint_eq(raft_tracker_committed(&tracker), 7);
}
END_TEST

START_TEST(both_halves_must_commit) {
  members_change(&tracker, 1, "v1 v2");
  members_enter_joint(&tracker, 1, "r1 r2 v3");
  set_match(3, 9);
  ck_assert_uint_eq(raft_tracker_committed(&tracker), 0);
  set_match(1, 5);
  set_match(2, 6);
  ck_assert_uint_eq(raft_tracker_committed(&tracker), 5);
}
END_TEST

START_TEST(a_quorum_is_active_when_a_majority_of_voters_is) {
  members_change(&tracker, 1, "v1 v2 v3 l4 l5");
  ck_assert(raft_tracker_quorum_active(&tracker)); /* new members count as active */
  raft_tracker_find(&tracker, 1)->recent_active = false;
  ck_assert(raft_tracker_quorum_active(&tracker));
  raft_tracker_find(&tracker, 2)->recent_active = false;
  ck_assert(!raft_tracker_quorum_active(&tracker));
}
END_TEST

START_TEST(both_halves_must_be_active) {
  members_change(&tracker, 1, "v1 v2");
  members_enter_joint(&tracker, 1, "r2 v3");
  ck_assert(raft_tracker_quorum_active(&tracker));
  raft_tracker_find(&tracker, 2)->recent_active = false;
  ck_assert(!raft_tracker_quorum_active(&tracker));
}
END_TEST

/* --- votes ----------------------------------------------------------------------------------- */

START_TEST(the_first_vote_of_a_member_counts) {
  members_change(&tracker, 1, "v1 v2 v3");
  assert_tally(RAFT_VOTE_PENDING, 0, 0);
  raft_tracker_record_vote(&tracker, 1, true);
  raft_tracker_record_vote(&tracker, 1, false);
  raft_tracker_record_vote(&tracker, 2, false);
  raft_tracker_record_vote(&tracker, 2, true);
  assert_tally(RAFT_VOTE_PENDING, 1, 1);
  raft_tracker_record_vote(&tracker, 3, true);
  assert_tally(RAFT_VOTE_WON, 2, 1);
}
END_TEST

START_TEST(a_majority_of_rejections_loses) {
  members_change(&tracker, 1, "v1 v2 v3");
  raft_tracker_record_vote(&tracker, 3, false);
  raft_tracker_record_vote(&tracker, 2, false);
  assert_tally(RAFT_VOTE_LOST, 0, 2);
}
END_TEST

START_TEST(votes_of_strangers_and_learners_do_not_count) {
  members_change(&tracker, 1, "v1 v2 l3");
  raft_tracker_record_vote(&tracker, 1, true);
  raft_tracker_record_vote(&tracker, 3, true);
  raft_tracker_record_vote(&tracker, 9, true);
  assert_tally(RAFT_VOTE_PENDING, 1, 0);
}
END_TEST

START_TEST(both_halves_must_be_won) {
  members_change(&tracker, 1, "v1 v2");
  members_enter_joint(&tracker, 1, "r1 r2 v3");
  raft_tracker_record_vote(&tracker, 1, true);
  raft_tracker_record_vote(&tracker, 2, true);
  assert_tally(RAFT_VOTE_PENDING, 2, 0);
  raft_tracker_record_vote(&tracker, 3, false);
  assert_tally(RAFT_VOTE_LOST, 2, 1);
}
END_TEST

START_TEST(a_new_election_starts_without_votes) {
  members_change(&tracker, 1, "v1 v2");
  raft_tracker_record_vote(&tracker, 1, false);
  raft_tracker_reset_votes(&tracker);
  assert_tally(RAFT_VOTE_PENDING, 0, 0);
  raft_tracker_record_vote(&tracker, 1, true);
  assert_tally(RAFT_VOTE_PENDING, 1, 0);
}
END_TEST

/* --- memory ---------------------------------------------------------------------------------- */

START_TEST(an_idle_tracker_of_three_voters_is_small) {
  members_change(&tracker, 1, "v1 v2 v3");
  ck_assert_uint_eq(memory.live_blocks, 2);
  ck_assert_uint_le(memory.live_bytes + sizeof tracker, 448);
}
END_TEST

START_TEST(questions_allocate_nothing) {
  members_change(&tracker, 1, "v1 v2 v3 v4 v5 v6 v7 v8 v9 v10 v11 v12 v13 v14 v15 v16 v17");
  failing_allocator_arm(&memory, 1, true);
  raft_tracker_reset_votes(&tracker);
  raft_tracker_record_vote(&tracker, 1, true);
  assert_tally(RAFT_VOTE_PENDING, 1, 0);
  ck_assert(raft_tracker_quorum_active(&tracker));
  ck_assert_uint_eq(raft_tracker_committed(&tracker), 0);
  members_assert(&tracker, "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17");
  ck_assert_uint_eq(memory.total_calls, 0);
}
END_TEST

START_TEST(a_closed_tracker_is_empty_and_can_be_used_again) {
  members_change(&tracker, 1, "v1 v2");
  raft_tracker_close(&tracker);
  ck_assert_uint_eq(memory.live_blocks, 0);
  members_assert(&tracker, "");
  members_change(&tracker, 1, "v3");
  members_assert(&tracker, "3");
  ck_assert_uint_eq(tracker.limits.max_count, 256);
}
END_TEST

static void add_tests_of_members(TCase *tests) {
  tcase_add_test(tests, members_are_found_and_strangers_are_not);
  tcase_add_test(tests, progress_ascends_by_id);
  tcase_add_test(tests, an_empty_tracker_has_nobody);
  tcase_add_test(tests, learners_are_members_but_no_voters);
  tcase_add_test(tests, voters_of_either_half_are_voters);
  tcase_add_test(tests, one_voter_is_a_singleton_whatever_the_learners);
  tcase_add_test(tests, a_joint_configuration_is_no_singleton);
  tcase_add_test(tests, the_conf_state_lists_everybody);
  tcase_add_test(tests, an_idle_tracker_of_three_voters_is_small);
  tcase_add_test(tests, questions_allocate_nothing);
  tcase_add_test(tests, a_closed_tracker_is_empty_and_can_be_used_again);
}

static void add_tests_of_quorums(TCase *tests) {
  tcase_add_test(tests, a_majority_of_voters_commits);
  tcase_add_test(tests, both_halves_must_commit);
  tcase_add_test(tests, a_quorum_is_active_when_a_majority_of_voters_is);
  tcase_add_test(tests, both_halves_must_be_active);
  tcase_add_test(tests, the_first_vote_of_a_member_counts);
  tcase_add_test(tests, a_majority_of_rejections_loses);
  tcase_add_test(tests, votes_of_strangers_and_learners_do_not_count);
  tcase_add_test(tests, both_halves_must_be_won);
  tcase_add_test(tests, a_new_election_starts_without_votes);
}

int main(void) {
  Suite *suite = suite_create("tracker");
  TCase *tests = tcase_create("tracker");
  tcase_add_checked_fixture(tests, setup, teardown);
  add_tests_of_members(tests);
  add_tests_of_quorums(tests);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
