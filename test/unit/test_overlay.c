/* test_overlay.c - the overlay engine: what is visible, what is durable, and what failures cost.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "engine/overlay.h"

#include <stdio.h>
#include <stdlib.h>

#include "engine_calls.h"
#include "fault_engine.h"
#include "memory_engine.h"
#include "raftstore/region_state.h"
#include "run_suite.h"
#include "scratch.h"

/* Most tests: an overlay over faults over LMDB. Closing the overlay leaves LMDB open, so a new
 * overlay over it is the store after power loss. */
static scratch dir;
static kv_engine *disk;
static fault_engine faults;
static kv_engine *engine;

static void open_disk(uint64_t map_size, uint64_t map_limit) {
  kv_error error = {0};
  kv_lmdb_options options = {dir.path, map_size, map_limit, 16};
  ck_assert_msg(kv_lmdb_open(&options, &disk, &error) == KV_OK, "%s", error.text);
  fault_engine_init(&faults, disk);
}

static void open_overlay(size_t generation_bytes) {
  kv_error error = {0};
  ck_assert_int_eq(kv_overlay_open(&faults.base, generation_bytes, &engine, &error), KV_OK);
}

static void setup(void) {
  scratch_open(&dir);
  open_disk(0, 0);
  open_overlay(0);
}

static void close_all(void) {
  engine->ops->close(engine);
  ck_assert_uint_eq(faults.open, 0);
  disk->ops->close(disk);
}

static void teardown(void) {
  close_all();
  scratch_close(&dir);
}

static void reopen(uint64_t map_size, uint64_t map_limit, size_t generation_bytes) {
  close_all();
  open_disk(map_size, map_limit);
  open_overlay(generation_bytes);
}

static void lose_power(void) {
  engine->ops->close(engine);
  fault_engine_init(&faults, disk);
  open_overlay(0);
}

static void flush(void) {
  ck_assert_int_eq(kv_overlay_flush(engine, NULL), KV_OK);
}

static void delete_now(const char *key) {
  kv_txn *txn = begin(engine, true);
  ck_assert_int_eq(engine->ops->del(txn, KV_SPACE_DATA, str(key)), KV_OK);
  ck_assert_int_eq(engine->ops->commit(txn), KV_OK);
}

static kv_overlay_stats stats(void) {
  kv_overlay_stats found;
  kv_overlay_get_stats(engine, &found);
  return found;
}

START_TEST(a_commit_is_visible_at_once_and_durable_with_the_flush) {
  uint64_t durable = 99;
  put_now(engine, "k", "v");
  expect(engine, "k", "v");
  expect(disk, "k", NULL);
  ck_assert_uint_eq(kv_overlay_committed(engine), 1);
  ck_assert_int_eq(kv_overlay_flush(engine, &durable), KV_OK);
  ck_assert_uint_eq(durable, 1);
  expect(disk, "k", "v");
  expect(engine, "k", "v");
  ck_assert_int_eq(kv_overlay_flush(engine, &durable), KV_OK); /* nothing to do */
  ck_assert_uint_eq(stats().flushes, 1);
}
END_TEST

START_TEST(power_loss_takes_what_was_not_flushed_and_nothing_else) {
  put_now(engine, "a", "1");
  flush();
  put_now(engine, "a", "2");
  put_now(engine, "b", "1");
  lose_power();
  expect(engine, "a", "1");
  expect(engine, "b", NULL);
}
END_TEST

START_TEST(a_durable_commit_takes_all_before_it_along) {
  put_now(engine, "a", "1");
  kv_txn *txn = begin(engine, true);
  put(txn, "b", "2");
  ck_assert_int_eq(kv_commit_durable(txn), KV_OK);
  ck_assert_int_eq(kv_overlay_fill_of(engine), KV_OVERLAY_CLEAN);
  expect(engine, "b", "2");
  lose_power();
  expect(engine, "a", "1");
  expect(engine, "b", "2");
}
END_TEST

