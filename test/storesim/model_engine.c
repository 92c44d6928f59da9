/* model_engine.c - sorted arrays of shared records, and a list of what to undo.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "model_engine.h"

#include <string.h>
#include <xxhash.h>

#include "test/sim/memory.h"

struct ss_record {
  uint32_t references;
  uint32_t key_len;
  uint32_t value_len;
  uint64_t hash;
  unsigned char bytes[]; /* key, value */
};

/* One change: `old` stood there (NULL: nothing), `fresh` came (NULL: deleted). */
struct ss_undo {
  kv_space space;
  ss_record *old;
  ss_record *fresh;
};

typedef struct model_txn {
  kv_txn base;
  bool write;
} model_txn;

typedef struct model_cursor {
  kv_cursor base;
  kv_space space;
  size_t at;
} model_cursor;

/* ---- records ---- */

uint64_t ss_record_hash(raft_slice key, raft_slice value) {
  uint64_t first = XXH3_64bits_withSeed(key.data, key.len, key.len);
  return XXH3_64bits_withSeed(value.len > 0 ? value.data : "", value.len, first);
}

static ss_record *create(raft_slice key, raft_slice value) {
  ss_record *record = sim_resize(NULL, sizeof *record + key.len + value.len, 1);
  record->references = 1;
  record->key_len = (uint32_t)key.len;
  record->value_len = (uint32_t)value.len;
  memcpy(record->bytes, key.data, key.len);
  if (value.len > 0) {
    memcpy(record->bytes + key.len, value.data, value.len);
  }
  record->hash = ss_record_hash(key, value);
  return record;
}

static void release(ss_record *record) {
  if (record != NULL && --record->references == 0) {
    free(record);
  }
}

static raft_slice key_of(const ss_record *record) {
  return (raft_slice){record->bytes, record->key_len};
}

