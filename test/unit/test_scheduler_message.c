/* test_scheduler_message.c - the scheduler's messages: there and back, and hostile bytes.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "run_suite.h"
#include "scheduler/message.h"

static raft_slice slice(const char *text) {
  return (raft_slice){text, strlen(text)};
}

static raft_bytes bytes_of(raft_buf *frame) {
  return (raft_bytes){raft_buf_data(frame), raft_buf_len(frame), frame};
}

static void fill_region(kv_region *region) {
  *region = (kv_region){.id = 7, .epoch = {3, 4}};
  ck_assert_int_eq(kv_region_set_range(region, slice("b"), slice("m")), KV_OK);
  ck_assert_int_eq(kv_region_put_peer(region, 8, 1, KV_PEER_VOTER, "one:1"), KV_OK);
  ck_assert_int_eq(kv_region_put_peer(region, 9, 2, KV_PEER_LEARNER, "two:2"), KV_OK);
}

static void fill_report(kv_region_report *report) {
  *report = (kv_region_report){.leader_peer = 8,
                               .term = 5,
                               .bytes = 1000,
                               .keys = 10,
                               .written_bytes = 11,
                               .written_keys = 12,
                               .age = 13};
  fill_region(&report->region);
  report->troubles = calloc(2, sizeof *report->troubles);
  ck_assert_ptr_nonnull(report->troubles);
  report->trouble_count = 2;
  report->troubles[0] = (kv_peer_trouble){.peer_id = 9, .pending = true};
  report->troubles[1] = (kv_peer_trouble){.peer_id = 8, .down_ms = 77};
}

static void check_report(const kv_region_report *report) {
  ck_assert_uint_eq(report->region.id, 7);
  ck_assert_uint_eq(report->region.epoch.conf_ver, 3);
  ck_assert_uint_eq(report->region.epoch.version, 4);
  ck_assert_mem_eq(report->region.start.data, "b", 1);
  ck_assert_uint_eq(report->region.peer_count, 2);
  ck_assert_int_eq(report->region.peers[1].role, KV_PEER_LEARNER);
  ck_assert_str_eq(report->region.peers[1].address, "two:2");
  ck_assert_uint_eq(report->leader_peer, 8);
  ck_assert_uint_eq(report->term, 5);
  ck_assert_uint_eq(report->bytes, 1000);
  ck_assert_uint_eq(report->keys, 10);
  ck_assert_uint_eq(report->written_bytes, 11);
  ck_assert_uint_eq(report->written_keys, 12);
  ck_assert_uint_eq(report->age, 13);
  ck_assert_uint_eq(report->trouble_count, 2);
  ck_assert(kv_region_report_trouble(report, 9)->pending);
  ck_assert_uint_eq(kv_region_report_trouble(report, 8)->down_ms, 77);
  ck_assert_ptr_null(kv_region_report_trouble(report, 10));
}

static raft_buf *sample_request(void) {
  kv_scheduler_request request = {.request_id = 1,
                                  .cluster_id = 2,
                                  .store_id = 3,
                                  .call = KV_CALL_STORE_HEARTBEAT,
                                  .id = 4,
                                  .count = 5,
                                  .key = slice("key"),
                                  .text = "one:1000",
                                  .incarnation = 6,
                                  .stores_version = 7,
                                  .from_store = 8,
                                  .to_store = 9,
                                  .previous = true};
  request.stats = (kv_store_stats){.capacity = 100,
                                   .available = 50,
                                   .used = 20,
                                   .region_count = 3,
                                   .leader_count = 2,
                                   .sending_snapshots = 1,
                                   .receiving_snapshots = 4,
                                   .applying_snapshots = 5,
                                   .pending_snapshots = 6,
                                   .busy = true,
                                   .written_bytes = 8,
                                   .written_keys = 9};
  fill_report(&request.report);
  raft_buf *frame = NULL;
  ck_assert_int_eq(kv_scheduler_request_encode(&request, &frame), KV_OK);
  kv_scheduler_request_clear(&request);
  return frame;
}

START_TEST(a_request_arrives_as_it_was_sent) {
  raft_buf *frame = sample_request();
  kv_scheduler_request request;
  ck_assert_int_eq(kv_scheduler_request_decode(bytes_of(frame), &request), KV_OK);
  ck_assert_uint_eq(request.request_id, 1);
  ck_assert_uint_eq(request.cluster_id, 2);
  ck_assert_uint_eq(request.store_id, 3);
  ck_assert_int_eq(request.call, KV_CALL_STORE_HEARTBEAT);
  ck_assert_uint_eq(request.id, 4);
  ck_assert_uint_eq(request.count, 5);
  ck_assert_uint_eq(request.key.len, 3);
  ck_assert_mem_eq(request.key.data, "key", 3);
  ck_assert_str_eq(request.text, "one:1000");
  ck_assert_uint_eq(request.incarnation, 6);
  ck_assert_uint_eq(request.stores_version, 7);
  ck_assert_uint_eq(request.from_store, 8);
  ck_assert_uint_eq(request.to_store, 9);
  ck_assert(request.previous);
  ck_assert_uint_eq(request.stats.available, 50);
  ck_assert_uint_eq(request.stats.applying_snapshots, 5);
  ck_assert(request.stats.busy);
  check_report(&request.report);
  kv_scheduler_request_clear(&request);
  raft_buf_release(frame);
}
END_TEST

static kv_scheduler_response response_with_lists(void) {
  kv_scheduler_response response = {.request_id = 1,
                                    .cluster_id = 2,
                                    .call = KV_CALL_REGION_HEARTBEAT,
                                    .status = KV_SCHEDULER_STALE,
                                    .text = "why",
                                    .id = 3,
                                    .stores_version = 4,
                                    .bootstrapped = true,
                                    .store_state = KV_STORE_OFFLINE,
                                    .region_id = 5,
                                    .epoch = {6, 7},
                                    .split_key = slice("split"),
                                    .peer_ids = {21, 22},
                                    .peer_count = 2};
  response.step = (kv_step){.kind = KV_STEP_CHANGE_PEERS, .peer_id = 9, .changes_count = 2};
  response.step.changes[0] = (kv_step_change){KV_CHANGE_ADD_LEARNER, 11, 12, "new:1"};
  response.step.changes[1] = (kv_step_change){KV_CHANGE_REMOVE, 13, 14, ""};
  response.stores = calloc(3, sizeof *response.stores);
  response.regions = calloc(2, sizeof *response.regions);
  response.operators = calloc(1, sizeof *response.operators);
  response.lines = calloc(1, sizeof *response.lines);
  response.items = calloc(1, sizeof *response.items);
  response.store_count = 3;
  response.region_count = 2;
  response.operator_count = response.line_count = response.item_count = 1;
  for (size_t i = 0; i < 3; i++) {
    response.stores[i] = (kv_store_info){.id = i + 1, .address = "s:1", .has_stats = true};
    response.stores[i].stats.used = 100 + i;
  }
  fill_report(&response.regions[0]);
  fill_report(&response.regions[1]);
  response.operators[0] = (kv_operator_info){
      .id = 31, .region_id = 5, .name = "move", .steps_done = 1, .step_count = 3, .state = 2};
  response.lines[0] = (kv_scheduler_line){"balance-region", "even"};
  response.items[0] = (kv_scheduler_item){"max-replicas", 3};
  return response;
}

static raft_buf *sample_response(void) {
  kv_scheduler_response response = response_with_lists();
  raft_buf *frame = NULL;
  ck_assert_int_eq(kv_scheduler_response_encode(&response, &frame), KV_OK);
  kv_scheduler_response_clear(&response);
  return frame;
}

START_TEST(a_response_arrives_as_it_was_sent) {
  raft_buf *frame = sample_response();
  kv_scheduler_response response;
  ck_assert_int_eq(kv_scheduler_response_decode(bytes_of(frame), &response), KV_OK);
  ck_assert_uint_eq(response.request_id, 1);
  ck_assert_int_eq(response.call, KV_CALL_REGION_HEARTBEAT);
  ck_assert_int_eq(response.status, KV_SCHEDULER_STALE);
  ck_assert_str_eq(response.text, "why");
  ck_assert_uint_eq(response.id, 3);
  ck_assert(response.bootstrapped);
  ck_assert_int_eq(response.store_state, KV_STORE_OFFLINE);
  ck_assert_uint_eq(response.region_id, 5);
  ck_assert_uint_eq(response.epoch.version, 7);
  ck_assert_mem_eq(response.split_key.data, "split", 5);
  ck_assert_uint_eq(response.peer_count, 2);
  ck_assert_uint_eq(response.peer_ids[1], 22);
  ck_assert_uint_eq(response.step.changes_count, 2);
  ck_assert_str_eq(response.step.changes[0].address, "new:1");
  ck_assert_uint_eq(response.step.changes[1].store_id, 14);
  ck_assert_uint_eq(response.store_count, 3);
  ck_assert_uint_eq(response.stores[2].stats.used, 102);
  ck_assert_uint_eq(response.region_count, 2);
  check_report(&response.regions[0]);
  check_report(&response.regions[1]);
  ck_assert_str_eq(response.operators[0].name, "move");
  ck_assert_str_eq(response.lines[0].text, "even");
  ck_assert_uint_eq(response.items[0].value, 3);
  kv_scheduler_response_clear(&response);
  raft_buf_release(frame);
}
END_TEST

START_TEST(a_report_is_copied_with_what_it_owns) {
  kv_region_report report, copy;
  fill_report(&report);
  ck_assert_int_eq(kv_region_report_copy(&copy, &report), KV_OK);
  kv_region_report_clear(&report);
  check_report(&copy);
  kv_region_report_clear(&copy);
}
END_TEST

/* Every prefix of the bytes, on the heap in its exact length for the sanitizers. */
static void cut(raft_buf *frame, int (*decode)(raft_bytes)) {
  for (size_t len = 0; len < raft_buf_len(frame); len++) {
    char *copy = malloc(len + 1);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, raft_buf_data(frame), len);
    const int rc = decode((raft_bytes){copy, len, NULL});
    ck_assert(rc == KV_OK || rc == KV_ECORRUPT);
    free(copy);
  }
}

