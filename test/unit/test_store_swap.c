/* test_store_swap.c - what the scheduler asks of a leader: members added, swapped and removed.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>
#include <string.h>

#include "raftstore/core.h"
#include "raftstore/membership.h"
#include "raftstore/peer.h"
#include "raftstore/region_change.h"
#include "support/run_suite.h"
#include "support/store_world.h"

static world w;

static void start(uint64_t seed) {
  world_open(&w, seed, 3);
  for (uint64_t id = 1; id <= 3; id++) {
    world_start(&w, id);
  }
  (void)world_wait_leader(&w, 0);
}

static void setup(void) {
  start(4711);
}

static void teardown(void) {
  world_close(&w);
}

static kv_peer *peer_on(uint64_t store_id) {
  return kv_region_map_peer(&world_at(&w, store_id)->store->regions, 1);
}

static kv_change_peer change_to(uint64_t id, uint64_t store_id, kv_peer_role role) {
  kv_change_peer change = {.peer_id = id, .store_id = store_id, .role = role};
  strcpy(change.address, world_at(&w, store_id)->address);
  return change;
}

/* Asks whoever leads, again and again, as the scheduler does, until the region shows it done. */
static void ask_until_done(const kv_change_peer *wanted, size_t count) {
  kv_change_peer changes[KV_MAX_CHANGES];
  const char *why = NULL;
  for (int i = 0; i < 600; i++) {
    const uint64_t leader = world_wait_leader(&w, 0);
    kv_peer *peer = peer_on(leader);
    memcpy(changes, wanted, count * sizeof *changes);
    if (kv_region_has_changes(&peer->region, wanted, count, false)) {
      return;
    }
    (void)kv_membership_change(peer, changes, count, &why);
    world_run(&w, 100);
  }
  ck_abort_msg("never done: %s", why != NULL ? why : "it was begun");
}

static int ask_once(const kv_change_peer *wanted, size_t count, const char **why) {
  kv_change_peer changes[KV_MAX_CHANGES];
  memcpy(changes, wanted, count * sizeof *changes);
  return kv_membership_change(peer_on(world_wait_leader(&w, 0)), changes, count, why);
}

static uint64_t follower(void) {
  return world_wait_leader(&w, 0) == 1 ? 2 : 1;
}

START_TEST(a_replica_is_swapped_by_a_joint_configuration) {
  world_call call;
  const char *why = NULL;
  const uint64_t out = follower();
  const uint64_t in = world_add_store(&w);
  world_start(&w, in);
  ck_assert_str_eq(world_do(&w, 1, &call, KV_OP_SET, 0, "key", "value", NULL), "+OK\r\n");
  const kv_change_peer learner = change_to(10, in, KV_PEER_LEARNER);
  const kv_change_peer early[] = {change_to(10, in, KV_PEER_VOTER),
                                  change_to(out, out, KV_PEER_LEARNER)};
  ck_assert_int_eq(ask_once(early, 2, &why), KV_EBUSY);
  ck_assert_str_eq(why, "a new replica begins as a learner");
  ask_until_done(&learner, 1);
  ask_until_done(early, 2);
  const kv_region *region = &peer_on(world_wait_leader(&w, 0))->region;
  ck_assert_int_eq(kv_region_find_peer(region, 10)->role, KV_PEER_VOTER);
  ck_assert_int_eq(kv_region_find_peer(region, out)->role, KV_PEER_LEARNER);
  ck_assert_uint_eq(region->epoch.conf_ver, 4); /* learner, both steps of the swap */
  const kv_change_peer gone = {.peer_id = out, .store_id = out, .remove = true};
  ask_until_done(&gone, 1);
  world_run(&w, 5000);
  ck_assert_ptr_null(peer_on(out));
  ck_assert_str_eq(world_do(&w, in, &call, KV_OP_GET, 0, "key", NULL), "$5\r\nvalue\r\n");
  const uint64_t rest[] = {in, 3};
  world_check_equal(&w, rest, 2);
}
END_TEST

/* P18: a leader that is to go hands over first; it is never taken out while it leads. */
START_TEST(a_leader_that_is_swapped_hands_over_first) {
  const uint64_t out = world_wait_leader(&w, 0);
  const uint64_t in = world_add_store(&w);
  const char *why = NULL;
  world_start(&w, in);
  const kv_change_peer learner = change_to(10, in, KV_PEER_LEARNER);
  const kv_change_peer swap[] = {change_to(10, in, KV_PEER_VOTER),
                                 change_to(out, out, KV_PEER_LEARNER)};
  ask_until_done(&learner, 1);
  world_run(&w, 1000);
  ck_assert_uint_eq(world_wait_leader(&w, 0), out);
  ck_assert_int_eq(ask_once(swap, 2, &why), KV_EBUSY);
  ck_assert_str_eq(why, "the leader hands over first");
  ask_until_done(swap, 2);
  ck_assert_uint_ne(world_wait_leader(&w, 0), out);
}
END_TEST

