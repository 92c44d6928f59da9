/* test_command.c - what each command does, answers and refuses, and its binary form.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fault_engine.h"
#include "raftstore/command.h"
#include "scratch.h"

enum { MAX_ARGS = 8 };

static scratch dir;
static kv_engine *lmdb;
static fault_engine engine;
static raft_slice whole;

static void setup(void) {
  kv_error error = {0};
  scratch_open(&dir);
  kv_lmdb_options options = {.directory = dir.path};
  ck_assert_msg(kv_lmdb_open(&options, &lmdb, &error) == KV_OK, "%s", error.text);
  fault_engine_init(&engine, lmdb);
  whole = (raft_slice){0};
}

static void teardown(void) {
  ck_assert_uint_eq(engine.open, 0);
  lmdb->ops->close(lmdb);
  scratch_close(&dir);
}

static raft_slice str(const char *text) {
  return (raft_slice){text, strlen(text)};
}

/* Executes and ends the transaction: committed if it worked. */
static int execute(const kv_command *command, raft_slice start, raft_slice end, kv_reply *reply) {
  kv_txn *txn;
  int rc = engine.base.ops->begin(&engine.base, kv_op_is_write(command->op), &txn);
  ck_assert_int_eq(rc, KV_OK);
  rc = kv_command_execute(command, txn, start, end, reply, NULL);
  if (rc == KV_OK) {
    return engine.base.ops->commit(txn);
  }
  engine.base.ops->abort(txn);
  return rc;
}

static void expect_reply(kv_reply *reply, const char *expected) {
  ck_assert(!reply->failed);
  ck_assert_msg(reply->len == strlen(expected) && memcmp(reply->data, expected, reply->len) == 0,
                "answer '%.*s' instead of '%s'", (int)reply->len, reply->data, expected);
  kv_reply_free(reply);
}

/* Words of `line`: arguments separated by one blank; "_" alone is an empty one. */
static size_t split(const char *line, raft_slice *args) {
  size_t count = 0;
  while (*line != '\0') {
    size_t len = strcspn(line, " ");
    ck_assert_uint_lt(count, MAX_ARGS);
    args[count++] = len == 1 && *line == '_' ? (raft_slice){"", 0} : (raft_slice){line, len};
    line += len + (line[len] == ' ');
  }
  return count;
}

static void run_in(kv_op op, uint32_t flags, int64_t number, const char *line, const char *start,
                   const char *end, const char *expected) {
  raft_slice args[MAX_ARGS];
  kv_reply reply = {0};
  kv_command command = {op, flags, number, args, split(line, args)};
  ck_assert_int_eq(execute(&command, str(start), str(end), &reply), KV_OK);
  expect_reply(&reply, expected);
}

static void run(kv_op op, uint32_t flags, int64_t number, const char *line, const char *expected) {
  run_in(op, flags, number, line, "", "", expected);
}

static void set(const char *key, const char *value) {
  char line[600];
  (void)snprintf(line, sizeof line, "%s %s", key, value);
  run(KV_OP_SET, 0, 0, line, "+OK\r\n");
}

/* --- writes ---------------------------------------------------------------------------------- */

START_TEST(set_and_get) {
  run(KV_OP_GET, 0, 0, "k", "_\r\n");
  run(KV_OP_SET, 0, 0, "k v1", "+OK\r\n");
  run(KV_OP_GET, 0, 0, "k", "$2\r\nv1\r\n");
  run(KV_OP_SET, 0, 0, "k _", "+OK\r\n");
  run(KV_OP_GET, 0, 0, "k", "$0\r\n\r\n");
}
END_TEST

START_TEST(set_on_conditions) {
  run(KV_OP_SET, KV_FLAG_XX, 0, "k v1", "_\r\n");
  run(KV_OP_GET, 0, 0, "k", "_\r\n");
  run(KV_OP_SET, KV_FLAG_NX, 0, "k v2", "+OK\r\n");
  run(KV_OP_SET, KV_FLAG_NX, 0, "k v3", "_\r\n");
  run(KV_OP_GET, 0, 0, "k", "$2\r\nv2\r\n");
  run(KV_OP_SET, KV_FLAG_XX, 0, "k v4", "+OK\r\n");
  run(KV_OP_GET, 0, 0, "k", "$2\r\nv4\r\n");
}
END_TEST

