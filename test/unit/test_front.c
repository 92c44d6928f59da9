/* test_front.c - commands of clients where keys lie in many regions: every store serves every key,
 * commands on several regions are answered as one, and a split between two steps is not seen.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run_suite.h"
#include "scheduler/message.h"
#include "split_world.h"

static world w;
static world_call call;

static void setup(void) {
  world_open(&w, 23, 3);
}

static void teardown(void) {
  world_close(&w);
}

/* Regions 1, 50, 51, 52, cut at d, m and t, with two keys each. Returns a store that does not lead
 * the first of them. */
static uint64_t start(void) {
  for (uint64_t id = 1; id <= w.member_count; id++) {
    world_start(&w, id);
  }
  uint64_t leader = world_wait_leader(&w, 0);
  split_run(&w, 1, "m", 50, 3);
  split_run(&w, 1, "d", 51, 3);
  split_run(&w, 50, "t", 52, 3);
  uint64_t other = leader % 3 + 1;
  static const char *const keys[] = {"a", "c", "d", "l", "m", "s", "t", "z"};
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
    ck_assert_str_eq(world_do(&w, other, &call, KV_OP_SET, 0, keys[i], keys[i], NULL), "+OK\r\n");
  }
  return other;
}

START_TEST(mget_of_many_regions_keeps_the_order_of_its_keys) {
  uint64_t store = start();
  for (uint64_t id = 1; id <= 3; id++) {
    ck_assert_str_eq(world_do(&w, id, &call, KV_OP_MGET, 0, "z", "a", "nil", "m", "d", "a", NULL),
                     "*6\r\n$1\r\nz\r\n$1\r\na\r\n_\r\n$1\r\nm\r\n$1\r\nd\r\n$1\r\na\r\n");
  }
  ck_assert_str_eq(world_do(&w, store, &call, KV_OP_MGET, 0, "s", NULL), "*1\r\n$1\r\ns\r\n");
}
END_TEST

START_TEST(exists_and_del_add_up_over_regions) {
  uint64_t store = start();
  ck_assert_str_eq(
      world_do(&w, store, &call, KV_OP_EXISTS, 0, "a", "z", "z", "none", "m", "l", NULL), ":5\r\n");
  ck_assert_str_eq(world_do(&w, store, &call, KV_OP_DEL, 0, "a", "z", "z", "none", "m", NULL),
                   ":3\r\n");
  ck_assert_str_eq(world_do(&w, store, &call, KV_OP_EXISTS, 0, "a", "z", "m", "l", NULL), ":1\r\n");
}
END_TEST

START_TEST(mset_writes_every_region_and_the_last_of_equal_keys_wins) {
  uint64_t store = start();
  ck_assert_str_eq(
      world_do(&w, store, &call, KV_OP_MSET, 0, "z", "1", "a", "2", "e", "3", "z", "4", NULL),
      "+OK\r\n");
  ck_assert_str_eq(world_do(&w, store % 3 + 1, &call, KV_OP_MGET, 0, "a", "e", "z", NULL),
                   "*3\r\n$1\r\n2\r\n$1\r\n3\r\n$1\r\n4\r\n");
}
END_TEST

START_TEST(dbsize_counts_all_regions) {
  uint64_t store = start();
  for (uint64_t id = 1; id <= 3; id++) {
    ck_assert_str_eq(world_do(&w, id, &call, KV_OP_DBSIZE, 0, NULL), ":8\r\n");
  }
  (void)world_do(&w, store, &call, KV_OP_DEL, 0, "a", "t", NULL);
  ck_assert_str_eq(world_do(&w, store, &call, KV_OP_DBSIZE, 0, NULL), ":6\r\n");
}
END_TEST

