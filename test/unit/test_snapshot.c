/* test_snapshot.c - regions travel through files whole, and installation survives any crash.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fault_engine.h"
#include "raftstore/region_state.h"
#include "scratch.h"
#include "snapshot/install_record.h"
#include "snapshot/snapshot.h"
#include "snapshot/snapshot_dir.h"

enum { REGION = 7, KEYS = 9000 };

/* Two stores with an engine each and one directory for their files. */
static scratch dir, from_dir, to_dir;
static kv_engine *from, *to;

static kv_engine *open_engine(const scratch *where) {
  kv_engine *engine = NULL;
  kv_error error = {0};
  kv_lmdb_options options = {.directory = where->path};
  ck_assert_msg(kv_lmdb_open(&options, &engine, &error) == KV_OK, "%s", error.text);
  return engine;
}

static void setup(void) {
  scratch_open(&dir);
  scratch_open(&from_dir);
  scratch_open(&to_dir);
  from = open_engine(&from_dir);
  to = open_engine(&to_dir);
}

static void teardown(void) {
  from->ops->close(from);
  to->ops->close(to);
  scratch_close(&dir);
  scratch_close(&from_dir);
  scratch_close(&to_dir);
}

static raft_slice str(const char *text) {
  return (raft_slice){text, strlen(text)};
}

static kv_txn *begin(kv_engine *engine, bool write) {
  kv_txn *txn = NULL;
  ck_assert_int_eq(engine->ops->begin(engine, write, &txn), KV_OK);
  return txn;
}

static void commit(kv_txn *txn) {
  ck_assert_int_eq(txn->engine->ops->commit(txn), KV_OK);
}

static void end(kv_txn *txn) {
  txn->engine->ops->abort(txn);
}

static void put(kv_txn *txn, const char *key, const char *value) {
  ck_assert_int_eq(txn->engine->ops->put(txn, KV_SPACE_DATA, str(key), str(value)), KV_OK);
}

/* --- states ------------------------------------------------------------------------------------
 */

static void save_ident(kv_txn *txn, uint64_t store_id) {
  const kv_store_ident ident = {.cluster_id = 1, .store_id = store_id, .incarnation = 1};
  ck_assert_int_eq(kv_ident_save(txn, &ident), KV_OK);
}

/* A region with peers 11 on store 1 and 12 on store 2. */
static void save_region(kv_txn *txn, uint64_t id, kv_region_phase phase, const char *start,
                        const char *range_end, uint64_t peer_id) {
  kv_region_state state = {.phase = phase, .peer_id = peer_id};
  state.region.id = id;
  state.region.epoch = (kv_epoch){2, 3};
  ck_assert_int_eq(kv_region_set_range(&state.region, str(start), str(range_end)), KV_OK);
  ck_assert_int_eq(kv_region_put_peer(&state.region, 11, 1, KV_PEER_VOTER, "a:1"), KV_OK);
  ck_assert_int_eq(kv_region_put_peer(&state.region, 12, 2, KV_PEER_LEARNER, "b:2"), KV_OK);
  ck_assert_int_eq(kv_region_state_save(txn, &state), KV_OK);
  kv_region_state_clear(&state);
}

static void save_applied(kv_txn *txn, uint64_t index, uint64_t term) {
  const kv_apply_state state = {index, term, 3, 2, {0}};
  ck_assert_int_eq(kv_apply_state_save(txn, REGION, &state), KV_OK);
}

/* The source: region 7 on store 1, [b, y), with keys of its own and some of its neighbours. Every
 * 3000th value is of the largest size. */
static void fill_source(size_t keys) {
  kv_txn *txn = begin(from, true);
  char key[32], *value = calloc(1, KV_MAX_VALUE);
  ck_assert_ptr_nonnull(value);
  save_ident(txn, 1);
  save_region(txn, REGION, KV_REGION_NORMAL, "b", "y", 11);
  save_applied(txn, 100, 5);
  put(txn, "a before", "x");
  put(txn, "y at the end", "x");
  for (size_t i = 0; i < keys; i++) {
    raft_slice bytes = {value, i % 3000 == 2999 ? KV_MAX_VALUE : i % 500};
    (void)snprintf(key, sizeof key, "key%06zu", i);
    value[i % 500] = (char)i;
    ck_assert_int_eq(from->ops->put(txn, KV_SPACE_DATA, str(key), bytes), KV_OK);
  }
  free(value);
  commit(txn);
}

