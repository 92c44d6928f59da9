/* test_node_snapshot.c - a follower that the log cannot serve gets a snapshot, and then the log.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "faulty_storage.h"
#include "group.h"
#include "run_suite.h"

static group g;
static faulty_storage faults[GROUP_MOST + 1];

static void plain(raft_config *config) {
  group_plain(config);
  config->snapshot_timeout_ticks = 20;
  faulty_storage_init(&faults[config->id], config->storage);
  config->storage = &faults[config->id].iface;
}

static void patient(raft_config *config) {
  plain(config);
  config->snapshot_timeout_ticks = 0;
}

static void propose(unsigned count) {
  for (unsigned i = 0; i < count; i++) {
    ck_assert_int_eq(group_propose(&g, 1, "entry"), RAFT_OK);
  }
  group_settle(&g);
}

/* 3 missed entries that the leader has no longer. */
static void leave_behind(void (*change)(raft_config *)) {
  group_open(&g, 3, change);
  group_elect(&g, 1);
  g.members[3].cut = true;
  propose(10);
  group_compact(&g, 1, 8);
}

static void setup(void) {
  leave_behind(plain);
}

static void teardown(void) {
  group_close(&g);
}

/* The leader has sent its snapshot to 3, and it is still in flight. */
static const raft_message *send_snapshot(void) {
  g.members[3].cut = false;
  ck_assert_int_eq(raft_rawnode_tick(group_node(&g, 1)), RAFT_OK);
  for (int i = 0; i < 10; i++) {
    const raft_message *snapshot = group_sent(&g, RAFT_MSG_SNAP, 1, 3);
    if (snapshot != NULL) {
      ck_assert_int_eq(group_progress(&g, 3).state, RAFT_PROGRESS_SNAPSHOT);
      return snapshot;
    }
    group_deliver(&g);
  }
  ck_abort_msg("no snapshot was sent");
  return NULL;
}

START_TEST(a_follower_behind_the_log_is_brought_up_to_date) {
  g.members[3].cut = false;
  group_tick(&g, 3);
  ck_assert_uint_ge(g.delivered[RAFT_MSG_SNAP], 1);
  ck_assert_int_eq(group_progress(&g, 3).state, RAFT_PROGRESS_REPLICATE);
  propose(2);
  group_expect_equal(&g);
  ck_assert_uint_eq(g.members[3].applied, 13);
}
END_TEST

START_TEST(a_silent_follower_gets_no_snapshot) {
  for (int i = 0; i < 3; i++) { /* 3 was never heard of since the election */
    ck_assert_int_eq(raft_rawnode_tick(group_node(&g, 1)), RAFT_OK);
    ck_assert_ptr_null(group_sent(&g, RAFT_MSG_SNAP, 1, 3));
  }
  ck_assert_int_ne(group_progress(&g, 3).state, RAFT_PROGRESS_SNAPSHOT);
}
END_TEST

START_TEST(a_snapshot_that_is_not_ready_is_asked_for_again) {
  faults[1].answers[STORAGE_SNAPSHOT] = RAFT_ESNAPSHOT_UNAVAILABLE;
  g.members[3].cut = false;
  group_tick(&g, 5);
  ck_assert_uint_eq(g.delivered[RAFT_MSG_SNAP], 0);
  ck_assert_int_eq(group_progress(&g, 3).state, RAFT_PROGRESS_PROBE);
  faults[1].answers[STORAGE_SNAPSHOT] = RAFT_ENOMEM;
  group_tick(&g, 5);
  ck_assert_int_eq(group_progress(&g, 3).state, RAFT_PROGRESS_PROBE);
  faults[1].answers[STORAGE_SNAPSHOT] = RAFT_OK;
  group_tick(&g, 2);
  group_expect_equal(&g);
}
END_TEST

START_TEST(an_empty_snapshot_is_none) {
  group_reopen(&g, 3, plain);
  g.members[3].cut = true;
  propose(10);
  ck_assert_int_eq(raft_memory_storage_compact(g.members[1].storage, 8), RAFT_OK);
  g.members[3].cut = false;
  group_tick(&g, 5);
  ck_assert_uint_eq(g.delivered[RAFT_MSG_SNAP], 0);
  group_compact(&g, 1, 9);
  group_tick(&g, 2);
  group_expect_equal(&g);
}
END_TEST

