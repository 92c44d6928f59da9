/* check.c - compares what the stores have with each other, incrementally.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>
#include <xxhash.h>

#include "cluster.h"
#include "raftstore/region_state.h"

/* ---- equal applied index, equal data ---- */

static size_t place(uint64_t region_id, uint64_t applied, size_t room) {
  return (size_t)sim_mix(region_id * UINT64_C(0x9E3779B97F4A7C15) + applied) & (room - 1);
}

static ss_point *find_point(const ss_check *check, uint64_t region_id, uint64_t applied) {
  size_t at = place(region_id, applied, check->point_room);
  while (check->points[at].region_id != 0 &&
         (check->points[at].region_id != region_id || check->points[at].applied != applied)) {
    at = (at + 1) & (check->point_room - 1);
  }
  return &check->points[at];
}

static void grow_points(ss_check *check) {
  ss_check larger = {.point_room = check->point_room == 0 ? 1024 : check->point_room * 2};
  larger.points = sim_zeroed(larger.point_room, sizeof *larger.points);
  for (size_t i = 0; i < check->point_room; i++) {
    const ss_point *point = &check->points[i];
    if (point->region_id != 0) {
      *find_point(&larger, point->region_id, point->applied) = *point;
    }
  }
  free(check->points);
  check->points = larger.points;
  check->point_room = larger.point_room;
}

static uint64_t mix_slice(uint64_t hash, raft_slice slice) {
  return XXH3_64bits_withSeed(slice.len > 0 ? slice.data : "", slice.len, hash + slice.len);
}

static uint64_t range_hash(const kv_region *region) {
  return mix_slice(mix_slice(1, region->start), region->end);
}

static uint64_t peers_hash(const kv_region *region) {
  uint64_t hash = region->peer_count;
  for (size_t i = 0; i < region->peer_count; i++) {
    const kv_region_peer *peer = &region->peers[i];
    hash = sim_mix(hash ^ peer->id);
    hash = sim_mix(hash ^ peer->store_id);
    hash = sim_mix(hash ^ (uint64_t)peer->role);
  }
  return hash;
}

static uint64_t descriptor_hash(const kv_region *region) {
  return sim_mix(range_hash(region) ^ peers_hash(region) ^ region->epoch.version << 32 ^
                 region->epoch.conf_ver);
}

static void check_point(ss_store *store, kv_txn *txn, const ss_replica *replica) {
  ss_world *world = store->world;
  const kv_region *region = &replica->region;
  const uint64_t applied = replica->applied;
  ss_check *check = &world->check;
  size_t keys = 0;
  uint64_t hash =
      ss_engine_hash(store, txn, region->start, region->end, &keys) ^ replica->descriptor;
  if (check->point_count * 2 >= check->point_room) {
    grow_points(check);
  }
  ss_point *point = find_point(check, region->id, applied);
  if (point->region_id == 0) {
    *point = (ss_point){region->id, applied, hash, store->id};
    check->point_count++;
  } else if (point->hash != hash) {
    ss_violation(world,
                 "replicas differ: region %llu at applied index %llu, s%u has other data or "
                 "another descriptor than s%u had (%zu keys)",
                 (unsigned long long)region->id, (unsigned long long)applied, store->id,
                 point->store, keys);
  }
}

/* ---- one descriptor an epoch, and none goes back ---- */

static void check_epoch(ss_store *store, const kv_region *region) {
  ss_check *check = &store->world->check;
  ss_epoch_record fresh = {region->id, region->epoch, range_hash(region), peers_hash(region)};
  for (size_t i = check->epoch_count; i > 0; i--) {
    const ss_epoch_record *known = &check->epochs[i - 1];
    if (known->region_id != region->id) {
      continue;
    }
    if (known->epoch.version == region->epoch.version && known->range_hash != fresh.range_hash) {
      ss_violation(store->world, "region %llu has two ranges in version %llu, one of them on s%u",
                   (unsigned long long)region->id, (unsigned long long)region->epoch.version,
                   store->id);
    }
    if (kv_epoch_equal(known->epoch, region->epoch)) {
      if (known->peers_hash != fresh.peers_hash) {
        ss_violation(store->world, "region %llu has two member lists in epoch %llu/%llu, s%u",
                     (unsigned long long)region->id, (unsigned long long)region->epoch.version,
                     (unsigned long long)region->epoch.conf_ver, store->id);
      }
      return;
    }
  }
  check->epochs = sim_resize(check->epochs, check->epoch_count + 1, sizeof *check->epochs);
  check->epochs[check->epoch_count++] = fresh;
}

