/* message_request.c - requests to the scheduler in nanopb.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "engine/engine.h"
#include "scheduler/message_parts.h"

int kv_scheduler_request_encode(const kv_scheduler_request *request, raft_buf **frame) {
  kv_report_source source;
  schedulerpb_Request pb = {.request_id = request->request_id,
                            .cluster_id = request->cluster_id,
                            .store_id = request->store_id,
                            .call = (uint32_t)request->call,
                            .id = request->id,
                            .count = request->count,
                            .incarnation = request->incarnation,
                            .stores_version = request->stores_version,
                            .has_report = kv_region_initialised(&request->report.region),
                            .has_stats = request->call == KV_CALL_STORE_HEARTBEAT,
                            .stats = request->stats,
                            .from_store = request->from_store,
                            .to_store = request->to_store,
                            .previous = request->previous};
  if (!kv_report_to_pb(&request->report, &source, &pb.report) || request->key.len > KV_MAX_KEY) {
    return KV_EINVAL;
  }
  memcpy(pb.text, request->text, sizeof pb.text);
  kv_pb_put_bytes(&pb.key, &request->key);
  return kv_pb_encode_buf(schedulerpb_Request_fields, &pb, frame);
}

static void take(kv_scheduler_request *request, const schedulerpb_Request *pb) {
  request->request_id = pb->request_id;
  request->cluster_id = pb->cluster_id;
  request->store_id = pb->store_id;
  request->call = (kv_scheduler_call)pb->call;
  request->id = pb->id;
  request->count = pb->count;
  memcpy(request->text, pb->text, sizeof request->text);
  request->incarnation = pb->incarnation;
  request->stores_version = pb->stores_version;
  request->stats = pb->stats;
  request->from_store = pb->from_store;
  request->to_store = pb->to_store;
  request->previous = pb->previous;
}

int kv_scheduler_request_decode(raft_bytes frame, kv_scheduler_request *request) {
  schedulerpb_Request pb = schedulerpb_Request_init_zero;
  kv_report_reader report;
  kv_pb_target key = {.max = KV_MAX_KEY};
  raft_slice input = {frame.data, frame.len};
  *request = (kv_scheduler_request){0};
  kv_report_bind(&report, &pb.report);
  kv_pb_get_bytes(&pb.key, &key);
  const bool decoded = kv_pb_decode(schedulerpb_Request_fields, input, &pb) == KV_OK &&
                       pb.call > KV_CALL_NONE && pb.call <= KV_CALL_SET_CONFIG;
  const int rc = kv_report_read(&report, &pb.report, decoded, &request->report);
  if (rc == KV_OK) {
    take(request, &pb);
    request->key = key.bytes;
  }
  return rc;
}
