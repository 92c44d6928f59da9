/* test_store.c - stores in one thread: elections, writes, reads, forwarding, limits.
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
  world_open(&w, 1, 3);
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

static uint64_t follower_of(uint64_t leader) {
  return leader % 3 + 1;
}

static bool begins(const world_call *call, const char *text) {
  return strncmp(call->reply, text, strlen(text)) == 0;
}

START_TEST(three_stores_elect_a_leader_and_accept_writes) {
  world_call call;
  uint64_t leader = start();
  ck_assert_str_eq(world_do(&w, leader, &call, KV_OP_SET, 0, "a", "1", NULL), "+OK\r\n");
  ck_assert_str_eq(world_do(&w, leader, &call, KV_OP_GET, 0, "a", NULL), "$1\r\n1\r\n");
  ck_assert_str_eq(world_do(&w, leader, &call, KV_OP_GET, 0, "b", NULL), "_\r\n");
  ck_assert_str_eq(world_do(&w, leader, &call, KV_OP_INCRBY, 41, "n", NULL), ":41\r\n");
  world_check_equal(&w, all, 3);
}
END_TEST

START_TEST(any_store_executes_any_command) {
  world_call call;
  uint64_t follower = follower_of(start());
  ck_assert_str_eq(world_do(&w, follower, &call, KV_OP_SET, 0, "a", "1", NULL), "+OK\r\n");
  ck_assert_str_eq(world_do(&w, follower, &call, KV_OP_GET, 0, "a", NULL), "$1\r\n1\r\n");
  kv_store_summary summary;
  kv_store_summarize(world_at(&w, follower)->store, &summary);
  ck_assert_uint_eq(summary.forwarded, 2);
  ck_assert_uint_eq(summary.pending_count, 0);
}
END_TEST

START_TEST(a_command_before_there_is_a_leader_waits_for_one) {
  world_call calls[3];
  for (uint64_t id = 1; id <= 3; id++) {
    world_start(&w, id);
    world_execute(&w, id, &calls[id - 1], 0, KV_OP_INCRBY, 1, "n", NULL);
  }
  for (int i = 0; i < 3; i++) {
    world_wait(&w, &calls[i]);
    ck_assert(begins(&calls[i], ":"));
  }
}
END_TEST

START_TEST(commands_of_one_turn_share_an_entry_and_a_read_round) {
  enum { COUNT = 20 };
  world_call writes[COUNT], reads[COUNT];
  kv_store_summary before, after;
  uint64_t leader = start();
  world_run(&w, 1000);
  kv_store_summarize(world_at(&w, leader)->store, &before);
  for (int i = 0; i < COUNT; i++) {
    world_execute(&w, leader, &writes[i], 0, KV_OP_INCRBY, 1, "n", NULL);
    world_execute(&w, leader, &reads[i], 0, KV_OP_GET, 0, "n", NULL);
  }
  for (int i = 0; i < COUNT; i++) {
    char expected[16];
    world_wait(&w, &writes[i]);
    world_wait(&w, &reads[i]);
    (void)snprintf(expected, sizeof expected, ":%d\r\n", i + 1);
    ck_assert_str_eq(writes[i].reply, expected);
  }
  kv_store_summarize(world_at(&w, leader)->store, &after);
  ck_assert_uint_eq(after.entries - before.entries, 1);
  ck_assert_uint_eq(after.entry_commands - before.entry_commands, COUNT);
  ck_assert_uint_eq(after.read_rounds - before.read_rounds, 1);
  ck_assert_uint_eq(after.reads - before.reads, COUNT);
}
END_TEST

START_TEST(an_entry_is_bounded_in_bytes) {
  world_call calls[6];
  char value[101];
  kv_store_summary before, after;
  memset(value, 'x', 100);
  value[100] = '\0';
  w.config.max_batch_bytes = 250;
  uint64_t leader = start();
  kv_store_summarize(world_at(&w, leader)->store, &before);
  for (int i = 0; i < 6; i++) {
    world_execute(&w, leader, &calls[i], 0, KV_OP_SET, 0, "k", value, NULL);
  }
  for (int i = 0; i < 6; i++) {
    world_wait(&w, &calls[i]);
    ck_assert_str_eq(calls[i].reply, "+OK\r\n");
  }
  kv_store_summarize(world_at(&w, leader)->store, &after);
  ck_assert_uint_eq(after.entries - before.entries, 3);
}
END_TEST

START_TEST(proposals_in_flight_are_bounded_and_the_rest_waits) {
  enum { COUNT = 50 };
  world_call calls[COUNT];
  w.config.max_batch_bytes = 10;
  w.config.max_inflight_bytes = 100;
  uint64_t leader = start();
  for (int i = 0; i < COUNT; i++) {
    world_execute(&w, leader, &calls[i], 0, KV_OP_INCRBY, 1, "n", NULL);
  }
  for (int i = 0; i < COUNT; i++) {
    world_wait(&w, &calls[i]);
  }
  ck_assert_str_eq(calls[COUNT - 1].reply, ":50\r\n");
}
END_TEST

START_TEST(too_many_commands_are_refused_as_busy) {
  world_call calls[4];
  w.config.max_pending_count = 3;
  uint64_t leader = start();
  for (int i = 0; i < 4; i++) {
    world_execute(&w, leader, &calls[i], 0, KV_OP_INCRBY, 1, "n", NULL);
    ck_assert_int_eq(calls[i].answers, 0); /* not from within the call */
  }
  for (int i = 0; i < 4; i++) {
    world_wait(&w, &calls[i]);
  }
  ck_assert_str_eq(calls[2].reply, ":3\r\n");
  ck_assert(begins(&calls[3], "-TRYAGAIN server is busy"));
}
END_TEST