START_TEST(storage_that_fails_at_the_snapshot_poisons) {
  faults[1].answers[STORAGE_SNAPSHOT] = -5;
  g.members[3].cut = false;
  ck_assert_int_eq(raft_rawnode_tick(group_node(&g, 1)), RAFT_OK);
  group_settle(&g);
  ck_assert_int_eq(g.members[1].last_error, RAFT_ESTORAGE);
  ck_assert_int_eq(raft_rawnode_tick(group_node(&g, 1)), RAFT_ESTORAGE);
}
END_TEST

/* The log may be cut between the question for a term and the one for entries. */
START_TEST(entries_that_vanish_meanwhile_are_a_snapshot_too) {
  group_reopen(&g, 3, plain);
  g.members[3].cut = true;
  propose(4);
  group_compact(&g, 1, 1);
  faults[1].answers[STORAGE_ENTRIES] = RAFT_ECOMPACTED;
  (void)send_snapshot();
  faults[1].answers[STORAGE_ENTRIES] = RAFT_OK;
}
END_TEST

START_TEST(a_term_that_cannot_be_read_for_want_of_memory_sends_nothing) {
  g.members[3].cut = false;
  faults[1].answers[STORAGE_TERM] = RAFT_ENOMEM;
  raft_message alive = {.type = RAFT_MSG_HEARTBEAT_RESP, .from = 3, .to = 1, .term = 1};
  ck_assert_int_eq(group_step(&g, alive), RAFT_OK);
  ck_assert_int_ne(group_progress(&g, 3).state, RAFT_PROGRESS_SNAPSHOT);
  faults[1].answers[STORAGE_TERM] = RAFT_OK;
  group_tick(&g, 3);
  group_expect_equal(&g);
}
END_TEST

START_TEST(nothing_is_sent_while_a_snapshot_is_on_its_way) {
  (void)send_snapshot();
  group_lose(&g);
  propose(3);
  ck_assert_ptr_null(group_sent(&g, RAFT_MSG_APP, 1, 3));
  raft_message alive = {.type = RAFT_MSG_HEARTBEAT_RESP, .from = 3, .to = 1, .term = 1};
  ck_assert_int_eq(group_step(&g, alive), RAFT_OK);
  ck_assert_ptr_null(group_sent(&g, RAFT_MSG_APP, 1, 3));
  ck_assert_ptr_null(group_sent(&g, RAFT_MSG_SNAP, 1, 3));
  ck_assert_uint_eq(group_progress(&g, 3).pending_snapshot, 11);
}
END_TEST

START_TEST(a_failed_snapshot_is_probed_from_the_start_after_a_heartbeat) {
  (void)send_snapshot();
  group_lose(&g);
  ck_assert_int_eq(raft_rawnode_report_snapshot(group_node(&g, 1), 3, false), RAFT_OK);
  raft_progress_status progress = group_progress(&g, 3);
  ck_assert_int_eq(progress.state, RAFT_PROGRESS_PROBE);
  ck_assert_uint_eq(progress.next, progress.match + 1);
  ck_assert_uint_eq(progress.pending_snapshot, 0);
  ck_assert(progress.paused);
  ck_assert_ptr_null(group_sent(&g, RAFT_MSG_SNAP, 1, 3));
  group_tick(&g, 2);
  group_expect_equal(&g);
}
END_TEST

START_TEST(a_snapshot_that_arrived_is_continued_behind) {
  (void)send_snapshot();
  group_lose(&g);
  ck_assert_int_eq(raft_rawnode_report_snapshot(group_node(&g, 1), 3, true), RAFT_OK);
  raft_progress_status progress = group_progress(&g, 3);
  ck_assert_int_eq(progress.state, RAFT_PROGRESS_PROBE);
  ck_assert_uint_eq(progress.next, 12);
  ck_assert(progress.paused);
}
END_TEST

