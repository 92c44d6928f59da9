/* test_scheduler_operators.c - operators: their steps, their delivery, their ends, their history.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "realm.h"
#include "run_suite.h"

static realm r;

/* Four stores; one region with voters on the first three, led by the first. Nothing by itself. */
static void setup(void) {
  realm_init(&r);
  realm_open(&r);
  realm_join_many(&r, 4);
  realm_bootstrap(&r);
  realm_put_voter(&r, &r.regions[0], 1);
  realm_put_voter(&r, &r.regions[0], 2);
  ck_assert_int_eq(realm_report(&r, &r.regions[0]), KV_SCHEDULER_OK);
  ck_assert_int_eq(realm_ask(&r, KV_CALL_PAUSE, 0), KV_SCHEDULER_OK);
}

static void teardown(void) {
  realm_close(&r);
}

static kv_region_report *region(void) {
  return &r.regions[0];
}

static uint64_t store(size_t number) {
  return r.stores[number].id;
}

static uint64_t peer_on(size_t number) {
  const kv_region_peer *peer = kv_region_find_store(&region()->region, store(number));
  return peer != NULL ? peer->id : 0;
}

/* Reports and returns the step that comes with the answer. */
static const kv_step *report(void) {
  ck_assert_msg(realm_report(&r, region()) == KV_SCHEDULER_OK, "%s", r.response.text);
  return &r.response.step;
}

static void obey(void) {
  realm_obey(&r, region(), &r.response);
}

static kv_scheduler_status add(const char *name, uint64_t from, uint64_t to) {
  return realm_operator(&r, region()->region.id, name, from, to);
}

/* The last that ended. */
static const kv_operator_info *ended(void) {
  ck_assert_int_eq(realm_ask(&r, KV_CALL_OPERATOR_HISTORY, 0), KV_SCHEDULER_OK);
  ck_assert_uint_gt(r.response.operator_count, 0);
  return &r.response.operators[0];
}

/* P84 */
START_TEST(a_peer_moves_as_learner_then_by_a_swap_after_the_leader_left) {
  const uint64_t old = peer_on(0);
  ck_assert_int_eq(add("move-peer", store(0), store(3)), KV_SCHEDULER_OK);
  const kv_step *step = report();
  ck_assert_uint_eq(step->kind, KV_STEP_CHANGE_PEERS);
  ck_assert_uint_eq(step->changes_count, 1);
  ck_assert_uint_eq(step->changes[0].kind, KV_CHANGE_ADD_LEARNER);
  ck_assert_uint_eq(step->changes[0].store_id, store(3));
  ck_assert_str_eq(step->changes[0].address, r.stores[3].address);
  obey();
  step = report(); /* it lags still: the same step again */
  ck_assert_uint_eq(step->changes[0].kind, KV_CHANGE_ADD_LEARNER);
  region()->trouble_count = 0;
  step = report();
  ck_assert_uint_eq(step->kind, KV_STEP_TRANSFER_LEADER);
  ck_assert_uint_ne(step->peer_id, old);
  obey();
  step = report();
  ck_assert_uint_eq(step->changes_count, 2);
  ck_assert_uint_eq(step->changes[0].kind, KV_CHANGE_PROMOTE);
  ck_assert_uint_eq(step->changes[1].kind, KV_CHANGE_DEMOTE);
  ck_assert_uint_eq(step->changes[1].peer_id, old);
  obey();
  step = report();
  ck_assert_uint_eq(step->changes_count, 1);
  ck_assert_uint_eq(step->changes[0].kind, KV_CHANGE_REMOVE);
  ck_assert_uint_eq(step->changes[0].peer_id, old);
  obey();
  ck_assert_uint_eq(report()->kind, KV_STEP_NONE);
  ck_assert_uint_eq(ended()->state, KV_OPERATOR_FINISHED);
  ck_assert_uint_eq(ended()->steps_done, 4);
  ck_assert_uint_eq(realm_voters(region()), 3);
  ck_assert_uint_ne(peer_on(3), 0);
}
END_TEST

