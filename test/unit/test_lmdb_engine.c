/* test_lmdb_engine.c - transactions, readers' isolation, and what a full or foreign disk does.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <lmdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "engine/engine.h"
#include "scratch.h"

static scratch dir;
static kv_engine *engine;

static raft_slice str(const char *text) {
  return (raft_slice){text, strlen(text)};
}

static kv_engine *open_with(uint64_t map_size, uint64_t map_limit) {
  kv_engine *opened = NULL;
  kv_error error = {0};
  kv_lmdb_options options = {dir.path, map_size, map_limit, 4};
  ck_assert_msg(kv_lmdb_open(&options, &opened, &error) == KV_OK, "%s", error.text);
  return opened;
}

static int open_fails(kv_error *error) {
  kv_engine *opened = NULL;
  kv_lmdb_options options = {.directory = dir.path};
  int rc = kv_lmdb_open(&options, &opened, error);
  ck_assert_int_ne(rc, KV_OK);
  return rc;
}

static void setup(void) {
  scratch_open(&dir);
  engine = open_with(0, 0);
}

static void teardown(void) {
  if (engine != NULL) {
    engine->ops->close(engine);
  }
  scratch_close(&dir);
}

static void reopen(uint64_t map_size, uint64_t map_limit) {
  engine->ops->close(engine);
  engine = open_with(map_size, map_limit);
}

static kv_txn *begin(bool write) {
  kv_txn *txn = NULL;
  ck_assert_int_eq(engine->ops->begin(engine, write, &txn), KV_OK);
  return txn;
}

static void put(kv_txn *txn, const char *key, const char *value) {
  ck_assert_int_eq(engine->ops->put(txn, KV_SPACE_DATA, str(key), str(value)), KV_OK);
}

static void commit(kv_txn *txn) {
  ck_assert_int_eq(engine->ops->commit(txn), KV_OK);
}

static void put_now(const char *key, const char *value) {
  kv_txn *txn = begin(true);
  put(txn, key, value);
  commit(txn);
}

static void expect_in(kv_txn *txn, const char *key, const char *value) {
  raft_slice found = {0};
  int rc = engine->ops->get(txn, KV_SPACE_DATA, str(key), &found);
  if (value == NULL) {
    ck_assert_int_eq(rc, KV_ENOTFOUND);
    return;
  }
  ck_assert_int_eq(rc, KV_OK);
  ck_assert_uint_eq(found.len, strlen(value));
  ck_assert_mem_eq(found.data, value, found.len);
}

static void expect(const char *key, const char *value) {
  kv_txn *txn = begin(false);
  expect_in(txn, key, value);
  engine->ops->abort(txn);
}

START_TEST(what_is_committed_is_there_after_reopening) {
  put_now("k", "v");
  put_now("empty", "");
  reopen(0, 0);
  expect("k", "v");
  expect("empty", "");
  expect("other", NULL);
}
END_TEST

START_TEST(an_aborted_transaction_leaves_nothing) {
  kv_txn *txn = begin(true);
  put(txn, "k", "v");
  expect_in(txn, "k", "v");
  engine->ops->abort(txn);
  expect("k", NULL);
}
END_TEST

START_TEST(deleting_tells_whether_there_was_a_key) {
  put_now("k", "v");
  kv_txn *txn = begin(true);
  ck_assert_int_eq(engine->ops->del(txn, KV_SPACE_DATA, str("k")), KV_OK);
  ck_assert_int_eq(engine->ops->del(txn, KV_SPACE_DATA, str("k")), KV_ENOTFOUND);
  put(txn, "x", "1"); /* not found is an answer, the transaction goes on */
  commit(txn);
  expect("k", NULL);
  expect("x", "1");
}
END_TEST

START_TEST(data_and_metadata_are_two_spaces_of_one_transaction) {
  raft_slice value;
  uint64_t keys;
  kv_txn *txn = begin(true);
  put(txn, "k", "data");
  ck_assert_int_eq(engine->ops->put(txn, KV_SPACE_META, str("k"), str("meta")), KV_OK);
  commit(txn);
  txn = begin(false);
  expect_in(txn, "k", "data");
  ck_assert_int_eq(engine->ops->get(txn, KV_SPACE_META, str("k"), &value), KV_OK);
  ck_assert_mem_eq(value.data, "meta", 4);
  ck_assert_int_eq(engine->ops->count(txn, KV_SPACE_DATA, &keys), KV_OK);
  ck_assert_uint_eq(keys, 1);
  ck_assert_int_eq(engine->ops->commit(txn), KV_OK); /* also ends a reading one */
}
END_TEST