START_TEST(an_aborted_transaction_leaves_nothing_and_gives_its_memory_back) {
  put_now(engine, "a", "1");
  put_now(engine, "gone", "1");
  const size_t bytes = stats().active_bytes;
  kv_txn *txn = begin(engine, true);
  put(txn, "a", "2");
  put(txn, "a", "a longer value than before");
  put(txn, "new", "1");
  ck_assert_int_eq(engine->ops->del(txn, KV_SPACE_DATA, str("gone")), KV_OK);
  expect_in(txn, "a", "a longer value than before");
  expect_in(txn, "new", "1");
  expect_in(txn, "gone", NULL);
  engine->ops->abort(txn);
  expect(engine, "a", "1");
  expect(engine, "new", NULL);
  expect(engine, "gone", "1");
  ck_assert_uint_eq(stats().active_bytes, bytes);
  flush();
  expect(disk, "a", "1");
  expect(disk, "new", NULL);
  expect(disk, "gone", "1");
}
END_TEST

START_TEST(an_abort_under_a_reader_leaves_nothing_either) {
  put_now(engine, "a", "1");
  kv_txn *reader = begin(engine, false);
  kv_txn *txn = begin(engine, true);
  put(txn, "a", "2");
  put(txn, "new", "1");
  engine->ops->abort(txn);
  expect_in(reader, "a", "1");
  engine->ops->abort(reader);
  put_now(engine, "b", "1");
  expect(engine, "new", NULL);
  put_now(engine, "new", "2"); /* its place in the map is used again */
  flush();
  expect(disk, "a", "1");
  expect(disk, "new", "2");
}
END_TEST

START_TEST(a_reader_sees_the_state_at_its_begin_whatever_is_written_and_flushed) {
  put_now(engine, "a", "1");
  put_now(engine, "b", "1");
  flush();
  put_now(engine, "b", "2");
  kv_txn *reader = begin(engine, false);
  put_now(engine, "a", "2");
  delete_now("b");
  put_now(engine, "c", "1");
  flush();
  put_now(engine, "a", "3");
  kv_txn *txn = begin(engine, true);
  put(txn, "d", "1");
  ck_assert_int_eq(kv_commit_durable(txn), KV_OK);
  expect_in(reader, "a", "1");
  expect_in(reader, "b", "2");
  expect_in(reader, "c", NULL);
  expect_in(reader, "d", NULL);
  engine->ops->abort(reader);
  expect(engine, "a", "3");
  expect(engine, "b", NULL);
  expect(engine, "d", "1");
}
END_TEST

START_TEST(a_deletion_hides_the_key_below_until_it_is_put_again) {
  put_now(engine, "k", "old");
  flush();
  delete_now("k");
  expect(engine, "k", NULL);
  kv_txn *txn = begin(engine, true);
  ck_assert_int_eq(engine->ops->del(txn, KV_SPACE_DATA, str("k")), KV_ENOTFOUND);
  engine->ops->abort(txn);
  put_now(engine, "k", "new");
  expect(engine, "k", "new");
  delete_now("k");
  flush();
  expect(disk, "k", NULL);
  expect(engine, "k", NULL);
}
END_TEST

START_TEST(keys_that_cannot_be_stored_are_refused) {
  char longest[KV_MAX_KEY + 1];
  memset(longest, 'k', sizeof longest);
  const raft_slice fits = {longest, KV_MAX_KEY}, too_long = {longest, sizeof longest};
  kv_txn *txn = begin(engine, true);
  ck_assert_int_eq(engine->ops->put(txn, KV_SPACE_DATA, str(""), str("v")), KV_EINVAL);
  ck_assert_int_eq(engine->ops->put(txn, KV_SPACE_DATA, too_long, str("v")), KV_EINVAL);
  ck_assert_int_eq(engine->ops->put(txn, KV_SPACE_DATA, fits, str("v")), KV_OK);
  ck_assert_int_eq(engine->ops->commit(txn), KV_OK);
  txn = begin(engine, false);
  ck_assert_int_eq(engine->ops->put(txn, KV_SPACE_DATA, fits, str("v")), KV_EINVAL);
  ck_assert_int_eq(engine->ops->del(txn, KV_SPACE_DATA, fits), KV_EINVAL);
  engine->ops->abort(txn);
  flush();
}
END_TEST

