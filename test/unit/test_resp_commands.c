/* test_resp_commands.c - proves what each Redis command becomes, and the texts of its errors.
 *
 * A case is an inline request and what it must give: an answer (RESP3 bytes), or a summary of the
 * command or host call that it became.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "resp/command_table.h"
#include "resp/parser.h"

static kv_session session;
static kv_cursors *cursors;
static char result[1 << 16];

static void setup(void) {
  kv_session_init(&session, 7);
  cursors = kv_cursors_open(4, 100);
  ck_assert_ptr_nonnull(cursors);
}

static void teardown(void) {
  kv_session_free(&session);
  kv_cursors_close(cursors);
}

static void summarize(kv_outcome outcome, const kv_call *call) {
  size_t len = 0;
  if (outcome == KV_OUTCOME_ANSWERED) {
    ck_assert_uint_lt(call->reply->len, sizeof result);
    memcpy(result, call->reply->data, call->reply->len);
    result[call->reply->len] = '\0';
    return;
  }
  if (outcome == KV_OUTCOME_HOST) {
    (void)snprintf(result, sizeof result, "host %d %d [%.*s]", (int)call->host, (int)call->number,
                   (int)call->text.len, (const char *)call->text.data);
    return;
  }
  const kv_command *command = &call->command;
  len = (size_t)snprintf(result, sizeof result, "%s flags %u number %lld:", kv_op_name(command->op),
                         command->flags, (long long)command->number);
  for (size_t i = 0; i < command->arg_count; i++) {
    len += (size_t)snprintf(result + len, sizeof result - len, " [%.*s]", (int)command->args[i].len,
                            (const char *)command->args[i].data);
  }
}

static const char *run(const char *request) {
  static const kv_setting settings[] = {{"appendonly", "yes"}, {"maxmemory", "0"}, {"save", ""}};
  kv_reply reply = {0};
  kv_resp_parser parser;
  const kv_resp_limits limits = kv_resp_default_limits();
  kv_resp_parser_init(&parser, &limits);
  char line[1024];
  const int len = snprintf(line, sizeof line, "%s\r\n", request);
  ck_assert_int_eq(kv_resp_parse(&parser, line, (size_t)len), KV_RESP_REQUEST);
  kv_call call = {.session = &session,
                  .cursors = cursors,
                  .settings = settings,
                  .setting_count = 3,
                  .args = parser.args,
                  .arg_count = parser.arg_count,
                  .reply = &reply};
  summarize(kv_call_run(&call), &call);
  kv_reply_free(&reply);
  kv_resp_parser_free(&parser);
  return result;
}

#define check_run(request, expected) ck_assert_str_eq(run(request), expected)

START_TEST(names_are_sorted_and_found_in_any_case) {
  for (size_t i = 0; i < kv_command_row_count; i++) {
    const char *name = kv_command_rows[i].name;
    ck_assert(i == 0 || strcmp(kv_command_rows[i - 1].name, name) < 0);
    ck_assert_ptr_eq(kv_command_find((raft_slice){name, strlen(name)}), &kv_command_rows[i]);
  }
  ck_assert_ptr_nonnull(kv_command_find((raft_slice){"GeTdEl", 6}));
  ck_assert_ptr_null(kv_command_find((raft_slice){"ge", 2}));
  ck_assert_ptr_null(kv_command_find((raft_slice){"getx", 4}));
  ck_assert_ptr_null(kv_command_find((raft_slice){"", 0}));
}
END_TEST

/* Every command refuses one argument less than it needs and, if fixed, one more. */
START_TEST(every_arity_is_enforced) {
  for (size_t i = 0; i < kv_command_row_count; i++) {
    const kv_command_row *row = &kv_command_rows[i];
    const int least = abs(row->arity);
    char expected[128];
    (void)snprintf(expected, sizeof expected, "-ERR wrong number of arguments for '%s' command\r\n",
                   row->name);
    for (int count = least - 1; count <= least + 1; count += 2) {
      char request[128];
      size_t len = (size_t)snprintf(request, sizeof request, "%s", row->name);
      for (int j = 1; j < count; j++) {
        len += (size_t)snprintf(request + len, sizeof request - len, " 1");
      }
      if (count > 0 && (count < least || row->arity > 0)) {
        check_run(request, expected);
      }
    }
  }
  check_run("ping a b", "-ERR wrong number of arguments for 'ping' command\r\n");
  check_run("auth a b c", "-ERR wrong number of arguments for 'auth' command\r\n");
  check_run("mset a 1 b", "-ERR wrong number of arguments for 'mset' command\r\n");
  check_run("client setname", "-ERR wrong number of arguments for 'client|setname' command\r\n");
}
END_TEST

