/* test_store.c - stores in one thread: elections, writes, reads, forwarding, crashes.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "run_suite.h"
#include "store_world.h"

static world w;

static void setup(void) {
  world_open(&w, 1, 3);
  for (uint64_t id = 1; id <= 3; id++) {
    world_start(&w, id);
  }
}

static void teardown(void) {
  world_close(&w);
}

static const uint64_t all[] = {1, 2, 3};

START_TEST(three_stores_elect_a_leader_and_accept_writes) {
  world_call call;
  uint64_t leader = world_wait_leader(&w, 0);
  ck_assert_str_eq(world_do(&w, leader, &call, KV_OP_SET, 0, "a", "1", NULL), "+OK\r\n");
  ck_assert_str_eq(world_do(&w, leader, &call, KV_OP_GET, 0, "a", NULL), "$1\r\n1\r\n");
  ck_assert_str_eq(world_do(&w, leader, &call, KV_OP_GET, 0, "b", NULL), "_\r\n");
  world_check_equal(&w, all, 3);
}
END_TEST

int main(void) {
  const TTest *const tests[] = {three_stores_elect_a_leader_and_accept_writes};
  return run_suite("store", tests, sizeof tests / sizeof *tests, setup, teardown);
}