START_TEST(scan_goes_on_over_the_borders_of_regions) {
  uint64_t store = start();
  ck_assert_str_eq(world_do(&w, store, &call, KV_OP_SCAN, 100, "", NULL),
                   "*2\r\n$0\r\n\r\n*8\r\n$1\r\na\r\n$1\r\nc\r\n$1\r\nd\r\n$1\r\nl\r\n$1\r\nm\r\n"
                   "$1\r\ns\r\n$1\r\nt\r\n$1\r\nz\r\n");
  /* Stops within a region, and exactly at the end of one. */
  ck_assert_str_eq(world_do(&w, store, &call, KV_OP_SCAN, 3, "", NULL),
                   "*2\r\n$1\r\nl\r\n*3\r\n$1\r\na\r\n$1\r\nc\r\n$1\r\nd\r\n");
  ck_assert_str_eq(world_do(&w, store, &call, KV_OP_SCAN, 2, "", NULL),
                   "*2\r\n$1\r\nd\r\n*2\r\n$1\r\na\r\n$1\r\nc\r\n");
  ck_assert_str_eq(world_do(&w, store, &call, KV_OP_SCAN, 3, "m", NULL),
                   "*2\r\n$1\r\nz\r\n*3\r\n$1\r\nm\r\n$1\r\ns\r\n$1\r\nt\r\n");
  ck_assert_str_eq(world_do(&w, store, &call, KV_OP_SCAN, 9, "", "[lz]", NULL),
                   "*2\r\n$0\r\n\r\n*2\r\n$1\r\nl\r\n$1\r\nz\r\n");
}
END_TEST

/* P16: the commands were routed by the region as it was. */
START_TEST(a_split_between_routing_and_execution_is_not_seen) {
  enum { CALLS = 6 };
  world_call calls[CALLS];
  uint64_t store = start(), leader = world_region_leader(&w, 51);
  for (int round = 0; round < 2; round++) {
    uint64_t asked = round == 0 ? leader : leader % 3 + 1;
    world_execute(&w, asked, &calls[0], 0, KV_OP_INCRBY, 1, round == 0 ? "i1" : "i2", NULL);
    world_execute(&w, asked, &calls[1], 0, KV_OP_MGET, 0, "d", "l", "a", NULL);
    world_execute(&w, asked, &calls[2], 0, KV_OP_DBSIZE, 0, NULL);
    world_execute(&w, asked, &calls[3], 0, KV_OP_SCAN, 100, "", "[acdl]", NULL);
    world_execute(&w, asked, &calls[4], 0, KV_OP_EXISTS, 0, "d", "l", NULL);
    world_execute(&w, asked, &calls[5], 0, KV_OP_MSET, 0, "d", "d", "l", "l", NULL);
    ck_assert_int_eq(split_propose(&w, leader, 51, round == 0 ? "g" : "e", 60 + (uint64_t)round),
                     KV_OK);
    for (int i = 0; i < CALLS; i++) {
      world_wait(&w, &calls[i]);
    }
    ck_assert_str_eq(calls[0].reply, ":1\r\n");
    ck_assert_str_eq(calls[1].reply, "*3\r\n$1\r\nd\r\n$1\r\nl\r\n$1\r\na\r\n");
    ck_assert(calls[2].reply[0] == ':');
    ck_assert_str_eq(calls[3].reply, "*2\r\n$0\r\n\r\n*4\r\n$1\r\na\r\n$1\r\nc\r\n$1\r\nd\r\n"
                                     "$1\r\nl\r\n");
    ck_assert_str_eq(calls[4].reply, ":2\r\n");
    ck_assert_str_eq(calls[5].reply, "+OK\r\n");
    leader = split_wait_leader(&w, 51);
  }
  ck_assert_str_eq(world_do(&w, store, &call, KV_OP_DBSIZE, 0, NULL), ":10\r\n");
}
END_TEST