START_TEST(too_many_bytes_are_refused_as_busy_by_the_leader_of_others) {
  world_call call;
  char value[2001];
  memset(value, 'x', 2000);
  value[2000] = '\0';
  uint64_t leader = start(), follower = follower_of(leader);
  world_crash(&w, leader);
  w.config.max_pending_bytes = 1000;
  world_start(&w, leader);
  leader = world_wait_leader(&w, 0);
  if (leader != follower) {
    world_do(&w, follower, &call, KV_OP_SET, 0, "k", value, NULL);
    ck_assert(begins(&call, "+OK") || begins(&call, "-TRYAGAIN server is busy"));
  }
}
END_TEST

START_TEST(without_a_majority_writes_time_out_unknown_and_reads_may_be_repeated) {
  world_call write, read, late;
  uint64_t leader = start();
  world_isolate(&w, leader, true);
  world_execute(&w, leader, &write, 3000, KV_OP_SET, 0, "a", "1", NULL);
  world_execute(&w, leader, &read, 3000, KV_OP_GET, 0, "a", NULL);
  world_wait(&w, &write);
  world_wait(&w, &read);
  ck_assert(begins(&write, "-TIMEOUT outcome unknown"));
  ck_assert(begins(&read, "-TRYAGAIN"));
  world_execute(&w, leader, &late, 500, KV_OP_SET, 0, "a", "2", NULL);
  world_wait(&w, &late); /* it has no leader now, and proposes nothing */
  ck_assert(begins(&late, "-TRYAGAIN no leader"));
}
END_TEST

START_TEST(a_proposal_that_was_overwritten_is_made_again) {
  world_call call, other;
  uint64_t leader = start();
  world_isolate(&w, leader, true);
  world_execute(&w, leader, &call, 60000, KV_OP_INCRBY, 1, "n", NULL);
  world_run(&w, 100); /* in its log, nowhere else */
  uint64_t next = world_wait_leader(&w, leader);
  world_do(&w, next, &other, KV_OP_INCRBY, 1, "n", NULL);
  ck_assert_int_eq(call.answers, 0);
  world_heal(&w);
  world_wait(&w, &call);
  ck_assert_str_eq(call.reply, ":2\r\n");
}
END_TEST

