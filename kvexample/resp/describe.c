/* describe.c - COMMAND and the HELP subcommands: the table, told to clients.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "resp/command_table.h"

static void append_text(kv_reply *reply, const char *text) {
  kv_reply_append(reply, text, strlen(text));
}

/* A set: RESP3's type for flags. */
static void append_set(kv_reply *reply, size_t count) {
  char line[32];
  (void)snprintf(line, sizeof line, "~%zu\r\n", count);
  append_text(reply, line);
}

static void append_flags(kv_reply *reply, unsigned flags) {
  static const char *const names[] = {"write", "readonly", "fast", "admin"};
  size_t count = 0;
  for (size_t i = 0; i < 4; i++) {
    count += (flags >> i) & 1u;
  }
  append_set(reply, count);
  for (size_t i = 0; i < 4; i++) {
    if (((flags >> i) & 1u) != 0) {
      kv_reply_status(reply, names[i]);
    }
  }
}

/* Ten fields, as Redis 7 has them; those from the seventh on are optional to clients. */
static void append_row(kv_reply *reply, const kv_command_row *row) {
  kv_reply_array(reply, 10);
  kv_reply_text(reply, row->name);
  kv_reply_integer(reply, row->arity);
  append_flags(reply, row->flags);
  kv_reply_integer(reply, row->first_key);
  kv_reply_integer(reply, row->last_key);
  kv_reply_integer(reply, row->key_step);
  append_set(reply, 0);     /* access control categories */
  kv_reply_array(reply, 0); /* tips */
  kv_reply_array(reply, 0); /* key specifications */
  kv_reply_array(reply, 0); /* subcommands */
}

kv_outcome kv_run_command_count(kv_call *call, const kv_command_row *row) {
  (void)row;
  kv_reply_integer(call->reply, (int64_t)kv_command_row_count);
  return KV_OUTCOME_ANSWERED;
}

kv_outcome kv_run_command_list(kv_call *call, const kv_command_row *row) {
  (void)row;
  kv_reply_array(call->reply, kv_command_row_count);
  for (size_t i = 0; i < kv_command_row_count; i++) {
    kv_reply_text(call->reply, kv_command_rows[i].name);
  }
  return KV_OUTCOME_ANSWERED;
}

static void append_all(kv_reply *reply) {
  kv_reply_array(reply, kv_command_row_count);
  for (size_t i = 0; i < kv_command_row_count; i++) {
    append_row(reply, &kv_command_rows[i]);
  }
}

kv_outcome kv_run_command(kv_call *call, const kv_command_row *row) {
  if (call->arg_count > 1) {
    return kv_run_children(call, row);
  }
  append_all(call->reply);
  return KV_OUTCOME_ANSWERED;
}

kv_outcome kv_run_command_info(kv_call *call, const kv_command_row *row) {
  (void)row;
  if (call->arg_count == 2) {
    append_all(call->reply);
    return KV_OUTCOME_ANSWERED;
  }
  kv_reply_array(call->reply, call->arg_count - 2);
  for (size_t i = 2; i < call->arg_count; i++) {
    const kv_command_row *found = kv_command_find(call->args[i]);
    if (found != NULL) {
      append_row(call->reply, found);
    } else {
      kv_reply_nil(call->reply);
    }
  }
  return KV_OUTCOME_ANSWERED;
}

/* ---- COMMAND DOCS ---- */

static void append_pair(kv_reply *reply, const char *name, const char *value) {
  kv_reply_text(reply, name);
  kv_reply_text(reply, value);
}

static void append_child_docs(kv_reply *reply, const kv_command_row *row) {
  kv_reply_text(reply, "subcommands");
  kv_reply_map(reply, row->child_count);
  for (size_t i = 0; i < row->child_count; i++) {
    char name[64];
    (void)snprintf(name, sizeof name, "%s|%s", row->name, row->children[i].name);
    kv_reply_text(reply, name);
    kv_reply_map(reply, 3);
    append_pair(reply, "summary", row->children[i].summary);
    append_pair(reply, "since", "1.0.0");
    append_pair(reply, "group", row->group);
  }
}

static void append_docs(kv_reply *reply, const kv_command_row *row) {
  kv_reply_text(reply, row->name);
  kv_reply_map(reply, row->child_count > 0 ? 4 : 3);
  append_pair(reply, "summary", row->summary);
  append_pair(reply, "since", "1.0.0");
  append_pair(reply, "group", row->group);
  if (row->child_count > 0) {
    append_child_docs(reply, row);
  }
}

kv_outcome kv_run_command_docs(kv_call *call, const kv_command_row *row) {
  (void)row;
  if (call->arg_count == 2) {
    kv_reply_map(call->reply, kv_command_row_count);
    for (size_t i = 0; i < kv_command_row_count; i++) {
      append_docs(call->reply, &kv_command_rows[i]);
    }
    return KV_OUTCOME_ANSWERED;
  }
  size_t known = 0;
  for (size_t i = 2; i < call->arg_count; i++) {
    known += kv_command_find(call->args[i]) != NULL ? 1 : 0;
  }
  kv_reply_map(call->reply, known);
  for (size_t i = 2; i < call->arg_count; i++) {
    const kv_command_row *found = kv_command_find(call->args[i]);
    if (found != NULL) {
      append_docs(call->reply, found);
    }
  }
  return KV_OUTCOME_ANSWERED;
}

/* ---- HELP ---- */

static void append_upper(kv_reply *reply, const char *before, const char *name, const char *after) {
  append_text(reply, "+");
  append_text(reply, before);
  for (; *name != '\0'; name++) {
    const char upper = (char)toupper((unsigned char)*name);
    kv_reply_append(reply, &upper, 1);
  }
  append_text(reply, after);
  append_text(reply, "\r\n");
}

static void append_help_line(kv_reply *reply, const char *text) {
  append_text(reply, "+    ");
  append_text(reply, text);
  append_text(reply, "\r\n");
}

kv_outcome kv_run_help(kv_call *call, const kv_command_row *row) {
  kv_reply_array(call->reply, 2 * row->child_count + 3);
  append_upper(call->reply, "", row->name,
               " <subcommand> [<arg> [value] [opt] ...]. Subcommands are:");
  for (size_t i = 0; i < row->child_count; i++) {
    append_upper(call->reply, "", row->children[i].name, "");
    append_help_line(call->reply, row->children[i].summary);
  }
  append_upper(call->reply, "", "help", "");
  append_help_line(call->reply, "Print this help.");
  return KV_OUTCOME_ANSWERED;
}
