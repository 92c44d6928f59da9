/* test_node_memory.c - an allocation that fails is a lost message, never a wrong state.
 *
 * Whole scenarios of a group are played again and again, and each time another allocation of one
 * member fails: once, or from then on until it is healed. Calls may answer that there is no memory,
 * and nothing else that they would not answer anyway; the group itself sees to it that a term has
 * one leader, that all apply the same, and that no memory is left behind. Once healed, the
 * group must come to agree on something new.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <string.h>

#include "group.h"
#include "run_suite.h"

static group g;

static void async(raft_config *config) {
  config->async_storage_writes = true;
}

static void leased(raft_config *config) {
  config->read_only = RAFT_READ_ONLY_LEASE_BASED;
}

static void stepping_down(raft_config *config) {
  config->step_down_on_removal = true;
}

/* ---- what scenarios are made of: nothing of it must succeed ---- */

static bool is_tolerable(int rc) {
  return rc == RAFT_OK || rc == RAFT_ENOMEM || raft_is_dropped(rc) || rc == RAFT_EREAD_NO_LEADER ||
         rc == RAFT_EPEER_NOT_FOUND;
}

static void try(int rc) {
  if (!is_tolerable(rc)) {
    ck_abort_msg("%s", raft_error_string(rc));
  }
}

static uint64_t leader(void) {
  uint64_t id = group_leader(&g);
  return id == 0 ? 1 : id;
}

static void elect(void) {
  try(raft_rawnode_campaign(group_node(&g, 1)));
  group_settle(&g);
  group_tick(&g, 3);
}

static void propose(uint64_t id, unsigned count) {
  for (unsigned i = 0; i < count; i++) {
    try(group_propose(&g, id, "a proposal"));
  }
  group_settle(&g);
}

static void propose_batch(uint64_t id) {
  raft_bytes payloads[6];
  for (size_t i = 0; i < 6; i++) {
    payloads[i] = (raft_bytes){"one of many", 11, NULL};
  }
  try(raft_rawnode_propose_batch(group_node(&g, id), payloads, 6));
  group_settle(&g);
}

static void change(raft_conf_change_type type, uint64_t id) {
  raft_conf_change one = {.type = type, .node_id = id};
  try(raft_rawnode_propose_conf_change(group_node(&g, leader()), &one));
  group_settle(&g);
  group_tick(&g, 1);
}

static void change_two(raft_conf_change_transition transition, const raft_conf_change_single *two) {
  raft_conf_change_v2 both = {.transition = transition, .changes = two, .change_count = 2};
  try(raft_rawnode_propose_conf_change_v2(group_node(&g, leader()), &both));
  group_settle(&g);
  group_tick(&g, 1);
}

static void read_index(uint64_t id) {
  raft_bytes context = {"what is it now", 14, NULL};
  try(raft_rawnode_read_index(group_node(&g, id), &context));
  group_settle(&g);
}

static void transfer(uint64_t to) {
  try(raft_rawnode_transfer_leader(group_node(&g, leader()), to));
  group_settle(&g);
  group_tick(&g, 2);
}

/* The leader forgets its log, if it has applied some since the last time. */
static void compact(void) {
  uint64_t id = leader();
  uint64_t applied = g.members[id].applied;
  if (applied > group_status(&g, id).first_index + 2) {
    group_compact(&g, id, applied - 1);
  }
}

/* Opening is not proven here. */
static void restart(uint64_t id) {
  size_t fail_at = g.members[id].memory.fail_at;
  g.members[id].memory.fail_at = 0;
  group_restart(&g, id);
  g.members[id].memory.fail_at = fail_at;
}

/* ---- scenarios ---- */

static void election(void) {
  group_tick(&g, 25); /* by time-outs */
  g.members[leader()].cut = true;
  group_tick(&g, 45); /* and another one */
}

