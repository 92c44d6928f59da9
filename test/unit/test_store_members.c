/* test_store_members.c - stores in one thread: snapshots, log compaction, membership, leadership.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run_suite.h"
#include "store_world.h"

static world w;
static const uint64_t all[] = {1, 2, 3};

static void setup(void) {
  world_open(&w, 2, 3);
}

static void teardown(void) {
  world_close(&w);
}

static uint64_t start(void) {
  for (uint64_t id = 1; id <= 3; id++) {
    world_start(&w, id);
  }
  return world_wait_leader(&w, 0);
}

static void write_some(uint64_t store_id, int count) {
  world_call call;
  char key[16];
  for (int i = 0; i < count; i++) {
    (void)snprintf(key, sizeof key, "k%d", i % 50);
    ck_assert_str_eq(world_do(&w, store_id, &call, KV_OP_SET, 0, key, "value", NULL), "+OK\r\n");
  }
}

static bool begins(const world_call *call, const char *text) {
  return strncmp(call->reply, text, strlen(text)) == 0;
}

static const char *add_peer(uint64_t by, uint64_t store_id, world_call *call) {
  *call = (world_call){0};
  kv_store_add_peer(world_at(&w, by)->store, 0, store_id, world_at(&w, store_id)->address, 30000,
                    world_answered, call);
  world_wait(&w, call);
  return call->reply;
}

static const char *remove_peer(uint64_t by, uint64_t store_id, world_call *call) {
  *call = (world_call){0};
  kv_store_remove_peer(world_at(&w, by)->store, 0, store_id, 30000, world_answered, call);
  world_wait(&w, call);
  return call->reply;
}

static const char *transfer(uint64_t by, uint64_t to, world_call *call) {
  *call = (world_call){0};
  kv_store_transfer(world_at(&w, by)->store, 0, to, 5000, world_answered, call);
  world_wait(&w, call);
  return call->reply;
}

static const char *compact(uint64_t by, uint64_t index, world_call *call) {
  *call = (world_call){0};
  kv_store_compact(world_at(&w, by)->store, 0, index, 5000, world_answered, call);
  world_wait(&w, call);
  return call->reply;
}

START_TEST(leadership_goes_where_it_is_sent) {
  world_call call;
  uint64_t leader = start(), next = leader % 3 + 1, third = next % 3 + 1;
  ck_assert_str_eq(transfer(leader, next, &call), "+OK\r\n");
  ck_assert_uint_eq(world_leader(&w), next);
  ck_assert_str_eq(transfer(leader, third, &call), "+OK\r\n"); /* asked of a follower */
  ck_assert_uint_eq(world_leader(&w), third);
  ck_assert_str_eq(transfer(leader, third, &call), "+OK\r\n");
  ck_assert(begins((transfer(leader, 9, &call), &call), "-ERR that store has no replica"));
}
END_TEST

START_TEST(a_transfer_to_a_dead_store_fails_in_time) {
  world_call call, write;
  uint64_t leader = start(), next = leader % 3 + 1;
  world_crash(&w, next);
  transfer(leader, next, &call);
  ck_assert_msg(begins(&call, "-TRYAGAIN that store did not take over"), "%s", call.reply);
  ck_assert_str_eq(world_do(&w, leader, &write, KV_OP_SET, 0, "a", "1", NULL), "+OK\r\n");
}
END_TEST

START_TEST(a_command_during_a_transfer_waits_for_the_new_leader) {
  world_call call = {0}, write;
  uint64_t leader = start(), next = leader % 3 + 1;
  kv_store_transfer(world_at(&w, leader)->store, 0, next, 5000, world_answered, &call);
  kv_store_flush(world_at(&w, leader)->store);
  world_execute(&w, leader, &write, 0, KV_OP_SET, 0, "a", "1", NULL);
  world_wait(&w, &write);
  world_wait(&w, &call);
  ck_assert_str_eq(write.reply, "+OK\r\n");
  ck_assert_str_eq(call.reply, "+OK\r\n");
}
END_TEST

