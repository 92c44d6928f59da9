/* snapshot_install.c - puts a snapshot in place of a region's data, so that a crash can be mended.
 *
 *   1. region state Applying and the install record, committed
 *   2. the old data deleted, in transactions of bounded size
 *   3. the new data put, in transactions of bounded size
 *   4. region state Normal, apply state, no record: one transaction with the last of the data
 *
 * Behind 1 the region's data counts for nothing, and everything from 2 on can be done again from
 * the file. Deleted keys do not survive, because 2 leaves nothing.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "raftstore/region_state.h"
#include "snapshot/install_record.h"
#include "snapshot/snapshot.h"
#include "snapshot/snapshot_dir.h"
#include "snapshot/snapshot_file.h"

/* Bounds of one transaction: a deleted key dirties a page at most, so both are about 16 MiB. */
enum { MAX_DELETES = 4096, BATCH_BYTES = 8 << 20 };
/* A full map grows, twice as large each time, when a transaction is tried again. */
enum { MAX_TRIES = 6 };

typedef struct batch_record {
  size_t key, key_len, value_len; /* the value stands behind the key */
} batch_record;

typedef struct installation {
  kv_engine *engine;
  kv_snapshot_meta head;
  uint64_t peer_id;
  const char *file_name;
  kv_install_record install;
  kv_error *error;
  /* The batch: bytes and records of one transaction. */
  unsigned char *bytes;
  size_t len, room;
  batch_record *records;
  size_t count, record_room;
  kv_region_size size; /* of all records so far */
} installation;

static void clear_installation(installation *in) {
  kv_snapshot_meta_clear(&in->head);
  free(in->bytes);
  free(in->records);
}

/* A step in a transaction of its own, tried again as long as more room may be found for it. */
typedef int (*step)(installation *in, kv_txn *txn);

static int run_once(installation *in, step function) {
  kv_txn *txn;
  int rc = in->engine->ops->begin(in->engine, true, &txn);
  if (rc != KV_OK) {
    return rc;
  }
  rc = function(in, txn);
  if (rc != KV_OK) {
    in->engine->ops->abort(txn);
    return rc;
  }
  return kv_commit_durable(txn);
}

static int run(installation *in, step function) {
  int rc = KV_EFULL;
  for (int tries = 0; rc == KV_EFULL && tries < MAX_TRIES; tries++) {
    rc = run_once(in, function);
  }
  return rc == KV_OK ? KV_OK : kv_fail(in->error, rc, "the state machine cannot be written");
}

/* --- 1: Applying -------------------------------------------------------------------------------
 */

typedef struct neighbours {
  uint64_t region_id;
  const kv_region *fresh, *old;
} neighbours;

/* Non-zero: another region has data in what will be deleted. */
static int find_overlap(void *ctx, const kv_region_state *state) {
  const neighbours *n = ctx;
  bool other = state->region.id != n->region_id && state->phase != KV_REGION_TOMBSTONE &&
               kv_region_initialised(&state->region);
  bool overlaps =
      other && (kv_region_overlaps(&state->region, n->fresh) ||
                (kv_region_initialised(n->old) && kv_region_overlaps(&state->region, n->old)));
  return overlaps ? KV_EINVAL : KV_OK;
}

/* Which peer of the region this store is; 0: none. */
static int own_peer(kv_txn *txn, const kv_region *region, const kv_region_state *old,
                    uint64_t *peer_id) {
  kv_store_ident ident;
  int rc = kv_ident_load(txn, &ident);
  if (rc != KV_OK && rc != KV_ENOTFOUND) {
    return rc;
  }
  const kv_region_peer *peer = rc == KV_OK ? kv_region_find_store(region, ident.store_id) : NULL;
  *peer_id = peer != NULL ? peer->id : old->peer_id;
  return KV_OK;
}

static int save_applying(installation *in, kv_txn *txn) {
  kv_region_state applying = {.phase = KV_REGION_APPLYING, .peer_id = in->peer_id};
  int rc = kv_region_copy(&applying.region, &in->head.region);
  if (rc == KV_OK) {
    rc = kv_region_state_save(txn, &applying);
  }
  kv_region_state_clear(&applying);
  return rc == KV_OK ? kv_install_record_save(txn, in->head.region.id, &in->install) : rc;
}

