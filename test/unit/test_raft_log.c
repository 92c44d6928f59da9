/* test_raft_log.c - writes are seen at once, durable after done, and the same after a restart.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <libraft/error.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log_fixture.h"

static log_fixture f;

static void set_up(void) {
  fixture_open(&f);
}

static void tear_down(void) {
  fixture_close(&f);
}

START_TEST(a_new_log_has_no_regions) {
  kv_log_bounds bounds;
  uint64_t term;
  size_t count = 1;
  raft_entry entry;
  ck_assert_int_eq(kv_raft_log_bounds(f.log, 1, &bounds), KV_ENOTFOUND);
  ck_assert_int_eq(kv_raft_log_term(f.log, 1, 0, &term), KV_ENOTFOUND);
  ck_assert_int_eq(kv_raft_log_entries(f.log, 1, 1, 1, 1, &entry, &count), KV_ENOTFOUND);
  ck_assert_ptr_null(kv_raft_log_take(f.log));
}
END_TEST

START_TEST(what_is_written_is_read_before_after_and_across_a_restart) {
  ck_assert_int_eq(fixture_append(&f, 1, 1, 5, 2, 100), 0);
  fixture_expect(&f, 1, 1, 5, 2, 100);
  ck_assert_uint_eq(f.reported, 0);
  ck_assert_int_eq(fixture_sync(&f), 0);
  ck_assert_uint_eq(f.reported, 1);
  ck_assert_uint_eq(f.tokens[0], 1);
  fixture_expect(&f, 1, 1, 5, 2, 100);
  ck_assert_int_eq(fixture_reopen(&f), 0);
  fixture_expect(&f, 1, 1, 5, 2, 100);
}
END_TEST

START_TEST(tokens_are_reported_in_the_order_of_writes) {
  for (uint64_t i = 0; i < 40; i++) {
    ck_assert_int_eq(fixture_append(&f, 1 + i % 3, 1 + i / 3, 1, 1, 10), 0);
  }
  ck_assert_int_eq(fixture_sync(&f), 0);
  ck_assert_uint_eq(f.reported, 40);
  for (uint64_t i = 0; i < 40; i++) {
    ck_assert_uint_eq(f.tokens[i], i + 1);
    ck_assert_int_eq(f.codes[i], 0);
  }
}
END_TEST

START_TEST(queued_groups_share_one_sync) {
  for (uint64_t i = 1; i <= 20; i++) {
    ck_assert_int_eq(fixture_append(&f, i, 1, 1, 1, 10), 0);
  }
  ck_assert_int_eq(fixture_sync(&f), 0);
  kv_raft_log_stats stats;
  kv_raft_log_get_stats(f.log, &stats);
  ck_assert_uint_eq(stats.syncs, 1);
  ck_assert_uint_eq(stats.groups, 20);
  ck_assert_uint_eq(stats.queued_bytes, 0);
}
END_TEST

START_TEST(what_was_not_synced_is_not_there_after_a_restart) {
  ck_assert_int_eq(fixture_append(&f, 1, 1, 3, 1, 10), 0);
  ck_assert_int_eq(fixture_sync(&f), 0);
  ck_assert_int_eq(fixture_append(&f, 1, 4, 3, 1, 10), 0);
  ck_assert_int_eq(fixture_reopen(&f), 0);
  fixture_expect(&f, 1, 1, 3, 1, 10);
}
END_TEST

START_TEST(a_conflicting_suffix_is_replaced) {
  ck_assert_int_eq(fixture_append(&f, 1, 1, 10, 1, 20), 0);
  ck_assert_int_eq(fixture_sync(&f), 0);
  ck_assert_int_eq(fixture_append(&f, 1, 4, 2, 3, 20), 0);
  for (int round = 0; round < 3; round++) {
    kv_log_bounds bounds;
    uint64_t term;
    ck_assert_int_eq(kv_raft_log_bounds(f.log, 1, &bounds), 0);
    ck_assert_uint_eq(bounds.last_index, 5);
    ck_assert_int_eq(kv_raft_log_term(f.log, 1, 3, &term), 0);
    ck_assert_uint_eq(term, 1);
    ck_assert_int_eq(kv_raft_log_term(f.log, 1, 4, &term), 0);
    ck_assert_uint_eq(term, 3);
    ck_assert_int_eq(kv_raft_log_term(f.log, 1, 6, &term), RAFT_EUNAVAILABLE);
    ck_assert_int_eq(round == 0 ? fixture_sync(&f) : fixture_reopen(&f), 0);
  }
}
END_TEST

START_TEST(entries_that_leave_a_gap_or_begin_below_the_log_change_nothing) {
  ck_assert_int_eq(fixture_append(&f, 1, 2, 1, 1, 10), KV_EINVAL);
  ck_assert_int_eq(fixture_append(&f, 1, 1, 10, 1, 10), 0);
  ck_assert_int_eq(fixture_compact(&f, 1, 5), 0);
  ck_assert_int_eq(fixture_append(&f, 1, 12, 1, 1, 10), KV_EINVAL);
  ck_assert_int_eq(fixture_append(&f, 1, 5, 1, 1, 10), KV_EINVAL);
  const kv_log_change nobody = {.region_id = 0};
  ck_assert_int_eq(fixture_change(&f, &nobody), KV_EINVAL);
  const raft_entry torn[] = {{.index = 11, .term = 1}, {.index = 13, .term = 1}};
  const kv_log_change change = {.region_id = 1, .entries = torn, .entry_count = 2};
  ck_assert_int_eq(fixture_change(&f, &change), KV_EINVAL);
  fixture_expect(&f, 1, 6, 10, 1, 10);
}
END_TEST

START_TEST(a_failing_change_undoes_none_and_does_none_of_the_others) {
  const raft_entry entry = {.index = 7, .term = 1};
  const kv_log_change changes[] = {{.region_id = 1, .hard_state = {1, 1, 1}},
                                   {.region_id = 2, .entries = &entry, .entry_count = 1}};
  kv_log_bounds bounds;
  ck_assert_int_eq(kv_raft_log_write(f.log, changes, 2, 1), KV_EINVAL);
  ck_assert_int_eq(kv_raft_log_bounds(f.log, 1, &bounds), KV_ENOTFOUND);
  ck_assert_int_eq(kv_raft_log_bounds(f.log, 2, &bounds), KV_ENOTFOUND);
}
END_TEST

START_TEST(compaction_moves_the_first_index_and_keeps_the_term_before_it) {
  ck_assert_int_eq(fixture_append(&f, 1, 1, 10, 4, 20), 0);
  ck_assert_int_eq(fixture_compact(&f, 1, 7), 0);
  for (int round = 0; round < 3; round++) {
    uint64_t term;
    size_t count = 1;
    raft_entry entry;
    fixture_expect(&f, 1, 8, 10, 4, 20);
    ck_assert_int_eq(kv_raft_log_term(f.log, 1, 7, &term), 0);
    ck_assert_uint_eq(term, 4);
    ck_assert_int_eq(kv_raft_log_term(f.log, 1, 6, &term), RAFT_ECOMPACTED);
    ck_assert_int_eq(kv_raft_log_entries(f.log, 1, 7, 9, 100, &entry, &count), RAFT_ECOMPACTED);
    ck_assert_int_eq(kv_raft_log_entries(f.log, 1, 8, 12, 100, &entry, &count), RAFT_EUNAVAILABLE);
    ck_assert_int_eq(round == 0 ? fixture_sync(&f) : fixture_reopen(&f), 0);
  }
}
END_TEST

START_TEST(compaction_beyond_the_end_means_the_end) {
  ck_assert_int_eq(fixture_append(&f, 1, 1, 3, 4, 20), 0);
  ck_assert_int_eq(fixture_compact(&f, 1, 100), 0);
  ck_assert_int_eq(fixture_append(&f, 1, 4, 1, 4, 20), 0);
  ck_assert_int_eq(fixture_sync(&f), 0);
  ck_assert_int_eq(fixture_reopen(&f), 0);
  fixture_expect(&f, 1, 4, 4, 4, 20);
}
END_TEST

START_TEST(reset_starts_the_log_behind_a_snapshot) {
  ck_assert_int_eq(fixture_append(&f, 1, 1, 10, 1, 20), 0);
  const kv_log_change change = {.region_id = 1,
                                .reset = true,
                                .reset_index = 500,
                                .reset_term = 9,
                                .hard_state = {9, 2, 500}};
  ck_assert_int_eq(fixture_change(&f, &change), 0);
  for (int round = 0; round < 3; round++) {
    kv_log_bounds bounds;
    uint64_t term;
    ck_assert_int_eq(kv_raft_log_bounds(f.log, 1, &bounds), 0);
    ck_assert_uint_eq(bounds.first_index, 501);
    ck_assert_uint_eq(bounds.last_index, 500);
    ck_assert_uint_eq(bounds.truncated_term, 9);
    ck_assert_uint_eq(bounds.hard_state.commit, 500);
    ck_assert_int_eq(kv_raft_log_term(f.log, 1, 500, &term), 0);
    ck_assert_uint_eq(term, 9);
    ck_assert_int_eq(round == 0 ? fixture_sync(&f) : fixture_reopen(&f), 0);
  }
  ck_assert_int_eq(fixture_append(&f, 1, 501, 3, 9, 20), 0);
  fixture_expect(&f, 1, 501, 503, 9, 20);
}
END_TEST

static int count_region(void *arg, uint64_t region_id) {
  uint64_t *sum = arg;
  *sum += region_id;
  return 0;
}

START_TEST(a_destroyed_region_is_gone_and_can_come_again) {
  kv_log_bounds bounds;
  ck_assert_int_eq(fixture_append(&f, 1, 1, 3, 1, 20), 0);
  ck_assert_int_eq(fixture_append(&f, 2, 1, 3, 1, 20), 0);
  const kv_log_change change = {.region_id = 1, .destroy = true};
  ck_assert_int_eq(fixture_change(&f, &change), 0);
  for (int round = 0; round < 3; round++) {
    uint64_t sum = 0;
    ck_assert_int_eq(kv_raft_log_bounds(f.log, 1, &bounds), KV_ENOTFOUND);
    ck_assert_int_eq(kv_raft_log_each_region(f.log, count_region, &sum), 0);
    ck_assert_uint_eq(sum, 2);
    ck_assert_int_eq(round == 0 ? fixture_sync(&f) : fixture_reopen(&f), 0);
  }
  ck_assert_int_eq(fixture_append(&f, 1, 1, 1, 8, 20), 0);
  ck_assert_int_eq(fixture_sync(&f), 0);
  ck_assert_int_eq(fixture_reopen(&f), 0);
  fixture_expect(&f, 1, 1, 1, 8, 20);
}
END_TEST

START_TEST(a_change_does_its_parts_in_the_order_of_the_fields) {
  ck_assert_int_eq(fixture_append(&f, 1, 1, 5, 1, 20), 0);
  unsigned char data[20];
  fixture_payload(data, sizeof(data), 1, 11, 3);
  raft_entry entries[3];
  for (uint64_t i = 0; i < 3; i++) {
    fixture_payload(data, sizeof(data), 1, 13, 3);
    entries[i] = (raft_entry){.index = 11 + i, .term = 3, .data = {data, sizeof(data), NULL}};
  }
  const kv_log_change change = {.region_id = 1,
                                .destroy = true,
                                .reset = true,
                                .reset_index = 10,
                                .reset_term = 2,
                                .hard_state = {3, 1, 10},
                                .entries = entries,
                                .entry_count = 3,
                                .compact_to = 12};
  ck_assert_int_eq(fixture_change(&f, &change), 0);
  memset(data, 0, sizeof(data)); /* payloads without an owner were copied */
  for (int round = 0; round < 3; round++) {
    kv_log_bounds bounds;
    fixture_expect(&f, 1, 13, 13, 3, 20);
    ck_assert_int_eq(kv_raft_log_bounds(f.log, 1, &bounds), 0);
    ck_assert_uint_eq(bounds.truncated_term, 3);
    ck_assert_uint_eq(bounds.hard_state.vote, 1);
    ck_assert_int_eq(round == 0 ? fixture_sync(&f) : fixture_reopen(&f), 0);
  }
}
END_TEST

