/* confchange_kind.c - scripts about the algebra of membership changes.
 *
 *   simple | enter-joint [autoleave=true] | leave-joint
 *   v1 l2 r3 u4
 *
 * Each script starts from an empty configuration. The last log index is 0 for the first
 * command and one more for each that follows, failed ones included.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <libraft/describe.h>
#include <stdlib.h>
#include <string.h>

#include "changes.h"
#include "kind.h"
#include "libraft/confchange.h"

struct environment {
  raft_tracker tracker;
  uint64_t last_index;
};

static void print_configuration(const struct environment *env, struct text *out) {
  raft_conf_state state = raft_tracker_conf_state(&env->tracker);
  size_t size = raft_describe_configuration(&state, NULL, 0) + 1;
  char *line = must_allocate(size);
  (void)raft_describe_configuration(&state, line, size);
  text_printf(out, "%s\n", line);
  free(line);
}

static void print_progress(const struct environment *env, const raft_progress *progress,
                           struct text *out) {
  char line[512];
  raft_progress_status status;
  raft_progress_status_of(progress, &env->tracker.limits, &status);
  (void)raft_describe_progress(&status, line, sizeof line);
  text_printf(out, "%" PRIu64 ": %s\n", progress->id, line);
}

static void print_state(const struct environment *env, struct text *out) {
  print_configuration(env, out);
  for (uint32_t i = 0; i < env->tracker.count; i++) {
    print_progress(env, &env->tracker.progress[i], out);
  }
}

/* RAFT_EUSAGE: no such command; its text is already printed. */
static int compute(const struct environment *env, const struct directive *directive,
                   const struct change_list *list, raft_tracker *next, struct text *out) {
  const char *command = directive->command;
  const char *value = directive_value(directive, "autoleave");
  bool auto_leave = false;
  if (strcmp(command, "simple") == 0) {
    return raft_confchange_simple(&env->tracker, env->last_index, list->changes, list->count, next);
  }
  if (strcmp(command, "leave-joint") == 0 && list->count == 0) {
    return raft_confchange_leave_joint(&env->tracker, env->last_index, next);
  }
  if (strcmp(command, "leave-joint") == 0) {
    text_puts(out, "this command takes no input");
    return RAFT_EUSAGE;
  }
  if (strcmp(command, "enter-joint") != 0) {
    text_puts(out, "unknown command");
    return RAFT_EUSAGE;
  }
  if (value != NULL && !parse_bool(value, &auto_leave)) {
    text_printf(out, "autoleave is no truth value: %s", value);
    return RAFT_EUSAGE;
  }
  return raft_confchange_enter_joint(&env->tracker, env->last_index, auto_leave, list->changes,
                                     list->count, next);
}

static void run_change(struct environment *env, const struct directive *directive,
                       const struct change_list *list, struct text *out) {
  raft_tracker next;
  int rc = compute(env, directive, list, &next, out);
  if (rc == RAFT_OK) {
    raft_tracker_adopt(&env->tracker, &next);
    print_state(env, out);
  } else if (rc != RAFT_EUSAGE) {
    text_puts(out, raft_error_string(rc));
  }
}

static int confchange_run(void *ctx, const struct directive *directive, struct text *out) {
  struct environment *env = ctx;
  struct change_list list;
  if (changes_parse(&list, directive->input, out)) {
    run_change(env, directive, &list, out);
  }
  changes_free(&list);
  env->last_index++;
  return 0;
}

static void *confchange_open(void) {
  struct environment *env = must_allocate(sizeof *env);
  *env = (struct environment){0};
  raft_tracker_init(&env->tracker, (raft_inflight_limits){.max_count = 10},
                    raft_default_allocator());
  return env;
}

static void confchange_close(void *ctx) {
  struct environment *env = ctx;
  raft_tracker_close(&env->tracker);
  free(env);
}

const struct datadriven_kind confchange_kind = {"confchange", confchange_open, confchange_close,
                                                confchange_run};
