/* history_report.c - the outcome of a check of histories, as text or as JSON, on standard output.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

#include "bench/report.h"

/* Lines of the proof that are printed at most. */
enum { MOST_LINES = 60 };

static double seconds_of(uint64_t nanoseconds) {
  return (double)nanoseconds / 1e9;
}

static double milliseconds(const kv_histogram *histogram, uint32_t hundred_thousandths) {
  return (double)kv_histogram_quantile(histogram, hundred_thousandths) / 1e6;
}

/* Is it needed to understand the proof? Operations that bind, and writes that one of them found. */
static bool is_shown(const kv_linear_history *proof, const kv_linear_op *op) {
  for (size_t i = 0; op->unknown && i < proof->count; i++) {
    const kv_linear_op *other = &proof->ops[i];
    const bool found =
        other->kind == KV_LINEAR_READ
            ? kv_linear_value_equal(&other->value, &op->value)
            : other->kind == KV_LINEAR_CAS && kv_linear_value_equal(&other->expected, &op->value);
    if (found && !other->unknown && op->value.present) {
      return true;
    }
  }
  return !op->unknown;
}

/* ---- text ---- */

static void print_proof(const kv_linear_history *proof) {
  size_t shown = 0;
  (void)printf("WRONG    no order explains these (nanoseconds since the first):\n");
  for (size_t i = 0; i < proof->count && shown < MOST_LINES; i++) {
    if (is_shown(proof, &proof->ops[i])) {
      char line[KV_LINEAR_OP_TEXT];
      kv_linear_describe(&proof->ops[i], proof->ops[0].begun, line);
      (void)printf("WRONG    %s\n", line);
      shown++;
    }
  }
  if (proof->count > shown) {
    (void)printf("WRONG    ... with %zu operations whose end and outcome do not matter\n",
                 proof->count - shown);
  }
}

static void print_judgement(const kv_history_result *result) {
  const kv_linear_report *report = &result->report;
  (void)printf("history  %s: %" PRIu64 " operations on %" PRIu64 " keys, %" PRIu64
               " of unknown outcome, %" PRIu64 " anomalies, %" PRIu64 " keys undecided, %" PRIu64
               " keys not read at the end\n",
               kv_history_is_proven(result) ? "ok" : "FAILED", report->operations, report->keys,
               report->unknown, report->wrong, report->gave_up, result->unread);
}

void kv_history_report_print(const kv_history_result *result) {
  const double seconds = seconds_of(result->elapsed == 0 ? 1 : result->elapsed);
  (void)printf("answers  %10" PRIu64 "  %9.0f/s   p50 %.2f  p99 %.2f  max %.2f ms\n",
               result->answered.count, (double)result->answered.count / seconds,
               milliseconds(&result->answered, 50000), milliseconds(&result->answered, 99000),
               milliseconds(&result->answered, 100000));
  (void)printf("writes   %10" PRIu64 "\nreads    %10" PRIu64 "\nerrors   %10" PRIu64 "\n",
               result->writes, result->reads, result->errors.total);
  for (size_t i = 0; i < result->errors.used; i++) {
    (void)printf("%19" PRIu64 "  %s\n", result->errors.rows[i].count, result->errors.rows[i].text);
  }
  (void)printf("gap      %10.3f  s, the longest time without an answer\n"
               "gap      %10.3f  s, the longest time without an acknowledged write\n",
               seconds_of(result->gap), seconds_of(result->write_gap));
  if (result->report.wrong > 0) {
    print_proof(&result->report.offending);
  }
  print_judgement(result);
}

/* ---- JSON ---- */

static json_t *proof_lines(const kv_linear_history *proof) {
  json_t *array = json_array();
  for (size_t i = 0; i < proof->count && json_array_size(array) < MOST_LINES; i++) {
    if (is_shown(proof, &proof->ops[i])) {
      char line[KV_LINEAR_OP_TEXT];
      kv_linear_describe(&proof->ops[i], proof->ops[0].begun, line);
      (void)json_array_append_new(array, json_string(line));
    }
  }
  return array;
}

bool kv_history_report_print_json(const kv_history_result *result) {
  const kv_linear_report *report = &result->report;
  json_t *errors = json_object();
  for (size_t i = 0; i < result->errors.used; i++) {
    (void)json_object_set_new(errors, result->errors.rows[i].text,
                              json_integer((json_int_t)result->errors.rows[i].count));
  }
  json_t *root = json_pack(
      "{s:b,s:f,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:f,s:f,s:f,s:f,s:I,s:o,s:o}", "ok",
      (int)kv_history_is_proven(result), "seconds", seconds_of(result->elapsed), "operations",
      (json_int_t)report->operations, "keys", (json_int_t)report->keys, "unknown",
      (json_int_t)report->unknown, "anomalies", (json_int_t)report->wrong, "undecided",
      (json_int_t)report->gave_up, "unread", (json_int_t)result->unread, "writes",
      (json_int_t)result->writes, "reads", (json_int_t)result->reads, "p50_ms",
      milliseconds(&result->answered, 50000), "p99_ms", milliseconds(&result->answered, 99000),
      "gap_ms", (double)result->gap / 1e6, "write_gap_ms", (double)result->write_gap / 1e6,
      "error_count", (json_int_t)result->errors.total, "errors", errors, "proof",
      proof_lines(&report->offending));
  const bool printed = json_dumpf(root, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) == 0;
  (void)putchar('\n');
  json_decref(root);
  return printed;
}
