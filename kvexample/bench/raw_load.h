/* raw_load.h - the closed loop by raw calls: each connection is a client that finds the leaders.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_BENCH_RAW_LOAD_H
#define KV_BENCH_RAW_LOAD_H

#include "bench/load.h"

/* Runs the load as the options say (raw, with scheduler; connections is the number of threads)
 * until it is over or kv_load_stop was called; what is under way then is waited for, as long as the
 * timeout of a request at most. Nothing is begun before one read was answered. Result's gap and
 * violations stay as they are.
 * KV_ENOMEM, KV_EIO (no thread), or what that read gave (kv_raw_client_call), each
 * with a sentence; result is what was measured so far. */
int kv_raw_load_run(const kv_bench_options *options, const char *prefix, kv_bench_result *result,
                    kv_error *error);

#endif
