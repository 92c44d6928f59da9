/* overlay.c - the overlay engine: its transactions and keys.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "engine/overlay.h"

#include <stdlib.h>
#include <string.h>

#include "engine/overlay_engine.h"

static const size_t default_generation = (size_t)32 << 20;

static kv_overlay *overlay_of(const kv_txn *txn) {
  return (kv_overlay *)txn->engine;
}

/* ---- transactions ---- */

kv_generation *kv_overlay_release(kv_generation *generation) {
  if (generation == NULL || --generation->references > 0) {
    return NULL;
  }
  return generation;
}

static void free_generations(kv_generation *one, kv_generation *other) {
  if (one != NULL) {
    kv_generation_free(one);
  }
  if (other != NULL) {
    kv_generation_free(other);
  }
}

/* Called with the mutex. */
static void take_view(kv_overlay *overlay, kv_overlay_txn *txn) {
  txn->active = overlay->active;
  txn->sealed = overlay->sealed;
  txn->active->references++;
  if (txn->sealed != NULL) {
    txn->sealed->references++;
  }
  txn->sequence = atomic_load(&overlay->committed) + (txn->write ? 1 : 0);
  if (txn->write) { /* nobody else may look at the arena itself */
    txn->mark = kv_arena_mark_of(&txn->active->arena);
  }
}

static int begin_view(kv_overlay *overlay, kv_overlay_txn *txn) {
  int rc = KV_OK;
  pthread_mutex_lock(&overlay->mutex);
  if (!txn->write) {
    rc = overlay->below->ops->begin(overlay->below, false, &txn->below);
  }
  if (rc == KV_OK) {
    take_view(overlay, txn);
  }
  pthread_mutex_unlock(&overlay->mutex);
  return rc;
}

static int overlay_begin(kv_engine *base, bool write, kv_txn **out) {
  kv_overlay *overlay = (kv_overlay *)base;
  kv_overlay_txn *txn = calloc(1, sizeof *txn);
  if (txn == NULL) {
    return KV_ENOMEM;
  }
  txn->base.engine = base;
  txn->write = write;
  if (write) {
    pthread_mutex_lock(&overlay->writer);
  }
  const int rc = begin_view(overlay, txn);
  if (rc != KV_OK) {
    if (write) {
      pthread_mutex_unlock(&overlay->writer);
    }
    free(txn);
    return rc;
  }
  *out = &txn->base;
  return KV_OK;
}

int kv_overlay_below_txn(kv_overlay_txn *txn, kv_txn **below) {
  int rc = KV_OK;
  if (txn->below == NULL) {
    kv_engine *engine = overlay_of(&txn->base)->below;
    rc = engine->ops->begin(engine, false, &txn->below);
  }
  *below = txn->below;
  return rc;
}

/* Always before the mutex is taken: a reader that begins holds it while the map below grows, which
 * waits for the transactions below. */
static void end_below(kv_overlay_txn *txn) {
  if (txn->below != NULL) {
    txn->below->engine->ops->abort(txn->below);
    txn->below = NULL;
  }
}

/* Frees the transaction and what it alone referred to. */
static void end(kv_overlay_txn *txn) {
  kv_overlay *overlay = overlay_of(&txn->base);
  end_below(txn);
  pthread_mutex_lock(&overlay->mutex);
  kv_generation *active = kv_overlay_release(txn->active);
  kv_generation *sealed = kv_overlay_release(txn->sealed);
  pthread_mutex_unlock(&overlay->mutex);
  if (txn->write) {
    pthread_mutex_unlock(&overlay->writer);
  }
  free_generations(active, sealed);
  free(txn->touched[0]);
  free(txn->touched[1]);
  free(txn);
}

static void undo_space(kv_overlay_txn *txn, int space, bool alone) {
  for (size_t i = txn->touched_count[space]; i > 0; i--) {
    const kv_overlay_touch *touch = &txn->touched[space][i - 1];
    kv_overlay_map_undo(touch);
    if (touch->created && alone) {
      kv_overlay_map_unlink(&txn->active->maps[space], touch->node);
    }
  }
}

/* Memory comes back only if no reader may stand on it; new ones wait at the mutex. */
static void undo(kv_overlay_txn *txn) {
  kv_overlay *overlay = overlay_of(&txn->base);
  pthread_mutex_lock(&overlay->mutex);
  const bool alone = txn->active->references == 2; /* the overlay's and ours */
  undo_space(txn, KV_SPACE_DATA, alone);
  undo_space(txn, KV_SPACE_META, alone);
  if (alone) {
    kv_arena_rewind(&txn->active->arena, txn->mark);
  }
  atomic_store(&overlay->active_bytes, txn->active->arena.bytes);
  pthread_mutex_unlock(&overlay->mutex);
}

static void overlay_abort(kv_txn *base) {
  kv_overlay_txn *txn = (kv_overlay_txn *)base;
  end_below(txn);
  if (txn->write) {
    undo(txn);
  }
  end(txn);
}

