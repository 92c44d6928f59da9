/* test_scheduler_balance.c - replica checker and balancers: what they do, what holds them back, and
 * what they say about it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "realm.h"
#include "run_suite.h"

static realm r;

static void setup(void) {
  realm_init(&r);
}

static void teardown(void) {
  realm_close(&r);
}

static void begin(size_t stores) {
  realm_open(&r);
  realm_join_many(&r, stores);
  realm_bootstrap(&r);
}

static uint64_t store(size_t number) {
  return r.stores[number].id;
}

/* All regions have voters on the first three stores, led by the first; paused. */
static void three_of_everything(size_t stores, size_t regions) {
  begin(stores);
  ck_assert_int_eq(realm_ask(&r, KV_CALL_PAUSE, 0), KV_SCHEDULER_OK);
  realm_put_voter(&r, &r.regions[0], 1);
  realm_put_voter(&r, &r.regions[0], 2);
  realm_split_into(&r, regions);
}

static void resume(void) {
  ck_assert_int_eq(realm_ask(&r, KV_CALL_RESUME, 0), KV_SCHEDULER_OK);
}

static bool says(const char *subject, const char *text) {
  const char *line = realm_describe(&r, subject);
  if (strstr(line, text) == NULL) {
    (void)printf("%s: %s\n", subject, line);
  }
  return strstr(line, text) != NULL;
}

static void check_replicas(size_t wanted) {
  for (size_t i = 0; i < r.region_count; i++) {
    ck_assert_uint_eq(realm_voters(&r.regions[i]), wanted);
    ck_assert_uint_eq(r.regions[i].region.peer_count, wanted);
  }
}

/* ---- replicas ---- */

START_TEST(a_cluster_grows_from_one_peer_to_its_replicas_by_itself) {
  begin(1);
  realm_rounds(&r, 10);
  check_replicas(1);
  ck_assert(says("replica-checker", "1 of 3 replicas, no store for more"));
  (void)realm_join(&r);
  realm_rounds(&r, 10);
  check_replicas(2);
  (void)realm_join(&r);
  realm_rounds(&r, 10);
  check_replicas(3);
  ck_assert(says("replica-checker", "every region has its replicas"));
  ck_assert_uint_eq(realm_operators(&r), 0);
}
END_TEST

START_TEST(replicas_of_a_store_that_is_down_are_made_up_for) {
  three_of_everything(4, 6);
  realm_set(&r, "balance-limit", 0);
  resume();
  r.stores[0].alive = false;
  realm_rounds(&r, 45); /* disconnected only */
  ck_assert_uint_eq(realm_regions_on(&r, 3), 0);
  realm_rounds(&r, 100);
  ck_assert_uint_eq(realm_regions_on(&r, 0), 0);
  ck_assert_uint_eq(realm_regions_on(&r, 3), 6);
  check_replicas(3);
}
END_TEST

START_TEST(a_peer_that_is_down_for_long_on_a_live_store_is_replaced) {
  three_of_everything(4, 1);
  resume();
  kv_region_report lent = r.regions[0];
  kv_peer_trouble down = {.peer_id = kv_region_find_store(&lent.region, store(1))->id,
                          .down_ms = r.config.store_down_ms,
                          .pending = true};
  lent.troubles = &down;
  lent.trouble_count = 1;
  ck_assert_int_eq(realm_report(&r, &lent), KV_SCHEDULER_OK);
  ck_assert_uint_eq(r.response.step.kind, KV_STEP_CHANGE_PEERS);
  ck_assert_uint_eq(r.response.step.changes[0].store_id, store(3));
}
END_TEST

/* As long as it is on its way in nothing else is done to its region. */
START_TEST(who_was_being_added_on_a_store_that_died_is_removed) {
  three_of_everything(4, 1);
  kv_region *region = &r.regions[0].region;
  ck_assert_int_eq(kv_region_put_peer(region, 900, store(3), KV_PEER_INCOMING, r.stores[3].address),
                   KV_OK);
  region->epoch.conf_ver++;
  r.stores[3].alive = false;
  resume();
  realm_rounds(&r, 45); /* disconnected only */
  ck_assert_uint_eq(region->peer_count, 4);
  realm_rounds(&r, 100);
  check_replicas(3);
}
END_TEST