/* The range that must be empty too. An installation that was begun before has noted it already,
 * and the region state no longer tells. */
static int note_old_range(installation *in, kv_txn *txn, const kv_region_state *old) {
  kv_install_record begun;
  raft_slice start = old->region.start, end = old->region.end;
  bool had_range = kv_region_initialised(&old->region);
  int rc = kv_install_record_load(txn, in->head.region.id, &begun);
  if (rc == KV_OK) {
    had_range = begun.had_range;
    start = (raft_slice){begun.start, begun.start_len};
    end = (raft_slice){begun.end, begun.end_len};
  } else if (rc != KV_ENOTFOUND && rc != KV_ECORRUPT) {
    return rc;
  }
  return kv_install_record_set(&in->install, in->file_name, had_range, start, end) ? KV_OK
                                                                                   : KV_EINVAL;
}

static int replace_state(installation *in, kv_txn *txn, const kv_region_state *old) {
  neighbours n = {in->head.region.id, &in->head.region, &old->region};
  int rc = kv_region_state_each(txn, find_overlap, &n);
  if (rc == KV_OK) {
    rc = own_peer(txn, &in->head.region, old, &in->peer_id);
  }
  if (rc == KV_OK && in->peer_id == 0) {
    rc = KV_EINVAL;
  }
  if (rc == KV_OK) {
    rc = note_old_range(in, txn, old);
  }
  return rc == KV_OK ? save_applying(in, txn) : rc;
}

static int mark_applying(installation *in, kv_txn *txn) {
  kv_region_state old = {0};
  int rc = kv_region_state_load(txn, in->head.region.id, &old);
  if (rc == KV_OK && old.phase == KV_REGION_TOMBSTONE) { /* its keys may be others' by now */
    kv_region_clear(&old.region);
  }
  if (rc == KV_OK || rc == KV_ENOTFOUND) {
    rc = replace_state(in, txn, &old);
  }
  kv_region_state_clear(&old);
  return rc;
}

/* --- 2: delete ---------------------------------------------------------------------------------
 */

static int clear_range(installation *in, raft_slice start, raft_slice end) {
  bool more = true;
  int rc = KV_OK;
  while (rc == KV_OK && more) {
    kv_txn *txn;
    rc = in->engine->ops->begin(in->engine, true, &txn);
    if (rc != KV_OK) {
      break;
    }
    rc = kv_data_clear(txn, start, end, MAX_DELETES, &more);
    if (rc == KV_OK) {
      rc = kv_commit_durable(txn);
    } else {
      in->engine->ops->abort(txn);
    }
  }
  return rc == KV_OK ? KV_OK : kv_fail(in->error, rc, "old data cannot be deleted");
}

static int clear_data(installation *in) {
  const kv_install_record *old = &in->install;
  int rc = clear_range(in, in->head.region.start, in->head.region.end);
  if (rc == KV_OK && old->had_range) {
    rc = clear_range(in, (raft_slice){old->start, old->start_len},
                     (raft_slice){old->end, old->end_len});
  }
  return rc;
}

/* --- 3 and 4: put ------------------------------------------------------------------------------
 */

static bool reserve(void **memory, size_t *room, size_t needed, size_t item) {
  if (needed <= *room) {
    return true;
  }
  size_t larger = *room * 2 > needed ? *room * 2 : needed;
  void *grown = realloc(*memory, larger * item);
  if (grown == NULL) {
    return false;
  }
  *memory = grown;
  *room = larger;
  return true;
}

static int add_record(installation *in, raft_slice key, raft_slice value) {
  void *bytes = in->bytes, *records = in->records;
  bool fits = reserve(&bytes, &in->room, in->len + key.len + value.len, 1);
  in->bytes = bytes;
  fits = fits && reserve(&records, &in->record_room, in->count + 1, sizeof *in->records);
  in->records = records;
  if (!fits) {
    return kv_fail(in->error, KV_ENOMEM, "out of memory for a snapshot");
  }
  in->records[in->count++] = (batch_record){in->len, key.len, value.len};
  memcpy(in->bytes + in->len, key.data, key.len);
  memcpy(in->bytes + in->len + key.len, value.data, value.len);
  in->len += key.len + value.len;
  in->size.bytes += key.len + value.len;
  in->size.keys++;
  return KV_OK;
}

