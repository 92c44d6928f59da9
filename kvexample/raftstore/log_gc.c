/* log_gc.c - how far may a region's log be cut?
 *
 * The leader decides, and replicates the decision as an entry, so that every replica cuts at the
 * same place and no snapshot is needed where entries would do. Entries that a live follower lacks
 * are kept, up to a budget: a slow or dead one must not keep the log for ever. What is not applied
 * is never cut, and each store cuts its log when what was applied is durable there (durable.c).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "raftstore/entry.h"
#include "raftstore/peer.h"

enum { CHECK_TICKS = 10 };

int kv_log_gc_propose(kv_peer *peer, uint64_t index, kv_batch *batch) {
  const raft_storage *storage = &peer->storage.interface;
  kv_entry entry = {.region_id = peer->region_id,
                    .epoch = peer->region.epoch,
                    .kind = KV_ENTRY_COMPACT_LOG,
                    .compact_index = index};
  raft_buf *payload = NULL;
  unsigned char *end = NULL;
  if (storage->term(storage->ctx, index, &entry.compact_term) != RAFT_OK) {
    return KV_ENOTFOUND;
  }
  if (kv_entry_encode(&entry, 0, &payload, &end) != KV_OK) {
    return KV_ENOMEM;
  }
  int rc = kv_peer_propose_payload(peer, payload, batch);
  raft_buf_release(payload);
  if (rc == KV_OK) {
    peer->compact_index = index;
  }
  return rc;
}

static bool is_live(const kv_peer *peer, const raft_progress_status *progress) {
  const kv_store *store = peer->store;
  const kv_address *address =
      kv_address_book_find(&store->addresses, kv_peer_store_of(peer, progress->id));
  return progress->recent_active ||
         (address != NULL && store->ticks - address->heard_tick <= store->config.election_ticks);
}

/* The last index that no live follower needs any more. */
static uint64_t replicated_index(const kv_peer *peer, uint64_t limit) {
  raft_progress_status progress;
  uint64_t lowest = limit;
  for (size_t i = 0; raft_rawnode_progress(peer->node, i, &progress) == RAFT_OK; i++) {
    uint64_t has = progress.state == RAFT_PROGRESS_SNAPSHOT && progress.pending_snapshot > 0
                       ? progress.pending_snapshot
                       : progress.match;
    if (progress.id != peer->peer_id && is_live(peer, &progress) && has < lowest) {
      lowest = has;
    }
  }
  return lowest;
}

/* How full the log is, in halves of its budget: 0 below it, 1 at it, 2 at twice of it. */
static uint64_t fill(uint64_t amount, uint64_t budget) {
  return budget == 0 ? 0 : amount / budget > 2 ? 2 : amount / budget;
}

/* A tail of entries is left for stores that are away for a moment, unless bytes are scarce.
 * 0: nothing is to be cut. */
static uint64_t choose(const kv_peer *peer, const kv_log_bounds *bounds) {
  const kv_store_config *config = &peer->store->config;
  uint64_t first = bounds->first_index, budget = config->log_gc_entries;
  if (budget == 0 || peer->applied < first) {
    return 0;
  }
  uint64_t by_count = fill(peer->applied + 1 - first, budget);
  uint64_t by_bytes = fill(bounds->bytes, config->log_gc_bytes);
  uint64_t half = first + (peer->applied - first) / 2;
  if (by_count == 0 && by_bytes == 0) {
    return 0;
  }
  uint64_t tail = budget / 2, limit = peer->applied > tail ? peer->applied - tail : 0;
  uint64_t index = replicated_index(peer, by_bytes > 0 ? half : limit);
  if ((by_count > 1 || by_bytes > 1) && index < half) {
    index = half;
  }
  return index >= first && index > peer->compact_index ? index : 0;
}

void kv_log_gc_tick(kv_peer *peer) {
  const kv_log_device *log = &peer->store->devices.log;
  kv_log_bounds bounds;
  if (peer->store->ticks % CHECK_TICKS != 0 ||
      log->bounds(log->ctx, peer->region_id, &bounds) != KV_OK) {
    return;
  }
  uint64_t index = choose(peer, &bounds);
  if (index > 0) {
    (void)kv_log_gc_propose(peer, index, NULL); /* else at the next occasion */
  }
}
