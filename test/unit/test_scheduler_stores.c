/* test_scheduler_stores.c - the scheduler's stores: joining, states, draining, what is kept.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "realm.h"
#include "run_suite.h"

static realm r;

static void setup(void) {
  realm_init(&r);
  realm_open(&r);
}

static void teardown(void) {
  realm_close(&r);
}

static kv_scheduler_status put_store(uint64_t id, const char *address, uint64_t incarnation) {
  kv_scheduler_request request = {.call = KV_CALL_PUT_STORE, .id = id, .incarnation = incarnation};
  kv_message_text(request.text, sizeof request.text, "%s", address);
  return realm_call(&r, &request);
}

static uint64_t take_ids(uint64_t count) {
  kv_scheduler_request request = {.call = KV_CALL_ALLOC_IDS, .count = count};
  ck_assert_int_eq(realm_call(&r, &request), KV_SCHEDULER_OK);
  return r.response.id;
}

/* A cluster of four stores that has three replicas of everything. */
static void grow(void) {
  realm_join_many(&r, 4);
  realm_bootstrap(&r);
  realm_split_into(&r, 8);
  realm_rounds(&r, 100);
}

/* ---- ids ---- */

START_TEST(ids_are_never_given_out_twice_even_over_restarts) {
  uint64_t last = 0;
  for (int i = 0; i < 20; i++) {
    const uint64_t first = take_ids(100);
    ck_assert_uint_gt(first, last);
    last = first + 99;
    if (i % 3 == 0) {
      realm_restart(&r);
    }
  }
}
END_TEST

START_TEST(ids_that_could_not_be_written_are_not_given_out) {
  kv_scheduler_request request = {.call = KV_CALL_ALLOC_IDS, .count = 10};
  r.engine.fail_commits = 1;
  ck_assert_int_eq(realm_call(&r, &request), KV_SCHEDULER_FAILED);
  ck_assert_uint_eq(r.response.id, 0);
  ck_assert_int_eq(realm_call(&r, &request), KV_SCHEDULER_OK);
}
END_TEST

START_TEST(no_ids_or_too_many_at_once_are_refused) {
  kv_scheduler_request request = {.call = KV_CALL_ALLOC_IDS, .count = 0};
  ck_assert_int_eq(realm_call(&r, &request), KV_SCHEDULER_INVALID);
  request.count = KV_MAX_ALLOC + 1;
  ck_assert_int_eq(realm_call(&r, &request), KV_SCHEDULER_INVALID);
}
END_TEST

/* ---- bootstrap ---- */

static kv_scheduler_status bootstrap(uint64_t store, uint64_t region, uint64_t peer) {
  kv_scheduler_request request = {.call = KV_CALL_BOOTSTRAP, .store_id = store};
  request.report.region = (kv_region){.id = region, .epoch = {1, 1}};
  ck_assert_int_eq(kv_region_put_peer(&request.report.region, peer, store, KV_PEER_VOTER, "a:1"),
                   KV_OK);
  const kv_scheduler_status status = realm_call(&r, &request);
  kv_scheduler_request_clear(&request);
  return status;
}

START_TEST(a_cluster_is_bootstrapped_once_and_repeating_it_is_no_error) {
  realm_join_many(&r, 2);
  const uint64_t ids = take_ids(4);
  ck_assert_int_eq(bootstrap(r.stores[0].id, ids, ids + 1), KV_SCHEDULER_OK);
  ck_assert(r.response.bootstrapped);
  ck_assert_int_eq(bootstrap(r.stores[0].id, ids, ids + 1), KV_SCHEDULER_OK);
  ck_assert_int_eq(bootstrap(r.stores[1].id, ids + 2, ids + 3), KV_SCHEDULER_BOOTSTRAPPED);
  realm_restart(&r);
  ck_assert_int_eq(bootstrap(r.stores[1].id, ids + 2, ids + 3), KV_SCHEDULER_BOOTSTRAPPED);
  ck_assert_int_eq(bootstrap(r.stores[0].id, ids, ids + 1), KV_SCHEDULER_OK);
}
END_TEST

