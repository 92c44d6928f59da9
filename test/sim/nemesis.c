/* nemesis.c - breaks the network, nodes and clocks, at random and where it hurts.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "plots.h"

static uint64_t how_long(sim_world *world) {
  return sim_random_between(&world->random, world->options.tick, world->options.nemesis_long);
}

static uint32_t everybody(const sim_world *world) {
  uint32_t set = 0;
  for (unsigned id = 1; id <= SIM_NODES; id++) {
    set |= world->nodes[id].id != 0 ? sim_bit(id) : 0;
  }
  return set;
}

/* ---- partitions ---- */

void sim_nemesis_begin(sim_world *world, const char *what, uint32_t set, uint64_t time) {
  world->partition++;
  sim_count(world, SIM_PARTITIONS);
  sim_plan(world, time, SIM_HEAL, 0, world->partition, NULL);
  sim_trace_tell(&world->trace, 0, "%s 0x%x", what, set >> 1);
}

static void begin_partition(sim_world *world, const char *what, uint32_t set) {
  sim_nemesis_begin(world, what, set, how_long(world));
}

void sim_nemesis_heal(sim_world *world, uint64_t partition) {
  if (partition == world->partition) {
    sim_network_heal(&world->network);
    sim_trace_tell(&world->trace, 0, "the network is whole again");
  }
}

void sim_nemesis_split(sim_world *world, uint32_t set, uint64_t time) {
  sim_nemesis_begin(world, "the network is split off these nodes:", set, time);
  sim_network_split(&world->network, set);
}

static void split_off(sim_world *world, uint32_t set) {
  sim_nemesis_split(world, set, how_long(world));
}

static void split(sim_world *world, sim_node *node) {
  (void)node;
  split_off(world, (uint32_t)sim_random_next(&world->random) & everybody(world));
}

void sim_nemesis_isolate(sim_world *world, sim_node *node) {
  split_off(world, sim_bit(node->id));
}

static void leader_in_minority(sim_world *world, sim_node *leader) {
  uint32_t voters = sim_conf_voters(&leader->machine.conf) & ~sim_bit(leader->id);
  uint32_t set = sim_bit(leader->id);
  int room = __builtin_popcount(voters) / 2;
  for (; room > 1 && voters != 0; room--) {
    unsigned id = sim_random_member(&world->random, voters);
    voters &= ~sim_bit(id);
    set |= sim_bit(id);
  }
  split_off(world, set);
}

static void cut_one_way(sim_world *world, sim_node *node) {
  (void)node;
  uint32_t all = everybody(world);
  begin_partition(world, "some ways are cut in one direction, among", all);
  for (uint64_t i = sim_random_between(&world->random, 1, 4); i > 0; i--) {
    sim_network_cut(&world->network, sim_random_member(&world->random, all),
                    sim_random_member(&world->random, all));
  }
}

static void deafen(sim_world *world, sim_node *leader) {
  begin_partition(world, "the leader hears nobody:", sim_bit(leader->id));
  for (unsigned id = 1; id <= SIM_NODES; id++) {
    sim_network_cut(&world->network, id, leader->id);
  }
}

static void mute(sim_world *world, sim_node *leader) {
  begin_partition(world, "nobody hears the leader:", sim_bit(leader->id));
  for (unsigned id = 1; id <= SIM_NODES; id++) {
    sim_network_cut(&world->network, leader->id, id);
  }
}

/* Two halves that share one node. */
static void bridge(sim_world *world, sim_node *node) {
  (void)node;
  uint32_t all = everybody(world), half = (uint32_t)sim_random_next(&world->random) & all;
  unsigned between = sim_random_member(&world->random, all);
  begin_partition(world, "only one node joins these to the others:", half);
  for (unsigned from = 1; from <= SIM_NODES; from++) {
    for (unsigned to = 1; to <= SIM_NODES; to++) {
      bool across = (half >> from & 1) != (half >> to & 1);
      if (across && from != between && to != between) {
        sim_network_cut(&world->network, from, to);
      }
    }
  }
}

static void heal_all(sim_world *world, sim_node *node) {
  (void)node;
  sim_nemesis_heal(world, world->partition);
}