static void replication(void) {
  elect();
  propose(1, 3);
  propose(2, 1); /* forwarded */
  g.members[3].cut = true;
  propose(1, 5);
  propose_batch(1);
  g.members[3].cut = false;
  g.members[2].cut = true;
  group_tick(&g, 3);
  propose_batch(leader());
  g.members[2].cut = false;
  group_tick(&g, 3);
  try(raft_rawnode_report_unreachable(group_node(&g, leader()), 3));
  propose(leader(), 2);
}

static void divergence(void) {
  elect();
  g.members[1].cut = true;
  propose(1, 4); /* nobody will ever have these */
  group_tick(&g, 30);
  propose(leader(), 3);
  g.members[1].cut = false;
  group_tick(&g, 5);
}

static void snapshot(void) {
  elect();
  g.members[3].cut = true;
  propose(1, 6);
  compact();
  g.members[3].cut = false;
  group_tick(&g, 4);
  try(raft_rawnode_report_snapshot(group_node(&g, leader()), 3, true));
  propose(leader(), 2);
  restart(2);
  group_tick(&g, 2);
}

static void simple_changes(void) {
  elect();
  change(RAFT_CONF_ADD_LEARNER, 4); /* which never comes */
  change(RAFT_CONF_ADD_NODE, 4);
  propose(leader(), 2);
  change(RAFT_CONF_REMOVE_NODE, 4);
  change(RAFT_CONF_ADD_LEARNER, 3);
  propose(leader(), 1);
  change(RAFT_CONF_ADD_NODE, 3);
}

static void joint_changes(void) {
  static const raft_conf_change_single away[] = {{RAFT_CONF_ADD_LEARNER, 3},
                                                 {RAFT_CONF_ADD_NODE, 4}};
  static const raft_conf_change_single back[] = {{RAFT_CONF_ADD_NODE, 3},
                                                 {RAFT_CONF_REMOVE_NODE, 4}};
  elect();
  change_two(RAFT_TRANSITION_AUTO, away);
  group_tick(&g, 2);
  propose(leader(), 2);
  change_two(RAFT_TRANSITION_JOINT_EXPLICIT, back);
  propose(leader(), 1);
  try(raft_rawnode_propose_conf_change_v2(group_node(&g, leader()), NULL));
  group_tick(&g, 2);
}

static void demotion_of_the_leader(void) {
  elect();
  propose(1, 2);
  change(RAFT_CONF_ADD_LEARNER, 1);
  group_tick(&g, 30);
  change(RAFT_CONF_ADD_NODE, 1);
}

static void reads(void) {
  elect();
  read_index(1);
  read_index(2);
  read_index(3);
  g.members[2].cut = g.members[3].cut = true;
  for (int i = 0; i < 6; i++) {
    read_index(1);
  }
  group_tick(&g, 25); /* steps down and abandons them */
  g.members[2].cut = g.members[3].cut = false;
  group_tick(&g, 5);
  read_index(leader());
}

static void transfers(void) {
  elect();
  propose(1, 2);
  transfer(2);
  propose(leader(), 2);
  g.members[3].cut = true;
  propose(leader(), 3);
  g.members[3].cut = false;
  transfer(3);
  transfer(1);
}

/* ---- the proof ---- */

typedef struct scenario {
  const char *name;
  void (*play)(void);
  void (*change)(raft_config *config);
} scenario;

static void require(const scenario *s, uint64_t victim, size_t n, bool ok, const char *what) {
  if (!ok) {
    ck_abort_msg("%s: allocation %zu of member %d: %s", s->name, n, (int)victim, what);
  }
}

/* All members are well and connected: they elect, and agree on something new. */
static void expect_agreement(const scenario *s, uint64_t victim, size_t n) {
  for (uint64_t id = 1; id <= 3; id++) {
    g.members[id].cut = false;
  }
  group_tick(&g, 45);
  uint64_t id = group_leader(&g);
  require(s, victim, n, id != 0, "no leader");
  uint64_t before = g.members[id].applied;
  require(s, victim, n, group_propose(&g, id, "news") == RAFT_OK, "no proposal");
  group_tick(&g, 5);
  require(s, victim, n, g.members[id].applied > before, "no progress");
  group_expect_equal(&g);
  for (uint64_t i = 1; i <= 3; i++) {
    if (!is_tolerable(g.members[i].odd_error)) {
      require(s, victim, n, false, raft_error_string(g.members[i].odd_error));
    }
  }
}

