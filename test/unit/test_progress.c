/* test_progress.c - what the leader believes of a peer, state by state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <libraft/error.h>
#include <stdlib.h>

#include "failing_allocator.h"
#include "libraft/progress.h"

static failing_allocator memory;
static raft_progress progress;
static raft_inflight_limits limits;

static void setup(void) {
  failing_allocator_init(&memory);
  limits = (raft_inflight_limits){.max_count = 3};
  progress = (raft_progress){.id = 2, .match = 5, .next = 10, .state = RAFT_PROGRESS_PROBE};
}

static void teardown(void) {
  raft_inflights_close(&progress.inflights, &memory.iface);
  ck_assert_uint_eq(memory.live_blocks, 0);
}

static void send(size_t entries, uint64_t bytes) {
  ck_assert_int_eq(raft_inflights_reserve(&progress.inflights, &limits, &memory.iface), RAFT_OK);
  raft_progress_sent_entries(&progress, entries, bytes, &limits);
}

/* Something of everything that a change of state has to sweep away. */
static void make_busy(raft_progress_state state) {
  raft_progress_become_replicate(&progress);
  send(1, 10);
  progress.paused = true;
  progress.snapshot_ticks = 4;
  progress.vote = 1;
  progress.recent_active = true;
  progress.is_learner = true;
  progress.state = (uint8_t)state;
  if (state == RAFT_PROGRESS_SNAPSHOT) {
    progress.pending_snapshot = 20;
    progress.next = 21;
  }
}

static void assert_swept(raft_progress_state state) {
  ck_assert_uint_eq(progress.state, state);
  ck_assert(!progress.paused);
  ck_assert_uint_eq(progress.snapshot_ticks, 0);
  ck_assert_uint_eq(raft_inflights_count(&progress.inflights), 0);
  ck_assert_uint_eq(raft_inflights_bytes(&progress.inflights), 0);
  /* What is known of the peer has nothing to do with how it is sent to. */
  ck_assert_uint_eq(progress.id, 2);
  ck_assert_uint_eq(progress.match, 5);
  ck_assert_uint_eq(progress.vote, 1);
  ck_assert(progress.recent_active);
  ck_assert(progress.is_learner);
}

/* --- changes of state, from each state (_i) -------------------------------------------------- */

START_TEST(every_state_can_become_probe_with_a_clean_slate) {
  make_busy((raft_progress_state)_i);
  raft_progress_become_probe(&progress);
  assert_swept(RAFT_PROGRESS_PROBE);
  ck_assert_uint_eq(progress.pending_snapshot, 0);
  ck_assert_uint_eq(progress.next, _i == RAFT_PROGRESS_SNAPSHOT ? 21 : 6);
}
END_TEST

START_TEST(every_state_can_become_replicate_with_a_clean_slate) {
  make_busy((raft_progress_state)_i);
  raft_progress_become_replicate(&progress);
  assert_swept(RAFT_PROGRESS_REPLICATE);
  ck_assert_uint_eq(progress.pending_snapshot, 0);
  ck_assert_uint_eq(progress.next, 6);
}
END_TEST

START_TEST(every_state_can_become_snapshot_with_a_clean_slate) {
  make_busy((raft_progress_state)_i);
  raft_progress_become_snapshot(&progress, 30);
  assert_swept(RAFT_PROGRESS_SNAPSHOT);
  ck_assert_uint_eq(progress.pending_snapshot, 30);
  ck_assert_uint_eq(progress.next, 31);
  ck_assert_uint_eq(progress.sent_commit, 30);
}
END_TEST

START_TEST(a_failed_snapshot_is_probed_from_match) {
  raft_progress_become_snapshot(&progress, 30);
  progress.pending_snapshot = 0; /* as a report of failure does */
  raft_progress_become_probe(&progress);
  ck_assert_uint_eq(progress.next, 6);
  ck_assert_uint_eq(progress.sent_commit, 5);
}
END_TEST

START_TEST(a_snapshot_that_was_overtaken_is_probed_from_match) {
  raft_progress_become_snapshot(&progress, 30);
  ck_assert(raft_progress_maybe_update(&progress, 40));
  raft_progress_become_probe(&progress);
  ck_assert_uint_eq(progress.next, 41);
}
END_TEST

START_TEST(probing_takes_back_the_commit_that_may_be_lost) {
  raft_progress_become_replicate(&progress);
  send(10, 1);
  raft_progress_sent_commit(&progress, 12);
  raft_progress_become_probe(&progress);
  ck_assert_uint_eq(progress.sent_commit, 5);
}
END_TEST

/* --- sending --------------------------------------------------------------------------------- */

START_TEST(replicate_runs_ahead_of_the_answers) {
  raft_progress_become_replicate(&progress);
  send(3, 100);
  send(2, 50);
  ck_assert_uint_eq(progress.next, 11);
  ck_assert_uint_eq(progress.match, 5);
  ck_assert_uint_eq(raft_inflights_count(&progress.inflights), 2);
  ck_assert_uint_eq(raft_inflights_bytes(&progress.inflights), 150);
  ck_assert_uint_eq(progress.inflights.ring->slots[0].index, 8);
  ck_assert_uint_eq(progress.inflights.ring->slots[1].index, 10);
  ck_assert(!raft_progress_is_paused(&progress));
}
END_TEST

