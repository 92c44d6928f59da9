/* test_hibernate.c - quiet groups sleep: nothing is done or sent for them, whatever is to be done
 * wakes them, and nobody sleeps through the death of a leader.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "raftstore/core.h"
#include "raftstore/hibernate.h"
#include "raftstore/peer.h"
#include "run_suite.h"
#include "store_world.h"
#include "store_world_devices.h"

enum { SLEEP_MS = 1000, TICK = WORLD_TICK_MS };

static world w;

static void setup(void) {
  world_open(&w, 33, 3);
  w.config.hibernate_ms = SLEEP_MS;
}

static void teardown(void) {
  world_close(&w);
}

static kv_store_summary summary_of(uint64_t id) {
  kv_store_summary summary = {0};
  if (world_at(&w, id)->store != NULL) {
    kv_store_summarize(world_at(&w, id)->store, &summary);
  }
  return summary;
}

static uint64_t asleep_on(uint64_t id) {
  return summary_of(id).asleep;
}

/* All regions on all stores that are up. */
static bool all_sleep(void) {
  bool asleep = true;
  for (uint64_t id = 1; id <= w.store_count; id++) {
    asleep = asleep && asleep_on(id) == summary_of(id).regions;
  }
  return asleep;
}

/* Fails the test if they do not within so many milliseconds. */
static void wait_asleep(uint64_t ms) {
  for (uint64_t passed = 0; passed < ms && !all_sleep(); passed += 50) {
    world_run(&w, 50);
  }
  ck_assert_msg(all_sleep(), "asleep: %d %d %d", (int)asleep_on(1), (int)asleep_on(2),
                (int)asleep_on(3));
}

static void start(uint32_t regions) {
  w.config.initial_regions = regions;
  for (uint64_t id = 1; id <= w.member_count; id++) {
    world_start(&w, id);
  }
  wait_asleep(20000);
}

static const kv_peer *peer_at(uint64_t store_id, uint64_t region_id) {
  return kv_region_map_peer(&world_at(&w, store_id)->store->regions, region_id);
}

static uint64_t set(uint64_t store_id, const char *key, const char *value) {
  world_call call;
  uint64_t begin = w.now;
  ck_assert_str_eq(world_do(&w, store_id, &call, KV_OP_SET, 0, key, value, NULL), "+OK\r\n");
  return w.now - begin;
}

static void check_value(uint64_t store_id, const char *key, const char *value) {
  world_call call;
  world_do(&w, store_id, &call, KV_OP_GET, 0, key, NULL);
  ck_assert_msg(strstr(call.reply, value) != NULL, "%s instead of %s", call.reply, value);
}

/* ---- asleep ---- */

START_TEST(a_sleeping_group_does_and_sends_nothing) {
  enum { TICKS = 200, REGIONS = 12 };
  start(REGIONS);
  uint64_t tokens[4], raft = w.sent[KV_FRAME_RAFT], beats = w.sent[KV_FRAME_BEATS];
  for (uint64_t id = 1; id <= 3; id++) {
    tokens[id] = world_at(&w, id)->store->log.token;
  }
  for (int i = 0; i < TICKS; i++) {
    world_run(&w, TICK);
    for (size_t j = 0; j < w.frame_count; j++) {
      ck_assert_int_eq(w.frames[j].type, KV_FRAME_BEATS);
    }
  }
  for (uint64_t id = 1; id <= 3; id++) {
    const kv_store *store = world_at(&w, id)->store;
    ck_assert_uint_eq(asleep_on(id), REGIONS);
    ck_assert(kv_list_is_empty(&store->awake));
    ck_assert_uint_eq(store->log.token, tokens[id]);
  }
  ck_assert_uint_eq(w.sent[KV_FRAME_RAFT], raft);
  /* one sign of life from each store to each other one at a heartbeat interval, for all regions */
  ck_assert_uint_le(w.sent[KV_FRAME_BEATS] - beats, 6 * (TICKS / w.config.heartbeat_ticks + 1));
}
END_TEST