/* False: the scenario has fewer than `n` allocations. */
static bool play(const scenario *s, uint64_t victim, size_t n, bool from_then_on) {
  group_open(&g, 3, s->change);
  failing_allocator *memory = &g.members[victim].memory;
  failing_allocator_arm(memory, n, from_then_on);
  s->play();
  bool failed = memory->total_calls >= n;
  failing_allocator_arm(memory, 0, false);
  expect_agreement(s, victim, n);
  group_close(&g);
  return failed;
}

static void prove(const scenario *s) {
  size_t played = 0;
  for (uint64_t victim = 1; victim <= 3; victim++) {
    for (int from_then_on = 0; from_then_on <= 1; from_then_on++) {
      for (size_t n = 1; play(s, victim, n, from_then_on != 0); n++) {
        played++;
      }
    }
  }
  printf("%s: %zu allocations failed\n", s->name, played);
  ck_assert_uint_gt(played, 20);
}

START_TEST(an_election_survives) {
  static const scenario s = {"an election", election, NULL};
  prove(&s);
}
END_TEST

START_TEST(replication_of_entries_survives) {
  static const scenario s = {"replication of entries", replication, NULL};
  prove(&s);
}
END_TEST

START_TEST(a_log_that_diverged_survives) {
  static const scenario s = {"a log that diverged", divergence, NULL};
  prove(&s);
}
END_TEST

START_TEST(a_snapshot_survives) {
  static const scenario s = {"a snapshot", snapshot, NULL};
  prove(&s);
}
END_TEST

START_TEST(simple_changes_of_members_survive) {
  static const scenario s = {"simple changes of members", simple_changes, NULL};
  prove(&s);
}
END_TEST

START_TEST(joint_changes_of_members_survive) {
  static const scenario s = {"joint changes of members", joint_changes, NULL};
  prove(&s);
}
END_TEST

START_TEST(a_leader_that_is_demoted_survives) {
  static const scenario s = {"a leader that is demoted", demotion_of_the_leader, stepping_down};
  prove(&s);
}
END_TEST

START_TEST(reads_by_rounds_survive) {
  static const scenario s = {"reads by rounds", reads, NULL};
  prove(&s);
}
END_TEST

START_TEST(reads_by_lease_survives) {
  static const scenario s = {"reads by lease", reads, leased};
  prove(&s);
}
END_TEST

START_TEST(transfers_of_leadership_survives) {
  static const scenario s = {"transfers of leadership", transfers, NULL};
  prove(&s);
}
END_TEST

START_TEST(asynchronous_replication_survives) {
  static const scenario s = {"asynchronous replication", replication, async};
  prove(&s);
}
END_TEST

START_TEST(an_asynchronous_snapshot_survives) {
  static const scenario s = {"an asynchronous snapshot", snapshot, async};
  prove(&s);
}
END_TEST

START_TEST(asynchronous_changes_survive) {
  static const scenario s = {"asynchronous changes", joint_changes, async};
  prove(&s);
}
END_TEST

int main(void) {
  const TTest *const tests[] = {
      an_election_survives,
      replication_of_entries_survives,
      a_log_that_diverged_survives,
      a_snapshot_survives,
      simple_changes_of_members_survive,
      joint_changes_of_members_survive,
      a_leader_that_is_demoted_survives,
      reads_by_rounds_survive,
      reads_by_lease_survives,
      transfers_of_leadership_survives,
      asynchronous_replication_survives,
      an_asynchronous_snapshot_survives,
      asynchronous_changes_survive,
  };
  return run_suite("memory", tests, sizeof tests / sizeof tests[0], NULL, NULL);
}
