/* wire_etcd.c - gRPC by hand over libnghttp2: one stream a request, two kinds of message.
 *
 * A message is one byte (not compressed), its length in four, and protobuf: etcdserverpb.PutRequest
 * {1: key, 2: value} or RangeRequest {1: key}. The answer's body is not looked at; the trailer
 * grpc-status says whether it went well.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <nghttp2/nghttp2.h>
#include <stdlib.h>
#include <string.h>

#include "wire.h"

enum { HEADERS = 6, WINDOW = 1 << 24, PREFIX = 5 };

typedef struct stream {
  nghttp2_session *session;
  char authority[64];
  uint8_t *body;
  size_t body_len;
  size_t body_sent;
  bool right; /* grpc-status was 0 */
  bool closed;
} stream;

/* ---- callbacks ---- */

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                     void *user) {
  (void)session;
  (void)frame;
  (void)flags;
  stream *self = user;
  static const char status[] = "grpc-status";
  if (name_len == sizeof(status) - 1 && memcmp(name, status, name_len) == 0) {
    self->right = value_len == 1 && value[0] == '0';
  }
  return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t error, void *user) {
  (void)session;
  (void)id;
  stream *self = user;
  self->closed = true;
  self->right = self->right && error == 0;
  return 0;
}

static ssize_t read_body(nghttp2_session *session, int32_t id, uint8_t *to, size_t room,
                         uint32_t *flags, nghttp2_data_source *source, void *user) {
  (void)session;
  (void)id;
  (void)user;
  stream *self = source->ptr;
  const size_t left = self->body_len - self->body_sent;
  const size_t count = left < room ? left : room;
  memcpy(to, self->body + self->body_sent, count);
  self->body_sent += count;
  *flags |= self->body_sent == self->body_len ? (uint32_t)NGHTTP2_DATA_FLAG_EOF : 0;
  return (ssize_t)count;
}

/* ---- the connection ---- */

static bool flush(wire_connection *connection) {
  stream *self = connection->state;
  for (;;) {
    const uint8_t *bytes;
    const ssize_t len = nghttp2_session_mem_send(self->session, &bytes);
    if (len <= 0) {
      return len == 0;
    }
    if (kv_buffer_append(&connection->out, bytes, (size_t)len) != 0) {
      return false;
    }
  }
}

static nghttp2_session *open_session(stream *self) {
  nghttp2_session_callbacks *callbacks;
  nghttp2_session *session = NULL;
  if (nghttp2_session_callbacks_new(&callbacks) == 0) {
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
    (void)nghttp2_session_client_new(&session, callbacks, self);
    nghttp2_session_callbacks_del(callbacks);
  }
  return session;
}

static bool open_connection(wire_connection *connection, const char *address) {
  stream *self = calloc(1, sizeof(*self));
  connection->state = self;
  if (self == NULL || (self->session = open_session(self)) == NULL) {
    return false;
  }
  strncpy(self->authority, address, sizeof(self->authority) - 1);
  const nghttp2_settings_entry settings[] = {{NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
                                             {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, WINDOW}};
  return nghttp2_submit_settings(self->session, NGHTTP2_FLAG_NONE, settings, 2) == 0 &&
         nghttp2_session_set_local_window_size(self->session, NGHTTP2_FLAG_NONE, 0, WINDOW) == 0;
}

static void close_connection(wire_connection *connection) {
  stream *self = connection->state;
  if (self != NULL) {
    nghttp2_session_del(self->session);
    free(self->body);
    free(self);
  }
}

/* ---- requests ---- */

/* A field of bytes; lengths below 2^14. */
static uint8_t *put_field(uint8_t *to, uint8_t number, const void *bytes, size_t len) {
  *to++ = (uint8_t)(number << 3 | 2);
  if (len >= 0x80) {
    *to++ = (uint8_t)(len | 0x80);
  }
  *to++ = (uint8_t)(len >= 0x80 ? len >> 7 : len);
  memcpy(to, bytes, len);
  return to + len;
}

static bool make_body(stream *self, const wire_request *request) {
  const size_t room = PREFIX + 2 * 3 + WIRE_KEY + request->value_len;
  uint8_t *body = realloc(self->body, room);
  if (body == NULL || request->value_len >= 1u << 14) {
    return false;
  }
  self->body = body;
  uint8_t *end = put_field(body + PREFIX, 1, request->key, WIRE_KEY);
  if (request->put) {
    end = put_field(end, 2, request->value, request->value_len);
  }
  const size_t len = (size_t)(end - body) - PREFIX;
  memcpy(body, (const uint8_t[PREFIX]){0, 0, 0, (uint8_t)(len >> 8), (uint8_t)len}, PREFIX);
  self->body_len = len + PREFIX;
  self->body_sent = 0;
  return true;
}

static nghttp2_nv header(const char *name, const char *value) {
  nghttp2_nv pair;
  memset(&pair, 0, sizeof(pair));
  union {
    const char *text;
    uint8_t *bytes;
  } left = {.text = name}, right = {.text = value};
  pair.name = left.bytes;
  pair.value = right.bytes;
  pair.namelen = strlen(name);
  pair.valuelen = strlen(value);
  return pair;
}

static bool ask(wire_connection *connection, const wire_request *request) {
  stream *self = connection->state;
  const char *path = request->put ? "/etcdserverpb.KV/Put" : "/etcdserverpb.KV/Range";
  const nghttp2_nv headers[HEADERS] = {
      header(":method", "POST"), header(":scheme", "http"),
      header(":path", path),     header(":authority", self->authority),
      header("te", "trailers"),  header("content-type", "application/grpc")};
  const nghttp2_data_provider body = {.source = {.ptr = self}, .read_callback = read_body};
  self->right = false;
  self->closed = false;
  return make_body(self, request) &&
         nghttp2_submit_request(self->session, NULL, headers, HEADERS, &body, NULL) >= 0 &&
         flush(connection);
}

static wire_answer take(wire_connection *connection) {
  stream *self = connection->state;
  const size_t len = kv_buffer_len(&connection->in);
  const ssize_t taken = nghttp2_session_mem_recv(
      self->session, (const uint8_t *)kv_buffer_front(&connection->in), len);
  kv_buffer_discard(&connection->in, len);
  if (taken < 0 || !flush(connection)) {
    return WIRE_ERROR;
  }
  return !self->closed ? WIRE_MORE : self->right ? WIRE_DONE : WIRE_ERROR;
}

const wire_protocol wire_etcd = {"etcd", open_connection, close_connection, ask, take};