START_TEST(changes_of_one_region_in_one_write_follow_on) {
  const raft_entry one = {.index = 1, .term = 1};
  const raft_entry two = {.index = 2, .term = 1};
  const kv_log_change changes[] = {
      {.region_id = 1, .entries = &one, .entry_count = 1, .compact_to = 1},
      {.region_id = 1, .entries = &two, .entry_count = 1, .hard_state = {1, 2, 1}}};
  ck_assert_int_eq(kv_raft_log_write(f.log, changes, 2, 1), 0);
  for (int round = 0; round < 3; round++) {
    kv_log_bounds bounds;
    ck_assert_int_eq(kv_raft_log_bounds(f.log, 1, &bounds), 0);
    ck_assert_uint_eq(bounds.first_index, 2);
    ck_assert_uint_eq(bounds.last_index, 2);
    ck_assert_uint_eq(bounds.hard_state.vote, 2);
    ck_assert_int_eq(round == 0 ? fixture_sync(&f) : fixture_reopen(&f), 0);
  }
}
END_TEST

START_TEST(absent_and_empty_data_stay_what_they_are) {
  const raft_entry entries[] = {{.index = 1, .term = 1, .data = {NULL, 0, NULL}},
                                {.index = 2, .term = 1, .data = {"", 0, NULL}},
                                {.index = 3, .term = 1, .type = RAFT_ENTRY_CONF_CHANGE_V2}};
  const kv_log_change change = {.region_id = 1, .entries = entries, .entry_count = 3};
  ck_assert_int_eq(fixture_change(&f, &change), 0);
  for (int round = 0; round < 2; round++) {
    raft_entry out[3];
    size_t count = 3;
    ck_assert_int_eq(kv_raft_log_entries(f.log, 1, 1, 4, RAFT_NO_LIMIT, out, &count), 0);
    ck_assert_uint_eq(count, 3);
    ck_assert_ptr_null(out[0].data.data);
    ck_assert_ptr_nonnull(out[1].data.data);
    ck_assert_ptr_nonnull(out[1].data.owner);
    ck_assert_uint_eq(out[1].data.len, 0);
    ck_assert_int_eq(out[2].type, RAFT_ENTRY_CONF_CHANGE_V2);
    raft_buf_release(out[1].data.owner);
    ck_assert_int_eq(fixture_sync(&f), 0);
    ck_assert_int_eq(fixture_reopen(&f), 0);
  }
}
END_TEST

