/* size_scan.h - how large is a region really, and which key is half-way through it?
 *
 * One pass over the region's data in slices of bounded work, each in a read transaction of its own,
 * so that none stays open for long. What is written meanwhile is counted or not: the answer is
 * about right. Keys are remembered at even distances, which double whenever there is no room for
 * more, so the middle is found without knowing the size before.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_RAFTSTORE_SIZE_SCAN_H
#define KV_RAFTSTORE_SIZE_SCAN_H

#include "engine/engine.h"
#include "raftstore/region.h"

#define KV_SCAN_SAMPLES 64u

typedef struct kv_size_sample {
  kv_region_size before; /* what stands in front of the key */
  size_t len;
  unsigned char key[KV_MAX_KEY];
} kv_size_sample;

typedef struct kv_size_scan {
  uint64_t version; /* in: of the region; it is given up when that has moved */
  bool done;
  kv_region_size total; /* so far */
  size_t from_len;      /* where the next slice begins; 0: at the region's start */
  unsigned char from[KV_MAX_KEY + 1];
  uint64_t distance;
  size_t sample_count;
  kv_size_sample samples[KV_SCAN_SAMPLES];
} kv_size_scan;

void kv_size_scan_begin(kv_size_scan *scan, uint64_t version);
/* One slice more. An engine's error; KV_ECORRUPT: a key that cannot be. */
int kv_size_scan_slice(kv_size_scan *scan, kv_txn *txn, const kv_region *region);
/* The remembered key nearest to the middle, with something on either side of it. False: there is
 * none, for instance because all is in one key. Borrowed from the scan. */
bool kv_size_scan_middle(const kv_size_scan *scan, raft_slice *key, kv_region_size *left);

#endif
