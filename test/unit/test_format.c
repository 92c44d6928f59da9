/* test_format.c - text that fits, text that does not, and how long it would have been.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <stdlib.h>
#include <wchar.h>

#include "base/format.h"

START_TEST(a_text_that_fits_is_whole) {
  char buf[16];
  ck_assert_uint_eq(kv_format(buf, sizeof buf, "%s-%d", "store", 7), 7);
  ck_assert_str_eq(buf, "store-7");
}
END_TEST

START_TEST(a_text_that_does_not_fit_is_cut_and_its_length_told) {
  char buf[4] = "xxx";
  ck_assert_uint_eq(kv_format(buf, sizeof buf, "%d", 123456), 6);
  ck_assert_str_eq(buf, "123");
  ck_assert_uint_eq(kv_format(NULL, 0, "%d", 123456), 6);
}
END_TEST

START_TEST(a_text_that_cannot_be_made_is_empty) {
  char buf[4] = "xxx";
  /* No character of this code point exists in the C locale. */
  ck_assert_uint_eq(kv_format(buf, sizeof buf, "%lc", (wint_t)0x1F600), 0);
  ck_assert_str_eq(buf, "");
}
END_TEST

int main(void) {
  Suite *suite = suite_create("format");
  TCase *tcase = tcase_create("format");
  tcase_add_test(tcase, a_text_that_fits_is_whole);
  tcase_add_test(tcase, a_text_that_does_not_fit_is_cut_and_its_length_told);
  tcase_add_test(tcase, a_text_that_cannot_be_made_is_empty);
  suite_add_tcase(suite, tcase);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