START_TEST(the_only_voter_leads_on_until_the_new_one_can) {
  kv_region_report *only = region();
  const uint64_t one = peer_on(1), two = peer_on(2);
  ck_assert(kv_region_remove_peer(&only->region, one));
  ck_assert(kv_region_remove_peer(&only->region, two));
  only->region.epoch.conf_ver += 2;
  (void)report();
  ck_assert_int_eq(add("move-peer", store(0), store(3)), KV_SCHEDULER_OK);
  realm_rounds(&r, 10);
  ck_assert_uint_eq(only->region.peer_count, 1);
  ck_assert_uint_eq(only->region.peers[0].store_id, store(3));
  ck_assert_uint_eq(only->leader_peer, only->region.peers[0].id);
}
END_TEST

START_TEST(a_step_is_repeated_until_a_report_shows_it_done) {
  ck_assert_int_eq(add("transfer-leader", 0, store(1)), KV_SCHEDULER_OK);
  for (int i = 0; i < 3; i++) {
    const kv_step *step = report();
    ck_assert_uint_eq(step->kind, KV_STEP_TRANSFER_LEADER);
    ck_assert_uint_eq(step->peer_id, peer_on(1));
    ck_assert_uint_eq(r.response.region_id, region()->region.id);
    ck_assert_uint_eq(r.response.epoch.conf_ver, region()->region.epoch.conf_ver);
  }
  realm_lead(&r, region(), 1);
  ck_assert_uint_eq(report()->kind, KV_STEP_NONE);
  ck_assert_uint_eq(ended()->state, KV_OPERATOR_FINISHED);
}
END_TEST

START_TEST(a_stale_report_gets_no_step_and_moves_no_operator) {
  kv_region_report old;
  ck_assert_int_eq(kv_region_report_copy(&old, region()), KV_OK);
  ck_assert_int_eq(add("move-peer", store(1), store(3)), KV_SCHEDULER_OK);
  (void)report();
  obey();
  (void)report();
  ck_assert_int_eq(realm_report(&r, &old), KV_SCHEDULER_STALE);
  ck_assert_uint_eq(r.response.step.kind, KV_STEP_NONE);
  ck_assert_uint_eq(realm_operators(&r), 1);
  kv_region_report_clear(&old);
}
END_TEST

/* P83 */
START_TEST(an_operator_ends_when_the_members_change_in_another_way) {
  ck_assert_int_eq(add("move-peer", store(1), store(3)), KV_SCHEDULER_OK);
  (void)report();
  realm_put_voter(&r, region(), 3); /* by somebody else */
  region()->region.epoch.conf_ver++;
  ck_assert_uint_eq(report()->kind, KV_STEP_NONE);
  ck_assert_uint_eq(ended()->state, KV_OPERATOR_OUTDATED);
}
END_TEST

START_TEST(an_operator_ends_when_its_region_splits) {
  ck_assert_int_eq(add("move-peer", store(1), store(3)), KV_SCHEDULER_OK);
  (void)report();
  (void)realm_split(&r, region(), "m");
  ck_assert_uint_eq(report()->kind, KV_STEP_NONE);
  ck_assert_uint_eq(ended()->state, KV_OPERATOR_OUTDATED);
}
END_TEST

START_TEST(an_operator_ends_when_another_region_takes_the_keys_of_its_own) {
  kv_region_report other;
  ck_assert_int_eq(add("move-peer", store(1), store(3)), KV_SCHEDULER_OK);
  ck_assert_int_eq(kv_region_report_copy(&other, region()), KV_OK);
  other.region.id = 5000;
  other.region.epoch.version++;
  ck_assert_int_eq(realm_report(&r, &other), KV_SCHEDULER_OK);
  ck_assert_uint_eq(ended()->state, KV_OPERATOR_OUTDATED);
  ck_assert_int_eq(realm_ask(&r, KV_CALL_GET_REGION, region()->region.id), KV_SCHEDULER_NOT_FOUND);
  kv_region_report_clear(&other);
}
END_TEST

