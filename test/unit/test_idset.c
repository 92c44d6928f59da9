/* test_idset.c - sets of ids ascend, hold each id once and use no memory that they do not need.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <libraft/error.h>
#include <stdlib.h>

#include "failing_allocator.h"
#include "libraft/idset.h"

static failing_allocator memory;
static raft_idset set;

static void setup(void) {
  failing_allocator_init(&memory);
  set = (raft_idset){0};
}

static void teardown(void) {
  raft_idset_free(&set, &memory.iface);
  ck_assert_uint_eq(memory.live_blocks, 0);
}

static void add(uint64_t id) {
  ck_assert_int_eq(raft_idset_add(&set, id, &memory.iface), RAFT_OK);
}

static void assert_ids(const uint64_t *ids, uint32_t count) {
  ck_assert_uint_eq(set.count, count);
  for (uint32_t i = 0; i < count; i++) {
    ck_assert_uint_eq(set.ids[i], ids[i]);
  }
}

START_TEST(ids_ascend_in_whatever_order_they_come) {
  add(5);
  add(UINT64_MAX);
  add(1);
  add(3);
  add(0);
  assert_ids((const uint64_t[]){0, 1, 3, 5, UINT64_MAX}, 5);
}
END_TEST

START_TEST(an_id_is_held_once) {
  add(2);
  add(2);
  assert_ids((const uint64_t[]){2}, 1);
  ck_assert_uint_eq(memory.total_calls, 1);
}
END_TEST

START_TEST(removing_what_is_not_there_does_nothing) {
  raft_idset_remove(&set, 7);
  add(1);
  add(9);
  raft_idset_remove(&set, 0);
  raft_idset_remove(&set, 5);
  raft_idset_remove(&set, 10);
  assert_ids((const uint64_t[]){1, 9}, 2);
}
END_TEST

START_TEST(any_id_can_be_removed) {
  for (uint64_t id = 1; id <= 4; id++) {
    add(id);
  }
  raft_idset_remove(&set, 1);
  raft_idset_remove(&set, 4);
  raft_idset_remove(&set, 2);
  assert_ids((const uint64_t[]){3}, 1);
  raft_idset_remove(&set, 3);
  assert_ids(NULL, 0);
  ck_assert(!raft_idset_has(&set, 3));
}
END_TEST

START_TEST(membership_agrees_with_a_bitmap_over_random_steps) {
  bool in[64] = {false};
  uint32_t count = 0;
  srand(20261121);
  for (int step = 0; step < 20000; step++) {
    uint64_t id = (uint64_t)rand() % 64;
    if (rand() % 2 == 0) {
      add(id);
      count += in[id] ? 0 : 1;
      in[id] = true;
    } else {
      raft_idset_remove(&set, id);
      count -= in[id] ? 1 : 0;
      in[id] = false;
    }
    ck_assert_uint_eq(set.count, count);
    ck_assert_uint_le(set.count, set.capacity);
    ck_assert_int_eq(raft_idset_has(&set, id), in[id]);
  }
  for (uint64_t id = 0; id < 64; id++) {
    ck_assert_int_eq(raft_idset_has(&set, id), in[id]);
  }
}
END_TEST

START_TEST(a_small_set_takes_exactly_the_memory_of_its_ids) {
  for (uint64_t id = 1; id <= 7; id++) {
    add(id);
    ck_assert_uint_eq(memory.live_bytes, id * sizeof(uint64_t));
  }
}
END_TEST

START_TEST(a_large_set_grows_in_few_steps) {
  for (uint64_t id = 1; id <= 10000; id++) {
    add(id);
  }
  ck_assert_uint_lt(memory.total_calls, 40);
}
END_TEST

START_TEST(adding_without_memory_changes_nothing) {
  add(1);
  add(3);
  failing_allocator_arm(&memory, 1, true);
  ck_assert_int_eq(raft_idset_add(&set, 2, &memory.iface), RAFT_ENOMEM);
  ck_assert_int_eq(raft_idset_add(&set, 3, &memory.iface), RAFT_OK);
  assert_ids((const uint64_t[]){1, 3}, 2);
}
END_TEST

START_TEST(a_copy_is_equal_and_its_own) {
  raft_idset copy = {0};
  add(1);
  add(3);
  ck_assert_int_eq(raft_idset_copy(&copy, &set, &memory.iface), RAFT_OK);
  raft_idset_remove(&copy, 1);
  ck_assert_uint_eq(copy.count, 1);
  assert_ids((const uint64_t[]){1, 3}, 2);
  raft_idset_free(&copy, &memory.iface);
  ck_assert_uint_eq(copy.count, 0);
}
END_TEST

START_TEST(a_copy_of_nothing_takes_no_memory) {
  raft_idset copy = {0};
  ck_assert_int_eq(raft_idset_copy(&copy, &set, &memory.iface), RAFT_OK);
  ck_assert_uint_eq(memory.total_calls, 0);
}
END_TEST

START_TEST(copying_without_memory_leaves_the_copy_empty) {
  raft_idset copy = {0};
  add(1);
  failing_allocator_arm(&memory, 1, false);
  ck_assert_int_eq(raft_idset_copy(&copy, &set, &memory.iface), RAFT_ENOMEM);
  ck_assert_ptr_null(copy.ids);
  ck_assert_uint_eq(copy.count, 0);
}
END_TEST

static int assign(const uint64_t *ids, size_t count) {
  return raft_idset_assign(&set, (raft_ids){ids, count}, &memory.iface);
}

START_TEST(a_list_in_any_order_becomes_a_set) {
  ck_assert_int_eq(assign((const uint64_t[]){9, 2, 7, 1, 8}, 5), RAFT_OK);
  assert_ids((const uint64_t[]){1, 2, 7, 8, 9}, 5);
}
END_TEST

START_TEST(a_long_random_list_is_sorted) {
  enum { COUNT = 1000 };
  uint64_t ids[COUNT];
  srand(7);
  for (uint64_t i = 0; i < COUNT; i++) {
    ids[i] = ((uint64_t)rand() << 16) + i; /* distinct by their low bits */
  }
  ck_assert_int_eq(assign(ids, COUNT), RAFT_OK);
  for (uint32_t i = 1; i < COUNT; i++) {
    ck_assert_uint_lt(set.ids[i - 1], set.ids[i]);
  }
  for (uint32_t i = 0; i < COUNT; i++) {
    ck_assert(raft_idset_has(&set, ids[i]));
  }
}
END_TEST

