/* world_node.h - one node of a fuzzed group: its queues, its storage, its state machine.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef FUZZ_WORLD_NODE_H
#define FUZZ_WORLD_NODE_H

#include "world.h"

/* Keeps a reference; the oldest one makes room. */
void queue_push(world_queue *queue, const raft_message *message);
/* Takes one out, with its reference. */
raft_message queue_take(world_queue *queue, size_t position);
void queue_clear(world_queue *queue);

void node_keep_conf_state(world_node *n, const raft_conf_state *state);
/* The state machine becomes what the snapshot says. */
void node_load_snapshot(world_node *n, const raft_snapshot *snapshot);
/* What is to be durable; 0 in `state`: unchanged. */
void node_save(world *w, world_node *n, const raft_hard_state *state, const raft_snapshot *snapshot,
               const raft_entry *entries, size_t count);
void node_apply(world *w, world_node *n, const raft_entry *entries, size_t count);

#endif
