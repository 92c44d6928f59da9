/* test_apply.c - entries in a transaction: effects, refusals, states, and running a task again.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <libraft/wire.h>
#include <stdlib.h>
#include <string.h>

#include "memory_engine.h"
#include "raftstore/apply.h"
#include "raftstore/command.h"
#include "raftstore/entry.h"
#include "raftstore/read.h"
#include "raftstore/region_state.h"
#include "run_suite.h"

static memory_engine engine;
static raft_entry entries[8];
static size_t entry_count;

static raft_slice text(const char *string) {
  return (raft_slice){string, strlen(string)};
}

static kv_txn *begin(bool write) {
  kv_txn *txn = NULL;
  ck_assert_int_eq(engine.base.ops->begin(&engine.base, write, &txn), KV_OK);
  return txn;
}

/* Region 1 of stores 1 and 2, this one is peer 1; applied up to (5, 5). */
static void setup(void) {
  memory_engine_init(&engine);
  kv_txn *txn = begin(true);
  kv_region_state state = {.region = {.id = 1, .epoch = {1, 1}}, .peer_id = 1};
  kv_apply_state applied = {5, 5, 5, 5, {0}};
  ck_assert_int_eq(kv_region_put_peer(&state.region, 1, 1, KV_PEER_VOTER, "one:1"), KV_OK);
  ck_assert_int_eq(kv_region_put_peer(&state.region, 2, 2, KV_PEER_VOTER, "two:1"), KV_OK);
  ck_assert_int_eq(kv_region_state_save(txn, &state), KV_OK);
  ck_assert_int_eq(kv_apply_state_save(txn, 1, &applied), KV_OK);
  ck_assert_int_eq(engine.base.ops->commit(txn), KV_OK);
  kv_region_state_clear(&state);
  entry_count = 0;
}

static void teardown(void) {
  for (size_t i = 0; i < entry_count; i++) {
    raft_buf_release(entries[i].data.owner);
  }
  memory_engine_free(&engine);
}

/* ---- making entries ---- */

static void add_payload(raft_buf *payload, raft_entry_type type) {
  entries[entry_count] = (raft_entry){
      6, 6 + entry_count, {raft_buf_data(payload), raft_buf_len(payload), payload}, type};
  entry_count++;
}

static void add_commands(kv_epoch epoch, const kv_command *commands, size_t count) {
  size_t bytes = 0;
  kv_entry entry = {
      .region_id = 1, .epoch = epoch, .kind = KV_ENTRY_COMMANDS, .command_count = (uint32_t)count};
  raft_buf *payload = NULL;
  unsigned char *to = NULL;
  for (size_t i = 0; i < count; i++) {
    bytes += kv_command_encode(&commands[i], NULL, 0);
  }
  ck_assert_int_eq(kv_entry_encode(&entry, bytes, &payload, &to), KV_OK);
  for (size_t i = 0; i < count; i++) {
    to += kv_command_encode(&commands[i], to, bytes);
  }
  add_payload(payload, RAFT_ENTRY_NORMAL);
}

static void add_set(kv_epoch epoch, const char *key, const char *value) {
  raft_slice args[] = {text(key), text(value)};
  kv_command command = {.op = KV_OP_SET, .args = args, .arg_count = 2};
  add_commands(epoch, &command, 1);
}

static void add_compact(uint64_t index) {
  kv_entry entry = {
      .region_id = 1, .kind = KV_ENTRY_COMPACT_LOG, .compact_index = index, .compact_term = 6};
  raft_buf *payload = NULL;
  unsigned char *to = NULL;
  ck_assert_int_eq(kv_entry_encode(&entry, 0, &payload, &to), KV_OK);
  add_payload(payload, RAFT_ENTRY_NORMAL);
}