START_TEST(set_answers_the_old_value_on_demand) {
  run(KV_OP_SET, KV_FLAG_GET, 0, "k v1", "_\r\n");
  run(KV_OP_SET, KV_FLAG_GET, 0, "k v2", "$2\r\nv1\r\n");
  run(KV_OP_SET, KV_FLAG_GET | KV_FLAG_NX, 0, "k v3", "$2\r\nv2\r\n");
  run(KV_OP_GET, 0, 0, "k", "$2\r\nv2\r\n");
  run(KV_OP_SET, KV_FLAG_GET | KV_FLAG_XX, 0, "other v", "_\r\n");
  run(KV_OP_GET, 0, 0, "other", "_\r\n");
}
END_TEST

START_TEST(setnx_answers_a_number) {
  run(KV_OP_SET, KV_FLAG_NX | KV_FLAG_INT, 0, "k v1", ":1\r\n");
  run(KV_OP_SET, KV_FLAG_NX | KV_FLAG_INT, 0, "k v2", ":0\r\n");
}
END_TEST

START_TEST(mset_and_mget) {
  run(KV_OP_MSET, 0, 0, "a 1 b 2 a 3", "+OK\r\n");
  run(KV_OP_MGET, 0, 0, "a x b", "*3\r\n$1\r\n3\r\n_\r\n$1\r\n2\r\n");
}
END_TEST

START_TEST(del_counts_what_it_deleted) {
  run(KV_OP_MSET, 0, 0, "a 1 b 2", "+OK\r\n");
  run(KV_OP_DEL, 0, 0, "a a x b", ":2\r\n");
  run(KV_OP_DEL, 0, 0, "a", ":0\r\n");
}
END_TEST

START_TEST(getdel_gives_the_value_once) {
  set("k", "v");
  run(KV_OP_GETDEL, 0, 0, "k", "$1\r\nv\r\n");
  run(KV_OP_GETDEL, 0, 0, "k", "_\r\n");
}
END_TEST

START_TEST(append_makes_or_lengthens) {
  run(KV_OP_APPEND, 0, 0, "k ab", ":2\r\n");
  run(KV_OP_APPEND, 0, 0, "k cd", ":4\r\n");
  run(KV_OP_APPEND, 0, 0, "k _", ":4\r\n");
  run(KV_OP_GET, 0, 0, "k", "$4\r\nabcd\r\n");
  run(KV_OP_APPEND, 0, 0, "new _", ":0\r\n");
  run(KV_OP_EXISTS, 0, 0, "new", ":1\r\n");
}
END_TEST

START_TEST(append_stops_at_the_largest_value) {
  char *big = malloc(KV_MAX_VALUE);
  ck_assert_ptr_nonnull(big);
  memset(big, 'x', KV_MAX_VALUE);
  raft_slice args[] = {str("k"), {big, KV_MAX_VALUE - 1}};
  kv_command command = {KV_OP_SET, 0, 0, args, 2};
  kv_reply reply = {0};
  ck_assert_int_eq(execute(&command, whole, whole, &reply), KV_OK);
  expect_reply(&reply, "+OK\r\n");
  run(KV_OP_APPEND, 0, 0, "k ab", "-ERR string exceeds maximum allowed size (4194304 bytes)\r\n");
  run(KV_OP_APPEND, 0, 0, "k a", ":4194304\r\n");
  run(KV_OP_STRLEN, 0, 0, "k", ":4194304\r\n");
  free(big);
}
END_TEST

START_TEST(incrby_counts_both_ways_and_keeps_the_form) {
  run(KV_OP_INCRBY, 0, 1, "n", ":1\r\n");
  run(KV_OP_INCRBY, 0, 41, "n", ":42\r\n");
  run(KV_OP_INCRBY, 0, -50, "n", ":-8\r\n");
  run(KV_OP_GET, 0, 0, "n", "$2\r\n-8\r\n");
}
END_TEST