/* A follower that has not heard of the split asks by the old epoch, and is told the new regions. */
START_TEST(a_store_that_lags_behind_a_split_is_told_the_regions) {
  for (uint64_t id = 1; id <= 3; id++) {
    world_start(&w, id);
  }
  uint64_t leader = world_wait_leader(&w, 0), lagging = leader % 3 + 1;
  ck_assert_str_eq(world_do(&w, leader, &call, KV_OP_SET, 0, "x", "1", NULL), "+OK\r\n");
  world_isolate(&w, lagging, true);
  split_run(&w, 1, "m", 50, 2);
  world_heal(&w);
  ck_assert_uint_eq(world_region_number(&w, lagging, 1, "version"), 1);
  ck_assert_str_eq(world_do(&w, lagging, &call, KV_OP_MGET, 0, "x", "a", NULL),
                   "*2\r\n$1\r\n1\r\n_\r\n");
  const kv_region_cache *cache = &world_at(&w, lagging)->store->cache;
  ck_assert_uint_eq(cache->count, 2);
  ck_assert_uint_eq(cache->items[1]->region.id, 50);
}
END_TEST

START_TEST(a_command_too_large_for_an_entry_is_refused_for_good) {
  w.config.max_entry_bytes = 64;
  for (uint64_t id = 1; id <= 3; id++) {
    world_start(&w, id);
  }
  uint64_t leader = world_wait_leader(&w, 0);
  char value[100];
  memset(value, 'v', sizeof value);
  value[sizeof value - 1] = '\0';
  for (uint64_t id = 1; id <= 3; id++) {
    const char *reply = world_do(&w, id, &call, KV_OP_SET, 0, "k", value, NULL);
    ck_assert_msg(strncmp(reply, "-ERR the command is too large", 29) == 0, "%s", reply);
  }
  ck_assert_str_eq(world_do(&w, leader, &call, KV_OP_SET, 0, "k", "v", NULL), "+OK\r\n");
}
END_TEST

/* Without a majority no part can be executed: one answer, by the deadline. */
START_TEST(parts_without_a_leader_end_with_the_deadline) {
  uint64_t store = start();
  for (uint64_t id = 1; id <= 3; id++) {
    world_isolate(&w, id, true);
  }
  world_execute(&w, store, &call, 3000, KV_OP_MGET, 0, "a", "d", "m", "t", NULL);
  world_run(&w, 2500);
  ck_assert_int_eq(call.answers, 0);
  world_run(&w, 1000);
  ck_assert_int_eq(call.answers, 1);
  ck_assert_msg(strncmp(call.reply, "-TRYAGAIN", 9) == 0, "%s", call.reply);
  world_execute(&w, store, &call, 3000, KV_OP_MSET, 0, "a", "1", "z", "2", NULL);
  world_run(&w, 3500);
  ck_assert_int_eq(call.answers, 1);
  ck_assert_msg(strncmp(call.reply, "-TRYAGAIN", 9) == 0 || strncmp(call.reply, "-TIMEOUT", 8) == 0,
                "%s", call.reply);
}
END_TEST

START_TEST(a_store_that_closes_answers_every_part_and_the_client_once) {
  uint64_t store = start();
  world_call others[3];
  world_execute(&w, store, &call, 0, KV_OP_MGET, 0, "a", "d", "m", "t", NULL);
  world_execute(&w, store, &others[0], 0, KV_OP_DBSIZE, 0, NULL);
  world_execute(&w, store, &others[1], 0, KV_OP_SCAN, 100, "", NULL);
  world_execute(&w, store, &others[2], 0, KV_OP_MSET, 0, "a", "1", "z", "2", NULL);
  kv_store_flush(world_at(&w, store)->store);
  world_crash(&w, store);
  ck_assert_int_eq(call.answers, 1);
  ck_assert_msg(strncmp(call.reply, "-TRYAGAIN", 9) == 0, "%s", call.reply);
  for (int i = 0; i < 3; i++) {
    ck_assert_int_eq(others[i].answers, 1);
    ck_assert_int_eq(others[i].reply[0], '-');
  }
}
END_TEST

/* Counters of every region through every store, while regions split and stores crash: an increment
 * is counted at most once, and at least once if it was acknowledged. */
