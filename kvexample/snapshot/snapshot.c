/* snapshot.c - makes and checks snapshot files of regions.
 *
 * The head of a file is the meta without its sums, which are known at the end only.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "snapshot/snapshot.h"

#include <inttypes.h>
#include <stdlib.h>

#include "raftstore/region_state.h"
#include "snapshot/snapshot_dir.h"
#include "snapshot/snapshot_file.h"

/* --- making ------------------------------------------------------------------------------------
 */

/* What the transaction says about the region; KV_ENOTFOUND unless its data is complete. */
static int describe(kv_txn *txn, uint64_t region_id, kv_snapshot_meta *meta) {
  kv_region_state state = {0};
  kv_apply_state applied = {0};
  int rc = kv_region_state_load(txn, region_id, &state);
  if (rc != KV_OK) {
    return rc;
  }
  if (state.phase != KV_REGION_NORMAL || !kv_region_initialised(&state.region)) {
    rc = KV_ENOTFOUND;
  } else {
    rc = kv_apply_state_load(txn, region_id, &applied);
  }
  if (rc == KV_OK) {
    kv_region_move(&meta->region, &state.region);
    meta->index = applied.applied_index;
    meta->term = applied.applied_term;
  }
  kv_region_state_clear(&state);
  return rc;
}

static int copy_range(kv_txn *txn, const kv_region *region, kv_snapshot_writer *writer,
                      kv_error *error) {
  const kv_engine_ops *ops = txn->engine->ops;
  kv_cursor *cursor;
  raft_slice key, value;
  int rc = ops->seek(txn, KV_SPACE_DATA, region->start, &cursor);
  if (rc != KV_OK) {
    return rc == KV_ENOTFOUND ? KV_OK : kv_fail(error, rc, "cannot read the state machine");
  }
  do {
    ops->item(cursor, &key, &value);
    if (kv_key_past_end(key, region->end)) {
      break;
    }
    rc = kv_snapshot_writer_add(writer, key, value, error);
  } while (rc == KV_OK && (rc = ops->next(cursor)) == KV_OK);
  ops->cursor_close(cursor);
  return rc == KV_ENOTFOUND ? KV_OK : rc;
}

static int open_writer(const char *directory, const kv_snapshot_file *file,
                       const kv_snapshot_meta *meta, kv_snapshot_writer **writer, kv_error *error) {
  raft_buf *head = NULL;
  char *path = kv_snapshot_path(directory, file->name, 1);
  int rc = path == NULL ? KV_ENOMEM : kv_snapshot_meta_encode(meta, &head);
  if (rc != KV_OK) {
    free(path);
    return kv_fail(error, rc, "%s: out of memory", directory);
  }
  raft_slice bytes = {raft_buf_data(head), raft_buf_len(head)};
  rc = kv_snapshot_writer_open(path, bytes, writer, error);
  raft_buf_release(head);
  free(path);
  return rc;
}

/* Everything that needs the transaction. */
static int copy_region(kv_txn *txn, const char *directory, kv_snapshot_file *file,
                       kv_snapshot_meta *meta, kv_snapshot_writer **writer, kv_error *error) {
  kv_snapshot_sum sum;
  int rc = describe(txn, file->region_id, meta);
  if (rc != KV_OK) {
    return kv_fail(error, rc, "no snapshot of region %" PRIu64 ": its data is not here",
                   file->region_id);
  }
  file->index = meta->index;
  file->term = meta->term;
  rc = kv_snapshot_choose_name(directory, file, error);
  if (rc == KV_OK) {
    rc = open_writer(directory, file, meta, writer, error);
  }
  if (rc == KV_OK) {
    rc = copy_range(txn, &meta->region, *writer, error);
  }
  if (rc == KV_OK) {
    rc = kv_snapshot_writer_finish(*writer, &sum, error);
  }
  if (rc == KV_OK) {
    meta->keys = sum.keys;
    meta->bytes = file->bytes = sum.bytes;
    meta->checksum = sum.checksum;
  }
  return rc;
}

