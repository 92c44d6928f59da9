/* region_change.c - what a membership change makes of a region.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "raftstore/region_change.h"

#include <libraft/wire.h>
#include <string.h>

#include "base/little_endian.h"

/* ---- bytes ---- */

enum { LENGTH_BYTES = 4 };

static int encode_each(const kv_change_peer *changes, size_t count, raft_buf **parts,
                       size_t *bytes) {
  int rc = KV_OK;
  *bytes = 0;
  for (size_t i = 0; i < count && rc == KV_OK; i++) {
    rc = kv_change_peer_encode(&changes[i], &parts[i]);
    *bytes += rc == KV_OK ? LENGTH_BYTES + raft_buf_len(parts[i]) : 0;
  }
  return rc;
}

static void join_parts(raft_buf *const *parts, size_t count, unsigned char *at) {
  for (size_t i = 0; i < count; i++) {
    const size_t len = raft_buf_len(parts[i]);
    kv_put_u32(at, (uint32_t)len);
    memcpy(at + LENGTH_BYTES, raft_buf_data(parts[i]), len);
    at += LENGTH_BYTES + len;
  }
}

int kv_change_list_encode(const kv_change_peer *changes, size_t count, raft_buf **context) {
  raft_buf *parts[KV_MAX_CHANGES] = {NULL};
  size_t bytes = 0;
  void *data = NULL;
  if (count > KV_MAX_CHANGES) {
    return KV_EINVAL;
  }
  int rc = encode_each(changes, count, parts, &bytes);
  if (rc == KV_OK) {
    *context = raft_buf_create(NULL, bytes, &data);
    rc = *context != NULL ? KV_OK : KV_ENOMEM;
  }
  if (rc == KV_OK) {
    join_parts(parts, count, data);
  }
  for (size_t i = 0; i < count; i++) {
    raft_buf_release(parts[i]);
  }
  return rc;
}

int kv_change_list_decode(raft_slice context, kv_change_peer *changes, size_t *count) {
  const unsigned char *at = context.data;
  size_t left = context.len;
  *count = 0;
  while (left > 0) {
    const size_t len = left >= LENGTH_BYTES ? kv_get_u32(at) : SIZE_MAX;
    if (len > left - LENGTH_BYTES || left < LENGTH_BYTES || *count == KV_MAX_CHANGES ||
        kv_change_peer_decode((raft_slice){at + LENGTH_BYTES, len}, &changes[*count]) != KV_OK) {
      return KV_ECORRUPT;
    }
    (*count)++;
    at += LENGTH_BYTES + len;
    left -= LENGTH_BYTES + len;
  }
  return *count > 0 ? KV_OK : KV_ECORRUPT;
}

/* ---- roles ---- */

bool kv_region_is_joint(const kv_region *region) {
  for (size_t i = 0; i < region->peer_count; i++) {
    const kv_peer_role role = region->peers[i].role;
    if (role == KV_PEER_JOINING || role == KV_PEER_DEMOTING) {
      return true;
    }
  }
  return false;
}

/* What a peer becomes by a joint change. */
static kv_peer_role role_between(const kv_region_peer *peer, kv_peer_role wanted) {
  if (wanted == KV_PEER_VOTER) {
    return peer != NULL && peer->role == KV_PEER_VOTER ? KV_PEER_VOTER : KV_PEER_JOINING;
  }
  return peer != NULL && peer->role == KV_PEER_VOTER ? KV_PEER_DEMOTING : wanted;
}

static bool has_change(const kv_region *region, const kv_change_peer *change, bool joint) {
  const kv_region_peer *peer = kv_region_find_peer(region, change->peer_id);
  if (change->remove || peer == NULL) {
    return change->remove && peer == NULL;
  }
  return peer->role == change->role ||
         (joint && change->role == KV_PEER_VOTER && peer->role == KV_PEER_JOINING) ||
         (joint && change->role == KV_PEER_LEARNER && peer->role == KV_PEER_DEMOTING);
}

bool kv_region_has_changes(const kv_region *region, const kv_change_peer *changes, size_t count,
                           bool joint) {
  for (size_t i = 0; i < count; i++) {
    if (!has_change(region, &changes[i], joint)) {
      return false;
    }
  }
  return true;
}

/* KV_EINVAL: the change contradicts the region. */
static int change_one(kv_region *region, const kv_change_peer *change, bool joint) {
  const kv_region_peer *peer = kv_region_find_peer(region, change->peer_id);
  if (change->remove) { /* a voter that goes jointly is a learner first */
    const bool voter = peer != NULL && !kv_peer_is_learner(peer);
    return !(joint && voter) && kv_region_remove_peer(region, change->peer_id) ? KV_OK : KV_EINVAL;
  }
  const bool reused = peer == NULL && change->peer_id <= region->max_peer_id;
  const bool moved = peer != NULL && peer->store_id != change->store_id;
  const bool between = change->role == KV_PEER_JOINING || change->role == KV_PEER_DEMOTING;
  return reused || moved || between
             ? KV_EINVAL
             : kv_region_put_peer(region, change->peer_id, change->store_id,
                                  joint ? role_between(peer, change->role) : change->role,
                                  change->address);
}

