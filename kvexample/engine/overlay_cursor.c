/* overlay_cursor.c - one walk over three sorted sources: both generations and the engine below.
 *
 * Where several have the same key the youngest one is right: active, sealed, below. A deletion
 * hides the key in the older ones.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>

#include "engine/overlay_engine.h"

enum { GENERATIONS = 2 };

typedef struct overlay_cursor {
  kv_cursor base;
  const kv_overlay_node *nodes[GENERATIONS]; /* active, sealed; NULL: at the end */
  const kv_overlay_version *versions[GENERATIONS];
  kv_cursor *below; /* NULL: at the end */
  raft_slice key, value;
} overlay_cursor;

/* Moves on to the first node from this one on of which the transaction sees something. */
static void settle_node(overlay_cursor *cursor, int i, const kv_overlay_node *node) {
  const uint64_t sequence = ((const kv_overlay_txn *)cursor->base.txn)->sequence;
  const kv_overlay_version *version = NULL;
  while (node != NULL && (version = kv_overlay_node_version(node, sequence)) == NULL) {
    node = kv_overlay_node_next(node);
  }
  cursor->nodes[i] = node;
  cursor->versions[i] = version;
}

static void close_below(overlay_cursor *cursor) {
  if (cursor->below != NULL) {
    cursor->below->txn->engine->ops->cursor_close(cursor->below);
    cursor->below = NULL;
  }
}

static raft_slice key_below(const overlay_cursor *cursor, raft_slice *value) {
  raft_slice key;
  cursor->below->txn->engine->ops->item(cursor->below, &key, value);
  return key;
}

static int advance_below(overlay_cursor *cursor) {
  const int rc = cursor->below->txn->engine->ops->next(cursor->below);
  if (rc == KV_ENOTFOUND) {
    close_below(cursor);
    return KV_OK;
  }
  return rc;
}

/* Moves the sources that stand at the current key. */
static int advance(overlay_cursor *cursor) {
  raft_slice value;
  const bool below =
      cursor->below != NULL && kv_overlay_compare(key_below(cursor, &value), cursor->key) == 0;
  /* The current key may be the node's, which stays in memory. */
  for (int i = 0; i < GENERATIONS; i++) {
    const kv_overlay_node *node = cursor->nodes[i];
    if (node != NULL && kv_overlay_compare(kv_overlay_node_key(node), cursor->key) == 0) {
      settle_node(cursor, i, kv_overlay_node_next(node));
    }
  }
  return below ? advance_below(cursor) : KV_OK;
}

/* The smallest key of all sources with its youngest value. False: there is none. */
static bool choose(overlay_cursor *cursor, bool *deleted) {
  bool found = false;
  for (int i = 0; i < GENERATIONS; i++) {
    if (cursor->nodes[i] == NULL) {
      continue;
    }
    const raft_slice key = kv_overlay_node_key(cursor->nodes[i]);
    if (!found || kv_overlay_compare(key, cursor->key) < 0) {
      const kv_overlay_version *version = cursor->versions[i];
      found = true;
      cursor->key = key;
      cursor->value = (raft_slice){version->data, version->len};
      *deleted = version->deleted;
    }
  }
  if (cursor->below != NULL) {
    raft_slice value;
    const raft_slice key = key_below(cursor, &value);
    if (!found || kv_overlay_compare(key, cursor->key) < 0) {
      found = true;
      cursor->key = key;
      cursor->value = value;
      *deleted = false;
    }
  }
  return found;
}

/* The first key from here on that is not deleted. */
static int settle(overlay_cursor *cursor) {
  bool deleted = false;
  while (choose(cursor, &deleted)) {
    if (!deleted) {
      return KV_OK;
    }
    const int rc = advance(cursor);
    if (rc != KV_OK) {
      return rc;
    }
  }
  return KV_ENOTFOUND;
}

static int open_sources(overlay_cursor *cursor, kv_space space, raft_slice from) {
  kv_overlay_txn *txn = (kv_overlay_txn *)cursor->base.txn;
  const kv_generation *generations[GENERATIONS] = {txn->active, txn->sealed};
  for (int i = 0; i < GENERATIONS; i++) {
    if (generations[i] != NULL) {
      settle_node(cursor, i, kv_overlay_map_seek(&generations[i]->maps[space], from));
    }
  }
  kv_txn *below;
  int rc = kv_overlay_below_txn(txn, &below);
  if (rc == KV_OK) {
    rc = below->engine->ops->seek(below, space, from, &cursor->below);
    cursor->below = rc == KV_OK ? cursor->below : NULL;
  }
  return rc == KV_ENOTFOUND ? KV_OK : rc;
}

int kv_overlay_seek(kv_txn *txn, kv_space space, raft_slice from, kv_cursor **out) {
  overlay_cursor *cursor = calloc(1, sizeof *cursor);
  if (cursor == NULL) {
    return KV_ENOMEM;
  }
  cursor->base.txn = txn;
  int rc = open_sources(cursor, space, from);
  if (rc == KV_OK) {
    rc = settle(cursor);
  }
  if (rc != KV_OK) {
    kv_overlay_cursor_close(&cursor->base);
    return rc;
  }
  *out = &cursor->base;
  return KV_OK;
}

int kv_overlay_next(kv_cursor *base) {
  overlay_cursor *cursor = (overlay_cursor *)base;
  const int rc = advance(cursor);
  return rc == KV_OK ? settle(cursor) : rc;
}

void kv_overlay_item(kv_cursor *base, raft_slice *key, raft_slice *value) {
  const overlay_cursor *cursor = (const overlay_cursor *)base;
  *key = cursor->key;
  *value = cursor->value;
}

void kv_overlay_cursor_close(kv_cursor *base) {
  overlay_cursor *cursor = (overlay_cursor *)base;
  close_below(cursor);
  free(cursor);
}
