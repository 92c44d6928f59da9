/* test_region_error.c - errors of regions keep every field on their way, and bad bytes do no harm.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <string.h>

#include "raftstore/region_error.h"
#include "run_suite.h"

static raft_slice slice(const char *text) {
  return (raft_slice){text, strlen(text)};
}

static bool same(raft_slice a, raft_slice b) {
  return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* There and back; the bytes stay for the slices of the result. */
static raft_buf *travel(const kv_region_error *from, kv_region_error *to) {
  raft_buf *bytes = NULL;
  ck_assert_int_eq(kv_region_error_encode(from, &bytes), KV_OK);
  ck_assert_int_eq(
      kv_region_error_decode((raft_slice){raft_buf_data(bytes), raft_buf_len(bytes)}, to), KV_OK);
  return bytes;
}

START_TEST(every_field_arrives) {
  kv_region_error from = {.kind = KV_NOT_LEADER,
                          .region_id = 3,
                          .leader_peer = 11,
                          .leader_store = 2,
                          .leader_address = slice("127.0.0.1:7002"),
                          .key = slice("k"),
                          .start = slice("a"),
                          .end = slice("z"),
                          .asked = 5,
                          .actual = 6,
                          .size = 9000000,
                          .limit = 8000000,
                          .backoff_ms = 250,
                          .reason = slice("too much")};
  kv_region_error to;
  raft_buf *bytes = travel(&from, &to);
  ck_assert_int_eq(to.kind, KV_NOT_LEADER);
  ck_assert_uint_eq(to.region_id, 3);
  ck_assert_uint_eq(to.leader_peer, 11);
  ck_assert_uint_eq(to.leader_store, 2);
  ck_assert(same(to.leader_address, from.leader_address));
  ck_assert(same(to.key, from.key));
  ck_assert(same(to.start, from.start));
  ck_assert(same(to.end, from.end));
  ck_assert_uint_eq(to.asked, 5);
  ck_assert_uint_eq(to.actual, 6);
  ck_assert_uint_eq(to.size, 9000000);
  ck_assert_uint_eq(to.limit, 8000000);
  ck_assert_uint_eq(to.backoff_ms, 250);
  ck_assert(same(to.reason, from.reason));
  raft_buf_release(bytes);
}
END_TEST

/* P50 */
START_TEST(the_current_regions_arrive_in_their_order) {
  kv_region regions[2] = {{.id = 1, .epoch = {1, 2}}, {.id = 4, .epoch = {1, 2}}};
  kv_region_error to, from = {.kind = KV_EPOCH_NOT_MATCH, .region_id = 1};
  ck_assert_int_eq(kv_region_set_range(&regions[0], slice(""), slice("m")), KV_OK);
  ck_assert_int_eq(kv_region_set_range(&regions[1], slice("m"), slice("")), KV_OK);
  ck_assert_int_eq(kv_region_put_peer(&regions[0], 7, 2, KV_PEER_VOTER, "h:1"), KV_OK);
  from.regions = regions;
  from.region_count = 2;
  raft_buf *bytes = travel(&from, &to);
  ck_assert_uint_eq(to.region_count, 2);
  ck_assert_uint_eq(to.regions[0].id, 1);
  ck_assert_uint_eq(to.regions[0].peer_count, 1);
  ck_assert_uint_eq(to.regions[0].epoch.version, 2);
  ck_assert(same(to.regions[0].end, slice("m")));
  ck_assert(same(to.regions[1].start, slice("m")));
  kv_region_error_clear(&to);
  ck_assert_int_eq(to.kind, KV_REGION_OK);
  kv_region_clear(&regions[0]);
  kv_region_clear(&regions[1]);
  raft_buf_release(bytes);
}
END_TEST

