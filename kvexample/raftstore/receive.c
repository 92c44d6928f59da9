/* receive.c - frames from other stores: which peer are they for, and is it still a member?
 *
 * A peer is created by what a leader or a candidate says first to a new member, and by nothing
 * else: a late message must not bring back one that was removed. One that was removed without
 * learning of it is told so when it asks for votes.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "raftstore/core.h"
#include "raftstore/peer.h"

static bool is_vote(const raft_message *message) {
  return message->type == RAFT_MSG_VOTE || message->type == RAFT_MSG_PRE_VOTE;
}

bool kv_message_is_initial(const raft_message *message) {
  return is_vote(message) || (message->type == RAFT_MSG_HEARTBEAT && message->commit == 0);
}

/* Proposals travel as commands, snapshots with their files, and storage threads not at all. */
static bool is_between_peers(const raft_message *message) {
  return message->type != RAFT_MSG_PROP && message->type != RAFT_MSG_SNAP &&
         message->from != RAFT_APPEND_THREAD && message->from != RAFT_APPLY_THREAD;
}

/* Without a message, back to where another one came from. */
static void send_back(kv_store *store, const kv_envelope *to, kv_epoch epoch, bool refused) {
  kv_envelope envelope = {.region_id = to->region_id,
                          .from_peer = to->to_peer,
                          .from_store = store->config.store_id,
                          .to_peer = to->from_peer,
                          .to_store = to->from_store,
                          .epoch = epoch,
                          .refused = refused};
  raft_buf *frame = NULL;
  if (kv_envelope_encode(&envelope, NULL, &frame) != KV_OK) {
    return;
  }
  raft_bytes part = {raft_buf_data(frame), raft_buf_len(frame), frame};
  (void)store->devices.transport.send(store->devices.transport.ctx, to->from_store,
                                      to->from_address, KV_FRAME_RAFT, &part, 1);
  raft_buf_release(frame);
}

static void send_tombstone(kv_store *store, const kv_envelope *to, kv_epoch epoch) {
  send_back(store, to, epoch, false);
}

void kv_store_refuse_snapshot(kv_store *store, const kv_envelope *to) {
  const kv_epoch unknown = {0};
  send_back(store, to, unknown, true);
}

static void receive_refusal(kv_store *store, const kv_envelope *envelope) {
  kv_peer *peer = kv_region_map_peer(&store->regions, envelope->region_id);
  if (peer != NULL && peer->peer_id == envelope->to_peer && kv_peer_is_leader(peer)) {
    kv_peer_snapshot_refused(peer, envelope->from_peer);
  }
}

/* Nobody creates or removes a peer of a region that a split at the engine is about to make. */
static bool is_held(const kv_store *store, uint64_t region_id) {
  const kv_region_slot *slot = kv_region_map_find(&store->regions, region_id);
  return slot != NULL && slot->held > 0;
}

void kv_peer_condemn(kv_peer *peer) {
  if (!is_held(peer->store, peer->region_id)) {
    peer->condemned = true;
    kv_store_mark(peer->store, peer);
  }
}

/* Another store says that our peer is no member. Believed only of exactly this peer and from a
 * later epoch. */
static void receive_tombstone(kv_store *store, const kv_envelope *envelope) {
  kv_peer *peer = kv_region_map_peer(&store->regions, envelope->region_id);
  if (peer != NULL && peer->peer_id == envelope->to_peer &&
      envelope->epoch.conf_ver > peer->region.epoch.conf_ver) {
    kv_peer_condemn(peer);
  }
}

/* The sender was a member once, and does not know that it is none any more. */
static bool is_from_the_past(const kv_region *region, const kv_envelope *envelope) {
  return kv_region_initialised(region) && envelope->epoch.conf_ver < region->epoch.conf_ver &&
         kv_region_find_peer(region, envelope->from_peer) == NULL;
}

/* As the peer here knows the region, or one that was removed knew it: the members may all have
 * changed since the sender knew them. NULL: nobody here was the one it means, or later. */
static const kv_region *region_known(const kv_store *store, const kv_envelope *envelope) {
  const kv_region_slot *slot = kv_region_map_find(&store->regions, envelope->region_id);
  if (slot != NULL && slot->peer != NULL && kv_region_initialised(&slot->peer->region)) {
    return &slot->peer->region;
  }
  return slot != NULL && slot->buried_peer >= envelope->to_peer ? &slot->buried : NULL;
}

/* A sender that belongs to the past is told so. False: it may be a member. */
static bool answer_the_past(kv_store *store, const kv_envelope *envelope) {
  const kv_region *region = region_known(store, envelope);
  if (region == NULL || !is_from_the_past(region, envelope)) {
    return false;
  }
  send_tombstone(store, envelope, region->epoch);
  return true;
}

/* A region of this store still has its keys: a split is not applied yet, or its own snapshot did
 * not come. A peer that is created now would need a snapshot, which that region would refuse. */
