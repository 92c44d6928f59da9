/* test_split_orders.c - splits that operators ask for, and those of regions that are too large.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run_suite.h"
#include "split_world.h"

static world w;
static split_scheduler scheduler;

static void setup(void) {
  world_open(&w, 13, 3);
  split_scheduler_open(&scheduler, &w);
}

static void teardown(void) {
  split_scheduler_close(&scheduler);
  world_close(&w);
}

static uint64_t start(void) {
  for (uint64_t id = 1; id <= w.member_count; id++) {
    world_start(&w, id);
  }
  return world_wait_leader(&w, 0);
}

static raft_slice text(const char *key) {
  return (raft_slice){key, strlen(key)};
}

static void ask(uint64_t store_id, uint64_t region_id, const char *key, world_call *call) {
  *call = (world_call){0};
  kv_store_split(world_at(&w, store_id)->store, region_id, text(key), 20000, world_answered, call);
}

static const char *split(uint64_t store_id, uint64_t region_id, const char *key) {
  static world_call call;
  ask(store_id, region_id, key, &call);
  world_wait(&w, &call);
  return call.reply;
}

static bool begins(const char *reply, const char *with) {
  return strncmp(reply, with, strlen(with)) == 0;
}

static size_t regions_of(uint64_t store_id) {
  return world_at(&w, store_id)->store->regions.range_count;
}

START_TEST(a_region_is_split_at_a_key_through_any_store) {
  uint64_t leader = start();
  const char *wanted =
      "%3\r\n$6\r\nregion\r\n:1\r\n$10\r\nnew_region\r\n:1000\r\n$3\r\nkey\r\n$1\r\nm\r\n";
  ck_assert_str_eq(split(leader % 3 + 1, 1, "m"), wanted);
  world_run(&w, 300);
  ck_assert_uint_eq(split_count(&w, 1000), 3);
  ck_assert_uint_eq(scheduler.questions, 1);
}
END_TEST

START_TEST(a_split_that_is_done_already_is_answered_as_if_it_were_done_now) {
  uint64_t leader = start();
  (void)split(leader, 1, "m");
  world_run(&w, 300);
  ck_assert(
      begins(split(leader, 1, "m"), "%3\r\n$6\r\nregion\r\n:1\r\n$10\r\nnew_region\r\n:1000\r\n"));
  ck_assert(begins(split(leader, 0, "m"), "%3\r\n"));
  ck_assert_uint_eq(regions_of(leader), 2);
  ck_assert_uint_eq(scheduler.questions, 1);
}
END_TEST

START_TEST(the_region_of_the_key_is_split_if_none_is_named) {
  uint64_t leader = start();
  (void)split(leader, 0, "m");
  world_run(&w, 300);
  ck_assert(begins(split(leader, 0, "t"), "%3\r\n$6\r\nregion\r\n:1000\r\n"));
  ck_assert(begins(split(leader, 0, "c"), "%3\r\n$6\r\nregion\r\n:1\r\n"));
  ck_assert_uint_eq(regions_of(leader), 4);
}
END_TEST

START_TEST(a_key_outside_and_a_key_too_long_are_refused) {
  uint64_t leader = start();
  char key[KV_MAX_KEY + 2];
  (void)split(leader, 1, "m");
  world_run(&w, 300);
  ck_assert(begins(split(leader, 1, "z"), "-ERR the key to split at is not inside"));
  memset(key, 'x', sizeof key);
  key[KV_MAX_KEY + 1] = '\0';
  ck_assert(begins(split(leader, 1, key), "-ERR a key has up to 480 bytes"));
  ck_assert(begins(split(leader, 77, "z"), "-ERR this store has no replica"));
  ck_assert_uint_eq(regions_of(leader), 2);
}
END_TEST

START_TEST(without_a_scheduler_a_split_is_refused) {
  w.scheduler = (world_scheduler){0};
  uint64_t leader = start();
  ck_assert(begins(split(leader, 1, "m"), "-ERR a split needs ids from a scheduler"));
}
END_TEST

START_TEST(a_scheduler_that_refuses_is_quoted) {
  uint64_t leader = start();
  scheduler.refuse = 1;
  ck_assert_str_eq(split(leader, 1, "m"), "-TRYAGAIN not now\r\n");
  ck_assert(begins(split(leader, 1, "m"), "%3\r\n"));
}
END_TEST

START_TEST(ids_that_come_after_a_change_of_members_are_not_used) {
  uint64_t leader = start();
  world_call call, added = {0};
  uint64_t fourth = world_add_store(&w);
  world_start(&w, fourth);
  scheduler.hold = true;
  ask(leader, 1, "m", &call);
  world_run(&w, 100);
  kv_store_add_peer(world_at(&w, leader)->store, 1, fourth, world_at(&w, fourth)->address, 20000,
                    world_answered, &added);
  world_wait(&w, &added);
  ck_assert_str_eq(added.reply, "+OK\r\n");
  scheduler.hold = false;
  world_wait(&w, &call);
  ck_assert(begins(call.reply, "-TRYAGAIN"));
  ck_assert_uint_eq(regions_of(leader), 1);
  ck_assert(begins(split(leader, 1, "m"), "%3\r\n"));
  ck_assert_uint_eq(
      kv_region_map_by_key(&world_at(&w, leader)->store->regions, text("z"))->region.peer_count, 4);
}
END_TEST

START_TEST(a_request_is_answered_once_whoever_leads) {
  for (uint64_t seed = 1; seed <= 20; seed++) {
    teardown();
    world_open(&w, seed * 31, 3);
    split_scheduler_open(&scheduler, &w);
    uint64_t leader = start();
    world_call calls[3], moved = {0};
    for (uint64_t id = 1; id <= 3; id++) {
      ask(id, 1, "m", &calls[id - 1]);
    }
    for (uint64_t i = 0; i < seed * 3; i++) {
      world_random_step(&w);
    }
    kv_store_transfer(world_at(&w, leader)->store, 1, leader % 3 + 1, 5000, world_answered, &moved);
    for (uint64_t i = 0; i < 3; i++) {
      world_wait(&w, &calls[i]);
      ck_assert(begins(calls[i].reply, "%3\r\n") || begins(calls[i].reply, "-T"));
    }
    world_run(&w, 3000);
    ck_assert_uint_eq(regions_of(leader), 2);
    ck_assert_int_eq(moved.answers, 1);
  }
}
END_TEST

/* ---- half-way ---- */

