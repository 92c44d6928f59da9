/* bytes.c - immutable payload bytes behind an atomic reference count.
 *
 * A buffer of our own is one allocation: this header, then the bytes. A wrapped one has the
 * foreign memory's release function behind the header instead.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <libraft/bytes.h>

#include <string.h>

#include "allocate.h"
#include "buf.h"

/* What follows the header; its alignment is good for whatever callers put into a buffer. */
typedef struct owned_buf {
  raft_buf buf;
  _Alignas(max_align_t) unsigned char bytes[];
} owned_buf;

typedef struct wrapped_buf {
  raft_buf buf;
  void (*release)(void *ctx, const void *data, size_t len);
  void *ctx;
} wrapped_buf;

static void buf_init(raft_buf *buf, const raft_allocator *allocator, const void *data, size_t len) {
  atomic_init(&buf->references, 1);
  buf->allocator = allocator;
  buf->data = data;
  buf->len = len;
}

raft_buf *raft_buf_create(const raft_allocator *allocator, size_t len, void **data) {
  allocator = raft_allocator_or_default(allocator);
  if (allocator == NULL || len > SIZE_MAX - sizeof(owned_buf)) {
    return NULL;
  }
  owned_buf *owned = raft_allocate(allocator, sizeof(owned_buf) + len);
  if (owned == NULL) {
    return NULL;
  }
  buf_init(&owned->buf, allocator, owned->bytes, len);
  *data = owned->bytes;
  return &owned->buf;
}

raft_buf *raft_buf_copy(const raft_allocator *allocator, const void *data, size_t len) {
  void *bytes;
  raft_buf *buf = raft_buf_create(allocator, len, &bytes);
  if (buf != NULL && len > 0) {
    memcpy(bytes, data, len);
  }
  return buf;
}

raft_buf *raft_buf_wrap(const raft_allocator *allocator, const void *data, size_t len,
                        void (*release)(void *ctx, const void *data, size_t len), void *ctx) {
  allocator = raft_allocator_or_default(allocator);
  wrapped_buf *wrapped = allocator == NULL ? NULL : raft_allocate(allocator, sizeof(wrapped_buf));
  if (wrapped == NULL) {
    return NULL;
  }
  buf_init(&wrapped->buf, allocator, data, len);
  wrapped->release = release;
  wrapped->ctx = ctx;
  return &wrapped->buf;
}

raft_buf *raft_buf_retain(raft_buf *buf) {
  raft_buf_retain_many(buf, 1);
  return buf;
}

static bool is_wrapped(const raft_buf *buf) {
  return buf->data != ((const owned_buf *)buf)->bytes;
}

void raft_buf_destroy(raft_buf *buf) {
  if (is_wrapped(buf)) {
    const wrapped_buf *wrapped = (const wrapped_buf *)buf;
    if (wrapped->release != NULL) {
      wrapped->release(wrapped->ctx, buf->data, buf->len);
    }
  }
  raft_deallocate(buf->allocator, buf);
}

void raft_buf_release(raft_buf *buf) {
  raft_buf_release_many(buf, 1);
}

/* How many of the entries, from the first on, lie in one buffer. */
static size_t run_of(const raft_entry *entries, size_t count) {
  size_t run = 1;
  while (run < count && entries[run].data.owner == entries[0].data.owner) {
    run++;
  }
  return run;
}

void raft_entries_retain(const raft_entry *entries, size_t count) {
  for (size_t run; count > 0; entries += run, count -= run) {
    run = run_of(entries, count);
    raft_buf_retain_many(entries[0].data.owner, run);
  }
}

void raft_entries_release(const raft_entry *entries, size_t count) {
  for (size_t run; count > 0; entries += run, count -= run) {
    run = run_of(entries, count);
    raft_buf_release_many(entries[0].data.owner, run);
  }
}

const void *raft_buf_data(const raft_buf *buf) {
  return buf->data;
}

size_t raft_buf_len(const raft_buf *buf) {
  return buf->len;
}
