/* test_confchange.c - membership changes do what the thesis says, and leave no trace when they
 * cannot.
 *
 * The models of test_confchange_model.c look at all small cases; here are those worth a name.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <libraft/error.h>
#include <stdlib.h>

#include "failing_allocator.h"
#include "members.h"

static failing_allocator memory;
static raft_tracker tracker;

static void setup(void) {
  failing_allocator_init(&memory);
  raft_tracker_init(&tracker, (raft_inflight_limits){.max_count = 10}, &memory.iface);
}

static void teardown(void) {
  raft_tracker_close(&tracker);
  ck_assert_uint_eq(memory.live_blocks, 0);
}

/* --- short forms ----------------------------------------------------------------------------- */

enum { LAST_INDEX = 7 };

static int change(enum members_how how, const char *text) {
  members_changes changes = members_parse(text);
  raft_tracker next;
  int rc = members_compute(&tracker, LAST_INDEX, how, changes.list, changes.count, &next);
  if (rc == RAFT_OK) {
    raft_tracker_adopt(&tracker, &next);
  }
  return rc;
}

static void must(enum members_how how, const char *text, const char *result) {
  ck_assert_int_eq(change(how, text), RAFT_OK);
  members_assert(&tracker, result);
}

static raft_progress *progress_of(uint64_t id) {
  raft_progress *progress = raft_tracker_find(&tracker, id);
  ck_assert_ptr_nonnull(progress);
  return progress;
}

/* --- examples -------------------------------------------------------------------------------- */

START_TEST(a_new_member_starts_to_probe_at_the_last_index) {
  must(SIMPLE, "v1", "1");
  const raft_progress *progress = progress_of(1);
  ck_assert_uint_eq(progress->state, RAFT_PROGRESS_PROBE);
  ck_assert_uint_eq(progress->match, 0);
  ck_assert_uint_eq(progress->next, LAST_INDEX);
  ck_assert(progress->recent_active);
  ck_assert(!progress->is_learner);
  ck_assert(!progress->paused);
}
END_TEST

START_TEST(next_is_never_zero) {
  members_change(&tracker, 0, "v1");
  ck_assert_uint_eq(progress_of(1)->next, 1);
}
END_TEST

START_TEST(adding_a_voter_twice_changes_nothing) {
  must(SIMPLE, "v1", "1");
  progress_of(1)->match = 3;
  must(SIMPLE, "v1", "1");
  ck_assert_uint_eq(progress_of(1)->match, 3);
}
END_TEST

START_TEST(node_zero_is_skipped_whatever_the_type) {
  raft_conf_change_single zero = {(raft_conf_change_type)77, 0};
  raft_tracker next;
  must(SIMPLE, "v0 v1 r0 l0 u0", "1");
  ck_assert_int_eq(members_compute(&tracker, LAST_INDEX, SIMPLE, &zero, 1, &next), RAFT_OK);
  raft_tracker_adopt(&tracker, &next);
  members_assert(&tracker, "1");
}
END_TEST

START_TEST(an_update_changes_nothing) {
  must(SIMPLE, "v1 u1 u9", "1");
}
END_TEST

START_TEST(an_unknown_type_is_refused) {
  raft_conf_change_single unknown = {(raft_conf_change_type)77, 2};
  raft_tracker next;
  must(SIMPLE, "v1", "1");
  ck_assert_int_eq(members_compute(&tracker, LAST_INDEX, SIMPLE, &unknown, 1, &next),
                   RAFT_ECONF_TYPE);
  ck_assert_int_eq(members_compute(&tracker, LAST_INDEX, ENTER, &unknown, 1, &next),
                   RAFT_ECONF_TYPE);
}
END_TEST

START_TEST(the_last_voter_cannot_be_removed) {
  ck_assert_int_eq(change(SIMPLE, "l1"), RAFT_ECONF_NO_VOTERS);
  must(SIMPLE, "v1", "1");
  ck_assert_int_eq(change(SIMPLE, "r1"), RAFT_ECONF_NO_VOTERS);
  ck_assert_int_eq(change(SIMPLE, "l1"), RAFT_ECONF_NO_VOTERS);
  ck_assert_int_eq(change(ENTER, "r1"), RAFT_ECONF_NO_VOTERS);
  members_assert(&tracker, "1");
}
END_TEST

