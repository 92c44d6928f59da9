/* report.h - the outcome of a run of kvbench, as text or as JSON, on standard output.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_BENCH_REPORT_H
#define KV_BENCH_REPORT_H

#include "bench/history.h"
#include "bench/load.h"

typedef struct kv_bench_report {
  const kv_bench_options *options;
  const kv_bench_result *result;
  bool loaded;           /* there was a load */
  bool verified;         /* all keys were read at the end */
  const char *problem;   /* why not; NULL */
  uint64_t checked;      /* keys that were read at the end */
  uint64_t acknowledged; /* writes, of the whole ledger */
  uint64_t open;         /* keys with a write of unknown outcome */
} kv_bench_report;

void kv_bench_report_print(const kv_bench_report *report);
/* false: out of memory. */
bool kv_bench_report_print_json(const kv_bench_report *report);

/* The same of a check of histories. */
void kv_history_report_print(const kv_history_result *result);
bool kv_history_report_print_json(const kv_history_result *result);

#endif
