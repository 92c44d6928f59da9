/* test_region_state.c - the records of a store: what is saved is loaded, what is damaged is
 * refused.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "memory_engine.h"
#include "raftstore/region_state.h"
#include "run_suite.h"

static memory_engine engine;
static kv_txn *txn;

static void setup(void) {
  memory_engine_init(&engine);
  ck_assert_int_eq(engine.base.ops->begin(&engine.base, true, &txn), KV_OK);
}

static void teardown(void) {
  engine.base.ops->abort(txn);
  memory_engine_free(&engine);
}

static raft_slice text(const char *string) {
  return (raft_slice){string, strlen(string)};
}

static kv_region_state sample(uint64_t id) {
  kv_region_state state = {
      .phase = KV_REGION_NORMAL, .region = {.id = id, .epoch = {3, 4}}, .peer_id = 2};
  ck_assert_int_eq(kv_region_set_range(&state.region, text("a"), text("q")), KV_OK);
  ck_assert_int_eq(kv_region_put_peer(&state.region, 2, 20, KV_PEER_VOTER, "two:1"), KV_OK);
  ck_assert_int_eq(kv_region_put_peer(&state.region, 7, 70, KV_PEER_INCOMING, "seven:1"), KV_OK);
  state.region.max_peer_id = 9;
  return state;
}

static void check_sample(const kv_region *region, uint64_t id) {
  ck_assert_uint_eq(region->id, id);
  ck_assert_uint_eq(region->epoch.conf_ver, 3);
  ck_assert_uint_eq(region->epoch.version, 4);
  ck_assert_uint_eq(region->max_peer_id, 9);
  ck_assert_uint_eq(region->peer_count, 2);
  ck_assert_str_eq(region->peers[0].address, "two:1");
  ck_assert_uint_eq(region->peers[1].store_id, 70);
  ck_assert_int_eq(region->peers[1].role, KV_PEER_INCOMING);
  ck_assert_uint_eq(region->start.len, 1);
  ck_assert_mem_eq(region->end.data, "q", 1);
}

START_TEST(absent_records_are_not_found) {
  kv_store_ident ident;
  kv_apply_state applied;
  kv_region_state state;
  ck_assert_int_eq(kv_ident_load(txn, &ident), KV_ENOTFOUND);
  ck_assert_int_eq(kv_apply_state_load(txn, 1, &applied), KV_ENOTFOUND);
  ck_assert_int_eq(kv_region_state_load(txn, 1, &state), KV_ENOTFOUND);
  ck_assert_uint_eq(state.region.id, 0);
}
END_TEST

START_TEST(records_come_back_as_they_were) {
  kv_store_ident ident = {7, 3, 12, 99, 5}, ident_back;
  kv_apply_state applied = {UINT64_MAX, 5, 77, 4, {UINT64_MAX, UINT64_MAX}}, applied_back;
  kv_region_state state = sample(1), back;
  ck_assert_int_eq(kv_ident_save(txn, &ident), KV_OK);
  ck_assert_int_eq(kv_apply_state_save(txn, 1, &applied), KV_OK);
  ck_assert_int_eq(kv_region_state_save(txn, &state), KV_OK);
  ck_assert_int_eq(kv_ident_load(txn, &ident_back), KV_OK);
  ck_assert_mem_eq(&ident, &ident_back, sizeof ident);
  ck_assert_int_eq(kv_apply_state_load(txn, 1, &applied_back), KV_OK);
  ck_assert_mem_eq(&applied, &applied_back, sizeof applied);
  ck_assert_int_eq(kv_region_state_load(txn, 1, &back), KV_OK);
  check_sample(&back.region, 1);
  ck_assert_uint_eq(back.peer_id, 2);
  kv_region_state_clear(&state);
  kv_region_state_clear(&back);
}
END_TEST

static int note_id(void *ctx, const kv_region_state *state) {
  uint64_t *ids = ctx;
  ids[++ids[0]] = state->region.id;
  return state->region.id == 500 ? KV_EINVAL : KV_OK;
}

START_TEST(regions_are_visited_by_ascending_id) {
  uint64_t ids[5] = {0};
  const uint64_t saved[] = {300, 2, 70000};
  kv_apply_state applied = {1, 1, 1, 1, {0}};
  ck_assert_int_eq(kv_region_state_each(txn, note_id, ids), KV_OK);
  for (size_t i = 0; i < 3; i++) {
    kv_region_state state = sample(saved[i]);
    ck_assert_int_eq(kv_region_state_save(txn, &state), KV_OK);
    ck_assert_int_eq(kv_apply_state_save(txn, saved[i], &applied), KV_OK);
    kv_region_state_clear(&state);
  }
  kv_store_ident ident = {.cluster_id = 1, .store_id = 1, .incarnation = 1};
  ck_assert_int_eq(kv_ident_save(txn, &ident), KV_OK);
  ck_assert_int_eq(kv_region_state_each(txn, note_id, ids), KV_OK);
  ck_assert_uint_eq(ids[0], 3);
  ck_assert_uint_eq(ids[1], 2);
  ck_assert_uint_eq(ids[2], 300);
  ck_assert_uint_eq(ids[3], 70000);
  kv_region_state state = sample(500);
  ck_assert_int_eq(kv_region_state_save(txn, &state), KV_OK);
  kv_region_state_clear(&state);
  ids[0] = 0;
  ck_assert_int_eq(kv_region_state_each(txn, note_id, ids), KV_EINVAL);
  ck_assert_uint_eq(ids[0], 3);
}
END_TEST

START_TEST(damaged_records_are_refused_or_harmless) {
  static const unsigned char key[] = {'R', 0, 0, 0, 0, 0, 0, 0, 1};
  kv_region_state state = sample(1), back;
  raft_slice value;
  ck_assert_int_eq(kv_region_state_save(txn, &state), KV_OK);
  kv_region_state_clear(&state);
  ck_assert_int_eq(engine.base.ops->get(txn, KV_SPACE_META, (raft_slice){key, 9}, &value), KV_OK);
  size_t len = value.len;
  unsigned char *bytes = malloc(len);
  ck_assert_ptr_nonnull(bytes);
  memcpy(bytes, value.data, len);
  for (size_t i = 0; i < len * 8; i++) { /* every bit, and every length */
    bytes[i / 8] ^= (unsigned char)(1u << i % 8);
    raft_slice damaged = {bytes, i % 2 == 0 ? len : i / 8};
    ck_assert_int_eq(engine.base.ops->put(txn, KV_SPACE_META, (raft_slice){key, 9}, damaged),
                     KV_OK);
    if (kv_region_state_load(txn, 1, &back) != KV_OK) {
      ck_assert_uint_eq(back.region.peer_count, 0);
    }
    kv_region_state_clear(&back);
    bytes[i / 8] ^= (unsigned char)(1u << i % 8);
  }
  free(bytes);
}
END_TEST