START_TEST(a_first_region_that_makes_no_sense_is_refused) {
  realm_join_many(&r, 1);
  const uint64_t ids = take_ids(2), store = r.stores[0].id;
  ck_assert_int_eq(bootstrap(store, ids, ids), KV_SCHEDULER_INVALID); /* one id twice */
  ck_assert_int_eq(bootstrap(store, ids, ids + 5000), KV_SCHEDULER_INVALID);
  ck_assert_int_eq(bootstrap(store + 100, ids, ids + 1), KV_SCHEDULER_NOT_FOUND);
  ck_assert(!r.response.bootstrapped);
}
END_TEST

START_TEST(before_the_bootstrap_there_are_no_regions) {
  ck_assert_int_eq(realm_ask(&r, KV_CALL_GET_REGION, 1), KV_SCHEDULER_NOT_BOOTSTRAPPED);
  ck_assert_int_eq(realm_ask(&r, KV_CALL_SCAN_REGIONS, 0), KV_SCHEDULER_NOT_BOOTSTRAPPED);
  ck_assert_int_eq(realm_ask(&r, KV_CALL_REGION_HEARTBEAT, 0), KV_SCHEDULER_NOT_BOOTSTRAPPED);
  ck_assert_int_eq(realm_ask(&r, KV_CALL_ASK_SPLIT, 0), KV_SCHEDULER_NOT_BOOTSTRAPPED);
}
END_TEST

START_TEST(a_sender_of_another_cluster_is_refused) {
  kv_scheduler_request request = {.call = KV_CALL_LIST_STORES, .cluster_id = REALM_CLUSTER + 1};
  ck_assert_int_eq(realm_call(&r, &request), KV_SCHEDULER_WRONG_CLUSTER);
  ck_assert_uint_eq(r.response.cluster_id, REALM_CLUSTER);
}
END_TEST

/* ---- joining ---- */

START_TEST(a_store_that_lost_the_answer_gets_the_same_id_again) {
  ck_assert_int_eq(put_store(0, "a:1", 5), KV_SCHEDULER_OK);
  const uint64_t id = r.response.id;
  ck_assert_uint_ne(id, 0);
  ck_assert_int_eq(put_store(0, "a:1", 5), KV_SCHEDULER_OK);
  ck_assert_uint_eq(r.response.id, id);
  ck_assert_uint_eq(r.response.store_count, 1);
}
END_TEST

START_TEST(the_address_of_a_live_store_is_refused) {
  ck_assert_int_eq(put_store(0, "a:1", 5), KV_SCHEDULER_OK);
  ck_assert_int_eq(put_store(0, "a:1", 6), KV_SCHEDULER_INVALID);
  ck_assert_int_eq(put_store(0, "b:1", 6), KV_SCHEDULER_OK);
  ck_assert_int_eq(put_store(r.response.id, "a:1", 6), KV_SCHEDULER_INVALID);
  ck_assert_int_eq(put_store(0, "", 7), KV_SCHEDULER_INVALID);
}
END_TEST

START_TEST(a_store_may_move_to_another_address) {
  ck_assert_int_eq(put_store(0, "a:1", 5), KV_SCHEDULER_OK);
  const uint64_t id = r.response.id, version = r.response.stores_version;
  ck_assert_int_eq(put_store(id, "b:1", 5), KV_SCHEDULER_OK);
  ck_assert_uint_ne(r.response.stores_version, version);
  realm_restart(&r);
  ck_assert_int_eq(realm_ask(&r, KV_CALL_GET_STORE, id), KV_SCHEDULER_OK);
  ck_assert_str_eq(r.response.stores[0].address, "b:1");
}
END_TEST

START_TEST(a_wiped_store_is_not_let_in_under_its_old_id) {
  ck_assert_int_eq(put_store(0, "a:1", 5), KV_SCHEDULER_OK);
  const uint64_t id = r.response.id;
  ck_assert_int_eq(put_store(id, "a:1", 6), KV_SCHEDULER_INVALID);
  ck_assert_ptr_nonnull(strstr(r.response.text, "wiped"));
}
END_TEST

