/* join.h - a new store becomes a member of a cluster: its id, and perhaps the cluster's first
 * region.
 *
 * An empty store asks the scheduler for its id. If the cluster has no region yet it makes the
 * first one, with itself as the only peer, and offers it; only one store's offer is taken, the
 * others begin empty and wait for a leader's message. Each step is durable before the next one, and
 * each question may be asked again after a crash: a store that never heard its answer gets the
 * same one, because it names its data directory by a random number.
 *
 * A store that has joined needs none of this: kv_join_open says so at once, scheduler or not.
 *
 * Deterministic, as the store's core: time is the ticks, the world is the two devices.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_RAFTSTORE_JOIN_H
#define KV_RAFTSTORE_JOIN_H

#include "base/error.h"
#include "engine/engine.h"
#include "raftstore/device.h"
#include "raftstore/region_state.h"
#include "raftstore/store.h"

typedef struct kv_join kv_join;

typedef enum kv_join_state {
  KV_JOIN_ASKING, /* tick it, hand in responses */
  KV_JOIN_DONE,   /* kv_store_open comes next */
  KV_JOIN_FAILED  /* it can never join: see the error */
} kv_join_state;

typedef struct kv_join_config {
  const char *address;   /* where the others will reach this store; at most KV_MAX_ADDRESS */
  uint64_t wanted_id;    /* 0: the scheduler chooses */
  uint64_t data_id;      /* random, not 0; only the first one that an empty store sees counts */
  uint32_t repeat_ticks; /* until a question is asked again; 0: 10 */
} kv_join_config;

/* config, engine and scheduler must outlive it. KV_EFOREIGN (data without an identity), KV_ENOMEM,
 * engine errors; with a sentence. */
int kv_join_open(const kv_join_config *config, kv_engine *engine,
                 const kv_scheduler_device *scheduler, kv_join **join, kv_error *error);
void kv_join_close(kv_join *join); /* NULL is ignored */

void kv_join_tick(kv_join *join);
/* Hostile bytes are ignored. */
void kv_join_received(kv_join *join, raft_bytes response);

/* KV_JOIN_DONE: *ident is what the store is now. KV_JOIN_FAILED: *error says why and what to do. */
kv_join_state kv_join_look(const kv_join *join, kv_store_ident *ident, kv_error *error);

#endif
