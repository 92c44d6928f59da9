/* store_open.c - opening a store: whose data is this, and what did it hold?
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>
#include <string.h>

#include "base/format.h"
#include "raftstore/core.h"
#include "raftstore/peer.h"

enum { FIRST_REGION = 1 };

static int check_config(const kv_store_config *config, kv_error *error) {
  bool member = config->member_count == 0;
  if (config->store_id == 0 || config->cluster_id == 0) {
    return kv_fail(error, KV_EINVAL, "store id and cluster id must not be 0");
  }
  if (config->address == NULL || config->address[0] == '\0' ||
      strlen(config->address) > KV_MAX_ADDRESS) {
    return kv_fail(error, KV_EINVAL, "the store's address must have 1 to %d bytes", KV_MAX_ADDRESS);
  }
  if (config->tick_ms == 0 || config->heartbeat_ticks == 0 ||
      config->election_ticks <= config->heartbeat_ticks) {
    return kv_fail(error, KV_EINVAL,
                   "the election timeout must be longer than the heartbeat interval");
  }
  if (config->initial_regions == 0 || config->initial_regions > KV_MAX_INITIAL_REGIONS) {
    return kv_fail(error, KV_EINVAL, "a cluster begins with 1 to %u regions",
                   KV_MAX_INITIAL_REGIONS);
  }
  if (config->max_batch_bytes == 0 || config->max_inflight_bytes == 0) {
    return kv_fail(error, KV_EINVAL, "batch and in-flight limits must not be 0");
  }
  for (size_t i = 0; i < config->member_count; i++) {
    const kv_member *one = &config->members[i];
    if (one->store_id == 0 || one->address == NULL || one->address[0] == '\0' ||
        strlen(one->address) > KV_MAX_ADDRESS) {
      return kv_fail(error, KV_EINVAL, "member %zu needs a store id and an address", i + 1);
    }
    for (size_t j = 0; j < i; j++) {
      if (config->members[j].store_id == one->store_id) {
        return kv_fail(error, KV_EINVAL, "store %llu is twice in the list of members",
                       (unsigned long long)one->store_id);
      }
    }
    member = member || one->store_id == config->store_id;
  }
  return member ? KV_OK
                : kv_fail(error, KV_EINVAL, "store %llu is not in the list of members",
                          (unsigned long long)config->store_id);
}

/* ---- the first start ---- */

/* Peer ids follow the order of store ids, so that every member counts the same. */
static uint64_t peer_id_of(const kv_store_config *config, uint64_t store_id) {
  uint64_t id = 1;
  for (size_t i = 0; i < config->member_count; i++) {
    id += config->members[i].store_id < store_id;
  }
  return id;
}

/* Where region `number` of them begins; the first one, and the one behind the last: nowhere. */
static raft_slice initial_bound(const kv_store_config *config, uint32_t number, char digits[9]) {
  if (number == 0 || number == config->initial_regions) {
    return (raft_slice){0};
  }
  uint32_t part = (uint32_t)(((uint64_t)number << 32) / config->initial_regions);
  (void)kv_format(digits, 9, "%08x", (unsigned)part);
  return (raft_slice){digits, 8};
}

static int initial_region(const kv_store_config *config, uint32_t number, kv_region_state *state) {
  char start[9], end[9];
  *state = (kv_region_state){.region = {.id = FIRST_REGION + number, .epoch = {1, 1}},
                             .peer_id = peer_id_of(config, config->store_id)};
  int rc = kv_region_set_range(&state->region, initial_bound(config, number, start),
                               initial_bound(config, number + 1, end));
  for (size_t i = 0; i < config->member_count && rc == KV_OK; i++) {
    const kv_member *member = &config->members[i];
    rc = kv_region_put_peer(&state->region, peer_id_of(config, member->store_id), member->store_id,
                            KV_PEER_VOTER, member->address);
  }
  return rc;
}

static int write_region(const kv_store_config *config, uint32_t number, kv_txn *txn) {
  kv_region_state state;
  kv_apply_state applied = {
      KV_INITIAL_LOG_INDEX, KV_INITIAL_LOG_TERM, KV_INITIAL_LOG_INDEX, KV_INITIAL_LOG_TERM, {0}};
  int rc = initial_region(config, number, &state);
  if (rc == KV_OK) {
    rc = kv_region_state_save(txn, &state);
  }
  if (rc == KV_OK) {
    rc = kv_apply_state_save(txn, state.region.id, &applied);
  }
  kv_region_state_clear(&state);
  return rc;
}

