/* parts.c - buffers that grow, frames, and giving up.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "parts.h"

#include <errno.h>
#include <libraft/wire.h>
#include <stdlib.h>
#include <string.h>

void die(const char *what) {
  fprintf(stderr, "notebook: %s: %s\n", what, strerror(errno));
  exit(1);
}

void check(int rc, const char *what) {
  if (rc == RAFT_ENOMEM || raft_is_fatal(rc)) {
    fprintf(stderr, "notebook: %s: %s\n", what, raft_error_string(rc));
    exit(1);
  }
}

void append(buffer *buf, const void *data, size_t len) {
  if (len > buf->room - buf->len) {
    buf->room = 2 * (buf->len + len);
    buf->data = realloc(buf->data, buf->room);
    if (buf->data == NULL) {
      die("memory");
    }
  }
  if (len > 0) {
    memcpy(buf->data + buf->len, data, len);
    buf->len += len;
  }
}

void drop(buffer *buf, size_t len) {
  buf->len -= len;
  if (len > 0 && buf->len > 0) {
    memmove(buf->data, buf->data + len, buf->len);
  }
}

static uint32_t checksum(const char *data, size_t len) { /* CRC-32C */
  uint32_t crc = UINT32_MAX;
  for (size_t i = 0; i < len; i++) {
    crc ^= (unsigned char)data[i];
    for (int bit = 0; bit < 8; bit++) {
      crc = (crc >> 1) ^ (0x82f63b78 & (0 - (crc & 1)));
    }
  }
  return ~crc;
}

static int append_piece(void *ctx, const void *data, size_t len) {
  append(ctx, data, len);
  return RAFT_OK;
}

void append_frame(buffer *buf, const raft_message *message) {
  size_t begin = buf->len;
  size_t size = raft_message_wire_size(message);
  if (size > MAX_FRAME) {
    errno = EMSGSIZE;
    die("a frame");
  }
  uint32_t header[2] = {(uint32_t)size, 0}; /* in this machine's byte order */
  append(buf, header, FRAME_HEADER);
  check(raft_message_encode_to(message, append_piece, buf), "encoding");
  header[1] = checksum(buf->data + begin + FRAME_HEADER, header[0]);
  memcpy(buf->data + begin, header, FRAME_HEADER);
}

ssize_t take_frame(const char *data, size_t len, raft_message *message) {
  uint32_t header[2];
  if (len < FRAME_HEADER) {
    return 0;
  }
  memcpy(header, data, FRAME_HEADER);
  if (header[0] == 0 || header[0] > MAX_FRAME) {
    return -1;
  }
  if (header[0] > len - FRAME_HEADER) {
    return 0;
  }
  raft_bytes input = {data + FRAME_HEADER, header[0], NULL};
  if (checksum(input.data, input.len) != header[1] ||
      raft_message_decode(input, NULL, NULL, message) != RAFT_OK) {
    return -1;
  }
  return FRAME_HEADER + (ssize_t)header[0];
}