static int make_file(kv_engine *engine, const char *directory, kv_snapshot_file *file,
                     kv_snapshot_meta *meta, kv_error *error) {
  kv_txn *txn;
  kv_snapshot_writer *writer = NULL;
  int rc = engine->ops->begin(engine, false, &txn);
  if (rc != KV_OK) {
    return kv_fail(error, rc, "cannot read the state machine");
  }
  rc = copy_region(txn, directory, file, meta, &writer, error);
  engine->ops->abort(txn);
  if (rc == KV_OK) {
    rc = kv_snapshot_writer_sync(writer, error);
  }
  kv_snapshot_writer_close(writer);
  return rc == KV_OK ? kv_snapshot_publish(directory, file->name, error) : rc;
}

int kv_snapshot_make(kv_engine *engine, const char *directory, uint64_t region_id,
                     kv_snapshot_file *file, raft_buf **meta_bytes, kv_error *error) {
  kv_snapshot_meta meta = {0};
  *file = (kv_snapshot_file){.region_id = region_id};
  int rc = make_file(engine, directory, file, &meta, error);
  if (rc == KV_OK) {
    rc = kv_snapshot_meta_encode(&meta, meta_bytes);
  }
  if (rc != KV_OK && file->name[0] != '\0') {
    kv_snapshot_remove(directory, file->name);
  }
  kv_snapshot_meta_clear(&meta);
  return rc;
}

/* --- checking ----------------------------------------------------------------------------------
 */

static int read_through(kv_snapshot_reader *reader, const kv_region *region, kv_error *error) {
  raft_slice key, value;
  int rc;
  while ((rc = kv_snapshot_reader_next(reader, &key, &value, error)) == KV_OK) {
    if (!kv_region_has_key(region, key)) {
      return kv_fail(error, KV_ECORRUPT, "a snapshot has keys of another region");
    }
  }
  return rc == KV_ENOTFOUND ? KV_OK : rc;
}

static int check_head(const kv_snapshot_reader *reader, const kv_snapshot_meta *meta,
                      kv_error *error) {
  kv_snapshot_meta head;
  int rc = kv_snapshot_meta_decode(kv_snapshot_reader_head(reader), &head);
  if (rc == KV_OK &&
      (head.region.id != meta->region.id || head.index != meta->index || head.term != meta->term)) {
    rc = KV_ECORRUPT;
  }
  kv_snapshot_meta_clear(&head);
  return rc == KV_OK ? KV_OK : kv_fail(error, rc, "a snapshot file is not what was announced");
}

static int check_sum(const kv_snapshot_reader *reader, const kv_snapshot_meta *meta,
                     kv_error *error) {
  kv_snapshot_sum sum = kv_snapshot_reader_sum(reader);
  bool same = sum.keys == meta->keys && sum.bytes == meta->bytes && sum.checksum == meta->checksum;
  return same ? KV_OK : kv_fail(error, KV_ECORRUPT, "a snapshot file is not what was announced");
}

static int verify_path(const char *path, const kv_snapshot_meta *meta, kv_error *error) {
  kv_snapshot_reader *reader;
  int rc = kv_snapshot_reader_open(path, &reader, error);
  if (rc != KV_OK) {
    return rc;
  }
  rc = check_head(reader, meta, error);
  if (rc == KV_OK) {
    rc = read_through(reader, &meta->region, error);
  }
  if (rc == KV_OK) {
    rc = check_sum(reader, meta, error);
  }
  kv_snapshot_reader_close(reader);
  return rc;
}

int kv_snapshot_verify(const char *directory, const char *name, raft_slice meta_bytes,
                       kv_error *error) {
  kv_snapshot_meta meta;
  int rc = kv_snapshot_meta_decode(meta_bytes, &meta);
  if (rc != KV_OK) {
    return kv_fail(error, rc, "the description of a snapshot cannot be read");
  }
  char *path = kv_snapshot_path(directory, name, 0);
  rc = path != NULL ? verify_path(path, &meta, error)
                    : kv_fail(error, KV_ENOMEM, "%s: out of memory", directory);
  free(path);
  kv_snapshot_meta_clear(&meta);
  return rc;
}
