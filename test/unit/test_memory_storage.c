/* test_memory_storage.c - the storage in memory answers as the model's does, and no failed call
 * leaves a trace.
 *
 * Most tests start from the log 3 (cut here, term 3), 4, 5 (terms 4 and 5).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <libraft/memory_storage.h>
#include <stdlib.h>
#include <string.h>

#include "failing_allocator.h"

static failing_allocator memory;
static raft_memory_storage *storage;
static const raft_storage *view;

enum { ROOM = 16 };

static raft_entry entry(uint64_t index, uint64_t term) {
  return (raft_entry){.index = index, .term = term};
}

static raft_entry payload(uint64_t index, uint64_t term, const char *text) {
  return (raft_entry){.index = index, .term = term, .data = {text, strlen(text), NULL}};
}

static void open_empty(void) {
  failing_allocator_init(&memory);
  ck_assert_int_eq(raft_memory_storage_open(&memory.iface, &storage), RAFT_OK);
  view = raft_memory_storage_interface(storage);
}

static void open_with_log(void) {
  open_empty();
  const raft_snapshot snapshot = {.index = 3, .term = 3};
  const raft_entry log[] = {entry(4, 4), entry(5, 5)};
  ck_assert_int_eq(raft_memory_storage_apply_snapshot(storage, &snapshot), RAFT_OK);
  ck_assert_int_eq(raft_memory_storage_append(storage, log, 2), RAFT_OK);
}

static void close_all(void) {
  raft_memory_storage_close(storage);
  ck_assert_uint_eq(memory.live_blocks, 0);
}

static uint64_t first(void) {
  uint64_t index;
  ck_assert_int_eq(view->first_index(view->ctx, &index), RAFT_OK);
  return index;
}

static uint64_t last(void) {
  uint64_t index;
  ck_assert_int_eq(view->last_index(view->ctx, &index), RAFT_OK);
  return index;
}

/* The whole log has these terms, from first() on. */
static void assert_terms(uint64_t from, const uint64_t *terms, size_t count) {
  ck_assert_uint_eq(first(), from);
  ck_assert_uint_eq(last(), from + count - 1);
  for (size_t i = 0; i < count; i++) {
    uint64_t term;
    ck_assert_int_eq(view->term(view->ctx, from + i, &term), RAFT_OK);
    ck_assert_uint_eq(term, terms[i]);
  }
}

/* Reads and drops entries; how many came. */
static int read_entries(uint64_t lo, uint64_t hi, uint64_t max_bytes, size_t *count) {
  raft_entry out[ROOM];
  *count = ROOM;
  int rc = view->entries(view->ctx, lo, hi, max_bytes, out, count);
  for (size_t i = 0; rc == RAFT_OK && i < *count; i++) {
    ck_assert_uint_eq(out[i].index, lo + i);
    raft_buf_release(out[i].data.owner);
  }
  return rc;
}

/* --- reading ------------------------------------------------------------------------------- */

START_TEST(a_new_storage_is_empty) {
  raft_hard_state hard_state;
  raft_conf_state conf_state;
  raft_snapshot snapshot;
  uint64_t term = 7;
  ck_assert_uint_eq(first(), 1);
  ck_assert_uint_eq(last(), 0);
  ck_assert_int_eq(view->term(view->ctx, 0, &term), RAFT_OK);
  ck_assert_uint_eq(term, 0);
  ck_assert_int_eq(view->initial_state(view->ctx, &hard_state, &conf_state), RAFT_OK);
  ck_assert(hard_state.term == 0 && hard_state.vote == 0 && hard_state.commit == 0);
  ck_assert_uint_eq(conf_state.voters.count, 0);
  ck_assert_int_eq(view->snapshot(view->ctx, &snapshot), RAFT_OK);
  ck_assert_uint_eq(snapshot.index, 0);
}
END_TEST