START_TEST(a_reader_sees_the_state_at_its_begin) {
  put_now("k", "old");
  kv_txn *reader = begin(false);
  put_now("k", "new");
  put_now("k2", "x");
  expect_in(reader, "k", "old");
  expect_in(reader, "k2", NULL);
  kv_txn *later = begin(false);
  expect_in(later, "k", "new");
  engine->ops->abort(later);
  expect_in(reader, "k", "old");
  engine->ops->abort(reader);
  expect("k", "new");
}
END_TEST

START_TEST(a_reader_cannot_write) {
  kv_txn *txn = begin(false);
  ck_assert_int_eq(engine->ops->put(txn, KV_SPACE_DATA, str("k"), str("v")), KV_EINVAL);
  engine->ops->abort(txn);
}
END_TEST

START_TEST(readers_are_limited_and_come_back) {
  kv_txn *readers[4], *one_more;
  for (int round = 0; round < 3; round++) {
    for (size_t i = 0; i < 4; i++) {
      readers[i] = begin(false);
    }
    ck_assert_int_eq(engine->ops->begin(engine, false, &one_more), KV_EBUSY);
    for (size_t i = 0; i < 4; i++) {
      engine->ops->abort(readers[i]);
    }
  }
}
END_TEST

START_TEST(keys_that_cannot_be_stored_are_refused) {
  char longest[600];
  memset(longest, 'k', sizeof longest);
  kv_txn *txn = begin(true);
  ck_assert_int_eq(engine->ops->put(txn, KV_SPACE_DATA, (raft_slice){NULL, 0}, str("v")),
                   KV_EINVAL);
  ck_assert_int_eq(
      engine->ops->put(txn, KV_SPACE_DATA, (raft_slice){longest, sizeof longest}, str("v")),
      KV_EINVAL);
  ck_assert_int_eq(
      engine->ops->put(txn, KV_SPACE_DATA, (raft_slice){longest, KV_MAX_KEY}, str("v")), KV_OK);
  commit(txn);
}
END_TEST

START_TEST(the_largest_value_fits) {
  char *big = malloc(KV_MAX_VALUE);
  raft_slice value;
  ck_assert_ptr_nonnull(big);
  memset(big, 'x', KV_MAX_VALUE);
  kv_txn *txn = begin(true);
  ck_assert_int_eq(engine->ops->put(txn, KV_SPACE_DATA, str("k"), (raft_slice){big, KV_MAX_VALUE}),
                   KV_OK);
  commit(txn);
  txn = begin(false);
  ck_assert_int_eq(engine->ops->get(txn, KV_SPACE_DATA, str("k"), &value), KV_OK);
  ck_assert_uint_eq(value.len, KV_MAX_VALUE);
  ck_assert_mem_eq(value.data, big, KV_MAX_VALUE);
  engine->ops->abort(txn);
  free(big);
}
END_TEST

/* Keys from `from` on, joined with commas. */
static const char *walk(kv_txn *txn, const char *from) {
  static char joined[256];
  kv_cursor *cursor;
  size_t len = 0;
  int rc = engine->ops->seek(txn, KV_SPACE_DATA, str(from), &cursor);
  joined[0] = '\0';
  if (rc == KV_ENOTFOUND) {
    return joined;
  }
  ck_assert_int_eq(rc, KV_OK);
  do {
    raft_slice key, value;
    engine->ops->item(cursor, &key, &value);
    ck_assert_uint_eq(value.len, 1);
    memcpy(joined + len, key.data, key.len);
    len += key.len;
    joined[len++] = ',';
  } while ((rc = engine->ops->next(cursor)) == KV_OK);
  ck_assert_int_eq(rc, KV_ENOTFOUND);
  engine->ops->cursor_close(cursor);
  joined[len] = '\0';
  return joined;
}

START_TEST(cursors_walk_in_the_order_of_bytes) {
  kv_txn *txn = begin(true);
  put(txn, "b", "1");
  put(txn, "ab", "1");
  put(txn, "\xff", "1");
  put(txn, "a", "1");
  put(txn, "B", "1");
  ck_assert_str_eq(walk(txn, ""), "B,a,ab,b,\xff,"); /* the writer sees its own keys */
  commit(txn);
  txn = begin(false);
  ck_assert_str_eq(walk(txn, ""), "B,a,ab,b,\xff,");
  ck_assert_str_eq(walk(txn, "a"), "a,ab,b,\xff,");
  ck_assert_str_eq(walk(txn, "aa"), "ab,b,\xff,");
  ck_assert_str_eq(walk(txn, "\xff\xff"), "");
  engine->ops->abort(txn);
}
END_TEST

