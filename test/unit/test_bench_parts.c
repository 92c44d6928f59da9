/* test_bench_parts.c - keys, values, error counts and arguments of the load generator.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/histogram.h"
#include "bench/key_picker.h"
#include "bench/load.h"
#include "bench/marked_value.h"
#include "bench/options.h"
#include "bench/tally.h"

START_TEST(keys_are_in_range_and_the_same_for_the_same_seed) {
  const kv_distribution distribution = (kv_distribution)_i;
  for (uint64_t keys = 1; keys <= 1000; keys = keys * 3 + 1) {
    kv_key_picker one;
    kv_key_picker two;
    kv_key_picker_init(&one, distribution, keys, 42);
    kv_key_picker_init(&two, distribution, keys, 42);
    for (int i = 0; i < 2000; i++) {
      const uint64_t key = kv_key_picker_next(&one);
      ck_assert_uint_lt(key, keys);
      ck_assert_uint_eq(kv_key_picker_next(&two), key);
    }
  }
}
END_TEST

static uint64_t most_frequent(kv_distribution distribution) {
  static uint64_t counts[1000];
  kv_key_picker picker;
  uint64_t most = 0;
  memset(counts, 0, sizeof(counts));
  kv_key_picker_init(&picker, distribution, 1000, 1);
  for (int i = 0; i < 100000; i++) {
    const uint64_t count = ++counts[kv_key_picker_next(&picker)];
    most = count > most ? count : most;
  }
  return most;
}

START_TEST(distributions_have_their_shape) {
  ck_assert_uint_eq(most_frequent(KV_SEQUENTIAL), 100);
  ck_assert_uint_lt(most_frequent(KV_UNIFORM), 160);
  ck_assert_uint_gt(most_frequent(KV_ZIPF), 10000); /* the first rank has 13 % */
}
END_TEST

START_TEST(distributions_have_names) {
  kv_distribution found;
  ck_assert(kv_distribution_parse("zipf", &found));
  ck_assert_int_eq(found, KV_ZIPF);
  ck_assert(!kv_distribution_parse("zip", &found));
}
END_TEST

START_TEST(a_value_tells_key_and_sequence_and_any_change) {
  char value[100];
  uint64_t sequence;
  for (size_t size = KV_MARK_BYTES; size <= sizeof(value); size += 7) {
    kv_marked_value_fill(value, size, 123, 456);
    ck_assert(kv_marked_value_check(value, size, 123, &sequence));
    ck_assert_uint_eq(sequence, 456);
    ck_assert(!kv_marked_value_check(value, size, 124, &sequence));
    for (size_t i = 0; i < size; i++) {
      value[i] ^= 1;
      ck_assert(!kv_marked_value_check(value, size, 123, &sequence));
      value[i] ^= 1;
    }
    ck_assert(!kv_marked_value_check(value, size - 1, 123, &sequence));
  }
}
END_TEST

START_TEST(errors_are_counted_by_text_and_the_rest_together) {
  static kv_tally tally;
  for (int i = 0; i < 100; i++) {
    char text[300];
    memset(text, 'x', sizeof(text));
    (void)snprintf(text, sizeof(text), "error %d", i % 50);
    text[strlen(text)] = 'x';
    text[sizeof(text) - 1] = '\0';
    kv_tally_add(&tally, text);
  }
  ck_assert_uint_eq(tally.total, 100);
  ck_assert_uint_eq(tally.used, KV_TALLY_ROWS);
  ck_assert_uint_eq(tally.rows[0].count, 2);
  ck_assert_str_eq(tally.rows[KV_TALLY_ROWS - 1].text, "other errors");
  ck_assert_uint_eq(tally.rows[KV_TALLY_ROWS - 1].count, 54);
}
END_TEST