START_TEST(a_list_with_an_id_twice_is_refused) {
  ck_assert_int_eq(assign((const uint64_t[]){3, 1, 3}, 3), RAFT_EINVAL);
  assert_ids(NULL, 0);
  ck_assert_int_eq(assign((const uint64_t[]){1, 1}, 2), RAFT_EINVAL);
  assert_ids(NULL, 0);
}
END_TEST

/* Where size_t has 32 bits, such a list is not even to be had in numbers: the longest one. */
START_TEST(a_list_that_no_memory_could_hold_is_refused) {
  static const uint64_t id = 1;
  const size_t too_long = SIZE_MAX > UINT32_MAX ? (size_t)((uint64_t)UINT32_MAX + 1) : SIZE_MAX;
  ck_assert_int_eq(assign(&id, too_long), RAFT_ENOMEM);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("idset");
  TCase *tests = tcase_create("idset");
  tcase_add_checked_fixture(tests, setup, teardown);
  tcase_add_test(tests, ids_ascend_in_whatever_order_they_come);
  tcase_add_test(tests, an_id_is_held_once);
  tcase_add_test(tests, removing_what_is_not_there_does_nothing);
  tcase_add_test(tests, any_id_can_be_removed);
  tcase_add_test(tests, membership_agrees_with_a_bitmap_over_random_steps);
  tcase_add_test(tests, a_small_set_takes_exactly_the_memory_of_its_ids);
  tcase_add_test(tests, a_large_set_grows_in_few_steps);
  tcase_add_test(tests, adding_without_memory_changes_nothing);
  tcase_add_test(tests, a_copy_is_equal_and_its_own);
  tcase_add_test(tests, a_copy_of_nothing_takes_no_memory);
  tcase_add_test(tests, copying_without_memory_leaves_the_copy_empty);
  tcase_add_test(tests, a_list_in_any_order_becomes_a_set);
  tcase_add_test(tests, a_long_random_list_is_sorted);
  tcase_add_test(tests, a_list_with_an_id_twice_is_refused);
  tcase_add_test(tests, a_list_that_no_memory_could_hold_is_refused);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