static void add_change(const kv_change_peer *change, raft_conf_change_type type) {
  raft_buf *context = NULL;
  void *data = NULL;
  size_t len = 0;
  ck_assert_int_eq(kv_change_peer_encode(change, &context), KV_OK);
  raft_conf_change raft_change = {
      .type = type,
      .node_id = change->peer_id,
      .context = {raft_buf_data(context), raft_buf_len(context), context}};
  (void)raft_conf_change_encode(&raft_change, NULL, 0, &len);
  raft_buf *payload = raft_buf_create(NULL, len, &data);
  ck_assert_int_eq(raft_conf_change_encode(&raft_change, data, len, &len), RAFT_OK);
  raft_buf_release(context);
  add_payload(payload, RAFT_ENTRY_CONF_CHANGE);
}

/* ---- running ---- */

static kv_apply_task *make_task(void) {
  kv_apply_task *task = calloc(1, sizeof *task);
  ck_assert_ptr_nonnull(task);
  task->region_id = task->peer_id = 1;
  task->message.entries = entries;
  task->message.entry_count = entry_count;
  task->results = calloc(entry_count + 1, sizeof *task->results);
  ck_assert_ptr_nonnull(task->results);
  for (size_t i = 0; i < entry_count; i++) {
    task->results[i].answer = true;
  }
  return task;
}

static int run(kv_apply_task *task, bool commit) {
  kv_txn *txn = begin(true);
  int rc = kv_apply_run(task, txn);
  if (rc == KV_OK && commit) {
    ck_assert_int_eq(engine.base.ops->commit(txn), KV_OK);
  } else {
    engine.base.ops->abort(txn);
  }
  return rc;
}

static kv_apply_state applied_state(void) {
  kv_apply_state state;
  kv_txn *txn = begin(false);
  ck_assert_int_eq(kv_apply_state_load(txn, 1, &state), KV_OK);
  engine.base.ops->abort(txn);
  return state;
}

static const kv_epoch now = {1, 1};

START_TEST(data_and_applied_index_move_together) {
  add_set(now, "a", "1");
  add_payload(raft_buf_create(NULL, 0, &(void *){NULL}), RAFT_ENTRY_NORMAL);
  kv_apply_task *task = make_task();
  ck_assert_int_eq(run(task, false), KV_OK); /* given up: nothing has happened */
  ck_assert_uint_eq(engine.spaces[KV_SPACE_DATA].count, 0);
  ck_assert_uint_eq(applied_state().applied_index, 5);
  ck_assert_int_eq(run(task, true), KV_OK); /* and again */
  ck_assert_uint_eq(engine.spaces[KV_SPACE_DATA].count, 1);
  ck_assert_uint_eq(applied_state().applied_index, 7);
  ck_assert_uint_eq(applied_state().applied_term, 6);
  ck_assert_uint_eq(task->applied, 7);
  ck_assert_int_eq(task->results[0].outcome, KV_APPLY_DONE);
  ck_assert_uint_eq(task->results[0].reply_count, 1);
  ck_assert_int_eq(task->results[1].outcome, KV_APPLY_NOTHING);
  ck_assert_uint_eq(task->replies.len, 5);
  ck_assert_mem_eq(task->replies.data, "+OK\r\n", 5);
  kv_apply_task_free(task);
}
END_TEST

START_TEST(many_commands_have_many_answers_in_order) {
  raft_slice key = text("n");
  kv_command commands[3] = {{.op = KV_OP_INCRBY, .number = 5, .args = &key, .arg_count = 1},
                            {.op = KV_OP_INCRBY, .number = 2, .args = &key, .arg_count = 1},
                            {.op = KV_OP_GETDEL, .args = &key, .arg_count = 1}};
  add_commands(now, commands, 3);
  kv_apply_task *task = make_task();
  ck_assert_int_eq(run(task, true), KV_OK);
  ck_assert_uint_eq(task->results[0].reply_count, 3);
  ck_assert_uint_eq(task->reply_ends[2], task->replies.len);
  ck_assert_mem_eq(task->replies.data, ":5\r\n:7\r\n$1\r\n7\r\n", task->replies.len);
  kv_apply_task_free(task);
}
END_TEST