START_TEST(an_empty_space_has_no_cursor) {
  kv_cursor *cursor;
  kv_txn *txn = begin(false);
  ck_assert_int_eq(engine->ops->seek(txn, KV_SPACE_META, str(""), &cursor), KV_ENOTFOUND);
  engine->ops->abort(txn);
}
END_TEST

/* Puts values of 4 KiB in transactions of 16 until one fails; returns its code. Counts the keys
 * that were committed. */
static int fill(size_t max, size_t *committed) {
  char value[4096], key[32];
  int rc = KV_OK;
  memset(value, 'v', sizeof value);
  for (*committed = 0; *committed < max; *committed += 16) {
    kv_txn *txn = begin(true);
    for (size_t i = 0; i < 16 && rc == KV_OK; i++) {
      (void)snprintf(key, sizeof key, "key%06zu", *committed + i);
      rc = engine->ops->put(txn, KV_SPACE_DATA, str(key), (raft_slice){value, sizeof value});
    }
    if (rc != KV_OK) {
      /* Nothing can be saved of it, and it says the same at its end. */
      ck_assert_int_eq(engine->ops->put(txn, KV_SPACE_DATA, str("k"), str("v")), rc);
      ck_assert_int_eq(engine->ops->commit(txn), rc);
      return rc;
    }
    rc = engine->ops->commit(txn);
    if (rc != KV_OK) {
      return rc;
    }
  }
  return KV_OK;
}

static void expect_keys(size_t expected) {
  uint64_t keys = 0;
  kv_txn *txn = begin(false);
  ck_assert_int_eq(engine->ops->count(txn, KV_SPACE_DATA, &keys), KV_OK);
  ck_assert_uint_eq(keys, expected);
  engine->ops->abort(txn);
}

START_TEST(a_full_map_costs_one_transaction_not_the_engine) {
  size_t committed;
  reopen(1 << 20, 0);
  ck_assert_int_eq(fill(10000, &committed), KV_EFULL);
  ck_assert_uint_gt(committed, 0);
  expect_keys(committed);
  kv_txn *txn = begin(true); /* deleting makes room again */
  for (size_t i = 0; i < committed; i++) {
    char key[32];
    (void)snprintf(key, sizeof key, "key%06zu", i);
    int rc = engine->ops->del(txn, KV_SPACE_DATA, str(key));
    ck_assert_int_eq(rc, KV_OK);
  }
  commit(txn);
  put_now("k", "v");
  expect_keys(1);
}
END_TEST

START_TEST(a_map_grows_up_to_its_limit_before_it_is_full) {
  size_t committed;
  kv_lmdb_usage usage;
  reopen(1 << 20, 16 << 20);
  kv_txn *reader = begin(false); /* one that is idle later must not be in the way */
  engine->ops->abort(reader);
  ck_assert_int_eq(fill(100000, &committed), KV_EFULL);
  kv_lmdb_usage_of(engine, &usage);
  ck_assert_uint_eq(usage.map_bytes, 16 << 20);
  ck_assert_uint_le(usage.used_bytes, usage.map_bytes);
  ck_assert_uint_gt(usage.used_bytes, 12 << 20);
  expect_keys(committed);
  reopen(0, 0);
  expect_keys(committed);
  ck_assert_int_eq(fill(committed + 1600, &committed), KV_OK);
}
END_TEST

START_TEST(one_large_transaction_grows_the_map_by_trying_again) {
  int tries = 0, rc = KV_EFULL;
  char *big = calloc(1, KV_MAX_VALUE);
  ck_assert_ptr_nonnull(big);
  reopen(1 << 20, 64 << 20);
  while (rc == KV_EFULL && ++tries < 10) {
    kv_txn *txn = begin(true);
    rc = engine->ops->put(txn, KV_SPACE_DATA, str("k"), (raft_slice){big, KV_MAX_VALUE});
    int ended = engine->ops->commit(txn);
    ck_assert_int_eq(ended, rc);
  }
  ck_assert_int_eq(rc, KV_OK);
  ck_assert_int_gt(tries, 1);
  free(big);
}
END_TEST