START_TEST(reading_keeps_to_the_limits) {
  ck_assert_int_eq(fixture_append(&f, 1, 1, 10, 1, 100), 0);
  for (int round = 0; round < 2; round++) {
    raft_entry out[10];
    size_t count = 10;
    ck_assert_int_eq(kv_raft_log_entries(f.log, 1, 1, 11, 1, out, &count), 0);
    ck_assert_uint_eq(count, 1); /* at least one */
    raft_buf_release(out[0].data.owner);
    count = 10;
    ck_assert_int_eq(kv_raft_log_entries(f.log, 1, 1, 11, 3 * 106, out, &count), 0);
    ck_assert_uint_eq(count, 3);
    for (size_t i = 0; i < count; i++) {
      raft_buf_release(out[i].data.owner);
    }
    count = 2;
    ck_assert_int_eq(kv_raft_log_entries(f.log, 1, 1, 11, RAFT_NO_LIMIT, out, &count), 0);
    ck_assert_uint_eq(count, 2);
    raft_buf_release(out[0].data.owner);
    raft_buf_release(out[1].data.owner);
    count = 10;
    ck_assert_int_eq(kv_raft_log_entries(f.log, 1, 5, 5, RAFT_NO_LIMIT, out, &count), 0);
    ck_assert_uint_eq(count, 0);
    ck_assert_int_eq(fixture_sync(&f), 0);
    ck_assert_int_eq(fixture_reopen(&f), 0); /* from the file */
  }
}
END_TEST

