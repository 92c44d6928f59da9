/* test_log_index.c - regions are found, entries come and go at both ends, and segments' accounts
 * agree.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <stdlib.h>

#include "raftlog/log_index.h"

static kv_log_index index_;
static kv_log_segment a = {.fd = -1};
static kv_log_segment b = {.fd = -1};

static void set_up(void) {
  kv_log_index_init(&index_, 100);
}

static void tear_down(void) {
  kv_log_index_free(&index_);
}

static kv_log_region *region_with(uint64_t id, uint64_t first, size_t count) {
  kv_log_region *region = kv_log_index_obtain(&index_, id);
  ck_assert_ptr_nonnull(region);
  ck_assert_int_eq(kv_log_region_reserve(region, count), 0);
  for (size_t i = 0; i < count; i++) {
    const kv_log_entry entry = {.segment = &a, .header = {.term = first + i, .len = 10}};
    kv_log_region_append(&index_, region, first + i, &entry);
  }
  return region;
}

static kv_log_cached *cached(kv_log_region *region, uint64_t at, uint64_t sequence) {
  kv_log_cached *node = calloc(1, sizeof(*node));
  ck_assert_ptr_nonnull(node);
  node->owner = raft_buf_copy(NULL, "0123456789012345678901234567890123456789", 40);
  *node = (kv_log_cached){.region = region,
                          .index = at,
                          .sequence = sequence,
                          .owner = node->owner,
                          .data = raft_buf_data(node->owner),
                          .len = 40};
  kv_log_region_entry(region, at)->cached = node;
  kv_log_cache_append(&index_.cache, node);
  return node;
}

START_TEST(thousands_of_regions_are_found) {
  for (uint64_t id = 1; id <= 5000; id++) {
    ck_assert_ptr_nonnull(kv_log_index_obtain(&index_, id * 4096));
  }
  for (uint64_t id = 1; id <= 5000; id++) {
    const kv_log_region *region = kv_log_index_find(&index_, id * 4096);
    ck_assert_ptr_nonnull(region);
    ck_assert_uint_eq(region->id, id * 4096);
    ck_assert_ptr_null(kv_log_index_find(&index_, id * 4096 + 1));
  }
}
END_TEST

START_TEST(entries_go_at_both_ends_and_are_accounted_for) {
  kv_log_region *region = region_with(1, 1, 100);
  ck_assert_uint_eq(a.live, 100);
  ck_assert_uint_eq(index_.bytes, 100 * (10 + KV_LOG_ENTRY_HEADER));
  kv_log_region_compact(&index_, region, 30);
  kv_log_region_truncate(&index_, region, 91);
  ck_assert_uint_eq(region->first, 31);
  ck_assert_uint_eq(kv_log_region_last(region), 90);
  ck_assert_uint_eq(a.live, 60);
  ck_assert_ptr_null(kv_log_region_entry(region, 30));
  ck_assert_ptr_null(kv_log_region_entry(region, 91));
  ck_assert_uint_eq(kv_log_region_entry(region, 31)->header.term, 31);
  kv_log_region_compact(&index_, region, 1000);
  ck_assert_uint_eq(a.live, 0);
  ck_assert_uint_eq(index_.bytes, 0);
}
END_TEST

START_TEST(a_sliding_window_keeps_its_memory_small) {
  kv_log_region *region = region_with(1, 1, 10);
  for (uint64_t at = 11; at < 20000; at++) {
    const kv_log_entry entry = {.segment = &a, .header = {.term = at}};
    ck_assert_int_eq(kv_log_region_reserve(region, 1), 0);
    kv_log_region_append(&index_, region, at, &entry);
    kv_log_region_compact(&index_, region, at - 10);
  }
  ck_assert_uint_le(region->capacity, 64);
  ck_assert_uint_eq(kv_log_region_entry(region, 19990)->header.term, 19990);
}
END_TEST

START_TEST(entries_are_placed_in_any_order) {
  kv_log_region *region = kv_log_index_obtain(&index_, 1);
  const uint64_t order[] = {50, 52, 47, 48, 51, 49};
  for (size_t i = 0; i < 6; i++) {
    const kv_log_entry entry = {.segment = &b, .header = {.term = order[i]}};
    ck_assert_int_eq(kv_log_region_place(&index_, region, order[i], &entry), 0);
  }
  ck_assert_uint_eq(region->first, 47);
  ck_assert_uint_eq(region->count, 6);
  ck_assert_uint_eq(b.live, 6);
  for (uint64_t at = 47; at <= 52; at++) {
    ck_assert_uint_eq(kv_log_region_entry(region, at)->header.term, at);
  }
  const kv_log_entry far = {.segment = &b};
  ck_assert_int_eq(kv_log_region_place(&index_, region, UINT64_MAX, &far), KV_ENOMEM);
}
END_TEST

START_TEST(replacing_moves_the_account_and_drops_what_was_cached) {
  kv_log_region *region = region_with(1, 1, 3);
  (void)cached(region, 2, 1);
  const kv_log_entry entry = {.segment = &b, .header = {.term = 9, .len = 10}};
  kv_log_region_replace(&index_, region, 2, &entry);
  ck_assert_uint_eq(a.live, 2);
  ck_assert_uint_eq(b.live, 1);
  ck_assert_uint_eq(index_.cache.bytes, 0);
}
END_TEST

START_TEST(a_state_counts_in_the_segment_of_its_last_piece) {
  kv_log_region *region = kv_log_index_obtain(&index_, 1);
  kv_log_piece piece = {.region_id = 1, .hard_state = {1, 2, 3}};
  kv_log_region_set_state(region, &piece, &a);
  ck_assert(region->exists);
  ck_assert_uint_eq(a.live, 1);
  kv_log_region_set_state(region, &piece, &b);
  ck_assert_uint_eq(a.live, 0);
  ck_assert_uint_eq(b.live, 1);
  piece.flags = KV_LOG_PIECE_GONE;
  kv_log_region_set_state(region, &piece, &b);
  ck_assert(!region->exists);
  ck_assert_uint_eq(b.live, 0);
}
END_TEST

START_TEST(the_oldest_durable_payloads_go_first) {
  kv_log_region *region = region_with(1, 1, 6);
  for (uint64_t at = 1; at <= 6; at++) {
    (void)cached(region, at, at);
  }
  kv_log_index_evict(&index_, 2); /* 240 bytes of 100, but only two are durable */
  ck_assert_ptr_null(kv_log_region_entry(region, 2)->cached);
  ck_assert_ptr_nonnull(kv_log_region_entry(region, 3)->cached);
  kv_log_index_evict(&index_, 6);
  ck_assert_ptr_null(kv_log_region_entry(region, 4)->cached);
  ck_assert_ptr_nonnull(kv_log_region_entry(region, 5)->cached);
  ck_assert_uint_eq(index_.cache.bytes, 80);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("log_index");
  TCase *tcase = tcase_create("log_index");
  tcase_add_checked_fixture(tcase, set_up, tear_down);
  tcase_add_test(tcase, thousands_of_regions_are_found);
  tcase_add_test(tcase, entries_go_at_both_ends_and_are_accounted_for);
  tcase_add_test(tcase, a_sliding_window_keeps_its_memory_small);
  tcase_add_test(tcase, entries_are_placed_in_any_order);
  tcase_add_test(tcase, replacing_moves_the_account_and_drops_what_was_cached);
  tcase_add_test(tcase, a_state_counts_in_the_segment_of_its_last_piece);
  tcase_add_test(tcase, the_oldest_durable_payloads_go_first);
  suite_add_tcase(suite, tcase);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
