/* allocator.h - where a node's memory comes from.
 *
 * Each node takes its memory from one raft_allocator, so an embedder can count, bound or
 * place it. A failing allocation is an error code, never a wrong state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIBRAFT_ALLOCATOR_H
#define LIBRAFT_ALLOCATOR_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The three functions have the meaning of the C library's. `malloc` is never asked for 0
 * bytes; `realloc` gets a NULL pointer for a first allocation; `free` ignores NULL.
 * The struct is referred to, not copied: it must outlive the nodes that use it and every
 * buffer and message that they handed out. With asynchronous storage writes, or when
 * buffers cross threads, the functions must be safe to call from several threads. */
typedef struct raft_allocator {
  void *(*malloc)(void *ctx, size_t size);
  void *(*realloc)(void *ctx, void *pointer, size_t size);
  void (*free)(void *ctx, void *pointer);
  void *ctx;
} raft_allocator;

/* malloc, realloc and free of the C library. Absent from freestanding builds, where
 * raft_config.allocator is required. */
const raft_allocator *raft_default_allocator(void);

#ifdef __cplusplus
}
#endif
#endif
