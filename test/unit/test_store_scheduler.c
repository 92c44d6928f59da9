/* test_store_scheduler.c - stores and the scheduler together: a cluster that looks after itself.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/run_suite.h"
#include "support/scheduler_world.h"

static scheduler_world s;

static void open_with(size_t stores, size_t started) {
  scheduler_world_init(&s);
  scheduler_world_open(&s, 21, stores);
  for (uint64_t id = 1; id <= started; id++) {
    world_start(&s.w, id);
  }
  (void)world_wait_leader(&s.w, 0);
}

static void teardown(void) {
  scheduler_world_close(&s);
}

static void write_some(uint64_t store_id, int from, int to) {
  world_call call;
  char key[16];
  for (int i = from; i < to; i++) {
    (void)snprintf(key, sizeof key, "key%03d", i);
    ck_assert_str_eq(world_do(&s.w, store_id, &call, KV_OP_SET, 0, key, "value", NULL), "+OK\r\n");
  }
}

static void read_all(uint64_t store_id, int to) {
  world_call call;
  char key[16];
  for (int i = 0; i < to; i++) {
    (void)snprintf(key, sizeof key, "key%03d", i);
    ck_assert_str_eq(world_do(&s.w, store_id, &call, KV_OP_GET, 0, key, NULL), "$5\r\nvalue\r\n");
  }
}

static uint64_t state_of(uint64_t store_id) {
  const kv_scheduler_request request = {.call = KV_CALL_GET_STORE, .cluster_id = 7, .id = store_id};
  kv_scheduler_response response;
  scheduler_world_ask(&s, &request, &response);
  ck_assert_uint_eq(response.store_count, 1);
  const uint64_t state = response.stores[0].state;
  kv_scheduler_response_clear(&response);
  return state;
}

START_TEST(a_cluster_grows_from_one_store_to_three_replicas) {
  open_with(3, 1);
  write_some(1, 0, 20);
  world_start(&s.w, 2);
  world_start(&s.w, 3);
  scheduler_world_wait_replicas(&s, 3);
  write_some(2, 20, 40);
  read_all(3, 40);
  const uint64_t all[] = {1, 2, 3};
  world_check_equal(&s.w, all, 3);
}
END_TEST

START_TEST(stores_serve_while_the_scheduler_is_away_and_find_it_again) {
  open_with(3, 3);
  scheduler_world_wait_replicas(&s, 3);
  scheduler_world_stop(&s);
  write_some(1, 0, 10);
  world_crash(&s.w, 2); /* a store starts without it, too */
  world_run(&s.w, 3000);
  world_start(&s.w, 2);
  world_run(&s.w, 30000);
  write_some(2, 10, 20);
  scheduler_world_start(&s);
  world_run(&s.w, 5000);
  scheduler_world_wait_replicas(&s, 3);
  for (uint64_t id = 1; id <= 3; id++) {
    ck_assert_uint_eq(state_of(id), KV_STORE_UP);
  }
  read_all(3, 20);
}
END_TEST

START_TEST(a_dead_store_is_replaced) {
  scheduler_world_init(&s);
  s.options.config.store_down_ms = 60000;
  scheduler_world_open(&s, 22, 4);
  for (uint64_t id = 1; id <= 3; id++) {
    world_start(&s.w, id);
  }
  (void)world_wait_leader(&s.w, 0);
  scheduler_world_wait_replicas(&s, 3);
  write_some(1, 0, 20);
  world_crash(&s.w, 2);
  world_start(&s.w, 4);
  world_run(&s.w, 70000);
  scheduler_world_wait_replicas(&s, 3);
  ck_assert_uint_eq(world_at(&s.w, 4)->store->peer_count, 1);
  read_all(4, 20);
  world_start(&s.w, 2); /* comes back, and learns that it is no member any more */
  scheduler_world_wait_empty(&s, 2);
}
END_TEST

START_TEST(a_drained_store_ends_as_a_tombstone) {
  open_with(4, 4);
  scheduler_world_wait_replicas(&s, 3);
  const uint64_t out = 1;
  const kv_scheduler_request drain = {.call = KV_CALL_DRAIN_STORE, .cluster_id = 7, .id = out};
  kv_scheduler_response response;
  scheduler_world_ask(&s, &drain, &response);
  ck_assert_msg(response.status == KV_SCHEDULER_OK, "%s", response.text);
  kv_scheduler_response_clear(&response);
  scheduler_world_wait_empty(&s, out);
  scheduler_world_wait_replicas(&s, 3);
  world_crash(&s.w, out); /* or it would be told to stop, which this world takes for a failure */
  world_run(&s.w, 5000);
  ck_assert_uint_eq(state_of(out), KV_STORE_TOMBSTONE);
}
END_TEST

START_TEST(a_region_is_split_with_ids_of_the_scheduler) {
  world_call call = {0};
  open_with(3, 3);
  scheduler_world_wait_replicas(&s, 3);
  write_some(1, 0, 20);
  kv_store_split(world_at(&s.w, 1)->store, 0, (raft_slice){"key010", 6}, 0, world_answered, &call);
  world_wait(&s.w, &call);
  ck_assert_msg(call.reply[0] == '%', "%s", call.reply);
  scheduler_world_wait_replicas(&s, 3);
  read_all(2, 20);
  for (uint64_t id = 1; id <= 3; id++) {
    ck_assert_uint_eq(world_at(&s.w, id)->store->peer_count, 2);
  }
}
END_TEST

/* Other commits reach the followers with the next entry or heartbeat, which here is far away. */
START_TEST(a_majority_splits_without_waiting_for_a_heartbeat) {
  world_call call = {0};
  scheduler_world_init(&s);
  scheduler_world_open(&s, 21, 3);
  s.w.config.heartbeat_ticks = 9;
  for (uint64_t id = 1; id <= 3; id++) {
    world_start(&s.w, id);
  }
  const uint64_t leader = world_wait_leader(&s.w, 0);
  scheduler_world_wait_replicas(&s, 3);
  write_some(leader, 0, 20);
  kv_store_split(world_at(&s.w, leader)->store, 0, (raft_slice){"key010", 6}, 0, world_answered,
                 &call);
  world_wait(&s.w, &call);
  world_run(&s.w, 10);
  size_t done = 0;
  for (uint64_t id = 1; id <= 3; id++) {
    done += world_at(&s.w, id)->store->peer_count == 2;
  }
  ck_assert_uint_ge(done, 2);
}
END_TEST

int main(void) {
  const TTest *const tests[] = {
      a_cluster_grows_from_one_store_to_three_replicas,
      stores_serve_while_the_scheduler_is_away_and_find_it_again,
      a_dead_store_is_replaced,
      a_drained_store_ends_as_a_tombstone,
      a_region_is_split_with_ids_of_the_scheduler,
      a_majority_splits_without_waiting_for_a_heartbeat,
  };
  return run_suite("store_scheduler", tests, sizeof tests / sizeof *tests, NULL, teardown);
}
