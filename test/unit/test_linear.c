/* test_linear.c - the checker of histories: known good ones, known bad ones, and random ones beside
 * a search through all orders.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/linear.h"
#include "run_suite.h"

static kv_linear_history history;
static kv_linear_report report;

static void set_up(void) {
  history = (kv_linear_history){0};
  report = (kv_linear_report){0};
}

static void tear_down(void) {
  kv_linear_free(&history);
  kv_linear_report_free(&report);
}

static kv_linear_value text(const char *bytes) {
  return bytes == NULL ? (kv_linear_value){0} : kv_linear_value_of(bytes, strlen(bytes));
}

/* A time of 0 as the end: the outcome is unknown. */
static kv_linear_op *add(uint64_t begun, uint64_t ended, kv_linear_kind kind) {
  const kv_linear_op op = {.key = 1,
                           .client = history.count,
                           .begun = begun,
                           .ended = ended,
                           .kind = kind,
                           .unknown = ended == 0};
  ck_assert_int_eq(kv_linear_add(&history, &op), 0);
  return &history.ops[history.count - 1];
}

static void read_found(uint64_t begun, uint64_t ended, const char *value) {
  add(begun, ended, KV_LINEAR_READ)->value = text(value);
}

static void wrote(uint64_t begun, uint64_t ended, const char *value) {
  add(begun, ended, KV_LINEAR_WRITE)->value = text(value);
}

static void deleted(uint64_t begun, uint64_t ended, int result) {
  add(begun, ended, KV_LINEAR_DELETE)->result = result;
}

static void compared(uint64_t begun, uint64_t ended, const char *expected, const char *value,
                     int result) {
  kv_linear_op *op = add(begun, ended, KV_LINEAR_CAS);
  op->expected = text(expected);
  op->value = text(value);
  op->result = result;
}

static void added(uint64_t begun, uint64_t ended, int64_t number, int64_t sum) {
  kv_linear_op *op = add(begun, ended, KV_LINEAR_ADD);
  op->number = number;
  op->result = sum;
}

static void appended(uint64_t begun, uint64_t ended, const char *value, int64_t length) {
  kv_linear_op *op = add(begun, ended, KV_LINEAR_APPEND);
  op->value = text(value);
  op->result = length;
}

static void check(void) {
  kv_linear_report_free(&report);
  ck_assert_int_eq(kv_linear_check(&history, 0, &report), 0);
  ck_assert_uint_eq(report.operations, history.count);
  ck_assert_uint_eq(report.gave_up, 0);
}

static void is_right(void) {
  check();
  ck_assert_uint_eq(report.wrong, 0);
  ck_assert_uint_eq(report.offending.count, 0);
}

static void is_wrong(void) {
  check();
  ck_assert_uint_eq(report.wrong, 1);
}

START_TEST(an_empty_history_is_right) {
  is_right();
  ck_assert_uint_eq(report.keys, 0);
}
END_TEST

START_TEST(operations_one_after_the_other_are_right) {
  read_found(1, 2, NULL);
  wrote(3, 4, "a");
  read_found(5, 6, "a");
  compared(7, 8, "a", "b", 1);
  compared(9, 10, "a", "c", 0);
  deleted(11, 12, 1);
  deleted(13, 14, 0);
  compared(15, 16, NULL, "10", 1);
  added(17, 18, 5, 15);
  appended(19, 20, "7", 3);
  read_found(21, 22, "157");
  is_right();
}
END_TEST

START_TEST(a_stale_read_is_wrong) {
  wrote(1, 2, "a");
  wrote(3, 4, "b");
  read_found(5, 6, "a");
  is_wrong();
  ck_assert_uint_eq(report.offending.count, 3);
}
END_TEST

START_TEST(a_lost_write_is_wrong) {
  wrote(1, 2, "a");
  read_found(3, 4, NULL);
  is_wrong();
}
END_TEST

START_TEST(a_value_that_nobody_wrote_is_wrong) {
  wrote(1, 2, "a");
  read_found(3, 4, "z");
  is_wrong();
}
END_TEST

