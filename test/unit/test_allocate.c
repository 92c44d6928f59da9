/* test_allocate.c - arrays grow in few steps, and no multiplication wraps.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <stdlib.h>

#include "failing_allocator.h"
#include "libraft/allocate.h"

static failing_allocator memory;
static void *array;
static size_t capacity;

static void setup(void) {
  failing_allocator_init(&memory);
  array = NULL;
  capacity = 0;
}

static void teardown(void) {
  raft_deallocate(&memory.iface, array);
  ck_assert_uint_eq(memory.live_blocks, 0);
}

START_TEST(an_array_has_the_bytes_of_its_elements) {
  array = raft_allocate_array(&memory.iface, 7, 24);
  ck_assert_ptr_nonnull(array);
  ck_assert_uint_eq(memory.live_bytes, 7 * 24);
}
END_TEST

START_TEST(an_array_whose_size_wraps_is_refused) {
  ck_assert_ptr_null(raft_allocate_array(&memory.iface, SIZE_MAX / 8 + 1, 8));
  ck_assert_ptr_null(raft_allocate_array(&memory.iface, SIZE_MAX, 2));
  ck_assert_uint_eq(memory.total_calls, 0);
}
END_TEST

START_TEST(growing_to_what_is_there_asks_for_nothing) {
  ck_assert(raft_grow(&memory.iface, &array, &capacity, 0, 8));
  ck_assert_uint_eq(memory.total_calls, 0);
  ck_assert(raft_grow(&memory.iface, &array, &capacity, 10, 8));
  ck_assert(raft_grow(&memory.iface, &array, &capacity, 10, 8));
  ck_assert_uint_eq(memory.total_calls, 1);
}
END_TEST

START_TEST(growing_one_by_one_takes_few_steps_and_keeps_the_elements) {
  for (size_t i = 0; i < 1000; i++) {
    ck_assert(raft_grow(&memory.iface, &array, &capacity, i + 1, sizeof(size_t)));
    ((size_t *)array)[i] = i;
  }
  for (size_t i = 0; i < 1000; i++) {
    ck_assert_uint_eq(((size_t *)array)[i], i);
  }
  ck_assert_uint_ge(capacity, 1000);
  ck_assert_uint_le(memory.total_calls, 10);
}
END_TEST

START_TEST(growing_without_memory_leaves_the_array_as_it_was) {
  ck_assert(raft_grow(&memory.iface, &array, &capacity, 5, sizeof(int)));
  void *before = array;
  size_t room = capacity;
  failing_allocator_arm(&memory, 1, false);
  ck_assert(!raft_grow(&memory.iface, &array, &capacity, room + 1, sizeof(int)));
  ck_assert_ptr_eq(array, before);
  ck_assert_uint_eq(capacity, room);
}
END_TEST

START_TEST(growing_beyond_all_memory_is_refused) {
  ck_assert(!raft_grow(&memory.iface, &array, &capacity, SIZE_MAX / 8 + 1, 8));
  ck_assert(!raft_grow(&memory.iface, &array, &capacity, SIZE_MAX, 2));
  ck_assert_ptr_null(array);
  ck_assert_uint_eq(memory.total_calls, 0);
}
END_TEST

START_TEST(the_default_allocator_is_the_c_library) {
  const raft_allocator *allocator = raft_allocator_or_default(NULL);
  ck_assert_ptr_eq(allocator, raft_default_allocator());
  ck_assert_ptr_eq(raft_allocator_or_default(&memory.iface), &memory.iface);
  char *text = allocator->malloc(allocator->ctx, 2);
  text[1] = 'b';
  text = allocator->realloc(allocator->ctx, text, 2000);
  ck_assert_int_eq(text[1], 'b');
  allocator->free(allocator->ctx, text);
  allocator->free(allocator->ctx, NULL);
}
END_TEST

START_TEST(nothing_is_freed_without_asking_the_allocator) {
  raft_deallocate(&memory.iface, NULL);
  ck_assert_uint_eq(memory.live_blocks, 0);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("allocate");
  TCase *tests = tcase_create("allocate");
  tcase_add_checked_fixture(tests, setup, teardown);
  tcase_add_test(tests, an_array_has_the_bytes_of_its_elements);
  tcase_add_test(tests, an_array_whose_size_wraps_is_refused);
  tcase_add_test(tests, growing_to_what_is_there_asks_for_nothing);
  tcase_add_test(tests, growing_one_by_one_takes_few_steps_and_keeps_the_elements);
  tcase_add_test(tests, growing_without_memory_leaves_the_array_as_it_was);
  tcase_add_test(tests, growing_beyond_all_memory_is_refused);
  tcase_add_test(tests, the_default_allocator_is_the_c_library);
  tcase_add_test(tests, nothing_is_freed_without_asking_the_allocator);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
