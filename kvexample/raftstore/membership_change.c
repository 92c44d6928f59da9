/* membership_change.c - what a leader knows of its members, how it proposes to change them, and
 * what the scheduler asks.
 *
 * No change is proposed that would leave the region without a healthy majority, or while another
 * is under way; the leader itself is never removed, it hands over before.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <libraft/wire.h>
#include <string.h>

#include "raftstore/membership.h"
#include "raftstore/region_change.h"
#include "raftstore/split.h"

/* A learner has caught up when it lacks no more entries than this. */
enum { CAUGHT_UP = 64 };

/* Nobody who lacks more entries takes over: the region would stand still meanwhile. */
enum { MAX_LAG_TO_LEAD = 128 };

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

/* One that was never heard of is silent since this peer leads: nobody knows of a time before. */
uint64_t kv_member_silence(const kv_peer *peer, const kv_region_peer *member) {
  const kv_store *store = peer->store;
  const kv_address *address = kv_address_book_find(&store->addresses, member->store_id);
  const uint64_t heard = address != NULL ? address->heard_tick : 0;
  const uint64_t silence = store->ticks - (heard > 0 ? heard : peer->leader_tick);
  return member->id == peer->peer_id || silence <= store->config.election_ticks ? 0 : silence;
}

static bool progress_of(const kv_peer *peer, uint64_t peer_id, raft_progress_status *progress) {
  for (size_t i = 0; raft_rawnode_progress(peer->node, i, progress) == RAFT_OK; i++) {
    if (progress->id == peer_id) {
      return true;
    }
  }
  return false;
}

bool kv_member_has_caught_up(const kv_peer *peer, uint64_t peer_id) {
  raft_progress_status progress;
  raft_basic_status status;
  raft_rawnode_basic_status(peer->node, &status);
  return progress_of(peer, peer_id, &progress) && progress.state == RAFT_PROGRESS_REPLICATE &&
         progress.match + CAUGHT_UP >= status.last_index;
}

bool kv_member_is_pending(const kv_peer *peer, const kv_region_peer *member) {
  raft_progress_status progress;
  raft_basic_status status;
  raft_rawnode_basic_status(peer->node, &status);
  return member->id != peer->peer_id &&
         (!progress_of(peer, member->id, &progress) || progress.state == RAFT_PROGRESS_SNAPSHOT ||
          progress.match + 1 < status.first_index);
}

/* Alive, and goes on by log: one that waits for a snapshot cannot commit anything yet. */
static bool is_healthy(const kv_peer *peer, const kv_region_peer *member) {
  raft_progress_status progress;
  raft_basic_status status;
  raft_rawnode_basic_status(peer->node, &status);
  return member->id == peer->peer_id ||
         (is_live(peer, member) && progress_of(peer, member->id, &progress) &&
          progress.match + 1 >= status.first_index);
}

static bool votes_after(const kv_region_peer *member, const kv_change_peer *changes, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (changes[i].peer_id == member->id) {
      return !changes[i].remove && changes[i].role == KV_PEER_VOTER;
    }
  }
  return !kv_peer_is_learner(member);
}

/* Would a majority of the voters be healthy after the changes? */
bool kv_member_stays_available(const kv_peer *peer, const kv_change_peer *changes, size_t count) {
  size_t voters = 0, healthy = 0;
  for (size_t i = 0; i < peer->region.peer_count; i++) {
    const kv_region_peer *member = &peer->region.peers[i];
    if (votes_after(member, changes, count)) {
      voters++;
      healthy += is_healthy(peer, member);
    }
  }
  return healthy > voters / 2;
}

/* A new leader has not heard of everybody yet: followers do not talk to each other. */
bool kv_member_is_new_leader(const kv_peer *peer) {
  return peer->store->ticks - peer->leader_tick <= peer->store->config.election_ticks;
}

