/* test_overlay_threads.c - readers, a writer and flushes of the overlay engine, all at once.
 *
 * Every transaction writes the same number to all keys, so a reader that ever sees two numbers has
 * seen a part of a transaction.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "engine/overlay.h"
#include "engine_calls.h"
#include "run_suite.h"
#include "scratch.h"

enum { KEYS = 20, ROUNDS = 300, READERS = 2, MUCH = 400 };

static scratch dir;
static kv_engine *engine;
static atomic_bool over;

static void setup(void) {
  kv_error error = {0};
  kv_engine *disk = NULL;
  scratch_open(&dir);
  kv_lmdb_options options = {
      .directory = dir.path, .map_size = 4 << 20, .map_limit = UINT64_C(64) << 20};
  ck_assert_int_eq(kv_lmdb_open(&options, &disk, &error), KV_OK);
  ck_assert_int_eq(kv_overlay_open(disk, 1 << 20, &engine, &error), KV_OK);
  atomic_store(&over, false);
}

static void teardown(void) {
  engine->ops->close(engine);
  scratch_close(&dir);
}

/* Every second key is deleted and every other one put, or the reverse, so both are read. */
static void write_round(kv_txn *txn, int round) {
  char key[16], value[16];
  (void)snprintf(value, sizeof value, "%d", round);
  for (int i = 0; i < KEYS; i++) {
    (void)snprintf(key, sizeof key, "key%d", i);
    if ((i + round) % 2 == 0) {
      put(txn, key, value);
    } else {
      (void)engine->ops->del(txn, KV_SPACE_DATA, str(key));
    }
  }
}

static void *write_all(void *arg) {
  (void)arg;
  for (int round = 1; round <= ROUNDS; round++) {
    kv_txn *txn = begin(engine, true);
    write_round(txn, round);
    if (round % 7 == 0) {
      engine->ops->abort(txn);
      round++;
      txn = begin(engine, true);
      write_round(txn, round);
    }
    ck_assert_int_eq(round % 25 == 0 ? kv_commit_durable(txn) : engine->ops->commit(txn), KV_OK);
  }
  atomic_store(&over, true);
  return NULL;
}

static void *flush_all(void *arg) {
  (void)arg;
  while (!atomic_load(&over)) {
    ck_assert_int_eq(kv_overlay_flush(engine, NULL), KV_OK);
  }
  return NULL;
}

/* All values of the transaction, which must be one; returns it, 0 before the first write. */
static long walk(kv_txn *txn) {
  kv_cursor *cursor;
  raft_slice key, value;
  long seen = 0;
  int count = 0;
  int rc = engine->ops->seek(txn, KV_SPACE_DATA, str(""), &cursor);
  if (rc == KV_ENOTFOUND) {
    return 0;
  }
  for (; rc == KV_OK; rc = engine->ops->next(cursor)) {
    char text[16] = {0};
    engine->ops->item(cursor, &key, &value);
    memcpy(text, value.data, value.len);
    const long number = strtol(text, NULL, 10);
    ck_assert(seen == 0 || seen == number);
    seen = number;
    count++;
  }
  engine->ops->cursor_close(cursor);
  ck_assert_int_eq(count, KEYS / 2);
  return seen;
}

static void *read_all(void *arg) {
  (void)arg;
  long last = 0;
  while (!atomic_load(&over)) {
    raft_slice value;
    uint64_t keys = 0;
    kv_txn *txn = begin(engine, false);
    const long seen = walk(txn);
    ck_assert_int_ge(seen, last);
    if (seen > 0) {
      const char *there = seen % 2 == 0 ? "key4" : "key5";
      ck_assert_int_eq(engine->ops->get(txn, KV_SPACE_DATA, str(there), &value), KV_OK);
      ck_assert_int_eq(engine->ops->count(txn, KV_SPACE_DATA, &keys), KV_OK);
      ck_assert_uint_eq(keys, KEYS / 2);
    }
    ck_assert_int_eq(walk(txn), seen); /* and later in the same transaction */
    engine->ops->abort(txn);
    last = seen;
  }
  return NULL;
}

START_TEST(readers_see_whole_transactions_in_order_while_all_is_flushed) {
  pthread_t writer, flusher, readers[READERS];
  ck_assert_int_eq(pthread_create(&writer, NULL, write_all, NULL), 0);
  ck_assert_int_eq(pthread_create(&flusher, NULL, flush_all, NULL), 0);
  for (int i = 0; i < READERS; i++) {
    ck_assert_int_eq(pthread_create(&readers[i], NULL, read_all, NULL), 0);
  }
  pthread_join(writer, NULL);
  pthread_join(flusher, NULL);
  for (int i = 0; i < READERS; i++) {
    pthread_join(readers[i], NULL);
  }
  kv_txn *txn = begin(engine, false);
  ck_assert_int_eq(walk(txn), ROUNDS);
  engine->ops->abort(txn);
}
END_TEST

/* Looks below and writes more than the map has room for. */
static void *write_much(void *arg) {
  (void)arg;
  static char value[4097];
  char key[32];
  memset(value, 'v', sizeof value - 1);
  for (int i = 0; i < MUCH; i++) {
    kv_txn *txn = begin(engine, true);
    for (int j = 0; j < 10; j++) {
      (void)snprintf(key, sizeof key, "key%d", i * 10 + j);
      expect_in(txn, key, NULL);
      put(txn, key, value);
    }
    ck_assert_int_eq(engine->ops->commit(txn), KV_OK);
  }
  atomic_store(&over, true);
  return NULL;
}

static void *begin_and_end(void *arg) {
  (void)arg;
  while (!atomic_load(&over)) {
    kv_txn *txn = begin(engine, false);
    expect_in(txn, "none", NULL);
    engine->ops->abort(txn);
  }
  return NULL;
}

/* It waits for the transactions that are open, and those that are open must not wait for it. */
START_TEST(the_map_below_grows_while_all_are_at_work) {
  pthread_t writer, flusher, readers[READERS];
  ck_assert_int_eq(pthread_create(&flusher, NULL, flush_all, NULL), 0);
  for (int i = 0; i < READERS; i++) {
    ck_assert_int_eq(pthread_create(&readers[i], NULL, begin_and_end, NULL), 0);
  }
  ck_assert_int_eq(pthread_create(&writer, NULL, write_much, NULL), 0);
  pthread_join(writer, NULL);
  pthread_join(flusher, NULL);
  for (int i = 0; i < READERS; i++) {
    pthread_join(readers[i], NULL);
  }
  ck_assert_int_eq(kv_overlay_flush(engine, NULL), KV_OK);
  uint64_t keys = 0;
  kv_txn *txn = begin(engine, false);
  ck_assert_int_eq(engine->ops->count(txn, KV_SPACE_DATA, &keys), KV_OK);
  ck_assert_uint_eq(keys, MUCH * 10);
  engine->ops->abort(txn);
}
END_TEST

int main(void) {
  const TTest *const tests[] = {readers_see_whole_transactions_in_order_while_all_is_flushed,
                                the_map_below_grows_while_all_are_at_work};
  return run_suite("overlay threads", tests, sizeof tests / sizeof *tests, setup, teardown);
}
