/* clients.c - they propose and read, and remember what they were told.
 *
 * A write is an entry that begins with its number. One that was certainly dropped must never be
 * applied. A read must be answered at or above every index that anybody could know to be applied
 * when it began.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <string.h>

#include "memory.h"
#include "world.h"

enum { PAYLOAD_MOST = 1024, BATCH_MOST = 4 };

/* ---- writes ---- */

static uint64_t new_write(sim_clients *clients) {
  if (clients->write_count == clients->write_capacity) {
    clients->write_capacity = clients->write_capacity == 0 ? 256 : clients->write_capacity * 2;
    clients->writes = sim_resize(clients->writes, clients->write_capacity, 1);
  }
  clients->writes[clients->write_count] = SIM_PENDING;
  return clients->write_count++;
}

static size_t fill(sim_world *world, uint64_t id, unsigned char payload[PAYLOAD_MOST]) {
  uint64_t most =
      world->options.payload_most < PAYLOAD_MOST ? world->options.payload_most : PAYLOAD_MOST;
  size_t len =
      sizeof id +
      (size_t)(most > sizeof id ? sim_random_below(&world->random, most - sizeof id + 1) : 0);
  len = len < PAYLOAD_MOST ? len : PAYLOAD_MOST;
  memset(payload, (int)(id & 0xFF), len);
  memcpy(payload, &id, sizeof id);
  return len;
}

static void note_proposal(sim_node *node, uint64_t first, size_t count, int rc) {
  sim_world *world = node->world;
  sim_trace_mix(&world->trace, first << 8 ^ (uint64_t)(int64_t)rc);
  if (raft_is_dropped(rc)) {
    sim_count(world, SIM_DROPPED_PROPOSALS);
    memset(world->clients.writes + first, SIM_DROPPED, count);
    sim_trace_tell(&world->trace, node->id, "drops write %" PRIu64 ": %s", first,
                   raft_error_string(rc));
  } else {
    sim_expect(node, "propose", rc);
    sim_trace_tell(&world->trace, node->id, "is asked for write %" PRIu64, first);
  }
  sim_node_poke(node);
}

uint64_t sim_client_write(sim_node *node) {
  unsigned char payload[PAYLOAD_MOST];
  uint64_t id = new_write(&node->world->clients);
  size_t len = fill(node->world, id, payload), half = len / 2;
  raft_slice slices[2] = {{payload, half}, {payload + half, len - half}};
  note_proposal(node, id, 1, raft_rawnode_propose(node->raft, slices, 2));
  return id;
}

static void write_batch(sim_node *node) {
  sim_world *world = node->world;
  unsigned char payloads[BATCH_MOST][PAYLOAD_MOST];
  raft_bytes bytes[BATCH_MOST];
  size_t count = (size_t)sim_random_between(&world->random, 1, BATCH_MOST);
  uint64_t first = world->clients.write_count;
  for (size_t i = 0; i < count; i++) {
    raft_bytes payload = {.data = payloads[i]};
    payload.len = fill(world, new_write(&world->clients), payloads[i]);
    bytes[i] = payload;
  }
  note_proposal(node, first, count, raft_rawnode_propose_batch(node->raft, bytes, count));
}

void sim_client_applied(sim_node *node, const raft_entry *entry) {
  sim_world *world = node->world;
  uint64_t id = 0;
  if (entry->type != RAFT_ENTRY_NORMAL || entry->data.len < sizeof id) {
    return;
  }
  memcpy(&id, entry->data.data, sizeof id);
  if (id >= world->clients.write_count) {
    sim_check_broken(&world->check, "n%u applied a write that nobody asked for", node->id);
    return;
  }
  uint8_t *state = &world->clients.writes[id];
  if (*state == SIM_DROPPED) {
    sim_check_broken(&world->check,
                     "what was dropped stays dropped: n%u applied write %" PRIu64
                     ", of which the client was told that it was not taken",
                     node->id, id);
  }
  if (*state == SIM_PENDING) {
    sim_count(world, SIM_WRITES);
    *state = SIM_DONE;
    sim_trace_tell(&world->trace, node->id, "is the first to apply write %" PRIu64 ", at %" PRIu64,
                   id, entry->index);
  }
}