/* A transaction that wrote nothing has no number. */
static bool is_empty(const kv_overlay_txn *txn) {
  return txn->touched_count[0] + txn->touched_count[1] == 0;
}

static void publish(kv_overlay *overlay, const kv_overlay_txn *txn) {
  pthread_mutex_lock(&overlay->mutex);
  txn->active->last = txn->sequence;
  atomic_store(&overlay->committed, txn->sequence);
  atomic_store(&overlay->active_bytes, txn->active->arena.bytes);
  pthread_mutex_unlock(&overlay->mutex);
}

static int overlay_commit(kv_txn *base) {
  kv_overlay_txn *txn = (kv_overlay_txn *)base;
  const int rc = txn->failure;
  if (rc != KV_OK || !txn->write) {
    overlay_abort(base);
    return rc;
  }
  end_below(txn);
  if (!is_empty(txn)) {
    publish(overlay_of(base), txn);
  }
  end(txn);
  return KV_OK;
}

static int overlay_commit_durable(kv_txn *base) {
  kv_overlay_txn *txn = (kv_overlay_txn *)base;
  int rc = txn->failure;
  if (rc == KV_OK && txn->write) {
    end_below(txn); /* the map below may have to grow */
    rc = kv_overlay_flush_with(overlay_of(base), txn);
  }
  if (rc != KV_OK) {
    overlay_abort(base);
    return rc;
  }
  end(txn);
  return KV_OK;
}

/* ---- keys ---- */

/* What the generations say of the key; NULL: nothing. */
static const kv_overlay_version *find(const kv_overlay_txn *txn, kv_space space, raft_slice key) {
  const kv_overlay_version *version =
      kv_overlay_map_get(&txn->active->maps[space], key, txn->sequence);
  if (version == NULL && txn->sealed != NULL) {
    version = kv_overlay_map_get(&txn->sealed->maps[space], key, txn->sequence);
  }
  return version;
}

static int overlay_get(kv_txn *base, kv_space space, raft_slice key, raft_slice *value) {
  kv_overlay_txn *txn = (kv_overlay_txn *)base;
  const kv_overlay_version *version = find(txn, space, key);
  if (version == NULL) {
    kv_txn *below;
    const int rc = kv_overlay_below_txn(txn, &below);
    return rc != KV_OK ? rc : below->engine->ops->get(below, space, key, value);
  }
  if (version->deleted) {
    return KV_ENOTFOUND;
  }
  *value = (raft_slice){version->data, version->len};
  return KV_OK;
}

static bool reserve_touch(kv_overlay_txn *txn, kv_space space) {
  if (txn->touched_count[space] < txn->touched_room[space]) {
    return true;
  }
  const size_t room = txn->touched_room[space] > 0 ? txn->touched_room[space] * 2 : 16;
  kv_overlay_touch *touched = realloc(txn->touched[space], room * sizeof *touched);
  if (touched == NULL) {
    return false;
  }
  txn->touched[space] = touched;
  txn->touched_room[space] = room;
  return true;
}

static int write_key(kv_overlay_txn *txn, kv_space space, raft_slice key, raft_slice value,
                     bool deleted) {
  kv_overlay_touch touch;
  if (!txn->write || key.len == 0 || key.len > KV_MAX_KEY) {
    return KV_EINVAL;
  }
  if (!reserve_touch(txn, space) ||
      !kv_overlay_map_put(&txn->active->maps[space], &txn->active->arena, key, value, deleted,
                          txn->sequence, &touch)) {
    txn->failure = KV_ENOMEM;
    return KV_ENOMEM;
  }
  if (touch.node != NULL) {
    txn->touched[space][txn->touched_count[space]++] = touch;
  }
  return KV_OK;
}

static int overlay_put(kv_txn *base, kv_space space, raft_slice key, raft_slice value) {
  return write_key((kv_overlay_txn *)base, space, key, value, false);
}

static int overlay_del(kv_txn *base, kv_space space, raft_slice key) {
  raft_slice value;
  kv_overlay_txn *txn = (kv_overlay_txn *)base;
  const int rc = txn->write ? overlay_get(base, space, key, &value) : KV_EINVAL;
  return rc == KV_OK ? write_key(txn, space, key, (raft_slice){0}, true) : rc;
}

/* ---- counting ---- */

/* How much the key changes the count below: it is there, or it is not. */
static int count_node(kv_txn *below, kv_space space, raft_slice key, bool deleted, uint64_t *keys) {
  raft_slice value;
  const int rc = below->engine->ops->get(below, space, key, &value);
  if (rc != KV_OK && rc != KV_ENOTFOUND) {
    return rc;
  }
  const bool there = rc == KV_OK;
  *keys += !there && !deleted ? 1 : 0;
  *keys -= there && deleted ? 1 : 0;
  return KV_OK;
}

