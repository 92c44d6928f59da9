/* engines.c - what a store's state machine is kept in: the model, LMDB, or the overlay above them.
 *
 * The overlay is the real one. Power loss takes what it did not write below; the model, or LMDB on
 * a scratch directory, stays. The model alone can lose power in the middle of an installation.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "cluster.h"
#include "engine/overlay.h"

enum { GENERATION = 16 << 10, MAP = 256 << 10, MAP_MOST = 64 << 20 };

static bool has_overlay(const ss_store *store) {
  ss_engine_kind kind = store->world->options.engine;
  return kind == SS_OVERLAY || kind == SS_OVERLAY_LMDB;
}

static bool has_lmdb(const ss_store *store) {
  ss_engine_kind kind = store->world->options.engine;
  return kind == SS_LMDB || kind == SS_OVERLAY_LMDB;
}

static void path_of(const ss_store *store, const char *name, char path[128]) {
  (void)snprintf(path, 128, "%s/db%u%s", store->world->scratch, store->id, name);
}

static int open_below(ss_store *store, kv_error *error) {
  char path[128];
  if (!has_lmdb(store)) {
    store->below = &store->model.base;
    return KV_OK;
  }
  path_of(store, "", path);
  (void)mkdir(path, 0700);
  const kv_lmdb_options options = {.directory = path, .map_size = MAP, .map_limit = MAP_MOST};
  return kv_lmdb_open(&options, &store->below, error);
}

int ss_engine_open(ss_store *store, kv_error *error) {
  int rc = open_below(store, error);
  store->engine = store->below;
  return rc;
}

int ss_engine_cover(ss_store *store, kv_error *error) {
  store->durable_planned = false;
  return has_overlay(store) ? kv_overlay_open(store->below, GENERATION, &store->engine, error)
                            : KV_OK;
}

void ss_engine_close(ss_store *store) {
  if (store->engine != NULL) {
    store->engine->ops->close(store->engine);
  }
  store->engine = has_lmdb(store) ? NULL : &store->model.base;
  store->below = store->engine;
}

void ss_engine_free(ss_store *store) {
  char path[128];
  ss_engine_close(store);
  if (has_lmdb(store)) {
    static const char *const names[] = {"/data.mdb", "/lock.mdb", ""};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
      path_of(store, names[i], path);
      (void)remove(path);
    }
  }
  ss_model_free(&store->model);
}

/* ---- commits ---- */

int ss_engine_commit(ss_store *store, kv_txn *txn, bool barrier) {
  return barrier ? kv_commit_durable(txn) : store->engine->ops->commit(txn);
}

uint64_t ss_engine_sequence(const ss_store *store) {
  return has_overlay(store) ? kv_overlay_committed(store->engine) : 0;
}

bool ss_engine_is_busy(const ss_store *store) {
  return has_overlay(store) && kv_overlay_fill_of(store->engine) >= KV_OVERLAY_BUSY;
}

void ss_engine_moved(ss_store *store) {
  if (has_overlay(store) && !store->durable_planned &&
      kv_overlay_fill_of(store->engine) != KV_OVERLAY_CLEAN) {
    store->durable_planned = true;
    ss_plan(store->world, 1 + ss_below(store->world, store->world->options.generation_age),
            SS_DURABLE, store->id, store->generation, NULL);
  }
}

void ss_durable_event(ss_store *store) {
  uint64_t durable = 0;
  store->durable_planned = false;
  bool full = store->model.full_commits > 0;
  int rc = kv_overlay_flush(store->engine, &durable);
  store->world->counts[SS_FULL_MAPS] += full && rc == KV_EFULL;
  store->world->counts[SS_GENERATIONS]++;
  if (!ss_may_crash(store)) {
    kv_store_durable(store->store, durable, rc);
    ss_touch(store);
    ss_engine_moved(store);
  }
}

int ss_engine_flush(ss_store *store) {
  return has_overlay(store) ? kv_overlay_flush(store->engine, NULL) : KV_OK;
}

/* ---- looking ---- */

uint64_t ss_engine_hash(ss_store *store, kv_txn *txn, raft_slice start, raft_slice end,
                        size_t *count) {
  kv_cursor *cursor = NULL;
  raft_slice key, value;
  uint64_t sum = 0;
  *count = 0;
  if (store->engine == &store->model.base) {
    return ss_model_hash(&store->model, KV_SPACE_DATA, start, end, count);
  }
  if (txn->engine->ops->seek(txn, KV_SPACE_DATA, start, &cursor) != KV_OK) {
    return 0;
  }
  do {
    txn->engine->ops->item(cursor, &key, &value);
    if (kv_key_past_end(key, end)) {
      break;
    }
    sum += ss_record_hash(key, value);
    ++*count;
  } while (txn->engine->ops->next(cursor) == KV_OK);
  txn->engine->ops->cursor_close(cursor);
  return sum + *count;
}
