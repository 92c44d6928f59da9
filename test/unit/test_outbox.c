/* test_outbox.c - messages wait without getting lost, and outlive the call that brought them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "libraft/outbox.h"

#include <libraft/error.h>
#include <string.h>

#include "failing_allocator.h"
#include "libraft/body.h"
#include "run_suite.h"

static failing_allocator memory;
static raft_outbox box;

static void setup(void) {
  failing_allocator_init(&memory);
  memset(&box, 0, sizeof box);
}

static void teardown(void) {
  raft_outbox_close(&box, &memory.iface);
  ck_assert_uint_eq(memory.live_blocks, 0);
}

static raft_message with_body(uint64_t to) {
  raft_body_shape shape = {.entries = 1};
  raft_message message = {.type = RAFT_MSG_APP, .to = to};
  message.body = raft_body_create(&memory.iface, &shape);
  ck_assert_ptr_nonnull(message.body);
  return message;
}

static void push(raft_outbox *to, uint64_t id) {
  raft_message message = with_body(id);
  ck_assert_int_eq(raft_outbox_reserve(to, 1, &memory.iface), RAFT_OK);
  raft_outbox_push(to, &message);
}

START_TEST(messages_leave_in_the_order_in_which_they_came) {
  for (uint64_t id = 1; id <= 20; id++) {
    push(&box, id);
  }
  ck_assert_uint_eq(box.count, 20);
  for (uint64_t id = 1; id <= 20; id++) {
    ck_assert_uint_eq(box.items[id - 1].to, id);
  }
}
END_TEST

START_TEST(room_that_cannot_be_had_changes_nothing) {
  push(&box, 1);
  failing_allocator_arm(&memory, 1, true);
  ck_assert_int_eq(raft_outbox_reserve(&box, 5, &memory.iface), RAFT_ENOMEM);
  ck_assert_uint_eq(box.count, 1);
  ck_assert_uint_eq(box.items[0].to, 1);
  ck_assert_int_eq(raft_outbox_reserve(&box, UINT32_MAX, &memory.iface), RAFT_ENOMEM);
  ck_assert_int_eq(raft_outbox_reserve(&box, UINT32_MAX / 2, &memory.iface), RAFT_ENOMEM);
  ck_assert_uint_eq(memory.total_calls, 1); /* these two are refused without asking */
}
END_TEST

START_TEST(clearing_keeps_the_memory_for_the_next_round) {
  push(&box, 1);
  push(&box, 2);
  raft_outbox_clear(&box);
  ck_assert_uint_eq(memory.live_blocks, 1);
  failing_allocator_arm(&memory, 1, true);
  ck_assert_int_eq(raft_outbox_reserve(&box, 2, &memory.iface), RAFT_OK);
  ck_assert_uint_eq(memory.total_calls, 0);
}
END_TEST

START_TEST(only_an_empty_box_with_more_room_than_usual_shrinks) {
  push(&box, 1);
  push(&box, 2);
  raft_outbox_shrink(&box, 0, &memory.iface);
  ck_assert_uint_eq(box.count, 2);
  raft_outbox_clear(&box);
  raft_outbox_shrink(&box, box.capacity, &memory.iface);
  ck_assert_uint_eq(memory.live_blocks, 1);
  raft_outbox_shrink(&box, box.capacity - 1, &memory.iface);
  ck_assert_uint_eq(memory.live_blocks, 0);
}
END_TEST

START_TEST(memory_of_one_box_serves_another) {
  raft_outbox spare = {NULL, 0, 0};
  push(&spare, 1);
  raft_outbox_recycle(&box, &spare);
  ck_assert_ptr_null(spare.items);
  ck_assert_ptr_nonnull(box.items);
  ck_assert_uint_eq(box.count, 0);
  push(&box, 2);
  push(&spare, 3);
  raft_outbox_recycle(&box, &spare); /* has its own: the other is kept */
  ck_assert_uint_eq(box.count, 1);
  ck_assert_uint_eq(spare.count, 0);
  ck_assert_ptr_nonnull(spare.items);
  raft_outbox_close(&spare, &memory.iface);
  ck_assert_uint_eq(memory.live_blocks, 2);
}
END_TEST