START_TEST(incrby_refuses_what_is_no_number) {
  static const char *const values[] = {"x", "_", "1.5", "01", "+1", "9223372036854775808", "1x"};
  for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
    set("n", values[i]);
    run(KV_OP_INCRBY, 0, 1, "n", "-ERR value is not an integer or out of range\r\n");
  }
  set("n", "9223372036854775807");
  run(KV_OP_INCRBY, 0, 1, "n", "-ERR increment or decrement would overflow\r\n");
  run(KV_OP_INCRBY, 0, INT64_MIN, "n", ":-1\r\n");
  run(KV_OP_INCRBY, 0, INT64_MIN, "n", "-ERR increment or decrement would overflow\r\n");
  run(KV_OP_GET, 0, 0, "n", "$2\r\n-1\r\n");
}
END_TEST

START_TEST(cas_compares_before_it_sets) {
  run(KV_OP_CAS, 0, 0, "k old new", ":0\r\n");
  run(KV_OP_CAS, KV_FLAG_ABSENT, 0, "k _ first", ":1\r\n");
  run(KV_OP_CAS, KV_FLAG_ABSENT, 0, "k _ second", ":0\r\n");
  run(KV_OP_CAS, 0, 0, "k firs second", ":0\r\n");
  run(KV_OP_CAS, 0, 0, "k _ second", ":0\r\n");
  run(KV_OP_CAS, 0, 0, "k first _", ":1\r\n");
  run(KV_OP_CAS, 0, 0, "k _ third", ":1\r\n");
  run(KV_OP_GET, 0, 0, "k", "$5\r\nthird\r\n");
}
END_TEST

/* --- reads ----------------------------------------------------------------------------------- */

START_TEST(questions_about_keys) {
  set("k", "value");
  run(KV_OP_EXISTS, 0, 0, "k x k", ":2\r\n");
  run(KV_OP_STRLEN, 0, 0, "k", ":5\r\n");
  run(KV_OP_STRLEN, 0, 0, "x", ":0\r\n");
  run(KV_OP_TYPE, 0, 0, "k", "+string\r\n");
  run(KV_OP_TYPE, 0, 0, "x", "+none\r\n");
  run(KV_OP_TTL, 0, 0, "k", ":-1\r\n");
  run(KV_OP_TTL, 0, 0, "x", ":-2\r\n");
  run(KV_OP_DBSIZE, 0, 0, "", ":1\r\n");
}
END_TEST

START_TEST(an_answer_that_is_too_long_is_an_error) {
  enum { KEYS = 17 };
  char *big = calloc(1, KV_MAX_VALUE);
  raft_slice args[KEYS] = {str("k"), {big, KV_MAX_VALUE}};
  kv_command command = {KV_OP_SET, 0, 0, args, 2};
  kv_reply reply = {0};
  ck_assert_ptr_nonnull(big);
  ck_assert_int_eq(execute(&command, whole, whole, &reply), KV_OK);
  expect_reply(&reply, "+OK\r\n");
  for (size_t i = 0; i < KEYS; i++) {
    args[i] = str("k");
  }
  command = (kv_command){KV_OP_MGET, 0, 0, args, KEYS};
  kv_reply_status(&reply, "before");
  ck_assert_int_eq(execute(&command, whole, whole, &reply), KV_OK);
  expect_reply(&reply,
               "+before\r\n-ERR answer is longer than 67108864 bytes, ask for fewer keys at "
               "once\r\n");
  free(big);
}
END_TEST

START_TEST(scan_goes_on_at_its_cursor) {
  run(KV_OP_MSET, 0, 0, "a 1 b 2 c 3", "+OK\r\n");
  run(KV_OP_SCAN, 0, 2, "_", "*2\r\n$1\r\nc\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n");
  run(KV_OP_SCAN, 0, 2, "c", "*2\r\n$0\r\n\r\n*1\r\n$1\r\nc\r\n");
  run(KV_OP_SCAN, 0, 10, "_", "*2\r\n$0\r\n\r\n*3\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n");
  run(KV_OP_SCAN, 0, 10, "ca", "*2\r\n$0\r\n\r\n*0\r\n");
  run(KV_OP_SCAN, 0, 10, "zz", "*2\r\n$0\r\n\r\n*0\r\n");
  run(KV_OP_DEL, 0, 0, "b", ":1\r\n"); /* the key of a cursor may be gone */
  run(KV_OP_SCAN, 0, 1, "b", "*2\r\n$0\r\n\r\n*1\r\n$1\r\nc\r\n");
}
END_TEST

