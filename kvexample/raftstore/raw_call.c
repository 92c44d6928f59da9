/* raw_call.c - raw calls as structs and bytes.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "raftstore/raw_call.h"

#include <stdlib.h>

#include "base/pb_bytes.h"
#include "engine/engine.h"
#include "kvrpcpb.pb.h"
#include "raftstore/region_codec.h"

int kv_raw_request_encode(const kv_raw_request *request, raft_buf **bytes) {
  kvrpcpb_RawRequest pb = {.request_id = request->request_id,
                           .has_context = true,
                           .context = {.region_id = request->region_id,
                                       .has_epoch = true,
                                       .epoch = kv_epoch_to_pb(request->epoch),
                                       .peer_id = request->peer_id,
                                       .term = request->term,
                                       .store_id = request->store_id},
                           .call = (uint32_t)request->call,
                           .absent = request->absent,
                           .limit = request->limit,
                           .keys_only = request->keys_only,
                           .timeout_ms = request->timeout_ms};
  kv_pb_put_bytes(&pb.key, &request->key);
  kv_pb_put_bytes(&pb.value, &request->value);
  kv_pb_put_bytes(&pb.expected, &request->expected);
  return kv_pb_encode_buf(kvrpcpb_RawRequest_fields, &pb, bytes);
}

int kv_raw_request_decode(raft_slice bytes, kv_raw_request *request) {
  kvrpcpb_RawRequest pb = kvrpcpb_RawRequest_init_zero;
  kv_pb_target key = {.max = bytes.len}, value = key, expected = key;
  kv_pb_get_bytes(&pb.key, &key);
  kv_pb_get_bytes(&pb.value, &value);
  kv_pb_get_bytes(&pb.expected, &expected);
  *request = (kv_raw_request){0};
  if (kv_pb_decode(kvrpcpb_RawRequest_fields, bytes, &pb) != KV_OK || pb.call < KV_RAW_GET ||
      pb.call > KV_RAW_CAS) {
    return KV_ECORRUPT;
  }
  *request = (kv_raw_request){.request_id = pb.request_id,
                              .region_id = pb.context.region_id,
                              .epoch = kv_epoch_from_pb(&pb.context.epoch),
                              .peer_id = pb.context.peer_id,
                              .term = pb.context.term,
                              .store_id = pb.context.store_id,
                              .call = (kv_raw_call)pb.call,
                              .key = key.bytes,
                              .value = value.bytes,
                              .expected = expected.bytes,
                              .absent = pb.absent,
                              .limit = pb.limit,
                              .keys_only = pb.keys_only,
                              .timeout_ms = pb.timeout_ms};
  return KV_OK;
}

/* ---- responses ---- */

static bool put_pairs(pb_ostream_t *stream, const pb_field_t *field, void *const *arg) {
  const kv_raw_response *response = *arg;
  for (size_t i = 0; i < response->pair_count; i++) {
    kvrpcpb_KvPair pb = kvrpcpb_KvPair_init_zero;
    kv_pb_put_bytes(&pb.key, &response->pairs[i].key);
    kv_pb_put_bytes(&pb.value, &response->pairs[i].value);
    if (!pb_encode_tag_for_field(stream, field) ||
        !pb_encode_submessage(stream, kvrpcpb_KvPair_fields, &pb)) {
      return false;
    }
  }
  return true;
}

int kv_raw_response_encode(const kv_raw_response *response, raft_buf **bytes) {
  kvrpcpb_RawResponse pb = {.request_id = response->request_id,
                            .not_found = response->not_found,
                            .succeeded = response->succeeded};
  kv_pb_put_bytes(&pb.region_error, &response->region_error);
  kv_pb_put_bytes(&pb.error, &response->error);
  kv_pb_put_bytes(&pb.value, &response->value);
  kv_pb_put_bytes(&pb.next_key, &response->next_key);
  pb.pairs.funcs.encode = put_pairs;
  pb.pairs.arg = kv_pb_argument(response);
  return kv_pb_encode_buf(kvrpcpb_RawResponse_fields, &pb, bytes);
}

static bool make_room(kv_raw_response *response) {
  const size_t count = response->pair_count;
  if ((count & (count - 1)) != 0) {
    return true; /* grows at powers of two */
  }
  kv_raw_pair *pairs =
      realloc(response->pairs, (count > 0 ? 2 * count : 1) * sizeof *response->pairs);
  if (pairs == NULL) {
    return false;
  }
  response->pairs = pairs;
  return true;
}

static bool get_pair(pb_istream_t *stream, const pb_field_t *field, void **arg) {
  kv_raw_response *response = *arg;
  kvrpcpb_KvPair pb = kvrpcpb_KvPair_init_zero;
  kv_pb_target key = {.max = KV_MAX_KEY}, value = {.max = KV_MAX_VALUE};
  (void)field;
  kv_pb_get_bytes(&pb.key, &key);
  kv_pb_get_bytes(&pb.value, &value);
  if (response->pair_count == KV_MAX_RAW_LIMIT || !pb_decode(stream, kvrpcpb_KvPair_fields, &pb) ||
      !make_room(response)) {
    return false;
  }
  response->pairs[response->pair_count++] = (kv_raw_pair){key.bytes, value.bytes};
  return true;
}

int kv_raw_response_decode(raft_slice bytes, kv_raw_response *response) {
  kvrpcpb_RawResponse pb = kvrpcpb_RawResponse_init_zero;
  kv_pb_target region_error = {.max = bytes.len}, error = region_error, value = region_error;
  kv_pb_target next_key = {.max = KV_MAX_KEY};
  *response = (kv_raw_response){0};
  kv_pb_get_bytes(&pb.region_error, &region_error);
  kv_pb_get_bytes(&pb.error, &error);
  kv_pb_get_bytes(&pb.value, &value);
  kv_pb_get_bytes(&pb.next_key, &next_key);
  pb.pairs.funcs.decode = get_pair;
  pb.pairs.arg = response;
  if (kv_pb_decode(kvrpcpb_RawResponse_fields, bytes, &pb) != KV_OK) {
    kv_raw_response_clear(response);
    return KV_ECORRUPT;
  }
  response->request_id = pb.request_id;
  response->region_error = region_error.bytes;
  response->error = error.bytes;
  response->value = value.bytes;
  response->not_found = pb.not_found;
  response->succeeded = pb.succeeded;
  response->next_key = next_key.bytes;
  return KV_OK;
}

void kv_raw_response_clear(kv_raw_response *response) {
  free(response->pairs);
  *response = (kv_raw_response){0};
}