START_TEST(terms_are_known_from_the_cut_to_the_last_entry) {
  uint64_t term;
  ck_assert_int_eq(view->term(view->ctx, 2, &term), RAFT_ECOMPACTED);
  for (uint64_t index = 3; index <= 5; index++) {
    ck_assert_int_eq(view->term(view->ctx, index, &term), RAFT_OK);
    ck_assert_uint_eq(term, index);
  }
  ck_assert_int_eq(view->term(view->ctx, 6, &term), RAFT_EUNAVAILABLE);
}
END_TEST

START_TEST(entries_outside_of_the_log_are_refused) {
  size_t count;
  ck_assert_int_eq(read_entries(2, 6, RAFT_NO_LIMIT, &count), RAFT_ECOMPACTED);
  ck_assert_int_eq(read_entries(3, 4, RAFT_NO_LIMIT, &count), RAFT_ECOMPACTED);
  ck_assert_int_eq(read_entries(4, 7, RAFT_NO_LIMIT, &count), RAFT_EUNAVAILABLE);
  ck_assert_int_eq(read_entries(5, 4, RAFT_NO_LIMIT, &count), RAFT_EINVAL);
}
END_TEST

START_TEST(a_range_of_entries_is_given) {
  size_t count;
  ck_assert_int_eq(read_entries(4, 6, RAFT_NO_LIMIT, &count), RAFT_OK);
  ck_assert_uint_eq(count, 2);
  ck_assert_int_eq(read_entries(5, 6, RAFT_NO_LIMIT, &count), RAFT_OK);
  ck_assert_uint_eq(count, 1);
  ck_assert_int_eq(read_entries(6, 6, RAFT_NO_LIMIT, &count), RAFT_OK);
  ck_assert_uint_eq(count, 0);
}
END_TEST

START_TEST(bytes_are_limited_but_one_entry_always_comes) {
  const uint64_t limits[] = {0, 4, 7, 8, 9, RAFT_NO_LIMIT};
  const size_t counts[] = {1, 1, 1, 2, 2, 2};
  for (size_t i = 0; i < 6; i++) {
    size_t count;
    ck_assert_int_eq(read_entries(4, 6, limits[i], &count), RAFT_OK);
    ck_assert_uint_eq(count, counts[i]);
  }
}
END_TEST

START_TEST(no_more_entries_come_than_there_is_room_for) {
  raft_entry out[1];
  size_t count = 1;
  ck_assert_int_eq(view->entries(view->ctx, 4, 6, RAFT_NO_LIMIT, out, &count), RAFT_OK);
  ck_assert_uint_eq(count, 1);
  ck_assert_uint_eq(out[0].index, 4);
}
END_TEST

/* --- appending ----------------------------------------------------------------------------- */

typedef struct append_case {
  raft_entry entries[3];
  size_t count;
  int rc;
  uint64_t terms[4]; /* afterwards, from index 4 on */
  size_t term_count;
} append_case;

static const append_case append_cases[] = {
    /* before the log, up to its cut: nothing to do */
    {{{.index = 1, .term = 1}, {.index = 2, .term = 2}}, 2, RAFT_OK, {4, 5}, 2},
    {{{.index = 3, .term = 9}}, 1, RAFT_OK, {4, 5}, 2},
    /* the part behind the cut counts */
    {{{.index = 2, .term = 2}, {.index = 3, .term = 3}, {.index = 4, .term = 6}},
     3,
     RAFT_OK,
     {6},
     1},
    /* the same again */
    {{{.index = 4, .term = 4}, {.index = 5, .term = 5}}, 2, RAFT_OK, {4, 5}, 2},
    /* replaces a suffix */
    {{{.index = 4, .term = 6}, {.index = 5, .term = 6}}, 2, RAFT_OK, {6, 6}, 2},
    {{{.index = 5, .term = 6}, {.index = 6, .term = 6}}, 2, RAFT_OK, {4, 6, 6}, 3},
    {{{.index = 4, .term = 6}}, 1, RAFT_OK, {6}, 1},
    /* appends */
    {{{.index = 6, .term = 5}, {.index = 7, .term = 6}}, 2, RAFT_OK, {4, 5, 5, 6}, 4},
    /* would leave a gap, or is no sequence */
    {{{.index = 7, .term = 6}}, 1, RAFT_EUNAVAILABLE, {4, 5}, 2},
    {{{.index = 5, .term = 6}, {.index = 7, .term = 6}}, 2, RAFT_EINVAL, {4, 5}, 2},
    {{{.index = 0, .term = 6}}, 1, RAFT_EINVAL, {4, 5}, 2},
    {{{.index = UINT64_MAX, .term = 6}}, 1, RAFT_EINVAL, {4, 5}, 2},
    {{{.index = 9, .term = 9}}, 0, RAFT_OK, {4, 5}, 2},
};
enum { APPEND_CASES = sizeof(append_cases) / sizeof(append_cases[0]) };

