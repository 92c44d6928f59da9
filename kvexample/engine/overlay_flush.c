/* overlay_flush.c - how what was committed in memory becomes durable below.
 *
 * A flush waits for the write transaction that runs, takes its generation away from under it and
 * lets the next one go on in a fresh generation; then it writes at leisure. If that fails the
 * sealed generation stays, is still read, and is written by the next flush.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "engine/overlay_engine.h"

/* A full map below is made larger, twice as large each time, when a transaction is tried again. */
enum { ATTEMPTS = 4 };

/* ---- writing below ---- */

/* A transaction with everything of the generation; NULL if it could not be filled. */
static int fill(const kv_overlay *overlay, const kv_generation *generation, uint64_t sequence,
                kv_txn **out) {
  kv_engine *below = overlay->below;
  kv_txn *txn = NULL;
  int rc = below->ops->begin(below, true, &txn);
  if (rc != KV_OK) {
    return rc;
  }
  rc = kv_generation_write(generation, sequence, txn);
  if (rc != KV_OK) {
    below->ops->abort(txn);
    return rc;
  }
  *out = txn;
  return KV_OK;
}

static void note(kv_overlay *overlay, int rc) {
  if (rc == KV_OK) {
    atomic_fetch_add(&overlay->flushes, 1);
  } else {
    atomic_fetch_add(&overlay->refused, 1);
  }
}

static int write_below(kv_overlay *overlay, const kv_generation *generation) {
  int rc = KV_EFULL;
  for (int i = 0; i < ATTEMPTS && rc == KV_EFULL; i++) {
    kv_txn *txn = NULL;
    rc = fill(overlay, generation, generation->last, &txn);
    if (rc == KV_OK) {
      rc = kv_commit_durable(txn);
    }
    note(overlay, rc);
  }
  return rc;
}

/* ---- sealing ---- */

/* Makes room for a sealed generation's successor. Called with `writer` and the mutex. */
static int seal(kv_overlay *overlay) {
  if (overlay->sealed != NULL || overlay->active->last == 0) {
    return KV_OK;
  }
  kv_generation *fresh = kv_generation_create();
  if (fresh == NULL) {
    return KV_ENOMEM;
  }
  overlay->sealed = overlay->active;
  overlay->active = fresh;
  atomic_store(&overlay->sealed_bytes, overlay->sealed->arena.bytes);
  atomic_store(&overlay->active_bytes, fresh->arena.bytes);
  return KV_OK;
}

static int seal_between_writes(kv_overlay *overlay) {
  pthread_mutex_lock(&overlay->writer);
  pthread_mutex_lock(&overlay->mutex);
  const int rc = seal(overlay);
  pthread_mutex_unlock(&overlay->mutex);
  pthread_mutex_unlock(&overlay->writer);
  return rc;
}

/* Called with `flusher`, so nobody else takes the generation away. */
static int flush_sealed(kv_overlay *overlay) {
  pthread_mutex_lock(&overlay->mutex);
  kv_generation *sealed = overlay->sealed;
  pthread_mutex_unlock(&overlay->mutex);
  if (sealed == NULL) {
    return KV_OK;
  }
  const int rc = write_below(overlay, sealed);
  if (rc != KV_OK) {
    return rc;
  }
  pthread_mutex_lock(&overlay->mutex);
  overlay->sealed = NULL;
  atomic_store(&overlay->sealed_bytes, 0);
  atomic_store(&overlay->durable, sealed->last);
  sealed = kv_overlay_release(sealed);
  pthread_mutex_unlock(&overlay->mutex);
  if (sealed != NULL) {
    kv_generation_free(sealed);
  }
  return KV_OK;
}

static int flush_once(kv_overlay *overlay) {
  const int rc = seal_between_writes(overlay);
  if (rc != KV_OK) {
    return rc;
  }
  pthread_mutex_lock(&overlay->flusher);
  const int written = flush_sealed(overlay);
  pthread_mutex_unlock(&overlay->flusher);
  return written;
}

int kv_overlay_flush(kv_engine *base, uint64_t *durable) {
  kv_overlay *overlay = (kv_overlay *)base;
  const uint64_t wanted = atomic_load(&overlay->committed);
  int rc = KV_OK;
  /* Twice, if one that was sealed before was still to be written. */
  while (rc == KV_OK && atomic_load(&overlay->durable) < wanted) {
    rc = flush_once(overlay);
  }
  if (durable != NULL) {
    *durable = atomic_load(&overlay->durable);
  }
  return rc;
}

/* ---- durable commits ---- */

/* The transaction below becomes durable and ours visible in one moment for readers, which wait. */
static int commit_both(kv_overlay *overlay, const kv_overlay_txn *txn, kv_txn *below,
                       kv_generation *fresh) {
  pthread_mutex_lock(&overlay->mutex);
  const int rc = kv_commit_durable(below);
  if (rc == KV_OK) {
    overlay->active->references--; /* the transaction has one still */
    overlay->active = fresh;
    atomic_store(&overlay->active_bytes, fresh->arena.bytes);
    atomic_store(&overlay->committed, txn->sequence);
    atomic_store(&overlay->durable, txn->sequence);
  }
  pthread_mutex_unlock(&overlay->mutex);
  note(overlay, rc);
  return rc;
}

static int flush_active(kv_overlay *overlay, const kv_overlay_txn *txn) {
  kv_generation *fresh = kv_generation_create();
  int rc = fresh != NULL ? KV_EFULL : KV_ENOMEM;
  for (int i = 0; i < ATTEMPTS && rc == KV_EFULL; i++) {
    kv_txn *below = NULL;
    rc = fill(overlay, txn->active, txn->sequence, &below);
    if (rc == KV_OK) {
      rc = commit_both(overlay, txn, below, fresh);
    }
  }
  if (rc != KV_OK && fresh != NULL) {
    kv_generation_free(fresh);
  }
  return rc;
}

int kv_overlay_flush_with(kv_overlay *overlay, const kv_overlay_txn *txn) {
  pthread_mutex_lock(&overlay->flusher);
  int rc = flush_sealed(overlay);
  if (rc == KV_OK) {
    rc = flush_active(overlay, txn);
  }
  pthread_mutex_unlock(&overlay->flusher);
  return rc;
}
