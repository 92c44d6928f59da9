/* peer_snapshot.c - snapshots of one region that are received and installed.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "raftstore/peer_snapshot.h"

#include <stdlib.h>
#include <string.h>

#include "raftstore/peer.h"

static void discard(kv_store *store, const kv_snapshot_file *file) {
  store->devices.snapshot.discard(store->devices.snapshot.ctx, file);
}

/* Its range is in the map now, or never will be. */
static void no_longer_accepted(kv_peer *peer) {
  kv_list_remove(&peer->snapshot.accepted);
  kv_region_clear(&peer->snapshot.range);
}

static void drop_received(kv_peer *peer) {
  if (peer->snapshot.received) {
    peer->snapshot.received = false;
    discard(peer->store, &peer->snapshot.received_file);
  }
}

/* Another region, initialised or about to be, has keys of it. */
static bool meets_another(const kv_peer *peer, const kv_region *region) {
  const kv_list *accepted = &peer->store->accepted;
  for (kv_link *link = kv_list_first(accepted); link != NULL; link = kv_list_next(accepted, link)) {
    const kv_peer_snapshot *other = KV_OBJECT_OF(link, kv_peer_snapshot, accepted);
    if (other != &peer->snapshot && kv_region_overlaps(&other->range, region)) {
      return true;
    }
  }
  return kv_region_map_overlap(&peer->store->regions, region) != NULL;
}

/* NULL: it may be installed. Otherwise why not. */
static const char *objection(kv_peer *peer, const raft_message *message,
                             const kv_snapshot_file *file, kv_snapshot_meta *meta) {
  const raft_snapshot *snapshot = message->snapshot;
  if (message->type != RAFT_MSG_SNAP || snapshot == NULL ||
      kv_snapshot_meta_decode((raft_slice){snapshot->data.data, snapshot->data.len}, meta) !=
          KV_OK) {
    return "its message is malformed";
  }
  if (meta->region.id != peer->region_id || meta->index != snapshot->index ||
      file->index != snapshot->index || meta->term != snapshot->term) {
    return "file and message do not belong together";
  }
  const kv_region_peer *own = kv_region_find_store(&meta->region, peer->store->config.store_id);
  if (own == NULL || own->id != peer->peer_id) {
    return "this store has no part in it";
  }
  if (meets_another(peer, &meta->region)) {
    return "its range overlaps another region of this store";
  }
  if (peer->snapshot.received && peer->snapshot.received_file.index > file->index) {
    return "a newer one has come before it"; /* Raft may have accepted that already */
  }
  bool busy = peer->snapshot.stage != KV_INSTALL_NONE || peer->removed || peer->condemned;
  return busy ? "another one is being installed, or the replica is being removed" : NULL;
}

/* Takes over the region of the message. */
static void accept(kv_peer *peer, const kv_snapshot_file *file, kv_region *region) {
  kv_peer_snapshot *snapshot = &peer->snapshot;
  drop_received(peer);
  snapshot->received = true;
  snapshot->received_file = *file;
  kv_region_move(&snapshot->range, region);
  if (!kv_link_is_listed(&snapshot->accepted)) {
    kv_list_append(&peer->store->accepted, &snapshot->accepted);
  }
}

const char *kv_peer_snapshot_receive(kv_peer *peer, const raft_message *message,
                                     const kv_snapshot_file *file) {
  kv_snapshot_meta meta = {0};
  const char *why = objection(peer, message, file, &meta);
  if (why == NULL) {
    accept(peer, file, &meta.region);
    kv_peer_step(peer, message);
  } else {
    kv_log(&peer->store->devices.logger, KV_WARN, "snapshot refused", "region=%llu reason=\"%s\"",
           (unsigned long long)peer->region_id, why);
    discard(peer->store, file);
  }
  kv_snapshot_meta_clear(&meta);
  return why;
}

/* ---- installing ---- */

static bool hold(kv_peer *peer, const raft_message *message) {
  kv_peer_snapshot *snapshot = &peer->snapshot;
  raft_message *held = realloc(snapshot->held, (snapshot->held_count + 1) * sizeof *held);
  if (held == NULL) {
    kv_store_fail(peer->store, KV_ENOMEM, "no memory for a write of the raft log");
    return true;
  }
  raft_message_retain(message);
  held[snapshot->held_count++] = *message;
  snapshot->held = held;
  return true;
}

