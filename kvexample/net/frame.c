/* frame.c - the framed protocol between stores: header, checksum, greeting.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "net/frame.h"

#include <inttypes.h>
#include <string.h>

#include "base/crc32c.h"

enum { CHECKED_HEADER = 8 };

static unsigned char *put(unsigned char *out, uint64_t value, size_t bytes) {
  for (size_t i = 0; i < bytes; i++) {
    out[i] = (unsigned char)(value >> (8 * i));
  }
  return out + bytes;
}

static uint64_t get(const unsigned char *in, size_t bytes) {
  uint64_t value = 0;
  for (size_t i = 0; i < bytes; i++) {
    value |= (uint64_t)in[i] << (8 * i);
  }
  return value;
}

unsigned char *kv_put_u32(unsigned char *out, uint32_t value) {
  return put(out, value, sizeof value);
}

unsigned char *kv_put_u64(unsigned char *out, uint64_t value) {
  return put(out, value, sizeof value);
}

static int take(raft_slice *input, size_t bytes, uint64_t *value) {
  if (input->len < bytes) {
    return KV_ECORRUPT;
  }
  *value = get(input->data, bytes);
  input->data = (const unsigned char *)input->data + bytes;
  input->len -= bytes;
  return KV_OK;
}

int kv_take_u32(raft_slice *input, uint32_t *value) {
  uint64_t wide = 0;
  const int rc = take(input, sizeof *value, &wide);
  *value = (uint32_t)wide;
  return rc;
}

int kv_take_u64(raft_slice *input, uint64_t *value) {
  return take(input, sizeof *value, value);
}

void kv_frame_header(unsigned char header[KV_FRAME_HEADER], kv_frame_type type,
                     const raft_bytes *parts, size_t count) {
  size_t bytes = 0;
  for (size_t i = 0; i < count; i++) {
    bytes += parts[i].len;
  }
  header[0] = KV_FRAME_MAGIC;
  header[1] = KV_FRAME_VERSION;
  header[2] = (unsigned char)type;
  header[3] = 0;
  (void)kv_put_u32(header + 4, (uint32_t)bytes);
  uint32_t crc = kv_crc32c(0, header, CHECKED_HEADER);
  for (size_t i = 0; i < count; i++) {
    crc = kv_crc32c(crc, parts[i].data, parts[i].len);
  }
  (void)kv_put_u32(header + CHECKED_HEADER, crc);
}

static kv_frame_state bad(kv_frame *frame, const char *why) {
  frame->why = why;
  return KV_FRAME_BAD;
}

static kv_frame_state more(kv_frame *frame, size_t wanted) {
  frame->wanted = wanted;
  return KV_FRAME_MORE;
}

kv_frame_state kv_frame_read(const void *data, size_t len, kv_frame *frame) {
  const unsigned char *header = data;
  if (len > 0 && header[0] != KV_FRAME_MAGIC) {
    return bad(frame, "not a frame");
  }
  if (len > 1 && header[1] != KV_FRAME_VERSION) {
    return bad(frame, "another version of the protocol between stores: run the same release");
  }
  if (len < KV_FRAME_HEADER) {
    return more(frame, KV_FRAME_HEADER);
  }
  const size_t bytes = (size_t)get(header + 4, 4);
  if (bytes > KV_FRAME_MAX) {
    return bad(frame, "too long");
  }
  frame->size = KV_FRAME_HEADER + bytes;
  if (len < frame->size) {
    return more(frame, frame->size);
  }
  frame->type = (kv_frame_type)header[2];
  frame->payload = (raft_slice){header + KV_FRAME_HEADER, bytes};
  const uint32_t crc = kv_crc32c(kv_crc32c(0, header, CHECKED_HEADER), frame->payload.data, bytes);
  return crc == (uint32_t)get(header + CHECKED_HEADER, 4) ? KV_FRAME_WHOLE
                                                          : bad(frame, "wrong checksum");
}

size_t kv_hello_encode(const kv_hello *hello, unsigned char *out) {
  const size_t address = strlen(hello->address);
  unsigned char *at = kv_put_u32(out, KV_FRAME_VERSION);
  at = kv_put_u64(at, hello->cluster_id);
  at = kv_put_u64(at, hello->store_id);
  at = kv_put_u64(at, hello->target_id);
  memcpy(at, hello->address, address);
  return (size_t)(at - out) + address;
}

int kv_hello_decode(raft_slice payload, kv_hello *hello) {
  *hello = (kv_hello){0};
  if (kv_take_u32(&payload, &hello->protocol) != KV_OK ||
      kv_take_u64(&payload, &hello->cluster_id) != KV_OK ||
      kv_take_u64(&payload, &hello->store_id) != KV_OK ||
      kv_take_u64(&payload, &hello->target_id) != KV_OK || payload.len > KV_MAX_ADDRESS ||
      memchr(payload.data, '\0', payload.len) != NULL) {
    return KV_ECORRUPT;
  }
  memcpy(hello->address, payload.data, payload.len);
  return KV_OK;
}

int kv_hello_check(const kv_hello *own, const kv_hello *other, kv_error *error) {
  if (other->protocol != KV_FRAME_VERSION) {
    return kv_fail(error, KV_EFOREIGN,
                   "store %" PRIu64 " speaks version %" PRIu32 " of the protocol between stores, "
                   "this one %d: run the same release on both",
                   other->store_id, other->protocol, KV_FRAME_VERSION);
  }
  if (other->cluster_id != own->cluster_id) {
    return kv_fail(error, KV_EFOREIGN,
                   "store %" PRIu64 " at %s is of cluster %" PRIu64 ", this one of %" PRIu64
                   ": correct the address, or --cluster",
                   other->store_id, other->address, other->cluster_id, own->cluster_id);
  }
  if (other->target_id != 0 && other->target_id != own->store_id) {
    return kv_fail(error, KV_EFOREIGN,
                   "store %" PRIu64 " looks for store %" PRIu64 " at the address of store %" PRIu64
                   ": correct the address that it was given",
                   other->store_id, other->target_id, own->store_id);
  }
  if (other->store_id == own->store_id) {
    return kv_fail(error, KV_EFOREIGN,
                   "a store at %s says that it is store %" PRIu64 ", as this one: give each its "
                   "own --id",
                   other->address, own->store_id);
  }
  return KV_OK;
}