START_TEST(reports_about_others_change_nothing) {
  ck_assert_int_eq(raft_rawnode_report_snapshot(group_node(&g, 1), 2, false), RAFT_OK);
  ck_assert_int_eq(group_progress(&g, 2).state, RAFT_PROGRESS_REPLICATE);
  ck_assert_int_eq(raft_rawnode_report_snapshot(group_node(&g, 1), 8, true), RAFT_OK);
  ck_assert_int_eq(raft_rawnode_report_snapshot(group_node(&g, 2), 3, true), RAFT_OK);
}
END_TEST

START_TEST(a_snapshot_that_nobody_reports_times_out) {
  (void)send_snapshot();
  group_lose(&g);
  g.members[3].cut = true;
  group_tick(&g, 19);
  ck_assert_int_eq(group_progress(&g, 3).state, RAFT_PROGRESS_SNAPSHOT);
  group_tick(&g, 1);
  ck_assert_int_eq(group_progress(&g, 3).state, RAFT_PROGRESS_PROBE);
  g.members[3].cut = false;
  group_tick(&g, 2);
  group_expect_equal(&g);
}
END_TEST

START_TEST(a_time_out_of_0_is_none) {
  group_close(&g);
  leave_behind(patient);
  (void)send_snapshot();
  group_lose(&g);
  g.members[3].cut = true;
  group_tick(&g, 700);
  ck_assert_int_eq(group_progress(&g, 3).state, RAFT_PROGRESS_SNAPSHOT);
}
END_TEST

START_TEST(any_answer_from_which_the_log_can_go_on_ends_the_wait) {
  (void)send_snapshot();
  group_lose(&g);
  raft_message ack = {.type = RAFT_MSG_APP_RESP, .from = 3, .to = 1, .term = 1, .index = 7};
  ck_assert_int_eq(group_step(&g, ack), RAFT_OK); /* entry 8 is gone: too early */
  ck_assert_int_eq(group_progress(&g, 3).state, RAFT_PROGRESS_SNAPSHOT);
  ck_assert_uint_eq(group_progress(&g, 3).pending_snapshot, 11);
  ack.index = 8; /* from another snapshot than the one that was sent */
  ck_assert_int_eq(group_step(&g, ack), RAFT_OK);
  ck_assert_int_eq(group_progress(&g, 3).state, RAFT_PROGRESS_REPLICATE);
  ck_assert_uint_eq(group_progress(&g, 3).match, 8);
}
END_TEST

START_TEST(commits_during_the_transfer_follow_by_the_log) {
  raft_message snapshot = *send_snapshot();
  raft_message_retain(&snapshot);
  group_lose(&g);
  propose(5);
  ck_assert_int_eq(group_step(&g, snapshot), RAFT_OK);
  raft_message_release(&snapshot);
  group_settle(&g);
  group_tick(&g, 2);
  group_expect_equal(&g);
  ck_assert_uint_eq(g.members[3].applied, 16);
  ck_assert_uint_eq(g.delivered[RAFT_MSG_SNAP], 0);
}
END_TEST

START_TEST(who_is_unreachable_still_waits_for_its_snapshot) {
  (void)send_snapshot();
  ck_assert_int_eq(raft_rawnode_report_unreachable(group_node(&g, 1), 3), RAFT_OK);
  ck_assert_int_eq(group_progress(&g, 3).state, RAFT_PROGRESS_SNAPSHOT);
  ck_assert_uint_eq(group_progress(&g, 3).pending_snapshot, 11);
  group_settle(&g);
  ck_assert_int_eq(group_progress(&g, 3).state, RAFT_PROGRESS_REPLICATE);
}
END_TEST

/* ---- the receiver ---- */

static const uint64_t VOTERS[] = {1, 2, 3};

static raft_snapshot snapshot_at(uint64_t index, uint64_t term) {
  static const uint64_t hash = 7;
  raft_snapshot snapshot = {.data = {&hash, sizeof hash, NULL},
                            .conf_state = {.voters = {VOTERS, 3}},
                            .index = index,
                            .term = term};
  return snapshot;
}

static int receive(uint64_t to, const raft_snapshot *snapshot) {
  raft_message message = {
      .type = RAFT_MSG_SNAP, .from = 1, .to = to, .term = 1, .snapshot = snapshot};
  return group_step(&g, message);
}

