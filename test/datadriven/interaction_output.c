/* interaction_output.c - what a command of an interaction script prints, and its errors.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>
#include <strings.h>

#include "interaction_env.h"

int interaction_fail(struct interaction_env *env, const char *format, ...) {
  va_list arguments;
  text_clear(&env->error);
  va_start(arguments, format);
  text_vprintf(&env->error, format, arguments);
  va_end(arguments);
  return -1;
}

/* Texts of etcd-io/raft, where they are not those of raft_error_string. */
static const struct {
  int code;
  const char *text;
} error_texts[] = {
    {RAFT_EPEER_NOT_FOUND, "raft: cannot step as peer not found"},
    {RAFT_ESTEP_LOCAL, "raft: cannot step raft local message"},
    {RAFT_ECOMPACTED, "requested index is unavailable due to compaction"},
    {RAFT_EUNAVAILABLE, "requested entry at index is unavailable"},
    {RAFT_ESNAPSHOT_OUT_OF_DATE, "requested index is older than the existing snapshot"},
    {RAFT_ESNAPSHOT_UNAVAILABLE, "snapshot is temporarily unavailable"},
};

const char *interaction_error_text(int code) {
  for (size_t i = 0; i < sizeof error_texts / sizeof *error_texts; i++) {
    if (error_texts[i].code == code) {
      return error_texts[i].text;
    }
  }
  return raft_is_dropped(code) ? "raft proposal dropped" : raft_error_string(code);
}

int interaction_check(struct interaction_env *env, int code) {
  return code == RAFT_OK ? 0 : interaction_fail(env, "%s", interaction_error_text(code));
}

static bool is_quiet(const struct interaction_env *env) {
  return env->level == INTERACTION_LEVEL_NONE;
}

void interaction_print(struct interaction_env *env, const char *format, ...) {
  va_list arguments;
  if (is_quiet(env)) {
    return;
  }
  va_start(arguments, format);
  text_vprintf(&env->output, format, arguments);
  va_end(arguments);
}

/* Any of the describe functions, its object untyped. */
typedef size_t describe_function(const void *object, char *buf, size_t size);

static size_t describe_message(const void *object, char *buf, size_t size) {
  return raft_describe_message(object, buf, size);
}

static size_t describe_entry(const void *object, char *buf, size_t size) {
  return raft_describe_entry(object, buf, size);
}

static size_t describe_ready(const void *object, char *buf, size_t size) {
  return raft_describe_ready(object, buf, size);
}

static size_t describe_progress(const void *object, char *buf, size_t size) {
  return raft_describe_progress(object, buf, size);
}

static size_t describe_event(const void *object, char *buf, size_t size) {
  return raft_describe_event(object, buf, size);
}

static void print_described(struct interaction_env *env, const void *object,
                            describe_function *describe) {
  if (is_quiet(env)) {
    return;
  }
  size_t len = describe(object, NULL, 0);
  char *buf = must_allocate(len + 1);
  (void)describe(object, buf, len + 1);
  text_append(&env->output, buf, len);
  free(buf);
}

void interaction_print_message(struct interaction_env *env, const raft_message *message) {
  print_described(env, message, describe_message);
}

void interaction_print_entry(struct interaction_env *env, const raft_entry *entry) {
  print_described(env, entry, describe_entry);
}

void interaction_print_ready(struct interaction_env *env, const raft_ready *ready) {
  print_described(env, ready, describe_ready);
}

void interaction_print_progress(struct interaction_env *env, const raft_progress_status *progress) {
  print_described(env, progress, describe_progress);
}

void interaction_log(void *ctx, const raft_event *event) {
  struct interaction_env *env = ctx;
  if ((int)event->level < env->level) {
    return;
  }
  interaction_print(env, "%s ", raft_log_level_name(event->level));
  print_described(env, event, describe_event);
  interaction_print(env, "\n");
}

struct text interaction_indent_begin(struct interaction_env *env) {
  struct text before = env->output;
  env->output = (struct text){0};
  return before;
}

void interaction_indent_end(struct interaction_env *env, struct text before) {
  text_indent(&before, &env->output);
  text_free(&env->output);
  env->output = before;
}

int interaction_parse_level(struct interaction_env *env, const char *name, int *level) {
  static const char *const names[] = {"DEBUG", "INFO", "WARN", "ERROR", "FATAL", "NONE"};
  for (int i = 0; i <= INTERACTION_LEVEL_NONE; i++) {
    if (strcasecmp(name, names[i]) == 0) {
      *level = i;
      return 0;
    }
  }
  return interaction_fail(env, "log levels must be either of [DEBUG INFO WARN ERROR FATAL NONE]");
}
