/* test_resp2.c - proves what each RESP3 answer becomes for a client that speaks RESP2.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "resp/resp2.h"

static void check_rewrite(const char *resp3, const char *resp2) {
  kv_reply out = {0};
  kv_reply_status(&out, "before");
  ck_assert_int_eq(kv_resp2_append(&out, resp3, strlen(resp3)), KV_OK);
  kv_reply_append(&out, "", 1);
  ck_assert_str_eq(out.data + strlen("+before\r\n"), resp2);
  kv_reply_free(&out);
}

START_TEST(what_is_alike_stays) {
  static const char *const same[] = {"+OK\r\n", "-ERR no\r\n", ":-5\r\n", "$0\r\n\r\n",
                                     "$5\r\na\r\n_b\r\n"};
  for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
    ck_assert(kv_resp2_is_same(same[i], strlen(same[i])));
    check_rewrite(same[i], same[i]);
  }
  check_rewrite("*2\r\n:1\r\n*0\r\n", "*2\r\n:1\r\n*0\r\n");
}
END_TEST

START_TEST(what_is_new_is_rewritten) {
  static const struct {
    const char *resp3, *resp2;
  } cases[] = {
      {"_\r\n", "$-1\r\n"},
      {"#t\r\n", ":1\r\n"},
      {"#f\r\n", ":0\r\n"},
      {",1.25\r\n", "$4\r\n1.25\r\n"},
      {"(123456789012345678901\r\n", "$21\r\n123456789012345678901\r\n"},
      {"=6\r\ntxt:ab\r\n", "$2\r\nab\r\n"},
      {"!5\r\nERR x\r\n", "-ERR x\r\n"},
      {"~1\r\n+a\r\n", "*1\r\n+a\r\n"},
      {">1\r\n+a\r\n", "*1\r\n+a\r\n"},
      {"%2\r\n+a\r\n:1\r\n+b\r\n:2\r\n", "*4\r\n+a\r\n:1\r\n+b\r\n:2\r\n"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    ck_assert(!kv_resp2_is_same(cases[i].resp3, strlen(cases[i].resp3)));
    check_rewrite(cases[i].resp3, cases[i].resp2);
  }
}
END_TEST

START_TEST(aggregates_are_rewritten_at_every_depth) {
  check_rewrite("*3\r\n$1\r\na\r\n_\r\n%1\r\n+k\r\n*2\r\n_\r\n$2\r\n_\r\r\n",
                "*3\r\n$1\r\na\r\n$-1\r\n*2\r\n+k\r\n*2\r\n$-1\r\n$2\r\n_\r\r\n");
}
END_TEST

/* Every prefix of an answer, and answers that were never any: refused, nothing appended. */
START_TEST(malformed_answers_are_refused) {
  static const char whole[] = "$12\r\nabcdefghijkl\r\n";
  static const char *const bad[] = {"x\r\n", "*a\r\n", "$-2\r\n\r\n", "$9999999999\r\n\r\n",
                                    "+a\rb"};
  kv_reply out = {0};
  for (size_t len = 1; len < sizeof whole - 1; len++) {
    char *exact = malloc(len);
    memcpy(exact, whole, len);
    ck_assert_int_eq(kv_resp2_append(&out, exact, len), KV_ECORRUPT);
    free(exact);
  }
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    ck_assert_int_eq(kv_resp2_append(&out, bad[i], strlen(bad[i])), KV_ECORRUPT);
  }
  ck_assert_int_eq(kv_resp2_append(&out, "_\r\n+cut", 7), KV_ECORRUPT);
  ck_assert_uint_eq(out.len, 0);
  kv_reply_free(&out);
}
END_TEST

int main(void) {
  TCase *tests = tcase_create("resp2");
  tcase_add_test(tests, what_is_alike_stays);
  tcase_add_test(tests, what_is_new_is_rewritten);
  tcase_add_test(tests, aggregates_are_rewritten_at_every_depth);
  tcase_add_test(tests, malformed_answers_are_refused);
  Suite *suite = suite_create("resp2");
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
