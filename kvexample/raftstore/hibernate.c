/* hibernate.c - groups in which nothing happens fall asleep.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "raftstore/hibernate.h"

#include "raftstore/core.h"
#include "raftstore/peer.h"

/* Questions in one tick, however many peers fell asleep together. */
enum { QUESTIONS = 16 };

static uint64_t ticks_of(const kv_store *store, uint32_t milliseconds) {
  return (milliseconds + store->config.tick_ms - 1) / store->config.tick_ms;
}

static bool is_live(const kv_store *store, uint64_t store_id) {
  const kv_address *address = kv_address_book_find(&store->addresses, store_id);
  return store_id == store->config.store_id ||
         (address != NULL && address->heard_tick != 0 &&
          store->ticks - address->heard_tick <= store->config.election_ticks);
}

/* ---- at rest ---- */

static bool has_no_requests(const kv_peer *peer) {
  return kv_list_is_empty(&peer->writes) && kv_list_is_empty(&peer->reads) &&
         kv_list_is_empty(&peer->waiting) && kv_list_is_empty(&peer->admin) &&
         kv_list_is_empty(&peer->rounds.rounds) && peer->proposals.count == 0;
}

static bool has_no_work(const kv_peer *peer) {
  const kv_peer_snapshot *snapshot = &peer->snapshot;
  return peer->appends_in_flight == 0 && kv_peer_apply_is_idle(peer) &&
         snapshot->stage == KV_INSTALL_NONE && !snapshot->making && !snapshot->have &&
         snapshot->sending == 0 && !snapshot->received && !peer->condemned && !peer->removed &&
         peer->farewell_tick == 0 && !peer->burying && peer->split == NULL &&
         !raft_rawnode_has_ready(peer->node);
}

/* Nobody is on the way to another part in the group. */
static bool has_settled(const kv_peer *peer) {
  const kv_region *region = &peer->region;
  bool settled = region->peer_count > 0 && peer->conf_index <= peer->applied;
  for (size_t i = 0; i < region->peer_count && settled; i++) {
    const kv_region_peer *member = &region->peers[i];
    settled = (member->role == KV_PEER_VOTER || member->role == KV_PEER_LEARNER) &&
              (member->store_id == peer->store->config.store_id ||
               kv_store_address_of(peer->store, member->store_id) != NULL);
  }
  return settled && kv_region_find_peer(region, peer->peer_id) != NULL;
}

/* All that this peer has is committed in this term and applied, and there is nothing else. */
static bool is_at_rest(const kv_peer *peer) {
  raft_basic_status status;
  raft_rawnode_basic_status(peer->node, &status);
  return status.last_term == status.hard_state.term &&
         status.hard_state.commit == status.last_index && peer->applied == status.last_index &&
         status.applied == status.last_index && status.lead_transferee == 0 &&
         status.pending_reads == 0 && has_no_requests(peer) && has_no_work(peer) &&
         has_settled(peer);
}

/* ... and so has everybody else, and they are all there. */
static bool is_group_at_rest(const kv_peer *peer, uint64_t last_index) {
  raft_progress_status progress;
  size_t count = 0;
  for (; raft_rawnode_progress(peer->node, count, &progress) == RAFT_OK; count++) {
    const kv_region_peer *member = kv_region_find_peer(&peer->region, progress.id);
    bool other = progress.id != peer->peer_id;
    if (member == NULL || progress.match != last_index ||
        (other && (progress.state != RAFT_PROGRESS_REPLICATE || !progress.recent_active ||
                   progress.inflight > 0 || !is_live(peer->store, member->store_id)))) {
      return false;
    }
  }
  return count == peer->region.peer_count;
}

/* ---- falling asleep ---- */

/* Stores with which a sleeping region is shared are listened to. */
static void count_sleeper(kv_peer *peer, bool asleep) {
  for (size_t i = 0; i < peer->region.peer_count; i++) {
    const kv_region_peer *member = &peer->region.peers[i];
    kv_address *address = kv_address_book_find(&peer->store->addresses, member->store_id);
    if (member->id != peer->peer_id && address != NULL) {
      address->sleepers += asleep ? 1 : (size_t)-1;
    }
  }
}

static void fall_asleep(kv_peer *peer) {
  kv_store *store = peer->store;
  peer->sleep.asleep = true;
  peer->sleep.asking = false;
  peer->sleep.asked_tick = store->ticks;
  kv_list_remove(&peer->awake);
  kv_list_append(&store->asleep, &peer->awake);
  store->asleep_count++;
  count_sleeper(peer, true);
}

static void say(const kv_peer *peer, uint64_t to_peer, kv_beat_kind kind) {
  const kv_beat beat = {.kind = kind,
                        .region_id = peer->region_id,
                        .from_peer = peer->peer_id,
                        .to_peer = to_peer,
                        .epoch = peer->region.epoch,
                        .term = peer->term,
                        .index = peer->applied};
  kv_beat_send(peer->store, kv_peer_store_of(peer, to_peer), &beat);
}

