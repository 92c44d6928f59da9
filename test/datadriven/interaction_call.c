/* interaction_call.c - the commands that are one call on one node.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <libraft/wire.h>

#include "interaction_commands.h"
#include "interaction_node.h"

/* --- time --- */

static int tick(struct interaction_env *env, const struct directive *directive,
                uint32_t (*ticks)(const raft_config *config)) {
  struct interaction_node *node = interaction_node_argument(env, directive);
  int failed = node != NULL ? 0 : -1;
  for (uint32_t i = 0; failed == 0 && i < ticks(&node->config); i++) {
    failed = interaction_check(env, raft_rawnode_tick(node->raft));
  }
  return failed;
}

static uint32_t election_ticks(const raft_config *config) {
  return config->election_ticks;
}

static uint32_t heartbeat_ticks(const raft_config *config) {
  return config->heartbeat_ticks;
}

int interaction_tick_election(struct interaction_env *env, const struct directive *directive) {
  return tick(env, directive, election_ticks);
}

int interaction_tick_heartbeat(struct interaction_env *env, const struct directive *directive) {
  return tick(env, directive, heartbeat_ticks);
}

int interaction_set_randomized_election_timeout(struct interaction_env *env,
                                                const struct directive *directive) {
  struct interaction_node *node = interaction_node_argument(env, directive);
  uint32_t ticks = 0;
  if (node == NULL || interaction_u32_argument(env, directive, "timeout", &ticks) != 0) {
    return -1;
  }
  if (ticks == 0) {
    return interaction_fail(env, "timeout must be greater than 0");
  }
  return interaction_check(env, raft_rawnode_set_randomized_election_timeout(node->raft, ticks));
}

/* --- leadership --- */

int interaction_campaign(struct interaction_env *env, const struct directive *directive) {
  struct interaction_node *node = interaction_node_argument(env, directive);
  return node != NULL ? interaction_check(env, raft_rawnode_campaign(node->raft)) : -1;
}

int interaction_forget_leader(struct interaction_env *env, const struct directive *directive) {
  struct interaction_node *node = interaction_node_argument(env, directive);
  return node != NULL ? interaction_check(env, raft_rawnode_forget_leader(node->raft)) : -1;
}

int interaction_transfer_leadership(struct interaction_env *env,
                                    const struct directive *directive) {
  const char *from = directive_value(directive, "from");
  uint64_t to = 0;
  if (from == NULL || directive_value(directive, "to") == NULL) {
    return interaction_fail(env, "transfer-leadership needs from= and to=");
  }
  struct interaction_node *node = interaction_parse_node(env, from);
  if (node == NULL || interaction_u64_argument(env, directive, "to", &to) != 0) {
    return -1;
  }
  return interaction_check(env, raft_rawnode_transfer_leader(node->raft, to));
}

/* --- requests --- */

/* The node of a command that takes it and one word, *word. NULL: failed. */
static struct interaction_node *read_word(struct interaction_env *env,
                                          const struct directive *directive, const char **word) {
  if (directive->argument_count != 2 || directive->arguments[1].value_count != 0) {
    (void)interaction_fail(env, "%s needs a node id and one word", directive->command);
    return NULL;
  }
  *word = directive->arguments[1].key;
  return interaction_node_argument(env, directive);
}

int interaction_propose(struct interaction_env *env, const struct directive *directive) {
  const char *word = "";
  struct interaction_node *node = read_word(env, directive, &word);
  const raft_slice data = {.data = word, .len = strlen(word)};
  return node != NULL ? interaction_check(env, raft_rawnode_propose(node->raft, &data, 1)) : -1;
}

int interaction_read_index(struct interaction_env *env, const struct directive *directive) {
  const char *word = "";
  struct interaction_node *node = read_word(env, directive, &word);
  const raft_bytes context = {.data = word, .len = strlen(word)};
  return node != NULL ? interaction_check(env, raft_rawnode_read_index(node->raft, &context)) : -1;
}

/* --- reports --- */

/* The node of a command that tells it of another one, *peer, which need not exist. NULL: failed. */
static struct interaction_node *read_pair(struct interaction_env *env,
                                          const struct directive *directive, uint64_t *peer) {
  if (directive->argument_count < 2 || !parse_u64(directive->arguments[1].key, peer)) {
    (void)interaction_fail(env, "%s needs two node ids", directive->command);
    return NULL;
  }
  return interaction_node_argument(env, directive);
}

int interaction_report_unreachable(struct interaction_env *env, const struct directive *directive) {
  uint64_t peer = 0;
  if (directive->argument_count != 2) {
    return interaction_fail(env, "must specify exactly two node indexes: node on which to report, "
                                 "and reported node");
  }
  struct interaction_node *node = read_pair(env, directive, &peer);
  return node != NULL ? interaction_check(env, raft_rawnode_report_unreachable(node->raft, peer))
                      : -1;
}

int interaction_report_snapshot(struct interaction_env *env, const struct directive *directive) {
  uint64_t peer = 0;
  bool success = true;
  struct interaction_node *node = read_pair(env, directive, &peer);
  if (node == NULL || interaction_bool_argument(env, directive, "success", &success) != 0) {
    return -1;
  }
  return interaction_check(env, raft_rawnode_report_snapshot(node->raft, peer, success));
}

/* --- snapshots by hand --- */

/* Puts a message in flight by way of its bytes, so that it owns what it points to. */
static int send_encoded(struct interaction_env *env, const raft_message *message) {
  raft_message sent = {0};
  size_t size = raft_message_wire_size(message);
  char *bytes = must_allocate(size);
  int code = raft_message_encode(message, bytes, size, &size);
  if (code == RAFT_OK) {
    const raft_bytes input = {.data = bytes, .len = size};
    code = raft_message_decode(input, NULL, NULL, &sent);
  }
  if (code == RAFT_OK) {
    interaction_print_message(env, &sent);
    interaction_queue_push(&env->messages, &sent, NULL);
    raft_message_release(&sent);
  }
  free(bytes);
  return interaction_check(env, code);
}

int interaction_send_snapshot(struct interaction_env *env, const struct directive *directive) {
  raft_basic_status status;
  raft_message message = {.type = RAFT_MSG_SNAP};
  struct interaction_node *node = read_pair(env, directive, &message.to);
  if (node == NULL) {
    return -1;
  }
  raft_rawnode_basic_status(node->raft, &status);
  message.from = node->config.id;
  message.term = status.hard_state.term;
  message.snapshot = interaction_history_last(&node->history);
  return send_encoded(env, &message);
}