/* What one client has no row for joins what the other has none for, whoever is first. */
START_TEST(what_two_clients_counted_is_added_up) {
  static kv_tally one, two, all;
  for (int i = 0; i < 60; i++) {
    char text[32];
    (void)snprintf(text, sizeof(text), "error %d", i);
    kv_tally_add(&one, text);
    kv_tally_add(&two, i < 2 ? "error 0" : "other errors");
  }
  kv_tally_merge(&all, &two);
  kv_tally_merge(&all, &one);
  ck_assert_uint_eq(all.total, 120);
  ck_assert_uint_le(all.used, KV_TALLY_ROWS);
  uint64_t sum = 0, others = 0;
  for (size_t i = 0; i < all.used; i++) {
    sum += all.rows[i].count;
    others += strcmp(all.rows[i].text, "other errors") == 0 ? 1 : 0;
  }
  ck_assert_uint_eq(all.rows[0].count, 3);
  ck_assert_uint_eq(sum, 120);
  ck_assert_uint_eq(others, 1);
}
END_TEST

START_TEST(latencies_of_two_clients_are_added_up) {
  static kv_histogram slow, fast, all;
  for (uint64_t i = 1; i <= 100; i++) {
    kv_histogram_add(&fast, i <= 60 ? 10 : 20);
    kv_histogram_add(&slow, 1000000 + i);
  }
  kv_histogram_merge(&all, &slow);
  kv_histogram_merge(&all, &fast);
  ck_assert_uint_eq(all.count, 200);
  ck_assert_uint_eq(all.max, 1000100);
  ck_assert_uint_eq(kv_histogram_quantile(&all, 30000), 10);
  ck_assert_uint_eq(kv_histogram_quantile(&all, 50000), 20);
  ck_assert_uint_ge(kv_histogram_quantile(&all, 51000), 1000000);
}
END_TEST

START_TEST(reads_are_judged_by_value_and_ledger) {
  static kv_violations violations;
  kv_ledger ledger;
  char text[64];
  kv_value value = {.kind = KV_VALUE_TEXT, .text = text, .len = sizeof(text)};
  ck_assert_int_eq(kv_ledger_init(&ledger, 4), 0);
  kv_ledger_acknowledge(&ledger, 1, kv_ledger_attempt(&ledger, 1));
  kv_marked_value_fill(text, sizeof(text), 1, 1);
  kv_violations_judge(&violations, &ledger, "k", 1, 1, &value);
  ck_assert_uint_eq(violations.count, 0);
  const kv_value nothing = {.kind = KV_VALUE_NULL};
  kv_violations_judge(&violations, &ledger, "k", 1, 1, &nothing);
  ck_assert_ptr_nonnull(strstr(violations.texts[0], "found write 0, but 1 was acknowledged"));
  kv_violations_judge(&violations, &ledger, "k", 2, 0, &value);
  ck_assert_ptr_nonnull(strstr(violations.texts[1], "that nobody wrote"));
  kv_marked_value_fill(text, sizeof(text), 1, 9);
  kv_violations_judge(&violations, &ledger, "k", 1, 1, &value);
  ck_assert_ptr_nonnull(strstr(violations.texts[2], "only 1 were attempted"));
  for (int i = 0; i < 100; i++) {
    kv_violations_judge(&violations, &ledger, "k", 1, 1, &value);
  }
  ck_assert_uint_eq(violations.count, 103);
  kv_ledger_free(&ledger);
}
END_TEST

static kv_bench_start parse(kv_bench_options *options, const char *words) {
  char copy[256];
  char *arguments[32] = {copy};
  int count = 1;
  (void)snprintf(copy, sizeof(copy), "%s", words);
  for (char *word = strtok(copy, " "); word != NULL; word = strtok(NULL, " ")) {
    arguments[count++] = word;
  }
  optind = 0;
  return kv_bench_options_parse(count, arguments, options);
}

