/* node_apply.c - the state machine of a simulated node: a hash, an index and the membership.
 *
 * It is volatile; now and then it is kept, with the log, and the log behind it is cut. What was
 * not kept is applied again after a crash.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>

#include <libraft/describe.h>
#include <libraft/wire.h>

#include "world.h"

/* ---- changes of the membership ---- */

static int change_conf(sim_node *node, const raft_entry *entry, raft_conf_state *state) {
  if (entry->type == RAFT_ENTRY_CONF_CHANGE) {
    raft_conf_change change;
    int rc = raft_conf_change_decode(entry->data, &change);
    return rc != RAFT_OK ? rc : raft_rawnode_apply_conf_change_v1(node->raft, &change, state);
  }
  raft_conf_change_v2 change;
  void *memory = NULL;
  int rc = raft_conf_change_v2_decode(entry->data, NULL, NULL, &change, &memory);
  if (rc == RAFT_OK) {
    rc = raft_rawnode_apply_conf_change(node->raft, &change, state);
  }
  raft_conf_state_free(NULL, memory);
  return rc;
}

static bool is_refusal(int rc) {
  return rc <= RAFT_ECONF_ALREADY_JOINT && rc >= RAFT_ECONF_TYPE;
}

/* False: the disk failed, and the node is of no use any more. */
static bool apply_change(sim_node *node, const raft_entry *entry) {
  sim_world *world = node->world;
  raft_conf_state state;
  int rc = change_conf(node, entry, &state);
  sim_node_observe(node);
  if (is_refusal(rc)) {
    sim_trace_tell(&world->trace, node->id, "refuses the change of membership at %" PRIu64 ": %s",
                   entry->index, raft_error_string(rc));
    return true;
  }
  if (rc == RAFT_ECONF_OVERTAKEN) {
    node->overtaken = true;
    sim_trace_tell(&world->trace, node->id, "leaves %" PRIu64 " and what is behind to a snapshot",
                   entry->index);
    return true;
  }
  sim_expect(node, "apply_conf_change", rc);
  if (rc != RAFT_OK) {
    return false;
  }
  node->machine.conf = sim_conf_of(&state);
  if (entry->index > world->check.applied) {
    sim_count(world, SIM_CHANGES);
  }
  char text[128];
  raft_describe_configuration(&state, text, sizeof text);
  sim_trace_tell(&world->trace, node->id, "is in the configuration %s since %" PRIu64, text,
                 entry->index);
  return true;
}

/* ---- entries ---- */

static void keep(sim_node *node) {
  sim_world *world = node->world;
  const sim_options *options = &world->options;
  if (!sim_random_chance(&world->random, (uint32_t)options->keep) ||
      !sim_log_keep(&node->log, &node->machine) ||
      !sim_random_chance(&world->random, (uint32_t)options->compact)) {
    return;
  }
  uint64_t retain = sim_random_between(&world->random, 0, options->retain);
  uint64_t index = node->machine.index;
  if (index > retain && sim_log_compact(&node->log, index - retain)) {
    sim_trace_tell(&world->trace, node->id, "cuts its log up to %" PRIu64, index - retain);
  }
}

static bool apply_one(sim_node *node, const raft_entry *entry) {
  sim_world *world = node->world;
  if (entry->index != node->machine.index + 1) {
    sim_check_broken(&world->check, "n%u is to apply %" PRIu64 " after %" PRIu64, node->id,
                     entry->index, node->machine.index);
    return false;
  }
  if (entry->type != RAFT_ENTRY_NORMAL && !apply_change(node, entry)) {
    sim_node_poke(node);
    return false;
  }
  if (node->overtaken) {
    return true;
  }
  node->machine.chain = sim_chain(node->machine.chain, entry);
  node->machine.index = entry->index;
  node->machine.term = entry->term;
  sim_client_applied(node, entry);
  sim_check_apply(&world->check, node->id, &node->machine);
  return !sim_node_falls(node);
}

bool sim_node_apply(sim_node *node, const raft_entry *entries, size_t count) {
  for (size_t i = 0; i < count && !node->world->check.broken; i++) {
    bool due = entries[i].index > node->machine.index && !node->overtaken;
    if (due && !apply_one(node, &entries[i])) {
      return false;
    }
  }
  if (count > 0) {
    sim_trace_mix(&node->world->trace, node->machine.chain);
    keep(node);
  }
  return !node->world->check.broken;
}

void sim_node_install_image(sim_node *node, const sim_image *image) {
  sim_world *world = node->world;
  node->overtaken = false;
  if (image->index <= node->machine.index) {
    return;
  }
  sim_count(world, SIM_SNAPSHOTS);
  node->machine = *image;
  sim_trace_tell(&world->trace, node->id, "has installed the snapshot of %" PRIu64, image->index);
  sim_check_apply(&world->check, node->id, &node->machine);
}