START_TEST(a_log_is_cut_on_request_on_every_store) {
  world_call call;
  uint64_t leader = start();
  write_some(leader, 20);
  world_run(&w, 1000);
  uint64_t applied = world_applied(&w, leader);
  char expected[32];
  (void)snprintf(expected, sizeof expected, ":%d\r\n", (int)applied - 5);
  ck_assert_str_eq(compact(leader, applied - 5, &call), expected);
  world_run(&w, 1000);
  for (uint64_t id = 1; id <= 3; id++) {
    ck_assert_uint_eq(world_number(&w, id, "first"), applied - 4);
  }
  ck_assert(begins((compact(leader, 1, &call), &call), "-ERR the log is cut"));
}
END_TEST

START_TEST(a_log_is_cut_by_itself_and_waits_for_live_followers) {
  w.config.log_gc_entries = 30;
  uint64_t leader = start();
  write_some(leader, 100);
  world_run(&w, 5000);
  for (uint64_t id = 1; id <= 3; id++) {
    ck_assert_uint_le(world_applied(&w, id) - world_number(&w, id, "first"), 31);
  }
}
END_TEST

START_TEST(a_log_is_cut_when_it_has_too_many_bytes) {
  w.config.log_gc_entries = 10000;
  w.config.log_gc_bytes = 2000;
  uint64_t leader = start();
  write_some(leader, 200);
  world_run(&w, 10000);
  for (uint64_t id = 1; id <= 3; id++) {
    ck_assert_uint_gt(world_number(&w, id, "first"), 6);
    ck_assert_uint_le(world_number(&w, id, "log_bytes"), 4000);
  }
}
END_TEST

START_TEST(a_dead_follower_does_not_keep_the_log_and_a_short_absence_costs_no_snapshot) {
  kv_store_summary summary;
  w.config.log_gc_entries = 40;
  uint64_t leader = start(), late = leader % 3 + 1;
  write_some(leader, 100);
  world_run(&w, 3000);
  world_crash(&w, late);
  write_some(leader, 5);
  world_run(&w, 3000);
  world_start(&w, late);
  world_check_equal(&w, all, 3);
  kv_store_summarize(world_at(&w, late)->store, &summary);
  ck_assert_uint_eq(summary.snapshots_installed, 0);
  world_crash(&w, late);
  write_some(leader, 200);
  world_run(&w, 3000);
  ck_assert_uint_le(world_applied(&w, leader) - world_number(&w, leader, "first"), 41);
  world_start(&w, late);
  world_check_equal(&w, all, 3);
  kv_store_summarize(world_at(&w, late)->store, &summary);
  ck_assert_uint_eq(summary.snapshots_installed, 1);
}
END_TEST

START_TEST(a_store_that_was_down_catches_up_by_log) {
  uint64_t leader = start(), late = leader % 3 + 1;
  kv_store_summary summary;
  world_crash(&w, late);
  write_some(leader, 40);
  world_start(&w, late);
  world_check_equal(&w, all, 3);
  kv_store_summarize(world_at(&w, late)->store, &summary);
  ck_assert_uint_eq(summary.snapshots_installed, 0);
}
END_TEST

START_TEST(a_store_that_was_down_for_long_catches_up_by_snapshot) {
  world_call call;
  kv_store_summary summary;
  uint64_t leader = start(), late = leader % 3 + 1;
  write_some(late, 10);
  world_crash(&w, late);
  write_some(leader, 60);
  world_do(&w, leader, &call, KV_OP_DEL, 0, "k1", "k2", NULL);
  compact(leader, 0, &call);
  world_start(&w, late);
  world_check_equal(&w, all, 3);
  kv_store_summarize(world_at(&w, late)->store, &summary);
  ck_assert_uint_eq(summary.snapshots_installed, 1);
  ck_assert_str_eq(world_do(&w, late, &call, KV_OP_GET, 0, "k1", NULL), "_\r\n");
  world_crash(&w, late); /* its log begins behind the snapshot */
  world_start(&w, late);
  write_some(leader, 5);
  world_check_equal(&w, all, 3);
  for (uint64_t id = 1; id <= 3; id++) {
    ck_assert_uint_le(world_at(&w, id)->file_count, 1); /* what was installed is discarded */
  }
}
END_TEST

