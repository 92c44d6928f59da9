/* interaction_node.h - one node of an interaction script: raft, its storage, its state machine.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef DATADRIVEN_INTERACTION_NODE_H
#define DATADRIVEN_INTERACTION_NODE_H

#include <libraft/memory_storage.h>

#include "interaction_env.h"
#include "interaction_history.h"

struct interaction_node {
  struct interaction_env *env;
  raft_config config;
  raft_rawnode *raft;
  raft_memory_storage *memory;
  const raft_storage *log; /* what memory has to offer */
  raft_storage storage;    /* the same with the snapshots of `history` */
  struct interaction_history history;
  /* Storage messages of an asynchronous node that wait for being processed. */
  struct interaction_queue append_work;
  struct interaction_queue apply_work;
};

/* Adds a node to `env`: a copy of `config` with id, storage and log callback set, and a storage
 * that starts from `snapshot` (index 0: empty). */
int interaction_node_add(struct interaction_env *env, const raft_config *config,
                         const raft_snapshot *snapshot);

void interaction_node_free(struct interaction_node *node);

/* The node crashes and comes back from its storage, its state machine at most at `applied`. What
 * waited for its storage threads, or came from them, is lost. On failure nothing happens. */
int interaction_node_restart(struct interaction_node *node, uint64_t applied);

/* Writes what must be durable; what is all zero, empty or of index 0 (snapshot, NULL too) is not
 * there. */
int interaction_node_persist(struct interaction_node *node, const raft_hard_state *hard_state,
                             const raft_entry *entries, size_t count,
                             const raft_snapshot *snapshot);

/* Applies committed entries to the state machine, configuration changes to raft too. */
void interaction_node_apply(struct interaction_node *node, const raft_entry *entries, size_t count);

#endif
