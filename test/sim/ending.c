/* ending.c - the second phase: all faults end, and the group must show that it is alive.
 *
 * Within a bound of virtual time it must elect a leader, apply a new write on all members, answer a
 * read, and all members' logs must become equal. Who was removed may be needed once more: a member
 * that has not applied the removal yet counts on its vote. So those are up as long as anybody
 * counts on them.
 *
 * There is one known hole, not of the implementation but of the rule that a change of the
 * membership takes effect when it is applied: all that could tell a member of its commit may be
 * gone or unable to vote for it. Whether a group is in it can be computed: nobody could win an
 * election, whatever happened. It is counted, not hidden. With raft_config.commit_in_votes there is
 * no such hole, and no excuse.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <string.h>

#include "world.h"

typedef struct ending {
  sim_world *world;
  uint64_t begin;
  uint64_t deadline;
  uint64_t first_write; /* of this phase */
  uint64_t first_read;
  uint64_t next_check;
} ending;

/* ---- who takes part ---- */

/* The membership as of whoever has applied the most. */
static const sim_conf *newest_conf(const sim_world *world) {
  const sim_image *newest = &world->nodes[1].machine;
  for (unsigned id = 1; id <= SIM_NODES; id++) {
    const sim_node *node = &world->nodes[id];
    if (node->id != 0 && node->machine.index > newest->index) {
      newest = &node->machine;
    }
  }
  return &newest->conf;
}

/* The members, and all on whom one of them counts. Who has not applied anything yet, after a
 * bootstrap, counts on all who took part in that. */
static uint32_t needed_nodes(const sim_world *world) {
  uint32_t members = sim_conf_members(newest_conf(world));
  if (members == 0) {
    members = sim_bit(world->options.nodes + 1) - 2;
  }
  uint32_t needed = members;
  for (unsigned id = 1; id <= SIM_NODES; id++) {
    if ((members & sim_bit(id)) != 0) {
      needed |= sim_conf_members(&world->nodes[id].machine.conf);
    }
  }
  return needed;
}

static bool leads_without_part(const sim_node *node) {
  return node->last.soft_state.role == RAFT_LEADER &&
         (sim_conf_members(&node->machine.conf) & sim_bit(node->id)) == 0;
}

static void keep_who_is_needed(sim_world *world) {
  uint32_t needed = needed_nodes(world);
  for (unsigned id = 1; id <= SIM_NODES; id++) {
    sim_node *node = &world->nodes[id];
    bool wanted = (needed & sim_bit(id)) != 0;
    if (node->id == 0) {
      continue;
    }
    if (sim_is_up(node) && (!wanted || leads_without_part(node))) {
      node->retired = !wanted;
      sim_node_crash(node, wanted ? world->options.tick : 0);
    } else if (!sim_is_up(node) && wanted && (node->retired || node->restart_at == 0)) {
      node->retired = false;
      sim_node_start(node);
    }
  }
}

/* ---- calm ---- */

static void make_calm(sim_world *world) {
  static const sim_network_faults NONE = {.in_order = true};
  world->calm = true;
  world->network.faults = NONE;
  world->network.faults.delay_least = world->options.tick / 100;
  world->network.faults.delay_most = world->options.tick / 20;
  sim_network_heal(&world->network);
  memset(&world->options.disk, 0, sizeof world->options.disk);
  world->options.disk.sync_most = world->options.tick / 20;
  for (unsigned id = 1; id <= SIM_NODES; id++) {
    sim_node *node = &world->nodes[id];
    node->paused_until = 0;
    node->log.no_snapshot = 0;
    node->disk.busy_until = 0;
    if (sim_is_up(node)) { /* with one group away nothing would be committed */
      sim_expect(node, "enable_group_commit", raft_rawnode_enable_group_commit(node->raft, false));
      sim_node_poke(node); /* more may be committed at once */
    }
    if (node->id != 0 && !sim_is_up(node) && !node->retired && !world->check.broken) {
      sim_node_start(node);
    }
  }
  sim_trace_tell(&world->trace, 0, "all faults end");
}

/* ---- progress ---- */

static bool wrote(const ending *e) {
  for (uint64_t id = e->first_write; id < e->world->clients.write_count; id++) {
    if (sim_client_is_done(e->world, id)) {
      return true;
    }
  }
  return false;
}

static bool has_read(const ending *e) {
  for (uint64_t id = e->first_read; id < e->world->clients.read_count; id++) {
    if (e->world->clients.reads[id].done) {
      return true;
    }
  }
  return false;
}