START_TEST(an_empty_append_takes_no_slot) {
  raft_progress_become_replicate(&progress);
  send(0, 0);
  ck_assert_uint_eq(progress.next, 6);
  ck_assert_uint_eq(raft_inflights_count(&progress.inflights), 0);
  ck_assert(!raft_progress_is_paused(&progress));
}
END_TEST

START_TEST(replicate_pauses_when_the_window_is_full) {
  raft_progress_become_replicate(&progress);
  send(1, 1);
  send(1, 1);
  ck_assert(!raft_progress_is_paused(&progress));
  send(1, 1);
  ck_assert(raft_progress_is_paused(&progress));
}
END_TEST

/* One empty append a heartbeat answer gets through to a full window; then it is paused again. */
START_TEST(an_empty_append_to_a_full_window_pauses_again) {
  raft_progress_become_replicate(&progress);
  for (int i = 0; i < 3; i++) {
    send(1, 1);
  }
  progress.paused = false;
  send(0, 0);
  ck_assert(raft_progress_is_paused(&progress));
}
END_TEST

START_TEST(replicate_pauses_at_the_byte_limit) {
  limits = (raft_inflight_limits){.max_count = 100, .max_bytes = 10};
  raft_progress_become_replicate(&progress);
  send(1, 9);
  ck_assert(!raft_progress_is_paused(&progress));
  send(1, 500);
  ck_assert(raft_progress_is_paused(&progress));
}
END_TEST

START_TEST(a_probe_pauses_and_stays_where_it_is) {
  send(1, 10);
  ck_assert(raft_progress_is_paused(&progress));
  ck_assert_uint_eq(progress.next, 10);
  ck_assert_uint_eq(raft_inflights_count(&progress.inflights), 0);
}
END_TEST

START_TEST(an_empty_probe_neither_pauses_nor_resumes) {
  send(0, 0);
  ck_assert(!raft_progress_is_paused(&progress));
  progress.paused = true;
  send(0, 0);
  ck_assert(raft_progress_is_paused(&progress));
}
END_TEST

START_TEST(a_snapshot_on_its_way_pauses_always) {
  raft_progress_become_snapshot(&progress, 30);
  ck_assert(raft_progress_is_paused(&progress));
  progress.paused = false;
  ck_assert(raft_progress_is_paused(&progress));
}
END_TEST

/* --- telling the commit index ---------------------------------------------------------------- */

START_TEST(a_commit_is_worth_telling_while_it_can_raise_what_the_peer_has) {
  static const struct {
    uint64_t next, sent_commit, commit;
    bool worth;
  } cases[] = {
      {10, 5, 6, true},                       /* more than it was told */
      {10, 5, 5, false},                      /* it was told */
      {10, 5, 4, false},                      /* old */
      {10, 8, 9, true},                       /* up to next - 1 */
      {10, 8, 100, true},                     /* beyond: it still gains 9 */
      {10, 9, 100, false},                    /* it cannot have more than 9 */
      {10, 20, 100, false}, {1, 0, 1, false}, /* it has nothing */
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    progress.next = cases[i].next;
    raft_progress_sent_commit(&progress, cases[i].sent_commit);
    ck_assert_msg(raft_progress_can_bump_commit(&progress, cases[i].commit) == cases[i].worth,
                  "case %zu", i);
  }
}
END_TEST

/* --- answers --------------------------------------------------------------------------------- */

START_TEST(an_acceptance_moves_match_and_next_forward_only) {
  static const struct {
    uint64_t index, match, next;
    bool news;
  } cases[] = {
      {4, 5, 10, false},  /* behind */
      {5, 5, 10, false},  /* nothing new */
      {6, 6, 10, true},   /* next was ahead */
      {9, 9, 10, true},   /* just so */
      {10, 10, 11, true}, /* beyond next: next follows */
      {50, 50, 51, true},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    progress.match = 5;
    progress.next = 10;
    progress.paused = true;
    ck_assert_int_eq(raft_progress_maybe_update(&progress, cases[i].index), cases[i].news);
    ck_assert_uint_eq(progress.match, cases[i].match);
    ck_assert_uint_eq(progress.next, cases[i].next);
    ck_assert_int_eq(progress.paused, !cases[i].news);
  }
}
END_TEST

