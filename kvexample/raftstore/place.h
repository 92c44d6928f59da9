/* place.h - where a key is served, as far as this store knows.
 *
 * Its own replicas say it for what they hold, the cache for all else, and also where it heard of a
 * newer descriptor than the replica here has: one that lags behind, or was removed unawares.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_RAFTSTORE_PLACE_H
#define KV_RAFTSTORE_PLACE_H

#include "raftstore/core.h"

typedef struct kv_place {
  const kv_region *region; /* NULL: unknown. Valid until something is learnt or applied */
  kv_peer *peer;           /* the replica here; NULL: the cache says it */
} kv_place;

kv_place kv_place_of(kv_store *store, raft_slice key);

#endif
