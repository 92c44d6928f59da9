/* test_log_faults.c - each file operation of the raft log fails in turn, and nothing is promised
 * falsely.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "log_fixture.h"

static log_fixture f;

static void set_up(void) {
  fixture_open(&f);
}

static void tear_down(void) {
  fixture_close(&f);
}

static void arm(fault_call call, int after, int number, bool for_ever) {
  memset(f.plan.counts, 0, sizeof(f.plan.counts));
  f.plan.call = call;
  f.plan.after = after;
  f.plan.number = number;
  f.plan.for_ever = for_ever;
}

static void disarm(void) {
  f.plan.after = -1;
}

/* Writes entry after entry until something fails; the last index that was reported durable. */
static uint64_t write_until_failure(uint64_t from, uint64_t to, int *rc) {
  uint64_t durable = from - 1;
  *rc = 0;
  for (uint64_t i = from; i <= to && *rc == 0; i++) {
    *rc = fixture_append(&f, 1, i, 1, 1, 900);
    if (*rc == 0 && i > 40) {
      *rc = fixture_compact(&f, 1, i - 40);
    }
    *rc = *rc == 0 ? fixture_sync(&f) : *rc;
    durable = *rc == 0 ? i : durable;
  }
  return durable;
}

START_TEST(a_failed_sync_is_fatal_and_reported) {
  ck_assert_int_eq(fixture_append(&f, 1, 1, 1, 1, 10), 0);
  ck_assert_int_eq(fixture_sync(&f), 0);
  arm(FAULT_SYNC_DATA, 0, EIO, false);
  ck_assert_int_eq(fixture_append(&f, 1, 2, 1, 1, 10), 0);
  ck_assert_int_eq(fixture_append(&f, 1, 3, 1, 1, 10), 0);
  ck_assert_int_eq(fixture_sync(&f), KV_EIO);
  ck_assert_uint_eq(f.reported, 3);
  ck_assert_int_eq(f.codes[0], 0);
  ck_assert_int_eq(f.codes[1], KV_EIO);
  ck_assert_int_eq(f.codes[2], KV_EIO);
  ck_assert_ptr_nonnull(strstr(f.error.text, "cannot sync"));
  ck_assert_ptr_nonnull(strstr(f.error.text, f.directory));
  ck_assert_int_eq(fixture_append(&f, 1, 4, 1, 1, 10), KV_EIO);
  ck_assert_ptr_null(kv_raft_log_take(f.log));
}
END_TEST

START_TEST(a_failed_write_is_fatal) {
  arm(FAULT_PWRITEV, 0, EIO, false);
  ck_assert_int_eq(fixture_append(&f, 1, 1, 1, 1, 10), 0);
  ck_assert_int_eq(fixture_sync(&f), KV_EIO);
  ck_assert_ptr_nonnull(strstr(f.error.text, "cannot write"));
  ck_assert_int_eq(fixture_append(&f, 1, 2, 1, 1, 10), KV_EIO);
}
END_TEST

/* Any operation fails with EIO at any time: the log stops, and a restart has all that was durable.
 */
START_TEST(after_any_failure_a_restart_has_what_was_durable) {
  for (int after = 0; after < 60; after += 1 + after / 8) {
    arm((fault_call)_i, after, EIO, false);
    int rc;
    const uint64_t durable = write_until_failure(1, 250, &rc);
    const bool fired = f.plan.counts[_i] > after;
    ck_assert(rc == 0 || (fired && rc == KV_EIO));
    disarm();
    ck_assert_msg(fixture_reopen(&f) == 0, "%s", f.error.text);
    kv_log_bounds bounds = {.last_index = 0};
    (void)kv_raft_log_bounds(f.log, 1, &bounds);
    ck_assert_uint_ge(bounds.last_index, durable);
    if (bounds.last_index > 0) {
      fixture_expect(&f, 1, bounds.first_index, bounds.last_index, 1, 900);
    }
    const kv_log_change gone = {.region_id = 1, .destroy = true};
    ck_assert_int_eq(fixture_change(&f, &gone), 0);
    ck_assert_int_eq(fixture_sync(&f), 0);
  }
}
END_TEST

START_TEST(an_open_that_fails_anywhere_says_why_and_can_be_tried_again) {
  int rc;
  (void)write_until_failure(1, 200, &rc);
  ck_assert_int_eq(rc, 0);
  for (int after = 0; after < 6; after++) {
    arm((fault_call)_i, after, EIO, true);
    rc = fixture_reopen(&f);
    disarm();
    if (rc != 0) {
      ck_assert_int_eq(rc, KV_EIO);
      ck_assert_ptr_null(f.log);
      ck_assert_ptr_nonnull(strstr(f.error.text, f.directory));
    }
    ck_assert_int_eq(fixture_reopen(&f), 0);
    fixture_expect(&f, 1, 161, 200, 1, 900);
  }
}
END_TEST

START_TEST(short_transfers_and_interruptions_are_continued) {
  f.plan.short_by = 37;
  arm(FAULT_PWRITEV, 3, EINTR, false);
  ck_assert_int_eq(fixture_append(&f, 1, 1, 5, 1, 200), 0);
  ck_assert_int_eq(fixture_sync(&f), 0);
  f.plan.short_by = 4001;
  arm(FAULT_PREAD, 1, EINTR, false);
  ck_assert_int_eq(fixture_reopen(&f), 0);
  fixture_expect(&f, 1, 1, 5, 1, 200);
}
END_TEST

static bool disk_is_full(void) {
  kv_raft_log_stats stats;
  kv_raft_log_get_stats(f.log, &stats);
  return stats.disk_full;
}

