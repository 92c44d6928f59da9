/* region.h - the descriptor of a region: which keys, which peers, in which epoch.
 *
 * A region is a range of keys that one Raft group replicates. conf_ver counts its membership
 * changes, version its splits; (version, conf_ver) tells which of two descriptors is newer.
 *
 * Invariants: peers ascend by id, no two of them on one store; peer ids are never reused
 * (max_peer_id is the largest ever given); an empty end key means no end.
 *
 * A descriptor owns its memory. Zero-initialised is an uninitialised region: known by id only.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_RAFTSTORE_REGION_H
#define KV_RAFTSTORE_REGION_H

#include <libraft/bytes.h>
#include <libraft/types.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum kv_peer_role {
  KV_PEER_VOTER = 0,
  KV_PEER_LEARNER = 1,
  KV_PEER_INCOMING = 2, /* learner, to be promoted once it has caught up */
  KV_PEER_DEMOTING = 3, /* joint: voter of the outgoing configuration only, then learner */
  KV_PEER_JOINING = 4   /* joint: voter of the incoming configuration only, then voter */
} kv_peer_role;

const char *kv_peer_role_name(kv_peer_role role);

typedef struct kv_region_peer {
  uint64_t id;
  uint64_t store_id;
  kv_peer_role role;
  char *address; /* of its store; owned by the region */
} kv_region_peer;

/* Peers of one region; also bounds what hostile bytes can make us allocate. */
#define KV_MAX_PEERS 64u

typedef struct kv_epoch {
  uint64_t conf_ver;
  uint64_t version;
} kv_epoch;

typedef struct kv_region {
  uint64_t id;
  raft_slice start; /* owned; the range is [start, end) */
  raft_slice end;
  kv_epoch epoch;
  uint64_t max_peer_id;
  kv_region_peer *peers;
  size_t peer_count;
} kv_region;

/* What a region holds: bytes of keys and values, and keys. An estimate: a value that is replaced
 * without being looked at counts twice, until somebody counts again (split_check.c). */
typedef struct kv_region_size {
  uint64_t bytes;
  uint64_t keys;
} kv_region_size;

/* What was written: bytes of commands, and commands, each of which counts as one key. */
typedef struct kv_written {
  uint64_t bytes;
  uint64_t keys;
} kv_written;

void kv_region_clear(kv_region *region); /* frees and zeroes */
/* KV_ENOMEM leaves *to cleared. */
int kv_region_copy(kv_region *to, const kv_region *from);
void kv_region_move(kv_region *to, kv_region *from); /* clears *to before, empties *from */
int kv_region_set_range(kv_region *region, raft_slice start, raft_slice end);

/* Peers were ever added: the region is more than an id. */
bool kv_region_initialised(const kv_region *region);
bool kv_region_has_key(const kv_region *region, raft_slice key);
/* Keys in their order, as memcmp has it: negative, 0, positive. */
int kv_key_compare(raft_slice a, raft_slice b);
/* `key` is at or behind `end`, where an empty end is behind every key. */
bool kv_key_past_end(raft_slice key, raft_slice end);
/* start < key < end: both halves of a split there have keys. */
bool kv_region_has_inside(const kv_region *region, raft_slice key);
bool kv_region_overlaps(const kv_region *a, const kv_region *b);

bool kv_epoch_equal(kv_epoch a, kv_epoch b);
/* a is older than b in one of the two counters. */
bool kv_epoch_stale(kv_epoch a, kv_epoch b);

const kv_region_peer *kv_region_find_peer(const kv_region *region, uint64_t peer_id);
const kv_region_peer *kv_region_find_store(const kv_region *region, uint64_t store_id);
bool kv_peer_is_learner(const kv_region_peer *peer);

/* Adds the peer, or gives the one with this id its new role and address. Moves max_peer_id; the
 * epoch is the caller's. KV_EINVAL: another peer lives on that store. */
int kv_region_put_peer(kv_region *region, uint64_t id, uint64_t store_id, kv_peer_role role,
                       const char *address);
/* False: there is no such peer. */
bool kv_region_remove_peer(kv_region *region, uint64_t peer_id);

/* Splits *region at `key`: it keeps id, peers and [start, key); *right, which is empty before, gets
 * the rest under the new ids, one a peer in the order of the peers, each in its counterpart's role.
 * Both are of the next version. KV_EINVAL: the key is not strictly inside, or the ids are not as
 * many as the peers, are 0, repeated or in use, or the membership is joint, which the new region
 * could not complete. KV_ENOMEM. On an error nothing has changed. */
int kv_region_split(kv_region *region, raft_slice key, uint64_t new_id, const uint64_t *peer_ids,
                    size_t count, kv_region *right);

/* Membership as raft sees it. ids needs room for twice peer_count; the lists in *state point into
 * it. */
void kv_region_conf_state(const kv_region *region, uint64_t *ids, raft_conf_state *state);

#endif
