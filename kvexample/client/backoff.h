/* backoff.h - how long to wait before a request is tried again, until a deadline.
 *
 * Waits double from `first` to `longest` milliseconds, each shortened by chance (of a seed) to
 * between a half and the whole, so that many who were refused together do not come back together.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_CLIENT_BACKOFF_H
#define KV_CLIENT_BACKOFF_H

#include <stdint.h>

typedef struct kv_backoff {
  uint64_t random;
  uint64_t deadline; /* milliseconds of the caller's clock */
  uint32_t first, longest;
  uint32_t wait; /* the next one, before chance */
  uint32_t tries;
} kv_backoff;

/* first: at least 1. */
void kv_backoff_init(kv_backoff *backoff, uint64_t seed, uint32_t first, uint32_t longest,
                     uint64_t deadline);
/* Milliseconds to wait from `now` on: at least 1, at most what is left. 0: the time is up. */
uint64_t kv_backoff_next(kv_backoff *backoff, uint64_t now);

#endif
