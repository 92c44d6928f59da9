/* membership.c - administrative requests: leadership, members, log compaction.
 *
 * A request states what is wanted; each step compares that with the region as it is applied, and
 * proposes what is missing. So asking twice is harmless, and a request that changes leaders with
 * its leader just starts again there.
 *
 * One membership change is in flight at a time. A new member begins as a learner (role incoming),
 * which changes no quorum; whoever leads promotes it once it has caught up. No change is proposed
 * that would leave the region without a live majority.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "raftstore/membership.h"

#include <string.h>

#include "raftstore/admin.h"
#include "raftstore/scheduler_client.h"
#include "raftstore/split.h"

enum { CHECK_TICKS = 2 };

/* ---- the kinds of request: each returns true if the request was answered ---- */

static bool refuse(kv_peer *peer, kv_request *request, const char *text) {
  kv_answer_error(peer->store, request, "%s", text);
  return true;
}

static bool ok(kv_peer *peer, kv_request *request) {
  kv_answer_ok(peer->store, request);
  return true;
}

static bool step_transfer(kv_peer *peer, kv_request *request, const kv_admin *admin) {
  const kv_region_peer *member = kv_region_find_store(&peer->region, admin->store_id);
  if (member == NULL) {
    return refuse(peer, request, "ERR that store has no replica of the region");
  }
  if (kv_peer_is_learner(member)) {
    return refuse(peer, request, "ERR that store's replica is a learner, it cannot lead");
  }
  if (member->id == peer->peer_id) {
    return ok(peer, request);
  }
  raft_basic_status status;
  raft_rawnode_basic_status(peer->node, &status);
  if (status.lead_transferee == member->id) {
    return false;
  }
  if (request->tried) {
    return refuse(peer, request,
                  "TRYAGAIN that store did not take over within an election timeout");
  }
  const char *why = kv_member_why_not_lead(peer, member->id);
  if (why != NULL) {
    return refuse(peer, request, why);
  }
  if (kv_member_change_in_flight(peer)) {
    return false; /* once more when it is applied */
  }
  request->tried = true;
  kv_member_hand_over(peer, member->id);
  return false;
}

/* An id comes; the request waits for it. */
static void take_id(void *ctx, kv_store *store, uint64_t region_id, int rc, const char *why,
                    uint64_t id) {
  kv_peer *peer = kv_region_map_peer(&store->regions, region_id);
  (void)ctx;
  if (peer != NULL) {
    peer->asks_id = false;
    peer->spare_id = rc == KV_OK ? id : peer->spare_id;
    kv_store_mark(store, peer);
  }
  if (rc != KV_OK) {
    kv_log(&store->devices.logger, KV_WARN, "no id for a new replica", "region=%llu reason=\"%s\"",
           (unsigned long long)region_id, why);
  }
}

/* Of a new peer, larger than every one before; 0: the scheduler has been asked. */
static uint64_t next_peer_id(kv_peer *peer) {
  if (!kv_scheduler_exists(peer->store)) {
    return peer->region.max_peer_id + 1;
  }
  if (peer->spare_id > peer->region.max_peer_id) {
    return peer->spare_id;
  }
  if (!peer->asks_id) {
    peer->asks_id = kv_scheduler_ask_id(peer, take_id, NULL) == KV_OK;
  }
  return 0;
}

static bool add_learner(kv_peer *peer, kv_request *request, const kv_admin *admin) {
  const uint64_t id = next_peer_id(peer);
  kv_change_peer change = {.peer_id = id, .store_id = admin->store_id, .role = KV_PEER_INCOMING};
  memcpy(change.address, admin->address, sizeof change.address);
  if (peer->region.peer_count >= KV_MAX_PEERS) {
    return refuse(peer, request, "ERR the region has too many replicas");
  }
  if (id != 0 && !kv_member_change_in_flight(peer) && kv_member_propose(peer, &change, 1)) {
    request->tried = true;
  }
  return false;
}

static bool step_add(kv_peer *peer, kv_request *request, const kv_admin *admin) {
  const kv_region_peer *member = kv_region_find_store(&peer->region, admin->store_id);
  if (member == NULL) {
    return add_learner(peer, request, admin);
  }
  return kv_peer_is_learner(member) ? false : ok(peer, request);
}

static bool remove_leader(kv_peer *peer, kv_request *request) {
  uint64_t successor = kv_member_successor(peer);
  raft_basic_status status;
  raft_rawnode_basic_status(peer->node, &status);
  if (successor == 0) {
    return !kv_member_is_new_leader(peer) &&
           refuse(peer, request, "ERR the leader cannot be removed, no other live voter can lead");
  }
  if (status.lead_transferee == 0) {
    kv_member_hand_over(peer, successor);
  }
  return false;
}

