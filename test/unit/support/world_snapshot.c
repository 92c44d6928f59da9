/* world_snapshot.c - snapshot files of a simulated store, kept in memory.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "world_snapshot.h"

#include <stdlib.h>
#include <string.h>

static raft_slice duplicate(raft_slice slice) {
  void *data = malloc(slice.len > 0 ? slice.len : 1);
  if (data == NULL) {
    abort();
  }
  if (slice.len > 0) {
    memcpy(data, slice.data, slice.len);
  }
  return (raft_slice){data, slice.len};
}

static void add_item(memory_space *space, raft_slice key, raft_slice value) {
  space->items = realloc(space->items, (space->count + 1) * sizeof *space->items);
  if (space->items == NULL) {
    abort();
  }
  space->items[space->count++] = (memory_item){duplicate(key), duplicate(value)};
}

static int describe(kv_txn *txn, uint64_t region_id, kv_snapshot_meta *meta) {
  kv_region_state state;
  kv_apply_state applied;
  int rc = kv_region_state_load(txn, region_id, &state);
  if (rc == KV_OK) {
    rc = state.phase == KV_REGION_NORMAL ? kv_apply_state_load(txn, region_id, &applied)
                                         : KV_ENOTFOUND;
  }
  if (rc == KV_OK) {
    *meta = (kv_snapshot_meta){.index = applied.applied_index, .term = applied.applied_term};
    kv_region_move(&meta->region, &state.region);
  }
  kv_region_state_clear(&state);
  return rc;
}

static void copy_range(kv_txn *txn, const kv_region *region, world_file *file) {
  const kv_engine_ops *ops = txn->engine->ops;
  kv_cursor *cursor = NULL;
  int rc = ops->seek(txn, KV_SPACE_DATA, region->start, &cursor);
  for (; rc == KV_OK; rc = ops->next(cursor)) {
    raft_slice key, value;
    ops->item(cursor, &key, &value);
    if (!kv_region_has_key(region, key)) {
      break;
    }
    add_item(&file->data, key, value);
  }
  if (cursor != NULL) {
    ops->cursor_close(cursor);
  }
}

int world_file_make(kv_engine *engine, uint64_t region_id, const char *name, world_file *file) {
  kv_txn *txn = NULL;
  kv_snapshot_meta meta = {0};
  *file = (world_file){0};
  (void)engine->ops->begin(engine, false, &txn);
  int rc = describe(txn, region_id, &meta);
  if (rc == KV_OK) {
    copy_range(txn, &meta.region, file);
    file->file = (kv_snapshot_file){.region_id = region_id, .index = meta.index, .term = meta.term};
    strncpy(file->file.name, name, sizeof file->file.name - 1);
    rc = kv_snapshot_meta_encode(&meta, &file->meta);
  }
  kv_snapshot_meta_clear(&meta);
  engine->ops->abort(txn);
  return rc;
}

world_file world_file_copy(const world_file *from) {
  world_file to = {from->file, raft_buf_retain(from->meta), {0}};
  for (size_t i = 0; i < from->data.count; i++) {
    add_item(&to.data, from->data.items[i].key, from->data.items[i].value);
  }
  return to;
}

/* The region may have been larger. */
static int clear_old_range(kv_txn *txn, uint64_t region_id) {
  kv_region_state state;
  bool more = false;
  int rc = kv_region_state_load(txn, region_id, &state);
  if (rc == KV_OK && kv_region_initialised(&state.region)) {
    rc = kv_data_clear(txn, state.region.start, state.region.end, SIZE_MAX, &more);
  }
  kv_region_state_clear(&state);
  return rc == KV_ENOTFOUND ? KV_OK : rc;
}

int world_file_install(memory_engine *engine, uint64_t store_id, const world_file *file) {
  const kv_engine_ops *ops = engine->base.ops;
  kv_snapshot_meta meta;
  kv_txn *txn = NULL;
  bool more = false;
  int rc = kv_snapshot_meta_decode(
      (raft_slice){raft_buf_data(file->meta), raft_buf_len(file->meta)}, &meta);
  if (rc != KV_OK) {
    return rc;
  }
  (void)ops->begin(&engine->base, true, &txn);
  rc = clear_old_range(txn, meta.region.id);
  if (rc == KV_OK) {
    rc = kv_data_clear(txn, meta.region.start, meta.region.end, SIZE_MAX, &more);
  }
  for (size_t i = 0; i < file->data.count && rc == KV_OK; i++) {
    rc = ops->put(txn, KV_SPACE_DATA, file->data.items[i].key, file->data.items[i].value);
  }
  kv_region_state state = {KV_REGION_NORMAL, meta.region,
                           kv_region_find_store(&meta.region, store_id)->id};
  kv_apply_state applied = {meta.index, meta.term, meta.index, meta.term, {meta.bytes, meta.keys}};
  rc = rc == KV_OK ? kv_region_state_save(txn, &state) : rc;
  rc = rc == KV_OK ? kv_apply_state_save(txn, meta.region.id, &applied) : rc;
  rc = rc == KV_OK ? ops->commit(txn) : (ops->abort(txn), rc);
  kv_snapshot_meta_clear(&meta);
  return rc;
}

void world_file_free(world_file *file) {
  for (size_t i = 0; i < file->data.count; i++) {
    union {
      const void *in;
      void *out;
    } key = {file->data.items[i].key.data}, value = {file->data.items[i].value.data};
    free(key.out);
    free(value.out);
  }
  free(file->data.items);
  raft_buf_release(file->meta);
  *file = (world_file){0};
}
