/* world.c - the loop: the next event happens, and what it must keep is checked.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "world.h"

#include <stdio.h>
#include <string.h>

#include "memory.h"

/* ---- for the others ---- */

void sim_plan(sim_world *world, uint64_t after, sim_event_kind kind, unsigned target,
              uint64_t number, void *data) {
  sim_event event = {
      .at = sim_now(world) + after, .kind = kind, .target = target, .number = number, .data = data};
  sim_queue_push(&world->queue, event);
}

bool sim_fault(sim_world *world, uint64_t per_million) {
  return !world->calm && sim_random_chance(&world->random, (uint32_t)per_million);
}

uint64_t sim_about(sim_world *world, uint64_t mean) {
  return sim_random_below(&world->random, 2 * mean + 1) + 1;
}

sim_node *sim_leader(sim_world *world) {
  sim_node *leader = NULL;
  for (unsigned id = 1; id <= SIM_NODES; id++) {
    sim_node *node = &world->nodes[id];
    if (node->id != 0 && sim_is_up(node) && node->last.soft_state.role == RAFT_LEADER &&
        (leader == NULL || node->last.hard_state.term > leader->last.hard_state.term)) {
      leader = node;
    }
  }
  return leader;
}

sim_node *sim_random_node(sim_world *world) {
  uint64_t up = 0;
  for (unsigned id = 1; id <= SIM_NODES; id++) {
    up |= world->nodes[id].id != 0 && sim_is_up(&world->nodes[id]) ? UINT64_C(1) << id : 0;
  }
  return up == 0 ? NULL : &world->nodes[sim_random_member(&world->random, up)];
}

/* ---- events ---- */

static void handle_report(sim_node *node, const sim_event *event) {
  uint64_t peer = event->number >> 1;
  bool success = (event->number & 1) != 0;
  bool unreachable = event->data != NULL;
  int rc = unreachable ? raft_rawnode_report_unreachable(node->raft, peer)
                       : raft_rawnode_report_snapshot(node->raft, peer, success);
  sim_expect(node, unreachable ? "report_unreachable" : "report_snapshot", rc);
  sim_node_poke(node);
}

/* Events that belong to one life of a node. */
static bool is_void(const sim_world *world, const sim_event *event) {
  const sim_node *node = &world->nodes[event->target];
  switch ((sim_event_kind)event->kind) {
  case SIM_TICK:
  case SIM_WORK:
  case SIM_SYNCED:
  case SIM_APPLIED: return !sim_is_up(node) || event->number != node->life;
  case SIM_RESTART: return sim_is_up(node) || event->number != node->life || node->retired;
  case SIM_DELIVER:
  case SIM_REPORT: return node->id == 0 || !sim_is_up(node);
  case SIM_CLIENT:
  case SIM_ADMIN:
  case SIM_NEMESIS:
  case SIM_HEAL: break;
  }
  return false;
}

static bool waits_for_resume(sim_world *world, const sim_event *event) {
  const sim_node *node = &world->nodes[event->target];
  if (event->kind >= SIM_CLIENT || event->kind == SIM_RESTART ||
      node->paused_until <= sim_now(world)) {
    return false;
  }
  sim_event later = *event;
  later.at = node->paused_until;
  sim_queue_push(&world->queue, later);
  return true;
}

static void restart(sim_node *node) {
  sim_count(node->world, SIM_RESTARTS);
  sim_node_start(node);
}

static void dispatch(sim_world *world, const sim_event *event) {
  sim_node *node = &world->nodes[event->target];
  switch ((sim_event_kind)event->kind) {
  case SIM_TICK: sim_node_tick(node); break;
  case SIM_DELIVER: sim_node_deliver(node, event->data); break;
  case SIM_WORK:
    node->work_planned = false;
    sim_node_work(node);
    break;
  case SIM_SYNCED: sim_node_synced(node); break;
  case SIM_APPLIED: sim_node_applied_async(node); break;
  case SIM_RESTART: restart(node); break;
  case SIM_REPORT: handle_report(node, event); break;
  case SIM_CLIENT: sim_client_act(world); break;
  case SIM_ADMIN: sim_admin_act(world); break;
  case SIM_NEMESIS: sim_nemesis_act(world, event); break;
  case SIM_HEAL: sim_nemesis_heal(world, event->number); break;
  }
}

bool sim_next(sim_world *world) {
  sim_event event;
  if (world->check.broken || !sim_queue_pop(&world->queue, &event)) {
    return false;
  }
  world->trace.now = event.at;
  if (!is_void(world, &event)) {
    if (waits_for_resume(world, &event)) {
      return true;
    }
    world->step++;
    sim_trace_mix(&world->trace, event.at << 8 ^ event.kind << 4 ^ event.target);
    dispatch(world, &event);
  }
  if (event.kind == SIM_DELIVER) {
    sim_message_free(event.data);
  }
  return !world->check.broken;
}

/* ---- a run ---- */

/* What all members begin with when they do not bootstrap: a snapshot, as a group has that was
 * restored from a backup. */