START_TEST(appending_skips_replaces_and_extends) {
  const append_case *now = &append_cases[_i];
  ck_assert_int_eq(raft_memory_storage_append(storage, now->entries, now->count), now->rc);
  assert_terms(4, now->terms, now->term_count);
}
END_TEST

START_TEST(borrowed_payloads_of_a_batch_are_copied_into_one_buffer) {
  char text[] = "first";
  const raft_entry batch[] = {payload(6, 5, text), entry(7, 5), payload(8, 5, ""),
                              payload(9, 5, "last")};
  size_t blocks = memory.live_blocks;
  ck_assert_int_eq(raft_memory_storage_append(storage, batch, 4), RAFT_OK);
  ck_assert_uint_eq(memory.live_blocks, blocks + 1);
  text[0] = 'x';
  raft_entry out[4];
  size_t count = 4;
  ck_assert_int_eq(view->entries(view->ctx, 6, 10, RAFT_NO_LIMIT, out, &count), RAFT_OK);
  ck_assert_mem_eq(out[0].data.data, "first", 5);
  ck_assert_ptr_null(out[1].data.data);
  ck_assert(out[2].data.data != NULL && out[2].data.len == 0 && out[2].data.owner != NULL);
  ck_assert_mem_eq(out[3].data.data, "last", 4);
  for (size_t i = 0; i < 4; i++) {
    raft_buf_release(out[i].data.owner);
  }
}
END_TEST

START_TEST(owned_payloads_are_shared_not_copied) {
  raft_buf *buf = raft_buf_copy(&memory.iface, "shared", 6);
  const raft_entry owned = {.index = 6, .term = 5, .data = {raft_buf_data(buf), 6, buf}};
  ck_assert_int_eq(raft_memory_storage_append(storage, &owned, 1), RAFT_OK);
  raft_buf_release(buf);
  raft_entry out;
  size_t count = 1;
  ck_assert_int_eq(view->entries(view->ctx, 6, 7, RAFT_NO_LIMIT, &out, &count), RAFT_OK);
  ck_assert_ptr_eq(out.data.data, owned.data.data);
  raft_buf_release(out.data.owner);
}
END_TEST

START_TEST(entries_that_were_given_outlive_the_log) {
  const raft_entry kept = payload(6, 5, "kept");
  const raft_entry other = payload(6, 6, "other");
  raft_entry out;
  size_t count = 1;
  ck_assert_int_eq(raft_memory_storage_append(storage, &kept, 1), RAFT_OK);
  ck_assert_int_eq(view->entries(view->ctx, 6, 7, RAFT_NO_LIMIT, &out, &count), RAFT_OK);
  ck_assert_int_eq(raft_memory_storage_append(storage, &other, 1), RAFT_OK);
  ck_assert_mem_eq(out.data.data, "kept", 4);
  raft_buf_release(out.data.owner);
}
END_TEST

/* --- compaction and snapshots -------------------------------------------------------------- */

