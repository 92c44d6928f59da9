/* region_error.c - why a request was refused here: names, sentences, bytes.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "raftstore/region_error.h"

#include <stdlib.h>

#include "base/format.h"
#include "base/pb_bytes.h"
#include "engine/engine.h"
#include "errorpb.pb.h"
#include "raftstore/region_codec.h"
#include "raftstore/store.h"

enum { MAX_REASON = 256 };

static const char *const names[] = {
    [KV_NOT_LEADER] = "NotLeader",
    [KV_REGION_NOT_FOUND] = "RegionNotFound",
    [KV_KEY_NOT_IN_REGION] = "KeyNotInRegion",
    [KV_EPOCH_NOT_MATCH] = "EpochNotMatch",
    [KV_SERVER_IS_BUSY] = "ServerIsBusy",
    [KV_STALE_COMMAND] = "StaleCommand",
    [KV_STORE_NOT_MATCH] = "StoreNotMatch",
    [KV_ENTRY_TOO_LARGE] = "RaftEntryTooLarge",
    [KV_REGION_NOT_INITIALIZED] = "RegionNotInitialized",
    [KV_DISK_FULL] = "DiskFull",
    [KV_MISMATCH_PEER] = "MismatchPeerId",
};

static bool is_known(uint64_t kind) {
  return kind < sizeof names / sizeof *names && names[kind] != NULL;
}

const char *kv_region_error_name(kv_region_error_kind kind) {
  return is_known((uint64_t)kind) ? names[kind] : "?";
}

static const char *characters(raft_slice text) {
  return text.len > 0 ? text.data : "";
}

void kv_region_error_text(const kv_region_error *error, char *text, size_t size) {
  const unsigned long long region = error->region_id, asked = error->asked, actual = error->actual;
  const int reason = (int)(error->reason.len < MAX_REASON ? error->reason.len : MAX_REASON);
  switch (error->kind) {
  case KV_NOT_LEADER:
    (void)kv_format(text, size, "another store leads region %llu (store %llu; 0: unknown)", region,
                    (unsigned long long)error->leader_store);
    return;
  case KV_REGION_NOT_FOUND:
    (void)kv_format(text, size, "this store has no replica of region %llu", region);
    return;
  case KV_KEY_NOT_IN_REGION:
    (void)kv_format(text, size, "the key is not in region %llu", region);
    return;
  case KV_EPOCH_NOT_MATCH:
    (void)kv_format(text, size, "region %llu was split or changed its members since", region);
    return;
  case KV_SERVER_IS_BUSY:
    (void)kv_format(text, size, "server is busy: %.*s", reason, characters(error->reason));
    return;
  case KV_STALE_COMMAND:
    (void)kv_format(text, size, "the leader of region %llu changed", region);
    return;
  case KV_STORE_NOT_MATCH:
    (void)kv_format(text, size, "this is store %llu, not store %llu", actual, asked);
    return;
  case KV_ENTRY_TOO_LARGE:
    (void)kv_format(text, size, "the command is too large for one raft entry: %llu bytes of %llu",
                    (unsigned long long)error->size, (unsigned long long)error->limit);
    return;
  case KV_REGION_NOT_INITIALIZED:
    (void)kv_format(text, size, "the replica of region %llu waits for its data", region);
    return;
  case KV_DISK_FULL:
    (void)kv_format(text, size,
                    "the disk of store %llu is full: writes are refused until there is room",
                    actual);
    return;
  case KV_MISMATCH_PEER:
    (void)kv_format(text, size, "the peer of region %llu is %llu, not %llu", region, actual, asked);
    return;
  case KV_REGION_OK: break;
  }
  (void)kv_format(text, size, "no error");
}

/* ---- bytes ---- */

static bool put_regions(pb_ostream_t *stream, const pb_field_t *field, void *const *arg) {
  const kv_region_error *error = *arg;
  for (size_t i = 0; i < error->region_count && i < KV_MAX_ERROR_REGIONS; i++) {
    metapb_Region pb;
    kv_region_to_pb(&error->regions[i], &pb);
    if (!pb_encode_tag_for_field(stream, field) ||
        !pb_encode_submessage(stream, metapb_Region_fields, &pb)) {
      return false;
    }
  }
  return true;
}

