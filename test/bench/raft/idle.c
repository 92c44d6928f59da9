/* idle.c - what a group costs that has nothing to do: ticks, heartbeats, questions for work.
 *
 * A heartbeat round is all that the leader does for one: the tick, the Ready with the heartbeats,
 * and the answers of all followers, which are made up. A follower's heartbeat is the step and the
 * Ready with its answer. Idle ticks are those at which nothing is due.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>

#include "bench.h"
#include "cluster.h"

enum { CHUNK = 4096, GROUPS = 10000 };

typedef struct idling {
  cluster group;
  raft_rawnode *node;
  uint64_t term;
  uint64_t commit;
} idling;

static void take_ready(raft_rawnode *node) {
  const raft_ready *ready;
  if (raft_rawnode_has_ready(node)) {
    bench_check(raft_rawnode_ready(node, &ready), "ready");
    bench_sink += ready->message_count;
    bench_check(raft_rawnode_advance(node, ready), "advance");
  }
}

static void leader_rounds(void *ctx, size_t n) {
  idling *idle = ctx;
  for (size_t i = 0; i < n; i++) {
    bench_check(raft_rawnode_tick(idle->node), "tick");
    take_ready(idle->node);
    for (uint64_t id = 2; id <= idle->group.count; id++) {
      raft_message answer = {
          .type = RAFT_MSG_HEARTBEAT_RESP, .from = id, .to = 1, .term = idle->term};
      bench_check(raft_rawnode_step(idle->node, &answer), "step");
    }
    take_ready(idle->node);
  }
}

static void follower_heartbeats(void *ctx, size_t n) {
  idling *idle = ctx;
  for (size_t i = 0; i < n; i++) {
    raft_message heartbeat = {
        .type = RAFT_MSG_HEARTBEAT, .from = 1, .to = 2, .term = idle->term, .commit = idle->commit};
    bench_check(raft_rawnode_step(idle->node, &heartbeat), "step");
    take_ready(idle->node);
  }
}

static void ticks(void *ctx, size_t n) {
  const idling *idle = ctx;
  for (size_t i = 0; i < n; i++) {
    bench_check(raft_rawnode_tick(idle->node), "tick");
  }
}

static void questions(void *ctx, size_t n) {
  const idling *idle = ctx;
  for (size_t i = 0; i < n; i++) {
    bench_sink += raft_rawnode_has_ready(idle->node) ? 1 : 0;
  }
}

/* Nothing becomes due in the time of a benchmark. */
static void slow_clock(raft_config *config) {
  config->election_ticks = UINT32_C(1) << 30;
  config->heartbeat_ticks = UINT32_C(1) << 29;
}

static double run(const bench_point *point, size_t position, void (*work)(void *ctx, size_t n),
                  void (*change)(raft_config *config)) {
  idling idle;
  cluster_open(&idle.group, point->nodes, NULL, change);
  idle.node = idle.group.members[position].node;
  raft_basic_status status;
  raft_rawnode_basic_status(idle.node, &status);
  idle.term = status.hard_state.term;
  idle.commit = status.hard_state.commit;
  double ns = bench_time(work, &idle, CHUNK);
  cluster_close(&idle.group);
  return ns;
}

static double leader_round(const bench_point *point) {
  return run(point, 0, leader_rounds, NULL);
}

static double follower_heartbeat(const bench_point *point) {
  return run(point, 1, follower_heartbeats, NULL);
}

static double follower_tick(const bench_point *point) {
  return run(point, 1, ticks, slow_clock);
}

static double leader_tick(const bench_point *point) {
  return run(point, 0, ticks, slow_clock);
}

static double no_work(const bench_point *point) {
  return run(point, 1, questions, slow_clock);
}

/* ---- more groups than a cache holds ---- */

static void tick_in_turn(void *ctx, size_t n) {
  cluster *groups = ctx;
  for (size_t i = 0; i < n; i++) {
    bench_check(raft_rawnode_tick(groups[i].members[1].node), "tick");
  }
}

static double tick_many(const bench_point *point) {
  cluster *groups = calloc(GROUPS, sizeof *groups);
  bench_check(groups == NULL ? RAFT_ENOMEM : RAFT_OK, "prepare");
  for (size_t i = 0; i < GROUPS; i++) {
    cluster_open(&groups[i], point->nodes, NULL, slow_clock);
  }
  double ns = bench_time(tick_in_turn, groups, GROUPS);
  for (size_t i = 0; i < GROUPS; i++) {
    cluster_close(&groups[i]);
  }
  free(groups);
  return ns;
}

const bench_point bench_idle_points[] = {
    {"heartbeat round, leader of 3", "ns", leader_round, 3, 0, 0},
    {"heartbeat round, leader of 5", "ns", leader_round, 5, 0, 0},
    {"heartbeat, follower of 3", "ns", follower_heartbeat, 3, 0, 0},
    {"tick, idle follower of 3", "ns", follower_tick, 3, 0, 0},
    {"tick, idle leader of 3", "ns", leader_tick, 3, 0, 0},
    {"tick, idle follower, 10 000 groups of 3 in turn", "ns", tick_many, 3, 0, 0},
    {"has_ready, no work", "ns", no_work, 3, 0, 0},
    {.name = NULL},
};
