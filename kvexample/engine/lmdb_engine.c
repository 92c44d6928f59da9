/* lmdb_engine.c - the key-value engine over LMDB: transactions, keys, cursors.
 *
 * One environment with two named databases, `data` and `meta`, so that a commit covers both. Every
 * commit is synchronous. Read transactions are not tied to threads and are renewed instead of made
 * anew.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "engine/lmdb_engine.h"

#include <stdlib.h>
#include <unistd.h>

typedef struct lmdb_cursor {
  kv_cursor base;
  MDB_cursor *cursor;
  MDB_val key, value;
} lmdb_cursor;

static kv_lmdb *engine_of(const kv_txn *txn) {
  return (kv_lmdb *)txn->engine;
}

/* LMDB's values are not const; what is put is only read all the same. */
static MDB_val to_val(raft_slice slice) {
  union {
    const void *in;
    void *out;
  } data = {slice.len > 0 ? slice.data : ""};
  return (MDB_val){slice.len, data.out};
}

static raft_slice to_slice(MDB_val val) {
  return (raft_slice){val.mv_data, val.mv_size};
}

/* --- transactions ------------------------------------------------------------------------------
 */

static kv_lmdb_txn *take_idle(kv_lmdb *engine) {
  pthread_mutex_lock(&engine->mutex);
  kv_lmdb_txn *txn = engine->idle;
  if (txn != NULL) {
    engine->idle = txn->next;
  }
  pthread_mutex_unlock(&engine->mutex);
  return txn;
}

static void give_idle(kv_lmdb *engine, kv_lmdb_txn *txn) {
  pthread_mutex_lock(&engine->mutex);
  txn->next = engine->idle;
  engine->idle = txn;
  pthread_mutex_unlock(&engine->mutex);
}

/* An LMDB transaction for `txn`, which has a reset one if it was idle. */
static int start(kv_lmdb *engine, kv_lmdb_txn *txn) {
  if (txn->write) {
    return mdb_txn_begin(engine->env, NULL, 0, &txn->txn);
  }
  return txn->txn != NULL ? mdb_txn_renew(txn->txn)
                          : mdb_txn_begin(engine->env, NULL, MDB_RDONLY, &txn->txn);
}

static void drop(kv_lmdb_txn *txn) {
  if (txn->txn != NULL) {
    mdb_txn_abort(txn->txn);
  }
  free(txn);
}

static int lmdb_begin(kv_engine *base, bool write, kv_txn **out) {
  kv_lmdb *engine = (kv_lmdb *)base;
  kv_lmdb_txn *txn = write ? NULL : take_idle(engine);
  if (txn == NULL && (txn = calloc(1, sizeof *txn)) == NULL) {
    return KV_ENOMEM;
  }
  txn->base.engine = base;
  txn->write = write;
  kv_lmdb_enter(engine, write);
  int rc = atomic_load(&engine->broken) ? KV_EIO : kv_lmdb_code(engine, start(engine, txn));
  if (rc != KV_OK) {
    if (write) {
      txn->txn = NULL;
    }
    drop(txn);
    kv_lmdb_leave(engine);
    return rc;
  }
  *out = &txn->base;
  return KV_OK;
}

static void end_read(kv_lmdb *engine, kv_lmdb_txn *txn) {
  mdb_txn_reset(txn->txn);
  give_idle(engine, txn);
  kv_lmdb_leave(engine);
}

static void lmdb_abort(kv_txn *base) {
  kv_lmdb_txn *txn = (kv_lmdb_txn *)base;
  kv_lmdb *engine = engine_of(base);
  if (!txn->write) {
    end_read(engine, txn);
    return;
  }
  drop(txn);
  kv_lmdb_leave(engine);
}

/* A full disk, a full map or lost memory undo the transaction and nothing else. */
static bool is_harmless(int rc) {
  return rc == KV_OK || rc == KV_EFULL || rc == KV_ENOMEM || rc == KV_EINVAL;
}

static int lmdb_commit(kv_txn *base) {
  kv_lmdb_txn *txn = (kv_lmdb_txn *)base;
  kv_lmdb *engine = engine_of(base);
  int rc = txn->failure;
  if (rc != KV_OK || !txn->write) {
    lmdb_abort(base);
    return rc;
  }
  int failed = mdb_txn_commit(txn->txn);
  rc = kv_lmdb_code(engine, failed);
  txn->txn = NULL; /* gone in any case */
  drop(txn);
  kv_lmdb_leave(engine);
  if (failed == MDB_MAP_FULL) {
    kv_lmdb_map_wanted(engine);
  }
  if (!is_harmless(rc)) {
    atomic_store(&engine->broken, true);
  }
  return rc;
}