START_TEST(two_reads_that_go_back_in_time_are_wrong) {
  wrote(1, 2, "a");
  wrote(3, 20, "b");
  read_found(4, 5, "b");
  read_found(6, 7, "a");
  is_wrong();
}
END_TEST

START_TEST(concurrent_writes_may_be_in_either_order) {
  wrote(1, 10, "a");
  wrote(2, 9, "b");
  read_found(11, 12, "a");
  is_right();
  read_found(13, 14, "b");
  is_wrong();
}
END_TEST

START_TEST(what_touches_is_concurrent) {
  wrote(1, 5, "a");
  read_found(5, 6, NULL);
  is_right();
}
END_TEST

START_TEST(two_successes_of_the_same_exchange_are_wrong) {
  wrote(1, 2, "a");
  compared(3, 10, "a", "b", 1);
  compared(4, 9, "a", "c", 1);
  is_wrong();
}
END_TEST

START_TEST(a_lost_increment_is_wrong) {
  added(1, 10, 1, 1);
  added(2, 9, 1, 1);
  is_wrong();
}
END_TEST

START_TEST(an_increment_done_twice_is_wrong) {
  added(1, 2, 1, 1);
  read_found(3, 4, "2");
  is_wrong();
}
END_TEST

START_TEST(elements_of_a_list_in_two_orders_are_wrong) {
  appended(1, 10, "x,", 2);
  appended(1, 10, "y,", 4);
  read_found(11, 12, "y,x,");
  is_wrong();
}
END_TEST

START_TEST(an_unknown_write_may_be_late_or_never) {
  wrote(1, 2, "a");
  wrote(3, 0, "b");
  read_found(4, 5, "a");
  is_right();
  read_found(100, 101, "b");
  is_right();
  read_found(102, 103, "a");
  is_wrong();
}
END_TEST

START_TEST(an_unknown_write_is_not_done_before_it_began) {
  read_found(1, 2, "b");
  wrote(3, 0, "b");
  is_wrong();
}
END_TEST

START_TEST(an_unknown_increment_is_done_once) {
  added(1, 0, 1, 0);
  added(2, 3, 10, 11);
  read_found(4, 5, "11");
  is_right();
  added(6, 7, 10, 22);
  is_wrong();
}
END_TEST

START_TEST(an_unknown_delete_may_be_what_a_later_read_saw) {
  wrote(1, 2, "a");
  deleted(3, 0, 0);
  read_found(4, 5, "a");
  read_found(6, 7, NULL);
  is_right();
  read_found(8, 9, "a");
  is_wrong();
}
END_TEST

START_TEST(an_unknown_write_may_explain_a_refused_exchange) {
  wrote(1, 2, "a");
  wrote(3, 0, "b");
  compared(4, 5, "a", "c", 0);
  is_right();
  compared(6, 7, "a", "d", 1);
  is_wrong();
}
END_TEST

START_TEST(adding_to_a_text_is_impossible) {
  wrote(1, 2, "text");
  added(3, 4, 1, 1);
  is_wrong();
}
END_TEST

START_TEST(keys_are_judged_alone) {
  wrote(1, 2, "a");
  wrote(3, 4, "b");
  history.ops[1].key = 2;
  read_found(5, 6, "a");
  is_right();
  ck_assert_uint_eq(report.keys, 2);
}
END_TEST

START_TEST(too_little_memory_is_not_a_proof) {
  for (uint64_t i = 0; i < 20; i++) {
    char name[8];
    (void)snprintf(name, sizeof(name), "%u", (unsigned)i);
    wrote(1, 100, name);
  }
  read_found(101, 102, "z");
  ck_assert_int_eq(kv_linear_check(&history, 1000, &report), 0);
  ck_assert_uint_eq(report.wrong, 0);
  ck_assert_uint_eq(report.gave_up, 1);
  ck_assert_uint_le(report.most, 1000);
}
END_TEST

