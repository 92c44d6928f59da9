/* interaction_node.c - one node of an interaction script: raft, its storage, its state machine.
 *
 * Invariant: the history has at least one state, the one that the node was added with.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "interaction_node.h"

#include <stdlib.h>
#include <string.h>

#include <libraft/wire.h>

/* --- storage: that in memory, with the state machine's snapshots --- */

static const raft_storage *log_of(const void *ctx) {
  const struct interaction_node *node = ctx;
  return node->log;
}

/* Membership is part of the state machine: it is the one of the state that raft starts from. */
static int storage_initial_state(void *ctx, raft_hard_state *hard_state,
                                 raft_conf_state *conf_state) {
  const struct interaction_node *node = ctx;
  int code = node->log->initial_state(node->log->ctx, hard_state, conf_state);
  *conf_state = interaction_history_at(&node->history, node->config.applied)->conf_state;
  return code;
}

static int storage_entries(void *ctx, uint64_t lo, uint64_t hi, uint64_t max_bytes, raft_entry *out,
                           size_t *count) {
  const raft_storage *log = log_of(ctx);
  return log->entries(log->ctx, lo, hi, max_bytes, out, count);
}

static int storage_term(void *ctx, uint64_t index, uint64_t *term) {
  const raft_storage *log = log_of(ctx);
  return log->term(log->ctx, index, term);
}

static int storage_first_index(void *ctx, uint64_t *index) {
  const raft_storage *log = log_of(ctx);
  return log->first_index(log->ctx, index);
}

static int storage_last_index(void *ctx, uint64_t *index) {
  const raft_storage *log = log_of(ctx);
  return log->last_index(log->ctx, index);
}

static int storage_snapshot(void *ctx, raft_snapshot *snapshot) {
  const struct interaction_node *node = ctx;
  *snapshot = *interaction_history_last(&node->history);
  return snapshot->index > 0 ? RAFT_OK : RAFT_ESNAPSHOT_UNAVAILABLE;
}

static raft_storage node_storage(struct interaction_node *node) {
  return (raft_storage){
      .size = sizeof(raft_storage),
      .ctx = node,
      .initial_state = storage_initial_state,
      .entries = storage_entries,
      .term = storage_term,
      .first_index = storage_first_index,
      .last_index = storage_last_index,
      .snapshot = storage_snapshot,
  };
}

/* --- from nothing to running and back --- */

/* Opens raft over the node's storage. The sentence about a bad configuration says more than the
 * code of the error. */
static int open_raft(struct interaction_node *node, raft_rawnode **raft) {
  const char *why = NULL;
  if (raft_config_check(&node->config, &why) != RAFT_OK && why != NULL) {
    return interaction_fail(node->env, "%s", why);
  }
  return interaction_check(node->env, raft_rawnode_open(&node->config, raft));
}

static int open_storage(struct interaction_node *node, const raft_snapshot *snapshot) {
  int code = raft_memory_storage_open(NULL, &node->memory);
  if (code == RAFT_OK) {
    node->log = raft_memory_storage_interface(node->memory);
    node->storage = node_storage(node);
  }
  if (code == RAFT_OK && snapshot->index > 0) {
    code = raft_memory_storage_apply_snapshot(node->memory, snapshot);
  }
  return interaction_check(node->env, code);
}

static void append_node(struct interaction_env *env, struct interaction_node *node) {
  size_t size = (env->node_count + 1) * sizeof(struct interaction_node *);
  env->nodes = must_reallocate(env->nodes, size);
  env->nodes[env->node_count++] = node;
}

int interaction_node_add(struct interaction_env *env, const raft_config *config,
                         const raft_snapshot *snapshot) {
  struct interaction_node *node = must_allocate(sizeof *node);
  *node = (struct interaction_node){.env = env, .config = *config};
  node->config.id = env->node_count + 1;
  node->config.storage = &node->storage;
  node->config.log = interaction_log;
  node->config.log_ctx = env;
  interaction_history_push(&node->history, snapshot);
  if (open_storage(node, snapshot) != 0 || open_raft(node, &node->raft) != 0) {
    interaction_node_free(node);
    return -1;
  }
  append_node(env, node);
  return 0;
}

void interaction_node_free(struct interaction_node *node) {
  raft_rawnode_close(node->raft);
  interaction_queue_clear(&node->append_work);
  interaction_queue_clear(&node->apply_work);
  interaction_history_free(&node->history);
  if (node->memory != NULL) {
    raft_memory_storage_close(node->memory);
  }
  free(node);
}