START_TEST(more_regions_than_anybody_may_send_are_refused) {
  kv_region regions[KV_MAX_ERROR_REGIONS] = {{0}};
  kv_region_error to, from = {.kind = KV_EPOCH_NOT_MATCH};
  raft_buf *bytes = NULL;
  for (size_t i = 0; i < KV_MAX_ERROR_REGIONS; i++) {
    regions[i].id = i + 1;
  }
  from.regions = regions;
  from.region_count = KV_MAX_ERROR_REGIONS;
  ck_assert_int_eq(kv_region_error_encode(&from, &bytes), KV_OK);
  size_t len = raft_buf_len(bytes);
  unsigned char twice[2048];
  ck_assert_uint_lt(2 * len, sizeof twice);
  memcpy(twice, raft_buf_data(bytes), len);
  memcpy(twice + len, raft_buf_data(bytes), len); /* repeated fields add up */
  ck_assert_int_eq(kv_region_error_decode((raft_slice){twice, len}, &to), KV_OK);
  kv_region_error_clear(&to);
  ck_assert_int_eq(kv_region_error_decode((raft_slice){twice, 2 * len}, &to), KV_ECORRUPT);
  ck_assert_int_eq(to.kind, KV_REGION_OK);
  raft_buf_release(bytes);
}
END_TEST

START_TEST(bytes_that_are_cut_or_changed_are_no_crash) {
  kv_region region = {.id = 1, .epoch = {1, 2}};
  kv_region_error to, from = {.kind = KV_EPOCH_NOT_MATCH, .regions = &region, .region_count = 1};
  raft_buf *bytes = NULL;
  ck_assert_int_eq(kv_region_set_range(&region, slice("a"), slice("b")), KV_OK);
  ck_assert_int_eq(kv_region_put_peer(&region, 7, 2, KV_PEER_VOTER, "h:1"), KV_OK);
  ck_assert_int_eq(kv_region_error_encode(&from, &bytes), KV_OK);
  unsigned char copy[256];
  size_t len = raft_buf_len(bytes);
  ck_assert_uint_le(len, sizeof copy);
  for (size_t i = 0; i < len; i++) {
    for (unsigned bit = 0; bit < 8; bit++) {
      memcpy(copy, raft_buf_data(bytes), len);
      copy[i] ^= (unsigned char)(1u << bit);
      (void)kv_region_error_decode((raft_slice){copy, len}, &to);
      kv_region_error_clear(&to);
    }
    (void)kv_region_error_decode((raft_slice){copy, i}, &to);
    kv_region_error_clear(&to);
  }
  ck_assert_int_eq(kv_region_error_decode((raft_slice){"\x08\x01", 2}, &to), KV_ECORRUPT);
  ck_assert_int_eq(kv_region_error_decode((raft_slice){"", 0}, &to), KV_ECORRUPT);
  kv_region_clear(&region);
  raft_buf_release(bytes);
}
END_TEST

/* nanopb would hand over memory of its own, that is gone when it returns. */
START_TEST(a_number_in_the_place_of_bytes_is_refused) {
  kv_region_error to;
  static const char bytes[] = "\x08\x04\x20\x05"; /* kind 4; key as a number */
  ck_assert_int_eq(kv_region_error_decode((raft_slice){bytes, 4}, &to), KV_ECORRUPT);
}
END_TEST

START_TEST(each_has_a_name_and_a_sentence_of_its_own) {
  static const kv_region_error_kind kinds[] = {
      KV_NOT_LEADER,     KV_REGION_NOT_FOUND, KV_KEY_NOT_IN_REGION,     KV_EPOCH_NOT_MATCH,
      KV_SERVER_IS_BUSY, KV_STALE_COMMAND,    KV_STORE_NOT_MATCH,       KV_ENTRY_TOO_LARGE,
      KV_DISK_FULL,      KV_MISMATCH_PEER,    KV_REGION_NOT_INITIALIZED};
  char text[256], before[256] = "no error";
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    kv_region_error error = {.kind = kinds[i], .region_id = 4, .reason = slice("why")};
    kv_region_error_text(&error, text, sizeof text);
    ck_assert_str_ne(text, before);
    ck_assert_str_ne(kv_region_error_name(kinds[i]), "?");
    memcpy(before, text, sizeof before);
  }
  ck_assert_str_eq(kv_region_error_name((kv_region_error_kind)1), "?");
}
END_TEST

int main(void) {
  const TTest *const tests[] = {
      every_field_arrives,
      the_current_regions_arrive_in_their_order,
      more_regions_than_anybody_may_send_are_refused,
      bytes_that_are_cut_or_changed_are_no_crash,
      a_number_in_the_place_of_bytes_is_refused,
      each_has_a_name_and_a_sentence_of_its_own,
  };
  return run_suite("region_error", tests, sizeof tests / sizeof *tests, NULL, NULL);
}
