/* test_log_gc.c - files of what is not needed are used again; idle regions do not stand in the way.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <dirent.h>
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

static size_t count_files(void) {
  size_t count = 0;
  DIR *directory = opendir(f.directory);
  ck_assert_ptr_nonnull(directory);
  for (const struct dirent *entry; (entry = readdir(directory)) != NULL;) {
    count += strstr(entry->d_name, ".log") != NULL || strstr(entry->d_name, ".tmp") != NULL;
  }
  (void)closedir(directory);
  return count;
}

static size_t count_segments(void) {
  kv_raft_log_stats stats;
  kv_raft_log_get_stats(f.log, &stats);
  return stats.segments;
}

/* One region writes on and is compacted behind its last 10 entries, over many segments. */
static void churn(uint64_t region, uint64_t from, uint64_t to) {
  for (uint64_t i = from; i <= to; i++) {
    ck_assert_int_eq(fixture_append(&f, region, i, 1, 1, 1000), 0);
    if (i > 10) {
      ck_assert_int_eq(fixture_compact(&f, region, i - 10), 0);
    }
    ck_assert_int_eq(fixture_sync(&f), 0);
  }
}

START_TEST(compacted_segments_are_used_again) {
  churn(1, 1, 1000); /* about sixteen segments */
  ck_assert_uint_le(count_segments(), 3);
  ck_assert_uint_le(count_files(), 6);
  for (int round = 0; round < 3; round++) {
    fixture_expect(&f, 1, 991, 1000, 1, 1000);
    ck_assert_msg(fixture_reopen(&f) == 0, "%s", f.error.text);
  }
}
END_TEST

START_TEST(a_recycled_file_shows_nothing_of_its_earlier_life) {
  churn(1, 1, 200);
  for (uint64_t i = 201; i < 400; i++) {
    ck_assert_int_eq(fixture_append(&f, 1, i, 1, 1, 1000), 0);
    ck_assert_int_eq(fixture_compact(&f, 1, i - 10), 0);
    ck_assert_int_eq(fixture_sync(&f), 0);
    ck_assert_msg(fixture_reopen(&f) == 0, "%s", f.error.text);
    fixture_expect(&f, 1, i - 9, i, 1, 1000);
  }
}
END_TEST

START_TEST(idle_regions_are_written_forward) {
  for (uint64_t region = 2; region <= 20; region++) {
    ck_assert_int_eq(fixture_append(&f, region, 1, 5, region, 50), 0);
    ck_assert_int_eq(fixture_hard_state(&f, region, region, 3, 4), 0);
  }
  ck_assert_int_eq(fixture_hard_state(&f, 21, 9, 3, 0), 0); /* a state and no entries */
  churn(1, 1, 2000);
  ck_assert_uint_le(count_segments(), 6);
  for (int round = 0; round < 2; round++) {
    kv_log_bounds bounds;
    for (uint64_t region = 2; region <= 20; region++) {
      fixture_expect(&f, region, 1, 5, region, 50);
      ck_assert_int_eq(kv_raft_log_bounds(f.log, region, &bounds), 0);
      ck_assert_uint_eq(bounds.hard_state.term, region);
      ck_assert_uint_eq(bounds.hard_state.commit, 4);
    }
    ck_assert_int_eq(kv_raft_log_bounds(f.log, 21, &bounds), 0);
    ck_assert_uint_eq(bounds.hard_state.term, 9);
    fixture_expect(&f, 1, 1991, 2000, 1, 1000);
    ck_assert_msg(fixture_reopen(&f) == 0, "%s", f.error.text);
  }
}
END_TEST

/* More than one step of rewriting, from files, with a restart at any time. */
START_TEST(a_long_idle_log_is_written_forward_piece_by_piece) {
  f.options.cache_bytes = 1;
  ck_assert_int_eq(fixture_reopen(&f), 0);
  ck_assert_int_eq(fixture_append(&f, 2, 1, 600, 5, 30), 0);
  ck_assert_int_eq(fixture_append(&f, 3, 1, 40, 6, 200), 0);
  ck_assert_int_eq(fixture_append(&f, 3, 31, 10, 6, 200), 0);
  for (uint64_t i = 1; i <= 1500; i += 50) {
    churn(1, i, i + 49);
    fixture_expect(&f, 2, 1, 600, 5, 30);
    ck_assert_msg(fixture_reopen(&f) == 0, "%s", f.error.text);
    fixture_expect(&f, 2, 1, 600, 5, 30);
    fixture_expect(&f, 3, 1, 40, 6, 200);
  }
  ck_assert_uint_le(count_segments(), 6);
}
END_TEST

