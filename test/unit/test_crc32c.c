/* test_crc32c.c - the checksum gives the published values, by instruction and by table.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"

/* Known answers of RFC 3720, B.4. */
START_TEST(known_answers) {
  unsigned char bytes[32];
  ck_assert_uint_eq(kv_crc32c(0, "", 0), 0);
  ck_assert_uint_eq(kv_crc32c(0, "123456789", 9), 0xe3069283);
  memset(bytes, 0, sizeof(bytes));
  ck_assert_uint_eq(kv_crc32c(0, bytes, sizeof(bytes)), 0x8a9136aa);
  memset(bytes, 0xff, sizeof(bytes));
  ck_assert_uint_eq(kv_crc32c(0, bytes, sizeof(bytes)), 0x62a8ab43);
  for (size_t i = 0; i < sizeof(bytes); i++) {
    bytes[i] = (unsigned char)i;
  }
  ck_assert_uint_eq(kv_crc32c(0, bytes, sizeof(bytes)), 0x46dd794e);
  ck_assert_uint_eq(kv_crc32c_portable(0, bytes, sizeof(bytes)), 0x46dd794e);
}
END_TEST

START_TEST(instruction_and_table_agree_at_every_length_and_alignment) {
  unsigned char bytes[128];
  for (size_t i = 0; i < sizeof(bytes); i++) {
    bytes[i] = (unsigned char)(i * 37 + 11);
  }
  for (size_t from = 0; from < 9; from++) {
    for (size_t len = 0; from + len <= sizeof(bytes); len++) {
      ck_assert_uint_eq(kv_crc32c(7, bytes + from, len), kv_crc32c_portable(7, bytes + from, len));
    }
  }
}
END_TEST

START_TEST(parts_give_the_checksum_of_the_whole) {
  const char text[] = "the quick brown fox jumps over the lazy dog";
  const uint32_t whole = kv_crc32c(0, text, sizeof(text));
  for (size_t cut = 0; cut <= sizeof(text); cut++) {
    const uint32_t head = kv_crc32c(0, text, cut);
    ck_assert_uint_eq(kv_crc32c(head, text + cut, sizeof(text) - cut), whole);
  }
}
END_TEST

int main(void) {
  Suite *suite = suite_create("crc32c");
  TCase *tcase = tcase_create("crc32c");
  tcase_add_test(tcase, known_answers);
  tcase_add_test(tcase, instruction_and_table_agree_at_every_length_and_alignment);
  tcase_add_test(tcase, parts_give_the_checksum_of_the_whole);
  suite_add_tcase(suite, tcase);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
