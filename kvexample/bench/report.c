/* report.c - throughput, latencies, errors, and the judgement.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "bench/report.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

static const struct {
  const char *name;
  uint32_t hundred_thousandths;
} quantiles[] = {{"p50", 50000}, {"p95", 95000}, {"p99", 99000}, {"p99.9", 99900}, {"max", 100000}};

enum { QUANTILES = sizeof(quantiles) / sizeof(quantiles[0]) };

static double seconds_of(const kv_bench_result *result) {
  return result->elapsed == 0 ? 1e-9 : (double)result->elapsed / 1e9;
}

static double milliseconds(const kv_histogram *histogram, size_t quantile) {
  return (double)kv_histogram_quantile(histogram, quantiles[quantile].hundred_thousandths) / 1e6;
}

/* ---- text ---- */

static void print_latencies(const char *name, const kv_histogram *histogram, double seconds) {
  if (histogram->count == 0) {
    return;
  }
  (void)printf("%-8s %10" PRIu64 "  %9.0f/s ", name, histogram->count,
               (double)histogram->count / seconds);
  for (size_t i = 0; i < QUANTILES; i++) {
    (void)printf("  %s %.2f", quantiles[i].name, milliseconds(histogram, i));
  }
  (void)printf(" ms\n");
}

static void print_load(const kv_bench_report *report) {
  const kv_bench_result *result = report->result;
  const double seconds = seconds_of(result);
  print_latencies("writes", &result->writes, seconds);
  print_latencies("reads", &result->reads, seconds);
  (void)printf("%-8s %10" PRIu64 "\n", "errors", result->errors.total);
  for (size_t i = 0; i < result->errors.used; i++) {
    (void)printf("%19" PRIu64 "  %s\n", result->errors.rows[i].count, result->errors.rows[i].text);
  }
  if (report->options->gap) {
    (void)printf("%-8s %10.3f  s, the longest time without an acknowledged write\n", "gap",
                 (double)result->gap / 1e9);
  }
}

static void print_violations(const kv_violations *violations) {
  const uint64_t shown =
      violations->count < KV_BENCH_VIOLATIONS ? violations->count : KV_BENCH_VIOLATIONS;
  for (uint64_t i = 0; i < shown; i++) {
    (void)printf("WRONG    %s\n", violations->texts[i]);
  }
  if (violations->count > shown) {
    (void)printf("WRONG    ... and %" PRIu64 " more\n", violations->count - shown);
  }
}

void kv_bench_report_print(const kv_bench_report *report) {
  const kv_violations *violations = &report->result->violations;
  if (report->loaded) {
    print_load(report);
  }
  print_violations(violations);
  if (report->problem != NULL) {
    (void)printf("verify   FAILED: %s\n", report->problem);
  } else if (report->verified) {
    (void)printf("verify   %s: %" PRIu64 " keys read, %" PRIu64 " acknowledged writes, %" PRIu64
                 " keys with a write of unknown outcome, %" PRIu64 " violations\n",
                 violations->count == 0 ? "ok" : "FAILED", report->checked, report->acknowledged,
                 report->open, violations->count);
  }
}

/* ---- JSON ---- */

static json_t *latencies(const kv_histogram *histogram, double seconds) {
  json_t *object = json_pack("{s:I,s:f}", "count", (json_int_t)histogram->count, "per_second",
                             (double)histogram->count / seconds);
  for (size_t i = 0; i < QUANTILES; i++) {
    char name[16];
    (void)snprintf(name, sizeof(name), "%s_ms", quantiles[i].name);
    (void)json_object_set_new(object, name, json_real(milliseconds(histogram, i)));
  }
  return object;
}

static json_t *errors(const kv_tally *tally) {
  json_t *object = json_object();
  for (size_t i = 0; i < tally->used; i++) {
    (void)json_object_set_new(object, tally->rows[i].text,
                              json_integer((json_int_t)tally->rows[i].count));
  }
  return object;
}

static json_t *violation_texts(const kv_violations *violations) {
  json_t *array = json_array();
  for (uint64_t i = 0; i < violations->count && i < KV_BENCH_VIOLATIONS; i++) {
    (void)json_array_append_new(array, json_string(violations->texts[i]));
  }
  return array;
}

static void add_load(const kv_bench_report *report, json_t *root) {
  const kv_bench_result *result = report->result;
  const double seconds = seconds_of(result);
  (void)json_object_set_new(root, "seconds", json_real(seconds));
  (void)json_object_set_new(root, "writes", latencies(&result->writes, seconds));
  (void)json_object_set_new(root, "reads", latencies(&result->reads, seconds));
  (void)json_object_set_new(root, "error_count", json_integer((json_int_t)result->errors.total));
  (void)json_object_set_new(root, "errors", errors(&result->errors));
  if (!report->options->raw) { /* whose threads share nothing, so nobody sees a gap of all */
    (void)json_object_set_new(root, "gap_ms", json_real((double)result->gap / 1e6));
  }
}

static void add_verification(const kv_bench_report *report, json_t *root) {
  const kv_violations *violations = &report->result->violations;
  const bool right = report->verified && report->problem == NULL && violations->count == 0;
  json_t *object = json_pack(
      "{s:b,s:I,s:I,s:I,s:I,s:s?}", "ok", (int)right, "keys", (json_int_t)report->checked,
      "acknowledged", (json_int_t)report->acknowledged, "unknown_keys", (json_int_t)report->open,
      "violation_count", (json_int_t)violations->count, "problem", report->problem);
  (void)json_object_set_new(object, "violations", violation_texts(violations));
  (void)json_object_set_new(root, "verify", object);
}

bool kv_bench_report_print_json(const kv_bench_report *report) {
  json_t *root = json_object();
  if (report->loaded) {
    add_load(report, root);
  }
  if (report->verified || report->problem != NULL) {
    add_verification(report, root);
  }
  const bool printed = json_dumpf(root, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) == 0;
  (void)putchar('\n');
  json_decref(root);
  return printed;
}