/* ---- applying ---- */

/* All of them, or the region stays as it was. */
static int change_all(kv_region *region, const kv_change_peer *changes, size_t count, bool joint) {
  kv_region draft;
  int rc = kv_region_copy(&draft, region);
  for (size_t i = 0; i < count && rc == KV_OK; i++) {
    rc = change_one(&draft, &changes[i], joint);
  }
  if (rc == KV_OK) {
    draft.epoch.conf_ver++;
    kv_region_move(region, &draft);
  } else {
    kv_region_clear(&draft);
  }
  return rc;
}

static int apply_changes(kv_region *region, const kv_change_peer *changes, size_t count, bool joint,
                         kv_apply_outcome *outcome) {
  if (kv_region_has_changes(region, changes, count, joint)) {
    *outcome = KV_APPLY_REDUNDANT;
    return KV_OK;
  }
  *outcome = KV_APPLY_STALE;
  for (size_t i = 0; i < count; i++) {
    if (changes[i].epoch.conf_ver != region->epoch.conf_ver) {
      return KV_OK;
    }
  }
  const int rc = kv_region_is_joint(region) ? KV_EINVAL : change_all(region, changes, count, joint);
  *outcome = rc == KV_OK ? KV_APPLY_DONE : KV_APPLY_STALE;
  return rc == KV_EINVAL ? KV_OK : rc;
}

static void leave_joint(kv_region *region, kv_apply_outcome *outcome) {
  *outcome = KV_APPLY_REDUNDANT;
  for (size_t i = 0; i < region->peer_count; i++) {
    kv_region_peer *peer = &region->peers[i];
    if (peer->role == KV_PEER_JOINING || peer->role == KV_PEER_DEMOTING) {
      peer->role = peer->role == KV_PEER_JOINING ? KV_PEER_VOTER : KV_PEER_LEARNER;
      *outcome = KV_APPLY_DONE;
    }
  }
  region->epoch.conf_ver += *outcome == KV_APPLY_DONE;
}

/* What Raft is going to do must be what the region says. */
static bool is_same(const raft_conf_change_single *raft, const kv_change_peer *change) {
  const raft_conf_change_type wanted = change->remove                  ? RAFT_CONF_REMOVE_NODE
                                       : change->role == KV_PEER_VOTER ? RAFT_CONF_ADD_NODE
                                                                       : RAFT_CONF_ADD_LEARNER;
  return raft->node_id == change->peer_id && raft->type == wanted;
}

static int apply_joint(kv_region *region, const raft_conf_change_v2 *raft,
                       kv_apply_outcome *outcome) {
  kv_change_peer changes[KV_MAX_CHANGES];
  size_t count = 0;
  if (raft->change_count == 0) {
    leave_joint(region, outcome);
    return KV_OK;
  }
  int rc =
      kv_change_list_decode((raft_slice){raft->context.data, raft->context.len}, changes, &count);
  if (rc != KV_OK || count != raft->change_count ||
      raft->transition != RAFT_TRANSITION_JOINT_IMPLICIT) {
    return KV_ECORRUPT;
  }
  for (size_t i = 0; i < count; i++) {
    if (!is_same(&raft->changes[i], &changes[i])) {
      return KV_ECORRUPT;
    }
  }
  return apply_changes(region, changes, count, true, outcome);
}

static int apply_single(kv_region *region, const raft_conf_change *raft,
                        kv_apply_outcome *outcome) {
  kv_change_peer change;
  if (kv_change_peer_decode((raft_slice){raft->context.data, raft->context.len}, &change) !=
          KV_OK ||
      change.peer_id != raft->node_id) {
    return KV_ECORRUPT;
  }
  return apply_changes(region, &change, 1, false, outcome);
}

int kv_region_apply_change(kv_region *region, const raft_entry *at, kv_apply_outcome *outcome) {
  raft_conf_change one;
  raft_conf_change_v2 many;
  void *memory = NULL;
  *outcome = KV_APPLY_STALE;
  if (at->type == RAFT_ENTRY_CONF_CHANGE) {
    return raft_conf_change_decode(at->data, &one) == RAFT_OK ? apply_single(region, &one, outcome)
                                                              : KV_ECORRUPT;
  }
  int rc = raft_conf_change_v2_decode(at->data, NULL, NULL, &many, &memory);
  if (rc != RAFT_OK) {
    return rc == RAFT_ENOMEM ? KV_ENOMEM : KV_ECORRUPT;
  }
  rc = apply_joint(region, &many, outcome);
  raft_conf_state_free(NULL, memory);
  return rc;
}
