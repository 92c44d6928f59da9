/* commands.c - finds the row of a command, checks its arity and runs its handler.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "resp/commands.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/decimal.h"
#include "resp/command_table.h"

/* How much of a foreign command an error repeats, as in Redis. */
enum { ECHOED_BYTES = 128 };

bool kv_slice_is(raft_slice text, const char *word) {
  return strlen(word) == text.len && strncasecmp(text.data, word, text.len) == 0;
}

static int compare_name(const void *key, const void *row) {
  const raft_slice *name = key;
  const char *other = ((const kv_command_row *)row)->name;
  const size_t other_len = strlen(other);
  const int order = strncasecmp(name->data, other, name->len < other_len ? name->len : other_len);
  return order != 0 ? order : (name->len > other_len) - (name->len < other_len);
}

const kv_command_row *kv_command_find(raft_slice name) {
  return bsearch(&name, kv_command_rows, kv_command_row_count, sizeof *kv_command_rows,
                 compare_name);
}

kv_outcome kv_call_fail(kv_call *call, const char *text) {
  kv_reply_error(call->reply, "%s", text);
  return KV_OUTCOME_ANSWERED;
}

kv_outcome kv_call_wrong_arity(kv_call *call, const char *full_name) {
  kv_reply_error(call->reply, "ERR wrong number of arguments for '%s' command", full_name);
  return KV_OUTCOME_ANSWERED;
}

static bool arity_fits(const kv_call *call, const kv_command_row *row) {
  return row->arity >= 0 ? call->arg_count == (size_t)row->arity
                         : call->arg_count >= (size_t)-row->arity;
}

static int echoed(raft_slice text, size_t room) {
  const char *end = memchr(text.data, '\0', text.len);
  const size_t len = end == NULL ? text.len : (size_t)(end - (const char *)text.data);
  return (int)(len < room ? len : room);
}

static const char *characters(raft_slice text) {
  return text.data;
}

static kv_outcome unknown_command(kv_call *call) {
  char args[2 * ECHOED_BYTES];
  size_t len = 0;
  for (size_t i = 1; i < call->arg_count && len < ECHOED_BYTES; i++) {
    const int shown = echoed(call->args[i], ECHOED_BYTES - len);
    args[len++] = '\'';
    memcpy(args + len, call->args[i].data, (size_t)shown);
    len += (size_t)shown;
    args[len++] = '\'';
    args[len++] = ' ';
  }
  kv_reply_error(call->reply, "ERR unknown command '%.*s', with args beginning with: %.*s",
                 echoed(call->args[0], ECHOED_BYTES), characters(call->args[0]), (int)len, args);
  return KV_OUTCOME_ANSWERED;
}

kv_outcome kv_call_run(kv_call *call) {
  const kv_command_row *row = kv_command_find(call->args[0]);
  if (row == NULL) {
    return unknown_command(call);
  }
  call->session->last_command = row->name;
  return arity_fits(call, row) ? row->run(call, row) : kv_call_wrong_arity(call, row->name);
}

kv_outcome kv_run_host(kv_call *call, const kv_command_row *row) {
  call->host = row->host;
  return KV_OUTCOME_HOST;
}

kv_outcome kv_run_admin(kv_call *call, const kv_command_row *row) {
  if (call->arg_count > 3) {
    return kv_call_wrong_arity(call, row->name);
  }
  int64_t number = 0;
  if (call->arg_count > 1 &&
      (!kv_decimal_parse(call->args[1].data, call->args[1].len, &number) || number < 1)) {
    return kv_call_fail(call, "ERR value is not a positive integer");
  }
  call->number = (uint64_t)number;
  if (call->arg_count > 2) {
    call->text = call->args[2];
  }
  return kv_run_host(call, row);
}

static kv_outcome unknown_child(kv_call *call, const kv_command_row *row) {
  char upper[32];
  size_t len = 0;
  for (; len < sizeof upper - 1 && row->name[len] != '\0'; len++) {
    upper[len] = (char)(row->name[len] >= 'a' ? row->name[len] - 'a' + 'A' : row->name[len]);
  }
  kv_reply_error(call->reply, "ERR unknown subcommand '%.*s'. Try %.*s HELP.",
                 echoed(call->args[1], ECHOED_BYTES), characters(call->args[1]), (int)len, upper);
  return KV_OUTCOME_ANSWERED;
}

static kv_outcome child_wrong_arity(kv_call *call, const kv_command_row *row,
                                    const kv_command_row *child) {
  kv_reply_error(call->reply, "ERR wrong number of arguments for '%s|%s' command", row->name,
                 child->name);
  return KV_OUTCOME_ANSWERED;
}

kv_outcome kv_run_children(kv_call *call, const kv_command_row *row) {
  if (call->arg_count == 2 && kv_slice_is(call->args[1], "help")) {
    return kv_run_help(call, row);
  }
  for (size_t i = 0; i < row->child_count; i++) {
    const kv_command_row *child = &row->children[i];
    if (kv_slice_is(call->args[1], child->name)) {
      return arity_fits(call, child) ? child->run(call, child)
                                     : child_wrong_arity(call, row, child);
    }
  }
  return unknown_child(call, row);
}
