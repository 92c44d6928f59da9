/* test_store_overlay.c - stores whose state machine is durable only some time after the answer.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "raftstore/region_state.h"
#include "run_suite.h"
#include "store_world.h"

static world w;
static const uint64_t all[] = {1, 2, 3};

static const uint64_t never = UINT64_MAX / 2;

static void setup(void) {
  world_open(&w, 5, 3);
  w.overlay = true;
  w.flush_ms = never;
}

static void teardown(void) {
  world_close(&w);
}

static uint64_t start(void) {
  for (uint64_t id = 1; id <= w.store_count; id++) {
    world_start(&w, id);
    world_at(&w, id)->next_flush = never;
  }
  return world_wait_leader(&w, 0);
}

static void flush_all(void) {
  for (uint64_t id = 1; id <= w.store_count; id++) {
    ck_assert_int_eq(world_flush(&w, id), KV_OK);
  }
}

static uint64_t lose_power_everywhere(void) {
  for (uint64_t id = 1; id <= w.store_count; id++) {
    world_crash(&w, id);
  }
  return start();
}

static void write_some(uint64_t store_id, int from, int to) {
  world_call call;
  char key[16];
  for (int i = from; i < to; i++) {
    (void)snprintf(key, sizeof key, "k%d", i);
    ck_assert_str_eq(world_do(&w, store_id, &call, KV_OP_SET, 0, key, key, NULL), "+OK\r\n");
  }
}

static void expect_all(uint64_t store_id, int count) {
  world_call call;
  char key[16];
  for (int i = 0; i < count; i++) {
    (void)snprintf(key, sizeof key, "k%d", i);
    world_do(&w, store_id, &call, KV_OP_GET, 0, key, NULL);
    ck_assert_msg(strstr(call.reply, key) != NULL, "%s is lost", key);
  }
}

static size_t durable_keys(uint64_t store_id) {
  return world_at(&w, store_id)->engine.spaces[KV_SPACE_DATA].count;
}

static bool begins(const world_call *call, const char *text) {
  return strncmp(call->reply, text, strlen(text)) == 0;
}

static const char *compact(uint64_t by, world_call *call) {
  *call = (world_call){0};
  kv_store_compact(world_at(&w, by)->store, 0, 0, 5000, world_answered, call);
  world_wait(&w, call);
  return call->reply;
}

START_TEST(what_was_answered_survives_power_loss_before_any_flush) {
  uint64_t leader = start();
  write_some(leader, 0, 30);
  ck_assert_uint_eq(durable_keys(leader), 0);
  expect_all(lose_power_everywhere(), 30);
  world_check_equal(&w, all, 3);
}
END_TEST

START_TEST(it_survives_power_loss_between_two_flushes) {
  uint64_t leader = start();
  write_some(leader, 0, 10);
  flush_all();
  ck_assert_uint_eq(durable_keys(leader), 10);
  write_some(leader, 10, 20);
  leader = lose_power_everywhere();
  expect_all(leader, 20);
  write_some(leader, 20, 25);
  expect_all(lose_power_everywhere(), 25);
  world_check_equal(&w, all, 3);
}
END_TEST

START_TEST(increments_are_repeated_from_the_durable_state_and_not_twice) {
  world_call call;
  uint64_t leader = start();
  for (int i = 0; i < 5; i++) {
    world_do(&w, leader, &call, KV_OP_INCRBY, 1, "n", NULL);
  }
  flush_all();
  for (int i = 0; i < 5; i++) {
    world_do(&w, leader, &call, KV_OP_INCRBY, 1, "n", NULL);
  }
  leader = lose_power_everywhere();
  ck_assert_str_eq(world_do(&w, leader, &call, KV_OP_INCRBY, 1, "n", NULL), ":11\r\n");
}
END_TEST

START_TEST(a_log_is_not_cut_before_its_state_is_durable) {
  world_call call;
  uint64_t leader = start();
  write_some(leader, 0, 20);
  const uint64_t first = world_number(&w, leader, "first");
  ck_assert(compact(leader, &call)[0] == ':');
  world_run(&w, 1000);
  ck_assert_uint_eq(world_number(&w, leader, "first"), first);
  leader = lose_power_everywhere(); /* all that it needs is there */
  expect_all(leader, 20);
  ck_assert(compact(leader, &call)[0] == ':');
  world_run(&w, 1000);
  flush_all();
  world_run(&w, 100);
  for (uint64_t id = 1; id <= 3; id++) {
    ck_assert_uint_gt(world_number(&w, id, "first"), first);
  }
  expect_all(lose_power_everywhere(), 20);
}
END_TEST