/* Every byte of it wrong in several ways. */
static void damage(raft_buf *frame, int (*decode)(raft_bytes)) {
  static const unsigned char masks[] = {0x01, 0x02, 0x08, 0x80, 0xff};
  const size_t len = raft_buf_len(frame);
  char *copy = malloc(len);
  ck_assert_ptr_nonnull(copy);
  for (size_t i = 0; i < len * sizeof masks; i++) {
    memcpy(copy, raft_buf_data(frame), len);
    copy[i / sizeof masks] =
        (char)((unsigned char)copy[i / sizeof masks] ^ masks[i % sizeof masks]);
    const int rc = decode((raft_bytes){copy, len, NULL});
    ck_assert(rc == KV_OK || rc == KV_ECORRUPT);
  }
  free(copy);
}

static int decode_request(raft_bytes bytes) {
  kv_scheduler_request request;
  const int rc = kv_scheduler_request_decode(bytes, &request);
  kv_scheduler_request_clear(&request);
  return rc;
}

static int decode_response(raft_bytes bytes) {
  kv_scheduler_response response;
  const int rc = kv_scheduler_response_decode(bytes, &response);
  kv_scheduler_response_clear(&response);
  return rc;
}

START_TEST(a_cut_or_damaged_message_is_refused_or_harmless) {
  raft_buf *request = sample_request(), *response = sample_response();
  cut(request, decode_request);
  cut(response, decode_response);
  damage(request, decode_request);
  damage(response, decode_response);
  raft_buf_release(request);
  raft_buf_release(response);
}
END_TEST