/* The target: store 2, behind: old keys, some of which were deleted since. */
static void fill_target(void) {
  kv_txn *txn = begin(to, true);
  save_ident(txn, 2);
  save_region(txn, REGION, KV_REGION_NORMAL, "b", "y", 12);
  save_applied(txn, 10, 4);
  put(txn, "a before", "stays");
  put(txn, "deleted", "since");
  put(txn, "key000000", "old");
  put(txn, "xxx", "deleted too");
  put(txn, "z behind", "stays");
  commit(txn);
}

static kv_snapshot_file make(void) {
  kv_snapshot_file file;
  kv_error error = {0};
  raft_buf *meta = NULL;
  ck_assert_msg(kv_snapshot_make(from, dir.path, REGION, &file, &meta, &error) == KV_OK, "%s",
                error.text);
  raft_slice bytes = {raft_buf_data(meta), raft_buf_len(meta)};
  ck_assert_msg(kv_snapshot_verify(dir.path, file.name, bytes, &error) == KV_OK, "%s", error.text);
  raft_buf_release(meta);
  return file;
}

static bool has_key(kv_txn *txn, const char *key) {
  raft_slice value;
  return txn->engine->ops->get(txn, KV_SPACE_DATA, str(key), &value) == KV_OK;
}

static uint64_t count(kv_txn *txn) {
  uint64_t keys = 0;
  ck_assert_int_eq(txn->engine->ops->count(txn, KV_SPACE_DATA, &keys), KV_OK);
  return keys;
}

static kv_region_phase phase_of(kv_engine *engine, uint64_t *applied) {
  kv_region_state state = {0};
  kv_apply_state apply = {0};
  kv_txn *txn = begin(engine, false);
  ck_assert_int_eq(kv_region_state_load(txn, REGION, &state), KV_OK);
  ck_assert_int_eq(kv_apply_state_load(txn, REGION, &apply), KV_OK);
  *applied = apply.applied_index;
  kv_region_phase phase = state.phase;
  ck_assert_uint_eq(state.peer_id, 12);
  kv_region_state_clear(&state);
  end(txn);
  return phase;
}

/* Everything of the source is at the target, and nothing else but the neighbours' keys. */
static void expect_installed(size_t keys) {
  uint64_t applied;
  kv_install_record record;
  ck_assert_int_eq((int)phase_of(to, &applied), KV_REGION_NORMAL);
  ck_assert_uint_eq(applied, 100);
  kv_txn *a = begin(from, false), *b = begin(to, false);
  ck_assert_int_eq(kv_install_record_load(b, REGION, &record), KV_ENOTFOUND);
  ck_assert(!has_key(b, "deleted") && !has_key(b, "xxx"));
  ck_assert(has_key(b, "a before") && has_key(b, "z behind"));
  ck_assert(!has_key(b, "y at the end"));
  ck_assert_uint_eq(count(b), keys + 2);
  uint64_t bytes = 0;
  for (size_t i = 0; i < keys; i++) {
    char key[32];
    raft_slice x, y;
    (void)snprintf(key, sizeof key, "key%06zu", i);
    ck_assert_int_eq(from->ops->get(a, KV_SPACE_DATA, str(key), &x), KV_OK);
    ck_assert_int_eq(to->ops->get(b, KV_SPACE_DATA, str(key), &y), KV_OK);
    ck_assert_uint_eq(x.len, y.len);
    ck_assert_mem_eq(x.data, y.data, x.len);
    bytes += strlen(key) + y.len;
  }
  kv_apply_state state;
  ck_assert_int_eq(kv_apply_state_load(b, REGION, &state), KV_OK);
  ck_assert_uint_eq(state.size.bytes, bytes);
  ck_assert_uint_eq(state.size.keys, keys);
  end(a);
  end(b);
}

