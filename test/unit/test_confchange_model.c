/* test_confchange_model.c - membership changes agree with a model in every small case.
 *
 * The model has three nodes, each of them in or out of the four sets, and the rules of the
 * changes written down node by node. All configurations that changes lead to are visited, and in
 * each of them every change of up to two steps, and every change of each node at once, is made
 * by the model and by the library. Larger ones come at random: simple steps and one joint change
 * must lead to the same.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <libraft/error.h>
#include <stdlib.h>

#include "failing_allocator.h"
#include "members.h"

static failing_allocator memory;
static raft_tracker tracker;

static void setup(void) {
  failing_allocator_init(&memory);
  raft_tracker_init(&tracker, (raft_inflight_limits){.max_count = 10}, &memory.iface);
}

static void teardown(void) {
  raft_tracker_close(&tracker);
  ck_assert_uint_eq(memory.live_blocks, 0);
}

/* --- short forms ----------------------------------------------------------------------------- */

enum { LAST_INDEX = 7 };

/* --- simple steps and a joint change lead to the same ---------------------------------------- */

static void assert_same(const raft_tracker *one, const raft_tracker *other) {
  ck_assert_uint_eq(one->count, other->count);
  for (uint32_t i = 0; i < one->count; i++) {
    const raft_progress *left = &one->progress[i];
    const raft_progress *right = &other->progress[i];
    ck_assert_uint_eq(left->id, right->id);
    ck_assert_uint_eq(left->next, right->next);
    ck_assert_int_eq(left->is_learner, right->is_learner);
    ck_assert_int_eq(raft_tracker_is_voter(one, left->id), raft_tracker_is_voter(other, left->id));
  }
  ck_assert(!raft_tracker_is_joint(one) && !raft_tracker_is_joint(other));
}

/* Changes of nodes 2 … 9, so that node 1 always votes. */
static members_changes random_changes(void) {
  members_changes changes = {.count = 1 + (size_t)rand() % 9};
  for (size_t i = 0; i < changes.count; i++) {
    changes.list[i] =
        (raft_conf_change_single){(raft_conf_change_type)(rand() % 4), 2 + (uint64_t)rand() % 8};
  }
  return changes;
}

static void make_joint_change(raft_tracker *any, const members_changes *changes, bool auto_leave) {
  raft_tracker next;
  ck_assert_int_eq(raft_confchange_enter_joint(any, LAST_INDEX, auto_leave, changes->list,
                                               changes->count, &next),
                   RAFT_OK);
  members_assert_progress(&next);
  raft_tracker_adopt(any, &next);
  ck_assert_int_eq(any->config.auto_leave, auto_leave);
  ck_assert_int_eq(raft_confchange_leave_joint(any, LAST_INDEX, &next), RAFT_OK);
  members_assert_progress(&next);
  raft_tracker_adopt(any, &next);
}

static void make_simple_changes(raft_tracker *any, const members_changes *changes) {
  for (size_t i = 0; i < changes->count; i++) {
    raft_tracker next;
    ck_assert_int_eq(raft_confchange_simple(any, LAST_INDEX, &changes->list[i], 1, &next), RAFT_OK);
    members_assert_progress(&next);
    raft_tracker_adopt(any, &next);
  }
}

START_TEST(simple_steps_and_one_joint_change_end_equal) {
  srand(1000);
  for (int round = 0; round < 1000; round++) {
    raft_tracker joint;
    raft_tracker_init(&joint, tracker.limits, &memory.iface);
    members_change(&tracker, LAST_INDEX, "v1");
    members_change(&joint, LAST_INDEX, "v1");
    for (int step = 0; step < 3; step++) {
      members_changes changes = random_changes();
      make_simple_changes(&tracker, &changes);
      make_joint_change(&joint, &changes, step == 1);
      assert_same(&tracker, &joint);
    }
    raft_tracker_close(&joint);
    raft_tracker_close(&tracker);
  }
}
END_TEST

/* --- a model of three nodes ------------------------------------------------------------------ */

enum { NODES = 3, STATES = 1 << (4 * NODES + 1) };