START_TEST(a_region_is_split_half_way_through_its_data) {
  uint64_t leader = start();
  split_fill(&w, leader, "key", 0, 400);
  ck_assert(begins(split(leader, 1, ""), "%3\r\n"));
  world_run(&w, 500);
  const kv_peer *left = split_peer(&w, leader, 1), *right = split_peer(&w, leader, 1000);
  ck_assert_uint_eq(left->size.now.keys + right->size.now.keys, 400);
  ck_assert_uint_ge(left->size.now.keys, 150);
  ck_assert_uint_le(left->size.now.keys, 250);
  ck_assert_uint_eq(split_keys_from(&w, leader, right->region.start), right->size.now.keys);
}
END_TEST

START_TEST(a_region_without_two_keys_has_no_middle) {
  uint64_t leader = start();
  world_call call;
  ck_assert(begins(split(leader, 1, ""), "-ERR the region has no two halves"));
  (void)world_do(&w, leader, &call, KV_OP_SET, 0, "one", "value", NULL);
  ck_assert(begins(split(leader, 1, ""), "-ERR the region has no two halves"));
  ck_assert_uint_eq(scheduler.questions, 0);
}
END_TEST

/* ---- by itself ---- */

static void small_regions(uint64_t split_bytes, uint64_t max_bytes) {
  w.config.region_split_bytes = split_bytes;
  w.config.region_max_bytes = max_bytes;
}

