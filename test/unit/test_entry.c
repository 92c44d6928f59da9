/* test_entry.c - an entry's size is the number of bytes that the codec writes for it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <libraft/wire.h>
#include <stdlib.h>

static void assert_size(raft_entry entry, uint64_t size) {
  size_t encoded;
  ck_assert_uint_eq(raft_entry_size(&entry), size);
  ck_assert_int_eq(raft_entry_encode(&entry, NULL, 0, &encoded),
                   size == 0 ? RAFT_OK : RAFT_ENOSPACE);
  ck_assert_uint_eq(encoded, size);
}

START_TEST(a_proposal_has_the_size_that_the_model_gives_it) {
  assert_size((raft_entry){.term = 1, .index = 2, .data = {"foo", 3, NULL}}, 9);
}
END_TEST

START_TEST(a_leaders_empty_entry_has_the_size_that_the_model_gives_it) {
  assert_size((raft_entry){.term = 1, .index = 2}, 4);
}
END_TEST

START_TEST(nothing_set_is_no_bytes) {
  assert_size((raft_entry){0}, 0);
}
END_TEST

START_TEST(empty_data_is_not_absent_data) {
  assert_size((raft_entry){.data = {"", 0, NULL}}, 2);
}
END_TEST

START_TEST(the_type_counts_unless_it_is_normal) {
  assert_size((raft_entry){.type = RAFT_ENTRY_CONF_CHANGE, .term = 1, .index = 1}, 6);
  assert_size((raft_entry){.type = RAFT_ENTRY_CONF_CHANGE_V2}, 2);
}
END_TEST

START_TEST(numbers_take_a_byte_for_each_seven_bits) {
  for (uint64_t bits = 1; bits <= 64; bits++) {
    uint64_t number = UINT64_MAX >> (64 - bits);
    assert_size((raft_entry){.term = number}, 1 + (bits + 6) / 7);
    assert_size((raft_entry){.index = number}, 1 + (bits + 6) / 7);
  }
}
END_TEST

START_TEST(lengths_take_a_byte_for_each_seven_bits) {
  static const char zeros[20000];
  assert_size((raft_entry){.data = {zeros, 127, NULL}}, 127 + 2);
  assert_size((raft_entry){.data = {zeros, 128, NULL}}, 128 + 3);
  assert_size((raft_entry){.data = {zeros, 16383, NULL}}, 16383 + 3);
  assert_size((raft_entry){.data = {zeros, 16384, NULL}}, 16384 + 4);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("entry");
  TCase *tests = tcase_create("entry");
  tcase_add_test(tests, a_proposal_has_the_size_that_the_model_gives_it);
  tcase_add_test(tests, a_leaders_empty_entry_has_the_size_that_the_model_gives_it);
  tcase_add_test(tests, nothing_set_is_no_bytes);
  tcase_add_test(tests, empty_data_is_not_absent_data);
  tcase_add_test(tests, the_type_counts_unless_it_is_normal);
  tcase_add_test(tests, numbers_take_a_byte_for_each_seven_bits);
  tcase_add_test(tests, lengths_take_a_byte_for_each_seven_bits);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