/* ---- messages that are kept ---- */

static const uint64_t IDS[] = {1, 2, 3, 4, 5};

static raft_snapshot borrowed_snapshot(void) {
  raft_snapshot snapshot = {.data = {"state", 5, NULL},
                            .conf_state = {.voters = {IDS, 3},
                                           .learners = {IDS + 3, 1},
                                           .voters_outgoing = {IDS, 2},
                                           .learners_next = {IDS + 1, 1},
                                           .auto_leave = true},
                            .index = 7,
                            .term = 3};
  return snapshot;
}

static void expect_snapshot(const raft_snapshot *own) {
  raft_snapshot snapshot = borrowed_snapshot();
  ck_assert_uint_eq(own->index, 7);
  ck_assert_uint_eq(own->term, 3);
  ck_assert(own->conf_state.auto_leave);
  ck_assert_uint_eq(own->data.len, 5);
  ck_assert_mem_eq(own->data.data, "state", 5);
  ck_assert_uint_eq(own->conf_state.voters.count, 3);
  ck_assert_mem_eq(own->conf_state.voters.ids, IDS, 3 * sizeof IDS[0]);
  ck_assert_uint_eq(own->conf_state.learners.ids[0], 4);
  ck_assert_mem_eq(own->conf_state.voters_outgoing.ids, IDS, 2 * sizeof IDS[0]);
  ck_assert_uint_eq(own->conf_state.learners_next.ids[0], 2);
  ck_assert_ptr_ne(own->conf_state.voters.ids, snapshot.conf_state.voters.ids);
}

START_TEST(a_borrowed_message_is_copied_into_one_block) {
  char text[] = "payload";
  raft_snapshot snapshot = borrowed_snapshot();
  raft_entry entries[] = {{.term = 1, .index = 4, .data = {text, 7, NULL}},
                          {.term = 2, .index = 5, .data = {"", 0, NULL}},
                          {.term = 2, .index = 6}};
  raft_message message = {.type = RAFT_MSG_APP,
                          .context = {text, 3, NULL},
                          .entries = entries,
                          .entry_count = 3,
                          .snapshot = &snapshot};
  raft_message own;
  ck_assert_int_eq(raft_message_own(&memory.iface, &message, &own), RAFT_OK);
  ck_assert_uint_eq(memory.live_blocks, 1);
  memset(text, 'x', sizeof text);
  memset(entries, 0, sizeof entries);
  ck_assert_uint_eq(own.entry_count, 3);
  ck_assert_uint_eq(own.entries[1].index, 5);
  ck_assert_mem_eq(own.entries[0].data.data, "payload", 7);
  ck_assert_ptr_nonnull(own.entries[1].data.data); /* present and empty stays so */
  ck_assert_ptr_null(own.entries[2].data.data);
  ck_assert_mem_eq(own.context.data, "pay", 3);
  expect_snapshot(own.snapshot);
  raft_message_release(&own);
}
END_TEST

/* Payloads may lie in each other, so that together they are longer than memory is. */
START_TEST(payloads_whose_lengths_have_no_sum_are_not_copied) {
  raft_entry entries[] = {{.data = {"payload", SIZE_MAX / 2 + 5, NULL}},
                          {.data = {"payload", SIZE_MAX / 2 + 5, NULL}}};
  raft_message message = {.type = RAFT_MSG_PROP, .entries = entries, .entry_count = 2}, own;
  ck_assert_int_eq(raft_message_own(&memory.iface, &message, &own), RAFT_ENOMEM);
  ck_assert_uint_eq(memory.total_calls, 0);
}
END_TEST