static void counting_under_splits(uint64_t seed) {
  enum { KEYS = 12, CALLS = 24 };
  static world_call calls[CALLS];
  int key_of[CALLS], acknowledged[KEYS] = {0}, asked[KEYS] = {0};
  uint64_t next_region = 100;
  char key[16], at[8];
  w.random = seed;
  memset(calls, 0, sizeof calls);
  memset(key_of, -1, sizeof key_of);
  for (int step = 0; step < 400; step++) {
    for (int i = 0; i < CALLS; i++) {
      if (key_of[i] >= 0 && calls[i].answers == 1) {
        acknowledged[key_of[i]] += calls[i].reply[0] == ':';
        key_of[i] = -1;
      }
      uint64_t store = 1 + world_random(&w, 3);
      if (key_of[i] < 0 && world_at(&w, store)->store != NULL) {
        key_of[i] = (int)world_random(&w, KEYS);
        asked[key_of[i]]++;
        (void)snprintf(key, sizeof key, "k%02d", key_of[i]);
        world_execute(&w, store, &calls[i], 4000, KV_OP_INCRBY, 1, key, NULL);
      }
    }
    if (step % 25 == 5 && next_region < 100 + KEYS) {
      (void)snprintf(at, sizeof at, "k%02d", (int)(next_region - 100));
      for (uint64_t id = 1; id <= 3; id++) {
        kv_store *store = world_at(&w, id)->store;
        kv_peer *peer = store != NULL
                            ? kv_region_map_by_key(&store->regions, (raft_slice){at, strlen(at)})
                            : NULL;
        if (peer != NULL && kv_peer_is_leader(peer) &&
            split_propose(&w, id, peer->region_id, at, next_region) == KV_OK) {
          next_region++;
          break;
        }
      }
    }
    if (step % 40 == 20) {
      world_crash(&w, 1 + world_random(&w, 3));
    }
    if (step % 40 == 35) {
      for (uint64_t id = 1; id <= 3; id++) {
        if (world_at(&w, id)->store == NULL) {
          world_start(&w, id);
        }
      }
    }
    world_run(&w, 20 + world_random(&w, 60));
  }
  world_run(&w, 10000);
  for (int i = 0; i < CALLS; i++) {
    if (key_of[i] >= 0) {
      ck_assert_int_eq(calls[i].answers, 1);
      acknowledged[key_of[i]] += calls[i].reply[0] == ':';
    }
  }
  ck_assert_uint_gt(next_region, 103);
  for (int i = 0; i < KEYS; i++) {
    (void)snprintf(key, sizeof key, "k%02d", i);
    const char *reply = world_do(&w, 1, &call, KV_OP_INCRBY, 0, key, NULL);
    ck_assert_int_eq(reply[0], ':');
    const int count = atoi(reply + 1);
    ck_assert_int_ge(count, acknowledged[i]);
    ck_assert_int_le(count, asked[i]);
  }
}

START_TEST(increments_are_counted_once_through_splits_and_crashes) {
  for (uint64_t id = 1; id <= 3; id++) {
    world_start(&w, id);
  }
  (void)world_wait_leader(&w, 0);
  counting_under_splits(UINT64_C(77) + (uint64_t)_i);
}
END_TEST

/* ---- stores without a replica ---- */

/* The scheduler that is asked where a key is: it knows what the leaders know, unless it is down. */
static struct {
  bool down;
  size_t count, questions;
  struct {
    uint64_t store, request_id;
    char key[16];
    size_t len;
  } asked[64];
} scheduler;

static int ask_scheduler(void *ctx, uint64_t store_id, raft_bytes bytes) {
  kv_scheduler_request request;
  (void)ctx;
  ck_assert_int_eq(kv_scheduler_request_decode(bytes, &request), KV_OK);
  if (!scheduler.down && request.call == KV_CALL_GET_REGION && scheduler.count < 64) {
    scheduler.questions++;
    scheduler.asked[scheduler.count].store = store_id;
    scheduler.asked[scheduler.count].request_id = request.request_id;
    scheduler.asked[scheduler.count].len = request.key.len;
    ck_assert_uint_le(request.key.len, 16);
    if (request.key.len > 0) {
      memcpy(scheduler.asked[scheduler.count].key, request.key.data, request.key.len);
    }
    scheduler.count++;
  }
  kv_scheduler_request_clear(&request);
  return scheduler.down ? KV_EBUSY : KV_OK;
}

