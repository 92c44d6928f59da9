/* test_resp_parser.c - proves that requests are found however the input is cut.
 *
 * Each case is a script: input, and the transcript that it must give, with "[GET|k]" for a request
 * and "!text" for the error that ends it. Input is given in exact heap blocks, so that a sanitizer
 * sees every byte that is read beyond.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "resp/parser.h"

typedef struct transcript {
  char text[4096];
  size_t len;
} transcript;

static void note(transcript *t, const char *data, size_t len) {
  for (size_t i = 0; i < len && t->len + 5 < sizeof t->text; i++) {
    const unsigned char byte = (unsigned char)data[i];
    const bool plain = byte >= ' ' && byte < 127;
    t->len +=
        (size_t)snprintf(t->text + t->len, sizeof t->text - t->len, plain ? "%c" : "\\%02x", byte);
  }
}

static void note_request(transcript *t, const kv_resp_parser *parser) {
  note(t, "[", 1);
  for (size_t i = 0; i < parser->arg_count; i++) {
    note(t, "|", i > 0);
    note(t, parser->args[i].data, parser->args[i].len);
  }
  note(t, "]", 1);
}

/* A connection's view: bytes that have arrived and are not consumed. */
typedef struct feed {
  kv_resp_parser parser;
  char *pending;
  size_t pending_len;
  transcript out;
  bool failed;
} feed;

static void feed_init(feed *f, const kv_resp_limits *limits) {
  memset(f, 0, sizeof *f);
  kv_resp_parser_init(&f->parser, limits);
}

static void feed_free(feed *f) {
  kv_resp_parser_free(&f->parser);
  free(f->pending);
}

/* Moves the pending bytes to a new block of exactly their size. */
static void feed_move(feed *f, size_t skip, const char *more, size_t more_len) {
  const size_t kept = f->pending_len - skip;
  char *moved = malloc(kept + more_len + 1);
  ck_assert_ptr_nonnull(moved);
  char *exact = moved;
  memcpy(exact, f->pending_len > 0 ? f->pending + skip : "", kept);
  memcpy(exact + kept, more, more_len);
  exact = realloc(moved, kept + more_len > 0 ? kept + more_len : 1);
  free(f->pending);
  f->pending = exact;
  f->pending_len = kept + more_len;
}

static void feed_bytes(feed *f, const char *data, size_t len) {
  feed_move(f, 0, data, len);
  while (!f->failed) {
    const kv_resp_state state = kv_resp_parse(&f->parser, f->pending, f->pending_len);
    if (state == KV_RESP_MORE) {
      ck_assert_uint_gt(f->parser.wanted, f->pending_len);
      return;
    }
    if (state == KV_RESP_ERROR) {
      note(&f->out, "!", 1);
      note(&f->out, f->parser.error_text, strlen(f->parser.error_text));
      f->failed = true;
      return;
    }
    if (state == KV_RESP_REQUEST) {
      note_request(&f->out, &f->parser);
    }
    ck_assert_uint_gt(f->parser.consumed, 0);
    feed_move(f, f->parser.consumed, "", 0);
  }
}

/* Feeds input[0, cut) and the rest; cut 0: byte by byte. */
static void check_cut(const char *input, size_t len, size_t cut, const char *expected,
                      const kv_resp_limits *limits) {
  feed f;
  feed_init(&f, limits);
  if (cut == 0) {
    for (size_t i = 0; i < len; i++) {
      feed_bytes(&f, input + i, 1);
    }
  } else {
    feed_bytes(&f, input, cut);
    feed_bytes(&f, input + cut, len - cut);
  }
  ck_assert_str_eq(f.out.text, expected);
  feed_free(&f);
}

static void check_bytes(const char *input, size_t len, const char *expected) {
  const kv_resp_limits limits = kv_resp_default_limits();
  for (size_t cut = 0; cut <= len; cut++) {
    check_cut(input, len, cut, expected, &limits);
  }
}

