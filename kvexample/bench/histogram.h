/* histogram.h - latencies counted in buckets whose width grows with the value, 3 % at most.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_BENCH_HISTOGRAM_H
#define KV_BENCH_HISTOGRAM_H

#include <stdint.h>

/* Exact below 64, then 32 buckets for each power of two up to 2^64. */
enum { KV_HISTOGRAM_BUCKETS = 64 + 58 * 32 };

/* All zero is empty. The unit of the values is the caller's. */
typedef struct kv_histogram {
  uint64_t buckets[KV_HISTOGRAM_BUCKETS];
  uint64_t count;
  uint64_t max;
} kv_histogram;

void kv_histogram_add(kv_histogram *histogram, uint64_t value);
/* Adds what another one counted. */
void kv_histogram_merge(kv_histogram *histogram, const kv_histogram *more);

/* Smallest bound such that so many hundred-thousandths of the values are not above it:
 * 50000 is the median, 99900 the 99.9th percentile. 0 when empty; never above max. */
uint64_t kv_histogram_quantile(const kv_histogram *histogram, uint32_t hundred_thousandths);

#endif
