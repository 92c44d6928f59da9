/* test_unstable.c - entries that wait to be stored: what is handed out, dropped and kept.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "libraft/unstable.h"

#include <check.h>
#include <libraft/error.h>
#include <stdlib.h>
#include <string.h>

#include "failing_allocator.h"
#include "libraft/body.h"
#include "libraft/outbox.h"

static failing_allocator memory;
static raft_unstable unstable;

static void setup(void) {
  failing_allocator_init(&memory);
  raft_unstable_init(&unstable, 5);
}

static void teardown(void) {
  raft_unstable_close(&unstable, &memory.iface);
  ck_assert_uint_eq(memory.live_blocks, 0);
}

/* Appends entries [from, to] of one term, each with a payload of its own. */
static void append(uint64_t from, uint64_t to, uint64_t term) {
  ck_assert_int_eq(raft_unstable_reserve(&unstable, from, (size_t)(to - from + 1), &memory.iface),
                   0);
  raft_unstable_truncate(&unstable, from);
  for (uint64_t index = from; index <= to; index++) {
    raft_buf *buf = raft_buf_copy(&memory.iface, &index, sizeof index);
    raft_entry entry = {
        .term = term, .index = index, .data = {raft_buf_data(buf), sizeof index, buf}};
    raft_unstable_push(&unstable, &entry);
  }
}

static void restore(uint64_t index, uint64_t term) {
  raft_snapshot snapshot = {.index = index, .term = term};
  raft_unstable_restore(&unstable, raft_snapshot_body(&memory.iface, &snapshot));
}

static uint64_t term_of(uint64_t index) {
  uint64_t term = 0;
  return raft_unstable_term(&unstable, index, &term) ? term : 0;
}

START_TEST(terms_are_known_for_what_is_here_only) {
  append(5, 7, 2);
  ck_assert_uint_eq(term_of(4), 0);
  ck_assert_uint_eq(term_of(5), 2);
  ck_assert_uint_eq(term_of(7), 2);
  ck_assert_uint_eq(term_of(8), 0);
  ck_assert_uint_eq(raft_unstable_last(&unstable), 7);
}
END_TEST

START_TEST(a_snapshot_answers_for_its_last_index) {
  append(5, 7, 2);
  restore(9, 3);
  ck_assert_uint_eq(term_of(9), 3);
  ck_assert_uint_eq(term_of(8), 0);
  ck_assert_uint_eq(term_of(7), 0);
  ck_assert_uint_eq(unstable.offset, 10);
  ck_assert_uint_eq(raft_unstable_last(&unstable), 9);
}
END_TEST

START_TEST(what_is_handed_out_is_not_handed_out_again) {
  append(5, 7, 2);
  raft_unstable_accept(&unstable);
  ck_assert_uint_eq(unstable.offset_in_progress, 8);
  append(8, 8, 2);
  ck_assert_uint_eq(unstable.offset_in_progress, 8);
}
END_TEST

START_TEST(a_truncation_takes_back_what_is_in_progress) {
  append(5, 9, 2);
  raft_unstable_accept(&unstable);
  append(7, 8, 3);
  ck_assert_uint_eq(unstable.offset_in_progress, 7);
  ck_assert_uint_eq(term_of(6), 2);
  ck_assert_uint_eq(term_of(7), 3);
  ck_assert_uint_eq(term_of(9), 0);
}
END_TEST

START_TEST(a_truncation_below_the_offset_starts_over) {
  append(5, 9, 2);
  raft_unstable_accept(&unstable);
  append(3, 4, 3);
  ck_assert_uint_eq(unstable.offset, 3);
  ck_assert_uint_eq(unstable.offset_in_progress, 3);
  ck_assert_uint_eq(raft_unstable_last(&unstable), 4);
}
END_TEST

START_TEST(stable_entries_leave) {
  append(5, 9, 2);
  raft_unstable_accept(&unstable);
  ck_assert(raft_unstable_stable_to(&unstable, 2, 7));
  ck_assert_uint_eq(unstable.offset, 8);
  ck_assert_uint_eq(unstable.count, 2);
  ck_assert_uint_eq(unstable.offset_in_progress, 10);
  ck_assert(raft_unstable_stable_to(&unstable, 2, 9));
  ck_assert_uint_eq(unstable.count, 0);
}
END_TEST

