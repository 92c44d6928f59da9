/* route.c - where a request goes: into this store's raft log, to the leader's store, or waiting.
 *
 * A client's command goes by its keys. The region that has them, and its epoch, are noted in the
 * request: where it is executed they are compared with what holds there. Whatever is not executed
 * comes back here and is routed anew, until it is answered or its time is up.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "raftstore/address_book.h"
#include "raftstore/core.h"
#include "raftstore/opened_command.h"
#include "raftstore/peer.h"
#include "raftstore/place.h"
#include "raftstore/spread.h"

static bool is_told(const kv_request *request) {
  return request->from_store != 0 || request->refused != NULL;
}

/* ---- waiting ---- */

static void wait_for_leader(kv_peer *peer, kv_request *request) {
  request->stage = KV_STAGE_WAITING;
  kv_list_append(&peer->waiting, &request->link);
  kv_sleep_wake(peer);
}

static void arrive(kv_store *store, kv_request *request) {
  request->stage = KV_STAGE_ARRIVED;
  kv_list_append(&store->arrived, &request->link);
}

/* At once, but no more than once a tick: two stores of different opinions must not play ball. */
static void try_again(kv_store *store, kv_request *request) {
  if (request->retry_tick == store->ticks + 1) {
    kv_park(store, request);
  } else {
    request->retry_tick = store->ticks + 1;
    arrive(store, request);
  }
}

/* ---- here ---- */

static void gather(kv_peer *peer, kv_request *request) {
  request->stage = KV_STAGE_GATHERED;
  kv_list_append(request->kind == KV_REQUEST_WRITE ? &peer->writes : &peer->reads, &request->link);
  kv_sleep_wake(peer);
  kv_store_mark(peer->store, peer);
}

static void refuse_for_good(kv_store *store, kv_request *request, const kv_region_error *error) {
  if (is_told(request)) {
    kv_refuse(store, request, error);
  } else {
    kv_answer_refusal(store, request, error);
  }
}

static bool engine_is_busy(const kv_store *store) {
  const kv_engine_device *engine = &store->devices.engine;
  return engine->is_busy != NULL && engine->is_busy(engine->ctx);
}

/* Why a write is refused before it is proposed; false: it is not. A huge entry would hold up
 * everything behind it (P25). */
static bool refuse_write(kv_store *store, kv_request *request) {
  static const char slow[] = "the disk is slower than what is written";
  kv_region_error error = {.region_id = request->region_id, .backoff_ms = store->config.tick_ms};
  if (kv_store_disk_is_full(store)) {
    error.kind = KV_DISK_FULL;
    error.actual = store->config.store_id;
  } else if (engine_is_busy(store)) {
    store->summary.busy++;
    error.kind = KV_SERVER_IS_BUSY;
    error.reason = (raft_slice){slow, sizeof slow - 1};
  } else if (request->len > store->config.max_entry_bytes) {
    error.kind = KV_ENTRY_TOO_LARGE;
    error.size = request->len;
    error.limit = store->config.max_entry_bytes;
  } else {
    return false;
  }
  refuse_for_good(store, request, &error);
  return true;
}

static void to_leader_here(kv_peer *peer, kv_request *request) {
  if (request->kind == KV_REQUEST_ADMIN) {
    kv_sleep_wake(peer);
    kv_membership_start(peer, request);
  } else if (request->kind != KV_REQUEST_WRITE || !refuse_write(peer->store, request)) {
    request->epoch = peer->region.epoch;
    gather(peer, request);
  }
}

/* Of another store, or of a raw client: they know which region they mean. */
static void serve(kv_store *store, kv_request *request) {
  kv_refusal refusal;
  kv_peer *peer = kv_admit(store, request, &refusal);
  if (peer != NULL) {
    to_leader_here(peer, request);
  } else {
    kv_refuse(store, request, &refusal.error);
  }
}

/* ---- elsewhere ---- */

/* A leader that cannot be reached is asked again when it was heard of, or has a successor. */
bool kv_route_is_lost(const kv_store *store, uint64_t store_id) {
  const kv_address *address = kv_address_book_find(&store->addresses, store_id);
  return address == NULL || (address->lost_tick != 0 &&
                             store->ticks - address->lost_tick < store->config.election_ticks);
}

static void to_leader_elsewhere(kv_peer *peer, kv_request *request) {
  kv_store *store = peer->store;
  uint64_t leader = kv_peer_leader_store(peer);
  bool sent = leader != 0 && leader != store->config.store_id && !kv_route_is_lost(store, leader) &&
              kv_forward(store, request, leader, peer->leader);
  if (!sent) {
    wait_for_leader(peer, request);
  }
}