static void set_applied(uint64_t store_id, uint64_t index) {
  kv_engine *engine = &world_at(&w, store_id)->engine.base;
  kv_apply_state state;
  kv_txn *txn = NULL;
  ck_assert_int_eq(engine->ops->begin(engine, true, &txn), KV_OK);
  ck_assert_int_eq(kv_apply_state_load(txn, 1, &state), KV_OK);
  state.applied_index = index;
  ck_assert_int_eq(kv_apply_state_save(txn, 1, &state), KV_OK);
  ck_assert_int_eq(engine->ops->commit(txn), KV_OK);
}

START_TEST(a_state_that_the_log_does_not_reach_back_to_is_refused) {
  world_call call;
  kv_error error = {0};
  uint64_t leader = start();
  write_some(leader, 0, 20);
  ck_assert(compact(leader, &call)[0] == ':');
  flush_all();
  world_run(&w, 100);
  const uint64_t first = world_number(&w, leader, "first");
  world_crash(&w, leader);
  set_applied(leader, first - 2);
  ck_assert_int_eq(world_try_start(&w, leader, leader, &error), KV_ECORRUPT);
  ck_assert_ptr_nonnull(strstr(error.text, "the raft log is missing or does not fit the data"));
}
END_TEST

START_TEST(a_flush_of_other_regions_sets_no_cut_free_too_early) {
  world_call call;
  uint64_t leader = start();
  const uint64_t first = world_number(&w, leader, "first");
  write_some(leader, 0, 10);
  flush_all(); /* before the decision */
  ck_assert(compact(leader, &call)[0] == ':');
  world_run(&w, 100);
  ck_assert_uint_eq(world_number(&w, leader, "first"), first);
  ck_assert_int_eq(world_flush(&w, leader), KV_OK);
  world_run(&w, 100);
  ck_assert_uint_gt(world_number(&w, leader, "first"), first);
}
END_TEST

START_TEST(a_change_of_members_is_durable_when_it_is_answered) {
  world_call call = {0};
  const uint64_t joins = world_add_store(&w);
  uint64_t leader = start();
  write_some(leader, 0, 5);
  kv_store_add_peer(world_at(&w, leader)->store, 0, joins, world_at(&w, joins)->address, 30000,
                    world_answered, &call);
  world_wait(&w, &call);
  ck_assert_str_eq(call.reply, "+OK\r\n");
  ck_assert_uint_ge(durable_keys(leader), 5); /* it took along what was before it */
  leader = lose_power_everywhere();
  ck_assert_uint_eq(world_number(&w, leader, "voters"), 4);
  expect_all(leader, 5);
}
END_TEST

START_TEST(a_change_of_members_waits_for_room_on_the_disk) {
  world_call call = {0};
  const uint64_t joins = world_add_store(&w);
  uint64_t leader = start();
  for (uint64_t id = 1; id <= 3; id++) { /* none of them may go ahead */
    world_at(&w, id)->engine.fail_commits = 1000000;
  }
  kv_store_add_peer(world_at(&w, leader)->store, 0, joins, world_at(&w, joins)->address, 60000,
                    world_answered, &call);
  world_run(&w, 3000);
  ck_assert_int_eq(call.answers, 0);
  for (uint64_t id = 1; id <= 3; id++) {
    ck_assert_uint_eq(world_number(&w, id, "voters"), 3);
    world_at(&w, id)->engine.fail_commits = 0;
  }
  world_wait(&w, &call);
  ck_assert_str_eq(call.reply, "+OK\r\n");
}
END_TEST

