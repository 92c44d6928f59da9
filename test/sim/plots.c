/* plots.c - what the nemesis does in several steps, one waiting for the other.
 *
 * Some bugs need a certain order of rare events: chance alone does not come by it. A plot brings
 * the group near to it, and leaves the rest to chance.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "plots.h"

/* What is to be done later, in the low bits of an event's number; above them: how often still. */
typedef enum step { STEP_ISOLATE, STEP_CRASH, STEP_PROBE, STEP_UNHEARD, STEP_SPRING } step;
enum { STEP_BITS = 8 };

static void plan(sim_world *world, uint64_t after, unsigned id, step what, uint64_t times) {
  sim_plan(world, after, SIM_NEMESIS, id, times << STEP_BITS | (uint64_t)what, NULL);
}

static uint64_t election_time(const sim_world *world) {
  return world->options.config.election_ticks * world->options.tick;
}

static uint32_t other_voters(const sim_node *node) {
  return sim_conf_voters(&node->machine.conf) & ~sim_bit(node->id);
}

static unsigned draw_from(sim_world *world, uint32_t *set) {
  unsigned id = sim_random_member(&world->random, *set);
  *set &= ~sim_bit(id);
  return id;
}

/* So many of the set, by chance. */
static uint32_t draw_some(sim_world *world, uint32_t set, int count) {
  uint32_t some = 0;
  for (; count > 0 && set != 0; count--) {
    some |= sim_bit(draw_from(world, &set));
  }
  return some;
}

/* ---- probes: is somebody answered by a leader that is one no more? ---- */

static void probe(sim_world *world, sim_node *old, uint64_t times) {
  sim_node *newest = sim_leader(world);
  if (newest != NULL && newest != old && newest->paused_until <= sim_now(world)) {
    sim_client_write(newest);
  }
  if (sim_is_up(old)) {
    sim_client_read(old);
  }
  if (times > 0) {
    plan(world, world->options.tick / 3, old->id, STEP_PROBE, times - 1);
  }
}

static void cut_off_and_probe(sim_world *world, sim_node *leader) {
  uint64_t time = 2 * election_time(world);
  sim_nemesis_split(world, sim_bit(leader->id), time);
  world->plot_until = sim_now(world) + time;
  plan(world, world->options.tick / 3, leader->id, STEP_PROBE,
       3 * (uint64_t)world->options.config.election_ticks);
}

/* ---- traps: something happens when a message of a kind is sent ---- */

static void set_trap(sim_world *world, uint32_t senders, uint32_t kinds, unsigned leader,
                     uint32_t restarted) {
  sim_trap trap = {senders, kinds, leader, restarted};
  world->trap = trap;
}

static uint32_t kind_bit(raft_message_type type) {
  return UINT32_C(1) << (type % 32);
}

void sim_plot_sent(sim_node *node, const raft_message *message) {
  sim_world *world = node->world;
  sim_trap *trap = &world->trap;
  if ((trap->senders & sim_bit(node->id)) == 0 || (trap->kinds & kind_bit(message->type)) == 0 ||
      world->calm) {
    return;
  }
  trap->senders = 0;
  plan(world, 0, trap->leader, STEP_SPRING, 0); /* this may be in the middle of a Ready */
}

/* The leader hears nothing of what happens now; some who stood by it may start again. */
static void spring(sim_world *world, sim_node *leader) {
  uint32_t restarted = world->trap.restarted;
  world->hush_until = 0;
  cut_off_and_probe(world, leader);
  for (unsigned id = 1; id <= SIM_NODES; id++) {
    if ((restarted & sim_bit(id)) != 0 && world->nodes[id].id != 0) {
      sim_node_crash(&world->nodes[id], 1 + sim_random_below(&world->random, 1000));
    }
  }
}

void sim_plot_hand_over(sim_world *world, sim_node *leader) {
  uint32_t others = other_voters(leader);
  if (others == 0) {
    return;
  }
  set_trap(world, sim_bit(leader->id), kind_bit(RAFT_MSG_TIMEOUT_NOW), leader->id, 0);
  sim_nemesis_transfer(world, leader, sim_random_member(&world->random, others));
}

/* ---- a leader that the smallest quorum stands by, while the others call for another one ---- */

/* Nothing is written for a while, or those who hear nothing could not be elected. */
void sim_plot_unheard(sim_world *world, sim_node *leader) {
  uint64_t ticks = world->options.config.election_ticks;
  world->hush_until = sim_now(world) + (3 * ticks + 4) * world->options.tick;
  world->plot_until = world->hush_until;
  plan(world, 3 * world->options.tick, leader->id, STEP_UNHEARD, 0);
}

static void part_from_others(sim_world *world, sim_node *leader) {
  uint32_t voters = other_voters(leader);
  uint32_t standing = draw_some(world, voters, (__builtin_popcount(voters) + 1) / 2);
  uint32_t others = voters & ~standing;
  if (leader->last.soft_state.role != RAFT_LEADER || others == 0) {
    world->hush_until = 0;
    world->plot_until = 0;
    return;
  }
  sim_nemesis_begin(world, "the leader is cut from these voters only:", others,
                    4 * election_time(world));
  for (uint32_t left = others; left != 0; left &= left - 1) {
    sim_network_cut(&world->network, (unsigned)__builtin_ctz(left), leader->id);
    sim_network_cut(&world->network, leader->id, (unsigned)__builtin_ctz(left));
  }
  bool restart = sim_random_below(&world->random, 3) != 0;
  set_trap(world, others, kind_bit(RAFT_MSG_PRE_VOTE) | kind_bit(RAFT_MSG_VOTE), leader->id,
           restart ? standing : 0);
}

/* ---- acts that go on ---- */

void sim_plot_isolate_soon(sim_world *world, sim_node *node) {
  plan(world, sim_random_below(&world->random, world->options.tick * 2), node->id, STEP_ISOLATE, 0);
}

void sim_plot_crash_soon(sim_world *world, sim_node *node) {
  plan(world, sim_random_below(&world->random, world->options.tick * 2), node->id, STEP_CRASH, 0);
}

void sim_plot_go_on(sim_world *world, const sim_event *event) {
  sim_node *node = &world->nodes[event->target];
  if (!sim_is_up(node) || node->paused_until > sim_now(world)) {
    return;
  }
  switch ((step)(event->number & ((1 << STEP_BITS) - 1))) {
  case STEP_ISOLATE: sim_nemesis_isolate(world, node); break;
  case STEP_CRASH: sim_nemesis_crash(world, node); break;
  case STEP_PROBE: probe(world, node, event->number >> STEP_BITS); break;
  case STEP_UNHEARD: part_from_others(world, node); break;
  case STEP_SPRING: spring(world, node); break;
  }
}
