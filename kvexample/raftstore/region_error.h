/* region_error.h - why a request was refused here, told so that the asker knows where to turn.
 *
 * A refused request was not executed, and never will be: it may be sent again, to the place that
 * the error names. Stores tell each other in the answers to forwarded requests; clients of the raw
 * calls are told, too. Clients of the Redis protocol never see one: their store asks again for
 * them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_RAFTSTORE_REGION_ERROR_H
#define KV_RAFTSTORE_REGION_ERROR_H

#include <libraft/bytes.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "raftstore/region.h"

/* Numbers are on the wire. */
typedef enum kv_region_error_kind {
  KV_REGION_OK = 0,
  KV_NOT_LEADER = 2,              /* leader_*: who leads, as far as is known */
  KV_REGION_NOT_FOUND = 3,        /* no such region on this store */
  KV_KEY_NOT_IN_REGION = 4,       /* key, start, end */
  KV_EPOCH_NOT_MATCH = 5,         /* regions: what covers the old range now, own one first */
  KV_SERVER_IS_BUSY = 6,          /* reason, backoff_ms */
  KV_STALE_COMMAND = 7,           /* the leader changed before it was in the log */
  KV_STORE_NOT_MATCH = 8,         /* asked, actual: stores */
  KV_ENTRY_TOO_LARGE = 9,         /* size, limit: bytes */
  KV_REGION_NOT_INITIALIZED = 14, /* the peer waits for its first snapshot */
  KV_DISK_FULL = 15,              /* actual: the store; reason, backoff_ms */
  KV_MISMATCH_PEER = 20           /* asked, actual: peers */
} kv_region_error_kind;

/* Regions that one error names at most. */
#define KV_MAX_ERROR_REGIONS 16u

/* Zero-initialised is no error. Slices are borrowed; so are the regions, except in one that was
 * decoded, which ends with kv_region_error_clear. */
typedef struct kv_region_error {
  kv_region_error_kind kind;
  uint64_t region_id;
  uint64_t leader_peer; /* 0: unknown */
  uint64_t leader_store;
  raft_slice leader_address;
  raft_slice key, start, end;
  kv_region *regions;
  size_t region_count;
  uint64_t asked, actual;
  uint64_t size, limit;
  uint64_t backoff_ms;
  raft_slice reason;
} kv_region_error;

/* "NotLeader"; "?" for what is none. */
const char *kv_region_error_name(kv_region_error_kind kind);
/* One sentence, ended by a null byte, cut to `size`. */
void kv_region_error_text(const kv_region_error *error, char *text, size_t size);

/* New buffer with one reference. KV_ENOMEM. */
int kv_region_error_encode(const kv_region_error *error, raft_buf **bytes);
/* Slices of the result point into `bytes`. KV_ECORRUPT, KV_ENOMEM: *error is no error. */
int kv_region_error_decode(raft_slice bytes, kv_region_error *error);
/* Frees the regions of a decoded error; it is none afterwards. */
void kv_region_error_clear(kv_region_error *error);

#endif