/* What closing the store gives back: Raft's node and descriptors, queues and maps of the store, but
 * not the log's index. Where an instrumented allocator does not count, it is 0. */
START_TEST(a_sleeping_region_holds_little_memory) {
  enum { REGIONS = 400, LIMIT = 4096 };
  start(REGIONS);
  world_devices_crash(world_at(&w, 1));
  kv_store *store = world_at(&w, 1)->store;
  world_at(&w, 1)->store = NULL;
  size_t before = mallinfo2().uordblks;
  kv_store_close(store);
  size_t bytes = (before - mallinfo2().uordblks) / REGIONS;
  printf("%zu bytes a sleeping region\n", bytes);
  ck_assert_uint_le(bytes, LIMIT);
}
END_TEST

START_TEST(a_region_that_is_written_to_does_not_sleep) {
  start(2);
  for (int i = 0; i < 20; i++) {
    (void)set(1 + (uint64_t)i % 3, "a", "1");
    world_run(&w, SLEEP_MS / 2);
    ck_assert_uint_ge(summary_of(1).regions - asleep_on(1), 1);
  }
  wait_asleep(5 * SLEEP_MS);
}
END_TEST

START_TEST(hibernation_can_be_switched_off) {
  w.config.hibernate_ms = 0;
  w.config.initial_regions = 2;
  world_start(&w, 1);
  world_start(&w, 2);
  world_start(&w, 3);
  world_run(&w, 60000);
  ck_assert_uint_eq(asleep_on(1) + asleep_on(2) + asleep_on(3), 0);
}
END_TEST

START_TEST(a_group_does_not_sleep_where_one_member_may_not) {
  world_start(&w, 1);
  world_start(&w, 2);
  w.config.hibernate_ms = 0;
  world_start(&w, 3);
  uint64_t leader = world_wait_leader(&w, 0);
  if (leader == 3) { /* it would not even ask */
    ck_assert_uint_eq(kv_store_resign(world_at(&w, 3)->store), 1);
    leader = world_wait_leader(&w, 3);
  }
  uint64_t term = peer_at(leader, 1)->term;
  for (int i = 0; i < 300; i++) {
    world_run(&w, TICK);
    ck_assert_uint_eq(asleep_on(leader), 0);
    ck_assert_uint_eq(asleep_on(3), 0);
  }
  ck_assert_uint_eq(peer_at(leader, 1)->term, term);
}
END_TEST

START_TEST(a_single_member_sleeps_too) {
  world_close(&w);
  world_open(&w, 34, 1);
  w.config.hibernate_ms = SLEEP_MS;
  start(3);
  ck_assert_uint_le(set(1, "a", "1"), 2 * TICK);
  check_value(1, "a", "1");
  wait_asleep(10 * SLEEP_MS);
}
END_TEST

START_TEST(a_group_with_a_member_away_stays_awake_until_it_is_back) {
  start(1);
  uint64_t leader = world_wait_leader(&w, 0), away = 1 + leader % 3;
  world_crash(&w, away);
  (void)set(leader, "a", "1");
  world_run(&w, 20 * SLEEP_MS);
  ck_assert_uint_eq(asleep_on(leader), 0);
  world_start(&w, away);
  wait_asleep(20 * SLEEP_MS);
}
END_TEST

/* ---- waking up ---- */

START_TEST(writes_and_reads_wake_a_region_at_once_wherever_they_come) {
  start(4);
  for (uint64_t id = 1; id <= 3; id++) {
    char value[8];
    (void)snprintf(value, sizeof value, "v%d", (int)id);
    ck_assert_uint_le(set(id, "50", value), TICK); /* no timer is waited for */
    wait_asleep(10 * SLEEP_MS);
    uint64_t begin = w.now;
    check_value(1 + id % 3, "50", value);
    ck_assert_uint_le(w.now - begin, TICK);
    ck_assert(!all_sleep());
    wait_asleep(10 * SLEEP_MS);
  }
}
END_TEST

