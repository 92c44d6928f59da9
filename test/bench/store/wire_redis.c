/* wire_redis.c - SET and WAIT 1 in one write, both answers read; GET.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire.h"

static bool open_connection(wire_connection *connection, const char *address) {
  (void)connection;
  (void)address;
  return true;
}

static void close_connection(wire_connection *connection) {
  (void)connection;
}

static bool ask(wire_connection *connection, const wire_request *request) {
  static const char wait[] = "\r\n*3\r\n$4\r\nWAIT\r\n$1\r\n1\r\n$1\r\n0\r\n";
  char head[96];
  const char *format = request->put ? "*3\r\n$3\r\nSET\r\n$%d\r\n%s\r\n$%zu\r\n"
                                    : "*2\r\n$3\r\nGET\r\n$%d\r\n%s\r\n";
  const int len = snprintf(head, sizeof(head), format, WIRE_KEY, request->key, request->value_len);
  if (kv_buffer_append(&connection->out, head, (size_t)len) != 0) {
    return false;
  }
  return !request->put ||
         (kv_buffer_append(&connection->out, request->value, request->value_len) == 0 &&
          kv_buffer_append(&connection->out, wait, sizeof(wait) - 1) == 0);
}

/* Length of the first line with its end; 0: it is not complete. */
static size_t line_length(const char *bytes, size_t len) {
  const char *end = len == 0 ? NULL : memchr(bytes, '\n', len);
  return end == NULL ? 0 : (size_t)(end - bytes) + 1;
}

/* "+OK" and ":1" or more. */
static wire_answer take_put(wire_connection *connection) {
  const char *bytes = kv_buffer_front(&connection->in);
  const size_t len = kv_buffer_len(&connection->in);
  const size_t first = line_length(bytes, len);
  const size_t second = first == 0 ? 0 : line_length(bytes + first, len - first);
  if (second == 0) {
    return WIRE_MORE;
  }
  const bool done = bytes[0] == '+' && bytes[first] == ':' && bytes[first + 1] != '0';
  kv_buffer_discard(&connection->in, first + second);
  return done ? WIRE_DONE : WIRE_ERROR;
}

static wire_answer take_get(wire_connection *connection) {
  const char *bytes = kv_buffer_front(&connection->in);
  const size_t len = kv_buffer_len(&connection->in);
  const size_t line = line_length(bytes, len);
  if (line == 0) {
    return WIRE_MORE;
  }
  const long size = bytes[0] == '$' ? strtol(bytes + 1, NULL, 10) : -2;
  const size_t whole = line + (size >= 0 ? (size_t)size + 2 : 0);
  if (len < whole) {
    return WIRE_MORE;
  }
  kv_buffer_discard(&connection->in, whole);
  return size >= -1 ? WIRE_DONE : WIRE_ERROR;
}

static wire_answer take(wire_connection *connection) {
  return connection->put ? take_put(connection) : take_get(connection);
}

const wire_protocol wire_redis = {"redis", open_connection, close_connection, ask, take};
