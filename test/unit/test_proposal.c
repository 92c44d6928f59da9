/* test_proposal.c - the fate of proposals; requests, batches and the addresses of stores.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>

#include "raftstore/address_book.h"
#include "raftstore/proposal.h"
#include "run_suite.h"

static void push(kv_proposal_queue *queue, uint64_t term, uint64_t index) {
  ck_assert_int_eq(kv_proposal_reserve(queue), KV_OK);
  kv_proposal_push(queue, (kv_proposal){term, index, NULL});
}

static kv_proposal_fate by_entry(kv_proposal_queue *queue, uint64_t term, uint64_t index) {
  kv_proposal proposal;
  return kv_proposal_pop_applied(queue, term, index, &proposal);
}

static kv_proposal_fate by_snapshot(kv_proposal_queue *queue, uint64_t term, uint64_t index) {
  kv_proposal proposal;
  return kv_proposal_pop_snapshot(queue, term, index, &proposal);
}

START_TEST(the_very_entry_decides_for_success) {
  kv_proposal_queue queue = {0};
  push(&queue, 2, 10);
  push(&queue, 2, 11);
  ck_assert(kv_proposal_waits(&queue, 2, 11));
  ck_assert(!kv_proposal_waits(&queue, 2, 12));
  ck_assert(!kv_proposal_waits(&queue, 1, 11));
  ck_assert_int_eq(by_entry(&queue, 2, 9), KV_FATE_OPEN);
  ck_assert_int_eq(by_entry(&queue, 2, 10), KV_FATE_APPLIED);
  ck_assert_int_eq(by_entry(&queue, 2, 10), KV_FATE_OPEN);
  ck_assert_int_eq(by_entry(&queue, 2, 11), KV_FATE_APPLIED);
  kv_proposal_free(&queue);
}
END_TEST

START_TEST(an_entry_of_a_later_term_decides_against_all_of_earlier_ones) {
  kv_proposal_queue queue = {0};
  push(&queue, 2, 10);
  push(&queue, 2, 11);
  push(&queue, 4, 9); /* leader again, after its log was cut back */
  ck_assert_int_eq(by_entry(&queue, 3, 8), KV_FATE_FAILED);
  ck_assert_int_eq(by_entry(&queue, 3, 8), KV_FATE_FAILED);
  ck_assert_int_eq(by_entry(&queue, 3, 8), KV_FATE_OPEN);
  ck_assert_int_eq(by_entry(&queue, 4, 9), KV_FATE_APPLIED);
  kv_proposal_free(&queue);
}
END_TEST

/* What it covers of an earlier term may have been applied unseen, behind a snapshot. */
START_TEST(an_entry_of_a_later_term_leaves_what_is_before_it_unknown) {
  kv_proposal_queue queue = {0};
  push(&queue, 2, 10);
  push(&queue, 2, 12);
  ck_assert_int_eq(by_entry(&queue, 3, 12), KV_FATE_UNKNOWN);
  ck_assert_int_eq(by_entry(&queue, 3, 12), KV_FATE_FAILED);
  kv_proposal_free(&queue);
}
END_TEST

START_TEST(an_earlier_term_decides_nothing) {
  kv_proposal_queue queue = {0};
  push(&queue, 5, 10);
  ck_assert_int_eq(by_entry(&queue, 4, 9), KV_FATE_OPEN);
  kv_proposal proposal;
  ck_assert(kv_proposal_pop(&queue, &proposal));
  ck_assert(!kv_proposal_pop(&queue, &proposal));
  kv_proposal_free(&queue);
}
END_TEST

START_TEST(a_snapshot_leaves_what_it_covers_unknown) {
  kv_proposal_queue queue = {0};
  push(&queue, 2, 10);
  push(&queue, 2, 20);
  push(&queue, 3, 21);
  ck_assert_int_eq(by_snapshot(&queue, 3, 15), KV_FATE_UNKNOWN);
  ck_assert_int_eq(by_snapshot(&queue, 3, 15), KV_FATE_FAILED);
  ck_assert_int_eq(by_snapshot(&queue, 3, 15), KV_FATE_OPEN);
  ck_assert_uint_eq(queue.count, 1);
  kv_proposal_free(&queue);
}
END_TEST

START_TEST(a_long_queue_keeps_its_order) {
  kv_proposal_queue queue = {0};
  uint64_t next = 1, done = 1;
  for (int round = 0; round < 100; round++) {
    for (int i = 0; i < 7; i++) {
      push(&queue, 1, next++);
    }
    for (int i = 0; i < 6; i++) {
      ck_assert(kv_proposal_waits(&queue, 1, done));
      ck_assert_int_eq(by_entry(&queue, 1, done++), KV_FATE_APPLIED);
    }
  }
  ck_assert_uint_eq(queue.count, 100);
  kv_proposal_free(&queue);
}
END_TEST

