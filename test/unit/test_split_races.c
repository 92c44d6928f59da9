/* test_split_races.c - splits at stores that are slow, cut off or crash, or where a peer of the new
 * region is already.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run_suite.h"
#include "split_world.h"

static world w;
static const uint64_t both[] = {1, 50};
static const raft_slice right = {"k0005", 5};

static void setup(void) {
  world_open(&w, 12, 3);
}

static void teardown(void) {
  world_close(&w);
}

static uint64_t start(void) {
  for (uint64_t id = 1; id <= w.member_count; id++) {
    world_start(&w, id);
  }
  return world_wait_leader(&w, 0);
}

static uint64_t other_than(uint64_t a, uint64_t b) {
  uint64_t id = 1;
  while (id == a || id == b) {
    id++;
  }
  return id;
}

/* ---- slow followers ---- */

START_TEST(a_store_that_was_cut_off_splits_by_its_log_without_a_snapshot) {
  uint64_t leader = start(), slow = other_than(leader, 0);
  split_fill(&w, leader, "k", 0, 10);
  world_isolate(&w, slow, true);
  split_run(&w, 1, "k0005", 50, 2);
  (void)split_wait_leader(&w, 50);
  split_fill(&w, leader, "k", 0, 20);
  world_run(&w, 20000);
  world_heal(&w);
  world_run(&w, 3000);
  ck_assert_uint_eq(split_count(&w, 50), 3);
  split_check_equal(&w, both, 2);
  ck_assert_uint_eq(split_snapshots(&w), 0);
  split_check_map(&w, slow);
}
END_TEST

START_TEST(a_store_that_applies_slowly_is_sent_no_snapshot_and_gets_no_empty_peer) {
  uint64_t leader = start(), slow = other_than(leader, 0);
  split_fill(&w, leader, "k", 0, 10);
  world_run(&w, 300);
  world_at(&w, slow)->engine_stalls = true;
  split_run(&w, 1, "k0005", 50, 2);
  ck_assert_uint_eq(split_wait_leader(&w, 50), leader);
  split_fill(&w, leader, "k", 0, 20);
  world_run(&w, 20000);
  ck_assert_ptr_null(split_peer(&w, slow, 50));
  ck_assert_uint_eq(split_snapshots(&w), 0);
  world_at(&w, slow)->engine_stalls = false;
  world_run(&w, 2000);
  split_check_equal(&w, both, 2);
  ck_assert_uint_eq(split_snapshots(&w), 0);
}
END_TEST

START_TEST(a_log_that_was_cut_meanwhile_costs_two_snapshots_and_no_more) {
  uint64_t leader = start(), slow = other_than(leader, 0);
  world_call call = {0};
  split_fill(&w, leader, "k", 0, 10);
  world_isolate(&w, slow, true);
  split_run(&w, 1, "k0005", 50, 2);
  uint64_t child_leader = split_wait_leader(&w, 50);
  split_fill(&w, leader, "k", 0, 20);
  kv_store_compact(world_at(&w, leader)->store, 1, 0, 0, world_answered, &call);
  world_wait(&w, &call);
  call = (world_call){0};
  kv_store_compact(world_at(&w, child_leader)->store, 50, 0, 0, world_answered, &call);
  world_wait(&w, &call);
  world_run(&w, 3000);
  world_heal(&w);
  world_run(&w, 20000);
  ck_assert_uint_eq(split_count(&w, 50), 3);
  split_check_equal(&w, both, 2);
  ck_assert_uint_ge(split_snapshots(&w), 2);
  ck_assert_uint_le(split_snapshots(&w), 4); /* one in twenty is lost on its way */
  split_check_map(&w, slow);
}
END_TEST

START_TEST(a_vote_that_comes_before_the_split_is_not_lost) {
  uint64_t leader = start(), one = other_than(leader, 0), two = other_than(leader, one);
  world_run(&w, 300);
  world_at(&w, one)->engine_stalls = world_at(&w, two)->engine_stalls = true;
  split_run(&w, 1, "m", 50, 1);
  world_run(&w, 100);
  ck_assert_uint_eq(world_region_leader(&w, 50), 0);
  ck_assert_ptr_null(split_peer(&w, one, 50));
  uint64_t term = world_region_number(&w, leader, 50, "term");
  world_at(&w, one)->engine_stalls = false;
  world_run(&w, 50); /* less than a tick: nobody asks again */
  ck_assert_uint_eq(world_region_leader(&w, 50), leader);
  ck_assert_uint_le(world_region_number(&w, leader, 50, "term"), term + 1);
}
END_TEST

