/* test_store_review.c - sequences of events that a review of the store found to be dangerous.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run_suite.h"
#include "store_world.h"
#include "store_world_devices.h"

static world w;
static const uint64_t all[] = {1, 2, 3};

static void setup(void) {
  world_open(&w, 1, 3);
}

static void teardown(void) {
  world_close(&w);
}

static uint64_t start(void) {
  for (uint64_t id = 1; id <= 3; id++) {
    world_start(&w, id);
  }
  return world_wait_leader(&w, 0);
}

START_TEST(a_disk_without_space_for_the_log_stops_no_store_and_loses_nothing) {
  world_call call, other;
  uint64_t leader = start();
  world_at(&w, leader)->log.no_space = true;
  world_execute(&w, leader, &call, 0, KV_OP_INCRBY, 1, "n", NULL);
  world_run(&w, 1000); /* nothing is under way whose completion could wake the log's writer */
  world_do(&w, leader, &other, KV_OP_SET, 0, "m", "1", NULL);
  ck_assert_ptr_nonnull(strstr(other.reply, "-TRYAGAIN the disk of store"));
  world_at(&w, leader)->log.no_space = false;
  world_wait(&w, &call);
  ck_assert_str_eq(call.reply, ":1\r\n");
  world_check_equal(&w, all, 3);
}
END_TEST

START_TEST(a_follower_without_space_for_the_log_delays_nobody) {
  world_call call;
  uint64_t leader = start(), follower = leader % 3 + 1;
  world_at(&w, follower)->log.no_space = true;
  ck_assert_str_eq(world_do(&w, leader, &call, KV_OP_INCRBY, 1, "n", NULL), ":1\r\n");
  world_run(&w, 5000);
  ck_assert_uint_eq(world_leader(&w), leader);
  world_at(&w, follower)->log.no_space = false;
  world_check_equal(&w, all, 3);
}
END_TEST

START_TEST(a_removal_that_changed_leaders_is_not_reported_as_failed) {
  world_call call, other = {0};
  uint64_t leader = start(), asking = leader % 3 + 1, removed = asking % 3 + 1;
  world_run(&w, 1000);
  world_at(&w, leader)->engine.fail_commits = 1000; /* it proposes, and does not see the effect */
  call = (world_call){0};
  kv_store_remove_peer(world_at(&w, asking)->store, 0, removed, 30000, world_answered, &call);
  world_run(&w, 20);
  kv_store_transfer(world_at(&w, leader)->store, 0, asking, 5000, world_answered, &other);
  world_wait(&w, &call);
  ck_assert_str_eq(call.reply, "+OK\r\n");
}
END_TEST

/* Ticks of the leader only, until a heartbeat of it is there. */
static void deliver_heartbeat(uint64_t from, uint64_t to) {
  for (int i = 0; i < 3; i++) {
    kv_store_tick(world_at(&w, from)->store);
    kv_store_flush(world_at(&w, from)->store);
  }
  for (size_t i = w.frame_count; i > 0; i--) {
    if (w.frames[i - 1].to == to) {
      (void)world_deliver(&w, i - 1);
    }
  }
}

START_TEST(a_store_whose_disk_was_wiped_is_told_so_and_stops) {
  world_call call;
  kv_error error;
  uint64_t leader = start(), wiped = leader % 3 + 1;
  ck_assert_str_eq(world_do(&w, leader, &call, KV_OP_SET, 0, "a", "1", NULL), "+OK\r\n");
  world_run(&w, 1000);
  world_store *s = world_at(&w, wiped);
  world_crash(&w, wiped);
  memory_engine_free(&s->engine);
  memory_engine_init(&s->engine);
  world_log_free(&s->log);
  s->log = (world_log){0};
  world_start(&w, wiped);
  deliver_heartbeat(leader, wiped);
  kv_store_flush(s->store);
  ck_assert_int_eq(kv_store_health(s->store, &error), KV_ECORRUPT);
  ck_assert_ptr_nonnull(strstr(error.text, "under a new id"));
}
END_TEST

static void answered_large(void *ctx, const void *reply, size_t len) {
  size_t *bytes = ctx;
  ck_assert_uint_eq(*bytes, 0);
  ck_assert_int_eq(*(const char *)reply, '$');
  *bytes = len;
}