static void to_cached(kv_store *store, kv_request *request, raft_slice key) {
  const kv_cached_region *cached = kv_region_cache_find(&store->cache, key);
  const kv_region_peer *target = cached != NULL ? kv_cached_region_target(cached) : NULL;
  if (target == NULL) {
    kv_look_up(store, request, key);
    return;
  }
  const uint64_t to_store = target->store_id;
  if (kv_address_book_find(&store->addresses, to_store) == NULL) {
    (void)kv_address_book_learn(&store->addresses, to_store, target->address);
  }
  if (to_store == store->config.store_id || kv_route_is_lost(store, to_store) ||
      !kv_forward(store, request, to_store, target->id)) {
    kv_region_cache_failed(&store->cache, key, to_store);
    kv_park(store, request);
  }
}

/* Writes of one client keep their order: none overtakes those that wait. */
static bool is_behind_others(const kv_peer *peer, const kv_request *request) {
  return request->kind == KV_REQUEST_WRITE && !kv_list_is_empty(&peer->waiting);
}

static void dispatch(kv_store *store, kv_request *request, const kv_place *place, raft_slice key) {
  kv_peer *peer = place->peer;
  request->region_id = place->region->id;
  request->epoch = place->region->epoch;
  if (peer == NULL) {
    to_cached(store, request, key);
  } else if (is_behind_others(peer, request)) {
    wait_for_leader(peer, request);
  } else if (kv_peer_is_leader(peer)) {
    to_leader_here(peer, request);
  } else {
    to_leader_elsewhere(peer, request);
  }
}

/* ---- a client's command ---- */

/* One region that has all keys needs no look at them. */
static bool is_whole(const kv_store *store, kv_place *place) {
  kv_peer *first = kv_region_map_first(&store->regions);
  if (first == NULL || store->cache.count > 0 || first->region.start.len > 0 ||
      first->region.end.len > 0) {
    return false;
  }
  *place = (kv_place){&first->region, first};
  return true;
}

static bool fits(const kv_request *request, const kv_command *command, const kv_region *region) {
  return kv_command_is_inside(command, region) &&
         (!kv_command_is_ranged(command) || request->part != NULL || region->end.len == 0);
}

static void route_opened(kv_store *store, kv_request *request, const kv_command *command) {
  const raft_slice key = kv_command_first_key(command);
  const kv_place place = kv_place_of(store, key);
  if (place.region == NULL) {
    kv_look_up(store, request, key);
  } else if (!fits(request, command, place.region)) {
    kv_spread(store, request, command);
  } else {
    kv_part_routed(request->part, place.region);
    dispatch(store, request, &place, key);
  }
}

static void route_by_key(kv_store *store, kv_request *request) {
  kv_opened_command opened;
  kv_place place;
  if (request->part == NULL && is_whole(store, &place)) {
    dispatch(store, request, &place, (raft_slice){"", 0});
    return;
  }
  int rc = kv_command_open((raft_slice){request->body, request->len}, &opened);
  if (rc == KV_ENOMEM) {
    kv_answer_error(store, request, "TRYAGAIN server is busy: out of memory");
  } else if (rc != KV_OK) {
    kv_answer_error(store, request, "ERR malformed command");
  } else {
    route_opened(store, request, &opened.command);
    kv_command_close(&opened);
  }
}

/* ---- what names its region ---- */

static void route_by_region(kv_store *store, kv_request *request) {
  kv_peer *peer = kv_region_map_peer(&store->regions, request->region_id);
  if (peer == NULL) {
    kv_answer_error(store, request, "TRYAGAIN this store has no replica of the region");
  } else if (request->kind == KV_REQUEST_CHECKSUM) {
    kv_read_checksum(peer, request);
  } else if (kv_peer_is_leader(peer)) {
    to_leader_here(peer, request);
  } else {
    to_leader_elsewhere(peer, request);
  }
}

void kv_route(kv_store *store, kv_request *request) {
  if (is_told(request)) {
    serve(store, request);
  } else if (request->kind == KV_REQUEST_WRITE || request->kind == KV_REQUEST_READ) {
    route_by_key(store, request);
  } else {
    route_by_region(store, request);
  }
}

/* ---- once more ---- */

/* What cannot be told now, because answers have to wait for a flush, is refused there. */
static bool is_told_now(kv_store *store, kv_request *request) {
  if (is_told(request) && !store->in_flush) {
    arrive(store, request);
    return false;
  }
  return is_told(request);
}

void kv_route_again(kv_peer *peer, kv_request *request) {
  if (!is_told(request)) {
    wait_for_leader(peer, request);
  } else if (is_told_now(peer->store, request)) {
    kv_refusal refusal;
    kv_refusal_not_leader(peer, &refusal);
    if (kv_peer_is_leader(peer)) { /* it was, and is again */
      refusal.error.kind = KV_STALE_COMMAND;
    }
    kv_refuse(peer->store, request, &refusal.error);
  }
}