START_TEST(a_replica_too_many_goes_but_not_the_leader) {
  three_of_everything(4, 1);
  realm_put_voter(&r, &r.regions[0], 3);
  resume();
  realm_rounds(&r, 5);
  check_replicas(3);
  ck_assert_uint_eq(realm_leaders_on(&r, 0), 1);
}
END_TEST

START_TEST(fewer_replicas_are_had_by_setting_fewer) {
  three_of_everything(3, 4);
  resume();
  realm_set(&r, "max-replicas", 1);
  realm_rounds(&r, 60);
  check_replicas(1);
}
END_TEST

START_TEST(a_learner_that_was_left_behind_is_promoted_or_removed) {
  three_of_everything(4, 1);
  kv_region_report *region = &r.regions[0];
  ck_assert_int_eq(
      kv_region_put_peer(&region->region, 900, store(3), KV_PEER_LEARNER, r.stores[3].address),
      KV_OK);
  region->region.epoch.conf_ver++;
  resume();
  realm_rounds(&r, 5);
  check_replicas(3);
  ck_assert_ptr_null(kv_region_find_peer(&region->region, 900));
  const uint64_t gone = kv_region_find_store(&region->region, store(2))->id;
  ck_assert(kv_region_remove_peer(&region->region, gone));
  ck_assert_int_eq(
      kv_region_put_peer(&region->region, 901, store(3), KV_PEER_LEARNER, r.stores[3].address),
      KV_OK);
  region->region.epoch.conf_ver += 2;
  realm_rounds(&r, 5);
  check_replicas(3);
  ck_assert_ptr_nonnull(kv_region_find_peer(&region->region, 901));
}
END_TEST

START_TEST(no_more_operators_for_replicas_run_than_the_limit) {
  three_of_everything(4, 20);
  realm_set(&r, "replica-limit", 3);
  realm_set(&r, "balance-limit", 0);
  resume();
  r.stores[1].alive = false;
  realm_rounds(&r, 55);
  for (int i = 0; i < 40; i++) {
    realm_round(&r);
    ck_assert_uint_le(realm_operators(&r), 3 + r.config.leader_limit);
  }
  realm_rounds(&r, 100);
  check_replicas(3);
}
END_TEST

START_TEST(a_store_takes_no_more_peers_at_once_than_its_limit) {
  three_of_everything(4, 20);
  realm_set(&r, "store-limit", 2);
  realm_set(&r, "leader-limit", 0);
  realm_set(&r, "balance-limit", 0);
  resume();
  r.stores[1].alive = false;
  bool limited = false;
  for (int i = 0; i < 100; i++) {
    size_t adding = 0;
    realm_round(&r);
    const size_t running = realm_operators(&r);
    for (size_t k = 0; k < running; k++) {
      adding += strstr(r.response.operators[k].step, "add-learner") != NULL;
    }
    ck_assert_uint_le(adding, 2);
    limited = limited || strstr(realm_describe(&r, "store 4"), "its limit") != NULL;
  }
  ck_assert(limited);
  check_replicas(3);
}
END_TEST

/* ---- P85 ---- */

START_TEST(after_a_start_nothing_moves_until_enough_regions_reported) {
  three_of_everything(4, 10);
  resume();
  realm_pass(&r, 100);
  realm_restart(&r);
  for (size_t i = 0; i < 4; i++) {
    ck_assert_int_eq(realm_store_heartbeat(&r, i), KV_SCHEDULER_OK);
  }
  for (size_t i = 0; i < 7; i++) {
    ck_assert_int_eq(realm_report(&r, &r.regions[i]), KV_SCHEDULER_OK);
  }
  realm_pass(&r, 100);
  ck_assert_uint_eq(realm_operators(&r), 0);
  ck_assert(says("scheduler", "7 of 10 regions"));
  ck_assert_int_eq(realm_report(&r, &r.regions[7]), KV_SCHEDULER_OK);
  realm_pass(&r, 100);
  ck_assert_uint_gt(realm_operators(&r), 0);
}
END_TEST

START_TEST(after_a_start_waiting_has_an_end) {
  three_of_everything(4, 10);
  resume();
  realm_pass(&r, 100);
  realm_restart(&r);
  realm_pass(&r, r.config.start_wait_ms - 1);
  ck_assert(says("scheduler", "waits for reports"));
  realm_pass(&r, 1);
  ck_assert(says("scheduler", "at work"));
}
END_TEST

