/* test_split_apply.c - what the engine does with a split: both regions in one transaction.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory_engine.h"
#include "raftstore/apply.h"
#include "raftstore/entry.h"
#include "raftstore/region_state.h"
#include "raftstore/size_scan.h"
#include "run_suite.h"

static memory_engine engine;
static kv_apply_task *task;
static raft_entry entry;

static raft_slice text(const char *string) {
  return (raft_slice){string, strlen(string)};
}

static kv_txn *begin(bool write) {
  kv_txn *txn = NULL;
  ck_assert_int_eq(engine.base.ops->begin(&engine.base, write, &txn), KV_OK);
  return txn;
}

static void save(uint64_t region_id, uint64_t peer_id, kv_region_phase phase) {
  kv_txn *txn = begin(true);
  kv_region_state state = {
      .phase = phase, .region = {.id = region_id, .epoch = {1, 1}}, .peer_id = peer_id};
  kv_apply_state applied = {5, 5, 5, 5, {1000, 100}};
  ck_assert_int_eq(kv_region_put_peer(&state.region, peer_id, 1, KV_PEER_VOTER, "one:1"), KV_OK);
  ck_assert_int_eq(kv_region_put_peer(&state.region, peer_id + 1, 2, KV_PEER_LEARNER, "two:1"),
                   KV_OK);
  ck_assert_int_eq(kv_region_state_save(txn, &state), KV_OK);
  ck_assert_int_eq(kv_apply_state_save(txn, region_id, &applied), KV_OK);
  ck_assert_int_eq(engine.base.ops->commit(txn), KV_OK);
  kv_region_state_clear(&state);
}

/* Region 1 with peers 1 (this store's) and 2. */
static void setup(void) {
  memory_engine_init(&engine);
  save(1, 1, KV_REGION_NORMAL);
  entry = (raft_entry){0};
  task = NULL;
}

static void forget_task(void) {
  kv_apply_task_free(task);
  raft_buf_release(entry.data.owner);
  task = NULL;
  entry = (raft_entry){0};
}

static void teardown(void) {
  forget_task();
  memory_engine_free(&engine);
}

/* At "m" into region 50 with peers 501 (here) and 502; `left` is what was counted. */
static int run(uint64_t lowest_peer_id, kv_region_size left, bool keep) {
  kv_split split = {.key = text("m"),
                    .new_region_id = 50,
                    .new_peer_ids = {501, 502},
                    .new_peer_count = 2,
                    .left_bytes = left.bytes,
                    .left_keys = left.keys};
  raft_buf *payload = NULL;
  ck_assert_int_eq(kv_split_encode(1, (kv_epoch){1, 1}, &split, &payload), KV_OK);
  entry = (raft_entry){
      .term = 6, .index = 6, .data = {raft_buf_data(payload), raft_buf_len(payload), payload}};
  task = calloc(1, sizeof *task);
  ck_assert_ptr_nonnull(task);
  task->region_id = task->peer_id = 1;
  task->message.entries = &entry;
  task->message.entry_count = 1;
  task->results = calloc(1, sizeof *task->results);
  ck_assert_ptr_nonnull(task->results);
  task->results[0].lowest_peer_id = lowest_peer_id;
  task->results[0].answer = true;
  kv_txn *txn = begin(true);
  int rc = kv_apply_run(task, txn);
  if (rc == KV_OK && keep) {
    ck_assert_int_eq(engine.base.ops->commit(txn), KV_OK);
  } else {
    engine.base.ops->abort(txn);
  }
  return rc;
}

static kv_region_state state_of(uint64_t region_id, kv_apply_state *applied) {
  kv_txn *txn = begin(false);
  kv_region_state state;
  (void)kv_region_state_load(txn, region_id, &state);
  (void)kv_apply_state_load(txn, region_id, applied);
  engine.base.ops->abort(txn);
  return state;
}

static const kv_region_size unknown;