START_TEST(arguments_are_understood) {
  kv_bench_options options;
  ck_assert_int_eq(parse(&options, ""), KV_BENCH_RUN);
  ck_assert_str_eq(options.addresses.texts[0], "127.0.0.1:7001");
  ck_assert_uint_eq(options.connections, 50);
  kv_bench_options_free(&options);
  ck_assert_int_eq(parse(&options, "--addr a:1,b:2 --pipeline 7 --seconds 0.5 --verify --json "
                                   "--distribution zipf --state f --rate 100 --read-share 30"),
                   KV_BENCH_RUN);
  ck_assert_uint_eq(options.addresses.count, 2);
  ck_assert_uint_eq(options.pipeline, 7);
  ck_assert_uint_eq(options.read_share, 30);
  ck_assert(options.seconds > 0.4 && options.seconds < 0.6);
  ck_assert(options.verify && options.json && !options.gap);
  kv_bench_options_free(&options);
}
END_TEST

START_TEST(raw_calls_are_asked_for) {
  kv_bench_options options;
  ck_assert_int_eq(parse(&options, "--protocol raw --connections 256 --pipeline 1 --requests 5"),
                   KV_BENCH_RUN);
  ck_assert(options.raw);
  ck_assert_str_eq(options.scheduler, "127.0.0.1:7000");
  kv_bench_options_free(&options);
  ck_assert_int_eq(parse(&options, "--scheduler a:1 --protocol raw"), KV_BENCH_RUN);
  ck_assert_str_eq(options.scheduler, "a:1");
  kv_bench_options_free(&options);
  ck_assert_int_eq(parse(&options, "--protocol resp --addr a:1"), KV_BENCH_RUN);
  ck_assert(!options.raw && options.scheduler == NULL);
  kv_bench_options_free(&options);
}
END_TEST

START_TEST(wrong_arguments_are_refused) {
  static const char *const wrong[] = {"--pipeline 0",
                                      "--pipeline x",
                                      "--read-share 101",
                                      "--seconds 0",
                                      "--seconds 1s",
                                      "--addr nowhere",
                                      "--distribution normal",
                                      "--verify-only",
                                      "--state f",
                                      "extra",
                                      "--verify --value-size 10",
                                      "--prefix a%b --bogus",
                                      "--keys 1 --verify",
                                      "--addr a:1,,b:2",
                                      "--connections",
                                      "--addr a:99999",
                                      "--prefix",
                                      "--protocol http",
                                      "--scheduler a:1",
                                      "--protocol raw --scheduler a:1,b:2",
                                      "--protocol raw --scheduler nowhere",
                                      "--protocol raw --addr a:1",
                                      "--protocol raw --connections 257",
                                      "--protocol raw --pipeline 2",
                                      "--protocol raw --rate 10",
                                      "--protocol raw --gap",
                                      "--protocol raw --verify",
                                      "--protocol raw --verify-only",
                                      "--protocol raw --state f",
                                      "--protocol raw --check-history"};
  kv_bench_options options;
  ck_assert_int_eq(parse(&options, wrong[_i]), KV_BENCH_WRONG);
  kv_bench_options_free(&options);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("bench_parts");
  TCase *tcase = tcase_create("bench_parts");
  tcase_add_loop_test(tcase, keys_are_in_range_and_the_same_for_the_same_seed, 0, 3);
  tcase_add_test(tcase, distributions_have_their_shape);
  tcase_add_test(tcase, distributions_have_names);
  tcase_add_test(tcase, a_value_tells_key_and_sequence_and_any_change);
  tcase_add_test(tcase, errors_are_counted_by_text_and_the_rest_together);
  tcase_add_test(tcase, what_two_clients_counted_is_added_up);
  tcase_add_test(tcase, latencies_of_two_clients_are_added_up);
  tcase_add_test(tcase, reads_are_judged_by_value_and_ledger);
  tcase_add_test(tcase, arguments_are_understood);
  tcase_add_test(tcase, raw_calls_are_asked_for);
  tcase_add_loop_test(tcase, wrong_arguments_are_refused, 0, 30);
  suite_add_tcase(suite, tcase);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
