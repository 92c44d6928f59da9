/* test_split.c - a region becomes two: on every replica, at once, whatever happens meanwhile.
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
static const uint64_t both[] = {1, 50};

static void setup(void) {
  world_open(&w, 11, 3);
}

static void teardown(void) {
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

static void check_range(const kv_peer *peer, const char *first, const char *end) {
  ck_assert_int_eq(kv_key_compare(peer->region.start, text(first)), 0);
  ck_assert_int_eq(kv_key_compare(peer->region.end, text(end)), 0);
}

START_TEST(a_split_makes_two_regions_on_every_store) {
  uint64_t leader = start();
  split_fill(&w, leader, "k", 0, 20);
  split_run(&w, 1, "k0010", 50, 3);
  for (uint64_t id = 1; id <= 3; id++) {
    const kv_peer *left = split_peer(&w, id, 1), *right = split_peer(&w, id, 50);
    check_range(left, "", "k0010");
    check_range(right, "k0010", "");
    ck_assert_uint_eq(left->region.epoch.version, 2);
    ck_assert_uint_eq(right->region.epoch.version, 2);
    ck_assert_uint_eq(right->region.epoch.conf_ver, left->region.epoch.conf_ver);
    ck_assert_uint_eq(right->peer_id, 5000 + id);
    ck_assert_uint_eq(right->region.peer_count, 3);
    ck_assert_uint_eq(right->region.max_peer_id, 5003);
    split_check_map(&w, id);
  }
  split_check_filled(&w, leader, "k", 0, 20);
  split_check_filled(&w, leader % 3 + 1, "k", 0, 20);
  split_fill(&w, leader, "k", 0, 30);
  split_check_equal(&w, both, 2);
}
END_TEST

START_TEST(the_new_region_is_led_at_once_where_the_old_one_is) {
  uint64_t leader = start();
  ck_assert_int_eq(split_propose(&w, leader, 1, "m", 50), KV_OK);
  world_run(&w, 200); /* two ticks; an election timeout has ten at least */
  ck_assert_uint_eq(world_region_leader(&w, 50), leader);
  ck_assert_uint_eq(world_region_leader(&w, 1), leader);
}
END_TEST

START_TEST(regions_split_again_and_again) {
  uint64_t leader = start();
  const uint64_t regions[] = {1, 50, 51, 52, 53};
  split_fill(&w, leader, "k", 0, 40);
  split_run(&w, 1, "k0020", 50, 3);
  split_run(&w, 50, "k0030", 51, 3);
  split_run(&w, 1, "k0010", 52, 3);
  split_run(&w, 51, "k0035", 53, 3);
  split_check_filled(&w, leader, "k", 0, 40);
  split_check_equal(&w, regions, 5);
  ck_assert_uint_eq(world_region_number(&w, 1, 1, "version"), 3);
  ck_assert_uint_eq(world_region_number(&w, 1, 53, "version"), 4);
}
END_TEST

START_TEST(both_halves_are_there_after_all_stores_crash) {
  uint64_t leader = start();
  split_fill(&w, leader, "k", 0, 20);
  split_run(&w, 1, "k0010", 50, 3);
  split_fill(&w, leader, "k", 20, 30);
  for (uint64_t id = 1; id <= 3; id++) {
    world_crash(&w, id);
  }
  for (uint64_t id = 1; id <= 3; id++) {
    world_start(&w, id);
  }
  leader = world_wait_leader(&w, 0);
  (void)split_wait_leader(&w, 50);
  split_check_filled(&w, leader, "k", 0, 30);
  split_check_equal(&w, both, 2);
}
END_TEST

/* ---- what is refused when it is applied ---- */

static kv_split split_of(const kv_peer *peer, const char *key) {
  kv_split split = {
      .key = text(key), .new_region_id = 50, .new_peer_count = peer->region.peer_count};
  for (size_t i = 0; i < split.new_peer_count; i++) {
    split.new_peer_ids[i] = 5000 + peer->region.peers[i].store_id;
  }
  return split;
}

static void check_nothing_happened(uint64_t leader) {
  world_call call;
  world_run(&w, 500);
  for (uint64_t id = 1; id <= 3; id++) {
    ck_assert_uint_eq(world_region_number(&w, id, 1, "version"), 1);
    ck_assert_ptr_null(split_peer(&w, id, 50));
  }
  ck_assert_str_eq(world_do(&w, leader, &call, KV_OP_SET, 0, "k", "v", NULL), "+OK\r\n");
}

START_TEST(a_split_of_another_epoch_changes_nothing) {
  uint64_t leader = start();
  kv_peer *peer = split_peer(&w, leader, 1);
  static const kv_epoch others[] = {{1, 2}, {2, 1}, {0, 1}, {1, 0}};
  for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
    kv_split split = split_of(peer, "m");
    raft_buf *payload = NULL;
    ck_assert_int_eq(kv_split_encode(1, others[i], &split, &payload), KV_OK);
    ck_assert_int_eq(kv_peer_propose_payload(peer, payload, NULL), KV_OK);
    raft_buf_release(payload);
    kv_store_mark(peer->store, peer);
    check_nothing_happened(leader);
  }
}
END_TEST

START_TEST(a_split_that_does_not_fit_the_region_changes_nothing) {
  uint64_t leader = start();
  kv_peer *peer = split_peer(&w, leader, 1);
  kv_split split = split_of(peer, "");
  ck_assert_int_eq(kv_split_propose(peer, &split, NULL), KV_OK);
  check_nothing_happened(leader);
  split = split_of(peer, "m");
  split.new_peer_count = 2;
  ck_assert_int_eq(kv_split_propose(peer, &split, NULL), KV_OK);
  check_nothing_happened(leader);
  split = split_of(peer, "m");
  split.new_peer_ids[1] = split.new_peer_ids[0];
  ck_assert_int_eq(kv_split_propose(peer, &split, NULL), KV_OK);
  check_nothing_happened(leader);
  split = split_of(peer, "m");
  split.new_region_id = 1;
  ck_assert_int_eq(kv_split_propose(peer, &split, NULL), KV_OK);
  check_nothing_happened(leader);
}
END_TEST

/* ---- commands meanwhile ---- */

START_TEST(commands_behind_a_split_are_executed_once_in_the_right_region) {
  uint64_t leader = start();
  world_call calls[20];
  char key[8];
  ck_assert_int_eq(split_propose(&w, leader, 1, "k5", 50), KV_OK);
  for (int i = 0; i < 20; i++) {
    (void)snprintf(key, sizeof key, "k%d", i % 10);
    world_execute(&w, leader, &calls[i], 0, KV_OP_INCRBY, 1, key, NULL);
  }
  for (int i = 0; i < 20; i++) {
    world_wait(&w, &calls[i]);
    ck_assert_str_eq(calls[i].reply, i < 10 ? ":1\r\n" : ":2\r\n");
  }
  ck_assert_uint_gt(world_region_number(&w, leader, 50, "applied"), KV_INITIAL_LOG_INDEX + 1);
  split_check_equal(&w, both, 2);
}
END_TEST

int main(void) {
  const TTest *const tests[] = {
      a_split_makes_two_regions_on_every_store,
      the_new_region_is_led_at_once_where_the_old_one_is,
      regions_split_again_and_again,
      both_halves_are_there_after_all_stores_crash,
      a_split_of_another_epoch_changes_nothing,
      a_split_that_does_not_fit_the_region_changes_nothing,
      commands_behind_a_split_are_executed_once_in_the_right_region,
  };
  return run_suite("split", tests, sizeof tests / sizeof tests[0], setup, teardown);
}