/* The followers got the entry and committed it among themselves; the old leader sees only a
 * snapshot that has it, or not: it cannot tell, and must not make the proposal again. */
START_TEST(a_proposal_that_a_snapshot_jumped_over_has_an_unknown_outcome) {
  world_call call, other;
  uint64_t old = start(), one = old % 3 + 1, two = one % 3 + 1;
  world_run(&w, 1000);
  w.blocked[one][old] = w.blocked[two][old] = true;
  world_execute(&w, old, &call, 60000, KV_OP_INCRBY, 1, "n", NULL);
  world_run(&w, 50);
  world_isolate(&w, old, true);
  uint64_t next = world_wait_leader(&w, old);
  ck_assert_str_eq(world_do(&w, next, &other, KV_OP_GET, 0, "n", NULL), "$1\r\n1\r\n");
  write_some(next, 10);
  compact(next, 0, &other);
  ck_assert_int_eq(call.answers, 0);
  world_heal(&w);
  world_wait(&w, &call);
  ck_assert_msg(begins(&call, "-TIMEOUT outcome unknown"), "%s", call.reply);
  world_check_equal(&w, all, 3);
  ck_assert_str_eq(world_do(&w, next, &other, KV_OP_GET, 0, "n", NULL), "$1\r\n1\r\n");
}
END_TEST

START_TEST(an_installation_may_be_cut_off_between_any_two_steps) {
  world_call call;
  uint64_t leader = start(), late = leader % 3 + 1;
  for (int steps = 0; steps < 40; steps++) {
    world_crash(&w, late);
    write_some(leader, 3);
    compact(leader, 0, &call);
    world_start(&w, late);
    for (int i = 0; i < steps; i++) { /* stopped somewhere on the way */
      world_run(&w, 10);
    }
    for (int i = 0; i < steps * 3; i++) {
      world_random_step(&w);
    }
    world_crash(&w, late);
    world_start(&w, late);
    leader = world_wait_leader(&w, 0);
    late = leader % 3 + 1;
  }
  world_check_equal(&w, all, 3);
}
END_TEST

START_TEST(a_new_store_becomes_a_voter_with_all_data) {
  static const uint64_t four[] = {1, 2, 3, 4};
  world_call call;
  uint64_t leader = start(), fourth = world_add_store(&w);
  write_some(leader, 30);
  compact(leader, 0, &call);
  world_start(&w, fourth);
  world_do(&w, fourth, &call, KV_OP_GET, 0, "k1", NULL);
  ck_assert_msg(begins(&call, "-TRYAGAIN this store has no replica"), "%s", call.reply);
  ck_assert_str_eq(add_peer(leader, fourth, &call), "+OK\r\n");
  ck_assert_uint_eq(world_number(&w, leader, "voters"), 4);
  ck_assert_uint_eq(world_number(&w, leader, "learners"), 0);
  world_check_equal(&w, four, 4);
  ck_assert_str_eq(add_peer(leader, fourth, &call), "+OK\r\n"); /* again: nothing to do */
  ck_assert_str_eq(world_do(&w, fourth, &call, KV_OP_GET, 0, "k1", NULL), "$5\r\nvalue\r\n");
  ck_assert_str_eq(transfer(leader, fourth, &call), "+OK\r\n");
  write_some(fourth, 5);
  world_check_equal(&w, four, 4);
}
END_TEST

