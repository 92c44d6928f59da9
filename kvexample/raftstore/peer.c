/* peer.c - this store's member of one region's Raft group.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "raftstore/peer.h"
#include "raftstore/split.h"

#include <libraft/describe.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_DRAIN = 64 }; /* Readies in one turn; the rest has its turn in the next one */

/* ---- opening and closing ---- */

/* Elections are told by leader_changed; their steps are for those who look for a fault. */
static void log_event(void *ctx, const raft_event *event) {
  const kv_peer *peer = ctx;
  static const kv_level levels[] = {KV_DEBUG, KV_DEBUG, KV_WARN, KV_ERROR, KV_ERROR};
  kv_level level = levels[event->level];
  if (level >= peer->store->devices.logger.level) {
    char text[256];
    (void)raft_describe_event(event, text, sizeof text);
    kv_log(&peer->store->devices.logger, level, text, "region=%llu peer=%llu term=%llu",
           (unsigned long long)peer->region_id, (unsigned long long)peer->peer_id,
           (unsigned long long)event->term);
  }
}

/* Equal seeds on different stores must not give equal timeouts. */
static uint64_t seed_of(const kv_store *store, uint64_t region_id) {
  uint64_t mixed = store->config.seed ^ store->config.store_id * UINT64_C(0x9e3779b97f4a7c15) ^
                   region_id * UINT64_C(0xc2b2ae3d27d4eb4f);
  mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
  return mixed ^ mixed >> 31;
}

static int open_node(kv_peer *peer) {
  const kv_store_config *config = &peer->store->config;
  raft_config raft;
  raft_config_init(&raft);
  raft.id = peer->peer_id;
  raft.storage = &peer->storage.interface;
  raft.applied = peer->applied;
  raft.seed = seed_of(peer->store, peer->region_id);
  raft.log = log_event;
  raft.log_ctx = peer;
  raft.election_ticks = config->election_ticks;
  raft.heartbeat_ticks = config->heartbeat_ticks;
  raft.max_uncommitted_size = config->max_inflight_bytes;
  raft.max_inflight_bytes = config->max_inflight_bytes > raft.max_size_per_message
                                ? config->max_inflight_bytes
                                : raft.max_size_per_message;
  raft.max_committed_size_per_ready = UINT64_C(8) << 20;
  raft.snapshot_timeout_ticks = 0; /* each ends and is reported, however long it takes */
  raft.async_storage_writes = true;
  raft.disable_proposal_forwarding = true;
  raft.step_down_on_removal = true;
  raft.skip_commit_broadcast = true; /* nobody waits for followers to apply, except in splits */
  int rc = raft_rawnode_open(&raft, &peer->node);
  return rc == RAFT_OK ? KV_OK : rc == RAFT_ENOMEM ? KV_ENOMEM : KV_ECORRUPT;
}

static int fill(kv_peer *peer, const kv_region_state *state, const kv_apply_state *applied,
                const raft_hard_state *promised) {
  peer->applied = applied->applied_index;
  peer->applied_term = applied->applied_term;
  peer->size = (struct kv_peer_size){.now = applied->size, .weight = 100};
  int rc = kv_region_copy(&peer->region, &state->region);
  if (rc == KV_OK) {
    peer->region.id = peer->region_id;
    rc = kv_peer_storage_open(peer, applied, promised);
  }
  if (rc == KV_OK) {
    peer->state = peer->saved = peer->storage.hard_state;
    rc = open_node(peer);
  }
  if (rc == KV_OK && kv_region_initialised(&peer->region)) {
    peer->has_range = kv_region_map_add_range(&peer->store->regions, peer);
    rc = peer->has_range ? KV_OK : KV_ENOMEM;
  }
  return rc;
}

int kv_peer_open(kv_store *store, const kv_region_state *state, const kv_apply_state *applied) {
  const raft_hard_state nothing = {0};
  return kv_peer_open_promised(store, state, applied, &nothing);
}