static void start_install(kv_peer *peer, const raft_message *message) {
  kv_peer_snapshot *snapshot = &peer->snapshot;
  const raft_snapshot *taken = message->snapshot;
  int rc =
      kv_snapshot_meta_decode((raft_slice){taken->data.data, taken->data.len}, &snapshot->taken);
  if (rc != KV_OK || !snapshot->received || snapshot->received_file.index != taken->index) {
    kv_store_fail(peer->store, KV_ECORRUPT, "Raft accepted a snapshot that has no file");
    return;
  }
  snapshot->message = *message;
  raft_message_retain(message);
  snapshot->stage = KV_INSTALL_STATE;
  kv_peer_note_state(peer, message);
  /* Term and vote only: the commit index is that of the snapshot, which the log does not reach. */
  kv_log_change change = {.region_id = peer->region_id,
                          .hard_state = {peer->state.term, peer->state.vote, peer->saved.commit}};
  bool same = peer->state.term == peer->saved.term && peer->state.vote == peer->saved.vote;
  peer->saved = change.hard_state;
  kv_peer_add_write(peer, same ? NULL : &change, KV_LOG_BEFORE_INSTALL, NULL);
}

bool kv_peer_snapshot_append(kv_peer *peer, const raft_message *message) {
  if (peer->snapshot.stage != KV_INSTALL_NONE) {
    return hold(peer, message);
  }
  if (message->snapshot == NULL || message->snapshot->index == 0) {
    return false;
  }
  start_install(peer, message);
  return true;
}

void kv_peer_snapshot_state_saved(kv_peer *peer) {
  peer->snapshot.stage = KV_INSTALL_READY;
}

void kv_peer_snapshot_continue(kv_peer *peer) {
  kv_peer_snapshot *snapshot = &peer->snapshot;
  kv_store *store = peer->store;
  if (snapshot->stage != KV_INSTALL_READY || !kv_peer_apply_is_idle(peer)) {
    return;
  }
  int rc = store->devices.snapshot.install(store->devices.snapshot.ctx, peer->region_id,
                                           &snapshot->received_file);
  if (rc == KV_OK) {
    snapshot->stage = KV_INSTALL_DATA;
  } else if (rc != KV_EBUSY) { /* busy: with the next tick */
    kv_store_fail(store, rc, "a snapshot could not be installed");
  }
}

/* Whatever was proposed here before the snapshot's index can no longer be told. */
static void settle_proposals(kv_peer *peer, uint64_t term, uint64_t index) {
  kv_proposal proposal;
  kv_proposal_fate fate;
  while ((fate = kv_proposal_pop_snapshot(&peer->proposals, term, index, &proposal)) !=
         KV_FATE_OPEN) {
    if (fate == KV_FATE_FAILED) {
      kv_route_batch_again(peer, proposal.batch);
    } else {
      kv_answer_batch_unknown(peer->store, proposal.batch, "this store fell behind meanwhile");
    }
  }
}

static void installed(kv_peer *peer) {
  kv_peer_snapshot *snapshot = &peer->snapshot;
  uint64_t index = snapshot->taken.index, term = snapshot->taken.term;
  kv_peer_set_region(peer, &snapshot->taken.region);
  for (size_t i = 0; i < peer->region.peer_count; i++) {
    const kv_region_peer *member = &peer->region.peers[i];
    if (kv_address_book_find(&peer->store->addresses, member->store_id) == NULL) {
      (void)kv_address_book_learn(&peer->store->addresses, member->store_id, member->address);
    }
  }
  peer->applied = index;
  peer->size =
      (struct kv_peer_size){.now = {snapshot->taken.bytes, snapshot->taken.keys}, .weight = 100};
  peer->applied_term = term;
  settle_proposals(peer, term, index);
  kv_log_change change = {.region_id = peer->region_id,
                          .reset = true,
                          .reset_index = index,
                          .reset_term = term,
                          .hard_state = kv_peer_state_to_save(peer),
                          .entries = snapshot->message.entries,
                          .entry_count = snapshot->message.entry_count};
  snapshot->stage = KV_INSTALL_LOG;
  kv_peer_add_write(peer, &change, KV_LOG_INSTALLED, &snapshot->message);
  drop_received(peer);
  peer->store->summary.snapshots_installed++;
  kv_log(&peer->store->devices.logger, KV_INFO, "snapshot installed",
         "region=%llu index=%llu term=%llu", (unsigned long long)peer->region_id,
         (unsigned long long)index, (unsigned long long)term);
}

