/* command_codec.c - the binary form of a command, on disk in raft entries and between stores.
 *
 *   op, flags, number, count of arguments: varints (7 bits a byte, low first; number zigzagged)
 *   each argument: varint length, bytes
 *
 * Commands follow each other without separators. The decoder is handed bytes of peers and disks:
 * every length is checked against what is left before it is believed.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "raftstore/command.h"

/* --- writing -----------------------------------------------------------------------------------
 */

/* Counts all bytes, writes those that fit. */
typedef struct writer {
  unsigned char *buf;
  size_t size, len;
} writer;

static void put_bytes(writer *w, const void *data, size_t len) {
  if (len > 0 && w->len <= w->size && len <= w->size - w->len) {
    memcpy(w->buf + w->len, data, len);
  }
  w->len += len;
}

static void put_varint(writer *w, uint64_t number) {
  unsigned char bytes[10];
  size_t len = 0;
  while (number >= 0x80) {
    bytes[len++] = (unsigned char)(number | 0x80);
    number >>= 7;
  }
  bytes[len++] = (unsigned char)number;
  put_bytes(w, bytes, len);
}

/* Small numbers of either sign become small unsigned ones. */
static uint64_t zigzag(int64_t number) {
  return ((uint64_t)number << 1) ^ (number < 0 ? UINT64_MAX : 0);
}

static int64_t unzigzag(uint64_t number) {
  uint64_t half = number >> 1;
  return (number & 1) != 0 ? -(int64_t)half - 1 : (int64_t)half;
}

size_t kv_command_encode(const kv_command *command, void *buf, size_t size) {
  writer w = {buf, size, 0};
  put_varint(&w, (uint64_t)command->op);
  put_varint(&w, command->flags);
  put_varint(&w, zigzag(command->number));
  put_varint(&w, command->arg_count);
  for (size_t i = 0; i < command->arg_count; i++) {
    put_varint(&w, command->args[i].len);
    put_bytes(&w, command->args[i].data, command->args[i].len);
  }
  return w.len;
}

/* --- reading -----------------------------------------------------------------------------------
 */

typedef struct reader {
  const unsigned char *at, *end;
} reader;

/* False: cut off, longer than 64 bits, or not in its shortest form. */
static bool take_varint(reader *r, uint64_t *number) {
  uint64_t sum = 0;
  for (unsigned shift = 0; shift < 64 && r->at < r->end; shift += 7) {
    unsigned char byte = *r->at++;
    if ((shift == 63 && byte > 1) || (shift > 0 && byte == 0)) {
      return false;
    }
    sum |= (uint64_t)(byte & 0x7f) << shift;
    if (byte < 0x80) {
      *number = sum;
      return true;
    }
  }
  return false;
}

static bool take_slice(reader *r, raft_slice *slice) {
  uint64_t len;
  if (!take_varint(r, &len) || len > (size_t)(r->end - r->at)) {
    return false;
  }
  *slice = (raft_slice){r->at, (size_t)len};
  r->at += len;
  return true;
}

/* Everything but the arguments. */
static bool take_front(reader *r, kv_command *command) {
  uint64_t op, flags, number, count;
  if (!take_varint(r, &op) || !take_varint(r, &flags) || !take_varint(r, &number) ||
      !take_varint(r, &count)) {
    return false;
  }
  /* An argument has at least the byte of its length. */
  if (op > INT32_MAX || flags > UINT32_MAX || count > KV_MAX_ARGS ||
      count > (size_t)(r->end - r->at)) {
    return false;
  }
  command->op = (kv_op)op;
  command->flags = (uint32_t)flags;
  command->number = unzigzag(number);
  command->arg_count = (size_t)count;
  return kv_op_is_known(command->op);
}

int kv_command_decode(raft_slice *input, kv_command *command, raft_slice *args, size_t *arg_room) {
  reader r = {input->data, (const unsigned char *)input->data + input->len};
  kv_command decoded = {0};
  if (input->len == 0 || !take_front(&r, &decoded)) {
    return KV_ECORRUPT;
  }
  if (decoded.arg_count > *arg_room) {
    *arg_room = decoded.arg_count;
    return KV_EFULL;
  }
  for (size_t i = 0; i < decoded.arg_count; i++) {
    if (!take_slice(&r, &args[i])) {
      return KV_ECORRUPT;
    }
  }
  decoded.args = args;
  *command = decoded;
  *input = (raft_slice){r.at, (size_t)(r.end - r.at)};
  return KV_OK;
}