START_TEST(a_region_that_is_too_large_is_split_until_none_is) {
  small_regions(1000, 1500);
  uint64_t leader = start();
  split_fill(&w, leader, "key", 0, 1000); /* of eleven bytes */
  world_run(&w, 10000);
  const kv_region_map *map = &world_at(&w, leader)->store->regions;
  ck_assert_uint_ge(map->range_count, 8);
  uint64_t keys = 0;
  for (size_t i = 0; i < map->range_count; i++) {
    const kv_peer *peer =
        split_peer(&w, split_wait_leader(&w, map->ranges[i]->region_id), map->ranges[i]->region_id);
    ck_assert_uint_lt(peer->size.now.bytes, 1500);
    keys += peer->size.now.keys;
  }
  ck_assert_uint_eq(keys, 1000);
  split_check_filled(&w, 1, "key", 0, 1000);
}
END_TEST

START_TEST(one_huge_key_is_not_split_and_not_counted_all_the_time) {
  small_regions(8000, 10000);
  uint64_t leader = start();
  world_call call;
  char value[401];
  memset(value, 'v', sizeof value - 1);
  value[sizeof value - 1] = '\0';
  ck_assert(begins(world_do(&w, leader, &call, KV_OP_SET, 0, "huge", value, NULL), "+OK"));
  for (int i = 0; i < 30; i++) { /* 12 000 bytes in one key */
    (void)world_do(&w, leader, &call, KV_OP_APPEND, 0, "huge", value, NULL);
  }
  world_run(&w, 3000);
  uint64_t reads = world_at(&w, leader)->store->last_round;
  world_run(&w, 60000);
  ck_assert_uint_eq(regions_of(leader), 1);
  ck_assert_uint_eq(world_at(&w, leader)->store->last_round, reads);
  ck_assert_uint_gt(split_peer(&w, leader, 1)->size.counted, 12000);
  ck_assert_uint_eq(scheduler.questions, 0);
}
END_TEST

START_TEST(values_that_are_replaced_do_not_make_a_region_large) {
  small_regions(8000, 10000);
  uint64_t leader = start();
  split_fill(&w, leader, "key", 0, 500); /* 5 500 bytes */
  for (int i = 0; i < 20; i++) {
    split_fill(&w, leader, "key", 0, 500);
    world_run(&w, 1500);
  }
  ck_assert_uint_eq(regions_of(leader), 1);
  ck_assert_uint_eq(scheduler.questions, 0);
  /* 110 000 bytes were written: eleven times as much as fits, but counted a few times only. */
  ck_assert_uint_le(world_at(&w, leader)->store->last_round, 6);
  ck_assert_uint_eq(split_peer(&w, leader, 1)->size.weight, 10);
}
END_TEST

START_TEST(the_estimate_follows_the_data_and_outlives_a_restart) {
  uint64_t leader = start();
  world_call call;
  split_fill(&w, leader, "key", 0, 10);
  const kv_peer *peer = split_peer(&w, leader, 1);
  ck_assert_uint_eq(peer->size.now.keys, 10);
  ck_assert_uint_eq(peer->size.now.bytes, 110);
  (void)world_do(&w, leader, &call, KV_OP_DEL, 0, "key0003", "none", NULL);
  (void)world_do(&w, leader, &call, KV_OP_APPEND, 0, "key0004", "more", NULL);
  (void)world_do(&w, leader, &call, KV_OP_INCRBY, 10, "n", NULL);
  (void)world_do(&w, leader, &call, KV_OP_INCRBY, 1000, "n", NULL);
  (void)world_do(&w, leader, &call, KV_OP_GETDEL, 0, "key0006", NULL);
  (void)world_do(&w, leader, &call, KV_OP_CAS, 0, "key0007", "0007", "", NULL);
  world_run(&w, 300);
  ck_assert_uint_eq(peer->size.now.keys, 9);
  ck_assert_uint_eq(peer->size.now.bytes, 110 - 11 + 4 + 5 - 11 - 4);
  world_crash(&w, leader);
  world_start(&w, leader);
  world_run(&w, 3000);
  peer = split_peer(&w, leader, 1);
  ck_assert_uint_eq(peer->size.now.keys, 9);
  ck_assert_uint_eq(peer->size.now.bytes, 93);
}
END_TEST

