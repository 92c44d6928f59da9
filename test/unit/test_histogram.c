/* test_histogram.c - quantiles are right within the width of a bucket, from one to the largest
 * number.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <stdlib.h>

#include "bench/histogram.h"

static kv_histogram histogram;

static void set_up(void) {
  histogram = (kv_histogram){.count = 0};
}

START_TEST(an_empty_one_has_no_quantiles) {
  ck_assert_uint_eq(kv_histogram_quantile(&histogram, 50000), 0);
  ck_assert_uint_eq(kv_histogram_quantile(&histogram, 100000), 0);
}
END_TEST

START_TEST(small_values_are_exact) {
  for (uint64_t value = 0; value < 64; value++) {
    kv_histogram_add(&histogram, value);
  }
  ck_assert_uint_eq(kv_histogram_quantile(&histogram, 50000), 31);
  ck_assert_uint_eq(kv_histogram_quantile(&histogram, 100000), 63);
  ck_assert_uint_eq(kv_histogram_quantile(&histogram, 1), 0);
}
END_TEST

START_TEST(a_value_is_found_within_three_per_cent) {
  for (unsigned bit = 0; bit < 64; bit++) {
    const uint64_t value = (UINT64_C(1) << bit) + (UINT64_C(1) << bit) / 3;
    histogram = (kv_histogram){.count = 0};
    kv_histogram_add(&histogram, value);
    kv_histogram_add(&histogram, UINT64_MAX);
    const uint64_t found = kv_histogram_quantile(&histogram, 50000);
    ck_assert_uint_ge(found, value);
    ck_assert_uint_le(found - value, value / 31);
  }
  ck_assert_uint_eq(kv_histogram_quantile(&histogram, 100000), UINT64_MAX);
}
END_TEST

START_TEST(quantiles_of_a_million_values) {
  for (uint64_t value = 1; value <= 1000000; value++) {
    kv_histogram_add(&histogram, value);
  }
  const uint32_t wanted[] = {50000, 95000, 99000, 99900, 99990};
  for (int i = 0; i < 5; i++) {
    const uint64_t exact = wanted[i] * UINT64_C(10);
    const uint64_t found = kv_histogram_quantile(&histogram, wanted[i]);
    ck_assert_uint_ge(found, exact);
    ck_assert_uint_le(found - exact, exact / 31);
  }
  ck_assert_uint_eq(kv_histogram_quantile(&histogram, 100000), 1000000);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("histogram");
  TCase *tcase = tcase_create("histogram");
  tcase_add_checked_fixture(tcase, set_up, NULL);
  tcase_add_test(tcase, an_empty_one_has_no_quantiles);
  tcase_add_test(tcase, small_values_are_exact);
  tcase_add_test(tcase, a_value_is_found_within_three_per_cent);
  tcase_add_test(tcase, quantiles_of_a_million_values);
  suite_add_tcase(suite, tcase);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