static int put_batch(installation *in, kv_txn *txn) {
  int rc = KV_OK;
  for (size_t i = 0; i < in->count && rc == KV_OK; i++) {
    const batch_record *r = &in->records[i];
    raft_slice key = {in->bytes + r->key, r->key_len};
    raft_slice value = {in->bytes + r->key + r->key_len, r->value_len};
    rc = in->engine->ops->put(txn, KV_SPACE_DATA, key, value);
  }
  return rc;
}

static int flush_batch(installation *in) {
  int rc = run(in, put_batch);
  in->len = 0;
  in->count = 0;
  return rc;
}

static int put_last(installation *in, kv_txn *txn) {
  kv_region_state normal = {.phase = KV_REGION_NORMAL, .peer_id = in->peer_id};
  const kv_apply_state applied = {in->head.index, in->head.term, in->head.index, in->head.term,
                                  in->size};
  uint64_t id = in->head.region.id;
  int rc = put_batch(in, txn);
  if (rc == KV_OK) {
    rc = kv_region_copy(&normal.region, &in->head.region);
  }
  if (rc == KV_OK) {
    rc = kv_region_state_save(txn, &normal);
  }
  if (rc == KV_OK) {
    rc = kv_apply_state_save(txn, id, &applied);
  }
  kv_region_state_clear(&normal);
  return rc == KV_OK ? kv_install_record_delete(txn, id) : rc;
}

/* Reads to the verified end of the file; only then the last step is taken. */
static int put_data(installation *in, kv_snapshot_reader *reader) {
  raft_slice key, value;
  int rc;
  while ((rc = kv_snapshot_reader_next(reader, &key, &value, in->error)) == KV_OK) {
    if (!kv_region_has_key(&in->head.region, key)) {
      return kv_fail(in->error, KV_ECORRUPT, "a snapshot has keys of another region");
    }
    rc = add_record(in, key, value);
    if (rc == KV_OK && in->len >= BATCH_BYTES) {
      rc = flush_batch(in);
    }
    if (rc != KV_OK) {
      return rc;
    }
  }
  return rc == KV_ENOTFOUND ? run(in, put_last) : rc;
}

/* --- installing --------------------------------------------------------------------------------
 */

/* Opens the file and reads what it is about. */
static int open_file(installation *in, const char *directory, kv_snapshot_reader **reader) {
  char *path = kv_snapshot_path(directory, in->file_name, 0);
  if (path == NULL) {
    return kv_fail(in->error, KV_ENOMEM, "%s: out of memory", directory);
  }
  int rc = kv_snapshot_reader_open(path, reader, in->error);
  free(path);
  if (rc != KV_OK) {
    return rc;
  }
  rc = kv_snapshot_meta_decode(kv_snapshot_reader_head(*reader), &in->head);
  if (rc == KV_OK && !kv_region_initialised(&in->head.region)) {
    rc = KV_ECORRUPT;
  }
  if (rc != KV_OK) {
    kv_snapshot_reader_close(*reader);
    return kv_fail(in->error, rc, "%s/%s: the head cannot be read", directory, in->file_name);
  }
  return KV_OK;
}

int kv_snapshot_install(kv_engine *engine, const char *directory, const kv_snapshot_file *file,
                        kv_error *error) {
  kv_snapshot_reader *reader = NULL;
  installation in = {.engine = engine, .error = error, .file_name = file->name};
  int rc = open_file(&in, directory, &reader);
  if (rc == KV_OK && in.head.region.id != file->region_id) {
    rc = kv_fail(error, KV_ECORRUPT, "%s/%s: of another region", directory, file->name);
  }
  if (rc == KV_OK) {
    rc = run(&in, mark_applying);
  }
  if (rc == KV_OK) {
    rc = clear_data(&in);
  }
  if (rc == KV_OK) {
    rc = put_data(&in, reader);
  }
  kv_snapshot_reader_close(reader);
  clear_installation(&in);
  return rc;
}