START_TEST(a_deposed_leader_serves_no_stale_read) {
  world_call call, read;
  uint64_t leader = start();
  world_do(&w, leader, &call, KV_OP_SET, 0, "a", "old", NULL);
  world_isolate(&w, leader, true);
  world_execute(&w, leader, &read, 60000, KV_OP_GET, 0, "a", NULL);
  world_run(&w, 50);
  ck_assert_int_eq(read.answers, 0);
  uint64_t next = world_wait_leader(&w, leader);
  world_do(&w, next, &call, KV_OP_SET, 0, "a", "new", NULL);
  ck_assert_int_eq(read.answers, 0);
  world_heal(&w);
  world_wait(&w, &read);
  ck_assert_str_eq(read.reply, "$3\r\nnew\r\n");
}
END_TEST

START_TEST(a_forwarded_write_whose_leader_dies_has_an_unknown_outcome) {
  world_call call, again;
  uint64_t leader = start(), follower = follower_of(leader);
  world_run(&w, 500);
  w.drop_percent = 100; /* raft frames only: the leader gets the command, and cannot commit it */
  world_execute(&w, follower, &call, 60000, KV_OP_SET, 0, "a", "1", NULL);
  world_run(&w, 20);
  world_crash(&w, leader);
  w.drop_percent = 0;
  (void)world_wait_leader(&w, leader);
  world_wait(&w, &call);
  ck_assert(begins(&call, "-TIMEOUT outcome unknown") || begins(&call, "+OK"));
  ck_assert_str_eq(world_do(&w, follower, &again, KV_OP_SET, 0, "b", "1", NULL), "+OK\r\n");
}
END_TEST

/* Its answer was on the way, or its entry at another store: a second one would count twice. */
START_TEST(a_forwarded_write_whose_connection_breaks_is_not_sent_again) {
  world_call call;
  uint64_t leader = start(), follower = follower_of(leader);
  kv_store_summary summary = {0};
  world_run(&w, 500);
  world_execute(&w, follower, &call, 60000, KV_OP_INCRBY, 1, "n", NULL);
  while (summary.forwarded == 0) {
    world_random_step(&w);
    kv_store_summarize(world_at(&w, follower)->store, &summary);
  }
  kv_store_unreachable(world_at(&w, follower)->store, leader);
  world_crash(&w, leader);
  (void)world_wait_leader(&w, leader);
  world_wait(&w, &call);
  ck_assert_msg(begins(&call, "-TIMEOUT outcome unknown"), "%s", call.reply);
}
END_TEST

START_TEST(every_command_is_answered_when_the_store_closes) {
  world_call calls[3];
  uint64_t leader = start();
  world_isolate(&w, leader, true);
  world_execute(&w, leader, &calls[0], 0, KV_OP_SET, 0, "a", "1", NULL);
  world_execute(&w, leader, &calls[1], 0, KV_OP_GET, 0, "a", NULL);
  world_run(&w, 50);
  world_execute(&w, leader, &calls[2], 0, KV_OP_SET, 0, "a", "2", NULL);
  world_crash(&w, leader);
  ck_assert(begins(&calls[0], "-TIMEOUT outcome unknown"));
  ck_assert(begins(&calls[1], "-TRYAGAIN"));
  ck_assert(begins(&calls[2], "-TRYAGAIN"));
}
END_TEST