START_TEST(scan_counts_keys_looked_at_not_found) {
  run(KV_OP_MSET, 0, 0, "a1 1 b1 2 c1 3 a2 4", "+OK\r\n");
  run(KV_OP_SCAN, 0, 2, "_ b*", "*2\r\n$2\r\nb1\r\n*0\r\n");
  run(KV_OP_SCAN, 0, 2, "b1 b*", "*2\r\n$0\r\n\r\n*1\r\n$2\r\nb1\r\n");
  run(KV_OP_SCAN, 0, 9, "_ _", "*2\r\n$0\r\n\r\n*0\r\n"); /* only an empty key would match */
}
END_TEST

START_TEST(scan_and_dbsize_stay_in_their_range) {
  run(KV_OP_MSET, 0, 0, "a 1 b 2 c 3 d 4", "+OK\r\n");
  run_in(KV_OP_SCAN, 0, 10, "_", "b", "d", "*2\r\n$0\r\n\r\n*2\r\n$1\r\nb\r\n$1\r\nc\r\n");
  run_in(KV_OP_SCAN, 0, 1, "_", "b", "", "*2\r\n$1\r\nc\r\n*1\r\n$1\r\nb\r\n");
  run_in(KV_OP_SCAN, 0, 10, "ba", "", "c", "*2\r\n$0\r\n\r\n*0\r\n");
  run_in(KV_OP_DBSIZE, 0, 0, "", "b", "d", ":2\r\n");
  run_in(KV_OP_DBSIZE, 0, 0, "", "", "b", ":1\r\n");
  run_in(KV_OP_DBSIZE, 0, 0, "", "e", "", ":0\r\n");
  run_in(KV_OP_DBSIZE, 0, 0, "c", "b", "", ":2\r\n");
  run(KV_OP_DBSIZE, 0, 0, "b", ":3\r\n");
}
END_TEST

/* Sets `count` keys of `len` bytes that begin with a number. */
static void set_long_keys(size_t count, size_t len) {
  kv_txn *txn;
  char key[KV_MAX_KEY];
  memset(key, 'a', sizeof key);
  ck_assert_int_eq(lmdb->ops->begin(lmdb, true, &txn), KV_OK);
  for (size_t i = 0; i < count; i++) {
    char number[24];
    (void)snprintf(number, sizeof number, "%08zu", i);
    memcpy(key, number, 8);
    ck_assert_int_eq(lmdb->ops->put(txn, KV_SPACE_DATA, (raft_slice){key, len}, str("")), KV_OK);
  }
  ck_assert_int_eq(lmdb->ops->commit(txn), KV_OK);
}

/* Length of an answer to a scan from the start, and whether it says that there is more. */
static size_t scan_bytes(const char *pattern, bool *more) {
  raft_slice args[2] = {str(""), str(pattern)};
  kv_command command = {KV_OP_SCAN, 0, INT64_MAX, args, 2};
  kv_reply reply = {0};
  ck_assert_int_eq(execute(&command, whole, whole, &reply), KV_OK);
  size_t len = reply.len;
  *more = memcmp(reply.data, "*2\r\n$0\r\n", 8) != 0;
  kv_reply_free(&reply);
  return len;
}

START_TEST(scan_is_bounded_in_keys_bytes_and_work) {
  bool more;
  char costly[KV_MAX_PATTERN + 1];
  set_long_keys(10001, 8);
  ck_assert_uint_eq(scan_bytes("*", &more),
                    strlen("*2\r\n$8\r\n12345678\r\n*10000\r\n") + 10000 * (4 + 8 + 2));
  ck_assert(more);
  set_long_keys(5000, KV_MAX_KEY);
  size_t len = scan_bytes("*", &more);
  ck_assert(more);
  ck_assert_uint_ge(len, KV_MAX_SCAN_REPLY);
  ck_assert_uint_lt(len, KV_MAX_SCAN_REPLY + 2048);
  memset(costly, 'a', sizeof costly);
  costly[0] = '*';
  costly[KV_MAX_KEY / 2] = 'b';
  costly[KV_MAX_KEY / 2 + 1] = '\0';
  ck_assert_uint_lt(scan_bytes(costly, &more), 1024);
  ck_assert(more);
}
END_TEST

/* --- what is refused ---------------------------------------------------------------------------
 */