/* Of a long history with one stale read only what proves it is left. */
START_TEST(the_offending_history_is_short) {
  char name[16];
  for (uint64_t i = 0; i < 500; i++) {
    (void)snprintf(name, sizeof(name), "v%u", (unsigned)i);
    wrote(i * 10, i * 10 + 1, name);
    read_found(i * 10 + 2, i * 10 + 3, i == 300 ? "v250" : name);
  }
  is_wrong();
  size_t binding = 0;
  for (size_t i = 0; i < report.offending.count; i++) {
    binding += report.offending.ops[i].unknown ? 0 : 1;
  }
  ck_assert_uint_ge(binding, 2);
  ck_assert_uint_le(binding, 4);
  const kv_linear_op *last = &report.offending.ops[report.offending.count - 1];
  ck_assert_uint_eq(last->begun, 3002);
  char line[KV_LINEAR_OP_TEXT];
  kv_linear_describe(last, 3000, line);
  ck_assert_ptr_nonnull(strstr(line, "read found \"v250\""));
}
END_TEST

/* ---- values ---- */

START_TEST(appended_values_are_those_written_at_once) {
  static const char long_text[] = "0123456789abcdefghijklmnopqrstuvwxyz0123456789";
  for (size_t cut = 0; cut < sizeof(long_text); cut++) {
    const kv_linear_value front = kv_linear_value_of(long_text, cut);
    const kv_linear_value back = kv_linear_value_of(long_text + cut, sizeof(long_text) - 1 - cut);
    const kv_linear_value sum = kv_linear_value_append(&front, &back);
    const kv_linear_value whole = text(long_text);
    ck_assert(kv_linear_value_equal(&sum, &whole));
    ck_assert_mem_eq(sum.head, whole.head, KV_LINEAR_HEAD);
  }
}
END_TEST

START_TEST(values_that_differ_are_not_equal) {
  const kv_linear_value values[] = {text(NULL),
                                    text(""),
                                    text("a"),
                                    text("b"),
                                    text("aa"),
                                    kv_linear_value_of("\0", 1),
                                    kv_linear_value_of("\0\0", 2)};
  for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
    for (size_t j = 0; j < sizeof(values) / sizeof(values[0]); j++) {
      ck_assert_int_eq(kv_linear_value_equal(&values[i], &values[j]), i == j);
    }
  }
}
END_TEST

/* ---- random histories ---- */

static uint64_t dice_state;

static uint64_t dice(uint64_t sides) {
  dice_state = dice_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return (dice_state >> 33) % sides;
}

typedef struct order {
  bool chosen[8];
  size_t left;
} order;

/* What the operation does, written down a second time. */
static bool done(const kv_linear_op *op, const char *before, char after[32]) {
  char result[32];
  (void)snprintf(after, 32, "%s", before);
  switch (op->kind) {
  case KV_LINEAR_READ:
    return kv_linear_value_equal(&op->value, &(kv_linear_value){0})
               ? before[0] == '\0'
               : strcmp(before, op->value.head) == 0;
  case KV_LINEAR_WRITE: (void)snprintf(after, 32, "%s", op->value.head); return true;
  case KV_LINEAR_DELETE: after[0] = '\0'; return op->unknown || (before[0] != '\0') == op->result;
  case KV_LINEAR_CAS:
    if (strcmp(before, op->expected.head) == 0) {
      (void)snprintf(after, 32, "%s", op->value.head);
      return op->unknown || op->result == 1;
    }
    return op->unknown || op->result == 0;
  case KV_LINEAR_ADD:
    (void)snprintf(result, 32, "%ld", strtol(before, NULL, 10) + (long)op->number);
    (void)snprintf(after, 32, "%s", result);
    return op->unknown || strtol(result, NULL, 10) == op->result;
  case KV_LINEAR_APPEND:
    (void)snprintf(result, 32, "%.15s%.15s", before, op->value.head);
    (void)snprintf(after, 32, "%s", result);
    return op->unknown || (int64_t)strlen(result) == op->result;
  }
  return false;
}

