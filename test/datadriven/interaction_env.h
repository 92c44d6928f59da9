/* interaction_env.h - the world of an interaction script: nodes, messages in flight, output.
 *
 * Handlers print by the functions below, which drop everything at log level NONE, as log lines
 * below the level are dropped. What a script gets to see of an error is its text alone.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef DATADRIVEN_INTERACTION_ENV_H
#define DATADRIVEN_INTERACTION_ENV_H

#include <libraft/describe.h>
#include <libraft/raft.h>

#include "interaction_queue.h"
#include "parse.h"
#include "text.h"

struct interaction_node;

/* Log levels of scripts: raft_log_level, and one above them all. */
enum { INTERACTION_LEVEL_NONE = RAFT_LOG_FATAL + 1 };

struct interaction_env {
  struct interaction_node **nodes; /* node with id i at i - 1 */
  size_t node_count;
  struct interaction_queue messages; /* in flight, of all nodes */
  struct text output;                /* of the command that runs */
  struct text error;                 /* of the command that failed */
  int level;
};

/* Why a command stopped: 0, or -1 with the reason in env->error. */
__attribute__((format(printf, 2, 3))) int interaction_fail(struct interaction_env *env,
                                                           const char *format, ...);

/* 0 if `code` is RAFT_OK; else fails with its text. */
int interaction_check(struct interaction_env *env, int code);

/* Text of an error of the library, in the words that scripts expect. */
const char *interaction_error_text(int code);

__attribute__((format(printf, 2, 3))) void interaction_print(struct interaction_env *env,
                                                             const char *format, ...);
void interaction_print_message(struct interaction_env *env, const raft_message *message);
void interaction_print_entry(struct interaction_env *env, const raft_entry *entry);
void interaction_print_ready(struct interaction_env *env, const raft_ready *ready);
void interaction_print_progress(struct interaction_env *env, const raft_progress_status *progress);

/* A raft_log_function; ctx is the struct interaction_env. */
void interaction_log(void *ctx, const raft_event *event);

/* What is printed between the two is indented by two spaces. begin returns what was printed
 * before, for end to put in front again. */
struct text interaction_indent_begin(struct interaction_env *env);
void interaction_indent_end(struct interaction_env *env, struct text before);

/* Reads the name of a level, in upper or lower case. Fails for others. */
int interaction_parse_level(struct interaction_env *env, const char *name, int *level);

/* A node by its id; NULL: there is none. */
struct interaction_node *interaction_find_node(const struct interaction_env *env, uint64_t id);

/* The node whose id this is. NULL: failed, there is none. */
struct interaction_node *interaction_parse_node(struct interaction_env *env, const char *string);

/* The node that the first argument names. NULL: failed. */
struct interaction_node *interaction_node_argument(struct interaction_env *env,
                                                   const struct directive *directive);

/* Nodes that a command names, in its order. */
struct interaction_nodes {
  struct interaction_node **nodes;
  size_t count;
};

/* The nodes of all arguments without values; release by free(nodes->nodes), also after failure. */
int interaction_nodes_argument(struct interaction_env *env, const struct directive *directive,
                               struct interaction_nodes *nodes);

/* Values of `key=`: *value stays as it is when the key is not there. Fail on what is no such
 * value, and on lists. */
int interaction_u64_argument(struct interaction_env *env, const struct directive *directive,
                             const char *key, uint64_t *value);
int interaction_u32_argument(struct interaction_env *env, const struct directive *directive,
                             const char *key, uint32_t *value);
int interaction_bool_argument(struct interaction_env *env, const struct directive *directive,
                              const char *key, bool *value);

#endif
