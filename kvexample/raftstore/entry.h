/* entry.h - the payload of a raft entry: many commands of one loop turn, or one administrative one.
 *
 * Layout (proto/raft_cmdpb.proto): length of the header, header, commands. Committed bytes come
 * from another store: they are checked like any other input, and what does not decode is the same
 * no-op on every replica.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_RAFTSTORE_ENTRY_H
#define KV_RAFTSTORE_ENTRY_H

#include <libraft/bytes.h>
#include <libraft/types.h>
#include <stdbool.h>
#include <stdint.h>

#include "raftstore/region.h"
#include "raftstore/store.h"

/* Numbers are on disk. */
typedef enum kv_entry_kind {
  KV_ENTRY_COMMANDS = 1,
  KV_ENTRY_COMPACT_LOG = 2,
  KV_ENTRY_SPLIT = 3 /* a kv_split stands in the place of the commands */
} kv_entry_kind;

typedef struct kv_entry {
  uint64_t region_id;
  kv_epoch epoch; /* that the proposer went by */
  kv_entry_kind kind;
  uint32_t command_count;
  raft_slice commands; /* binary, one behind the other; borrowed */
  uint64_t compact_index;
  uint64_t compact_term;
} kv_entry;

/* New payload with one reference; entry->commands is not looked at, room for command_bytes is
 * left for the caller to fill at *commands. KV_ENOMEM. */
int kv_entry_encode(const kv_entry *entry, size_t command_bytes, raft_buf **payload,
                    unsigned char **commands);
/* KV_ECORRUPT: no such entry. */
int kv_entry_decode(raft_slice payload, kv_entry *entry);

/* The region keeps [start, key) and its peers; [key, end) becomes a new region on the same stores.
 */
typedef struct kv_split {
  raft_slice key; /* strictly inside the region; borrowed */
  uint64_t new_region_id;
  uint64_t new_peer_ids[KV_MAX_PEERS]; /* in the order of the region's peers */
  size_t new_peer_count;
  uint64_t left_bytes; /* estimate of what the region keeps; 0 and 0: not known */
  uint64_t left_keys;
} kv_split;

/* New payload of a whole entry with one reference. KV_ENOMEM; KV_EINVAL: a bound exceeded. */
int kv_split_encode(uint64_t region_id, kv_epoch epoch, const kv_split *split, raft_buf **payload);
/* From kv_entry.commands; the key borrows from them. KV_ECORRUPT. */
int kv_split_decode(raft_slice body, kv_split *split);

/* A membership change of one peer, in the context of a conf change. */
typedef struct kv_change_peer {
  kv_epoch epoch;
  uint64_t peer_id;
  uint64_t store_id;
  kv_peer_role role;
  bool remove;
  char address[KV_MAX_ADDRESS + 1];
} kv_change_peer;

/* New context with one reference. KV_ENOMEM. */
int kv_change_peer_encode(const kv_change_peer *change, raft_buf **context);
/* KV_ECORRUPT. */
int kv_change_peer_decode(raft_slice context, kv_change_peer *change);

#endif