START_TEST(the_new_region_is_led_although_the_old_leader_dies_at_once) {
  uint64_t leader = start();
  split_fill(&w, leader, "k", 0, 10);
  split_run(&w, 1, "k0005", 50, 3);
  world_crash(&w, leader);
  (void)world_wait_leader(&w, leader);
  uint64_t next = split_wait_leader(&w, 50);
  ck_assert_uint_ne(next, leader);
  split_check_filled(&w, next, "k", 0, 10);
}
END_TEST

/* ---- a peer of the new region is here already ---- */

static const kv_epoch later = {9, 9};

static raft_message vote(uint64_t term) {
  return (raft_message){.type = RAFT_MSG_VOTE, .term = term, .index = 5, .log_term = 5};
}

/* Splits region 1 at k0005 into 50; the stores' peers of it are 5001 ... */
static void split_in_two(uint64_t stores) {
  split_run(&w, 1, "k0005", 50, stores);
  (void)split_wait_leader(&w, 50);
}

START_TEST(an_empty_peer_of_the_same_id_becomes_the_new_one_and_keeps_its_vote) {
  uint64_t leader = start(), third = other_than(leader, 0);
  split_fill(&w, leader, "k", 0, 10);
  world_run(&w, 500);
  split_message(&w, leader, third, 50, 5000 + leader, 5000 + third, vote(9), later);
  const kv_peer *empty = split_peer(&w, third, 50);
  ck_assert_ptr_nonnull(empty);
  ck_assert(!kv_region_initialised(&empty->region));
  world_isolate(&w, third, true);
  world_run(&w, 100);
  ck_assert_uint_eq(empty->state.term, 9);
  ck_assert_uint_eq(empty->state.vote, 5000 + leader);
  /* The split reaches it, nothing of the new region does. */
  w.blocked[leader][third] = w.blocked[third][leader] = false;
  world_at(&w, other_than(leader, third))->engine_stalls = true;
  ck_assert_int_eq(split_propose(&w, leader, 1, "k0005", 50), KV_OK);
  for (int i = 0; i < 100 && split_count(&w, 50) < 2; i++) {
    world_run(&w, 10);
  }
  const kv_peer *child = split_peer(&w, third, 50);
  ck_assert(kv_region_initialised(&child->region));
  ck_assert_uint_ge(child->state.term, 9);
  ck_assert(child->state.term > 9 || child->state.vote == 5000 + leader);
  world_at(&w, other_than(leader, third))->engine_stalls = false;
  world_heal(&w);
  (void)split_wait_leader(&w, 50);
  split_check_equal(&w, both, 2);
  ck_assert_uint_eq(split_snapshots(&w), 0);
}
END_TEST

START_TEST(a_vote_on_its_way_to_the_log_is_kept_too) {
  uint64_t leader = start(), third = other_than(leader, 0);
  world_run(&w, 500);
  ck_assert_int_eq(split_propose(&w, leader, 1, "k0005", 50), KV_OK);
  world_at(&w, third)->engine_stalls = true;
  for (uint64_t id = 1; id <= 3; id++) { /* the child's own votes do not reach the third store */
    w.blocked[id][third] = false;
  }
  split_message(&w, leader, third, 50, 5000 + leader, 5000 + third, vote(20), later);
  ck_assert_ptr_nonnull(split_peer(&w, third, 50));
  world_run(&w, 10);
  world_at(&w, third)->engine_stalls = false;
  world_run(&w, 50);
  const kv_peer *child = split_peer(&w, third, 50);
  ck_assert(kv_region_initialised(&child->region));
  ck_assert_uint_ge(child->state.term, 20);
  world_crash(&w, third);
  world_start(&w, third);
  ck_assert_uint_ge(split_peer(&w, third, 50)->state.term, 20);
}
END_TEST

