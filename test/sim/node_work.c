/* node_work.c - a synchronous node does what its Ready says: save, sync, send, apply, advance.
 *
 * Between any two of these it may crash, and other events may come: ticks, messages, requests.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>

#include "world.h"

bool sim_node_falls(sim_node *node) {
  sim_world *world = node->world;
  if (!sim_fault(world, world->options.crash_between)) {
    return false;
  }
  sim_node_crash(node, sim_about(world, world->options.nemesis_long / 3));
  return true;
}

static void plan_work(sim_node *node, uint64_t after) {
  if (!node->work_planned) {
    node->work_planned = true;
    sim_plan(node->world, after, SIM_WORK, node->id, node->life, NULL);
  }
}

void sim_node_poke(sim_node *node) {
  if (!sim_is_up(node) || node->world->check.broken) {
    return;
  }
  sim_node_observe(node);
  if (node->log.failed_reads > 0) {
    sim_count(node->world, SIM_FAILED_READS);
    sim_node_crash(node, sim_about(node->world, node->world->options.tick * 3));
    return;
  }
  if (node->stage != SIM_IDLE || node->work_planned || !raft_rawnode_has_ready(node->raft)) {
    return;
  }
  uint64_t delay = node->world->calm ? 0 : node->world->options.work_delay;
  plan_work(node, delay == 0 ? 0 : sim_random_below(&node->world->random, delay));
}

/* ---- the stages; each returns false if the node waits or is down ---- */

static bool begin(sim_node *node) {
  if (!raft_rawnode_has_ready(node->raft)) {
    return false;
  }
  int rc = raft_rawnode_ready(node->raft, &node->ready);
  sim_expect(node, "ready", rc);
  if (rc != RAFT_OK) {
    sim_node_poke(node);
    return false;
  }
  for (size_t i = 0; i < node->ready->read_state_count; i++) {
    sim_client_answered(node, &node->ready->read_states[i]);
  }
  node->sent = false;
  node->stage = SIM_SAVE;
  return true;
}

static bool send_all(sim_node *node) {
  for (size_t i = 0; i < node->ready->message_count; i++) {
    sim_node_send(node, &node->ready->messages[i]);
    if (sim_node_falls(node)) {
      return false;
    }
  }
  node->sent = true;
  return true;
}

static bool is_empty(const raft_hard_state *state) {
  return state->term == 0 && state->vote == 0 && state->commit == 0;
}

bool sim_node_save(sim_node *node, const raft_hard_state *state, const raft_snapshot *snapshot,
                   const raft_entry *entries, size_t count) {
  sim_world *world = node->world;
  sim_image image;
  uint64_t durable_at = 0;
  if (snapshot != NULL && !sim_image_of(snapshot, &image)) {
    sim_check_broken(&world->check, "n%u was handed out a snapshot that nobody made", node->id);
    return false;
  }
  if (!sim_disk_write(&node->disk, sim_now(world), &durable_at)) {
    sim_trace_tell(&world->trace, node->id, "fails to write and stops");
    sim_count(world, SIM_FAILED_WRITES);
    sim_node_crash(node, sim_about(world, world->options.tick * 3));
    return false;
  }
  sim_log_write(&node->log, state, snapshot == NULL ? NULL : &image, entries, count);
  sim_plan(world, durable_at - sim_now(world), SIM_SYNCED, node->id, node->life, NULL);
  return true;
}

static bool save(sim_node *node) {
  const raft_ready *ready = node->ready;
  bool write = !is_empty(&ready->hard_state) || ready->entry_count > 0 || ready->snapshot != NULL;
  if (!write) {
    node->stage = SIM_SEND;
    return true;
  }
  if (!sim_node_save(node, &ready->hard_state, ready->snapshot, ready->entries,
                     ready->entry_count)) {
    return false;
  }
  sim_node_check_entries(node, ready->entries, ready->entry_count);
  sim_node_check_commit(node, ready->hard_state.commit);
  bool wait = ready->must_sync || ready->snapshot != NULL;
  node->stage = wait ? SIM_SYNCING : SIM_SEND;
  /* A leader may send while it writes (thesis 10.2.1): its own acknowledgement waits. */
  if (wait && node->last.soft_state.role == RAFT_LEADER && ready->snapshot == NULL &&
      sim_random_below(&node->world->random, 2) == 0) {
    return send_all(node) && !wait;
  }
  return !wait;
}

static bool apply(sim_node *node) {
  const raft_ready *ready = node->ready;
  sim_image image;
  if (ready->snapshot != NULL && sim_image_of(ready->snapshot, &image)) {
    sim_node_install_image(node, &image);
  }
  sim_node_check_applicable(node, ready->committed_entries, ready->committed_entry_count);
  if (!sim_node_apply(node, ready->committed_entries, ready->committed_entry_count)) {
    return false;
  }
  node->stage = SIM_ADVANCE;
  return true;
}

static bool advance(sim_node *node) {
  const raft_ready *ready = node->ready;
  node->ready = NULL;
  node->stage = SIM_IDLE;
  sim_expect(node, "advance", raft_rawnode_advance(node->raft, ready));
  sim_node_observe(node);
  return !sim_node_falls(node);
}

static bool go_on(sim_node *node) {
  switch (node->stage) {
  case SIM_IDLE: return begin(node);
  case SIM_SAVE: return save(node);
  case SIM_SEND:
    if (!node->sent && !send_all(node)) {
      return false;
    }
    node->stage = SIM_APPLY;
    return true;
  case SIM_APPLY: return apply(node);
  case SIM_ADVANCE: return advance(node);
  case SIM_SYNCING: break;
  }
  return false;
}

void sim_node_work(sim_node *node) {
  sim_world *world = node->world;
  if (node->async) {
    sim_node_work_async(node);
    return;
  }
  while (!world->check.broken && go_on(node)) {
    if (sim_node_falls(node)) {
      return;
    }
    if (sim_fault(world, world->options.step_between)) {
      plan_work(node, sim_random_below(&world->random, world->options.tick));
      return;
    }
  }
  sim_node_poke(node);
}

void sim_node_synced(sim_node *node) {
  sim_log_synced(&node->log);
  sim_node_check_kept(node);
  sim_trace_mix(&node->world->trace, sim_log_last(&node->log.durable));
  if (node->async) {
    sim_node_synced_async(node);
  } else if (node->stage == SIM_SYNCING && node->log.write_count == 0) {
    node->stage = SIM_SEND;
    if (!sim_node_falls(node)) {
      sim_node_work(node);
    }
  }
}