START_TEST(acknowledged_writes_survive_all_stores_crashing_at_once) {
  world_call call;
  uint64_t leader = start();
  char key[16];
  for (int i = 0; i < 30; i++) {
    (void)snprintf(key, sizeof key, "k%d", i);
    ck_assert_str_eq(world_do(&w, leader, &call, KV_OP_SET, 0, key, key, NULL), "+OK\r\n");
  }
  for (uint64_t id = 1; id <= 3; id++) {
    world_crash(&w, id);
  }
  for (uint64_t id = 1; id <= 3; id++) {
    world_start(&w, id);
  }
  leader = world_wait_leader(&w, 0);
  for (int i = 0; i < 30; i++) {
    (void)snprintf(key, sizeof key, "k%d", i);
    world_do(&w, leader, &call, KV_OP_GET, 0, key, NULL);
    ck_assert_ptr_nonnull(strstr(call.reply, key));
  }
  world_check_equal(&w, all, 3);
}
END_TEST

START_TEST(a_full_disk_delays_answers_and_loses_nothing) {
  world_call calls[5];
  uint64_t leader = start();
  world_at(&w, leader)->engine.fail_commits = 3;
  for (int i = 0; i < 5; i++) {
    world_execute(&w, leader, &calls[i], 0, KV_OP_INCRBY, 1, "n", NULL);
  }
  for (int i = 0; i < 5; i++) {
    world_wait(&w, &calls[i]);
  }
  ck_assert_str_eq(calls[4].reply, ":5\r\n");
  world_check_equal(&w, all, 3);
}
END_TEST

START_TEST(while_the_disk_is_full_writes_are_refused_and_it_recovers) {
  world_call first, refused, later;
  uint64_t leader = start();
  world_at(&w, leader)->engine.fail_commits = 1000000;
  world_execute(&w, leader, &first, 60000, KV_OP_SET, 0, "a", "1", NULL);
  world_run(&w, 500);
  ck_assert_int_eq(first.answers, 0);
  world_do(&w, leader, &refused, KV_OP_SET, 0, "a", "2", NULL);
  ck_assert(begins(&refused, "-TRYAGAIN the disk of store"));
  world_at(&w, leader)->engine.fail_commits = 0;
  world_wait(&w, &first);
  ck_assert_str_eq(first.reply, "+OK\r\n");
  ck_assert_str_eq(world_do(&w, leader, &later, KV_OP_SET, 0, "a", "3", NULL), "+OK\r\n");
  world_check_equal(&w, all, 3);
}
END_TEST

/* Whatever step of a write a leader dies at, the write is there or its client does not know. */
START_TEST(a_leader_may_die_between_any_two_steps_of_a_write) {
  world_call call, read;
  char key[16];
  uint64_t leader = start();
  for (int steps = 0; steps < 150; steps++) {
    uint64_t by = steps % 2 == 0 ? leader : follower_of(leader);
    (void)snprintf(key, sizeof key, "k%d", steps);
    world_execute(&w, by, &call, 20000, KV_OP_SET, 0, key, "v", NULL);
    for (int i = 0; i < steps; i++) {
      world_random_step(&w);
    }
    world_crash(&w, leader);
    (void)world_wait_leader(&w, leader);
    world_wait(&w, &call);
    world_start(&w, leader);
    leader = world_wait_leader(&w, 0);
    world_do(&w, leader, &read, KV_OP_GET, 0, key, NULL);
    if (begins(&call, "+OK")) {
      ck_assert_str_eq(read.reply, "$1\r\nv\r\n");
    } else if (begins(&call, "-TRYAGAIN")) {
      ck_assert_str_eq(read.reply, "_\r\n");
    } else {
      ck_assert(begins(&call, "-TIMEOUT outcome unknown"));
    }
  }
  world_check_equal(&w, all, 3);
}
END_TEST