START_TEST(the_cache_keeps_its_budget_but_never_drops_what_is_not_durable) {
  kv_raft_log_stats stats;
  f.options.cache_bytes = 1000;
  ck_assert_int_eq(fixture_reopen(&f), 0);
  ck_assert_int_eq(fixture_append(&f, 1, 1, 50, 1, 100), 0);
  kv_raft_log_get_stats(f.log, &stats);
  ck_assert_uint_eq(stats.cached_bytes, 5000);
  fixture_expect(&f, 1, 1, 50, 1, 100);
  ck_assert_int_eq(fixture_sync(&f), 0);
  kv_raft_log_get_stats(f.log, &stats);
  ck_assert_uint_le(stats.cached_bytes, 1000);
  fixture_expect(&f, 1, 1, 50, 1, 100); /* some from the file, some not */
}
END_TEST

START_TEST(a_full_queue_takes_nothing_more) {
  f.options.queue_bytes = 1000;
  ck_assert_int_eq(fixture_reopen(&f), 0);
  ck_assert_int_eq(fixture_append(&f, 1, 1, 10, 1, 100), 0);
  ck_assert_int_eq(fixture_append(&f, 1, 11, 1, 1, 100), KV_EBUSY);
  fixture_expect(&f, 1, 1, 10, 1, 100);
  ck_assert_int_eq(fixture_sync(&f), 0);
  ck_assert_int_eq(fixture_append(&f, 1, 11, 1, 1, 100), 0);
}
END_TEST

