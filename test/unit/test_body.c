/* test_body.c - a message's memory is one block, and its last reference frees all that it holds.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <libraft/error.h>
#include <stdlib.h>
#include <string.h>

#include "failing_allocator.h"
#include "libraft/body.h"

static failing_allocator memory;

static void setup(void) {
  failing_allocator_init(&memory);
}

static void teardown(void) {
  ck_assert_uint_eq(memory.live_blocks, 0);
}

static raft_body *create(raft_body_shape shape) {
  raft_body *body = raft_body_create(&memory.iface, &shape);
  ck_assert_ptr_nonnull(body);
  return body;
}

START_TEST(all_parts_are_in_one_block_zeroed_and_do_not_overlap) {
  raft_body *body = create(
      (raft_body_shape){.entries = 2, .responses = 3, .ids = 5, .bytes = 11, .snapshot = true});
  ck_assert_uint_eq(memory.total_calls, 1);
  ck_assert_uint_eq(body->entry_count, 2);
  ck_assert_uint_eq(body->response_count, 3);
  ck_assert_uint_eq(body->snapshot->index, 0);
  ck_assert_ptr_null(body->entries[1].data.owner);
  ck_assert_ptr_null(body->responses[2].body);
  ck_assert_uint_eq(body->ids[4], 0);
  memset(body->bytes, 0xff, 11);
  memset(body->ids, 0xff, 5 * sizeof(uint64_t));
  ck_assert_ptr_null(body->responses[2].body);
  ck_assert_uint_eq(body->entries[1].index, 0);
  raft_body_release(body);
}
END_TEST

START_TEST(parts_that_nobody_wants_are_absent) {
  raft_body *body = create((raft_body_shape){0});
  ck_assert_ptr_null(body->entries);
  ck_assert_ptr_null(body->responses);
  ck_assert_ptr_null(body->snapshot);
  ck_assert_ptr_null(body->ids);
  ck_assert_ptr_null(body->bytes);
  raft_body_release(body);
}
END_TEST

START_TEST(the_last_reference_drops_all_payloads) {
  raft_body *body = create((raft_body_shape){.entries = 2, .snapshot = true});
  body->entries[1].data.owner = raft_buf_copy(&memory.iface, "entry", 5);
  body->snapshot->data.owner = raft_buf_copy(&memory.iface, "snapshot", 8);
  body->context_owner = raft_buf_copy(&memory.iface, "context", 7);
  ck_assert_ptr_eq(raft_body_retain(body), body);
  raft_body_release(body);
  ck_assert_uint_eq(memory.live_blocks, 4);
  raft_body_release(body);
}
END_TEST

START_TEST(responses_and_shared_bodies_go_with_the_last_reference) {
  raft_body *shared = create((raft_body_shape){.entries = 1});
  shared->entries[0].data.owner = raft_buf_copy(&memory.iface, "shared", 6);
  raft_body *response = create((raft_body_shape){.entries = 1});
  response->shared = raft_body_retain(shared);
  raft_body *body = create((raft_body_shape){.responses = 2});
  body->responses[0].body = response;
  body->responses[1].body = raft_body_retain(response);
  body->shared = shared;
  raft_body_release(body);
}
END_TEST

START_TEST(a_response_that_is_kept_outlives_the_message) {
  raft_body *response = create((raft_body_shape){.bytes = 3});
  raft_body *body = create((raft_body_shape){.responses = 1});
  body->responses[0].body = response;
  raft_message kept = body->responses[0];
  raft_message_retain(&kept);
  raft_body_release(body);
  ck_assert_uint_eq(memory.live_blocks, 1);
  raft_message_release(&kept);
}
END_TEST

START_TEST(a_long_chain_of_bodies_costs_no_stack) {
  raft_body *chain = NULL;
  for (int i = 0; i < 200000; i++) {
    raft_body *next = create((raft_body_shape){0});
    next->shared = chain;
    chain = next;
  }
  raft_body_release(chain);
}
END_TEST

START_TEST(without_memory_there_is_no_body) {
  const raft_body_shape shape = {.entries = 1};
  failing_allocator_arm(&memory, 1, false);
  ck_assert_ptr_null(raft_body_create(&memory.iface, &shape));
}
END_TEST

START_TEST(shapes_that_no_memory_could_hold_are_refused) {
  const raft_body_shape shapes[] = {
      {.entries = SIZE_MAX / 2},
      {.responses = SIZE_MAX / sizeof(raft_message), .entries = 3},
      {.ids = SIZE_MAX / 8},
      {.bytes = SIZE_MAX},
      {.bytes = SIZE_MAX - 64, .entries = 3},
      {.entries = SIZE_MAX / sizeof(raft_entry) - 4, .ids = 400},
  };
  for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
    ck_assert_ptr_null(raft_body_create(&memory.iface, &shapes[i]));
  }
  ck_assert_uint_eq(memory.total_calls, 0);
}
END_TEST

START_TEST(a_message_without_body_is_retained_and_released_without_effect) {
  const raft_message message = {.type = RAFT_MSG_HUP};
  raft_message_retain(&message);
  raft_message_release(&message);
  ck_assert_ptr_null(raft_body_retain(NULL));
  raft_body_release(NULL);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("body");
  TCase *tests = tcase_create("body");
  tcase_add_checked_fixture(tests, setup, teardown);
  tcase_add_test(tests, all_parts_are_in_one_block_zeroed_and_do_not_overlap);
  tcase_add_test(tests, parts_that_nobody_wants_are_absent);
  tcase_add_test(tests, the_last_reference_drops_all_payloads);
  tcase_add_test(tests, responses_and_shared_bodies_go_with_the_last_reference);
  tcase_add_test(tests, a_response_that_is_kept_outlives_the_message);
  tcase_add_test(tests, a_long_chain_of_bodies_costs_no_stack);
  tcase_add_test(tests, without_memory_there_is_no_body);
  tcase_add_test(tests, shapes_that_no_memory_could_hold_are_refused);
  tcase_add_test(tests, a_message_without_body_is_retained_and_released_without_effect);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
