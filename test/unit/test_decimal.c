/* test_decimal.c - one text for each number, one number for each text.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/decimal.h"

static bool parse(const char *text, int64_t *number) {
  return kv_decimal_parse(text, strlen(text), number);
}

START_TEST(numbers_are_written_as_printf_does_and_read_back) {
  static const int64_t numbers[] = {
      0, 1, -1, 9, 10, -10, INT64_MAX, INT64_MIN, 1234567890, INT64_MAX - 1, INT64_MIN + 1};
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    char text[KV_DECIMAL_MAX + 1], expected[32];
    int64_t number = 77;
    text[kv_decimal_write(numbers[i], text)] = '\0';
    (void)snprintf(expected, sizeof expected, "%" PRId64, numbers[i]);
    ck_assert_str_eq(text, expected);
    ck_assert(parse(text, &number));
    ck_assert_int_eq(number, numbers[i]);
  }
}
END_TEST

START_TEST(other_forms_are_refused_and_leave_the_number_alone) {
  static const char *const texts[] = {"",
                                      "-",
                                      "+1",
                                      " 1",
                                      "1 ",
                                      "01",
                                      "-0",
                                      "00",
                                      "1a",
                                      "0x1",
                                      "--1",
                                      "1.0",
                                      "1e3",
                                      "9223372036854775808",
                                      "-9223372036854775809",
                                      "18446744073709551616",
                                      "99999999999999999999999"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    int64_t number = 77;
    ck_assert_msg(!parse(texts[i], &number), "'%s' was accepted", texts[i]);
    ck_assert_int_eq(number, 77);
  }
  int64_t number;
  ck_assert(!kv_decimal_parse("1\0", 2, &number));
}
END_TEST

int main(void) {
  Suite *suite = suite_create("decimal");
  TCase *tcase = tcase_create("decimal");
  tcase_add_test(tcase, numbers_are_written_as_printf_does_and_read_back);
  tcase_add_test(tcase, other_forms_are_refused_and_leave_the_number_alone);
  suite_add_tcase(suite, tcase);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
