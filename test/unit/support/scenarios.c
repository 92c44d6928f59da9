/* scenarios.c - what a group of three goes through while something fails: a table of stories.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "scenarios.h"

#include <stdio.h>
#include <stdlib.h>

enum { READS_MOST = 64 };

group scenario_group;
static group *const g = &scenario_group;
static uint64_t reads;              /* how many were asked in this story */
static uint64_t floors[READS_MOST]; /* what was applied when they were */
static bool empty;                  /* somebody may still have to be bootstrapped */

/* ---- what stories are made of ---- */

bool scenario_tolerates(int rc) {
  return rc == RAFT_OK || rc == RAFT_ENOMEM || raft_is_dropped(rc) || rc == RAFT_EREAD_NO_LEADER ||
         rc == RAFT_EREAD_TOO_MANY || rc == RAFT_EPEER_NOT_FOUND;
}

static void must_not_be(bool bad, const char *what) {
  if (bad) {
    (void)fprintf(stderr, "scenario: %s\n", what);
    abort();
  }
}

static void tolerate(int rc) {
  must_not_be(!scenario_tolerates(rc), raft_error_string(rc));
}

static uint64_t leader(void) {
  uint64_t id = group_leader(g);
  return id == 0 ? 1 : id;
}

/* NULL: it is down. */
static raft_rawnode *up(uint64_t id) {
  return group_node(g, id);
}

static void elect(void) {
  if (up(1) != NULL) {
    tolerate(raft_rawnode_campaign(up(1)));
  }
  group_settle(g);
  group_tick(g, 3);
}

static void propose(uint64_t id, unsigned count) {
  for (unsigned i = 0; i < count && up(id) != NULL; i++) {
    tolerate(group_propose(g, id, "a proposal"));
  }
  group_settle(g);
}

static void propose_batch(uint64_t id) {
  raft_bytes payloads[6];
  for (size_t i = 0; i < 6; i++) {
    payloads[i] = (raft_bytes){"one of many", 11, NULL};
  }
  if (up(id) != NULL) {
    tolerate(raft_rawnode_propose_batch(up(id), payloads, 6));
  }
  group_settle(g);
}

static void change(raft_conf_change_type type, uint64_t id) {
  raft_conf_change one = {.type = type, .node_id = id};
  if (up(leader()) != NULL) {
    tolerate(raft_rawnode_propose_conf_change(up(leader()), &one));
  }
  group_settle(g);
  group_tick(g, 1);
}

static void change_two(raft_conf_change_transition transition, const raft_conf_change_single *two) {
  raft_conf_change_v2 both = {.transition = transition, .changes = two, .change_count = 2};
  if (up(leader()) != NULL) {
    tolerate(raft_rawnode_propose_conf_change_v2(up(leader()), &both));
  }
  group_settle(g);
  group_tick(g, 1);
}

static uint64_t most_applied(void) {
  uint64_t most = 0;
  for (uint64_t id = 1; id <= g->count; id++) {
    most = g->members[id].applied > most ? g->members[id].applied : most;
  }
  return most;
}

static void read_index(uint64_t id) {
  uint64_t number = reads;
  raft_bytes context = {&number, sizeof number, NULL};
  must_not_be(reads == READS_MOST, "too many reads");
  floors[reads++] = most_applied();
  if (up(id) != NULL) {
    tolerate(raft_rawnode_read_index(up(id), &context));
  }
  group_settle(g);
}

static void transfer(uint64_t to) {
  if (up(leader()) != NULL) {
    tolerate(raft_rawnode_transfer_leader(up(leader()), to));
  }
  group_settle(g);
  group_tick(g, 2);
}

/* The leader forgets its log, if it has applied some since the last time. */
static void compact(void) {
  uint64_t id = leader();
  uint64_t applied = g->members[id].applied;
  if (up(id) != NULL && applied > group_status(g, id).first_index + 2 &&
      group_status(g, id).applied >= applied) {
    group_compact(g, id, applied - 1);
  }
}

