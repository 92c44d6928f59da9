/* test_region_cache.c - what a client knows of regions: newest wins, no overlaps, bounded; and
 * waits.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <string.h>

#include "base/error.h"
#include "client/backoff.h"
#include "client/region_cache.h"
#include "run_suite.h"

static kv_region_cache cache;

static void setup(void) {
  kv_region_cache_init(&cache, 8);
}

static void teardown(void) {
  kv_region_cache_free(&cache);
}

static raft_slice text(const char *string) {
  return (raft_slice){string, strlen(string)};
}

/* Peers id * 10 + store on stores 1, 2, 3. */
static kv_region make(uint64_t id, const char *start, const char *end, uint64_t version) {
  kv_region region = {.id = id, .epoch = {1, version}};
  ck_assert_int_eq(kv_region_set_range(&region, text(start), text(end)), KV_OK);
  for (uint64_t store = 1; store <= 3; store++) {
    ck_assert_int_eq(kv_region_put_peer(&region, id * 10 + store, store, KV_PEER_VOTER, "h:1"),
                     KV_OK);
  }
  return region;
}

static int put(uint64_t id, const char *start, const char *end, uint64_t version, uint64_t leader) {
  kv_region region = make(id, start, end, version);
  int rc = kv_region_cache_put(&cache, &region, leader);
  kv_region_clear(&region);
  return rc;
}

/* Id of the region that has the key; 0: a miss. */
static uint64_t at(const char *key) {
  const kv_cached_region *found = kv_region_cache_find(&cache, text(key));
  return found != NULL ? found->region.id : 0;
}

static uint64_t target(const char *key) {
  return kv_cached_region_target(kv_region_cache_find(&cache, text(key)))->store_id;
}

START_TEST(a_key_finds_its_region_or_none) {
  ck_assert_uint_eq(at("a"), 0);
  ck_assert_int_eq(put(2, "m", "", 2, 0), KV_OK);
  ck_assert_int_eq(put(1, "b", "g", 2, 0), KV_OK);
  ck_assert_uint_eq(at("a"), 0);
  ck_assert_uint_eq(at("b"), 1);
  ck_assert_uint_eq(at("fff"), 1);
  ck_assert_uint_eq(at("g"), 0); /* a hole: not heard of yet */
  ck_assert_uint_eq(at("m"), 2);
  ck_assert_uint_eq(at("zzz"), 2);
}
END_TEST

START_TEST(a_newer_descriptor_replaces_all_that_it_overlaps) {
  ck_assert_int_eq(put(1, "", "", 1, 0), KV_OK);
  ck_assert_int_eq(put(1, "", "m", 2, 0), KV_OK);
  ck_assert_uint_eq(cache.count, 1);
  ck_assert_uint_eq(at("x"), 0);
  ck_assert_int_eq(put(2, "m", "", 2, 0), KV_OK);
  ck_assert_uint_eq(at("x"), 2);
  ck_assert_int_eq(put(3, "a", "z", 9, 0), KV_OK);
  ck_assert_uint_eq(cache.count, 1);
  ck_assert_uint_eq(at("c"), 3);
}
END_TEST

START_TEST(an_older_descriptor_changes_nothing) {
  ck_assert_int_eq(put(2, "m", "", 2, 21), KV_OK);
  ck_assert_int_eq(put(1, "", "", 1, 11), KV_EINVAL);
  ck_assert_uint_eq(at("a"), 0);
  ck_assert_uint_eq(at("x"), 2);
  ck_assert_int_eq(put(2, "m", "", 2, 22), KV_EINVAL); /* but its leader is news */
  ck_assert_uint_eq(target("x"), 2);
}
END_TEST

START_TEST(no_more_regions_than_the_limit_and_the_least_used_goes) {
  char start[2] = "a", end[2] = "b";
  for (uint64_t i = 0; i < 20; i++) {
    start[0] = (char)('a' + i);
    end[0] = (char)('b' + i);
    ck_assert_int_eq(put(i + 1, start, end, 1, 0), KV_OK);
    ck_assert_uint_eq(at("a"), 1); /* always in use */
    ck_assert_uint_le(cache.count, 8);
  }
  ck_assert_uint_eq(at("b"), 0);
  ck_assert_uint_eq(at("t"), 20);
}
END_TEST

START_TEST(without_a_leader_one_peer_after_the_other_is_asked) {
  ck_assert_int_eq(put(1, "", "", 1, 0), KV_OK);
  ck_assert_uint_eq(target("k"), 1);
  kv_region_cache_failed(&cache, text("k"), 1);
  ck_assert_uint_eq(target("k"), 2);
  kv_region_cache_failed(&cache, text("k"), 1); /* a late word about another one */
  ck_assert_uint_eq(target("k"), 2);
  kv_region_cache_failed(&cache, text("k"), 2);
  kv_region_cache_failed(&cache, text("k"), 3);
  ck_assert_uint_eq(target("k"), 1);
}
END_TEST

START_TEST(a_store_that_is_gone_is_asked_for_no_region) {
  ck_assert_int_eq(put(1, "", "m", 1, 12), KV_OK);
  ck_assert_int_eq(put(2, "m", "", 1, 23), KV_OK);
  kv_region_cache_store_lost(&cache, 2);
  ck_assert_uint_eq(target("a"), 3);
  ck_assert_uint_eq(target("z"), 3);
  kv_region_cache_store_lost(&cache, 3);
  ck_assert_uint_eq(target("a"), 1);
  ck_assert_uint_eq(target("z"), 1);
}
END_TEST