/* What `id` answered to the snapshot: the index that it has committed. */
static uint64_t answered(uint64_t id) {
  const raft_message *answer = group_sent(&g, RAFT_MSG_APP_RESP, id, 1);
  ck_assert_ptr_nonnull(answer);
  ck_assert(!answer->reject);
  return answer->index;
}

START_TEST(a_snapshot_of_the_past_is_answered_with_the_present) {
  raft_snapshot old = snapshot_at(5, 1);
  ck_assert_int_eq(receive(2, &old), RAFT_OK);
  ck_assert_uint_eq(answered(2), 11);
  ck_assert_uint_eq(group_status(&g, 2).first_index, 1);
  group_lose(&g);
  ck_assert_int_eq(receive(2, NULL), RAFT_OK); /* none at all is as old as can be */
  ck_assert_uint_eq(answered(2), 11);
}
END_TEST

START_TEST(a_snapshot_from_before_the_cut_is_not_installed) {
  group_compact(&g, 2, 9);
  raft_snapshot old = snapshot_at(5, 1);
  ck_assert_int_eq(receive(2, &old), RAFT_OK);
  ck_assert_uint_eq(answered(2), 11);
  ck_assert_uint_eq(group_status(&g, 2).first_index, 10);
  ck_assert_uint_eq(group_status(&g, 2).hard_state.commit, 11);
}
END_TEST

START_TEST(a_snapshot_within_the_log_only_commits) {
  g.members[2].cut = true;
  raft_entry entries[] = {{.term = 1, .index = 12}, {.term = 1, .index = 13}};
  raft_message append = {.type = RAFT_MSG_APP,
                         .from = 1,
                         .to = 2,
                         .term = 1,
                         .log_term = 1,
                         .index = 11,
                         .commit = 11,
                         .entries = entries,
                         .entry_count = 2};
  ck_assert_int_eq(group_step(&g, append), RAFT_OK);
  group_settle(&g);
  raft_snapshot known = snapshot_at(12, 1);
  ck_assert_int_eq(receive(2, &known), RAFT_OK);
  ck_assert_uint_eq(answered(2), 12);
  ck_assert_uint_eq(group_status(&g, 2).last_index, 13); /* nothing was thrown away */
  ck_assert_uint_eq(group_status(&g, 2).first_index, 1);
}
END_TEST

START_TEST(a_snapshot_of_others_is_ignored) {
  static const uint64_t others[] = {1, 2};
  raft_snapshot foreign = snapshot_at(20, 1);
  foreign.conf_state.voters.ids = others;
  foreign.conf_state.voters.count = 2;
  ck_assert_int_eq(receive(3, &foreign), RAFT_OK);
  ck_assert_uint_eq(answered(3), 1);
  ck_assert_uint_eq(group_status(&g, 3).last_index, 1);
}
END_TEST

START_TEST(learners_and_leaving_voters_take_part) {
  static const uint64_t others[] = {1, 2}, own[] = {3};
  raft_snapshot learner = snapshot_at(20, 1);
  learner.conf_state.voters.ids = others;
  learner.conf_state.voters.count = 2;
  learner.conf_state.learners.ids = own;
  learner.conf_state.learners.count = 1;
  ck_assert_int_eq(receive(3, &learner), RAFT_OK); /* a voter becomes a learner ... */
  ck_assert_uint_eq(answered(3), 20);
  raft_status status;
  raft_rawnode_status(group_node(&g, 3), &status);
  ck_assert_uint_eq(status.conf_state.learners.count, 1);
  ck_assert_int_eq(raft_rawnode_campaign(group_node(&g, 3)), RAFT_OK);
  ck_assert_int_eq(group_status(&g, 3).soft_state.role, RAFT_FOLLOWER);
  group_lose(&g);
  raft_snapshot joint = snapshot_at(30, 1);
  joint.conf_state.voters.ids = others;
  joint.conf_state.voters.count = 2;
  joint.conf_state.voters_outgoing.ids = VOTERS;
  joint.conf_state.voters_outgoing.count = 3;
  ck_assert_int_eq(receive(3, &joint), RAFT_OK); /* ... and a voter again, of the old half */
  ck_assert_uint_eq(answered(3), 30);
  ck_assert_int_eq(raft_rawnode_campaign(group_node(&g, 3)), RAFT_OK);
  ck_assert_int_eq(group_status(&g, 3).soft_state.role, RAFT_CANDIDATE);
}
END_TEST

