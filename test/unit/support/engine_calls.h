/* engine_calls.h - calls on a key-value engine that must succeed, for tests of engines.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TEST_ENGINE_CALLS_H
#define TEST_ENGINE_CALLS_H

#include <check.h>
#include <string.h>

#include "engine/engine.h"

static inline raft_slice str(const char *text) {
  return (raft_slice){text, strlen(text)};
}

static inline kv_txn *begin(kv_engine *engine, bool write) {
  kv_txn *txn = NULL;
  ck_assert_int_eq(engine->ops->begin(engine, write, &txn), KV_OK);
  return txn;
}

static inline void put(kv_txn *txn, const char *key, const char *value) {
  ck_assert_int_eq(txn->engine->ops->put(txn, KV_SPACE_DATA, str(key), str(value)), KV_OK);
}

static inline void put_now(kv_engine *engine, const char *key, const char *value) {
  kv_txn *txn = begin(engine, true);
  put(txn, key, value);
  ck_assert_int_eq(engine->ops->commit(txn), KV_OK);
}

/* value NULL: there must be no such key. */
static inline void expect_in(kv_txn *txn, const char *key, const char *value) {
  raft_slice found = {0};
  const int rc = txn->engine->ops->get(txn, KV_SPACE_DATA, str(key), &found);
  ck_assert_int_eq(rc, value != NULL ? KV_OK : KV_ENOTFOUND);
  if (value != NULL) {
    ck_assert_uint_eq(found.len, strlen(value));
    ck_assert_mem_eq(found.data, value, found.len);
  }
}

static inline void expect(kv_engine *engine, const char *key, const char *value) {
  kv_txn *txn = begin(engine, false);
  expect_in(txn, key, value);
  engine->ops->abort(txn);
}

#endif