START_TEST(a_large_value_goes_through) {
  char *big = malloc(KV_MAX_VALUE);
  ck_assert_ptr_nonnull(big);
  memset(big, 'x', KV_MAX_VALUE);
  kv_txn *txn = begin(engine, true);
  put(txn, "k", "small");
  ck_assert_int_eq(engine->ops->put(txn, KV_SPACE_DATA, str("k"), (raft_slice){big, KV_MAX_VALUE}),
                   KV_OK);
  ck_assert_int_eq(engine->ops->commit(txn), KV_OK);
  flush();
  raft_slice found;
  txn = begin(disk, false);
  ck_assert_int_eq(disk->ops->get(txn, KV_SPACE_DATA, str("k"), &found), KV_OK);
  ck_assert_uint_eq(found.len, KV_MAX_VALUE);
  ck_assert_mem_eq(found.data, big, KV_MAX_VALUE);
  disk->ops->abort(txn);
  free(big);
}
END_TEST

/* ---- failures below ---- */

/* A state in which every source has something to say. */
static void prepare(void) {
  put_now(engine, "a", "1");
  put_now(engine, "b", "1");
  flush();
  put_now(engine, "b", "2");
  delete_now("a");
  put_now(engine, "c", "1");
}

static void expect_prepared(kv_engine *in) {
  expect(in, "a", NULL);
  expect(in, "b", "2");
  expect(in, "c", "1");
}

/* Lets the n-th operation below fail, for every n, until `act` succeeds. Returns how often it did
 * not. */
static size_t fail_each(int code, int (*act)(void), void (*check)(void)) {
  size_t n = 1;
  for (;; n++) {
    faults.operations = 0;
    faults.fail_at = n;
    faults.fail_code = code;
    const int rc = act();
    faults.fail_at = 0;
    ck_assert_uint_eq(faults.open, 0);
    if (rc == KV_OK) {
      return n - 1;
    }
    ck_assert_int_eq(rc, code);
    check();
    ck_assert_uint_lt(n, 100);
  }
}

static int flush_more(void) {
  return kv_overlay_flush(engine, NULL);
}

static void check_nothing_lost(void) {
  expect_prepared(engine);
  expect(disk, "a", "1");
  expect(disk, "b", "1");
}

START_TEST(a_flush_that_fails_anywhere_loses_nothing) {
  prepare();
  ck_assert_uint_ge(fail_each(KV_ENOMEM, flush_more, check_nothing_lost), 4);
  expect_prepared(disk);
  expect_prepared(engine);
}
END_TEST

static int commit_e(void) {
  kv_txn *txn = begin(engine, true);
  put(txn, "e", "1");
  put(txn, "b", "3");
  return kv_commit_durable(txn);
}

static void check_no_trace(void) {
  expect_prepared(engine);
  expect(engine, "e", NULL);
}

START_TEST(a_durable_commit_that_fails_anywhere_leaves_no_trace) {
  prepare();
  ck_assert_uint_ge(fail_each(KV_ENOMEM, commit_e, check_no_trace), 4);
  expect(engine, "e", "1");
  expect(disk, "e", "1");
  expect(disk, "b", "3");
  expect(disk, "a", NULL);
}
END_TEST

START_TEST(a_full_disk_is_tried_again_and_then_reported) {
  uint64_t durable = 99;
  put_now(engine, "k", "v");
  faults.fail_at = 2; /* once: the next attempt of the same flush succeeds */
  faults.fail_code = KV_EFULL;
  faults.operations = 0;
  ck_assert_int_eq(kv_overlay_flush(engine, &durable), KV_OK);
  ck_assert_uint_eq(durable, 1);
  put_now(engine, "k", "w");
  faults.max_commits = faults.commits; /* for good */
  ck_assert_int_eq(kv_overlay_flush(engine, &durable), KV_EIO);
  ck_assert_uint_eq(durable, 1);
}
END_TEST

static void fill(kv_engine *to, size_t from, size_t count) {
  char key[32], value[4096];
  memset(value, 'v', sizeof value);
  kv_txn *txn = begin(to, true);
  for (size_t i = from; i < from + count; i++) {
    (void)snprintf(key, sizeof key, "key%06zu", i);
    ck_assert_int_eq(to->ops->put(txn, KV_SPACE_DATA, str(key), (raft_slice){value, sizeof value}),
                     KV_OK);
  }
  ck_assert_int_eq(to->ops->commit(txn), KV_OK);
}

static uint64_t count_keys(kv_engine *in) {
  uint64_t keys = 0;
  kv_txn *txn = begin(in, false);
  ck_assert_int_eq(in->ops->count(txn, KV_SPACE_DATA, &keys), KV_OK);
  in->ops->abort(txn);
  return keys;
}

