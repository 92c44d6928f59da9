/* test_frame.c - proves that frames survive any cut and that damaged or foreign ones are refused.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "net/frame.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static size_t make(unsigned char *out, kv_frame_type type, const char *payload) {
  const size_t len = strlen(payload);
  const raft_bytes parts[2] = {{payload, len / 2, NULL}, {payload + len / 2, len - len / 2, NULL}};
  kv_frame_header(out, type, parts, 2);
  memcpy(out + KV_FRAME_HEADER, payload, len);
  return KV_FRAME_HEADER + len;
}

START_TEST(a_frame_is_whole_at_its_last_byte) {
  unsigned char bytes[64];
  const size_t size = make(bytes, KV_FRAME_RAFT, "hello");
  kv_frame frame;
  for (size_t len = 0; len < size; len++) {
    unsigned char *exact = malloc(len + 1);
    memcpy(exact, bytes, len);
    ck_assert_int_eq(kv_frame_read(exact, len, &frame), KV_FRAME_MORE);
    ck_assert_uint_gt(frame.wanted, len);
    ck_assert_uint_le(frame.wanted, size);
    free(exact);
  }
  ck_assert_int_eq(kv_frame_read(bytes, size + 3, &frame), KV_FRAME_WHOLE);
  ck_assert_int_eq(frame.type, KV_FRAME_RAFT);
  ck_assert_uint_eq(frame.size, size);
  ck_assert_uint_eq(frame.payload.len, 5);
  ck_assert_mem_eq(frame.payload.data, "hello", 5);
}
END_TEST

START_TEST(every_damaged_byte_is_found) {
  unsigned char bytes[64];
  kv_frame frame;
  const size_t size = make(bytes, KV_FRAME_FORWARD, "payload");
  for (size_t i = 0; i < size; i++) {
    for (unsigned bit = 0; bit < 8; bit++) {
      bytes[i] ^= (unsigned char)(1u << bit);
      ck_assert_int_ne(kv_frame_read(bytes, size, &frame), KV_FRAME_WHOLE);
      bytes[i] ^= (unsigned char)(1u << bit);
    }
  }
  ck_assert_int_eq(kv_frame_read(bytes, size, &frame), KV_FRAME_WHOLE);
}
END_TEST

START_TEST(lengths_are_bounded) {
  unsigned char header[KV_FRAME_HEADER];
  kv_frame frame;
  kv_frame_header(header, KV_FRAME_RAFT, NULL, 0);
  (void)kv_put_u32(header + 4, KV_FRAME_MAX);
  ck_assert_int_eq(kv_frame_read(header, sizeof header, &frame), KV_FRAME_MORE);
  (void)kv_put_u32(header + 4, KV_FRAME_MAX + 1);
  ck_assert_int_eq(kv_frame_read(header, sizeof header, &frame), KV_FRAME_BAD);
  ck_assert_str_eq(frame.why, "too long");
}
END_TEST

static const kv_hello own = {
    .cluster_id = 5, .store_id = 1, .target_id = 2, .address = "127.0.0.1:70"};

START_TEST(a_greeting_survives) {
  unsigned char bytes[KV_HELLO_MAX];
  kv_hello longest = own;
  memset(longest.address, 'a', KV_MAX_ADDRESS);
  kv_hello back;
  ck_assert_uint_le(kv_hello_encode(&longest, bytes), sizeof bytes);
  const size_t size = kv_hello_encode(&own, bytes);
  ck_assert_int_eq(kv_hello_decode((raft_slice){bytes, size}, &back), KV_OK);
  ck_assert_uint_eq(back.cluster_id, 5);
  ck_assert_uint_eq(back.store_id, 1);
  ck_assert_uint_eq(back.target_id, 2);
  ck_assert_str_eq(back.address, own.address);
  for (size_t len = 0; len < 28; len++) {
    ck_assert_int_eq(kv_hello_decode((raft_slice){bytes, len}, &back), KV_ECORRUPT);
  }
  unsigned char huge[28 + KV_MAX_ADDRESS + 1];
  memset(huge, 'a', sizeof huge);
  ck_assert_int_eq(kv_hello_decode((raft_slice){huge, sizeof huge}, &back), KV_ECORRUPT);
}
END_TEST

START_TEST(foreign_stores_are_refused_with_advice) {
  kv_error error;
  kv_hello other = {.protocol = KV_FRAME_VERSION, .cluster_id = 5, .store_id = 2, .address = "a:1"};
  ck_assert_int_eq(kv_hello_check(&own, &other, &error), KV_OK);
  other.cluster_id = 6;
  ck_assert_int_eq(kv_hello_check(&own, &other, &error), KV_EFOREIGN);
  ck_assert_ptr_nonnull(strstr(error.text, "--cluster"));
  other.cluster_id = 5;
  other.target_id = 3;
  ck_assert_int_eq(kv_hello_check(&own, &other, &error), KV_EFOREIGN);
  ck_assert_ptr_nonnull(strstr(error.text, "looks for store 3"));
  other.target_id = 1;
  other.store_id = 1;
  ck_assert_int_eq(kv_hello_check(&own, &other, &error), KV_EFOREIGN);
  ck_assert_ptr_nonnull(strstr(error.text, "--id"));
  other.store_id = 2;
  other.protocol = 9;
  ck_assert_int_eq(kv_hello_check(&own, &other, &error), KV_EFOREIGN);
  ck_assert_ptr_nonnull(strstr(error.text, "same release"));
}
END_TEST

int main(void) {
  TCase *tests = tcase_create("frame");
  tcase_add_test(tests, a_frame_is_whole_at_its_last_byte);
  tcase_add_test(tests, every_damaged_byte_is_found);
  tcase_add_test(tests, lengths_are_bounded);
  tcase_add_test(tests, a_greeting_survives);
  tcase_add_test(tests, foreign_stores_are_refused_with_advice);
  Suite *suite = suite_create("frame");
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
