/* test_recovery.c - whatever a crash leaves of the last write, whole groups come back; damage is
 * refused.
 *
 * The suite cuts and corrupts the tail at every byte of the last frames, once when each of them had
 * become durable before the next was written, once when they were written together.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log_fixture.h"
#include "raftlog/frame.h"

enum { PAYLOAD = 29, GROUPS = 6, FIRST_TOUCHED = 3 };

static log_fixture f;
static unsigned char image[FIXTURE_SEGMENT];
static char path[128];

static void set_up(void) {
  fixture_open(&f);
  fixture_segment_path(&f, 1, path, sizeof(path));
}

static void tear_down(void) {
  fixture_close(&f);
}

static void load_file(const char *name, unsigned char *to) {
  const int fd = open(name, O_RDONLY);
  ck_assert_int_ge(fd, 0);
  ck_assert_int_eq(read(fd, to, FIXTURE_SEGMENT), FIXTURE_SEGMENT);
  (void)close(fd);
}

/* The file with the first `len` bytes of `from`. */
static void store_file(const char *name, const unsigned char *from, size_t len) {
  const int fd = open(name, O_WRONLY | O_CREAT, 0644);
  ck_assert_int_ge(fd, 0);
  ck_assert_int_eq(write(fd, from, len), (ssize_t)len);
  ck_assert_int_eq(ftruncate(fd, (off_t)len), 0);
  (void)close(fd);
}

static void shut(void) {
  kv_raft_log_close(f.log);
  f.log = NULL;
}

static size_t frame_size(void) {
  return (size_t)kv_log_frame_bytes(KV_LOG_PIECE + KV_LOG_ENTRY_HEADER, PAYLOAD);
}

static size_t frame_at(size_t group) {
  return KV_LOG_SEGMENT_HEADER + group * frame_size();
}

/* GROUPS groups of one entry each; the last ones are synced one by one, or together. */
static void write_groups(bool together) {
  for (uint64_t i = 0; i < GROUPS; i++) {
    ck_assert_int_eq(fixture_append(&f, 1, i + 1, 1, 1, PAYLOAD), 0);
    if (!together || i < FIRST_TOUCHED - 1) {
      ck_assert_int_eq(fixture_sync(&f), 0);
    }
  }
  ck_assert_int_eq(fixture_sync(&f), 0);
  shut();
  load_file(path, image);
}

/* So many groups came back, and the log goes on behind them, also after another restart. */
static void expect_groups(uint64_t groups) {
  fixture_expect(&f, 1, 1, groups, 1, PAYLOAD);
  ck_assert_int_eq(fixture_append(&f, 1, groups + 1, 1, 1, PAYLOAD), 0);
  ck_assert_int_eq(fixture_sync(&f), 0);
  ck_assert_msg(fixture_reopen(&f) == 0, "%s", f.error.text);
  fixture_expect(&f, 1, 1, groups + 1, 1, PAYLOAD);
  shut();
}

START_TEST(a_tail_that_is_cut_anywhere_leaves_whole_groups) {
  write_groups(_i == 1);
  for (size_t cut = frame_at(FIRST_TOUCHED); cut <= frame_at(GROUPS); cut++) {
    store_file(path, image, cut);
    ck_assert_msg(fixture_reopen(&f) == 0, "cut at %zu: %s", cut, f.error.text);
    /* A frame lives without its padding: what is missing counts as zeros. */
    const size_t padding =
        frame_size() - (KV_LOG_FRAME_HEADER + KV_LOG_PIECE + KV_LOG_ENTRY_HEADER + PAYLOAD);
    expect_groups((cut + padding - frame_at(0)) / frame_size());
  }
}
END_TEST

/* The byte counts for nothing if it is padding. */
static bool is_padding(size_t at) {
  return (at - frame_at(0)) % frame_size() >=
         KV_LOG_FRAME_HEADER + KV_LOG_PIECE + KV_LOG_ENTRY_HEADER + PAYLOAD;
}

