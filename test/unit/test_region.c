/* test_region.c - region descriptors: ranges, epochs, peers; the map of a store's regions.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <string.h>

#include "base/error.h"
#include "raftstore/peer.h"
#include "raftstore/region.h"
#include "raftstore/region_map.h"
#include "run_suite.h"

static raft_slice text(const char *string) {
  return (raft_slice){string, strlen(string)};
}

START_TEST(an_empty_end_is_behind_every_key) {
  kv_region region = {0};
  ck_assert_int_eq(kv_region_set_range(&region, text("b"), text("")), KV_OK);
  ck_assert(!kv_region_has_key(&region, text("a")));
  ck_assert(kv_region_has_key(&region, text("b")));
  ck_assert(kv_region_has_key(&region, text("zzzz")));
  ck_assert(!kv_key_past_end(text("zzzz"), text("")));
  kv_region_clear(&region);
}
END_TEST

START_TEST(a_range_has_its_start_and_not_its_end) {
  kv_region region = {0};
  ck_assert_int_eq(kv_region_set_range(&region, text("b"), text("d")), KV_OK);
  ck_assert(kv_region_has_key(&region, text("b")));
  ck_assert(kv_region_has_key(&region, text("czz")));
  ck_assert(!kv_region_has_key(&region, text("d")));
  ck_assert(!kv_region_has_key(&region, text("")));
  kv_region_clear(&region);
}
END_TEST

START_TEST(neighbours_do_not_overlap) {
  kv_region left = {0}, right = {0}, all = {0};
  ck_assert_int_eq(kv_region_set_range(&left, text(""), text("m")), KV_OK);
  ck_assert_int_eq(kv_region_set_range(&right, text("m"), text("")), KV_OK);
  ck_assert(!kv_region_overlaps(&left, &right));
  ck_assert(!kv_region_overlaps(&right, &left));
  ck_assert(kv_region_overlaps(&left, &all));
  ck_assert(kv_region_overlaps(&all, &right));
  kv_region_clear(&left);
  kv_region_clear(&right);
}
END_TEST

START_TEST(an_epoch_is_stale_in_either_counter) {
  kv_epoch one = {1, 1}, conf = {2, 1}, split = {1, 2};
  ck_assert(kv_epoch_equal(one, one));
  ck_assert(kv_epoch_stale(one, conf));
  ck_assert(kv_epoch_stale(one, split));
  ck_assert(!kv_epoch_stale(conf, one));
  ck_assert(kv_epoch_stale(conf, split));
}
END_TEST

START_TEST(peers_ascend_one_a_store) {
  kv_region region = {0};
  ck_assert(!kv_region_initialised(&region));
  ck_assert_int_eq(kv_region_put_peer(&region, 5, 50, KV_PEER_VOTER, "five"), KV_OK);
  ck_assert_int_eq(kv_region_put_peer(&region, 2, 20, KV_PEER_VOTER, "two"), KV_OK);
  ck_assert_int_eq(kv_region_put_peer(&region, 9, 20, KV_PEER_VOTER, "again"), KV_EINVAL);
  ck_assert_uint_eq(region.peer_count, 2);
  ck_assert_uint_eq(region.peers[0].id, 2);
  ck_assert_uint_eq(region.max_peer_id, 5);
  ck_assert_str_eq(kv_region_find_store(&region, 50)->address, "five");
  ck_assert_ptr_null(kv_region_find_peer(&region, 3));
  ck_assert_int_eq(kv_region_put_peer(&region, 2, 20, KV_PEER_LEARNER, "moved"), KV_OK);
  ck_assert_uint_eq(region.peer_count, 2);
  ck_assert(kv_peer_is_learner(kv_region_find_peer(&region, 2)));
  ck_assert_str_eq(kv_region_find_peer(&region, 2)->address, "moved");
  ck_assert(kv_region_remove_peer(&region, 5));
  ck_assert(!kv_region_remove_peer(&region, 5));
  ck_assert_uint_eq(region.max_peer_id, 5); /* never given again */
  kv_region_clear(&region);
}
END_TEST