START_TEST(unknown_commands_read_as_in_redis) {
  check_run("nope", "-ERR unknown command 'nope', with args beginning with: \r\n");
  check_run("FLUSHALL a \"b c\"",
            "-ERR unknown command 'FLUSHALL', with args beginning with: 'a' 'b c' \r\n");
  check_run("nope \"a\\r\\nb\"",
            "-ERR unknown command 'nope', with args beginning with: 'a  b' \r\n");
  check_run("client nope", "-ERR unknown subcommand 'nope'. Try CLIENT HELP.\r\n");
  char request[600];
  memset(request, 'x', sizeof request - 1);
  request[sizeof request - 1] = '\0';
  request[300] = ' ';
  const char *answer = run(request);
  ck_assert_uint_eq(strlen(answer), strlen("-ERR unknown command '', with args beginning with: "
                                           "'' \r\n") +
                                        2 * 128);
}
END_TEST

START_TEST(commands_of_the_key_space) {
  check_run("get k", "GET flags 0 number 0: [k]");
  check_run("SET k v", "SET flags 0 number 0: [k] [v]");
  check_run("SET k v nx GET keepttl", "SET flags 5 number 0: [k] [v]");
  check_run("SET k v XX", "SET flags 2 number 0: [k] [v]");
  check_run("setnx k v", "SET flags 9 number 0: [k] [v]");
  check_run("getset k v", "SET flags 4 number 0: [k] [v]");
  check_run("mset a 1 b 2", "MSET flags 0 number 0: [a] [1] [b] [2]");
  check_run("mget a b", "MGET flags 0 number 0: [a] [b]");
  check_run("unlink a b", "DEL flags 0 number 0: [a] [b]");
  check_run("incr k", "INCRBY flags 0 number 1: [k]");
  check_run("decr k", "INCRBY flags 0 number -1: [k]");
  check_run("incrby k -5", "INCRBY flags 0 number -5: [k]");
  check_run("decrby k -5", "INCRBY flags 0 number 5: [k]");
  check_run("kv.cas k a b", "CAS flags 0 number 0: [k] [a] [b]");
  check_run("dbsize", "DBSIZE flags 0 number 0:");
}
END_TEST

START_TEST(bad_arguments_are_refused) {
  check_run("set k v nx xx", "-ERR syntax error\r\n");
  check_run("set k v foo", "-ERR syntax error\r\n");
  check_run("set k v ex 10", "-ERR keys do not expire here: SET takes NX, XX, GET and KEEPTTL\r\n");
  check_run("incrby k x", "-ERR value is not an integer or out of range\r\n");
  check_run("incrby k 9223372036854775808", "-ERR value is not an integer or out of range\r\n");
  check_run("decrby k -9223372036854775808", "-ERR decrement would overflow\r\n");
  check_run("get \"\"", "-ERR an empty key is not allowed\r\n");
  char request[600];
  (void)snprintf(request, sizeof request, "get %0481d", 1);
  check_run(request, "-ERR key is longer than 480 bytes\r\n");
}
END_TEST

