/* memory_engine.c - the engine interface over sorted arrays in memory.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "memory_engine.h"

#include <stdlib.h>
#include <string.h>

typedef struct memory_txn {
  kv_txn base;
  bool write;
} memory_txn;

typedef struct memory_cursor {
  kv_cursor base;
  kv_space space;
  size_t at;
} memory_cursor;

static void *allocate(size_t size) {
  void *memory = malloc(size > 0 ? size : 1);
  if (memory == NULL) {
    abort();
  }
  return memory;
}

static void release(raft_slice slice) {
  union {
    const void *in;
    void *out;
  } owned = {slice.data};
  free(owned.out);
}

static raft_slice duplicate(raft_slice slice) {
  void *data = allocate(slice.len);
  if (slice.len > 0) {
    memcpy(data, slice.data, slice.len);
  }
  return (raft_slice){data, slice.len};
}

static void clear_space(memory_space *space) {
  for (size_t i = 0; i < space->count; i++) {
    release(space->items[i].key);
    release(space->items[i].value);
  }
  free(space->items);
  *space = (memory_space){0};
}

static memory_space copy_space(const memory_space *from) {
  memory_space to = {allocate(from->count * sizeof *to.items), from->count};
  for (size_t i = 0; i < from->count; i++) {
    to.items[i] = (memory_item){duplicate(from->items[i].key), duplicate(from->items[i].value)};
  }
  return to;
}

static int compare(raft_slice a, raft_slice b) {
  size_t shorter = a.len < b.len ? a.len : b.len;
  int order = shorter > 0 ? memcmp(a.data, b.data, shorter) : 0;
  return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static memory_engine *engine_of(const kv_txn *txn) {
  return (memory_engine *)(void *)txn->engine;
}

/* First item that is not below the key. */
static size_t lower_bound(const memory_space *space, raft_slice key) {
  size_t low = 0, high = space->count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (compare(space->items[middle].key, key) < 0) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

static bool is_at(const memory_space *space, size_t at, raft_slice key) {
  return at < space->count && compare(space->items[at].key, key) == 0;
}

static int begin(kv_engine *base, bool write, kv_txn **out) {
  memory_engine *engine = (memory_engine *)(void *)base;
  memory_txn *txn = allocate(sizeof *txn);
  if (engine->in_transaction) {
    abort();
  }
  engine->in_transaction = true;
  *txn = (memory_txn){{base}, write};
  for (size_t i = 0; write && i < 2; i++) {
    engine->before[i] = copy_space(&engine->spaces[i]);
  }
  *out = &txn->base;
  return KV_OK;
}

static void end(kv_txn *base, bool keep) {
  memory_engine *engine = engine_of(base);
  memory_txn *txn = (memory_txn *)(void *)base;
  for (size_t i = 0; txn->write && i < 2; i++) {
    clear_space(keep ? &engine->before[i] : &engine->spaces[i]);
    if (!keep) {
      engine->spaces[i] = engine->before[i];
      engine->before[i] = (memory_space){0};
    }
  }
  engine->in_transaction = false;
  free(txn);
}

static int commit(kv_txn *txn) {
  memory_engine *engine = engine_of(txn);
  bool fails = engine->fail_commits > 0;
  engine->fail_commits -= fails;
  end(txn, !fails);
  return fails ? KV_EFULL : KV_OK;
}

static void give_up(kv_txn *txn) {
  end(txn, false);
}

static int get(kv_txn *txn, kv_space space, raft_slice key, raft_slice *value) {
  const memory_space *items = &engine_of(txn)->spaces[space];
  size_t at = lower_bound(items, key);
  if (!is_at(items, at, key)) {
    return KV_ENOTFOUND;
  }
  *value = items->items[at].value;
  return KV_OK;
}

static int put(kv_txn *txn, kv_space number, raft_slice key, raft_slice value) {
  memory_space *space = &engine_of(txn)->spaces[number];
  size_t at = lower_bound(space, key);
  raft_slice copy = duplicate(value);
  if (is_at(space, at, key)) {
    release(space->items[at].value);
    space->items[at].value = copy;
    return KV_OK;
  }
  space->items = realloc(space->items, (space->count + 1) * sizeof *space->items);
  if (space->items == NULL) {
    abort();
  }
  memmove(space->items + at + 1, space->items + at, (space->count - at) * sizeof *space->items);
  space->items[at] = (memory_item){duplicate(key), copy};
  space->count++;
  return KV_OK;
}

static int del(kv_txn *txn, kv_space number, raft_slice key) {
  memory_space *space = &engine_of(txn)->spaces[number];
  size_t at = lower_bound(space, key);
  if (!is_at(space, at, key)) {
    return KV_ENOTFOUND;
  }
  release(space->items[at].key);
  release(space->items[at].value);
  space->count--;
  memmove(space->items + at, space->items + at + 1, (space->count - at) * sizeof *space->items);
  return KV_OK;
}

static int count(kv_txn *txn, kv_space space, uint64_t *keys) {
  *keys = engine_of(txn)->spaces[space].count;
  return KV_OK;
}

static int seek(kv_txn *txn, kv_space space, raft_slice from, kv_cursor **out) {
  const memory_space *items = &engine_of(txn)->spaces[space];
  size_t at = lower_bound(items, from);
  if (at == items->count) {
    return KV_ENOTFOUND;
  }
  memory_cursor *cursor = allocate(sizeof *cursor);
  *cursor = (memory_cursor){{txn}, space, at};
  *out = &cursor->base;
  return KV_OK;
}

static int next(kv_cursor *base) {
  memory_cursor *cursor = (memory_cursor *)(void *)base;
  cursor->at++;
  return cursor->at < engine_of(base->txn)->spaces[cursor->space].count ? KV_OK : KV_ENOTFOUND;
}

static void item(kv_cursor *base, raft_slice *key, raft_slice *value) {
  const memory_cursor *cursor = (const memory_cursor *)(void *)base;
  const memory_item *found = &engine_of(base->txn)->spaces[cursor->space].items[cursor->at];
  *key = found->key;
  *value = found->value;
}

static void cursor_close(kv_cursor *cursor) {
  free(cursor);
}

static void close_engine(kv_engine *engine) {
  memory_engine_free((memory_engine *)(void *)engine);
}

static const kv_engine_ops operations = {.begin = begin,
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
                                         .close = close_engine};

void memory_engine_init(memory_engine *engine) {
  *engine = (memory_engine){.base.ops = &operations};
}

void memory_engine_free(memory_engine *engine) {
  clear_space(&engine->spaces[0]);
  clear_space(&engine->spaces[1]);
}
