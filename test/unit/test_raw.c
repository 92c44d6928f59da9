/* test_raw.c - raw calls: executed by the leader that is meant, or refused with what helps.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <string.h>

#include "raftstore/raw_call.h"
#include "run_suite.h"
#include "split_world.h"

/* An answer, kept with its bytes. */
typedef struct raw_answer {
  int count;
  unsigned char bytes[4096];
  kv_raw_response response;
  kv_region_error refusal;
} raw_answer;

static world w;
static raw_answer last;
static uint64_t leader;

static void forget(void) {
  kv_region_error_clear(&last.refusal);
  kv_raw_response_clear(&last.response);
  last.count = 0;
}

static void setup(void) {
  world_open(&w, 31, 3);
  for (uint64_t id = 1; id <= 3; id++) {
    world_start(&w, id);
  }
  (void)world_wait_leader(&w, 0);
  split_run(&w, 1, "m", 50, 3);
  leader = split_wait_leader(&w, 1);
}

static void teardown(void) {
  world_close(&w);
  forget();
}

static raft_slice text(const char *string) {
  return (raft_slice){string, strlen(string)};
}

static bool same(raft_slice a, const char *b) {
  return a.len == strlen(b) && (a.len == 0 || memcmp(a.data, b, a.len) == 0);
}

static void on_answer(void *ctx, const void *data, size_t len) {
  raw_answer *answer = ctx;
  ck_assert_int_eq(++answer->count, 1);
  ck_assert_uint_le(len, sizeof answer->bytes);
  ck_assert_uint_gt(len, 0);
  memcpy(answer->bytes, data, len);
  ck_assert_int_eq(kv_raw_response_decode((raft_slice){answer->bytes, len}, &answer->response),
                   KV_OK);
  ck_assert_uint_eq(answer->response.request_id, 77);
  if (answer->response.region_error.len > 0) {
    ck_assert_int_eq(kv_region_error_decode(answer->response.region_error, &answer->refusal),
                     KV_OK);
  }
}

/* As a client knows the region that has the key. */
static kv_raw_request about(kv_raw_call call, const char *key) {
  const kv_peer *peer = kv_region_map_by_key(&world_at(&w, leader)->store->regions, text(key));
  return (kv_raw_request){.request_id = 77,
                          .call = call,
                          .key = text(key),
                          .region_id = peer->region_id,
                          .epoch = peer->region.epoch,
                          .peer_id = peer->peer_id,
                          .store_id = leader,
                          .term = peer->term};
}

static kv_region_error_kind ask(uint64_t store_id, const kv_raw_request *request) {
  raft_buf *bytes = NULL;
  forget();
  ck_assert_int_eq(kv_raw_request_encode(request, &bytes), KV_OK);
  const raft_slice payload = {raft_buf_data(bytes), raft_buf_len(bytes)};
  ck_assert_int_eq(kv_store_raw(world_at(&w, store_id)->store, payload, on_answer, &last), KV_OK);
  ck_assert_int_eq(last.count, 0); /* from within a flush only */
  raft_buf_release(bytes);
  for (int i = 0; i < 2000 && last.count == 0; i++) {
    world_run(&w, 10);
  }
  ck_assert_int_eq(last.count, 1);
  return last.refusal.kind;
}

static void put(const char *key, const char *value) {
  kv_raw_request request = about(KV_RAW_PUT, key);
  request.value = text(value);
  ck_assert_int_eq(ask(leader, &request), KV_REGION_OK);
  ck_assert(last.response.succeeded);
}

START_TEST(calls_do_what_they_say) {
  kv_raw_request request = about(KV_RAW_GET, "a");
  ck_assert_int_eq(ask(leader, &request), KV_REGION_OK);
  ck_assert(last.response.not_found);
  put("a", "1");
  put("z", ""); /* an empty value is a value */
  ck_assert_int_eq(ask(leader, &request), KV_REGION_OK);
  ck_assert(!last.response.not_found);
  ck_assert(same(last.response.value, "1"));
  request = about(KV_RAW_GET, "z");
  ck_assert_int_eq(ask(leader, &request), KV_REGION_OK);
  ck_assert(!last.response.not_found && last.response.value.len == 0);
  request = about(KV_RAW_DELETE, "a");
  ck_assert_int_eq(ask(leader, &request), KV_REGION_OK);
  ck_assert(last.response.succeeded);
  ck_assert_int_eq(ask(leader, &request), KV_REGION_OK);
  ck_assert(!last.response.succeeded);
}
END_TEST

