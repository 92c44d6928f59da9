/* ids.c - ids of stores, regions and peers: each is given out once, ever.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "scheduler/ids.h"

#include "scheduler/persist.h"

enum { STEP = 1000 };

static int reserve(kv_scheduler *s, uint64_t end) {
  if (end <= s->ids.limit) {
    return KV_OK;
  }
  if (end > UINT64_MAX - STEP) {
    return KV_EINVAL;
  }
  const int rc = kv_persist_ids(s, end + STEP);
  if (rc == KV_OK) {
    s->ids.limit = end + STEP;
  }
  return rc;
}

int kv_ids_take(kv_scheduler *s, uint64_t count, uint64_t *first) {
  const int rc = s->ids.next > UINT64_MAX - count ? KV_EINVAL : reserve(s, s->ids.next + count);
  if (rc == KV_OK) {
    *first = s->ids.next;
    s->ids.next += count;
  }
  return rc;
}

int kv_ids_skip(kv_scheduler *s, uint64_t id) {
  if (id < s->ids.next) {
    return KV_OK;
  }
  const int rc = id == UINT64_MAX ? KV_EINVAL : reserve(s, id + 1);
  if (rc == KV_OK) {
    s->ids.next = id + 1;
  }
  return rc;
}