START_TEST(nothing_is_planned_while_paused_even_over_a_restart) {
  three_of_everything(4, 10);
  ck_assert(says("scheduler", "paused"));
  realm_rounds(&r, 20);
  realm_restart(&r);
  realm_rounds(&r, 20);
  ck_assert_uint_eq(r.steps, 0);
  ck_assert(says("scheduler", "paused"));
}
END_TEST

/* ---- balance-region ---- */

START_TEST(peers_move_to_a_new_store_until_the_difference_is_not_worth_it) {
  three_of_everything(4, 12);
  for (size_t i = 0; i < 12; i++) {
    r.regions[i].bytes = 10000;
  }
  resume();
  realm_rounds(&r, 200);
  check_replicas(3);
  for (size_t i = 0; i < 4; i++) {
    ck_assert_uint_ge(realm_regions_on(&r, i), 8);
    ck_assert_uint_le(realm_regions_on(&r, i), 10);
  }
  ck_assert(says("balance-region", "is not more than the threshold of"));
}
END_TEST

START_TEST(empty_regions_are_balanced_by_their_number) {
  three_of_everything(4, 12);
  resume();
  realm_rounds(&r, 200);
  for (size_t i = 0; i < 4; i++) {
    ck_assert_uint_ge(realm_regions_on(&r, i), 8);
    ck_assert_uint_le(realm_regions_on(&r, i), 10);
  }
}
END_TEST

START_TEST(what_is_running_counts_before_it_is_done) {
  three_of_everything(4, 4);
  realm_set(&r, "leader-limit", 0);
  resume();
  for (int i = 0; i < 10; i++) { /* nobody obeys, heartbeats go on */
    for (size_t k = 0; k < 4; k++) {
      ck_assert_int_eq(realm_store_heartbeat(&r, k), KV_SCHEDULER_OK);
    }
    realm_pass(&r, 100);
  }
  /* 4,4,4,0 regions: three moves make 3,3,3,3; at twice the size one difference stays. */
  const size_t running = realm_operators(&r);
  ck_assert_uint_ge(running, 2);
  ck_assert_uint_le(running, 3);
}
END_TEST

START_TEST(a_difference_that_moving_would_only_turn_around_is_left) {
  three_of_everything(4, 1);
  r.regions[0].bytes = 1u << 20;
  resume();
  realm_rounds(&r, 30);
  ck_assert_uint_eq(r.steps, 0);
  ck_assert(says("balance-region", "threshold"));
}
END_TEST

START_TEST(regions_that_lack_something_are_not_moved) {
  three_of_everything(4, 6);
  realm_set(&r, "leader-limit", 0);
  resume();
  for (size_t i = 0; i < 6; i++) {
    kv_region_report lent = r.regions[i];
    kv_peer_trouble lags = {.peer_id = lent.region.peers[1].id, .pending = true};
    lent.troubles = &lags;
    lent.trouble_count = 1;
    ck_assert_int_eq(realm_report(&r, &lent), KV_SCHEDULER_OK);
  }
  realm_pass(&r, 100);
  ck_assert_uint_eq(realm_operators(&r), 0);
}
END_TEST

/* The fourth store is as given; does it get anything? */
static bool fourth_gets(const kv_store_stats *stats, const char *why) {
  three_of_everything(4, 6);
  r.stores[3].stats = *stats;
  resume();
  realm_rounds(&r, 30);
  const bool said = says("store 4", why);
  ck_assert(said);
  return realm_regions_on(&r, 3) > 0;
}

START_TEST(a_busy_store_gets_nothing) {
  ck_assert(!fourth_gets(&(kv_store_stats){.busy = true}, "is busy"));
}
END_TEST

START_TEST(a_store_with_too_many_snapshots_gets_nothing) {
  ck_assert(!fourth_gets(&(kv_store_stats){.receiving_snapshots = 9}, "snapshots in work"));
}
END_TEST

START_TEST(a_store_that_is_nearly_full_gets_nothing) {
  ck_assert(!fourth_gets(&(kv_store_stats){.capacity = 100u << 20, .available = 4u << 20},
                         "4 of 100 MiB of disk left"));
}
END_TEST

START_TEST(a_store_of_unknown_or_sufficient_space_is_no_full_one) {
  ck_assert(fourth_gets(&(kv_store_stats){.capacity = 100u << 20, .available = 6u << 20}, "takes"));
}
END_TEST