START_TEST(a_region_can_go_on_while_it_is_written_forward) {
  ck_assert_int_eq(fixture_append(&f, 2, 1, 400, 5, 60), 0);
  for (uint64_t i = 1; i <= 1200; i++) {
    churn(1, i, i);
    if (i % 100 == 0) { /* replaces a suffix, or compacts, or appends */
      ck_assert_int_eq(fixture_append(&f, 2, 300 + i / 100, 3, 5, 60), 0);
      ck_assert_int_eq(fixture_compact(&f, 2, i / 10), 0);
      ck_assert_int_eq(fixture_sync(&f), 0);
      ck_assert_msg(fixture_reopen(&f) == 0, "%s", f.error.text);
    }
    if (i % 20 != 0) {
      continue;
    }
    fixture_expect(&f, 2, i / 100 * 10 + 1, i < 100 ? 400 : 302 + i / 100, 5, 60);
  }
  ck_assert_uint_le(count_segments(), 6);
}
END_TEST

START_TEST(the_log_of_destroyed_regions_is_freed) {
  for (uint64_t region = 1; region <= 300; region++) {
    ck_assert_int_eq(fixture_append(&f, region, 1, 1, 1, 1000), 0);
    ck_assert_int_eq(fixture_sync(&f), 0);
  }
  ck_assert_uint_ge(count_segments(), 5);
  for (uint64_t region = 1; region <= 300; region++) {
    const kv_log_change change = {.region_id = region, .destroy = true};
    ck_assert_int_eq(fixture_change(&f, &change), 0);
  }
  ck_assert_int_eq(fixture_sync(&f), 0);
  ck_assert_int_eq(fixture_append(&f, 999, 1, 1, 1, 10), 0);
  ck_assert_int_eq(fixture_sync(&f), 0);
  ck_assert_int_eq(fixture_sync(&f), 0);
  ck_assert_uint_le(count_segments(), 2);
  ck_assert_int_eq(fixture_reopen(&f), 0);
  fixture_expect(&f, 999, 1, 1, 1, 10);
}
END_TEST

/* Random traffic over a few regions, checked against plain arithmetic, with restarts. */
START_TEST(random_traffic_agrees_with_a_model) {
  enum { REGIONS = 5 };
  uint64_t first[REGIONS];
  uint64_t last[REGIONS];
  uint32_t state = 99u + (uint32_t)_i;
  for (int r = 0; r < REGIONS; r++) {
    first[r] = 1;
    last[r] = 0;
  }
  for (int step = 0; step < 700; step++) {
    state = state * 1664525u + 1013904223u;
    const uint32_t dice = state >> 8;
    const uint64_t r = dice % 16 < REGIONS ? dice % 16 : 0; /* region 0 is busier */
    const uint64_t length = last[r] - first[r] + 1;
    if (dice / 16 % 8 < 5) {
      const uint64_t back = dice / 128 % 4 == 0 && length > 3 ? 2 : 0;
      const uint64_t count = 1 + dice / 512 % 6;
      ck_assert_int_eq(fixture_append(&f, r + 1, last[r] + 1 - back, count, 2, 400), 0);
      last[r] = last[r] - back + count;
    } else if (dice / 16 % 8 < 7 && length > 8) {
      ck_assert_int_eq(fixture_compact(&f, r + 1, last[r] - 8), 0);
      first[r] = last[r] - 7;
    }
    if (dice / 4096 % 3 == 0) {
      ck_assert_int_eq(fixture_sync(&f), 0);
    }
    if (dice / 16384 % 64 == 0) {
      ck_assert_int_eq(fixture_sync(&f), 0);
      ck_assert_msg(fixture_reopen(&f) == 0, "step %d: %s", step, f.error.text);
    }
    if (last[r] > 0) {
      fixture_expect(&f, r + 1, first[r], last[r], 2, 400);
    }
  }
}
END_TEST

int main(void) {
  Suite *suite = suite_create("log_gc");
  TCase *tcase = tcase_create("log_gc");
  tcase_add_checked_fixture(tcase, set_up, tear_down);
  tcase_set_timeout(tcase, 60);
  tcase_add_test(tcase, compacted_segments_are_used_again);
  tcase_add_test(tcase, a_recycled_file_shows_nothing_of_its_earlier_life);
  tcase_add_test(tcase, idle_regions_are_written_forward);
  tcase_add_test(tcase, a_long_idle_log_is_written_forward_piece_by_piece);
  tcase_add_test(tcase, a_region_can_go_on_while_it_is_written_forward);
  tcase_add_test(tcase, the_log_of_destroyed_regions_is_freed);
  tcase_add_loop_test(tcase, random_traffic_agrees_with_a_model, 0, 3);
  suite_add_tcase(suite, tcase);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