START_TEST(compare_and_swap_puts_only_what_is_expected) {
  kv_raw_request request = about(KV_RAW_CAS, "a");
  request.absent = true;
  request.value = text("1");
  ck_assert_int_eq(ask(leader, &request), KV_REGION_OK);
  ck_assert(last.response.succeeded);
  ck_assert_int_eq(ask(leader, &request), KV_REGION_OK);
  ck_assert(!last.response.succeeded);
  request.absent = false;
  request.expected = text("1");
  request.value = text("2");
  ck_assert_int_eq(ask(leader, &request), KV_REGION_OK);
  ck_assert(last.response.succeeded);
  ck_assert_int_eq(ask(leader, &request), KV_REGION_OK);
  ck_assert(!last.response.succeeded);
}
END_TEST

START_TEST(a_scan_gives_pairs_and_ends_with_its_region) {
  put("a", "1");
  put("b", "2");
  put("c", "");
  put("n", "4");
  kv_raw_request request = about(KV_RAW_SCAN, "a");
  request.limit = 2;
  ck_assert_int_eq(ask(leader, &request), KV_REGION_OK);
  ck_assert_uint_eq(last.response.pair_count, 2);
  ck_assert(same(last.response.pairs[0].key, "a") && same(last.response.pairs[0].value, "1"));
  ck_assert(same(last.response.pairs[1].key, "b") && same(last.response.pairs[1].value, "2"));
  ck_assert(same(last.response.next_key, "c"));
  request.limit = 100;
  ck_assert_int_eq(ask(leader, &request), KV_REGION_OK);
  ck_assert_uint_eq(last.response.pair_count, 3); /* "n" is the next region's */
  ck_assert_uint_eq(last.response.next_key.len, 0);
  request.keys_only = true;
  ck_assert_int_eq(ask(leader, &request), KV_REGION_OK);
  ck_assert_uint_eq(last.response.pair_count, 3);
  ck_assert(same(last.response.pairs[2].key, "c") && last.response.pairs[0].value.len == 0);
}
END_TEST

START_TEST(a_follower_names_the_leader) {
  const uint64_t other = leader % 3 + 1;
  kv_raw_request request = about(KV_RAW_GET, "a");
  request.store_id = other;
  request.peer_id = 0;
  ck_assert_int_eq(ask(other, &request), KV_NOT_LEADER);
  ck_assert_uint_eq(last.refusal.leader_store, leader);
  ck_assert_uint_eq(last.refusal.leader_peer, split_peer(&w, leader, 1)->peer_id);
  ck_assert(same(last.refusal.leader_address, world_at(&w, leader)->address));
}
END_TEST

/* B9, P17, P50 */
START_TEST(what_does_not_fit_is_refused_in_the_order_that_helps_most) {
  kv_raw_request request = about(KV_RAW_GET, "a");
  request.store_id = 9;
  ck_assert_int_eq(ask(leader, &request), KV_STORE_NOT_MATCH);
  ck_assert_uint_eq(last.refusal.asked, 9);
  ck_assert_uint_eq(last.refusal.actual, leader);
  request = about(KV_RAW_GET, "a");
  request.region_id = 99;
  ck_assert_int_eq(ask(leader, &request), KV_REGION_NOT_FOUND);
  request = about(KV_RAW_GET, "a");
  request.peer_id += 100;
  ck_assert_int_eq(ask(leader, &request), KV_MISMATCH_PEER);
  ck_assert_uint_eq(last.refusal.actual, request.peer_id - 100);
  request = about(KV_RAW_GET, "a");
  request.epoch.version--;
  ck_assert_int_eq(ask(leader, &request), KV_EPOCH_NOT_MATCH);
  ck_assert_uint_eq(last.refusal.region_count, 2); /* all of the old range */
  ck_assert_uint_eq(last.refusal.regions[0].id, 1);
  ck_assert_uint_eq(last.refusal.regions[1].id, 50);
  ck_assert(same(last.refusal.regions[1].start, "m"));
  request = about(KV_RAW_GET, "a");
  request.epoch.version++; /* equality, not more */
  ck_assert_int_eq(ask(leader, &request), KV_EPOCH_NOT_MATCH);
  request = about(KV_RAW_GET, "a");
  request.epoch.conf_ver += 5; /* data goes by the range alone */
  ck_assert_int_eq(ask(leader, &request), KV_REGION_OK);
  request.key = text("x");
  ck_assert_int_eq(ask(leader, &request), KV_KEY_NOT_IN_REGION);
  ck_assert(same(last.refusal.key, "x") && same(last.refusal.end, "m"));
}
END_TEST

