/* test_log.c - the log across storage and memory: terms, slices, conflicts, commit and apply.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "libraft/log.h"

#include <check.h>
#include <libraft/error.h>
#include <libraft/memory_storage.h>
#include <stdlib.h>

#include "failing_allocator.h"
#include "libraft/outbox.h"

static failing_allocator memory;
static raft_memory_storage *storage;
static raft_log log_;

static raft_entry entry_of(uint64_t term, uint64_t index) {
  raft_entry entry = {.term = term, .index = index, .data = {"0123456789", 10, NULL}};
  return entry;
}

/* Every entry here takes 2 + 2 + 2 + 10 bytes in raftpb. */
enum { ENTRY_SIZE = 16 };

static void store(uint64_t from, uint64_t to, uint64_t term) {
  for (uint64_t index = from; index <= to; index++) {
    raft_entry entry = entry_of(term, index);
    ck_assert_int_eq(raft_memory_storage_append(storage, &entry, 1), RAFT_OK);
  }
}

static void append(uint64_t from, uint64_t to, uint64_t term) {
  for (uint64_t index = from; index <= to; index++) {
    raft_entry entry = entry_of(term, index);
    ck_assert_int_eq(raft_log_append(&log_, &entry, 1), RAFT_OK);
  }
}

static void open_log(uint64_t max_applying) {
  ck_assert_int_eq(
      raft_log_open(&log_, raft_memory_storage_interface(storage), &memory.iface, max_applying),
      RAFT_OK);
}

static void setup(void) {
  failing_allocator_init(&memory);
  ck_assert_int_eq(raft_memory_storage_open(NULL, &storage), RAFT_OK);
  log_.allocator = NULL;
}

static void teardown(void) {
  if (log_.allocator != NULL) {
    raft_log_close(&log_);
  }
  raft_memory_storage_close(storage);
  ck_assert_uint_eq(memory.live_blocks, 0);
}

/* "3-7": what a slice gives. */
static void expect_slice(uint64_t lo, uint64_t hi, uint64_t max, uint64_t first, uint64_t last) {
  raft_body *body = NULL;
  ck_assert_int_eq(raft_log_slice(&log_, lo, hi, max, &body), RAFT_OK);
  if (first > last) {
    ck_assert_ptr_null(body);
    return;
  }
  ck_assert_ptr_nonnull(body);
  ck_assert_uint_eq(body->entry_count, last - first + 1);
  for (size_t i = 0; i < body->entry_count; i++) {
    ck_assert_uint_eq(body->entries[i].index, first + i);
  }
  raft_body_release(body);
}

static int term_rc(uint64_t index) {
  uint64_t term = 0;
  return raft_log_term(&log_, index, &term);
}

START_TEST(terms_reach_from_the_cut_to_the_end) {
  store(1, 10, 1);
  ck_assert_int_eq(raft_memory_storage_compact(storage, 4), RAFT_OK);
  open_log(RAFT_NO_LIMIT);
  append(11, 13, 2);
  uint64_t term = 0;
  ck_assert_int_eq(term_rc(3), RAFT_ECOMPACTED);
  ck_assert_int_eq(raft_log_term(&log_, 4, &term), RAFT_OK);
  ck_assert_uint_eq(term, 1);
  ck_assert_int_eq(raft_log_term(&log_, 13, &term), RAFT_OK);
  ck_assert_uint_eq(term, 2);
  ck_assert_int_eq(term_rc(14), RAFT_EUNAVAILABLE);
  ck_assert_uint_eq(raft_log_first_index(&log_), 5);
  ck_assert_uint_eq(raft_log_last_index(&log_), 13);
}
END_TEST

