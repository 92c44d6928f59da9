/* interaction_conf.c - propose-conf-change: membership changes as scripts write them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "changes.h"
#include "interaction_commands.h"
#include "interaction_node.h"

/* What the command says. */
struct proposal {
  bool v1;
  raft_conf_change_transition transition;
  struct change_list list;
};

/* --- arguments --- */

static int parse_transition(struct interaction_env *env, const char *name,
                            raft_conf_change_transition *transition) {
  static const struct {
    const char *name;
    raft_conf_change_transition transition;
  } names[] = {
      {"auto", RAFT_TRANSITION_AUTO},
      {"implicit", RAFT_TRANSITION_JOINT_IMPLICIT},
      {"explicit", RAFT_TRANSITION_JOINT_EXPLICIT},
  };
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    if (strcmp(name, names[i].name) == 0) {
      *transition = names[i].transition;
      return 0;
    }
  }
  return interaction_fail(env, "unknown transition %s", name);
}

static int check_keys(struct interaction_env *env, const struct directive *directive) {
  for (size_t i = 1; i < directive->argument_count; i++) {
    const char *key = directive->arguments[i].key;
    if (strcmp(key, "v1") != 0 && strcmp(key, "transition") != 0) {
      return interaction_fail(env, "unknown command %s", key);
    }
  }
  return 0;
}

static int read_proposal(struct interaction_env *env, const struct directive *directive,
                         struct proposal *proposal) {
  const char *transition = directive_value(directive, "transition");
  if (check_keys(env, directive) != 0 ||
      interaction_bool_argument(env, directive, "v1", &proposal->v1) != 0 ||
      (transition != NULL && parse_transition(env, transition, &proposal->transition) != 0)) {
    return -1;
  }
  if (!changes_parse(&proposal->list, directive->input, &env->error)) {
    return -1;
  }
  if (proposal->v1 && (proposal->list.count != 1 || proposal->transition != RAFT_TRANSITION_AUTO)) {
    return interaction_fail(env, "v1 conf change can only have one operation and no transition");
  }
  return 0;
}

/* --- the command --- */

static int propose(struct interaction_node *node, const struct proposal *proposal) {
  if (proposal->v1) {
    const raft_conf_change change = {
        .type = proposal->list.changes[0].type,
        .node_id = proposal->list.changes[0].node_id,
    };
    return raft_rawnode_propose_conf_change(node->raft, &change);
  }
  const raft_conf_change_v2 change = {
      .transition = proposal->transition,
      .changes = proposal->list.changes,
      .change_count = proposal->list.count,
  };
  return raft_rawnode_propose_conf_change_v2(node->raft, &change);
}

int interaction_propose_conf_change(struct interaction_env *env,
                                    const struct directive *directive) {
  struct interaction_node *node = interaction_node_argument(env, directive);
  struct proposal proposal = {0};
  if (node == NULL) {
    return -1;
  }
  int failed = read_proposal(env, directive, &proposal);
  failed = failed == 0 ? interaction_check(env, propose(node, &proposal)) : failed;
  changes_free(&proposal.list);
  return failed;
}
