/* peer_append.c - what Raft wants in the log, and its answers once it is there.
 *
 * A hard state in which only the commit index moved is not worth a write: it is told by the
 * engine's applied index, or learnt again from the leader. It goes along with the next write.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "raftstore/peer.h"

void kv_peer_add_write(kv_peer *peer, const kv_log_change *change, kv_log_purpose purpose,
                       const raft_message *message) {
  kv_log_part part = {peer->region_id, peer->life, purpose, {0}};
  if (message != NULL) {
    part.message = *message;
  }
  if (purpose != KV_LOG_NOTHING) {
    peer->appends_in_flight++;
  }
  kv_log_writer_add(peer->store, change, part);
}

void kv_peer_deliver(kv_peer *peer, const raft_message *message) {
  for (size_t i = 0; i < message->response_count; i++) {
    const raft_message *response = &message->responses[i];
    if (response->to == peer->peer_id) {
      kv_peer_step(peer, response);
    } else {
      kv_peer_send(peer, response);
    }
  }
}

void kv_peer_note_state(kv_peer *peer, const raft_message *message) {
  if (message->term != 0 || message->vote != 0 || message->commit != 0) {
    peer->state = (raft_hard_state){message->term, message->vote, message->commit};
  }
}

raft_hard_state kv_peer_state_to_save(kv_peer *peer) {
  bool same = peer->state.term == peer->saved.term && peer->state.vote == peer->saved.vote &&
              peer->state.commit == peer->saved.commit;
  peer->saved = peer->state;
  return same ? (raft_hard_state){0} : peer->state;
}

void kv_peer_append(kv_peer *peer, const raft_message *message) {
  if (kv_peer_snapshot_append(peer, message)) {
    return;
  }
  kv_log_change change = {.region_id = peer->region_id,
                          .entries = message->entries,
                          .entry_count = message->entry_count};
  kv_peer_note_state(peer, message);
  bool promised = peer->state.term != peer->saved.term || peer->state.vote != peer->saved.vote;
  if (promised || message->entry_count > 0) {
    change.hard_state = kv_peer_state_to_save(peer);
    kv_peer_add_write(peer, &change, KV_LOG_APPEND, message);
  } else if (peer->appends_in_flight > 0) {
    kv_peer_add_write(peer, NULL, KV_LOG_APPEND, message);
  } else {
    kv_peer_deliver(peer, message);
  }
}

void kv_peer_log_written(kv_peer *peer, kv_log_purpose purpose, const raft_message *message) {
  if (purpose == KV_LOG_NOTHING) {
    return;
  }
  peer->appends_in_flight--;
  if (purpose == KV_LOG_BEFORE_INSTALL) {
    kv_peer_snapshot_state_saved(peer);
  } else {
    kv_peer_deliver(peer, message);
  }
  if (purpose == KV_LOG_INSTALLED) {
    kv_peer_snapshot_finish(peer);
  }
  kv_store_mark(peer->store, peer);
}
