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

/* A stream over memory keeps the place of its next byte in `state`. */
static bool get(pb_istream_t *stream, const pb_field_t *field, void **arg) {
  kv_pb_target *target = *arg;
  (void)field;
  target->bytes = (raft_slice){stream->state, stream->bytes_left};
  return stream->bytes_left <= target->max && pb_read(stream, NULL, stream->bytes_left);
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

int kv_pb_encode_buf(const pb_msgdesc_t *fields, const void *message, raft_buf **buf) {
  size_t size = 0;
  if (!pb_get_encoded_size(&size, fields, message)) {
    return KV_EINVAL;
  }
  void *data = NULL;
  *buf = raft_buf_create(NULL, size, &data);
  return *buf == NULL ? KV_ENOMEM : kv_pb_encode(fields, message, data, size, &size);
}

int kv_pb_decode(const pb_msgdesc_t *fields, raft_slice input, void *message) {
  pb_istream_t stream = pb_istream_from_buffer(input.data, input.len);
  return pb_decode(&stream, fields, message) ? KV_OK : KV_ECORRUPT;
}
