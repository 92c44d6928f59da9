/* size_scan.c - how large is a region really, and which key is half-way through it?
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "raftstore/size_scan.h"

#include <string.h>

/* Work of one slice: some milliseconds. */
enum { SLICE_BYTES = 4 << 20, SLICE_KEYS = 20000, FIRST_DISTANCE = 256 };

void kv_size_scan_begin(kv_size_scan *scan, uint64_t version) {
  scan->version = version;
  scan->done = false;
  scan->total = (kv_region_size){0};
  scan->from_len = 0;
  scan->distance = FIRST_DISTANCE;
  scan->sample_count = 0;
}

/* Every second one goes. */
static void thin_out(kv_size_scan *scan) {
  for (size_t i = 1; i < scan->sample_count / 2; i++) {
    scan->samples[i] = scan->samples[2 * i];
  }
  scan->sample_count /= 2;
  scan->distance *= 2;
}

/* The first key of all has nothing in front of it and cannot begin a right half. */
static void sample(kv_size_scan *scan, raft_slice key) {
  size_t count = scan->sample_count;
  uint64_t last = count > 0 ? scan->samples[count - 1].before.bytes : 0;
  if (scan->total.keys == 0 || scan->total.bytes < last + scan->distance) {
    return;
  }
  if (count == KV_SCAN_SAMPLES) {
    thin_out(scan);
  }
  kv_size_sample *place = &scan->samples[scan->sample_count++];
  place->before = scan->total;
  place->len = key.len;
  memcpy(place->key, key.data, key.len);
}

/* The first key behind this one is the same with a zero byte. */
static void go_on_behind(kv_size_scan *scan, raft_slice key) {
  memcpy(scan->from, key.data, key.len);
  scan->from[key.len] = 0;
  scan->from_len = key.len + 1;
}

static int walk(kv_size_scan *scan, const kv_engine_ops *ops, kv_cursor *cursor,
                const kv_region *region) {
  raft_slice key, value;
  uint64_t bytes = 0, keys = 0;
  int rc = KV_OK;
  while (rc == KV_OK) {
    ops->item(cursor, &key, &value);
    if (kv_key_past_end(key, region->end)) {
      return KV_ENOTFOUND;
    }
    if (key.len == 0 || key.len > KV_MAX_KEY) {
      return KV_ECORRUPT;
    }
    sample(scan, key);
    scan->total.bytes += key.len + value.len;
    scan->total.keys++;
    bytes += key.len + value.len;
    if (++keys >= SLICE_KEYS || bytes >= SLICE_BYTES) {
      go_on_behind(scan, key);
      return KV_OK;
    }
    rc = ops->next(cursor);
  }
  return rc;
}

int kv_size_scan_slice(kv_size_scan *scan, kv_txn *txn, const kv_region *region) {
  const kv_engine_ops *ops = txn->engine->ops;
  kv_cursor *cursor = NULL;
  raft_slice from = scan->from_len > 0 ? (raft_slice){scan->from, scan->from_len} : region->start;
  int rc = ops->seek(txn, KV_SPACE_DATA, from, &cursor);
  if (rc == KV_OK) {
    rc = walk(scan, ops, cursor, region);
    ops->cursor_close(cursor);
  }
  scan->done = rc == KV_ENOTFOUND;
  return scan->done ? KV_OK : rc;
}

static uint64_t distance_between(uint64_t a, uint64_t b) {
  return a > b ? a - b : b - a;
}

bool kv_size_scan_middle(const kv_size_scan *scan, raft_slice *key, kv_region_size *left) {
  uint64_t middle = scan->total.bytes / 2;
  const kv_size_sample *best = NULL;
  for (size_t i = 0; i < scan->sample_count; i++) {
    const kv_size_sample *one = &scan->samples[i];
    if (best == NULL || distance_between(one->before.bytes, middle) <
                            distance_between(best->before.bytes, middle)) {
      best = one;
    }
  }
  if (best != NULL) {
    *key = (raft_slice){best->key, best->len};
    *left = best->before;
  }
  return best != NULL;
}
