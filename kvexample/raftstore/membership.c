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
#include <libraft/wire.h>
#include <string.h>

#include "raftstore/admin.h"
#include "raftstore/entry.h"
#include "raftstore/peer.h"

/* A learner has caught up when it lacks no more entries than this. */
enum { CAUGHT_UP = 64, CHECK_TICKS = 2 };

/* ---- what the leader knows ---- */

static bool is_live(const kv_peer *peer, const kv_region_peer *member) {
  const kv_store *store = peer->store;
  if (member->id == peer->peer_id) {
    return true;
  }
  const kv_address *address = kv_address_book_find(&store->addresses, member->store_id);
  return address != NULL && address->heard_tick != 0 &&
         store->ticks - address->heard_tick <= store->config.election_ticks;
}

static bool progress_of(const kv_peer *peer, uint64_t peer_id, raft_progress_status *progress) {
  for (size_t i = 0; raft_rawnode_progress(peer->node, i, progress) == RAFT_OK; i++) {
    if (progress->id == peer_id) {
      return true;
    }
  }
  return false;
}

static bool has_caught_up(const kv_peer *peer, uint64_t peer_id) {
  raft_progress_status progress;
  raft_basic_status status;
  raft_rawnode_basic_status(peer->node, &status);
  return progress_of(peer, peer_id, &progress) && progress.state == RAFT_PROGRESS_REPLICATE &&
         progress.match + CAUGHT_UP >= status.last_index;
}

/* Would a majority of the voters be alive after the change? */
static bool stays_available(const kv_peer *peer, uint64_t added, uint64_t removed) {
  size_t voters = 0, live = 0;
  for (size_t i = 0; i < peer->region.peer_count; i++) {
    const kv_region_peer *member = &peer->region.peers[i];
    bool votes = member->id == added || !kv_peer_is_learner(member);
    if (votes && member->id != removed) {
      voters++;
      live += is_live(peer, member);
    }
  }
  return live > voters / 2;
}

/* A new leader has not heard of everybody yet: followers do not talk to each other. */
static bool is_new_leader(const kv_peer *peer) {
  return peer->store->ticks - peer->leader_tick <= peer->store->config.election_ticks;
}

/* Who takes over when this leader is to leave: the live voter that has most of the log. */
static uint64_t best_successor(const kv_peer *peer) {
  uint64_t best = 0, best_match = 0;
  for (size_t i = 0; i < peer->region.peer_count; i++) {
    const kv_region_peer *member = &peer->region.peers[i];
    raft_progress_status progress;
    if (member->id == peer->peer_id || kv_peer_is_learner(member) || !is_live(peer, member) ||
        !progress_of(peer, member->id, &progress)) {
      continue;
    }
    if (best == 0 || progress.match > best_match) {
      best = member->id;
      best_match = progress.match;
    }
  }
  return best;
}

/* ---- proposing ---- */

static bool change_is_in_flight(const kv_peer *peer) {
  return peer->conf_index > peer->applied || peer->applied_term != peer->term;
}

static bool propose_change(kv_peer *peer, const kv_change_peer *wanted,
                           raft_conf_change_type type) {
  kv_change_peer change = *wanted;
  raft_buf *context = NULL;
  change.epoch = peer->region.epoch;
  if (kv_change_peer_encode(&change, &context) != KV_OK) {
    return false;
  }
  raft_conf_change raft_change = {
      .type = type,
      .node_id = change.peer_id,
      .context = {raft_buf_data(context), raft_buf_len(context), context}};
  int rc = raft_rawnode_propose_conf_change(peer->node, &raft_change);
  raft_buf_release(context);
  if (!kv_peer_check(peer, rc, "proposing a membership change failed")) {
    return false;
  }
  raft_basic_status status;
  raft_rawnode_basic_status(peer->node, &status);
  peer->conf_index = status.last_index;
  kv_store_mark(peer->store, peer);
  return true;
}

static bool promote(kv_peer *peer, const kv_region_peer *member) {
  kv_change_peer change = {
      .peer_id = member->id, .store_id = member->store_id, .role = KV_PEER_VOTER};
  memcpy(change.address, member->address, strlen(member->address) + 1);
  return propose_change(peer, &change, RAFT_CONF_ADD_NODE);
}

static void hand_over(kv_peer *peer, uint64_t to_peer) {
  int rc = raft_rawnode_transfer_leader(peer->node, to_peer);
  (void)kv_peer_check(peer, rc, "handing over leadership failed");
  kv_store_mark(peer->store, peer);
}

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
  request->tried = true;
  hand_over(peer, member->id);
  return false;
}

static bool add_learner(kv_peer *peer, kv_request *request, const kv_admin *admin) {
  kv_change_peer change = {.peer_id = peer->region.max_peer_id + 1,
                           .store_id = admin->store_id,
                           .role = KV_PEER_INCOMING};
  memcpy(change.address, admin->address, sizeof change.address);
  if (peer->region.peer_count >= KV_MAX_PEERS) {
    return refuse(peer, request, "ERR the region has too many replicas");
  }
  if (!change_is_in_flight(peer) && propose_change(peer, &change, RAFT_CONF_ADD_LEARNER)) {
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
  uint64_t successor = best_successor(peer);
  raft_basic_status status;
  raft_rawnode_basic_status(peer->node, &status);
  if (successor == 0) {
    return !is_new_leader(peer) &&
           refuse(peer, request, "ERR the leader cannot be removed, no other live voter can lead");
  }
  if (status.lead_transferee == 0) {
    hand_over(peer, successor);
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
  if (!stays_available(peer, 0, member->id)) {
    return !is_new_leader(peer) &&
           refuse(peer, request,
                  "ERR removing it would leave the region without a live majority of voters");
  }
  kv_change_peer change = {.peer_id = member->id, .store_id = member->store_id, .remove = true};
  if (!change_is_in_flight(peer) && propose_change(peer, &change, RAFT_CONF_REMOVE_NODE)) {
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
  }
  return refuse(peer, request, "ERR unknown administrative request");
}

/* ---- occasions ---- */

bool kv_membership_resign(kv_peer *peer) {
  const uint64_t successor = kv_peer_is_leader(peer) ? best_successor(peer) : 0;
  if (successor != 0) {
    hand_over(peer, successor);
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
  peer->conf_index = peer->compact_index = 0;
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
    if (member->role == KV_PEER_INCOMING && !change_is_in_flight(peer) &&
        has_caught_up(peer, member->id) && stays_available(peer, member->id, 0) &&
        promote(peer, member)) {
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