static const struct {
  kv_op op;
  uint32_t flags;
  int64_t number;
  const char *line, *error;
} refused[] = {
    {KV_OP_NONE, 0, 0, "", "-ERR unknown command\r\n"},
    {(kv_op)8, 0, 0, "k", "-ERR unknown command\r\n"},
    {(kv_op)1000, 0, 0, "k", "-ERR unknown command\r\n"},
    {KV_OP_SET, 0, 0, "k", "-ERR wrong number of arguments\r\n"},
    {KV_OP_SET, 0, 0, "k v x", "-ERR wrong number of arguments\r\n"},
    {KV_OP_SET, KV_FLAG_NX | KV_FLAG_XX, 0, "k v", "-ERR syntax error\r\n"},
    {KV_OP_SET, KV_FLAG_ABSENT, 0, "k v", "-ERR syntax error\r\n"},
    {KV_OP_SET, 0, 0, "_ v", "-ERR an empty key is not allowed\r\n"},
    {KV_OP_MSET, 0, 0, "", "-ERR wrong number of arguments\r\n"},
    {KV_OP_MSET, 0, 0, "a 1 b", "-ERR wrong number of arguments\r\n"},
    {KV_OP_MSET, 0, 0, "a 1 _ 2", "-ERR an empty key is not allowed\r\n"},
    {KV_OP_MSET, KV_FLAG_NX, 0, "a 1", "-ERR syntax error\r\n"},
    {KV_OP_DEL, 0, 0, "", "-ERR wrong number of arguments\r\n"},
    {KV_OP_DEL, 0, 0, "a _", "-ERR an empty key is not allowed\r\n"},
    {KV_OP_CAS, 0, 0, "k v", "-ERR wrong number of arguments\r\n"},
    {KV_OP_GET, 0, 0, "a b", "-ERR wrong number of arguments\r\n"},
    {KV_OP_DBSIZE, 0, 0, "x y", "-ERR wrong number of arguments\r\n"},
    {KV_OP_SCAN, 0, 1, "", "-ERR wrong number of arguments\r\n"},
    {KV_OP_SCAN, 0, 0, "_", "-ERR syntax error\r\n"},
    {KV_OP_SCAN, 0, -1, "_", "-ERR syntax error\r\n"},
};

START_TEST(what_makes_no_sense_is_refused) {
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
    run(refused[i].op, refused[i].flags, refused[i].number, refused[i].line, refused[i].error);
  }
}
END_TEST

static void expect_refused(const kv_command *command, const char *why) {
  const char *found;
  kv_reply reply = {0};
  ck_assert_int_eq(kv_command_check(command, &found), KV_EINVAL);
  ck_assert_str_eq(found, why);
  ck_assert_int_eq(execute(command, whole, whole, &reply), KV_OK);
  ck_assert_mem_eq(reply.data + 1, why, strlen(why));
  kv_reply_free(&reply);
}

START_TEST(what_is_too_long_is_refused) {
  char *big = calloc(1, KV_MAX_VALUE + 1);
  ck_assert_ptr_nonnull(big);
  const raft_slice long_key = {big, KV_MAX_KEY + 1};
  const raft_slice key = {"k", 1}, value = {big, KV_MAX_VALUE},
                   long_value = {big, KV_MAX_VALUE + 1};
  raft_slice args[6] = {long_key, key};
  kv_command command = {KV_OP_SET, 0, 0, args, 2};
  expect_refused(&command, "ERR key is longer than 480 bytes");
  args[0] = key;
  args[1] = long_value;
  expect_refused(&command, "ERR value is longer than 4194304 bytes");
  command.op = KV_OP_MSET;
  expect_refused(&command, "ERR value is longer than 4194304 bytes");
  args[1] = args[3] = args[5] = value;
  args[2] = args[4] = key;
  command.arg_count = 6;
  expect_refused(&command, "ERR command is longer than 8388608 bytes, split it into several");
  args[0] = long_key;
  command = (kv_command){KV_OP_SCAN, 0, 10, args, 1};
  expect_refused(&command, "ERR invalid cursor");
  args[0] = key;
  args[1] = (raft_slice){big, KV_MAX_PATTERN + 1};
  command.arg_count = 2;
  expect_refused(&command, "ERR pattern is longer than 512 bytes");
  free(big);
}
END_TEST