START_TEST(a_dead_store_does_not_become_a_voter) {
  world_call call = {0};
  uint64_t leader = start(), fourth = world_add_store(&w);
  kv_store_add_peer(world_at(&w, leader)->store, 0, fourth, "nowhere:1", 2000, world_answered,
                    &call);
  world_wait(&w, &call);
  ck_assert_msg(begins(&call, "-TIMEOUT outcome unknown"), "%s", call.reply);
  ck_assert_uint_eq(world_number(&w, leader, "voters"), 3);
  ck_assert_uint_eq(world_number(&w, leader, "learners"), 1);
  write_some(leader, 3);
  ck_assert_str_eq(remove_peer(leader, fourth, &call), "+OK\r\n");
  ck_assert_uint_eq(world_number(&w, leader, "learners"), 0);
}
END_TEST

START_TEST(a_follower_is_removed_and_forgets) {
  world_call call;
  uint64_t leader = start(), gone = leader % 3 + 1, other = gone % 3 + 1;
  write_some(leader, 10);
  ck_assert_str_eq(remove_peer(leader, gone, &call), "+OK\r\n");
  world_run(&w, 30000);
  kv_store_summary summary;
  kv_store_summarize(world_at(&w, gone)->store, &summary);
  ck_assert_uint_eq(summary.regions, 0);
  ck_assert_uint_eq(world_at(&w, gone)->engine.spaces[KV_SPACE_DATA].count, 0);
  ck_assert_uint_eq(world_at(&w, gone)->log.durable.count, 0);
  ck_assert(begins((remove_peer(leader, gone, &call), &call), "-ERR that store has no replica"));
  uint64_t rest[] = {leader, other};
  world_check_equal(&w, rest, 2);
  world_crash(&w, gone);
  world_start(&w, gone); /* only its grave is left */
  ck_assert_str_eq(add_peer(leader, gone, &call), "+OK\r\n");
  world_check_equal(&w, all, 3);
}
END_TEST

START_TEST(a_leader_that_is_removed_hands_over_first) {
  world_call call;
  uint64_t leader = start();
  write_some(leader, 10);
  ck_assert_str_eq(remove_peer(leader, leader, &call), "+OK\r\n");
  uint64_t next = world_wait_leader(&w, leader);
  ck_assert_uint_eq(world_number(&w, next, "voters"), 2);
  write_some(next, 5);
  world_run(&w, 30000);
  kv_store_summary summary;
  kv_store_summarize(world_at(&w, leader)->store, &summary);
  ck_assert_uint_eq(summary.regions, 0);
}
END_TEST

START_TEST(a_removed_store_that_was_cut_off_learns_of_it) {
  world_call call;
  uint64_t leader = start(), gone = leader % 3 + 1;
  kv_store_summary summary;
  world_crash(&w, gone);
  ck_assert_str_eq(remove_peer(leader, gone, &call), "+OK\r\n");
  write_some(leader, 5);
  world_start(&w, gone);
  world_run(&w, 10000);
  kv_store_summarize(world_at(&w, gone)->store, &summary);
  ck_assert_uint_eq(summary.regions, 0);
  world_crash(&w, gone);
  world_start(&w, gone);
  world_run(&w, 5000);
  kv_store_summarize(world_at(&w, gone)->store, &summary);
  ck_assert_uint_eq(summary.regions, 0);
}
END_TEST

static uint64_t add_new_store(uint64_t by) {
  world_call call;
  const uint64_t id = world_add_store(&w);
  world_start(&w, id);
  ck_assert_str_eq(add_peer(by, id, &call), "+OK\r\n");
  return id;
}

static uint64_t regions_of(uint64_t store_id) {
  kv_store_summary summary;
  kv_store_summarize(world_at(&w, store_id)->store, &summary);
  return summary.regions;
}