START_TEST(only_the_region_that_is_used_wakes) {
  start(8);
  (void)set(1, "50", "1");
  for (uint64_t id = 1; id <= 3; id++) {
    ck_assert_uint_eq(asleep_on(id), 7);
  }
}
END_TEST

START_TEST(membership_leadership_and_the_log_can_be_changed_in_their_sleep) {
  world_call call = {0};
  start(1);
  uint64_t leader = world_wait_leader(&w, 0), other = 1 + leader % 3, fourth = world_add_store(&w);
  world_start(&w, fourth);
  kv_store_transfer(world_at(&w, leader)->store, 1, other, 5000, world_answered, &call);
  world_wait(&w, &call);
  ck_assert_str_eq(call.reply, "+OK\r\n");
  ck_assert_uint_eq(world_wait_leader(&w, leader), other);
  wait_asleep(10 * SLEEP_MS);
  call = (world_call){0};
  kv_store_add_peer(world_at(&w, other)->store, 1, fourth, world_at(&w, fourth)->address, 20000,
                    world_answered, &call);
  world_wait(&w, &call);
  ck_assert_str_eq(call.reply, "+OK\r\n");
  wait_asleep(40 * SLEEP_MS); /* when the snapshot that was made is not kept any more */
  call = (world_call){0};
  kv_store_compact(world_at(&w, leader)->store, 1, 0, 5000, world_answered, &call);
  world_wait(&w, &call);
  ck_assert_int_eq(call.reply[0], ':');
  wait_asleep(10 * SLEEP_MS);
  call = (world_call){0};
  kv_store_remove_peer(world_at(&w, leader)->store, 1, leader, 20000, world_answered, &call);
  world_wait(&w, &call);
  ck_assert_str_eq(call.reply, "+OK\r\n");
  (void)set(fourth, "a", "1");
  wait_asleep(10 * SLEEP_MS);
  ck_assert_uint_eq(summary_of(leader).regions, 0);
}
END_TEST

START_TEST(a_store_that_stops_hands_over_its_sleeping_regions) {
  start(6);
  uint64_t led = summary_of(1).leaders;
  ck_assert_uint_gt(led, 0);
  ck_assert_uint_eq(kv_store_resign(world_at(&w, 1)->store), led);
  world_run(&w, 3 * TICK);
  ck_assert_uint_eq(summary_of(1).leaders, 0);
  ck_assert_uint_eq(summary_of(2).leaders + summary_of(3).leaders, 6);
}
END_TEST

/* ---- dead stores ---- */

/* What an election takes for one who is awake, and a tick or two of the signs of life. */
static uint64_t longest_gap(void) {
  return (uint64_t)TICK *
         (w.config.election_ticks + 2 * w.config.heartbeat_ticks + 2 * w.config.election_ticks);
}

START_TEST(the_death_of_a_leader_is_noticed_in_its_regions_sleep) {
  start(9);
  uint64_t led = summary_of(1).leaders;
  ck_assert_uint_gt(led, 0);
  world_crash(&w, 1);
  /* no longer than when they were awake, but for the interval of the signs of life */
  world_run(&w, (uint64_t)TICK * (2 * w.config.election_ticks + 2 * w.config.heartbeat_ticks));
  ck_assert_uint_eq(summary_of(2).leaders + summary_of(3).leaders, 9);
  for (char key[2] = "0"; key[0] <= '9'; key[0]++) {
    ck_assert_uint_le(set(2, key, "1"), TICK);
  }
}
END_TEST

/* No connection breaks: nothing but silence tells. */
static void freeze(uint64_t id) {
  world_isolate(&w, id, true);
  w.frozen[id] = true;
}