START_TEST(nobody_s_answers_are_not_kept) {
  add_set(now, "a", "1");
  kv_apply_task *task = make_task();
  task->results[0].answer = false;
  ck_assert_int_eq(run(task, true), KV_OK);
  ck_assert_uint_eq(task->replies.len, 0);
  ck_assert_uint_eq(task->results[0].reply_count, 0);
  kv_apply_task_free(task);
}
END_TEST

/* Region 1 as splits have left it: it ends at `end`. */
static void shrink(uint64_t version, const char *end) {
  kv_region_state state;
  kv_txn *txn = begin(true);
  ck_assert_int_eq(kv_region_state_load(txn, 1, &state), KV_OK);
  state.region.epoch.version = version;
  ck_assert_int_eq(kv_region_set_range(&state.region, text(""), text(end)), KV_OK);
  ck_assert_int_eq(kv_region_state_save(txn, &state), KV_OK);
  ck_assert_int_eq(engine.base.ops->commit(txn), KV_OK);
  kv_region_state_clear(&state);
}

START_TEST(a_key_that_the_region_does_not_have_is_not_written) {
  shrink(1, "m");
  add_set(now, "m", "1");
  kv_apply_task *task = make_task();
  ck_assert_int_eq(run(task, true), KV_OK);
  ck_assert_uint_eq(task->results[0].reply_count, 1);
  ck_assert(kv_reply_is_moved((raft_slice){task->replies.data, task->replies.len}));
  ck_assert_uint_eq(engine.spaces[KV_SPACE_DATA].count, 0);
  ck_assert_uint_eq(applied_state().applied_index, 6);
  kv_apply_task_free(task);
}
END_TEST

START_TEST(a_command_from_before_a_split_has_no_effect_but_is_passed) {
  shrink(3, "m");
  add_set((kv_epoch){1, 2}, "a", "1");
  kv_apply_task *task = make_task();
  ck_assert_int_eq(run(task, true), KV_OK);
  ck_assert_int_eq(task->results[0].outcome, KV_APPLY_STALE);
  ck_assert_uint_eq(engine.spaces[KV_SPACE_DATA].count, 0);
  ck_assert_uint_eq(applied_state().applied_index, 6);
  kv_apply_task_free(task);
}
END_TEST

START_TEST(a_command_of_a_later_version_has_no_effect_either) {
  add_set((kv_epoch){1, 9}, "a", "1");
  kv_apply_task *task = make_task();
  ck_assert_int_eq(run(task, true), KV_OK);
  ck_assert_int_eq(task->results[0].outcome, KV_APPLY_STALE);
  ck_assert_uint_eq(engine.spaces[KV_SPACE_DATA].count, 0);
  kv_apply_task_free(task);
}
END_TEST

START_TEST(a_membership_change_does_not_stop_commands) {
  add_set((kv_epoch){77, 1}, "a", "1");
  kv_apply_task *task = make_task();
  ck_assert_int_eq(run(task, true), KV_OK);
  ck_assert_int_eq(task->results[0].outcome, KV_APPLY_DONE);
  kv_apply_task_free(task);
}
END_TEST

START_TEST(an_applied_entry_is_not_applied_again) {
  raft_slice key = text("n");
  kv_command command = {.op = KV_OP_INCRBY, .number = 1, .args = &key, .arg_count = 1};
  add_commands(now, &command, 1);
  kv_apply_task *task = make_task();
  ck_assert_int_eq(run(task, true), KV_OK);
  ck_assert_int_eq(run(task, true), KV_OK);
  ck_assert_int_eq(task->results[0].outcome, KV_APPLY_NOTHING);
  ck_assert_uint_eq(engine.spaces[KV_SPACE_DATA].items[0].value.len, 1);
  ck_assert_mem_eq(engine.spaces[KV_SPACE_DATA].items[0].value.data, "1", 1);
  kv_apply_task_free(task);
}
END_TEST

START_TEST(a_gap_is_refused) {
  add_set(now, "a", "1");
  entries[0].index = 9;
  kv_apply_task *task = make_task();
  ck_assert_int_eq(run(task, true), KV_EINVAL);
  ck_assert_uint_eq(applied_state().applied_index, 5);
  kv_apply_task_free(task);
}
END_TEST