START_TEST(an_id_that_was_never_given_out_may_be_wished_for) {
  ck_assert_int_eq(put_store(12, "a:1", 5), KV_SCHEDULER_OK);
  ck_assert_uint_eq(r.response.id, 12);
  ck_assert_uint_gt(take_ids(1), 12);
  ck_assert_int_eq(put_store(11, "b:1", 6), KV_SCHEDULER_TOMBSTONE);
}
END_TEST

/* All ids that are given out later are larger: one wish must not use them up. */
START_TEST(a_wish_for_an_id_leaves_enough_for_all_others) {
  const uint64_t wishes[] = {UINT64_MAX - 1, UINT64_MAX - 1002, INT64_MAX, KV_MAX_WISHED_ID + 1};
  for (size_t i = 0; i < sizeof wishes / sizeof *wishes; i++) {
    ck_assert_int_eq(put_store(wishes[i], "a:1", 5), KV_SCHEDULER_INVALID);
  }
  ck_assert_uint_lt(take_ids(1), 10);
  ck_assert_int_eq(put_store(KV_MAX_WISHED_ID, "a:1", 5), KV_SCHEDULER_OK);
  ck_assert_uint_gt(take_ids(1), KV_MAX_WISHED_ID);
}
END_TEST

START_TEST(a_store_that_could_not_be_written_did_not_join) {
  (void)take_ids(1); /* ids are reserved */
  r.engine.fail_commits = 1;
  ck_assert_int_eq(put_store(0, "a:1", 5), KV_SCHEDULER_FAILED);
  ck_assert_int_eq(realm_ask(&r, KV_CALL_LIST_STORES, 0), KV_SCHEDULER_OK);
  ck_assert_uint_eq(r.response.store_count, 0);
}
END_TEST

/* ---- heartbeats and states ---- */

START_TEST(the_list_of_stores_comes_with_a_heartbeat_when_it_changed) {
  realm_join_many(&r, 2);
  kv_scheduler_request request = {
      .call = KV_CALL_STORE_HEARTBEAT, .store_id = r.stores[0].id, .incarnation = 100};
  ck_assert_int_eq(realm_call(&r, &request), KV_SCHEDULER_OK);
  ck_assert_uint_eq(r.response.store_count, 2);
  request.stores_version = r.response.stores_version;
  ck_assert_int_eq(realm_call(&r, &request), KV_SCHEDULER_OK);
  ck_assert_uint_eq(r.response.store_count, 0);
  realm_restart(&r); /* another scheduler's version is another one */
  ck_assert_int_eq(realm_call(&r, &request), KV_SCHEDULER_OK);
  ck_assert_uint_eq(r.response.store_count, 2);
}
END_TEST

START_TEST(a_heartbeat_of_an_unknown_or_wiped_store_is_refused) {
  kv_scheduler_request request = {.call = KV_CALL_STORE_HEARTBEAT, .store_id = 99};
  ck_assert_int_eq(realm_call(&r, &request), KV_SCHEDULER_NOT_FOUND);
  realm_join_many(&r, 1);
  request.store_id = r.stores[0].id;
  request.incarnation = 1;
  ck_assert_int_eq(realm_call(&r, &request), KV_SCHEDULER_INVALID);
}
END_TEST

START_TEST(a_silent_store_is_disconnected_then_down_then_up_again) {
  realm_join_many(&r, 1);
  ck_assert_int_eq(realm_state(&r, 0), KV_STORE_UP);
  realm_pass(&r, 999);
  ck_assert_int_eq(realm_state(&r, 0), KV_STORE_UP);
  realm_pass(&r, 1);
  ck_assert_int_eq(realm_state(&r, 0), KV_STORE_DISCONNECTED);
  realm_pass(&r, 4000);
  ck_assert_int_eq(realm_state(&r, 0), KV_STORE_DOWN);
  ck_assert_int_eq(realm_store_heartbeat(&r, 0), KV_SCHEDULER_OK);
  ck_assert_int_eq(realm_state(&r, 0), KV_STORE_UP);
}
END_TEST

