/* peer_snapshot_give.c - snapshots of one region that are made and sent.
 *
 * One file at a time: it serves every follower that asks while it is still of use, which it is as
 * long as the log reaches back to it and the membership is the same.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>

#include "raftstore/peer.h"

/* A file that nobody asks for any more is given up after so many ticks. */
enum { KEEP_TICKS = 300 };
/* A store that had no place for a snapshot, because another region of it has the keys still, gets
 * the next one after so many election timeouts: what makes place there takes a moment. */
enum { REFUSED_TIMEOUTS = 3 };

void kv_peer_snapshot_forget(kv_peer *peer) {
  kv_peer_snapshot *snapshot = &peer->snapshot;
  if (snapshot->have) {
    peer->store->devices.snapshot.discard(peer->store->devices.snapshot.ctx, &snapshot->file);
  }
  snapshot->have = false;
  raft_buf_release(snapshot->meta_bytes);
  snapshot->meta_bytes = NULL;
  kv_snapshot_meta_clear(&snapshot->meta);
  free(snapshot->ids);
  snapshot->ids = NULL;
}

void kv_peer_snapshot_age(kv_peer *peer) {
  kv_peer_snapshot *snapshot = &peer->snapshot;
  bool old = snapshot->have && peer->store->ticks - snapshot->made_tick > KEEP_TICKS;
  if (old && snapshot->sending == 0) {
    kv_peer_snapshot_forget(peer);
  }
}

static bool is_usable(const kv_peer *peer) {
  const kv_peer_snapshot *snapshot = &peer->snapshot;
  uint64_t first = 0;
  const raft_storage *storage = &peer->storage.interface;
  return snapshot->have && storage->first_index(storage->ctx, &first) == RAFT_OK &&
         snapshot->file.index + 1 >= first &&
         kv_epoch_equal(snapshot->meta.region.epoch, peer->region.epoch);
}

static void make(kv_peer *peer) {
  kv_store *store = peer->store;
  kv_peer_snapshot *snapshot = &peer->snapshot;
  if (snapshot->making || snapshot->sending > 0) {
    return;
  }
  kv_peer_snapshot_forget(peer);
  snapshot->making =
      store->devices.snapshot.make(store->devices.snapshot.ctx, peer->region_id) == KV_OK;
}

int kv_peer_snapshot_give(kv_peer *peer, raft_snapshot *out) {
  kv_peer_snapshot *snapshot = &peer->snapshot;
  if (!is_usable(peer)) {
    make(peer);
    return RAFT_ESNAPSHOT_UNAVAILABLE;
  }
  *out = (raft_snapshot){.data = {raft_buf_data(snapshot->meta_bytes),
                                  raft_buf_len(snapshot->meta_bytes), snapshot->meta_bytes},
                         .index = snapshot->file.index,
                         .term = snapshot->file.term};
  kv_region_conf_state(&snapshot->meta.region, snapshot->ids, &out->conf_state);
  return RAFT_OK;
}

static bool keep_made(kv_peer *peer, const kv_snapshot_file *file, raft_bytes meta) {
  kv_peer_snapshot *snapshot = &peer->snapshot;
  kv_peer_snapshot_forget(peer);
  if (kv_snapshot_meta_decode((raft_slice){meta.data, meta.len}, &snapshot->meta) != KV_OK) {
    return false;
  }
  snapshot->meta_bytes = raft_buf_copy(NULL, meta.data, meta.len);
  snapshot->ids = malloc((2 * snapshot->meta.region.peer_count + 1) * sizeof *snapshot->ids);
  snapshot->file = *file;
  snapshot->have = snapshot->meta_bytes != NULL && snapshot->ids != NULL &&
                   snapshot->meta.region.id == peer->region_id &&
                   snapshot->meta.index == file->index && snapshot->meta.term == file->term;
  return snapshot->have;
}

void kv_store_snapshot_made(kv_store *store, uint64_t region_id, int rc,
                            const kv_snapshot_file *file, raft_bytes meta) {
  kv_peer *peer = kv_region_map_peer(&store->regions, region_id);
  if (peer == NULL || !peer->snapshot.making) {
    if (rc == KV_OK) {
      store->devices.snapshot.discard(store->devices.snapshot.ctx, file);
    }
    return;
  }
  peer->snapshot.making = false;
  peer->snapshot.made_tick = store->ticks;
  if (rc != KV_OK) {
    kv_log(&store->devices.logger, KV_WARN, "a snapshot could not be made", "region=%llu code=%d",
           (unsigned long long)region_id, rc);
  } else if (!keep_made(peer, file, meta)) {
    store->devices.snapshot.discard(store->devices.snapshot.ctx, file);
    kv_peer_snapshot_forget(peer);
  }
}

void kv_peer_snapshot_refused(kv_peer *peer, uint64_t by_peer) {
  peer->snapshot.refused_peer = by_peer;
  peer->snapshot.refused_tick = peer->store->ticks;
  (void)kv_peer_check(peer, raft_rawnode_report_snapshot(peer->node, by_peer, false),
                      "reporting a snapshot failed");
  kv_store_mark(peer->store, peer);
}

static bool was_refused(const kv_peer *peer, uint64_t peer_id) {
  const kv_peer_snapshot *snapshot = &peer->snapshot;
  uint64_t patience = REFUSED_TIMEOUTS * (uint64_t)peer->store->config.election_ticks;
  return snapshot->refused_peer == peer_id &&
         peer->store->ticks - snapshot->refused_tick < patience;
}

void kv_peer_snapshot_send(kv_peer *peer, const raft_message *message) {
  kv_store *store = peer->store;
  kv_peer_snapshot *snapshot = &peer->snapshot;
  kv_envelope envelope;
  raft_buf *frame = NULL;
  kv_peer_address(peer, message->to, &envelope);
  const char *address = kv_store_address_of(store, envelope.to_store);
  bool ours = snapshot->have && message->snapshot != NULL && !was_refused(peer, message->to) &&
              message->snapshot->index == snapshot->file.index;
  int rc = ours && address != NULL ? kv_envelope_encode(&envelope, message, &frame) : KV_EINVAL;
  if (rc == KV_OK) {
    rc = store->devices.snapshot.send(store->devices.snapshot.ctx, envelope.to_store, address,
                                      &snapshot->file, frame, peer->region_id, message->to);
  }
  raft_buf_release(frame);
  if (rc == KV_OK) {
    snapshot->sending++;
    store->sending++;
    snapshot->made_tick = store->ticks;
    store->summary.snapshots_sent++;
  } else {
    (void)kv_peer_check(peer, raft_rawnode_report_snapshot(peer->node, message->to, false),
                        "reporting a snapshot failed");
  }
}

void kv_store_snapshot_sent(kv_store *store, uint64_t region_id, uint64_t to_peer, int rc) {
  kv_peer *peer = kv_region_map_peer(&store->regions, region_id);
  store->sending -= store->sending > 0;
  if (peer == NULL) {
    return;
  }
  kv_log(&store->devices.logger, rc == KV_OK ? KV_INFO : KV_WARN, "snapshot sent",
         "region=%llu to_peer=%llu code=%d", (unsigned long long)region_id,
         (unsigned long long)to_peer, rc);
  if (peer->snapshot.sending > 0) {
    peer->snapshot.sending--;
  }
  (void)kv_peer_check(peer, raft_rawnode_report_snapshot(peer->node, to_peer, rc == KV_OK),
                      "reporting a snapshot failed");
  kv_store_mark(store, peer);
}
