/* overlay_map.c - an ordered map from keys to versions of values: one writer, many readers.
 *
 * A node is complete before it is linked, level by level from below, with release stores that the
 * readers' acquire loads pair with: who sees a node sees its key and its first version.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "engine/overlay_map.h"

#include <string.h>

int kv_overlay_compare(raft_slice a, raft_slice b) {
  const size_t shorter = a.len < b.len ? a.len : b.len;
  const int order = shorter > 0 ? memcmp(a.data, b.data, shorter) : 0;
  return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static size_t bytes_before_key(unsigned height) {
  return sizeof(kv_overlay_node) + height * sizeof(_Atomic(kv_overlay_node *));
}

raft_slice kv_overlay_node_key(const kv_overlay_node *node) {
  return (raft_slice){(const char *)node + bytes_before_key(node->height), node->key_len};
}

static kv_overlay_node *follow(const kv_overlay_node *node, unsigned level) {
  return atomic_load_explicit(&node->next[level], memory_order_acquire);
}

const kv_overlay_node *kv_overlay_node_next(const kv_overlay_node *node) {
  return follow(node, 0);
}

/* The last node below the key on each level; before[] may be NULL. Returns that of level 0. */
static kv_overlay_node *find_before(const kv_overlay_map *map, raft_slice key,
                                    kv_overlay_node **before) {
  kv_overlay_node *at = map->head;
  unsigned level = atomic_load_explicit(&map->height, memory_order_relaxed);
  while (level-- > 0) {
    kv_overlay_node *next = follow(at, level);
    while (next != NULL && kv_overlay_compare(kv_overlay_node_key(next), key) < 0) {
      at = next;
      next = follow(at, level);
    }
    if (before != NULL) {
      before[level] = at;
    }
  }
  return at;
}

const kv_overlay_node *kv_overlay_map_seek(const kv_overlay_map *map, raft_slice from) {
  return follow(find_before(map, from, NULL), 0);
}

const kv_overlay_version *kv_overlay_node_version(const kv_overlay_node *node, uint64_t sequence) {
  const kv_overlay_version *version = atomic_load_explicit(&node->newest, memory_order_acquire);
  while (version != NULL && version->sequence > sequence) {
    version = version->older;
  }
  return version;
}

const kv_overlay_version *kv_overlay_map_get(const kv_overlay_map *map, raft_slice key,
                                             uint64_t sequence) {
  const kv_overlay_node *node = kv_overlay_map_seek(map, key);
  return node != NULL && kv_overlay_compare(kv_overlay_node_key(node), key) == 0
             ? kv_overlay_node_version(node, sequence)
             : NULL;
}

/* ---- writing ---- */

static kv_overlay_node *create_node(kv_arena *arena, raft_slice key, unsigned height) {
  kv_overlay_node *node = kv_arena_take(arena, bytes_before_key(height) + key.len);
  if (node == NULL) {
    return NULL;
  }
  atomic_init(&node->newest, NULL);
  node->key_len = (uint32_t)key.len;
  node->height = height;
  for (unsigned i = 0; i < height; i++) {
    atomic_init(&node->next[i], NULL);
  }
  if (key.len > 0) {
    memcpy((char *)node + bytes_before_key(height), key.data, key.len);
  }
  return node;
}

bool kv_overlay_map_init(kv_overlay_map *map, kv_arena *arena) {
  map->head = create_node(arena, (raft_slice){0}, KV_OVERLAY_LEVELS);
  atomic_init(&map->height, 1);
  map->random = UINT64_C(0x9e3779b97f4a7c15);
  return map->head != NULL;
}

/* Each level has a quarter of the nodes of the one below. */
static unsigned choose_height(kv_overlay_map *map) {
  uint64_t random = map->random;
  random ^= random << 13;
  random ^= random >> 7;
  random ^= random << 17;
  map->random = random;
  unsigned height = 1;
  while (height < KV_OVERLAY_LEVELS && random % 4 == 0) {
    height++;
    random /= 4;
  }
  return height;
}

static kv_overlay_version *create_version(kv_arena *arena, raft_slice value, bool deleted,
                                          uint64_t sequence) {
  kv_overlay_version *version = kv_arena_take(arena, sizeof *version + value.len);
  if (version != NULL) {
    *version = (kv_overlay_version){
        .sequence = sequence, .len = value.len, .room = value.len, .deleted = deleted};
    if (value.len > 0) {
      memcpy(version->data, value.data, value.len);
    }
  }
  return version;
}

/* The transaction's own version takes the new value if it fits. Nobody else reads it yet. */
static bool overwrite(kv_overlay_version *version, raft_slice value, bool deleted) {
  if (value.len > version->room) {
    return false;
  }
  if (value.len > 0) {
    memmove(version->data, value.data, value.len);
  }
  version->len = value.len;
  version->deleted = deleted;
  return true;
}

static bool put_version(kv_overlay_node *node, kv_arena *arena, raft_slice value, bool deleted,
                        uint64_t sequence, kv_overlay_touch *touch) {
  kv_overlay_version *newest = atomic_load_explicit(&node->newest, memory_order_relaxed);
  const bool again = newest != NULL && newest->sequence == sequence;
  if (again && overwrite(newest, value, deleted)) {
    return true;
  }
  kv_overlay_version *version = create_version(arena, value, deleted, sequence);
  if (version == NULL) {
    return false;
  }
  version->older = again ? newest->older : newest;
  atomic_store_explicit(&node->newest, version, memory_order_release);
  touch->node = again ? NULL : node;
  return true;
}

static void link_node(kv_overlay_map *map, kv_overlay_node *node, kv_overlay_node **before) {
  unsigned highest = atomic_load_explicit(&map->height, memory_order_relaxed);
  for (; highest < node->height; highest++) {
    before[highest] = map->head;
  }
  for (unsigned i = 0; i < node->height; i++) {
    atomic_store_explicit(&node->next[i], follow(before[i], i), memory_order_relaxed);
    atomic_store_explicit(&before[i]->next[i], node, memory_order_release);
  }
  /* A reader that still has the old height only takes a longer way. */
  atomic_store_explicit(&map->height, highest, memory_order_relaxed);
}

bool kv_overlay_map_put(kv_overlay_map *map, kv_arena *arena, raft_slice key, raft_slice value,
                        bool deleted, uint64_t sequence, kv_overlay_touch *touch) {
  kv_overlay_node *before[KV_OVERLAY_LEVELS];
  kv_overlay_node *node = follow(find_before(map, key, before), 0);
  *touch = (kv_overlay_touch){0};
  if (node != NULL && kv_overlay_compare(kv_overlay_node_key(node), key) == 0) {
    return put_version(node, arena, value, deleted, sequence, touch);
  }
  node = create_node(arena, key, choose_height(map));
  if (node == NULL || !put_version(node, arena, value, deleted, sequence, touch)) {
    return false;
  }
  link_node(map, node, before);
  touch->created = true;
  return true;
}

void kv_overlay_map_undo(const kv_overlay_touch *touch) {
  kv_overlay_version *newest = atomic_load_explicit(&touch->node->newest, memory_order_relaxed);
  atomic_store_explicit(&touch->node->newest, newest->older, memory_order_release);
}

void kv_overlay_map_unlink(kv_overlay_map *map, const kv_overlay_node *node) {
  kv_overlay_node *before[KV_OVERLAY_LEVELS];
  (void)find_before(map, kv_overlay_node_key(node), before);
  for (unsigned i = 0; i < node->height; i++) {
    atomic_store_explicit(&before[i]->next[i], follow(node, i), memory_order_release);
  }
}
