/* reply_reader.c - takes answers apart that were put together by reply.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "raftstore/reply_reader.h"

#include <string.h>

#include "base/decimal.h"

static void skip(raft_slice *reply, size_t len) {
  *reply = (raft_slice){(const char *)reply->data + len, reply->len - len};
}

/* The number behind `mark`, and the end of its line. */
static bool read_line(raft_slice *reply, char mark, int64_t *number) {
  const char *data = reply->data;
  if (reply->len == 0 || data[0] != mark) {
    return false;
  }
  const char *end = memchr(data, '\r', reply->len);
  if (end == NULL || (size_t)(end - data) + 2 > reply->len || end[1] != '\n' ||
      !kv_decimal_parse(data + 1, (size_t)(end - data) - 1, number)) {
    return false;
  }
  skip(reply, (size_t)(end - data) + 2);
  return true;
}

bool kv_reply_read_integer(raft_slice *reply, int64_t *number) {
  return read_line(reply, ':', number);
}

bool kv_reply_read_array(raft_slice *reply, size_t *count) {
  raft_slice rest = *reply;
  int64_t number = 0;
  if (!read_line(&rest, '*', &number) || number < 0) {
    return false;
  }
  *count = (size_t)number;
  *reply = rest;
  return true;
}

bool kv_reply_read_bulk(raft_slice *reply, raft_slice *bytes) {
  raft_slice rest = *reply;
  int64_t len = 0;
  if (!read_line(&rest, '$', &len) || len < 0 || (uint64_t)len + 2 > rest.len) {
    return false;
  }
  *bytes = (raft_slice){rest.data, (size_t)len};
  skip(&rest, (size_t)len + 2);
  *reply = rest;
  return true;
}

bool kv_reply_read_nil(raft_slice *reply) {
  if (reply->len < 3 || memcmp(reply->data, "_\r\n", 3) != 0) {
    return false;
  }
  skip(reply, 3);
  return true;
}

bool kv_reply_read_item(raft_slice *reply, raft_slice *item) {
  const raft_slice before = *reply;
  raft_slice bytes;
  if (!kv_reply_read_nil(reply) && !kv_reply_read_bulk(reply, &bytes)) {
    return false;
  }
  *item = (raft_slice){before.data, before.len - reply->len};
  return true;
}
