/* overlay_arena.c - memory of one generation: taken piece by piece, given back all at once.
 *
 * Blocks double in size, so that an idle store holds little and a busy one asks rarely.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "engine/overlay_arena.h"

#include <stdint.h>
#include <stdlib.h>

enum { ALIGNMENT = 8, FIRST_BLOCK = 4096, LARGEST_BLOCK = 1 << 20, LARGE_PIECE = 64 << 10 };

struct kv_arena_block {
  struct kv_arena_block *next;
  size_t size, used;
  uint64_t bytes[]; /* aligned */
};

static kv_arena_block *create(size_t size) {
  kv_arena_block *block = malloc(sizeof *block + size);
  if (block != NULL) {
    block->next = NULL;
    block->size = size;
    block->used = 0;
  }
  return block;
}

static void *piece_of(kv_arena_block *block, size_t bytes) {
  void *piece = (char *)block->bytes + block->used;
  block->used += bytes;
  return piece;
}

static size_t next_size(const kv_arena *arena) {
  if (arena->blocks == NULL) {
    return FIRST_BLOCK;
  }
  return arena->blocks->size < LARGEST_BLOCK ? arena->blocks->size * 2 : LARGEST_BLOCK;
}

/* A block in front of the list that has room for so much. */
static kv_arena_block *add_block(kv_arena_block **list, size_t size) {
  kv_arena_block *block = create(size);
  if (block != NULL) {
    block->next = *list;
    *list = block;
  }
  return block;
}

void *kv_arena_take(kv_arena *arena, size_t bytes) {
  bytes = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  kv_arena_block *block = arena->blocks;
  if (bytes >= LARGE_PIECE) {
    block = add_block(&arena->large, bytes);
  } else if (block == NULL || block->size - block->used < bytes) {
    const size_t size = next_size(arena);
    block = add_block(&arena->blocks, size > bytes ? size : bytes);
  }
  if (block == NULL) {
    return NULL;
  }
  arena->bytes += bytes;
  return piece_of(block, bytes);
}

kv_arena_mark kv_arena_mark_of(const kv_arena *arena) {
  const size_t used = arena->blocks != NULL ? arena->blocks->used : 0;
  return (kv_arena_mark){arena->blocks, arena->large, used, arena->bytes};
}

static void free_until(kv_arena_block **list, const kv_arena_block *end) {
  while (*list != end) {
    kv_arena_block *block = *list;
    *list = block->next;
    free(block);
  }
}

void kv_arena_rewind(kv_arena *arena, kv_arena_mark mark) {
  free_until(&arena->blocks, mark.block);
  free_until(&arena->large, mark.large);
  if (arena->blocks != NULL) {
    arena->blocks->used = mark.used;
  }
  arena->bytes = mark.bytes;
}

void kv_arena_free(kv_arena *arena) {
  free_until(&arena->blocks, NULL);
  free_until(&arena->large, NULL);
  *arena = (kv_arena){0};
}
