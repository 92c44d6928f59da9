/* linear.c - a history, key by key, and what is said of it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "bench/linear.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

int kv_linear_add(kv_linear_history *history, const kv_linear_op *op) {
  if (history->count == history->room) {
    const size_t room = history->room == 0 ? 256 : history->room * 2;
    kv_linear_op *ops = realloc(history->ops, room * sizeof(*ops));
    if (ops == NULL) {
      return KV_ENOMEM;
    }
    history->ops = ops;
    history->room = room;
  }
  history->ops[history->count++] = *op;
  return KV_OK;
}

void kv_linear_free(kv_linear_history *history) {
  free(history->ops);
  *history = (kv_linear_history){0};
}

/* ---- all keys ---- */

static int compare(uint64_t a, uint64_t b) {
  return (a > b) - (a < b);
}

static int by_key(const void *a, const void *b) {
  const kv_linear_op *left = a;
  const kv_linear_op *right = b;
  int order = compare(left->key, right->key);
  order = order != 0 ? order : compare(left->begun, right->begun);
  order = order != 0 ? order : compare(left->ended, right->ended);
  return order != 0 ? order : compare(left->client, right->client);
}

static int judge_key(const kv_linear_op *ops, size_t count, uint64_t limit,
                     kv_linear_report *report) {
  uint64_t configurations;
  const kv_linear_verdict verdict = kv_linear_check_key(ops, count, limit, &configurations);
  report->keys++;
  report->most = configurations > report->most ? configurations : report->most;
  report->gave_up += verdict == KV_LINEAR_GAVE_UP ? 1 : 0;
  report->wrong += verdict == KV_LINEAR_WRONG ? 1 : 0;
  if (verdict == KV_LINEAR_WRONG && report->wrong == 1) {
    return kv_linear_shrink(ops, count, limit, &report->offending);
  }
  return KV_OK;
}

int kv_linear_check(kv_linear_history *history, uint64_t limit, kv_linear_report *report) {
  *report = (kv_linear_report){.operations = history->count};
  int rc = KV_OK;
  if (history->count > 0) {
    qsort(history->ops, history->count, sizeof(*history->ops), by_key);
  }
  for (size_t first = 0, next; first < history->count && rc == KV_OK; first = next) {
    for (next = first; next < history->count && history->ops[next].key == history->ops[first].key;
         next++) {
      report->unknown += history->ops[next].unknown ? 1 : 0;
    }
    rc = judge_key(&history->ops[first], next - first, limit, report);
  }
  if (rc != KV_OK) {
    kv_linear_report_free(report);
  }
  return rc;
}

void kv_linear_report_free(kv_linear_report *report) {
  kv_linear_free(&report->offending);
}

/* ---- for people ---- */

static const char *yes_or_no(int64_t result) {
  return result != 0 ? "yes" : "no";
}

static void describe_what(const kv_linear_op *op, char *text, size_t size) {
  char value[KV_LINEAR_VALUE_TEXT];
  char expected[KV_LINEAR_VALUE_TEXT];
  kv_linear_value_describe(&op->value, value);
  kv_linear_value_describe(&op->expected, expected);
  switch (op->kind) {
  case KV_LINEAR_READ: (void)snprintf(text, size, "read found %s", value); break;
  case KV_LINEAR_WRITE: (void)snprintf(text, size, "wrote %s", value); break;
  case KV_LINEAR_DELETE:
    (void)snprintf(text, size, "deleted, was there one: %s", yes_or_no(op->result));
    break;
  case KV_LINEAR_CAS:
    (void)snprintf(text, size, "set %s if it was %s: %s", value, expected, yes_or_no(op->result));
    break;
  case KV_LINEAR_ADD:
    (void)snprintf(text, size, "added %" PRId64 ": %" PRId64, op->number, op->result);
    break;
  case KV_LINEAR_APPEND:
    (void)snprintf(text, size, "appended %s: length %" PRId64, value, op->result);
    break;
  }
}

void kv_linear_describe(const kv_linear_op *op, uint64_t origin, char text[KV_LINEAR_OP_TEXT]) {
  char what[KV_LINEAR_OP_TEXT - 128];
  const uint64_t begun = op->begun - origin;
  describe_what(op, what, sizeof(what));
  if (op->unknown) {
    (void)snprintf(text, KV_LINEAR_OP_TEXT,
                   "[%12" PRIu64 ", ...          ] client %" PRIu64
                   " %s (done later, or never, or that does not matter)",
                   begun, op->client, what);
  } else {
    (void)snprintf(text, KV_LINEAR_OP_TEXT, "[%12" PRIu64 ", %12" PRIu64 "] client %" PRIu64 " %s",
                   begun, op->ended - origin, op->client, what);
  }
}
