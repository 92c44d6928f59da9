/* test_inflights.c - windows keep their order, their sums and their limits.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <libraft/error.h>
#include <stdlib.h>

#include "failing_allocator.h"
#include "libraft/inflights.h"

static failing_allocator memory;
static raft_inflights window;
static raft_inflight_limits limits;

static void setup(void) {
  failing_allocator_init(&memory);
  window = (raft_inflights){0};
  limits = (raft_inflight_limits){.max_count = 10};
}

static void teardown(void) {
  raft_inflights_close(&window, &memory.iface);
  ck_assert_uint_eq(memory.live_blocks, 0);
}

static void add(uint64_t index, uint64_t bytes) {
  ck_assert(!raft_inflights_full(&window, &limits));
  ck_assert_int_eq(raft_inflights_reserve(&window, &limits, &memory.iface), RAFT_OK);
  raft_inflights_add(&window, index, bytes);
}

static void add_range(uint64_t first, uint64_t last, uint64_t bytes) {
  for (uint64_t index = first; index <= last; index++) {
    add(index, bytes);
  }
}

/* The window holds exactly the indexes from first to last, of `bytes` each. */
static void assert_range(uint64_t first, uint64_t last, uint64_t bytes) {
  ck_assert_uint_eq(raft_inflights_count(&window), last + 1 - first);
  ck_assert_uint_eq(raft_inflights_bytes(&window), raft_inflights_count(&window) * bytes);
  for (uint32_t i = 0; i < raft_inflights_count(&window); i++) {
    const raft_inflight *one =
        &window.ring->slots[(window.ring->start + i) % window.ring->capacity];
    ck_assert_uint_eq(one->index, first + i);
    ck_assert_uint_eq(one->bytes, bytes);
  }
}

START_TEST(appends_are_kept_in_order) {
  add_range(1, 10, 100);
  assert_range(1, 10, 100);
}
END_TEST

START_TEST(an_answer_frees_everything_up_to_its_index) {
  add_range(1, 10, 100);
  raft_inflights_free_to(&window, 1);
  assert_range(2, 10, 100);
  raft_inflights_free_to(&window, 5);
  assert_range(6, 10, 100);
  raft_inflights_free_to(&window, UINT64_MAX);
  assert_range(1, 0, 100);
}
END_TEST

START_TEST(an_answer_left_of_the_window_frees_nothing) {
  raft_inflights_free_to(&window, 5);
  add_range(10, 14, 1);
  raft_inflights_free_to(&window, 0);
  raft_inflights_free_to(&window, 9);
  assert_range(10, 14, 1);
}
END_TEST

START_TEST(an_answer_between_two_appends_frees_the_first) {
  add(10, 1);
  add(20, 1);
  raft_inflights_free_to(&window, 15);
  ck_assert_uint_eq(raft_inflights_count(&window), 1);
  ck_assert_uint_eq(window.ring->slots[window.ring->start].index, 20);
}
END_TEST

START_TEST(the_ring_goes_round) {
  add_range(1, 10, 7);
  raft_inflights_free_to(&window, 8);
  add_range(11, 18, 7);
  assert_range(9, 18, 7);
  ck_assert_uint_eq(window.ring->capacity, 10);
  raft_inflights_free_to(&window, 12);
  assert_range(13, 18, 7);
}
END_TEST

START_TEST(a_ring_that_has_gone_round_grows_in_order) {
  limits.max_count = 100;
  add_range(1, 4, 3);
  raft_inflights_free_to(&window, 2);
  add_range(5, 6, 3); /* now it begins in the middle of the array */
  ck_assert_uint_gt(window.ring->start, 0);
  add_range(7, 30, 3);
  assert_range(3, 30, 3);
}
END_TEST

START_TEST(memory_grows_with_use_up_to_the_limit) {
  limits.max_count = 1000;
  ck_assert_uint_eq(memory.total_calls, 0);
  add(1, 1);
  ck_assert_uint_le(memory.live_bytes, sizeof(raft_inflight_ring) + 4 * sizeof(raft_inflight));
  add_range(2, 1000, 1);
  ck_assert_uint_eq(window.ring->capacity, 1000);
  ck_assert_uint_le(memory.total_calls, 10);
  ck_assert_uint_eq(memory.live_blocks, 1);
}
END_TEST

START_TEST(a_limit_of_one_takes_one_slot) {
  limits.max_count = 1;
  add(1, 1);
  ck_assert_uint_eq(window.ring->capacity, 1);
  ck_assert(raft_inflights_full(&window, &limits));
  raft_inflights_free_to(&window, 1);
  add(2, 1);
  assert_range(2, 2, 1);
}
END_TEST

START_TEST(the_largest_limit_does_not_overflow) {
  limits.max_count = UINT32_MAX;
  add_range(1, 100, 1);
  assert_range(1, 100, 1);
  ck_assert_uint_lt(window.ring->capacity, 200);
}
END_TEST