START_TEST(the_log_rolls_over_segments_and_reads_them_all) {
  for (uint64_t i = 0; i < 300; i++) {
    ck_assert_int_eq(fixture_append(&f, 1 + i % 2, 1 + i / 2, 1, 1, 1000), 0);
    if (i % 7 == 0) {
      ck_assert_int_eq(fixture_sync(&f), 0);
    }
  }
  ck_assert_int_eq(fixture_sync(&f), 0);
  kv_raft_log_stats stats;
  kv_raft_log_get_stats(f.log, &stats);
  ck_assert_uint_ge(stats.segments, 5);
  for (int round = 0; round < 2; round++) {
    fixture_expect(&f, 1, 1, 150, 1, 1000);
    fixture_expect(&f, 2, 1, 150, 1, 1000);
    ck_assert_int_eq(fixture_reopen(&f), 0);
  }
}
END_TEST

START_TEST(a_group_larger_than_a_segment_gets_one_of_its_own) {
  ck_assert_int_eq(fixture_append(&f, 1, 1, 1, 1, 50), 0);
  ck_assert_int_eq(fixture_sync(&f), 0);
  ck_assert_int_eq(fixture_append(&f, 2, 1, 3, 1, 100000), 0);
  ck_assert_int_eq(fixture_append(&f, 1, 2, 1, 1, 50), 0);
  for (int round = 0; round < 3; round++) {
    fixture_expect(&f, 1, 1, 2, 1, 50);
    fixture_expect(&f, 2, 1, 3, 1, 100000);
    ck_assert_int_eq(round == 0 ? fixture_sync(&f) : fixture_reopen(&f), 0);
  }
}
END_TEST

START_TEST(more_parts_than_one_call_may_have_are_written_whole) {
  for (uint64_t i = 0; i < 20; i++) {
    ck_assert_int_eq(fixture_append(&f, 1, 1 + i * 150, 150, 1, 3), 0);
  }
  ck_assert_int_eq(fixture_sync(&f), 0);
  ck_assert_int_eq(fixture_reopen(&f), 0);
  fixture_expect(&f, 1, 1, 3000, 1, 3);
}
END_TEST