START_TEST(keys_of_each_command_are_known) {
  raft_slice args[4] = {str("a"), str("b"), str("c"), str("d")};
  kv_command command = {KV_OP_SET, 0, 0, args, 2};
  kv_key_range keys = kv_command_keys(&command);
  ck_assert_uint_eq(keys.first, 0);
  ck_assert_uint_eq(keys.count, 1);
  command = (kv_command){KV_OP_MSET, 0, 0, args, 4};
  keys = kv_command_keys(&command);
  ck_assert_uint_eq(keys.step, 2);
  ck_assert_uint_eq(keys.count, 2);
  command = (kv_command){KV_OP_DEL, 0, 0, args, 3};
  ck_assert_uint_eq(kv_command_keys(&command).count, 3);
  command = (kv_command){KV_OP_SCAN, 0, 1, args, 2};
  ck_assert_uint_eq(kv_command_keys(&command).count, 0);
  command = (kv_command){(kv_op)999, 0, 1, args, 2};
  ck_assert_uint_eq(kv_command_keys(&command).count, 0);
}
END_TEST

START_TEST(ops_have_names_and_kinds) {
  ck_assert_str_eq(kv_op_name(KV_OP_INCRBY), "INCRBY");
  ck_assert_str_eq(kv_op_name((kv_op)999), "?");
  ck_assert(kv_op_is_write(KV_OP_CAS) && !kv_op_is_write(KV_OP_GET));
  ck_assert(!kv_op_is_write((kv_op)999) && !kv_op_is_known(KV_OP_NONE));
  ck_assert(kv_op_is_known(KV_OP_DBSIZE));
}
END_TEST

/* --- failing engines -----------------------------------------------------------------------------
 */

static const struct {
  kv_op op;
  uint32_t flags;
  int64_t number;
  const char *line;
} all[] = {
    {KV_OP_SET, KV_FLAG_GET, 0, "a v"},
    {KV_OP_MSET, 0, 0, "a 1 b 2"},
    {KV_OP_DEL, 0, 0, "a b"},
    {KV_OP_GETDEL, 0, 0, "a"},
    {KV_OP_APPEND, 0, 0, "a v"},
    {KV_OP_INCRBY, 0, 1, "n"},
    {KV_OP_CAS, 0, 0, "a 1 2"},
    {KV_OP_GET, 0, 0, "a"},
    {KV_OP_MGET, 0, 0, "a b"},
    {KV_OP_EXISTS, 0, 0, "a b"},
    {KV_OP_STRLEN, 0, 0, "a"},
    {KV_OP_TYPE, 0, 0, "a"},
    {KV_OP_TTL, 0, 0, "a"},
    {KV_OP_SCAN, 0, 9, "_"},
    {KV_OP_DBSIZE, 0, 0, ""},
};

START_TEST(a_failure_of_the_engine_is_passed_on) {
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    int rc = KV_EIO;
    run(KV_OP_MSET, 0, 0, "a 1 b 2 n 3", "+OK\r\n");
    for (size_t fail = 2; rc != KV_OK; fail++) { /* the first one is begin */
      raft_slice args[MAX_ARGS];
      kv_reply reply = {0};
      kv_command command = {all[i].op, all[i].flags, all[i].number, args, split(all[i].line, args)};
      engine.operations = 0;
      engine.fail_at = fail;
      engine.fail_code = KV_EIO;
      rc = execute(&command, whole, whole, &reply);
      ck_assert(rc == KV_OK || rc == KV_EIO);
      ck_assert_uint_lt(fail, 20);
      ck_assert(rc != KV_OK || engine.operations < fail);
      kv_reply_free(&reply);
      engine.fail_at = 0;
      if (rc != KV_OK) { /* and nothing of it stays */
        run(KV_OP_MGET, 0, 0, "a b n", "*3\r\n$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n");
      }
    }
  }
}
END_TEST

/* --- binary form
 * ----------------------------------------------------------------------------------- */

static size_t encode(size_t i, unsigned char *buf, size_t size) {
  raft_slice args[MAX_ARGS];
  kv_command command = {all[i].op, all[i].flags, all[i].number, args, split(all[i].line, args)};
  return kv_command_encode(&command, buf, size);
}