START_TEST(a_command_for_a_leader_that_froze_does_not_wait_till_its_end) {
  world_call call;
  start(1);
  const uint64_t leader = world_wait_leader(&w, 0), other = leader % 3 + 1;
  (void)set(leader, "a", "value");
  wait_asleep(10 * SLEEP_MS);
  freeze(leader);
  uint64_t begin = w.now;
  world_execute(&w, other, &call, 60000, KV_OP_GET, 0, "a", NULL);
  world_wait(&w, &call);
  ck_assert_str_eq(call.reply, "$5\r\nvalue\r\n");
  ck_assert_uint_le(w.now - begin, longest_gap() + 500);
}
END_TEST

START_TEST(a_write_for_a_leader_that_froze_has_an_unknown_outcome_as_soon_as_another_leads) {
  world_call call;
  start(1);
  const uint64_t leader = world_wait_leader(&w, 0), other = leader % 3 + 1;
  freeze(leader);
  uint64_t begin = w.now;
  world_execute(&w, other, &call, 60000, KV_OP_SET, 0, "a", "value", NULL);
  world_wait(&w, &call);
  ck_assert_msg(strncmp(call.reply, "-TIMEOUT outcome unknown", 24) == 0, "%s", call.reply);
  ck_assert_uint_le(w.now - begin, longest_gap() + 500);
  ck_assert_uint_le(set(other, "a", "other"), 100);
}
END_TEST

/* It leads no more, but it is there and will say so: nothing is given up. */
START_TEST(a_write_on_its_way_while_the_leadership_moves_is_done) {
  world_call call, moved = {0};
  start(1);
  const uint64_t leader = world_wait_leader(&w, 0), other = leader % 3 + 1;
  kv_store_transfer(world_at(&w, leader)->store, 1, other % 3 + 1, 10000, world_answered, &moved);
  for (int i = 0; i < 50; i++) {
    world_execute(&w, other, &call, 60000, KV_OP_SET, 0, "a", "value", NULL);
    world_wait(&w, &call);
    ck_assert_str_eq(call.reply, "+OK\r\n");
  }
  world_wait(&w, &moved);
}
END_TEST

START_TEST(regions_of_others_sleep_through_a_death) {
  start(9);
  uint64_t led = summary_of(1).leaders;
  world_crash(&w, 1);
  world_run(&w, longest_gap());
  ck_assert_uint_eq(asleep_on(2), 9 - led);
  ck_assert_uint_eq(asleep_on(3), 9 - led);
}
END_TEST

START_TEST(a_store_that_is_started_anew_wakes_its_regions) {
  start(5);
  world_crash(&w, 2);
  world_start(&w, 2);
  uint64_t incarnation = world_at(&w, 2)->store->ident.incarnation;
  world_run(&w, (uint64_t)TICK * 3 * w.config.heartbeat_ticks); /* sooner than it would campaign */
  ck_assert_uint_eq(asleep_on(1) + asleep_on(3), 0);
  world_run(&w, longest_gap());
  ck_assert_uint_eq(summary_of(1).leaders + summary_of(2).leaders + summary_of(3).leaders, 5);
  wait_asleep(20 * SLEEP_MS);
  ck_assert_uint_eq(kv_address_book_find(&world_at(&w, 1)->store->addresses, 2)->incarnation,
                    incarnation);
}
END_TEST

START_TEST(all_stores_may_crash_in_their_sleep) {
  start(5);
  (void)set(1, "1", "one");
  wait_asleep(20 * SLEEP_MS);
  for (uint64_t id = 1; id <= 3; id++) {
    world_crash(&w, id);
  }
  for (uint64_t id = 1; id <= 3; id++) {
    world_start(&w, id);
  }
  check_value(2, "1", "one");
  wait_asleep(20 * SLEEP_MS);
}
END_TEST