/* --- making and installing -----------------------------------------------------------------------
 */

START_TEST(a_region_travels_whole) {
  fill_source(KEYS);
  fill_target();
  kv_snapshot_file file = make();
  ck_assert_uint_eq(file.region_id, REGION);
  ck_assert_uint_eq(file.index, 100);
  ck_assert_uint_eq(file.term, 5);
  ck_assert_int_eq(kv_snapshot_install(to, dir.path, &file, NULL), KV_OK);
  expect_installed(KEYS);
  kv_txn *txn = begin(to, false);
  kv_region_state state = {0};
  ck_assert_int_eq(kv_region_state_load(txn, REGION, &state), KV_OK);
  ck_assert_uint_eq(state.region.epoch.conf_ver, 2);
  ck_assert_uint_eq(state.region.peer_count, 2);
  kv_region_state_clear(&state);
  end(txn);
}
END_TEST

START_TEST(a_new_peer_gets_its_region) {
  fill_source(10);
  kv_txn *txn = begin(to, true);
  save_ident(txn, 2);
  put(txn, "a before", "stays");
  put(txn, "z behind", "stays");
  commit(txn);
  kv_snapshot_file file = make();
  ck_assert_int_eq(kv_snapshot_install(to, dir.path, &file, NULL), KV_OK);
  expect_installed(10);
}
END_TEST

START_TEST(an_empty_region_empties_the_other) {
  fill_source(0);
  fill_target();
  kv_snapshot_file file = make();
  ck_assert_int_eq(kv_snapshot_install(to, dir.path, &file, NULL), KV_OK);
  expect_installed(0);
}
END_TEST

START_TEST(what_the_old_range_had_goes_too) {
  fill_source(10);
  fill_target();
  kv_txn *txn = begin(to, true);
  save_region(txn, REGION, KV_REGION_NORMAL, "", "", 12);
  commit(txn);
  kv_snapshot_file file = make();
  ck_assert_int_eq(kv_snapshot_install(to, dir.path, &file, NULL), KV_OK);
  txn = begin(to, false);
  ck_assert_uint_eq(count(txn), 10);
  end(txn);
}
END_TEST

START_TEST(the_range_of_another_region_is_refused) {
  uint64_t applied;
  fill_source(10);
  fill_target();
  kv_txn *txn = begin(to, true);
  save_region(txn, REGION + 1, KV_REGION_NORMAL, "x", "z", 12);
  commit(txn);
  kv_snapshot_file file = make();
  ck_assert_int_eq(kv_snapshot_install(to, dir.path, &file, NULL), KV_EINVAL);
  ck_assert_int_eq((int)phase_of(to, &applied), KV_REGION_NORMAL);
  ck_assert_uint_eq(applied, 10);
  txn = begin(to, true); /* one that was removed is no obstacle */
  save_region(txn, REGION + 1, KV_REGION_TOMBSTONE, "x", "z", 12);
  commit(txn);
  ck_assert_int_eq(kv_snapshot_install(to, dir.path, &file, NULL), KV_OK);
  expect_installed(10);
}
END_TEST

/* The removed replica had all keys; the region was split since. */
START_TEST(a_removed_replica_may_come_back_beside_who_has_its_keys_now) {
  fill_source(10);
  kv_txn *txn = begin(to, true);
  save_ident(txn, 2);
  save_region(txn, REGION, KV_REGION_TOMBSTONE, "", "", 5);
  save_region(txn, REGION + 1, KV_REGION_NORMAL, "y", "", 12);
  put(txn, "a before", "stays");
  put(txn, "z behind", "stays");
  commit(txn);
  kv_snapshot_file file = make();
  ck_assert_int_eq(kv_snapshot_install(to, dir.path, &file, NULL), KV_OK);
  expect_installed(10);
}
END_TEST