START_TEST(a_membership_that_cannot_be_is_malformed) {
  static const uint64_t own[] = {3}, twice[] = {3, 3}, zero[] = {0, 3};
  static const uint64_t thread[] = {3, RAFT_APPEND_THREAD};
  raft_snapshot bad = snapshot_at(20, 1);
  bad.conf_state.learners.ids = own; /* voter and learner at once */
  bad.conf_state.learners.count = 1;
  ck_assert_int_eq(receive(3, &bad), RAFT_EMALFORMED);
  bad = snapshot_at(20, 1);
  bad.conf_state.voters.ids = twice;
  bad.conf_state.voters.count = 2;
  ck_assert_int_eq(receive(3, &bad), RAFT_EMALFORMED);
  bad.conf_state.voters.ids = zero;
  ck_assert_int_eq(receive(3, &bad), RAFT_EMALFORMED);
  bad.conf_state.voters.ids = thread;
  ck_assert_int_eq(receive(3, &bad), RAFT_EMALFORMED);
  bad = snapshot_at(20, 1);
  bad.conf_state.auto_leave = true; /* without anything to leave */
  ck_assert_int_eq(receive(3, &bad), RAFT_EMALFORMED);
  ck_assert_uint_eq(group_status(&g, 3).last_index, 1);
  raft_snapshot good = snapshot_at(20, 1);
  ck_assert_int_eq(receive(3, &good), RAFT_OK);
}
END_TEST

START_TEST(a_place_that_no_log_can_have_is_malformed) {
  raft_snapshot bad = snapshot_at(UINT64_MAX, 1);
  ck_assert_int_eq(receive(3, &bad), RAFT_EMALFORMED);
  bad = snapshot_at(20, 2); /* in a message of term 1 */
  ck_assert_int_eq(receive(3, &bad), RAFT_EMALFORMED);
  ck_assert_uint_eq(group_status(&g, 3).last_index, 1);
}
END_TEST

START_TEST(what_is_installed_is_applied_before_anything_behind_it) {
  g.members[3].cut = true;
  raft_snapshot snapshot = snapshot_at(20, 1);
  ck_assert_int_eq(receive(3, &snapshot), RAFT_OK);
  raft_entry entry = {.term = 1, .index = 21};
  raft_message append = {.type = RAFT_MSG_APP,
                         .from = 1,
                         .to = 3,
                         .term = 1,
                         .log_term = 1,
                         .index = 20,
                         .commit = 21,
                         .entries = &entry,
                         .entry_count = 1};
  ck_assert_int_eq(group_step(&g, append), RAFT_OK);
  const raft_ready *rd = NULL;
  ck_assert_int_eq(raft_rawnode_ready(group_node(&g, 3), &rd), RAFT_OK);
  ck_assert_ptr_nonnull(rd->snapshot);
  ck_assert_uint_eq(rd->snapshot->index, 20);
  ck_assert_uint_eq(rd->entry_count, 1);
  ck_assert_uint_eq(rd->committed_entry_count, 0); /* 21 is committed, but not yet its turn */
  ck_assert_uint_eq(rd->hard_state.commit, 21);
  ck_assert_int_eq(raft_rawnode_campaign(group_node(&g, 3)), RAFT_OK);
  ck_assert_int_eq(group_status(&g, 3).soft_state.role, RAFT_FOLLOWER); /* nor may it campaign */
  raft_memory_storage *storage = g.members[3].storage;
  ck_assert_int_eq(raft_memory_storage_apply_snapshot(storage, rd->snapshot), RAFT_OK);
  ck_assert_int_eq(raft_memory_storage_append(storage, rd->entries, 1), RAFT_OK);
  g.members[3].applied = 20;
  ck_assert_int_eq(raft_rawnode_advance(group_node(&g, 3), rd), RAFT_OK);
  ck_assert_uint_eq(group_status(&g, 3).applied, 20);
  ck_assert_int_eq(raft_rawnode_ready(group_node(&g, 3), &rd), RAFT_OK);
  ck_assert_uint_eq(rd->committed_entry_count, 1);
  ck_assert_uint_eq(rd->committed_entries[0].index, 21);
  ck_assert_int_eq(raft_rawnode_advance(group_node(&g, 3), rd), RAFT_OK);
}
END_TEST

