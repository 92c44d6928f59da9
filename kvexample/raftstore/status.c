/* status.c - what a store knows about itself, for operators.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "raftstore/core.h"
#include "raftstore/peer.h"

static void number(kv_reply *reply, const char *name, uint64_t value) {
  kv_reply_text(reply, name);
  kv_reply_integer(reply, value > INT64_MAX ? INT64_MAX : (int64_t)value);
}

static void text(kv_reply *reply, const char *name, const char *value) {
  kv_reply_text(reply, name);
  kv_reply_text(reply, value);
}

static void boolean(kv_reply *reply, const char *name, bool value) {
  kv_reply_text(reply, name);
  kv_reply_boolean(reply, value);
}

static const char *role_name(raft_role role) {
  static const char *const names[] = {"follower", "candidate", "leader", "pre-candidate"};
  return names[role];
}

static const char *state_name(raft_progress_state state) {
  static const char *const names[] = {"probe", "replicate", "snapshot"};
  return names[state];
}

/* This store's own way of reaching it, which may be newer than the descriptor's. */
static const char *address_of(const kv_peer *peer, const kv_region_peer *member) {
  const kv_store *store = peer->store;
  const char *known = member->store_id == store->config.store_id
                          ? store->config.address
                          : kv_store_address_of(store, member->store_id);
  return known != NULL ? known : member->address;
}

static bool progress_of(const kv_peer *peer, uint64_t peer_id, raft_progress_status *progress) {
  for (size_t i = 0; raft_rawnode_progress(peer->node, i, progress) == RAFT_OK; i++) {
    if (progress->id == peer_id) {
      return true;
    }
  }
  return false;
}

static void report_member(const kv_peer *peer, const kv_region_peer *member, uint64_t last,
                          kv_reply *reply) {
  raft_progress_status progress;
  bool known = kv_peer_is_leader(peer) && progress_of(peer, member->id, &progress);
  kv_reply_map(reply, known ? 10 : 4);
  number(reply, "peer", member->id);
  number(reply, "store", member->store_id);
  text(reply, "address", address_of(peer, member));
  text(reply, "role", kv_peer_role_name(member->role));
  if (known) {
    number(reply, "match", progress.match);
    number(reply, "next", progress.next);
    text(reply, "state", state_name(progress.state));
    number(reply, "lag", last > progress.match ? last - progress.match : 0);
    boolean(reply, "recent_active", progress.recent_active || member->id == peer->peer_id);
    number(reply, "snapshot", progress.pending_snapshot);
  }
}

static uint64_t count_members(const kv_region *region, bool learners) {
  uint64_t count = 0;
  for (size_t i = 0; i < region->peer_count; i++) {
    count += kv_peer_is_learner(&region->peers[i]) == learners;
  }
  return count;
}

static void report_region(const kv_peer *peer, kv_reply *reply) {
  const kv_log_device *log = &peer->store->devices.log;
  const kv_region *region = &peer->region;
  raft_basic_status status;
  kv_log_bounds bounds = {0};
  raft_rawnode_basic_status(peer->node, &status);
  (void)log->bounds(log->ctx, peer->region_id, &bounds);
  kv_reply_map(reply, 16);
  number(reply, "region", peer->region_id);
  number(reply, "peer", peer->peer_id);
  text(reply, "role", role_name(status.soft_state.role));
  number(reply, "leader_store", kv_peer_leader_store(peer));
  number(reply, "leader_peer", status.soft_state.lead);
  number(reply, "term", status.hard_state.term);
  number(reply, "first", status.first_index);
  number(reply, "last", status.last_index);
  number(reply, "commit", status.hard_state.commit);
  number(reply, "applied", peer->applied);
  number(reply, "log_bytes", bounds.bytes);
  number(reply, "voters", count_members(region, false));
  number(reply, "learners", count_members(region, true));
  number(reply, "conf_ver", region->epoch.conf_ver);
  number(reply, "version", region->epoch.version);
  kv_reply_text(reply, "peers");
  kv_reply_array(reply, region->peer_count);
  for (size_t i = 0; i < region->peer_count; i++) {
    report_member(peer, &region->peers[i], status.last_index, reply);
  }
}

void kv_store_status(const kv_store *store, kv_reply *reply) {
  kv_scheduler_view view;
  kv_store_scheduler_view(store, &view);
  kv_reply_map(reply, 5);
  number(reply, "cluster", store->config.cluster_id);
  number(reply, "store", store->config.store_id);
  text(reply, "address", store->config.address);
  text(reply, "scheduler", kv_scheduler_verdict_name(view.verdict));
  kv_reply_text(reply, "regions");
  kv_reply_array(reply, store->peer_count);
  for (size_t i = 0; i < store->regions.count; i++) {
    if (store->regions.slots[i].peer != NULL) {
      report_region(store->regions.slots[i].peer, reply);
    }
  }
}