START_TEST(a_simple_change_moves_one_voter_and_any_learners) {
  must(SIMPLE, "v1", "1");
  must(SIMPLE, "v2 l5 l6", "1 2||5 6");
  ck_assert_int_eq(change(SIMPLE, "v3 v4"), RAFT_ECONF_MORE_THAN_ONE);
  ck_assert_int_eq(change(SIMPLE, "v3 r2"), RAFT_ECONF_MORE_THAN_ONE);
  ck_assert_int_eq(change(SIMPLE, "v5 v6"), RAFT_ECONF_MORE_THAN_ONE);
  must(SIMPLE, "r2 r5 r6", "1");
}
END_TEST

/* What counts is what has changed in the end. */
START_TEST(a_simple_change_may_go_to_and_fro) {
  must(SIMPLE, "v1", "1");
  must(SIMPLE, "v2 r2 v3", "1 3");
  must(SIMPLE, "l3 v3", "1 3");
}
END_TEST

START_TEST(a_voter_can_become_a_learner_and_come_back) {
  must(SIMPLE, "v1", "1");
  must(SIMPLE, "v2", "1 2");
  progress_of(2)->match = 5;
  must(SIMPLE, "l2", "1||2");
  ck_assert(progress_of(2)->is_learner);
  must(SIMPLE, "l2", "1||2");
  must(SIMPLE, "v2", "1 2");
  ck_assert(!progress_of(2)->is_learner);
  ck_assert_uint_eq(progress_of(2)->match, 5);
}
END_TEST

START_TEST(joint_configurations_are_entered_and_left) {
  must(SIMPLE, "v1", "1");
  must(ENTER, "r1 v2 v3 l4", "2 3|1|4");
  ck_assert_int_eq(change(SIMPLE, "v5"), RAFT_ECONF_SIMPLE_IN_JOINT);
  ck_assert_int_eq(change(ENTER, "v5"), RAFT_ECONF_ALREADY_JOINT);
  must(LEAVE, "", "2 3||4");
  ck_assert_int_eq(change(LEAVE, ""), RAFT_ECONF_NOT_JOINT);
}
END_TEST

START_TEST(a_joint_configuration_may_change_nothing) {
  must(SIMPLE, "v1", "1");
  must(ENTER, "", "1|1");
  must(LEAVE, "", "1");
}
END_TEST

START_TEST(without_voters_nothing_can_be_joint) {
  ck_assert_int_eq(change(ENTER, "v1"), RAFT_ECONF_ZERO_VOTERS_JOINT);
  ck_assert_int_eq(change(LEAVE, ""), RAFT_ECONF_NOT_JOINT);
}
END_TEST

START_TEST(auto_leave_lasts_as_long_as_the_joint_configuration) {
  must(SIMPLE, "v1", "1");
  must(ENTER_AUTO, "v2", "1 2|1 auto");
  must(LEAVE, "", "1 2");
  must(ENTER, "v3", "1 2 3|1 2");
}
END_TEST

START_TEST(a_demoted_voter_waits_until_the_joint_configuration_is_left) {
  must(SIMPLE, "v1", "1");
  progress_of(1)->match = 4;
  must(ENTER, "v2 l1", "2|1||1");
  ck_assert(!progress_of(1)->is_learner);
  must(LEAVE, "", "2||1");
  ck_assert(progress_of(1)->is_learner);
  ck_assert_uint_eq(progress_of(1)->match, 4);
}
END_TEST

START_TEST(a_removed_voter_is_followed_until_the_joint_configuration_is_left) {
  must(SIMPLE, "v1", "1");
  must(SIMPLE, "v2", "1 2");
  progress_of(2)->match = 6;
  must(ENTER, "r2", "1|1 2");
  ck_assert_uint_eq(progress_of(2)->match, 6);
  must(LEAVE, "", "1");
  ck_assert_ptr_null(raft_tracker_find(&tracker, 2));
}
END_TEST

START_TEST(who_is_removed_and_added_at_once_is_new) {
  must(SIMPLE, "v1", "1");
  must(SIMPLE, "v2", "1 2");
  progress_of(2)->match = 6;
  must(SIMPLE, "r2 v2", "1 2");
  ck_assert_uint_eq(progress_of(2)->match, 0);
}
END_TEST

START_TEST(who_votes_in_the_outgoing_half_stays_known) {
  must(SIMPLE, "v1", "1");
  must(SIMPLE, "v2", "1 2");
  progress_of(2)->match = 6;
  must(ENTER, "r2 v2", "1 2|1 2");
  ck_assert_uint_eq(progress_of(2)->match, 6);
}
END_TEST

