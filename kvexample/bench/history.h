/* history.h - clients on shared keys, everything they saw, and whether it makes sense.
 *
 * Each connection is a thread with one request at a time: reads, writes, deletions, exchanges,
 * additions, appends on a few keys that all share, through all stores in turn; one that fails is
 * left for the next. A key has done its duty after some operations, or some unknown outcomes, which
 * keeps the proof cheap: another takes its place. At the end all keys that ever were are read once
 * more.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_BENCH_HISTORY_H
#define KV_BENCH_HISTORY_H

#include "bench/histogram.h"
#include "bench/linear.h"
#include "bench/options.h"
#include "bench/tally.h"

typedef struct kv_history_result {
  kv_histogram answered; /* nanoseconds of each operation that was answered */
  kv_tally errors;
  kv_linear_report report;
  uint64_t writes;    /* acknowledged operations that may change something */
  uint64_t reads;     /* answered */
  uint64_t gap;       /* longest time without an answered operation, nanoseconds */
  uint64_t write_gap; /* ... without an acknowledged write */
  uint64_t elapsed;   /* nanoseconds, of the load */
  uint64_t unread;    /* keys that could not be read at the end */
} kv_history_result;

/* Runs the load and judges it. KV_ENOMEM, KV_EIO with a sentence. The result needs
 * kv_history_result_free in any case. */
int kv_history_run(const kv_bench_options *options, const char *prefix, kv_history_result *result,
                   kv_error *error);
void kv_history_result_free(kv_history_result *result);
/* Were all keys read at the end, and is everything proven right? */
bool kv_history_is_proven(const kv_history_result *result);

#endif