static bool step_remove(kv_peer *peer, kv_request *request, const kv_admin *admin) {
  const kv_region_peer *member = kv_region_find_store(&peer->region, admin->store_id);
  if (member == NULL) {
    return request->tried ? ok(peer, request)
                          : refuse(peer, request, "ERR that store has no replica of the region");
  }
  if (member->id == peer->peer_id) {
    return remove_leader(peer, request);
  }
  kv_change_peer change = {.peer_id = member->id, .store_id = member->store_id, .remove = true};
  if (!kv_member_stays_available(peer, &change, 1)) {
    return !kv_member_is_new_leader(peer) &&
           refuse(peer, request,
                  "ERR removing it would leave the region without a live majority of voters");
  }
  if (!kv_member_change_in_flight(peer) && kv_member_propose(peer, &change, 1)) {
    request->tried = true;
  }
  return false;
}

static bool step_compact(kv_peer *peer, kv_request *request, const kv_admin *admin) {
  uint64_t index = admin->index != 0 && admin->index < peer->applied ? admin->index : peer->applied;
  kv_batch *batch = kv_batch_create(1);
  int rc = batch != NULL ? kv_log_gc_propose(peer, index, batch) : KV_ENOMEM;
  if (rc == KV_OK) {
    kv_batch_add(batch, request, KV_STAGE_PROPOSED);
    kv_store_mark(peer->store, peer);
    return true; /* by its entry */
  }
  kv_batch_dissolve(batch, NULL, KV_STAGE_ADMIN);
  return rc == KV_ENOTFOUND ? refuse(peer, request, "ERR the log is cut behind that index already")
                            : false; /* once more with the next tick */
}

static bool step(kv_peer *peer, kv_request *request) {
  kv_admin admin;
  if (kv_admin_decode((raft_slice){request->body, request->len}, &admin) != KV_OK) {
    return refuse(peer, request, "ERR unknown administrative request");
  }
  switch (admin.kind) {
  case KV_ADMIN_TRANSFER: return step_transfer(peer, request, &admin);
  case KV_ADMIN_ADD_PEER: return step_add(peer, request, &admin);
  case KV_ADMIN_REMOVE_PEER: return step_remove(peer, request, &admin);
  case KV_ADMIN_COMPACT: return step_compact(peer, request, &admin);
  case KV_ADMIN_SPLIT: return kv_split_step(peer, request, &admin);
  }
  return refuse(peer, request, "ERR unknown administrative request");
}

/* ---- occasions ---- */

bool kv_membership_resign(kv_peer *peer) {
  const uint64_t successor = kv_peer_is_leader(peer) ? kv_member_successor(peer) : 0;
  if (successor != 0) {
    kv_member_hand_over(peer, successor);
  }
  return successor != 0;
}

void kv_membership_start(kv_peer *peer, kv_request *request) {
  request->stage = KV_STAGE_ADMIN;
  kv_list_append(&peer->admin, &request->link);
  (void)step(peer, request);
}

void kv_membership_continue(kv_peer *peer) {
  kv_link *link = kv_list_first(&peer->admin);
  while (link != NULL && kv_peer_is_leader(peer)) {
    kv_request *request = KV_OBJECT_OF(link, kv_request, link);
    link = kv_list_next(&peer->admin, link);
    (void)step(peer, request);
  }
}

/* The transfer that was asked for may be what happened. */
static bool is_done_by_change(const kv_peer *peer, const kv_request *request) {
  kv_admin admin;
  return kv_admin_decode((raft_slice){request->body, request->len}, &admin) == KV_OK &&
         admin.kind == KV_ADMIN_TRANSFER && peer->leader != 0 &&
         kv_peer_leader_store(peer) == admin.store_id;
}

void kv_membership_leader_changed(kv_peer *peer) {
  kv_link *link = kv_list_first(&peer->admin);
  peer->conf_index = peer->compact_index = peer->split_index = 0;
  kv_split_abandon(peer);
  while (link != NULL) {
    kv_request *request = KV_OBJECT_OF(link, kv_request, link);
    link = kv_list_next(&peer->admin, link);
    if (is_done_by_change(peer, request)) {
      kv_answer_ok(peer->store, request);
    } else if (peer->leader != 0) {
      kv_list_remove(&request->link);
      kv_route_again(peer, request);
    }
  }
}

static void promote_who_caught_up(kv_peer *peer) {
  for (size_t i = 0; i < peer->region.peer_count; i++) {
    const kv_region_peer *member = &peer->region.peers[i];
    if (member->role == KV_PEER_INCOMING && !kv_member_change_in_flight(peer) &&
        kv_member_has_caught_up(peer, member->id) && kv_member_promote(peer, member)) {
      return;
    }
  }
}

void kv_membership_tick(kv_peer *peer) {
  kv_membership_continue(peer);
  if (peer->store->ticks % CHECK_TICKS == 0) {
    promote_who_caught_up(peer);
  }
}