START_TEST(a_sleeping_leader_without_a_majority_steps_down) {
  start(1);
  uint64_t leader = world_wait_leader(&w, 0);
  world_crash(&w, 1 + leader % 3);
  world_crash(&w, 1 + (1 + leader % 3) % 3);
  world_run(&w, longest_gap() + 2 * (uint64_t)TICK * w.config.election_ticks);
  ck_assert_uint_eq(summary_of(leader).leaders, 0);
}
END_TEST

START_TEST(a_leader_that_was_cut_off_in_its_sleep_serves_no_stale_read) {
  world_call call;
  start(1);
  uint64_t old = world_wait_leader(&w, 0);
  (void)set(old, "a", "old");
  wait_asleep(10 * SLEEP_MS);
  world_isolate(&w, old, true);
  (void)set(world_wait_leader(&w, old), "a", "new");
  world_execute(&w, old, &call, 2000, KV_OP_GET, 0, "a", NULL);
  world_wait(&w, &call);
  ck_assert_msg(strncmp(call.reply, "-TRYAGAIN", 9) == 0, "%s", call.reply);
  world_heal(&w);
  wait_asleep(20 * SLEEP_MS);
  check_value(old, "a", "new");
}
END_TEST

START_TEST(a_link_that_is_cut_moves_no_leader) {
  start(6);
  uint64_t leaders[7], terms[7];
  for (uint64_t region = 1; region <= 6; region++) {
    leaders[region] = kv_peer_leader_store(peer_at(1, region));
    terms[region] = peer_at(1, region)->term;
  }
  w.blocked[1][2] = w.blocked[2][1] = true; /* store 3 hears both */
  world_run(&w, 10 * longest_gap());
  for (uint64_t region = 1; region <= 6; region++) {
    ck_assert_uint_eq(kv_peer_leader_store(peer_at(3, region)), leaders[region]);
    ck_assert_uint_eq(peer_at(3, region)->term, terms[region]);
  }
  world_heal(&w);
  wait_asleep(20 * SLEEP_MS);
}
END_TEST

/* ---- what gets lost on the way to sleep ---- */

/* The group is awake and about to be asked; any one frame is lost. */
START_TEST(a_lost_word_on_the_way_to_sleep_is_made_good) {
  enum { FRAMES = 40 };
  start(1);
  uint64_t leader = world_wait_leader(&w, 0);
  for (unsigned number = 1; number <= FRAMES; number++) {
    uint64_t term = peer_at(leader, 1)->term;
    (void)set(leader, "a", "1");
    world_run(&w, SLEEP_MS - 2 * TICK);
    w.lose_frame = number;
    wait_asleep(20 * SLEEP_MS);
    world_run(&w, 20 * TICK);
    ck_assert_uint_eq(world_leader(&w), leader);
    ck_assert_msg(peer_at(leader, 1)->term == term, "frame %u", number);
    wait_asleep(20 * SLEEP_MS);
    w.lose_frame = 0;
  }
}
END_TEST

START_TEST(the_leader_may_die_at_any_moment_of_falling_asleep) {
  start(1);
  for (unsigned moment = 0; moment < 30; moment++) {
    uint64_t leader = world_wait_leader(&w, 0);
    (void)set(leader, "a", "1");
    world_run(&w, SLEEP_MS - 3 * TICK + 20 * moment);
    world_crash(&w, leader);
    uint64_t begin = w.now, next = world_wait_leader(&w, leader);
    ck_assert_uint_le(w.now - begin, 2 * longest_gap());
    ck_assert_uint_le(set(next, "a", "2"), TICK);
    world_start(&w, leader);
    wait_asleep(30 * SLEEP_MS);
  }
}
END_TEST

/* ---- those that nobody tells ---- */

