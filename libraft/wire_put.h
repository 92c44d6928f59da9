/* wire_put.h - a writer of protobuf fields: into a buffer, or piece by piece to a function.
 *
 * A buffer that is too small, none for one, only makes the writer count: what a message needs and
 * what it writes are told by the same code. No field is looked at twice, and none is described
 * by a table: a tag and a number are a few instructions.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RAFT_WIRE_PUT_H
#define RAFT_WIRE_PUT_H

#include <libraft/types.h>
#include <string.h>

typedef struct raft_wire_writer {
  unsigned char *buffer;
  size_t size;
  size_t used;
  uint64_t left_out;                                     /* bytes that the buffer has no room for */
  int (*write)(void *ctx, const void *data, size_t len); /* takes what the buffer gathered, and
                                                            payloads; NULL: nobody does */
  void *ctx;
  int rc; /* the first non-zero answer of write, which is not called again */
} raft_wire_writer;

/* Hands on what was gathered; without `write` no-op. */
void raft_wire_flush(raft_wire_writer *to);
/* A tag and a number where the buffer may have no room for them. */
void raft_wire_fit_pair(raft_wire_writer *to, uint32_t tag, uint64_t number);
void raft_wire_put_payload(raft_wire_writer *to, const void *data, size_t len);

/* Whether so many bytes are too many for the buffer; if so they are counted, and to be skipped. */
static inline bool raft_wire_leaves_out(raft_wire_writer *to, uint64_t bytes) {
  if (to->write != NULL || bytes <= to->size - to->used) {
    return false;
  }
  to->left_out += bytes;
  to->size = to->used; /* nothing is written behind a gap */
  return true;
}

static inline unsigned char *raft_wire_write_varint(unsigned char *at, uint64_t value) {
  for (; value >= 0x80; value >>= 7) {
    *at++ = (unsigned char)(value | 0x80);
  }
  *at++ = (unsigned char)value;
  return at;
}

enum { RAFT_WIRE_PAIR_MOST = 5 + 10 };

/* A tag and the number behind it. */
static inline void raft_wire_put_pair(raft_wire_writer *to, uint32_t tag, uint64_t number) {
  if (to->size - to->used >= RAFT_WIRE_PAIR_MOST) {
    unsigned char *at = to->buffer + to->used;
    at = raft_wire_write_varint(raft_wire_write_varint(at, tag), number);
    to->used = (size_t)(at - to->buffer);
  } else {
    raft_wire_fit_pair(to, tag, number);
  }
}

static inline void raft_wire_put_number(raft_wire_writer *to, uint32_t field, uint64_t number) {
  raft_wire_put_pair(to, field << 3, number);
}

static inline void raft_wire_put_nonzero(raft_wire_writer *to, uint32_t field, uint64_t number) {
  if (number != 0) {
    raft_wire_put_number(to, field, number);
  }
}

/* What is before `len` bytes, or a submessage of that size. */
static inline void raft_wire_put_head(raft_wire_writer *to, uint32_t field, uint64_t len) {
  raft_wire_put_pair(to, field << 3 | 2, len);
}

/* Nothing if data is NULL. */
static inline void raft_wire_put_bytes(raft_wire_writer *to, uint32_t field, raft_bytes bytes) {
  if (bytes.data != NULL) {
    raft_wire_put_head(to, field, bytes.len);
    raft_wire_put_payload(to, bytes.data, bytes.len);
  }
}

#endif
