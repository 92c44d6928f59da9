/* frame.h - the framed protocol between stores: header, checksum, greeting.
 *
 * One port serves clients and stores: a frame begins with a byte that no Redis request begins with.
 *
 *   offset 0  magic 0xC5   1  version   2  type   3  zero   4  payload bytes   8  crc32c
 *
 * Numbers are little-endian; the checksum covers the first 8 bytes and the payload. The first frame
 * of a connection is a HELLO, from both sides; kv_frame_type (raftstore/device.h) has the others.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_NET_FRAME_H
#define KV_NET_FRAME_H

#include <libraft/bytes.h>
#include <stddef.h>
#include <stdint.h>

#include "raftstore/device.h"
#include "raftstore/store.h"

enum {
  KV_FRAME_MAGIC = 0xC5,
  KV_FRAME_VERSION = 1,
  KV_FRAME_HEADER = 12,
  /* The longest payload: an answer (KV_MAX_REPLY) with what goes around it. */
  KV_FRAME_MAX = (int)KV_MAX_REPLY + (1 << 20)
};

typedef enum kv_frame_state {
  KV_FRAME_MORE, /* `wanted` bytes must be there before another try helps */
  KV_FRAME_WHOLE,
  KV_FRAME_BAD /* frame->why; nothing of this connection can be trusted any more */
} kv_frame_state;

typedef struct kv_frame {
  kv_frame_type type;
  raft_slice payload; /* in the data that was read */
  size_t size;        /* header included */
  size_t wanted;
  const char *why;
} kv_frame;

/* The header of a frame whose payload is these parts. */
void kv_frame_header(unsigned char header[KV_FRAME_HEADER], kv_frame_type type,
                     const raft_bytes *parts, size_t count);

/* Looks for one frame at the front of the data. */
kv_frame_state kv_frame_read(const void *data, size_t len, kv_frame *frame);

/* ---- numbers in payloads ---- */

unsigned char *kv_put_u32(unsigned char *out, uint32_t value); /* return what follows */
unsigned char *kv_put_u64(unsigned char *out, uint64_t value);
/* From the front of *input, which moves; KV_ECORRUPT: not enough bytes. */
int kv_take_u32(raft_slice *input, uint32_t *value);
int kv_take_u64(raft_slice *input, uint64_t *value);

/* ---- HELLO ---- */

enum { KV_HELLO_MAX = 40 + KV_MAX_ADDRESS };

typedef struct kv_hello {
  uint32_t protocol; /* KV_FRAME_VERSION of the speaker; filled by encode */
  uint64_t cluster_id;
  uint64_t store_id;                /* who speaks */
  uint64_t target_id;               /* whom the speaker thinks to reach; 0: does not know */
  char address[KV_MAX_ADDRESS + 1]; /* where the speaker is reached */
} kv_hello;

/* Bytes written, at most KV_HELLO_MAX. */
size_t kv_hello_encode(const kv_hello *hello, unsigned char *out);
/* KV_ECORRUPT. */
int kv_hello_decode(raft_slice payload, kv_hello *hello);

/* May `own` talk to the one who said `other`? KV_EFOREIGN, with a sentence that says what to do. */
int kv_hello_check(const kv_hello *own, const kv_hello *other, kv_error *error);

#endif