START_TEST(a_store_outside_of_the_region_refuses) {
  fill_source(10);
  kv_txn *txn = begin(to, true);
  save_ident(txn, 9);
  commit(txn);
  kv_snapshot_file file = make();
  ck_assert_int_eq(kv_snapshot_install(to, dir.path, &file, NULL), KV_EINVAL);
}
END_TEST

START_TEST(no_snapshot_of_what_is_not_here) {
  kv_snapshot_file file;
  raft_buf *meta;
  kv_error error = {0};
  ck_assert_int_eq(kv_snapshot_make(from, dir.path, REGION, &file, &meta, &error), KV_ENOTFOUND);
  ck_assert_ptr_nonnull(strstr(error.text, "region 7"));
  kv_txn *txn = begin(from, true);
  save_region(txn, REGION, KV_REGION_APPLYING, "", "", 11);
  save_applied(txn, 1, 1);
  commit(txn);
  ck_assert_int_eq(kv_snapshot_make(from, dir.path, REGION, &file, &meta, NULL), KV_ENOTFOUND);
  ck_assert_uint_eq(scratch_count(&dir), 0);
  ck_assert_int_eq(kv_snapshot_make(from, "/nowhere", REGION, &file, &meta, NULL), KV_ENOTFOUND);
  fill_source(1);
  ck_assert_int_eq(kv_snapshot_make(from, "/nowhere", REGION, &file, &meta, NULL), KV_EIO);
}
END_TEST

START_TEST(a_reading_engine_that_fails_leaves_no_file) {
  int rc = KV_EIO;
  fault_engine faulty;
  raft_buf *meta = NULL;
  kv_snapshot_file file;
  fill_source(3);
  for (size_t fail = 1; rc != KV_OK; fail++) {
    fault_engine_init(&faulty, from);
    faulty.fail_at = fail;
    faulty.fail_code = KV_EIO;
    rc = kv_snapshot_make(&faulty.base, dir.path, REGION, &file, &meta, NULL);
    ck_assert(rc == KV_OK || rc == KV_EIO);
    ck_assert_uint_eq(faulty.open, 0);
    ck_assert_uint_eq(scratch_count(&dir), rc == KV_OK ? 1 : 0);
    ck_assert_uint_lt(fail, 100);
  }
  raft_buf_release(meta);
}
END_TEST

/* --- crashes -----------------------------------------------------------------------------------
 */

static void reopen_target(void) {
  to->ops->close(to);
  to = open_engine(&to_dir);
}

/* Breaks off an installation behind its first commit. */
static void leave_applying(const kv_snapshot_file *file) {
  fault_engine faulty;
  fault_engine_init(&faulty, to);
  faulty.max_commits = 1;
  ck_assert_int_eq(kv_snapshot_install(&faulty.base, dir.path, file, NULL), KV_EIO);
  reopen_target();
}

START_TEST(a_crash_after_any_commit_is_mended) {
  size_t commits = 0, reset = 99;
  int rc = KV_EIO;
  uint64_t applied;
  fault_engine faulty;
  fill_source(KEYS);
  kv_snapshot_file file = make();
  for (; rc != KV_OK; commits++) {
    fill_target();
    fault_engine_init(&faulty, to);
    faulty.max_commits = commits;
    rc = kv_snapshot_install(&faulty.base, dir.path, &file, NULL);
    ck_assert_uint_eq(faulty.open, 0);
    if (rc != KV_OK) {
      kv_region_phase expected = commits == 0 ? KV_REGION_NORMAL : KV_REGION_APPLYING;
      ck_assert_int_eq((int)phase_of(to, &applied), (int)expected);
      ck_assert_uint_eq(applied, 10);
      reopen_target();
      ck_assert_int_eq(kv_snapshot_recover(to, dir.path, &reset, NULL), KV_OK);
      ck_assert_uint_eq(reset, 0);
      if (commits > 0) {
        expect_installed(KEYS);
      }
    }
  }
  expect_installed(KEYS);
  ck_assert_uint_gt(commits, 5); /* several transactions of data */
}
END_TEST

