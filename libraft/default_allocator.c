/* default_allocator.c - malloc, realloc and free of the C library as a raft_allocator.
 *
 * The only file of the library that knows <stdlib.h>; freestanding builds leave it out.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <libraft/allocator.h>
#include <stdlib.h>

static void *default_malloc(void *ctx, size_t size) {
  (void)ctx;
  return malloc(size);
}

static void *default_realloc(void *ctx, void *pointer, size_t size) {
  (void)ctx;
  return realloc(pointer, size);
}

static void default_free(void *ctx, void *pointer) {
  (void)ctx;
  free(pointer);
}

static const raft_allocator default_allocator = {default_malloc, default_realloc, default_free,
                                                 NULL};

const raft_allocator *raft_default_allocator(void) {
  return &default_allocator;
}
