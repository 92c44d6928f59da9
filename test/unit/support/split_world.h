/* split_world.h - splits in a store_world, with ids of the test's own.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TEST_SPLIT_WORLD_H
#define TEST_SPLIT_WORLD_H

#include "raftstore/peer.h"
#include "raftstore/split.h"
#include "store_world.h"

/* A scheduler that gives ids, counting up, and does not answer anything else. */
typedef struct split_scheduler {
  world *w;
  uint64_t next_id;
  unsigned questions; /* for ids of splits */
  unsigned refuse;    /* so many of the next ones */
  bool silent;
  bool hold; /* questions for ids of splits wait */
  struct {
    uint64_t from;
    raft_buf *frame;
  } asked[64];
  size_t asked_count;
} split_scheduler;
/* Before the stores are started. */
void split_scheduler_open(split_scheduler *s, world *w);
void split_scheduler_close(split_scheduler *s);

/* The peer of a region on a store; NULL: none. */
kv_peer *split_peer(world *w, uint64_t store_id, uint64_t region_id);
/* Proposes it on a leader; peers of the new region get new_region_id * 100 + store id. */
int split_propose(world *w, uint64_t leader, uint64_t region_id, const char *key,
                  uint64_t new_region_id);
/* Proposes it where the region is led, and runs until `count` of the stores have the new region. */
void split_run(world *w, uint64_t region_id, const char *key, uint64_t new_region_id, size_t count);
/* Stores with an initialised peer of the region. */
size_t split_count(world *w, uint64_t region_id);
/* Runs until somebody leads the region. */
uint64_t split_wait_leader(world *w, uint64_t region_id);
/* A message from one peer to another one that may not be there, as a store sends it. The sender's
 * range is not told, so it is created even where another region has its keys. */
void split_message(world *w, uint64_t from_store, uint64_t to_store, uint64_t region_id,
                   uint64_t from_peer, uint64_t to_peer, raft_message message, kv_epoch epoch);
/* Snapshots that were sent by all stores. */
uint64_t split_snapshots(world *w);
/* Number of keys at or behind `from` that the store's engine has. */
size_t split_keys_from(world *w, uint64_t store_id, raft_slice from);
/* Key 0000 ... count - 1 with values of their own, through any store. */
void split_fill(world *w, uint64_t store_id, const char *prefix, int from, int to);
void split_check_filled(world *w, uint64_t store_id, const char *prefix, int from, int to);
/* Ranges of the store's regions: in order, without overlap, with data inside of them only. */
void split_check_map(world *w, uint64_t store_id);
/* The stores' data are equal once all their regions have come to equal indexes. */
void split_check_equal(world *w, const uint64_t *regions, size_t count);

#endif