/* Who takes over when this leader is to leave: the live voter that has most of the log. */
uint64_t kv_member_successor(const kv_peer *peer) {
  uint64_t best = 0, best_match = 0;
  for (size_t i = 0; i < peer->region.peer_count; i++) {
    const kv_region_peer *member = &peer->region.peers[i];
    raft_progress_status progress;
    if (member->id == peer->peer_id || kv_peer_is_learner(member) ||
        member->role == KV_PEER_DEMOTING || !is_live(peer, member) ||
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

bool kv_member_change_in_flight(const kv_peer *peer) {
  return peer->conf_index > peer->applied || peer->applied_term != peer->term ||
         kv_region_is_joint(&peer->region) || kv_split_is_in_flight(peer);
}

static raft_conf_change_type type_of(const kv_change_peer *change) {
  return change->remove                  ? RAFT_CONF_REMOVE_NODE
         : change->role == KV_PEER_VOTER ? RAFT_CONF_ADD_NODE
                                         : RAFT_CONF_ADD_LEARNER;
}

static int propose_one(kv_peer *peer, const kv_change_peer *change) {
  raft_buf *context = NULL;
  if (kv_change_peer_encode(change, &context) != KV_OK) {
    return RAFT_ENOMEM;
  }
  const raft_conf_change raft_change = {
      .type = type_of(change),
      .node_id = change->peer_id,
      .context = {raft_buf_data(context), raft_buf_len(context), context}};
  const int rc = raft_rawnode_propose_conf_change(peer->node, &raft_change);
  raft_buf_release(context);
  return rc;
}

static int propose_jointly(kv_peer *peer, const kv_change_peer *changes, size_t count) {
  raft_conf_change_single singles[KV_MAX_CHANGES];
  raft_buf *context = NULL;
  if (kv_change_list_encode(changes, count, &context) != KV_OK) {
    return RAFT_ENOMEM;
  }
  for (size_t i = 0; i < count; i++) {
    singles[i] = (raft_conf_change_single){type_of(&changes[i]), changes[i].peer_id};
  }
  const raft_conf_change_v2 raft_change = {
      .transition = RAFT_TRANSITION_JOINT_IMPLICIT,
      .changes = singles,
      .change_count = count,
      .context = {raft_buf_data(context), raft_buf_len(context), context}};
  const int rc = raft_rawnode_propose_conf_change_v2(peer->node, &raft_change);
  raft_buf_release(context);
  return rc;
}

/* Several changes are made together, by a joint configuration. */
bool kv_member_propose(kv_peer *peer, kv_change_peer *changes, size_t count) {
  for (size_t i = 0; i < count; i++) {
    changes[i].epoch = peer->region.epoch;
  }
  kv_sleep_wake(peer);
  const int rc = count == 1 ? propose_one(peer, changes) : propose_jointly(peer, changes, count);
  if (!kv_peer_check(peer, rc, "proposing a membership change failed")) {
    return false;
  }
  raft_basic_status status;
  raft_rawnode_basic_status(peer->node, &status);
  peer->conf_index = status.last_index;
  kv_store_mark(peer->store, peer);
  return true;
}

static kv_change_peer change_of(const kv_region_peer *member, kv_peer_role role) {
  kv_change_peer change = {.peer_id = member->id, .store_id = member->store_id, .role = role};
  memcpy(change.address, member->address, strlen(member->address) + 1);
  return change;
}

bool kv_member_promote(kv_peer *peer, const kv_region_peer *member) {
  kv_change_peer change = change_of(member, KV_PEER_VOTER);
  return kv_member_stays_available(peer, &change, 1) && kv_member_propose(peer, &change, 1);
}

/* NULL: the peer may be asked to take over now. */
const char *kv_member_why_not_lead(const kv_peer *peer, uint64_t peer_id) {
  raft_progress_status progress;
  raft_basic_status status;
  raft_rawnode_basic_status(peer->node, &status);
  if (!progress_of(peer, peer_id, &progress) || progress.state == RAFT_PROGRESS_SNAPSHOT) {
    return "TRYAGAIN that store's replica waits for a snapshot, it cannot lead yet";
  }
  return progress.match + MAX_LAG_TO_LEAD < status.last_index
             ? "TRYAGAIN that store's replica lacks too much of the log, it cannot lead yet"
             : NULL;
}

void kv_member_hand_over(kv_peer *peer, uint64_t to_peer) {
  kv_sleep_wake(peer);
  int rc = raft_rawnode_transfer_leader(peer->node, to_peer);
  (void)kv_peer_check(peer, rc, "handing over leadership failed");
  kv_store_mark(peer->store, peer);
}

/* ---- what the scheduler asks ---- */

int kv_membership_transfer(kv_peer *peer, uint64_t to_peer, const char **why) {
  const kv_region_peer *member = kv_region_find_peer(&peer->region, to_peer);
  raft_basic_status status;
  raft_rawnode_basic_status(peer->node, &status);
  *why = member == NULL                      ? "no such replica"
         : kv_peer_is_learner(member)        ? "a learner cannot lead"
         : member->role == KV_PEER_DEMOTING  ? "that replica is about to go"
         : to_peer == peer->peer_id          ? NULL
         : kv_member_change_in_flight(peer)  ? "a membership change is under way"
         : status.lead_transferee == to_peer ? NULL
                                             : kv_member_why_not_lead(peer, to_peer);
  if (*why == NULL && to_peer != peer->peer_id && status.lead_transferee != to_peer) {
    kv_member_hand_over(peer, to_peer);
  }
  return *why == NULL ? KV_OK : KV_EBUSY;
}

/* NULL: fits the region as it is. */
static const char *check_change(const kv_peer *peer, const kv_change_peer *change, bool joint) {
  const kv_region_peer *member = kv_region_find_peer(&peer->region, change->peer_id);
  const kv_region_peer *on_store = kv_region_find_store(&peer->region, change->store_id);
  if (change->remove) {
    return joint && member != NULL && !kv_peer_is_learner(member)
               ? "a voter that goes in a swap is demoted first"
               : NULL;
  }
  if (member == NULL) {
    return on_store != NULL                              ? "that store has a replica already"
           : change->peer_id <= peer->region.max_peer_id ? "the id was given before"
           : change->address[0] == '\0'                  ? "the store's address is missing"
           : peer->region.peer_count >= KV_MAX_PEERS     ? "the region has too many replicas"
           : change->role == KV_PEER_VOTER               ? "a new replica begins as a learner"
                                                         : NULL;
  }
  return member->store_id != change->store_id ? "the replica lives on another store"
         : change->role == KV_PEER_VOTER && kv_peer_is_learner(member) &&
                 !kv_member_has_caught_up(peer, member->id)
             ? "the learner has not caught up yet"
             : NULL;
}

/* This leader would vote no more. */
static bool ends_own_vote(const kv_peer *peer, const kv_change_peer *changes, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (changes[i].peer_id == peer->peer_id &&
        (changes[i].remove || changes[i].role != KV_PEER_VOTER)) {
      return true;
    }
  }
  return false;
}

static const char *leave_first(kv_peer *peer) {
  const uint64_t successor = kv_member_successor(peer);
  const char *why = "no other live voter can lead";
  if (successor != 0 && kv_membership_transfer(peer, successor, &why) == KV_OK) {
    why = "the leader hands over first";
  }
  return why;
}

static const char *check_changes(kv_peer *peer, const kv_change_peer *changes, size_t count) {
  const char *why = kv_member_change_in_flight(peer) ? "a membership change is under way" : NULL;
  for (size_t i = 0; i < count && why == NULL; i++) {
    why = check_change(peer, &changes[i], count > 1);
  }
  if (why == NULL && ends_own_vote(peer, changes, count)) {
    why = leave_first(peer);
  }
  return why == NULL && !kv_member_stays_available(peer, changes, count)
             ? "it would leave the region without a healthy majority of voters"
             : why;
}

int kv_membership_change(kv_peer *peer, kv_change_peer *changes, size_t count, const char **why) {
  *why = NULL;
  if (count == 0 || count > KV_MAX_CHANGES) {
    *why = "too many changes at once, or none";
    return KV_EINVAL;
  }
  if (kv_region_has_changes(&peer->region, changes, count, count > 1)) {
    return KV_OK;
  }
  *why = check_changes(peer, changes, count);
  if (*why == NULL && !kv_member_propose(peer, changes, count)) {
    *why = "Raft did not take the proposal";
  }
  return *why == NULL ? KV_OK : KV_EBUSY;
}