static void check_skipped(uint64_t store_id) {
  ck_assert_uint_eq(world_region_number(&w, store_id, 1, "version"), 2);
  ck_assert_uint_eq(split_keys_from(&w, store_id, right), 0);
  split_check_map(&w, store_id);
  world_isolate(&w, store_id, true); /* the new region's leader knows of no later peer */
  world_crash(&w, store_id);
  world_start(&w, store_id);
  const kv_peer *peer = split_peer(&w, store_id, 50);
  ck_assert(peer == NULL || !kv_region_initialised(&peer->region));
  world_run(&w, 1000);
  ck_assert_uint_eq(split_keys_from(&w, store_id, right), 0);
}

START_TEST(a_later_peer_that_is_empty_stays_and_the_keys_go) {
  uint64_t leader = start(), third = other_than(leader, 0);
  split_fill(&w, leader, "k", 0, 10);
  world_run(&w, 500);
  split_message(&w, leader, third, 50, 5000 + leader, 9000 + third, vote(6), later);
  split_in_two(2);
  world_run(&w, 500);
  const kv_peer *peer = split_peer(&w, third, 50);
  ck_assert_ptr_nonnull(peer);
  ck_assert_uint_eq(peer->peer_id, 9000 + third);
  ck_assert(!kv_region_initialised(&peer->region));
  check_skipped(third);
}
END_TEST

static raft_message heartbeat(uint64_t term) {
  return (raft_message){.type = RAFT_MSG_HEARTBEAT, .term = term};
}

/* The peer of the region on the store is told that it was removed. */
static void bury(uint64_t from, uint64_t store_id, uint64_t peer_id) {
  kv_envelope envelope = {.region_id = 50,
                          .from_peer = 5000 + from,
                          .from_store = from,
                          .to_peer = peer_id,
                          .to_store = store_id,
                          .epoch = later};
  raft_buf *frame = NULL;
  split_message(&w, from, store_id, 50, 5000 + from, peer_id, heartbeat(6), (kv_epoch){1, 1});
  ck_assert_int_eq(kv_envelope_encode(&envelope, NULL, &frame), KV_OK);
  raft_bytes payload = {raft_buf_data(frame), raft_buf_len(frame), frame};
  kv_store_receive(world_at(&w, store_id)->store, from, KV_FRAME_RAFT, payload);
  raft_buf_release(frame);
  world_run(&w, 100);
  ck_assert_ptr_null(split_peer(&w, store_id, 50));
}

static void check_grave(uint64_t peer_base) {
  uint64_t leader = start(), third = other_than(leader, 0);
  split_fill(&w, leader, "k", 0, 10);
  world_run(&w, 500);
  bury(leader, third, peer_base + third);
  split_in_two(2);
  world_run(&w, 500);
  ck_assert_ptr_null(split_peer(&w, third, 50));
  check_skipped(third);
}

START_TEST(a_grave_of_the_same_peer_means_that_the_keys_go) {
  check_grave(5000);
}
END_TEST

START_TEST(a_grave_of_a_later_peer_means_that_the_keys_go) {
  check_grave(9000);
}
END_TEST

START_TEST(a_grave_of_an_earlier_peer_does_not_matter) {
  uint64_t leader = start(), third = other_than(leader, 0);
  split_fill(&w, leader, "k", 0, 10);
  world_run(&w, 500);
  bury(leader, third, 4000 + third);
  split_in_two(3);
  split_check_equal(&w, both, 2);
}
END_TEST

START_TEST(a_grave_is_known_after_a_restart) {
  uint64_t leader = start(), third = other_than(leader, 0);
  world_run(&w, 500);
  bury(leader, third, 5000 + third);
  world_crash(&w, third);
  world_start(&w, third);
  world_run(&w, 500);
  split_message(&w, leader, third, 50, 5000 + leader, 5000 + third, vote(9), later);
  world_run(&w, 100);
  ck_assert_ptr_null(split_peer(&w, third, 50));
  split_message(&w, leader, third, 50, 5000 + leader, 9000 + third, vote(9), later);
  ck_assert_ptr_nonnull(split_peer(&w, third, 50));
}
END_TEST