START_TEST(hostile_frames_do_no_harm) {
  world_call call;
  uint64_t leader = start(), follower = follower_of(leader);
  for (int i = 0; i < 3000; i++) {
    if (w.frame_count == 0) {
      world_execute(&w, follower, &call, 50, KV_OP_INCRBY, 1, "n", NULL);
      kv_store_tick(world_at(&w, leader)->store);
      kv_store_flush(world_at(&w, leader)->store);
      kv_store_flush(world_at(&w, follower)->store);
      w.now += 100;
      continue;
    }
    world_frame *frame = &w.frames[world_random(&w, w.frame_count)];
    size_t len = raft_buf_len(frame->bytes);
    unsigned char *bytes = malloc(len + 1);
    ck_assert_ptr_nonnull(bytes);
    memcpy(bytes, raft_buf_data(frame->bytes), len);
    bool cut = frame->type == KV_FRAME_RAFT ||
               frame->type == KV_FRAME_BEATS; /* a forged message could be a valid one */
    if (len > 0 && !cut) {
      bytes[world_random(&w, len)] ^= (unsigned char)(1 + world_random(&w, 255));
    }
    raft_bytes payload = {bytes, cut ? world_random(&w, len + 1) : len, NULL};
    kv_store_receive(world_at(&w, frame->to)->store, frame->from, frame->type, payload);
    free(bytes);
    if (world_random(&w, 10) == 0) {
      world_run(&w, 10);
    }
  }
  world_run(&w, 3000);
  leader = world_wait_leader(&w, 0);
  ck_assert_str_eq(world_do(&w, leader, &call, KV_OP_SET, 0, "a", "1", NULL), "+OK\r\n");
  world_check_equal(&w, all, 3);
}
END_TEST

START_TEST(data_of_another_store_or_cluster_is_refused) {
  kv_error error = {0};
  uint64_t leader = start();
  world_store *s = world_at(&w, leader);
  world_crash(&w, leader);
  w.config.cluster_id = 8;
  ck_assert_int_eq(world_try_start(&w, leader, leader, &error), KV_EFOREIGN);
  ck_assert_ptr_nonnull(strstr(error.text, "belongs to cluster 7"));
  w.config.cluster_id = 7;
  ck_assert_int_eq(world_try_start(&w, leader, follower_of(leader), &error), KV_EFOREIGN);
  ck_assert_ptr_nonnull(strstr(error.text, "is that of store"));
  world_log_free(&s->log); /* the log is lost, the engine is not */
  s->log = (world_log){0};
  ck_assert_int_eq(world_try_start(&w, leader, leader, &error), KV_ECORRUPT);
  ck_assert_ptr_nonnull(strstr(error.text, "raft log is missing"));
}
END_TEST

START_TEST(an_impossible_configuration_is_refused) {
  kv_error error = {0};
  w.config.cluster_id = 0;
  ck_assert_int_eq(world_try_start(&w, 1, 1, &error), KV_EINVAL);
  w.config.cluster_id = 7;
  w.config.heartbeat_ticks = 10;
  ck_assert_int_eq(world_try_start(&w, 1, 1, &error), KV_EINVAL);
  w.config.heartbeat_ticks = 2;
  w.config.initial_regions = 0;
  ck_assert_int_eq(world_try_start(&w, 1, 1, &error), KV_EINVAL);
  w.config.initial_regions = 1;
  ck_assert_int_eq(world_try_start(&w, 1, 6, &error), KV_EINVAL);
  ck_assert_ptr_nonnull(strstr(error.text, "not in the list of members"));
}
END_TEST

START_TEST(devices_that_are_full_are_asked_again) {
  world_call calls[30];
  w.config.max_batch_bytes = 10;
  uint64_t leader = start();
  for (uint64_t id = 1; id <= 3; id++) {
    world_at(&w, id)->task_limit = 1;
    world_at(&w, id)->log.limit = 1;
  }
  for (int i = 0; i < 30; i++) {
    world_execute(&w, leader, &calls[i], 0, KV_OP_INCRBY, 1, "n", NULL);
  }
  for (int i = 0; i < 30; i++) {
    world_wait(&w, &calls[i]);
  }
  ck_assert_str_eq(calls[29].reply, ":30\r\n");
  world_check_equal(&w, all, 3);
}
END_TEST