START_TEST(nothing_and_unknown_calls_are_refused) {
  static const unsigned char unknown[] = {0x20, 0x7f};
  ck_assert_int_eq(decode_request((raft_bytes){"", 0, NULL}), KV_ECORRUPT);
  ck_assert_int_eq(decode_response((raft_bytes){"", 0, NULL}), KV_ECORRUPT);
  ck_assert_int_eq(decode_request((raft_bytes){unknown, sizeof unknown, NULL}), KV_ECORRUPT);
}
END_TEST

START_TEST(lists_beyond_their_bounds_are_not_sent) {
  kv_scheduler_response response = {.call = KV_CALL_ASK_SPLIT, .peer_count = KV_MAX_PEERS + 1};
  kv_scheduler_request request = {.call = KV_CALL_REGION_HEARTBEAT};
  raft_buf *frame = NULL;
  ck_assert_int_eq(kv_scheduler_response_encode(&response, &frame), KV_EINVAL);
  request.report.trouble_count = KV_MAX_PEERS + 1;
  ck_assert_int_eq(kv_scheduler_request_encode(&request, &frame), KV_EINVAL);
}
END_TEST

/* Two bytes each would otherwise become hundreds in memory, without end. */
START_TEST(a_report_with_too_many_troubles_is_refused) {
  unsigned char bytes[4 + 3 + 2 * 66] = {0x20, KV_CALL_REGION_HEARTBEAT, 0x5a, 0x84, 0x01};
  for (size_t i = 0; i < 66; i++) {
    bytes[5 + 2 * i] = 0x42;
  }
  ck_assert_int_eq(decode_request((raft_bytes){bytes, 5 + 2 * 66, NULL}), KV_ECORRUPT);
  bytes[3] = 0x80; /* 64 of them, and 4 more bytes that are of no report */
  ck_assert_int_eq(decode_request((raft_bytes){bytes, 5 + 2 * 64, NULL}), KV_OK);
}
END_TEST

