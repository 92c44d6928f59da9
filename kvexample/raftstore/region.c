/* region.c - the descriptor of a region: which keys, which peers, in which epoch.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "raftstore/region.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "raftstore/region_change.h"

const char *kv_peer_role_name(kv_peer_role role) {
  static const char *const names[] = {"voter", "learner", "incoming", "demoting", "joining"};
  return (size_t)role < sizeof names / sizeof *names ? names[role] : "unknown";
}

static void free_slice(raft_slice *slice) {
  free((void *)(uintptr_t)slice->data); /* a slice says const, this one owns */
  *slice = (raft_slice){0};
}

/* An empty slice has no memory. */
static int copy_slice(raft_slice *to, raft_slice from) {
  *to = (raft_slice){0};
  if (from.len == 0) {
    return KV_OK;
  }
  void *data = malloc(from.len);
  if (data == NULL) {
    return KV_ENOMEM;
  }
  memcpy(data, from.data, from.len);
  to->data = data;
  to->len = from.len;
  return KV_OK;
}

void kv_region_clear(kv_region *region) {
  for (size_t i = 0; i < region->peer_count; i++) {
    free(region->peers[i].address);
  }
  free(region->peers);
  free_slice(&region->start);
  free_slice(&region->end);
  *region = (kv_region){0};
}

int kv_region_set_range(kv_region *region, raft_slice start, raft_slice end) {
  raft_slice new_start, new_end;
  if (copy_slice(&new_start, start) != KV_OK) {
    return KV_ENOMEM;
  }
  if (copy_slice(&new_end, end) != KV_OK) {
    free_slice(&new_start);
    return KV_ENOMEM;
  }
  free_slice(&region->start);
  free_slice(&region->end);
  region->start = new_start;
  region->end = new_end;
  return KV_OK;
}

int kv_region_copy(kv_region *to, const kv_region *from) {
  *to = (kv_region){.id = from->id, .epoch = from->epoch};
  int rc = kv_region_set_range(to, from->start, from->end);
  for (size_t i = 0; i < from->peer_count && rc == KV_OK; i++) {
    const kv_region_peer *peer = &from->peers[i];
    rc = kv_region_put_peer(to, peer->id, peer->store_id, peer->role, peer->address);
  }
  to->max_peer_id = from->max_peer_id;
  if (rc != KV_OK) {
    kv_region_clear(to);
  }
  return rc;
}

void kv_region_move(kv_region *to, kv_region *from) {
  kv_region_clear(to);
  *to = *from;
  *from = (kv_region){0};
}

bool kv_region_initialised(const kv_region *region) {
  return region->peer_count > 0;
}