/* One that cannot be opened stays down, and has left nothing behind. */
static void restart(uint64_t id) {
  if (up(id) != NULL) {
    group_stop(g, id);
  }
  const failing_allocator *memory = g->members[id].config.allocator->ctx;
  size_t before = memory->live_blocks;
  int rc = group_start(g, id);
  must_not_be(rc != RAFT_OK && rc != RAFT_ENOMEM, "a node cannot be opened");
  must_not_be(rc != RAFT_OK && memory->live_blocks != before, "opening left memory behind");
  must_not_be(rc != RAFT_OK && up(id) != NULL, "a node that was not opened");
}

static void bootstrap(uint64_t id) {
  static const raft_peer peers[] = {{.id = 1, .context = {"one", 3, NULL}}, {.id = 2}, {.id = 3}};
  int rc = raft_rawnode_bootstrap(up(id), peers, 3);
  /* It may have heard of the group before a second attempt. */
  must_not_be(rc != RAFT_OK && rc != RAFT_ENOMEM && rc != RAFT_ENOT_EMPTY, raft_error_string(rc));
}

/* ---- stories ---- */

static void election(void) {
  group_tick(g, 25); /* by time-outs */
  g->members[leader()].cut = true;
  group_tick(g, 45); /* and another one */
}

static void replication(void) {
  elect();
  propose(1, 3);
  propose(2, 1); /* forwarded */
  g->members[3].cut = true;
  propose(1, 5);
  propose_batch(1);
  g->members[3].cut = false;
  g->members[2].cut = true;
  group_tick(g, 3);
  propose_batch(leader());
  g->members[2].cut = false;
  group_tick(g, 3);
  if (up(leader()) != NULL) {
    tolerate(raft_rawnode_report_unreachable(up(leader()), 3));
  }
  propose(leader(), 2);
}

static void divergence(void) {
  elect();
  g->members[1].cut = true;
  propose(1, 4); /* nobody will ever have these */
  group_tick(g, 30);
  propose(leader(), 3);
  g->members[1].cut = false;
  group_tick(g, 5);
}

static void snapshot(void) {
  elect();
  g->members[3].cut = true;
  propose(1, 6);
  compact();
  g->members[3].cut = false;
  group_tick(g, 4);
  if (up(leader()) != NULL) {
    tolerate(raft_rawnode_report_snapshot(up(leader()), 3, true));
  }
  propose(leader(), 2);
  group_tick(g, 2);
}

static void restarts(void) {
  elect();
  propose(1, 4);
  restart(2);
  propose(leader(), 2);
  compact();
  restart(1);
  restart(3);
  group_tick(g, 30);
  propose(leader(), 2);
  read_index(leader());
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
  group_tick(g, 2);
  propose(leader(), 2);
  change_two(RAFT_TRANSITION_JOINT_EXPLICIT, back);
  propose(leader(), 1);
  if (up(leader()) != NULL) {
    tolerate(raft_rawnode_propose_conf_change_v2(up(leader()), NULL));
  }
  group_tick(g, 2);
}

static void demotion_of_the_leader(void) {
  elect();
  propose(1, 2);
  change(RAFT_CONF_ADD_LEARNER, 1);
  group_tick(g, 30);
  change(RAFT_CONF_ADD_NODE, 1);
}

static void read_indexes(void) {
  elect();
  propose(1, 1);
  read_index(1);
  read_index(2);
  read_index(3);
  g->members[2].cut = g->members[3].cut = true;
  for (int i = 0; i < 6; i++) {
    read_index(1);
  }
  group_tick(g, 25); /* steps down and abandons them */
  g->members[2].cut = g->members[3].cut = false;
  group_tick(g, 5);
  read_index(leader());
}

static void transfers(void) {
  elect();
  propose(1, 2);
  transfer(2);
  propose(leader(), 2);
  group_tick(g, 12); /* gives up, if nobody would have the other */
  g->members[3].cut = true;
  propose(leader(), 3);
  g->members[3].cut = false;
  transfer(3);
  transfer(1);
}

static void bootstraps(void) {
  empty = true;
  for (uint64_t id = 1; id <= 3; id++) {
    bootstrap(id);
  }
  elect();
  propose(1, 2);
  restart(3);
  propose(leader(), 1);
}

