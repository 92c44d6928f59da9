/* node.c - a simulated node starts, ticks, crashes and comes back.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <string.h>

#include "memory.h"
#include "world.h"

/* ---- installing ---- */

static void mix_limits(sim_node *node) {
  sim_options other;
  sim_options_draw(&other, sim_random_next(&node->world->random));
  node->config.max_size_per_message = other.config.max_size_per_message;
  node->config.max_committed_size_per_ready = other.config.max_committed_size_per_ready;
  node->config.max_uncommitted_size = other.config.max_uncommitted_size;
  node->config.max_inflight_messages = other.config.max_inflight_messages;
  node->config.max_inflight_bytes = other.config.max_inflight_bytes;
  node->config.max_pending_reads = other.config.max_pending_reads;
}

/* Who asks for a snapshot gets one of now. */
static void on_event(void *ctx, const raft_event *event) {
  sim_node *node = ctx;
  if (event->type == RAFT_EVENT_SNAPSHOT_WANTED) {
    node->log.snapshot_of_now = true;
  }
  if (sim_trace_is_told(&node->world->trace)) {
    sim_story_event(node, event);
  }
}

static void configure(sim_node *node) {
  sim_world *world = node->world;
  const sim_options *options = &world->options;
  node->config = options->config;
  node->config.id = node->id;
  node->config.seed = sim_random_next(&world->random);
  node->config.storage = &node->log.storage;
  if (options->mixed_limits != 0) {
    mix_limits(node);
  }
  node->async = options->async == 1 || (options->async == 2 && sim_random_below(&world->random, 2));
  node->config.async_storage_writes = node->async;
  node->config.priority = (int64_t)(options->priorities >> (2 * (node->id % 32)) & 3);
  if (!node->async) {
    node->config.max_unpersisted_apply = 0;
  }
  node->config.log = on_event;
  node->config.log_ctx = node;
  uint64_t drift = options->drift * options->tick / SIM_CERTAIN;
  node->tick_every = options->tick - drift + sim_random_between(&world->random, 0, 2 * drift);
}

void sim_node_install(sim_world *world, unsigned id, const sim_image *image, bool first_member) {
  sim_node *node = &world->nodes[id];
  memset(node, 0, sizeof *node);
  node->id = id;
  node->world = world;
  node->first_member = first_member;
  sim_disk_init(&node->disk, &world->random, &world->options.disk);
  sim_log_init(&node->log, &node->disk, image);
  node->log.now = &node->machine;
  node->log.snapshot_of_now = world->options.snapshot_of_now != 0;
  node->log.no_snapshot = (uint32_t)world->options.no_snapshot;
  configure(node);
  sim_node_start(node);
}

void sim_node_free(sim_node *node) {
  if (node->id == 0) {
    return;
  }
  raft_rawnode_close(node->raft);
  sim_messages_clear(&node->appending);
  sim_messages_clear(&node->applying);
  free(node->appending.items);
  free(node->applying.items);
  sim_log_close(&node->log);
}

/* ---- starting ---- */

/* Installation is done when its first write is durable; if it was cut short, it begins again. */
static void bootstrap(sim_node *node) {
  raft_peer peers[SIM_NODES];
  size_t count = 0;
  for (uint64_t id = 1; id <= node->world->options.nodes; id++) {
    raft_peer peer = {.id = id};
    peers[count++] = peer;
  }
  sim_expect(node, "bootstrap", raft_rawnode_bootstrap(node->raft, peers, count));
}

static bool must_bootstrap(const sim_node *node) {
  return node->first_member && node->world->options.bootstrap != 0 &&
         node->log.durable.hard_state.term == 0;
}

static void begin_again(sim_node *node) {
  sim_log_close(&node->log);
  const sim_image *now = node->log.now;
  bool of_now = node->log.snapshot_of_now;
  uint32_t no_snapshot = node->log.no_snapshot;
  sim_log_init(&node->log, &node->disk, NULL);
  node->log.now = now;
  node->log.snapshot_of_now = of_now;
  node->log.no_snapshot = no_snapshot;
}