START_TEST(after_a_restart_stores_have_their_time_to_report) {
  realm_join_many(&r, 1);
  realm_pass(&r, 100000);
  ck_assert_int_eq(realm_state(&r, 0), KV_STORE_DOWN);
  realm_restart(&r);
  ck_assert_int_eq(realm_state(&r, 0), KV_STORE_UP);
  ck_assert_uint_eq(r.response.stores[0].heartbeat_age, UINT64_MAX);
}
END_TEST

/* ---- draining ---- */

START_TEST(a_drained_store_gives_its_regions_away_and_becomes_a_tombstone) {
  grow();
  const uint64_t id = r.stores[0].id;
  ck_assert_int_eq(realm_ask(&r, KV_CALL_DRAIN_STORE, id), KV_SCHEDULER_OK);
  ck_assert_int_eq(realm_state(&r, 0), KV_STORE_OFFLINE);
  ck_assert_ptr_nonnull(strstr(r.response.stores[0].note, "regions left"));
  realm_rounds(&r, 200);
  ck_assert_uint_eq(realm_regions_on(&r, 0), 0);
  ck_assert_int_eq(realm_state(&r, 0), KV_STORE_TOMBSTONE);
  for (size_t i = 0; i < r.region_count; i++) {
    ck_assert_uint_eq(realm_voters(&r.regions[i]), 3);
  }
  realm_restart(&r);
  ck_assert_int_eq(realm_state(&r, 0), KV_STORE_TOMBSTONE);
}
END_TEST

/* P87 */
START_TEST(a_tombstone_does_not_come_back) {
  grow();
  const uint64_t id = r.stores[0].id;
  ck_assert_int_eq(realm_ask(&r, KV_CALL_DRAIN_STORE, id), KV_SCHEDULER_OK);
  realm_rounds(&r, 200);
  ck_assert_int_eq(realm_store_heartbeat(&r, 0), KV_SCHEDULER_TOMBSTONE);
  kv_scheduler_request split = {
      .call = KV_CALL_ASK_SPLIT, .store_id = id, .report = r.regions[0]}; /* lent */
  ck_assert_int_eq(realm_call(&r, &split), KV_SCHEDULER_TOMBSTONE);
  ck_assert_uint_eq(r.response.id, 0); /* nothing was done for it */
  ck_assert_int_eq(put_store(id, r.stores[0].address, 100), KV_SCHEDULER_TOMBSTONE);
  ck_assert_int_eq(realm_ask(&r, KV_CALL_UNDRAIN_STORE, id), KV_SCHEDULER_INVALID);
  ck_assert_int_eq(put_store(0, r.stores[0].address, 999), KV_SCHEDULER_OK); /* wiped: as new */
  ck_assert_uint_ne(r.response.id, id);
  ck_assert_int_eq(realm_ask(&r, KV_CALL_REMOVE_TOMBSTONE, id), KV_SCHEDULER_OK);
  ck_assert_int_eq(realm_ask(&r, KV_CALL_GET_STORE, id), KV_SCHEDULER_NOT_FOUND);
  ck_assert_int_eq(put_store(id, "z:1", 100), KV_SCHEDULER_TOMBSTONE); /* used for ever */
}
END_TEST

/* P86 */
START_TEST(draining_that_could_never_end_is_refused_with_the_reason) {
  realm_join_many(&r, 3);
  realm_bootstrap(&r);
  realm_rounds(&r, 50);
  ck_assert_int_eq(realm_ask(&r, KV_CALL_DRAIN_STORE, r.stores[0].id), KV_SCHEDULER_INVALID);
  ck_assert_ptr_nonnull(strstr(r.response.text, "never end"));
  ck_assert_int_eq(realm_state(&r, 0), KV_STORE_UP);
}
END_TEST

START_TEST(draining_that_cannot_end_any_more_says_so) {
  grow();
  ck_assert_int_eq(realm_ask(&r, KV_CALL_DRAIN_STORE, r.stores[0].id), KV_SCHEDULER_OK);
  r.stores[1].alive = false;
  realm_rounds(&r, 100);
  ck_assert_int_eq(realm_state(&r, 1), KV_STORE_DOWN);
  ck_assert_int_eq(realm_state(&r, 0), KV_STORE_OFFLINE);
  ck_assert_ptr_nonnull(strstr(r.response.stores[0].note, "cannot end"));
  ck_assert_ptr_nonnull(strstr(realm_describe(&r, "replica-checker"), "cannot have it"));
}
END_TEST