static ss_replica *find_replica(ss_check *check, unsigned store, uint64_t region_id) {
  for (size_t i = 0; i < check->replica_count; i++) {
    if (check->replicas[i].store == store && check->replicas[i].region.id == region_id) {
      return &check->replicas[i];
    }
  }
  return NULL;
}

static void forget_replica(ss_check *check, ss_replica *replica) {
  kv_region_clear(&replica->region);
  *replica = check->replicas[--check->replica_count];
}

static ss_replica *add_replica(ss_check *check, unsigned store) {
  check->replicas = sim_resize(check->replicas, check->replica_count + 1, sizeof *check->replicas);
  ss_replica *replica = &check->replicas[check->replica_count++];
  *replica = (ss_replica){.store = store};
  return replica;
}

/* The record changed. */
static void check_record(ss_store *store, const ss_replica *known, const kv_region_state *state) {
  const kv_epoch epoch = state->region.epoch;
  if (known->peer_id == state->peer_id && kv_epoch_stale(epoch, known->region.epoch)) {
    ss_violation(store->world, "s%u went back in the epoch of region %llu", store->id,
                 (unsigned long long)state->region.id);
  }
  if (known->region.epoch.conf_ver != epoch.conf_ver) {
    ss_tell(store->world, store->id, "has %zu members of region %llu in epoch %llu/%llu",
            state->region.peer_count, (unsigned long long)state->region.id,
            (unsigned long long)epoch.version, (unsigned long long)epoch.conf_ver);
  }
}

static void move_replica(ss_store *store, ss_replica *replica, uint64_t applied) {
  if (applied < replica->applied) {
    ss_violation(store->world, "s%u went back in region %llu, from %llu to %llu", store->id,
                 (unsigned long long)replica->region.id, (unsigned long long)replica->applied,
                 (unsigned long long)applied);
  }
  replica->applied = applied;
}

/* The record of a living replica as it is now. */
static ss_replica *note_record(ss_store *store, ss_replica *known, const kv_region_state *state,
                               uint64_t record) {
  if (known == NULL) {
    known = add_replica(&store->world->check, store->id);
  } else {
    check_record(store, known, state);
    known->applied = known->peer_id == state->peer_id ? known->applied : 0;
  }
  kv_region_clear(&known->region);
  (void)kv_region_copy(&known->region, &state->region);
  known->peer_id = state->peer_id;
  known->record = record;
  known->descriptor = descriptor_hash(&state->region);
  return known;
}

void ss_check_rewind(ss_check *check, unsigned store) {
  for (size_t i = 0; i < check->replica_count; i++) {
    if (check->replicas[i].store == store) {
      check->replicas[i].applied = 0;
    }
  }
}

void ss_check_forget(ss_check *check, unsigned store) {
  for (size_t i = check->replica_count; i > 0; i--) {
    if (check->replicas[i - 1].store == store) {
      forget_replica(check, &check->replicas[i - 1]);
    }
  }
}

/* ---- the key space ---- */

