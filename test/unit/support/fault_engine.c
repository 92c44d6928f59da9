/* fault_engine.c - a key-value engine that passes everything on to another, and fails on demand.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "fault_engine.h"

#include <check.h>
#include <stdlib.h>

typedef struct fault_txn {
  kv_txn base;
  kv_txn *real;
  bool write;
} fault_txn;

typedef struct fault_cursor {
  kv_cursor base;
  kv_cursor *real;
} fault_cursor;

static fault_engine *of(const kv_txn *txn) {
  return (fault_engine *)txn->engine;
}

static kv_txn *real_txn(const kv_txn *txn) {
  return ((const fault_txn *)txn)->real;
}

static const kv_engine_ops *ops(const kv_txn *txn) {
  return of(txn)->real->ops;
}

/* Counts an operation; its fault, or KV_OK. */
static int fault(fault_engine *engine) {
  if (engine->commits > engine->max_commits) {
    return KV_EIO;
  }
  return ++engine->operations == engine->fail_at ? engine->fail_code : KV_OK;
}

static int fault_begin(kv_engine *base, bool write, kv_txn **out) {
  fault_engine *engine = (fault_engine *)base;
  fault_txn *txn = calloc(1, sizeof *txn);
  ck_assert_ptr_nonnull(txn);
  txn->base.engine = base;
  txn->write = write;
  int rc = fault(engine);
  if (rc == KV_OK) {
    rc = engine->real->ops->begin(engine->real, write, &txn->real);
  }
  if (rc != KV_OK) {
    free(txn);
    return rc;
  }
  engine->open++;
  *out = &txn->base;
  return KV_OK;
}

static void fault_abort(kv_txn *base) {
  ops(base)->abort(real_txn(base));
  of(base)->open--;
  free(base);
}

static int fault_commit(kv_txn *base) {
  fault_engine *engine = of(base);
  int rc = fault(engine);
  if (rc == KV_OK && ((fault_txn *)base)->write && ++engine->commits > engine->max_commits) {
    rc = KV_EIO;
  }
  if (rc != KV_OK) {
    fault_abort(base);
    return rc;
  }
  rc = ops(base)->commit(real_txn(base));
  engine->open--;
  free(base);
  return rc;
}

static int fault_get(kv_txn *txn, kv_space space, raft_slice key, raft_slice *value) {
  int rc = fault(of(txn));
  return rc != KV_OK ? rc : ops(txn)->get(real_txn(txn), space, key, value);
}

static int fault_put(kv_txn *txn, kv_space space, raft_slice key, raft_slice value) {
  int rc = fault(of(txn));
  return rc != KV_OK ? rc : ops(txn)->put(real_txn(txn), space, key, value);
}

static int fault_del(kv_txn *txn, kv_space space, raft_slice key) {
  int rc = fault(of(txn));
  return rc != KV_OK ? rc : ops(txn)->del(real_txn(txn), space, key);
}

static int fault_count(kv_txn *txn, kv_space space, uint64_t *keys) {
  int rc = fault(of(txn));
  return rc != KV_OK ? rc : ops(txn)->count(real_txn(txn), space, keys);
}

static int fault_seek(kv_txn *txn, kv_space space, raft_slice from, kv_cursor **out) {
  fault_cursor *cursor = calloc(1, sizeof *cursor);
  ck_assert_ptr_nonnull(cursor);
  cursor->base.txn = txn;
  int rc = fault(of(txn));
  if (rc == KV_OK) {
    rc = ops(txn)->seek(real_txn(txn), space, from, &cursor->real);
  }
  if (rc != KV_OK) {
    free(cursor);
    return rc;
  }
  of(txn)->open++;
  *out = &cursor->base;
  return KV_OK;
}

static int fault_next(kv_cursor *base) {
  int rc = fault(of(base->txn));
  return rc != KV_OK ? rc : ops(base->txn)->next(((fault_cursor *)base)->real);
}

static void fault_item(kv_cursor *base, raft_slice *key, raft_slice *value) {
  ops(base->txn)->item(((fault_cursor *)base)->real, key, value);
}

static void fault_cursor_close(kv_cursor *base) {
  ops(base->txn)->cursor_close(((fault_cursor *)base)->real);
  of(base->txn)->open--;
  free(base);
}

static void fault_close(kv_engine *base) {
  (void)base;
}

static const kv_engine_ops fault_ops = {
    .begin = fault_begin,
    .commit = fault_commit,
    .abort = fault_abort,
    .get = fault_get,
    .put = fault_put,
    .del = fault_del,
    .count = fault_count,
    .seek = fault_seek,
    .next = fault_next,
    .item = fault_item,
    .cursor_close = fault_cursor_close,
    .close = fault_close,
};

void fault_engine_init(fault_engine *engine, kv_engine *real) {
  *engine = (fault_engine){.base = {&fault_ops}, .real = real, .max_commits = SIZE_MAX};
}