START_TEST(a_generation_larger_than_the_map_makes_it_grow) {
  reopen(1 << 20, 64 << 20, 0);
  kv_lmdb_usage usage;
  fill(engine, 0, 800); /* 3 MiB */
  int rc = KV_EFULL;
  for (int tries = 0; tries < 4 && rc == KV_EFULL; tries++) {
    rc = kv_overlay_flush(engine, NULL);
  }
  ck_assert_int_eq(rc, KV_OK);
  kv_lmdb_usage_of(disk, &usage);
  ck_assert_uint_gt(usage.map_bytes, 3 << 20);
  ck_assert_uint_eq(count_keys(disk), 800);
}
END_TEST

START_TEST(a_durable_commit_grows_the_map_although_it_has_read_below) {
  reopen(1 << 20, 64 << 20, 0);
  fill(engine, 0, 150);
  flush();
  kv_txn *txn = begin(engine, true);
  expect_in(txn, "k", NULL); /* looks below */
  char *big = calloc(1, KV_MAX_VALUE);
  ck_assert_ptr_nonnull(big);
  ck_assert_int_eq(engine->ops->put(txn, KV_SPACE_DATA, str("k"), (raft_slice){big, KV_MAX_VALUE}),
                   KV_OK);
  ck_assert_int_eq(kv_commit_durable(txn), KV_OK);
  free(big);
  ck_assert_uint_eq(count_keys(disk), 151);
}
END_TEST

START_TEST(a_full_map_keeps_the_generation_until_there_is_room) {
  uint64_t durable = 99;
  reopen(1 << 20, 1 << 20, 0);
  fill(disk, 0, 100);
  fill(engine, 100, 400);
  ck_assert_int_eq(kv_overlay_flush(engine, &durable), KV_EFULL);
  ck_assert_uint_eq(durable, 0);
  ck_assert_uint_eq(count_keys(engine), 500); /* all is still read */
  ck_assert_int_eq(kv_overlay_flush(engine, &durable), KV_EFULL);
  close_all(); /* a larger disk */
  open_disk(64 << 20, 64 << 20);
  open_overlay(0);
  fill(engine, 100, 400); /* the log is replayed */
  ck_assert_int_eq(kv_overlay_flush(engine, &durable), KV_OK);
  ck_assert_uint_eq(durable, 1);
  ck_assert_uint_eq(count_keys(disk), 500);
}
END_TEST

START_TEST(it_says_when_to_flush_and_when_to_take_no_more) {
  reopen(0, 0, 100000);
  ck_assert_int_eq(kv_overlay_fill_of(engine), KV_OVERLAY_CLEAN);
  fill(engine, 0, 1);
  ck_assert_int_eq(kv_overlay_fill_of(engine), KV_OVERLAY_DIRTY);
  fill(engine, 1, 30);
  ck_assert_int_eq(kv_overlay_fill_of(engine), KV_OVERLAY_DUE);
  faults.fail_code = KV_ENOMEM; /* the generation stays sealed */
  faults.operations = 0;
  faults.fail_at = 3;
  ck_assert_int_eq(kv_overlay_flush(engine, NULL), KV_ENOMEM);
  ck_assert_int_eq(kv_overlay_fill_of(engine), KV_OVERLAY_DIRTY);
  fill(engine, 31, 30);
  ck_assert_int_eq(kv_overlay_fill_of(engine), KV_OVERLAY_BUSY);
  fill(engine, 61, 30);
  ck_assert_int_eq(kv_overlay_fill_of(engine), KV_OVERLAY_JAMMED);
  ck_assert_uint_gt(stats().sealed_bytes, 100000);
  flush();
  ck_assert_int_eq(kv_overlay_fill_of(engine), KV_OVERLAY_CLEAN);
  ck_assert_uint_eq(stats().sealed_bytes, 0);
  ck_assert_uint_eq(count_keys(disk), 91);
}
END_TEST

START_TEST(deleting_a_range_does_not_pass_over_what_is_deleted_already) {
  enum { KEYS = 500, CALLS_EACH = 6 }; /* seek, item by item, is linear */
  bool more = true;
  fill(engine, 0, KEYS);
  flush();
  faults.operations = 0;
  kv_txn *txn = begin(engine, true);
  ck_assert_int_eq(kv_data_clear(txn, str(""), str(""), KEYS, &more), KV_OK);
  ck_assert(!more);
  ck_assert_int_eq(engine->ops->commit(txn), KV_OK);
  ck_assert_uint_le(faults.operations, KEYS * CALLS_EACH);
  ck_assert_uint_eq(count_keys(engine), 0);
}
END_TEST