static int compare(raft_slice a, raft_slice b) {
  size_t shorter = a.len < b.len ? a.len : b.len;
  int order = shorter > 0 ? memcmp(a.data, b.data, shorter) : 0;
  return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

/* ---- spaces ---- */

/* First record that is not below the key. */
static size_t lower_bound(const ss_space *space, raft_slice key) {
  size_t low = 0, high = space->count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (compare(key_of(space->records[middle]), key) < 0) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

static bool is_at(const ss_space *space, size_t at, raft_slice key) {
  return at < space->count && compare(key_of(space->records[at]), key) == 0;
}

static void insert_at(ss_space *space, size_t at, ss_record *record) {
  if (space->count == space->room) {
    space->room = space->room == 0 ? 64 : space->room * 2;
    space->records = sim_resize(space->records, space->room, sizeof(ss_record *));
  }
  memmove(space->records + at + 1, space->records + at, (space->count - at) * sizeof(ss_record *));
  space->records[at] = record;
  space->count++;
}

static void remove_at(ss_space *space, size_t at) {
  space->count--;
  memmove(space->records + at, space->records + at + 1, (space->count - at) * sizeof(ss_record *));
}

static void clear_space(ss_space *space) {
  for (size_t i = 0; i < space->count; i++) {
    release(space->records[i]);
  }
  free(space->records);
  *space = (ss_space){0};
}

/* ---- transactions ---- */

static ss_model *model_of(const kv_txn *txn) {
  return (ss_model *)(void *)txn->engine;
}

static void note(ss_model *model, kv_space space, ss_record *old, ss_record *fresh) {
  if (model->undo_count == model->undo_room) {
    model->undo_room = model->undo_room == 0 ? 64 : model->undo_room * 2;
    model->undo = sim_resize(model->undo, model->undo_room, sizeof *model->undo);
  }
  model->undo[model->undo_count++] = (ss_undo){space, old, fresh};
}

static int begin(kv_engine *base, bool write, kv_txn **out) {
  ss_model *model = (ss_model *)(void *)base;
  if (model->off || (write && model->writing)) {
    return KV_EIO;
  }
  model_txn *txn = sim_zeroed(1, sizeof *txn);
  txn->base.engine = base;
  txn->write = write;
  model->writing = model->writing || write;
  *out = &txn->base;
  return KV_OK;
}

static void take_back(ss_model *model, const ss_undo *undo) {
  ss_space *space = &model->spaces[undo->space];
  size_t at = lower_bound(space, key_of(undo->old != NULL ? undo->old : undo->fresh));
  if (undo->fresh == NULL) {
    insert_at(space, at, undo->old);
    return;
  }
  release(undo->fresh);
  if (undo->old != NULL) {
    space->records[at] = undo->old;
  } else {
    remove_at(space, at);
  }
}

static void end(kv_txn *base, bool keep) {
  ss_model *model = model_of(base);
  if (((model_txn *)(void *)base)->write) {
    for (size_t i = model->undo_count; i > 0; i--) {
      if (keep) {
        release(model->undo[i - 1].old);
      } else {
        take_back(model, &model->undo[i - 1]);
      }
    }
    model->undo_count = 0;
    model->writing = false;
  }
  free(base);
}

static void give_up(kv_txn *txn) {
  end(txn, false);
}

static int commit(kv_txn *txn) {
  ss_model *model = model_of(txn);
  int rc = KV_OK;
  if (((model_txn *)(void *)txn)->write) {
    if (model->fused && model->fuse == 0) {
      model->off = true;
    }
    if (model->off) {
      rc = KV_EIO;
    } else if (model->full_commits > 0) {
      model->full_commits--;
      rc = KV_EFULL;
    } else {
      model->fuse -= model->fused;
      model->commits++;
    }
  }
  end(txn, rc == KV_OK);
  return rc;
}

static int get(kv_txn *txn, kv_space number, raft_slice key, raft_slice *value) {
  const ss_space *space = &model_of(txn)->spaces[number];
  size_t at = lower_bound(space, key);
  if (!is_at(space, at, key)) {
    return KV_ENOTFOUND;
  }
  const ss_record *record = space->records[at];
  *value = (raft_slice){record->bytes + record->key_len, record->value_len};
  return KV_OK;
}

static int put(kv_txn *txn, kv_space number, raft_slice key, raft_slice value) {
  ss_space *space = &model_of(txn)->spaces[number];
  ss_record *fresh = create(key, value);
  size_t at = lower_bound(space, key);
  if (is_at(space, at, key)) {
    note(model_of(txn), number, space->records[at], fresh);
    space->records[at] = fresh;
  } else {
    note(model_of(txn), number, NULL, fresh);
    insert_at(space, at, fresh);
  }
  return KV_OK;
}

static int del(kv_txn *txn, kv_space number, raft_slice key) {
  ss_space *space = &model_of(txn)->spaces[number];
  size_t at = lower_bound(space, key);
  if (!is_at(space, at, key)) {
    return KV_ENOTFOUND;
  }
  note(model_of(txn), number, space->records[at], NULL);
  remove_at(space, at);
  return KV_OK;
}

static int count(kv_txn *txn, kv_space space, uint64_t *keys) {
  *keys = model_of(txn)->spaces[space].count;
  return KV_OK;
}

static int seek(kv_txn *txn, kv_space number, raft_slice from, kv_cursor **out) {
  const ss_space *space = &model_of(txn)->spaces[number];
  size_t at = lower_bound(space, from);
  if (at == space->count) {
    return KV_ENOTFOUND;
  }
  model_cursor *cursor = sim_zeroed(1, sizeof *cursor);
  *cursor = (model_cursor){{txn}, number, at};
  *out = &cursor->base;
  return KV_OK;
}

static int next(kv_cursor *base) {
  model_cursor *cursor = (model_cursor *)(void *)base;
  cursor->at++;
  return cursor->at < model_of(base->txn)->spaces[cursor->space].count ? KV_OK : KV_ENOTFOUND;
}

static void item(kv_cursor *base, raft_slice *key, raft_slice *value) {
  const model_cursor *cursor = (const model_cursor *)(const void *)base;
  const ss_record *record = model_of(base->txn)->spaces[cursor->space].records[cursor->at];
  *key = key_of(record);
  *value = (raft_slice){record->bytes + record->key_len, record->value_len};
}

static void cursor_close(kv_cursor *cursor) {
  free(cursor);
}

/* What is below an overlay outlives it. */
static void close_engine(kv_engine *engine) {
  (void)engine;
}

static const kv_engine_ops operations = {
    .begin = begin,
    .commit = commit,
    .abort = give_up,
    .get = get,
    .put = put,
    .del = del,
    .count = count,
    .seek = seek,
    .next = next,
    .item = item,
    .cursor_close = cursor_close,
    .close = close_engine,
};

/* ---- the model ---- */

void ss_model_init(ss_model *model) {
  *model = (ss_model){.base.ops = &operations};
}

void ss_model_free(ss_model *model) {
  clear_space(&model->spaces[0]);
  clear_space(&model->spaces[1]);
  free(model->undo);
  *model = (ss_model){.base.ops = &operations};
}

void ss_model_power_on(ss_model *model) {
  model->fused = model->off = false;
  model->full_commits = 0;
}

uint64_t ss_model_hash(const ss_model *model, kv_space number, raft_slice start, raft_slice end,
                       size_t *found) {
  const ss_space *space = &model->spaces[number];
  size_t first = lower_bound(space, start);
  size_t last = end.len == 0 ? space->count : lower_bound(space, end);
  uint64_t sum = 0;
  for (size_t i = first; i < last; i++) {
    sum += space->records[i]->hash;
  }
  *found = last - first;
  return sum + *found;
}