START_TEST(a_crash_of_the_recovery_is_mended) {
  uint64_t applied;
  fault_engine faulty;
  fill_source(KEYS);
  kv_snapshot_file file = make();
  fill_target();
  leave_applying(&file);
  for (size_t commits = 0; commits < 4; commits++) {
    fault_engine_init(&faulty, to);
    faulty.max_commits = commits;
    ck_assert_int_eq(kv_snapshot_recover(&faulty.base, dir.path, NULL, NULL), KV_EIO);
    ck_assert_int_eq((int)phase_of(to, &applied), KV_REGION_APPLYING);
    reopen_target();
  }
  ck_assert_int_eq(kv_snapshot_recover(to, dir.path, NULL, NULL), KV_OK);
  expect_installed(KEYS);
}
END_TEST

START_TEST(a_failure_of_any_operation_is_mended) {
  int rc = KV_EIO;
  fault_engine faulty;
  fill_source(5);
  kv_snapshot_file file = make();
  for (size_t fail = 1; rc != KV_OK; fail++) {
    fill_target();
    fault_engine_init(&faulty, to);
    faulty.fail_at = fail;
    faulty.fail_code = KV_EIO;
    rc = kv_snapshot_install(&faulty.base, dir.path, &file, NULL);
    ck_assert(rc == KV_OK || rc == KV_EIO);
    ck_assert_uint_eq(faulty.open, 0);
    ck_assert_int_eq(kv_snapshot_recover(to, dir.path, NULL, NULL), KV_OK);
    ck_assert_uint_lt(fail, 1000);
  }
  expect_installed(5);
}
END_TEST

START_TEST(a_full_map_grows_while_installing) {
  kv_error error = {0};
  kv_lmdb_options options = {to_dir.path, 1 << 20, 256 << 20, 4};
  fill_source(KEYS);
  kv_snapshot_file file = make();
  fill_target();
  to->ops->close(to);
  ck_assert_int_eq(kv_lmdb_open(&options, &to, &error), KV_OK);
  ck_assert_msg(kv_snapshot_install(to, dir.path, &file, &error) == KV_OK, "%s", error.text);
  expect_installed(KEYS);
}
END_TEST

START_TEST(an_installation_that_stays_full_goes_on_later) {
  fault_engine faulty;
  fill_source(KEYS);
  kv_snapshot_file file = make();
  fill_target();
  to->ops->close(to);
  kv_lmdb_options small = {to_dir.path, 1 << 20, 0, 4};
  ck_assert_int_eq(kv_lmdb_open(&small, &to, NULL), KV_OK);
  ck_assert_int_eq(kv_snapshot_install(to, dir.path, &file, NULL), KV_EFULL);
  reopen_target();
  fault_engine_init(&faulty, to);
  ck_assert_int_eq(kv_snapshot_install(&faulty.base, dir.path, &file, NULL), KV_OK);
  expect_installed(KEYS);
}
END_TEST

/* The replica of the target is over, and its data is gone. */
static void expect_reset(void) {
  uint64_t applied;
  kv_region_state state = {0};
  kv_install_record record;
  ck_assert_int_eq((int)phase_of(to, &applied), KV_REGION_TOMBSTONE);
  ck_assert_uint_eq(applied, 0);
  kv_txn *txn = begin(to, false);
  ck_assert_int_eq(kv_region_state_load(txn, REGION, &state), KV_OK);
  ck_assert(!kv_region_initialised(&state.region));
  kv_region_state_clear(&state);
  ck_assert_int_eq(kv_install_record_load(txn, REGION, &record), KV_ENOTFOUND);
  ck_assert_uint_eq(count(txn), 2); /* the neighbours' */
  end(txn);
}

START_TEST(without_its_file_the_replica_is_lost_and_a_new_one_may_come) {
  size_t reset;
  fill_source(10);
  kv_snapshot_file file = make();
  fill_target();
  leave_applying(&file);
  kv_snapshot_remove(dir.path, file.name);
  ck_assert_int_eq(kv_snapshot_recover(to, dir.path, &reset, NULL), KV_OK);
  ck_assert_uint_eq(reset, 1);
  expect_reset();
  file = make();
  ck_assert_int_eq(kv_snapshot_install(to, dir.path, &file, NULL), KV_OK);
  expect_installed(10);
}
END_TEST