START_TEST(a_byte_that_changes_in_the_last_write_drops_it_from_there_on) {
  write_groups(true);
  for (size_t at = frame_at(FIRST_TOUCHED); at < frame_at(GROUPS); at++) {
    image[at] ^= 0x55;
    store_file(path, image, sizeof(image));
    image[at] ^= 0x55;
    ck_assert_msg(fixture_reopen(&f) == 0, "byte %zu: %s", at, f.error.text);
    expect_groups(is_padding(at) ? GROUPS : (at - frame_at(0)) / frame_size());
  }
}
END_TEST

START_TEST(a_byte_that_changes_before_the_last_write_is_refused_with_its_place) {
  write_groups(false);
  for (size_t at = frame_at(FIRST_TOUCHED); at < frame_at(GROUPS); at++) {
    const size_t group = (at - frame_at(0)) / frame_size();
    image[at] ^= 0x55;
    store_file(path, image, sizeof(image));
    const int rc = fixture_reopen(&f);
    if (is_padding(at) || group == GROUPS - 1) {
      ck_assert_msg(rc == 0, "byte %zu: %s", at, f.error.text);
      expect_groups(is_padding(at) ? GROUPS : GROUPS - 1);
    } else {
      char place[32];
      (void)snprintf(place, sizeof(place), "at offset %zu:", frame_at(group));
      ck_assert_int_eq(rc, KV_ECORRUPT);
      ck_assert_ptr_nonnull(strstr(f.error.text, path));
      ck_assert_ptr_nonnull(strstr(f.error.text, place));
      ck_assert_ptr_nonnull(strstr(f.error.text, "restore this store's directory"));
    }
    image[at] ^= 0x55;
  }
}
END_TEST

START_TEST(a_log_that_is_refused_is_left_as_it_was) {
  write_groups(false);
  image[frame_at(FIRST_TOUCHED) + 70] ^= 1;
  store_file(path, image, sizeof(image));
  ck_assert_int_eq(fixture_reopen(&f), KV_ECORRUPT);
  static unsigned char after[FIXTURE_SEGMENT];
  load_file(path, after);
  ck_assert_int_eq(memcmp(image, after, sizeof(image)), 0);
}
END_TEST

/* Numbers that are the same in every run. */
static uint32_t draw(uint32_t *state) {
  *state = *state * 1664525u + 1013904223u;
  return *state >> 16;
}

/* Power loss: of the last write, each sector is on the disk or is not. */
START_TEST(any_sectors_of_the_last_write_may_be_missing) {
  static unsigned char before[FIXTURE_SEGMENT];
  uint32_t state = 12345u + (uint32_t)_i;
  uint64_t durable = 0;
  for (int round = 0; round < 12; round++) {
    load_file(path, before);
    const uint64_t more = 1 + draw(&state) % 8;
    for (uint64_t i = 1; i <= more; i++) {
      ck_assert_int_eq(fixture_append(&f, 1, durable + i, 1, 1, PAYLOAD), 0);
    }
    ck_assert_int_eq(fixture_sync(&f), 0);
    shut();
    load_file(path, image);
    for (size_t at = 0; at < sizeof(image); at += 64) {
      if (draw(&state) % 4 == 0) {
        memcpy(image + at, before + at, 64);
      }
    }
    store_file(path, image, sizeof(image));
    ck_assert_msg(fixture_reopen(&f) == 0, "round %d: %s", round, f.error.text);
    kv_log_bounds bounds = {.last_index = 0};
    (void)kv_raft_log_bounds(f.log, 1, &bounds);
    ck_assert_uint_ge(bounds.last_index, durable);
    ck_assert_uint_le(bounds.last_index, durable + more);
    durable = bounds.last_index;
    if (durable > 0) {
      fixture_expect(&f, 1, 1, durable, 1, PAYLOAD);
    }
  }
}
END_TEST

/* Three segments in use, with one region in all of them. */
static void fill_three_segments(void) {
  kv_raft_log_stats stats;
  uint64_t index = 0;
  do {
    ck_assert_int_eq(fixture_append(&f, 1, ++index, 1, 1, 5000), 0);
    ck_assert_int_eq(fixture_sync(&f), 0);
    kv_raft_log_get_stats(f.log, &stats);
  } while (stats.segments < 3);
  shut();
}

