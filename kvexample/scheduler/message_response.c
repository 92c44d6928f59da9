/* message_response.c - responses of the scheduler in nanopb.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>
#include <string.h>

#include "engine/engine.h"
#include "scheduler/message_parts.h"

/* ---- encoding ---- */

static bool put_reports(pb_ostream_t *stream, const pb_field_t *field, void *const *arg) {
  const kv_scheduler_response *response = *arg;
  for (size_t i = 0; i < response->region_count; i++) {
    kv_report_source source;
    schedulerpb_RegionReport pb;
    if (!kv_report_to_pb(&response->regions[i], &source, &pb) ||
        !pb_encode_tag_for_field(stream, field) ||
        !pb_encode_submessage(stream, schedulerpb_RegionReport_fields, &pb)) {
      return false;
    }
  }
  return true;
}

typedef struct list_sources {
  kv_list_source stores;
  kv_list_source operators;
  kv_list_source lines;
  kv_list_source items;
} list_sources;

static void put_lists(const kv_scheduler_response *response, list_sources *sources,
                      schedulerpb_Response *pb) {
  *sources = (list_sources){.stores = {response->stores, response->store_count,
                                       sizeof *response->stores, schedulerpb_Store_fields},
                            .operators = {response->operators, response->operator_count,
                                          sizeof *response->operators, schedulerpb_Operator_fields},
                            .lines = {response->lines, response->line_count,
                                      sizeof *response->lines, schedulerpb_Line_fields},
                            .items = {response->items, response->item_count,
                                      sizeof *response->items, schedulerpb_Item_fields}};
  kv_list_put(&pb->stores, &sources->stores);
  kv_list_put(&pb->operators, &sources->operators);
  kv_list_put(&pb->lines, &sources->lines);
  kv_list_put(&pb->items, &sources->items);
  pb->regions.funcs.encode = put_reports;
  pb->regions.arg = kv_pb_argument(response);
}

static bool within_bounds(const kv_scheduler_response *response) {
  return response->peer_count <= KV_MAX_PEERS && response->split_key.len <= KV_MAX_KEY &&
         response->step.changes_count <= KV_MAX_STEP_CHANGES &&
         response->store_count <= KV_MAX_LIST && response->region_count <= KV_MAX_LIST &&
         response->operator_count <= KV_MAX_LIST && response->line_count <= KV_MAX_LIST &&
         response->item_count <= KV_MAX_LIST;
}

int kv_scheduler_response_encode(const kv_scheduler_response *response, raft_buf **frame) {
  list_sources sources;
  schedulerpb_Response pb = {.request_id = response->request_id,
                             .cluster_id = response->cluster_id,
                             .call = (uint32_t)response->call,
                             .status = (uint32_t)response->status,
                             .id = response->id,
                             .stores_version = response->stores_version,
                             .bootstrapped = response->bootstrapped,
                             .store_state = (uint32_t)response->store_state,
                             .region_id = response->region_id,
                             .has_epoch = true,
                             .epoch = kv_epoch_to_pb(response->epoch),
                             .has_step = response->step.kind != KV_STEP_NONE,
                             .step = response->step};
  if (!within_bounds(response)) {
    return KV_EINVAL;
  }
  memcpy(pb.text, response->text, sizeof pb.text);
  memcpy(pb.peer_ids, response->peer_ids, sizeof pb.peer_ids);
  pb.peer_ids_count = (pb_size_t)response->peer_count;
  kv_pb_put_bytes(&pb.split_key, &response->split_key);
  put_lists(response, &sources, &pb);
  return kv_pb_encode_buf(schedulerpb_Response_fields, &pb, frame);
}

/* ---- decoding ---- */

static bool get_report(pb_istream_t *stream, const pb_field_t *field, void **arg) {
  kv_scheduler_response *response = *arg;
  void *items = response->regions;
  kv_region_report *report =
      kv_list_grow(&items, response->region_count, sizeof *response->regions, KV_MAX_LIST);
  schedulerpb_RegionReport pb = schedulerpb_RegionReport_init_zero;
  kv_report_reader reader;
  (void)field;
  response->regions = items;
  if (report == NULL) {
    return false;
  }
  kv_report_bind(&reader, &pb);
  const bool decoded = pb_decode(stream, schedulerpb_RegionReport_fields, &pb);
  if (kv_report_read(&reader, &pb, decoded, report) != KV_OK) {
    return false;
  }
  response->region_count++;
  return true;
}

