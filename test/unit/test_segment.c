/* test_segment.c - names and headers of segments, there and back, and what is not one.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/little_endian.h"
#include "raftlog/segment.h"

START_TEST(names_tell_kind_and_number) {
  const kv_log_file_kind kinds[] = {KV_LOG_FILE_SEGMENT, KV_LOG_FILE_SPARE, KV_LOG_FILE_PARTIAL};
  for (size_t i = 0; i < 3; i++) {
    char name[KV_LOG_NAME_SIZE];
    uint64_t number = 0;
    kv_log_file_name(kinds[i], UINT64_C(0xfedcba9876543210), name);
    ck_assert_int_eq(kv_log_file_parse(name, &number), kinds[i]);
    ck_assert_uint_eq(number, UINT64_C(0xfedcba9876543210));
  }
}
END_TEST

START_TEST(other_names_are_not_ours) {
  const char *names[] = {"",
                         ".",
                         "LOCK",
                         "segment-1.log",
                         "segment-00000000000000001.log",
                         "segment-000000000000000G.log",
                         "segment-000000000000000A.log",
                         "segment-0000000000000001.tmp",
                         "segment-0000000000000001.log.old"};
  for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
    uint64_t number;
    ck_assert_int_eq(kv_log_file_parse(names[i], &number), KV_LOG_FILE_OTHER);
  }
}
END_TEST

static const kv_log_segment_header header = {
    .epoch = 12, .bytes = 1 << 20, .cluster_id = 3, .store_id = 4, .salt = 5};

START_TEST(a_header_comes_back_as_it_was) {
  unsigned char block[KV_LOG_SEGMENT_HEADER];
  kv_log_segment_header found;
  kv_log_segment_header_encode(&header, block);
  ck_assert_int_eq(kv_log_segment_header_decode(block, sizeof(block), "x", &found, NULL), 0);
  ck_assert_uint_eq(found.epoch, header.epoch);
  ck_assert_uint_eq(found.bytes, header.bytes);
  ck_assert_uint_eq(found.cluster_id, header.cluster_id);
  ck_assert_uint_eq(found.store_id, header.store_id);
  ck_assert_uint_eq(found.salt, header.salt);
}
END_TEST

START_TEST(a_later_format_is_named) {
  unsigned char block[KV_LOG_SEGMENT_HEADER];
  kv_log_segment_header found;
  kv_error error;
  kv_log_segment_header_encode(&header, block);
  kv_put_u32(block + 8, 2);
  kv_put_u32(block + 48, kv_crc32c(0, block, 48));
  ck_assert_int_eq(kv_log_segment_header_decode(block, sizeof(block), "x", &found, &error),
                   KV_EFOREIGN);
  ck_assert_str_eq(error.text,
                   "x has format 2, this program knows format 1: start the program version that "
                   "wrote it");
}
END_TEST

START_TEST(what_is_no_segment_says_so) {
  unsigned char block[KV_LOG_SEGMENT_HEADER] = "#!/bin/sh";
  kv_log_segment_header found;
  kv_error error;
  ck_assert_int_eq(kv_log_segment_header_decode(block, sizeof(block), "a.log", &found, &error),
                   KV_EFOREIGN);
  ck_assert_ptr_nonnull(strstr(error.text, "a.log is not a raft log segment"));
  ck_assert_int_eq(kv_log_segment_header_decode(block, 0, "a.log", &found, &error), KV_EFOREIGN);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("segment");
  TCase *tcase = tcase_create("segment");
  tcase_add_test(tcase, names_tell_kind_and_number);
  tcase_add_test(tcase, other_names_are_not_ours);
  tcase_add_test(tcase, a_header_comes_back_as_it_was);
  tcase_add_test(tcase, a_later_format_is_named);
  tcase_add_test(tcase, what_is_no_segment_says_so);
  suite_add_tcase(suite, tcase);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