/* A joint configuration is left after a restart, and by another leader, too. */
START_TEST(a_joint_configuration_is_left_by_whoever_leads) {
  const uint64_t out = follower();
  const uint64_t in = world_add_store(&w);
  const char *why = NULL;
  world_start(&w, in);
  const kv_change_peer learner = change_to(10, in, KV_PEER_LEARNER);
  const kv_change_peer swap[] = {change_to(10, in, KV_PEER_VOTER),
                                 change_to(out, out, KV_PEER_LEARNER)};
  ask_until_done(&learner, 1);
  world_run(&w, 2000);
  ck_assert_int_eq(ask_once(swap, 2, &why), KV_OK);
  bool joint = false;
  for (int i = 0; i < 1000 && !joint; i++) { /* until one store has the first entry */
    world_random_step(&w);
    for (uint64_t id = 1; id <= 4; id++) {
      joint = joint || kv_region_is_joint(&peer_on(id)->region);
    }
  }
  ck_assert(joint);
  for (uint64_t id = 1; id <= 4; id++) {
    world_crash(&w, id);
  }
  for (uint64_t id = 1; id <= 4; id++) {
    world_start(&w, id);
  }
  ask_until_done(swap, 2); /* asks again if the entry was lost */
  const kv_region *region = &peer_on(world_wait_leader(&w, 0))->region;
  ck_assert(!kv_region_is_joint(region));
  ck_assert_int_eq(kv_region_find_peer(region, 10)->role, KV_PEER_VOTER);
}
END_TEST

START_TEST(what_does_not_fit_the_region_is_refused_with_a_reason) {
  const uint64_t in = world_add_store(&w);
  const char *why = NULL;
  kv_change_peer change = change_to(2, in, KV_PEER_LEARNER);
  ck_assert_int_eq(ask_once(&change, 1, &why), KV_EBUSY);
  ck_assert_str_eq(why, "the replica lives on another store");
  change = change_to(10, 2, KV_PEER_LEARNER);
  ck_assert_int_eq(ask_once(&change, 1, &why), KV_EBUSY);
  ck_assert_str_eq(why, "that store has a replica already");
  change = change_to(10, in, KV_PEER_LEARNER);
  change.address[0] = '\0';
  ck_assert_int_eq(ask_once(&change, 1, &why), KV_EBUSY);
  ck_assert_str_eq(why, "the store's address is missing");
  ck_assert_int_eq(ask_once(&change, 0, &why), KV_EINVAL);
  change = change_to(follower(), follower(), KV_PEER_VOTER); /* is one: done already (P21) */
  ck_assert_int_eq(ask_once(&change, 1, &why), KV_OK);
  ck_assert_uint_eq(peer_on(1)->region.epoch.conf_ver, 1);
}
END_TEST

/* P19: who is dead, or has no data yet, does not count for the majority. */
START_TEST(a_learner_that_has_nothing_yet_is_not_made_a_voter) {
  const char *why = NULL;
  const uint64_t in = world_add_store(&w); /* it does not run */
  const kv_change_peer learner = change_to(10, in, KV_PEER_LEARNER);
  const kv_change_peer voter = change_to(10, in, KV_PEER_VOTER);
  ask_until_done(&learner, 1);
  ck_assert_int_eq(ask_once(&voter, 1, &why), KV_EBUSY);
  ck_assert_str_eq(why, "the learner has not caught up yet");
}
END_TEST

START_TEST(no_change_leaves_a_region_without_a_healthy_majority) {
  const uint64_t leader = world_wait_leader(&w, 0), dead = follower();
  const uint64_t third = 6 - leader - dead;
  const char *why = NULL;
  world_crash(&w, dead);
  world_run(&w, 5000);
  kv_change_peer gone = {.peer_id = third, .store_id = third, .remove = true};
  ck_assert_int_eq(ask_once(&gone, 1, &why), KV_EBUSY);
  ck_assert_str_eq(why, "it would leave the region without a healthy majority of voters");
  gone.peer_id = gone.store_id = dead;
  ck_assert_int_eq(ask_once(&gone, 1, &why), KV_OK);
}
END_TEST

/* P75 */
START_TEST(leadership_is_not_handed_to_who_lacks_much_of_the_log) {
  const uint64_t leader = world_wait_leader(&w, 0), behind = follower();
  world_call call;
  const char *why = NULL;
  world_isolate(&w, behind, true);
  for (int i = 0; i < 150; i++) {
    ck_assert_str_eq(world_do(&w, leader, &call, KV_OP_SET, 0, "key", "value", NULL), "+OK\r\n");
  }
  ck_assert_int_eq(kv_membership_transfer(peer_on(leader), behind, &why), KV_EBUSY);
  ck_assert_str_eq(why,
                   "TRYAGAIN that store's replica lacks too much of the log, it cannot lead yet");
  world_heal(&w);
  world_run(&w, 5000);
  ck_assert_int_eq(kv_membership_transfer(peer_on(world_wait_leader(&w, 0)), behind, &why), KV_OK);
  world_run(&w, 2000);
  ck_assert_uint_eq(world_wait_leader(&w, 0), behind);
}
END_TEST

static uint64_t last_index_on(uint64_t store_id) {
  raft_basic_status status;
  raft_rawnode_basic_status(peer_on(store_id)->node, &status);
  return status.last_index;
}