static const kv_peer *leader_of(raft_slice key) {
  for (uint64_t id = 1; id <= 3; id++) {
    kv_store *store = world_at(&w, id)->store;
    const kv_peer *peer = store != NULL ? kv_region_map_by_key(&store->regions, key) : NULL;
    if (peer != NULL && kv_peer_is_leader(peer)) {
      return peer;
    }
  }
  return NULL;
}

static bool answer_lookups(void *ctx) {
  const size_t count = scheduler.count;
  (void)ctx;
  for (size_t i = 0; i < count; i++) {
    const kv_peer *peer = leader_of((raft_slice){scheduler.asked[i].key, scheduler.asked[i].len});
    kv_region_report report = {0};
    kv_scheduler_response response = {.request_id = scheduler.asked[i].request_id,
                                      .cluster_id = 7,
                                      .call = KV_CALL_GET_REGION,
                                      .status = KV_SCHEDULER_NOT_FOUND};
    raft_buf *frame = NULL;
    if (peer != NULL) {
      report.region = peer->region;
      report.leader_peer = peer->peer_id;
      response.status = KV_SCHEDULER_OK;
      response.regions = &report;
      response.region_count = 1;
    }
    ck_assert_int_eq(kv_scheduler_response_encode(&response, &frame), KV_OK);
    kv_store_scheduler_received(world_at(&w, scheduler.asked[i].store)->store,
                                (raft_bytes){raft_buf_data(frame), raft_buf_len(frame), frame});
    raft_buf_release(frame);
  }
  scheduler.count = 0;
  return count > 0;
}

static uint64_t start_with_an_outsider(void) {
  memset(&scheduler, 0, sizeof scheduler);
  w.scheduler.ask = ask_scheduler;
  w.scheduler.work = answer_lookups;
  uint64_t outsider = world_add_store(&w);
  (void)start();
  world_start(&w, outsider);
  return outsider;
}

START_TEST(a_store_without_replicas_serves_every_key) {
  uint64_t outsider = start_with_an_outsider();
  ck_assert_str_eq(world_do(&w, outsider, &call, KV_OP_GET, 0, "s", NULL), "$1\r\ns\r\n");
  ck_assert_str_eq(world_do(&w, outsider, &call, KV_OP_MGET, 0, "z", "a", "m", "d", NULL),
                   "*4\r\n$1\r\nz\r\n$1\r\na\r\n$1\r\nm\r\n$1\r\nd\r\n");
  ck_assert_str_eq(world_do(&w, outsider, &call, KV_OP_DBSIZE, 0, NULL), ":8\r\n");
  ck_assert_str_eq(world_do(&w, outsider, &call, KV_OP_SCAN, 5, "c", NULL),
                   "*2\r\n$1\r\nt\r\n*5\r\n$1\r\nc\r\n$1\r\nd\r\n$1\r\nl\r\n$1\r\nm\r\n"
                   "$1\r\ns\r\n");
  /* Each region was asked for once or twice; after that it is known. */
  ck_assert_uint_le(scheduler.questions, 8);
  size_t before = scheduler.questions;
  for (int i = 0; i < 20; i++) {
    ck_assert_str_eq(world_do(&w, outsider, &call, KV_OP_SET, 0, "s", "s", NULL), "+OK\r\n");
  }
  ck_assert_uint_eq(scheduler.questions, before);
}
END_TEST