typedef struct reading {
  kv_txn *txn;
  pthread_barrier_t *open;
} reading;

static void *read_and_end(void *arg) {
  reading *r = arg;
  r->txn = begin(false);
  pthread_barrier_wait(r->open);
  expect_in(r->txn, "k", "v");
  engine->ops->abort(r->txn);
  return NULL;
}

START_TEST(growing_waits_for_open_readers) {
  pthread_t thread;
  pthread_barrier_t open;
  reading r = {NULL, &open};
  size_t committed;
  reopen(1 << 20, 8 << 20);
  put_now("k", "v");
  ck_assert_int_eq(pthread_barrier_init(&open, NULL, 2), 0);
  ck_assert_int_eq(pthread_create(&thread, NULL, read_and_end, &r), 0);
  pthread_barrier_wait(&open);
  ck_assert_int_eq(fill(400, &committed), KV_OK);
  ck_assert_int_eq(pthread_join(thread, NULL), 0);
  pthread_barrier_destroy(&open);
  expect("k", "v");
}
END_TEST

START_TEST(readers_run_beside_a_writer) {
  enum { KEYS = 2000 };
  size_t committed = 0;
  pthread_t threads[2];
  reading r[2];
  pthread_barrier_t open;
  put_now("k", "v");
  ck_assert_int_eq(pthread_barrier_init(&open, NULL, 2), 0);
  for (size_t i = 0; i < 2; i++) {
    r[i].open = &open;
    ck_assert_int_eq(pthread_create(&threads[i], NULL, read_and_end, &r[i]), 0);
  }
  ck_assert_int_eq(fill(KEYS, &committed), KV_OK);
  for (size_t i = 0; i < 2; i++) {
    ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
  }
  pthread_barrier_destroy(&open);
}
END_TEST

START_TEST(a_full_disk_costs_one_transaction_not_the_engine) {
  size_t committed;
  struct rlimit limit, old;
  ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &old), 0);
  limit = old;
  limit.rlim_cur = 4 << 20;
  ck_assert(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
  ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
  ck_assert_int_eq(fill(10000, &committed), KV_EFULL);
  ck_assert_uint_gt(committed, 0);
  expect_keys(committed);
  ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &old), 0); /* space returns */
  put_now("k", "v");
  expect_keys(committed + 1);
  reopen(0, 0);
  expect_keys(committed + 1);
}
END_TEST

START_TEST(little_address_space_is_enough) {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  struct rlimit limit = {0};
  ck_assert_int_eq(getrlimit(RLIMIT_AS, &limit), 0);
  limit.rlim_cur = (rlim_t)1 << 30;
  ck_assert_int_eq(setrlimit(RLIMIT_AS, &limit), 0);
  kv_lmdb_usage usage;
  reopen(0, 0);
  kv_lmdb_usage_of(engine, &usage);
  ck_assert_uint_lt(usage.map_bytes, (uint64_t)1 << 30);
  ck_assert_uint_ge(usage.map_bytes, (uint64_t)1 << 24);
  put_now("k", "v");
  expect("k", "v");
#endif
}
END_TEST

START_TEST(a_directory_that_is_in_use_is_refused) {
  kv_error error = {0};
  ck_assert_int_eq(open_fails(&error), KV_EBUSY);
  ck_assert_ptr_nonnull(strstr(error.text, "in use by another process"));
}
END_TEST

START_TEST(a_missing_directory_is_an_error) {
  kv_engine *opened;
  kv_error error = {0};
  char path[512];
  kv_lmdb_options options = {.directory = scratch_path(&dir, "missing", path)};
  ck_assert_int_eq(kv_lmdb_open(&options, &opened, &error), KV_EIO);
  ck_assert_ptr_nonnull(strstr(error.text, "missing"));
  options.directory = "";
  ck_assert_int_eq(kv_lmdb_open(&options, &opened, &error), KV_EINVAL);
}
END_TEST

/* Replaces the engine's file. */
static void replace_file(const void *data, size_t len) {
  engine->ops->close(engine);
  engine = NULL;
  scratch_write(&dir, "data.mdb", data, len);
}

START_TEST(a_file_of_something_else_is_refused) {
  char text[8192];
  kv_error error = {0};
  memset(text, 'x', sizeof text);
  replace_file(text, sizeof text);
  ck_assert_int_eq(open_fails(&error), KV_EFOREIGN);
  ck_assert_ptr_nonnull(strstr(error.text, "was not written by this program"));
}
END_TEST