START_TEST(a_removed_peer_stays_buried_after_power_loss) {
  world_call call = {0};
  uint64_t leader = start(), gone = leader % 3 + 1;
  write_some(leader, 0, 5);
  kv_store_remove_peer(world_at(&w, leader)->store, 0, gone, 30000, world_answered, &call);
  world_wait(&w, &call);
  ck_assert_str_eq(call.reply, "+OK\r\n");
  world_run(&w, 5000);
  (void)lose_power_everywhere();
  world_run(&w, 5000);
  kv_store_summary summary;
  kv_store_summarize(world_at(&w, gone)->store, &summary);
  ck_assert_uint_eq(summary.regions, 0);
  ck_assert_uint_eq(durable_keys(gone), 0);
}
END_TEST

START_TEST(a_full_disk_refuses_writes_serves_reads_and_recovers) {
  world_call call;
  uint64_t leader = start();
  write_some(leader, 0, 10);
  world_at(&w, leader)->engine.fail_commits = 1000000;
  ck_assert_int_eq(world_flush(&w, leader), KV_EFULL);
  world_do(&w, leader, &call, KV_OP_SET, 0, "refused", "1", NULL);
  ck_assert(begins(&call, "-TRYAGAIN the disk of store"));
  expect_all(leader, 10);
  world_at(&w, leader)->engine.fail_commits = 0;
  ck_assert_int_eq(world_flush(&w, leader), KV_OK);
  write_some(leader, 10, 12);
  expect_all(leader, 12);
  ck_assert_uint_ge(durable_keys(leader), 10);
}
END_TEST

/* Writes of 4 KiB until one is refused; returns how many were not. */
static int write_until_refused(uint64_t leader, world_call *call) {
  static char value[4097];
  char key[16];
  memset(value, 'v', sizeof value - 1);
  for (int i = 0; i < 100; i++) {
    (void)snprintf(key, sizeof key, "k%d", i);
    if (world_do(&w, leader, call, KV_OP_SET, 0, key, value, NULL)[0] != '+') {
      return i;
    }
  }
  return 100;
}

START_TEST(a_state_machine_that_is_too_slow_refuses_writes_until_it_has_caught_up) {
  world_call call;
  uint64_t leader = start();
  world_store *s = world_at(&w, leader);
  write_some(leader, 0, 1);
  s->below.fail_code = KV_ENOMEM; /* a generation stays in the way */
  s->below.fail_at = s->below.operations + 2;
  ck_assert_int_eq(world_flush(&w, leader), KV_ENOMEM);
  const int taken = write_until_refused(leader, &call);
  ck_assert_int_gt(taken, 5);
  ck_assert_int_lt(taken, 100);
  ck_assert(begins(&call, "-TRYAGAIN server is busy"));
  flush_all();
  ck_assert_int_gt(write_until_refused(leader, &call), taken);
}
END_TEST

int main(void) {
  const TTest *const tests[] = {
      what_was_answered_survives_power_loss_before_any_flush,
      it_survives_power_loss_between_two_flushes,
      increments_are_repeated_from_the_durable_state_and_not_twice,
      a_log_is_not_cut_before_its_state_is_durable,
      a_state_that_the_log_does_not_reach_back_to_is_refused,
      a_flush_of_other_regions_sets_no_cut_free_too_early,
      a_change_of_members_is_durable_when_it_is_answered,
      a_change_of_members_waits_for_room_on_the_disk,
      a_removed_peer_stays_buried_after_power_loss,
      a_full_disk_refuses_writes_serves_reads_and_recovers,
      a_state_machine_that_is_too_slow_refuses_writes_until_it_has_caught_up,
  };
  return run_suite("store_overlay", tests, sizeof tests / sizeof *tests, setup, teardown);
}