START_TEST(stable_news_about_other_entries_are_ignored) {
  append(5, 7, 2);
  ck_assert(!raft_unstable_stable_to(&unstable, 1, 6)); /* replaced since */
  ck_assert(!raft_unstable_stable_to(&unstable, 2, 8)); /* not here */
  ck_assert(!raft_unstable_stable_to(&unstable, 2, 4)); /* long stable */
  ck_assert_uint_eq(unstable.count, 3);
  restore(9, 3);
  ck_assert(!raft_unstable_stable_to(&unstable, 3, 9)); /* the snapshot's, not an entry's */
  ck_assert_ptr_nonnull(unstable.snapshot);
}
END_TEST

START_TEST(only_the_snapshot_that_is_meant_becomes_stable) {
  restore(9, 3);
  raft_unstable_accept(&unstable);
  ck_assert(unstable.snapshot_in_progress);
  raft_unstable_stable_snapshot_to(&unstable, 8);
  ck_assert_ptr_nonnull(unstable.snapshot);
  restore(12, 3); /* a newer one must be handed out anew */
  ck_assert(!unstable.snapshot_in_progress);
  raft_unstable_stable_snapshot_to(&unstable, 12);
  ck_assert_ptr_null(unstable.snapshot);
}
END_TEST

START_TEST(the_queue_moves_through_its_array) {
  uint64_t next = 5;
  for (int round = 0; round < 200; round++) {
    append(next, next + 2, 1);
    next += 3;
    ck_assert(raft_unstable_stable_to(&unstable, 1, next - 2));
    for (uint64_t index = unstable.offset; index < next; index++) {
      ck_assert_uint_eq(raft_unstable_at(&unstable, index)->index, index);
    }
  }
  ck_assert_uint_le(unstable.block->capacity, 16);
}
END_TEST

/* One entry leaves, one comes: what moves all others to the front must be rare. */
START_TEST(a_long_queue_seldom_moves) {
  enum { LENGTH = 63, ROUNDS = 1000 };
  uint64_t next = 5 + LENGTH;
  size_t moves = 0;
  append(5, 5, 1);
  for (uint64_t index = 6; index < next; index++) {
    append(index, index, 1);
  }
  for (int round = 0; round < ROUNDS; round++, next++) {
    uint32_t head = unstable.block->head;
    ck_assert(raft_unstable_stable_to(&unstable, 1, next - LENGTH));
    append(next, next, 1);
    moves += unstable.block->head < head + 1 ? 1 : 0;
  }
  ck_assert_uint_le(moves, ROUNDS / 16);
  ck_assert_uint_le(unstable.block->capacity, 4 * LENGTH);
}
END_TEST

START_TEST(no_memory_leaves_it_as_it_was) {
  append(5, 8, 1);
  size_t capacity = unstable.block->capacity;
  failing_allocator_arm(&memory, 1, true);
  ck_assert_int_eq(raft_unstable_reserve(&unstable, 9, capacity, &memory.iface), RAFT_ENOMEM);
  ck_assert_uint_eq(unstable.count, 4);
  ck_assert_uint_eq(term_of(8), 1);
  failing_allocator_arm(&memory, 0, false);
}
END_TEST

/* What a Ready points at while it is out: entries 5 to 7 of term 2, with their payloads. */
static const raft_entry *lend(void) {
  append(5, 7, 2);
  raft_unstable_accept(&unstable);
  raft_unstable_lend(&unstable);
  return raft_unstable_at(&unstable, 5);
}

static void expect_lent(const raft_entry *lent) {
  for (uint64_t index = 5; index <= 7; index++, lent++) {
    ck_assert_uint_eq(lent->index, index);
    ck_assert_uint_eq(lent->term, 2);
    ck_assert_mem_eq(lent->data.data, &index, sizeof index);
  }
}

START_TEST(lent_entries_survive_a_truncation) {
  const raft_entry *lent = lend();
  append(6, 6, 3);
  append(5, 5, 4);
  expect_lent(lent);
  ck_assert_uint_eq(term_of(5), 4);
  ck_assert_uint_eq(raft_unstable_last(&unstable), 5);
  raft_unstable_return(&unstable, &memory.iface);
  ck_assert_uint_eq(term_of(5), 4);
}
END_TEST