/* Every message between members is decoded. */
static void decoding(void) {
  g->wired = true;
  replication();
  read_index(2);
  g->members[3].cut = true;
  propose(leader(), 3);
  compact();
  g->members[3].cut = false;
  group_tick(g, 4);
  change(RAFT_CONF_ADD_LEARNER, 4);
}

static void commit_groups(void) {
  static const raft_commit_group groups[] = {{1, 1}, {2, 1}, {3, 2}};
  for (uint64_t id = 1; id <= 3; id++) {
    tolerate(raft_rawnode_enable_group_commit(up(id), true));
    tolerate(raft_rawnode_assign_commit_groups(up(id), groups, 3));
  }
  elect();
  propose(1, 2);
  g->members[3].cut = true;
  propose(leader(), 2);
  g->members[3].cut = false;
  group_tick(g, 3);
  change(RAFT_CONF_ADD_LEARNER, 4);
  transfer(2);
  propose(leader(), 1);
}

/* ---- with what options ---- */

static void async(raft_config *config) {
  config->async_storage_writes = true;
}

static void ahead(raft_config *config) {
  config->async_storage_writes = true;
  config->max_unpersisted_apply = 4;
}

static void leased(raft_config *config) {
  config->read_only = RAFT_READ_ONLY_LEASE_BASED;
}

static void stepping_down(raft_config *config) {
  config->step_down_on_removal = true;
}

static void handing_over(raft_config *config) {
  config->hand_over_on_removal = true;
}

static void batching(raft_config *config) {
  config->batch_append = true;
  config->skip_commit_broadcast = true;
}

static void ranked(raft_config *config) {
  config->priority = (int64_t)config->id;
  config->commit_in_votes = true;
}

static void narrow(raft_config *config) {
  config->max_size_per_message = 0;
  config->max_inflight_messages = 2;
  config->max_committed_size_per_ready = 1;
  config->max_uncommitted_size = 100;
}

const scenario scenarios[] = {
    {"election", election, NULL, false},
    {"election, ranked", election, ranked, false},
    {"replication", replication, NULL, false},
    {"replication, asynchronous", replication, async, false},
    {"replication, ahead of the disk", replication, ahead, false},
    {"replication, batched", replication, batching, false},
    {"replication, narrow", replication, narrow, false},
    {"a log that diverged", divergence, NULL, false},
    {"a log that diverged, asynchronous", divergence, async, false},
    {"snapshot", snapshot, NULL, false},
    {"snapshot, asynchronous", snapshot, async, false},
    {"simple changes", simple_changes, NULL, false},
    {"joint changes", joint_changes, NULL, false},
    {"joint changes, asynchronous", joint_changes, async, false},
    {"demotion of the leader", demotion_of_the_leader, stepping_down, false},
    {"demotion, handed over", demotion_of_the_leader, handing_over, false},
    {"reads by rounds", read_indexes, NULL, false},
    {"reads by lease", read_indexes, leased, false},
    {"reads, asynchronous", read_indexes, async, false},
    {"transfers", transfers, NULL, false},
    {"transfers, ranked", transfers, ranked, false},
    {"restarts", restarts, NULL, false},
    {"restarts, asynchronous", restarts, async, false},
    {"bootstrap", bootstraps, NULL, true},
    {"decoding", decoding, NULL, false},
    {"decoding, asynchronous", decoding, async, false},
    {"commit groups", commit_groups, NULL, false},
};
const size_t scenario_count = sizeof scenarios / sizeof scenarios[0];

/* ---- afterwards ---- */

void scenario_heal(void) {
  for (uint64_t id = 1; id <= g->count; id++) {
    g->members[id].cut = false;
    must_not_be(up(id) == NULL && group_start(g, id) != RAFT_OK, "a node stays down");
    if (empty) {
      bootstrap(id);
    }
  }
}

void scenario_check_reads(void) {
  for (uint64_t id = 1; id <= g->count; id++) {
    const group_member *m = &g->members[id];
    for (size_t i = 0; i < m->read_count; i++) {
      bool answered = m->reads[i].status == RAFT_OK;
      must_not_be(answered && m->read_tags[i] >= reads, "an answer to no read");
      must_not_be(answered && m->reads[i].index < floors[m->read_tags[i]], "a stale read");
    }
  }
  reads = 0;
  empty = false;
}