START_TEST(what_the_outsider_knows_is_corrected_by_splits_and_new_leaders) {
  uint64_t outsider = start_with_an_outsider();
  ck_assert_str_eq(world_do(&w, outsider, &call, KV_OP_DBSIZE, 0, NULL), ":8\r\n");
  split_run(&w, 50, "p", 70, 3);
  ck_assert_str_eq(world_do(&w, outsider, &call, KV_OP_GET, 0, "s", NULL), "$1\r\ns\r\n");
  uint64_t leader = world_region_leader(&w, 70);
  kv_store_transfer(world_at(&w, leader)->store, 70, leader % 3 + 1, 0, world_answered, &call);
  call = (world_call){0};
  world_wait(&w, &call);
  ck_assert_str_eq(call.reply, "+OK\r\n");
  scheduler.down = true; /* the stores know better anyway */
  ck_assert_str_eq(world_do(&w, outsider, &call, KV_OP_GET, 0, "s", NULL), "$1\r\ns\r\n");
  ck_assert_str_eq(world_do(&w, outsider, &call, KV_OP_SET, 0, "s", "2", NULL), "+OK\r\n");
  /* The leader dies: the others are asked in turn. */
  world_crash(&w, leader % 3 + 1);
  ck_assert_str_eq(world_do(&w, outsider, &call, KV_OP_GET, 0, "s", NULL), "$1\r\n2\r\n");
}
END_TEST

/* Nobody reports it as unreachable: connections to a frozen process stand. */
START_TEST(the_outsider_asks_others_after_silence) {
  uint64_t outsider = start_with_an_outsider();
  ck_assert_str_eq(world_do(&w, outsider, &call, KV_OP_GET, 0, "s", NULL), "$1\r\ns\r\n");
  uint64_t frozen = leader_of((raft_slice){"s", 1})->store->config.store_id;
  world_isolate(&w, frozen, true);
  world_run(&w, 4000);
  world_execute(&w, outsider, &call, 3000, KV_OP_SET, 0, "s", "2", NULL);
  world_wait(&w, &call);
  ck_assert_msg(strncmp(call.reply, "-TIMEOUT", 8) == 0, "%s", call.reply);
  world_execute(&w, outsider, &call, 3000, KV_OP_SET, 0, "s", "3", NULL);
  world_wait(&w, &call);
  ck_assert_str_eq(call.reply, "+OK\r\n");
}
END_TEST

START_TEST(the_outsiders_first_read_of_a_frozen_leader_is_asked_elsewhere_before_its_end) {
  uint64_t outsider = start_with_an_outsider();
  ck_assert_str_eq(world_do(&w, outsider, &call, KV_OP_GET, 0, "s", NULL), "$1\r\ns\r\n");
  uint64_t frozen = leader_of((raft_slice){"s", 1})->store->config.store_id;
  world_isolate(&w, frozen, true);
  w.frozen[frozen] = true; /* no link breaks */
  const uint64_t begin = w.now;
  world_execute(&w, outsider, &call, 60000, KV_OP_GET, 0, "s", NULL);
  world_wait(&w, &call);
  ck_assert_str_eq(call.reply, "$1\r\ns\r\n");
  ck_assert_uint_le(w.now - begin, 6000);
}
END_TEST

START_TEST(without_the_scheduler_an_unknown_key_waits_and_then_says_so) {
  uint64_t outsider = start_with_an_outsider();
  scheduler.down = true;
  world_execute(&w, outsider, &call, 3000, KV_OP_SET, 0, "s", "2", NULL);
  world_run(&w, 2000);
  ck_assert_int_eq(call.answers, 0);
  scheduler.down = false;
  world_wait(&w, &call);
  ck_assert_str_eq(call.reply, "+OK\r\n");
}
END_TEST

START_TEST(without_the_scheduler_who_knows_nobody_says_so) {
  uint64_t outsider = start_with_an_outsider();
  scheduler.down = true;
  world_execute(&w, outsider, &call, 3000, KV_OP_GET, 0, "a", NULL);
  world_wait(&w, &call);
  ck_assert_msg(strncmp(call.reply, "-CLUSTERDOWN", 12) == 0, "%s", call.reply);
}
END_TEST

static void introduce(uint64_t store_id, uint64_t other) {
  ck_assert(kv_address_book_learn(&world_at(&w, store_id)->store->addresses, other,
                                  world_at(&w, other)->address));
}