/* ---- against a model ---- */

typedef struct model_run {
  memory_engine model;
  uint64_t random;
  kv_txn *readers[3];
  char *seen[3]; /* what each reader must see, all keys and values */
} model_run;

static uint64_t roll(model_run *run, uint64_t below) {
  run->random = run->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return (run->random >> 33) % below;
}

/* "key=value " of all keys from `from` on; in the second half those of the metadata. */
static char *dump(kv_txn *txn, const char *from) {
  char *text = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&text, &size);
  const kv_engine_ops *ops = txn->engine->ops;
  for (int space = 0; space < 2; space++) {
    kv_cursor *cursor;
    raft_slice key, value;
    int rc = ops->seek(txn, (kv_space)space, str(from), &cursor);
    if (rc == KV_ENOTFOUND) {
      continue;
    }
    for (; rc == KV_OK; rc = ops->next(cursor)) {
      ops->item(cursor, &key, &value);
      (void)fprintf(out, "%.*s=%.*s ", (int)key.len, (const char *)key.data, (int)value.len,
                    (const char *)value.data);
    }
    ck_assert_int_eq(rc, KV_ENOTFOUND);
    ops->cursor_close(cursor);
  }
  (void)fclose(out);
  return text;
}

static void compare(kv_txn *txn, kv_txn *model, const char *from) {
  uint64_t keys = 0, expected = 0;
  char *found = dump(txn, from), *wanted = dump(model, from);
  ck_assert_str_eq(found, wanted);
  free(found);
  free(wanted);
  ck_assert_int_eq(txn->engine->ops->count(txn, KV_SPACE_DATA, &keys), KV_OK);
  ck_assert_int_eq(model->engine->ops->count(model, KV_SPACE_DATA, &expected), KV_OK);
  ck_assert_uint_eq(keys, expected);
}

static void write_one(model_run *run, kv_txn *txn, kv_txn *model) {
  char key[16], value[64];
  const kv_space space = (kv_space)(roll(run, 4) == 0);
  (void)snprintf(key, sizeof key, "k%02d", (int)roll(run, 40));
  (void)snprintf(value, sizeof value, "%.*s%d", (int)roll(run, 20), "xxxxxxxxxxxxxxxxxxxx",
                 (int)roll(run, 1000));
  raft_slice found, wanted;
  const int rc = txn->engine->ops->get(txn, space, str(key), &found);
  ck_assert_int_eq(rc, model->engine->ops->get(model, space, str(key), &wanted));
  if (rc == KV_OK) {
    ck_assert_uint_eq(found.len, wanted.len);
    ck_assert_mem_eq(found.data, wanted.data, found.len);
  }
  if (roll(run, 3) == 0) {
    ck_assert_int_eq(txn->engine->ops->del(txn, space, str(key)),
                     model->engine->ops->del(model, space, str(key)));
  } else {
    ck_assert_int_eq(txn->engine->ops->put(txn, space, str(key), str(value)), KV_OK);
    ck_assert_int_eq(model->engine->ops->put(model, space, str(key), str(value)), KV_OK);
  }
}

static void transact(model_run *run) {
  kv_txn *txn = begin(engine, true), *model = begin(&run->model.base, true);
  char from[16];
  for (uint64_t i = roll(run, 8); i > 0; i--) {
    write_one(run, txn, model);
  }
  (void)snprintf(from, sizeof from, "k%02d", (int)roll(run, 45));
  compare(txn, model, from);
  switch (roll(run, 8)) {
  case 0:
  case 2:
    engine->ops->abort(txn);
    model->engine->ops->abort(model);
    break;
  case 1:
    ck_assert_int_eq(kv_commit_durable(txn), KV_OK);
    ck_assert_int_eq(model->engine->ops->commit(model), KV_OK);
    break;
  default:
    ck_assert_int_eq(engine->ops->commit(txn), KV_OK);
    ck_assert_int_eq(model->engine->ops->commit(model), KV_OK);
  }
}

static void end_reader(model_run *run, size_t i) {
  if (run->readers[i] != NULL) {
    char *found = dump(run->readers[i], "");
    ck_assert_str_eq(found, run->seen[i]);
    free(found);
    free(run->seen[i]);
    engine->ops->abort(run->readers[i]);
    run->readers[i] = NULL;
  }
}

