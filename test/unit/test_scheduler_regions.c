/* test_scheduler_regions.c - the scheduler's regions: stale reports, splits, holes, counts.
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
  realm_join_many(&r, 3);
  realm_bootstrap(&r);
  ck_assert_int_eq(realm_ask(&r, KV_CALL_PAUSE, 0), KV_SCHEDULER_OK);
}

static void teardown(void) {
  realm_close(&r);
}

static raft_slice slice(const char *text) {
  return (raft_slice){text, strlen(text)};
}

static kv_region_report *first(void) {
  return &r.regions[0];
}

static void report(const kv_region_report *region) {
  ck_assert_msg(realm_report(&r, region) == KV_SCHEDULER_OK, "%s", r.response.text);
}

/* Of the key, or 0. The region stays in r.response. */
static uint64_t region_of(const char *key) {
  kv_scheduler_request request = {.call = KV_CALL_GET_REGION, .key = slice(key)};
  return realm_call(&r, &request) == KV_SCHEDULER_OK ? r.response.regions[0].region.id : 0;
}

static const kv_store_info *store_info(size_t store) {
  ck_assert_int_eq(realm_ask(&r, KV_CALL_GET_STORE, r.stores[store].id), KV_SCHEDULER_OK);
  return &r.response.stores[0];
}

static size_t scan(const char *from, uint64_t limit) {
  kv_scheduler_request request = {.call = KV_CALL_SCAN_REGIONS, .key = slice(from), .count = limit};
  ck_assert_int_eq(realm_call(&r, &request), KV_SCHEDULER_OK);
  return r.response.region_count;
}

/* ---- P82: what is older is refused ---- */

START_TEST(a_report_of_an_older_version_changes_nothing) {
  kv_region_report old = *first(); /* lent */
  first()->region.epoch.version++;
  report(first());
  ck_assert_int_eq(realm_report(&r, &old), KV_SCHEDULER_STALE);
  ck_assert_uint_gt(region_of("x"), 0);
  ck_assert_uint_eq(r.response.regions[0].region.epoch.version, 2);
}
END_TEST

START_TEST(a_report_of_an_older_conf_ver_changes_nothing) {
  kv_region_report old = *first();
  first()->region.epoch.conf_ver++;
  report(first());
  ck_assert_int_eq(realm_report(&r, &old), KV_SCHEDULER_STALE);
  ck_assert_uint_gt(region_of("x"), 0);
  ck_assert_uint_eq(r.response.regions[0].region.epoch.conf_ver, 2);
}
END_TEST

START_TEST(a_leader_that_was_cut_off_in_an_older_term_is_refused) {
  realm_put_voter(&r, first(), 1);
  report(first());
  kv_region_report old = *first();
  realm_lead(&r, first(), 1);
  report(first());
  ck_assert_int_eq(realm_report(&r, &old), KV_SCHEDULER_STALE);
  ck_assert_uint_gt(region_of("x"), 0);
  ck_assert_uint_eq(r.response.regions[0].leader_peer, first()->leader_peer);
}
END_TEST

START_TEST(a_report_from_before_a_split_does_not_swallow_the_right_half) {
  kv_region_report old;
  ck_assert_int_eq(kv_region_report_copy(&old, first()), KV_OK);
  kv_region_report *right = realm_split(&r, first(), "m");
  const uint64_t left_id = first()->region.id, right_id = right->region.id;
  report(right); /* the right half first: the left one, unknown now, is a hole */
  ck_assert_uint_eq(region_of("x"), right_id);
  ck_assert_uint_eq(region_of("a"), 0);
  ck_assert_int_eq(realm_report(&r, &old), KV_SCHEDULER_STALE);
  ck_assert_uint_eq(region_of("x"), right_id);
  report(first());
  ck_assert_uint_eq(region_of("a"), left_id);
  ck_assert_int_eq(realm_report(&r, &old), KV_SCHEDULER_STALE);
  kv_region_report_clear(&old);
}
END_TEST