START_TEST(scan_takes_numbers_for_cursors) {
  check_run("scan 0", "SCAN flags 0 number 10: []");
  check_run("scan 0 match a* count 100", "SCAN flags 0 number 100: [] [a*]");
  check_run("scan 0 type string", "SCAN flags 0 number 10: []");
  check_run("scan 0 type hash", "*2\r\n$1\r\n0\r\n*0\r\n");
  check_run("scan 0 count", "-ERR syntax error\r\n");
  check_run("scan 0 count 0", "-ERR syntax error\r\n");
  check_run("scan 0 count x", "-ERR value is not an integer or out of range\r\n");
  check_run("scan x", "-ERR invalid cursor\r\n");
  check_run("scan -1", "-ERR invalid cursor\r\n");
  check_run("scan 100", "-ERR invalid cursor\r\n");
  ck_assert_uint_eq(kv_cursors_add(cursors, (raft_slice){"last", 4}), 100);
  check_run("scan 100", "SCAN flags 0 number 10: [last]");
}
END_TEST

START_TEST(the_oldest_cursor_is_dropped) {
  raft_slice key;
  for (uint64_t i = 0; i < 5; i++) {
    ck_assert_uint_eq(kv_cursors_add(cursors, (raft_slice){"abcde", (size_t)i + 1}), 100 + i);
  }
  ck_assert_int_eq(kv_cursors_find(cursors, 100, &key), KV_ENOTFOUND);
  ck_assert_int_eq(kv_cursors_find(cursors, 101, &key), KV_OK);
  ck_assert_uint_eq(key.len, 2);
  ck_assert_int_eq(kv_cursors_find(cursors, 105, &key), KV_ENOTFOUND);
  ck_assert_int_eq(kv_cursors_find(cursors, 0, &key), KV_ENOTFOUND);
}
END_TEST

static void check_scan_answer(const char *answer, const char *expected) {
  kv_reply out = {0};
  kv_cursors_rewrite(cursors, (raft_slice){answer, strlen(answer)}, &out);
  kv_reply_append(&out, "", 1);
  ck_assert_str_eq(out.data, expected);
  kv_reply_free(&out);
}

START_TEST(scan_answers_get_numbers) {
  check_scan_answer("*2\r\n$0\r\n\r\n*1\r\n$1\r\na\r\n", "*2\r\n$1\r\n0\r\n*1\r\n$1\r\na\r\n");
  check_scan_answer("*2\r\n$2\r\nzz\r\n*0\r\n", "*2\r\n$3\r\n100\r\n*0\r\n");
  check_scan_answer("-TRYAGAIN no leader\r\n", "-TRYAGAIN no leader\r\n");
  check_scan_answer("*2\r\n$99\r\nzz\r\n", "*2\r\n$99\r\nzz\r\n");
}
END_TEST

START_TEST(commands_of_the_connection) {
  check_run("ping", "+PONG\r\n");
  check_run("ping hi", "$2\r\nhi\r\n");
  check_run("echo hi", "$2\r\nhi\r\n");
  check_run("select 0", "+OK\r\n");
  check_run("select 1", "-ERR DB index is out of range\r\n");
  check_run("select x", "-ERR value is not an integer or out of range\r\n");
  check_run("client id", ":7\r\n");
  check_run("client getname", "_\r\n");
  check_run("client setname \"a b\"",
            "-ERR Client names cannot contain spaces, newlines or special characters.\r\n");
  check_run("client setname me", "+OK\r\n");
  check_run("client getname", "$2\r\nme\r\n");
  check_run("client setinfo lib-name x", "+OK\r\n");
  check_run("client setinfo what x", "-ERR Unrecognized option 'what'\r\n");
  check_run("client no-evict on", "+OK\r\n");
  check_run("client no-evict maybe", "-ERR syntax error\r\n");
  check_run("reset", "+RESET\r\n");
  check_run("client getname", "_\r\n");
  check_run("cluster info", "-ERR This instance has cluster support disabled\r\n");
  ck_assert(!session.closing);
  check_run("quit", "+OK\r\n");
  ck_assert(session.closing);
}
END_TEST

