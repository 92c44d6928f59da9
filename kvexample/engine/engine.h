/* engine.h - the ordered key-value state machine of one store, as transactions.
 *
 * Two spaces of keys: the clients' data, in key order across all regions, and the store's own
 * metadata (region states, apply states, identity). One write transaction at a time, any number of
 * read transactions, each seeing one state. What a commit returned from survives power loss.
 *
 * The functions of an engine are called through this table so that the deterministic core, the
 * simulator and tests run the same code over another engine.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_ENGINE_ENGINE_H
#define KV_ENGINE_ENGINE_H

#include <libraft/bytes.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

typedef enum kv_space { KV_SPACE_DATA = 0, KV_SPACE_META = 1 } kv_space;

/* Longest key that an engine must take, in bytes; the store refuses longer ones. */
#define KV_MAX_KEY 480
/* Longest value, in bytes. */
#define KV_MAX_VALUE (4u << 20)

typedef struct kv_txn kv_txn;
typedef struct kv_cursor kv_cursor;
typedef struct kv_engine kv_engine;

/* Slices handed out are valid until the next write in, or the end of, the transaction. */
typedef struct kv_engine_ops {
  int (*begin)(kv_engine *engine, bool write, kv_txn **txn);
  /* Ends the transaction in any case. KV_EFULL: nothing was written. */
  int (*commit)(kv_txn *txn);
  void (*abort)(kv_txn *txn);
  int (*get)(kv_txn *txn, kv_space space, raft_slice key, raft_slice *value); /* KV_ENOTFOUND */
  int (*put)(kv_txn *txn, kv_space space, raft_slice key, raft_slice value);
  int (*del)(kv_txn *txn, kv_space space, raft_slice key); /* KV_ENOTFOUND */
  int (*count)(kv_txn *txn, kv_space space, uint64_t *keys);
  /* Cursor at the first key >= `from` (empty: the first of all); KV_ENOTFOUND: none, no cursor. */
  int (*seek)(kv_txn *txn, kv_space space, raft_slice from, kv_cursor **cursor);
  int (*next)(kv_cursor *cursor); /* KV_ENOTFOUND: there is no further key */
  void (*item)(kv_cursor *cursor, raft_slice *key, raft_slice *value);
  void (*cursor_close)(kv_cursor *cursor);
  void (*close)(kv_engine *engine);
} kv_engine_ops;

/* First members of every implementation's structs. */
struct kv_engine {
  const kv_engine_ops *ops;
};
struct kv_txn {
  kv_engine *engine;
};
struct kv_cursor {
  kv_txn *txn;
};

typedef struct kv_lmdb_options {
  const char *directory;
  uint64_t map_size;    /* 0: 1 TiB, halved until the address space allows it */
  unsigned max_readers; /* 0: 64 */
} kv_lmdb_options;

/* Opens (creates) the LMDB environment in an existing directory. Never NOSYNC, never WRITEMAP. */
int kv_lmdb_open(const kv_lmdb_options *options, kv_engine **engine, kv_error *error);

#endif