START_TEST(payloads_with_an_owner_are_shared_not_copied) {
  raft_buf *data = raft_buf_copy(&memory.iface, "payload", 7);
  raft_buf *context = raft_buf_copy(&memory.iface, "context", 7);
  raft_entry entry = {.data = {raft_buf_data(data), 7, data}};
  raft_snapshot snapshot = {.data = {raft_buf_data(data), 7, data}, .index = 1};
  raft_message message = {.context = {raft_buf_data(context), 7, context},
                          .entries = &entry,
                          .entry_count = 1,
                          .snapshot = &snapshot};
  raft_message own;
  ck_assert_int_eq(raft_message_own(&memory.iface, &message, &own), RAFT_OK);
  ck_assert_ptr_eq(own.entries[0].data.data, raft_buf_data(data));
  ck_assert_ptr_eq(own.context.data, raft_buf_data(context));
  ck_assert_ptr_eq(own.snapshot->data.data, raft_buf_data(data));
  raft_buf_release(data);
  raft_buf_release(context);
  ck_assert_mem_eq(own.entries[0].data.data, "payload", 7);
  ck_assert_mem_eq(own.context.data, "context", 7);
  raft_message_release(&own);
}
END_TEST

START_TEST(a_message_with_a_body_is_retained) {
  raft_message message = with_body(3);
  raft_message own;
  failing_allocator_arm(&memory, 1, true);
  ck_assert_int_eq(raft_message_own(&memory.iface, &message, &own), RAFT_OK);
  ck_assert_ptr_eq(own.body, message.body);
  raft_message_release(&message);
  ck_assert_uint_eq(memory.live_blocks, 1);
  raft_message_release(&own);
}
END_TEST

START_TEST(a_message_that_points_nowhere_costs_nothing) {
  raft_message message = {.type = RAFT_MSG_HEARTBEAT, .to = 2, .commit = 9};
  raft_message own;
  failing_allocator_arm(&memory, 1, true);
  ck_assert_int_eq(raft_message_own(&memory.iface, &message, &own), RAFT_OK);
  ck_assert_uint_eq(own.commit, 9);
  ck_assert_ptr_null(own.body);
}
END_TEST

START_TEST(copies_that_find_no_memory_leave_nothing_behind) {
  raft_snapshot snapshot = borrowed_snapshot();
  raft_buf *data = raft_buf_copy(&memory.iface, "payload", 7);
  raft_entry entries[] = {{.data = {"a", 1, NULL}}, {.data = {raft_buf_data(data), 7, data}}};
  raft_message message = {.entries = entries, .entry_count = 2, .snapshot = &snapshot};
  raft_message own;
  failing_allocator_arm(&memory, 1, true);
  ck_assert_int_eq(raft_message_own(&memory.iface, &message, &own), RAFT_ENOMEM);
  ck_assert_ptr_null(raft_snapshot_body(&memory.iface, &snapshot));
  ck_assert_uint_eq(memory.live_blocks, 1);
  raft_buf_release(data);
}
END_TEST

START_TEST(a_snapshot_body_holds_all_of_it) {
  raft_snapshot snapshot = borrowed_snapshot();
  raft_body *body = raft_snapshot_body(&memory.iface, &snapshot);
  ck_assert_ptr_nonnull(body);
  expect_snapshot(body->snapshot);
  raft_body_release(body);
  raft_snapshot bare = {.index = 1, .term = 1}; /* no data, no members */
  body = raft_snapshot_body(&memory.iface, &bare);
  ck_assert_ptr_nonnull(body);
  ck_assert_uint_eq(body->snapshot->conf_state.voters.count, 0);
  raft_body_release(body);
}
END_TEST

int main(void) {
  const TTest *const tests[] = {
      messages_leave_in_the_order_in_which_they_came,
      room_that_cannot_be_had_changes_nothing,
      clearing_keeps_the_memory_for_the_next_round,
      only_an_empty_box_with_more_room_than_usual_shrinks,
      memory_of_one_box_serves_another,
      a_borrowed_message_is_copied_into_one_block,
      payloads_whose_lengths_have_no_sum_are_not_copied,
      payloads_with_an_owner_are_shared_not_copied,
      a_message_with_a_body_is_retained,
      a_message_that_points_nowhere_costs_nothing,
      copies_that_find_no_memory_leave_nothing_behind,
      a_snapshot_body_holds_all_of_it,
  };
  return run_suite("outbox", tests, sizeof tests / sizeof tests[0], setup, teardown);
}