START_TEST(many_regions_keep_their_own_logs) {
  for (uint64_t region = 1; region <= 500; region++) {
    ck_assert_int_eq(fixture_append(&f, region, 1, 2, region, 10), 0);
    ck_assert_int_eq(fixture_hard_state(&f, region, region, 1, 2), 0);
  }
  ck_assert_int_eq(fixture_sync(&f), 0);
  for (int round = 0; round < 2; round++) {
    for (uint64_t region = 1; region <= 500; region++) {
      kv_log_bounds bounds;
      fixture_expect(&f, region, 1, 2, region, 10);
      ck_assert_int_eq(kv_raft_log_bounds(f.log, region, &bounds), 0);
      ck_assert_uint_eq(bounds.hard_state.term, region);
    }
    ck_assert_int_eq(fixture_reopen(&f), 0);
  }
}
END_TEST

START_TEST(the_device_is_the_same_log) {
  kv_log_device device;
  kv_raft_log_device(f.log, &device);
  const raft_entry entry = {.index = 1, .term = 6};
  const kv_log_change change = {.region_id = 3, .entries = &entry, .entry_count = 1};
  ck_assert_int_eq(device.write(device.ctx, &change, 1, 77), 0);
  kv_log_bounds bounds;
  ck_assert_int_eq(device.bounds(device.ctx, 3, &bounds), 0);
  ck_assert_uint_eq(bounds.last_index, 1);
  uint64_t number = 0;
  ck_assert_int_eq(device.term(device.ctx, 3, 1, &number), 0);
  ck_assert_uint_eq(number, 6);
  raft_entry out;
  size_t count = 1;
  ck_assert_int_eq(device.entries(device.ctx, 3, 1, 2, 10, &out, &count), 0);
  ck_assert_uint_eq(out.term, 6);
  number = 0;
  ck_assert_int_eq(device.each_region(device.ctx, count_region, &number), 0);
  ck_assert_uint_eq(number, 3);
  ck_assert_int_eq(fixture_sync(&f), 0);
  ck_assert_uint_eq(f.tokens[0], 77);
}
END_TEST

/* A writer thread that performs what it is handed; the two semaphores order all memory accesses. */
typedef struct writer_thread {
  kv_log_work *work; /* NULL: end */
  sem_t given;
  sem_t performed;
} writer_thread;

static void *perform_all(void *argument) {
  writer_thread *writer = argument;
  for (;;) {
    (void)sem_wait(&writer->given);
    if (writer->work == NULL) {
      return NULL;
    }
    (void)kv_raft_log_perform(writer->work);
    (void)sem_post(&writer->performed);
  }
}

static void count_tokens(void *ctx, uint64_t token, int rc) {
  uint64_t *last = ctx;
  ck_assert_int_eq(rc, 0);
  ck_assert_uint_eq(token, *last + 1);
  *last = token;
}

START_TEST(another_thread_may_perform_while_this_one_writes_and_reads) {
  writer_thread writer = {.work = NULL};
  pthread_t thread;
  uint64_t reported = 0;
  f.options.cache_bytes = 20000;
  ck_assert_int_eq(fixture_reopen(&f), 0);
  ck_assert_int_eq(sem_init(&writer.given, 0, 0), 0);
  ck_assert_int_eq(sem_init(&writer.performed, 0, 0), 0);
  ck_assert_int_eq(pthread_create(&thread, NULL, perform_all, &writer), 0);
  for (uint64_t index = 1; index <= 600; index += 2) {
    writer.work = kv_raft_log_take(f.log);
    const bool busy = writer.work != NULL;
    if (busy) {
      (void)sem_post(&writer.given);
    }
    ck_assert_int_eq(fixture_append(&f, 1, index, 2, 1, 500), 0);
    ck_assert_int_eq(fixture_compact(&f, 1, index > 60 ? index - 60 : 0), 0);
    fixture_expect(&f, 1, index > 60 ? index - 59 : 1, index + 1, 1, 500);
    if (busy) {
      (void)sem_wait(&writer.performed);
      ck_assert_int_eq(kv_raft_log_done(f.log, writer.work, count_tokens, &reported, NULL), 0);
    }
  }
  writer.work = NULL;
  (void)sem_post(&writer.given);
  ck_assert_int_eq(pthread_join(thread, NULL), 0);
  ck_assert_uint_gt(reported, 500);
}
END_TEST

