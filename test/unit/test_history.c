/* test_history.c - clients on shared keys accept a store that behaves, and convict one that does
 * not.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "bench/history.h"
#include "fake_store.h"
#include "run_suite.h"

static fake_faults faults;
static fake_store *stores[2];
static kv_bench_options options;
static kv_history_result result;
static kv_error error;

static void set_up(void) {
  memset(&faults, 0, sizeof(faults));
  memset(stores, 0, sizeof(stores));
  options = (kv_bench_options){.connections = 6,
                               .keys = 8,
                               .seconds = 30,
                               .requests = 2500,
                               .timeout_ms = 10000,
                               .verify_ms = 10000,
                               .seed = 11,
                               .quiet = true};
}

static void tear_down(void) {
  for (size_t i = 0; i < 2; i++) {
    if (stores[i] != NULL) {
      fake_store_stop(stores[i]);
    }
  }
  kv_history_result_free(&result);
  kv_address_list_free(&options.addresses);
}

static void start(size_t which) {
  char address[32];
  stores[which] = fake_store_start(&faults, address);
  ck_assert_int_eq(kv_address_list_add(&options.addresses, address), 0);
}

static void run(void) {
  ck_assert_int_eq(kv_history_run(&options, "t", &result, &error), 0);
  ck_assert_uint_eq(result.unread, 0);
  ck_assert_uint_eq(result.report.gave_up, 0);
}

START_TEST(a_store_that_behaves_is_proven_right) {
  start(0);
  run();
  ck_assert(kv_history_is_proven(&result));
  ck_assert_uint_eq(result.errors.total, 0);
  ck_assert_uint_gt(result.reads, 400);
  ck_assert_uint_gt(result.writes, 1000);
  ck_assert_uint_eq(result.report.unknown, 0);
  ck_assert_uint_eq(result.report.operations, result.reads + result.writes);
  ck_assert_uint_gt(result.report.operations, 2500); /* those at the end as well */
}
END_TEST

START_TEST(a_lost_write_is_an_anomaly) {
  faults.lose_every = 10; /* most hide behind other writes */
  start(0);
  run();
  ck_assert(!kv_history_is_proven(&result));
  ck_assert_uint_gt(result.report.wrong, 0);
  ck_assert_uint_gt(result.report.offending.count, 0);
}
END_TEST

START_TEST(a_stale_read_is_an_anomaly) {
  faults.stale_every = 20;
  start(0);
  run();
  ck_assert_uint_gt(result.report.wrong, 0);
}
END_TEST

START_TEST(an_addition_done_twice_is_an_anomaly) {
  faults.twice_every = 10;
  start(0);
  run();
  ck_assert_uint_gt(result.report.wrong, 0);
}
END_TEST

/* Two stores that know nothing of each other. */
START_TEST(two_histories_for_one_key_are_an_anomaly) {
  start(0);
  start(1);
  run();
  ck_assert_uint_gt(result.report.wrong, 0);
}
END_TEST

START_TEST(unknown_outcomes_are_no_anomaly) {
  faults.time_out_every = 37;
  start(0);
  run();
  ck_assert(kv_history_is_proven(&result));
  ck_assert_uint_gt(result.report.unknown, 5);
}
END_TEST

START_TEST(refused_writes_are_no_anomaly) {
  faults.refuse_every = 37;
  start(0);
  run();
  ck_assert(kv_history_is_proven(&result));
  ck_assert_uint_gt(result.errors.total, 5);
  ck_assert_uint_eq(result.report.unknown, 0);
}
END_TEST

START_TEST(lost_connections_are_made_again_and_no_anomaly) {
  faults.hang_up_every = 25;
  start(0);
  run();
  ck_assert(kv_history_is_proven(&result));
  ck_assert_uint_gt(result.errors.total, 5);
  ck_assert_uint_gt(result.report.unknown, 0);
}
END_TEST

START_TEST(a_store_that_is_silent_leaves_nothing_proven) {
  faults.silent = 1;
  options.timeout_ms = 50;
  options.verify_ms = 50;
  options.seconds = 0.2;
  start(0);
  ck_assert_int_eq(kv_history_run(&options, "t", &result, &error), 0);
  ck_assert_uint_eq(result.unread, 8);
  ck_assert(!kv_history_is_proven(&result));
}
END_TEST

int main(void) {
  const TTest *const tests[] = {
      a_store_that_behaves_is_proven_right,
      a_lost_write_is_an_anomaly,
      a_stale_read_is_an_anomaly,
      an_addition_done_twice_is_an_anomaly,
      two_histories_for_one_key_are_an_anomaly,
      unknown_outcomes_are_no_anomaly,
      refused_writes_are_no_anomaly,
      lost_connections_are_made_again_and_no_anomaly,
      a_store_that_is_silent_leaves_nothing_proven,
  };
  return run_suite("history", tests, sizeof(tests) / sizeof(tests[0]), set_up, tear_down);
}