START_TEST(lent_entries_survive_growth) {
  const raft_entry *lent = lend();
  append(8, 8, 2); /* fits in behind */
  append(9, 100, 2);
  append(6, 6, 3);
  expect_lent(lent);
  raft_unstable_return(&unstable, &memory.iface);
  ck_assert_uint_eq(term_of(5), 2);
  ck_assert_uint_eq(term_of(6), 3);
}
END_TEST

/* Under a steady load there is always a Ready out, and never an empty queue. */
START_TEST(lending_again_and_again_takes_no_more_room) {
  append(5, 7, 1);
  for (uint64_t next = 8; next < 3000; next += 3) {
    raft_unstable_accept(&unstable);
    raft_unstable_lend(&unstable);
    append(next, next + 2, 1); /* while the ones before are being written */
    raft_unstable_return(&unstable, &memory.iface);
    ck_assert(raft_unstable_stable_to(&unstable, 1, next - 1));
  }
  ck_assert_uint_eq(unstable.count, 3);
  ck_assert_uint_le(unstable.block->capacity, 16);
}
END_TEST

START_TEST(entries_behind_the_lent_ones_may_go) {
  const raft_entry *lent = lend();
  append(8, 8, 2);
  append(8, 8, 3);
  expect_lent(lent);
  ck_assert_ptr_eq(raft_unstable_at(&unstable, 5), lent); /* nothing was copied */
  raft_unstable_return(&unstable, &memory.iface);
}
END_TEST

START_TEST(lent_entries_survive_a_snapshot) {
  const raft_entry *lent = lend();
  restore(9, 3);
  append(10, 10, 3);
  expect_lent(lent);
  raft_unstable_return(&unstable, &memory.iface);
  ck_assert_uint_eq(term_of(10), 3);
}
END_TEST

START_TEST(no_memory_for_a_copy_leaves_lent_entries_as_they_are) {
  const raft_entry *lent = lend();
  failing_allocator_arm(&memory, 1, true);
  ck_assert_int_eq(raft_unstable_reserve(&unstable, 6, 1, &memory.iface), RAFT_ENOMEM);
  expect_lent(lent);
  ck_assert_uint_eq(unstable.count, 3);
  failing_allocator_arm(&memory, 0, false);
}
END_TEST

START_TEST(an_empty_one_gives_its_memory_back) {
  append(5, 8, 1);
  raft_unstable_shrink(&unstable, &memory.iface);
  ck_assert_uint_eq(unstable.count, 4);
  ck_assert(raft_unstable_stable_to(&unstable, 1, 8));
  raft_unstable_shrink(&unstable, &memory.iface);
  ck_assert_uint_eq(memory.live_blocks, 0);
  append(9, 9, 1);
  ck_assert_uint_eq(term_of(9), 1);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("unstable");
  TCase *tests = tcase_create("unstable");
  tcase_add_checked_fixture(tests, setup, teardown);
  tcase_add_test(tests, terms_are_known_for_what_is_here_only);
  tcase_add_test(tests, a_snapshot_answers_for_its_last_index);
  tcase_add_test(tests, what_is_handed_out_is_not_handed_out_again);
  tcase_add_test(tests, a_truncation_takes_back_what_is_in_progress);
  tcase_add_test(tests, a_truncation_below_the_offset_starts_over);
  tcase_add_test(tests, stable_entries_leave);
  tcase_add_test(tests, stable_news_about_other_entries_are_ignored);
  tcase_add_test(tests, only_the_snapshot_that_is_meant_becomes_stable);
  tcase_add_test(tests, the_queue_moves_through_its_array);
  tcase_add_test(tests, a_long_queue_seldom_moves);
  tcase_add_test(tests, no_memory_leaves_it_as_it_was);
  tcase_add_test(tests, lent_entries_survive_a_truncation);
  tcase_add_test(tests, lent_entries_survive_growth);
  tcase_add_test(tests, lending_again_and_again_takes_no_more_room);
  tcase_add_test(tests, entries_behind_the_lent_ones_may_go);
  tcase_add_test(tests, lent_entries_survive_a_snapshot);
  tcase_add_test(tests, no_memory_for_a_copy_leaves_lent_entries_as_they_are);
  tcase_add_test(tests, an_empty_one_gives_its_memory_back);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