int kv_peer_open_promised(kv_store *store, const kv_region_state *state,
                          const kv_apply_state *applied, const raft_hard_state *promised) {
  kv_region_slot *slot = kv_region_map_add(&store->regions, state->region.id);
  kv_peer *peer = slot != NULL ? calloc(1, sizeof *peer) : NULL;
  if (peer == NULL) {
    return KV_ENOMEM;
  }
  peer->store = store;
  peer->region_id = state->region.id;
  peer->peer_id = state->peer_id;
  peer->life = ++store->last_life;
  peer->heard_tick = peer->led_tick = peer->sleep.busy_tick = store->ticks;
  kv_list_init(&peer->writes);
  kv_list_init(&peer->reads);
  kv_list_init(&peer->waiting);
  kv_list_init(&peer->forwarded);
  kv_list_init(&peer->admin);
  kv_read_rounds_init(&peer->rounds);
  slot->peer = peer;
  store->peer_count++;
  kv_list_append(&store->awake, &peer->awake);
  int rc = fill(peer, state, applied, promised);
  if (rc != KV_OK) {
    kv_peer_close(peer);
    return rc;
  }
  kv_store_mark(store, peer);
  return KV_OK;
}

void kv_peer_close(kv_peer *peer) {
  kv_store *store = peer->store;
  kv_region_slot *slot = kv_region_map_find(&store->regions, peer->region_id);
  slot->peer = NULL;
  store->peer_count--;
  store->leader_count -= kv_peer_is_leader(peer);
  kv_region_map_remove_range(&store->regions, peer);
  kv_list_remove(&peer->dirty);
  kv_sleep_close(peer);
  kv_list_remove(&peer->starved);
  kv_split_abandon(peer);
  kv_list_remove(&peer->report);
  kv_forward_peer_gone(peer);
  raft_rawnode_close(peer->node);
  kv_peer_snapshot_close(peer);
  kv_peer_apply_free(peer);
  kv_read_rounds_free(&peer->rounds);
  kv_proposal_free(&peer->proposals);
  kv_peer_storage_close(&peer->storage);
  kv_region_clear(&peer->region);
  free(peer->known);
  free(peer);
}

static void refuse_all(kv_store *store, kv_list *list) {
  kv_list taken;
  kv_link *link;
  kv_list_init(&taken);
  kv_list_move(&taken, list);
  while ((link = kv_list_pop(&taken)) != NULL) {
    kv_route_gone(store, KV_OBJECT_OF(link, kv_request, link));
  }
}

static void refuse_rounds(kv_peer *peer) {
  kv_list list;
  kv_list_init(&list);
  for (kv_link *link = kv_list_first(&peer->rounds.rounds); link != NULL;
       link = kv_list_next(&peer->rounds.rounds, link)) {
    kv_read_round *round = KV_OBJECT_OF(link, kv_read_round, link);
    kv_batch_dissolve(round->batch, &list, KV_STAGE_WAITING);
    round->batch = NULL;
  }
  kv_read_rounds_free(&peer->rounds); /* what is on the way for them finds nobody */
  peer->rounds.asked = 0;
  refuse_all(peer->store, &list);
}

void kv_peer_leave(kv_peer *peer) {
  kv_store *store = peer->store;
  kv_proposal proposal;
  while (kv_proposal_pop(&peer->proposals, &proposal)) {
    kv_answer_batch_unknown(store, proposal.batch, "this store's replica was removed");
  }
  refuse_rounds(peer);
  refuse_all(store, &peer->writes);
  refuse_all(store, &peer->reads);
  refuse_all(store, &peer->waiting);
  refuse_all(store, &peer->admin);
}

void kv_peer_destroy(kv_peer *peer) {
  kv_store *store = peer->store;
  kv_log_change change = {.region_id = peer->region_id, .destroy = true};
  kv_log_part part = {peer->region_id, peer->life, KV_LOG_NOTHING, {0}};
  uint64_t region_id = peer->region_id, peer_id = peer->peer_id;
  kv_region region = {0};
  kv_log(&store->devices.logger, KV_INFO, "peer removed from this store", "region=%llu peer=%llu",
         (unsigned long long)region_id, (unsigned long long)peer_id);
  kv_peer_leave(peer);
  kv_region_slot *slot = kv_region_map_find(&store->regions, region_id);
  slot->buried_peer = peer_id;
  kv_region_map_remove_range(&store->regions, peer); /* while it has its range still */
  kv_region_move(&region, &peer->region);
  kv_peer_close(peer);
  kv_log_writer_add(store, &change, part);
  if (kv_region_initialised(&region)) {
    kv_peer_clear_data(store, &region);
  }
  kv_region_move(&slot->buried, &region);
}

