/* node_send.c - messages between simulated nodes: checked, perhaps encoded, lost or delayed.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <string.h>

#include <libraft/describe.h>
#include <libraft/wire.h>

#include "memory.h"
#include "world.h"

void sim_message_free(raft_message *message) {
  raft_message_release(message);
  free(message);
}

/* As the receiver gets it. */
static raft_message *copy_of(sim_node *node, const raft_message *message) {
  raft_message *copy = sim_resize(NULL, 1, sizeof *copy);
  if (node->world->options.wire == 0) {
    raft_message_retain(message);
    *copy = *message;
    return copy;
  }
  size_t size = raft_message_wire_size(message), len = 0;
  unsigned char *bytes = sim_resize(NULL, size + 1, 1);
  int rc = raft_message_encode(message, bytes, size, &len);
  if (rc == RAFT_OK) {
    raft_bytes input = {bytes, len, NULL};
    rc = raft_message_decode(input, NULL, NULL, copy);
  }
  if (rc != RAFT_OK) {
    sim_check_broken(&node->world->check, "a message of n%u does not survive encoding: %s",
                     node->id, raft_error_string(rc));
    memset(copy, 0, sizeof *copy);
  }
  free(bytes);
  return copy;
}

/* What the transport tells the sender of a message: that it was lost, what became of a snapshot. */
static void report(sim_node *node, const raft_message *message, bool arrives, uint64_t arrival) {
  sim_world *world = node->world;
  const sim_options *options = &world->options;
  if (message->type == RAFT_MSG_SNAP) {
    if (!sim_fault(world, options->lost_reports)) {
      uint64_t after = (arrives ? arrival - sim_now(world) : 0) + options->tick / 10;
      sim_plan(world, after, SIM_REPORT, node->id, message->to << 1 | arrives, NULL);
    }
  } else if (!arrives && sim_random_chance(&world->random, (uint32_t)options->unreachable)) {
    /* Not at once: this may be in the middle of a Ready. */
    sim_plan(world, options->tick / 10, SIM_REPORT, node->id, message->to << 1, (void *)node);
  }
}

void sim_node_send(sim_node *node, const raft_message *message) {
  sim_world *world = node->world;
  uint64_t arrivals[SIM_COPIES];
  if (message->from != node->id && message->type != RAFT_MSG_PROP &&
      message->type != RAFT_MSG_READ_INDEX && message->type != RAFT_MSG_TRANSFER_LEADER) {
    sim_check_broken(&world->check, "n%u sends a message in the name of another node", node->id);
  }
  sim_node_check_promise(node, message);
  if (message->to == 0 || message->to > SIM_NODES) {
    sim_check_broken(&world->check, "n%u sends a message to nobody", node->id);
    return;
  }
  size_t copies =
      sim_network_send(&world->network, node->id, (unsigned)message->to, sim_now(world), arrivals);
  report(node, message, copies > 0, copies > 0 ? arrivals[0] : 0);
  for (size_t i = 0; i < copies; i++) {
    sim_plan(world, arrivals[i] - sim_now(world), SIM_DELIVER, (unsigned)message->to, 0,
             copy_of(node, message));
  }
  if (message->type == RAFT_MSG_SNAP && copies > 0 &&
      sim_fault(world, world->options.late_copies)) {
    sim_plan(world, sim_about(world, 20 * world->options.tick), SIM_DELIVER, (unsigned)message->to,
             0, copy_of(node, message));
  }
  sim_plot_sent(node, message);
}

/* What a peer's message may be answered with when nothing is wrong. */
static bool may_answer(const raft_message *message, int rc) {
  if (message->type == RAFT_MSG_PROP) {
    return raft_is_dropped(rc);
  }
  if (message->type == RAFT_MSG_READ_INDEX) {
    return rc == RAFT_EREAD_NO_LEADER || rc == RAFT_EREAD_TOO_MANY;
  }
  return rc == RAFT_EPEER_NOT_FOUND; /* an answer of one that was removed */
}

void sim_node_deliver(sim_node *node, raft_message *message) {
  int rc = raft_rawnode_step(node->raft, message);
  sim_trace_mix(&node->world->trace, (uint64_t)message->type << 32 ^ message->index ^
                                         message->from << 48 ^ (uint64_t)(int64_t)rc);
  if (!may_answer(message, rc)) {
    char call[64];
    (void)snprintf(call, sizeof call, "step of %s from n%u", raft_message_type_name(message->type),
                   (unsigned)message->from);
    sim_expect(node, call, rc);
  }
  sim_node_poke(node);
}