/* Every order there is. */
static bool has_order(order now, const char *state) { // NOLINT(misc-no-recursion)
  uint64_t first_end = UINT64_MAX;
  for (size_t i = 0; i < history.count; i++) {
    if (!now.chosen[i] && !history.ops[i].unknown && history.ops[i].ended < first_end) {
      first_end = history.ops[i].ended;
    }
  }
  if (first_end == UINT64_MAX) {
    return true;
  }
  for (size_t i = 0; i < history.count; i++) {
    char after[32];
    if (!now.chosen[i] && history.ops[i].begun <= first_end &&
        done(&history.ops[i], state, after)) {
      order next = now;
      next.chosen[i] = true;
      if (has_order(next, after)) {
        return true;
      }
    }
  }
  return false;
}

static const char *random_word(void) {
  static const char *const words[] = {"1", "2", "3"};
  return words[dice(3)];
}

static void add_random(bool numbers) {
  const uint64_t begun = dice(20) + 1;
  const uint64_t ended = dice(4) == 0 ? 0 : begun + dice(8);
  switch (dice(numbers ? 6 : 4)) {
  case 0: read_found(begun, ended == 0 ? begun : ended, dice(4) == 0 ? NULL : random_word()); break;
  case 1: wrote(begun, ended, random_word()); break;
  case 2: deleted(begun, ended, (int)dice(2)); break;
  case 3:
    compared(begun, ended, dice(4) == 0 ? NULL : random_word(), random_word(), (int)dice(2));
    break;
  case 4: added(begun, ended, 1, (int64_t)dice(4) + 1); break;
  default: appended(begun, ended, random_word(), (int64_t)dice(3) + 1); break;
  }
}

START_TEST(random_histories_are_judged_as_by_trying_all_orders) {
  unsigned right = 0;
  unsigned wrong = 0;
  for (unsigned round = 0; round < 6000; round++) {
    dice_state = round;
    kv_linear_free(&history);
    for (uint64_t n = dice(6) + 2; n > 0; n--) {
      add_random(round % 2 == 0);
    }
    check();
    const bool expected = has_order((order){0}, "");
    ck_assert_msg((report.wrong == 0) == expected, "round %u: %s", round,
                  expected ? "an order exists" : "no order exists");
    right += expected ? 1 : 0;
    wrong += expected ? 0 : 1;
  }
  ck_assert_uint_gt(right, 300);
  ck_assert_uint_gt(wrong, 300);
}
END_TEST

/* ---- large histories ---- */

enum { CLIENTS = 12, LARGE = 3000, LARGE_WRONG = 600 };

typedef struct model {
  kv_linear_value value;
  uint64_t number;
  uint64_t serial;
} model;

static void write_something(model *store, kv_linear_op *op) {
  char name[24];
  (void)snprintf(name, sizeof(name), "%u", (unsigned)store->serial++);
  op->kind = KV_LINEAR_WRITE;
  op->value = text(name);
  store->value = op->value;
}

static void exchange_something(model *store, kv_linear_op *op) {
  char name[24];
  (void)snprintf(name, sizeof(name), "%u", (unsigned)store->serial++);
  op->kind = KV_LINEAR_CAS;
  op->result = (int64_t)dice(2);
  op->expected = op->result != 0 ? store->value : text("never");
  op->value = text(name);
  store->value = op->result != 0 ? op->value : store->value;
}

static void read_something(const model *store, kv_linear_op *op) {
  op->kind = KV_LINEAR_READ;
  op->value = store->value;
}

static void add_something(model *store, kv_linear_op *op) {
  op->kind = KV_LINEAR_ADD;
  op->number = (int64_t)dice(3) + 1;
  store->number += (uint64_t)op->number;
  op->result = (int64_t)store->number;
  store->value = kv_linear_value_of_number(op->result);
}

static void append_something(model *store, kv_linear_op *op) {
  op->kind = KV_LINEAR_APPEND;
  op->value = text("element;");
  store->value = kv_linear_value_append(&store->value, &op->value);
  op->result = (int64_t)store->value.length;
}

