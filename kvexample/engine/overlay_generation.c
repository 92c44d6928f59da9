/* overlay_generation.c - what was committed between two flushes, in memory.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "engine/overlay_generation.h"

#include <stdlib.h>

kv_generation *kv_generation_create(void) {
  kv_generation *generation = calloc(1, sizeof *generation);
  if (generation == NULL) {
    return NULL;
  }
  generation->references = 1;
  if (!kv_overlay_map_init(&generation->maps[0], &generation->arena) ||
      !kv_overlay_map_init(&generation->maps[1], &generation->arena)) {
    kv_generation_free(generation);
    return NULL;
  }
  return generation;
}

void kv_generation_free(kv_generation *generation) {
  kv_arena_free(&generation->arena);
  free(generation);
}

static int write_node(const kv_overlay_node *node, uint64_t sequence, kv_space space, kv_txn *txn) {
  const kv_engine_ops *ops = txn->engine->ops;
  const kv_overlay_version *version = kv_overlay_node_version(node, sequence);
  if (version == NULL) {
    return KV_OK;
  }
  const raft_slice key = kv_overlay_node_key(node);
  if (!version->deleted) {
    return ops->put(txn, space, key, (raft_slice){version->data, version->len});
  }
  const int rc = ops->del(txn, space, key);
  return rc == KV_ENOTFOUND ? KV_OK : rc; /* it was put and deleted in this generation */
}

int kv_generation_write(const kv_generation *generation, uint64_t sequence, kv_txn *txn) {
  int rc = KV_OK;
  for (int space = KV_SPACE_DATA; space <= KV_SPACE_META && rc == KV_OK; space++) {
    const kv_overlay_node *node = kv_overlay_node_next(generation->maps[space].head);
    for (; node != NULL && rc == KV_OK; node = kv_overlay_node_next(node)) {
      rc = write_node(node, sequence, (kv_space)space, txn);
    }
  }
  return rc;
}