START_TEST(a_transfer_has_ten_seconds_and_a_move_ten_minutes) {
  ck_assert_int_eq(add("transfer-leader", 0, store(1)), KV_SCHEDULER_OK);
  (void)report();
  realm_set(&r, "store-down-ms", 20000000); /* nothing but time passes */
  realm_set(&r, "store-disconnect-ms", 10000000);
  for (int i = 0; i < 4; i++) {
    ck_assert_int_eq(realm_store_heartbeat(&r, (size_t)i), KV_SCHEDULER_OK);
  }
  realm_pass(&r, 9999);
  ck_assert_uint_eq(realm_operators(&r), 1);
  realm_pass(&r, 1);
  ck_assert_uint_eq(realm_operators(&r), 0);
  ck_assert_uint_eq(ended()->state, KV_OPERATOR_TIMED_OUT);
  ck_assert_int_eq(add("move-peer", store(1), store(3)), KV_SCHEDULER_OK);
  realm_pass(&r, 599999);
  ck_assert_uint_eq(realm_operators(&r), 1);
  realm_pass(&r, 1);
  ck_assert_uint_eq(ended()->state, KV_OPERATOR_TIMED_OUT);
}
END_TEST

START_TEST(an_operator_ends_when_the_store_it_goes_to_is_down) {
  ck_assert_int_eq(add("move-peer", store(1), store(3)), KV_SCHEDULER_OK);
  r.stores[3].alive = false;
  realm_rounds(&r, 60);
  ck_assert_uint_eq(realm_operators(&r), 0);
  ck_assert_uint_eq(ended()->state, KV_OPERATOR_CANCELLED);
}
END_TEST

/* Its time would be over after ten minutes, and the store be down after half an hour. */
START_TEST(an_operator_ends_as_soon_as_the_store_it_goes_to_is_silent) {
  realm_set(&r, "store-down-ms", 1800000);
  ck_assert_int_eq(add("move-peer", store(1), store(3)), KV_SCHEDULER_OK);
  (void)report();
  for (int ms = 0; ms < 900; ms += 100) {
    realm_pass(&r, 100);
    for (size_t i = 0; i < 3; i++) {
      ck_assert_int_eq(realm_store_heartbeat(&r, i), KV_SCHEDULER_OK);
    }
  }
  ck_assert_uint_eq(realm_operators(&r), 1);
  realm_pass(&r, 200);
  ck_assert_uint_eq(realm_operators(&r), 0);
  ck_assert_uint_eq(ended()->state, KV_OPERATOR_CANCELLED);
  ck_assert_ptr_nonnull(strstr(ended()->step, "to which it goes, is Disconnected"));
}
END_TEST

START_TEST(an_operator_is_cancelled_by_hand) {
  ck_assert_int_eq(add("transfer-leader", 0, store(1)), KV_SCHEDULER_OK);
  const uint64_t id = r.response.id, region_id = region()->region.id;
  ck_assert_int_eq(realm_ask(&r, KV_CALL_CANCEL_OPERATOR, region_id), KV_SCHEDULER_OK);
  ck_assert_uint_eq(r.response.id, id);
  ck_assert_uint_eq(report()->kind, KV_STEP_NONE);
  ck_assert_uint_eq(ended()->state, KV_OPERATOR_CANCELLED);
  ck_assert_int_eq(realm_ask(&r, KV_CALL_CANCEL_OPERATOR, region_id), KV_SCHEDULER_NOT_FOUND);
  ck_assert_int_eq(realm_ask(&r, KV_CALL_CANCEL_OPERATOR, 999), KV_SCHEDULER_NOT_FOUND);
}
END_TEST

START_TEST(a_region_has_one_operator_at_a_time) {
  ck_assert_int_eq(add("transfer-leader", 0, store(1)), KV_SCHEDULER_OK);
  ck_assert_int_eq(add("transfer-leader", 0, store(2)), KV_SCHEDULER_INVALID);
  ck_assert_ptr_nonnull(strstr(r.response.text, "transfer-leader to store"));
}
END_TEST

