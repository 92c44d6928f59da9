/* overlay_map.h - an ordered map from keys to versions of values: one writer, many readers.
 *
 * A skip list (Pugh 1990) in an arena. Every write of a key adds a version under the number of its
 * transaction, in front of the older ones; a reader with a number sees the newest version that
 * does not pass it, so what was written after its begin does not exist for it. A deletion is a
 * version, too.
 *
 * Threads: put and undo by one writer at a time; the reading functions by any thread beside it, as
 * long as the arena lives. Versions under numbers that are not committed yet belong to the writer:
 * readers pass over them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_ENGINE_OVERLAY_MAP_H
#define KV_ENGINE_OVERLAY_MAP_H

#include <libraft/bytes.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine/overlay_arena.h"

enum { KV_OVERLAY_LEVELS = 12 };

typedef struct kv_overlay_version {
  struct kv_overlay_version *older;
  uint64_t sequence; /* of the transaction that wrote it */
  size_t len, room;  /* of the value, and for one that takes its place */
  bool deleted;
  unsigned char data[];
} kv_overlay_version;

typedef struct kv_overlay_node {
  _Atomic(kv_overlay_version *) newest; /* NULL: what was written was given up */
  uint32_t key_len;
  uint32_t height;
  _Atomic(struct kv_overlay_node *) next[]; /* so many as it is high; the key stands behind */
} kv_overlay_node;

typedef struct kv_overlay_map {
  kv_overlay_node *head; /* as high as can be, without a key */
  atomic_uint height;    /* of the highest node */
  uint64_t random;       /* heights are a function of the puts so far */
} kv_overlay_map;

/* What a put did, for its undoing. */
typedef struct kv_overlay_touch {
  kv_overlay_node *node; /* NULL: nothing new, the transaction had written the key before */
  bool created;
} kv_overlay_touch;

/* False: out of memory. */
bool kv_overlay_map_init(kv_overlay_map *map, kv_arena *arena);

/* A new value of the key, or with `deleted` none; copied. Writing again under one number replaces
 * what was written. False: out of memory, nothing has changed. */
bool kv_overlay_map_put(kv_overlay_map *map, kv_arena *arena, raft_slice key, raft_slice value,
                        bool deleted, uint64_t sequence, kv_overlay_touch *touch);
/* Takes the version of a put back; those of one transaction from the last to the first. */
void kv_overlay_map_undo(const kv_overlay_touch *touch);
/* Takes a node that an undone put created out of the list. No reader may be on the map. */
void kv_overlay_map_unlink(kv_overlay_map *map, const kv_overlay_node *node);

/* First node whose key is not below `from`; NULL: none. */
const kv_overlay_node *kv_overlay_map_seek(const kv_overlay_map *map, raft_slice from);
const kv_overlay_node *kv_overlay_node_next(const kv_overlay_node *node);
raft_slice kv_overlay_node_key(const kv_overlay_node *node);
/* What a reader with that number sees of the key; NULL: this map says nothing of it. */
const kv_overlay_version *kv_overlay_node_version(const kv_overlay_node *node, uint64_t sequence);
const kv_overlay_version *kv_overlay_map_get(const kv_overlay_map *map, raft_slice key,
                                             uint64_t sequence);

/* As memcmp, shorter keys first. */
int kv_overlay_compare(raft_slice a, raft_slice b);

#endif
