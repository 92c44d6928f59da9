/* bytes.h - immutable payload bytes and who keeps them alive.
 *
 * Payloads are never copied inside the library: the entry that is proposed, persisted, sent
 * and applied points at the same memory. A raft_buf is such memory with a reference count;
 * the count is atomic, so a reference may be dropped on any thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIBRAFT_BYTES_H
#define LIBRAFT_BYTES_H

#include <stddef.h>
#include <stdint.h>

#include <libraft/allocator.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Reference-counted immutable bytes; opaque. */
typedef struct raft_buf raft_buf;

/* A piece of memory that is only looked at. */
typedef struct raft_slice {
  const void *data;
  size_t len;
} raft_slice;

/* Bytes, and the buffer that holds them. owner == NULL: borrowed for the call, the library
 * copies what it keeps. owner != NULL: data lies in that buffer, the library takes references
 * of its own instead of copying. data == NULL means "no bytes", which raftpb distinguishes
 * from an empty string only on the wire. */
typedef struct raft_bytes {
  const void *data;
  size_t len;
  raft_buf *owner;
} raft_bytes;

/* New buffer of `len` bytes with one reference, owned by the caller; *data is where to write
 * them, before the buffer is shared. allocator NULL: the default one. NULL when out of memory. */
raft_buf *raft_buf_create(const raft_allocator *allocator, size_t len, void **data);

/* New buffer with a copy of `data`; one reference. NULL when out of memory. */
raft_buf *raft_buf_copy(const raft_allocator *allocator, const void *data, size_t len);

/* New buffer around foreign memory: when the last reference goes, release(ctx, data, len) is
 * called on the thread that dropped it. NULL when out of memory (release is not called). */
raft_buf *raft_buf_wrap(const raft_allocator *allocator, const void *data, size_t len,
                        void (*release)(void *ctx, const void *data, size_t len), void *ctx);

/* One reference more; returns `buf`. NULL is allowed and ignored. Any thread. */
raft_buf *raft_buf_retain(raft_buf *buf);

/* One reference less; the last one frees. NULL is allowed and ignored. Any thread. */
void raft_buf_release(raft_buf *buf);

/* The bytes of a buffer, valid while the caller holds a reference. Any thread. */
const void *raft_buf_data(const raft_buf *buf);
size_t raft_buf_len(const raft_buf *buf);

#ifdef __cplusplus
}
#endif
#endif