/* Of an operation in a transaction: what is not an answer makes the transaction useless. */
static int outcome(kv_txn *base, int failed) {
  kv_lmdb_txn *txn = (kv_lmdb_txn *)base;
  if (failed == MDB_BAD_TXN && txn->failure != KV_OK) {
    return txn->failure;
  }
  int rc = kv_lmdb_code(engine_of(base), failed);
  if (failed == MDB_MAP_FULL) {
    kv_lmdb_map_wanted(engine_of(base));
  }
  if (rc != KV_OK && rc != KV_ENOTFOUND && rc != KV_EINVAL && txn->failure == KV_OK) {
    txn->failure = rc;
  }
  return rc;
}

/* --- keys --------------------------------------------------------------------------------------
 */

static MDB_dbi dbi_of(const kv_txn *txn, kv_space space) {
  return engine_of(txn)->spaces[space];
}

static int lmdb_get(kv_txn *base, kv_space space, raft_slice key, raft_slice *value) {
  MDB_val k = to_val(key), v;
  int failed = mdb_get(((kv_lmdb_txn *)base)->txn, dbi_of(base, space), &k, &v);
  if (failed == 0) {
    *value = to_slice(v);
  }
  return outcome(base, failed);
}

static int lmdb_put(kv_txn *base, kv_space space, raft_slice key, raft_slice value) {
  MDB_val k = to_val(key), v = to_val(value);
  return outcome(base, mdb_put(((kv_lmdb_txn *)base)->txn, dbi_of(base, space), &k, &v, 0));
}

static int lmdb_del(kv_txn *base, kv_space space, raft_slice key) {
  MDB_val k = to_val(key);
  return outcome(base, mdb_del(((kv_lmdb_txn *)base)->txn, dbi_of(base, space), &k, NULL));
}

static int lmdb_count(kv_txn *base, kv_space space, uint64_t *keys) {
  MDB_stat stat = {0};
  int failed = mdb_stat(((kv_lmdb_txn *)base)->txn, dbi_of(base, space), &stat);
  *keys = stat.ms_entries;
  return outcome(base, failed);
}

/* --- cursors -----------------------------------------------------------------------------------
 */

static void lmdb_cursor_close(kv_cursor *base) {
  lmdb_cursor *cursor = (lmdb_cursor *)base;
  mdb_cursor_close(cursor->cursor);
  free(cursor);
}

static int move(lmdb_cursor *cursor, MDB_cursor_op op) {
  return outcome(cursor->base.txn,
                 mdb_cursor_get(cursor->cursor, &cursor->key, &cursor->value, op));
}

static int lmdb_seek(kv_txn *base, kv_space space, raft_slice from, kv_cursor **out) {
  lmdb_cursor *cursor = calloc(1, sizeof *cursor);
  if (cursor == NULL) {
    return KV_ENOMEM;
  }
  cursor->base.txn = base;
  cursor->key = to_val(from);
  int rc = outcome(
      base, mdb_cursor_open(((kv_lmdb_txn *)base)->txn, dbi_of(base, space), &cursor->cursor));
  if (rc != KV_OK) {
    free(cursor);
    return rc;
  }
  rc = move(cursor, from.len > 0 ? MDB_SET_RANGE : MDB_FIRST);
  if (rc != KV_OK) {
    lmdb_cursor_close(&cursor->base);
    return rc;
  }
  *out = &cursor->base;
  return KV_OK;
}

static int lmdb_next(kv_cursor *base) {
  return move((lmdb_cursor *)base, MDB_NEXT);
}

static void lmdb_item(kv_cursor *base, raft_slice *key, raft_slice *value) {
  const lmdb_cursor *cursor = (const lmdb_cursor *)base;
  *key = to_slice(cursor->key);
  *value = to_slice(cursor->value);
}

/* --- the engine --------------------------------------------------------------------------------
 */

static void lmdb_close(kv_engine *base) {
  kv_lmdb *engine = (kv_lmdb *)base;
  kv_lmdb_txn *txn;
  while ((txn = take_idle(engine)) != NULL) {
    drop(txn);
  }
  mdb_env_close(engine->env);
  close(engine->lock);
  pthread_cond_destroy(&engine->changed);
  pthread_mutex_destroy(&engine->mutex);
  free(engine);
}

const kv_engine_ops kv_lmdb_ops = {
    .begin = lmdb_begin,
    .commit = lmdb_commit,
    .abort = lmdb_abort,
    .get = lmdb_get,
    .put = lmdb_put,
    .del = lmdb_del,
    .count = lmdb_count,
    .seek = lmdb_seek,
    .next = lmdb_next,
    .item = lmdb_item,
    .cursor_close = lmdb_cursor_close,
    .close = lmdb_close,
};