/* Keys of one generation; in the sealed one, those of which the active one says nothing. */
static int count_generation(kv_overlay_txn *txn, const kv_generation *generation, kv_space space,
                            uint64_t *keys) {
  int rc = KV_OK;
  const kv_overlay_node *node = kv_overlay_node_next(generation->maps[space].head);
  for (; node != NULL && rc == KV_OK; node = kv_overlay_node_next(node)) {
    const raft_slice key = kv_overlay_node_key(node);
    const kv_overlay_version *version = kv_overlay_node_version(node, txn->sequence);
    if (version != NULL && find(txn, space, key) == version) {
      rc = count_node(txn->below, space, key, version->deleted, keys);
    }
  }
  return rc;
}

static int overlay_count(kv_txn *base, kv_space space, uint64_t *keys) {
  kv_overlay_txn *txn = (kv_overlay_txn *)base;
  kv_txn *below;
  int rc = kv_overlay_below_txn(txn, &below);
  if (rc == KV_OK) {
    rc = below->engine->ops->count(below, space, keys);
  }
  if (rc == KV_OK) {
    rc = count_generation(txn, txn->active, space, keys);
  }
  return rc == KV_OK && txn->sealed != NULL ? count_generation(txn, txn->sealed, space, keys) : rc;
}

/* ---- the engine ---- */

static void free_overlay(kv_overlay *overlay) {
  free_generations(overlay->active, overlay->sealed);
  pthread_mutex_destroy(&overlay->writer);
  pthread_mutex_destroy(&overlay->flusher);
  pthread_mutex_destroy(&overlay->mutex);
  free(overlay);
}

static void overlay_close(kv_engine *base) {
  kv_overlay *overlay = (kv_overlay *)base;
  kv_engine *below = overlay->below;
  free_overlay(overlay);
  below->ops->close(below);
}

static const kv_engine_ops overlay_ops = {
    .begin = overlay_begin,
    .commit = overlay_commit,
    .commit_durable = overlay_commit_durable,
    .abort = overlay_abort,
    .get = overlay_get,
    .put = overlay_put,
    .del = overlay_del,
    .count = overlay_count,
    .seek = kv_overlay_seek,
    .next = kv_overlay_next,
    .item = kv_overlay_item,
    .cursor_close = kv_overlay_cursor_close,
    .close = overlay_close,
};

int kv_overlay_open(kv_engine *below, size_t generation_bytes, kv_engine **out, kv_error *error) {
  kv_overlay *overlay = calloc(1, sizeof *overlay);
  if (overlay == NULL) {
    return kv_fail(error, KV_ENOMEM, "out of memory");
  }
  overlay->base.ops = &overlay_ops;
  overlay->below = below;
  overlay->generation_bytes = generation_bytes > 0 ? generation_bytes : default_generation;
  (void)pthread_mutex_init(&overlay->writer, NULL); /* plain ones cannot fail */
  (void)pthread_mutex_init(&overlay->flusher, NULL);
  (void)pthread_mutex_init(&overlay->mutex, NULL);
  overlay->active = kv_generation_create();
  if (overlay->active == NULL) {
    free_overlay(overlay);
    return kv_fail(error, KV_ENOMEM, "out of memory");
  }
  *out = &overlay->base;
  return KV_OK;
}

kv_engine *kv_overlay_below(const kv_engine *base) {
  return ((const kv_overlay *)base)->below;
}

uint64_t kv_overlay_committed(const kv_engine *base) {
  return atomic_load(&((const kv_overlay *)base)->committed);
}

kv_overlay_fill kv_overlay_fill_of(const kv_engine *base) {
  const kv_overlay *overlay = (const kv_overlay *)base;
  const size_t bytes = atomic_load(&overlay->active_bytes);
  const bool sealed = atomic_load(&overlay->sealed_bytes) > 0;
  if (atomic_load(&overlay->committed) == atomic_load(&overlay->durable)) {
    return KV_OVERLAY_CLEAN;
  }
  if (bytes < overlay->generation_bytes) {
    return KV_OVERLAY_DIRTY;
  }
  if (!sealed) {
    return KV_OVERLAY_DUE;
  }
  return bytes < 2 * overlay->generation_bytes ? KV_OVERLAY_BUSY : KV_OVERLAY_JAMMED;
}

void kv_overlay_get_stats(const kv_engine *base, kv_overlay_stats *stats) {
  const kv_overlay *overlay = (const kv_overlay *)base;
  *stats = (kv_overlay_stats){.committed = atomic_load(&overlay->committed),
                              .durable = atomic_load(&overlay->durable),
                              .active_bytes = atomic_load(&overlay->active_bytes),
                              .sealed_bytes = atomic_load(&overlay->sealed_bytes),
                              .flushes = atomic_load(&overlay->flushes),
                              .refused = atomic_load(&overlay->refused)};
}