START_TEST(compaction_makes_its_index_the_cut) {
  ck_assert_int_eq(raft_memory_storage_compact(storage, 2), RAFT_ECOMPACTED);
  ck_assert_int_eq(raft_memory_storage_compact(storage, 3), RAFT_ECOMPACTED);
  ck_assert_int_eq(raft_memory_storage_compact(storage, 6), RAFT_EUNAVAILABLE);
  ck_assert_int_eq(raft_memory_storage_compact(storage, 4), RAFT_OK);
  assert_terms(5, (const uint64_t[]){5}, 1);
  ck_assert_int_eq(raft_memory_storage_compact(storage, 5), RAFT_OK);
  assert_terms(6, NULL, 0);
}
END_TEST

START_TEST(compaction_drops_payloads) {
  const raft_entry batch[] = {payload(6, 5, "a")};
  ck_assert_int_eq(raft_memory_storage_append(storage, batch, 1), RAFT_OK);
  size_t blocks = memory.live_blocks;
  ck_assert_int_eq(raft_memory_storage_compact(storage, 6), RAFT_OK);
  ck_assert_uint_eq(memory.live_blocks, blocks - 1);
}
END_TEST

static const uint64_t ids[] = {1, 2, 3, 4};
static const raft_conf_state four_lists = {
    .voters = {ids, 3},
    .learners = {ids + 3, 1},
    .voters_outgoing = {ids, 2},
    .learners_next = {ids + 1, 1},
    .auto_leave = true,
};

static void assert_four_lists(const raft_conf_state *state) {
  ck_assert_uint_eq(state->voters.count, 3);
  ck_assert_mem_eq(state->voters.ids, ids, 3 * sizeof(uint64_t));
  ck_assert(state->voters.ids != ids);
  ck_assert(state->learners.count == 1 && state->learners.ids[0] == 4);
  ck_assert(state->voters_outgoing.count == 2 && state->voters_outgoing.ids[1] == 2);
  ck_assert(state->learners_next.count == 1 && state->learners_next.ids[0] == 2);
  ck_assert(state->auto_leave);
}

START_TEST(a_snapshot_is_made_at_an_entry_of_the_log) {
  raft_snapshot snapshot;
  const raft_bytes data = {"state", 5, NULL};
  ck_assert_int_eq(raft_memory_storage_create_snapshot(storage, 4, &four_lists, data), RAFT_OK);
  ck_assert_int_eq(view->snapshot(view->ctx, &snapshot), RAFT_OK);
  ck_assert_uint_eq(snapshot.index, 4);
  ck_assert_uint_eq(snapshot.term, 4);
  ck_assert(snapshot.data.data != data.data && snapshot.data.owner != NULL);
  ck_assert_mem_eq(snapshot.data.data, "state", 5);
  assert_four_lists(&snapshot.conf_state);
  assert_terms(4, (const uint64_t[]){4, 5}, 2);
}
END_TEST

START_TEST(a_snapshot_without_membership_keeps_the_last_one) {
  raft_snapshot snapshot;
  ck_assert_int_eq(raft_memory_storage_set_conf_state(storage, &four_lists), RAFT_OK);
  ck_assert_int_eq(raft_memory_storage_create_snapshot(storage, 5, NULL, (raft_bytes){0}), RAFT_OK);
  ck_assert_int_eq(view->snapshot(view->ctx, &snapshot), RAFT_OK);
  assert_four_lists(&snapshot.conf_state);
  ck_assert_ptr_null(snapshot.data.data);
}
END_TEST

START_TEST(a_snapshot_needs_a_new_index_within_the_log) {
  const raft_bytes none = {0};
  ck_assert_int_eq(raft_memory_storage_create_snapshot(storage, 3, NULL, none),
                   RAFT_ESNAPSHOT_OUT_OF_DATE);
  ck_assert_int_eq(raft_memory_storage_create_snapshot(storage, 6, NULL, none), RAFT_EUNAVAILABLE);
  ck_assert_int_eq(raft_memory_storage_compact(storage, 5), RAFT_OK);
  ck_assert_int_eq(raft_memory_storage_create_snapshot(storage, 4, NULL, none), RAFT_ECOMPACTED);
}
END_TEST

