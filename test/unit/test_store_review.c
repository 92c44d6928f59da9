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
  world_call call;
  uint64_t leader = start();
  world_at(&w, leader)->log.no_space = true;
  world_execute(&w, leader, &call, 0, KV_OP_INCRBY, 1, "n", NULL);
  world_run(&w, 1000); /* nothing is under way whose completion could wake the log's writer */
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

int main(void) {
  const TTest *const tests[] = {
      a_disk_without_space_for_the_log_stops_no_store_and_loses_nothing,
      a_follower_without_space_for_the_log_delays_nobody,
  };
  return run_suite("store_review", tests, sizeof tests / sizeof *tests, setup, teardown);
}