START_TEST(a_sleeping_peer_asks_from_time_to_time_and_wakes_nobody) {
  start(3);
  uint64_t questions = w.sent[KV_FRAME_RAFT];
  world_run(&w, (uint64_t)KV_QUESTION_TICKS * TICK + 10 * TICK);
  ck_assert_uint_eq(w.sent[KV_FRAME_RAFT] - questions, 3 * 3 * 2);
  ck_assert(all_sleep());
}
END_TEST

/* Its leader's store removed it, and all that it was told was lost. */
START_TEST(a_peer_that_was_removed_in_its_sleep_finds_out) {
  world_call call = {0};
  start(1);
  uint64_t leader = world_wait_leader(&w, 0), other = 1 + leader % 3, gone = 1 + other % 3;
  kv_store *sleeping = world_at(&w, gone)->store;
  world_at(&w, gone)->store = NULL; /* it hears nothing, and its clock stands still */
  kv_store_remove_peer(world_at(&w, leader)->store, 1, gone, 20000, world_answered, &call);
  world_wait(&w, &call);
  ck_assert_str_eq(call.reply, "+OK\r\n");
  world_run(&w, 20 * SLEEP_MS);
  world_at(&w, gone)->store = sleeping;
  ck_assert_uint_eq(asleep_on(gone), 1);
  world_run(&w, (uint64_t)KV_QUESTION_TICKS * TICK + 50 * TICK);
  ck_assert_uint_eq(summary_of(gone).regions, 0);
  ck_assert_uint_eq(asleep_on(gone), 0);
}
END_TEST

/* ---- everything at once ---- */

typedef struct story {
  uint64_t acknowledged[4]; /* of the counters */
  uint64_t unknown[4];
} story;

static const char *const COUNTERS[4] = {"1", "5", "9", "d"}; /* one a region */

static void count(story *s, uint64_t id) {
  world_call call;
  uint64_t key = world_random(&w, 4);
  world_execute(&w, id, &call, 1500, KV_OP_INCRBY, 1, COUNTERS[key], NULL);
  world_wait(&w, &call);
  if (call.reply[0] == ':') {
    uint64_t value = strtoull(call.reply + 1, NULL, 10);
    ck_assert_uint_gt(value, s->acknowledged[key]);
    ck_assert_uint_le(value, s->acknowledged[key] + s->unknown[key] + 1);
    s->unknown[key] -= value - 1 - s->acknowledged[key];
    s->acknowledged[key] = value;
  } else if (strncmp(call.reply, "-TRYAGAIN", 9) != 0) {
    s->unknown[key]++;
  }
}

static void look(story *s, uint64_t id) {
  world_call call;
  uint64_t key = world_random(&w, 4);
  world_execute(&w, id, &call, 1500, KV_OP_GET, 0, COUNTERS[key], NULL);
  world_wait(&w, &call);
  if (call.reply[0] == '$') {
    uint64_t value = strtoull(strchr(call.reply, '\n') + 1, NULL, 10);
    ck_assert_uint_ge(value, s->acknowledged[key]);
    ck_assert_uint_le(value, s->acknowledged[key] + s->unknown[key]);
  } else if (call.reply[0] == '_') {
    ck_assert_uint_eq(s->acknowledged[key], 0);
  }
}

static void disturb(void) {
  uint64_t id = 1 + world_random(&w, 3);
  switch (world_random(&w, 6)) {
  case 0: world_isolate(&w, id, true); break;
  case 1: w.blocked[id][1 + world_random(&w, 3)] = true; break;
  case 2: w.drop_percent = (unsigned)world_random(&w, 30); break;
  case 3: w.repeat_percent = (unsigned)world_random(&w, 30); break;
  case 4:
    if (world_at(&w, id)->store != NULL) {
      world_crash(&w, id);
    } else {
      world_start(&w, id);
    }
    break;
  default: world_heal(&w); break;
  }
}