START_TEST(on_a_full_disk_entries_are_refused_and_hard_states_are_not) {
  arm(FAULT_ALLOCATE, 0, ENOSPC, true);
  int rc;
  const uint64_t durable = write_until_failure(1, 1000, &rc);
  ck_assert_int_eq(rc, KV_EFULL);
  ck_assert(disk_is_full());
  ck_assert_uint_gt(durable, 30);
  fixture_expect(&f, 1, durable - 39, durable, 1, 900);
  ck_assert_int_eq(fixture_hard_state(&f, 1, 8, 2, durable), 0);
  ck_assert_int_eq(fixture_compact(&f, 1, durable - 5), 0);
  ck_assert_int_eq(fixture_sync(&f), 0);
  ck_assert_int_eq(fixture_append(&f, 1, durable + 1, 1, 1, 900), KV_EFULL);
  fixture_expect(&f, 1, durable - 4, durable, 1, 900);
  disarm();
  kv_raft_log_tick(f.log);
  ck_assert_int_eq(fixture_sync(&f), 0);
  ck_assert(!disk_is_full());
  (void)write_until_failure(durable + 1, durable + 300, &rc);
  ck_assert_int_eq(rc, 0);
}
END_TEST

START_TEST(a_disk_that_fills_up_in_the_middle_loses_nothing) {
  /* More than a segment in one go: the next file is not there yet when it is needed. */
  for (uint64_t i = 1; i <= 100; i++) {
    ck_assert_int_eq(fixture_append(&f, 1, i, 1, 1, 900), 0);
  }
  arm(FAULT_ALLOCATE, 0, ENOSPC, true);
  ck_assert_int_eq(fixture_sync(&f), KV_EFULL);
  ck_assert_ptr_nonnull(strstr(f.error.text, "make room on the disk"));
  const size_t reported = f.reported;
  ck_assert_uint_gt(reported, 30);
  ck_assert_uint_lt(reported, 100);
  ck_assert_ptr_null(kv_raft_log_take(f.log)); /* not before a tick */
  ck_assert_int_eq(fixture_append(&f, 1, 101, 1, 1, 900), KV_EFULL);
  ck_assert_int_eq(fixture_hard_state(&f, 1, 3, 3, 3), 0);
  kv_raft_log_tick(f.log);
  ck_assert_int_eq(fixture_sync(&f), KV_EFULL);
  ck_assert_uint_eq(f.reported, reported);
  disarm();
  kv_raft_log_tick(f.log);
  ck_assert_int_eq(fixture_sync(&f), 0);
  ck_assert_uint_eq(f.reported, 101);
  for (size_t i = 0; i < f.reported; i++) {
    ck_assert_uint_eq(f.tokens[i], i < 100 ? i + 1 : 102); /* 101 was refused */
    ck_assert_int_eq(f.codes[i], 0);
  }
  ck_assert_int_eq(fixture_reopen(&f), 0);
  fixture_expect(&f, 1, 1, 100, 1, 900);
}
END_TEST

START_TEST(a_write_without_space_is_tried_again) {
  arm(FAULT_PWRITEV, 0, ENOSPC, false);
  ck_assert_int_eq(fixture_append(&f, 1, 1, 1, 1, 900), 0);
  ck_assert_int_eq(fixture_sync(&f), KV_EFULL);
  ck_assert_uint_eq(f.reported, 0);
  kv_raft_log_tick(f.log);
  ck_assert_int_eq(fixture_sync(&f), 0);
  ck_assert_uint_eq(f.reported, 1);
  ck_assert_int_eq(fixture_reopen(&f), 0);
  fixture_expect(&f, 1, 1, 1, 1, 900);
}
END_TEST

START_TEST(an_unreadable_entry_is_an_error_of_that_read) {
  f.options.cache_bytes = 1;
  ck_assert_int_eq(fixture_reopen(&f), 0);
  ck_assert_int_eq(fixture_append(&f, 1, 1, 2, 1, 10), 0);
  ck_assert_int_eq(fixture_sync(&f), 0);
  arm(FAULT_PREAD, 0, EIO, false);
  raft_entry out[2];
  size_t count = 2;
  ck_assert_int_eq(kv_raft_log_entries(f.log, 1, 1, 3, RAFT_NO_LIMIT, out, &count), KV_EIO);
  fixture_expect(&f, 1, 1, 2, 1, 10);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("log_faults");
  TCase *tcase = tcase_create("log_faults");
  tcase_add_checked_fixture(tcase, set_up, tear_down);
  tcase_set_timeout(tcase, 60);
  tcase_add_test(tcase, a_failed_sync_is_fatal_and_reported);
  tcase_add_test(tcase, a_failed_write_is_fatal);
  tcase_add_loop_test(tcase, after_any_failure_a_restart_has_what_was_durable, 0, FAULT_CALLS);
  tcase_add_loop_test(tcase, an_open_that_fails_anywhere_says_why_and_can_be_tried_again, 0,
                      FAULT_CALLS);
  tcase_add_test(tcase, short_transfers_and_interruptions_are_continued);
  tcase_add_test(tcase, on_a_full_disk_entries_are_refused_and_hard_states_are_not);
  tcase_add_test(tcase, a_disk_that_fills_up_in_the_middle_loses_nothing);
  tcase_add_test(tcase, a_write_without_space_is_tried_again);
  tcase_add_test(tcase, an_unreadable_entry_is_an_error_of_that_read);
  suite_add_tcase(suite, tcase);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
