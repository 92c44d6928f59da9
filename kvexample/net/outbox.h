/* outbox.h - what is to be written to a connection, collected and sent in few calls.
 *
 * Small pieces are copied next to each other, large ones with an owner are referenced. Nothing is
 * written before kv_outbox_flush, which a connection calls once a loop turn. While the kernel
 * takes nothing, pieces gather; the owner watches kv_outbox_bytes and stops the source.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_NET_OUTBOX_H
#define KV_NET_OUTBOX_H

#include <libraft/bytes.h>
#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "raftstore/reply.h"

typedef struct kv_piece {
  size_t offset;   /* into `copied`; pieces without an owner */
  raft_buf *owner; /* NULL: copied */
  const void *data;
  size_t len;
} kv_piece;

typedef struct kv_outbox_half {
  kv_reply copied;
  kv_piece *pieces;
  size_t count;
  size_t room;
  size_t bytes;
} kv_outbox_half;

typedef struct kv_outbox {
  uv_stream_t *stream;
  kv_outbox_half filling;
  kv_outbox_half writing;
  uv_buf_t *bufs;
  size_t buf_room;
  uv_write_t request;
  bool busy; /* `request` is with libuv */
  bool failed;
  /* Some of it has been written, or nothing ever will be (rc is a libuv error). May be NULL. */
  void (*progress)(struct kv_outbox *outbox, int rc);
  void *owner;
} kv_outbox;

void kv_outbox_init(kv_outbox *outbox, uv_stream_t *stream, void *owner,
                    void (*progress)(kv_outbox *outbox, int rc));
/* Only after the stream's handle was closed (its close callback), so that no write is on its way.
 */
void kv_outbox_free(kv_outbox *outbox);

/* KV_ENOMEM: nothing was added, or some of it: the connection is of no use any more. */
int kv_outbox_copy(kv_outbox *outbox, const void *data, size_t len);
/* References the bytes if they are many and have an owner, copies otherwise. */
int kv_outbox_add(kv_outbox *outbox, const raft_bytes *bytes);

/* Bytes that the kernel has not taken. */
size_t kv_outbox_bytes(const kv_outbox *outbox);

/* 0 or a libuv error: the connection is broken. progress() is not called from within. */
int kv_outbox_flush(kv_outbox *outbox);

#endif
