/* test_base.c - errors and log lines: cut visibly or not at all, one event one line.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"

static char last[4096];
static int lines;

static void keep(void *ctx, kv_level level, const char *line) {
  (void)ctx;
  (void)level;
  lines++;
  (void)snprintf(last, sizeof(last), "%s", line);
}

START_TEST(fail_sets_code_and_text_and_returns_the_code) {
  kv_error error;
  ck_assert_int_eq(kv_fail(&error, KV_EIO, "cannot read %s", "x"), KV_EIO);
  ck_assert_int_eq(error.code, KV_EIO);
  ck_assert_str_eq(error.text, "cannot read x");
  ck_assert_int_eq(kv_fail(NULL, KV_EFULL, "nobody listens"), KV_EFULL);
}
END_TEST

START_TEST(a_long_text_ends_with_an_ellipsis) {
  char name[1000];
  memset(name, 'n', sizeof(name));
  name[sizeof(name) - 1] = '\0';
  kv_error error;
  (void)kv_fail(&error, KV_EIO, "%s", name);
  ck_assert_uint_eq(strlen(error.text), sizeof(error.text) - 1);
  ck_assert_str_eq(error.text + sizeof(error.text) - 5, "n...");
}
END_TEST

START_TEST(lines_have_a_message_and_fields) {
  const kv_logger logger = {.write = keep, .level = KV_INFO};
  kv_log(&logger, KV_INFO, "became leader", "region=%d term=%d", 1, 4);
  ck_assert_str_eq(last, "msg=\"became leader\" region=1 term=4");
  kv_log(&logger, KV_WARN, "alone", NULL);
  ck_assert_str_eq(last, "msg=\"alone\"");
  kv_log(&logger, KV_ERROR, "text", "error=\"%s\"", "two\nlines");
  ck_assert_str_eq(last, "msg=\"text\" error=\"two lines\"");
}
END_TEST

START_TEST(lines_below_the_level_are_not_written) {
  const kv_logger logger = {.write = keep, .level = KV_WARN};
  const int before = lines;
  kv_log(&logger, KV_INFO, "quiet", NULL);
  kv_log(NULL, KV_ERROR, "nobody", NULL);
  ck_assert_int_eq(lines, before);
}
END_TEST

START_TEST(a_long_line_is_written_whole) {
  char value[3000];
  memset(value, 'v', sizeof(value));
  value[sizeof(value) - 1] = '\0';
  const kv_logger logger = {.write = keep, .level = KV_DEBUG};
  kv_log(&logger, KV_DEBUG, "long", "value=%s end=1", value);
  ck_assert_uint_eq(strlen(last), strlen("msg=\"long\" value= end=1") + strlen(value));
  ck_assert_str_eq(last + strlen(last) - 6, " end=1");
}
END_TEST

START_TEST(levels_have_names_both_ways) {
  for (int level = KV_DEBUG; level <= KV_ERROR; level++) {
    kv_level found;
    ck_assert_int_eq(kv_level_parse(kv_level_name((kv_level)level), &found), 1);
    ck_assert_int_eq((int)found, level);
  }
  kv_level found;
  ck_assert_int_eq(kv_level_parse("loud", &found), 0);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("base");
  TCase *tcase = tcase_create("base");
  tcase_add_test(tcase, fail_sets_code_and_text_and_returns_the_code);
  tcase_add_test(tcase, a_long_text_ends_with_an_ellipsis);
  tcase_add_test(tcase, lines_have_a_message_and_fields);
  tcase_add_test(tcase, lines_below_the_level_are_not_written);
  tcase_add_test(tcase, a_long_line_is_written_whole);
  tcase_add_test(tcase, levels_have_names_both_ways);
  suite_add_tcase(suite, tcase);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