int kv_key_compare(raft_slice a, raft_slice b) {
  size_t shorter = a.len < b.len ? a.len : b.len;
  int order = shorter > 0 ? memcmp(a.data, b.data, shorter) : 0;
  return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

bool kv_key_past_end(raft_slice key, raft_slice end) {
  return end.len > 0 && kv_key_compare(key, end) >= 0;
}

bool kv_region_has_key(const kv_region *region, raft_slice key) {
  return kv_key_compare(key, region->start) >= 0 && !kv_key_past_end(key, region->end);
}

bool kv_region_has_inside(const kv_region *region, raft_slice key) {
  return kv_key_compare(key, region->start) > 0 && !kv_key_past_end(key, region->end);
}

bool kv_region_overlaps(const kv_region *a, const kv_region *b) {
  return !kv_key_past_end(a->start, b->end) && !kv_key_past_end(b->start, a->end);
}

bool kv_epoch_equal(kv_epoch a, kv_epoch b) {
  return a.conf_ver == b.conf_ver && a.version == b.version;
}

bool kv_epoch_stale(kv_epoch a, kv_epoch b) {
  return a.conf_ver < b.conf_ver || a.version < b.version;
}

/* Where the peer is, or would be inserted. */
static size_t position(const kv_region *region, uint64_t peer_id) {
  size_t at = 0;
  while (at < region->peer_count && region->peers[at].id < peer_id) {
    at++;
  }
  return at;
}

const kv_region_peer *kv_region_find_peer(const kv_region *region, uint64_t peer_id) {
  size_t at = position(region, peer_id);
  return at < region->peer_count && region->peers[at].id == peer_id ? &region->peers[at] : NULL;
}

const kv_region_peer *kv_region_find_store(const kv_region *region, uint64_t store_id) {
  for (size_t i = 0; i < region->peer_count; i++) {
    if (region->peers[i].store_id == store_id) {
      return &region->peers[i];
    }
  }
  return NULL;
}

bool kv_peer_is_learner(const kv_region_peer *peer) {
  return peer->role == KV_PEER_LEARNER || peer->role == KV_PEER_INCOMING;
}

static int insert_peer(kv_region *region, size_t at, kv_region_peer peer) {
  size_t count = region->peer_count;
  kv_region_peer *grown = realloc(region->peers, (count + 1) * sizeof *grown);
  if (grown == NULL) {
    return KV_ENOMEM;
  }
  region->peers = grown;
  memmove(grown + at + 1, grown + at, (count - at) * sizeof *grown);
  grown[at] = peer;
  region->peer_count = count + 1;
  return KV_OK;
}

int kv_region_put_peer(kv_region *region, uint64_t id, uint64_t store_id, kv_peer_role role,
                       const char *address) {
  const kv_region_peer *there = kv_region_find_store(region, store_id);
  if (there != NULL && there->id != id) {
    return KV_EINVAL;
  }
  kv_region_peer peer = {id, store_id, role, strdup(address)};
  if (peer.address == NULL) {
    return KV_ENOMEM;
  }
  size_t at = position(region, id);
  if (at < region->peer_count && region->peers[at].id == id) {
    /* The analyzer thinks that `at` is the same one in every call. */
    free(region->peers[at].address); /* NOLINT(clang-analyzer-unix.Malloc) */
    region->peers[at] = peer;
  } else if (insert_peer(region, at, peer) != KV_OK) {
    free(peer.address);
    return KV_ENOMEM;
  }
  region->max_peer_id = id > region->max_peer_id ? id : region->max_peer_id;
  return KV_OK;
}

bool kv_region_remove_peer(kv_region *region, uint64_t peer_id) {
  size_t at = position(region, peer_id);
  if (at == region->peer_count || region->peers[at].id != peer_id) {
    return false;
  }
  free(region->peers[at].address);
  region->peer_count--;
  memmove(region->peers + at, region->peers + at + 1,
          (region->peer_count - at) * sizeof *region->peers);
  return true;
}

/* The peers of the new region. An id that repeats would find its store or itself taken. */
static int split_peers(const kv_region *region, const uint64_t *peer_ids, kv_region *right) {
  int rc = KV_OK;
  for (size_t i = 0; i < region->peer_count && rc == KV_OK; i++) {
    const kv_region_peer *peer = &region->peers[i];
    bool free_id = peer_ids[i] != 0 && kv_region_find_peer(right, peer_ids[i]) == NULL &&
                   kv_region_find_peer(region, peer_ids[i]) == NULL;
    rc = free_id ? kv_region_put_peer(right, peer_ids[i], peer->store_id, peer->role, peer->address)
                 : KV_EINVAL;
  }
  return rc;
}

int kv_region_split(kv_region *region, raft_slice key, uint64_t new_id, const uint64_t *peer_ids,
                    size_t count, kv_region *right) {
  if (!kv_region_has_inside(region, key) || count != region->peer_count || new_id == 0 ||
      new_id == region->id || kv_region_is_joint(region)) {
    return KV_EINVAL;
  }
  *right = (kv_region){.id = new_id, .epoch = region->epoch};
  int rc = split_peers(region, peer_ids, right);
  if (rc == KV_OK) {
    rc = kv_region_set_range(right, key, region->end);
  }
  if (rc == KV_OK) {
    rc = kv_region_set_range(region, region->start, key);
  }
  if (rc != KV_OK) {
    kv_region_clear(right);
    return rc;
  }
  right->epoch.version = ++region->epoch.version;
  return KV_OK;
}

/* Bits of lists that a role puts its peer into. */
enum { VOTES = 1, VOTED = 2, LEARNS = 4, WILL_LEARN = 8 };

static const unsigned lists_of[] = {[KV_PEER_VOTER] = VOTES | VOTED,
                                    [KV_PEER_LEARNER] = LEARNS,
                                    [KV_PEER_INCOMING] = LEARNS,
                                    [KV_PEER_DEMOTING] = VOTED | WILL_LEARN,
                                    [KV_PEER_JOINING] = VOTES};

/* Peers whose role is in one of the lists; returns where the next list begins. */
static uint64_t *list_peers(const kv_region *region, unsigned lists, uint64_t *ids,
                            raft_ids *list) {
  *list = (raft_ids){.ids = ids};
  for (size_t i = 0; i < region->peer_count; i++) {
    if ((lists_of[region->peers[i].role] & lists) != 0) {
      ids[list->count++] = region->peers[i].id;
    }
  }
  return ids + list->count;
}

void kv_region_conf_state(const kv_region *region, uint64_t *ids, raft_conf_state *state) {
  bool joint = false;
  for (size_t i = 0; i < region->peer_count; i++) {
    const kv_peer_role role = region->peers[i].role;
    joint = joint || role == KV_PEER_DEMOTING || role == KV_PEER_JOINING;
  }
  *state = (raft_conf_state){.auto_leave = joint};
  ids = list_peers(region, VOTES, ids, &state->voters);
  ids = list_peers(region, LEARNS, ids, &state->learners);
  if (joint) {
    ids = list_peers(region, VOTED, ids, &state->voters_outgoing);
    (void)list_peers(region, WILL_LEARN, ids, &state->learners_next);
  }
}