START_TEST(reads_of_much_data_are_answered_in_pieces) {
  enum { COUNT = 20, LENGTH = 4 << 20 };
  world_call call;
  size_t bytes[COUNT] = {0};
  char *value = malloc(LENGTH + 1);
  ck_assert_ptr_nonnull(value);
  memset(value, 'x', LENGTH);
  value[LENGTH] = '\0';
  uint64_t leader = start();
  ck_assert_str_eq(world_do(&w, leader, &call, KV_OP_SET, 0, "a", value, NULL), "+OK\r\n");
  free(value);
  raft_slice key = {"a", 1};
  kv_command get = {.op = KV_OP_GET, .args = &key, .arg_count = 1};
  for (int i = 0; i < COUNT; i++) { /* one round of 80 MiB */
    kv_store_execute(world_at(&w, leader)->store, &get, 0, answered_large, &bytes[i]);
  }
  world_run(&w, 100);
  for (int i = 0; i < COUNT; i++) {
    ck_assert_uint_ge(bytes[i], LENGTH);
  }
}
END_TEST

START_TEST(writes_that_wait_are_not_overtaken) {
  enum { COUNT = 14 };
  static const char expected[] = "$14\r\nabcdefghijklmn\r\n";
  world_call calls[COUNT], call = {0};
  uint64_t leader = start(), dead = leader % 3 + 1;
  world_store *s = world_at(&w, leader);
  world_run(&w, 1000);
  world_crash(&w, dead);
  kv_store_transfer(s->store, 0, dead, 5000, world_answered, &call);
  kv_store_flush(s->store);
  for (int i = 0; i < COUNT; i++) { /* the first ones are dropped, until the transfer is given up */
    char text[] = {(char)('a' + i), '\0'};
    w.now += WORLD_TICK_MS;
    kv_store_tick(s->store);
    world_execute(&w, leader, &calls[i], 60000, KV_OP_APPEND, 0, "k", text, NULL);
    world_run(&w, 10);
  }
  for (int i = 0; i < COUNT; i++) {
    world_wait(&w, &calls[i]);
  }
  world_do(&w, leader, &call, KV_OP_GET, 0, "k", NULL);
  ck_assert_str_eq(call.reply, expected);
}
END_TEST

START_TEST(a_learner_that_was_removed_while_it_was_cut_off_learns_of_it) {
  world_call call = {0}, add = {0};
  uint64_t leader = start(), late = world_add_store(&w);
  world_start(&w, late);
  kv_store_add_peer(world_at(&w, leader)->store, 0, late, world_at(&w, late)->address, 1000,
                    world_answered, &add);
  for (int i = 0; i < 100000 && world_number(&w, late, "applied") == 0; i++) {
    world_random_step(&w);
  }
  world_isolate(&w, late, true);
  world_wait(&w, &add); /* in vain */
  kv_store_remove_peer(world_at(&w, leader)->store, 0, late, 30000, world_answered, &call);
  world_wait(&w, &call);
  ck_assert_str_eq(call.reply, "+OK\r\n");
  ck_assert_uint_ne(world_number(&w, late, "applied"), 0);
  world_heal(&w);
  world_run(&w, 10000);
  ck_assert_uint_eq(world_number(&w, late, "applied"), 0); /* it has no region any more */
}
END_TEST

START_TEST(a_leader_whose_disk_is_full_lets_another_one_lead) {
  world_call first, call;
  uint64_t leader = start(), other = leader % 3 + 1;
  world_do(&w, leader, &call, KV_OP_SET, 0, "a", "1", NULL);
  world_run(&w, 1000);
  world_at(&w, leader)->engine.fail_commits = 1000;
  world_execute(&w, other, &first, 0, KV_OP_SET, 0, "a", "2", NULL);
  world_run(&w, 5000);
  ck_assert_uint_ne(world_leader(&w), leader);
  ck_assert_str_eq(world_do(&w, other, &call, KV_OP_SET, 0, "b", "1", NULL), "+OK\r\n");
  ck_assert_str_eq(world_do(&w, leader, &call, KV_OP_GET, 0, "a", NULL), "$1\r\n2\r\n");
  world_at(&w, leader)->engine.fail_commits = 0;
  world_wait(&w, &first);
  world_check_equal(&w, all, 3);
}
END_TEST

int main(void) {
  const TTest *const tests[] = {
      a_disk_without_space_for_the_log_stops_no_store_and_loses_nothing,
      a_follower_without_space_for_the_log_delays_nobody,
      a_removal_that_changed_leaders_is_not_reported_as_failed,
      a_store_whose_disk_was_wiped_is_told_so_and_stops,
      reads_of_much_data_are_answered_in_pieces,
      writes_that_wait_are_not_overtaken,
      a_leader_whose_disk_is_full_lets_another_one_lead,
      a_learner_that_was_removed_while_it_was_cut_off_learns_of_it,
  };
  return run_suite("store_review", tests, sizeof tests / sizeof *tests, setup, teardown);
}