START_TEST(a_store_that_is_silent_gets_nothing) {
  three_of_everything(4, 6);
  r.stores[3].alive = false;
  realm_pass(&r, 2000);
  resume();
  realm_rounds(&r, 20);
  ck_assert_uint_eq(realm_regions_on(&r, 3), 0);
  ck_assert(says("store 4", "is Disconnected"));
}
END_TEST

/* ---- balance-leader ---- */

START_TEST(leaders_are_spread_evenly) {
  three_of_everything(3, 12);
  ck_assert_uint_eq(realm_leaders_on(&r, 0), 12);
  resume();
  realm_rounds(&r, 50);
  for (size_t i = 0; i < 3; i++) {
    ck_assert_uint_eq(realm_leaders_on(&r, i), 4);
  }
  ck_assert(says("balance-leader", "no two stores differ by 2 leaders"));
  ck_assert_uint_eq(realm_operators(&r), 0);
}
END_TEST

START_TEST(the_difference_in_leaders_must_be_worth_it) {
  three_of_everything(3, 12);
  realm_set(&r, "leader-difference", 10);
  resume();
  realm_rounds(&r, 50);
  ck_assert_uint_eq(realm_leaders_on(&r, 0), 10); /* 12,0,0 then 11,1,0 and 10,1,1 */
}
END_TEST

START_TEST(no_more_leaders_move_at_once_than_the_limit) {
  three_of_everything(3, 30);
  realm_set(&r, "balance-limit", 0);
  resume();
  realm_pass(&r, 100); /* nobody obeys */
  realm_pass(&r, 100);
  ck_assert_uint_eq(realm_operators(&r), 4);
  ck_assert(says("balance-leader", "the limit of balance-leader"));
}
END_TEST

START_TEST(leaders_do_not_go_to_busy_stores_or_lagging_peers) {
  three_of_everything(3, 12);
  r.stores[1].stats.busy = true;
  for (size_t i = 0; i < 12; i++) {
    ck_assert_int_eq(realm_store_heartbeat(&r, 1), KV_SCHEDULER_OK);
  }
  for (size_t i = 0; i < 12; i++) {
    kv_region_report lent = r.regions[i];
    kv_peer_trouble lags = {.peer_id = kv_region_find_store(&lent.region, store(2))->id,
                            .pending = true};
    lent.troubles = &lags;
    lent.trouble_count = 1;
    ck_assert_int_eq(realm_report(&r, &lent), KV_SCHEDULER_OK);
  }
  resume();
  realm_pass(&r, 100);
  ck_assert_uint_eq(realm_operators(&r), 0);
  ck_assert(says("balance-leader", "is busy"));
}
END_TEST

int main(void) {
  const TTest *tests[] = {a_cluster_grows_from_one_peer_to_its_replicas_by_itself,
                          replicas_of_a_store_that_is_down_are_made_up_for,
                          a_peer_that_is_down_for_long_on_a_live_store_is_replaced,
                          who_was_being_added_on_a_store_that_died_is_removed,
                          a_replica_too_many_goes_but_not_the_leader,
                          fewer_replicas_are_had_by_setting_fewer,
                          a_learner_that_was_left_behind_is_promoted_or_removed,
                          no_more_operators_for_replicas_run_than_the_limit,
                          a_store_takes_no_more_peers_at_once_than_its_limit,
                          after_a_start_nothing_moves_until_enough_regions_reported,
                          after_a_start_waiting_has_an_end,
                          nothing_is_planned_while_paused_even_over_a_restart,
                          peers_move_to_a_new_store_until_the_difference_is_not_worth_it,
                          empty_regions_are_balanced_by_their_number,
                          what_is_running_counts_before_it_is_done,
                          a_difference_that_moving_would_only_turn_around_is_left,
                          regions_that_lack_something_are_not_moved,
                          a_busy_store_gets_nothing,
                          a_store_with_too_many_snapshots_gets_nothing,
                          a_store_that_is_nearly_full_gets_nothing,
                          a_store_of_unknown_or_sufficient_space_is_no_full_one,
                          a_store_that_is_silent_gets_nothing,
                          leaders_are_spread_evenly,
                          the_difference_in_leaders_must_be_worth_it,
                          no_more_leaders_move_at_once_than_the_limit,
                          leaders_do_not_go_to_busy_stores_or_lagging_peers};
  return run_suite("scheduler_balance", tests, sizeof tests / sizeof *tests, setup, teardown);
}