START_TEST(damage_in_an_earlier_segment_is_refused) {
  fill_three_segments();
  fixture_segment_path(&f, (uint64_t)_i, path, sizeof(path));
  load_file(path, image);
  for (size_t at = KV_LOG_SEGMENT_HEADER + 300; at < sizeof(image) - 8000; at += 7919) {
    image[at] ^= 1;
    store_file(path, image, sizeof(image));
    ck_assert_int_eq(fixture_reopen(&f), KV_ECORRUPT);
    ck_assert_ptr_nonnull(strstr(f.error.text, path));
    image[at] ^= 1;
  }
  store_file(path, image, sizeof(image));
  ck_assert_int_eq(fixture_reopen(&f), 0);
}
END_TEST

START_TEST(an_earlier_segment_that_was_emptied_or_removed_is_refused) {
  fill_three_segments();
  fixture_segment_path(&f, (uint64_t)_i, path, sizeof(path));
  load_file(path, image);
  store_file(path, image, KV_LOG_SEGMENT_HEADER);
  ck_assert_int_eq(fixture_reopen(&f), KV_ECORRUPT);
  ck_assert_int_eq(unlink(path), 0);
  ck_assert_int_eq(fixture_reopen(&f), KV_ECORRUPT);
  store_file(path, image, sizeof(image));
  ck_assert_int_eq(fixture_reopen(&f), 0);
}
END_TEST

START_TEST(a_header_that_changes_anywhere_is_refused) {
  write_groups(false);
  for (size_t at = 0; at < 52; at++) {
    image[at] ^= 0x10;
    store_file(path, image, sizeof(image));
    const int rc = fixture_reopen(&f);
    ck_assert_int_eq(rc, at < 8 ? KV_EFOREIGN : KV_ECORRUPT);
    ck_assert_ptr_nonnull(strstr(f.error.text, path));
    image[at] ^= 0x10;
  }
  store_file(path, image, 30);
  ck_assert_int_eq(fixture_reopen(&f), KV_ECORRUPT);
  store_file(path, image, 0);
  ck_assert_int_eq(fixture_reopen(&f), KV_EFOREIGN);
}
END_TEST

START_TEST(a_segment_under_another_name_is_refused) {
  char other[128];
  write_groups(false);
  fixture_segment_path(&f, 9, other, sizeof(other));
  store_file(other, image, sizeof(image));
  ck_assert_int_eq(fixture_reopen(&f), KV_ECORRUPT);
  ck_assert_ptr_nonnull(strstr(f.error.text, "renamed or copied"));
}
END_TEST

START_TEST(the_log_of_another_store_or_cluster_is_refused) {
  write_groups(false);
  f.options.store_id = 2;
  ck_assert_int_eq(fixture_reopen(&f), KV_EFOREIGN);
  ck_assert_ptr_nonnull(strstr(f.error.text, "belongs to store 1, this is store 2"));
  f.options.store_id = 1;
  f.options.cluster_id = 8;
  ck_assert_int_eq(fixture_reopen(&f), KV_EFOREIGN);
  ck_assert_ptr_nonnull(strstr(f.error.text, "belongs to cluster 7"));
  f.options.cluster_id = 0;
  ck_assert_int_eq(fixture_reopen(&f), 0);
}
END_TEST

START_TEST(remains_of_making_a_file_are_cleared_away) {
  char partial[128];
  write_groups(false);
  (void)snprintf(partial, sizeof(partial), "%s/partial-00000000000000aa.tmp", f.directory);
  store_file(partial, image, 100);
  (void)snprintf(path, sizeof(path), "%s/spare-00000000000000ab.log", f.directory);
  store_file(path, image, 100);
  ck_assert_int_eq(fixture_reopen(&f), 0);
  ck_assert_int_ne(access(partial, F_OK), 0);
  ck_assert_int_ne(access(path, F_OK), 0);
  fixture_expect(&f, 1, 1, GROUPS, 1, PAYLOAD);
}
END_TEST

