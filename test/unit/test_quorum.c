/* test_quorum.c - quorums agree with their definition, in small models and at random.
 *
 * The definitions used here are slow and obvious: an index is committed if some set of voters
 * that is a majority has all acknowledged it; a vote is decided if no missing answer could
 * change it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <stdlib.h>

#include "libraft/quorum.h"

#define MAX_VOTERS ((size_t)64)
#define MISSING    UINT64_MAX

/* What each id has answered, MISSING for nothing; for votes 0 is no and 1 is yes. */
typedef struct answers {
  uint64_t of[2 * MAX_VOTERS];
} answers;

static bool acked(const void *ctx, uint64_t id, uint64_t *index) {
  const answers *given = ctx;
  if (given->of[id] == MISSING) {
    return false;
  }
  *index = given->of[id];
  return true;
}

static bool voted(const void *ctx, uint64_t id, bool *granted) {
  uint64_t vote = 0;
  bool known = acked(ctx, id, &vote);
  if (known) {
    *granted = vote == 1;
  }
  return known;
}

/* Ids first, first + 1 … */
static raft_ids range(uint64_t *ids, uint64_t first, size_t count) {
  for (size_t i = 0; i < count; i++) {
    ids[i] = first + i;
  }
  return (raft_ids){ids, count};
}

/* --- definitions ----------------------------------------------------------------------------- */

static uint64_t index_of(const answers *given, uint64_t id) {
  return given->of[id] == MISSING ? 0 : given->of[id];
}

/* Is there a majority all of whose members have the index? Tries every set of voters. */
static bool some_majority_has(raft_ids voters, const answers *given, uint64_t index) {
  for (unsigned set = 0; set < 1U << voters.count; set++) {
    size_t members = 0;
    bool all_have = true;
    for (size_t i = 0; i < voters.count; i++) {
      if ((set >> i & 1) != 0) {
        members++;
        all_have = all_have && index_of(given, voters.ids[i]) >= index;
      }
    }
    if (all_have && 2 * members > voters.count) {
      return true;
    }
  }
  return voters.count == 0;
}

/* Indexes are 0 … highest in these models. */
static uint64_t committed_by_definition(raft_ids one, raft_ids other, const answers *given,
                                        uint64_t highest) {
  uint64_t best = 0;
  if (one.count + other.count == 0) {
    return UINT64_MAX;
  }
  for (uint64_t index = 1; index <= highest; index++) {
    if (some_majority_has(one, given, index) && some_majority_has(other, given, index)) {
      best = index;
    }
  }
  return best;
}

/* Would it be won if all who are missing answered `missing`? */
static bool wins_with(raft_ids voters, const answers *given, uint64_t missing) {
  size_t yes = 0;
  for (size_t i = 0; i < voters.count; i++) {
    uint64_t vote = given->of[voters.ids[i]];
    yes += (vote == MISSING ? missing : vote) == 1 ? 1 : 0;
  }
  return voters.count == 0 || 2 * yes > voters.count;
}

static raft_vote_result vote_by_definition(raft_ids one, raft_ids other, const answers *given) {
  if (wins_with(one, given, 0) && wins_with(other, given, 0)) {
    return RAFT_VOTE_WON;
  }
  bool possible = wins_with(one, given, 1) && wins_with(other, given, 1);
  return possible ? RAFT_VOTE_PENDING : RAFT_VOTE_LOST;
}

/* --- small models ---------------------------------------------------------------------------- */

/* The next of all combinations of MISSING, 0 … highest over ids 1 … count; false behind the last.
 */
static bool next_combination(answers *given, size_t count, uint64_t highest) {
  for (size_t id = 1; id <= count; id++) {
    if (given->of[id] != highest) {
      given->of[id]++; /* MISSING + 1 is 0 */
      return true;
    }
    given->of[id] = MISSING;
  }
  return false;
}

static answers all_missing(void) {
  answers given;
  for (size_t id = 0; id < 2 * MAX_VOTERS; id++) {
    given.of[id] = MISSING;
  }
  return given;
}

START_TEST(a_majority_commits_what_its_definition_says) {
  const raft_ids none = {NULL, 0};
  for (size_t count = 0; count <= 5; count++) {
    uint64_t ids[5];
    raft_ids voters = range(ids, 1, count);
    answers given = all_missing();
    do {
      ck_assert_uint_eq(raft_majority_committed(voters, acked, &given),
                        committed_by_definition(voters, none, &given, 3));
    } while (next_combination(&given, count, 3));
  }
}
END_TEST

START_TEST(a_majority_votes_as_its_definition_says) {
  const raft_ids none = {NULL, 0};
  for (size_t count = 0; count <= 9; count++) {
    uint64_t ids[9];
    raft_ids voters = range(ids, 1, count);
    answers given = all_missing();
    do {
      ck_assert_int_eq((int)raft_majority_vote(voters, voted, &given),
                       (int)vote_by_definition(voters, none, &given));
    } while (next_combination(&given, count, 1));
  }
}
END_TEST

static void compare_joint(raft_ids one, raft_ids other, const answers *given, uint64_t highest) {
  uint64_t committed = raft_joint_committed(one, other, acked, given);
  raft_vote_result vote = raft_joint_vote(one, other, voted, given);
  ck_assert_uint_eq(committed, committed_by_definition(one, other, given, highest));
  ck_assert_uint_eq(committed, raft_joint_committed(other, one, acked, given));
  ck_assert_int_eq((int)vote, (int)vote_by_definition(one, other, given));
  ck_assert_int_eq((int)vote, (int)raft_joint_vote(other, one, voted, given));
}