static int compare(raft_slice a, raft_slice b) {
  size_t shorter = a.len < b.len ? a.len : b.len;
  int order = shorter > 0 ? memcmp(a.data, b.data, shorter) : 0;
  return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static int by_start(const void *a, const void *b) {
  const ss_known *left = a, *right = b;
  return compare(left->region.start, right->region.start);
}

const kv_region *ss_check_find(const ss_check *check, uint64_t region_id) {
  for (size_t i = 0; i < check->region_count; i++) {
    if (check->regions[i].region.id == region_id) {
      return &check->regions[i].region;
    }
  }
  return NULL;
}

const kv_region *ss_check_by_key(const ss_check *check, raft_slice key) {
  for (size_t i = 0; i < check->region_count; i++) {
    if (kv_region_has_key(&check->regions[i].region, key)) {
      return &check->regions[i].region;
    }
  }
  return NULL;
}

static void keep(ss_world *world, unsigned store, const kv_region *region) {
  ss_check *check = &world->check;
  ss_known *known = NULL;
  for (size_t i = 0; i < check->region_count && known == NULL; i++) {
    known = check->regions[i].region.id == region->id ? &check->regions[i] : NULL;
  }
  if (known == NULL) {
    check->regions = sim_resize(check->regions, check->region_count + 1, sizeof *check->regions);
    known = &check->regions[check->region_count++];
    *known = (ss_known){0};
    if (check->region_count > 1) {
      world->counts[SS_SPLITS]++;
      ss_tell(world, store, "is the first with region %llu", (unsigned long long)region->id);
    }
  } else if (!kv_epoch_stale(known->region.epoch, region->epoch)) {
    return;
  } else if (known->region.epoch.conf_ver < region->epoch.conf_ver) {
    world->counts[SS_CHANGES]++;
  }
  kv_region_clear(&known->region);
  (void)kv_region_copy(&known->region, region);
  check->changed = true;
}

static void check_cover(ss_world *world) {
  ss_check *check = &world->check;
  if (!check->changed) {
    return;
  }
  check->changed = false;
  qsort(check->regions, check->region_count, sizeof *check->regions, by_start);
  raft_slice end = {"", 0};
  for (size_t i = 0; i < check->region_count; i++) {
    const kv_region *region = &check->regions[i].region;
    if (compare(region->start, end) != 0 || (i > 0 && end.len == 0)) {
      ss_violation(world, "the newest regions do not cover the key space: at region %llu",
                   (unsigned long long)region->id);
      return;
    }
    end = region->end;
  }
  if (check->region_count > 0 && end.len != 0) {
    ss_violation(world, "the newest regions do not reach the end of the key space");
  }
}

/* ---- all of it ---- */

/* The record of a region, as docs/formats.md has it. 0: none. */
static uint64_t record_hash(kv_txn *txn, uint64_t region_id) {
  unsigned char key[9] = {'R'};
  raft_slice value;
  for (size_t i = 0; i < 8; i++) {
    key[1 + i] = (unsigned char)(region_id >> (56 - 8 * i));
  }
  int rc = txn->engine->ops->get(txn, KV_SPACE_META, (raft_slice){key, sizeof key}, &value);
  return rc == KV_OK ? mix_slice(1, value) | 1 : 0;
}

/* What a record says that has changed. NULL: of no replica that has data. */
static ss_replica *read_record(ss_store *store, kv_txn *txn, uint64_t region_id, ss_replica *known,
                               uint64_t record) {
  kv_region_state state;
  if (kv_region_state_load(txn, region_id, &state) != KV_OK) {
    return NULL;
  }
  if (state.phase == KV_REGION_TOMBSTONE) {
    if (known != NULL) {
      forget_replica(&store->world->check, known);
      ss_tell(store->world, store->id, "buries its replica of region %llu",
              (unsigned long long)region_id);
    }
    known = NULL;
  } else if (state.phase == KV_REGION_NORMAL && kv_region_initialised(&state.region)) {
    check_epoch(store, &state.region);
    known = note_record(store, known, &state, record);
    keep(store->world, store->id, &state.region);
  } else {
    known = NULL;
  }
  kv_region_state_clear(&state);
  return known;
}

static void look_at(ss_store *store, kv_txn *txn, uint64_t region_id) {
  uint64_t record = record_hash(txn, region_id);
  ss_replica *replica = find_replica(&store->world->check, store->id, region_id);
  kv_apply_state applied;
  if (record == 0) {
    return;
  }
  if (replica == NULL || replica->record != record) {
    replica = read_record(store, txn, region_id, replica, record);
  }
  if (replica != NULL && kv_apply_state_load(txn, region_id, &applied) == KV_OK) {
    move_replica(store, replica, applied.applied_index);
    check_point(store, txn, replica);
  }
}

typedef struct listing {
  uint64_t *ids;
  size_t count;
} listing;

static int list_one(void *ctx, const kv_region_state *state) {
  listing *list = ctx;
  list->ids = sim_resize(list->ids, list->count + 1, sizeof *list->ids);
  list->ids[list->count++] = state->region.id;
  return KV_OK;
}

void ss_check_region(ss_store *store, uint64_t region_id, bool all) {
  kv_engine *engine = store->engine;
  kv_txn *txn = NULL;
  listing list = {NULL, 0};
  if (engine == NULL || engine->ops->begin(engine, false, &txn) != KV_OK) {
    return;
  }
  if (all) {
    (void)kv_region_state_each(txn, list_one, &list);
    for (size_t i = 0; i < list.count; i++) {
      look_at(store, txn, list.ids[i]);
    }
    free(list.ids);
  } else {
    look_at(store, txn, region_id);
  }
  engine->ops->abort(txn);
  check_cover(store->world);
}

void ss_check_free(ss_check *check) {
  for (size_t i = 0; i < check->region_count; i++) {
    kv_region_clear(&check->regions[i].region);
  }
  for (size_t i = 0; i < check->replica_count; i++) {
    kv_region_clear(&check->replicas[i].region);
  }
  free(check->regions);
  free(check->points);
  free(check->epochs);
  free(check->replicas);
  *check = (ss_check){0};
}