static void change_reader(model_run *run) {
  const size_t i = roll(run, 3);
  end_reader(run, i);
  kv_txn *model = begin(&run->model.base, false);
  run->readers[i] = begin(engine, false);
  run->seen[i] = dump(model, "");
  compare(run->readers[i], model, "");
  model->engine->ops->abort(model);
}

static void fail_a_flush(model_run *run) {
  faults.operations = 0;
  faults.fail_code = KV_ENOMEM;
  faults.fail_at = 1 + roll(run, 10);
  (void)kv_overlay_flush(engine, NULL);
  faults.fail_at = 0;
}

START_TEST(random_transactions_readers_and_flushes_are_as_in_the_model) {
  model_run run = {.random = (uint64_t)_i};
  memory_engine_init(&run.model);
  for (int step = 0; step < 300; step++) {
    switch (roll(&run, 12)) {
    case 0: flush(); break;
    case 1: fail_a_flush(&run); break;
    case 2:
    case 3: change_reader(&run); break;
    default: transact(&run);
    }
  }
  for (size_t i = 0; i < 3; i++) {
    end_reader(&run, i);
  }
  flush();
  kv_txn *txn = begin(disk, false), *model = begin(&run.model.base, false);
  compare(txn, model, "");
  disk->ops->abort(txn);
  model->engine->ops->abort(model);
  memory_engine_free(&run.model);
}
END_TEST

START_TEST(power_loss_at_any_time_leaves_the_state_of_one_commit) {
  model_run run = {.random = 77 + (uint64_t)_i};
  char *states[200];
  size_t count = 0;
  memory_engine_init(&run.model);
  kv_txn *model = begin(&run.model.base, false);
  states[count++] = dump(model, ""); /* states[n]: after commit n */
  model->engine->ops->abort(model);
  for (int step = 0; step < 100; step++) {
    transact(&run);
    if (kv_overlay_committed(engine) >= count) {
      model = begin(&run.model.base, false);
      states[count++] = dump(model, "");
      model->engine->ops->abort(model);
    }
    if (roll(&run, 10) == 0) {
      fail_a_flush(&run);
    }
  }
  const uint64_t durable = stats().durable;
  lose_power();
  kv_txn *txn = begin(engine, false);
  char *found = dump(txn, "");
  engine->ops->abort(txn);
  ck_assert_str_eq(found, states[durable]);
  free(found);
  while (count > 0) {
    free(states[--count]);
  }
  memory_engine_free(&run.model);
}
END_TEST

int main(void) {
  const TTest *const tests[] = {
      a_commit_is_visible_at_once_and_durable_with_the_flush,
      power_loss_takes_what_was_not_flushed_and_nothing_else,
      a_durable_commit_takes_all_before_it_along,
      an_aborted_transaction_leaves_nothing_and_gives_its_memory_back,
      an_abort_under_a_reader_leaves_nothing_either,
      a_reader_sees_the_state_at_its_begin_whatever_is_written_and_flushed,
      a_deletion_hides_the_key_below_until_it_is_put_again,
      keys_that_cannot_be_stored_are_refused,
      a_large_value_goes_through,
      a_flush_that_fails_anywhere_loses_nothing,
      a_durable_commit_that_fails_anywhere_leaves_no_trace,
      a_full_disk_is_tried_again_and_then_reported,
      a_generation_larger_than_the_map_makes_it_grow,
      a_durable_commit_grows_the_map_although_it_has_read_below,
      a_full_map_keeps_the_generation_until_there_is_room,
      it_says_when_to_flush_and_when_to_take_no_more,
      deleting_a_range_does_not_pass_over_what_is_deleted_already,
  };
  Suite *suite = suite_create("overlay");
  TCase *cases = tcase_create("overlay");
  tcase_add_checked_fixture(cases, setup, teardown);
  tcase_set_timeout(cases, 60);
  for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) {
    tcase_add_test(cases, tests[i]);
  }
  tcase_add_loop_test(cases, random_transactions_readers_and_flushes_are_as_in_the_model, 1, 11);
  tcase_add_loop_test(cases, power_loss_at_any_time_leaves_the_state_of_one_commit, 1, 7);
  suite_add_tcase(suite, cases);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