/* Storage is asked in pieces of 64, and gives one entry whether it fits or not. */
START_TEST(a_long_slice_ends_at_its_limit) {
  store(1, 127, 1); /* smaller than ENTRY_SIZE they are not: two-byte indexes begin at 128 */
  open_log(RAFT_NO_LIMIT);
  append(128, 130, 1);
  expect_slice(1, 128, RAFT_NO_LIMIT, 1, 127);
  expect_slice(1, 128, 64 * ENTRY_SIZE, 1, 64);
  expect_slice(1, 128, 64 * ENTRY_SIZE + 8, 1, 64);
  expect_slice(1, 128, 65 * ENTRY_SIZE, 1, 65);
  expect_slice(1, 131, 127 * ENTRY_SIZE, 1, 127);
  expect_slice(1, 131, RAFT_NO_LIMIT, 1, 130);
}
END_TEST

START_TEST(a_pending_snapshot_hides_what_storage_has) {
  store(1, 10, 1);
  open_log(RAFT_NO_LIMIT);
  raft_snapshot snapshot = {.index = 20, .term = 3};
  raft_log_restore(&log_, raft_snapshot_body(&memory.iface, &snapshot));
  uint64_t term = 0;
  ck_assert_int_eq(term_rc(10), RAFT_ECOMPACTED);
  ck_assert_int_eq(raft_log_term(&log_, 20, &term), RAFT_OK);
  ck_assert_uint_eq(term, 3);
  ck_assert_int_eq(term_rc(21), RAFT_EUNAVAILABLE);
  ck_assert_uint_eq(raft_log_first_index(&log_), 21);
  ck_assert_uint_eq(log_.committed, 20);
  ck_assert(!raft_log_has_next_committed(&log_, RAFT_NO_LIMIT));
  raft_body *body = NULL;
  ck_assert_int_eq(raft_log_slice(&log_, 5, 8, RAFT_NO_LIMIT, &body), RAFT_ECOMPACTED);
}
END_TEST

START_TEST(slices_cross_from_storage_to_memory) {
  store(1, 6, 1);
  open_log(RAFT_NO_LIMIT);
  append(7, 12, 1);
  expect_slice(1, 1, RAFT_NO_LIMIT, 1, 0);
  expect_slice(2, 5, RAFT_NO_LIMIT, 2, 4);
  expect_slice(4, 10, RAFT_NO_LIMIT, 4, 9);
  expect_slice(8, 13, RAFT_NO_LIMIT, 8, 12);
  raft_body *body = NULL;
  ck_assert_int_eq(raft_log_slice(&log_, 8, 14, RAFT_NO_LIMIT, &body), RAFT_EUNAVAILABLE);
}
END_TEST

START_TEST(limits_cut_slices_but_leave_one_entry) {
  store(1, 6, 1);
  open_log(RAFT_NO_LIMIT);
  append(7, 12, 1);
  expect_slice(3, 13, 0, 3, 3);
  expect_slice(3, 13, 2 * ENTRY_SIZE, 3, 4);
  expect_slice(3, 13, 2 * ENTRY_SIZE + 1, 3, 4);
  expect_slice(5, 13, 2 * ENTRY_SIZE, 5, 6);     /* storage fills it exactly */
  expect_slice(5, 13, 3 * ENTRY_SIZE - 1, 5, 6); /* no oversize entry behind it */
  expect_slice(5, 13, 3 * ENTRY_SIZE, 5, 7);
  expect_slice(7, 13, 0, 7, 7);
}
END_TEST

START_TEST(a_long_slice_is_fetched_in_pieces) {
  store(1, 1000, 1);
  open_log(RAFT_NO_LIMIT);
  expect_slice(1, 1001, RAFT_NO_LIMIT, 1, 1000);
  /* Indexes above 127 take a byte more. */
  expect_slice(1, 1001, 127 * ENTRY_SIZE + 73 * (ENTRY_SIZE + 1), 1, 200);
}
END_TEST

/* A storage that ignores the limit it is given, as storages may. */
static int generous_entries(void *ctx, uint64_t lo, uint64_t hi, uint64_t max_bytes,
                            raft_entry *out, size_t *count) {
  const raft_storage *inner = raft_memory_storage_interface(ctx);
  (void)max_bytes;
  return inner->entries(inner->ctx, lo, hi, RAFT_NO_LIMIT, out, count);
}

