/* reply.c - a growing answer in RESP3 bytes.
 *
 * Once an allocation has failed the answer stays failed: half of one would be taken for another.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "raftstore/reply.h"

#include <stdlib.h>
#include <string.h>

#include "base/decimal.h"
#include "base/format.h"

enum { SMALLEST_CAPACITY = 64 };

void kv_reply_free(kv_reply *reply) {
  free(reply->data);
  *reply = (kv_reply){0};
}

raft_slice kv_reply_out_of_memory(void) {
  static const char text[] = "-ERR out of memory\r\n";
  return (raft_slice){text, sizeof text - 1};
}

/* Room for `more` bytes behind len; false: the reply has failed. */
static bool reserve(kv_reply *reply, size_t more) {
  if (reply->failed || more <= reply->capacity - reply->len) {
    return !reply->failed;
  }
  size_t capacity = reply->capacity > 0 ? reply->capacity : SMALLEST_CAPACITY;
  while (capacity - reply->len < more && capacity <= SIZE_MAX / 4) {
    capacity *= 2;
  }
  char *grown = capacity - reply->len >= more ? realloc(reply->data, capacity) : NULL;
  if (grown == NULL) {
    reply->failed = true;
    return false;
  }
  reply->data = grown;
  reply->capacity = capacity;
  return true;
}

void kv_reply_append(kv_reply *reply, const void *data, size_t len) {
  if (len > 0 && reserve(reply, len)) {
    memcpy(reply->data + reply->len, data, len);
    reply->len += len;
  }
}

static void append_text(kv_reply *reply, const char *text) {
  kv_reply_append(reply, text, strlen(text));
}

static void append_number(kv_reply *reply, char type, int64_t number) {
  char line[1 + KV_DECIMAL_MAX + 2];
  line[0] = type;
  size_t len = 1 + kv_decimal_write(number, line + 1);
  line[len++] = '\r';
  line[len++] = '\n';
  kv_reply_append(reply, line, len);
}

void kv_reply_nil(kv_reply *reply) {
  append_text(reply, "_\r\n");
}

void kv_reply_status(kv_reply *reply, const char *text) {
  append_text(reply, "+");
  append_text(reply, text);
  append_text(reply, "\r\n");
}

/* A line break inside would end the error early and start another answer. */
static void flatten(char *text, size_t len) {
  for (size_t i = 0; i < len; i++) {
    if (text[i] == '\r' || text[i] == '\n') {
      text[i] = ' ';
    }
  }
}

void kv_reply_error(kv_reply *reply, const char *format, ...) {
  va_list args, again;
  va_start(args, format);
  va_copy(again, args);
  size_t len = kv_vformat(NULL, 0, format, args);
  if (len < SIZE_MAX - 4 && reserve(reply, len + 4)) { /* sign, terminator, line end */
    char *text = reply->data + reply->len;
    text[0] = '-';
    (void)kv_vformat(text + 1, len + 1, format, again);
    flatten(text, len + 1);
    reply->len += len + 1;
    append_text(reply, "\r\n");
  }
  va_end(again);
  va_end(args);
}

void kv_reply_integer(kv_reply *reply, int64_t number) {
  append_number(reply, ':', number);
}

void kv_reply_bulk(kv_reply *reply, const void *data, size_t len) {
  append_number(reply, '$', (int64_t)len);
  kv_reply_append(reply, data, len);
  append_text(reply, "\r\n");
}

void kv_reply_text(kv_reply *reply, const char *text) {
  kv_reply_bulk(reply, text, strlen(text));
}

void kv_reply_boolean(kv_reply *reply, bool value) {
  append_text(reply, value ? "#t\r\n" : "#f\r\n");
}

void kv_reply_array(kv_reply *reply, size_t count) {
  append_number(reply, '*', (int64_t)count);
}

void kv_reply_map(kv_reply *reply, size_t pairs) {
  append_number(reply, '%', (int64_t)pairs);
}

static const char moved[] = "-TRYAGAIN the key belongs to another region now\r\n";

void kv_reply_moved(kv_reply *reply) {
  kv_reply_append(reply, moved, sizeof moved - 1);
}

bool kv_reply_is_moved(raft_slice reply) {
  return reply.len == sizeof moved - 1 && memcmp(reply.data, moved, reply.len) == 0;
}
