/* lmdb_engine.h - what the files of the LMDB engine share.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_ENGINE_LMDB_ENGINE_H
#define KV_ENGINE_LMDB_ENGINE_H

#include <lmdb.h>
#include <pthread.h>
#include <stdatomic.h>

#include "engine/engine.h"

typedef struct kv_lmdb_txn {
  kv_txn base;
  MDB_txn *txn;
  bool write;
  int failure;              /* first fatal error; LMDB itself only remembers that there was one */
  struct kv_lmdb_txn *next; /* in the list of idle ones */
} kv_lmdb_txn;

typedef struct kv_lmdb {
  kv_engine base;
  MDB_env *env;
  MDB_dbi spaces[2]; /* by kv_space */
  int lock;          /* the directory, locked against other processes */

  /* A commit failed in a way that leaves doubt about the file: nothing begins any more. */
  atomic_bool broken;

  /* Under `mutex`. Growing the map needs the moment without transactions: while `growing`, none
   * begins; `changed` is signalled when open_txns or growing changes. */
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  size_t open_txns;
  bool growing;
  bool grow_wanted;
  uint64_t map_size;
  uint64_t map_limit;
  kv_lmdb_txn *idle; /* read transactions that were reset, ready for renewal */
} kv_lmdb;

/* The engine's functions (lmdb_engine.c). */
extern const kv_engine_ops kv_lmdb_ops;

/* Code of ours for one of LMDB or errno. */
int kv_lmdb_code(const kv_lmdb *engine, int rc);

/* Notes that a transaction ran out of map. Any thread. */
void kv_lmdb_map_wanted(kv_lmdb *engine);

/* A transaction begins or has ended. A write transaction may grow the map first. */
void kv_lmdb_enter(kv_lmdb *engine, bool write);
void kv_lmdb_leave(kv_lmdb *engine);

/* Is there room for that much more address space? */
bool kv_lmdb_can_map(uint64_t bytes);

#endif