START_TEST(draining_can_be_taken_back) {
  grow();
  const size_t before = realm_regions_on(&r, 0);
  ck_assert_int_eq(realm_ask(&r, KV_CALL_DRAIN_STORE, r.stores[0].id), KV_SCHEDULER_OK);
  realm_round(&r);
  ck_assert_int_eq(realm_ask(&r, KV_CALL_UNDRAIN_STORE, r.stores[0].id), KV_SCHEDULER_OK);
  realm_rounds(&r, 100);
  ck_assert_int_eq(realm_state(&r, 0), KV_STORE_UP);
  ck_assert_uint_ge(realm_regions_on(&r, 0) + 2, before);
  ck_assert_int_eq(realm_ask(&r, KV_CALL_UNDRAIN_STORE, r.stores[0].id), KV_SCHEDULER_INVALID);
}
END_TEST

START_TEST(only_a_tombstone_is_forgotten) {
  realm_join_many(&r, 1);
  ck_assert_int_eq(realm_ask(&r, KV_CALL_REMOVE_TOMBSTONE, r.stores[0].id), KV_SCHEDULER_INVALID);
  ck_assert_int_eq(realm_ask(&r, KV_CALL_REMOVE_TOMBSTONE, 99), KV_SCHEDULER_NOT_FOUND);
}
END_TEST

/* ---- settings and storage ---- */

START_TEST(settings_are_checked_kept_and_listed) {
  kv_scheduler_request request = {.call = KV_CALL_SET_CONFIG, .count = 5, .text = "max-replicas"};
  ck_assert_int_eq(realm_call(&r, &request), KV_SCHEDULER_OK);
  request.count = 0;
  ck_assert_int_eq(realm_call(&r, &request), KV_SCHEDULER_INVALID);
  kv_message_text(request.text, sizeof request.text, "no-such");
  ck_assert_int_eq(realm_call(&r, &request), KV_SCHEDULER_INVALID);
  kv_message_text(request.text, sizeof request.text, "store-down-ms");
  request.count = 1000; /* not more than store-disconnect-ms */
  ck_assert_int_eq(realm_call(&r, &request), KV_SCHEDULER_INVALID);
  realm_restart(&r);
  ck_assert_int_eq(realm_ask(&r, KV_CALL_GET_CONFIG, 0), KV_SCHEDULER_OK);
  ck_assert_str_eq(r.response.items[0].name, "max-replicas");
  ck_assert_uint_eq(r.response.items[0].value, 5);
  ck_assert_uint_gt(r.response.item_count, 15);
}
END_TEST

START_TEST(the_stored_cluster_id_wins) {
  kv_scheduler_response_clear(&r.response);
  kv_scheduler_close(r.scheduler);
  kv_scheduler_options options = {.cluster_id = 5, .config = r.config};
  ck_assert_int_eq(kv_scheduler_open(&options, &r.engine.base, r.now, &r.scheduler, NULL), KV_OK);
  ck_assert_uint_eq(kv_scheduler_cluster_id(r.scheduler), REALM_CLUSTER);
}
END_TEST

static int open_over(const char *key, const char *value) {
  memory_engine engine;
  kv_txn *txn = NULL;
  kv_scheduler *scheduler = NULL;
  kv_error error;
  kv_scheduler_options options = {.cluster_id = 1, .config = r.config};
  memory_engine_init(&engine);
  ck_assert_int_eq(engine.base.ops->begin(&engine.base, true, &txn), KV_OK);
  ck_assert_int_eq(engine.base.ops->put(txn, KV_SPACE_META, (raft_slice){key, strlen(key)},
                                        (raft_slice){value, strlen(value)}),
                   KV_OK);
  ck_assert_int_eq(engine.base.ops->commit(txn), KV_OK);
  const int rc = kv_scheduler_open(&options, &engine.base, 0, &scheduler, &error);
  kv_scheduler_close(scheduler);
  memory_engine_free(&engine);
  return rc;
}