/* It could get its keys by a snapshot only, which the other region would refuse. */
START_TEST(no_peer_is_created_whose_keys_another_region_has) {
  uint64_t leader = start(), third = other_than(leader, 0);
  world_run(&w, 500);
  kv_envelope envelope = {.region_id = 50,
                          .from_peer = 5000 + leader,
                          .from_store = leader,
                          .to_peer = 5000 + third,
                          .to_store = third,
                          .epoch = later,
                          .has_range = true,
                          .start = right};
  raft_message message = vote(6);
  raft_buf *frame = NULL;
  message.from = envelope.from_peer;
  message.to = envelope.to_peer;
  ck_assert_int_eq(kv_envelope_encode(&envelope, &message, &frame), KV_OK);
  raft_bytes payload = {raft_buf_data(frame), raft_buf_len(frame), frame};
  kv_store_receive(world_at(&w, third)->store, leader, KV_FRAME_RAFT, payload);
  raft_buf_release(frame);
  ck_assert_ptr_null(split_peer(&w, third, 50));
}
END_TEST

START_TEST(nobody_replaces_or_removes_the_peer_while_the_engine_splits) {
  uint64_t leader = start(), third = other_than(leader, 0);
  split_fill(&w, leader, "k", 0, 10);
  world_run(&w, 500);
  world_at(&w, third)->engine_stalls = true;
  split_in_two(2);
  world_run(&w, 200);
  ck_assert_ptr_null(split_peer(&w, third, 50));
  split_message(&w, leader, third, 50, 5000 + leader, 9000 + third, vote(30), later);
  split_message(&w, leader, third, 50, 5000 + leader, 5000 + third, vote(6), later);
  ck_assert_ptr_null(split_peer(&w, third, 50));
  world_at(&w, third)->engine_stalls = false;
  world_run(&w, 10);
  const kv_peer *child = split_peer(&w, third, 50);
  ck_assert_ptr_nonnull(child);
  ck_assert_uint_eq(child->peer_id, 5000 + third);
  ck_assert(kv_region_initialised(&child->region));
}
END_TEST

/* ---- members change meanwhile ---- */

START_TEST(a_split_behind_a_membership_change_is_refused_and_can_be_repeated) {
  uint64_t leader = start();
  world_call call = {0};
  uint64_t fourth = world_add_store(&w);
  world_start(&w, fourth);
  split_fill(&w, leader, "k", 0, 10);
  kv_peer *peer = split_peer(&w, leader, 1);
  kv_store_add_peer(world_at(&w, leader)->store, 1, fourth, world_at(&w, fourth)->address, 30000,
                    world_answered, &call);
  kv_store_flush(world_at(&w, leader)->store);
  ck_assert_uint_gt(peer->conf_index, peer->applied);
  ck_assert_int_eq(split_propose(&w, leader, 1, "k0005", 50), KV_OK);
  world_wait(&w, &call);
  ck_assert_str_eq(call.reply, "+OK\r\n");
  ck_assert_uint_eq(split_count(&w, 50), 0);
  split_run(&w, 1, "k0005", 51, 4);
  const uint64_t regions[] = {1, 51};
  split_check_equal(&w, regions, 2);
  ck_assert_uint_eq(world_region_number(&w, fourth, 51, "voters"), 4);
}
END_TEST

START_TEST(a_learner_of_the_old_region_is_one_of_the_new_region) {
  uint64_t leader = start();
  world_call call = {0};
  uint64_t fourth = world_add_store(&w); /* and is not started: it cannot catch up */
  kv_store_add_peer(world_at(&w, leader)->store, 1, fourth, world_at(&w, fourth)->address, 300000,
                    world_answered, &call);
  world_run(&w, 500);
  split_run(&w, 1, "m", 50, 3);
  ck_assert_uint_eq(world_region_number(&w, leader, 50, "voters"), 3);
  ck_assert_uint_eq(world_region_number(&w, leader, 50, "learners"), 1);
  (void)split_wait_leader(&w, 50);
  world_start(&w, fourth);
  for (int i = 0; i < 600 && world_region_number(&w, leader, 50, "voters") < 4; i++) {
    world_run(&w, 100);
  }
  ck_assert_uint_eq(world_region_number(&w, leader, 50, "voters"), 4);
  split_check_map(&w, fourth);
}
END_TEST

/* ---- crashes ---- */

