/* test_reply.c - answers are well-formed RESP3, whatever is put into them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "raftstore/reply.h"

static void expect(kv_reply *reply, const char *text) {
  ck_assert(!reply->failed);
  ck_assert_uint_eq(reply->len, strlen(text));
  ck_assert_mem_eq(reply->data, text, reply->len);
  kv_reply_free(reply);
  ck_assert_ptr_null(reply->data);
  ck_assert_uint_eq(reply->len, 0);
}

START_TEST(each_kind_of_answer_has_its_form) {
  kv_reply reply = {0};
  kv_reply_array(&reply, 9);
  kv_reply_nil(&reply);
  kv_reply_status(&reply, "OK");
  kv_reply_integer(&reply, -42);
  kv_reply_bulk(&reply, "a\0b", 3);
  kv_reply_bulk(&reply, NULL, 0);
  kv_reply_boolean(&reply, true);
  kv_reply_boolean(&reply, false);
  kv_reply_map(&reply, 1);
  kv_reply_text(&reply, "key");
  kv_reply_append(&reply, ":1\r\n", 4);
  ck_assert_uint_eq(reply.len,
                    strlen("*9\r\n_\r\n+OK\r\n:-42\r\n$3\r\na.b\r\n$0\r\n\r\n#t\r\n#f\r\n"
                           "%1\r\n$3\r\nkey\r\n:1\r\n"));
  reply.data[strlen("*9\r\n_\r\n+OK\r\n:-42\r\n$3\r\na")] = '.';
  expect(&reply, "*9\r\n_\r\n+OK\r\n:-42\r\n$3\r\na.b\r\n$0\r\n\r\n#t\r\n#f\r\n"
                 "%1\r\n$3\r\nkey\r\n:1\r\n");
}
END_TEST

START_TEST(integers_reach_both_ends) {
  kv_reply reply = {0};
  kv_reply_integer(&reply, INT64_MAX);
  kv_reply_integer(&reply, INT64_MIN);
  expect(&reply, ":9223372036854775807\r\n:-9223372036854775808\r\n");
}
END_TEST

START_TEST(an_error_stays_one_line) {
  kv_reply reply = {0};
  kv_reply_error(&reply, "ERR unknown command '%s'", "x\r\n+OK\r\n");
  expect(&reply, "-ERR unknown command 'x  +OK  '\r\n");
}
END_TEST

START_TEST(a_long_error_is_whole) {
  kv_reply reply = {0};
  char text[3000];
  memset(text, 'x', sizeof text - 1);
  text[sizeof text - 1] = '\0';
  kv_reply_error(&reply, "ERR %s", text);
  ck_assert_uint_eq(reply.len, strlen("-ERR ") + sizeof text - 1 + 2);
  ck_assert_mem_eq(reply.data + reply.len - 2, "\r\n", 2);
  kv_reply_free(&reply);
}
END_TEST

START_TEST(growing_keeps_what_is_there) {
  kv_reply reply = {0};
  for (int i = 0; i < 10000; i++) {
    kv_reply_integer(&reply, i % 10);
  }
  ck_assert_uint_eq(reply.len, 10000 * strlen(":0\r\n"));
  for (size_t i = 0; i < 10000; i++) {
    ck_assert_int_eq(reply.data[i * 4 + 1], (char)('0' + i % 10));
  }
  kv_reply_free(&reply);
}
END_TEST

START_TEST(a_failed_answer_takes_no_more) {
  kv_reply reply = {0};
  kv_reply_status(&reply, "OK");
  kv_reply_append(&reply, "", SIZE_MAX); /* more than there is memory */
  ck_assert(reply.failed);
  size_t len = reply.len;
  kv_reply_status(&reply, "OK");
  kv_reply_error(&reply, "ERR no");
  ck_assert_uint_eq(reply.len, len);
  raft_slice instead = kv_reply_out_of_memory();
  ck_assert_uint_eq(instead.len, strlen("-ERR out of memory\r\n"));
  ck_assert_mem_eq(instead.data, "-ERR out of memory\r\n", instead.len);
  kv_reply_free(&reply);
  ck_assert(!reply.failed);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("reply");
  TCase *tcase = tcase_create("reply");
  tcase_add_test(tcase, each_kind_of_answer_has_its_form);
  tcase_add_test(tcase, integers_reach_both_ends);
  tcase_add_test(tcase, an_error_stays_one_line);
  tcase_add_test(tcase, a_long_error_is_whole);
  tcase_add_test(tcase, growing_keeps_what_is_there);
  tcase_add_test(tcase, a_failed_answer_takes_no_more);
  suite_add_tcase(suite, tcase);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