/* Messages of a node to itself, by way of its storage threads or not: they die with it. */
static bool is_own_message(const raft_message *message, const void *id) {
  uint64_t own = *(const uint64_t *)id;
  return message->to == own && (message->from == own || message->from == RAFT_APPEND_THREAD ||
                                message->from == RAFT_APPLY_THREAD);
}

static void lose_own_messages(struct interaction_node *node) {
  struct interaction_queue lost = {0};
  interaction_queue_move(&node->env->messages, &lost, is_own_message, &node->config.id);
  interaction_queue_clear(&lost);
  interaction_queue_clear(&node->append_work);
  interaction_queue_clear(&node->apply_work);
}

int interaction_node_restart(struct interaction_node *node, uint64_t applied) {
  raft_rawnode *raft = NULL;
  uint64_t applied_before = node->config.applied;
  node->config.applied = applied;
  if (open_raft(node, &raft) != 0) {
    node->config.applied = applied_before;
    return -1;
  }
  raft_rawnode_close(node->raft);
  node->raft = raft;
  interaction_history_rewind(&node->history, applied);
  lose_own_messages(node);
  return 0;
}

/* --- work --- */

static bool is_empty_hard_state(const raft_hard_state *state) {
  return state->term == 0 && state->vote == 0 && state->commit == 0;
}

int interaction_node_persist(struct interaction_node *node, const raft_hard_state *hard_state,
                             const raft_entry *entries, size_t count,
                             const raft_snapshot *snapshot) {
  int code = RAFT_OK;
  if (!is_empty_hard_state(hard_state)) {
    code = raft_memory_storage_set_hard_state(node->memory, hard_state);
  }
  if (snapshot == NULL || snapshot->index == 0) {
    code = code == RAFT_OK ? raft_memory_storage_append(node->memory, entries, count) : code;
    return interaction_check(node->env, code);
  }
  if (count > 0) {
    return interaction_fail(node->env, "can't apply snapshot and entries at the same time");
  }
  code = code == RAFT_OK ? raft_memory_storage_apply_snapshot(node->memory, snapshot) : code;
  if (code == RAFT_OK) {
    interaction_history_push(&node->history, snapshot);
  }
  return interaction_check(node->env, code);
}

/* The state after a configuration change. One that cannot be is printed and changes nothing, as
 * if the application had rejected it. */
static void finish_conf_change(struct interaction_node *node, const raft_entry *entry,
                               raft_bytes context, int code, const raft_conf_state *conf_state) {
  if (code != RAFT_OK) {
    interaction_print(node->env, "%s\n", interaction_error_text(code));
  }
  interaction_history_apply(&node->history, entry, context, code == RAFT_OK ? conf_state : NULL);
}

static void apply_conf_change(struct interaction_node *node, const raft_entry *entry) {
  raft_conf_change change = {0};
  raft_conf_state conf_state = {0};
  int code = raft_conf_change_decode(entry->data, &change);
  if (code == RAFT_OK) {
    code = raft_rawnode_apply_conf_change_v1(node->raft, &change, &conf_state);
  }
  finish_conf_change(node, entry, change.context, code, &conf_state);
}

static void apply_conf_change_v2(struct interaction_node *node, const raft_entry *entry) {
  raft_conf_change_v2 change = {0};
  raft_conf_state conf_state = {0};
  void *memory = NULL;
  int code = raft_conf_change_v2_decode(entry->data, NULL, NULL, &change, &memory);
  if (code == RAFT_OK) {
    code = raft_rawnode_apply_conf_change(node->raft, &change, &conf_state);
  }
  finish_conf_change(node, entry, change.context, code, &conf_state);
  if (memory != NULL) {
    raft_conf_state_free(NULL, memory);
  }
}

void interaction_node_apply(struct interaction_node *node, const raft_entry *entries,
                            size_t count) {
  for (size_t i = 0; i < count; i++) {
    switch (entries[i].type) {
    case RAFT_ENTRY_CONF_CHANGE: apply_conf_change(node, &entries[i]); break;
    case RAFT_ENTRY_CONF_CHANGE_V2: apply_conf_change_v2(node, &entries[i]); break;
    case RAFT_ENTRY_NORMAL:
      interaction_history_apply(&node->history, &entries[i], entries[i].data, NULL);
      break;
    }
  }
}