/* Who is told is told by the router, once the map of regions has all that changed. */
void kv_route_moved(kv_peer *peer, kv_request *request) {
  if (is_told(request)) {
    arrive(peer->store, request);
  } else {
    try_again(peer->store, request);
  }
}

static void each_of_batch(kv_peer *peer, kv_batch *batch, void (*route)(kv_peer *, kv_request *)) {
  kv_list list;
  kv_link *link;
  kv_list_init(&list);
  kv_batch_dissolve(batch, &list, KV_STAGE_WAITING);
  while ((link = kv_list_pop(&list)) != NULL) {
    route(peer, KV_OBJECT_OF(link, kv_request, link));
  }
}

void kv_route_batch_again(kv_peer *peer, kv_batch *batch) {
  each_of_batch(peer, batch, kv_route_again);
}

void kv_route_batch_moved(kv_peer *peer, kv_batch *batch) {
  each_of_batch(peer, batch, kv_route_moved);
}

/* In their order, before what has arrived since. */
void kv_route_range_changed(kv_peer *peer) {
  kv_list *lists[] = {&peer->waiting, &peer->writes, &peer->reads};
  kv_list younger, taken;
  kv_link *link;
  kv_list_init(&younger);
  kv_list_init(&taken);
  kv_list_move(&younger, &peer->store->arrived);
  for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
    kv_list_move(&taken, lists[i]);
  }
  while ((link = kv_list_pop(&taken)) != NULL) {
    kv_route_moved(peer, KV_OBJECT_OF(link, kv_request, link));
  }
  kv_list_move(&peer->store->arrived, &younger);
}

void kv_route_answered(kv_peer *peer, kv_request *request, raft_slice reply) {
  if (kv_reply_is_moved(reply)) {
    request->batch->slots[request->slot] = NULL;
    request->batch = NULL;
    kv_route_moved(peer, request);
  } else {
    kv_answer(peer->store, request, reply);
  }
}

/* ---- refused elsewhere ---- */

/* The replica here hears of a new leader by itself, sooner than by asking around. */
static void await_leader(kv_peer *peer, kv_request *request) {
  const uint64_t leader = kv_peer_leader_store(peer);
  if (leader != 0 && leader != request->to_store) {
    arrive(peer->store, request); /* it has heard meanwhile */
  } else {
    wait_for_leader(peer, request);
  }
}

static void follow_advice(kv_store *store, kv_request *request, const kv_region_error *error,
                          uint64_t from_store) {
  kv_opened_command opened;
  if (kv_command_open((raft_slice){request->body, request->len}, &opened) != KV_OK) {
    kv_answer_error(store, request, "TRYAGAIN server is busy: out of memory");
    return;
  }
  const raft_slice key = kv_command_first_key(&opened.command);
  kv_peer *here = kv_place_of(store, key).peer;
  if (here != NULL && (error->kind == KV_NOT_LEADER || error->kind == KV_STALE_COMMAND)) {
    kv_command_close(&opened);
    await_leader(here, request);
    return;
  }
  switch (kv_region_cache_refused(&store->cache, key, error, from_store)) {
  case KV_ADVICE_AT_ONCE: try_again(store, request); break;
  case KV_ADVICE_WAIT: kv_park(store, request); break;
  case KV_ADVICE_LOOK_UP: kv_look_up(store, request, key); break;
  case KV_ADVICE_GIVE_UP: kv_answer_refusal(store, request, error); break;
  }
  kv_command_close(&opened);
}

static bool is_final(kv_region_error_kind kind) {
  return kind == KV_SERVER_IS_BUSY || kind == KV_DISK_FULL || kind == KV_ENTRY_TOO_LARGE;
}

void kv_route_refused(kv_store *store, kv_request *request, const kv_region_error *error,
                      uint64_t from_store) {
  kv_peer *peer = kv_region_map_peer(&store->regions, request->region_id);
  if (is_final(error->kind)) {
    kv_answer_refusal(store, request, error);
  } else if (request->kind != KV_REQUEST_ADMIN) {
    follow_advice(store, request, error, from_store);
  } else if (peer != NULL) {
    await_leader(peer, request);
  } else {
    kv_answer_refusal(store, request, error);
  }
}

void kv_route_gone(kv_store *store, kv_request *request) {
  const kv_region_error error = {.kind = KV_REGION_NOT_FOUND, .region_id = request->region_id};
  if (request->kind == KV_REQUEST_ADMIN && request->tried) {
    kv_answer_unknown(store, request, "this store's replica was removed");
  } else if (is_told_now(store, request)) {
    kv_refuse(store, request, &error);
  } else if (is_told(request)) {
    return; /* with the next flush */
  } else if (request->kind == KV_REQUEST_WRITE || request->kind == KV_REQUEST_READ) {
    arrive(store, request);
  } else {
    kv_answer_refusal(store, request, &error);
  }
}