static void expect_same(const kv_command *command, size_t i) {
  raft_slice args[MAX_ARGS];
  size_t count = split(all[i].line, args);
  ck_assert_int_eq((int)command->op, (int)all[i].op);
  ck_assert_uint_eq(command->flags, all[i].flags);
  ck_assert_int_eq(command->number, all[i].number);
  ck_assert_uint_eq(command->arg_count, count);
  for (size_t k = 0; k < count; k++) {
    ck_assert_uint_eq(command->args[k].len, args[k].len);
    ck_assert_mem_eq(command->args[k].data, args[k].data, args[k].len);
  }
}

START_TEST(commands_follow_each_other_in_one_buffer) {
  unsigned char buf[1024];
  size_t len = 0, count = sizeof all / sizeof *all;
  for (size_t i = 0; i < count; i++) {
    len += encode(i, buf + len, sizeof buf - len);
  }
  ck_assert_uint_lt(len, sizeof buf);
  raft_slice input = {buf, len};
  for (size_t i = 0; i < count; i++) {
    raft_slice args[MAX_ARGS];
    size_t room = MAX_ARGS;
    kv_command command;
    ck_assert_int_eq(kv_command_decode(&input, &command, args, &room), KV_OK);
    expect_same(&command, i);
  }
  ck_assert_uint_eq(input.len, 0);
}
END_TEST

START_TEST(numbers_survive_at_both_ends) {
  static const int64_t numbers[] = {0, 1, -1, 63, 64, -64, -65, INT64_MAX, INT64_MIN};
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    unsigned char buf[64];
    raft_slice key = str("k"), arg;
    kv_command command = {KV_OP_INCRBY, UINT32_MAX, numbers[i], &key, 1}, decoded;
    size_t room = 1;
    raft_slice input = {buf, kv_command_encode(&command, buf, sizeof buf)};
    ck_assert_int_eq(kv_command_decode(&input, &decoded, &arg, &room), KV_OK);
    ck_assert_int_eq(decoded.number, numbers[i]);
    ck_assert_uint_eq(decoded.flags, UINT32_MAX);
  }
}
END_TEST

START_TEST(encoding_counts_beyond_a_short_buffer_and_writes_nothing_there) {
  unsigned char buf[64], shorter[64];
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    size_t len = encode(i, buf, sizeof buf);
    ck_assert_uint_eq(encode(i, NULL, 0), len);
    for (size_t size = 0; size < len; size++) {
      memset(shorter, 0xee, sizeof shorter);
      ck_assert_uint_eq(encode(i, shorter, size), len);
      for (size_t k = size; k < sizeof shorter; k++) {
        ck_assert_uint_eq(shorter[k], 0xee);
      }
    }
  }
}
END_TEST

START_TEST(a_cut_command_is_corrupt_at_every_byte) {
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    unsigned char buf[64];
    size_t len = encode(i, buf, sizeof buf);
    for (size_t cut = 0; cut < len; cut++) {
      unsigned char *exact = malloc(cut > 0 ? cut : 1); /* reading behind it would show */
      raft_slice args[MAX_ARGS], input = {exact, cut};
      size_t room = MAX_ARGS;
      kv_command command;
      ck_assert_ptr_nonnull(exact);
      memcpy(exact, buf, cut);
      ck_assert_int_eq(kv_command_decode(&input, &command, args, &room), KV_ECORRUPT);
      ck_assert_ptr_eq(input.data, exact);
      free(exact);
    }
  }
}
END_TEST

START_TEST(too_little_room_is_told_and_costs_nothing) {
  unsigned char buf[64];
  raft_slice args[MAX_ARGS];
  size_t room = 3;
  kv_command command;
  raft_slice input = {buf, encode(1, buf, sizeof buf)}, before = input;
  ck_assert_int_eq(kv_command_decode(&input, &command, args, &room), KV_EFULL);
  ck_assert_uint_eq(room, 4);
  ck_assert_ptr_eq(input.data, before.data);
  ck_assert_int_eq(kv_command_decode(&input, &command, args, &room), KV_OK);
  expect_same(&command, 1);
}
END_TEST