START_TEST(both_states_are_written_and_the_task_is_a_barrier) {
  kv_apply_state applied;
  ck_assert_int_eq(run(0, unknown, true), KV_OK);
  ck_assert(task->barrier && task->region_changed);
  ck_assert_uint_eq(task->split_count, 1);
  ck_assert(task->splits[0].created);
  ck_assert_uint_eq(task->splits[0].peer_id, 501);
  kv_region_state left = state_of(1, &applied);
  ck_assert_uint_eq(applied.applied_index, 6);
  ck_assert_int_eq(kv_key_compare(left.region.end, text("m")), 0);
  kv_region_state right = state_of(50, &applied);
  ck_assert_uint_eq(applied.applied_index, KV_INITIAL_LOG_INDEX);
  ck_assert_uint_eq(applied.applied_term, KV_INITIAL_LOG_TERM);
  ck_assert_uint_eq(right.peer_id, 501);
  ck_assert_int_eq(kv_region_find_peer(&right.region, 502)->role, KV_PEER_LEARNER);
  ck_assert_uint_eq(right.region.epoch.version, 2);
  kv_region_state_clear(&left);
  kv_region_state_clear(&right);
}
END_TEST

START_TEST(a_transaction_that_is_given_up_leaves_nothing_and_runs_again) {
  kv_apply_state applied;
  ck_assert_int_eq(run(0, unknown, false), KV_OK);
  kv_region_state right = state_of(50, &applied);
  ck_assert_uint_eq(right.region.id, 0);
  forget_task();
  ck_assert_int_eq(run(0, unknown, true), KV_OK);
  ck_assert_uint_eq(task->split_count, 1);
  forget_task();
  ck_assert_int_eq(run(0, unknown, true), KV_OK); /* applied already: passed over */
  ck_assert_uint_eq(task->split_count, 0);
  ck_assert_int_eq(task->results[0].outcome, KV_APPLY_NOTHING);
}
END_TEST

START_TEST(a_later_peer_with_data_stays_as_it_is) {
  kv_apply_state applied;
  save(50, 900, KV_REGION_NORMAL);
  ck_assert_int_eq(run(0, unknown, true), KV_OK);
  ck_assert(!task->splits[0].created);
  kv_region_state right = state_of(50, &applied);
  ck_assert_uint_eq(right.peer_id, 900);
  ck_assert_uint_eq(applied.size.keys, 100);
  kv_region_state_clear(&right);
}
END_TEST

START_TEST(the_same_peer_with_data_cannot_be) {
  save(50, 501, KV_REGION_NORMAL);
  ck_assert_int_eq(run(0, unknown, true), KV_ECORRUPT);
}
END_TEST

START_TEST(a_grave_counts_if_it_is_not_of_an_earlier_peer) {
  static const struct {
    uint64_t buried;
    bool created;
  } cases[] = {{500, true}, {501, false}, {502, false}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    teardown();
    setup();
    save(50, cases[i].buried, KV_REGION_TOMBSTONE);
    ck_assert_int_eq(run(0, unknown, true), KV_OK);
    ck_assert_int_eq(task->splits[0].created, cases[i].created);
  }
}
END_TEST

START_TEST(what_the_core_has_seen_counts_too) {
  ck_assert_int_eq(run(501, unknown, false), KV_OK);
  ck_assert(task->splits[0].created);
  forget_task();
  ck_assert_int_eq(run(502, unknown, true), KV_OK);
  ck_assert(!task->splits[0].created);
  ck_assert_uint_eq(task->splits[0].region.id, 50);
}
END_TEST

START_TEST(the_size_is_divided_as_counted_or_in_halves) {
  kv_apply_state applied;
  ck_assert_int_eq(run(0, (kv_region_size){300, 40}, false), KV_OK);
  ck_assert_uint_eq(task->size.bytes, 300);
  ck_assert_uint_eq(task->splits[0].size.bytes, 700);
  ck_assert_uint_eq(task->splits[0].size.keys, 60);
  forget_task();
  ck_assert_int_eq(run(0, unknown, true), KV_OK);
  ck_assert_uint_eq(task->size.bytes, 500);
  kv_region_state right = state_of(50, &applied);
  ck_assert_uint_eq(applied.size.bytes, 500);
  ck_assert_uint_eq(applied.size.keys, 50);
  kv_region_state_clear(&right);
}
END_TEST

/* ---- what nobody owns ---- */

static void put_letters(void) {
  kv_txn *txn = begin(true);
  static const char letters[] = "abcdefghijklmnopqrstuvwxyz";
  for (size_t i = 0; i + 1 < sizeof letters; i++) {
    raft_slice key = {&letters[i], 1};
    ck_assert_int_eq(engine.base.ops->put(txn, KV_SPACE_DATA, key, key), KV_OK);
  }
  ck_assert_int_eq(engine.base.ops->commit(txn), KV_OK);
}