/* ---- who is who ---- */

bool kv_peer_is_leader(const kv_peer *peer) {
  return peer->role == RAFT_LEADER && peer->farewell_tick == 0;
}

uint64_t kv_peer_store_of(const kv_peer *peer, uint64_t peer_id) {
  const kv_region_peer *found = kv_region_find_peer(&peer->region, peer_id);
  if (found != NULL) {
    return found->store_id;
  }
  for (size_t i = 0; i < peer->known_count; i++) {
    if (peer->known[i].peer_id == peer_id) {
      return peer->known[i].store_id;
    }
  }
  return 0;
}

uint64_t kv_peer_leader_store(const kv_peer *peer) {
  return peer->leader != 0 ? kv_peer_store_of(peer, peer->leader) : 0;
}

void kv_peer_learn(kv_peer *peer, uint64_t peer_id, uint64_t store_id) {
  if (kv_peer_store_of(peer, peer_id) != 0) {
    return;
  }
  if (peer->known == NULL) {
    peer->known = malloc(KV_KNOWN_PEERS * sizeof *peer->known);
  }
  if (peer->known == NULL) {
    return; /* it will say more */
  }
  if (peer->known_count == KV_KNOWN_PEERS) {
    memmove(peer->known, peer->known + 1, (KV_KNOWN_PEERS - 1) * sizeof *peer->known);
    peer->known_count--;
  }
  peer->known[peer->known_count++] = (kv_known_peer){peer_id, store_id};
}

void kv_peer_set_region(kv_peer *peer, kv_region *region) {
  kv_store *store = peer->store;
  const bool other_range = peer->region.epoch.version != region->epoch.version;
  kv_sleep_wake(peer);
  if (peer->has_range) {
    kv_region_map_remove_range(&store->regions, peer);
  }
  kv_region_move(&peer->region, region);
  peer->has_range = kv_region_map_add_range(&store->regions, peer);
  if (!peer->has_range) {
    kv_store_fail(store, KV_ENOMEM, "no memory for the region map");
  }
  kv_scheduler_report_region(peer);
  if (other_range) {
    kv_route_range_changed(peer);
  }
}

bool kv_peer_check(kv_peer *peer, int rc, const char *what) {
  if (raft_is_fatal(rc)) {
    kv_log(&peer->store->devices.logger, KV_ERROR, what, "region=%llu peer=%llu error=\"%s\"",
           (unsigned long long)peer->region_id, (unsigned long long)peer->peer_id,
           raft_error_string(rc));
    kv_store_fail(peer->store, KV_ECORRUPT, raft_error_string(rc));
  }
  return rc == RAFT_OK;
}

/* ---- messages ---- */

void kv_peer_address(const kv_peer *peer, uint64_t to_peer, kv_envelope *envelope) {
  *envelope = (kv_envelope){.region_id = peer->region_id,
                            .from_peer = peer->peer_id,
                            .from_store = peer->store->config.store_id,
                            .to_peer = to_peer,
                            .to_store = kv_peer_store_of(peer, to_peer),
                            .epoch = peer->region.epoch};
  memcpy(envelope->from_address, peer->store->config.address,
         strlen(peer->store->config.address) + 1);
}

/* Heartbeats and their answers share a frame with those of other regions. */
static void send_beat(const kv_peer *peer, const raft_message *message) {
  const bool asks = message->type == RAFT_MSG_HEARTBEAT;
  const kv_beat beat = {.kind = asks ? KV_BEAT_HEARTBEAT : KV_BEAT_ANSWER,
                        .region_id = peer->region_id,
                        .from_peer = message->from,
                        .to_peer = message->to,
                        .epoch = peer->region.epoch,
                        .term = message->term,
                        .index = message->commit,
                        .context = {message->context.data, message->context.len}};
  kv_beat_send(peer->store, kv_peer_store_of(peer, message->to), &beat);
}