START_TEST(files_of_others_are_left_alone) {
  write_groups(false);
  (void)snprintf(path, sizeof(path), "%s/notes.txt", f.directory);
  store_file(path, image, 10);
  ck_assert_int_eq(fixture_reopen(&f), 0);
  ck_assert_int_eq(access(path, F_OK), 0);
}
END_TEST

START_TEST(the_segment_size_may_change_between_runs) {
  ck_assert_int_eq(fixture_append(&f, 1, 1, 3, 1, 1000), 0);
  ck_assert_int_eq(fixture_sync(&f), 0);
  f.options.segment_bytes = 2 * FIXTURE_SEGMENT;
  ck_assert_int_eq(fixture_reopen(&f), 0);
  for (uint64_t i = 4; i < 200; i++) {
    ck_assert_int_eq(fixture_append(&f, 1, i, 1, 1, 1000), 0);
    ck_assert_int_eq(fixture_sync(&f), 0);
  }
  f.options.segment_bytes = FIXTURE_SEGMENT;
  ck_assert_int_eq(fixture_reopen(&f), 0);
  fixture_expect(&f, 1, 1, 199, 1, 1000);
}
END_TEST

START_TEST(an_entry_that_rots_under_way_is_not_handed_out) {
  f.options.cache_bytes = 1;
  ck_assert_int_eq(fixture_reopen(&f), 0);
  ck_assert_int_eq(fixture_append(&f, 1, 1, 3, 1, 100), 0);
  ck_assert_int_eq(fixture_sync(&f), 0);
  load_file(path, image);
  image[KV_LOG_SEGMENT_HEADER + KV_LOG_FRAME_HEADER + KV_LOG_PIECE + 3 * KV_LOG_ENTRY_HEADER +
        150] ^= 1;
  const int fd = open(path, O_WRONLY);
  ck_assert_int_eq(write(fd, image, sizeof(image)), FIXTURE_SEGMENT);
  (void)close(fd);
  raft_entry out[3];
  size_t count = 3;
  ck_assert_int_eq(kv_raft_log_entries(f.log, 1, 1, 4, RAFT_NO_LIMIT, out, &count), KV_ECORRUPT);
  count = 1;
  ck_assert_int_eq(kv_raft_log_entries(f.log, 1, 1, 2, RAFT_NO_LIMIT, out, &count), 0);
  raft_buf_release(out[0].data.owner);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("recovery");
  TCase *tcase = tcase_create("recovery");
  tcase_add_checked_fixture(tcase, set_up, tear_down);
  tcase_set_timeout(tcase, 60);
  tcase_add_loop_test(tcase, a_tail_that_is_cut_anywhere_leaves_whole_groups, 0, 2);
  tcase_add_test(tcase, a_byte_that_changes_in_the_last_write_drops_it_from_there_on);
  tcase_add_test(tcase, a_byte_that_changes_before_the_last_write_is_refused_with_its_place);
  tcase_add_test(tcase, a_log_that_is_refused_is_left_as_it_was);
  tcase_add_loop_test(tcase, any_sectors_of_the_last_write_may_be_missing, 0, 20);
  tcase_add_loop_test(tcase, damage_in_an_earlier_segment_is_refused, 1, 3);
  tcase_add_loop_test(tcase, an_earlier_segment_that_was_emptied_or_removed_is_refused, 1, 3);
  tcase_add_test(tcase, a_header_that_changes_anywhere_is_refused);
  tcase_add_test(tcase, a_segment_under_another_name_is_refused);
  tcase_add_test(tcase, the_log_of_another_store_or_cluster_is_refused);
  tcase_add_test(tcase, remains_of_making_a_file_are_cleared_away);
  tcase_add_test(tcase, files_of_others_are_left_alone);
  tcase_add_test(tcase, the_segment_size_may_change_between_runs);
  tcase_add_test(tcase, an_entry_that_rots_under_way_is_not_handed_out);
  suite_add_tcase(suite, tcase);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
