/* test_glob.c - patterns mean what they mean to Redis, and never take long.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/glob.h"

static bool match(const char *pattern, const char *text) {
  uint64_t work = 0;
  bool found = kv_glob_match((raft_slice){pattern, strlen(pattern)},
                             (raft_slice){text, strlen(text)}, &work);
  ck_assert_uint_gt(work, 0);
  return found;
}

static const struct {
  const char *pattern, *text;
  bool expected;
} cases[] = {
    {"", "", true},
    {"", "a", false},
    {"a", "", false},
    {"abc", "abc", true},
    {"abc", "abcd", false},
    {"abcd", "abc", false},
    {"*", "", true},
    {"*", "anything", true},
    {"***", "", true},
    {"a*", "a", true},
    {"a*c", "abbbc", true},
    {"a*c", "abbbd", false},
    {"*b*b*", "abab", true},
    {"*b*b*", "aba", false},
    {"a*b?d", "axxbbcd", true},
    {"?", "", false},
    {"?", "x", true},
    {"h?llo", "hello", true},
    {"h[ae]llo", "hallo", true},
    {"h[ae]llo", "hillo", false},
    {"h[^e]llo", "hallo", true},
    {"h[^e]llo", "hello", false},
    {"h[a-c]llo", "hbllo", true},
    {"h[c-a]llo", "hbllo", true},
    {"h[a-c]llo", "hdllo", false},
    {"[a-]", "_", true}, /* from a to ], backwards, in a set that is never closed */
    {"[a-]", "-", false},
    {"[]", "a", false},  /* an empty set */
    {"[^]", "a", true},  /* everything but nothing */
    {"[abc", "b", true}, /* never closed: ends with the pattern */
    {"[abc", "bx", false},
    {"[", "[", false},
    {"[\\]]", "]", true},
    {"[\\a-z]", "-", true}, /* an escape does not begin a range */
    {"[\\a-z]", "m", false},
    {"\\*", "*", true},
    {"\\*", "x", false},
    {"a\\", "a\\", true}, /* nothing to escape */
    {"\\\\", "\\", true},
    {"*[0-9]*[0-9]", "k12", true},
    {"*[0-9]*[0-9]", "k1x", false},
};

START_TEST(patterns_match_as_in_redis) {
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    ck_assert_msg(match(cases[i].pattern, cases[i].text) == cases[i].expected,
                  "'%s' and '%s' should %smatch", cases[i].pattern, cases[i].text,
                  cases[i].expected ? "" : "not ");
  }
}
END_TEST

START_TEST(bytes_of_any_value_are_bytes) {
  ck_assert(kv_glob_match((raft_slice){"a\0*", 3}, (raft_slice){"a\0\xff\x80", 4}, NULL));
  ck_assert(kv_glob_match((raft_slice){"[\x80-\xff]", 5}, (raft_slice){"\x90", 1}, NULL));
  ck_assert(!kv_glob_match((raft_slice){"[\x80-\xff]", 5}, (raft_slice){"\x10", 1}, NULL));
}
END_TEST

START_TEST(work_stays_below_the_product_of_the_lengths) {
  char pattern[512], text[480];
  uint64_t work = 0;
  for (size_t i = 0; i < sizeof pattern; i++) {
    pattern[i] = i % 2 == 0 ? '*' : 'a';
  }
  pattern[sizeof pattern - 1] = 'b';
  memset(text, 'a', sizeof text);
  ck_assert(!kv_glob_match((raft_slice){pattern, sizeof pattern}, (raft_slice){text, sizeof text},
                           &work));
  ck_assert_uint_le(work, 4 * sizeof pattern * sizeof text);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("glob");
  TCase *tcase = tcase_create("glob");
  tcase_add_test(tcase, patterns_match_as_in_redis);
  tcase_add_test(tcase, bytes_of_any_value_are_bytes);
  tcase_add_test(tcase, work_stays_below_the_product_of_the_lengths);
  suite_add_tcase(suite, tcase);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
