/* interaction_add_nodes.c - add-nodes and restart: nodes come to life, and come back.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "interaction_commands.h"
#include "interaction_node.h"

/* More nodes than any script needs; fewer than would take long to make. */
enum { MAX_NODES = 1000 };

/* What add-nodes says: how the nodes are configured and what they start from. */
struct plan {
  uint64_t count;
  raft_config config;
  raft_snapshot snapshot;
  uint64_t *voters; /* memory of the snapshot's lists */
  uint64_t *learners;
};

/* Everything off that a script does not ask for, as in etcd-io/raft's own tests. */
static raft_config default_config(void) {
  raft_config config;
  raft_config_init(&config);
  config.seed = 1;
  config.election_ticks = 3;
  config.heartbeat_ticks = 1;
  config.snapshot_timeout_ticks = 0;
  config.max_size_per_message = RAFT_NO_LIMIT;
  config.max_inflight_messages = INT32_MAX;
  config.max_pending_reads = 0;
  config.check_quorum = false;
  config.pre_vote = false;
  config.silent_read_drops = true;
  config.etcd_quirks = true;
  return config;
}

/* Ids of `key=(1, 2)`, in *memory. */
static int read_ids(struct interaction_env *env, const struct directive *directive, const char *key,
                    raft_ids *ids, uint64_t **memory) {
  const struct argument *argument = directive_find(directive, key);
  size_t count = argument != NULL ? argument->value_count : 0;
  *memory = must_allocate(count * sizeof **memory);
  for (size_t i = 0; i < count; i++) {
    if (!parse_u64(argument->values[i], &(*memory)[i])) {
      return interaction_fail(env, "no node id: \"%s\"", argument->values[i]);
    }
  }
  *ids = (raft_ids){.ids = *memory, .count = count};
  return 0;
}

static int read_count(struct interaction_env *env, const struct directive *directive,
                      uint64_t *count) {
  if (directive->argument_count == 0 || !parse_u64(directive->arguments[0].key, count)) {
    return interaction_fail(env, "add-nodes needs a number of nodes");
  }
  if (*count > MAX_NODES - env->node_count) {
    return interaction_fail(env, "at most %d nodes", MAX_NODES);
  }
  return 0;
}

static int read_snapshot(struct interaction_env *env, const struct directive *directive,
                         struct plan *plan) {
  raft_snapshot *snapshot = &plan->snapshot;
  raft_conf_state *conf_state = &snapshot->conf_state;
  const char *content = directive_value(directive, "content");
  if (read_ids(env, directive, "voters", &conf_state->voters, &plan->voters) != 0 ||
      read_ids(env, directive, "learners", &conf_state->learners, &plan->learners) != 0 ||
      interaction_u64_argument(env, directive, "index", &snapshot->index) != 0) {
    return -1;
  }
  if (content != NULL) {
    snapshot->data = (raft_bytes){.data = content, .len = strlen(content)};
  }
  plan->config.applied = snapshot->index;
  if (conf_state->voters.count == 0 && conf_state->learners.count == 0 && snapshot->index == 0 &&
      snapshot->data.len == 0) {
    return 0;
  }
  snapshot->term = 1;
  if (snapshot->index <= 1) {
    return interaction_fail(env, "index must be specified as > 1 due to bootstrap");
  }
  return snapshot->index < RAFT_NO_LIMIT ? 0 : interaction_fail(env, "index leaves no room");
}

static int read_read_only(struct interaction_env *env, const struct directive *directive,
                          raft_config *config) {
  const char *option = directive_value(directive, "read-only");
  if (option == NULL || strcmp(option, "safe") == 0) {
    return 0;
  }
  if (strcmp(option, "lease-based") != 0) {
    return interaction_fail(env, "invalid read-only option \"%s\"", option);
  }
  config->read_only = RAFT_READ_ONLY_LEASE_BASED;
  return 0;
}

static int read_switches(struct interaction_env *env, const struct directive *directive,
                         raft_config *config) {
  const struct {
    const char *key;
    bool *value;
  } switches[] = {
      {"async-storage-writes", &config->async_storage_writes},
      {"checkquorum", &config->check_quorum},
      {"disable-conf-change-validation", &config->disable_conf_change_validation},
      {"prevote", &config->pre_vote},
      {"step-down-on-removal", &config->step_down_on_removal},
      /* Our own. */
      {"disable-proposal-forwarding", &config->disable_proposal_forwarding},
      {"etcd-quirks", &config->etcd_quirks},
      {"silent-read-drops", &config->silent_read_drops},
  };
  int failed = 0;
  for (size_t i = 0; failed == 0 && i < sizeof switches / sizeof *switches; i++) {
    failed = interaction_bool_argument(env, directive, switches[i].key, switches[i].value);
  }
  return failed;
}

static int read_limits(struct interaction_env *env, const struct directive *directive,
                       raft_config *config) {
  const struct {
    const char *key;
    uint64_t *value;
  } wide[] = {
      {"max-committed-size-per-ready", &config->max_committed_size_per_ready},
      /* Our own. */
      {"max-size-per-msg", &config->max_size_per_message},
      {"max-uncommitted-size", &config->max_uncommitted_size},
      {"max-inflight-bytes", &config->max_inflight_bytes},
  };
  const struct {
    const char *key;
    uint32_t *value;
  } narrow[] = {
      {"inflight", &config->max_inflight_messages},
      /* Our own. */
      {"max-pending-reads", &config->max_pending_reads},
      {"snapshot-timeout", &config->snapshot_timeout_ticks},
  };
  int failed = 0;
  for (size_t i = 0; failed == 0 && i < sizeof wide / sizeof *wide; i++) {
    failed = interaction_u64_argument(env, directive, wide[i].key, wide[i].value);
  }
  for (size_t i = 0; failed == 0 && i < sizeof narrow / sizeof *narrow; i++) {
    failed = interaction_u32_argument(env, directive, narrow[i].key, narrow[i].value);
  }
  return failed;
}

static int read_plan(struct interaction_env *env, const struct directive *directive,
                     struct plan *plan) {
  *plan = (struct plan){.config = default_config()};
  if (read_count(env, directive, &plan->count) != 0 ||
      read_switches(env, directive, &plan->config) != 0 ||
      read_limits(env, directive, &plan->config) != 0 ||
      read_read_only(env, directive, &plan->config) != 0) {
    return -1;
  }
  return read_snapshot(env, directive, plan);
}

int interaction_add_nodes(struct interaction_env *env, const struct directive *directive) {
  struct plan plan;
  int failed = read_plan(env, directive, &plan);
  for (uint64_t i = 0; failed == 0 && i < plan.count; i++) {
    failed = interaction_node_add(env, &plan.config, &plan.snapshot);
  }
  free(plan.voters);
  free(plan.learners);
  return failed;
}

int interaction_restart(struct interaction_env *env, const struct directive *directive) {
  struct interaction_node *node = interaction_node_argument(env, directive);
  if (node == NULL) {
    return -1;
  }
  uint64_t applied = interaction_history_last(&node->history)->index;
  if (interaction_u64_argument(env, directive, "applied", &applied) != 0) {
    return -1;
  }
  return interaction_node_restart(node, applied);
}