START_TEST(a_crash_between_any_two_steps_leaves_both_halves_or_none) {
  for (uint64_t seed = 1; seed <= 60; seed++) {
    teardown();
    world_open(&w, seed * 77, 3);
    uint64_t leader = start();
    split_fill(&w, leader, "k", 0, 10);
    uint64_t victim = 1 + world_random(&w, 3), steps = world_random(&w, 60);
    ck_assert_int_eq(split_propose(&w, leader, 1, "k0005", 50), KV_OK);
    for (uint64_t i = 0; i < steps; i++) {
      world_random_step(&w);
    }
    world_crash(&w, victim);
    world_run(&w, world_random(&w, 3000));
    world_start(&w, victim);
    (void)world_wait_leader(&w, 0);
    if (split_count(&w, 50) == 0) {
      world_run(&w, 3000);
    }
    if (split_count(&w, 50) > 0) {
      (void)split_wait_leader(&w, 50);
      world_run(&w, 3000);
      ck_assert_uint_eq(split_count(&w, 50), 3);
    }
    split_fill(&w, 1, "k", 0, 20);
    split_check_filled(&w, 2, "k", 0, 20);
    split_check_equal(&w, both, 2);
    for (uint64_t id = 1; id <= 3; id++) {
      split_check_map(&w, id);
    }
  }
}
END_TEST

/* The store has data that no region owns: what was to be deleted when it crashed. */
START_TEST(what_lies_between_the_regions_is_deleted_at_start) {
  uint64_t leader = start(), third = other_than(leader, 0);
  split_fill(&w, leader, "k", 0, 10);
  world_run(&w, 500);
  split_message(&w, leader, third, 50, 5000 + leader, 9000 + third, vote(6), later);
  split_in_two(2);
  world_run(&w, 10);
  world_store *s = world_at(&w, third);
  world_crash(&w, third);
  kv_txn *txn = NULL;
  ck_assert_int_eq(s->engine.base.ops->begin(&s->engine.base, true, &txn), KV_OK);
  static const char letters[] = "pqrstuvwxy";
  for (size_t i = 0; i + 1 < sizeof letters; i++) {
    raft_slice key = {&letters[i], 1};
    ck_assert_int_eq(s->engine.base.ops->put(txn, KV_SPACE_DATA, key, key), KV_OK);
  }
  ck_assert_int_eq(s->engine.base.ops->commit(txn), KV_OK);
  world_isolate(&w, third, true);
  world_start(&w, third);
  world_run(&w, 500);
  ck_assert_uint_eq(split_keys_from(&w, third, right), 0);
  split_check_filled(&w, leader, "k", 0, 5);
}
END_TEST

/* ---- snapshots against each other ---- */

static void give_file(world_store *s, world_file file) {
  s->files = realloc(s->files, (s->file_count + 1) * sizeof *s->files);
  ck_assert_ptr_nonnull(s->files);
  s->files[s->file_count++] = file;
}

static world_file file_of(uint64_t store_id, uint64_t region_id, const char *name) {
  world_file file;
  kv_engine *engine = &world_at(&w, store_id)->engine.base;
  ck_assert_int_eq(world_file_make(engine, region_id, name, &file), KV_OK);
  return file;
}

/* The file comes from a store to another one's empty peer of the region. */
static void deliver_file(uint64_t from, uint64_t to, uint64_t region_id, uint64_t to_peer,
                         world_file file) {
  const kv_peer *sender = split_peer(&w, from, region_id);
  raft_buf *frame = NULL;
  uint64_t ids[16];
  raft_snapshot snapshot = {.data = {raft_buf_data(file.meta), raft_buf_len(file.meta), file.meta},
                            .index = file.file.index,
                            .term = file.file.term};
  raft_message message = {.type = RAFT_MSG_SNAP,
                          .from = sender->peer_id,
                          .to = to_peer,
                          .term = sender->term,
                          .snapshot = &snapshot};
  kv_envelope envelope;
  kv_region_conf_state(&sender->region, ids, &snapshot.conf_state);
  kv_peer_address(sender, to_peer, &envelope);
  envelope.to_store = to;
  ck_assert_int_eq(kv_envelope_encode(&envelope, &message, &frame), KV_OK);
  give_file(world_at(&w, to), file);
  raft_bytes bytes = {raft_buf_data(frame), raft_buf_len(frame), frame};
  kv_store_snapshot_received(world_at(&w, to)->store, from, bytes, &file.file);
  raft_buf_release(frame);
}