START_TEST(what_a_generous_storage_gives_is_not_cut_again) {
  store(1, 9, 1);
  raft_storage generous = *raft_memory_storage_interface(storage);
  generous.entries = generous_entries;
  ck_assert_int_eq(raft_log_open(&log_, &generous, &memory.iface, RAFT_NO_LIMIT), RAFT_OK);
  expect_slice(1, 10, ENTRY_SIZE, 1, 9);
}
END_TEST

/* A storage that gives the right first entry, and others than those asked for behind it. */
static int other_entries(void *ctx, uint64_t lo, uint64_t hi, uint64_t max_bytes, raft_entry *out,
                         size_t *count) {
  (void)ctx;
  (void)hi;
  (void)max_bytes;
  for (size_t i = 0; i < *count; i++) {
    raft_buf *data = raft_buf_copy(&memory.iface, "other", 5);
    ck_assert_ptr_nonnull(data);
    out[i] = entry_of(1, lo + 2 * i);
    out[i].data = (raft_bytes){raft_buf_data(data), 5, data};
  }
  return RAFT_OK;
}

START_TEST(entries_that_were_not_asked_for_are_refused_and_released) {
  store(1, 9, 1);
  raft_storage other = *raft_memory_storage_interface(storage);
  other.entries = other_entries;
  ck_assert_int_eq(raft_log_open(&log_, &other, &memory.iface, RAFT_NO_LIMIT), RAFT_OK);
  size_t before = memory.live_blocks;
  raft_body *body = NULL;
  ck_assert_int_eq(raft_log_slice(&log_, 2, 6, RAFT_NO_LIMIT, &body), RAFT_ESTORAGE);
  ck_assert_int_eq(log_.failure, RAFT_ESTORAGE);
  ck_assert_uint_eq(memory.live_blocks, before);
}
END_TEST

START_TEST(an_append_keeps_what_already_matches) {
  open_log(RAFT_NO_LIMIT);
  append(1, 5, 1);
  raft_entry entries[] = {entry_of(1, 2), entry_of(1, 3)};
  raft_entry_id previous = {1, 1};
  uint64_t last = 0;
  uint64_t conflict = 0;
  ck_assert_int_eq(raft_log_maybe_append(&log_, previous, entries, 2, 9, &last, &conflict), 0);
  ck_assert_uint_eq(last, 3);
  ck_assert_uint_eq(conflict, 0);
  ck_assert_uint_eq(raft_log_last_index(&log_), 5); /* a late, short append truncates nothing */
  ck_assert_uint_eq(log_.committed, 3);             /* what it covers, not what the log has */
}
END_TEST

START_TEST(an_append_replaces_from_the_first_conflict) {
  open_log(RAFT_NO_LIMIT);
  append(1, 5, 1);
  raft_entry entries[] = {entry_of(1, 3), entry_of(2, 4)};
  raft_entry_id previous = {1, 2};
  uint64_t last = 0;
  uint64_t conflict = 0;
  ck_assert_int_eq(raft_log_maybe_append(&log_, previous, entries, 2, 0, &last, &conflict), 0);
  ck_assert_uint_eq(conflict, 4);
  raft_entry_id id = {0, 0};
  ck_assert_int_eq(raft_log_last_id(&log_, &id), RAFT_OK);
  ck_assert_uint_eq(id.index, 4);
  ck_assert_uint_eq(id.term, 2);
}
END_TEST

START_TEST(an_append_that_does_not_fit_is_refused) {
  open_log(RAFT_NO_LIMIT);
  append(1, 5, 1);
  raft_entry entries[] = {entry_of(2, 4)};
  uint64_t last = 0;
  uint64_t conflict = 0;
  raft_entry_id beyond = {1, 6};
  raft_entry_id other_term = {2, 3};
  ck_assert_int_eq(raft_log_maybe_append(&log_, beyond, entries, 1, 0, &last, &conflict),
                   RAFT_EUNAVAILABLE);
  ck_assert_int_eq(raft_log_maybe_append(&log_, other_term, entries, 1, 0, &last, &conflict),
                   RAFT_EUNAVAILABLE);
  raft_log_commit_to(&log_, 4);
  raft_entry_id before = {1, 3};
  ck_assert_int_eq(raft_log_maybe_append(&log_, before, entries, 1, 0, &last, &conflict),
                   RAFT_EMALFORMED); /* it contradicts a committed entry */
  ck_assert_uint_eq(raft_log_last_index(&log_), 5);
}
END_TEST