static void one_story(uint64_t seed, bool with_sleep) {
  story s = {{0}, {0}};
  world_open(&w, seed, 3);
  w.config.hibernate_ms = with_sleep ? SLEEP_MS / 2 : 0;
  w.config.initial_regions = 4;
  for (uint64_t id = 1; id <= 3; id++) {
    world_start(&w, id);
  }
  world_run(&w, 3000);
  for (int i = 0; i < 60; i++) {
    uint64_t id = 1 + world_random(&w, 3);
    uint64_t choice = world_random(&w, 10);
    if (choice < 3) {
      disturb();
    } else if (choice < 5) {
      world_run(&w, world_random(&w, 4 * SLEEP_MS));
    } else if (world_at(&w, id)->store != NULL && choice < 8) {
      count(&s, id);
    } else if (world_at(&w, id)->store != NULL) {
      look(&s, id);
    }
  }
  world_heal(&w);
  for (uint64_t id = 1; id <= 3; id++) {
    if (world_at(&w, id)->store == NULL) {
      world_start(&w, id);
    }
  }
  if (with_sleep) {
    wait_asleep(60 * SLEEP_MS);
  } else {
    world_run(&w, 10 * SLEEP_MS);
  }
  for (int i = 0; i < 12; i++) {
    count(&s, 1 + world_random(&w, 3));
    look(&s, 1 + world_random(&w, 3));
  }
  ck_assert_uint_gt(s.acknowledged[0] + s.acknowledged[1] + s.acknowledged[2] + s.acknowledged[3],
                    11);
  world_close(&w);
}

START_TEST(whatever_happens_sleepers_wake_and_nothing_is_lost) {
  const char *one = getenv("RANDOM_SEED"), *count_text = getenv("RANDOM_COUNT");
  uint64_t first = one != NULL ? strtoull(one, NULL, 10) : 1;
  uint64_t seeds = count_text != NULL ? strtoull(count_text, NULL, 10) * 4 : 40;
  world_close(&w);
  for (uint64_t seed = first; seed < first + (one != NULL ? 1 : seeds); seed++) {
    printf("seed %llu\n", (unsigned long long)seed);
    one_story(seed, seed % 4 != 0);
  }
  world_open(&w, 1, 3);
}
END_TEST

int main(void) {
  const TTest *const tests[] = {
      a_sleeping_group_does_and_sends_nothing,
      a_sleeping_region_holds_little_memory,
      a_region_that_is_written_to_does_not_sleep,
      hibernation_can_be_switched_off,
      a_group_does_not_sleep_where_one_member_may_not,
      a_single_member_sleeps_too,
      a_group_with_a_member_away_stays_awake_until_it_is_back,
      writes_and_reads_wake_a_region_at_once_wherever_they_come,
      only_the_region_that_is_used_wakes,
      membership_leadership_and_the_log_can_be_changed_in_their_sleep,
      a_store_that_stops_hands_over_its_sleeping_regions,
      the_death_of_a_leader_is_noticed_in_its_regions_sleep,
      a_command_for_a_leader_that_froze_does_not_wait_till_its_end,
      a_write_for_a_leader_that_froze_has_an_unknown_outcome_as_soon_as_another_leads,
      a_write_on_its_way_while_the_leadership_moves_is_done,
      regions_of_others_sleep_through_a_death,
      a_store_that_is_started_anew_wakes_its_regions,
      all_stores_may_crash_in_their_sleep,
      a_sleeping_leader_without_a_majority_steps_down,
      a_leader_that_was_cut_off_in_its_sleep_serves_no_stale_read,
      a_link_that_is_cut_moves_no_leader,
      a_lost_word_on_the_way_to_sleep_is_made_good,
      the_leader_may_die_at_any_moment_of_falling_asleep,
      a_sleeping_peer_asks_from_time_to_time_and_wakes_nobody,
      a_peer_that_was_removed_in_its_sleep_finds_out,
      whatever_happens_sleepers_wake_and_nothing_is_lost,
  };
  return run_suite("hibernate", tests, sizeof tests / sizeof *tests, setup, teardown);
}