static bool is_converged(const sim_world *world, const sim_node *leader) {
  uint32_t members = sim_conf_members(&leader->machine.conf);
  for (unsigned id = 1; id <= SIM_NODES; id++) {
    const sim_node *node = &world->nodes[id];
    if ((members & sim_bit(id)) != 0 &&
        (!sim_is_up(node) || node->machine.index != leader->machine.index ||
         node->last.last_index != leader->last.last_index ||
         node->machine.index != leader->last.last_index)) {
      return false;
    }
  }
  return true;
}

/* What is still missing; NULL: nothing. */
static const char *missing(const ending *e) {
  const sim_node *leader = sim_leader(e->world);
  if (leader == NULL) {
    return "no leader was elected";
  }
  if (!wrote(e)) {
    return "no write was applied";
  }
  if (!has_read(e)) {
    return "no read was answered";
  }
  return is_converged(e->world, leader) ? NULL : "not all members have the whole log";
}

static void ask(const ending *e) {
  sim_world *world = e->world;
  sim_node *node = sim_random_below(&world->random, 2) ? sim_leader(world) : sim_random_node(world);
  if (node == NULL) {
    return;
  }
  if (!wrote(e)) {
    sim_client_write(node);
  }
  if (!has_read(e) && sim_is_up(node)) {
    sim_client_read(node);
  }
}

/* ---- the known hole ---- */

static bool would_vote_for(const sim_node *voter, const sim_node *candidate) {
  const raft_basic_status *a = &candidate->last, *b = &voter->last;
  return a->last_term > b->last_term ||
         (a->last_term == b->last_term && a->last_index >= b->last_index);
}

static bool could_win(const sim_world *world, const sim_node *node) {
  raft_status status;
  raft_rawnode_status(node->raft, &status);
  sim_conf conf = sim_conf_of(&status.conf_state);
  uint32_t votes = 0;
  for (unsigned id = 1; id <= SIM_NODES; id++) {
    const sim_node *voter = &world->nodes[id];
    if (voter->id != 0 && sim_is_up(voter) && would_vote_for(voter, node)) {
      votes |= sim_bit(id);
    }
  }
  return (sim_conf_voters(&conf) & sim_bit(node->id)) != 0 && sim_conf_is_quorum(&conf, votes);
}

static bool nobody_could_win(const sim_world *world) {
  for (unsigned id = 1; id <= SIM_NODES; id++) {
    const sim_node *node = &world->nodes[id];
    if (node->id != 0 && sim_is_up(node) && could_win(world, node)) {
      return false;
    }
  }
  return true;
}

static bool confs_differ(const sim_world *world) {
  const sim_conf *newest = newest_conf(world);
  uint32_t members = sim_conf_members(newest);
  for (unsigned id = 1; id <= SIM_NODES; id++) {
    if ((members & sim_bit(id)) != 0 && !sim_conf_equal(&world->nodes[id].machine.conf, newest)) {
      return true;
    }
  }
  return false;
}

/* ---- the phase ---- */

static void give_up(const ending *e, const char *what) {
  sim_world *world = e->world;
  bool cured = world->options.config.commit_in_votes;
  if (!cured && confs_differ(world) && nobody_could_win(world)) {
    sim_count(world, SIM_STUCK);
    sim_trace_tell(&world->trace, 0,
                   "the group is stuck: nobody could win, for want of news of a change of "
                   "membership");
    return;
  }
  sim_check_broken(&world->check, "progress: %s within %" PRIu64 " ms after all faults ended", what,
                   (e->deadline - e->begin) / 1000);
}

void sim_ending(sim_world *world) {
  if (world->check.broken) {
    return;
  }
  const raft_config *config = &world->options.config;
  uint64_t ticks = 60 * (uint64_t)config->election_ticks + 3 * config->snapshot_timeout_ticks + 500;
  ending e = {.world = world,
              .begin = sim_now(world),
              .deadline = sim_now(world) + ticks * world->options.tick,
              .first_write = world->clients.write_count,
              .first_read = world->clients.read_count,
              .next_check = sim_now(world)};
  make_calm(world);
  const char *what = "nothing";
  while (what != NULL && sim_now(world) < e.deadline && sim_next(world)) {
    if (sim_now(world) >= e.next_check) {
      e.next_check = sim_now(world) + world->options.tick;
      keep_who_is_needed(world);
      ask(&e);
      what = missing(&e);
    }
  }
  if (what != NULL && !world->check.broken) {
    give_up(&e, what);
  }
}
