/* test_region_change.c - what a membership change makes of a region.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <libraft/wire.h>
#include <stdlib.h>
#include <string.h>

#include "raftstore/region_change.h"
#include "support/run_suite.h"

static kv_region region;

static void setup(void) {
  region = (kv_region){.id = 1, .epoch = {3, 2}};
  ck_assert_int_eq(kv_region_put_peer(&region, 1, 1, KV_PEER_VOTER, "one:1"), KV_OK);
  ck_assert_int_eq(kv_region_put_peer(&region, 2, 2, KV_PEER_VOTER, "two:1"), KV_OK);
  ck_assert_int_eq(kv_region_put_peer(&region, 3, 3, KV_PEER_VOTER, "three:1"), KV_OK);
  ck_assert_int_eq(kv_region_put_peer(&region, 4, 4, KV_PEER_LEARNER, "four:1"), KV_OK);
}

static void teardown(void) {
  kv_region_clear(&region);
}

static kv_change_peer change_to(uint64_t id, kv_peer_role role) {
  return (kv_change_peer){.epoch = region.epoch, .peer_id = id, .store_id = id, .role = role};
}

static raft_conf_change_type type_of(const kv_change_peer *change) {
  return change->remove                  ? RAFT_CONF_REMOVE_NODE
         : change->role == KV_PEER_VOTER ? RAFT_CONF_ADD_NODE
                                         : RAFT_CONF_ADD_LEARNER;
}

/* The entry in which `raft` and the changes of the region stand beside each other. */
static int apply_v2(const raft_conf_change_v2 *change, kv_apply_outcome *outcome) {
  unsigned char data[2048];
  size_t len = 0;
  ck_assert_int_eq(raft_conf_change_v2_encode(change, data, sizeof data, &len), RAFT_OK);
  const raft_entry entry = {.type = RAFT_ENTRY_CONF_CHANGE_V2, .data = {data, len, NULL}};
  return kv_region_apply_change(&region, &entry, outcome);
}

static int apply_jointly(const kv_change_peer *changes, size_t count, kv_apply_outcome *outcome) {
  raft_conf_change_single singles[KV_MAX_CHANGES];
  raft_buf *context = NULL;
  ck_assert_int_eq(kv_change_list_encode(changes, count, &context), KV_OK);
  for (size_t i = 0; i < count; i++) {
    singles[i] = (raft_conf_change_single){type_of(&changes[i]), changes[i].peer_id};
  }
  const raft_conf_change_v2 change = {
      .transition = RAFT_TRANSITION_JOINT_IMPLICIT,
      .changes = singles,
      .change_count = count,
      .context = {raft_buf_data(context), raft_buf_len(context), context}};
  const int rc = apply_v2(&change, outcome);
  raft_buf_release(context);
  return rc;
}

static int apply_one(const kv_change_peer *change, kv_apply_outcome *outcome) {
  unsigned char data[1024];
  size_t len = 0;
  raft_buf *context = NULL;
  ck_assert_int_eq(kv_change_peer_encode(change, &context), KV_OK);
  const raft_conf_change raft = {.type = type_of(change),
                                 .node_id = change->peer_id,
                                 .context = {raft_buf_data(context), raft_buf_len(context), NULL}};
  ck_assert_int_eq(raft_conf_change_encode(&raft, data, sizeof data, &len), RAFT_OK);
  const raft_entry entry = {.type = RAFT_ENTRY_CONF_CHANGE, .data = {data, len, NULL}};
  const int rc = kv_region_apply_change(&region, &entry, outcome);
  raft_buf_release(context);
  return rc;
}

static kv_peer_role role_of(uint64_t id) {
  const kv_region_peer *peer = kv_region_find_peer(&region, id);
  ck_assert_ptr_nonnull(peer);
  return peer->role;
}

START_TEST(a_swap_goes_through_both_configurations) {
  const kv_change_peer swap[] = {change_to(4, KV_PEER_VOTER), change_to(1, KV_PEER_LEARNER)};
  kv_apply_outcome outcome;
  ck_assert_int_eq(apply_jointly(swap, 2, &outcome), KV_OK);
  ck_assert_int_eq(outcome, KV_APPLY_DONE);
  ck_assert_int_eq(role_of(4), KV_PEER_JOINING);
  ck_assert_int_eq(role_of(1), KV_PEER_DEMOTING);
  ck_assert(kv_region_is_joint(&region));
  ck_assert_uint_eq(region.epoch.conf_ver, 4);
  const raft_conf_change_v2 leave = {.transition = RAFT_TRANSITION_AUTO};
  ck_assert_int_eq(apply_v2(&leave, &outcome), KV_OK);
  ck_assert_int_eq(outcome, KV_APPLY_DONE);
  ck_assert_int_eq(role_of(4), KV_PEER_VOTER);
  ck_assert_int_eq(role_of(1), KV_PEER_LEARNER);
  ck_assert(!kv_region_is_joint(&region));
  ck_assert_uint_eq(region.epoch.conf_ver, 5);
}
END_TEST