/* A new store is offered region 1 as it was before a split, and region 50, in one turn. */
START_TEST(a_snapshot_over_a_region_that_is_there_is_not_accepted) {
  uint64_t leader = start(), third = other_than(leader, 0);
  split_fill(&w, leader, "k", 0, 10);
  world_run(&w, 500);
  world_isolate(&w, third, true);
  split_run(&w, 1, "k0005", 50, 2);
  world_file half = file_of(leader, 50, "half");
  split_message(&w, leader, third, 50, 5000 + leader, 5000 + third, heartbeat(6), (kv_epoch){1, 1});
  ck_assert_ptr_nonnull(split_peer(&w, third, 50));
  deliver_file(leader, third, 50, 5000 + third, half);
  ck_assert_uint_eq(world_at(&w, third)->file_count, 0); /* refused, the file is discarded */
  world_heal(&w);
  world_run(&w, 5000);
  split_check_equal(&w, both, 2);
}
END_TEST

START_TEST(two_snapshots_that_overlap_are_not_both_accepted) {
  uint64_t leader = start();
  world_call call = {0};
  uint64_t fourth = world_add_store(&w);
  split_fill(&w, leader, "k", 0, 10);
  kv_store_add_peer(world_at(&w, leader)->store, 1, fourth, world_at(&w, fourth)->address, 300000,
                    world_answered, &call);
  world_run(&w, 1000);
  const kv_peer *peer = split_peer(&w, leader, 1);
  uint64_t first = kv_region_find_store(&peer->region, fourth)->id, second = 5000 + fourth;
  world_file whole = file_of(leader, 1, "whole");
  split_run(&w, 1, "k0005", 50, 3);
  world_file right_half = file_of(leader, 50, "right");
  world_start(&w, fourth);
  const world_store *s = world_at(&w, fourth);
  split_message(&w, leader, fourth, 1, peer->peer_id, first, heartbeat(peer->term),
                (kv_epoch){1, 1});
  split_message(&w, leader, fourth, 50, 5000 + leader, second, heartbeat(6), (kv_epoch){1, 1});
  deliver_file(leader, fourth, 1, first, whole);
  ck_assert_uint_eq(s->file_count, 1);
  deliver_file(leader, fourth, 50, second, right_half);
  ck_assert_uint_eq(s->file_count, 1); /* refused, the file is discarded */
  world_wait(&w, &call);
  ck_assert_str_eq(call.reply, "+OK\r\n");
  (void)split_wait_leader(&w, 50);
  split_check_equal(&w, both, 2);
  split_check_map(&w, fourth);
}
END_TEST

int main(void) {
  const TTest *const tests[] = {
      a_store_that_was_cut_off_splits_by_its_log_without_a_snapshot,
      a_store_that_applies_slowly_is_sent_no_snapshot_and_gets_no_empty_peer,
      a_log_that_was_cut_meanwhile_costs_two_snapshots_and_no_more,
      a_vote_that_comes_before_the_split_is_not_lost,
      the_new_region_is_led_although_the_old_leader_dies_at_once,
      an_empty_peer_of_the_same_id_becomes_the_new_one_and_keeps_its_vote,
      a_vote_on_its_way_to_the_log_is_kept_too,
      a_later_peer_that_is_empty_stays_and_the_keys_go,
      a_grave_of_the_same_peer_means_that_the_keys_go,
      a_grave_of_a_later_peer_means_that_the_keys_go,
      a_grave_of_an_earlier_peer_does_not_matter,
      a_grave_is_known_after_a_restart,
      no_peer_is_created_whose_keys_another_region_has,
      nobody_replaces_or_removes_the_peer_while_the_engine_splits,
      a_split_behind_a_membership_change_is_refused_and_can_be_repeated,
      a_learner_of_the_old_region_is_one_of_the_new_region,
      a_crash_between_any_two_steps_leaves_both_halves_or_none,
      what_lies_between_the_regions_is_deleted_at_start,
      a_snapshot_over_a_region_that_is_there_is_not_accepted,
      two_snapshots_that_overlap_are_not_both_accepted,
  };
  return run_suite("split_races", tests, sizeof tests / sizeof tests[0], setup, teardown);
}