/* P18: L removes itself from {L, F}, and F does not hear that this is committed. */
START_TEST(a_leader_that_is_out_stays_until_the_last_one_knows) {
  const uint64_t leader = world_wait_leader(&w, 0), left = follower();
  const kv_change_peer other = {
      .peer_id = 6 - leader - left, .store_id = 6 - leader - left, .remove = true};
  world_call call;
  ask_until_done(&other, 1);
  world_run(&w, 3000);
  ck_assert_uint_eq(world_wait_leader(&w, 0), leader);
  kv_change_peer self = {.peer_id = leader, .store_id = leader, .remove = true};
  ck_assert(kv_member_propose(peer_on(leader), &self, 1)); /* as if F had led when it was asked */
  for (int i = 0; i < 10000 && last_index_on(left) < last_index_on(leader); i++) {
    world_random_step(&w);
  }
  ck_assert_uint_eq(last_index_on(left), last_index_on(leader));
  w.blocked[leader][left] = true; /* F's acknowledgement gets through, what follows from it not */
  world_run(&w, 1000);
  ck_assert_ptr_nonnull(peer_on(leader));
  ck_assert(!kv_peer_is_leader(peer_on(leader)));
  ck_assert_uint_eq(peer_on(leader)->region.peer_count, 1);
  ck_assert_uint_eq(peer_on(left)->region.peer_count, 2); /* does not know */
  world_heal(&w);
  world_run(&w, 6000);
  ck_assert_ptr_null(peer_on(leader));
  ck_assert_uint_eq(peer_on(left)->region.peer_count, 1);
  ck_assert_str_eq(world_do(&w, left, &call, KV_OP_SET, 0, "key", "value", NULL), "+OK\r\n");
}
END_TEST

/* {L, F}, and L is about to propose that it is removed. */
static uint64_t start_pair(void) {
  const uint64_t leader = world_wait_leader(&w, 0), third = 6 - leader - follower();
  const kv_change_peer other = {.peer_id = third, .store_id = third, .remove = true};
  ask_until_done(&other, 1);
  world_run(&w, 3000);
  ck_assert_uint_eq(world_wait_leader(&w, 0), leader);
  return leader;
}

static void propose_removal_of(uint64_t leader) {
  kv_change_peer self = {.peer_id = leader, .store_id = leader, .remove = true};
  ck_assert(kv_member_propose(peer_on(leader), &self, 1));
}

/* Reads one after the other until it has applied that; returns how many were begun. */
static size_t read_until_farewell(uint64_t leader, world_call *calls, size_t room) {
  size_t count = 0;
  while (peer_on(leader)->farewell_tick == 0) {
    if (count == 0 || calls[count - 1].answers > 0) {
      ck_assert_uint_lt(count, room);
      world_execute(&w, leader, &calls[count++], 20000, KV_OP_GET, 0, "key", NULL);
    }
    world_random_step(&w);
  }
  return count;
}

/* P15: what it was reading then is answered once, and what the engine and Raft still say of it
 * afterwards is for nobody. */
START_TEST(a_leader_that_is_out_answers_what_it_was_reading) {
  for (uint64_t seed = 20; seed < 30; seed++) { /* with some of them the engine has it */
    world_call calls[100] = {{0}};
    world_close(&w);
    start(seed);
    const uint64_t leader = start_pair();
    propose_removal_of(leader);
    const size_t count = read_until_farewell(leader, calls, 100);
    world_run(&w, 25000);
    for (size_t i = 0; i < count; i++) {
      ck_assert_int_eq(calls[i].answers, 1);
    }
  }
}
END_TEST

/* P13: what it applied together with its own removal, and before it, was done. */
START_TEST(a_leader_that_is_out_acknowledges_what_it_has_applied) {
  const uint64_t leader = start_pair(), left = follower();
  world_call call = {0};
  w.blocked[left][leader] = true; /* nothing is committed for a moment */
  world_execute(&w, leader, &call, 20000, KV_OP_SET, 0, "key", "value", NULL);
  world_run(&w, 200);
  propose_removal_of(leader);
  world_run(&w, 100);
  ck_assert_int_eq(call.answers, 0);
  world_heal(&w);
  world_wait(&w, &call);
  ck_assert_str_eq(call.reply, "+OK\r\n");
}
END_TEST

int main(void) {
  const TTest *const tests[] = {
      a_replica_is_swapped_by_a_joint_configuration,
      a_leader_that_is_swapped_hands_over_first,
      a_leader_that_is_out_stays_until_the_last_one_knows,
      a_leader_that_is_out_answers_what_it_was_reading,
      a_leader_that_is_out_acknowledges_what_it_has_applied,
      a_joint_configuration_is_left_by_whoever_leads,
      what_does_not_fit_the_region_is_refused_with_a_reason,
      a_learner_that_has_nothing_yet_is_not_made_a_voter,
      no_change_leaves_a_region_without_a_healthy_majority,
      leadership_is_not_handed_to_who_lacks_much_of_the_log,
  };
  return run_suite("store_swap", tests, sizeof tests / sizeof *tests, setup, teardown);
}