/* ---- nodes ---- */

void sim_nemesis_crash(sim_world *world, sim_node *node) {
  sim_node_crash(node, how_long(world));
}

static void crash_many(sim_world *world, sim_node *node) {
  (void)node;
  uint32_t set = (uint32_t)sim_random_next(&world->random);
  set |= sim_random_below(&world->random, 2) ? 0 : UINT32_MAX;
  for (unsigned id = 1; id <= SIM_NODES; id++) {
    if (world->nodes[id].id != 0 && (set >> id & 1) != 0) {
      sim_nemesis_crash(world, &world->nodes[id]);
    }
  }
}

/* A lease rests on clocks: nodes that use it are not stopped, and do not campaign out of turn. */
static bool has_lease(const sim_world *world) {
  return world->options.config.read_only == RAFT_READ_ONLY_LEASE_BASED;
}

static void pause_node(sim_world *world, sim_node *node) {
  if (!has_lease(world)) {
    sim_count(world, SIM_PAUSES);
    node->paused_until = sim_now(world) + how_long(world);
    sim_trace_tell(&world->trace, node->id, "is paused");
  }
}

static void jump(sim_world *world, sim_node *node) {
  if (has_lease(world)) {
    return;
  }
  uint64_t ticks = sim_random_between(&world->random, 2, 25);
  sim_trace_tell(&world->trace, node->id, "is ticked %u times at once", (unsigned)ticks);
  for (; ticks > 0 && sim_is_up(node); ticks--) {
    sim_expect(node, "tick", raft_rawnode_tick(node->raft));
    sim_node_poke(node);
  }
}

/* Answers of the disk come late, and those of the apply thread. */
static void stall(sim_world *world, sim_node *node) {
  uint64_t most = 2 * world->options.config.election_ticks * world->options.tick;
  uint64_t until = sim_now(world) + sim_random_between(&world->random, 1, most);
  if (sim_random_below(&world->random, 2)) {
    node->disk.busy_until = until;
  }
  if (sim_random_below(&world->random, 2)) {
    node->apply_busy_until = until;
  }
  sim_trace_tell(&world->trace, node->id, "writes and applies slowly");
}

/* ---- leadership ---- */

void sim_nemesis_transfer(sim_world *world, sim_node *leader, unsigned to) {
  sim_count(world, SIM_TRANSFERS);
  sim_trace_tell(&world->trace, leader->id, "is asked to hand over to n%u", to);
  sim_expect(leader, "transfer_leader", raft_rawnode_transfer_leader(leader->raft, to));
  sim_node_poke(leader);
}

static void transfer(sim_world *world, sim_node *leader) {
  uint32_t members = sim_conf_members(&leader->machine.conf);
  if (members != 0) {
    sim_nemesis_transfer(world, leader, sim_random_member(&world->random, members));
  }
}

static void campaign(sim_world *world, sim_node *node) {
  if (!has_lease(world)) {
    sim_count(world, SIM_CAMPAIGNS);
    sim_trace_tell(&world->trace, node->id, "is asked to campaign");
    sim_expect(node, "campaign", raft_rawnode_campaign(node->raft));
    sim_node_poke(node);
  }
}

static void forget(sim_world *world, sim_node *node) {
  sim_trace_tell(&world->trace, node->id, "is asked to forget its leader");
  sim_expect(node, "forget_leader", raft_rawnode_forget_leader(node->raft));
  sim_node_poke(node);
}

static void ping(sim_world *world, sim_node *node) {
  (void)world;
  sim_expect(node, "ping", raft_rawnode_ping(node->raft));
  sim_node_poke(node);
}

static void request_snapshot(sim_world *world, sim_node *node) {
  int rc = raft_rawnode_request_snapshot(node->raft);
  sim_trace_tell(&world->trace, node->id, "is asked to request a snapshot%s%s",
                 rc == RAFT_OK ? "" : ": ", rc == RAFT_OK ? "" : raft_error_string(rc));
  if (rc != RAFT_ESNAPSHOT_REQUEST) {
    sim_expect(node, "request_snapshot", rc);
  }
  sim_node_poke(node);
}