static sim_image first_image(const sim_options *options) {
  sim_image image = {.index = 3, .term = 1, .chain = 0x5EED};
  for (unsigned id = 1; id <= options->nodes + options->learners; id++) {
    *(id <= options->nodes ? &image.conf.voters : &image.conf.learners) |= sim_bit(id);
  }
  return image;
}

static void begin(sim_world *world) {
  const sim_options *options = &world->options;
  sim_image image = first_image(options);
  if (options->bootstrap == 0) {
    world->check.applied = image.index;
  } else {
    /* A node that bootstraps has all members from its first entry on, one that starts again takes
     * them in one by one. */
    world->check.conf_from = options->nodes;
  }
  for (unsigned id = 1; id <= options->nodes + options->learners; id++) {
    bool voter = id <= options->nodes;
    if (options->bootstrap == 0) {
      sim_node_install(world, id, &image, true);
    } else if (voter) {
      sim_node_install(world, id, NULL, true);
    }
  }
  sim_plan(world, sim_about(world, options->client_every), SIM_CLIENT, 0, 0, NULL);
  if (options->admin_every != 0) {
    sim_plan(world, sim_about(world, options->admin_every), SIM_ADMIN, 0, 0, NULL);
  }
  if (options->nemesis_every != 0) {
    sim_plan(world, sim_about(world, options->nemesis_every), SIM_NEMESIS, 0, 0, NULL);
  }
}

static void count_faults(sim_world *world) {
  uint64_t *counts = world->result->counts;
  const sim_network_counts *net = &world->network.counts;
  counts[SIM_LOST] = net->dropped;
  counts[SIM_DUPLICATED] = net->duplicated;
  counts[SIM_LATE] = net->slowed;
  counts[SIM_CUT] = net->cut;
  for (unsigned id = 1; id <= SIM_NODES; id++) {
    const sim_disk_counts *disk = &world->nodes[id].disk.counts;
    counts[SIM_TORN] += disk->torn;
    counts[SIM_SLOW_WRITES] += disk->slowed;
  }
  counts[SIM_MILLISECONDS] = sim_now(world) / 1000;
  counts[SIM_STEPS] = world->step;
}

static void finish(sim_world *world, sim_result *result) {
  count_faults(world);
  result->violated = world->check.broken;
  memcpy(result->what, world->check.what, sizeof result->what);
  result->at = sim_now(world);
  result->step = world->step;
  result->hash = world->trace.hash;
  sim_event event;
  while (sim_queue_pop(&world->queue, &event)) {
    if (event.kind == SIM_DELIVER) {
      sim_message_free(event.data);
    }
  }
  sim_queue_close(&world->queue);
  for (unsigned id = 1; id <= SIM_NODES; id++) {
    sim_node_free(&world->nodes[id]);
  }
  sim_check_close(&world->check);
  free(world->clients.writes);
  free(world->clients.reads);
  free(world);
}

void sim_run(const sim_options *options, sim_listener listener, void *listener_ctx,
             sim_result *result) {
  sim_world *world = sim_zeroed(1, sizeof *world);
  memset(result, 0, sizeof *result);
  world->options = *options;
  world->result = result;
  sim_random_seed(&world->random, options->seed ^ UINT64_C(0xA5A5A5A5));
  sim_trace_init(&world->trace, listener, listener_ctx);
  sim_network_init(&world->network, &world->random, &world->options.network);
  sim_story_begin(world);
  begin(world);
  while (world->step < options->steps && sim_next(world)) {
  }
  sim_ending(world);
  finish(world, result);
}

const char *sim_counter_name(sim_counter counter) {
  static const char *const NAMES[SIM_COUNTERS] = {
      [SIM_MILLISECONDS] = "simulated milliseconds",
      [SIM_STEPS] = "events",
      [SIM_ELECTIONS] = "elections won",
      [SIM_COMMITTED] = "entries committed",
      [SIM_WRITES] = "writes applied",
      [SIM_READS] = "reads answered",
      [SIM_CHANGES] = "membership changes",
      [SIM_SNAPSHOTS] = "snapshots installed",
      [SIM_RESTARTS] = "restarts",
      [SIM_CRASHES] = "crashes",
      [SIM_LOST] = "messages lost",
      [SIM_DUPLICATED] = "messages doubled",
      [SIM_LATE] = "messages late",
      [SIM_CUT] = "messages cut off",
      [SIM_PARTITIONS] = "partitions",
      [SIM_PAUSES] = "pauses",
      [SIM_FAILED_WRITES] = "writes failed",
      [SIM_FAILED_READS] = "disk reads failed",
      [SIM_TORN] = "crashes with torn writes",
      [SIM_SLOW_WRITES] = "writes slow",
      [SIM_TRANSFERS] = "transfers asked for",
      [SIM_CAMPAIGNS] = "campaigns asked for",
      [SIM_DROPPED_PROPOSALS] = "proposals dropped",
      [SIM_STUCK] = "groups stuck in a known hole",
  };
  return NAMES[counter];
}
