/* test_resp_reader.c - replies are the same tree however they are cut, and nonsense is refused.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/request.h"
#include "client/resp_reader.h"

/* A tree as text, so that trees can be compared. */
typedef struct picture {
  char text[2048];
  size_t len;
} picture;

static void draw(picture *to, const char *text, size_t len) {
  ck_assert_uint_lt(to->len + len, sizeof(to->text));
  memcpy(to->text + to->len, text, len);
  to->len += len;
  to->text[to->len] = '\0';
}

static void draw_scalar(picture *to, const kv_value *value) {
  char text[64] = "null";
  switch (value->kind) {
  case KV_VALUE_TEXT:
  case KV_VALUE_ERROR:
    draw(to, value->kind == KV_VALUE_ERROR ? "!" : "'", 1);
    draw(to, value->text, value->len);
    draw(to, "'", 1);
    return;
  case KV_VALUE_INTEGER:
    (void)snprintf(text, sizeof(text), "%lld", (long long)value->integer);
    break;
  case KV_VALUE_DOUBLE: (void)snprintf(text, sizeof(text), "%g", value->number); break;
  case KV_VALUE_BOOLEAN: (void)snprintf(text, sizeof(text), value->boolean ? "yes" : "no"); break;
  case KV_VALUE_NULL:
  case KV_VALUE_ARRAY:
  case KV_VALUE_MAP: break;
  }
  draw(to, text, strlen(text));
}

/* With a stack of its own: values that are still to be drawn. */
static void draw_tree(picture *to, const kv_value *root) {
  const kv_value *stack[256] = {root};
  size_t depth = 1;
  while (depth > 0) {
    const kv_value *value = stack[--depth];
    if (value == NULL) {
      draw(to, "]", 1);
      continue;
    }
    if (value->kind != KV_VALUE_ARRAY && value->kind != KV_VALUE_MAP) {
      draw_scalar(to, value);
      draw(to, " ", 1);
      continue;
    }
    draw(to, value->kind == KV_VALUE_MAP ? "{" : "[", 1);
    stack[depth++] = NULL;
    for (size_t i = value->count; i > 0; i--) {
      stack[depth++] = &value->items[i - 1];
    }
  }
}

static const struct sample {
  const char *bytes;
  const char *picture;
} samples[] = {
    {"+OK\r\n", "'OK' "},
    {"-ERR no\r\n", "!ERR no' "},
    {":-42\r\n", "-42 "},
    {"$5\r\nhe\r\nl\r\n", "'he\r\nl' "},
    {"$0\r\n\r\n", "'' "},
    {"$-1\r\n", "null "},
    {"*-1\r\n", "null "},
    {"_\r\n", "null "},
    {"#t\r\n", "yes "},
    {"#f\r\n", "no "},
    {",1.5\r\n", "1.5 "},
    {",-inf\r\n", "-inf "},
    {"(12345678901234567890\r\n", "'12345678901234567890' "},
    {"=6\r\ntxt:ab\r\n", "'ab' "},
    {"!5\r\nERR x\r\n", "!ERR x' "},
    {"*0\r\n", "[]"},
    {"*3\r\n:1\r\n*2\r\n+a\r\n*0\r\n$1\r\nb\r\n", "[1 ['a' []]'b' ]"},
    {"%2\r\n+k\r\n:1\r\n+l\r\n%1\r\n+m\r\n~2\r\n:1\r\n:2\r\n", "{'k' 1 'l' {'m' [1 2 ]]]"},
    {">2\r\n+push\r\n:1\r\n", "['push' 1 ]"},
    {"|1\r\n+ttl\r\n:3600\r\n:7\r\n", "7 "},
    {"*2\r\n|1\r\n+a\r\n*1\r\n:1\r\n:7\r\n:8\r\n", "[7 8 ]"},
    {"*2\r\n|0\r\n:7\r\n*1\r\n|1\r\n+x\r\n+y\r\n:8\r\n", "[7 [8 ]]"},
};

enum { SAMPLES = sizeof(samples) / sizeof(samples[0]) };

static void expect_reply(kv_resp_reader *reader, kv_buffer *buffer, const struct sample *sample) {
  const kv_value *reply;
  picture seen = {.len = 0};
  ck_assert_msg(kv_resp_read(reader, buffer, &reply) == KV_OK, "%s", sample->bytes);
  draw_tree(&seen, reply);
  ck_assert_str_eq(seen.text, sample->picture);
}

START_TEST(each_kind_of_reply_is_understood) {
  kv_resp_reader reader = {.depth = 0};
  kv_buffer buffer = {NULL, 0, 0, 0};
  ck_assert_int_eq(kv_buffer_append(&buffer, samples[_i].bytes, strlen(samples[_i].bytes)), 0);
  expect_reply(&reader, &buffer, &samples[_i]);
  ck_assert_uint_eq(kv_buffer_len(&buffer), 0);
  kv_resp_reader_free(&reader);
  kv_buffer_free(&buffer);
}
END_TEST

START_TEST(a_reply_cut_at_every_byte_is_the_same) {
  const struct sample *sample = &samples[_i];
  const size_t len = strlen(sample->bytes);
  for (size_t cut = 0; cut < len; cut++) {
    kv_resp_reader reader = {.depth = 0};
    kv_buffer buffer = {NULL, 0, 0, 0};
    const kv_value *reply;
    ck_assert_int_eq(kv_buffer_append(&buffer, sample->bytes, cut), 0);
    ck_assert_int_eq(kv_resp_read(&reader, &buffer, &reply), KV_ENOTFOUND);
    ck_assert_int_eq(kv_buffer_append(&buffer, sample->bytes + cut, len - cut), 0);
    expect_reply(&reader, &buffer, sample);
    kv_resp_reader_free(&reader);
    kv_buffer_free(&buffer);
  }
}
END_TEST