START_TEST(an_environment_of_another_program_is_refused) {
  MDB_env *env;
  MDB_txn *txn;
  MDB_dbi dbi;
  char key_text[] = "their key", path[512];
  MDB_val key = {sizeof key_text, key_text}, value = key;
  kv_error error = {0};
  engine->ops->close(engine);
  engine = NULL;
  ck_assert_int_eq(remove(scratch_path(&dir, "data.mdb", path)), 0);
  ck_assert_int_eq(mdb_env_create(&env), 0);
  ck_assert_int_eq(mdb_env_open(env, dir.path, 0, 0600), 0);
  ck_assert_int_eq(mdb_txn_begin(env, NULL, 0, &txn), 0);
  ck_assert_int_eq(mdb_dbi_open(txn, NULL, 0, &dbi), 0);
  ck_assert_int_eq(mdb_put(txn, dbi, &key, &value, 0), 0);
  ck_assert_int_eq(mdb_txn_commit(txn), 0);
  mdb_env_close(env);
  ck_assert_int_eq(open_fails(&error), KV_EFOREIGN);
}
END_TEST

START_TEST(a_file_that_lost_its_tail_is_no_signal) {
  size_t committed, len;
  kv_error error = {0};
  kv_engine *opened = NULL;
  kv_lmdb_options options = {.directory = dir.path};
  ck_assert_int_eq(fill(160, &committed), KV_OK);
  engine->ops->close(engine);
  engine = NULL;
  void *data = scratch_read(&dir, "data.mdb", &len);
  scratch_write(&dir, "data.mdb", data, len / 4);
  free(data);
  int rc = kv_lmdb_open(&options, &opened, &error);
  if (rc == KV_OK) { /* the damage is further down */
    engine = opened;
    kv_txn *txn = begin(false);
    for (size_t i = 0; i < committed; i++) {
      char key[32];
      raft_slice value;
      (void)snprintf(key, sizeof key, "key%06zu", i);
      rc = engine->ops->get(txn, KV_SPACE_DATA, str(key), &value);
      ck_assert(rc == KV_OK || rc == KV_ENOTFOUND || rc == KV_ECORRUPT);
    }
    engine->ops->abort(txn);
  }
}
END_TEST

int main(void) {
  Suite *suite = suite_create("lmdb_engine");
  TCase *tcase = tcase_create("lmdb_engine");
  tcase_set_timeout(tcase, 30);
  tcase_add_checked_fixture(tcase, setup, teardown);
  tcase_add_test(tcase, what_is_committed_is_there_after_reopening);
  tcase_add_test(tcase, an_aborted_transaction_leaves_nothing);
  tcase_add_test(tcase, deleting_tells_whether_there_was_a_key);
  tcase_add_test(tcase, data_and_metadata_are_two_spaces_of_one_transaction);
  tcase_add_test(tcase, a_reader_sees_the_state_at_its_begin);
  tcase_add_test(tcase, a_reader_cannot_write);
  tcase_add_test(tcase, readers_are_limited_and_come_back);
  tcase_add_test(tcase, keys_that_cannot_be_stored_are_refused);
  tcase_add_test(tcase, the_largest_value_fits);
  tcase_add_test(tcase, cursors_walk_in_the_order_of_bytes);
  tcase_add_test(tcase, an_empty_space_has_no_cursor);
  tcase_add_test(tcase, a_full_map_costs_one_transaction_not_the_engine);
  tcase_add_test(tcase, a_map_grows_up_to_its_limit_before_it_is_full);
  tcase_add_test(tcase, one_large_transaction_grows_the_map_by_trying_again);
  tcase_add_test(tcase, growing_waits_for_open_readers);
  tcase_add_test(tcase, readers_run_beside_a_writer);
  tcase_add_test(tcase, a_full_disk_costs_one_transaction_not_the_engine);
  tcase_add_test(tcase, little_address_space_is_enough);
  tcase_add_test(tcase, a_directory_that_is_in_use_is_refused);
  tcase_add_test(tcase, a_missing_directory_is_an_error);
  tcase_add_test(tcase, a_file_of_something_else_is_refused);
  tcase_add_test(tcase, an_environment_of_another_program_is_refused);
  tcase_add_test(tcase, a_file_that_lost_its_tail_is_no_signal);
  suite_add_tcase(suite, tcase);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
