/* region_state.h - what a store keeps about itself and its regions beside the clients' data.
 *
 * Records in KV_SPACE_META, in nanopb (proto/raft_serverpb.proto):
 *   "S"             identity of the store
 *   "A" region id   apply state: how far the region's data is
 *   "R" region id   region state: descriptor, and whether this store still has a part in it
 * Region ids are 8 bytes, big-endian, so records come in ascending order.
 *
 * Invariant: data, apply state and region state of a region change in one transaction; together
 * they are the state machine at apply_state.applied_index.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_RAFTSTORE_REGION_STATE_H
#define KV_RAFTSTORE_REGION_STATE_H

#include <stdint.h>

#include "base/error.h"
#include "engine/engine.h"
#include "raftstore/region.h"

/* Index and term at which the log of a region begins that bootstrap or a split made. A peer that
 * a leader adds begins with an empty log, (0, 0), and therefore needs a snapshot. */
#define KV_INITIAL_LOG_INDEX 5u
#define KV_INITIAL_LOG_TERM  5u

typedef struct kv_store_ident {
  uint64_t cluster_id;
  uint64_t store_id;
  uint64_t incarnation; /* number of starts */
  uint64_t data_id;     /* random name of the data directory, for the scheduler; 0: none */
  uint64_t prepared;    /* first region of a cluster, not confirmed by the scheduler; 0: none */
} kv_store_ident;

typedef struct kv_apply_state {
  uint64_t applied_index;
  uint64_t applied_term;
  uint64_t truncated_index; /* the group decided that entries up to here are not needed */
  uint64_t truncated_term;
  kv_region_size size;
} kv_apply_state;

typedef enum kv_region_phase {
  KV_REGION_NORMAL = 0,
  KV_REGION_APPLYING = 1, /* a snapshot is being installed; its data is incomplete */
  KV_REGION_TOMBSTONE = 2 /* this store's peer was removed */
} kv_region_phase;

typedef struct kv_region_state {
  kv_region_phase phase;
  kv_region region;
  uint64_t peer_id; /* of this store, now or before it was removed */
} kv_region_state;

void kv_region_state_clear(kv_region_state *state);

/* Load: KV_ENOTFOUND, KV_ECORRUPT, KV_ENOMEM or an engine's error; *ident, *state are then empty.
 */
int kv_ident_load(kv_txn *txn, kv_store_ident *ident);
int kv_ident_save(kv_txn *txn, const kv_store_ident *ident);
int kv_apply_state_load(kv_txn *txn, uint64_t region_id, kv_apply_state *state);
int kv_apply_state_save(kv_txn *txn, uint64_t region_id, const kv_apply_state *state);
int kv_region_state_load(kv_txn *txn, uint64_t region_id, kv_region_state *state);
int kv_region_state_save(kv_txn *txn, const kv_region_state *state);
/* Forgets both states of a region. */
int kv_region_state_delete(kv_txn *txn, uint64_t region_id);
/* Calls visit for every region state by ascending id; stops at a non-zero return, and returns it.
 */
int kv_region_state_each(kv_txn *txn, int (*visit)(void *ctx, const kv_region_state *state),
                         void *ctx);

/* Deletes up to `limit` keys of [start, end) from KV_SPACE_DATA; *more tells whether any is left.
 */
int kv_data_clear(kv_txn *txn, raft_slice start, raft_slice end, size_t limit, bool *more);

/* What travels in raft_snapshot.data: the region at the snapshot's index, and what its file must
 * be. */
typedef struct kv_snapshot_meta {
  kv_region region;
  uint64_t index;
  uint64_t term;
  uint64_t keys;
  uint64_t bytes;    /* of the file */
  uint64_t checksum; /* of the file, as the snapshot worker counts it */
} kv_snapshot_meta;

void kv_snapshot_meta_clear(kv_snapshot_meta *meta);
/* New buffer with one reference in *bytes, which the caller releases. KV_ENOMEM. */
int kv_snapshot_meta_encode(const kv_snapshot_meta *meta, raft_buf **bytes);
/* KV_ECORRUPT, KV_ENOMEM: *meta is empty. */
int kv_snapshot_meta_decode(raft_slice bytes, kv_snapshot_meta *meta);

#endif