/* ---- acts that go on ---- */

/* A leader that does not hear that it is one no more. */
static void transfer_and_isolate(sim_world *world, sim_node *leader) {
  transfer(world, leader);
  sim_plot_isolate_soon(world, leader);
}

/* Entries that only the leader has are what elections are about. */
static void write_alone(sim_world *world, sim_node *leader) {
  if (sim_random_below(&world->random, 2)) {
    sim_nemesis_isolate(world, leader);
  }
  for (uint64_t i = sim_random_between(&world->random, 1, 3); i > 0 && sim_is_up(leader); i--) {
    sim_client_write(leader);
  }
}

static void write_and_isolate(sim_world *world, sim_node *leader) {
  write_alone(world, leader);
  sim_plot_isolate_soon(world, leader);
}

static void write_and_crash(sim_world *world, sim_node *leader) {
  write_alone(world, leader);
  sim_plot_crash_soon(world, leader);
}

/* It leads, writes what stays in the queue of its disk, and comes back to a log that has others in
 * the place of that, while the old answers are still to come. */
static void write_stalled(sim_world *world, sim_node *leader) {
  uint64_t time = world->options.config.election_ticks * world->options.tick;
  leader->disk.busy_until = sim_now(world) + 5 * time;
  sim_nemesis_split(world, sim_bit(leader->id), 3 * time);
  world->plot_until = leader->disk.busy_until;
  for (uint64_t i = sim_random_between(&world->random, 1, 3); i > 0 && sim_is_up(leader); i--) {
    sim_client_write(leader);
  }
}

/* What goes for the lease. */
static void hand_over_unheard(sim_world *world, sim_node *leader) {
  if (has_lease(world)) {
    sim_plot_hand_over(world, leader);
  }
}

static void leave_voters_unheard(sim_world *world, sim_node *leader) {
  if (has_lease(world)) {
    sim_plot_unheard(world, leader);
  }
}

/* ---- acts ---- */

/* A bit of options.nemesis_set says whether an act is known in a run: keep their order. */
static const struct act {
  uint32_t weight;
  bool on_leader;
  void (*play)(sim_world *world, sim_node *node);
} ACTS[] = {
    {4, true, sim_nemesis_isolate},
    {4, false, split},
    {4, true, leader_in_minority},
    {3, false, cut_one_way},
    {2, true, deafen},
    {2, true, mute},
    {2, false, bridge},
    {3, true, sim_nemesis_crash},
    {4, false, sim_nemesis_crash},
    {1, false, crash_many},
    {3, false, pause_node},
    {2, true, pause_node},
    {2, false, jump},
    {4, true, transfer},
    {4, true, transfer_and_isolate},
    {3, false, campaign},
    {2, false, forget},
    {5, true, write_and_isolate},
    {3, true, write_and_crash},
    {2, false, heal_all},
    {1, true, ping},
    {2, false, request_snapshot},
    {4, false, stall},
    {3, true, stall},
    {4, true, write_stalled},
    {10, true, hand_over_unheard},
    {10, true, leave_voters_unheard},
};
enum { ACT_COUNT = sizeof ACTS / sizeof ACTS[0] };

void sim_nemesis_act(sim_world *world, const sim_event *event) {
  uint32_t weights[ACT_COUNT], sum = 0;
  if (world->calm) {
    return;
  }
  if (event->target != 0) {
    sim_plot_go_on(world, event);
    return;
  }
  sim_plan(world, sim_about(world, world->options.nemesis_every), SIM_NEMESIS, 0, 0, NULL);
  if (sim_now(world) < world->plot_until) {
    return;
  }
  for (size_t i = 0; i < ACT_COUNT; i++) {
    weights[i] = (world->options.nemesis_set >> i & 1) != 0 ? ACTS[i].weight : 0;
    sum += weights[i];
  }
  const struct act *act =
      sum == 0 ? NULL : &ACTS[sim_random_pick(&world->random, weights, ACT_COUNT)];
  sim_node *node = act != NULL && act->on_leader ? sim_leader(world) : sim_random_node(world);
  if (act != NULL && node != NULL) {
    act->play(world, node);
  }
}