START_TEST(a_copy_is_its_own) {
  kv_region region = {.id = 3, .epoch = {4, 5}}, copy;
  ck_assert_int_eq(kv_region_set_range(&region, text("a"), text("z")), KV_OK);
  ck_assert_int_eq(kv_region_put_peer(&region, 1, 1, KV_PEER_VOTER, "x"), KV_OK);
  region.max_peer_id = 8;
  ck_assert_int_eq(kv_region_copy(&copy, &region), KV_OK);
  kv_region_clear(&region);
  ck_assert_uint_eq(copy.id, 3);
  ck_assert_uint_eq(copy.max_peer_id, 8);
  ck_assert_uint_eq(copy.epoch.version, 5);
  ck_assert_str_eq(copy.peers[0].address, "x");
  ck_assert(kv_region_has_key(&copy, text("y")));
  kv_region_move(&region, &copy);
  ck_assert_uint_eq(region.id, 3);
  ck_assert_uint_eq(copy.id, 0);
  kv_region_clear(&region);
}
END_TEST

START_TEST(raft_sees_voters_and_learners) {
  kv_region region = {0};
  uint64_t ids[8];
  raft_conf_state state;
  ck_assert_int_eq(kv_region_put_peer(&region, 1, 1, KV_PEER_VOTER, ""), KV_OK);
  ck_assert_int_eq(kv_region_put_peer(&region, 2, 2, KV_PEER_INCOMING, ""), KV_OK);
  ck_assert_int_eq(kv_region_put_peer(&region, 3, 3, KV_PEER_VOTER, ""), KV_OK);
  ck_assert_int_eq(kv_region_put_peer(&region, 4, 4, KV_PEER_LEARNER, ""), KV_OK);
  kv_region_conf_state(&region, ids, &state);
  ck_assert_uint_eq(state.voters.count, 2);
  ck_assert_uint_eq(state.voters.ids[1], 3);
  ck_assert_uint_eq(state.learners.count, 2);
  ck_assert_uint_eq(state.learners.ids[0], 2);
  ck_assert_uint_eq(state.learners.ids[1], 4);
  ck_assert_uint_eq(state.voters_outgoing.count, 0);
  ck_assert(!state.auto_leave);
  kv_region_clear(&region);
}
END_TEST

START_TEST(raft_sees_both_configurations_of_a_joint_region) {
  kv_region region = {0};
  uint64_t ids[8];
  raft_conf_state state;
  ck_assert_int_eq(kv_region_put_peer(&region, 1, 1, KV_PEER_VOTER, ""), KV_OK);
  ck_assert_int_eq(kv_region_put_peer(&region, 2, 2, KV_PEER_JOINING, ""), KV_OK);
  ck_assert_int_eq(kv_region_put_peer(&region, 3, 3, KV_PEER_DEMOTING, ""), KV_OK);
  ck_assert_int_eq(kv_region_put_peer(&region, 4, 4, KV_PEER_LEARNER, ""), KV_OK);
  kv_region_conf_state(&region, ids, &state);
  ck_assert_uint_eq(state.voters.count, 2);
  ck_assert_uint_eq(state.voters.ids[1], 2);
  ck_assert_uint_eq(state.voters_outgoing.count, 2);
  ck_assert_uint_eq(state.voters_outgoing.ids[1], 3);
  ck_assert_uint_eq(state.learners.count, 1);
  ck_assert_uint_eq(state.learners_next.count, 1);
  ck_assert_uint_eq(state.learners_next.ids[0], 3);
  ck_assert(state.auto_leave);
  kv_region_clear(&region);
}
END_TEST

START_TEST(roles_have_names) {
  ck_assert_str_eq(kv_peer_role_name(KV_PEER_INCOMING), "incoming");
  ck_assert_str_eq(kv_peer_role_name((kv_peer_role)17), "unknown");
}
END_TEST

