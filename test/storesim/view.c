/* view.c - looks into the stores: leaders, replicas, data; and the end of a run.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <string.h>

#include "cluster.h"
#include "raftstore/peer.h"

static kv_peer *peer_of(const ss_store *store, uint64_t region_id) {
  return ss_is_up(store) ? kv_region_map_peer(&store->store->regions, region_id) : NULL;
}

unsigned ss_leader(const ss_world *world, uint64_t region_id, uint64_t *newest) {
  unsigned found = 0;
  uint64_t term = 0;
  for (unsigned i = 1; i <= world->store_count; i++) {
    const kv_peer *peer = peer_of(&world->stores[i], region_id);
    if (peer != NULL && kv_peer_is_leader(peer) && peer->term >= term) {
      found = i;
      term = peer->term;
    }
  }
  if (newest != NULL) {
    *newest = term;
  }
  return found;
}

unsigned ss_any_leader(ss_world *world) {
  size_t count = world->check.region_count;
  return count > 0 ? ss_leader(world, world->check.regions[ss_below(world, count)].region.id, NULL)
                   : 0;
}

bool ss_has_replica(const ss_store *store, uint64_t region_id) {
  const kv_peer *peer = peer_of(store, region_id);
  return peer != NULL && kv_region_initialised(&peer->region);
}

bool ss_get(ss_store *store, const char *key, char value[64]) {
  kv_txn *txn = NULL;
  raft_slice found = {0};
  if (store->engine == NULL || store->engine->ops->begin(store->engine, false, &txn) != KV_OK) {
    return false;
  }
  int rc = store->engine->ops->get(txn, KV_SPACE_DATA, (raft_slice){key, strlen(key)}, &found);
  if (rc == KV_OK) {
    (void)snprintf(value, 64, "%.*s", (int)found.len, (const char *)found.data);
  }
  store->engine->ops->abort(txn);
  return rc == KV_OK;
}

/* ---- the end of a run ---- */

void ss_calm(ss_world *world) {
  ss_tell(world, 0, "all faults end");
  world->calm = true;
  ss_heal(world);
  ss_scheduler_start(world);
  for (unsigned i = 1; i <= world->store_count; i++) {
    ss_store *store = &world->stores[i];
    store->model.full_commits = 0;
    store->log.no_space = false;
    ss_start(store);
    ss_touch(store);
  }
}

static unsigned live_stores(const ss_world *world) {
  unsigned count = 0;
  for (unsigned i = 1; i <= world->store_count; i++) {
    count += !world->stores[i].gone;
  }
  return count;
}

/* What a region still waits for; NULL: nothing. */
static const char *unsettled(const ss_world *world, const kv_region *region) {
  const kv_peer *leader = peer_of(&world->stores[ss_leader(world, region->id, NULL)], region->id);
  if (ss_leader(world, region->id, NULL) == 0 || leader == NULL) {
    return "has no leader";
  }
  if (!kv_epoch_equal(leader->region.epoch, region->epoch)) {
    return "is led by a replica of another epoch";
  }
  for (unsigned i = 1; i <= world->store_count; i++) {
    const kv_peer *peer = peer_of(&world->stores[i], region->id);
    const kv_region_peer *member = kv_region_find_store(region, world->stores[i].kv_id);
    if (world->stores[i].gone) {
      if (member != NULL && live_stores(world) >= world->options.replicas) {
        return "has a member on a store that is lost, and others could take its place";
      }
      continue;
    }
    if (member == NULL && peer != NULL) {
      return "has a replica that is no member";
    }
    if (member != NULL && (peer == NULL || peer->peer_id != member->id)) {
      return "has a member without a replica";
    }
    if (member != NULL && peer->applied != leader->applied) {
      return "has a replica that lags";
    }
  }
  return NULL;
}

static const char *first_unsettled(const ss_world *world, uint64_t *region_id) {
  for (size_t i = 0; i < world->check.region_count; i++) {
    const kv_region *region = &world->check.regions[i].region;
    const char *what = unsettled(world, region);
    if (what != NULL) {
      *region_id = region->id;
      return what;
    }
  }
  return NULL;
}

static bool is_settled(ss_world *world, void *arg) {
  uint64_t region_id = 0;
  (void)arg;
  return first_unsettled(world, &region_id) == NULL;
}

void ss_settle(ss_world *world) {
  /* A replica that nobody told of its removal asks after ten minutes of ticks (P34). */
  const uint64_t limit = (uint64_t)world->options.tick_ms * 1000 * 6000 * 5 / 2;
  uint64_t region_id = 0;
  if (!ss_run_until(world, is_settled, NULL, limit) && !world->violated) {
    const char *what = first_unsettled(world, &region_id);
    ss_violation(world, "long after all faults have ended region %llu %s",
                 (unsigned long long)region_id, what != NULL ? what : "is unsettled");
  }
  for (unsigned i = 1; i <= world->store_count && !world->violated; i++) {
    ss_check_region(&world->stores[i], 0, true);
  }
}
