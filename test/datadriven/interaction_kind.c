/* interaction_kind.c - the kind of script that plays a whole group of nodes step by step.
 *
 * Nodes run in memory; nothing moves unless a command moves it: messages wait until they are
 * delivered or dropped, Readies until they are processed, time until it is ticked. So every
 * interleaving can be written down, and what each step prints is compared word by word.
 *
 * The commands are those of etcd-io/raft, and three of our own:
 *
 *   read-index ID CONTEXT                  asks node ID for a linearizable read
 *   report-snapshot ID PEER [success=B]    tells ID what became of the snapshot sent to PEER
 *   restart ID [applied=N]                 ID crashes and comes back from its storage, its state
 *                                          machine at N (default: where it was)
 *
 * add-nodes takes besides theirs: max-size-per-msg, max-uncommitted-size, max-inflight-bytes,
 * max-pending-reads, snapshot-timeout (ticks), disable-proposal-forwarding, silent-read-drops,
 * etcd-quirks. The last two are on unless a script says otherwise: it then sees the library's own
 * ways.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>
#include <string.h>

#include "interaction_commands.h"
#include "interaction_node.h"
#include "kind.h"

static int set_log_level(struct interaction_env *env, const struct directive *directive) {
  if (directive->argument_count != 1) {
    return interaction_fail(env, "log-level needs one level");
  }
  return interaction_parse_level(env, directive->arguments[0].key, &env->level);
}

/* Upstream's place for a debugger to stop. */
static int nothing(struct interaction_env *env, const struct directive *directive) {
  (void)env;
  (void)directive;
  return 0;
}

static const struct {
  const char *name;
  interaction_command *run;
} commands[] = {
    {"_breakpoint", nothing},
    {"add-nodes", interaction_add_nodes},
    {"campaign", interaction_campaign},
    {"compact", interaction_compact},
    {"deliver-msgs", interaction_deliver_msgs},
    {"forget-leader", interaction_forget_leader},
    {"log-level", set_log_level},
    {"process-append-thread", interaction_process_append_thread},
    {"process-apply-thread", interaction_process_apply_thread},
    {"process-ready", interaction_process_ready},
    {"propose", interaction_propose},
    {"propose-conf-change", interaction_propose_conf_change},
    {"raft-log", interaction_raft_log},
    {"raft-state", interaction_raft_state},
    {"report-unreachable", interaction_report_unreachable},
    {"send-snapshot", interaction_send_snapshot},
    {"set-randomized-election-timeout", interaction_set_randomized_election_timeout},
    {"stabilize", interaction_stabilize},
    {"status", interaction_status},
    {"tick-election", interaction_tick_election},
    {"tick-heartbeat", interaction_tick_heartbeat},
    {"transfer-leadership", interaction_transfer_leadership},
    /* Our own: what etcd-io/raft's scripts have no words for. */
    {"read-index", interaction_read_index},
    {"report-snapshot", interaction_report_snapshot},
    {"restart", interaction_restart},
};

static int dispatch(struct interaction_env *env, const struct directive *directive) {
  for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
    if (strcmp(directive->command, commands[i].name) == 0) {
      return commands[i].run(env, directive);
    }
  }
  return interaction_fail(env, "unknown command");
}

static void *open_env(void) {
  struct interaction_env *env = must_allocate(sizeof *env);
  *env = (struct interaction_env){.level = RAFT_LOG_DEBUG};
  return env;
}

static void close_env(void *ctx) {
  struct interaction_env *env = ctx;
  interaction_queue_clear(&env->messages);
  for (size_t i = 0; i < env->node_count; i++) {
    interaction_node_free(env->nodes[i]);
  }
  free(env->nodes);
  text_free(&env->output);
  text_free(&env->error);
  free(env);
}

/* Errors stand behind what was printed before them, even where printing is off. */
static int run(void *ctx, const struct directive *directive, struct text *out) {
  struct interaction_env *env = ctx;
  int failed = dispatch(env, directive);
  text_append(out, text_string(&env->output), env->output.len);
  if (failed != 0) {
    text_append(out, text_string(&env->error), env->error.len);
  }
  text_clear(&env->output);
  text_clear(&env->error);
  return 0;
}

const struct datadriven_kind interaction_kind = {
    .name = "interaction",
    .open = open_env,
    .close = close_env,
    .run = run,
};