static bool has_no_room(const kv_store *store, const kv_envelope *envelope) {
  kv_region wanted = {.id = envelope->region_id, .start = envelope->start, .end = envelope->end};
  return envelope->has_range && kv_region_map_overlap(&store->regions, &wanted) != NULL;
}

/* A peer id is given once; after a removal only a larger one comes to this store, and not before
 * the log device has been told that the old log is gone. */
static bool may_create(kv_store *store, const kv_envelope *envelope, const raft_message *message) {
  const kv_region_slot *slot = kv_region_map_find(&store->regions, envelope->region_id);
  return kv_message_is_initial(message) && store->log.change_count == 0 &&
         (slot == NULL || slot->buried_peer < envelope->to_peer);
}

static kv_peer *create(kv_store *store, const kv_envelope *envelope) {
  kv_region_state state = {.region.id = envelope->region_id, .peer_id = envelope->to_peer};
  kv_apply_state applied = {0};
  if (kv_peer_open(store, &state, &applied) != KV_OK) {
    kv_log(&store->devices.logger, KV_ERROR, "a peer could not be created", "region=%llu",
           (unsigned long long)envelope->region_id);
    return NULL;
  }
  kv_log(&store->devices.logger, KV_INFO, "peer created by a message",
         "region=%llu peer=%llu from_store=%llu", (unsigned long long)envelope->region_id,
         (unsigned long long)envelope->to_peer, (unsigned long long)envelope->from_store);
  return kv_region_map_peer(&store->regions, envelope->region_id);
}

/* For a peer that is not here. */
static kv_peer *find_new_receiver(kv_store *store, const kv_envelope *envelope,
                                  const raft_message *message, raft_bytes frame) {
  if (!may_create(store, envelope, message)) {
    if (is_vote(message)) {
      (void)answer_the_past(store, envelope);
    }
    return NULL;
  }
  if (is_held(store, envelope->region_id) || has_no_room(store, envelope)) {
    if (is_vote(message)) {
      kv_pending_votes_keep(&store->pending_votes, envelope->region_id, envelope->from_store,
                            frame);
    }
    return NULL;
  }
  return create(store, envelope);
}

/* NULL: the message is not for anybody here. */
static kv_peer *find_receiver(kv_store *store, const kv_envelope *envelope,
                              const raft_message *message, raft_bytes frame) {
  kv_peer *peer = kv_region_map_peer(&store->regions, envelope->region_id);
  if (peer == NULL) {
    return find_new_receiver(store, envelope, message, frame);
  }
  if (envelope->to_peer > peer->peer_id && kv_message_is_initial(message)) {
    /* replaced while it was cut off; its successor is created later */
    kv_peer_condemn(peer);
  }
  if (envelope->to_peer != peer->peer_id || peer->condemned || peer->removed) {
    return NULL;
  }
  if (is_from_the_past(&peer->region, envelope)) {
    if (is_vote(message)) {
      send_tombstone(store, envelope, peer->region.epoch);
    }
    return NULL;
  }
  return peer;
}

static void deliver(kv_store *store, const kv_envelope *envelope, const raft_message *message,
                    raft_bytes frame) {
  kv_peer *peer = find_receiver(store, envelope, message, frame);
  if (peer != NULL) {
    kv_peer_learn(peer, envelope->from_peer, envelope->from_store);
    (void)kv_address_book_learn(&store->addresses, envelope->from_store, envelope->from_address);
    peer->heard_tick = store->ticks;
    if (envelope->epoch.conf_ver > peer->heard_conf_ver) {
      peer->heard_conf_ver = envelope->epoch.conf_ver;
    }
    kv_peer_step(peer, message);
  }
}

static void receive_raft(kv_store *store, uint64_t from_store, raft_bytes payload) {
  kv_envelope envelope;
  raft_message message;
  int rc = kv_envelope_decode(payload, &envelope, &message);
  if (rc != KV_OK) {
    kv_log(&store->devices.logger, KV_WARN, "malformed raft message dropped", "from_store=%llu",
           (unsigned long long)from_store);
    return;
  }
  bool ours = envelope.to_store == store->config.store_id && envelope.from_store == from_store;
  if (ours && envelope.tombstone) {
    receive_tombstone(store, &envelope);
  } else if (ours && envelope.question) {
    (void)answer_the_past(store, &envelope);
  } else if (ours && envelope.refused) {
    receive_refusal(store, &envelope);
  } else if (ours && is_between_peers(&message)) {
    deliver(store, &envelope, &message, payload);
  }
  raft_message_release(&message);
}