START_TEST(conflicts_are_found_by_term) {
  store(1, 2, 1);
  open_log(RAFT_NO_LIMIT);
  append(3, 4, 3);
  append(5, 6, 5);
  static const uint64_t cases[][4] = {
      /* index, term -> index, term */
      {6, 5, 6, 5}, {6, 4, 4, 3}, {6, 2, 2, 1}, {6, 1, 2, 1}, {6, 0, 0, 0}, {3, 9, 3, 3},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    raft_entry_id found = raft_log_find_conflict_by_term(&log_, cases[i][0], cases[i][1]);
    ck_assert_uint_eq(found.index, cases[i][2]);
    ck_assert_uint_eq(found.term, cases[i][3]);
  }
  raft_entry_id unknown = raft_log_find_conflict_by_term(&log_, 7, 5);
  ck_assert_uint_eq(unknown.index, 7); /* beyond the end it may match */
  ck_assert_uint_eq(unknown.term, 0);
}
END_TEST

static bool up_to_date(uint64_t term, uint64_t index) {
  bool is = false;
  ck_assert_int_eq(raft_log_is_up_to_date(&log_, (raft_entry_id){term, index}, &is), RAFT_OK);
  return is;
}

START_TEST(up_to_date_means_later_term_then_longer) {
  open_log(RAFT_NO_LIMIT);
  append(1, 3, 2);
  ck_assert(up_to_date(2, 3));
  ck_assert(up_to_date(2, 4));
  ck_assert(up_to_date(3, 1));
  ck_assert(!up_to_date(2, 2));
  ck_assert(!up_to_date(1, 9));
}
END_TEST

static bool maybe_commit(uint64_t term, uint64_t index) {
  bool moved = false;
  ck_assert_int_eq(raft_log_maybe_commit(&log_, (raft_entry_id){term, index}, &moved), RAFT_OK);
  return moved;
}

START_TEST(only_entries_of_the_given_term_commit) {
  open_log(RAFT_NO_LIMIT);
  append(1, 2, 1);
  append(3, 3, 2);
  ck_assert(!maybe_commit(2, 2));
  ck_assert(maybe_commit(2, 3));
  ck_assert_uint_eq(log_.committed, 3);
  ck_assert(!maybe_commit(2, 3));
  ck_assert(!maybe_commit(0, 9));
}
END_TEST

START_TEST(unstable_entries_are_applied_only_where_allowed) {
  store(1, 3, 1);
  open_log(RAFT_NO_LIMIT);
  append(4, 6, 1);
  raft_log_commit_to(&log_, 5);
  raft_body *body = NULL;
  ck_assert_int_eq(raft_log_next_committed(&log_, 0, &body), RAFT_OK);
  ck_assert_uint_eq(body->entry_count, 3);
  raft_body_release(body);
  ck_assert_int_eq(raft_log_next_committed(&log_, RAFT_NO_LIMIT, &body), RAFT_OK);
  ck_assert_uint_eq(body->entry_count, 5);
  raft_body_release(body);
}
END_TEST

START_TEST(applying_pauses_at_its_limit_and_goes_on_when_acknowledged) {
  store(1, 9, 1);
  open_log(2 * ENTRY_SIZE);
  raft_log_commit_to(&log_, 9);
  raft_body *body = NULL;
  ck_assert_int_eq(raft_log_next_committed(&log_, RAFT_NO_LIMIT, &body), RAFT_OK);
  ck_assert_uint_eq(body->entry_count, 2);
  raft_body_release(body);
  raft_log_accept_applying(&log_, 2, 2 * ENTRY_SIZE, RAFT_NO_LIMIT);
  ck_assert(!raft_log_has_next_committed(&log_, RAFT_NO_LIMIT));
  raft_log_applied_to(&log_, 1, ENTRY_SIZE);
  ck_assert(raft_log_has_next_committed(&log_, RAFT_NO_LIMIT));
  ck_assert_int_eq(raft_log_next_committed(&log_, RAFT_NO_LIMIT, &body), RAFT_OK);
  ck_assert_uint_eq(body->entries[0].index, 3);
  ck_assert_uint_eq(body->entry_count, 1); /* one is still out */
  raft_body_release(body);
}
END_TEST