/* Group commit is not kept: whoever may lead is told again. */
static void group_commit(sim_node *node) {
  raft_commit_group groups[SIM_NODES];
  if (node->world->options.group_commit == 0 || node->world->calm) {
    return;
  }
  for (uint64_t id = 1; id <= SIM_NODES; id++) {
    raft_commit_group group = {id, id % 2 + 1};
    groups[id - 1] = group;
  }
  sim_expect(node, "assign_commit_groups",
             raft_rawnode_assign_commit_groups(node->raft, groups, SIM_NODES));
  sim_expect(node, "enable_group_commit", raft_rawnode_enable_group_commit(node->raft, true));
}

void sim_node_start(sim_node *node) {
  sim_world *world = node->world;
  bool first = must_bootstrap(node);
  if (first) {
    begin_again(node);
  }
  node->restart_at = 0;
  node->paused_until = 0;
  node->life++;
  node->machine = node->log.durable.image;
  node->overtaken = false;
  node->config.applied = node->machine.index;
  node->log.failed_reads = 0;
  memset(&node->last, 0, sizeof node->last);
  node->last.hard_state = node->log.durable.hard_state;
  node->checked_commit = node->log.durable.cut;
  sim_trace_tell(&world->trace, node->id,
                 "starts at term %" PRIu64 ", log %" PRIu64 "..%" PRIu64 ", commit %" PRIu64
                 ", applied %" PRIu64,
                 node->last.hard_state.term, node->log.durable.cut + 1,
                 sim_log_last(&node->log.durable), node->last.hard_state.commit,
                 node->machine.index);
  int rc = raft_rawnode_open(&node->config, &node->raft);
  if (rc == RAFT_ESTORAGE && node->log.failed_reads > 0) {
    node->raft = NULL;
    sim_plan(world, world->options.tick, SIM_RESTART, node->id, node->life, NULL);
    return;
  }
  if (rc != RAFT_OK) {
    node->raft = NULL;
    sim_check_broken(&world->check, "n%u cannot be opened from what a crash left: %s", node->id,
                     raft_error_string(rc));
    return;
  }
  if (first) {
    bootstrap(node);
  }
  group_commit(node);
  sim_plan(world, sim_random_below(&world->random, node->tick_every) + 1, SIM_TICK, node->id,
           node->life, NULL);
  sim_node_poke(node);
}

/* ---- stopping ---- */

void sim_node_crash(sim_node *node, uint64_t after) {
  sim_world *world = node->world;
  if (!sim_is_up(node)) {
    return;
  }
  sim_count(world, SIM_CRASHES);
  size_t pending = node->log.write_count;
  raft_rawnode_close(node->raft);
  node->raft = NULL;
  node->stage = SIM_IDLE;
  node->ready = NULL;
  node->sent = false;
  node->work_planned = false;
  node->apply_busy_until = 0;
  sim_messages_clear(&node->appending);
  sim_messages_clear(&node->applying);
  node->life++;
  sim_log_crash(&node->log);
  sim_node_check_kept(node);
  sim_trace_mix(&world->trace, sim_log_last(&node->log.durable));
  sim_trace_tell(&world->trace, node->id,
                 "crashes with %zu writes not durable; term %" PRIu64 ", log up to %" PRIu64
                 " survive",
                 pending, node->log.durable.hard_state.term, sim_log_last(&node->log.durable));
  if (after > 0 && !node->retired) {
    node->restart_at = sim_now(world) + after;
    sim_plan(world, after, SIM_RESTART, node->id, node->life, NULL);
  }
}

/* ---- time ---- */

void sim_node_tick(sim_node *node) {
  sim_world *world = node->world;
  uint64_t jitter = world->options.jitter * node->tick_every / SIM_CERTAIN;
  uint64_t next = node->tick_every - jitter + sim_random_between(&world->random, 0, 2 * jitter);
  if (world->calm) {
    next = world->options.tick;
  }
  sim_plan(world, next, SIM_TICK, node->id, node->life, NULL);
  sim_expect(node, "tick", raft_rawnode_tick(node->raft));
  sim_node_poke(node);
}
