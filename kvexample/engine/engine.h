/* engine.h - the ordered key-value state machine of one store, as transactions.
 *
 * Two spaces of keys: the clients' data, in key order across all regions, and the store's own
 * metadata (region states, apply states, identity). One write transaction at a time, any number of
 * read transactions, each seeing one state. What survives power loss is a matter of the engine: of
 * LMDB's, everything that was committed; of the overlay (overlay.h), what was flushed, or committed
 * durably. It is always the state after some commit, never a part of one.
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
  /* Ends the transaction in any case. KV_EFULL: nothing was written. What was committed is visible
   * to every transaction that begins later. */
  int (*commit)(kv_txn *txn);
  /* Same, and it survives power loss, as does everything that was committed before. NULL: every
   * commit does. Call kv_commit_durable. */
  int (*commit_durable)(kv_txn *txn);
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

static inline int kv_commit_durable(kv_txn *txn) {
  const kv_engine_ops *ops = txn->engine->ops;
  return ops->commit_durable != NULL ? ops->commit_durable(txn) : ops->commit(txn);
}

typedef struct kv_lmdb_options {
  const char *directory;
  uint64_t map_size;    /* bytes; 0: 1 TiB, halved until the address space allows it */
  uint64_t map_limit;   /* bytes up to which the map grows; 0: map_size, or 1 TiB if that is 0 */
  unsigned max_readers; /* 0: 64 */
} kv_lmdb_options;

/* Opens (creates) the LMDB environment in an existing directory. Never NOSYNC, never WRITEMAP.
 *
 * Transactions: begin(write) waits for the running write transaction. Read transactions may be
 * used on any one thread at a time. A thread that holds a transaction must not begin a write one.
 * KV_EBUSY from begin: max_readers are open.
 *
 * KV_EFULL from put, del or commit: the map or the disk is full. The transaction is lost, the
 * engine is not: give it up and try again, which grows the map if its limit allows it, or when
 * there is space. KV_EIO or KV_ECORRUPT from commit: every later begin fails, the program must be
 * restarted.
 *
 * Errors of opening: KV_EFOREIGN (the directory has files that this engine did not write), KV_EBUSY
 * (another process has it open), KV_EIO, KV_ECORRUPT, KV_ENOMEM, KV_EINVAL. */
int kv_lmdb_open(const kv_lmdb_options *options, kv_engine **engine, kv_error *error);

typedef struct kv_lmdb_usage {
  uint64_t map_bytes;  /* reserved now; costs address space, not disk */
  uint64_t used_bytes; /* of the file, free pages inside included; never shrinks */
} kv_lmdb_usage;
/* Any thread. */
void kv_lmdb_usage_of(kv_engine *engine, kv_lmdb_usage *usage);

#endif
