/* pb_bytes.h - nanopb's callback fields without its callbacks: byte strings in and out of messages.
 *
 * The generated structs hold a pb_callback_t for every field of unbounded size. Here such a field
 * is bound to a slice in one call. Decoding borrows from the input instead of copying, and refuses
 * what exceeds the caller's bound.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_BASE_PB_BYTES_H
#define KV_BASE_PB_BYTES_H

#include <libraft/bytes.h>
#include <pb.h>
#include <pb_decode.h>
#include <pb_encode.h>

#include "base/error.h"

/* Where a decoded field goes: a piece of the input, at most `max` bytes long. */
typedef struct kv_pb_target {
  raft_slice bytes;
  size_t max;
} kv_pb_target;

/* *bytes must stay until the message is encoded. An empty slice writes no field. */
void kv_pb_put_bytes(pb_callback_t *field, const raft_slice *bytes);
void kv_pb_get_bytes(pb_callback_t *field, kv_pb_target *target);
/* For fields of one's own making: what nanopb's callback gets as its argument. */
void *kv_pb_argument(const void *pointer);

/* KV_EFULL: more than `size` bytes are needed. */
int kv_pb_encode(const pb_msgdesc_t *fields, const void *message, void *buf, size_t size,
                 size_t *len);
/* New buffer with one reference. KV_ENOMEM; KV_EINVAL: a callback refused. */
int kv_pb_encode_buf(const pb_msgdesc_t *fields, const void *message, raft_buf **buf);
/* KV_ECORRUPT: no such message, or a bound exceeded. */
int kv_pb_decode(const pb_msgdesc_t *fields, raft_slice input, void *message);

#endif
