/* key_picker.h - which key comes next: uniform, zipf, or one after the other.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_BENCH_KEY_PICKER_H
#define KV_BENCH_KEY_PICKER_H

#include <stdbool.h>
#include <stdint.h>

typedef enum kv_distribution {
  KV_UNIFORM,
  KV_ZIPF, /* exponent 0.99; the frequent keys are spread over the whole range */
  KV_SEQUENTIAL
} kv_distribution;

typedef struct kv_key_picker {
  kv_distribution distribution;
  uint64_t keys;
  uint64_t state; /* of the random numbers */
  uint64_t next;  /* sequential */
  double zeta;    /* zipf: sum of all weights, and what follows from it */
  double eta;
} kv_key_picker;

/* keys >= 1. The same seed gives the same keys. O(keys) for zipf. */
void kv_key_picker_init(kv_key_picker *picker, kv_distribution distribution, uint64_t keys,
                        uint64_t seed);
/* 0 to keys - 1. */
uint64_t kv_key_picker_next(kv_key_picker *picker);
/* A random number. */
uint64_t kv_key_picker_random(kv_key_picker *picker);

/* "uniform", "zipf", "sequential"; false: none of them. */
bool kv_distribution_parse(const char *name, kv_distribution *distribution);

#endif
