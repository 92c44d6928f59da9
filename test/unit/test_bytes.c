/* test_bytes.c - buffers live exactly as long as somebody holds a reference.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <libraft/bytes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "failing_allocator.h"

static failing_allocator memory;

static void setup(void) {
  failing_allocator_init(&memory);
}

static void teardown(void) {
  ck_assert_uint_eq(memory.live_blocks, 0);
}

/* What the release function of a wrapped buffer was told. */
typedef struct released {
  int times;
  const void *data;
  size_t len;
} released;

static void note_release(void *ctx, const void *data, size_t len) {
  released *note = ctx;
  *note = (released){note->times + 1, data, len};
}

START_TEST(a_buffer_is_one_allocation_and_holds_what_was_written) {
  void *data;
  raft_buf *buf = raft_buf_create(&memory.iface, 3, &data);
  memcpy(data, "abc", 3);
  ck_assert_uint_eq(memory.total_calls, 1);
  ck_assert_ptr_eq(raft_buf_data(buf), data);
  ck_assert_uint_eq(raft_buf_len(buf), 3);
  ck_assert_mem_eq(raft_buf_data(buf), "abc", 3);
  raft_buf_release(buf);
}
END_TEST

START_TEST(the_bytes_are_aligned_for_anything) {
  void *data;
  raft_buf *buf = raft_buf_create(NULL, sizeof(max_align_t), &data);
  ck_assert_uint_eq((uintptr_t)data % _Alignof(max_align_t), 0);
  raft_buf_release(buf);
}
END_TEST

START_TEST(a_copy_does_not_follow_its_origin) {
  char origin[] = "abc";
  raft_buf *buf = raft_buf_copy(&memory.iface, origin, 3);
  origin[0] = 'x';
  ck_assert_mem_eq(raft_buf_data(buf), "abc", 3);
  raft_buf_release(buf);
}
END_TEST

START_TEST(a_buffer_may_be_empty) {
  raft_buf *buf = raft_buf_copy(&memory.iface, NULL, 0);
  ck_assert_ptr_nonnull(buf);
  ck_assert_ptr_nonnull(raft_buf_data(buf));
  ck_assert_uint_eq(raft_buf_len(buf), 0);
  raft_buf_release(buf);
}
END_TEST

START_TEST(the_last_reference_frees) {
  raft_buf *buf = raft_buf_copy(&memory.iface, "abc", 3);
  ck_assert_ptr_eq(raft_buf_retain(buf), buf);
  raft_buf_release(buf);
  ck_assert_uint_eq(memory.live_blocks, 1);
  raft_buf_release(buf);
  ck_assert_uint_eq(memory.live_blocks, 0);
}
END_TEST

START_TEST(foreign_memory_is_released_once_by_the_last_reference) {
  released note = {0};
  raft_buf *buf = raft_buf_wrap(&memory.iface, "foreign", 7, note_release, &note);
  raft_buf_retain(buf);
  ck_assert_str_eq(raft_buf_data(buf), "foreign");
  raft_buf_release(buf);
  ck_assert_int_eq(note.times, 0);
  raft_buf_release(buf);
  ck_assert_int_eq(note.times, 1);
  ck_assert_str_eq(note.data, "foreign");
  ck_assert_uint_eq(note.len, 7);
}
END_TEST

START_TEST(foreign_memory_may_need_no_release) {
  raft_buf *buf = raft_buf_wrap(&memory.iface, "static", 6, NULL, NULL);
  raft_buf_release(buf);
}
END_TEST

START_TEST(no_buffer_is_retained_and_released_without_effect) {
  ck_assert_ptr_null(raft_buf_retain(NULL));
  raft_buf_release(NULL);
}
END_TEST

START_TEST(without_memory_there_is_no_buffer) {
  released note = {0};
  void *data = NULL;
  failing_allocator_arm(&memory, 1, true);
  ck_assert_ptr_null(raft_buf_create(&memory.iface, 3, &data));
  ck_assert_ptr_null(raft_buf_copy(&memory.iface, "abc", 3));
  ck_assert_ptr_null(raft_buf_wrap(&memory.iface, "abc", 3, note_release, &note));
  ck_assert_int_eq(note.times, 0);
}
END_TEST

START_TEST(a_length_that_no_memory_could_hold_is_refused) {
  void *data = NULL;
  ck_assert_ptr_null(raft_buf_create(&memory.iface, SIZE_MAX, &data));
  ck_assert_ptr_null(raft_buf_create(&memory.iface, SIZE_MAX - 8, &data));
  ck_assert_uint_eq(memory.total_calls, 0);
}
END_TEST

enum { ROUNDS = 20000 };

static void *retain_and_release(void *buf) {
  for (int i = 0; i < ROUNDS; i++) {
    raft_buf_release(raft_buf_retain(buf));
  }
  raft_buf_release(buf);
  return NULL;
}

START_TEST(references_may_be_dropped_on_any_thread) {
  released note = {0};
  raft_buf *buf = raft_buf_wrap(NULL, "shared", 6, note_release, &note);
  pthread_t threads[3];
  for (size_t i = 0; i < 3; i++) {
    raft_buf_retain(buf);
    ck_assert_int_eq(pthread_create(&threads[i], NULL, retain_and_release, buf), 0);
  }
  raft_buf_release(buf);
  for (size_t i = 0; i < 3; i++) {
    ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
  }
  ck_assert_int_eq(note.times, 1);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("bytes");
  TCase *tests = tcase_create("bytes");
  tcase_add_checked_fixture(tests, setup, teardown);
  tcase_add_test(tests, a_buffer_is_one_allocation_and_holds_what_was_written);
  tcase_add_test(tests, the_bytes_are_aligned_for_anything);
  tcase_add_test(tests, a_copy_does_not_follow_its_origin);
  tcase_add_test(tests, a_buffer_may_be_empty);
  tcase_add_test(tests, the_last_reference_frees);
  tcase_add_test(tests, foreign_memory_is_released_once_by_the_last_reference);
  tcase_add_test(tests, foreign_memory_may_need_no_release);
  tcase_add_test(tests, no_buffer_is_retained_and_released_without_effect);
  tcase_add_test(tests, without_memory_there_is_no_buffer);
  tcase_add_test(tests, a_length_that_no_memory_could_hold_is_refused);
  tcase_add_test(tests, references_may_be_dropped_on_any_thread);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