static void check_script(const char *input, const char *expected) {
  check_bytes(input, strlen(input), expected);
}

START_TEST(arrays_of_bulk_strings) {
  check_script("*1\r\n$4\r\nPING\r\n", "[PING]");
  check_script("*2\r\n$3\r\nGET\r\n$0\r\n\r\n", "[GET|]");
  check_script("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$4\r\na\r\nb\r\n", "[SET|k|a\\0d\\0ab]");
  check_script("*1\r\n$4\r\nPING\r\n*2\r\n$4\r\nECHO\r\n$2\r\nhi\r\nPING\r\n",
               "[PING][ECHO|hi][PING]");
  check_bytes("*2\r\n$3\r\nGET\r\n$3\r\na\0b\r\n", 22, "[GET|a\\00b]");
}
END_TEST

START_TEST(inline_words) {
  check_script("PING\r\n", "[PING]");
  check_script("PING\n", "[PING]");
  check_script("  SET  k \t v \r\n", "[SET|k|v]");
  check_script("SET k \"a b\\n\\x41\\\"\\q\"\r\n", "[SET|k|a b\\0aA\"q]");
  check_script("SET k 'a \"b\\'\\n'\r\n", "[SET|k|a \"b'\\n]");
  check_script("SET k \"\" ''\r\n", "[SET|k||]");
  check_script("SET k pre\"fix\"\r\n", "[SET|k|prefix]");
}
END_TEST

START_TEST(requests_without_content_need_no_answer) {
  check_script("\r\n\n*0\r\n*-1\r\n   \r\nPING\r\n", "[PING]");
}
END_TEST

START_TEST(incomplete_requests_wait) {
  check_script("*1\r\n$4\r\nPIN", "");
  check_script("*1\r\n$4\r", "");
  check_script("PING", "");
  check_script("*2\r\n$4\r\nPING\r\n", "");
}
END_TEST

START_TEST(protocol_errors_read_as_in_redis) {
  check_script("*x\r\nPING\r\n", "!ERR Protocol error: invalid multibulk length");
  check_script("*1048577\r\n", "!ERR Protocol error: invalid multibulk length");
  check_script("*99999999999999999999\r\n", "!ERR Protocol error: invalid multibulk length");
  check_script("*01\r\n", "!ERR Protocol error: invalid multibulk length");
  check_script("*1\r\n:4\r\nPING\r\n", "!ERR Protocol error: expected '$', got ':'");
  check_script("*1\r\n\r\nPING\r\n", "!ERR Protocol error: expected '$', got ' '");
  check_script("*1\r\n$-1\r\n", "!ERR Protocol error: invalid bulk length");
  check_script("*1\r\n$\r\n", "!ERR Protocol error: invalid bulk length");
  check_script("*1\r\n$8388609\r\n", "!ERR Protocol error: invalid bulk length");
  check_script("SET k \"open\r\n", "!ERR Protocol error: unbalanced quotes in request");
  check_script("SET k 'open\r\n", "!ERR Protocol error: unbalanced quotes in request");
  check_script("SET k \"a\"b\r\n", "!ERR Protocol error: unbalanced quotes in request");
  check_script("PING\r\n*1\r\n!", "[PING]");
}
END_TEST

/* The limits of lines hold exactly, whether the line arrives at once or not. */
START_TEST(lines_are_bounded) {
  kv_resp_limits limits = kv_resp_default_limits();
  limits.line_bytes = 8;
  for (size_t cut = 0; cut <= 4; cut++) {
    check_cut("12345678\n", 9, cut, "[12345678]", &limits);
    check_cut("123456789\n", 10, cut, "!ERR Protocol error: too big inline request", &limits);
    check_cut("*23456789\r\n", 11, cut, "!ERR Protocol error: too big mbulk count string", &limits);
    check_cut("*1\r\n$23456789\r\n", 15, cut, "!ERR Protocol error: too big bulk count string",
              &limits);
  }
}
END_TEST

