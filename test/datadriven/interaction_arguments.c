/* interaction_arguments.c - reading what the commands of interaction scripts are given.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>

#include "interaction_env.h"

struct interaction_node *interaction_find_node(const struct interaction_env *env, uint64_t id) {
  return id > 0 && id <= env->node_count ? env->nodes[id - 1] : NULL;
}

struct interaction_node *interaction_parse_node(struct interaction_env *env, const char *string) {
  uint64_t id = 0;
  bool is_number = parse_u64(string, &id);
  struct interaction_node *node = interaction_find_node(env, id);
  if (!is_number) {
    (void)interaction_fail(env, "no node id: \"%s\"", string);
  } else if (node == NULL) {
    (void)interaction_fail(env, "no node with id %s", string);
  }
  return node;
}

struct interaction_node *interaction_node_argument(struct interaction_env *env,
                                                   const struct directive *directive) {
  if (directive->argument_count == 0) {
    (void)interaction_fail(env, "%s needs a node id", directive->command);
    return NULL;
  }
  return interaction_parse_node(env, directive->arguments[0].key);
}

int interaction_nodes_argument(struct interaction_env *env, const struct directive *directive,
                               struct interaction_nodes *nodes) {
  size_t room = directive->argument_count * sizeof(struct interaction_node *);
  *nodes = (struct interaction_nodes){.nodes = must_allocate(room)};
  for (size_t i = 0; i < directive->argument_count; i++) {
    const struct argument *argument = &directive->arguments[i];
    if (argument->value_count > 0) {
      continue;
    }
    struct interaction_node *node = interaction_parse_node(env, argument->key);
    if (node == NULL) {
      return -1;
    }
    nodes->nodes[nodes->count++] = node;
  }
  return 0;
}

/* The one value of `key`; NULL with *failed as it was: the key is not there. */
static const char *find_value(struct interaction_env *env, const struct directive *directive,
                              const char *key, int *failed) {
  const struct argument *argument = directive_find(directive, key);
  if (argument == NULL) {
    return NULL;
  }
  if (argument->value_count != 1) {
    *failed = interaction_fail(env, "%s needs one value", key);
    return NULL;
  }
  return argument->values[0];
}

int interaction_u64_argument(struct interaction_env *env, const struct directive *directive,
                             const char *key, uint64_t *value) {
  int failed = 0;
  const char *string = find_value(env, directive, key, &failed);
  if (string != NULL && !parse_u64(string, value)) {
    failed = interaction_fail(env, "%s needs a number, not \"%s\"", key, string);
  }
  return failed;
}

int interaction_u32_argument(struct interaction_env *env, const struct directive *directive,
                             const char *key, uint32_t *value) {
  uint64_t number = *value;
  int failed = interaction_u64_argument(env, directive, key, &number);
  if (failed == 0 && number > UINT32_MAX) {
    failed = interaction_fail(env, "%s must be less than 2^32", key);
  }
  *value = failed == 0 ? (uint32_t)number : *value;
  return failed;
}

int interaction_bool_argument(struct interaction_env *env, const struct directive *directive,
                              const char *key, bool *value) {
  int failed = 0;
  const char *string = find_value(env, directive, key, &failed);
  if (string != NULL && !parse_bool(string, value)) {
    failed = interaction_fail(env, "%s needs true or false, not \"%s\"", key, string);
  }
  return failed;
}