bool sim_client_is_done(const sim_world *world, uint64_t write) {
  return world->clients.writes[write] == SIM_DONE;
}

/* ---- reads ---- */

uint64_t sim_client_read(sim_node *node) {
  sim_world *world = node->world;
  sim_clients *clients = &world->clients;
  if (clients->read_count == clients->read_capacity) {
    clients->read_capacity = clients->read_capacity == 0 ? 256 : clients->read_capacity * 2;
    clients->reads = sim_resize(clients->reads, clients->read_capacity, sizeof *clients->reads);
  }
  uint64_t id = clients->read_count++;
  sim_read read = {.least = world->check.applied, .node = (uint8_t)node->id};
  clients->reads[id] = read;
  raft_bytes context = {&id, sizeof id, NULL};
  int rc = raft_rawnode_read_index(node->raft, &context);
  sim_trace_mix(&world->trace, id << 8 ^ (uint64_t)(int64_t)rc);
  sim_trace_tell(&world->trace, node->id,
                 "is asked for read %" PRIu64 ", not below %" PRIu64 "%s%s", id, read.least,
                 rc == RAFT_OK ? "" : ": ", rc == RAFT_OK ? "" : raft_error_string(rc));
  if (rc != RAFT_EREAD_NO_LEADER && rc != RAFT_EREAD_TOO_MANY) {
    sim_expect(node, "read_index", rc);
  }
  sim_node_poke(node);
  return id;
}

void sim_client_answered(sim_node *node, const raft_read_state *state) {
  sim_world *world = node->world;
  uint64_t id = UINT64_MAX;
  if (state->context.len == sizeof id) {
    memcpy(&id, state->context.data, sizeof id);
  }
  if (id >= world->clients.read_count || world->clients.reads[id].node != node->id) {
    sim_check_broken(&world->check, "n%u was answered a read that it did not ask for", node->id);
    return;
  }
  sim_read *read = &world->clients.reads[id];
  sim_trace_mix(&world->trace, id << 32 ^ state->index);
  if (state->status != RAFT_OK) {
    sim_trace_tell(&world->trace, node->id, "gives up read %" PRIu64 ": %s", id,
                   raft_error_string(state->status));
    return;
  }
  sim_trace_tell(&world->trace, node->id, "may answer read %" PRIu64 " at %" PRIu64, id,
                 state->index);
  if (state->index < read->least) {
    sim_check_broken(&world->check,
                     "reads are linearizable: n%u may answer read %" PRIu64 " at %" PRIu64
                     ", but %" PRIu64 " was applied when it began",
                     node->id, id, state->index, read->least);
  }
  if (!read->done) {
    sim_count(world, SIM_READS);
    read->done = true;
  }
}

/* ---- a request ---- */

void sim_client_act(sim_world *world) {
  const sim_options *options = &world->options;
  if (world->calm) {
    return;
  }
  sim_plan(world, sim_about(world, options->client_every), SIM_CLIENT, 0, 0, NULL);
  sim_node *node = sim_random_chance(&world->random, (uint32_t)options->to_leader)
                       ? sim_leader(world)
                       : sim_random_node(world);
  if (node == NULL || !sim_is_up(node) || node->paused_until > sim_now(world)) {
    return;
  }
  if (sim_random_chance(&world->random, (uint32_t)options->reads) ||
      sim_now(world) < world->hush_until) {
    sim_client_read(node);
  } else if (sim_random_chance(&world->random, (uint32_t)options->batches)) {
    write_batch(node);
  } else {
    sim_client_write(node);
  }
}