START_TEST(what_is_not_understood_is_an_error_not_a_difference) {
  add_payload(raft_buf_copy(NULL, "garbage", 7), RAFT_ENTRY_NORMAL);
  kv_apply_task *task = make_task();
  ck_assert_int_eq(run(task, true), KV_ECORRUPT);
  entries[0].type = RAFT_ENTRY_CONF_CHANGE;
  ck_assert_int_eq(run(task, true), KV_ECORRUPT);
  entries[0].type = RAFT_ENTRY_CONF_CHANGE_V2;
  ck_assert_int_eq(run(task, true), KV_ECORRUPT);
  ck_assert_uint_eq(applied_state().applied_index, 5);
  kv_apply_task_free(task);
}
END_TEST

START_TEST(the_log_is_cut_forward_only_and_not_ahead) {
  add_set(now, "a", "1");
  add_compact(6);
  add_compact(5);
  add_compact(100);
  kv_apply_task *task = make_task();
  ck_assert_int_eq(run(task, true), KV_OK);
  ck_assert(task->truncated);
  ck_assert_uint_eq(task->truncated_index, 6);
  ck_assert_uint_eq(applied_state().truncated_index, 6);
  ck_assert_uint_eq(applied_state().truncated_term, 6);
  ck_assert_uint_eq(applied_state().applied_index, 9);
  kv_apply_task_free(task);
}
END_TEST

START_TEST(members_come_once_and_the_epoch_counts_them) {
  kv_change_peer change = {now, 3, 3, KV_PEER_INCOMING, false, "three:1"};
  add_change(&change, RAFT_CONF_ADD_LEARNER);
  add_change(&change, RAFT_CONF_ADD_LEARNER); /* asked twice */
  change.peer_id = change.store_id = 4;
  add_change(&change, RAFT_CONF_ADD_LEARNER); /* proposed before the first was applied */
  kv_apply_task *task = make_task();
  ck_assert_int_eq(run(task, true), KV_OK);
  ck_assert_int_eq(task->results[0].outcome, KV_APPLY_DONE);
  ck_assert_int_eq(task->results[1].outcome, KV_APPLY_REDUNDANT);
  ck_assert_int_eq(task->results[2].outcome, KV_APPLY_STALE);
  ck_assert(task->region_changed);
  ck_assert_uint_eq(task->region.peer_count, 3);
  ck_assert_uint_eq(task->region.epoch.conf_ver, 2);
  kv_apply_task_free(task);
}
END_TEST

START_TEST(a_peer_id_is_not_given_twice) {
  kv_change_peer change = {now, 2, 2, KV_PEER_VOTER, true, ""};
  add_change(&change, RAFT_CONF_REMOVE_NODE);
  change = (kv_change_peer){{2, 1}, 2, 7, KV_PEER_INCOMING, false, "seven:1"};
  add_change(&change, RAFT_CONF_ADD_LEARNER);
  kv_apply_task *task = make_task();
  ck_assert_int_eq(run(task, true), KV_OK);
  ck_assert_int_eq(task->results[0].outcome, KV_APPLY_DONE);
  ck_assert_int_eq(task->results[1].outcome, KV_APPLY_STALE);
  ck_assert_uint_eq(task->region.peer_count, 1);
  kv_apply_task_free(task);
}
END_TEST

START_TEST(the_own_removal_leaves_a_tombstone_and_ends_applying) {
  kv_change_peer change = {now, 1, 1, KV_PEER_VOTER, true, ""};
  kv_region_state state;
  add_change(&change, RAFT_CONF_REMOVE_NODE);
  add_set(now, "a", "1");
  kv_apply_task *task = make_task();
  ck_assert_int_eq(run(task, true), KV_OK);
  ck_assert(task->tombstone);
  ck_assert_uint_eq(engine.spaces[KV_SPACE_DATA].count, 0);
  kv_txn *txn = begin(false);
  ck_assert_int_eq(kv_region_state_load(txn, 1, &state), KV_OK);
  ck_assert_int_eq(state.phase, KV_REGION_TOMBSTONE);
  ck_assert_uint_eq(state.peer_id, 1);
  engine.base.ops->abort(txn);
  kv_region_state_clear(&state);
  kv_apply_task_free(task);
}
END_TEST

