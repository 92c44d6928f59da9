/* test_node_size.c - how little memory an idle node needs, so that it cannot grow unnoticed.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>

#include "group.h"
#include "run_suite.h"

/* Bytes as asked for, of an idle member of three voters on a machine with 64-bit pointers. */
enum { FOLLOWER_MOST = 1024, LEADER_MOST = 1176 };

static group g;

static void setup(void) {
  group_open(&g, 3, NULL);
  group_elect(&g, 1);
}

static void teardown(void) {
  group_close(&g);
}

static void propose(unsigned count, bool at_once) {
  for (unsigned i = 0; i < count; i++) {
    ck_assert_int_eq(group_propose(&g, 1, "a proposal like any other"), RAFT_OK);
    if (!at_once) {
      group_settle(&g);
    }
  }
  if (at_once) {
    ck_assert_uint_gt(g.members[1].memory.live_bytes, count * 25);
    group_settle(&g);
  }
  for (uint64_t id = 1; id <= 3; id++) {
    group_compact(&g, id, g.members[id].applied); /* payloads belong to the log, not to the node */
  }
}

START_TEST(an_idle_node_is_small) {
  propose(100, false);
  group_tick(&g, 20);
  size_t leader = g.members[1].memory.live_bytes, follower = g.members[3].memory.live_bytes;
  printf("idle group of 3: leader %zu bytes in %zu blocks, follower %zu bytes in %zu blocks\n",
         leader, g.members[1].memory.live_blocks, follower, g.members[3].memory.live_blocks);
  ck_assert_uint_le(leader, LEADER_MOST);
  ck_assert_uint_le(follower, FOLLOWER_MOST);
}
END_TEST

START_TEST(what_a_burst_needed_is_given_back) {
  propose(1000, true);
  group_tick(&g, 20);
  ck_assert_uint_le(g.members[1].memory.live_bytes, LEADER_MOST);
  ck_assert_uint_le(g.members[3].memory.live_bytes, FOLLOWER_MOST);
}
END_TEST

int main(void) {
  const TTest *const tests[] = {
      an_idle_node_is_small,
      what_a_burst_needed_is_given_back,
  };
  return run_suite("size", tests, sizeof tests / sizeof tests[0], setup, teardown);
}
