/* stale_peer.c - a peer that was removed, and whom nobody told: how does it find out?
 *
 * A voter that hears nothing asks for votes, and who knows better tells it (receive.c). Others, and
 * those that sleep, ask on purpose; only a no is answered. When all that it knows are gone too,
 * nobody is left to answer: a peer without a leader for long asks the scheduler, and so does one
 * that sleeps. The answer counts if it is of a later membership than the peer's own; who has no
 * data yet was a member in that of whoever wrote to it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "raftstore/hibernate.h"
#include "raftstore/peer.h"
#include "raftstore/scheduler_report.h"

/* 0: of none that it knows. */
static uint64_t membership_of(const kv_peer *peer) {
  return kv_region_initialised(&peer->region) ? peer->region.epoch.conf_ver : peer->heard_conf_ver;
}

static void ask(const kv_peer *peer, uint64_t other) {
  kv_store *store = peer->store;
  kv_envelope envelope;
  raft_buf *frame = NULL;
  kv_peer_address(peer, other, &envelope);
  envelope.question = true;
  envelope.epoch.conf_ver = membership_of(peer);
  const char *address = kv_store_address_of(store, envelope.to_store);
  if (other != peer->peer_id && address != NULL &&
      kv_envelope_encode(&envelope, NULL, &frame) == KV_OK) {
    raft_bytes part = {raft_buf_data(frame), raft_buf_len(frame), frame};
    (void)store->devices.transport.send(store->devices.transport.ctx, envelope.to_store, address,
                                        KV_FRAME_RAFT, &part, 1);
  }
  raft_buf_release(frame);
}

static void ask_members(const kv_peer *peer) {
  for (size_t i = 0; i < peer->region.peer_count; i++) {
    ask(peer, peer->region.peers[i].id);
  }
  for (size_t i = 0; i < peer->known_count; i++) {
    ask(peer, peer->known[i].peer_id);
  }
}

static void ask_scheduler(const kv_peer *peer) {
  if (kv_scheduler_exists(peer->store)) {
    kv_scheduler_send_member_question(peer);
  }
}

void kv_stale_ask(const kv_peer *peer) {
  ask_members(peer);
  ask_scheduler(peer);
}

static bool is_voter(const kv_peer *peer) {
  const kv_region_peer *own = kv_region_find_peer(&peer->region, peer->peer_id);
  return own != NULL && !kv_peer_is_learner(own);
}

void kv_stale_tick(kv_peer *peer) {
  const kv_store *store = peer->store;
  const uint64_t silence = store->ticks - peer->heard_tick, timeout = store->config.election_ticks;
  /* Only a voter notices by itself that its leader is gone. */
  const bool deserted = !is_voter(peer) && silence >= 3 * timeout;
  if (deserted && silence % timeout == 0) {
    ask_members(peer);
  }
  if (peer->leader != 0 && !deserted) {
    peer->led_tick = store->ticks;
  } else if (store->ticks - peer->led_tick >= KV_QUESTION_TICKS &&
             (store->ticks + peer->region_id) % KV_QUESTION_TICKS == 0) { /* not all at once */
    ask_scheduler(peer);
  }
}

void kv_stale_told(kv_peer *peer, const kv_region *region) {
  const uint64_t own = membership_of(peer);
  if (own != 0 && kv_region_initialised(region) && region->epoch.conf_ver > own &&
      kv_region_find_peer(region, peer->peer_id) == NULL) {
    kv_peer_condemn(peer);
  }
}