static void save_range(uint64_t region_id, const char *start, const char *end,
                       kv_region_phase phase) {
  kv_txn *txn = begin(true);
  kv_region_state state = {.phase = phase, .region = {.id = region_id}, .peer_id = region_id};
  ck_assert_int_eq(kv_region_put_peer(&state.region, region_id, 1, KV_PEER_VOTER, "one:1"), KV_OK);
  ck_assert_int_eq(kv_region_set_range(&state.region, text(start), text(end)), KV_OK);
  ck_assert_int_eq(kv_region_state_save(txn, &state), KV_OK);
  ck_assert_int_eq(engine.base.ops->commit(txn), KV_OK);
  kv_region_state_clear(&state);
}

/* Runs until nothing is left to do; the letters that are there then. */
static void clear(const char *start, const char *end, char letters[27]) {
  const memory_space *data = &engine.spaces[KV_SPACE_DATA];
  do {
    forget_task();
    task = calloc(1, sizeof *task);
    ck_assert_ptr_nonnull(task);
    task->kind = KV_APPLY_CLEAR;
    ck_assert_int_eq(kv_region_set_range(&task->clear, text(start), text(end)), KV_OK);
    kv_txn *txn = begin(true);
    ck_assert_int_eq(kv_apply_run(task, txn), KV_OK);
    ck_assert_int_eq(engine.base.ops->commit(txn), KV_OK);
  } while (task->more);
  for (size_t i = 0; i < data->count; i++) {
    letters[i] = *(const char *)data->items[i].key.data;
  }
  letters[data->count] = '\0';
}

START_TEST(only_what_no_region_owns_is_deleted) {
  char letters[27];
  put_letters();
  save_range(1, "", "d", KV_REGION_NORMAL);
  save_range(2, "f", "h", KV_REGION_APPLYING);
  save_range(3, "p", "s", KV_REGION_NORMAL);
  save_range(4, "h", "z", KV_REGION_TOMBSTONE);
  clear("g", "j", letters);
  ck_assert_str_eq(letters, "abcdefgjklmnopqrstuvwxyz");
  clear("", "", letters);
  ck_assert_str_eq(letters, "abcfgpqr");
  save_range(5, "q", "", KV_REGION_NORMAL);
  clear("a", "r", letters);
  ck_assert_str_eq(letters, "abcfgpqr");
}
END_TEST

/* ---- counting ---- */

START_TEST(the_middle_of_many_keys_is_about_in_the_middle) {
  static kv_size_scan scan;
  char key[16];
  const kv_region all = {0};
  kv_txn *txn = begin(true);
  for (int i = 0; i < 30000; i++) { /* more than one slice */
    (void)snprintf(key, sizeof key, "%06d", i);
    ck_assert_int_eq(engine.base.ops->put(txn, KV_SPACE_DATA, text(key), text("four")), KV_OK);
  }
  kv_size_scan_begin(&scan, 1);
  int slices = 0;
  while (!scan.done) {
    ck_assert_int_eq(kv_size_scan_slice(&scan, txn, &all), KV_OK);
    slices++;
  }
  engine.base.ops->abort(txn);
  raft_slice middle;
  kv_region_size left;
  ck_assert_int_eq(slices, 2);
  ck_assert_uint_eq(scan.total.keys, 30000);
  ck_assert_uint_eq(scan.total.bytes, 300000);
  ck_assert(kv_size_scan_middle(&scan, &middle, &left));
  ck_assert_uint_ge(left.keys, 14000);
  ck_assert_uint_le(left.keys, 16000);
  (void)snprintf(key, sizeof key, "%06d", (int)left.keys);
  ck_assert_int_eq(kv_key_compare(middle, text(key)), 0);
}
END_TEST

int main(void) {
  const TTest *const tests[] = {
      both_states_are_written_and_the_task_is_a_barrier,
      a_transaction_that_is_given_up_leaves_nothing_and_runs_again,
      a_later_peer_with_data_stays_as_it_is,
      the_same_peer_with_data_cannot_be,
      a_grave_counts_if_it_is_not_of_an_earlier_peer,
      what_the_core_has_seen_counts_too,
      the_size_is_divided_as_counted_or_in_halves,
      only_what_no_region_owns_is_deleted,
      the_middle_of_many_keys_is_about_in_the_middle,
  };
  return run_suite("split_apply", tests, sizeof tests / sizeof tests[0], setup, teardown);
}
