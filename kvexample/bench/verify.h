/* verify.h - after the load: is everything there that was acknowledged?
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_BENCH_VERIFY_H
#define KV_BENCH_VERIFY_H

#include "bench/load.h"

/* Reads every key that was written to, from whatever store answers, until options->verify_ms are
 * over. *checked: keys that were read. What is wrong goes to violations. KV_EIO with a sentence:
 * not all keys could be read in time. */
int kv_verify_run(const kv_bench_options *options, const char *prefix, kv_ledger *ledger,
                  kv_violations *violations, uint64_t *checked, kv_error *error);

#endif