static int broken_term(void *ctx, uint64_t index, uint64_t *term) {
  (void)ctx;
  (void)index;
  (void)term;
  return -5; /* no code that a storage may answer */
}

START_TEST(a_failing_storage_is_noted) {
  raft_storage broken = *raft_memory_storage_interface(storage);
  store(1, 3, 1);
  broken.term = broken_term;
  ck_assert_int_eq(raft_log_open(&log_, &broken, &memory.iface, RAFT_NO_LIMIT), RAFT_OK);
  ck_assert_int_eq(term_rc(7), RAFT_EUNAVAILABLE); /* an honest answer is no failure */
  ck_assert_int_eq(log_.failure, RAFT_OK);
  ck_assert_int_eq(term_rc(2), RAFT_ESTORAGE);
  ck_assert_int_eq(log_.failure, RAFT_ESTORAGE);
}
END_TEST

START_TEST(every_failing_allocation_leaves_the_log_as_it_was) {
  store(1, 100, 1);
  open_log(RAFT_NO_LIMIT);
  for (size_t n = 1;; n++) {
    raft_entry entries[] = {entry_of(1, 101), entry_of(1, 102)};
    failing_allocator_arm(&memory, n, false);
    int rc = raft_log_append(&log_, entries, 2);
    if (rc == RAFT_OK) {
      break;
    }
    ck_assert_int_eq(rc, RAFT_ENOMEM);
    ck_assert_uint_eq(raft_log_last_index(&log_), 100);
  }
  for (size_t n = 1;; n++) {
    raft_body *body = NULL;
    failing_allocator_arm(&memory, n, false);
    int rc = raft_log_slice(&log_, 1, 103, RAFT_NO_LIMIT, &body);
    if (rc == RAFT_OK) {
      ck_assert_uint_eq(body->entry_count, 102);
      raft_body_release(body);
      break;
    }
    ck_assert_int_eq(rc, RAFT_ENOMEM);
  }
  failing_allocator_arm(&memory, 0, false);
}
END_TEST

static bool is_conf_change(const raft_entry *entry) {
  return entry->type != RAFT_ENTRY_NORMAL;
}

START_TEST(a_scan_looks_at_all_that_is_committed_and_not_applied) {
  store(1, 50, 1);
  raft_entry change = {.term = 1, .index = 51, .type = RAFT_ENTRY_CONF_CHANGE};
  ck_assert_int_eq(raft_memory_storage_append(storage, &change, 1), RAFT_OK);
  open_log(3 * ENTRY_SIZE); /* in pages */
  bool found = true;
  raft_log_commit_to(&log_, 50);
  ck_assert_int_eq(raft_log_scan_unapplied(&log_, is_conf_change, &found), RAFT_OK);
  ck_assert(!found);
  raft_log_commit_to(&log_, 51);
  ck_assert_int_eq(raft_log_scan_unapplied(&log_, is_conf_change, &found), RAFT_OK);
  ck_assert(found);
  raft_log_applied_to(&log_, 51, 0);
  ck_assert_int_eq(raft_log_scan_unapplied(&log_, is_conf_change, &found), RAFT_OK);
  ck_assert(!found);
}
END_TEST

