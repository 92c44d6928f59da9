/* translate.c - Redis commands that become commands of the key space.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdint.h>

#include "base/decimal.h"
#include "resp/command_table.h"

/* Keys that SCAN looks at unless COUNT says otherwise, as in Redis. */
enum { SCAN_COUNT = 10 };

static const char not_an_integer[] = "ERR value is not an integer or out of range";
static const char syntax_error[] = "ERR syntax error";

/* The last word on every command of the key space: sizes and counts. */
static kv_outcome finish(kv_call *call) {
  const char *why = NULL;
  return kv_command_check(&call->command, &why) == KV_OK ? KV_OUTCOME_COMMAND
                                                         : kv_call_fail(call, why);
}

static void take(kv_call *call, const kv_command_row *row, size_t arg_count) {
  call->command = (kv_command){
      .op = row->op, .flags = row->op_flags, .args = call->args + 1, .arg_count = arg_count};
}

kv_outcome kv_run_plain(kv_call *call, const kv_command_row *row) {
  take(call, row, call->arg_count - 1);
  return finish(call);
}

kv_outcome kv_run_mset(kv_call *call, const kv_command_row *row) {
  if (call->arg_count % 2 == 0) {
    return kv_call_wrong_arity(call, row->name);
  }
  return kv_run_plain(call, row);
}

static bool is_expiry(raft_slice word) {
  return kv_slice_is(word, "ex") || kv_slice_is(word, "px") || kv_slice_is(word, "exat") ||
         kv_slice_is(word, "pxat");
}

/* KEEPTTL asks for nothing: there is no expiry to keep. */
static uint32_t set_option(raft_slice word) {
  if (kv_slice_is(word, "nx")) {
    return KV_FLAG_NX;
  }
  if (kv_slice_is(word, "xx")) {
    return KV_FLAG_XX;
  }
  return kv_slice_is(word, "get") ? KV_FLAG_GET : 0;
}

kv_outcome kv_run_set(kv_call *call, const kv_command_row *row) {
  take(call, row, 2);
  for (size_t i = 3; i < call->arg_count; i++) {
    const uint32_t option = set_option(call->args[i]);
    if (is_expiry(call->args[i])) {
      return kv_call_fail(call, "ERR keys do not expire here: SET takes NX, XX, GET and KEEPTTL");
    }
    if (option == 0 && !kv_slice_is(call->args[i], "keepttl")) {
      return kv_call_fail(call, syntax_error);
    }
    call->command.flags |= option;
  }
  return finish(call);
}

static bool integer(raft_slice text, int64_t *number) {
  return kv_decimal_parse(text.data, text.len, number);
}

kv_outcome kv_run_count(kv_call *call, const kv_command_row *row) {
  const bool down = row->name[0] == 'd';
  int64_t step = 1;
  if (call->arg_count > 2 && !integer(call->args[2], &step)) {
    return kv_call_fail(call, not_an_integer);
  }
  if (down && step == INT64_MIN) {
    return kv_call_fail(call, "ERR decrement would overflow");
  }
  take(call, row, 1);
  call->command.number = down ? -step : step;
  return finish(call);
}

/* Unsigned 64 bits; "0" begins. */
static int cursor_key(kv_call *call, raft_slice *after) {
  int64_t number = 0;
  if (!integer(call->args[1], &number) || number < 0) {
    return KV_EINVAL;
  }
  *after = (raft_slice){"", 0};
  return number == 0 ? KV_OK : kv_cursors_find(call->cursors, (uint64_t)number, after);
}

static kv_outcome nothing_to_scan(kv_call *call) {
  kv_reply_array(call->reply, 2);
  kv_reply_text(call->reply, "0");
  kv_reply_array(call->reply, 0);
  return KV_OUTCOME_ANSWERED;
}

/* One option and its value; NULL: taken, otherwise the error. */
static const char *scan_option(kv_call *call, size_t i, bool *other_type) {
  const raft_slice word = call->args[i];
  if (i + 1 == call->arg_count) {
    return syntax_error;
  }
  const raft_slice value = call->args[i + 1];
  if (kv_slice_is(word, "match")) {
    call->scratch[1] = value;
    call->command.arg_count = 2;
    return NULL;
  }
  if (kv_slice_is(word, "type")) {
    *other_type = !kv_slice_is(value, "string");
    return NULL;
  }
  if (!kv_slice_is(word, "count")) {
    return syntax_error;
  }
  return integer(value, &call->command.number) ? NULL : not_an_integer;
}

kv_outcome kv_run_scan(kv_call *call, const kv_command_row *row) {
  bool other_type = false;
  take(call, row, 1);
  call->command.args = call->scratch;
  call->command.number = SCAN_COUNT;
  if (cursor_key(call, &call->scratch[0]) != KV_OK) {
    return kv_call_fail(call, "ERR invalid cursor");
  }
  for (size_t i = 2; i < call->arg_count; i += 2) {
    const char *why = scan_option(call, i, &other_type);
    if (why != NULL) {
      return kv_call_fail(call, why);
    }
  }
  call->scan = true;
  return other_type ? nothing_to_scan(call) : finish(call);
}