void kv_store_snapshot_installed(kv_store *store, uint64_t region_id, int rc) {
  kv_peer *peer = kv_region_map_peer(&store->regions, region_id);
  if (peer == NULL || peer->snapshot.stage != KV_INSTALL_DATA) {
    return;
  }
  if (rc == KV_OK) {
    installed(peer);
  } else if (rc == KV_EFULL || rc == KV_EBUSY) {
    kv_log(&store->devices.logger, KV_ERROR, "no room to install a snapshot, trying again",
           "region=%llu", (unsigned long long)region_id);
    peer->snapshot.stage = KV_INSTALL_READY;
    return; /* with the next tick */
  } else {
    kv_store_fail(store, rc, "installing a snapshot failed");
  }
  kv_store_mark(store, peer);
}

void kv_peer_snapshot_finish(kv_peer *peer) {
  kv_peer_snapshot *snapshot = &peer->snapshot;
  raft_message *held = snapshot->held;
  size_t count = snapshot->held_count;
  no_longer_accepted(peer);
  raft_message_release(&snapshot->message);
  kv_snapshot_meta_clear(&snapshot->taken);
  snapshot->message = (raft_message){0};
  snapshot->stage = KV_INSTALL_NONE;
  snapshot->held = NULL;
  snapshot->held_count = 0;
  for (size_t i = 0; i < count; i++) {
    kv_peer_append(peer, &held[i]);
    raft_message_release(&held[i]);
  }
  free(held);
}

void kv_peer_snapshot_tick(kv_peer *peer) {
  bool wanted = peer->snapshot.stage != KV_INSTALL_NONE || raft_rawnode_has_ready(peer->node);
  if (!wanted) {
    drop_received(peer); /* Raft had no use for it */
    no_longer_accepted(peer);
  }
  kv_peer_snapshot_age(peer);
}

void kv_peer_snapshot_close(kv_peer *peer) {
  kv_peer_snapshot *snapshot = &peer->snapshot;
  for (size_t i = 0; i < snapshot->held_count; i++) {
    raft_message_release(&snapshot->held[i]);
  }
  free(snapshot->held);
  raft_message_release(&snapshot->message);
  kv_snapshot_meta_clear(&snapshot->taken);
  if (snapshot->stage != KV_INSTALL_DATA) {
    drop_received(peer);
  }
  no_longer_accepted(peer);
  kv_peer_snapshot_forget(peer);
}

void kv_store_snapshot_received(kv_store *store, uint64_t from_store, raft_bytes envelope,
                                const kv_snapshot_file *file) {
  kv_envelope header;
  raft_message message;
  kv_address *from = kv_address_book_find(&store->addresses, from_store);
  if (kv_envelope_decode(envelope, &header, &message) != KV_OK || message.type != RAFT_MSG_SNAP) {
    discard(store, file);
    return;
  }
  if (from != NULL) {
    from->heard_tick = store->ticks;
  }
  kv_peer *peer = kv_region_map_peer(&store->regions, header.region_id);
  const char *why = NULL;
  if (peer != NULL && header.to_store == store->config.store_id &&
      header.from_store == from_store && header.to_peer == peer->peer_id) {
    kv_peer_learn(peer, header.from_peer, header.from_store);
    why = kv_peer_snapshot_receive(peer, &message, file);
  } else {
    discard(store, file);
    why = "no such peer";
  }
  if (why != NULL) {
    kv_store_refuse_snapshot(store, &header);
  }
  raft_message_release(&message);
}