START_TEST(the_left_half_first_leaves_a_hole_until_the_right_one_reports) {
  kv_region_report *right = realm_split(&r, first(), "m");
  report(first());
  ck_assert_uint_eq(region_of("x"), 0);
  ck_assert_ptr_nonnull(strstr(realm_describe(&r, "cluster"), "1 holes"));
  report(right);
  ck_assert_uint_eq(region_of("x"), right->region.id);
  ck_assert_ptr_nonnull(strstr(realm_describe(&r, "cluster"), "0 holes"));
}
END_TEST

START_TEST(a_region_is_reported_by_its_leaders_store_and_has_keys) {
  kv_scheduler_request request = {
      .call = KV_CALL_REGION_HEARTBEAT, .store_id = r.stores[1].id, .report = *first()};
  ck_assert_int_eq(realm_call(&r, &request), KV_SCHEDULER_INVALID);
  request.store_id = r.stores[0].id;
  request.report.leader_peer = 0;
  ck_assert_int_eq(realm_call(&r, &request), KV_SCHEDULER_INVALID);
  request.report.leader_peer = first()->leader_peer;
  request.report.region.start = request.report.region.end = slice("m"); /* no keys */
  ck_assert_int_eq(realm_call(&r, &request), KV_SCHEDULER_INVALID);
  request.store_id = 999;
  ck_assert_int_eq(realm_call(&r, &request), KV_SCHEDULER_NOT_FOUND);
}
END_TEST

/* ---- what is known of regions and stores ---- */

START_TEST(stores_count_their_regions_leaders_sizes_and_lagging_peers) {
  realm_put_voter(&r, first(), 1);
  first()->bytes = 5000;
  kv_peer_trouble lags = {.peer_id = kv_region_find_store(&first()->region, r.stores[1].id)->id,
                          .pending = true};
  kv_region_report lent = *first();
  lent.troubles = &lags;
  lent.trouble_count = 1;
  report(&lent);
  ck_assert_uint_eq(store_info(0)->region_count, 1);
  ck_assert_uint_eq(store_info(0)->leader_count, 1);
  ck_assert_uint_eq(store_info(0)->leader_bytes, 5000);
  ck_assert_uint_eq(store_info(0)->pending_count, 0);
  ck_assert_uint_eq(store_info(1)->region_count, 1);
  ck_assert_uint_eq(store_info(1)->leader_count, 0);
  ck_assert_uint_eq(store_info(1)->region_bytes, 5000);
  ck_assert_uint_eq(store_info(1)->pending_count, 1);
  ck_assert_uint_eq(store_info(2)->region_count, 0);
  first()->bytes = 7000;
  realm_lead(&r, first(), 1);
  report(first());
  ck_assert_uint_eq(store_info(0)->leader_count, 0);
  ck_assert_uint_eq(store_info(1)->leader_bytes, 7000);
  ck_assert_uint_eq(store_info(1)->pending_count, 0);
}
END_TEST

START_TEST(regions_are_found_by_id_by_key_and_by_what_follows) {
  realm_split_into(&r, 20);
  for (size_t i = 0; i < r.region_count; i++) {
    const kv_region *region = &r.regions[i].region;
    ck_assert_int_eq(realm_ask(&r, KV_CALL_GET_REGION, region->id), KV_SCHEDULER_OK);
    ck_assert_uint_eq(r.response.regions[0].region.id, region->id);
    ck_assert_uint_eq(r.response.store_count, 1);
    kv_scheduler_request request = {.call = KV_CALL_GET_REGION, .id = region->id, .previous = true};
    ck_assert_int_eq(realm_call(&r, &request), i == 0 ? KV_SCHEDULER_NOT_FOUND : KV_SCHEDULER_OK);
    if (i > 0) {
      ck_assert_uint_eq(r.response.regions[0].region.id, r.regions[i - 1].region.id);
    }
  }
  ck_assert_int_eq(realm_ask(&r, KV_CALL_GET_REGION, 9999), KV_SCHEDULER_NOT_FOUND);
}
END_TEST

