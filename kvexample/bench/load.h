/* load.h - the closed loop: every connection has its requests under way, one thread serves them
 * all.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_BENCH_LOAD_H
#define KV_BENCH_LOAD_H

#include "bench/histogram.h"
#include "bench/lane.h"
#include "bench/ledger.h"
#include "bench/options.h"
#include "bench/tally.h"

/* Bounds what is printed of violations, not what is counted. */
enum { KV_BENCH_VIOLATIONS = 20, KV_BENCH_VIOLATION_TEXT = 200 };

typedef struct kv_violations {
  char texts[KV_BENCH_VIOLATIONS][KV_BENCH_VIOLATION_TEXT];
  uint64_t count;
} kv_violations;

typedef struct kv_bench_result {
  kv_histogram writes; /* nanoseconds */
  kv_histogram reads;
  kv_tally errors;
  kv_violations violations;
  uint64_t gap;     /* longest time between two acknowledged writes, nanoseconds */
  uint64_t elapsed; /* nanoseconds */
} kv_bench_result;

/* Name of a key; returns its length. */
enum { KV_BENCH_KEY = KV_LEDGER_PREFIX + 24 };
size_t kv_bench_key(const char *prefix, uint64_t key, char name[KV_BENCH_KEY]);

void kv_violations_add(kv_violations *violations, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Judges what a read found, NULL for nothing or the wrong kind, and adds what is wrong with it. */
void kv_violations_judge(kv_violations *violations, kv_ledger *ledger, const char *name,
                         uint64_t key, uint64_t floor, const kv_value *found);

/* Runs the load as the options say, until it is over or `stop` is set by a signal. ledger NULL:
 * nothing is verified. KV_ENOMEM or KV_EIO with a sentence; result is what was measured so far. */
int kv_load_run(const kv_bench_options *options, const char *prefix, kv_ledger *ledger,
                kv_bench_result *result, kv_error *error);

/* Asks a running load to end; may be called by a signal handler. */
void kv_load_stop(void);
bool kv_load_is_stopping(void);

/* Does this answer say for certain that nothing was done? Of others the outcome is unknown. */
bool kv_bench_was_refused(const char *text);

#endif
