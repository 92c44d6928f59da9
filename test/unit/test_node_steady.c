/* test_node_steady.c - a group at rest allocates nothing: ticks, heartbeats, answers, Readies.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>

#include "group.h"
#include "run_suite.h"

enum { ROUNDS = 1000 };

static group g;

static void async(raft_config *config) {
  config->async_storage_writes = true;
}

static void batching(raft_config *config) {
  config->batch_append = true;
  config->skip_commit_broadcast = true;
}

static void slow_pulse(raft_config *config) {
  config->heartbeat_ticks = 3;
}

/* A group that has worked, and then has nothing to do. */
static void come_to_rest(size_t count, void (*change)(raft_config *)) {
  group_open(&g, count, change);
  group_elect(&g, 1);
  for (int i = 0; i < 100; i++) {
    ck_assert_int_eq(group_propose(&g, 1, "a proposal"), RAFT_OK);
  }
  group_settle(&g);
  group_tick(&g, 30);
}

static void expect_no_allocation(size_t rounds) {
  for (uint64_t id = 1; id <= g.count; id++) {
    failing_allocator_arm(&g.members[id].memory, 0, false);
  }
  uint64_t heartbeats = g.delivered[RAFT_MSG_HEARTBEAT];
  uint64_t answers = g.delivered[RAFT_MSG_HEARTBEAT_RESP];
  group_tick(&g, rounds);
  for (uint64_t id = 1; id <= g.count; id++) {
    ck_assert_uint_eq(g.members[id].memory.total_calls, 0);
  }
  printf("%zu ticks of %zu members, %llu heartbeats, %llu answers: 0 allocations\n", rounds,
         g.count, (unsigned long long)(g.delivered[RAFT_MSG_HEARTBEAT] - heartbeats),
         (unsigned long long)(g.delivered[RAFT_MSG_HEARTBEAT_RESP] - answers));
  ck_assert_uint_ge(g.delivered[RAFT_MSG_HEARTBEAT_RESP] - answers, rounds / 3 * (g.count - 1));
  group_close(&g);
}

START_TEST(a_group_at_rest_allocates_nothing) {
  come_to_rest(3, NULL);
  expect_no_allocation(ROUNDS);
}
END_TEST

START_TEST(nor_with_asynchronous_writes) {
  come_to_rest(3, async);
  expect_no_allocation(ROUNDS);
}
END_TEST

START_TEST(nor_with_batches_or_a_slower_pulse_or_more_members) {
  come_to_rest(3, batching);
  expect_no_allocation(ROUNDS);
  come_to_rest(3, slow_pulse);
  expect_no_allocation(ROUNDS);
  come_to_rest(7, NULL);
  expect_no_allocation(ROUNDS);
}
END_TEST

int main(void) {
  const TTest *const tests[] = {
      a_group_at_rest_allocates_nothing,
      nor_with_asynchronous_writes,
      nor_with_batches_or_a_slower_pulse_or_more_members,
  };
  return run_suite("steady state", tests, sizeof tests / sizeof tests[0], NULL, NULL);
}
