/* admin.c - whoever changes the membership: adds, removes, promotes, demotes, and retires.
 *
 * Most of what it asks for makes sense, some does not: adding who is there, removing who is not, a
 * second change before the first is done. A node that found itself removed is shut down some time
 * later, and may be added again with the disk it had.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <libraft/describe.h>
#include <string.h>

#include "world.h"

enum { CHANGES_MOST = 8, DRAWN_MOST = 3, REPLACED_MOST = 4, VOTERS_MOST = 7, JOINERS_MOST = 5 };

static bool is_removed(const sim_node *node) {
  uint32_t members = sim_conf_members(&node->machine.conf);
  return node->id != 0 && members != 0 && (members & sim_bit(node->id)) == 0;
}

static void retire_someone(sim_world *world) {
  for (unsigned id = 1; id <= SIM_NODES; id++) {
    sim_node *node = &world->nodes[id];
    if (is_removed(node) && !node->retired && sim_random_chance(&world->random, 200000)) {
      sim_trace_tell(&world->trace, id, "has been removed and is shut down");
      node->retired = true;
      sim_node_crash(node, 0);
    }
  }
}

/* Somebody to add: one that was there before, or a new one on an empty disk. */
static unsigned candidate(sim_world *world) {
  unsigned most = (unsigned)(world->options.nodes + world->options.learners) + JOINERS_MOST;
  return (unsigned)sim_random_between(&world->random, 1, most);
}

static void make_ready(sim_world *world, uint64_t id) {
  sim_node *node = &world->nodes[id];
  if (id == 0) {
    return; /* "the application rejected it" */
  }
  if (node->id == 0) {
    sim_node_install(world, (unsigned)id, NULL, false);
  } else if (node->retired) {
    node->retired = false;
    node->life++;
    sim_node_start(node);
  }
}

static raft_conf_change_single draw_change(sim_world *world, const sim_conf *conf) {
  static const uint32_t KINDS[] = {
      [RAFT_CONF_ADD_NODE] = 4,
      [RAFT_CONF_REMOVE_NODE] = 4,
      [RAFT_CONF_UPDATE_NODE] = 1,
      [RAFT_CONF_ADD_LEARNER] = 3,
  };
  int voters = __builtin_popcount(conf->voters);
  raft_conf_change_single change = {.node_id = candidate(world)};
  change.type = (raft_conf_change_type)sim_random_pick(&world->random, KINDS, 4);
  if (change.type == RAFT_CONF_REMOVE_NODE && sim_conf_members(conf) != 0) {
    change.node_id = sim_random_member(&world->random, sim_conf_members(conf));
  }
  if (voters >= VOTERS_MOST && change.type == RAFT_CONF_ADD_NODE) {
    change.type = RAFT_CONF_REMOVE_NODE;
  } else if (voters <= 2 && change.type != RAFT_CONF_UPDATE_NODE) {
    change.type = RAFT_CONF_ADD_NODE;
  }
  if (sim_random_chance(&world->random, 20000)) {
    change.node_id = 0;
  }
  return change;
}

static void note(sim_node *node, const raft_conf_change_single *changes, size_t count, int rc) {
  char text[128] = "nothing, to leave";
  if (count > 0) {
    raft_describe_conf_changes(changes, count, text, sizeof text);
  }
  sim_trace_mix(&node->world->trace, (uint64_t)(int64_t)rc);
  sim_trace_tell(&node->world->trace, node->id, "is asked to change the membership: %s%s%s", text,
                 rc == RAFT_OK ? "" : ": ", rc == RAFT_OK ? "" : raft_error_string(rc));
  if (!raft_is_dropped(rc)) {
    sim_expect(node, "propose_conf_change", rc);
  }
  sim_node_poke(node);
}

static void ask_simple(sim_node *node, const raft_conf_change_single *change) {
  raft_conf_change simple = {.type = change->type, .node_id = change->node_id};
  note(node, change, 1, raft_rawnode_propose_conf_change(node->raft, &simple));
}

/* Voters go and others come in their place: majorities of before and after need not meet. */
static size_t draw_replacement(sim_world *world, const sim_conf *conf,
                               raft_conf_change_single *changes) {
  uint32_t left = conf->voters;
  uint64_t pairs = sim_random_between(&world->random, 1, REPLACED_MOST);
  size_t count = 0;
  for (; pairs > 0 && left != 0; pairs--) {
    unsigned gone = sim_random_member(&world->random, left);
    left &= ~sim_bit(gone);
    changes[count++] = (raft_conf_change_single){RAFT_CONF_REMOVE_NODE, gone};
    changes[count++] = (raft_conf_change_single){RAFT_CONF_ADD_NODE, candidate(world)};
  }
  return count;
}

static size_t draw_changes(sim_world *world, const sim_conf *conf,
                           raft_conf_change_single *changes) {
  if (sim_random_chance(&world->random, 250000)) {
    return draw_replacement(world, conf, changes);
  }
  size_t count = (size_t)sim_random_between(&world->random, 1, DRAWN_MOST);
  for (size_t i = 0; i < count; i++) {
    changes[i] = draw_change(world, conf);
  }
  return count;
}

static void ask_general(sim_node *node, const sim_conf *conf) {
  sim_world *world = node->world;
  raft_conf_change_single changes[CHANGES_MOST];
  raft_conf_change_v2 change = {.changes = changes};
  change.change_count = draw_changes(world, conf, changes);
  change.transition = (raft_conf_change_transition)sim_random_below(&world->random, 3);
  for (size_t i = 0; i < change.change_count; i++) {
    make_ready(world, changes[i].node_id);
  }
  note(node, changes, change.change_count,
       raft_rawnode_propose_conf_change_v2(node->raft, &change));
}

static void leave_joint(sim_node *node) {
  note(node, NULL, 0, raft_rawnode_propose_conf_change_v2(node->raft, NULL));
}

/* Without validation in the library it is the application that proposes one change at a time: only
 * to a leader that has applied its whole log. */
static bool may_propose(const sim_node *node) {
  return !node->world->options.config.disable_conf_change_validation ||
         (node->last.soft_state.role == RAFT_LEADER && node->last.applied == node->last.last_index);
}

static void change_membership(sim_node *node) {
  sim_world *world = node->world;
  sim_conf conf = node->machine.conf;
  if (!may_propose(node)) {
    return;
  }
  if (conf.outgoing != 0 && sim_random_chance(&world->random, 800000)) {
    leave_joint(node);
  } else if (sim_random_chance(&world->random, (uint32_t)world->options.joint)) {
    ask_general(node, &conf);
  } else {
    raft_conf_change_single change = draw_change(world, &conf);
    make_ready(world, change.node_id);
    ask_simple(node, &change);
  }
}

void sim_admin_act(sim_world *world) {
  if (world->calm) {
    return;
  }
  sim_plan(world, sim_about(world, world->options.admin_every), SIM_ADMIN, 0, 0, NULL);
  retire_someone(world);
  sim_node *node =
      sim_random_chance(&world->random, 900000) ? sim_leader(world) : sim_random_node(world);
  if (node == NULL || node->paused_until > sim_now(world) || sim_now(world) < world->hush_until) {
    return;
  }
  change_membership(node);
  /* One after the other, without waiting: the second must not come into force with the first. */
  if (sim_is_up(node) && sim_random_chance(&world->random, 250000)) {
    change_membership(node);
  }
}
