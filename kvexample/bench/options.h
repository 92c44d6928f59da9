/* options.h - what kvbench is asked to do.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_BENCH_OPTIONS_H
#define KV_BENCH_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/key_picker.h"
#include "client/address_list.h"

typedef struct kv_bench_options {
  kv_address_list addresses;
  bool raw;              /* raw calls to the leaders of the regions, not the Redis protocol */
  const char *scheduler; /* its address, for raw */
  uint64_t connections;
  uint64_t pipeline;
  uint64_t value_size;
  uint64_t read_share; /* per cent */
  uint64_t keys;
  kv_distribution distribution;
  double seconds;      /* 0: until `requests` are done */
  uint64_t requests;   /* 0: no limit */
  uint64_t rate;       /* requests a second of all connections; 0: as many as go */
  uint64_t timeout_ms; /* of one request */
  uint64_t verify_ms;  /* patience of the verification */
  uint64_t seed;
  const char *prefix; /* of the names of keys; NULL: one that suits */
  const char *state;  /* file of the ledger; NULL: none */
  bool verify;
  bool verify_only;
  bool check_history;
  bool gap;
  bool json;
  bool quiet;
} kv_bench_options;

typedef enum kv_bench_start { KV_BENCH_RUN, KV_BENCH_SHOWN, KV_BENCH_WRONG } kv_bench_start;

/* Reads the arguments. SHOWN: help or version was printed; WRONG: why was printed to stderr. */
kv_bench_start kv_bench_options_parse(int argc, char **argv, kv_bench_options *options);
void kv_bench_options_free(kv_bench_options *options);

#endif