START_TEST(with_a_damaged_file_the_replica_is_lost) {
  size_t reset, len;
  fill_source(KEYS);
  kv_snapshot_file file = make();
  fill_target();
  leave_applying(&file);
  unsigned char *bytes = scratch_read(&dir, file.name, &len);
  bytes[len / 2] ^= 1;
  scratch_write(&dir, file.name, bytes, len);
  free(bytes);
  ck_assert_int_eq(kv_snapshot_recover(to, dir.path, &reset, NULL), KV_OK);
  ck_assert_uint_eq(reset, 1);
  expect_reset();
}
END_TEST

START_TEST(with_a_damaged_record_the_replica_is_lost) {
  size_t reset;
  fill_source(10);
  kv_snapshot_file file = make();
  fill_target();
  leave_applying(&file);
  kv_txn *txn = begin(to, true);
  raft_slice key = {"I\0\0\0\0\0\0\0\7", 9};
  ck_assert_int_eq(to->ops->put(txn, KV_SPACE_META, key, str("\1\0\6\0../../")), KV_OK);
  commit(txn);
  ck_assert_int_eq(kv_snapshot_recover(to, dir.path, &reset, NULL), KV_OK);
  ck_assert_uint_eq(reset, 1);
  expect_reset();
}
END_TEST

START_TEST(nothing_to_recover_is_fine) {
  size_t reset;
  ck_assert_int_eq(kv_snapshot_recover(to, dir.path, &reset, NULL), KV_OK);
  ck_assert_uint_eq(reset, 0);
}
END_TEST

/* --- arrival -----------------------------------------------------------------------------------
 */

typedef struct arrival {
  unsigned char *bytes;
  size_t len;
  raft_buf *meta;
} arrival;

/* What a sender would send; its file is gone from the directory. */
static arrival depart(size_t keys) {
  arrival a = {0};
  kv_snapshot_file file;
  fill_source(keys);
  ck_assert_int_eq(kv_snapshot_make(from, dir.path, REGION, &file, &a.meta, NULL), KV_OK);
  a.bytes = scratch_read(&dir, file.name, &a.len);
  ck_assert_uint_eq(a.len, file.bytes);
  kv_snapshot_remove(dir.path, file.name);
  return a;
}

static raft_slice meta_of(const arrival *a) {
  return (raft_slice){raft_buf_data(a->meta), raft_buf_len(a->meta)};
}

static void free_arrival(arrival *a) {
  raft_buf_release(a->meta);
  free(a->bytes);
}

/* Sends the bytes in chunks. */
static int arrive(const arrival *a, size_t chunk, kv_snapshot_file *file) {
  kv_snapshot_receiver *receiver;
  int rc = kv_snapshot_receive_begin(dir.path, meta_of(a), &receiver, NULL);
  if (rc != KV_OK) {
    return rc;
  }
  for (size_t at = 0; at < a->len; at += chunk) {
    size_t len = a->len - at < chunk ? a->len - at : chunk;
    rc = kv_snapshot_receive_chunk(receiver, a->bytes + at, len, NULL);
    if (rc != KV_OK) {
      kv_snapshot_receive_abort(receiver);
      return rc;
    }
  }
  return kv_snapshot_receive_end(receiver, file, NULL);
}

START_TEST(a_file_arrives_in_chunks_of_any_size) {
  kv_snapshot_file file;
  arrival a = depart(50);
  fill_target();
  ck_assert_int_eq(arrive(&a, 1, &file), KV_OK);
  ck_assert_uint_eq(file.index, 100);
  ck_assert_uint_eq(file.bytes, a.len);
  kv_snapshot_file again;
  ck_assert_int_eq(arrive(&a, a.len, &again), KV_OK);
  ck_assert_str_ne(file.name, again.name);
  ck_assert_uint_eq(scratch_count(&dir), 2);
  ck_assert_int_eq(kv_snapshot_install(to, dir.path, &again, NULL), KV_OK);
  expect_installed(50);
  free_arrival(&a);
}
END_TEST

