/* interaction_state.c - the commands that look at a node, and compact, which ends with a look.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>

#include "interaction_commands.h"
#include "interaction_node.h"

/* --- status --- */

int interaction_status(struct interaction_env *env, const struct directive *directive) {
  struct interaction_node *node = interaction_node_argument(env, directive);
  raft_status status;
  int failed = 0;
  if (node == NULL) {
    return -1;
  }
  raft_rawnode_status(node->raft, &status);
  for (size_t i = 0; failed == 0 && i < status.progress_count; i++) {
    raft_progress_status progress;
    failed = interaction_check(env, raft_rawnode_progress(node->raft, i, &progress));
    if (failed == 0) {
      interaction_print(env, "%" PRIu64 ": ", progress.id);
      interaction_print_progress(env, &progress);
      interaction_print(env, "\n");
    }
  }
  return failed;
}

/* --- raft-state --- */

static bool contains(raft_ids ids, uint64_t id) {
  for (size_t i = 0; i < ids.count; i++) {
    if (ids.ids[i] == id) {
      return true;
    }
  }
  return false;
}

static void print_state(struct interaction_env *env, const struct interaction_node *node) {
  raft_status status;
  raft_rawnode_status(node->raft, &status);
  const raft_basic_status *basic = &status.basic;
  bool is_voter = contains(status.conf_state.voters, basic->id) ||
                  contains(status.conf_state.voters_outgoing, basic->id);
  interaction_print(env, "%" PRIu64 ": %s (%s) Term:%" PRIu64 " Lead:%" PRIu64 "\n", basic->id,
                    raft_role_name(basic->soft_state.role), is_voter ? "Voter" : "Non-Voter",
                    basic->hard_state.term, basic->soft_state.lead);
}

int interaction_raft_state(struct interaction_env *env, const struct directive *directive) {
  (void)directive;
  for (size_t i = 0; i < env->node_count; i++) {
    print_state(env, env->nodes[i]);
  }
  return 0;
}

/* --- raft-log --- */

/* One entry of the storage, read by itself. */
static int print_entry_at(struct interaction_node *node, uint64_t index) {
  raft_entry entry;
  size_t count = 1;
  int code = node->log->entries(node->log->ctx, index, index + 1, RAFT_NO_LIMIT, &entry, &count);
  if (code == RAFT_OK && count == 1) {
    interaction_print_entry(node->env, &entry);
    interaction_print(node->env, "\n");
    raft_buf_release(entry.data.owner);
  }
  return interaction_check(node->env, code);
}

static int print_log(struct interaction_node *node) {
  uint64_t first = 0;
  uint64_t last = 0;
  int code = node->log->first_index(node->log->ctx, &first);
  code = code == RAFT_OK ? node->log->last_index(node->log->ctx, &last) : code;
  int failed = interaction_check(node->env, code);
  if (failed == 0 && last < first) {
    interaction_print(node->env, "log is empty: first index=%" PRIu64 ", last index=%" PRIu64,
                      first, last);
  }
  for (uint64_t index = first; failed == 0 && index <= last; index++) {
    failed = print_entry_at(node, index);
  }
  return failed;
}

int interaction_raft_log(struct interaction_env *env, const struct directive *directive) {
  struct interaction_node *node = interaction_node_argument(env, directive);
  return node != NULL ? print_log(node) : -1;
}

int interaction_compact(struct interaction_env *env, const struct directive *directive) {
  struct interaction_node *node = interaction_node_argument(env, directive);
  uint64_t index = 0;
  if (node == NULL) {
    return -1;
  }
  if (directive->argument_count != 2 || !parse_u64(directive->arguments[1].key, &index)) {
    return interaction_fail(env, "compact needs a node id and an index");
  }
  int failed = interaction_check(env, raft_memory_storage_compact(node->memory, index));
  return failed != 0 ? failed : print_log(node);
}