/* P21, M7: what is there already is no change. */
START_TEST(a_change_that_is_in_force_does_not_move_the_epoch) {
  const kv_change_peer swap[] = {change_to(4, KV_PEER_VOTER), change_to(1, KV_PEER_LEARNER)};
  const kv_change_peer again = change_to(2, KV_PEER_VOTER);
  const kv_change_peer gone = {.epoch = region.epoch, .peer_id = 9, .store_id = 9, .remove = true};
  const raft_conf_change_v2 leave = {.transition = RAFT_TRANSITION_AUTO};
  kv_apply_outcome outcome;
  ck_assert_int_eq(apply_one(&again, &outcome), KV_OK);
  ck_assert_int_eq(outcome, KV_APPLY_REDUNDANT);
  ck_assert_int_eq(apply_one(&gone, &outcome), KV_OK);
  ck_assert_int_eq(outcome, KV_APPLY_REDUNDANT);
  ck_assert_int_eq(apply_v2(&leave, &outcome), KV_OK);
  ck_assert_int_eq(outcome, KV_APPLY_REDUNDANT);
  ck_assert_uint_eq(region.epoch.conf_ver, 3);
  ck_assert_int_eq(apply_jointly(swap, 2, &outcome), KV_OK);
  ck_assert_int_eq(apply_jointly(swap, 2, &outcome), KV_OK);
  ck_assert_int_eq(outcome, KV_APPLY_REDUNDANT);
  ck_assert_uint_eq(region.epoch.conf_ver, 4);
}
END_TEST

/* P17: equality of conf_ver, whatever the version is. */
START_TEST(a_change_of_another_conf_ver_is_stale_one_of_another_version_is_not) {
  kv_change_peer change = change_to(5, KV_PEER_INCOMING);
  kv_apply_outcome outcome;
  change.epoch.conf_ver = 4;
  ck_assert_int_eq(apply_one(&change, &outcome), KV_OK);
  ck_assert_int_eq(outcome, KV_APPLY_STALE);
  change.epoch.conf_ver = 2;
  ck_assert_int_eq(apply_one(&change, &outcome), KV_OK);
  ck_assert_int_eq(outcome, KV_APPLY_STALE);
  change.epoch = (kv_epoch){3, 1};
  ck_assert_int_eq(apply_one(&change, &outcome), KV_OK);
  ck_assert_int_eq(outcome, KV_APPLY_DONE);
}
END_TEST

/* P23 */
START_TEST(a_store_has_one_peer_and_an_id_is_given_once) {
  kv_change_peer change = change_to(9, KV_PEER_LEARNER);
  kv_apply_outcome outcome;
  change.store_id = 2;
  ck_assert_int_eq(apply_one(&change, &outcome), KV_OK);
  ck_assert_int_eq(outcome, KV_APPLY_STALE);
  region.max_peer_id = 9;
  change.store_id = 5;
  ck_assert_int_eq(apply_one(&change, &outcome), KV_OK);
  ck_assert_int_eq(outcome, KV_APPLY_STALE);
  ck_assert_uint_eq(region.peer_count, 4);
}
END_TEST

START_TEST(nothing_is_changed_between_two_configurations_or_by_halves) {
  const kv_change_peer swap[] = {change_to(4, KV_PEER_VOTER), change_to(1, KV_PEER_LEARNER)};
  kv_change_peer bad[] = {change_to(4, KV_PEER_VOTER), change_to(1, KV_PEER_LEARNER)};
  kv_apply_outcome outcome;
  bad[1].remove = true; /* a voter has to be demoted first */
  ck_assert_int_eq(apply_jointly(bad, 2, &outcome), KV_OK);
  ck_assert_int_eq(outcome, KV_APPLY_STALE);
  ck_assert_int_eq(role_of(4), KV_PEER_LEARNER);
  ck_assert_int_eq(apply_jointly(swap, 2, &outcome), KV_OK);
  const kv_change_peer more = change_to(5, KV_PEER_LEARNER);
  ck_assert_int_eq(apply_one(&more, &outcome), KV_OK);
  ck_assert_int_eq(outcome, KV_APPLY_STALE);
}
END_TEST

START_TEST(entries_that_contradict_themselves_are_corrupt) {
  const kv_change_peer swap[] = {change_to(4, KV_PEER_VOTER), change_to(1, KV_PEER_LEARNER)};
  raft_conf_change_single singles[] = {{RAFT_CONF_ADD_NODE, 4}, {RAFT_CONF_REMOVE_NODE, 1}};
  raft_conf_change_v2 change = {
      .transition = RAFT_TRANSITION_JOINT_IMPLICIT, .changes = singles, .change_count = 2};
  kv_apply_outcome outcome;
  ck_assert_int_eq(apply_v2(&change, &outcome), KV_ECORRUPT); /* no context */
  raft_buf *context = NULL;
  ck_assert_int_eq(kv_change_list_encode(swap, 2, &context), KV_OK);
  change.context = (raft_bytes){raft_buf_data(context), raft_buf_len(context), NULL};
  ck_assert_int_eq(apply_v2(&change, &outcome), KV_ECORRUPT); /* removes what is to be demoted */
  singles[1].type = RAFT_CONF_ADD_LEARNER;
  change.transition = RAFT_TRANSITION_AUTO;
  ck_assert_int_eq(apply_v2(&change, &outcome), KV_ECORRUPT); /* might not be joint */
  change.context.len--;
  change.transition = RAFT_TRANSITION_JOINT_IMPLICIT;
  ck_assert_int_eq(apply_v2(&change, &outcome), KV_ECORRUPT);
  const raft_entry garbage = {.type = RAFT_ENTRY_CONF_CHANGE_V2, .data = {"\xff\xff", 2, NULL}};
  ck_assert_int_eq(kv_region_apply_change(&region, &garbage, &outcome), KV_ECORRUPT);
  ck_assert_uint_eq(region.epoch.conf_ver, 3);
  raft_buf_release(context);
}
END_TEST

int main(void) {
  const TTest *const tests[] = {
      a_swap_goes_through_both_configurations,
      a_change_that_is_in_force_does_not_move_the_epoch,
      a_change_of_another_conf_ver_is_stale_one_of_another_version_is_not,
      a_store_has_one_peer_and_an_id_is_given_once,
      nothing_is_changed_between_two_configurations_or_by_halves,
      entries_that_contradict_themselves_are_corrupt,
  };
  return run_suite("region_change", tests, sizeof tests / sizeof *tests, setup, teardown);
}