START_TEST(an_arrival_that_was_not_announced_is_refused_and_deleted) {
  kv_snapshot_file file;
  arrival a = depart(50);
  for (size_t at = 0; at < a.len; at += 97) {
    a.bytes[at] ^= 4;
    ck_assert_int_eq(arrive(&a, 4096, &file), KV_ECORRUPT);
    a.bytes[at] ^= 4;
  }
  a.len--;
  ck_assert_int_eq(arrive(&a, 4096, &file), KV_ECORRUPT);
  a.len += 2;
  a.bytes = realloc(a.bytes, a.len);
  ck_assert_ptr_nonnull(a.bytes);
  a.bytes[a.len - 1] = 0;
  ck_assert_int_eq(arrive(&a, 4096, &file), KV_ECORRUPT);
  ck_assert_uint_eq(scratch_count(&dir), 0);
  free_arrival(&a);
}
END_TEST

START_TEST(a_snapshot_with_foreign_keys_is_refused) {
  kv_snapshot_meta meta;
  raft_buf *forged;
  kv_snapshot_file file;
  arrival a = depart(50);
  ck_assert_int_eq(kv_snapshot_meta_decode(meta_of(&a), &meta), KV_OK);
  ck_assert_int_eq(kv_region_set_range(&meta.region, str("b"), str("key000010")), KV_OK);
  ck_assert_int_eq(kv_snapshot_meta_encode(&meta, &forged), KV_OK);
  raft_buf_release(a.meta);
  a.meta = forged;
  ck_assert_int_eq(arrive(&a, 4096, &file), KV_ECORRUPT);
  kv_snapshot_meta_clear(&meta);
  free_arrival(&a);
}
END_TEST

START_TEST(an_absurd_size_is_refused_before_it_is_sent) {
  kv_snapshot_meta meta;
  kv_snapshot_receiver *receiver;
  raft_buf *forged;
  kv_error error = {0};
  arrival a = depart(1);
  ck_assert_int_eq(kv_snapshot_meta_decode(meta_of(&a), &meta), KV_OK);
  meta.bytes = UINT64_MAX;
  ck_assert_int_eq(kv_snapshot_meta_encode(&meta, &forged), KV_OK);
  raft_slice bytes = {raft_buf_data(forged), raft_buf_len(forged)};
  ck_assert_int_eq(kv_snapshot_receive_begin(dir.path, bytes, &receiver, &error), KV_EFULL);
  ck_assert_ptr_nonnull(strstr(error.text, "no space"));
  ck_assert_int_eq(kv_snapshot_receive_begin(dir.path, str("\xff\xff"), &receiver, &error),
                   KV_ECORRUPT);
  ck_assert_int_eq(kv_snapshot_receive_begin("/nowhere", meta_of(&a), &receiver, &error), KV_EIO);
  ck_assert_uint_eq(scratch_count(&dir), 0);
  raft_buf_release(forged);
  kv_snapshot_meta_clear(&meta);
  free_arrival(&a);
}
END_TEST

START_TEST(an_arrival_that_is_given_up_leaves_nothing) {
  kv_snapshot_receiver *receiver;
  arrival a = depart(5);
  ck_assert_int_eq(kv_snapshot_receive_begin(dir.path, meta_of(&a), &receiver, NULL), KV_OK);
  ck_assert_int_eq(kv_snapshot_receive_chunk(receiver, a.bytes, 10, NULL), KV_OK);
  kv_snapshot_receive_abort(receiver);
  kv_snapshot_receive_abort(NULL);
  ck_assert_uint_eq(scratch_count(&dir), 0);
  free_arrival(&a);
}
END_TEST

/* --- files ---------------------------------------------------------------------------------------
 */