START_TEST(scans_go_in_key_order_from_the_region_of_the_key_up_to_the_limit) {
  realm_split_into(&r, 20);
  ck_assert_uint_eq(scan("", 0), 20);
  for (size_t i = 0; i < 20; i++) {
    ck_assert_uint_eq(r.response.regions[i].region.id, r.regions[i].region.id);
  }
  ck_assert_uint_eq(scan("af5", 3), 3); /* inside of the region from "af" */
  ck_assert_mem_eq(r.response.regions[0].region.start.data, "af", 2);
  ck_assert_uint_eq(scan("zz", 10), 1);
}
END_TEST

START_TEST(seven_rounds_of_splits_in_any_order_of_reports_end_in_one_cover) {
  for (unsigned round = 0; round < 7; round++) {
    const size_t count = r.region_count;
    for (size_t i = 0; i < count; i++) {
      kv_region_report *region = &r.regions[i];
      char key[16];
      memcpy(key, region->region.start.len > 0 ? region->region.start.data : "",
             region->region.start.len);
      key[region->region.start.len] = (char)('z' - round);
      key[region->region.start.len + 1] = '\0';
      (void)realm_split(&r, region, key);
    }
    for (size_t i = 0; i < r.region_count; i++) { /* 7 and 2^n have no common divisor */
      report(&r.regions[i * 7 % r.region_count]);
    }
    ck_assert_uint_eq(scan("", 0), r.region_count);
    ck_assert_ptr_nonnull(strstr(realm_describe(&r, "cluster"), " 0 holes"));
  }
  ck_assert_uint_eq(r.region_count, 128);
}
END_TEST

START_TEST(known_regions_survive_a_restart_and_old_reports_are_still_refused) {
  kv_region_report old;
  ck_assert_int_eq(kv_region_report_copy(&old, first()), KV_OK);
  realm_split_into(&r, 10);
  realm_pass(&r, 100); /* written lazily */
  realm_restart(&r);
  ck_assert_uint_eq(scan("", 0), 10);
  ck_assert_uint_eq(r.response.regions[3].leader_peer, 0); /* who leads is not known */
  ck_assert_uint_eq(store_info(0)->region_count, 10);
  ck_assert_int_eq(realm_report(&r, &old), KV_SCHEDULER_STALE);
  kv_region_report_clear(&old);
}
END_TEST

START_TEST(regions_that_could_not_be_written_are_written_later) {
  realm_split_into(&r, 10);
  r.engine.fail_commits = 1;
  realm_pass(&r, 100);
  realm_pass(&r, 100);
  realm_restart(&r);
  ck_assert_uint_eq(scan("", 0), 10);
}
END_TEST

static void count_line(void *ctx, kv_level level, const char *line) {
  int *lines = ctx;
  (void)level;
  *lines += strstr(line, "cannot be written") != NULL || strstr(line, "written again") != NULL;
}

START_TEST(a_full_disk_is_said_once_and_so_is_its_end) {
  int lines = 0;
  realm_pass(&r, 100);
  r.logger = (kv_logger){count_line, &lines, KV_INFO};
  realm_restart(&r);
  realm_split_into(&r, 10);
  r.engine.fail_commits = 20;
  for (int i = 0; i < 20; i++) {
    realm_pass(&r, 100);
  }
  ck_assert_int_eq(lines, 1);
  realm_pass(&r, 100);
  ck_assert_int_eq(lines, 2);
  realm_pass(&r, 100);
  ck_assert_int_eq(lines, 2);
}
END_TEST

/* ---- splits ---- */

static kv_scheduler_status ask_split(const kv_region_report *region) {
  kv_scheduler_request request = {
      .call = KV_CALL_ASK_SPLIT, .store_id = r.stores[0].id, .report = *region};
  return realm_call(&r, &request);
}

