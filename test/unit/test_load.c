/* test_load.c - the verified load accepts a store that behaves, and convicts one that does not.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "bench/verify.h"
#include "fake_store.h"

static fake_faults faults;
static fake_store *store;
static kv_bench_options options;
static kv_ledger ledger;
static kv_bench_result result;
static kv_error error;
static uint64_t checked;

static void set_up(void) {
  memset(&result, 0, sizeof(result));
  memset(&faults, 0, sizeof(faults));
  options = (kv_bench_options){.connections = 4,
                               .pipeline = 3,
                               .value_size = 100,
                               .read_share = 40,
                               .keys = 60,
                               .requests = 3000,
                               .timeout_ms = 10000,
                               .verify_ms = 10000,
                               .seed = 5,
                               .quiet = true};
  ck_assert_int_eq(kv_ledger_init(&ledger, options.keys), 0);
}

static void tear_down(void) {
  fake_store_stop(store);
  kv_address_list_free(&options.addresses);
  kv_ledger_free(&ledger);
}

static void start(void) {
  char address[32];
  store = fake_store_start(&faults, address);
  ck_assert_int_eq(kv_address_list_add(&options.addresses, address), 0);
}

static void run_load(void) {
  ck_assert_int_eq(kv_load_run(&options, "t", &ledger, &result, &error), 0);
  ck_assert_int_eq(kv_verify_run(&options, "t", &ledger, &result.violations, &checked, &error), 0);
}

START_TEST(a_store_that_behaves_is_accepted) {
  start();
  run_load();
  ck_assert_uint_eq(result.writes.count + result.reads.count, 3000);
  ck_assert_uint_gt(result.reads.count, 900);
  ck_assert_uint_eq(result.errors.total, 0);
  ck_assert_uint_eq(result.violations.count, 0);
  ck_assert_uint_eq(checked, 60);
}
END_TEST

START_TEST(a_lost_write_is_found) {
  faults.lose_every = 100;
  start();
  run_load();
  ck_assert_uint_gt(result.violations.count, 0);
  ck_assert_ptr_nonnull(strstr(result.violations.texts[0], "was acknowledged"));
}
END_TEST

START_TEST(a_write_that_is_lost_last_is_found_by_the_verification) {
  options.read_share = 0;
  options.requests = 100;
  options.keys = 4;
  faults.lose_every = 100;
  start();
  ck_assert_int_eq(kv_load_run(&options, "t", &ledger, &result, &error), 0);
  ck_assert_uint_eq(result.violations.count, 0);
  ck_assert_int_eq(kv_verify_run(&options, "t", &ledger, &result.violations, &checked, &error), 0);
  ck_assert_uint_eq(result.violations.count, 1);
}
END_TEST

START_TEST(a_stale_read_is_found) {
  faults.stale_every = 200;
  start();
  run_load();
  ck_assert_uint_gt(result.violations.count, 0);
}
END_TEST

START_TEST(unknown_outcomes_are_no_violation) {
  faults.time_out_every = 37;
  start();
  run_load();
  ck_assert_uint_gt(result.errors.total, 20);
  ck_assert_uint_eq(result.violations.count, 0);
}
END_TEST

START_TEST(refused_writes_are_no_violation) {
  faults.refuse_every = 37;
  start();
  run_load();
  ck_assert_uint_gt(result.errors.total, 20);
  ck_assert_str_eq(result.errors.rows[0].text, "TRYAGAIN not now");
  ck_assert_uint_eq(result.violations.count, 0);
}
END_TEST

START_TEST(lost_connections_are_made_again_and_no_violation) {
  faults.hang_up_every = 150;
  start();
  run_load();
  ck_assert_uint_gt(result.errors.total, 5);
  ck_assert_uint_gt(result.writes.count, 1000);
  ck_assert_uint_eq(result.violations.count, 0);
}
END_TEST

START_TEST(lanes_move_to_a_store_that_answers) {
  ck_assert_int_eq(kv_address_list_add(&options.addresses, "127.0.0.1:1"), 0);
  start();
  run_load();
  ck_assert_uint_eq(result.writes.count + result.reads.count, 3000);
  ck_assert_ptr_nonnull(strstr(result.errors.rows[0].text, "127.0.0.1:1"));
}
END_TEST

START_TEST(lanes_leave_a_store_that_only_refuses) {
  fake_faults refusing = {.refuse_every = 1};
  char address[32];
  fake_store *useless = fake_store_start(&refusing, address);
  ck_assert_int_eq(kv_address_list_add(&options.addresses, address), 0);
  options.read_share = 0;
  options.connections = 1;
  options.pipeline = 1;
  options.requests = 200;
  start();
  ck_assert_int_eq(kv_load_run(&options, "t", NULL, &result, &error), 0);
  ck_assert_uint_ge(result.writes.count, 150);
  fake_store_stop(useless);
}
END_TEST

START_TEST(a_load_without_a_ledger_and_with_a_rate_keeps_to_it) {
  options.rate = 20000;
  options.requests = 400;
  start();
  ck_assert_int_eq(kv_load_run(&options, "t", NULL, &result, &error), 0);
  ck_assert_uint_eq(result.writes.count + result.reads.count, 400);
  ck_assert_uint_ge(result.elapsed, 399u * 50000u);
}
END_TEST

START_TEST(a_verification_that_gets_no_answers_says_so) {
  start();
  ck_assert_int_eq(kv_load_run(&options, "t", &ledger, &result, &error), 0);
  kv_address_list_free(&options.addresses);
  ck_assert_int_eq(kv_address_list_add(&options.addresses, "127.0.0.1:1"), 0);
  options.verify_ms = 1;
  ck_assert_int_eq(kv_verify_run(&options, "t", &ledger, &result.violations, &checked, &error),
                   KV_EIO);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("load");
  TCase *tcase = tcase_create("load");
  tcase_add_checked_fixture(tcase, set_up, tear_down);
  tcase_set_timeout(tcase, 30);
  tcase_add_test(tcase, a_store_that_behaves_is_accepted);
  tcase_add_test(tcase, a_lost_write_is_found);
  tcase_add_test(tcase, a_write_that_is_lost_last_is_found_by_the_verification);
  tcase_add_test(tcase, a_stale_read_is_found);
  tcase_add_test(tcase, unknown_outcomes_are_no_violation);
  tcase_add_test(tcase, refused_writes_are_no_violation);
  tcase_add_test(tcase, lost_connections_are_made_again_and_no_violation);
  tcase_add_test(tcase, lanes_move_to_a_store_that_answers);
  tcase_add_test(tcase, lanes_leave_a_store_that_only_refuses);
  tcase_add_test(tcase, a_load_without_a_ledger_and_with_a_rate_keeps_to_it);
  tcase_add_test(tcase, a_verification_that_gets_no_answers_says_so);
  suite_add_tcase(suite, tcase);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
