/* histogram.c - buckets by the highest set bit and the five bits behind it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "bench/histogram.h"

#include <stddef.h>

enum { EXACT = 64, PER_OCTAVE = 32, DETAIL_BITS = 5 };

static size_t bucket_of(uint64_t value) {
  if (value < EXACT) {
    return (size_t)value;
  }
  const unsigned shift = 63u - (unsigned)__builtin_clzll(value) - DETAIL_BITS;
  return EXACT + (shift - 1) * PER_OCTAVE + (size_t)(value >> shift) - PER_OCTAVE;
}

/* The highest value that is counted in the bucket. */
static uint64_t bound_of(size_t bucket) {
  if (bucket < EXACT) {
    return bucket;
  }
  const unsigned shift = (unsigned)((bucket - EXACT) / PER_OCTAVE) + 1;
  const uint64_t top = (bucket - EXACT) % PER_OCTAVE + PER_OCTAVE;
  return (top << shift) + ((UINT64_C(1) << shift) - 1);
}

void kv_histogram_add(kv_histogram *histogram, uint64_t value) {
  histogram->buckets[bucket_of(value)]++;
  histogram->count++;
  histogram->max = value > histogram->max ? value : histogram->max;
}

void kv_histogram_merge(kv_histogram *histogram, const kv_histogram *more) {
  for (size_t i = 0; i < KV_HISTOGRAM_BUCKETS; i++) {
    histogram->buckets[i] += more->buckets[i];
  }
  histogram->count += more->count;
  histogram->max = more->max > histogram->max ? more->max : histogram->max;
}

uint64_t kv_histogram_quantile(const kv_histogram *histogram, uint32_t hundred_thousandths) {
  /* Rounded up without overflow: count is below 2^44 in any run of a lifetime. */
  const uint64_t wanted = (histogram->count * hundred_thousandths + 99999) / 100000;
  uint64_t seen = 0;
  for (size_t i = 0; i < KV_HISTOGRAM_BUCKETS && wanted > 0; i++) {
    seen += histogram->buckets[i];
    if (seen >= wanted) {
      const uint64_t bound = bound_of(i);
      return bound < histogram->max ? bound : histogram->max;
    }
  }
  return wanted == 0 ? 0 : histogram->max;
}