static uint64_t everybody(const kv_peer *peer) {
  return peer->region.peer_count < 64 ? (UINT64_C(1) << peer->region.peer_count) - 1 : UINT64_MAX;
}

static void note_agreement(kv_peer *peer, uint64_t from_peer) {
  for (size_t i = 0; i < peer->region.peer_count; i++) {
    if (peer->region.peers[i].id == from_peer) {
      peer->sleep.agreed |= UINT64_C(1) << i;
    }
  }
  if (peer->sleep.agreed == everybody(peer)) {
    fall_asleep(peer);
  }
}

static void ask_to_sleep(kv_peer *peer) {
  kv_sleep *sleep = &peer->sleep;
  sleep->asking = true;
  sleep->asked_tick = peer->store->ticks;
  sleep->term = peer->term;
  sleep->index = peer->applied;
  sleep->agreed = 0;
  for (size_t i = 0; i < peer->region.peer_count; i++) {
    if (peer->region.peers[i].id != peer->peer_id) {
      say(peer, peer->region.peers[i].id, KV_BEAT_SLEEP);
    }
  }
  note_agreement(peer, peer->peer_id);
}

/* Has nothing happened for long enough? */
static bool is_tired(kv_peer *peer) {
  const kv_store *store = peer->store;
  const uint64_t quiet = ticks_of(store, store->config.hibernate_ms);
  raft_basic_status status;
  if (quiet == 0 || !kv_peer_is_leader(peer)) {
    return false;
  }
  raft_rawnode_basic_status(peer->node, &status);
  if (status.last_index != peer->sleep.busy_index ||
      status.soft_state.role != RAFT_LEADER) { /* written to */
    peer->sleep.busy_index = status.last_index;
    peer->sleep.busy_tick = store->ticks;
  }
  if (store->ticks - peer->sleep.busy_tick < quiet) {
    return false;
  }
  bool tired = is_at_rest(peer) && is_group_at_rest(peer, status.last_index);
  if (!tired) { /* not to be looked at in each tick */
    uint64_t pause = quiet < store->config.election_ticks ? quiet : store->config.election_ticks;
    peer->sleep.busy_tick = store->ticks - quiet + pause;
  }
  return tired;
}

bool kv_sleep_tick(kv_peer *peer) {
  kv_sleep *sleep = &peer->sleep;
  const kv_store *store = peer->store;
  if (sleep->asking && store->ticks - sleep->asked_tick < store->config.heartbeat_ticks) {
    return true;
  }
  if (sleep->asking) { /* somebody did not answer: go on as before */
    kv_sleep_wake(peer);
  } else if (is_tired(peer)) {
    ask_to_sleep(peer);
  }
  return sleep->asking || sleep->asleep;
}

/* ---- waking up ---- */

static void stand_up(kv_peer *peer) {
  kv_store *store = peer->store;
  peer->sleep.asleep = false;
  kv_list_remove(&peer->awake);
  kv_list_append(&store->awake, &peer->awake);
  store->asleep_count--;
  count_sleeper(peer, false);
  peer->heard_tick = store->ticks;
  kv_store_mark(store, peer);
}

/* Heartbeats wake whoever sleeps. */
static void ping(kv_peer *peer) {
  (void)kv_peer_check(peer, raft_rawnode_ping(peer->node), "heartbeats failed");
  kv_store_mark(peer->store, peer);
}

void kv_sleep_wake(kv_peer *peer) {
  bool was_asking = peer->sleep.asking, was_asleep = peer->sleep.asleep;
  peer->sleep.busy_tick = peer->store->ticks;
  peer->sleep.asking = false;
  if (was_asleep) {
    stand_up(peer);
  }
  if ((was_asking || was_asleep) && kv_peer_is_leader(peer)) {
    ping(peer);
  } else if (was_asleep && peer->leader != 0) {
    say(peer, peer->leader, KV_BEAT_WAKE);
  }
}

/* What its leader says wakes a follower without a word to the leader. Late answers to heartbeats
 * wake no leader. */
void kv_sleep_heard(kv_peer *peer, const raft_message *message) {
  if (!peer->sleep.asleep && !peer->sleep.asking) {
    return;
  }
  if (message->type == RAFT_MSG_HEARTBEAT_RESP && message->term == peer->term) {
    return;
  }
  if (peer->sleep.asleep && message->from == peer->leader) {
    stand_up(peer);
  } else {
    kv_sleep_wake(peer);
  }
}

void kv_sleep_flushed(kv_peer *peer) {
  if (peer->sleep.asleep && !is_at_rest(peer)) {
    kv_sleep_wake(peer);
  }
}

void kv_sleep_close(kv_peer *peer) {
  if (peer->sleep.asleep) {
    peer->store->asleep_count--;
    count_sleeper(peer, false);
  }
  kv_list_remove(&peer->awake);
}

/* ---- what others say ---- */