/* Nodes 1 … 3 are bits 0 … 2. */
typedef struct model {
  unsigned incoming, outgoing, learners, staged;
  bool auto_leave;
} model;

static void model_change(model *state, raft_conf_change_single single) {
  unsigned bit = 1U << (single.node_id - 1);
  if (single.type == RAFT_CONF_UPDATE_NODE) {
    return;
  }
  state->incoming &= ~bit;
  state->learners &= ~bit;
  state->staged &= ~bit;
  if (single.type == RAFT_CONF_ADD_NODE) {
    state->incoming |= bit;
  } else if (single.type == RAFT_CONF_ADD_LEARNER) {
    *((state->outgoing & bit) != 0 ? &state->staged : &state->learners) |= bit;
  }
}

/* Do two sets of three nodes differ in more than one? */
static bool differ_in_more_than_one(unsigned one, unsigned other) {
  unsigned bits = one ^ other;
  return (bits & (bits - 1)) != 0;
}

static int model_changes(model *state, const raft_conf_change_single *changes, size_t count) {
  for (size_t i = 0; i < count; i++) {
    model_change(state, changes[i]);
  }
  return state->incoming == 0 ? RAFT_ECONF_NO_VOTERS : RAFT_OK;
}

static int model_simple(model *state, const raft_conf_change_single *changes, size_t count) {
  unsigned before = state->incoming;
  if (state->outgoing != 0) {
    return RAFT_ECONF_SIMPLE_IN_JOINT;
  }
  int rc = model_changes(state, changes, count);
  return rc == RAFT_OK && differ_in_more_than_one(before, state->incoming)
             ? RAFT_ECONF_MORE_THAN_ONE
             : rc;
}

static int model_enter(model *state, const raft_conf_change_single *changes, size_t count,
                       bool auto_leave) {
  if (state->outgoing != 0) {
    return RAFT_ECONF_ALREADY_JOINT;
  }
  if (state->incoming == 0) {
    return RAFT_ECONF_ZERO_VOTERS_JOINT;
  }
  state->outgoing = state->incoming;
  state->auto_leave = auto_leave;
  return model_changes(state, changes, count);
}

static int model_leave(model *state) {
  if (state->outgoing == 0) {
    return RAFT_ECONF_NOT_JOINT;
  }
  *state = (model){.incoming = state->incoming, .learners = state->learners | state->staged};
  return RAFT_OK;
}

static int model_compute(model *state, enum members_how how, const raft_conf_change_single *changes,
                         size_t count) {
  switch (how) {
  case SIMPLE: return model_simple(state, changes, count);
  case ENTER: return model_enter(state, changes, count, false);
  case ENTER_AUTO: return model_enter(state, changes, count, true);
  case LEAVE: return model_leave(state);
  default: return RAFT_EINVAL;
  }
}

static raft_ids model_ids(unsigned bits, uint64_t *ids) {
  size_t count = 0;
  for (uint64_t id = 1; id <= NODES; id++) {
    if ((bits >> (id - 1) & 1) != 0) {
      ids[count++] = id;
    }
  }
  return (raft_ids){ids, count};
}

static unsigned bits_of(const raft_idset *set) {
  unsigned bits = 0;
  for (uint32_t i = 0; i < set->count; i++) {
    bits |= 1U << (set->ids[i] - 1);
  }
  return bits;
}

static size_t number_of(const model *state) {
  return state->incoming | state->outgoing << 3 | state->learners << 6 | state->staged << 9 |
         (state->auto_leave ? 1U << 12 : 0);
}

static void assert_is_model(const raft_tracker *any, const model *state) {
  const model actual = {bits_of(&any->config.incoming), bits_of(&any->config.outgoing),
                        bits_of(&any->config.learners), bits_of(&any->config.learners_next),
                        any->config.auto_leave};
  ck_assert_uint_eq(number_of(&actual), number_of(state));
  members_assert_progress(any);
}

