/* backoff.c - how long to wait before a request is tried again, until a deadline.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "client/backoff.h"

void kv_backoff_init(kv_backoff *backoff, uint64_t seed, uint32_t first, uint32_t longest,
                     uint64_t deadline) {
  *backoff = (kv_backoff){
      .random = seed, .deadline = deadline, .first = first, .longest = longest, .wait = first};
}

/* splitmix64 */
static uint64_t random_below(kv_backoff *backoff, uint64_t below) {
  uint64_t mixed = backoff->random += UINT64_C(0x9e3779b97f4a7c15);
  mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
  mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
  return (mixed ^ mixed >> 31) % below;
}

uint64_t kv_backoff_next(kv_backoff *backoff, uint64_t now) {
  if (now >= backoff->deadline) {
    return 0;
  }
  const uint64_t left = backoff->deadline - now;
  const uint64_t wait = backoff->wait - random_below(backoff, backoff->wait / 2 + 1);
  backoff->wait = backoff->wait < backoff->longest / 2 ? backoff->wait * 2 : backoff->longest;
  backoff->tries++;
  return wait < left ? wait : left;
}