/* P34: all whom it knew have been removed after it, and started again since. */
START_TEST(who_was_removed_learns_of_it_from_graves_too) {
  world_call call;
  const uint64_t leader = start(), gone = leader % 3 + 1, other = gone % 3 + 1;
  world_crash(&w, gone);
  ck_assert_str_eq(remove_peer(leader, gone, &call), "+OK\r\n");
  const uint64_t fourth = add_new_store(leader);
  (void)add_new_store(leader);
  ck_assert_str_eq(remove_peer(leader, other, &call), "+OK\r\n");
  ck_assert_str_eq(transfer(leader, fourth, &call), "+OK\r\n");
  ck_assert_str_eq(remove_peer(fourth, leader, &call), "+OK\r\n");
  world_run(&w, 10000);
  ck_assert_uint_eq(regions_of(leader) + regions_of(other), 0);
  world_crash(&w, leader);
  world_start(&w, leader);
  world_crash(&w, other);
  world_start(&w, gone);
  ck_assert_uint_eq(regions_of(gone), 1);
  world_run(&w, 10000);
  ck_assert_uint_eq(regions_of(gone), 0);
}
END_TEST

/* It may have left an entry in the others' logs. */
START_TEST(who_waits_for_a_replica_that_is_removed_is_told_that_nobody_knows) {
  static const char unknown[] = "-TIMEOUT outcome unknown: this store's replica was removed";
  world_call call = {0}, write;
  uint64_t leader = start();
  world_isolate(&w, leader, true);
  world_execute(&w, leader, &write, 3600000, KV_OP_INCRBY, 1, "n", NULL);
  uint64_t next = world_wait_leader(&w, leader);
  kv_store_remove_peer(world_at(&w, next)->store, 0, leader, 30000, world_answered, &call);
  world_wait(&w, &call);
  ck_assert_str_eq(call.reply, "+OK\r\n");
  world_heal(&w);
  world_run(&w, 60000);
  ck_assert_int_eq(write.answers, 1);
  ck_assert_msg(strncmp(write.reply, unknown, sizeof unknown - 1) == 0, "%s", write.reply);
}
END_TEST

START_TEST(a_store_that_was_replaced_while_cut_off_begins_anew) {
  world_call call = {0};
  uint64_t leader = start(), gone = leader % 3 + 1;
  write_some(leader, 10);
  world_isolate(&w, gone, true);
  ck_assert_str_eq(remove_peer(leader, gone, &call), "+OK\r\n");
  write_some(leader, 10);
  call = (world_call){0};
  kv_store_add_peer(world_at(&w, leader)->store, 0, gone, world_at(&w, gone)->address, 60000,
                    world_answered, &call);
  world_run(&w, 2000);
  ck_assert_int_eq(call.answers, 0);
  ck_assert_uint_eq(world_number(&w, gone, "peer"), gone);
  world_heal(&w);
  world_wait(&w, &call);
  ck_assert_str_eq(call.reply, "+OK\r\n");
  ck_assert_uint_eq(world_number(&w, gone, "peer"), 4);
  world_check_equal(&w, all, 3);
  world_crash(&w, gone);
  world_start(&w, gone);
  world_check_equal(&w, all, 3);
}
END_TEST

START_TEST(a_snapshot_waits_for_room_on_the_disk) {
  world_call call;
  uint64_t leader = start(), late = leader % 3 + 1;
  world_crash(&w, late);
  write_some(leader, 10);
  compact(leader, 0, &call);
  world_start(&w, late);
  world_at(&w, late)->engine.fail_commits = 5;
  world_check_equal(&w, all, 3);
  ck_assert_int_eq(world_at(&w, late)->engine.fail_commits, 0);
}
END_TEST

START_TEST(a_snapshot_that_cannot_be_made_or_sent_is_tried_again) {
  world_call call;
  uint64_t leader = start(), late = leader % 3 + 1;
  world_crash(&w, late);
  write_some(leader, 10);
  compact(leader, 0, &call);
  world_at(&w, leader)->fail_jobs = 3;
  world_start(&w, late);
  world_check_equal(&w, all, 3);
  ck_assert_int_eq(world_at(&w, leader)->fail_jobs, 0);
}
END_TEST

