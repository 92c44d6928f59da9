/* raw_call.h - raw calls as structs and bytes: what clients ask that know the regions themselves.
 *
 * RawGet, RawPut, RawDelete, RawScan and RawCAS on one key, or from one key on, of the region that
 * the request names. A scan ends with its region: the client goes on in the next one.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_RAFTSTORE_RAW_CALL_H
#define KV_RAFTSTORE_RAW_CALL_H

#include <libraft/bytes.h>
#include <stdbool.h>
#include <stdint.h>

#include "raftstore/region.h"

/* Numbers are on the wire. */
typedef enum kv_raw_call {
  KV_RAW_GET = 1,
  KV_RAW_PUT = 2,
  KV_RAW_DELETE = 3, /* succeeded: there was one */
  KV_RAW_SCAN = 4,   /* from key on */
  KV_RAW_CAS = 5     /* puts value if what is there is as expected */
} kv_raw_call;

/* Pairs of one scan. */
#define KV_MAX_RAW_LIMIT 10000u

typedef struct kv_raw_request {
  uint64_t request_id;
  uint64_t region_id;
  kv_epoch epoch;
  uint64_t peer_id, term, store_id; /* 0: any */
  kv_raw_call call;
  raft_slice key, value, expected;
  bool absent;
  uint32_t limit;
  bool keys_only;
  uint64_t timeout_ms; /* 0: the store's */
} kv_raw_request;

typedef struct kv_raw_pair {
  raft_slice key, value;
} kv_raw_pair;

typedef struct kv_raw_response {
  uint64_t request_id;
  raft_slice region_error; /* empty: none; kv_region_error_decode */
  raft_slice error;        /* empty: none */
  raft_slice value;
  bool not_found;
  bool succeeded;
  kv_raw_pair *pairs; /* borrowed, but owned by a decoded one */
  size_t pair_count;
  raft_slice next_key;
} kv_raw_response;

/* New buffer with one reference. KV_ENOMEM. */
int kv_raw_request_encode(const kv_raw_request *request, raft_buf **bytes);
int kv_raw_response_encode(const kv_raw_response *response, raft_buf **bytes);
/* Slices borrow from the bytes. KV_ECORRUPT, KV_ENOMEM. */
int kv_raw_request_decode(raft_slice bytes, kv_raw_request *request);
int kv_raw_response_decode(raft_slice bytes, kv_raw_response *response);
void kv_raw_response_clear(kv_raw_response *response); /* of a decoded one */

#endif