START_TEST(a_newer_snapshot_replaces_the_one_being_written) {
  g.members[3].cut = true;
  raft_snapshot first = snapshot_at(20, 1), second = snapshot_at(30, 1);
  ck_assert_int_eq(receive(3, &first), RAFT_OK);
  const raft_ready *rd = NULL;
  ck_assert_int_eq(raft_rawnode_ready(group_node(&g, 3), &rd), RAFT_OK);
  ck_assert_int_eq(receive(3, &second), RAFT_OK);
  raft_memory_storage *storage = g.members[3].storage;
  ck_assert_int_eq(raft_memory_storage_apply_snapshot(storage, rd->snapshot), RAFT_OK);
  ck_assert_int_eq(raft_rawnode_advance(group_node(&g, 3), rd), RAFT_OK);
  ck_assert_int_eq(raft_rawnode_ready(group_node(&g, 3), &rd), RAFT_OK);
  ck_assert_uint_eq(rd->snapshot->index, 30);
  ck_assert_int_eq(raft_memory_storage_apply_snapshot(storage, rd->snapshot), RAFT_OK);
  ck_assert_int_eq(raft_rawnode_advance(group_node(&g, 3), rd), RAFT_OK);
  ck_assert_uint_eq(group_status(&g, 3).applied, 30);
  ck_assert_uint_eq(group_status(&g, 3).first_index, 31);
}
END_TEST

START_TEST(a_node_starts_from_its_snapshot) {
  g.members[3].cut = false;
  group_tick(&g, 3);
  group_restart(&g, 3);
  ck_assert_uint_eq(group_status(&g, 3).first_index, 12);
  ck_assert_uint_eq(group_status(&g, 3).applied, 11);
  ck_assert(!raft_rawnode_has_ready(group_node(&g, 3))); /* and gives nothing out again */
  propose(2);
  group_tick(&g, 2);
  group_expect_equal(&g);
}
END_TEST

int main(void) {
  const TTest *const tests[] = {
      a_follower_behind_the_log_is_brought_up_to_date,
      a_silent_follower_gets_no_snapshot,
      a_snapshot_that_is_not_ready_is_asked_for_again,
      an_empty_snapshot_is_none,
      storage_that_fails_at_the_snapshot_poisons,
      entries_that_vanish_meanwhile_are_a_snapshot_too,
      a_term_that_cannot_be_read_for_want_of_memory_sends_nothing,
      nothing_is_sent_while_a_snapshot_is_on_its_way,
      a_failed_snapshot_is_probed_from_the_start_after_a_heartbeat,
      a_snapshot_that_arrived_is_continued_behind,
      reports_about_others_change_nothing,
      a_snapshot_that_nobody_reports_times_out,
      a_time_out_of_0_is_none,
      any_answer_from_which_the_log_can_go_on_ends_the_wait,
      commits_during_the_transfer_follow_by_the_log,
      a_snapshot_of_the_past_is_answered_with_the_present,
      a_snapshot_within_the_log_only_commits,
      a_snapshot_of_others_is_ignored,
      learners_and_leaving_voters_take_part,
      a_membership_that_cannot_be_is_malformed,
      a_place_that_no_log_can_have_is_malformed,
      what_is_installed_is_applied_before_anything_behind_it,
      a_newer_snapshot_replaces_the_one_being_written,
      a_node_starts_from_its_snapshot,
      who_is_unreachable_still_waits_for_its_snapshot,
      a_snapshot_from_before_the_cut_is_not_installed,
  };
  return run_suite("snapshot", tests, sizeof tests / sizeof tests[0], setup, teardown);
}