START_TEST(data_that_is_not_a_schedulers_or_damaged_is_refused) {
  kv_scheduler_options options = {.cluster_id = 0, .config = r.config};
  kv_scheduler *scheduler = NULL;
  ck_assert_int_eq(open_over("something", "else"), KV_EFOREIGN);
  ck_assert_int_eq(open_over("cluster", "short"), KV_EFOREIGN);
  ck_assert_int_eq(open_over("ids", "short"), KV_ECORRUPT);
  ck_assert_int_eq(open_over("store/12345678", "\xff"), KV_ECORRUPT);
  ck_assert_int_eq(open_over("region/12345678", "\xff"), KV_ECORRUPT);
  ck_assert_int_eq(open_over("ids", "12345678"), KV_ECORRUPT); /* of no cluster */
  ck_assert_int_eq(kv_scheduler_open(&options, &r.engine.base, 0, &scheduler, NULL), KV_EINVAL);
}
END_TEST

START_TEST(frames_are_answered_and_garbage_is_not) {
  kv_scheduler_request request = {.call = KV_CALL_LIST_STORES, .request_id = 9};
  kv_scheduler_response response;
  raft_buf *frame = NULL, *answer = NULL;
  ck_assert_int_eq(kv_scheduler_request_encode(&request, &frame), KV_OK);
  const raft_bytes bytes = {raft_buf_data(frame), raft_buf_len(frame), frame};
  ck_assert_int_eq(kv_scheduler_handle_frame(r.scheduler, r.now, bytes, &answer), KV_OK);
  const raft_bytes back = {raft_buf_data(answer), raft_buf_len(answer), answer};
  ck_assert_int_eq(kv_scheduler_response_decode(back, &response), KV_OK);
  ck_assert_uint_eq(response.request_id, 9);
  kv_scheduler_response_clear(&response);
  raft_buf_release(frame);
  raft_buf_release(answer);
  ck_assert_int_eq(
      kv_scheduler_handle_frame(r.scheduler, r.now, (raft_bytes){"\xff", 1, NULL}, &answer),
      KV_ECORRUPT);
}
END_TEST

int main(void) {
  const TTest *tests[] = {ids_are_never_given_out_twice_even_over_restarts,
                          ids_that_could_not_be_written_are_not_given_out,
                          no_ids_or_too_many_at_once_are_refused,
                          a_cluster_is_bootstrapped_once_and_repeating_it_is_no_error,
                          a_first_region_that_makes_no_sense_is_refused,
                          before_the_bootstrap_there_are_no_regions,
                          a_sender_of_another_cluster_is_refused,
                          a_store_that_lost_the_answer_gets_the_same_id_again,
                          the_address_of_a_live_store_is_refused,
                          a_store_may_move_to_another_address,
                          a_wiped_store_is_not_let_in_under_its_old_id,
                          an_id_that_was_never_given_out_may_be_wished_for,
                          a_wish_for_an_id_leaves_enough_for_all_others,
                          a_store_that_could_not_be_written_did_not_join,
                          the_list_of_stores_comes_with_a_heartbeat_when_it_changed,
                          a_heartbeat_of_an_unknown_or_wiped_store_is_refused,
                          a_silent_store_is_disconnected_then_down_then_up_again,
                          after_a_restart_stores_have_their_time_to_report,
                          a_drained_store_gives_its_regions_away_and_becomes_a_tombstone,
                          a_tombstone_does_not_come_back,
                          draining_that_could_never_end_is_refused_with_the_reason,
                          draining_that_cannot_end_any_more_says_so,
                          draining_can_be_taken_back,
                          only_a_tombstone_is_forgotten,
                          settings_are_checked_kept_and_listed,
                          the_stored_cluster_id_wins,
                          data_that_is_not_a_schedulers_or_damaged_is_refused,
                          frames_are_answered_and_garbage_is_not};
  return run_suite("scheduler_stores", tests, sizeof tests / sizeof *tests, setup, teardown);
}
