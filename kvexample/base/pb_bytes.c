/* pb_bytes.c - nanopb's callback fields without its callbacks.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/pb_bytes.h"

static bool put(pb_ostream_t *stream, const pb_field_t *field, void *const *arg) {
  const raft_slice *bytes = *arg;
  return bytes->len == 0 || (pb_encode_tag_for_field(stream, field) &&
                             pb_encode_string(stream, bytes->data, bytes->len));
}

/* What this thread decodes now. A field that came as a number instead of bytes is handed over in
 * memory of nanopb's own, which is gone afterwards: it is recognised by its place, and refused. */
static _Thread_local raft_slice decoded;

static bool is_inside(const void *place) {
  const uintptr_t at = (uintptr_t)place, begin = (uintptr_t)decoded.data;
  return decoded.data == NULL || (at >= begin && at - begin <= decoded.len);
}

/* A stream over memory keeps the place of its next byte in `state`. */
static bool get(pb_istream_t *stream, const pb_field_t *field, void **arg) {
  kv_pb_target *target = *arg;
  (void)field;
  target->bytes = (raft_slice){stream->state, stream->bytes_left};
  return is_inside(stream->state) && stream->bytes_left <= target->max &&
         pb_read(stream, NULL, stream->bytes_left);
}

void *kv_pb_argument(const void *pointer) {
  union {
    const void *in;
    void *out;
  } same = {pointer};
  return same.out;
}

void kv_pb_put_bytes(pb_callback_t *field, const raft_slice *bytes) {
  field->funcs.encode = put;
  field->arg = kv_pb_argument(bytes);
}

void kv_pb_get_bytes(pb_callback_t *field, kv_pb_target *target) {
  field->funcs.decode = get;
  field->arg = target;
}

int kv_pb_encode(const pb_msgdesc_t *fields, const void *message, void *buf, size_t size,
                 size_t *len) {
  pb_ostream_t stream = pb_ostream_from_buffer(buf, size);
  if (!pb_encode(&stream, fields, message)) {
    return KV_EFULL;
  }
  *len = stream.bytes_written;
  return KV_OK;
}

/* Most messages are small: one way through them instead of two, one of which counts. */
int kv_pb_encode_buf(const pb_msgdesc_t *fields, const void *message, raft_buf **buf) {
  enum { SMALL = 512 };
  unsigned char small[SMALL];
  size_t size = 0;
  if (kv_pb_encode(fields, message, small, sizeof small, &size) == KV_OK) {
    *buf = raft_buf_copy(NULL, small, size);
    return *buf == NULL ? KV_ENOMEM : KV_OK;
  }
  if (!pb_get_encoded_size(&size, fields, message)) {
    return KV_EINVAL;
  }
  void *data = NULL;
  *buf = raft_buf_create(NULL, size, &data);
  return *buf == NULL ? KV_ENOMEM : kv_pb_encode(fields, message, data, size, &size);
}

int kv_pb_decode(const pb_msgdesc_t *fields, raft_slice input, void *message) {
  const raft_slice outer = decoded;
  pb_istream_t stream = pb_istream_from_buffer(input.data, input.len);
  decoded = input;
  const bool good = pb_decode(&stream, fields, message);
  decoded = outer;
  return good ? KV_OK : KV_ECORRUPT;
}
