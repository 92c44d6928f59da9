/* envelope.c - a raft message with what a store needs to deliver it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "raftstore/envelope.h"

#include <libraft/wire.h>
#include <string.h>

#include "raft_serverpb.pb.h"
#include "raftstore/region_codec.h"

/* A frame is bounded by the transport; this bounds what its bytes can make us allocate. */
enum { MAX_ENTRIES = 1 << 16, MAX_IDS = 1024 };

static int write_piece(void *ctx, const void *data, size_t len) {
  return pb_write(ctx, data, len) ? 0 : -1;
}

static bool put_message(pb_ostream_t *stream, const pb_field_t *field, void *const *arg) {
  const raft_message *message = *arg;
  return pb_encode_tag_for_field(stream, field) &&
         pb_encode_varint(stream, raft_message_wire_size(message)) &&
         raft_message_encode_to(message, write_piece, stream) == 0;
}

int kv_envelope_encode(const kv_envelope *envelope, const raft_message *message, raft_buf **frame) {
  raft_serverpb_Envelope pb = {.region_id = envelope->region_id,
                               .has_from = true,
                               .from.id = envelope->from_peer,
                               .from.store_id = envelope->from_store,
                               .has_to = true,
                               .to.id = envelope->to_peer,
                               .to.store_id = envelope->to_store,
                               .has_epoch = true,
                               .epoch = kv_epoch_to_pb(envelope->epoch),
                               .tombstone =
                                   message == NULL && !envelope->question && !envelope->refused,
                               .question = message == NULL && envelope->question,
                               .refused = message == NULL && envelope->refused,
                               .has_range = envelope->has_range};
  kv_pb_put_bytes(&pb.range.start_key, &envelope->start);
  kv_pb_put_bytes(&pb.range.end_key, &envelope->end);
  raft_slice address = {envelope->from_address, strlen(envelope->from_address)};
  kv_pb_put_bytes(&pb.from.address, &address);
  if (message != NULL) {
    pb.message.funcs.encode = put_message;
    pb.message.arg = kv_pb_argument(message);
  }
  return kv_pb_encode_buf(raft_serverpb_Envelope_fields, &pb, frame);
}

static int decode_message(raft_bytes frame, raft_slice bytes, raft_message *message) {
  raft_wire_limits limits;
  raft_wire_limits_init(&limits);
  limits.max_entries = MAX_ENTRIES;
  limits.max_ids = MAX_IDS;
  raft_bytes input = {bytes.data, bytes.len, frame.owner};
  int rc = raft_message_decode(input, &limits, NULL, message);
  return rc == RAFT_OK ? KV_OK : rc == RAFT_ENOMEM ? KV_ENOMEM : KV_ECORRUPT;
}

int kv_envelope_decode(raft_bytes frame, kv_envelope *envelope, raft_message *message) {
  raft_serverpb_Envelope pb = raft_serverpb_Envelope_init_zero;
  kv_peer_reader from;
  kv_pb_target bytes = {.max = frame.len};
  kv_pb_target start = {.max = KV_MAX_KEY}, end = {.max = KV_MAX_KEY};
  *message = (raft_message){0};
  kv_peer_bind(&from, &pb.from);
  kv_pb_get_bytes(&pb.message, &bytes);
  kv_pb_get_bytes(&pb.range.start_key, &start);
  kv_pb_get_bytes(&pb.range.end_key, &end);
  raft_slice input = {frame.data, frame.len};
  if (kv_pb_decode(raft_serverpb_Envelope_fields, input, &pb) != KV_OK ||
      kv_peer_read(&from, &pb.from, envelope->from_address) != KV_OK) {
    return KV_ECORRUPT;
  }
  if (pb.region_id == 0 || pb.from.id == 0 || pb.from.store_id == 0 || pb.to.id == 0) {
    return KV_ECORRUPT;
  }
  envelope->region_id = pb.region_id;
  envelope->from_peer = pb.from.id;
  envelope->from_store = pb.from.store_id;
  envelope->to_peer = pb.to.id;
  envelope->to_store = pb.to.store_id;
  envelope->epoch = kv_epoch_from_pb(&pb.epoch);
  envelope->tombstone = pb.tombstone;
  envelope->question = pb.question;
  envelope->refused = pb.refused;
  envelope->has_range = pb.has_range;
  envelope->start = start.bytes;
  envelope->end = end.bytes;
  if (pb.tombstone || pb.question || pb.refused) {
    return KV_OK;
  }
  int rc = decode_message(frame, bytes.bytes, message);
  if (rc == KV_OK && (message->from != pb.from.id || message->to != pb.to.id)) {
    raft_message_release(message);
    rc = KV_ECORRUPT;
  }
  return rc;
}