START_TEST(a_stream_byte_by_byte_gives_all_replies) {
  kv_resp_reader reader = {.depth = 0};
  kv_buffer buffer = {NULL, 0, 0, 0};
  for (size_t s = 0; s < SAMPLES; s++) {
    const size_t len = strlen(samples[s].bytes);
    for (size_t i = 0; i < len; i++) {
      const kv_value *reply;
      if (i > 0) {
        ck_assert_int_eq(kv_resp_read(&reader, &buffer, &reply), KV_ENOTFOUND);
      }
      ck_assert_int_eq(kv_buffer_append(&buffer, samples[s].bytes + i, 1), 0);
    }
    expect_reply(&reader, &buffer, &samples[s]);
  }
  kv_resp_reader_free(&reader);
  kv_buffer_free(&buffer);
}
END_TEST

START_TEST(nonsense_is_refused) {
  static const char *const bad[] = {"HTTP/1.1 400\r\n",
                                    "\r\n",
                                    "+no return\n",
                                    ":\r\n",
                                    ":1x\r\n",
                                    ":+1\r\n",
                                    "$-2\r\n",
                                    "$99999999999\r\n",
                                    "$2\r\nabc\r\n",
                                    "*-2\r\n",
                                    "*99999999\r\n",
                                    "#y\r\n",
                                    "_x\r\n",
                                    ",1.5.2\r\n",
                                    "%\r\n",
                                    "$abc\r\n",
                                    ":12345678901234567890123456789\r\n"};
  kv_resp_reader reader = {.depth = 0};
  kv_buffer buffer = {NULL, 0, 0, 0};
  const kv_value *reply;
  ck_assert_int_eq(kv_buffer_append(&buffer, bad[_i], strlen(bad[_i])), 0);
  ck_assert_int_eq(kv_resp_read(&reader, &buffer, &reply), KV_ECORRUPT);
  kv_resp_reader_free(&reader);
  kv_buffer_free(&buffer);
}
END_TEST

START_TEST(too_deep_and_too_long_lines_are_refused) {
  kv_resp_reader reader = {.depth = 0};
  kv_buffer buffer = {NULL, 0, 0, 0};
  const kv_value *reply;
  for (int i = 0; i < KV_RESP_DEPTH + 1; i++) {
    ck_assert_int_eq(kv_buffer_append(&buffer, "*1\r\n", 4), 0);
  }
  ck_assert_int_eq(kv_resp_read(&reader, &buffer, &reply), KV_ECORRUPT);
  kv_resp_reader_free(&reader);
  kv_buffer_free(&buffer);
  for (int i = 0; i < 70000; i++) {
    ck_assert_int_eq(kv_buffer_append(&buffer, "+", 1), 0);
  }
  ck_assert_int_eq(kv_resp_read(&reader, &buffer, &reply), KV_ECORRUPT);
  kv_resp_reader_free(&reader);
  kv_buffer_free(&buffer);
}
END_TEST

START_TEST(maps_are_looked_up_by_key) {
  const char bytes[] = "%3\r\n+a\r\n:1\r\n$1\r\nb\r\n+two\r\n+c\r\n*0\r\n";
  kv_resp_reader reader = {.depth = 0};
  kv_buffer buffer = {NULL, 0, 0, 0};
  const kv_value *reply;
  ck_assert_int_eq(kv_buffer_append(&buffer, bytes, sizeof(bytes) - 1), 0);
  ck_assert_int_eq(kv_resp_read(&reader, &buffer, &reply), 0);
  ck_assert_int_eq(kv_value_get_integer(reply, "a", -1), 1);
  ck_assert_int_eq(kv_value_get_integer(reply, "b", -1), -1);
  ck_assert_str_eq(kv_value_get_text(reply, "b", "?"), "two");
  ck_assert_str_eq(kv_value_get_text(reply, "z", "?"), "?");
  ck_assert_ptr_null(kv_value_get(&reply->items[0], "a"));
  kv_resp_reader_free(&reader);
  kv_buffer_free(&buffer);
}
END_TEST

START_TEST(a_request_is_an_array_of_bulk_strings) {
  kv_buffer buffer = {NULL, 0, 0, 0};
  const raft_slice arguments[] = {{"SET", 3}, {"k", 1}, {"", 0}};
  ck_assert_int_eq(kv_request_append(&buffer, arguments, 3), 0);
  ck_assert_int_eq(kv_buffer_append(&buffer, "", 1), 0);
  ck_assert_str_eq(kv_buffer_front(&buffer), "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$0\r\n\r\n");
  kv_buffer_free(&buffer);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("resp_reader");
  TCase *tcase = tcase_create("resp_reader");
  tcase_add_loop_test(tcase, each_kind_of_reply_is_understood, 0, SAMPLES);
  tcase_add_loop_test(tcase, a_reply_cut_at_every_byte_is_the_same, 0, SAMPLES);
  tcase_add_test(tcase, a_stream_byte_by_byte_gives_all_replies);
  tcase_add_loop_test(tcase, nonsense_is_refused, 0, 17);
  tcase_add_test(tcase, too_deep_and_too_long_lines_are_refused);
  tcase_add_test(tcase, maps_are_looked_up_by_key);
  tcase_add_test(tcase, a_request_is_an_array_of_bulk_strings);
  suite_add_tcase(suite, tcase);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
