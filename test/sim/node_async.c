/* node_async.c - an asynchronous node: storage messages are done in their order, some time later,
 * and their responses delivered then.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "memory.h"
#include "world.h"

static void push(sim_messages *messages, const raft_message *message) {
  if (messages->count == messages->capacity) {
    messages->capacity = messages->capacity == 0 ? 8 : messages->capacity * 2;
    messages->items = sim_resize(messages->items, messages->capacity, sizeof *messages->items);
  }
  raft_message_retain(message);
  messages->items[messages->count++] = *message;
}

static raft_message take(sim_messages *messages) {
  raft_message message = messages->items[0];
  messages->count--;
  memmove(messages->items, messages->items + 1, messages->count * sizeof *messages->items);
  return message;
}

void sim_messages_clear(sim_messages *messages) {
  for (size_t i = 0; i < messages->count; i++) {
    raft_message_release(&messages->items[i]);
  }
  messages->count = 0;
}

/* ---- beginning ---- */

static void check_written(sim_node *node, const raft_message *message) {
  sim_node_check_entries(node, message->entries, message->entry_count);
  sim_node_check_commit(node, message->commit);
}

/* False: the node is down. */
static bool write(sim_node *node, const raft_message *message) {
  raft_hard_state state = {message->term, message->vote, message->commit};
  if (!sim_node_save(node, &state, message->snapshot, message->entries, message->entry_count)) {
    return false;
  }
  check_written(node, message);
  push(&node->appending, message);
  return true;
}

static void begin_applying(sim_node *node, const raft_message *message) {
  sim_world *world = node->world;
  uint64_t most = world->calm ? world->options.tick / 20 : world->options.apply_most;
  uint64_t now = sim_now(world);
  sim_node_check_applicable(node, message->entries, message->entry_count);
  node->apply_busy_until = node->apply_busy_until < now ? now : node->apply_busy_until;
  node->apply_busy_until += sim_random_below(&world->random, most + 1);
  push(&node->applying, message);
  sim_plan(world, node->apply_busy_until - now, SIM_APPLIED, node->id, node->life, NULL);
}

static bool begin(sim_node *node, const raft_message *message) {
  if (message->to == RAFT_APPEND_THREAD) {
    return write(node, message);
  }
  if (message->to == RAFT_APPLY_THREAD) {
    begin_applying(node, message);
  } else {
    sim_node_send(node, message);
  }
  return !sim_node_falls(node);
}

void sim_node_work_async(sim_node *node) {
  const raft_ready *ready = NULL;
  if (!raft_rawnode_has_ready(node->raft)) {
    return;
  }
  int rc = raft_rawnode_ready(node->raft, &ready);
  sim_expect(node, "ready", rc);
  if (rc == RAFT_OK && !sim_node_falls(node)) {
    for (size_t i = 0; i < ready->read_state_count; i++) {
      sim_client_answered(node, &ready->read_states[i]);
    }
    for (size_t i = 0; i < ready->message_count; i++) {
      if (node->world->check.broken || !begin(node, &ready->messages[i])) {
        return;
      }
    }
  }
  sim_node_poke(node);
}

/* ---- ending ---- */

/* False: the node is down. */
static bool respond(sim_node *node, const raft_message *message) {
  for (size_t i = 0; i < message->response_count; i++) {
    const raft_message *response = &message->responses[i];
    if (sim_node_falls(node)) {
      return false;
    }
    sim_node_check_promise(node, response);
    if (response->to == node->id) {
      int rc = raft_rawnode_step(node->raft, response);
      bool removed = rc == RAFT_EPEER_NOT_FOUND && response->from == node->id;
      sim_expect(node, "step of a storage answer", removed ? RAFT_OK : rc);
      sim_node_observe(node);
    } else {
      sim_node_send(node, response);
    }
  }
  return true;
}

void sim_node_synced_async(sim_node *node) {
  raft_message message = take(&node->appending);
  sim_image image;
  if (message.snapshot != NULL && sim_image_of(message.snapshot, &image)) {
    sim_node_install_image(node, &image);
  }
  if (respond(node, &message)) {
    sim_node_poke(node);
  }
  raft_message_release(&message);
}

void sim_node_applied_async(sim_node *node) {
  raft_message message = take(&node->applying);
  if (sim_node_apply(node, message.entries, message.entry_count) && respond(node, &message)) {
    sim_node_poke(node);
  }
  raft_message_release(&message);
}
