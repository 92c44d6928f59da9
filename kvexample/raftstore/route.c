/* route.c - where a request goes: into this store's raft log, to the leader's store, or waiting.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "raftstore/command.h"
#include "raftstore/core.h"
#include "raftstore/peer.h"

/* The first key decides; a command without one is the first region's. Commands that span regions
 * are refused at execution. */
static kv_peer *peer_of_command(kv_store *store, const kv_request *request) {
  enum { ROOM = 4 };
  raft_slice args[ROOM];
  size_t room = ROOM;
  kv_command command;
  raft_slice body = {request->body, request->len};
  kv_peer *first = kv_region_map_first(&store->regions);
  if (store->regions.range_count < 2 || kv_command_decode(&body, &command, args, &room) != KV_OK) {
    return first;
  }
  kv_key_range keys = kv_command_keys(&command);
  return keys.count == 0 ? first : kv_region_map_by_key(&store->regions, args[keys.first]);
}

static kv_peer *peer_of(kv_store *store, kv_request *request) {
  if (request->region_id != 0) {
    return kv_region_map_peer(&store->regions, request->region_id);
  }
  kv_peer *peer = peer_of_command(store, request);
  if (peer != NULL) {
    request->region_id = peer->region_id;
  }
  return peer;
}

static void wait_for_leader(kv_peer *peer, kv_request *request) {
  request->stage = KV_STAGE_WAITING;
  kv_list_append(&peer->waiting, &request->link);
  kv_sleep_wake(peer);
}

static void gather(kv_peer *peer, kv_request *request) {
  request->stage = KV_STAGE_GATHERED;
  kv_list_append(request->kind == KV_REQUEST_WRITE ? &peer->writes : &peer->reads, &request->link);
  kv_sleep_wake(peer);
  kv_store_mark(peer->store, peer);
}

/* Why a write is refused before it is proposed; false: it is not. */
static bool refuse_write(kv_store *store, kv_request *request) {
  const kv_engine_device *engine = &store->devices.engine;
  if (kv_store_disk_is_full(store)) {
    kv_answer_error(
        store, request,
        "TRYAGAIN the disk of store %llu is full: writes are refused until there is room",
        (unsigned long long)store->config.store_id);
    return true;
  }
  if (engine->is_busy != NULL && engine->is_busy(engine->ctx)) {
    store->summary.busy++;
    kv_answer_error(store, request,
                    "TRYAGAIN server is busy: the disk is slower than what is written");
    return true;
  }
  return false;
}

static void to_leader_here(kv_peer *peer, kv_request *request) {
  if (request->kind == KV_REQUEST_ADMIN) {
    kv_sleep_wake(peer);
    kv_membership_start(peer, request);
  } else if (request->kind != KV_REQUEST_WRITE || !refuse_write(peer->store, request)) {
    gather(peer, request);
  }
}

/* A leader that cannot be reached is asked again when it was heard of, or has a successor. */
static bool is_lost(const kv_store *store, uint64_t store_id) {
  const kv_address *address = kv_address_book_find(&store->addresses, store_id);
  return address == NULL || (address->lost_tick != 0 &&
                             store->ticks - address->lost_tick < store->config.election_ticks);
}

static void to_leader_elsewhere(kv_peer *peer, kv_request *request) {
  kv_store *store = peer->store;
  uint64_t leader = kv_peer_leader_store(peer);
  if (request->from_store != 0) {
    kv_forward_refuse(store, request, leader);
    kv_request_free(&store->requests, request);
    return;
  }
  bool sent = leader != 0 && leader != store->config.store_id && !is_lost(store, leader) &&
              kv_forward(store, request, leader);
  if (!sent) {
    wait_for_leader(peer, request);
  }
}

/* Writes of one client keep their order: none overtakes those that wait. */
static bool is_behind_others(const kv_peer *peer, const kv_request *request) {
  return request->kind == KV_REQUEST_WRITE && request->from_store == 0 &&
         !kv_list_is_empty(&peer->waiting);
}

void kv_route(kv_store *store, kv_request *request) {
  kv_peer *peer = peer_of(store, request);
  if (peer == NULL && request->from_store != 0) {
    kv_forward_refuse(store, request, 0);
    kv_request_free(&store->requests, request);
  } else if (peer == NULL) {
    kv_answer_error(store, request, "TRYAGAIN this store has no replica of the region");
  } else if (request->kind == KV_REQUEST_CHECKSUM) {
    kv_read_checksum(peer, request);
  } else if (is_behind_others(peer, request)) {
    wait_for_leader(peer, request);
  } else if (kv_peer_is_leader(peer)) {
    to_leader_here(peer, request);
  } else {
    to_leader_elsewhere(peer, request);
  }
}

void kv_route_again(kv_peer *peer, kv_request *request) {
  if (request->from_store != 0) {
    uint64_t leader = kv_peer_is_leader(peer) ? 0 : kv_peer_leader_store(peer);
    kv_forward_refuse(peer->store, request, leader);
    kv_request_free(&peer->store->requests, request);
  } else {
    wait_for_leader(peer, request);
  }
}

void kv_route_batch_again(kv_peer *peer, kv_batch *batch) {
  kv_list list;
  kv_link *link;
  kv_list_init(&list);
  kv_batch_dissolve(batch, &list, KV_STAGE_WAITING);
  while ((link = kv_list_pop(&list)) != NULL) {
    kv_route_again(peer, KV_OBJECT_OF(link, kv_request, link));
  }
}