START_TEST(checksums_agree_and_are_of_the_own_data) {
  world_call calls[3], call;
  uint64_t leader = start();
  world_do(&w, leader, &call, KV_OP_MSET, 0, "a", "1", "b", "2", NULL);
  world_run(&w, 1000);
  for (uint64_t id = 1; id <= 3; id++) {
    calls[id - 1] = (world_call){0};
    kv_store_checksum(world_at(&w, id)->store, 0, 0, world_answered, &calls[id - 1]);
    world_wait(&w, &calls[id - 1]);
    ck_assert_ptr_nonnull(strstr(calls[id - 1].reply, "keys\r\n:2\r\n"));
    ck_assert_str_eq(strstr(calls[id - 1].reply, "$8\r\nchecksum"),
                     strstr(calls[0].reply, "$8\r\nchecksum"));
  }
}
END_TEST

START_TEST(a_cluster_may_begin_with_many_regions) {
  static const char *const keys[] = {"", "1", "3fffffff", "40", "80", "bfff", "c0000000", "z"};
  world_call call;
  w.config.initial_regions = 4;
  for (uint64_t id = 1; id <= 3; id++) {
    world_start(&w, id);
  }
  for (size_t i = 1; i < sizeof keys / sizeof *keys; i++) {
    ck_assert_str_eq(world_do(&w, 1 + i % 3, &call, KV_OP_SET, 0, keys[i], keys[i], NULL),
                     "+OK\r\n");
  }
  kv_store_summary summary;
  kv_store_summarize(world_at(&w, 1)->store, &summary);
  ck_assert_uint_eq(summary.regions, 4);
  for (uint64_t id = 1; id <= 3; id++) { /* again, from disk; the number counts no more */
    world_crash(&w, id);
    w.config.initial_regions = 1;
    world_start(&w, id);
  }
  for (size_t i = 1; i < sizeof keys / sizeof *keys; i++) {
    world_do(&w, 1 + i % 3, &call, KV_OP_GET, 0, keys[i], NULL);
    ck_assert_msg(strstr(call.reply, keys[i]) != NULL, "%s", call.reply);
  }
  kv_store_summarize(world_at(&w, 1)->store, &summary);
  ck_assert_uint_eq(summary.regions, 4);
}
END_TEST

int main(void) {
  const TTest *const tests[] = {
      three_stores_elect_a_leader_and_accept_writes,
      any_store_executes_any_command,
      a_command_before_there_is_a_leader_waits_for_one,
      commands_of_one_turn_share_an_entry_and_a_read_round,
      an_entry_is_bounded_in_bytes,
      proposals_in_flight_are_bounded_and_the_rest_waits,
      too_many_commands_are_refused_as_busy,
      too_many_bytes_are_refused_as_busy_by_the_leader_of_others,
      without_a_majority_writes_time_out_unknown_and_reads_may_be_repeated,
      a_proposal_that_was_overwritten_is_made_again,
      a_deposed_leader_serves_no_stale_read,
      a_forwarded_write_whose_leader_dies_has_an_unknown_outcome,
      a_forwarded_write_whose_connection_breaks_is_not_sent_again,
      every_command_is_answered_when_the_store_closes,
      acknowledged_writes_survive_all_stores_crashing_at_once,
      a_full_disk_delays_answers_and_loses_nothing,
      while_the_disk_is_full_writes_are_refused_and_it_recovers,
      a_leader_may_die_between_any_two_steps_of_a_write,
      hostile_frames_do_no_harm,
      data_of_another_store_or_cluster_is_refused,
      an_impossible_configuration_is_refused,
      devices_that_are_full_are_asked_again,
      checksums_agree_and_are_of_the_own_data,
      a_cluster_may_begin_with_many_regions,
  };
  return run_suite("store", tests, sizeof tests / sizeof *tests, setup, teardown);
}