/* --- after a crash -----------------------------------------------------------------------------
 */

/* This replica is over. It must not vote as an empty one, for it may have acknowledged entries; and
 * with its log it would be given no snapshot, while it cannot apply what follows. */
static int forget_data(installation *in, kv_txn *txn) {
  const kv_apply_state nothing = {0};
  uint64_t id = in->head.region.id;
  kv_region_state empty = {.phase = KV_REGION_TOMBSTONE, .peer_id = in->peer_id};
  empty.region.id = id;
  int rc = kv_region_state_save(txn, &empty);
  if (rc == KV_OK) {
    rc = kv_apply_state_save(txn, id, &nothing);
  }
  return rc == KV_OK ? kv_install_record_delete(txn, id) : rc;
}

static int reset_region(installation *in, const kv_region_state *state) {
  kv_region_clear(&in->head.region);
  int rc = kv_region_copy(&in->head.region, &state->region);
  if (rc != KV_OK) {
    return kv_fail(in->error, rc, "out of memory");
  }
  rc = clear_data(in);
  return rc == KV_OK ? run(in, forget_data) : rc;
}

static int redo(installation *in, const char *directory, const kv_region_state *state) {
  kv_snapshot_reader *reader = NULL;
  int rc = open_file(in, directory, &reader);
  if (rc == KV_OK && in->head.region.id != state->region.id) {
    rc = KV_ECORRUPT;
  }
  if (rc == KV_OK) {
    rc = clear_data(in);
  }
  if (rc == KV_OK) {
    rc = put_data(in, reader);
  }
  kv_snapshot_reader_close(reader);
  return rc;
}

static int load_record(kv_engine *engine, uint64_t region_id, kv_install_record *found) {
  kv_txn *txn;
  int rc = engine->ops->begin(engine, false, &txn);
  if (rc == KV_OK) {
    rc = kv_install_record_load(txn, region_id, found);
    engine->ops->abort(txn);
  }
  return rc;
}

static bool is_unusable(int rc) {
  return rc == KV_ECORRUPT || rc == KV_ENOTFOUND;
}

static int recover_region(kv_engine *engine, const char *directory, const kv_region_state *state,
                          size_t *reset, kv_error *error) {
  installation in = {.engine = engine, .error = error, .peer_id = state->peer_id};
  int rc = load_record(engine, state->region.id, &in.install);
  if (rc == KV_OK) {
    in.file_name = in.install.name;
    rc = redo(&in, directory, state);
  }
  if (is_unusable(rc)) {
    ++*reset;
    rc = reset_region(&in, state);
  }
  clear_installation(&in);
  return rc;
}

typedef struct found_state {
  kv_region_state state;
  bool found;
} found_state;

/* Copies the first region that is Applying. */
static int find_applying(void *ctx, const kv_region_state *state) {
  found_state *first = ctx;
  if (state->phase != KV_REGION_APPLYING || first->found) {
    return KV_OK;
  }
  first->found = true;
  first->state.phase = state->phase;
  first->state.peer_id = state->peer_id;
  return kv_region_copy(&first->state.region, &state->region);
}

static int next_applying(kv_engine *engine, found_state *first) {
  kv_txn *txn;
  int rc = engine->ops->begin(engine, false, &txn);
  if (rc == KV_OK) {
    rc = kv_region_state_each(txn, find_applying, first);
    engine->ops->abort(txn);
  }
  return rc;
}

int kv_snapshot_recover(kv_engine *engine, const char *directory, size_t *reset, kv_error *error) {
  size_t count = 0;
  int rc;
  found_state first;
  do { /* each round leaves one less */
    first = (found_state){0};
    rc = next_applying(engine, &first);
    if (rc != KV_OK) {
      rc = kv_fail(error, rc, "the states of regions cannot be read");
    } else if (first.found) {
      rc = recover_region(engine, directory, &first.state, &count, error);
    }
    kv_region_state_clear(&first.state);
  } while (rc == KV_OK && first.found);
  if (reset != NULL) {
    *reset = count;
  }
  return rc;
}
