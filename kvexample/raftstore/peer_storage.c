/* peer_storage.c - raft_storage of one peer.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "raftstore/peer_storage.h"

#include <stdlib.h>

#include "raftstore/core.h"
#include "raftstore/peer.h"
#include "raftstore/peer_snapshot.h"

static int bounds_of(kv_peer *peer, kv_log_bounds *bounds) {
  const kv_log_device *log = &peer->store->devices.log;
  int rc = log->bounds(log->ctx, peer->region_id, bounds);
  if (rc == KV_ENOTFOUND) {
    *bounds = (kv_log_bounds){.first_index = 1};
    rc = KV_OK;
  }
  if (rc == KV_OK && bounds->last_index < peer->storage.begin_index) {
    bounds->last_index = peer->storage.begin_index;
    bounds->first_index = bounds->last_index + 1;
  }
  return rc == KV_OK ? RAFT_OK : RAFT_ESTORAGE;
}

static int initial_state(void *ctx, raft_hard_state *hard_state, raft_conf_state *conf_state) {
  kv_peer *peer = ctx;
  *hard_state = peer->storage.hard_state;
  kv_region_conf_state(&peer->region, peer->storage.ids, conf_state);
  return RAFT_OK;
}

static int entries(void *ctx, uint64_t lo, uint64_t hi, uint64_t max_bytes, raft_entry *out,
                   size_t *count) {
  const kv_peer *peer = ctx;
  const kv_log_device *log = &peer->store->devices.log;
  return log->entries(log->ctx, peer->region_id, lo, hi, max_bytes, out, count);
}

static int term(void *ctx, uint64_t index, uint64_t *result) {
  kv_peer *peer = ctx;
  const kv_log_device *log = &peer->store->devices.log;
  int rc = log->term(log->ctx, peer->region_id, index, result);
  if (rc != RAFT_OK && index != 0 && index == peer->storage.begin_index) {
    *result = peer->storage.begin_term;
    return RAFT_OK;
  }
  if (rc == KV_ENOTFOUND) { /* nothing was ever written: the empty log, cut at (0, 0) */
    *result = 0;
    rc = index == 0 ? RAFT_OK : RAFT_EUNAVAILABLE;
  }
  return rc;
}

static int first_index(void *ctx, uint64_t *index) {
  kv_log_bounds bounds;
  int rc = bounds_of(ctx, &bounds);
  *index = rc == RAFT_OK ? bounds.first_index : 0;
  return rc;
}

static int last_index(void *ctx, uint64_t *index) {
  kv_log_bounds bounds;
  int rc = bounds_of(ctx, &bounds);
  *index = rc == RAFT_OK ? bounds.last_index : 0;
  return rc;
}

static int snapshot(void *ctx, raft_snapshot *out) {
  return kv_peer_snapshot_give(ctx, out);
}

/* The log does not reach the state machine, or is of another history. */
static bool is_behind(kv_peer *peer, const kv_apply_state *applied) {
  uint64_t found = 0;
  int rc = term(peer, applied->applied_index, &found);
  if (rc == RAFT_ECOMPACTED) {
    return false;
  }
  return rc != RAFT_OK || found != applied->applied_term;
}

static void reset_log(kv_peer *peer, const kv_apply_state *applied) {
  kv_peer_storage *storage = &peer->storage;
  kv_log_change change = {.region_id = peer->region_id,
                          .reset = true,
                          .reset_index = applied->applied_index,
                          .reset_term = applied->applied_term,
                          .hard_state = storage->hard_state};
  kv_log_part part = {peer->region_id, peer->life, KV_LOG_NOTHING, {0}};
  storage->begin_index = applied->applied_index;
  storage->begin_term = applied->applied_term;
  kv_log_writer_add(peer->store, &change, part);
  kv_log_writer_flush(peer->store);
}

/* What is applied was committed, in a term not above ours. A vote belongs to its term. */
static void raise_hard_state(raft_hard_state *state, const kv_apply_state *applied) {
  if (state->commit < applied->applied_index) {
    state->commit = applied->applied_index;
  }
  if (state->term < applied->applied_term) {
    state->term = applied->applied_term;
    state->vote = 0;
  }
}

/* A later term counts, and in the same one a vote. */
static void keep_promise(raft_hard_state *state, const raft_hard_state *promised) {
  if (promised->term > state->term || (promised->term == state->term && state->vote == 0)) {
    state->term = promised->term;
    state->vote = promised->vote;
  }
}

int kv_peer_storage_open(kv_peer *peer, const kv_apply_state *applied,
                         const raft_hard_state *promised) {
  kv_peer_storage *storage = &peer->storage;
  const kv_log_device *log = &peer->store->devices.log;
  kv_log_bounds bounds = {0};
  *storage = (kv_peer_storage){
      {sizeof(raft_storage), peer, initial_state, entries, term, first_index, last_index, snapshot},
      .peer = peer};
  storage->ids = malloc((2 * peer->region.peer_count + 1) * sizeof *storage->ids);
  if (storage->ids == NULL) {
    return KV_ENOMEM;
  }
  int rc = log->bounds(log->ctx, peer->region_id, &bounds);
  if (rc != KV_OK && rc != KV_ENOTFOUND) {
    return rc;
  }
  if (rc == KV_ENOTFOUND && applied->applied_index > KV_INITIAL_LOG_INDEX) {
    return KV_ECORRUPT;
  }
  if (rc == KV_OK && bounds.first_index > applied->applied_index + 1) {
    return KV_ECORRUPT; /* nothing can fill the gap between the state and its log */
  }
  storage->hard_state = bounds.hard_state;
  keep_promise(&storage->hard_state, promised);
  raise_hard_state(&storage->hard_state, applied);
  if (applied->applied_index > 0 && is_behind(peer, applied)) {
    reset_log(peer, applied);
  }
  return peer->store->failure.code;
}

void kv_peer_storage_close(kv_peer_storage *storage) {
  free(storage->ids);
  *storage = (kv_peer_storage){0};
}
