/* buf.h - the inside of a raft_buf, and references taken and given back several at a time.
 *
 * An atomic operation costs more than most of what surrounds it, and the entries of a batch mostly
 * lie in one buffer: a run of them is one operation.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RAFT_BUF_H
#define RAFT_BUF_H

#include <libraft/types.h>
#include <stdatomic.h>

struct raft_buf {
  atomic_size_t references;
  const raft_allocator *allocator;
  const void *data;
  size_t len;
};

/* The last reference is gone. */
void raft_buf_destroy(raft_buf *buf);

/* `count` references more; NULL is ignored. */
static inline void raft_buf_retain_many(raft_buf *buf, size_t count) {
  if (buf != NULL) {
    atomic_fetch_add_explicit(&buf->references, count, memory_order_relaxed);
  }
}

/* `count` references less. Whoever holds all there are is alone with the buffer, and needs no
 * read-modify-write to find out. NULL is ignored. */
static inline void raft_buf_release_many(raft_buf *buf, size_t count) {
  if (buf != NULL &&
      (atomic_load_explicit(&buf->references, memory_order_acquire) == count ||
       atomic_fetch_sub_explicit(&buf->references, count, memory_order_acq_rel) == count)) {
    raft_buf_destroy(buf);
  }
}

/* One reference more, or less, for the payload of each entry. */
void raft_entries_retain(const raft_entry *entries, size_t count);
void raft_entries_release(const raft_entry *entries, size_t count);

#endif