START_TEST(a_failing_engine_fails_the_task) {
  add_set(now, "a", "1");
  kv_apply_task *task = make_task();
  task->region_id = 2; /* it knows no such region */
  ck_assert_int_eq(run(task, true), KV_ENOTFOUND);
  kv_apply_task_free(task);
}
END_TEST

START_TEST(reads_of_a_region_that_is_gone_find_nothing) {
  kv_read_task *task = calloc(1, sizeof *task);
  ck_assert_ptr_nonnull(task);
  task->region_id = 2;
  kv_txn *txn = begin(false);
  ck_assert_int_eq(kv_read_run(task, txn), KV_ENOTFOUND);
  engine.base.ops->abort(txn);
  kv_read_task_free(task);
}
END_TEST

START_TEST(a_read_that_is_none_is_answered_with_an_error) {
  unsigned char bytes[64];
  raft_slice args[] = {text("a"), text("1")};
  kv_command write = {.op = KV_OP_SET, .args = args, .arg_count = 2};
  raft_slice commands[2] = {{"?", 1}, {bytes, kv_command_encode(&write, bytes, sizeof bytes)}};
  kv_read_task task = {.region_id = 1, .version = 1, .commands = commands, .command_count = 2};
  size_t ends[2];
  task.reply_ends = ends;
  kv_txn *txn = begin(false);
  ck_assert_int_eq(kv_read_run(&task, txn), KV_OK);
  engine.base.ops->abort(txn);
  ck_assert_mem_eq(task.replies.data, "-ERR", 4);
  ck_assert_mem_eq(task.replies.data + ends[0], "-ERR", 4);
  ck_assert_uint_eq(task.applied, 5);
  kv_reply_free(&task.replies);
}
END_TEST

/* P16 for reads: what was routed by another range is not read at all. */
START_TEST(a_read_from_before_a_split_is_not_executed) {
  shrink(3, "m");
  unsigned char bytes[64];
  raft_slice key = text("a"), command;
  kv_command get = {.op = KV_OP_GET, .args = &key, .arg_count = 1};
  command = (raft_slice){bytes, kv_command_encode(&get, bytes, sizeof bytes)};
  kv_read_task task = {.region_id = 1, .version = 2, .commands = &command, .command_count = 1};
  size_t end = 0;
  task.reply_ends = &end;
  kv_txn *txn = begin(false);
  ck_assert_int_eq(kv_read_run(&task, txn), KV_ENOTFOUND);
  engine.base.ops->abort(txn);
  ck_assert_uint_eq(task.replies.len, 0);
  kv_reply_free(&task.replies);
}
END_TEST

int main(void) {
  const TTest *const tests[] = {
      data_and_applied_index_move_together,
      many_commands_have_many_answers_in_order,
      nobody_s_answers_are_not_kept,
      a_key_that_the_region_does_not_have_is_not_written,
      a_command_from_before_a_split_has_no_effect_but_is_passed,
      a_command_of_a_later_version_has_no_effect_either,
      a_membership_change_does_not_stop_commands,
      an_applied_entry_is_not_applied_again,
      a_gap_is_refused,
      what_is_not_understood_is_an_error_not_a_difference,
      the_log_is_cut_forward_only_and_not_ahead,
      members_come_once_and_the_epoch_counts_them,
      a_peer_id_is_not_given_twice,
      the_own_removal_leaves_a_tombstone_and_ends_applying,
      a_failing_engine_fails_the_task,
      reads_of_a_region_that_is_gone_find_nothing,
      a_read_that_is_none_is_answered_with_an_error,
      a_read_from_before_a_split_is_not_executed,
  };
  return run_suite("apply", tests, sizeof tests / sizeof *tests, setup, teardown);
}