void kv_peer_send(kv_peer *peer, const raft_message *message) {
  kv_store *store = peer->store;
  const bool beats =
      message->type == RAFT_MSG_HEARTBEAT || message->type == RAFT_MSG_HEARTBEAT_RESP;
  if (beats && !kv_message_is_initial(message)) {
    send_beat(peer, message);
    return;
  }
  kv_envelope envelope;
  raft_buf *frame = NULL;
  kv_peer_address(peer, message->to, &envelope);
  if (kv_message_is_initial(message) && kv_region_initialised(&peer->region)) {
    envelope.has_range = true; /* its receiver may have to know whether there is room for it */
    envelope.start = peer->region.start;
    envelope.end = peer->region.end;
  }
  const char *address = kv_store_address_of(store, envelope.to_store);
  if (address == NULL || kv_envelope_encode(&envelope, message, &frame) != KV_OK) {
    return; /* a lost message */
  }
  raft_bytes part = {raft_buf_data(frame), raft_buf_len(frame), frame};
  (void)store->devices.transport.send(store->devices.transport.ctx, envelope.to_store, address,
                                      KV_FRAME_RAFT, &part, 1);
  raft_buf_release(frame);
}

void kv_peer_step(kv_peer *peer, const raft_message *message) {
  kv_sleep_heard(peer, message);
  int rc = raft_rawnode_step(peer->node, message);
  if (rc == RAFT_ELOG_LOST) { /* a wiped store, or an old copy: its votes count for nothing */
    kv_store_fail(peer->store, KV_ECORRUPT,
                  "the leader has committed entries that this store's log lost; remove this store "
                  "and add it again, empty, under a new id");
  }
  (void)kv_peer_check(peer, rc, "stepping a raft message failed");
  kv_store_mark(peer->store, peer);
}

/* ---- work ---- */

static void route_message(kv_peer *peer, const raft_message *message) {
  if (message->to == RAFT_APPEND_THREAD) {
    kv_peer_append(peer, message);
  } else if (message->to == RAFT_APPLY_THREAD) {
    kv_peer_apply(peer, message);
  } else if (message->type == RAFT_MSG_SNAP) {
    kv_peer_snapshot_send(peer, message);
  } else {
    kv_peer_send(peer, message);
  }
}

static void drain(kv_peer *peer) {
  for (int i = 0; i < MAX_DRAIN && raft_rawnode_has_ready(peer->node); i++) {
    const raft_ready *ready = NULL;
    if (!kv_peer_check(peer, raft_rawnode_ready(peer->node, &ready), "taking a Ready failed")) {
      break;
    }
    for (size_t j = 0; j < ready->message_count; j++) {
      route_message(peer, &ready->messages[j]);
    }
    for (size_t j = 0; j < ready->read_state_count; j++) {
      kv_read_rounds_state(peer, &ready->read_states[j]);
    }
  }
}

static void route_list_again(kv_peer *peer, kv_list *list) {
  kv_list taken;
  kv_link *link;
  kv_list_init(&taken);
  kv_list_move(&taken, list);
  while ((link = kv_list_pop(&taken)) != NULL) {
    kv_route_again(peer, KV_OBJECT_OF(link, kv_request, link));
  }
}

/* Where its key belongs may have changed since. */
static void forget_region(kv_request *request) {
  if (request->from_store == 0 &&
      (request->kind == KV_REQUEST_WRITE || request->kind == KV_REQUEST_READ)) {
    request->region_id = 0;
  }
}

/* Back to the router, before what has arrived since: somebody may lead now. */
void kv_peer_wake(kv_peer *peer) {
  kv_link *link;
  kv_list younger;
  kv_list_init(&younger);
  kv_list_move(&younger, &peer->store->arrived);
  while ((link = kv_list_pop(&peer->waiting)) != NULL) {
    kv_request *request = KV_OBJECT_OF(link, kv_request, link);
    request->stage = KV_STAGE_ARRIVED;
    forget_region(request);
    kv_list_append(&peer->store->arrived, link);
  }
  kv_list_move(&peer->store->arrived, &younger);
}

static void sort_list_again(kv_peer *peer, kv_list *list) {
  kv_link *link = kv_list_first(list);
  while (link != NULL) {
    kv_request *request = KV_OBJECT_OF(link, kv_request, link);
    link = kv_list_next(list, link);
    forget_region(request);
    if (request->region_id == 0) {
      request->stage = KV_STAGE_ARRIVED;
      kv_list_remove(&request->link);
      kv_list_append(&peer->store->arrived, &request->link);
    }
  }
}

void kv_peer_sort_again(kv_peer *peer) {
  sort_list_again(peer, &peer->writes);
  sort_list_again(peer, &peer->reads);
}

