/* run_suite.h - a suite of one test case, from a table of tests to an exit status.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TEST_RUN_SUITE_H
#define TEST_RUN_SUITE_H

#include <check.h>
#include <stdlib.h>

/* Runs `count` tests between setup and teardown (either may be NULL). */
static inline int run_suite(const char *name, const TTest *const *tests, size_t count,
                            void (*setup)(void), void (*teardown)(void)) {
  Suite *suite = suite_create(name);
  TCase *cases = tcase_create(name);
  tcase_add_checked_fixture(cases, setup, teardown);
  tcase_set_timeout(cases, 60);
  for (size_t i = 0; i < count; i++) {
    tcase_add_test(cases, tests[i]);
  }
  suite_add_tcase(suite, cases);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