START_TEST(a_window_is_full_at_its_count) {
  limits.max_count = 3;
  add_range(1, 3, UINT32_MAX);
  ck_assert(raft_inflights_full(&window, &limits));
  raft_inflights_free_to(&window, 1);
  ck_assert(!raft_inflights_full(&window, &limits));
}
END_TEST

START_TEST(the_byte_limit_may_be_crossed_once) {
  limits.max_bytes = 100;
  add(1, 99);
  ck_assert(!raft_inflights_full(&window, &limits));
  add(2, 1000);
  ck_assert(raft_inflights_full(&window, &limits));
  raft_inflights_free_to(&window, 1);
  ck_assert(raft_inflights_full(&window, &limits));
  raft_inflights_free_to(&window, 2);
  ck_assert(!raft_inflights_full(&window, &limits));
  ck_assert_uint_eq(raft_inflights_bytes(&window), 0);
}
END_TEST

START_TEST(the_byte_limit_is_reached_exactly) {
  limits.max_bytes = 100;
  add(1, 100);
  ck_assert(raft_inflights_full(&window, &limits));
}
END_TEST

START_TEST(a_reset_window_is_empty_and_keeps_its_memory) {
  limits.max_bytes = 1000;
  add_range(1, 10, 100);
  ck_assert(raft_inflights_full(&window, &limits));
  raft_inflights_reset(&window);
  size_t calls = memory.total_calls;
  ck_assert(!raft_inflights_full(&window, &limits));
  add_range(50, 59, 100);
  assert_range(50, 59, 100);
  ck_assert_uint_eq(memory.total_calls, calls);
}
END_TEST

START_TEST(only_an_empty_window_gives_its_memory_back) {
  add_range(1, 3, 100);
  raft_inflights_shrink(&window, &memory.iface);
  assert_range(1, 3, 100);
  raft_inflights_free_to(&window, 3);
  raft_inflights_shrink(&window, &memory.iface);
  ck_assert_uint_eq(memory.live_blocks, 0);
  add_range(4, 5, 100);
  assert_range(4, 5, 100);
}
END_TEST

START_TEST(reserving_twice_is_reserving_once) {
  ck_assert_int_eq(raft_inflights_reserve(&window, &limits, &memory.iface), RAFT_OK);
  ck_assert_int_eq(raft_inflights_reserve(&window, &limits, &memory.iface), RAFT_OK);
  ck_assert_uint_eq(memory.total_calls, 1);
}
END_TEST

START_TEST(reserving_without_memory_changes_nothing) {
  add_range(1, 4, 5);
  failing_allocator_arm(&memory, 1, false);
  ck_assert_int_eq(raft_inflights_reserve(&window, &limits, &memory.iface), RAFT_ENOMEM);
  assert_range(1, 4, 5);
  ck_assert_uint_eq(window.ring->capacity, 4);
  add(5, 5);
  assert_range(1, 5, 5);
}
END_TEST

START_TEST(random_use_agrees_with_two_counters) {
  uint64_t first = 1;
  uint64_t next = 1;
  srand(4711);
  limits.max_count = 37;
  for (int step = 0; step < 20000; step++) {
    if (rand() % 3 != 0 && !raft_inflights_full(&window, &limits)) {
      add(next++, 9);
    } else {
      uint64_t index = first + (uint64_t)rand() % 8;
      raft_inflights_free_to(&window, index);
      first = index < next ? index + 1 : next;
    }
    ck_assert_uint_eq(raft_inflights_count(&window), next - first);
  }
  assert_range(first, next - 1, 9);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("inflights");
  TCase *tests = tcase_create("inflights");
  tcase_add_checked_fixture(tests, setup, teardown);
  tcase_add_test(tests, appends_are_kept_in_order);
  tcase_add_test(tests, an_answer_frees_everything_up_to_its_index);
  tcase_add_test(tests, an_answer_left_of_the_window_frees_nothing);
  tcase_add_test(tests, an_answer_between_two_appends_frees_the_first);
  tcase_add_test(tests, the_ring_goes_round);
  tcase_add_test(tests, a_ring_that_has_gone_round_grows_in_order);
  tcase_add_test(tests, memory_grows_with_use_up_to_the_limit);
  tcase_add_test(tests, a_limit_of_one_takes_one_slot);
  tcase_add_test(tests, the_largest_limit_does_not_overflow);
  tcase_add_test(tests, a_window_is_full_at_its_count);
  tcase_add_test(tests, the_byte_limit_may_be_crossed_once);
  tcase_add_test(tests, the_byte_limit_is_reached_exactly);
  tcase_add_test(tests, a_reset_window_is_empty_and_keeps_its_memory);
  tcase_add_test(tests, only_an_empty_window_gives_its_memory_back);
  tcase_add_test(tests, reserving_twice_is_reserving_once);
  tcase_add_test(tests, reserving_without_memory_changes_nothing);
  tcase_add_test(tests, random_use_agrees_with_two_counters);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