static int write_initial_regions(const kv_store_config *config, kv_txn *txn) {
  int rc = KV_OK;
  for (uint32_t i = 0; i < config->initial_regions && rc == KV_OK; i++) {
    rc = write_region(config, i, txn);
  }
  return rc;
}

static int count_region(void *arg, uint64_t region_id) {
  size_t *count = arg;
  (void)region_id;
  (*count)++;
  return KV_OK;
}

/* An empty engine beside a log that is in use: one of them is not this store's. */
static int check_log_is_empty(kv_store *store, kv_error *error) {
  const kv_log_device *log = &store->devices.log;
  size_t count = 0;
  int rc = log->each_region(log->ctx, count_region, &count);
  if (rc == KV_OK && count > 0) {
    return kv_fail(error, KV_ECORRUPT,
                   "the raft log is in use but the engine is empty: its data is lost. Start this "
                   "store with an empty data directory and a new store id");
  }
  return rc;
}

static int begin_life(kv_store *store, const kv_store_config *config, kv_txn *txn,
                      kv_error *error) {
  uint64_t keys = 0;
  store->ident = (kv_store_ident){.cluster_id = config->cluster_id,
                                  .store_id = config->store_id,
                                  .incarnation = 1,
                                  .data_id = store->ident.data_id};
  int rc = txn->engine->ops->count(txn, KV_SPACE_DATA, &keys);
  if (rc == KV_OK && keys > 0) {
    return kv_fail(error, KV_EFOREIGN,
                   "the data directory holds data without a store's identity: use another one");
  }
  if (rc == KV_OK) {
    rc = check_log_is_empty(store, error);
  }
  if (rc == KV_OK && config->member_count > 0) {
    rc = write_initial_regions(config, txn);
  }
  return rc;
}

static int check_ident(const kv_store *store, const kv_store_config *config, kv_error *error) {
  if (store->ident.store_id != config->store_id) {
    return kv_fail(error, KV_EFOREIGN,
                   "the data directory is that of store %llu, not of store %llu: give each store "
                   "its own directory",
                   (unsigned long long)store->ident.store_id, (unsigned long long)config->store_id);
  }
  if (store->ident.cluster_id != config->cluster_id) {
    return kv_fail(
        error, KV_EFOREIGN, "the data directory belongs to cluster %llu, not to cluster %llu",
        (unsigned long long)store->ident.cluster_id, (unsigned long long)config->cluster_id);
  }
  return KV_OK;
}

/* Every start counts: answers to an earlier life must not be taken for this one's. */
static int identify(kv_store *store, const kv_store_config *config, kv_txn *txn, kv_error *error) {
  int rc = kv_ident_load(txn, &store->ident);
  if (rc == KV_ENOTFOUND || (rc == KV_OK && store->ident.store_id == 0)) {
    rc = begin_life(store, config, txn, error);
  } else if (rc == KV_OK) {
    rc = check_ident(store, config, error);
    store->ident.incarnation++;
  }
  return rc == KV_OK ? kv_ident_save(txn, &store->ident) : rc;
}

/* ---- what is there ---- */

typedef struct opening {
  kv_store *store;
  kv_txn *txn;
  kv_error *error;
} opening;

static int open_grave(kv_store *store, const kv_region_state *state) {
  kv_region_slot *slot = kv_region_map_add(&store->regions, state->region.id);
  if (slot == NULL) {
    return KV_ENOMEM;
  }
  slot->buried_peer = state->peer_id;
  int rc = kv_region_copy(&slot->buried, &state->region);
  kv_log_bounds bounds;
  const kv_log_device *log = &store->devices.log;
  if (rc == KV_OK &&
      log->bounds(log->ctx, state->region.id, &bounds) == KV_OK) { /* cut off in its destruction */
    kv_log_change change = {.region_id = state->region.id, .destroy = true};
    kv_log_part part = {state->region.id, 0, KV_LOG_NOTHING, {0}};
    kv_log_writer_add(store, &change, part);
  }
  return rc;
}

