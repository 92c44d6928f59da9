/* check.h - what must hold whatever happens, looked at after each transaction.
 *
 * Equal data at equal applied index of a region, on whatever store; one descriptor for each epoch
 * of a region; epochs of a replica never go back; the newest descriptors of all regions cover the
 * key space, and none overlaps another.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef STORESIM_CHECK_H
#define STORESIM_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "raftstore/region.h"

/* Data of a region at an applied index, as the first store had it. */
typedef struct ss_point {
  uint64_t region_id; /* 0: no point */
  uint64_t applied;
  uint64_t hash;
  unsigned store;
} ss_point;

/* The newest descriptor of a region that any store has applied. */
typedef struct ss_known {
  kv_region region;
  uint64_t term; /* of the leader that was seen last */
} ss_known;

/* A descriptor as of an epoch. */
typedef struct ss_epoch_record {
  uint64_t region_id;
  kv_epoch epoch;
  uint64_t range_hash;
  uint64_t peers_hash;
} ss_epoch_record;

/* What a store has of a region. Its record is decoded, and what it says is judged, when its bytes
 * have changed. */
typedef struct ss_replica {
  kv_region region;
  uint64_t peer_id;
  unsigned store;
  uint64_t applied;
  uint64_t record;     /* hash of the record's bytes */
  uint64_t descriptor; /* hash of what the region is */
} ss_replica;

typedef struct ss_check {
  ss_point *points; /* by hash of region and index */
  size_t point_count;
  size_t point_room;
  ss_known *regions; /* ascending by start key */
  size_t region_count;
  ss_epoch_record *epochs;
  size_t epoch_count;
  ss_replica *replicas;
  size_t replica_count;
  bool changed; /* a descriptor, since the key space was looked at last */
} ss_check;

struct ss_store;
struct ss_world;

/* A transaction of the store was committed that changed this region; all: its neighbours perhaps
 * too. */
void ss_check_region(struct ss_store *store, uint64_t region_id, bool all);
/* The store lost power, and with it what was applied and not durable. */
void ss_check_rewind(struct ss_check *check, unsigned store);
/* The data of a replica was lost with its store, for good. */
void ss_check_forget(struct ss_check *check, unsigned store);
void ss_check_free(ss_check *check);
/* The newest descriptor; NULL: unknown. */
const kv_region *ss_check_find(const ss_check *check, uint64_t region_id);
const kv_region *ss_check_by_key(const ss_check *check, raft_slice key);

#endif