int kv_region_error_encode(const kv_region_error *error, raft_buf **bytes) {
  errorpb_Error pb = {.kind = (uint32_t)error->kind,
                      .region_id = error->region_id,
                      .has_leader = error->leader_peer != 0,
                      .leader.id = error->leader_peer,
                      .leader.store_id = error->leader_store,
                      .asked_id = error->asked,
                      .actual_id = error->actual,
                      .entry_size = error->size,
                      .entry_limit = error->limit,
                      .backoff_ms = error->backoff_ms};
  kv_pb_put_bytes(&pb.leader.address, &error->leader_address);
  kv_pb_put_bytes(&pb.key, &error->key);
  kv_pb_put_bytes(&pb.start_key, &error->start);
  kv_pb_put_bytes(&pb.end_key, &error->end);
  kv_pb_put_bytes(&pb.reason, &error->reason);
  pb.current.funcs.encode = put_regions;
  pb.current.arg = kv_pb_argument(error);
  return kv_pb_encode_buf(errorpb_Error_fields, &pb, bytes);
}

static bool get_region(pb_istream_t *stream, const pb_field_t *field, void **arg) {
  kv_region_error *error = *arg;
  kv_region_reader reader;
  metapb_Region pb = metapb_Region_init_zero;
  (void)field;
  if (error->region_count == KV_MAX_ERROR_REGIONS) {
    return false;
  }
  kv_region *regions = realloc(error->regions, (error->region_count + 1) * sizeof *error->regions);
  if (regions == NULL) {
    return false;
  }
  error->regions = regions;
  kv_region_bind(&reader, &pb);
  if (!pb_decode(stream, metapb_Region_fields, &pb)) {
    kv_region_reader_clear(&reader);
    return false;
  }
  if (kv_region_read(&reader, &pb, &regions[error->region_count]) != KV_OK) {
    return false;
  }
  error->region_count++;
  return true;
}

static void take(const errorpb_Error *pb, kv_region_error *error) {
  error->kind = (kv_region_error_kind)pb->kind;
  error->region_id = pb->region_id;
  error->leader_peer = pb->leader.id;
  error->leader_store = pb->leader.store_id;
  error->asked = pb->asked_id;
  error->actual = pb->actual_id;
  error->size = pb->entry_size;
  error->limit = pb->entry_limit;
  error->backoff_ms = pb->backoff_ms;
}

int kv_region_error_decode(raft_slice bytes, kv_region_error *error) {
  errorpb_Error pb = errorpb_Error_init_zero;
  kv_pb_target address = {.max = KV_MAX_ADDRESS}, reason = {.max = MAX_REASON};
  kv_pb_target key = {.max = KV_MAX_KEY}, start = key, end = key;
  *error = (kv_region_error){0};
  kv_pb_get_bytes(&pb.leader.address, &address);
  kv_pb_get_bytes(&pb.key, &key);
  kv_pb_get_bytes(&pb.start_key, &start);
  kv_pb_get_bytes(&pb.end_key, &end);
  kv_pb_get_bytes(&pb.reason, &reason);
  pb.current.funcs.decode = get_region;
  pb.current.arg = error;
  if (kv_pb_decode(errorpb_Error_fields, bytes, &pb) != KV_OK || !is_known(pb.kind)) {
    kv_region_error_clear(error);
    return KV_ECORRUPT;
  }
  take(&pb, error);
  error->leader_address = address.bytes;
  error->key = key.bytes;
  error->start = start.bytes;
  error->end = end.bytes;
  error->reason = reason.bytes;
  return KV_OK;
}

void kv_region_error_clear(kv_region_error *error) {
  for (size_t i = 0; i < error->region_count; i++) {
    kv_region_clear(&error->regions[i]);
  }
  free(error->regions);
  *error = (kv_region_error){0};
}