START_TEST(without_the_scheduler_other_stores_know_the_region) {
  uint64_t outsider = start_with_an_outsider();
  scheduler.down = true;
  for (uint64_t id = 1; id <= 3; id++) {
    introduce(outsider, id);
  }
  const uint64_t begin = w.now;
  ck_assert_str_eq(world_do(&w, outsider, &call, KV_OP_GET, 0, "a", NULL), "$1\r\na\r\n");
  ck_assert_str_eq(world_do(&w, outsider, &call, KV_OP_SET, 0, "s", "2", NULL), "+OK\r\n");
  ck_assert_str_eq(world_do(&w, outsider, &call, KV_OP_MGET, 0, "s", "d", "t", NULL),
                   "*3\r\n$1\r\n2\r\n$1\r\nd\r\n$1\r\nt\r\n");
  ck_assert_str_eq(world_do(&w, outsider, &call, KV_OP_DBSIZE, 0, NULL), ":8\r\n");
  ck_assert_uint_le(w.now - begin, 2000);
  ck_assert_uint_eq(scheduler.questions, 0);
  world_crash(&w, world_region_leader(&w, 1)); /* one that is down is gone round */
  ck_assert_str_eq(world_do(&w, outsider, &call, KV_OP_GET, 0, "c", NULL), "$1\r\nc\r\n");
}
END_TEST

/* It knows one store only, and that one has no replica either. */
START_TEST(a_store_that_does_not_know_the_region_asks_on) {
  uint64_t outsider = start_with_an_outsider();
  const uint64_t between = world_add_store(&w);
  world_start(&w, between);
  scheduler.down = true;
  introduce(outsider, between);
  for (uint64_t id = 1; id <= 3; id++) {
    introduce(between, id);
  }
  const uint64_t begin = w.now;
  ck_assert_str_eq(world_do(&w, outsider, &call, KV_OP_SET, 0, "s", "2", NULL), "+OK\r\n");
  ck_assert_uint_le(w.now - begin, 3000);
}
END_TEST

START_TEST(two_stores_that_know_only_each_other_do_not_ask_in_circles) {
  uint64_t outsider = start_with_an_outsider();
  const uint64_t other = world_add_store(&w);
  world_start(&w, other);
  scheduler.down = true;
  introduce(outsider, other);
  introduce(other, outsider);
  const uint64_t before = w.sent[KV_FRAME_FORWARD];
  world_execute(&w, outsider, &call, 5000, KV_OP_GET, 0, "s", NULL);
  world_wait(&w, &call);
  ck_assert_msg(strncmp(call.reply, "-CLUSTERDOWN", 12) == 0, "%s", call.reply);
  ck_assert_uint_le(w.sent[KV_FRAME_FORWARD] - before, 20);
}
END_TEST

int main(void) {
  const TTest *const tests[] = {
      mget_of_many_regions_keeps_the_order_of_its_keys,
      exists_and_del_add_up_over_regions,
      mset_writes_every_region_and_the_last_of_equal_keys_wins,
      dbsize_counts_all_regions,
      scan_goes_on_over_the_borders_of_regions,
      a_split_between_routing_and_execution_is_not_seen,
      a_store_that_lags_behind_a_split_is_told_the_regions,
      a_command_too_large_for_an_entry_is_refused_for_good,
      parts_without_a_leader_end_with_the_deadline,
      a_store_that_closes_answers_every_part_and_the_client_once,
      increments_are_counted_once_through_splits_and_crashes,
      a_store_without_replicas_serves_every_key,
      what_the_outsider_knows_is_corrected_by_splits_and_new_leaders,
      the_outsider_asks_others_after_silence,
      the_outsiders_first_read_of_a_frozen_leader_is_asked_elsewhere_before_its_end,
      without_the_scheduler_an_unknown_key_waits_and_then_says_so,
      without_the_scheduler_who_knows_nobody_says_so,
      without_the_scheduler_other_stores_know_the_region,
      a_store_that_does_not_know_the_region_asks_on,
      two_stores_that_know_only_each_other_do_not_ask_in_circles,
  };
  return run_suite("front", tests, sizeof tests / sizeof *tests, setup, teardown);
}