START_TEST(a_rejection_moves_next_back_unless_it_is_stale) {
  static const struct {
    uint64_t match, next, rejected, hint, then;
    raft_progress_state state;
    bool news;
  } cases[] = {
      /* Replicate: whatever is above match may be what was rejected. */
      {5, 10, 5, 5, 10, RAFT_PROGRESS_REPLICATE, false},
      {5, 10, 4, 4, 10, RAFT_PROGRESS_REPLICATE, false},
      {5, 10, 9, 9, 6, RAFT_PROGRESS_REPLICATE, true},
      {5, 10, 6, 0, 6, RAFT_PROGRESS_REPLICATE, true},
      /* Probe: only the one that is out. */
      {0, 10, 8, 8, 10, RAFT_PROGRESS_PROBE, false},
      {0, 10, 10, 10, 10, RAFT_PROGRESS_PROBE, false},
      {0, 10, 9, 9, 9, RAFT_PROGRESS_PROBE, true},
      {0, 10, 9, 2, 3, RAFT_PROGRESS_PROBE, true},
      {0, 10, 9, 0, 1, RAFT_PROGRESS_PROBE, true},
      {0, 10, 9, UINT64_MAX, 9, RAFT_PROGRESS_PROBE, true},
      {0, 1, 0, 0, 1, RAFT_PROGRESS_PROBE, true},
      /* Never to what is known to match. */
      {5, 10, 9, 2, 6, RAFT_PROGRESS_PROBE, true},
      /* Snapshot: as Probe. */
      {5, 10, 8, 8, 10, RAFT_PROGRESS_SNAPSHOT, false},
      {5, 10, 9, 7, 8, RAFT_PROGRESS_SNAPSHOT, true},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    progress.state = (uint8_t)cases[i].state;
    progress.match = cases[i].match;
    progress.next = cases[i].next;
    progress.sent_commit = 9;
    ck_assert_msg(raft_progress_maybe_decrement(&progress, cases[i].rejected, cases[i].hint) ==
                      cases[i].news,
                  "case %zu", i);
    ck_assert_msg(progress.next == cases[i].then, "case %zu: next %zu", i, (size_t)progress.next);
    ck_assert_msg(progress.sent_commit == (cases[i].news ? cases[i].then - 1 : 9), "case %zu", i);
    ck_assert_uint_eq(progress.match, cases[i].match);
  }
}
END_TEST

START_TEST(a_rejected_probe_may_be_followed_by_another) {
  progress.paused = true;
  ck_assert(!raft_progress_maybe_decrement(&progress, 7, 7));
  ck_assert(progress.paused);
  ck_assert(raft_progress_maybe_decrement(&progress, 9, 7));
  ck_assert(!progress.paused);
}
END_TEST

/* --- status ---------------------------------------------------------------------------------- */

START_TEST(status_shows_what_is_there) {
  raft_progress_status status;
  progress.is_learner = true;
  raft_progress_become_replicate(&progress);
  for (int i = 0; i < 3; i++) {
    send(1, 1);
  }
  raft_progress_status_of(&progress, &limits, &status);
  ck_assert_uint_eq(status.id, 2);
  ck_assert_uint_eq(status.match, 5);
  ck_assert_uint_eq(status.next, 9);
  ck_assert_int_eq((int)status.state, (int)RAFT_PROGRESS_REPLICATE);
  ck_assert_uint_eq(status.inflight, 3);
  ck_assert(status.inflight_full);
  ck_assert(status.paused);
  ck_assert(!status.recent_active);
  ck_assert(status.is_learner);
  raft_progress_become_snapshot(&progress, 30);
  raft_progress_status_of(&progress, &limits, &status);
  ck_assert_uint_eq(status.pending_snapshot, 30);
  ck_assert(status.paused);
  ck_assert(!status.inflight_full);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("progress");
  TCase *tests = tcase_create("progress");
  tcase_add_checked_fixture(tests, setup, teardown);
  tcase_add_loop_test(tests, every_state_can_become_probe_with_a_clean_slate, 0, 3);
  tcase_add_loop_test(tests, every_state_can_become_replicate_with_a_clean_slate, 0, 3);
  tcase_add_loop_test(tests, every_state_can_become_snapshot_with_a_clean_slate, 0, 3);
  tcase_add_test(tests, a_failed_snapshot_is_probed_from_match);
  tcase_add_test(tests, a_snapshot_that_was_overtaken_is_probed_from_match);
  tcase_add_test(tests, probing_takes_back_the_commit_that_may_be_lost);
  tcase_add_test(tests, replicate_runs_ahead_of_the_answers);
  tcase_add_test(tests, an_empty_append_takes_no_slot);
  tcase_add_test(tests, replicate_pauses_when_the_window_is_full);
  tcase_add_test(tests, an_empty_append_to_a_full_window_pauses_again);
  tcase_add_test(tests, replicate_pauses_at_the_byte_limit);
  tcase_add_test(tests, a_probe_pauses_and_stays_where_it_is);
  tcase_add_test(tests, an_empty_probe_neither_pauses_nor_resumes);
  tcase_add_test(tests, a_snapshot_on_its_way_pauses_always);
  tcase_add_test(tests, a_commit_is_worth_telling_while_it_can_raise_what_the_peer_has);
  tcase_add_test(tests, an_acceptance_moves_match_and_next_forward_only);
  tcase_add_test(tests, a_rejection_moves_next_back_unless_it_is_stale);
  tcase_add_test(tests, a_rejected_probe_may_be_followed_by_another);
  tcase_add_test(tests, status_shows_what_is_there);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