START_TEST(a_snapshot_that_does_not_fit_is_discarded) {
  world_call call;
  uint64_t leader = start(), other = leader % 3 + 1;
  world_store *s = world_at(&w, other);
  write_some(leader, 5);
  world_file file;
  ck_assert_int_eq(world_file_make(&world_at(&w, leader)->engine.base, 1, "stray", &file), KV_OK);
  s->files = realloc(s->files, (s->file_count + 1) * sizeof *s->files);
  ck_assert_ptr_nonnull(s->files);
  s->files[s->file_count++] = file;
  raft_bytes garbage = {"garbage", 7, NULL};
  kv_store_snapshot_received(s->store, leader, garbage, &file.file);
  ck_assert_uint_eq(s->file_count, 0);
  ck_assert_str_eq(world_do(&w, leader, &call, KV_OP_SET, 0, "a", "1", NULL), "+OK\r\n");
}
END_TEST

START_TEST(a_removal_that_costs_the_majority_is_refused) {
  world_call call;
  uint64_t leader = start(), dead = leader % 3 + 1, live = dead % 3 + 1;
  world_crash(&w, dead);
  world_run(&w, 3000);
  ck_assert(begins((remove_peer(leader, live, &call), &call), "-ERR removing it would leave"));
  ck_assert_str_eq(remove_peer(leader, dead, &call), "+OK\r\n");
  write_some(leader, 3);
}
END_TEST

START_TEST(a_single_store_serves_and_grows) {
  static const uint64_t two[] = {1, 2};
  world_call call;
  world_close(&w);
  world_open(&w, 3, 1);
  world_start(&w, 1);
  ck_assert_uint_eq(world_wait_leader(&w, 0), 1);
  write_some(1, 10);
  ck_assert(begins((remove_peer(1, 1, &call), &call), "-ERR the leader cannot be removed"));
  world_start(&w, world_add_store(&w));
  ck_assert_str_eq(add_peer(1, 2, &call), "+OK\r\n");
  world_check_equal(&w, two, 2);
  ck_assert_str_eq(remove_peer(2, 1, &call), "+OK\r\n");
  world_run(&w, 3000);
  write_some(2, 10);
}
END_TEST

int main(void) {
  const TTest *const tests[] = {
      leadership_goes_where_it_is_sent,
      a_transfer_to_a_dead_store_fails_in_time,
      a_command_during_a_transfer_waits_for_the_new_leader,
      a_log_is_cut_on_request_on_every_store,
      a_log_is_cut_by_itself_and_waits_for_live_followers,
      a_log_is_cut_when_it_has_too_many_bytes,
      a_dead_follower_does_not_keep_the_log_and_a_short_absence_costs_no_snapshot,
      a_store_that_was_down_catches_up_by_log,
      a_store_that_was_down_for_long_catches_up_by_snapshot,
      a_proposal_that_a_snapshot_jumped_over_has_an_unknown_outcome,
      an_installation_may_be_cut_off_between_any_two_steps,
      a_new_store_becomes_a_voter_with_all_data,
      a_dead_store_does_not_become_a_voter,
      a_follower_is_removed_and_forgets,
      a_leader_that_is_removed_hands_over_first,
      a_removed_store_that_was_cut_off_learns_of_it,
      who_was_removed_learns_of_it_from_graves_too,
      who_waits_for_a_replica_that_is_removed_is_told_that_nobody_knows,
      a_store_that_was_replaced_while_cut_off_begins_anew,
      a_snapshot_waits_for_room_on_the_disk,
      a_snapshot_that_cannot_be_made_or_sent_is_tried_again,
      a_snapshot_that_does_not_fit_is_discarded,
      a_removal_that_costs_the_majority_is_refused,
      a_single_store_serves_and_grows,
  };
  return run_suite("store_members", tests, sizeof tests / sizeof *tests, setup, teardown);
}
