/* local.c - commands that a connection answers by itself.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "base/decimal.h"
#include "base/glob.h"
#include "resp/command_table.h"

/* The version of Redis whose protocol and texts are spoken; clients choose features by it. */
static const char redis_version[] = "7.0.0";

static kv_outcome answer_status(kv_call *call, const char *text) {
  kv_reply_status(call->reply, text);
  return KV_OUTCOME_ANSWERED;
}

static const char *characters(raft_slice text) {
  return text.data;
}

kv_outcome kv_run_ok(kv_call *call, const kv_command_row *row) {
  (void)row;
  return answer_status(call, "OK");
}

kv_outcome kv_run_ping(kv_call *call, const kv_command_row *row) {
  if (call->arg_count > 2) {
    return kv_call_wrong_arity(call, row->name);
  }
  return call->arg_count == 2 ? kv_run_echo(call, row) : answer_status(call, "PONG");
}

kv_outcome kv_run_echo(kv_call *call, const kv_command_row *row) {
  (void)row;
  kv_reply_bulk(call->reply, call->args[1].data, call->args[1].len);
  return KV_OUTCOME_ANSWERED;
}

kv_outcome kv_run_quit(kv_call *call, const kv_command_row *row) {
  (void)row;
  call->session->closing = true;
  return answer_status(call, "OK");
}

kv_outcome kv_run_reset(kv_call *call, const kv_command_row *row) {
  (void)row;
  kv_session_reset(call->session);
  return answer_status(call, "RESET");
}

kv_outcome kv_run_select(kv_call *call, const kv_command_row *row) {
  (void)row;
  int64_t number = 0;
  if (!kv_decimal_parse(call->args[1].data, call->args[1].len, &number)) {
    return kv_call_fail(call, "ERR value is not an integer or out of range");
  }
  return number == 0 ? answer_status(call, "OK")
                     : kv_call_fail(call, "ERR DB index is out of range");
}

kv_outcome kv_run_no_cluster(kv_call *call, const kv_command_row *row) {
  (void)row;
  return kv_call_fail(call, "ERR This instance has cluster support disabled");
}

kv_outcome kv_run_auth(kv_call *call, const kv_command_row *row) {
  if (call->arg_count > 3) {
    return kv_call_wrong_arity(call, row->name);
  }
  return kv_call_fail(call, "ERR AUTH <password> called without any password configured for the "
                            "default user. Are you sure your configuration is correct?");
}

/* ---- HELLO [protocol [AUTH user password] [SETNAME name]] ---- */

static void answer_hello(kv_call *call) {
  kv_reply_map(call->reply, 7);
  kv_reply_text(call->reply, "server");
  kv_reply_text(call->reply, "redis");
  kv_reply_text(call->reply, "version");
  kv_reply_text(call->reply, redis_version);
  kv_reply_text(call->reply, "proto");
  kv_reply_integer(call->reply, call->session->protocol);
  kv_reply_text(call->reply, "id");
  kv_reply_integer(call->reply, (int64_t)call->session->id);
  kv_reply_text(call->reply, "mode");
  kv_reply_text(call->reply, "standalone");
  kv_reply_text(call->reply, "role");
  kv_reply_text(call->reply, "master");
  kv_reply_text(call->reply, "modules");
  kv_reply_array(call->reply, 0);
}

static const char *set_text(char **field, raft_slice text, const char *invalid) {
  switch (kv_session_set(field, text)) {
  case KV_OK: return NULL;
  case KV_EINVAL: return invalid;
  default: return "ERR out of memory";
  }
}

static const char *set_name(kv_call *call, raft_slice name) {
  return set_text(&call->session->name, name,
                  "ERR Client names cannot contain spaces, newlines or special characters.");
}

/* With no password set, the default user has any. */
static const char *hello_auth(raft_slice user) {
  return kv_slice_is(user, "default")
             ? NULL
             : "WRONGPASS invalid username-password pair or user is disabled.";
}

/* Reads the options without effect: an error must leave the connection as it was. */
static bool hello_options(kv_call *call, raft_slice *name) {
  for (size_t i = 2; i < call->arg_count;) {
    const size_t left = call->arg_count - i - 1;
    const char *why = NULL;
    if (kv_slice_is(call->args[i], "auth") && left >= 2) {
      why = hello_auth(call->args[i + 1]);
      i += 3;
    } else if (kv_slice_is(call->args[i], "setname") && left >= 1) {
      *name = call->args[i + 1];
      i += 2;
    } else {
      kv_reply_error(call->reply, "ERR Syntax error in HELLO option '%.*s'",
                     (int)(call->args[i].len < 128 ? call->args[i].len : 128),
                     characters(call->args[i]));
      return false;
    }
    if (why != NULL) {
      (void)kv_call_fail(call, why);
      return false;
    }
  }
  return true;
}

