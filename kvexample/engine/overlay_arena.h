/* overlay_arena.h - memory of one generation: taken piece by piece, given back all at once.
 *
 * Pieces never move, so threads may read what is in them while more are taken. A mark lets the
 * owner give back what was taken last, when he knows that nobody looks at it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_ENGINE_OVERLAY_ARENA_H
#define KV_ENGINE_OVERLAY_ARENA_H

#include <stddef.h>

typedef struct kv_arena_block kv_arena_block;

/* Zero-initialised is empty. */
typedef struct kv_arena {
  kv_arena_block *blocks; /* newest first; pieces come from the first one */
  kv_arena_block *large;  /* blocks of one piece each, newest first */
  size_t bytes;           /* in pieces */
} kv_arena;

typedef struct kv_arena_mark {
  kv_arena_block *block;
  kv_arena_block *large;
  size_t used; /* of `block` */
  size_t bytes;
} kv_arena_mark;

/* Aligned for pointers and integers; NULL: out of memory. */
void *kv_arena_take(kv_arena *arena, size_t bytes);
kv_arena_mark kv_arena_mark_of(const kv_arena *arena);
/* Gives back everything that was taken since. */
void kv_arena_rewind(kv_arena *arena, kv_arena_mark mark);
void kv_arena_free(kv_arena *arena);

#endif