/* --- which kind of change -------------------------------------------------------------------- */

static int apply(raft_conf_change_transition transition, const char *text) {
  members_changes changes = members_parse(text);
  raft_conf_change_v2 v2 = {.transition = transition,
                            .changes = changes.count > 0 ? changes.list : NULL,
                            .change_count = changes.count};
  raft_tracker next;
  int rc = raft_confchange_apply(&tracker, LAST_INDEX, &v2, &next);
  if (rc == RAFT_OK) {
    raft_tracker_adopt(&tracker, &next);
  }
  return rc;
}

START_TEST(one_change_is_simple_unless_asked_otherwise) {
  ck_assert_int_eq(apply(RAFT_TRANSITION_AUTO, "v1"), RAFT_OK);
  members_assert(&tracker, "1");
  ck_assert_int_eq(apply(RAFT_TRANSITION_JOINT_EXPLICIT, "v2"), RAFT_OK);
  members_assert(&tracker, "1 2|1");
  ck_assert_int_eq(apply(RAFT_TRANSITION_AUTO, ""), RAFT_OK);
  members_assert(&tracker, "1 2");
  ck_assert_int_eq(apply(RAFT_TRANSITION_JOINT_IMPLICIT, "v3"), RAFT_OK);
  members_assert(&tracker, "1 2 3|1 2 auto");
}
END_TEST

START_TEST(several_changes_are_joint_and_left_automatically) {
  ck_assert_int_eq(apply(RAFT_TRANSITION_AUTO, "v1"), RAFT_OK);
  ck_assert_int_eq(apply(RAFT_TRANSITION_AUTO, "v2 l3"), RAFT_OK);
  members_assert(&tracker, "1 2|1|3 auto");
}
END_TEST

START_TEST(an_empty_change_is_joint_when_asked_for) {
  ck_assert_int_eq(apply(RAFT_TRANSITION_AUTO, "v1"), RAFT_OK);
  ck_assert_int_eq(apply(RAFT_TRANSITION_AUTO, ""), RAFT_ECONF_NOT_JOINT);
  ck_assert_int_eq(apply(RAFT_TRANSITION_JOINT_EXPLICIT, ""), RAFT_OK);
  members_assert(&tracker, "1|1");
  ck_assert_int_eq(apply(RAFT_TRANSITION_JOINT_EXPLICIT, ""), RAFT_ECONF_ALREADY_JOINT);
}
END_TEST

START_TEST(an_unknown_transition_is_refused) {
  ck_assert_int_eq(apply((raft_conf_change_transition)9, "v1"), RAFT_ECONF_TYPE);
}
END_TEST

/* --- windows --------------------------------------------------------------------------------- */

static void send_to(uint64_t id) {
  raft_progress *progress = progress_of(id);
  raft_progress_become_replicate(progress);
  ck_assert_int_eq(raft_inflights_reserve(&progress->inflights, &tracker.limits, &memory.iface),
                   RAFT_OK);
  raft_progress_sent_entries(progress, 1, 10, &tracker.limits);
}

START_TEST(windows_of_those_who_stay_move_over_and_others_are_freed) {
  must(SIMPLE, "v1", "1");
  must(SIMPLE, "v2", "1 2");
  send_to(1);
  send_to(2);
  size_t blocks = memory.live_blocks;
  const raft_inflight_ring *ring = progress_of(1)->inflights.ring;
  must(SIMPLE, "r2", "1");
  ck_assert_ptr_eq(progress_of(1)->inflights.ring, ring);
  ck_assert_uint_eq(raft_inflights_count(&progress_of(1)->inflights), 1);
  ck_assert_uint_eq(memory.live_blocks, blocks - 1);
}
END_TEST

START_TEST(who_comes_back_at_once_has_a_new_window) {
  must(SIMPLE, "v1", "1");
  must(SIMPLE, "v2", "1 2");
  send_to(2);
  size_t blocks = memory.live_blocks;
  must(SIMPLE, "r2 v2", "1 2");
  ck_assert_ptr_null(progress_of(2)->inflights.ring);
  ck_assert_uint_eq(memory.live_blocks, blocks - 1);
}
END_TEST