START_TEST(verification_wants_exactly_the_announced_file) {
  fill_source(10);
  kv_snapshot_file file = make(), newer;
  raft_buf *meta;
  kv_txn *txn = begin(from, true);
  save_applied(txn, 101, 5);
  commit(txn);
  ck_assert_int_eq(kv_snapshot_make(from, dir.path, REGION, &newer, &meta, NULL), KV_OK);
  raft_slice bytes = {raft_buf_data(meta), raft_buf_len(meta)};
  ck_assert_int_eq(kv_snapshot_verify(dir.path, newer.name, bytes, NULL), KV_OK);
  ck_assert_int_eq(kv_snapshot_verify(dir.path, file.name, bytes, NULL), KV_ECORRUPT);
  ck_assert_int_eq(kv_snapshot_verify(dir.path, "none", bytes, NULL), KV_ENOTFOUND);
  ck_assert_int_eq(kv_snapshot_verify(dir.path, file.name, str("\xff"), NULL), KV_ECORRUPT);
  raft_buf_release(meta);
}
END_TEST

START_TEST(collecting_keeps_what_is_in_use) {
  fill_source(3);
  kv_snapshot_file a = make(), b = make();
  ck_assert_str_ne(a.name, b.name);
  scratch_write(&dir, "r1-t1-i1-0.snap.tmp", "x", 1);
  scratch_write(&dir, "notes.txt", "x", 1);
  const char *keep[] = {b.name};
  ck_assert_int_eq(kv_snapshot_collect(dir.path, keep, 1, NULL), KV_OK);
  ck_assert_uint_eq(scratch_count(&dir), 2);
  size_t len;
  free(scratch_read(&dir, b.name, &len));
  free(scratch_read(&dir, "notes.txt", &len));
  ck_assert_int_eq(kv_snapshot_collect("/nowhere", NULL, 0, NULL), KV_EIO);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("snapshot");
  TCase *tcase = tcase_create("snapshot");
  tcase_set_timeout(tcase, 60);
  tcase_add_checked_fixture(tcase, setup, teardown);
  tcase_add_test(tcase, a_region_travels_whole);
  tcase_add_test(tcase, a_new_peer_gets_its_region);
  tcase_add_test(tcase, an_empty_region_empties_the_other);
  tcase_add_test(tcase, what_the_old_range_had_goes_too);
  tcase_add_test(tcase, the_range_of_another_region_is_refused);
  tcase_add_test(tcase, a_removed_replica_may_come_back_beside_who_has_its_keys_now);
  tcase_add_test(tcase, a_store_outside_of_the_region_refuses);
  tcase_add_test(tcase, no_snapshot_of_what_is_not_here);
  tcase_add_test(tcase, a_reading_engine_that_fails_leaves_no_file);
  tcase_add_test(tcase, a_crash_after_any_commit_is_mended);
  tcase_add_test(tcase, a_crash_of_the_recovery_is_mended);
  tcase_add_test(tcase, a_failure_of_any_operation_is_mended);
  tcase_add_test(tcase, a_full_map_grows_while_installing);
  tcase_add_test(tcase, an_installation_that_stays_full_goes_on_later);
  tcase_add_test(tcase, without_its_file_the_replica_is_lost_and_a_new_one_may_come);
  tcase_add_test(tcase, with_a_damaged_file_the_replica_is_lost);
  tcase_add_test(tcase, with_a_damaged_record_the_replica_is_lost);
  tcase_add_test(tcase, nothing_to_recover_is_fine);
  tcase_add_test(tcase, a_file_arrives_in_chunks_of_any_size);
  tcase_add_test(tcase, an_arrival_that_was_not_announced_is_refused_and_deleted);
  tcase_add_test(tcase, a_snapshot_with_foreign_keys_is_refused);
  tcase_add_test(tcase, an_absurd_size_is_refused_before_it_is_sent);
  tcase_add_test(tcase, an_arrival_that_is_given_up_leaves_nothing);
  tcase_add_test(tcase, verification_wants_exactly_the_announced_file);
  tcase_add_test(tcase, collecting_keeps_what_is_in_use);
  suite_add_tcase(suite, tcase);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