START_TEST(requests_are_bounded_before_they_arrive) {
  kv_resp_limits limits = kv_resp_default_limits();
  limits.bulk_bytes = 50;
  limits.request_bytes = 60;
  for (size_t cut = 0; cut <= 4; cut++) {
    check_cut("*2\r\n$50\r\n", 9, cut, "!ERR Protocol error: too big request", &limits);
    check_cut("*2\r\n$51\r\n", 9, cut, "!ERR Protocol error: invalid bulk length", &limits);
  }
}
END_TEST

/* An announced count allocates nothing. */
START_TEST(announced_arguments_cost_nothing) {
  const kv_resp_limits limits = kv_resp_default_limits();
  feed f;
  feed_init(&f, &limits);
  feed_bytes(&f, "*1048576\r\n", 10);
  ck_assert_uint_eq(f.parser.arg_room, 0);
  feed_bytes(&f, "$1\r\na\r\n", 7);
  ck_assert_uint_le(f.parser.arg_room, 16);
  feed_free(&f);
}
END_TEST

START_TEST(room_of_a_huge_request_is_given_back) {
  enum { COUNT = 5000 };
  const kv_resp_limits limits = kv_resp_default_limits();
  kv_resp_parser parser;
  kv_resp_parser_init(&parser, &limits);
  static char request[COUNT * 7 + 32];
  size_t len = (size_t)snprintf(request, sizeof request, "*%d\r\n", COUNT);
  for (int i = 0; i < COUNT; i++) {
    len += (size_t)snprintf(request + len, sizeof request - len, "$1\r\n%d\r\n", i % 10);
  }
  ck_assert_int_eq(kv_resp_parse(&parser, request, len), KV_RESP_REQUEST);
  ck_assert_uint_eq(parser.arg_count, COUNT);
  ck_assert_mem_eq(parser.args[4999].data, "9", 1);
  ck_assert_int_eq(kv_resp_parse(&parser, request, 1), KV_RESP_MORE);
  ck_assert_uint_eq(parser.arg_room, 0);
  kv_resp_parser_free(&parser);
}
END_TEST

/* Bytes that look like the protocol, more or less: no crash, no endless loop, same result however
 * they are cut. A fixed seed and generator: the same bytes every time. */
START_TEST(random_bytes_do_no_harm) {
  static const char alphabet[] = "*$\r\n0123 9-\"'\\xPG\r\n\r\n$1*1";
  const kv_resp_limits limits = kv_resp_default_limits();
  uint32_t state = 12345;
  for (int round = 0; round < 3000; round++) {
    char input[48];
    for (size_t i = 0; i < sizeof input; i++) {
      state = state * 1664525u + 1013904223u;
      input[i] = (state >> 28) == 0 ? (char)(state >> 8) : alphabet[(state >> 8) % 26];
    }
    feed whole;
    feed_init(&whole, &limits);
    feed_bytes(&whole, input, sizeof input);
    check_cut(input, sizeof input, 0, whole.out.text, &limits);
    check_cut(input, sizeof input, 1 + (state >> 4) % 40, whole.out.text, &limits);
    feed_free(&whole);
  }
}
END_TEST

int main(void) {
  TCase *tests = tcase_create("parser");
  tcase_add_test(tests, arrays_of_bulk_strings);
  tcase_add_test(tests, inline_words);
  tcase_add_test(tests, requests_without_content_need_no_answer);
  tcase_add_test(tests, incomplete_requests_wait);
  tcase_add_test(tests, protocol_errors_read_as_in_redis);
  tcase_add_test(tests, lines_are_bounded);
  tcase_add_test(tests, requests_are_bounded_before_they_arrive);
  tcase_add_test(tests, announced_arguments_cost_nothing);
  tcase_add_test(tests, room_of_a_huge_request_is_given_back);
  tcase_add_test(tests, random_bytes_do_no_harm);
  Suite *suite = suite_create("resp_parser");
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