START_TEST(what_is_known_of_those_who_stay_is_kept) {
  must(SIMPLE, "v1", "1");
  send_to(1);
  raft_progress *progress = progress_of(1);
  raft_tracker_record_vote(&tracker, 1, true);
  progress->match = 8;
  progress->next = 12;
  progress->recent_active = false;
  must(SIMPLE, "v2", "1 2");
  progress = progress_of(1);
  ck_assert_uint_eq(progress->state, RAFT_PROGRESS_REPLICATE);
  ck_assert_uint_eq(progress->match, 8);
  ck_assert_uint_eq(progress->next, 12);
  ck_assert_uint_eq(progress->vote, 1);
  ck_assert_uint_eq(raft_inflights_bytes(&progress->inflights), 10);
  ck_assert(!progress->recent_active);
}
END_TEST

START_TEST(a_result_that_is_dropped_leaves_everything_as_it_was) {
  members_changes changes = members_parse("v2 l3");
  raft_tracker next;
  must(SIMPLE, "v1", "1");
  send_to(1);
  size_t blocks = memory.live_blocks;
  ck_assert_int_eq(
      members_compute(&tracker, LAST_INDEX, SIMPLE, changes.list, changes.count, &next), RAFT_OK);
  ck_assert_uint_eq(raft_inflights_count(&progress_of(1)->inflights), 1);
  members_assert(&next, "1 2||3");
  raft_tracker_discard(&next);
  ck_assert_uint_eq(memory.live_blocks, blocks);
  members_assert(&tracker, "1");
  ck_assert_uint_eq(progress_of(1)->inflights.ring->slots[0].index, 1);
}
END_TEST

/* --- broken trackers ------------------------------------------------------------------------- */

/* No call leads to these; if something else does, changes refuse to build upon it. */
START_TEST(a_broken_configuration_is_noticed) {
  raft_tracker next;
  must(SIMPLE, "v1", "1");
  must(SIMPLE, "v2 l3", "1 2||3");
  ck_assert_int_eq(raft_idset_add(&tracker.config.learners, 1, &memory.iface), RAFT_OK);
  ck_assert_int_eq(members_compute(&tracker, LAST_INDEX, SIMPLE, NULL, 0, &next), RAFT_EINVARIANT);
  ck_assert_int_eq(members_compute(&tracker, LAST_INDEX, ENTER, NULL, 0, &next), RAFT_EINVARIANT);
  raft_idset_remove(&tracker.config.learners, 1);
  tracker.progress[2].is_learner = false;
  ck_assert_int_eq(members_compute(&tracker, LAST_INDEX, SIMPLE, NULL, 0, &next), RAFT_EINVARIANT);
  tracker.progress[2].is_learner = true;
  tracker.count--;
  ck_assert_int_eq(members_compute(&tracker, LAST_INDEX, SIMPLE, NULL, 0, &next), RAFT_EINVARIANT);
  tracker.count++;
  ck_assert_int_eq(members_compute(&tracker, LAST_INDEX, SIMPLE, NULL, 0, &next), RAFT_OK);
  raft_tracker_discard(&next);
}
END_TEST

START_TEST(a_joint_configuration_whose_halves_do_not_fit_is_noticed) {
  raft_tracker next;
  must(SIMPLE, "v1", "1");
  must(ENTER, "v2", "1 2|1");
  ck_assert_int_eq(raft_idset_add(&tracker.config.learners_next, 2, &memory.iface), RAFT_OK);
  ck_assert_int_eq(members_compute(&tracker, LAST_INDEX, LEAVE, NULL, 0, &next), RAFT_EINVARIANT);
}
END_TEST

/* --- restoring ------------------------------------------------------------------------------- */

static int restore(raft_conf_state state) {
  raft_tracker next;
  int rc = raft_confchange_restore(&tracker, LAST_INDEX, &state, &next);
  if (rc == RAFT_OK) {
    raft_tracker_adopt(&tracker, &next);
    members_assert_progress(&tracker);
  }
  return rc;
}

#define IDS(...) \
  { (const uint64_t[]){__VA_ARGS__}, sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t) }

START_TEST(a_conf_state_becomes_its_configuration) {
  ck_assert_int_eq(restore((raft_conf_state){.voters = IDS(3, 1, 2)}), RAFT_OK);
  members_assert(&tracker, "1 2 3");
  ck_assert_int_eq(restore((raft_conf_state){.voters = IDS(1), .learners = IDS(9, 8)}), RAFT_OK);
  members_assert(&tracker, "1||8 9");
  ck_assert_int_eq(restore((raft_conf_state){.voters = IDS(1, 2, 3),
                                             .learners = IDS(5),
                                             .voters_outgoing = IDS(1, 2, 4, 6),
                                             .learners_next = IDS(4),
                                             .auto_leave = true}),
                   RAFT_OK);
  members_assert(&tracker, "1 2 3|1 2 4 6|5|4 auto");
  ck_assert_int_eq(restore((raft_conf_state){.auto_leave = false}), RAFT_OK);
  members_assert(&tracker, "");
}
END_TEST