START_TEST(a_scan_takes_what_is_cut_off_as_applied) {
  store(1, 50, 1);
  raft_entry change = {.term = 1, .index = 51, .type = RAFT_ENTRY_CONF_CHANGE};
  ck_assert_int_eq(raft_memory_storage_append(storage, &change, 1), RAFT_OK);
  open_log(3 * ENTRY_SIZE);
  raft_log_commit_to(&log_, 51);
  ck_assert_int_eq(raft_memory_storage_compact(storage, 20), RAFT_OK);
  bool found = false;
  ck_assert_int_eq(raft_log_scan_unapplied(&log_, is_conf_change, &found), RAFT_OK);
  ck_assert(found);
  ck_assert_int_eq(raft_memory_storage_compact(storage, 51), RAFT_OK);
  ck_assert_int_eq(raft_log_scan_unapplied(&log_, is_conf_change, &found), RAFT_OK);
  ck_assert(!found);
}
END_TEST

/* A storage that gives one entry at a time, though there is room for more. */
static int stingy_entries(void *ctx, uint64_t lo, uint64_t hi, uint64_t max_bytes, raft_entry *out,
                          size_t *count) {
  const raft_storage *inner = raft_memory_storage_interface(ctx);
  (void)hi;
  return inner->entries(inner->ctx, lo, lo + 1, max_bytes, out, count);
}

START_TEST(what_a_stingy_storage_keeps_back_leaves_no_gap) {
  store(1, 4, 1);
  raft_storage stingy = *raft_memory_storage_interface(storage);
  stingy.entries = stingy_entries;
  ck_assert_int_eq(raft_log_open(&log_, &stingy, &memory.iface, RAFT_NO_LIMIT), RAFT_OK);
  append(5, 9, 1);
  expect_slice(2, 10, RAFT_NO_LIMIT, 2, 2);
  expect_slice(4, 10, RAFT_NO_LIMIT, 4, 9);
}
END_TEST

START_TEST(where_the_log_is_compacted_it_may_match) {
  store(1, 9, 2);
  ck_assert_int_eq(raft_memory_storage_compact(storage, 5), RAFT_OK);
  open_log(RAFT_NO_LIMIT);
  raft_entry_id found = raft_log_find_conflict_by_term(&log_, 9, 1);
  ck_assert_uint_eq(found.index, 4); /* 5 is the last whose term is known */
  ck_assert_uint_eq(found.term, 0);
  found = raft_log_find_conflict_by_term(&log_, 3, 7);
  ck_assert_uint_eq(found.index, 3);
  ck_assert_uint_eq(found.term, 0);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("log");
  TCase *tests = tcase_create("log");
  tcase_add_checked_fixture(tests, setup, teardown);
  tcase_add_test(tests, terms_reach_from_the_cut_to_the_end);
  tcase_add_test(tests, a_long_slice_ends_at_its_limit);
  tcase_add_test(tests, a_pending_snapshot_hides_what_storage_has);
  tcase_add_test(tests, slices_cross_from_storage_to_memory);
  tcase_add_test(tests, limits_cut_slices_but_leave_one_entry);
  tcase_add_test(tests, a_long_slice_is_fetched_in_pieces);
  tcase_add_test(tests, what_a_generous_storage_gives_is_not_cut_again);
  tcase_add_test(tests, entries_that_were_not_asked_for_are_refused_and_released);
  tcase_add_test(tests, an_append_keeps_what_already_matches);
  tcase_add_test(tests, an_append_replaces_from_the_first_conflict);
  tcase_add_test(tests, an_append_that_does_not_fit_is_refused);
  tcase_add_test(tests, conflicts_are_found_by_term);
  tcase_add_test(tests, up_to_date_means_later_term_then_longer);
  tcase_add_test(tests, only_entries_of_the_given_term_commit);
  tcase_add_test(tests, unstable_entries_are_applied_only_where_allowed);
  tcase_add_test(tests, applying_pauses_at_its_limit_and_goes_on_when_acknowledged);
  tcase_add_test(tests, a_failing_storage_is_noted);
  tcase_add_test(tests, every_failing_allocation_leaves_the_log_as_it_was);
  tcase_add_test(tests, a_scan_looks_at_all_that_is_committed_and_not_applied);
  tcase_add_test(tests, a_scan_takes_what_is_cut_off_as_applied);
  tcase_add_test(tests, what_a_stingy_storage_keeps_back_leaves_no_gap);
  tcase_add_test(tests, where_the_log_is_compacted_it_may_match);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