START_TEST(not_leader_names_the_leader_or_makes_wait) {
  ck_assert_int_eq(put(1, "", "", 1, 11), KV_OK);
  kv_region_error error = {
      .kind = KV_NOT_LEADER, .region_id = 1, .leader_peer = 13, .leader_store = 3};
  ck_assert_int_eq(kv_region_cache_refused(&cache, text("k"), &error, 1), KV_ADVICE_AT_ONCE);
  ck_assert_uint_eq(target("k"), 3);
  error.leader_peer = error.leader_store = 0;
  ck_assert_int_eq(kv_region_cache_refused(&cache, text("k"), &error, 3), KV_ADVICE_WAIT);
  ck_assert_uint_eq(target("k"), 1);
  error.leader_peer = 99; /* nobody that we know */
  error.leader_store = 7;
  ck_assert_int_eq(kv_region_cache_refused(&cache, text("k"), &error, 1), KV_ADVICE_LOOK_UP);
}
END_TEST

/* P50 */
START_TEST(epoch_not_match_brings_the_regions_and_their_likely_leader) {
  ck_assert_int_eq(put(1, "", "", 1, 12), KV_OK);
  kv_region regions[2] = {make(1, "", "m", 2), make(5, "m", "", 2)};
  kv_region_error error = {
      .kind = KV_EPOCH_NOT_MATCH, .region_id = 1, .regions = regions, .region_count = 2};
  ck_assert_int_eq(kv_region_cache_refused(&cache, text("x"), &error, 2), KV_ADVICE_AT_ONCE);
  ck_assert_uint_eq(at("a"), 1);
  ck_assert_uint_eq(at("x"), 5);
  ck_assert_uint_eq(target("x"), 2);
  /* The same again: the cache knew it, and the store that says so lags behind. */
  ck_assert_int_eq(kv_region_cache_refused(&cache, text("x"), &error, 2), KV_ADVICE_WAIT);
  kv_region_clear(&regions[0]);
  kv_region_clear(&regions[1]);
}
END_TEST

START_TEST(a_region_that_is_elsewhere_is_looked_up) {
  static const kv_region_error_kind kinds[] = {KV_REGION_NOT_FOUND, KV_KEY_NOT_IN_REGION,
                                               KV_STORE_NOT_MATCH, KV_MISMATCH_PEER};
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    ck_assert_int_eq(put(1, "", "", 1, 12), KV_OK);
    kv_region_error error = {.kind = kinds[i], .region_id = 1};
    ck_assert_int_eq(kv_region_cache_refused(&cache, text("k"), &error, 2), KV_ADVICE_LOOK_UP);
    ck_assert_uint_eq(at("k"), 0);
  }
}
END_TEST

START_TEST(busy_and_stale_wait_and_too_large_gives_up) {
  ck_assert_int_eq(put(1, "", "", 1, 12), KV_OK);
  kv_region_error error = {.kind = KV_SERVER_IS_BUSY, .region_id = 1};
  ck_assert_int_eq(kv_region_cache_refused(&cache, text("k"), &error, 2), KV_ADVICE_WAIT);
  error.kind = KV_STALE_COMMAND;
  ck_assert_int_eq(kv_region_cache_refused(&cache, text("k"), &error, 2), KV_ADVICE_WAIT);
  error.kind = KV_DISK_FULL;
  ck_assert_int_eq(kv_region_cache_refused(&cache, text("k"), &error, 2), KV_ADVICE_WAIT);
  ck_assert_uint_eq(target("k"), 2);
  error.kind = KV_REGION_NOT_INITIALIZED;
  ck_assert_int_eq(kv_region_cache_refused(&cache, text("k"), &error, 2), KV_ADVICE_WAIT);
  ck_assert_uint_eq(target("k"), 3);
  error.kind = KV_ENTRY_TOO_LARGE;
  ck_assert_int_eq(kv_region_cache_refused(&cache, text("k"), &error, 3), KV_ADVICE_GIVE_UP);
}
END_TEST

START_TEST(waits_double_within_bounds_and_end_with_the_deadline) {
  kv_backoff backoff, same;
  uint64_t now = 1000, waited = 0, ceiling = 10;
  kv_backoff_init(&backoff, 42, 10, 200, 5000);
  kv_backoff_init(&same, 42, 10, 200, 5000);
  while (now < 5000) {
    uint64_t wait = kv_backoff_next(&backoff, now);
    ck_assert_uint_eq(wait, kv_backoff_next(&same, now)); /* a function of the seed */
    ck_assert_uint_ge(wait, 1);
    ck_assert_uint_le(wait, ceiling);
    ck_assert(wait >= ceiling / 2 || now + wait == 5000);
    ceiling = ceiling * 2 < 200 ? ceiling * 2 : 200;
    waited++;
    now += wait;
  }
  ck_assert_uint_eq(now, 5000);
  ck_assert_uint_lt(waited, 60);
  ck_assert_uint_eq(kv_backoff_next(&backoff, now), 0);
}
END_TEST

int main(void) {
  const TTest *const tests[] = {
      a_key_finds_its_region_or_none,
      a_newer_descriptor_replaces_all_that_it_overlaps,
      an_older_descriptor_changes_nothing,
      no_more_regions_than_the_limit_and_the_least_used_goes,
      without_a_leader_one_peer_after_the_other_is_asked,
      a_store_that_is_gone_is_asked_for_no_region,
      not_leader_names_the_leader_or_makes_wait,
      epoch_not_match_brings_the_regions_and_their_likely_leader,
      a_region_that_is_elsewhere_is_looked_up,
      busy_and_stale_wait_and_too_large_gives_up,
      waits_double_within_bounds_and_end_with_the_deadline,
  };
  return run_suite("region_cache", tests, sizeof tests / sizeof *tests, setup, teardown);
}
