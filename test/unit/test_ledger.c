/* test_ledger.c - which reads a store may give, after writes that were acknowledged, refused or
 * lost.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/ledger.h"

static kv_ledger ledger;
static char path[64];

static void set_up(void) {
  ck_assert_int_eq(kv_ledger_init(&ledger, 100), 0);
  (void)snprintf(path, sizeof(path), "/tmp/ledger-test.%ld", (long)getpid());
}

static void tear_down(void) {
  kv_ledger_free(&ledger);
  (void)unlink(path);
}

static void write_acknowledged(uint64_t key, uint64_t times) {
  for (uint64_t i = 0; i < times; i++) {
    kv_ledger_acknowledge(&ledger, key, kv_ledger_attempt(&ledger, key));
  }
}

static kv_verdict read_now(uint64_t key, uint64_t found) {
  return kv_ledger_judge(&ledger, key, kv_ledger_floor(&ledger, key), found);
}

START_TEST(an_acknowledged_write_must_be_found) {
  write_acknowledged(7, 3);
  ck_assert_int_eq(read_now(7, 3), KV_VERDICT_RIGHT);
  ck_assert_int_eq(read_now(7, 2), KV_VERDICT_LOST);
  ck_assert_int_eq(read_now(7, 0), KV_VERDICT_LOST);
  ck_assert_int_eq(read_now(7, 4), KV_VERDICT_INVENTED);
  ck_assert_int_eq(read_now(8, 0), KV_VERDICT_RIGHT);
  ck_assert_int_eq(read_now(8, 1), KV_VERDICT_INVENTED);
}
END_TEST

START_TEST(a_read_may_see_writes_that_are_under_way) {
  write_acknowledged(1, 1);
  const uint64_t floor = kv_ledger_floor(&ledger, 1);
  const uint64_t next = kv_ledger_attempt(&ledger, 1);
  ck_assert_int_eq(kv_ledger_judge(&ledger, 1, floor, next), KV_VERDICT_RIGHT);
  ck_assert_int_eq(kv_ledger_judge(&ledger, 1, floor, 1), KV_VERDICT_RIGHT);
}
END_TEST

START_TEST(a_read_that_began_before_the_acknowledgement_may_miss_the_write) {
  const uint64_t floor = kv_ledger_floor(&ledger, 1);
  write_acknowledged(1, 2);
  ck_assert_int_eq(kv_ledger_judge(&ledger, 1, floor, 0), KV_VERDICT_RIGHT);
  ck_assert_int_eq(read_now(1, 0), KV_VERDICT_LOST);
}
END_TEST

START_TEST(what_was_read_once_must_be_found_again) {
  write_acknowledged(1, 1);
  const uint64_t floor = kv_ledger_floor(&ledger, 1);
  (void)kv_ledger_attempt(&ledger, 1);
  ck_assert_int_eq(kv_ledger_judge(&ledger, 1, floor, 2), KV_VERDICT_RIGHT);
  ck_assert_int_eq(read_now(1, 1), KV_VERDICT_LOST);
  ck_assert_int_eq(read_now(1, 2), KV_VERDICT_RIGHT);
}
END_TEST

START_TEST(an_unknown_write_may_be_found_or_not) {
  write_acknowledged(1, 1);
  kv_ledger_leave_unknown(&ledger, 1, kv_ledger_attempt(&ledger, 1));
  ck_assert(!kv_ledger_is_clear(&ledger, 1));
  ck_assert(kv_ledger_is_clear(&ledger, 2));
  ck_assert_int_eq(read_now(1, 1), KV_VERDICT_RIGHT);
  ck_assert_int_eq(read_now(1, 2), KV_VERDICT_RIGHT);
  ck_assert_int_eq(read_now(1, 0), KV_VERDICT_LOST);
}
END_TEST

START_TEST(an_unknown_write_may_take_effect_after_later_ones) {
  const uint64_t lost = kv_ledger_attempt(&ledger, 1);
  const uint64_t lost_too = kv_ledger_attempt(&ledger, 1);
  kv_ledger_leave_unknown(&ledger, 1, lost_too);
  kv_ledger_leave_unknown(&ledger, 1, lost);
  kv_ledger_acknowledge(&ledger, 1, kv_ledger_attempt(&ledger, 1));
  ck_assert_int_eq(read_now(1, 3), KV_VERDICT_RIGHT);
  ck_assert_int_eq(read_now(1, 1), KV_VERDICT_RIGHT);
  ck_assert_int_eq(read_now(1, 0), KV_VERDICT_LOST);
}
END_TEST

START_TEST(the_book_survives_in_a_file) {
  char prefix[KV_LEDGER_PREFIX];
  kv_ledger found;
  write_acknowledged(7, 3);
  write_acknowledged(99, 1);
  kv_ledger_leave_unknown(&ledger, 7, kv_ledger_attempt(&ledger, 7));
  ck_assert_int_eq(kv_ledger_save(&ledger, path, "v12", NULL), 0);
  ck_assert_int_eq(kv_ledger_load(&found, path, prefix, NULL), 0);
  ck_assert_str_eq(prefix, "v12");
  ck_assert_uint_eq(found.keys, 100);
  ck_assert_uint_eq(found.pages[7].acknowledged, 3);
  ck_assert_uint_eq(found.pages[7].attempted, 4);
  ck_assert_uint_eq(found.pages[7].unknown, 4);
  ck_assert_uint_eq(found.pages[99].acknowledged, 1);
  ck_assert_uint_eq(found.pages[8].attempted, 0);
  kv_ledger_free(&found);
}
END_TEST

START_TEST(a_file_that_is_cut_or_nonsense_is_refused) {
  static const char *const bad[] = {"",
                                    "end\n",
                                    "kvbench-ledger 2 v 10\nend\n",
                                    "kvbench-ledger 1 v 10\n",
                                    "kvbench-ledger 1 v 10\n1 2 3\nend\n",
                                    "kvbench-ledger 1 v 10\n10 1 1 0\nend\n",
                                    "kvbench-ledger 1 v 10\n1 3 2 0\nend\n",
                                    "kvbench-ledger 1 v 10\n1 1 1 0 x\nend\n",
                                    "kvbench-ledger 1 v 0\nend\n",
                                    "kvbench-ledger 1 v\nend\n"};
  char prefix[KV_LEDGER_PREFIX];
  kv_ledger found;
  kv_error error;
  FILE *file = fopen(path, "w");
  ck_assert_ptr_nonnull(file);
  ck_assert_int_ge(fputs(bad[_i], file), 0);
  ck_assert_int_eq(fclose(file), 0);
  ck_assert_int_eq(kv_ledger_load(&found, path, prefix, &error), KV_ECORRUPT);
  ck_assert_ptr_nonnull(strstr(error.text, path));
}
END_TEST

START_TEST(a_file_that_cannot_be_opened_is_named) {
  char prefix[KV_LEDGER_PREFIX];
  kv_ledger found;
  kv_error error;
  ck_assert_int_eq(kv_ledger_load(&found, "/no/such/file", prefix, &error), KV_EIO);
  ck_assert_ptr_nonnull(strstr(error.text, "/no/such/file"));
  ck_assert_int_eq(kv_ledger_save(&ledger, "/no/such/file", "v", &error), KV_EIO);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("ledger");
  TCase *tcase = tcase_create("ledger");
  tcase_add_checked_fixture(tcase, set_up, tear_down);
  tcase_add_test(tcase, an_acknowledged_write_must_be_found);
  tcase_add_test(tcase, a_read_may_see_writes_that_are_under_way);
  tcase_add_test(tcase, a_read_that_began_before_the_acknowledgement_may_miss_the_write);
  tcase_add_test(tcase, what_was_read_once_must_be_found_again);
  tcase_add_test(tcase, an_unknown_write_may_be_found_or_not);
  tcase_add_test(tcase, an_unknown_write_may_take_effect_after_later_ones);
  tcase_add_test(tcase, the_book_survives_in_a_file);
  tcase_add_loop_test(tcase, a_file_that_is_cut_or_nonsense_is_refused, 0, 10);
  tcase_add_test(tcase, a_file_that_cannot_be_opened_is_named);
  suite_add_tcase(suite, tcase);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