START_TEST(a_map_finds_regions_by_id_and_key) {
  static kv_peer peers[3];
  const char *const bounds[] = {"", "g", "p", ""};
  kv_region_map map = {0};
  ck_assert_ptr_null(kv_region_map_first(&map));
  for (size_t i = 3; i > 0; i--) { /* in any order */
    kv_region *region = &peers[i - 1].region;
    region->id = 10 * i;
    ck_assert_int_eq(kv_region_set_range(region, text(bounds[i - 1]), text(bounds[i])), KV_OK);
    kv_region_map_add(&map, region->id)->peer = &peers[i - 1];
    ck_assert(kv_region_map_add_range(&map, &peers[i - 1]));
  }
  ck_assert_ptr_eq(kv_region_map_peer(&map, 20), &peers[1]);
  ck_assert_ptr_null(kv_region_map_peer(&map, 25));
  ck_assert_ptr_eq(kv_region_map_first(&map), &peers[0]);
  ck_assert_ptr_eq(kv_region_map_by_key(&map, text("")), &peers[0]);
  ck_assert_ptr_eq(kv_region_map_by_key(&map, text("fzz")), &peers[0]);
  ck_assert_ptr_eq(kv_region_map_by_key(&map, text("g")), &peers[1]);
  ck_assert_ptr_eq(kv_region_map_by_key(&map, text("zz")), &peers[2]);
  kv_region other = {.id = 99};
  ck_assert_int_eq(kv_region_set_range(&other, text("h"), text("i")), KV_OK);
  ck_assert_ptr_eq(kv_region_map_overlap(&map, &other), &peers[1]);
  kv_region_map_remove_range(&map, &peers[1]);
  ck_assert_ptr_null(kv_region_map_overlap(&map, &other));
  ck_assert_ptr_null(kv_region_map_by_key(&map, text("g")));
  ck_assert_ptr_eq(kv_region_map_peer(&map, 20), &peers[1]);
  kv_region_clear(&other);
  for (size_t i = 0; i < 3; i++) {
    kv_region_clear(&peers[i].region);
  }
  kv_region_map_free(&map);
}
END_TEST

/* A region that begins at letter `start` and ends before letter `end`; 0 and 27: no bound. */
static void set_letters(kv_region *region, unsigned start, unsigned end) {
  const char first = (char)('a' + start - 1), behind = (char)('a' + end - 1);
  ck_assert_int_eq(
      kv_region_set_range(region, (raft_slice){&first, start > 0}, (raft_slice){&behind, end < 27}),
      KV_OK);
}

/* Every range against a map with gaps, and what looking at all regions would have found. */
START_TEST(an_overlap_is_found_wherever_it_is) {
  enum { COUNT = 6 };
  static const unsigned bounds[COUNT][2] = {{1, 3}, {3, 4}, {6, 9}, {12, 13}, {13, 20}, {24, 27}};
  static kv_peer peers[COUNT];
  kv_region_map map = {0};
  for (size_t i = 0; i < COUNT; i++) {
    kv_peer *peer = &peers[i * 5 % COUNT];
    peer->region.id = 1 + i * 5 % COUNT;
    set_letters(&peer->region, bounds[i * 5 % COUNT][0], bounds[i * 5 % COUNT][1]);
    ck_assert(kv_region_map_add_range(&map, peer));
  }
  for (unsigned start = 0; start < 27; start++) {
    for (unsigned end = start + 1; end <= 27; end++) {
      kv_region wanted = {.id = 3}; /* a region does not overlap itself */
      const kv_peer *first = NULL;
      set_letters(&wanted, start, end);
      for (size_t i = COUNT; i > 0; i--) {
        bool meets = i != 3 && kv_region_overlaps(&peers[i - 1].region, &wanted);
        first = meets ? &peers[i - 1] : first;
      }
      ck_assert_ptr_eq(kv_region_map_overlap(&map, &wanted), first);
      kv_region_clear(&wanted);
    }
  }
  for (size_t i = 0; i < COUNT; i++) {
    kv_region_map_remove_range(&map, &peers[i]);
    ck_assert_uint_eq(map.range_count, COUNT - 1 - i);
    kv_region_clear(&peers[i].region);
  }
  kv_region_map_free(&map);
}
END_TEST

int main(void) {
  const TTest *const tests[] = {
      an_empty_end_is_behind_every_key,
      a_range_has_its_start_and_not_its_end,
      neighbours_do_not_overlap,
      an_epoch_is_stale_in_either_counter,
      peers_ascend_one_a_store,
      a_copy_is_its_own,
      raft_sees_voters_and_learners,
      raft_sees_both_configurations_of_a_joint_region,
      roles_have_names,
      a_map_finds_regions_by_id_and_key,
      an_overlap_is_found_wherever_it_is,
  };
  return run_suite("region", tests, sizeof tests / sizeof *tests, NULL, NULL);
}