START_TEST(an_applied_snapshot_replaces_the_log) {
  raft_buf *buf = raft_buf_copy(&memory.iface, "state", 5);
  const raft_snapshot snapshot = {
      .index = 9, .term = 6, .data = {raft_buf_data(buf), 5, buf}, .conf_state = four_lists};
  raft_hard_state hard_state;
  raft_conf_state conf_state;
  ck_assert_int_eq(raft_memory_storage_apply_snapshot(storage, &snapshot), RAFT_OK);
  raft_buf_release(buf);
  assert_terms(10, NULL, 0);
  uint64_t term;
  ck_assert_int_eq(view->term(view->ctx, 9, &term), RAFT_OK);
  ck_assert_uint_eq(term, 6);
  ck_assert_int_eq(view->initial_state(view->ctx, &hard_state, &conf_state), RAFT_OK);
  assert_four_lists(&conf_state);
}
END_TEST

/* A follower may ask for one because what it has is damaged. */
START_TEST(a_snapshot_with_nothing_behind_it_can_be_replaced_by_another) {
  const raft_snapshot first_one = {.index = 9, .term = 6, .data = {"bad", 3, NULL}};
  const raft_snapshot again = {.index = 9, .term = 6, .data = {"good", 4, NULL}};
  const raft_entry next = entry(10, 6);
  raft_snapshot now = {.index = 0};
  ck_assert_int_eq(raft_memory_storage_apply_snapshot(storage, &first_one), RAFT_OK);
  ck_assert_int_eq(raft_memory_storage_apply_snapshot(storage, &again), RAFT_OK);
  ck_assert_int_eq(view->snapshot(view->ctx, &now), RAFT_OK);
  ck_assert_uint_eq(now.data.len, 4);
  assert_terms(10, NULL, 0);
  ck_assert_int_eq(raft_memory_storage_append(storage, &next, 1), RAFT_OK);
  ck_assert_int_eq(raft_memory_storage_apply_snapshot(storage, &again), RAFT_ESNAPSHOT_OUT_OF_DATE);
  ck_assert_int_eq(raft_memory_storage_compact(storage, 10), RAFT_OK);
  ck_assert_int_eq(raft_memory_storage_apply_snapshot(storage, &again), RAFT_ESNAPSHOT_OUT_OF_DATE);
}
END_TEST

START_TEST(an_old_snapshot_is_not_applied) {
  const raft_snapshot same = {.index = 3, .term = 3};
  const raft_snapshot older = {.index = 2, .term = 2};
  ck_assert_int_eq(raft_memory_storage_apply_snapshot(storage, &same), RAFT_ESNAPSHOT_OUT_OF_DATE);
  ck_assert_int_eq(raft_memory_storage_apply_snapshot(storage, &older), RAFT_ESNAPSHOT_OUT_OF_DATE);
  assert_terms(4, (const uint64_t[]){4, 5}, 2);
}
END_TEST

START_TEST(the_hard_state_is_what_was_set_last) {
  const raft_hard_state set = {5, 2, 4};
  raft_hard_state got;
  raft_conf_state conf_state;
  ck_assert_int_eq(raft_memory_storage_set_hard_state(storage, &set), RAFT_OK);
  ck_assert_int_eq(view->initial_state(view->ctx, &got, &conf_state), RAFT_OK);
  ck_assert(got.term == 5 && got.vote == 2 && got.commit == 4);
}
END_TEST

/* --- failing allocations ------------------------------------------------------------------- */

static int append_many(void) {
  raft_entry batch[8];
  for (size_t i = 0; i < 8; i++) {
    batch[i] = payload(5 + i, 6, "payload");
  }
  return raft_memory_storage_append(storage, batch, 8);
}