START_TEST(a_text_is_cut_between_characters) {
  char text[6];
  kv_message_text(text, sizeof text, "%s", "short");
  ck_assert_str_eq(text, "short");
  kv_message_text(text, sizeof text, "%s", "abcd\xc3\xa9z");
  ck_assert_str_eq(text, "abcd");
  kv_message_text(text, sizeof text, "%s", "longer");
  ck_assert_str_eq(text, "longe");
}
END_TEST

START_TEST(numbers_have_names) {
  ck_assert_str_eq(kv_scheduler_call_name(KV_CALL_PUT_STORE), "put-store");
  ck_assert_str_eq(kv_scheduler_call_name(KV_CALL_SET_CONFIG), "set-config");
  ck_assert_str_eq(kv_scheduler_call_name((kv_scheduler_call)999), "unknown");
  ck_assert_str_eq(kv_scheduler_status_name(KV_SCHEDULER_STALE), "stale");
  ck_assert_str_eq(kv_scheduler_store_state_name(KV_STORE_TOMBSTONE), "Tombstone");
  ck_assert_str_eq(kv_operator_state_name(KV_OPERATOR_OUTDATED), "outdated");
  ck_assert_str_eq(kv_change_kind_name(KV_CHANGE_REMOVE), "remove");
}
END_TEST

int main(void) {
  const TTest *tests[] = {a_request_arrives_as_it_was_sent,
                          a_response_arrives_as_it_was_sent,
                          a_report_is_copied_with_what_it_owns,
                          a_cut_or_damaged_message_is_refused_or_harmless,
                          nothing_and_unknown_calls_are_refused,
                          lists_beyond_their_bounds_are_not_sent,
                          a_report_with_too_many_troubles_is_refused,
                          a_text_is_cut_between_characters,
                          numbers_have_names};
  return run_suite("scheduler_message", tests, sizeof tests / sizeof *tests, NULL, NULL);
}