static bool agrees(const kv_peer *peer, const kv_beat *beat) {
  return peer->store->config.hibernate_ms > 0 && peer->role == RAFT_FOLLOWER &&
         peer->leader == beat->from_peer && peer->term == beat->term &&
         peer->applied == beat->index && kv_epoch_equal(peer->region.epoch, beat->epoch) &&
         is_at_rest(peer);
}

static void asked_to_sleep(kv_peer *peer, const kv_beat *beat) {
  if (agrees(peer, beat)) {
    if (!peer->sleep.asleep) {
      fall_asleep(peer);
    }
    say(peer, beat->from_peer, KV_BEAT_ASLEEP);
  }
}

void kv_sleep_receive(kv_peer *peer, const kv_beat *beat) {
  const kv_sleep *sleep = &peer->sleep;
  switch (beat->kind) {
  case KV_BEAT_SLEEP: asked_to_sleep(peer, beat); break;
  case KV_BEAT_ASLEEP:
    if (sleep->asking && beat->term == sleep->term && beat->index == sleep->index &&
        kv_epoch_equal(peer->region.epoch, beat->epoch) && is_at_rest(peer)) {
      note_agreement(peer, beat->from_peer);
    }
    break;
  case KV_BEAT_WAKE:
    if (sleep->asking || sleep->asleep) {
      kv_sleep_wake(peer);
    }
    break;
  case KV_BEAT_HEARTBEAT:
  case KV_BEAT_ANSWER: break; /* Raft's */
  }
}

/* ---- stores ---- */

static bool has_live_majority(const kv_peer *peer) {
  size_t voters = 0, live = 0;
  for (size_t i = 0; i < peer->region.peer_count; i++) {
    const kv_region_peer *member = &peer->region.peers[i];
    if (!kv_peer_is_learner(member)) {
      voters++;
      live += is_live(peer->store, member->store_id);
    }
  }
  return live > voters / 2;
}

/* As if the election timer had run while its leader's store was silent, but for the last tick. */
static void catch_up(kv_peer *peer) {
  const kv_store *store = peer->store;
  for (uint32_t i = 1; i < store->config.election_ticks; i++) {
    (void)kv_peer_check(peer, raft_rawnode_tick(peer->node), "a tick failed");
  }
}

static void wake_after_silence(kv_peer *peer, uint64_t store_id) {
  if (kv_peer_is_leader(peer) && !has_live_majority(peer)) {
    kv_sleep_wake(peer);
  } else if (!kv_peer_is_leader(peer) && kv_peer_leader_store(peer) == store_id) {
    stand_up(peer);
    catch_up(peer);
  }
}

typedef enum news { SILENT, RESTARTED } news;

/* Once for each store that dies or comes back, and so worth a look at all that sleep. */
static void wake_sleepers(kv_store *store, uint64_t store_id, news what) {
  kv_link *link = kv_list_first(&store->asleep);
  while (link != NULL) {
    kv_peer *peer = KV_OBJECT_OF(link, kv_peer, awake);
    link = kv_list_next(&store->asleep, link);
    if (kv_region_find_store(&peer->region, store_id) == NULL) {
      continue;
    }
    if (what == SILENT) {
      wake_after_silence(peer, store_id);
    } else {
      kv_sleep_wake(peer);
    }
  }
}

void kv_sleep_store_heard(kv_store *store, kv_address *from, const kv_beat_header *header) {
  const uint64_t before = from->incarnation, store_id = from->store_id;
  if (header->awaits) {
    from->awaited_tick = store->ticks;
  }
  if (header->incarnation > before) {
    from->incarnation = header->incarnation;
    if (before != 0) {
      wake_sleepers(store, store_id, RESTARTED);
    }
  }
}

static void listen(kv_store *store, kv_address *address) {
  const uint64_t timeout = store->config.election_ticks;
  bool awaited = address->awaited_tick != 0 && store->ticks - address->awaited_tick <= timeout;
  if (address->sleepers > 0 || awaited) {
    kv_beat_due(store, address);
  }
  bool silent = store->ticks - address->heard_tick > timeout;
  if (silent && !address->silent && address->sleepers > 0) {
    wake_sleepers(store, address->store_id, SILENT);
  }
  address->silent = silent;
}

static void ask_by_turns(kv_store *store) {
  for (int i = 0; i < QUESTIONS; i++) {
    kv_link *link = kv_list_first(&store->asleep);
    kv_peer *peer = link != NULL ? KV_OBJECT_OF(link, kv_peer, awake) : NULL;
    if (peer == NULL || store->ticks - peer->sleep.asked_tick < KV_QUESTION_TICKS) {
      break;
    }
    peer->sleep.asked_tick = store->ticks;
    kv_list_remove(link);
    kv_list_append(&store->asleep, link);
    kv_stale_ask(peer);
  }
}

void kv_sleep_store_tick(kv_store *store) {
  ask_by_turns(store);
  if (store->ticks % store->config.heartbeat_ticks != 0) {
    return;
  }
  for (size_t i = 0; i < store->addresses.count; i++) {
    if (store->addresses.items[i].store_id != store->config.store_id) {
      listen(store, &store->addresses.items[i]);
    }
  }
}
