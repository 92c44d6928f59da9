/* interaction_process.c - process-ready, process-append-thread, process-apply-thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "interaction_process.h"

#include <inttypes.h>
#include <stdlib.h>

#include "interaction_commands.h"

/* --- Readies --- */

/* Where a message goes: to a storage thread of its node, or into the network. */
static struct interaction_queue *queue_for(struct interaction_node *node,
                                           const raft_message *message) {
  if (node->config.async_storage_writes && message->to == RAFT_APPEND_THREAD) {
    return &node->append_work;
  }
  if (node->config.async_storage_writes && message->to == RAFT_APPLY_THREAD) {
    return &node->apply_work;
  }
  return &node->env->messages;
}

static void send_messages(struct interaction_node *node, const raft_ready *ready) {
  for (size_t i = 0; i < ready->message_count; i++) {
    const raft_message *message = &ready->messages[i];
    interaction_queue_push(queue_for(node, message), message, NULL);
  }
}

/* Reads that were given up are no part of the description: etcd-io/raft does not report them. */
static void print_abandoned_reads(struct interaction_env *env, const raft_ready *ready) {
  for (size_t i = 0; i < ready->read_state_count; i++) {
    const raft_read_state *read = &ready->read_states[i];
    if (read->status != RAFT_OK) {
      bool in_line = env->output.len > 0 && env->output.data[env->output.len - 1] != '\n';
      interaction_print(env, "%sAbandoned read %.*s: %s\n", in_line ? "\n" : "",
                        (int)read->context.len, (const char *)read->context.data,
                        raft_error_string(read->status));
    }
  }
}

/* What follows the printing, in the order in which log lines of applying and advancing appear. */
static int work_synchronously(struct interaction_node *node, const raft_ready *ready) {
  if (interaction_node_persist(node, &ready->hard_state, ready->entries, ready->entry_count,
                               ready->snapshot) != 0) {
    return -1;
  }
  interaction_node_apply(node, ready->committed_entries, ready->committed_entry_count);
  send_messages(node, ready);
  return interaction_check(node->env, raft_rawnode_advance(node->raft, ready));
}

int interaction_work_ready(struct interaction_node *node) {
  const raft_ready *ready = NULL;
  if (interaction_check(node->env, raft_rawnode_ready(node->raft, &ready)) != 0) {
    return -1;
  }
  interaction_print_ready(node->env, ready);
  print_abandoned_reads(node->env, ready);
  if (!node->config.async_storage_writes) {
    return work_synchronously(node, ready);
  }
  send_messages(node, ready);
  return 0;
}

/* --- storage threads --- */

static void print_line(struct interaction_env *env, const raft_message *message) {
  interaction_print_message(env, message);
  interaction_print(env, "\n");
}

static void print_work(struct interaction_env *env, const raft_message *work) {
  raft_message bare = *work;
  bare.responses = NULL;
  bare.response_count = 0;
  interaction_print(env, "Processing:\n");
  print_line(env, &bare);
}

static void send_responses(struct interaction_env *env, const raft_message *work) {
  interaction_print(env, "Responses:\n");
  for (size_t i = 0; i < work->response_count; i++) {
    print_line(env, &work->responses[i]);
    interaction_queue_push(&env->messages, &work->responses[i], work);
  }
}

/* How one kind of thread does its work. */
static int append(struct interaction_node *node, const raft_message *work) {
  raft_hard_state hard_state = {.term = work->term, .vote = work->vote, .commit = work->commit};
  return interaction_node_persist(node, &hard_state, work->entries, work->entry_count,
                                  work->snapshot);
}

static int apply(struct interaction_node *node, const raft_message *work) {
  interaction_node_apply(node, work->entries, work->entry_count);
  return 0;
}

static int work_on(struct interaction_node *node, struct interaction_queue *queue,
                   int (*write)(struct interaction_node *node, const raft_message *work)) {
  struct interaction_item item = interaction_queue_pop(queue);
  print_work(node->env, &item.message);
  int failed = write(node, &item.message);
  if (failed == 0) {
    send_responses(node->env, &item.message);
  }
  interaction_item_release(&item);
  return failed;
}

int interaction_work_append(struct interaction_node *node) {
  if (node->append_work.count == 0) {
    interaction_print(node->env, "no append work to perform");
    return 0;
  }
  return work_on(node, &node->append_work, append);
}

int interaction_work_apply(struct interaction_node *node) {
  if (node->apply_work.count == 0) {
    interaction_print(node->env, "no apply work to perform");
    return 0;
  }
  return work_on(node, &node->apply_work, apply);
}

/* --- commands --- */

int interaction_work_indented(struct interaction_node *node, interaction_work *work) {
  struct text before = interaction_indent_begin(node->env);
  int failed = work(node);
  interaction_indent_end(node->env, before);
  return failed;
}

/* One node works without more ado; several under a headline each. */
static int work_each(struct interaction_env *env, const struct directive *directive,
                     const char *headline, interaction_work *work) {
  struct interaction_nodes nodes;
  int failed = interaction_nodes_argument(env, directive, &nodes);
  if (failed == 0 && nodes.count == 1) {
    failed = work(nodes.nodes[0]);
  } else {
    for (size_t i = 0; failed == 0 && i < nodes.count; i++) {
      interaction_print(env, "> %" PRIu64 " %s\n", nodes.nodes[i]->config.id, headline);
      failed = interaction_work_indented(nodes.nodes[i], work);
    }
  }
  free(nodes.nodes);
  return failed;
}

int interaction_process_ready(struct interaction_env *env, const struct directive *directive) {
  return work_each(env, directive, "handling Ready", interaction_work_ready);
}

int interaction_process_append_thread(struct interaction_env *env,
                                      const struct directive *directive) {
  return work_each(env, directive, "processing append thread", interaction_work_append);
}

int interaction_process_apply_thread(struct interaction_env *env,
                                     const struct directive *directive) {
  return work_each(env, directive, "processing apply thread", interaction_work_apply);
}
