/* admit.c - may a request of another store, or of a raw client, be executed here?
 *
 * Both say by which descriptor of the region they go. It is compared with what is here now, in the
 * order in which an error helps most: is there such a region, is this its leader, is this the peer
 * that is meant, does the region have this range still. Commands of the key space go by the range,
 * so by the version alone (P17); what changes members is checked when it is applied.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "raftstore/core.h"
#include "raftstore/opened_command.h"
#include "raftstore/peer.h"
#include "raftstore/place.h"

void kv_refusal_not_leader(const kv_peer *peer, kv_refusal *refusal) {
  const uint64_t leader = kv_peer_is_leader(peer) ? 0 : peer->leader;
  const uint64_t store_id = leader != 0 ? kv_peer_store_of(peer, leader) : 0;
  const char *address = store_id != 0 ? kv_store_address_of(peer->store, store_id) : NULL;
  refusal->error = (kv_region_error){.kind = KV_NOT_LEADER,
                                     .region_id = peer->region_id,
                                     .leader_peer = store_id != 0 ? leader : 0,
                                     .leader_store = store_id};
  if (address != NULL) {
    refusal->error.leader_address = (raft_slice){address, strlen(address)};
  }
}

/* Each split gave one region to the right. They may have been split in turn: whoever asks for such
 * a part comes once more. */
void kv_refusal_epoch(const kv_peer *peer, uint64_t version, kv_refusal *refusal) {
  const uint64_t now = peer->region.epoch.version;
  const uint64_t children = now > version ? now - version : 0;
  kv_region_error *error = &refusal->error;
  *error = (kv_region_error){
      .kind = KV_EPOCH_NOT_MATCH, .region_id = peer->region_id, .regions = refusal->regions};
  while (peer != NULL && error->region_count < KV_MAX_ERROR_REGIONS) {
    const kv_region *region = &peer->region;
    refusal->regions[error->region_count++] = *region;
    const bool more = error->region_count <= children && region->end.len > 0;
    peer = more ? kv_region_map_by_key(&peer->store->regions, region->end) : NULL;
  }
}

static void plain(kv_refusal *refusal, kv_region_error_kind kind, uint64_t region_id) {
  refusal->error = (kv_region_error){.kind = kind, .region_id = region_id};
}

static bool is_of_the_key_space(const kv_request *request) {
  return request->kind == KV_REQUEST_WRITE || request->kind == KV_REQUEST_READ;
}

static bool has_its_keys(const kv_peer *peer, const kv_request *request, kv_refusal *refusal) {
  kv_opened_command opened;
  const kv_region *region = &peer->region;
  if (kv_command_open((raft_slice){request->body, request->len}, &opened) != KV_OK) {
    return true; /* whoever executes it says so */
  }
  const bool inside = kv_command_is_inside(&opened.command, region);
  refusal->error = (kv_region_error){.kind = KV_KEY_NOT_IN_REGION,
                                     .region_id = region->id,
                                     .key = kv_command_first_key(&opened.command),
                                     .start = region->start,
                                     .end = region->end};
  kv_command_close(&opened);
  return inside;
}

static bool fits_region(const kv_peer *peer, const kv_request *request, kv_refusal *refusal) {
  const kv_epoch none = {0, 0};
  if (request->to_peer != 0 && request->to_peer != peer->peer_id) {
    plain(refusal, KV_MISMATCH_PEER, peer->region_id);
    refusal->error.asked = request->to_peer;
    refusal->error.actual = peer->peer_id;
    return false;
  }
  if (!is_of_the_key_space(request)) {
    return true;
  }
  if (request->term != 0 && peer->term > request->term + 1) {
    plain(refusal, KV_STALE_COMMAND, peer->region_id);
    return false;
  }
  if (!kv_epoch_equal(request->epoch, none) &&
      request->epoch.version != peer->region.epoch.version) {
    kv_refusal_epoch(peer, request->epoch.version, refusal);
    return false;
  }
  return has_its_keys(peer, request, refusal);
}

/* Whoever asks for no region in particular asks which one it is. */
static void tell_place(kv_store *store, const kv_request *request, kv_refusal *refusal) {
  kv_opened_command opened;
  plain(refusal, KV_REGION_NOT_FOUND, 0);
  if (kv_command_open((raft_slice){request->body, request->len}, &opened) != KV_OK) {
    return;
  }
  const kv_region *region = kv_place_of(store, kv_command_first_key(&opened.command)).region;
  kv_command_close(&opened);
  if (region != NULL) {
    refusal->regions[0] = *region;
    refusal->error = (kv_region_error){.kind = KV_EPOCH_NOT_MATCH,
                                       .region_id = region->id,
                                       .regions = refusal->regions,
                                       .region_count = 1};
  } else {
    kv_look_up_for_another(store, request);
  }
}

kv_peer *kv_admit(kv_store *store, const kv_request *request, kv_refusal *refusal) {
  if (request->refused != NULL && request->to_store != 0 &&
      request->to_store != store->config.store_id) {
    plain(refusal, KV_STORE_NOT_MATCH, request->region_id);
    refusal->error.asked = request->to_store;
    refusal->error.actual = store->config.store_id;
    return NULL;
  }
  if (request->region_id == 0 && request->from_store != 0 && is_of_the_key_space(request)) {
    tell_place(store, request, refusal);
    return NULL;
  }
  kv_peer *peer = kv_region_map_peer(&store->regions, request->region_id);
  if (peer == NULL || peer->removed || peer->condemned) {
    plain(refusal, KV_REGION_NOT_FOUND, request->region_id);
    return NULL;
  }
  if (!kv_region_initialised(&peer->region)) {
    plain(refusal, KV_REGION_NOT_INITIALIZED, request->region_id);
    return NULL;
  }
  if (!kv_peer_is_leader(peer)) {
    kv_refusal_not_leader(peer, refusal);
    return NULL;
  }
  return fits_region(peer, request, refusal) ? peer : NULL;
}

void kv_refuse(kv_store *store, kv_request *request, const kv_region_error *error) {
  if (request->from_store != 0) {
    kv_forward_refuse(store, request, error);
  } else {
    request->refused(request->ctx, error);
  }
  kv_request_free(&store->requests, request);
}
