/* inbox.h - bytes that were read from a connection and are not consumed.
 *
 * All connections of a loop read into one shared buffer; only what is left of an incomplete
 * request is copied to memory of the connection, which it gives back when it is empty. So an idle
 * connection holds no buffer, and a complete request is parsed where it was read.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_NET_INBOX_H
#define KV_NET_INBOX_H

#include <stddef.h>
#include <uv.h>

enum { KV_SHARED_INPUT = 64 << 10 };

/* One a loop. */
typedef struct kv_shared_input {
  char data[KV_SHARED_INPUT];
} kv_shared_input;

typedef struct kv_inbox {
  kv_shared_input *shared;
  char *own;
  size_t capacity;
  char *data; /* in own or in shared; [data, data + len) is not consumed */
  size_t len;
} kv_inbox;

void kv_inbox_init(kv_inbox *inbox, kv_shared_input *shared);
void kv_inbox_free(kv_inbox *inbox);

/* Where to read to: for libuv's allocation callback. An empty buffer: out of memory. */
uv_buf_t kv_inbox_space(kv_inbox *inbox);
/* Bytes that were read there: data and len now include them. */
void kv_inbox_filled(kv_inbox *inbox, size_t bytes);
/* The first bytes are done with. */
void kv_inbox_consume(kv_inbox *inbox, size_t bytes);
/* Before the next read of anybody: keeps what is left, with room for at least `wanted` bytes in
 * all. KV_ENOMEM: the connection is of no use any more. */
int kv_inbox_keep(kv_inbox *inbox, size_t wanted);

#endif