START_TEST(a_scheduler_that_is_away_delays_a_split_and_nothing_else) {
  small_regions(1000, 1500);
  uint64_t leader = start();
  scheduler.silent = true;
  split_fill(&w, leader, "key", 0, 200);
  world_run(&w, 60000);
  ck_assert_uint_eq(regions_of(leader), 1);
  uint64_t counted = world_at(&w, leader)->store->last_round;
  world_run(&w, 60000);
  ck_assert_uint_eq(world_at(&w, leader)->store->last_round, counted);
  split_check_filled(&w, leader, "key", 0, 200);
  scheduler.silent = false;
  world_run(&w, 30000);
  ck_assert_uint_ge(regions_of(leader), 2);
}
END_TEST

/* TestOneSplit3B: a member misses the growth and the split, and comes back. */
START_TEST(a_member_that_missed_growth_and_split_catches_up) {
  teardown();
  world_open(&w, 14, 5);
  split_scheduler_open(&scheduler, &w);
  small_regions(500, 800);
  w.config.log_gc_entries = 20;
  uint64_t leader = start();
  uint64_t away = leader == 5 ? 4 : 5;
  world_call call;
  split_fill(&w, leader, "k", 1, 3);
  world_isolate(&w, away, true);
  split_fill(&w, leader, "k", 100, 300);
  world_run(&w, 5000);
  world_heal(&w);
  world_run(&w, 30000);
  const kv_region_map *map = &world_at(&w, leader)->store->regions;
  ck_assert_uint_ge(map->range_count, 2);
  ck_assert_uint_eq(map->ranges[0]->region.start.len, 0);
  ck_assert_uint_eq(map->ranges[map->range_count - 1]->region.end.len, 0);
  for (size_t i = 1; i < map->range_count; i++) {
    ck_assert_int_eq(kv_key_compare(map->ranges[i - 1]->region.end, map->ranges[i]->region.start),
                     0);
  }
  ck_assert_uint_eq(regions_of(away), map->range_count);
  split_check_map(&w, away);
  split_check_filled(&w, away, "k", 100, 300);
  ck_assert_str_eq(world_do(&w, away, &call, KV_OP_GET, 0, "k0100", NULL), "$4\r\n0100\r\n");
  ck_assert_uint_eq(split_keys_from(&w, away, text("k")), 202);
}
END_TEST

int main(void) {
  const TTest *const tests[] = {
      a_region_is_split_at_a_key_through_any_store,
      a_split_that_is_done_already_is_answered_as_if_it_were_done_now,
      the_region_of_the_key_is_split_if_none_is_named,
      a_key_outside_and_a_key_too_long_are_refused,
      without_a_scheduler_a_split_is_refused,
      a_scheduler_that_refuses_is_quoted,
      ids_that_come_after_a_change_of_members_are_not_used,
      a_request_is_answered_once_whoever_leads,
      a_region_is_split_half_way_through_its_data,
      a_region_without_two_keys_has_no_middle,
      a_region_that_is_too_large_is_split_until_none_is,
      one_huge_key_is_not_split_and_not_counted_all_the_time,
      values_that_are_replaced_do_not_make_a_region_large,
      the_estimate_follows_the_data_and_outlives_a_restart,
      a_scheduler_that_is_away_delays_a_split_and_nothing_else,
      a_member_that_missed_growth_and_split_catches_up,
  };
  return run_suite("split_orders", tests, sizeof tests / sizeof tests[0], setup, teardown);
}