static const struct {
  const char *bytes;
  size_t len;
} malformed[] = {
    {"\x00\x00\x00\x00", 4},                                      /* op 0 */
    {"\x08\x00\x00\x01\x01k", 6},                                 /* an op of the future */
    {"\x81\x00\x00\x00\x00", 5},                                  /* not the shortest form */
    {"\x20\x80\x80\x80\x80\x10\x00\x01\x01k", 10},                /* flags beyond 32 bits */
    {"\x20\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 13}, /* 2^64 - 1 arguments */
    {"\x20\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02\x00", 13}, /* 65 bits */
    {"\x20\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00", 13}, /* never ends */
    {"\x20\x00\x00\x01\x7fk", 6},                                 /* longer than the input */
    {"\x20\x00\x00\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01k", 15},
    {"\xff\xff\xff\xff\x7f\x00\x00\x00", 8}, /* op beyond an int */
};

START_TEST(malformed_bytes_are_corrupt) {
  for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++) {
    raft_slice args[MAX_ARGS], input = {malformed[i].bytes, malformed[i].len};
    size_t room = MAX_ARGS;
    kv_command command;
    ck_assert_int_eq(kv_command_decode(&input, &command, args, &room), KV_ECORRUPT);
  }
}
END_TEST

START_TEST(random_bytes_do_no_harm) {
  uint64_t state = 42; /* the seed */
  for (int round = 0; round < 20000; round++) {
    unsigned char buf[48];
    raft_slice args[MAX_ARGS], input;
    size_t room = MAX_ARGS;
    kv_command command;
    for (size_t i = 0; i < sizeof buf; i++) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      buf[i] = (unsigned char)(state >> 56) & (i < 8 ? 0x27 : 0xff);
    }
    input = (raft_slice){buf, (size_t)(state >> 32) % sizeof buf};
    int rc = kv_command_decode(&input, &command, args, &room);
    if (rc == KV_OK) {
      unsigned char again[64];
      raft_slice rest = input;
      size_t len = kv_command_encode(&command, again, sizeof again);
      ck_assert_mem_eq(again, buf, len);
      ck_assert_ptr_eq(rest.data, buf + len);
    }
  }
}
END_TEST

int main(void) {
  Suite *suite = suite_create("command");
  TCase *tcase = tcase_create("command");
  tcase_set_timeout(tcase, 30);
  tcase_add_checked_fixture(tcase, setup, teardown);
  tcase_add_test(tcase, set_and_get);
  tcase_add_test(tcase, set_on_conditions);
  tcase_add_test(tcase, set_answers_the_old_value_on_demand);
  tcase_add_test(tcase, setnx_answers_a_number);
  tcase_add_test(tcase, mset_and_mget);
  tcase_add_test(tcase, del_counts_what_it_deleted);
  tcase_add_test(tcase, getdel_gives_the_value_once);
  tcase_add_test(tcase, append_makes_or_lengthens);
  tcase_add_test(tcase, append_stops_at_the_largest_value);
  tcase_add_test(tcase, incrby_counts_both_ways_and_keeps_the_form);
  tcase_add_test(tcase, incrby_refuses_what_is_no_number);
  tcase_add_test(tcase, cas_compares_before_it_sets);
  tcase_add_test(tcase, questions_about_keys);
  tcase_add_test(tcase, an_answer_that_is_too_long_is_an_error);
  tcase_add_test(tcase, scan_goes_on_at_its_cursor);
  tcase_add_test(tcase, scan_counts_keys_looked_at_not_found);
  tcase_add_test(tcase, scan_and_dbsize_stay_in_their_range);
  tcase_add_test(tcase, scan_is_bounded_in_keys_bytes_and_work);
  tcase_add_test(tcase, what_makes_no_sense_is_refused);
  tcase_add_test(tcase, what_is_too_long_is_refused);
  tcase_add_test(tcase, keys_of_each_command_are_known);
  tcase_add_test(tcase, ops_have_names_and_kinds);
  tcase_add_test(tcase, a_failure_of_the_engine_is_passed_on);
  tcase_add_test(tcase, commands_follow_each_other_in_one_buffer);
  tcase_add_test(tcase, numbers_survive_at_both_ends);
  tcase_add_test(tcase, encoding_counts_beyond_a_short_buffer_and_writes_nothing_there);
  tcase_add_test(tcase, a_cut_command_is_corrupt_at_every_byte);
  tcase_add_test(tcase, too_little_room_is_told_and_costs_nothing);
  tcase_add_test(tcase, malformed_bytes_are_corrupt);
  tcase_add_test(tcase, random_bytes_do_no_harm);
  suite_add_tcase(suite, tcase);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