START_TEST(a_range_of_data_is_cleared_in_parts) {
  const char *const keys[] = {"a", "b", "c", "d", "e"};
  bool more = false;
  uint64_t count = 0;
  for (size_t i = 0; i < 5; i++) {
    ck_assert_int_eq(engine.base.ops->put(txn, KV_SPACE_DATA, text(keys[i]), text("v")), KV_OK);
  }
  ck_assert_int_eq(kv_data_clear(txn, text("b"), text("e"), 2, &more), KV_OK);
  ck_assert(more);
  ck_assert_int_eq(kv_data_clear(txn, text("b"), text("e"), 2, &more), KV_OK);
  ck_assert(!more);
  ck_assert_int_eq(engine.base.ops->count(txn, KV_SPACE_DATA, &count), KV_OK);
  ck_assert_uint_eq(count, 2);
  ck_assert_int_eq(kv_data_clear(txn, text(""), text(""), 100, &more), KV_OK);
  ck_assert(!more);
  ck_assert_uint_eq(engine.spaces[KV_SPACE_DATA].count, 0);
}
END_TEST

START_TEST(a_snapshot_s_description_travels) {
  kv_region_state state = sample(6);
  kv_snapshot_meta meta = {.index = 10, .term = 2, .keys = 3, .bytes = 4, .checksum = 5}, back;
  raft_buf *bytes = NULL;
  kv_region_move(&meta.region, &state.region);
  ck_assert_int_eq(kv_snapshot_meta_encode(&meta, &bytes), KV_OK);
  raft_slice slice = {raft_buf_data(bytes), raft_buf_len(bytes)};
  ck_assert_int_eq(kv_snapshot_meta_decode(slice, &back), KV_OK);
  check_sample(&back.region, 6);
  ck_assert_uint_eq(back.index, 10);
  ck_assert_uint_eq(back.checksum, 5);
  kv_snapshot_meta_clear(&back);
  for (slice.len = 0; slice.len < raft_buf_len(bytes); slice.len++) {
    (void)kv_snapshot_meta_decode(slice, &back);
    kv_snapshot_meta_clear(&back);
  }
  raft_buf_release(bytes);
  kv_snapshot_meta_clear(&meta);
}
END_TEST

int main(void) {
  const TTest *const tests[] = {
      absent_records_are_not_found,        records_come_back_as_they_were,
      regions_are_visited_by_ascending_id, damaged_records_are_refused_or_harmless,
      a_range_of_data_is_cleared_in_parts, a_snapshot_s_description_travels,
  };
  return run_suite("region_state", tests, sizeof tests / sizeof *tests, setup, teardown);
}