START_TEST(restored_members_are_new) {
  must(SIMPLE, "v1", "1");
  send_to(1);
  progress_of(1)->match = 3;
  ck_assert_int_eq(restore((raft_conf_state){.voters = IDS(1)}), RAFT_OK);
  ck_assert_uint_eq(progress_of(1)->match, 0);
  ck_assert_uint_eq(progress_of(1)->next, LAST_INDEX);
  ck_assert_ptr_null(progress_of(1)->inflights.ring);
}
END_TEST

START_TEST(a_conf_state_that_no_change_leads_to_is_refused) {
  const raft_conf_state cases[] = {
      {.voters = IDS(0, 1)},
      {.voters = IDS(1, 2, 1)},
      {.learners = IDS(1)},
      {.auto_leave = true},
      {.voters = IDS(1), .learners = IDS(1)},
      {.voters = IDS(1), .learners = IDS(0)},
      {.voters = IDS(1), .learners = IDS(3, 2, 3)},
      {.voters = IDS(1), .auto_leave = true},
      {.voters = IDS(1), .learners_next = IDS(2)},
      {.voters_outgoing = IDS(1)},
      {.voters = IDS(1), .voters_outgoing = IDS(0, 1)},
      {.voters = IDS(1), .voters_outgoing = IDS(2, 2)},
      {.voters = IDS(1), .voters_outgoing = IDS(2), .learners = IDS(2)},
      {.voters = IDS(1), .voters_outgoing = IDS(2), .learners_next = IDS(3)},
      {.voters = IDS(1), .voters_outgoing = IDS(1, 2), .learners_next = IDS(1)},
      {.voters = IDS(1), .voters_outgoing = IDS(2), .learners_next = IDS(2, 2)},
  };
  must(SIMPLE, "v7", "7");
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    ck_assert_msg(restore(cases[i]) == RAFT_EINVAL, "case %zu", i);
    members_assert(&tracker, "7");
  }
}
END_TEST

START_TEST(a_long_list_in_the_worst_order_is_restored_at_once) {
  enum { COUNT = 60000 };
  uint64_t *ids = calloc(COUNT, sizeof *ids);
  ck_assert_ptr_nonnull(ids);
  for (uint64_t i = 0; i < COUNT; i++) {
    ids[i] = COUNT - i;
  }
  raft_conf_state state = {.voters = {ids, COUNT}};
  raft_tracker next;
  ck_assert_int_eq(raft_confchange_restore(&tracker, LAST_INDEX, &state, &next), RAFT_OK);
  raft_tracker_adopt(&tracker, &next);
  ck_assert_uint_eq(tracker.count, COUNT);
  ck_assert_uint_eq(tracker.progress[COUNT - 1].id, COUNT);
  ck_assert_uint_eq(raft_tracker_committed(&tracker), 0);
  free(ids);
}
END_TEST

/* --- memory that fails ----------------------------------------------------------------------- */

static int attempt(int number, raft_tracker *next) {
  const raft_conf_state state = {.voters = IDS(2, 1),
                                 .learners = IDS(4),
                                 .voters_outgoing = IDS(1, 3),
                                 .learners_next = IDS(3)};
  members_changes joint = members_parse("v4 v5 l2 l6 r3");
  members_changes simple = members_parse("r3 v3 l5 l6 l7");
  switch (number) {
  case 0: return members_compute(&tracker, LAST_INDEX, SIMPLE, simple.list, simple.count, next);
  case 1: return members_compute(&tracker, LAST_INDEX, ENTER, joint.list, joint.count, next);
  case 2: return members_compute(&tracker, LAST_INDEX, LEAVE, NULL, 0, next);
  default: return raft_confchange_restore(&tracker, LAST_INDEX, &state, next);
  }
}