START_TEST(ids_for_a_split_are_new_and_as_many_as_peers) {
  realm_put_voter(&r, first(), 1);
  realm_put_voter(&r, first(), 2);
  report(first());
  ck_assert_int_eq(ask_split(first()), KV_SCHEDULER_OK);
  const uint64_t id = r.response.id;
  ck_assert_uint_eq(r.response.peer_count, 3);
  ck_assert_uint_eq(r.response.region_id, first()->region.id);
  for (size_t i = 0; i < 3; i++) {
    ck_assert_uint_gt(r.response.peer_ids[i], id);
    ck_assert_ptr_null(kv_region_find_peer(&first()->region, r.response.peer_ids[i]));
  }
  ck_assert_int_eq(ask_split(first()), KV_SCHEDULER_OK);
  ck_assert_uint_gt(r.response.id, id);
}
END_TEST

START_TEST(no_ids_are_given_for_a_split_of_what_has_changed) {
  kv_region_report old = *first();
  kv_region_report none = {0};
  first()->region.epoch.version++;
  report(first());
  ck_assert_int_eq(ask_split(&old), KV_SCHEDULER_STALE);
  ck_assert_int_eq(ask_split(&none), KV_SCHEDULER_INVALID);
}
END_TEST

START_TEST(a_region_over_the_limit_is_split_half_way) {
  ck_assert_int_eq(realm_ask(&r, KV_CALL_RESUME, 0), KV_SCHEDULER_OK);
  realm_set(&r, "max-replicas", 1);
  realm_set(&r, "balance-limit", 0);
  first()->bytes = 3u << 30;
  realm_rounds(&r, 20);
  ck_assert_uint_eq(r.region_count, 4);
  ck_assert_int_eq(realm_ask(&r, KV_CALL_OPERATOR_HISTORY, 0), KV_SCHEDULER_OK);
  ck_assert_str_eq(r.response.operators[0].name, "split");
}
END_TEST

START_TEST(a_region_that_cannot_be_split_is_not_asked_again_at_once) {
  realm_set(&r, "max-replicas", 1);
  realm_set(&r, "region-timeout-ms", 1000);
  ck_assert_int_eq(realm_ask(&r, KV_CALL_RESUME, 0), KV_SCHEDULER_OK);
  first()->bytes = 3u << 30;
  report(first()); /* one huge key: the step is not obeyed */
  ck_assert_int_eq((int)r.response.step.kind, KV_STEP_SPLIT);
  realm_pass(&r, 999);
  report(first());
  ck_assert_int_eq((int)r.response.step.kind, KV_STEP_SPLIT);
  realm_pass(&r, 1);
  report(first());
  ck_assert_int_eq((int)r.response.step.kind, KV_STEP_NONE);
  realm_pass(&r, 1000);
  report(first());
  ck_assert_int_eq((int)r.response.step.kind, KV_STEP_SPLIT);
}
END_TEST

int main(void) {
  const TTest *tests[] = {a_report_of_an_older_version_changes_nothing,
                          a_report_of_an_older_conf_ver_changes_nothing,
                          a_leader_that_was_cut_off_in_an_older_term_is_refused,
                          a_report_from_before_a_split_does_not_swallow_the_right_half,
                          the_left_half_first_leaves_a_hole_until_the_right_one_reports,
                          a_region_is_reported_by_its_leaders_store_and_has_keys,
                          stores_count_their_regions_leaders_sizes_and_lagging_peers,
                          regions_are_found_by_id_by_key_and_by_what_follows,
                          scans_go_in_key_order_from_the_region_of_the_key_up_to_the_limit,
                          seven_rounds_of_splits_in_any_order_of_reports_end_in_one_cover,
                          known_regions_survive_a_restart_and_old_reports_are_still_refused,
                          regions_that_could_not_be_written_are_written_later,
                          a_full_disk_is_said_once_and_so_is_its_end,
                          ids_for_a_split_are_new_and_as_many_as_peers,
                          no_ids_are_given_for_a_split_of_what_has_changed,
                          a_region_over_the_limit_is_split_half_way,
                          a_region_that_cannot_be_split_is_not_asked_again_at_once};
  return run_suite("scheduler_regions", tests, sizeof tests / sizeof *tests, setup, teardown);
}