static int restore_conf_state_of(const model *state) {
  uint64_t ids[4][NODES];
  raft_conf_state conf_state = {.voters = model_ids(state->incoming, ids[0]),
                                .learners = model_ids(state->learners, ids[1]),
                                .voters_outgoing = model_ids(state->outgoing, ids[2]),
                                .learners_next = model_ids(state->staged, ids[3]),
                                .auto_leave = state->auto_leave};
  raft_tracker next;
  int rc = raft_confchange_restore(&tracker, LAST_INDEX, &conf_state, &next);
  if (rc == RAFT_OK) {
    raft_tracker_adopt(&tracker, &next);
  }
  return rc;
}

static void restore_model(const model *state) {
  ck_assert_int_eq(restore_conf_state_of(state), RAFT_OK);
  assert_is_model(&tracker, state);
}

/* All configurations found so far, in the order in which they were. */
static struct {
  model list[STATES];
  size_t count;
  bool known[STATES];
} found;

static void remember(const model *state) {
  size_t number = number_of(state);
  if (!found.known[number]) {
    found.known[number] = true;
    found.list[found.count++] = *state;
  }
}

/* One change by both, from the configuration in `tracker`. */
static void compare_change(const model *from, enum members_how how,
                           const raft_conf_change_single *changes, size_t count) {
  model state = *from;
  raft_tracker next;
  int rc = members_compute(&tracker, LAST_INDEX, how, changes, count, &next);
  ck_assert_int_eq(rc, model_compute(&state, how, changes, count));
  if (rc == RAFT_OK) {
    assert_is_model(&next, &state);
    raft_tracker_discard(&next);
    remember(&state);
  }
}

static raft_conf_change_single change_number(unsigned number) {
  return (raft_conf_change_single){(raft_conf_change_type)(number % 4), 1 + number / 4};
}

/* None, one, any two in a row, and one for each node. */
static void compare_changes(const model *from, enum members_how how) {
  enum { SINGLES = 4 * NODES };
  compare_change(from, how, NULL, 0);
  for (unsigned i = 0; i < SINGLES * SINGLES; i++) {
    const raft_conf_change_single changes[] = {change_number(i / SINGLES),
                                               change_number(i % SINGLES)};
    compare_change(from, how, changes, i % SINGLES == 0 ? 1 : 2);
  }
  for (unsigned i = 0; i < 4 * 4 * 4; i++) {
    const raft_conf_change_single changes[] = {change_number(i % 4), change_number(4 + i / 4 % 4),
                                               change_number(8 + i / 16)};
    compare_change(from, how, changes, NODES);
  }
}

static void visit_all_configurations(void) {
  const model empty = {.incoming = 0};
  remember(&empty);
  for (size_t i = 0; i < found.count; i++) {
    const model from = found.list[i];
    restore_model(&from);
    compare_changes(&from, SIMPLE);
    compare_changes(&from, ENTER);
    compare_changes(&from, ENTER_AUTO);
    compare_change(&from, LEAVE, NULL, 0);
  }
}

START_TEST(every_configuration_of_three_nodes_changes_as_the_model) {
  visit_all_configurations();
  ck_assert_uint_gt(found.count, 100);
}
END_TEST

START_TEST(what_changes_lead_to_can_be_restored_and_nothing_else) {
  visit_all_configurations();
  for (unsigned number = 0; number < STATES; number++) {
    const model state = {number & 7, number >> 3 & 7, number >> 6 & 7, number >> 9 & 7,
                         (number >> 12 & 1) != 0};
    if (found.known[number]) {
      restore_model(&state);
    } else {
      ck_assert_int_eq(restore_conf_state_of(&state), RAFT_EINVAL);
    }
  }
}
END_TEST

int main(void) {
  Suite *suite = suite_create("confchange_model");
  TCase *tests = tcase_create("confchange_model");
  tcase_add_checked_fixture(tests, setup, teardown);
  tcase_set_timeout(tests, 120);
  tcase_add_test(tests, simple_steps_and_one_joint_change_end_equal);
  tcase_add_test(tests, every_configuration_of_three_nodes_changes_as_the_model);
  tcase_add_test(tests, what_changes_lead_to_can_be_restored_and_nothing_else);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
