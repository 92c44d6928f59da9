/* peer_storage.h - raft_storage of one peer: its log on the log device, its membership in the
 * region.
 *
 * The engine is the truth about what is applied, the log device about the log. After a crash they
 * may be apart in two ways, which opening settles: a commit index that was not written yet, and a
 * log that stands behind the state machine because a snapshot was installed and the log not yet
 * reset.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_RAFTSTORE_PEER_STORAGE_H
#define KV_RAFTSTORE_PEER_STORAGE_H

#include <libraft/raft.h>
#include <stdbool.h>

#include "raftstore/device.h"
#include "raftstore/region_state.h"

struct kv_peer;

typedef struct kv_peer_storage {
  raft_storage interface;
  struct kv_peer *peer;
  raft_hard_state hard_state; /* at start */
  uint64_t *ids;              /* of the membership at start */
  uint64_t begin_index; /* the log was reset to begin behind it, which the device may not have */
  uint64_t begin_term;  /* taken yet; 0: was not reset */
} kv_peer_storage;

/* Reconciles the log with `applied` (all zero for an uninitialised peer). promised: a term and vote
 * on their way to the log; zero: none. Writes to the log by the
 * log writer. KV_ECORRUPT: a region that was in use has no log. */
int kv_peer_storage_open(struct kv_peer *peer, const kv_apply_state *applied,
                         const raft_hard_state *promised);
void kv_peer_storage_close(kv_peer_storage *storage);

#endif