/* Halves of 0 to 5 voters that share 0 to all of them. */
START_TEST(joint_quorums_agree_with_their_definition) {
  int size = _i / 6;
  int other_size = _i % 6;
  int smaller = size < other_size ? size : other_size;
  for (int shared = 0; shared <= smaller; shared++) {
    uint64_t ids[5];
    uint64_t other_ids[5];
    size_t members = (size_t)(size + other_size - shared);
    raft_ids one = range(ids, 1, (size_t)size);
    raft_ids other = range(other_ids, (uint64_t)(1 + size - shared), (size_t)other_size);
    uint64_t highest = members <= 5 ? 2 : members <= 7 ? 1 : 0;
    answers given = all_missing();
    do {
      compare_joint(one, other, &given, highest);
    } while (next_combination(&given, members, highest));
  }
}
END_TEST

/* --- at random ------------------------------------------------------------------------------- */

/* The largest acknowledged index that enough voters have. */
static uint64_t committed_by_counting(raft_ids voters, const answers *given) {
  uint64_t best = voters.count == 0 ? UINT64_MAX : 0;
  for (size_t i = 0; i < voters.count; i++) {
    uint64_t index = index_of(given, voters.ids[i]);
    size_t have = 0;
    for (size_t j = 0; j < voters.count; j++) {
      have += index_of(given, voters.ids[j]) >= index ? 1 : 0;
    }
    best = 2 * have > voters.count && index > best ? index : best;
  }
  return best;
}

static uint64_t random_index(void) {
  static const uint64_t special[] = {0, 1, UINT64_MAX - 1, UINT64_C(1) << 63};
  int kind = rand() % 16;
  if (kind < 4) {
    return special[kind];
  }
  return kind == 4 ? MISSING : (uint64_t)rand() % (kind < 10 ? 10 : 1000000);
}

static raft_ids random_voters(uint64_t *ids, size_t most) {
  size_t count = (size_t)rand() % (most + 1);
  return range(ids, (uint64_t)rand() % MAX_VOTERS, count);
}

START_TEST(random_joint_quorums_agree_with_counting) {
  srand(50000);
  for (int round = 0; round < 50000; round++) {
    /* Mostly small ones; every 50th beyond the size that is sorted. */
    size_t most = round % 50 == 0 ? MAX_VOTERS : 9;
    uint64_t ids[MAX_VOTERS];
    uint64_t other_ids[MAX_VOTERS];
    raft_ids one = random_voters(ids, most);
    raft_ids other = random_voters(other_ids, most);
    answers given;
    for (size_t id = 0; id < 2 * MAX_VOTERS; id++) {
      given.of[id] = random_index();
    }
    uint64_t first = committed_by_counting(one, &given);
    uint64_t second = committed_by_counting(other, &given);
    ck_assert_msg(raft_joint_committed(one, other, acked, &given) ==
                      (first < second ? first : second),
                  "seed 50000, round %d", round);
  }
}
END_TEST

START_TEST(many_voters_need_no_memory_and_get_the_middle) {
  enum { COUNT = 101 };
  uint64_t ids[COUNT];
  raft_ids voters = range(ids, 1, COUNT);
  answers given = all_missing();
  for (uint64_t id = 1; id <= COUNT; id++) {
    given.of[id] = id * 1000;
  }
  ck_assert_uint_eq(raft_majority_committed(voters, acked, &given), 51000);
}
END_TEST

/* --- single facts ---------------------------------------------------------------------------- */

START_TEST(an_empty_majority_agrees_with_everything) {
  const raft_ids none = {NULL, 0};
  answers given = all_missing();
  ck_assert_uint_eq(raft_majority_committed(none, acked, &given), UINT64_MAX);
  ck_assert_int_eq((int)raft_majority_vote(none, voted, &given), (int)RAFT_VOTE_WON);
  ck_assert_uint_eq(raft_joint_committed(none, none, acked, &given), UINT64_MAX);
  ck_assert_int_eq((int)raft_joint_vote(none, none, voted, &given), (int)RAFT_VOTE_WON);
}
END_TEST

START_TEST(one_half_can_lose_a_vote_that_the_other_has_won) {
  const uint64_t one[] = {1};
  const uint64_t other[] = {2};
  answers given = all_missing();
  given.of[1] = 1;
  raft_ids first = {one, 1};
  raft_ids second = {other, 1};
  ck_assert_int_eq((int)raft_joint_vote(first, second, voted, &given), (int)RAFT_VOTE_PENDING);
  given.of[2] = 0;
  ck_assert_int_eq((int)raft_joint_vote(first, second, voted, &given), (int)RAFT_VOTE_LOST);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("quorum");
  TCase *tests = tcase_create("quorum");
  tcase_set_timeout(tests, 120);
  tcase_add_test(tests, a_majority_commits_what_its_definition_says);
  tcase_add_test(tests, a_majority_votes_as_its_definition_says);
  tcase_add_loop_test(tests, joint_quorums_agree_with_their_definition, 0, 36);
  tcase_add_test(tests, random_joint_quorums_agree_with_counting);
  tcase_add_test(tests, many_voters_need_no_memory_and_get_the_middle);
  tcase_add_test(tests, an_empty_majority_agrees_with_everything);
  tcase_add_test(tests, one_half_can_lose_a_vote_that_the_other_has_won);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