/* One that would create a peer travels in an envelope, with the range of its region. */
static void receive_heartbeat(kv_store *store, const kv_beat *beat, kv_envelope *envelope,
                              raft_buf *owner) {
  const bool asks = beat->kind == KV_BEAT_HEARTBEAT;
  const raft_message message = {.type = asks ? RAFT_MSG_HEARTBEAT : RAFT_MSG_HEARTBEAT_RESP,
                                .from = beat->from_peer,
                                .to = beat->to_peer,
                                .term = beat->term,
                                .commit = beat->index,
                                .context = {beat->context.data, beat->context.len, owner}};
  envelope->region_id = beat->region_id;
  envelope->from_peer = beat->from_peer;
  envelope->to_peer = beat->to_peer;
  envelope->epoch = beat->epoch;
  if (is_between_peers(&message) && !kv_message_is_initial(&message)) {
    deliver(store, envelope, &message, (raft_bytes){0});
  }
}

/* Of an earlier life of the sender: nobody there remembers that it sleeps, or asked others to. */
static void receive_word_of_sleep(kv_store *store, const kv_beat *beat, bool outdated) {
  kv_peer *peer = kv_region_map_peer(&store->regions, beat->region_id);
  if (!outdated && peer != NULL && peer->peer_id == beat->to_peer) {
    kv_sleep_receive(peer, beat);
  }
}

static void receive_beats(kv_store *store, uint64_t from_store, raft_bytes payload) {
  kv_beat_header header;
  kv_beat_reader reader;
  kv_beat beat;
  if (kv_beats_read((raft_slice){payload.data, payload.len}, &header, &reader) != KV_OK) {
    kv_log(&store->devices.logger, KV_WARN, "malformed heartbeats dropped", "from_store=%llu",
           (unsigned long long)from_store);
    return;
  }
  kv_address *from = kv_address_book_find(&store->addresses, from_store);
  if (header.to_store != store->config.store_id || header.from_store != from_store) {
    return;
  }
  const bool outdated = from != NULL && header.incarnation < from->incarnation;
  if (from != NULL) {
    kv_sleep_store_heard(store, from, &header);
  }
  kv_envelope envelope = {.from_store = from_store, .to_store = header.to_store};
  memcpy(envelope.from_address, header.from_address, sizeof envelope.from_address);
  while (kv_beats_next(&reader, &beat)) {
    if (beat.kind == KV_BEAT_HEARTBEAT || beat.kind == KV_BEAT_ANSWER) {
      receive_heartbeat(store, &beat, &envelope, payload.owner);
    } else {
      receive_word_of_sleep(store, &beat, outdated);
    }
  }
}

static void heard_of(kv_store *store, uint64_t from_store) {
  kv_address *address = kv_address_book_find(&store->addresses, from_store);
  if (address != NULL) {
    address->heard_tick = store->ticks;
    address->lost_tick = 0;
  }
}

void kv_store_receive(kv_store *store, uint64_t from_store, kv_frame_type type,
                      raft_bytes payload) {
  switch (type) {
  case KV_FRAME_RAFT: receive_raft(store, from_store, payload); break;
  case KV_FRAME_BEATS: receive_beats(store, from_store, payload); break;
  case KV_FRAME_FORWARD: kv_forward_receive(store, from_store, payload); break;
  case KV_FRAME_FORWARD_REPLY: kv_forward_receive_reply(store, from_store, payload); break;
  case KV_FRAME_HELLO:
  case KV_FRAME_SNAPSHOT_BEGIN:
  case KV_FRAME_SNAPSHOT_CHUNK:
  case KV_FRAME_SNAPSHOT_END:
  case KV_FRAME_SNAPSHOT_ACK:
  case KV_FRAME_SCHEDULER_REQUEST:
  case KV_FRAME_SCHEDULER_RESPONSE:
  case KV_FRAME_RAW_REQUEST:
  case KV_FRAME_RAW_RESPONSE: break; /* the shell's */
  }
  heard_of(store, from_store);
}

/* Appends that were sent ahead may be lost. A store that was lost already, and not heard of since,
 * has acknowledged nothing that could have been followed by more of them. */
void kv_store_unreachable(kv_store *store, uint64_t store_id) {
  kv_address *address = kv_address_book_find(&store->addresses, store_id);
  bool known = address == NULL || address->lost_tick != 0;
  if (address != NULL) {
    address->lost_tick = store->ticks > 0 ? store->ticks : 1;
  }
  for (kv_link *link = known ? NULL : kv_list_first(&store->awake); link != NULL;
       link = kv_list_next(&store->awake, link)) {
    kv_peer *peer = KV_OBJECT_OF(link, kv_peer, awake);
    const kv_region_peer *member = kv_region_find_store(&peer->region, store_id);
    if (member != NULL && kv_peer_is_leader(peer)) {
      (void)kv_peer_check(peer, raft_rawnode_report_unreachable(peer->node, member->id),
                          "reporting an unreachable store failed");
      kv_store_mark(store, peer);
    }
  }
  kv_forward_lost(store, store_id);
}

const char *kv_store_address_of(const kv_store *store, uint64_t store_id) {
  const kv_address *address = kv_address_book_find(&store->addresses, store_id);
  return address != NULL ? address->address : NULL;
}