START_TEST(hello_chooses_the_protocol) {
  check_run("hello 4", "-NOPROTO unsupported protocol version\r\n");
  check_run("hello x", "-ERR Protocol version is not an integer or out of range\r\n");
  check_run("hello 3 foo", "-ERR Syntax error in HELLO option 'foo'\r\n");
  check_run("hello 3 setname", "-ERR Syntax error in HELLO option 'setname'\r\n");
  check_run("hello 3 auth other pw",
            "-WRONGPASS invalid username-password pair or user is disabled.\r\n");
  ck_assert_int_eq(session.protocol, 2);
  check_run("hello 3 auth default pw setname me",
            "%7\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$5\r\n7.0.0\r\n$5\r\nproto\r\n"
            ":3\r\n$2\r\nid\r\n:7\r\n$4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n$6\r\nmaster"
            "\r\n$7\r\nmodules\r\n*0\r\n");
  ck_assert_int_eq(session.protocol, 3);
  ck_assert_str_eq(session.name, "me");
}
END_TEST

START_TEST(settings_are_matched_by_patterns) {
  check_run("config get save", "%1\r\n$4\r\nsave\r\n$0\r\n\r\n");
  check_run("config get nothing", "%0\r\n");
  check_run("config get APPENDONLY m*",
            "%2\r\n$10\r\nappendonly\r\n$3\r\nyes\r\n$9\r\nmaxmemory\r\n$1\r\n0\r\n");
  check_run("config set save x", "-ERR unknown subcommand 'set'. Try CONFIG HELP.\r\n");
}
END_TEST

START_TEST(calls_of_the_server) {
  char expected[64];
  (void)snprintf(expected, sizeof expected, "host %d 3 []", KV_HOST_TRANSFER);
  check_run("kv.transfer 3", expected);
  (void)snprintf(expected, sizeof expected, "host %d 4 [127.0.0.1:70]", KV_HOST_ADD_PEER);
  check_run("kv.addpeer 4 127.0.0.1:70", expected);
  (void)snprintf(expected, sizeof expected, "host %d 0 []", KV_HOST_COMPACT);
  check_run("kv.compact", expected);
  check_run("kv.removepeer x", "-ERR value is not a positive integer\r\n");
  check_run("kv.removepeer 0", "-ERR value is not a positive integer\r\n");
}
END_TEST

START_TEST(the_table_describes_itself) {
  check_run("command info get nope",
            "*2\r\n*10\r\n$3\r\nget\r\n:2\r\n~2\r\n+readonly\r\n+fast\r\n:1\r\n:1\r\n:1\r\n~0\r\n"
            "*0\r\n*0\r\n*0\r\n_\r\n");
  check_run("command docs echo nope",
            "%1\r\n$4\r\necho\r\n%3\r\n$7\r\nsummary\r\n$20\r\nAnswers its argument\r\n$5\r\n"
            "since\r\n$5\r\n1.0.0\r\n$5\r\ngroup\r\n$10\r\nconnection\r\n");
  ck_assert_int_eq(strncmp(run("command"), "*4", 2), 0);
  ck_assert_int_eq(strncmp(run("command docs"), "%4", 2), 0);
  ck_assert_int_eq(strncmp(run("command list"), "*4", 2), 0);
  ck_assert_int_eq(run("command count")[0], ':');
  ck_assert_int_eq(strncmp(run("config help"), "*7\r\n+CONFIG <sub", 16), 0);
}
END_TEST

int main(void) {
  TCase *tests = tcase_create("commands");
  tcase_add_checked_fixture(tests, setup, teardown);
  tcase_add_test(tests, names_are_sorted_and_found_in_any_case);
  tcase_add_test(tests, every_arity_is_enforced);
  tcase_add_test(tests, unknown_commands_read_as_in_redis);
  tcase_add_test(tests, commands_of_the_key_space);
  tcase_add_test(tests, bad_arguments_are_refused);
  tcase_add_test(tests, scan_takes_numbers_for_cursors);
  tcase_add_test(tests, the_oldest_cursor_is_dropped);
  tcase_add_test(tests, scan_answers_get_numbers);
  tcase_add_test(tests, commands_of_the_connection);
  tcase_add_test(tests, hello_chooses_the_protocol);
  tcase_add_test(tests, settings_are_matched_by_patterns);
  tcase_add_test(tests, calls_of_the_server);
  tcase_add_test(tests, the_table_describes_itself);
  Suite *suite = suite_create("resp_commands");
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