/* The lists of a response, as untyped as their decoding is. */
typedef struct list_targets {
  void *stores, *operators, *lines, *items;
  size_t store_count, operator_count, line_count, item_count;
  kv_list_target targets[4];
} list_targets;

static void bind_lists(list_targets *lists, kv_scheduler_response *response,
                       schedulerpb_Response *pb) {
  *lists = (list_targets){0};
  lists->targets[0] = (kv_list_target){&lists->stores, &lists->store_count, KV_MAX_LIST,
                                       sizeof(kv_store_info), schedulerpb_Store_fields};
  lists->targets[1] = (kv_list_target){&lists->operators, &lists->operator_count, KV_MAX_LIST,
                                       sizeof(kv_operator_info), schedulerpb_Operator_fields};
  lists->targets[2] = (kv_list_target){&lists->lines, &lists->line_count, KV_MAX_LIST,
                                       sizeof(kv_scheduler_line), schedulerpb_Line_fields};
  lists->targets[3] = (kv_list_target){&lists->items, &lists->item_count, KV_MAX_LIST,
                                       sizeof(kv_scheduler_item), schedulerpb_Item_fields};
  kv_list_get(&pb->stores, &lists->targets[0]);
  kv_list_get(&pb->operators, &lists->targets[1]);
  kv_list_get(&pb->lines, &lists->targets[2]);
  kv_list_get(&pb->items, &lists->targets[3]);
  pb->regions.funcs.decode = get_report;
  pb->regions.arg = response;
}

static void take_lists(kv_scheduler_response *response, const list_targets *lists) {
  response->stores = lists->stores;
  response->store_count = lists->store_count;
  response->operators = lists->operators;
  response->operator_count = lists->operator_count;
  response->lines = lists->lines;
  response->line_count = lists->line_count;
  response->items = lists->items;
  response->item_count = lists->item_count;
}

static void take(kv_scheduler_response *response, const schedulerpb_Response *pb) {
  response->request_id = pb->request_id;
  response->cluster_id = pb->cluster_id;
  response->call = (kv_scheduler_call)pb->call;
  response->status = (kv_scheduler_status)pb->status;
  memcpy(response->text, pb->text, sizeof response->text);
  response->id = pb->id;
  response->stores_version = pb->stores_version;
  response->bootstrapped = pb->bootstrapped;
  response->store_state = (kv_scheduler_store_state)pb->store_state;
  response->region_id = pb->region_id;
  response->epoch = kv_epoch_from_pb(&pb->epoch);
  response->step = pb->step;
  memcpy(response->peer_ids, pb->peer_ids, sizeof response->peer_ids);
  response->peer_count = pb->peer_ids_count;
}

static bool is_sane(const schedulerpb_Response *pb) {
  return pb->call > KV_CALL_NONE && pb->call <= KV_CALL_SET_CONFIG &&
         pb->status <= KV_SCHEDULER_STALE && pb->store_state <= KV_STORE_TOMBSTONE &&
         pb->step.kind <= KV_STEP_SPLIT;
}

int kv_scheduler_response_decode(raft_bytes frame, kv_scheduler_response *response) {
  schedulerpb_Response pb = schedulerpb_Response_init_zero;
  list_targets lists;
  kv_pb_target split_key = {.max = KV_MAX_KEY};
  raft_slice input = {frame.data, frame.len};
  *response = (kv_scheduler_response){0};
  bind_lists(&lists, response, &pb);
  kv_pb_get_bytes(&pb.split_key, &split_key);
  const int rc = kv_pb_decode(schedulerpb_Response_fields, input, &pb);
  take_lists(response, &lists);
  if (rc != KV_OK || !is_sane(&pb)) {
    kv_scheduler_response_clear(response);
    return KV_ECORRUPT;
  }
  take(response, &pb);
  response->split_key = split_key.bytes;
  return KV_OK;
}