START_TEST(what_makes_no_sense_is_refused_with_the_reason) {
  ck_assert_int_eq(add("dance", 0, 0), KV_SCHEDULER_INVALID);
  ck_assert_int_eq(add("transfer-leader", 0, store(0)), KV_SCHEDULER_INVALID); /* leads */
  ck_assert_int_eq(add("transfer-leader", 0, store(3)), KV_SCHEDULER_INVALID); /* no peer */
  ck_assert_int_eq(add("add-peer", 0, store(1)), KV_SCHEDULER_INVALID);        /* has one */
  ck_assert_int_eq(add("add-peer", 0, 999), KV_SCHEDULER_NOT_FOUND);
  ck_assert_int_eq(add("remove-peer", store(3), 0), KV_SCHEDULER_INVALID);
  ck_assert_int_eq(add("move-peer", store(3), store(2)), KV_SCHEDULER_INVALID);
  ck_assert_int_eq(realm_operator(&r, 999, "split", 0, 0), KV_SCHEDULER_NOT_FOUND);
  realm_pass(&r, 2000); /* all are Disconnected */
  ck_assert_int_eq(add("add-peer", 0, store(3)), KV_SCHEDULER_INVALID);
  ck_assert_uint_eq(realm_operators(&r), 0);
}
END_TEST

START_TEST(the_last_peer_is_not_removed) {
  const uint64_t one = peer_on(1), two = peer_on(2);
  ck_assert(kv_region_remove_peer(&region()->region, one));
  ck_assert(kv_region_remove_peer(&region()->region, two));
  region()->region.epoch.conf_ver += 2;
  (void)report();
  ck_assert_int_eq(add("remove-peer", store(0), 0), KV_SCHEDULER_INVALID);
}
END_TEST

START_TEST(nothing_begins_while_members_are_between_two_configurations) {
  region()->region.peers[1].role = KV_PEER_DEMOTING;
  region()->region.epoch.conf_ver++;
  (void)report();
  ck_assert_int_eq(add("move-peer", store(1), store(3)), KV_SCHEDULER_INVALID);
  ck_assert_int_eq(realm_ask(&r, KV_CALL_RESUME, 0), KV_SCHEDULER_OK);
  ck_assert_uint_eq(report()->kind, KV_STEP_NONE);
}
END_TEST

START_TEST(a_leader_that_is_removed_hands_over_first) {
  ck_assert_int_eq(add("remove-peer", store(0), 0), KV_SCHEDULER_OK);
  ck_assert_uint_eq(report()->kind, KV_STEP_TRANSFER_LEADER);
  obey();
  ck_assert_uint_eq(report()->changes[0].kind, KV_CHANGE_REMOVE);
  obey();
  ck_assert_uint_eq(report()->kind, KV_STEP_NONE);
  ck_assert_uint_eq(peer_on(0), 0);
}
END_TEST

START_TEST(a_split_by_hand_goes_where_it_is_told) {
  kv_scheduler_request request = {.call = KV_CALL_ADD_OPERATOR,
                                  .id = region()->region.id,
                                  .text = "split",
                                  .key = {"hello", 5}};
  ck_assert_int_eq(realm_call(&r, &request), KV_SCHEDULER_OK);
  ck_assert_uint_eq(report()->kind, KV_STEP_SPLIT);
  ck_assert_uint_eq(r.response.split_key.len, 5);
  obey();
  ck_assert_uint_eq(report()->kind, KV_STEP_NONE);
  ck_assert_uint_eq(ended()->state, KV_OPERATOR_FINISHED);
  ck_assert_mem_eq(r.regions[1].region.start.data, "hello", 5);
  ck_assert_int_eq(realm_report(&r, &r.regions[1]), KV_SCHEDULER_OK);
  ck_assert_int_eq(realm_call(&r, &request), KV_SCHEDULER_INVALID); /* its end now */
  request.id = r.regions[1].region.id;
  ck_assert_int_eq(realm_call(&r, &request), KV_SCHEDULER_INVALID); /* its start */
}
END_TEST