static int apply(void) {
  const raft_snapshot snapshot = {
      .index = 9, .term = 6, .data = {"state", 5, NULL}, .conf_state = four_lists};
  return raft_memory_storage_apply_snapshot(storage, &snapshot);
}

static int create(void) {
  return raft_memory_storage_create_snapshot(storage, 5, &four_lists,
                                             (raft_bytes){"state", 5, NULL});
}

static int set_membership(void) {
  return raft_memory_storage_set_conf_state(storage, &four_lists);
}

static int (*const changes[])(void) = {append_many, apply, create, set_membership};

START_TEST(a_change_without_memory_leaves_the_storage_as_it_was) {
  size_t failures = 0;
  int rc;
  do {
    size_t blocks = memory.live_blocks;
    failing_allocator_arm(&memory, failures + 1, false);
    rc = changes[_i]();
    if (rc != RAFT_OK) {
      raft_snapshot snapshot;
      ck_assert_int_eq(rc, RAFT_ENOMEM);
      ck_assert_uint_eq(memory.live_blocks, blocks);
      assert_terms(4, (const uint64_t[]){4, 5}, 2);
      ck_assert_int_eq(view->snapshot(view->ctx, &snapshot), RAFT_OK);
      ck_assert(snapshot.index == 3 && snapshot.conf_state.voters.count == 0);
      failures++;
    }
  } while (rc != RAFT_OK);
  ck_assert_uint_ge(failures, 1);
}
END_TEST

START_TEST(without_memory_there_is_no_storage) {
  for (size_t n = 1; n <= 2; n++) {
    raft_memory_storage *none = NULL;
    failing_allocator_arm(&memory, n, false);
    ck_assert_int_eq(raft_memory_storage_open(&memory.iface, &none), RAFT_ENOMEM);
    ck_assert_ptr_null(none);
  }
  raft_memory_storage_close(NULL);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("memory_storage");
  TCase *empty = tcase_create("empty");
  tcase_add_checked_fixture(empty, open_empty, close_all);
  tcase_add_test(empty, a_new_storage_is_empty);
  tcase_add_test(empty, without_memory_there_is_no_storage);
  suite_add_tcase(suite, empty);

  TCase *log = tcase_create("log");
  tcase_add_checked_fixture(log, open_with_log, close_all);
  tcase_add_test(log, terms_are_known_from_the_cut_to_the_last_entry);
  tcase_add_test(log, entries_outside_of_the_log_are_refused);
  tcase_add_test(log, a_range_of_entries_is_given);
  tcase_add_test(log, bytes_are_limited_but_one_entry_always_comes);
  tcase_add_test(log, no_more_entries_come_than_there_is_room_for);
  tcase_add_loop_test(log, appending_skips_replaces_and_extends, 0, APPEND_CASES);
  tcase_add_test(log, borrowed_payloads_of_a_batch_are_copied_into_one_buffer);
  tcase_add_test(log, owned_payloads_are_shared_not_copied);
  tcase_add_test(log, entries_that_were_given_outlive_the_log);
  tcase_add_test(log, compaction_makes_its_index_the_cut);
  tcase_add_test(log, compaction_drops_payloads);
  tcase_add_test(log, a_snapshot_is_made_at_an_entry_of_the_log);
  tcase_add_test(log, a_snapshot_without_membership_keeps_the_last_one);
  tcase_add_test(log, a_snapshot_needs_a_new_index_within_the_log);
  tcase_add_test(log, an_applied_snapshot_replaces_the_log);
  tcase_add_test(log, a_snapshot_with_nothing_behind_it_can_be_replaced_by_another);
  tcase_add_test(log, an_old_snapshot_is_not_applied);
  tcase_add_test(log, the_hard_state_is_what_was_set_last);
  tcase_add_loop_test(log, a_change_without_memory_leaves_the_storage_as_it_was, 0, 4);
  suite_add_tcase(suite, log);

  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
