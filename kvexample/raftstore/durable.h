/* durable.h - log cuts that wait until what was applied survives power loss.
 *
 * A restart begins at the state that was durable and repeats what the log has behind it, so the log
 * must reach back to that state. A decision to cut is applied in memory first; the cut waits
 * here for the commit that the decision is part of.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_RAFTSTORE_DURABLE_H
#define KV_RAFTSTORE_DURABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kv_peer;
struct kv_store;

typedef struct kv_cut {
  uint64_t region_id;
  uint64_t peer_id;
  uint64_t index;
  uint64_t sequence; /* of the commit, see kv_apply_task */
} kv_cut;

/* Zero-initialised is empty. */
typedef struct kv_durable {
  uint64_t sequence; /* durable up to here */
  bool no_space;     /* the engine cannot make more durable */
  kv_cut *cuts;      /* [first, first + count), ascending by sequence */
  size_t first, count, room;
} kv_durable;

void kv_durable_free(kv_durable *durable);

/* Cuts the peer's log up to index, as soon as that commit is durable; sequence 0: it is. Without
 * memory the cut is left to the next decision. */
void kv_durable_cut(struct kv_store *store, struct kv_peer *peer, uint64_t index,
                    uint64_t sequence);

#endif
