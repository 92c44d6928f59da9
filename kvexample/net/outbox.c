/* outbox.c - what is to be written to a connection, collected and sent in few calls.
 *
 * Two halves: one is filled while the other one is being written; they change places.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "net/outbox.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"

enum {
  REFERENCE_FROM = 2048,  /* bytes from which on a reference is cheaper than a copy */
  MEMORY_KEPT = 64 << 10, /* of an idle half */
  PIECES_KEPT = 256,
  BUFS_AT_ONCE = 512 /* below the kernel's limit of 1024 */
};

void kv_outbox_init(kv_outbox *outbox, uv_stream_t *stream, void *owner,
                    void (*progress)(kv_outbox *outbox, int rc)) {
  *outbox = (kv_outbox){.stream = stream, .owner = owner, .progress = progress};
  outbox->request.data = outbox;
}

static void empty_half(kv_outbox_half *half) {
  for (size_t i = 0; i < half->count; i++) {
    raft_buf_release(half->pieces[i].owner);
  }
  half->count = 0;
  half->bytes = 0;
  half->copied.len = 0;
  if (half->copied.capacity > MEMORY_KEPT) {
    kv_reply_free(&half->copied);
  }
  if (half->room > PIECES_KEPT) {
    free(half->pieces);
    half->pieces = NULL;
    half->room = 0;
  }
}

static void free_half(kv_outbox_half *half) {
  empty_half(half);
  kv_reply_free(&half->copied);
  free(half->pieces);
}

void kv_outbox_free(kv_outbox *outbox) {
  free_half(&outbox->filling);
  free_half(&outbox->writing);
  free(outbox->bufs);
}

static kv_piece *new_piece(kv_outbox_half *half) {
  if (half->count == half->room) {
    const size_t room = half->room == 0 ? 8 : half->room * 2;
    kv_piece *pieces = realloc(half->pieces, room * sizeof *pieces);
    if (pieces == NULL) {
      return NULL;
    }
    half->pieces = pieces;
    half->room = room;
  }
  return &half->pieces[half->count++];
}

int kv_outbox_copy(kv_outbox *outbox, const void *data, size_t len) {
  kv_outbox_half *half = &outbox->filling;
  const size_t offset = half->copied.len;
  kv_reply_append(&half->copied, data, len);
  if (half->copied.failed) {
    return KV_ENOMEM;
  }
  half->bytes += len;
  kv_piece *last = half->count > 0 ? &half->pieces[half->count - 1] : NULL;
  if (last != NULL && last->owner == NULL) {
    last->len += len;
    return KV_OK;
  }
  kv_piece *piece = new_piece(half);
  if (piece == NULL) {
    return KV_ENOMEM;
  }
  *piece = (kv_piece){.offset = offset, .len = len};
  return KV_OK;
}

int kv_outbox_add(kv_outbox *outbox, const raft_bytes *bytes) {
  if (bytes->owner == NULL || bytes->len < REFERENCE_FROM) {
    return kv_outbox_copy(outbox, bytes->data, bytes->len);
  }
  kv_piece *piece = new_piece(&outbox->filling);
  if (piece == NULL) {
    return KV_ENOMEM;
  }
  *piece =
      (kv_piece){.owner = raft_buf_retain(bytes->owner), .data = bytes->data, .len = bytes->len};
  outbox->filling.bytes += bytes->len;
  return KV_OK;
}

size_t kv_outbox_bytes(const kv_outbox *outbox) {
  return outbox->filling.bytes + outbox->writing.bytes;
}

/* The pieces as libuv wants them. */
static int gather(kv_outbox *outbox) {
  const kv_outbox_half *half = &outbox->writing;
  if (half->count > outbox->buf_room) {
    uv_buf_t *bufs = realloc(outbox->bufs, half->count * sizeof *bufs);
    if (bufs == NULL) {
      return UV_ENOMEM;
    }
    outbox->bufs = bufs;
    outbox->buf_room = half->count;
  }
  for (size_t i = 0; i < half->count; i++) {
    const kv_piece *piece = &half->pieces[i];
    /* libuv does not write to the memory; its type is shared with reading. */
    union {
      const void *in;
      char *out;
    } base = {.in = piece->owner == NULL ? half->copied.data + piece->offset : piece->data};
    outbox->bufs[i] = uv_buf_init(base.out, (unsigned)piece->len);
  }
  return 0;
}

/* Skips bytes at the front of the buffers; the number of buffers that are done. */
static size_t skip(uv_buf_t *bufs, size_t count, size_t bytes) {
  size_t done = 0;
  while (done < count && bytes >= bufs[done].len) {
    bytes -= bufs[done].len;
    done++;
  }
  if (done < count) {
    bufs[done].base += bytes;
    bufs[done].len -= bytes;
  }
  return done;
}

static void on_written(uv_write_t *request, int rc) {
  kv_outbox *outbox = request->data;
  outbox->busy = false;
  empty_half(&outbox->writing);
  if (rc == 0) {
    rc = kv_outbox_flush(outbox);
  }
  if (outbox->progress != NULL) {
    outbox->progress(outbox, rc);
  }
}

/* Writes what the kernel takes at once and gives libuv the rest. */
static int write_half(kv_outbox *outbox) {
  int rc = gather(outbox);
  if (rc != 0) {
    return rc;
  }
  size_t done = 0;
  const size_t count = outbox->writing.count;
  while (done < count) {
    const size_t some = count - done < BUFS_AT_ONCE ? count - done : BUFS_AT_ONCE;
    rc = uv_try_write(outbox->stream, outbox->bufs + done, (unsigned)some);
    if (rc < 0 && rc != UV_EAGAIN) {
      return rc;
    }
    const size_t whole = rc > 0 ? skip(outbox->bufs + done, some, (size_t)rc) : 0;
    done += whole;
    if (whole < some) {
      rc = uv_write(&outbox->request, outbox->stream, outbox->bufs + done, (unsigned)(count - done),
                    on_written);
      outbox->busy = rc == 0;
      return rc;
    }
  }
  empty_half(&outbox->writing);
  return 0;
}

int kv_outbox_flush(kv_outbox *outbox) {
  if (outbox->failed) {
    return UV_EPIPE;
  }
  if (outbox->busy || outbox->filling.count == 0) {
    return 0;
  }
  const kv_outbox_half empty = outbox->writing;
  outbox->writing = outbox->filling;
  outbox->filling = empty;
  const int rc = write_half(outbox);
  outbox->failed = rc != 0;
  return rc;
}