/* Done at time i * 10, seen some time before and after: up to 12 at once. */
static void one_more(model *store, uint64_t i, unsigned kind, bool unknown) {
  kv_linear_op op = {.key = 1, .client = i % CLIENTS};
  const uint64_t what = dice(4);
  if (what == 0) {
    read_something(store, &op);
  } else if (kind == 0) {
    (what == 1 ? exchange_something : write_something)(store, &op);
  } else {
    (kind == 1 ? add_something : append_something)(store, &op);
  }
  const uint64_t done_at = 1000 + i * 10;
  op.begun = done_at - dice(CLIENTS / 2 * 10);
  op.ended = done_at + dice(CLIENTS / 2 * 10);
  op.unknown = unknown && op.kind != KV_LINEAR_READ;
  ck_assert_int_eq(kv_linear_add(&history, &op), 0);
}

static void large_history(unsigned kind, uint64_t count) {
  model store = {.value = text(NULL), .serial = 1};
  dice_state = 77 + kind;
  for (uint64_t i = 0; i < count; i++) {
    one_more(&store, i, kind, i % 250 == 0);
  }
}

START_TEST(a_large_history_is_proven) {
  large_history((unsigned)_i, LARGE);
  check();
  ck_assert_uint_eq(report.wrong, 0);
  ck_assert_uint_lt(report.most, 500000);
}
END_TEST

/* A result in the middle is another's. */
START_TEST(one_wrong_result_in_a_large_history_is_found) {
  large_history((unsigned)_i, LARGE_WRONG);
  size_t at = LARGE_WRONG / 2;
  while (history.ops[at].kind != KV_LINEAR_READ) {
    at++;
  }
  history.ops[at].value = _i == 0 ? text("7") : _i == 1 ? text("15") : text("element;");
  const uint64_t ended = history.ops[at].ended;
  check();
  ck_assert_uint_eq(report.wrong, 1);
  ck_assert_uint_lt(report.offending.count, LARGE_WRONG);
  for (size_t i = 0; i < report.offending.count; i++) {
    ck_assert_uint_le(report.offending.ops[i].begun, ended);
  }
}
END_TEST

int main(void) {
  const TTest *const tests[] = {
      an_empty_history_is_right,
      operations_one_after_the_other_are_right,
      a_stale_read_is_wrong,
      a_lost_write_is_wrong,
      a_value_that_nobody_wrote_is_wrong,
      two_reads_that_go_back_in_time_are_wrong,
      concurrent_writes_may_be_in_either_order,
      what_touches_is_concurrent,
      two_successes_of_the_same_exchange_are_wrong,
      a_lost_increment_is_wrong,
      an_increment_done_twice_is_wrong,
      elements_of_a_list_in_two_orders_are_wrong,
      an_unknown_write_may_be_late_or_never,
      an_unknown_write_is_not_done_before_it_began,
      an_unknown_increment_is_done_once,
      an_unknown_delete_may_be_what_a_later_read_saw,
      an_unknown_write_may_explain_a_refused_exchange,
      adding_to_a_text_is_impossible,
      keys_are_judged_alone,
      too_little_memory_is_not_a_proof,
      the_offending_history_is_short,
      appended_values_are_those_written_at_once,
      values_that_differ_are_not_equal,
      random_histories_are_judged_as_by_trying_all_orders,
  };
  const TTest *const large[] = {a_large_history_is_proven,
                                one_wrong_result_in_a_large_history_is_found};
  Suite *suite = suite_create("linear");
  TCase *cases = tcase_create("linear");
  tcase_add_checked_fixture(cases, set_up, tear_down);
  tcase_set_timeout(cases, 60);
  for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
    tcase_add_test(cases, tests[i]);
  }
  for (size_t i = 0; i < sizeof(large) / sizeof(large[0]); i++) {
    tcase_add_loop_test(cases, large[i], 0, 3);
  }
  suite_add_tcase(suite, cases);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
