/* interaction_stabilize.c - stabilize: nodes work and talk until they have nothing left to do.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "interaction_commands.h"
#include "interaction_deliver.h"
#include "interaction_process.h"

/* A group that is not at rest after so many rounds never will be. */
enum { MAX_ROUNDS = 10000 };

/* Each step lets one node do one kind of work; *idle becomes false if there was any. */
typedef int step(struct interaction_node *node, bool *idle);

static void print_headline(struct interaction_node *node, const char *headline) {
  interaction_print(node->env, "> %" PRIu64 " %s\n", node->config.id, headline);
}

static int step_ready(struct interaction_node *node, bool *idle) {
  if (!raft_rawnode_has_ready(node->raft)) {
    return 0;
  }
  *idle = false;
  print_headline(node, "handling Ready");
  return interaction_work_indented(node, interaction_work_ready);
}

static int step_messages(struct interaction_node *node, bool *idle) {
  struct interaction_delivery delivery = {.to = node->config.id, .type = -1};
  if (!interaction_has_messages(node->env, &delivery)) {
    return 0;
  }
  *idle = false;
  print_headline(node, "receiving messages");
  struct text before = interaction_indent_begin(node->env);
  (void)interaction_deliver(node->env, &delivery);
  interaction_indent_end(node->env, before);
  return 0;
}

/* Works until the queue is empty, under one headline. */
static int drain(struct interaction_node *node, const struct interaction_queue *queue,
                 const char *headline, interaction_work *work, bool *idle) {
  int failed = 0;
  if (queue->count > 0) {
    *idle = false;
    print_headline(node, headline);
  }
  while (failed == 0 && queue->count > 0) {
    failed = interaction_work_indented(node, work);
  }
  return failed;
}

static int step_append(struct interaction_node *node, bool *idle) {
  return drain(node, &node->append_work, "processing append thread", interaction_work_append, idle);
}

static int step_apply(struct interaction_node *node, bool *idle) {
  return drain(node, &node->apply_work, "processing apply thread", interaction_work_apply, idle);
}

/* One round: all nodes take the first step, then all the second. */
static int run_round(const struct interaction_nodes *nodes, bool *idle) {
  static step *const steps[] = {step_ready, step_messages, step_append, step_apply};
  int failed = 0;
  for (size_t s = 0; s < sizeof steps / sizeof *steps; s++) {
    for (size_t i = 0; failed == 0 && i < nodes->count; i++) {
      failed = steps[s](nodes->nodes[i], idle);
    }
  }
  return failed;
}

static int stabilize(struct interaction_env *env, const struct interaction_nodes *nodes) {
  int failed = 0;
  bool idle = false;
  for (int round = 0; failed == 0 && !idle; round++) {
    if (round == MAX_ROUNDS) {
      return interaction_fail(env, "not at rest after %d rounds", round);
    }
    idle = true;
    failed = run_round(nodes, &idle);
  }
  return failed;
}

static int read_log_level(struct interaction_env *env, const struct directive *directive) {
  const struct argument *argument = directive_find(directive, "log-level");
  if (argument == NULL || argument->value_count == 0) {
    return 0;
  }
  return interaction_parse_level(env, argument->values[0], &env->level);
}

int interaction_stabilize(struct interaction_env *env, const struct directive *directive) {
  struct interaction_nodes nodes;
  int level = env->level;
  int failed = interaction_nodes_argument(env, directive, &nodes);
  failed = failed == 0 ? read_log_level(env, directive) : failed;
  if (failed == 0) {
    const struct interaction_nodes all = {.nodes = env->nodes, .count = env->node_count};
    failed = stabilize(env, nodes.count > 0 ? &nodes : &all);
  }
  env->level = level;
  free(nodes.nodes);
  return failed;
}