START_TEST(a_running_operator_is_shown_with_its_step_and_age) {
  ck_assert_int_eq(add("move-peer", store(1), store(3)), KV_SCHEDULER_OK);
  realm_pass(&r, 500);
  ck_assert_uint_eq(realm_operators(&r), 1);
  const kv_operator_info *info = &r.response.operators[0];
  ck_assert_uint_eq(info->age, 500);
  ck_assert_uint_eq(info->step_count, 3);
  ck_assert_ptr_nonnull(strstr(info->step, "add-learner peer"));
  ck_assert_ptr_nonnull(strstr(info->reason, "asked for"));
}
END_TEST

START_TEST(the_history_is_a_ring_with_the_latest_first) {
  for (int i = 0; i < 300; i++) {
    ck_assert_int_eq(add("transfer-leader", 0, store(1)), KV_SCHEDULER_OK);
    ck_assert_int_eq(realm_ask(&r, KV_CALL_CANCEL_OPERATOR, region()->region.id), KV_SCHEDULER_OK);
  }
  ck_assert_uint_eq(ended()->id, 300);
  ck_assert_uint_eq(r.response.operator_count, 256);
  ck_assert_uint_eq(r.response.operators[255].id, 45);
  kv_scheduler_request request = {.call = KV_CALL_OPERATOR_HISTORY, .count = 2};
  ck_assert_int_eq(realm_call(&r, &request), KV_SCHEDULER_OK);
  ck_assert_uint_eq(r.response.operator_count, 2);
}
END_TEST

START_TEST(no_operator_begins_without_an_id_for_its_peer) {
  kv_scheduler_request request = {.call = KV_CALL_ALLOC_IDS, .count = 1};
  do { /* use the reserved ones up: the next id must be written */
    ck_assert_int_eq(realm_call(&r, &request), KV_SCHEDULER_OK);
  } while (r.response.id % 1000 != 0 && r.response.id < 3000);
  r.engine.fail_commits = 1000;
  kv_scheduler_status status = KV_SCHEDULER_OK;
  for (int i = 0; i < 2000 && status == KV_SCHEDULER_OK; i++) {
    status = add("add-peer", 0, store(3));
    (void)realm_ask(&r, KV_CALL_CANCEL_OPERATOR, region()->region.id);
  }
  ck_assert_int_eq(status, KV_SCHEDULER_FAILED);
  ck_assert_uint_eq(realm_operators(&r), 0);
}
END_TEST

int main(void) {
  const TTest *tests[] = {a_peer_moves_as_learner_then_by_a_swap_after_the_leader_left,
                          the_only_voter_leads_on_until_the_new_one_can,
                          a_step_is_repeated_until_a_report_shows_it_done,
                          a_stale_report_gets_no_step_and_moves_no_operator,
                          an_operator_ends_when_the_members_change_in_another_way,
                          an_operator_ends_when_its_region_splits,
                          an_operator_ends_when_another_region_takes_the_keys_of_its_own,
                          a_transfer_has_ten_seconds_and_a_move_ten_minutes,
                          an_operator_ends_when_the_store_it_goes_to_is_down,
                          an_operator_ends_as_soon_as_the_store_it_goes_to_is_silent,
                          an_operator_is_cancelled_by_hand,
                          a_region_has_one_operator_at_a_time,
                          what_makes_no_sense_is_refused_with_the_reason,
                          the_last_peer_is_not_removed,
                          nothing_begins_while_members_are_between_two_configurations,
                          a_leader_that_is_removed_hands_over_first,
                          a_split_by_hand_goes_where_it_is_told,
                          a_running_operator_is_shown_with_its_step_and_age,
                          the_history_is_a_ring_with_the_latest_first,
                          no_operator_begins_without_an_id_for_its_peer};
  return run_suite("scheduler_operators", tests, sizeof tests / sizeof *tests, setup, teardown);
}