kv_outcome kv_run_hello(kv_call *call, const kv_command_row *row) {
  (void)row;
  int64_t protocol = call->session->protocol;
  if (call->arg_count > 1 && !kv_decimal_parse(call->args[1].data, call->args[1].len, &protocol)) {
    return kv_call_fail(call, "ERR Protocol version is not an integer or out of range");
  }
  if (protocol < 2 || protocol > 3) {
    return kv_call_fail(call, "NOPROTO unsupported protocol version");
  }
  raft_slice name = {NULL, 0};
  if (!hello_options(call, &name)) {
    return KV_OUTCOME_ANSWERED;
  }
  const char *why = name.data != NULL ? set_name(call, name) : NULL;
  if (why != NULL) {
    return kv_call_fail(call, why);
  }
  call->session->protocol = (int)protocol;
  answer_hello(call);
  return KV_OUTCOME_ANSWERED;
}

/* ---- CLIENT ---- */

kv_outcome kv_run_client_id(kv_call *call, const kv_command_row *row) {
  (void)row;
  kv_reply_integer(call->reply, (int64_t)call->session->id);
  return KV_OUTCOME_ANSWERED;
}

kv_outcome kv_run_client_setname(kv_call *call, const kv_command_row *row) {
  const char *why = set_name(call, call->args[2]);
  return why == NULL ? kv_run_ok(call, row) : kv_call_fail(call, why);
}

kv_outcome kv_run_client_getname(kv_call *call, const kv_command_row *row) {
  (void)row;
  if (call->session->name == NULL) {
    kv_reply_nil(call->reply);
  } else {
    kv_reply_text(call->reply, call->session->name);
  }
  return KV_OUTCOME_ANSWERED;
}

kv_outcome kv_run_client_setinfo(kv_call *call, const kv_command_row *row) {
  const char *why = NULL;
  if (kv_slice_is(call->args[2], "lib-name")) {
    why = set_text(&call->session->library_name, call->args[3],
                   "ERR lib-name cannot contain spaces, newlines or special characters.");
  } else if (kv_slice_is(call->args[2], "lib-ver")) {
    why = set_text(&call->session->library_version, call->args[3],
                   "ERR lib-ver cannot contain spaces, newlines or special characters.");
  } else {
    kv_reply_error(call->reply, "ERR Unrecognized option '%.*s'",
                   (int)(call->args[2].len < 128 ? call->args[2].len : 128),
                   characters(call->args[2]));
    return KV_OUTCOME_ANSWERED;
  }
  return why == NULL ? kv_run_ok(call, row) : kv_call_fail(call, why);
}

kv_outcome kv_run_client_switch(kv_call *call, const kv_command_row *row) {
  const bool known = kv_slice_is(call->args[2], "on") || kv_slice_is(call->args[2], "off");
  return known ? kv_run_ok(call, row) : kv_call_fail(call, "ERR syntax error");
}

/* ---- CONFIG GET pattern ... ---- */

static bool setting_wanted(const kv_call *call, const kv_setting *setting) {
  const raft_slice name = {setting->name, strlen(setting->name)};
  for (size_t i = 2; i < call->arg_count; i++) {
    if (kv_slice_is(call->args[i], setting->name) || kv_glob_match(call->args[i], name, NULL)) {
      return true;
    }
  }
  return false;
}

kv_outcome kv_run_config_get(kv_call *call, const kv_command_row *row) {
  (void)row;
  size_t count = 0;
  for (size_t i = 0; i < call->setting_count; i++) {
    count += setting_wanted(call, &call->settings[i]) ? 1 : 0;
  }
  kv_reply_map(call->reply, count);
  for (size_t i = 0; i < call->setting_count; i++) {
    if (setting_wanted(call, &call->settings[i])) {
      kv_reply_text(call->reply, call->settings[i].name);
      kv_reply_text(call->reply, call->settings[i].value);
    }
  }
  return KV_OUTCOME_ANSWERED;
}