START_TEST(a_term_long_past_is_stale) {
  kv_raw_request request = about(KV_RAW_GET, "a");
  kv_peer *peer = split_peer(&w, leader, 1);
  const uint64_t before = peer->term;
  for (int i = 0; i < 2; i++) { /* two terms on */
    world_call call = {0};
    const uint64_t next = leader % 3 + 1;
    kv_store_transfer(world_at(&w, leader)->store, 1, next, 0, world_answered, &call);
    world_wait(&w, &call);
    leader = split_wait_leader(&w, 1);
  }
  kv_raw_request fresh = about(KV_RAW_GET, "a");
  ck_assert_uint_gt(fresh.term, before + 1);
  ck_assert_int_eq(ask(leader, &fresh), KV_REGION_OK);
  request.store_id = leader;
  request.peer_id = 0;
  ck_assert_int_eq(ask(leader, &request), KV_STALE_COMMAND);
}
END_TEST

START_TEST(a_split_after_it_was_taken_is_told) {
  kv_raw_request request = about(KV_RAW_PUT, "k");
  raft_buf *bytes = NULL;
  request.value = text("1");
  ck_assert_int_eq(kv_raw_request_encode(&request, &bytes), KV_OK);
  const raft_slice payload = {raft_buf_data(bytes), raft_buf_len(bytes)};
  ck_assert_int_eq(split_propose(&w, leader, 1, "f", 60), KV_OK);
  ck_assert_int_eq(kv_store_raw(world_at(&w, leader)->store, payload, on_answer, &last), KV_OK);
  raft_buf_release(bytes);
  for (int i = 0; i < 1000 && last.count == 0; i++) {
    world_run(&w, 10);
  }
  ck_assert_int_eq(last.count, 1);
  ck_assert_int_eq(last.refusal.kind, KV_EPOCH_NOT_MATCH);
  ck_assert_uint_eq(last.refusal.region_count, 2);
  ck_assert_uint_eq(last.refusal.regions[1].id, 60);
}
END_TEST

START_TEST(what_makes_no_sense_is_answered_in_words) {
  kv_raw_request request = about(KV_RAW_GET, "a");
  request.key = (raft_slice){"", 0};
  ck_assert_int_eq(ask(leader, &request), KV_REGION_OK);
  ck_assert(same(last.response.error, "ERR an empty key is not allowed"));
  request = about(KV_RAW_SCAN, "a"); /* no limit */
  ck_assert_int_eq(ask(leader, &request), KV_REGION_OK);
  ck_assert(same(last.response.error, "ERR syntax error"));
  static const char bad[] = "\x18\x07"; /* call 7 */
  kv_store *store = world_at(&w, leader)->store;
  ck_assert_int_eq(kv_store_raw(store, (raft_slice){bad, 2}, on_answer, &last), KV_ECORRUPT);
  ck_assert_int_eq(kv_store_raw(store, (raft_slice){"", 0}, on_answer, &last), KV_ECORRUPT);
}
END_TEST

START_TEST(bytes_that_are_cut_or_changed_are_no_crash) {
  kv_raw_pair pairs[3] = {{text("a"), text("1")}, {text("b"), text("2")}, {text("c"), text("")}};
  kv_raw_response from = {.pairs = pairs, .pair_count = 3, .next_key = text("d")}, to;
  kv_raw_request request = about(KV_RAW_CAS, "a"), back;
  raft_buf *bytes[2] = {NULL, NULL};
  unsigned char copy[256];
  request.value = text("v");
  ck_assert_int_eq(kv_raw_response_encode(&from, &bytes[0]), KV_OK);
  ck_assert_int_eq(kv_raw_request_encode(&request, &bytes[1]), KV_OK);
  for (int which = 0; which < 2; which++) {
    const size_t len = raft_buf_len(bytes[which]);
    ck_assert_uint_le(len, sizeof copy);
    for (size_t i = 0; i < 8 * len; i++) {
      memcpy(copy, raft_buf_data(bytes[which]), len);
      copy[i / 8] ^= (unsigned char)(1u << i % 8);
      (void)kv_raw_response_decode((raft_slice){copy, len}, &to);
      kv_raw_response_clear(&to);
      (void)kv_raw_request_decode((raft_slice){copy, i / 8}, &back);
    }
    raft_buf_release(bytes[which]);
  }
}
END_TEST

int main(void) {
  const TTest *const tests[] = {
      calls_do_what_they_say,
      compare_and_swap_puts_only_what_is_expected,
      a_scan_gives_pairs_and_ends_with_its_region,
      a_follower_names_the_leader,
      what_does_not_fit_is_refused_in_the_order_that_helps_most,
      a_term_long_past_is_stale,
      a_split_after_it_was_taken_is_told,
      what_makes_no_sense_is_answered_in_words,
      bytes_that_are_cut_or_changed_are_no_crash,
  };
  return run_suite("raw", tests, sizeof tests / sizeof *tests, setup, teardown);
}