static void leader_changed(kv_peer *peer, bool was_leader) {
  kv_store *store = peer->store;
  peer->leader_tick = store->ticks;
  kv_log(&store->devices.logger, KV_INFO, "leader changed",
         "region=%llu term=%llu leader_peer=%llu leader_store=%llu",
         (unsigned long long)peer->region_id, (unsigned long long)peer->term,
         (unsigned long long)peer->leader, (unsigned long long)kv_peer_leader_store(peer));
  if (was_leader) {
    peer->stalled = false;
    route_list_again(peer, &peer->writes);
    route_list_again(peer, &peer->reads);
    kv_read_rounds_abandon(peer);
  }
  kv_membership_leader_changed(peer);
  kv_scheduler_report_region(peer);
  if (peer->leader != 0) {
    kv_forward_leader_changed(peer);
    kv_peer_wake(peer);
  }
}

static void note_status(kv_peer *peer) {
  raft_basic_status status;
  raft_rawnode_basic_status(peer->node, &status);
  bool was_leader = kv_peer_is_leader(peer);
  bool changed = peer->leader != status.soft_state.lead || peer->role != status.soft_state.role ||
                 (was_leader && peer->term != status.hard_state.term);
  peer->leader = status.soft_state.lead;
  peer->role = status.soft_state.role;
  peer->term = status.hard_state.term;
  peer->store->leader_count += (size_t)kv_peer_is_leader(peer) - (size_t)was_leader;
  if (changed) {
    leader_changed(peer, was_leader);
  }
}

/* Is there anything for a flush that only time moves? */
static bool waits_for_time(const kv_peer *peer) {
  return kv_peer_is_leader(peer) || raft_rawnode_has_ready(peer->node) ||
         !kv_list_is_empty(&peer->waiting) || !kv_list_is_empty(&peer->rounds.rounds) ||
         !kv_peer_apply_is_idle(peer) || peer->snapshot.stage != KV_INSTALL_NONE ||
         peer->condemned || peer->removed || peer->farewell_tick != 0;
}

void kv_peer_tick(kv_peer *peer) {
  if (kv_sleep_tick(peer)) {
    return;
  }
  kv_stale_tick(peer);
  (void)kv_peer_check(peer, raft_rawnode_tick(peer->node), "a tick failed");
  kv_peer_snapshot_tick(peer);
  if (waits_for_time(peer)) {
    peer->ticked = true;
    kv_store_mark(peer->store, peer);
  }
}

/* Reads wait for what is applied: a leader whose disk is full serves nobody, a successor may. */
static void step_aside_if_full(kv_peer *peer) {
  const kv_store *store = peer->store;
  uint64_t since = store->ticks - peer->leader_tick,
           patience = 2 * (uint64_t)store->config.election_ticks;
  if (kv_store_disk_is_full(store) && since > 0 && since % patience == 0) {
    (void)kv_membership_resign(peer);
  }
}

/* What a tick starts waits until flush, where everything may be answered. */
static void periodic(kv_peer *peer) {
  if (peer->farewell_tick != 0) {
    peer->removed = peer->store->ticks >= peer->farewell_tick;
    return;
  }
  if (kv_peer_is_leader(peer)) {
    kv_membership_tick(peer);
    kv_split_tick(peer);
    kv_log_gc_tick(peer);
    step_aside_if_full(peer);
  }
  kv_peer_wake(peer);
}

void kv_peer_flush(kv_peer *peer) {
  kv_store *store = peer->store;
  note_status(peer); /* periodic work must not take an ended leadership for its own */
  if (peer->ticked) {
    peer->ticked = false;
    periodic(peer);
  }
  note_status(peer);
  kv_peer_propose(peer);
  kv_read_rounds_start(peer);
  drain(peer);
  note_status(peer);
  kv_peer_apply_submit(peer);
  kv_peer_snapshot_continue(peer);
  kv_read_rounds_run(peer);
  bool idle = kv_peer_apply_is_idle(peer);
  if (peer->condemned && !peer->burying && idle && peer->snapshot.stage == KV_INSTALL_NONE) {
    kv_peer_bury(peer);
  }
  if (peer->removed && idle) {
    kv_peer_destroy(peer);
    return;
  }
  if (raft_rawnode_has_ready(peer->node)) {
    kv_store_mark(store, peer);
  }
  kv_sleep_flushed(peer);
}