START_TEST(a_directory_has_one_log_at_a_time) {
  kv_raft_log *second;
  kv_error error;
  ck_assert_int_eq(kv_raft_log_open(&f.options, &second, &error), KV_EBUSY);
  ck_assert_ptr_null(second);
  ck_assert_ptr_nonnull(strstr(error.text, "in use by another process"));
}
END_TEST

START_TEST(options_are_checked) {
  kv_raft_log *log;
  kv_error error;
  kv_raft_log_options options = f.options;
  options.segment_bytes = 4096;
  ck_assert_int_eq(kv_raft_log_open(&options, &log, &error), KV_EINVAL);
  options = f.options;
  options.directory = "";
  ck_assert_int_eq(kv_raft_log_open(&options, &log, &error), KV_EINVAL);
  options.directory = "/dev/null/log";
  ck_assert_int_ne(kv_raft_log_open(&options, &log, &error), 0);
  ck_assert_ptr_nonnull(strstr(error.text, "/dev/null/log"));
}
END_TEST

static TCase *cases(void) {
  TCase *tcase = tcase_create("raft_log");
  tcase_add_checked_fixture(tcase, set_up, tear_down);
  tcase_add_test(tcase, a_new_log_has_no_regions);
  tcase_add_test(tcase, what_is_written_is_read_before_after_and_across_a_restart);
  tcase_add_test(tcase, tokens_are_reported_in_the_order_of_writes);
  tcase_add_test(tcase, queued_groups_share_one_sync);
  tcase_add_test(tcase, what_was_not_synced_is_not_there_after_a_restart);
  tcase_add_test(tcase, a_conflicting_suffix_is_replaced);
  tcase_add_test(tcase, entries_that_leave_a_gap_or_begin_below_the_log_change_nothing);
  tcase_add_test(tcase, a_failing_change_undoes_none_and_does_none_of_the_others);
  tcase_add_test(tcase, compaction_moves_the_first_index_and_keeps_the_term_before_it);
  tcase_add_test(tcase, compaction_beyond_the_end_means_the_end);
  tcase_add_test(tcase, reset_starts_the_log_behind_a_snapshot);
  tcase_add_test(tcase, a_destroyed_region_is_gone_and_can_come_again);
  tcase_add_test(tcase, a_change_does_its_parts_in_the_order_of_the_fields);
  tcase_add_test(tcase, changes_of_one_region_in_one_write_follow_on);
  tcase_add_test(tcase, absent_and_empty_data_stay_what_they_are);
  tcase_add_test(tcase, reading_keeps_to_the_limits);
  tcase_add_test(tcase, the_cache_keeps_its_budget_but_never_drops_what_is_not_durable);
  tcase_add_test(tcase, a_full_queue_takes_nothing_more);
  tcase_add_test(tcase, the_log_rolls_over_segments_and_reads_them_all);
  tcase_add_test(tcase, a_group_larger_than_a_segment_gets_one_of_its_own);
  tcase_add_test(tcase, more_parts_than_one_call_may_have_are_written_whole);
  tcase_add_test(tcase, many_regions_keep_their_own_logs);
  tcase_add_test(tcase, the_device_is_the_same_log);
  tcase_add_test(tcase, another_thread_may_perform_while_this_one_writes_and_reads);
  tcase_add_test(tcase, a_directory_has_one_log_at_a_time);
  tcase_add_test(tcase, options_are_checked);
  return tcase;
}

int main(void) {
  Suite *suite = suite_create("raft_log");
  suite_add_tcase(suite, cases());
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