START_TEST(a_late_id_finds_no_other_request) {
  kv_request_table table;
  kv_request_table_init(&table);
  kv_request *first = kv_request_create(&table, KV_REQUEST_WRITE, 10, 500);
  uint64_t id = first->id;
  ck_assert_ptr_eq(kv_request_find(&table, id), first);
  ck_assert_uint_eq(table.next_deadline, 500);
  ck_assert_uint_ge(table.bytes, 10);
  kv_request_free(&table, first);
  kv_request *second = kv_request_create(&table, KV_REQUEST_READ, 0, 900);
  ck_assert_ptr_null(kv_request_find(&table, id));
  ck_assert_ptr_eq(kv_request_find(&table, second->id), second);
  ck_assert_ptr_null(kv_request_find(&table, UINT64_MAX));
  kv_request_free(&table, second);
  ck_assert_uint_eq(table.count, 0);
  ck_assert_uint_eq(table.bytes, 0);
  kv_request_table_free(&table);
}
END_TEST

START_TEST(many_requests_have_many_ids) {
  enum { COUNT = 1000 };
  static kv_request *requests[COUNT];
  kv_request_table table;
  kv_request_table_init(&table);
  for (size_t i = 0; i < COUNT; i++) {
    requests[i] = kv_request_create(&table, KV_REQUEST_READ, i, i);
    ck_assert_ptr_nonnull(requests[i]);
  }
  for (size_t i = 0; i < COUNT; i++) {
    ck_assert_ptr_eq(kv_request_find(&table, requests[i]->id), requests[i]);
    kv_request_free(&table, requests[i]);
  }
  kv_request_table_free(&table);
}
END_TEST

START_TEST(a_batch_forgets_who_was_answered) {
  kv_request_table table;
  kv_list list;
  kv_request_table_init(&table);
  kv_list_init(&list);
  kv_batch *batch = kv_batch_create(2);
  kv_request *one = kv_request_create(&table, KV_REQUEST_WRITE, 0, 1);
  kv_request *two = kv_request_create(&table, KV_REQUEST_WRITE, 0, 1);
  kv_list_append(&list, &one->link);
  kv_batch_add(batch, one, KV_STAGE_PROPOSED);
  kv_batch_add(batch, two, KV_STAGE_PROPOSED);
  ck_assert(kv_list_is_empty(&list));
  kv_request_free(&table, one);
  ck_assert_ptr_null(batch->slots[0]);
  kv_batch_dissolve(batch, &list, KV_STAGE_WAITING);
  ck_assert_ptr_eq(kv_list_first(&list), &two->link);
  ck_assert_int_eq(two->stage, KV_STAGE_WAITING);
  ck_assert_ptr_null(two->batch);
  kv_request_free(&table, two);
  ck_assert(kv_list_is_empty(&list));
  kv_request_table_free(&table);
}
END_TEST

START_TEST(an_address_is_learnt_once_and_corrected) {
  kv_address_book book = {0};
  ck_assert(kv_address_book_learn(&book, 3, "three:1"));
  ck_assert(kv_address_book_learn(&book, 1, "one:1"));
  ck_assert(kv_address_book_learn(&book, 3, "three:2"));
  ck_assert(kv_address_book_learn(&book, 3, "three:2"));
  ck_assert_uint_eq(book.count, 2);
  ck_assert_str_eq(kv_address_book_find(&book, 3)->address, "three:2");
  ck_assert_str_eq(kv_address_book_find(&book, 1)->address, "one:1");
  ck_assert_ptr_null(kv_address_book_find(&book, 2));
  kv_address_book_free(&book);
}
END_TEST

int main(void) {
  const TTest *const tests[] = {
      the_very_entry_decides_for_success,
      an_entry_of_a_later_term_decides_against_all_of_earlier_ones,
      an_entry_of_a_later_term_leaves_what_is_before_it_unknown,
      an_earlier_term_decides_nothing,
      a_snapshot_leaves_what_it_covers_unknown,
      a_long_queue_keeps_its_order,
      a_late_id_finds_no_other_request,
      many_requests_have_many_ids,
      a_batch_forgets_who_was_answered,
      an_address_is_learnt_once_and_corrected,
  };
  return run_suite("proposal", tests, sizeof tests / sizeof *tests, NULL, NULL);
}