START_TEST(each_allocation_may_fail_without_a_trace) {
  static const char *const before[] = {"1 2 3", "1 2 3", "1 3 4|1 2 3|5|2", "1 2 3"};
  static const char *const after[] = {"1 2 3||5 6 7", "1 4 5|1 2 3|6|2", "1 3 4||2 5",
                                      "1 2|1 3|4|3"};
  bool from_then_on = _i >= 4;
  int number = _i % 4;
  members_change(&tracker, 1, "v1 v2 v3");
  if (number == 2) {
    members_enter_joint(&tracker, 1, "v4 l2 l5");
  }
  send_to(1);
  size_t blocks = memory.live_blocks;
  size_t bytes = memory.live_bytes;
  raft_tracker next;
  size_t failures = 0;
  int rc = RAFT_ENOMEM;
  while (rc != RAFT_OK) {
    failing_allocator_arm(&memory, ++failures, from_then_on);
    rc = attempt(number, &next);
    ck_assert(rc == RAFT_OK || rc == RAFT_ENOMEM);
    members_assert(&tracker, before[number]);
    ck_assert_uint_eq(raft_inflights_count(&progress_of(1)->inflights), 1);
    if (rc != RAFT_OK) {
      ck_assert_uint_eq(memory.live_blocks, blocks);
      ck_assert_uint_eq(memory.live_bytes, bytes);
    }
  }
  ck_assert_uint_gt(failures, 3);
  raft_tracker_adopt(&tracker, &next);
  members_assert(&tracker, after[number]);
  members_assert_progress(&tracker);
}
END_TEST

static void add_examples(TCase *tests) {
  tcase_add_test(tests, a_new_member_starts_to_probe_at_the_last_index);
  tcase_add_test(tests, next_is_never_zero);
  tcase_add_test(tests, adding_a_voter_twice_changes_nothing);
  tcase_add_test(tests, node_zero_is_skipped_whatever_the_type);
  tcase_add_test(tests, an_update_changes_nothing);
  tcase_add_test(tests, an_unknown_type_is_refused);
  tcase_add_test(tests, the_last_voter_cannot_be_removed);
  tcase_add_test(tests, a_simple_change_moves_one_voter_and_any_learners);
  tcase_add_test(tests, a_simple_change_may_go_to_and_fro);
  tcase_add_test(tests, a_voter_can_become_a_learner_and_come_back);
  tcase_add_test(tests, joint_configurations_are_entered_and_left);
  tcase_add_test(tests, a_joint_configuration_may_change_nothing);
  tcase_add_test(tests, without_voters_nothing_can_be_joint);
  tcase_add_test(tests, auto_leave_lasts_as_long_as_the_joint_configuration);
  tcase_add_test(tests, a_demoted_voter_waits_until_the_joint_configuration_is_left);
  tcase_add_test(tests, a_removed_voter_is_followed_until_the_joint_configuration_is_left);
  tcase_add_test(tests, who_is_removed_and_added_at_once_is_new);
  tcase_add_test(tests, who_votes_in_the_outgoing_half_stays_known);
  tcase_add_test(tests, one_change_is_simple_unless_asked_otherwise);
  tcase_add_test(tests, several_changes_are_joint_and_left_automatically);
  tcase_add_test(tests, an_empty_change_is_joint_when_asked_for);
  tcase_add_test(tests, an_unknown_transition_is_refused);
}

static void add_tests_of_results(TCase *tests) {
  tcase_add_test(tests, windows_of_those_who_stay_move_over_and_others_are_freed);
  tcase_add_test(tests, who_comes_back_at_once_has_a_new_window);
  tcase_add_test(tests, what_is_known_of_those_who_stay_is_kept);
  tcase_add_test(tests, a_result_that_is_dropped_leaves_everything_as_it_was);
  tcase_add_test(tests, a_broken_configuration_is_noticed);
  tcase_add_test(tests, a_joint_configuration_whose_halves_do_not_fit_is_noticed);
  tcase_add_test(tests, a_conf_state_becomes_its_configuration);
  tcase_add_test(tests, restored_members_are_new);
  tcase_add_test(tests, a_conf_state_that_no_change_leads_to_is_refused);
  tcase_add_test(tests, a_long_list_in_the_worst_order_is_restored_at_once);
  tcase_add_loop_test(tests, each_allocation_may_fail_without_a_trace, 0, 8);
}

int main(void) {
  Suite *suite = suite_create("confchange");
  TCase *tests = tcase_create("confchange");
  tcase_add_checked_fixture(tests, setup, teardown);
  add_examples(tests);
  add_tests_of_results(tests);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