/* What was left between the regions: a removal, a split or an installation may have been cut off
 * before it had deleted everything. */
static void clear_leftovers(kv_store *store) {
  const kv_region everything = {0};
  kv_peer_clear_data(store, &everything);
}

static int open_region(void *ctx, const kv_region_state *state) {
  opening *open = ctx;
  kv_apply_state applied;
  if (state->phase == KV_REGION_TOMBSTONE) {
    return open_grave(open->store, state);
  }
  if (state->phase == KV_REGION_APPLYING) {
    return kv_fail(open->error, KV_ECORRUPT,
                   "region %llu: a snapshot installation was cut off and not finished",
                   (unsigned long long)state->region.id);
  }
  int rc = kv_apply_state_load(open->txn, state->region.id, &applied);
  if (rc == KV_OK) {
    rc = kv_peer_open(open->store, state, &applied);
  }
  if (rc == KV_ECORRUPT || rc == KV_ENOTFOUND) {
    return kv_fail(open->error, KV_ECORRUPT,
                   "region %llu: the raft log is missing or does not fit the data; votes and "
                   "entries that this store promised may be lost. Start it with an empty data "
                   "directory and a new store id",
                   (unsigned long long)state->region.id);
  }
  for (size_t i = 0; i < state->region.peer_count && rc == KV_OK; i++) {
    const kv_region_peer *peer = &state->region.peers[i];
    rc = kv_address_book_learn(&open->store->addresses, peer->store_id, peer->address) ? KV_OK
                                                                                       : KV_ENOMEM;
  }
  return rc;
}

static int load_state(kv_store *store, const kv_store_config *config, kv_engine *engine,
                      kv_error *error) {
  kv_txn *txn = NULL;
  int rc = engine->ops->begin(engine, true, &txn);
  if (rc != KV_OK) {
    return rc;
  }
  rc = identify(store, config, txn, error);
  if (rc != KV_OK) {
    engine->ops->abort(txn);
    return rc;
  }
  rc = kv_commit_durable(txn);
  if (rc == KV_OK) {
    rc = engine->ops->begin(engine, false, &txn);
  }
  if (rc == KV_OK) {
    opening open = {store, txn, error};
    rc = kv_region_state_each(txn, open_region, &open);
    engine->ops->abort(txn);
  }
  if (rc == KV_OK) {
    clear_leftovers(store);
  }
  return rc;
}

static kv_store *create(const kv_store_config *config, const kv_devices *devices) {
  kv_store *store = calloc(1, sizeof *store);
  char *address = strdup(config->address);
  if (store == NULL || address == NULL) {
    free(store);
    free(address);
    return NULL;
  }
  store->config = *config;
  store->config.address = store->address = address;
  store->config.members = NULL;
  store->config.member_count = 0;
  store->devices = *devices;
  kv_request_table_init(&store->requests);
  kv_list_init(&store->arrived);
  kv_list_init(&store->done);
  kv_list_init(&store->parked);
  kv_list_init(&store->forwarded);
  kv_region_cache_init(&store->cache, config->max_cached_regions);
  kv_list_init(&store->dirty);
  kv_list_init(&store->awake);
  kv_list_init(&store->accepted);
  kv_list_init(&store->asleep);
  kv_list_init(&store->starved);
  kv_scheduler_client_init(&store->scheduler);
  return store;
}

int kv_store_open(const kv_store_config *config, const kv_devices *devices, kv_engine *engine,
                  kv_store **store, kv_error *error) {
  kv_error local = {0};
  error = error != NULL ? error : &local;
  *error = (kv_error){0};
  int rc = check_config(config, error);
  if (rc != KV_OK) {
    return rc;
  }
  *store = create(config, devices);
  rc = *store != NULL ? load_state(*store, config, engine, error) : KV_ENOMEM;
  if (rc != KV_OK) {
    if (error->code == KV_OK) {
      (void)kv_fail(error, rc, "store %llu could not be opened (%d)",
                    (unsigned long long)config->store_id, rc);
    }
    kv_store_close(*store);
    *store = NULL;
  }
  return rc;
}
