/* test_frame.c - a group comes back from its bytes as it was, and not at all if a bit of it
 * changed.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "raftlog/frame.h"

static unsigned char bytes[4096];
static size_t used;

static const kv_log_piece pieces[] = {{.region_id = 7,
                                       .flags = KV_LOG_PIECE_RESET,
                                       .entry_count = 2,
                                       .hard_state = {3, 2, 1},
                                       .truncated_index = 9,
                                       .truncated_term = 2,
                                       .first_index = 10},
                                      {.region_id = UINT64_MAX, .flags = KV_LOG_PIECE_GONE}};
static const char payload[] = "forty-two";

static kv_log_group *make_group(void) {
  kv_log_group *group = kv_log_group_create(2, 2, sizeof(payload));
  ck_assert_ptr_nonnull(group);
  raft_buf *owner = raft_buf_copy(NULL, payload, sizeof(payload));
  const kv_log_entry_header full = {.term = 3,
                                    .len = sizeof(payload),
                                    .crc = kv_crc32c(0, payload, sizeof(payload)),
                                    .type = 2,
                                    .has_data = true};
  const kv_log_entry_header empty = {.term = 4};
  kv_log_group_add_piece(group, &pieces[0]);
  const uint64_t meta = 2 * KV_LOG_PIECE + 2 * KV_LOG_ENTRY_HEADER;
  ck_assert_uint_eq(kv_log_group_add_entry(group, &full, raft_buf_data(owner), owner),
                    KV_LOG_FRAME_HEADER + meta);
  ck_assert_uint_eq(kv_log_group_add_entry(group, &empty, NULL, NULL),
                    KV_LOG_FRAME_HEADER + meta + sizeof(payload));
  kv_log_group_add_piece(group, &pieces[1]);
  raft_buf_release(owner);
  group->header.epoch = 5;
  group->header.sequence = 100;
  group->header.oldest = 60;
  return group;
}

/* Seals and gathers the bytes. */
static void seal(kv_log_group *group, uint32_t salt) {
  kv_log_group_seal(group, salt, 99);
  used = 0;
  for (size_t i = 0; i < group->vector_count; i++) {
    memcpy(bytes + used, group->vector[i].iov_base, group->vector[i].iov_len);
    used += group->vector[i].iov_len;
  }
  ck_assert_uint_eq(used, group->bytes);
  ck_assert_uint_eq(used % KV_LOG_ALIGNMENT, 0);
}

START_TEST(a_group_comes_back_as_it_was) {
  kv_log_group *group = make_group();
  seal(group, 77);
  kv_log_frame_header header;
  ck_assert(kv_log_frame_check(bytes, used, 5, 77, &header));
  ck_assert_uint_eq(header.sequence, 100);
  ck_assert_uint_eq(header.batch, 99);
  ck_assert_uint_eq(header.oldest, 60);
  kv_log_frame_reader reader;
  kv_log_piece piece;
  kv_log_entry_header entry;
  size_t offset;
  kv_log_frame_reader_init(&reader, bytes, &header);
  ck_assert(kv_log_frame_next_piece(&reader, &piece));
  ck_assert_uint_eq(piece.region_id, 7);
  ck_assert_uint_eq(piece.hard_state.vote, 2);
  ck_assert_uint_eq(piece.truncated_index, 9);
  ck_assert_uint_eq(piece.truncated_term, 2);
  ck_assert_uint_eq(piece.first_index, 10);
  ck_assert(kv_log_frame_next_entry(&reader, &entry, &offset));
  ck_assert_int_eq(memcmp(bytes + offset, payload, sizeof(payload)), 0);
  ck_assert_uint_eq(entry.type, 2);
  ck_assert(entry.has_data);
  ck_assert(kv_log_frame_next_entry(&reader, &entry, &offset));
  ck_assert_uint_eq(entry.term, 4);
  ck_assert(!entry.has_data);
  ck_assert(kv_log_frame_next_piece(&reader, &piece));
  ck_assert_uint_eq(piece.flags, KV_LOG_PIECE_GONE);
  ck_assert(!kv_log_frame_next_piece(&reader, &piece));
  ck_assert(!kv_log_frame_next_entry(&reader, &entry, &offset));
  kv_log_group_free(group);
}
END_TEST

START_TEST(sealing_twice_gives_the_same_bytes) {
  static unsigned char once[sizeof(bytes)];
  kv_log_group *group = make_group();
  seal(group, 77);
  memcpy(once, bytes, used);
  seal(group, 77);
  ck_assert_int_eq(memcmp(once, bytes, used), 0);
  kv_log_group_free(group);
}
END_TEST

START_TEST(any_changed_bit_but_padding_is_noticed) {
  kv_log_group *group = make_group();
  seal(group, 77);
  kv_log_frame_header header;
  const size_t meaning =
      KV_LOG_FRAME_HEADER + 2 * (KV_LOG_PIECE + KV_LOG_ENTRY_HEADER) + sizeof(payload);
  for (size_t bit = 0; bit < meaning * 8; bit++) {
    bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
    ck_assert(!kv_log_frame_check(bytes, used, 5, 77, &header));
    bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
  }
  ck_assert(kv_log_frame_check(bytes, used, 5, 77, &header));
  kv_log_group_free(group);
}
END_TEST

START_TEST(a_frame_that_is_cut_or_of_another_segment_is_none) {
  kv_log_group *group = make_group();
  seal(group, 77);
  kv_log_frame_header header;
  for (size_t len = 0; len < used; len++) {
    ck_assert(!kv_log_frame_check(bytes, len, 5, 77, &header));
  }
  ck_assert(!kv_log_frame_check(bytes, used, 6, 77, &header));
  ck_assert(!kv_log_frame_check(bytes, used, 5, 78, &header));
  kv_log_group_free(group);
}
END_TEST

START_TEST(counts_that_lie_are_refused_even_with_a_right_checksum) {
  for (uint32_t lie = 0; lie < 3; lie++) {
    kv_log_group *group = make_group();
    kv_log_frame_header header;
    if (lie == 0) {
      group->header.pieces = 3;
    } else if (lie == 1) {
      group->header.pieces = 1;
    } else {
      group->head[KV_LOG_FRAME_HEADER + 12] = 0xff; /* entry_count of the first piece */
    }
    seal(group, 77);
    ck_assert(!kv_log_frame_check(bytes, used, 5, 77, &header));
    kv_log_group_free(group);
  }
}
END_TEST

int main(void) {
  Suite *suite = suite_create("frame");
  TCase *tcase = tcase_create("frame");
  tcase_add_test(tcase, a_group_comes_back_as_it_was);
  tcase_add_test(tcase, sealing_twice_gives_the_same_bytes);
  tcase_add_test(tcase, any_changed_bit_but_padding_is_noticed);
  tcase_add_test(tcase, a_frame_that_is_cut_or_of_another_segment_is_none);
  tcase_add_test(tcase, counts_that_lie_are_refused_even_with_a_right_checksum);
  suite_add_tcase(suite, tcase);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
