/* test_node_membership.c - members come and go without two majorities that do not know each other.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "group.h"
#include "run_suite.h"

static group g;

static void stepping_down(raft_config *config) {
  group_plain(config);
  config->step_down_on_removal = true;
}

static void unchecked(raft_config *config) {
  group_plain(config);
  config->disable_conf_change_validation = true;
}

static void setup(void) {
  group_open(&g, 3, group_plain);
  group_elect(&g, 1);
}

static void teardown(void) {
  group_close(&g);
}

static void propose_change(raft_conf_change_type type, uint64_t id) {
  ck_assert_int_eq(group_propose_change(&g, 1, type, id), RAFT_OK);
}

/* Voter 3 leaves, 4 comes. */
static const raft_conf_change_single REPLACE[] = {{RAFT_CONF_REMOVE_NODE, 3},
                                                  {RAFT_CONF_ADD_NODE, 4}};

static void propose_replace(raft_conf_change_transition transition) {
  raft_conf_change_v2 change = {.transition = transition, .changes = REPLACE, .change_count = 2};
  ck_assert_int_eq(raft_rawnode_propose_conf_change_v2(group_node(&g, 1), &change), RAFT_OK);
}

/* A list as a number in base 10: {1, 2, 3} is 123. */
static uint64_t digits(raft_ids ids) {
  uint64_t number = 0;
  for (size_t i = 0; i < ids.count; i++) {
    number = number * 10 + ids.ids[i];
  }
  return number;
}

static raft_conf_state conf_state(uint64_t id) {
  raft_status status;
  raft_rawnode_status(group_node(&g, id), &status);
  return status.conf_state;
}

static void expect(uint64_t id, uint64_t voters, uint64_t outgoing, uint64_t learners,
                   uint64_t learners_next) {
  raft_conf_state state = conf_state(id);
  ck_assert_uint_eq(digits(state.voters), voters);
  ck_assert_uint_eq(digits(state.voters_outgoing), outgoing);
  ck_assert_uint_eq(digits(state.learners), learners);
  ck_assert_uint_eq(digits(state.learners_next), learners_next);
}

static void propose(unsigned count) {
  for (unsigned i = 0; i < count; i++) {
    ck_assert_int_eq(group_propose(&g, 1, "entry"), RAFT_OK);
  }
}

static uint64_t commit_of(uint64_t id) {
  return group_status(&g, id).hard_state.commit;
}

static int apply(raft_conf_change_transition transition, const raft_conf_change_single *changes,
                 size_t count) {
  raft_conf_change_v2 change = {
      .transition = transition, .changes = changes, .change_count = count};
  return raft_rawnode_apply_conf_change(group_node(&g, 1), &change, NULL);
}

static int apply_one(raft_conf_change_type type, uint64_t id) {
  raft_conf_change_single change = {type, id};
  return apply(RAFT_TRANSITION_AUTO, &change, 1);
}

/* ---- simple changes ---- */

START_TEST(a_change_is_in_force_when_it_is_applied) {
  propose_change(RAFT_CONF_ADD_NODE, 4);
  ck_assert(group_turn(&g)); /* in the log, and on its way */
  expect(1, 123, 0, 0, 0);
  group_settle(&g);
  expect(1, 1234, 0, 0, 0);
  expect(3, 1234, 0, 0, 0);
}
END_TEST

START_TEST(a_new_voter_catches_up_and_counts) {
  propose(5);
  propose_change(RAFT_CONF_ADD_NODE, 4);
  group_settle(&g);
  group_compact(&g, 1, 3);
  group_join(&g, 4, group_plain);
  group_tick(&g, 3);
  group_expect_equal(&g);
  expect(4, 1234, 0, 0, 0);
  g.members[2].cut = g.members[3].cut = true; /* two of four are no majority */
  uint64_t commit = commit_of(1);
  propose(1);
  group_settle(&g);
  ck_assert_uint_eq(commit_of(1), commit);
  g.members[2].cut = false;
  group_tick(&g, 2);
  ck_assert_uint_eq(commit_of(1), commit + 1);
}
END_TEST

START_TEST(a_learner_is_fed_but_does_not_count) {
  propose_change(RAFT_CONF_ADD_LEARNER, 4);
  group_settle(&g);
  group_compact(&g, 1, 2);
  group_join(&g, 4, group_plain);
  group_tick(&g, 3);
  group_expect_equal(&g);
  expect(4, 123, 0, 4, 0);
  g.members[2].cut = g.members[3].cut = true;
  uint64_t commit = commit_of(1);
  propose(1);
  group_tick(&g, 2);
  ck_assert_uint_eq(commit_of(1), commit);
  g.members[2].cut = g.members[3].cut = false;
  group_tick(&g, 2);
  propose_change(RAFT_CONF_ADD_NODE, 4); /* promoted */
  group_settle(&g);
  expect(4, 1234, 0, 0, 0);
  group_elect(&g, 4);
}
END_TEST

START_TEST(repeated_and_empty_changes_do_nothing) {
  ck_assert_int_eq(apply_one(RAFT_CONF_ADD_NODE, 2), RAFT_OK);
  ck_assert_int_eq(apply_one(RAFT_CONF_UPDATE_NODE, 2), RAFT_OK);
  ck_assert_int_eq(apply_one(RAFT_CONF_REMOVE_NODE, 9), RAFT_OK);
  ck_assert_int_eq(apply_one(RAFT_CONF_ADD_NODE, 0), RAFT_OK); /* rejected by the application */
  expect(1, 123, 0, 0, 0);
}
END_TEST

START_TEST(the_new_membership_is_told_to_whoever_asks) {
  raft_conf_change change = {.type = RAFT_CONF_ADD_LEARNER, .node_id = 5};
  raft_conf_state state;
  memset(&state, 0, sizeof state);
  raft_rawnode *node = group_node(&g, 1);
  ck_assert_int_eq(raft_rawnode_apply_conf_change_v1(node, &change, &state), RAFT_OK);
  ck_assert_uint_eq(digits(state.voters), 123);
  ck_assert_uint_eq(digits(state.learners), 5);
}
END_TEST

/* ---- 4.3 h: what cannot be ---- */

START_TEST(an_invalid_change_is_an_error_and_changes_nothing) {
  static const raft_conf_change_single all[] = {
      {RAFT_CONF_REMOVE_NODE, 1}, {RAFT_CONF_REMOVE_NODE, 2}, {RAFT_CONF_REMOVE_NODE, 3}};
  ck_assert_int_eq(apply(RAFT_TRANSITION_AUTO, NULL, 0), RAFT_ECONF_NOT_JOINT);
  ck_assert_int_eq(apply(RAFT_TRANSITION_AUTO, all, 3), RAFT_ECONF_NO_VOTERS);
  ck_assert_int_eq(apply((raft_conf_change_transition)9, all, 1), RAFT_ECONF_TYPE);
  ck_assert_int_eq(apply_one((raft_conf_change_type)77, 4), RAFT_ECONF_TYPE);
  ck_assert_int_eq(apply_one(RAFT_CONF_ADD_NODE, RAFT_APPEND_THREAD), RAFT_ECONF_TYPE);
  ck_assert_int_eq(apply_one(RAFT_CONF_ADD_LEARNER, RAFT_APPLY_THREAD), RAFT_ECONF_TYPE);
  expect(1, 123, 0, 0, 0);
  ck_assert_int_eq(apply(RAFT_TRANSITION_JOINT_EXPLICIT, REPLACE, 2), RAFT_OK);
  expect(1, 124, 123, 0, 0);
  ck_assert_int_eq(apply(RAFT_TRANSITION_JOINT_EXPLICIT, REPLACE, 2), RAFT_ECONF_ALREADY_JOINT);
  ck_assert_int_eq(apply_one(RAFT_CONF_ADD_NODE, 5), RAFT_ECONF_SIMPLE_IN_JOINT);
  expect(1, 124, 123, 0, 0);
  propose(1); /* and the node goes on */
}
END_TEST

START_TEST(the_last_voter_stays) {
  group_reopen(&g, 1, group_plain);
  ck_assert_int_eq(apply_one(RAFT_CONF_REMOVE_NODE, 1), RAFT_ECONF_NO_VOTERS);
  ck_assert_int_eq(apply_one(RAFT_CONF_ADD_LEARNER, 1), RAFT_ECONF_NO_VOTERS);
  propose(1);
  group_settle(&g);
  ck_assert_uint_eq(commit_of(1), 2);
}
END_TEST

START_TEST(without_voters_nothing_becomes_joint) {
  group_join(&g, 9, group_plain);
  raft_conf_change_v2 change = {
      .transition = RAFT_TRANSITION_JOINT_IMPLICIT, .changes = REPLACE, .change_count = 2};
  ck_assert_int_eq(raft_rawnode_apply_conf_change(group_node(&g, 9), &change, NULL),
                   RAFT_ECONF_ZERO_VOTERS_JOINT);
}
END_TEST

START_TEST(a_change_that_finds_no_memory_changes_nothing) {
  int rc = RAFT_ENOMEM;
  for (size_t n = 1; rc != RAFT_OK; n++) {
    expect(1, 123, 0, 0, 0);
    failing_allocator_arm(&g.members[1].memory, n, false);
    rc = apply(RAFT_TRANSITION_JOINT_EXPLICIT, REPLACE, 2);
    ck_assert(rc == RAFT_OK || rc == RAFT_ENOMEM);
  }
  expect(1, 124, 123, 0, 0);
  failing_allocator_arm(&g.members[1].memory, 1, true);
  ck_assert_int_eq(apply(RAFT_TRANSITION_AUTO, NULL, 0), RAFT_ENOMEM);
  expect(1, 124, 123, 0, 0);
  failing_allocator_arm(&g.members[1].memory, 0, false);
}
END_TEST

/* ---- joint changes ---- */

START_TEST(a_joint_configuration_is_left_by_itself) {
  propose_replace(RAFT_TRANSITION_AUTO);
  group_settle(&g);
  expect(1, 124, 0, 0, 0);
  expect(2, 124, 0, 0, 0);
  ck_assert(!conf_state(1).auto_leave);
}
END_TEST

START_TEST(an_explicit_one_is_left_when_asked) {
  propose_replace(RAFT_TRANSITION_JOINT_EXPLICIT);
  group_tick(&g, 5);
  expect(1, 124, 123, 0, 0);
  ck_assert(!conf_state(1).auto_leave);
  ck_assert_int_eq(raft_rawnode_propose_conf_change_v2(group_node(&g, 1), NULL), RAFT_OK);
  group_settle(&g);
  expect(1, 124, 0, 0, 0);
  expect(2, 124, 0, 0, 0);
}
END_TEST

START_TEST(both_halves_must_agree) {
  propose_replace(RAFT_TRANSITION_JOINT_EXPLICIT);
  group_settle(&g);
  g.members[2].cut = true; /* 1 and 3 are a majority of 1 2 3, and 1 alone is none of 1 2 4 */
  uint64_t commit = commit_of(1);
  propose(1);
  group_tick(&g, 2);
  ck_assert_uint_eq(commit_of(1), commit);
  g.members[2].cut = false;
  group_tick(&g, 2);
  ck_assert_uint_eq(commit_of(1), commit + 1);
}
END_TEST

START_TEST(elections_need_both_halves_too) {
  propose_replace(RAFT_TRANSITION_JOINT_EXPLICIT);
  group_settle(&g);
  g.members[1].cut = true;
  ck_assert_int_eq(raft_rawnode_campaign(group_node(&g, 2)), RAFT_OK);
  group_settle(&g);
  ck_assert_int_eq(group_status(&g, 2).soft_state.role, RAFT_CANDIDATE);
  g.members[1].cut = false;
  group_elect(&g, 2);
}
END_TEST

START_TEST(a_voter_that_becomes_a_learner_waits_for_the_end) {
  static const raft_conf_change_single demote[] = {{RAFT_CONF_ADD_LEARNER, 3},
                                                   {RAFT_CONF_ADD_NODE, 4}};
  raft_conf_change_v2 change = {
      .transition = RAFT_TRANSITION_JOINT_EXPLICIT, .changes = demote, .change_count = 2};
  ck_assert_int_eq(raft_rawnode_propose_conf_change_v2(group_node(&g, 1), &change), RAFT_OK);
  group_settle(&g);
  expect(1, 124, 123, 0, 3);
  ck_assert_int_eq(raft_rawnode_propose_conf_change_v2(group_node(&g, 1), NULL), RAFT_OK);
  group_settle(&g);
  expect(1, 124, 0, 3, 0);
  expect(3, 124, 0, 3, 0);
}
END_TEST

START_TEST(a_node_restarts_in_a_joint_configuration) {
  propose_replace(RAFT_TRANSITION_JOINT_EXPLICIT);
  group_settle(&g);
  for (uint64_t id = 1; id <= 3; id++) {
    group_restart(&g, id);
  }
  expect(1, 124, 123, 0, 0);
  group_elect(&g, 1);
  ck_assert_int_eq(raft_rawnode_propose_conf_change_v2(group_node(&g, 1), NULL), RAFT_OK);
  group_settle(&g);
  expect(1, 124, 0, 0, 0);
}
END_TEST

START_TEST(whoever_leads_next_leaves_for_the_one_before) {
  propose_replace(RAFT_TRANSITION_JOINT_IMPLICIT);
  while (commit_of(2) < 2) { /* 2 and 3 learn that the change is committed ... */
    group_turn(&g);
    group_deliver(&g);
  }
  g.members[1].cut = true; /* ... and not that it is to be left */
  group_settle(&g);
  expect(2, 124, 123, 0, 0);
  ck_assert(conf_state(2).auto_leave);
  group_join(&g, 4, group_plain);
  group_compact(&g, 2, 1);
  ck_assert_int_eq(raft_rawnode_campaign(group_node(&g, 2)), RAFT_OK);
  group_settle(&g); /* votes of 2 and 3 in one half, of 2 and 4 in the other */
  group_tick(&g, 3);
  ck_assert_int_eq(group_status(&g, 2).soft_state.role, RAFT_LEADER);
  expect(2, 124, 0, 0, 0);
}
END_TEST

START_TEST(leaving_is_tried_again_after_a_transfer_that_was_given_up) {
  group_reopen(&g, 3, NULL);
  g.members[3].cut = true;
  propose_replace(RAFT_TRANSITION_AUTO);
  ck_assert_int_eq(raft_rawnode_transfer_leader(group_node(&g, 1), 3), RAFT_OK);
  group_settle(&g); /* applied, but proposals are dropped meanwhile */
  expect(1, 124, 123, 0, 0);
  ck_assert_uint_eq(group_status(&g, 1).lead_transferee, 3);
  group_tick(&g, 10);
  ck_assert_uint_eq(group_status(&g, 1).lead_transferee, 0);
  group_tick(&g, 2); /* nothing else happens in the group */
  expect(1, 124, 0, 0, 0);
}
END_TEST

START_TEST(leaving_that_finds_no_memory_is_tried_again) {
  propose_replace(RAFT_TRANSITION_AUTO);
  while (group_status(&g, 1).hard_state.commit < 2) {
    group_turn(&g);
    group_deliver(&g);
  }
  const raft_ready *rd = NULL;                                     /* applies by hand */
  ck_assert_int_eq(raft_rawnode_tick(group_node(&g, 1)), RAFT_OK); /* gives spare memory back */
  ck_assert_int_eq(raft_rawnode_ready(group_node(&g, 1), &rd), RAFT_OK);
  ck_assert_uint_eq(rd->committed_entry_count, 1);
  ck_assert_int_eq(apply(RAFT_TRANSITION_AUTO, REPLACE, 2), RAFT_OK);
  failing_allocator_arm(&g.members[1].memory, 1, true);
  ck_assert_int_eq(raft_rawnode_advance(group_node(&g, 1), rd), RAFT_OK);
  ck_assert_uint_eq(group_status(&g, 1).last_index, 2);
  ck_assert_int_eq(raft_rawnode_tick(group_node(&g, 1)), RAFT_OK);
  ck_assert_uint_eq(group_status(&g, 1).last_index, 2);
  failing_allocator_arm(&g.members[1].memory, 0, false);
  ck_assert_int_eq(raft_rawnode_tick(group_node(&g, 1)), RAFT_OK);
  ck_assert_uint_eq(group_status(&g, 1).last_index, 3);
}
END_TEST

/* ---- a snapshot in between ---- */

static void quirky(raft_config *config) {
  group_plain(config);
  config->etcd_quirks = true;
}

/* Node 3 takes a committed change out of a Ready, hears of a snapshot, then applies the change. */
static int apply_behind_a_snapshot(void (*options)(raft_config *)) {
  static const uint64_t voters[] = {1, 2, 3, 4, 5};
  const raft_snapshot snapshot = {
      .conf_state = {.voters = {voters, 5}}, .data = {"state", 5, NULL}, .index = 100, .term = 1};
  const raft_conf_change add = {.type = RAFT_CONF_ADD_NODE, .node_id = 4};
  const raft_ready *rd = NULL;
  raft_conf_state state;
  group_reopen(&g, 3, options);
  g.members[3].cut = true;
  const raft_entry entry = {.type = RAFT_ENTRY_NORMAL, .term = 1, .index = 2};
  const raft_message append = {.type = RAFT_MSG_APP,
                               .to = 3,
                               .from = 1,
                               .term = 1,
                               .log_term = 1,
                               .index = 1,
                               .commit = 2,
                               .entries = &entry,
                               .entry_count = 1};
  ck_assert_int_eq(group_step(&g, append), RAFT_OK);
  ck_assert_int_eq(raft_rawnode_ready(group_node(&g, 3), &rd), RAFT_OK);
  ck_assert_uint_eq(rd->committed_entry_count, 1);
  const raft_message install = {
      .type = RAFT_MSG_SNAP, .to = 3, .from = 1, .term = 1, .snapshot = &snapshot};
  ck_assert_int_eq(group_step(&g, install), RAFT_OK);
  expect(3, 12345, 0, 0, 0);
  int rc = raft_rawnode_apply_conf_change_v1(group_node(&g, 3), &add, &state);
  expect(3, 12345, 0, 0, 0);
  ck_assert_int_eq(raft_rawnode_advance(group_node(&g, 3), rd), RAFT_OK);
  ck_assert_int_eq(raft_rawnode_ready(group_node(&g, 3), &rd), RAFT_OK);
  ck_assert_uint_eq(rd->snapshot->index, 100);
  return rc;
}

START_TEST(a_change_that_a_snapshot_overtook_is_not_applied) {
  ck_assert_int_eq(apply_behind_a_snapshot(group_plain), RAFT_ECONF_OVERTAKEN);
  ck_assert_int_eq(apply_behind_a_snapshot(quirky), RAFT_OK); /* as in etcd-io/raft */
}
END_TEST

/* ---- removal ---- */

START_TEST(removing_a_member_may_commit_what_waited_for_it) {
  group_reopen(&g, 2, group_plain);
  propose_change(RAFT_CONF_REMOVE_NODE, 2);
  ck_assert_ptr_nonnull(group_sent(&g, RAFT_MSG_APP, 1, 2));
  propose(1);
  while (group_turn(&g)) {
  }
  group_lose(&g); /* 2 will never answer the proposal */
  raft_message ack = {.type = RAFT_MSG_APP_RESP, .from = 2, .to = 1, .term = 1, .index = 2};
  ck_assert_int_eq(group_step(&g, ack), RAFT_OK);
  ck_assert_uint_eq(commit_of(1), 2);
  group_settle(&g);
  ck_assert_uint_eq(commit_of(1), 3);
  ck_assert_uint_eq(g.members[1].applied, 3);
}
END_TEST

START_TEST(answers_of_removed_members_are_refused) {
  propose_change(RAFT_CONF_REMOVE_NODE, 3);
  group_settle(&g);
  raft_message ack = {.type = RAFT_MSG_APP_RESP, .from = 3, .to = 1, .term = 1, .index = 2};
  ck_assert_int_eq(group_step(&g, ack), RAFT_EPEER_NOT_FOUND);
  raft_message vote = {.type = RAFT_MSG_VOTE_RESP, .from = 3, .to = 1, .term = 1};
  ck_assert_int_eq(group_step(&g, vote), RAFT_EPEER_NOT_FOUND);
}
END_TEST

START_TEST(a_removed_leader_leads_on_and_does_not_count_itself) {
  propose_change(RAFT_CONF_REMOVE_NODE, 1);
  propose(1); /* behind the change: needs 2 and 3 */
  group_settle(&g);
  ck_assert_int_eq(group_status(&g, 1).soft_state.role, RAFT_LEADER);
  ck_assert_uint_eq(commit_of(1), 3);
  expect(1, 23, 0, 0, 0);
  ck_assert_int_eq(group_propose(&g, 1, "x"), RAFT_EDROPPED_REMOVED);
  ck_assert_int_eq(raft_rawnode_campaign(group_node(&g, 2)), RAFT_OK);
  group_settle(&g);
  ck_assert_uint_eq(group_leader(&g), 2);
}
END_TEST

START_TEST(or_it_steps_down_if_it_is_told_to) {
  group_reopen(&g, 3, stepping_down);
  uint64_t term = group_status(&g, 1).hard_state.term;
  propose_change(RAFT_CONF_REMOVE_NODE, 1);
  group_settle(&g);
  ck_assert_int_eq(group_status(&g, 1).soft_state.role, RAFT_FOLLOWER);
  ck_assert_uint_eq(group_status(&g, 1).soft_state.lead, 0);
  ck_assert_uint_eq(group_status(&g, 1).hard_state.term, term);
}
END_TEST

START_TEST(a_demoted_leader_likewise) {
  group_reopen(&g, 3, stepping_down);
  propose_change(RAFT_CONF_ADD_LEARNER, 1);
  group_settle(&g);
  ck_assert_int_eq(group_status(&g, 1).soft_state.role, RAFT_FOLLOWER);
  group_reopen(&g, 3, group_plain);
  propose_change(RAFT_CONF_ADD_LEARNER, 1);
  group_settle(&g);
  ck_assert_int_eq(group_status(&g, 1).soft_state.role, RAFT_LEADER);
  propose(1); /* a learner in office: it proposes, the others commit */
  group_settle(&g);
  ck_assert_uint_eq(commit_of(1), 3);
}
END_TEST

START_TEST(a_member_that_returns_starts_anew) {
  g.members[3].cut = true;
  propose(3);
  group_settle(&g);
  ck_assert_int_eq(apply_one(RAFT_CONF_REMOVE_NODE, 3), RAFT_OK);
  ck_assert_int_eq(apply_one(RAFT_CONF_ADD_NODE, 3), RAFT_OK);
  raft_progress_status progress = group_progress(&g, 3);
  ck_assert_uint_eq(progress.match, 0);
  ck_assert_int_eq(progress.state, RAFT_PROGRESS_PROBE);
  ck_assert(progress.recent_active);
}
END_TEST

START_TEST(a_new_member_is_written_to_at_once) {
  raft_conf_change change = {.type = RAFT_CONF_ADD_NODE, .node_id = 4};
  raft_rawnode *node = group_node(&g, 1);
  ck_assert_int_eq(raft_rawnode_apply_conf_change_v1(node, &change, NULL), RAFT_OK);
  const raft_message *append = group_sent(&g, RAFT_MSG_APP, 1, 4);
  ck_assert_ptr_nonnull(append);
}
END_TEST

START_TEST(a_new_member_counts_as_active) {
  group_reopen(&g, 1, NULL);
  propose_change(RAFT_CONF_ADD_NODE, 2);
  group_settle(&g);
  group_tick(&g, 7); /* the quorum check comes before 2 had a chance to speak */
  ck_assert_int_eq(group_status(&g, 1).soft_state.role, RAFT_LEADER);
  group_tick(&g, 20);
  ck_assert_int_eq(group_status(&g, 1).soft_state.role, RAFT_FOLLOWER);
}
END_TEST

START_TEST(two_changes_in_flight_break_nothing) {
  group_reopen(&g, 3, unchecked);
  propose_change(RAFT_CONF_ADD_NODE, 4);
  propose_change(RAFT_CONF_REMOVE_NODE, 3);
  group_settle(&g);
  expect(1, 124, 0, 0, 0);
  expect(2, 124, 0, 0, 0);
}
END_TEST

static raft_conf_state told; /* by the last event; the first voter alone */
static uint64_t told_voter;

static void listen(void *ctx, const raft_event *event) {
  (void)ctx;
  ck_assert_int_eq(event->conf_state != NULL, event->type == RAFT_EVENT_CONF_SWITCHED);
  if (event->conf_state != NULL) {
    told = *event->conf_state;
    told_voter = told.voters.count > 0 ? told.voters.ids[0] : 0;
  }
}

static void listening(raft_config *config) {
  group_plain(config);
  config->log = listen;
}

START_TEST(the_event_of_a_switch_shows_the_configuration) {
  group_reopen(&g, 1, listening);
  ck_assert(told_voter == 1 && told.voters.count == 1);
  ck_assert_int_eq(apply_one(RAFT_CONF_ADD_LEARNER, 4), RAFT_OK);
  ck_assert(told_voter == 1 && told.voters.count == 1 && told.learners.count == 1);
}
END_TEST

int main(void) {
  const TTest *const tests[] = {
      the_event_of_a_switch_shows_the_configuration,
      a_change_is_in_force_when_it_is_applied,
      a_new_voter_catches_up_and_counts,
      a_learner_is_fed_but_does_not_count,
      repeated_and_empty_changes_do_nothing,
      the_new_membership_is_told_to_whoever_asks,
      an_invalid_change_is_an_error_and_changes_nothing,
      the_last_voter_stays,
      without_voters_nothing_becomes_joint,
      a_change_that_finds_no_memory_changes_nothing,
      a_joint_configuration_is_left_by_itself,
      an_explicit_one_is_left_when_asked,
      both_halves_must_agree,
      elections_need_both_halves_too,
      a_voter_that_becomes_a_learner_waits_for_the_end,
      a_node_restarts_in_a_joint_configuration,
      whoever_leads_next_leaves_for_the_one_before,
      leaving_is_tried_again_after_a_transfer_that_was_given_up,
      leaving_that_finds_no_memory_is_tried_again,
      a_change_that_a_snapshot_overtook_is_not_applied,
      removing_a_member_may_commit_what_waited_for_it,
      answers_of_removed_members_are_refused,
      a_removed_leader_leads_on_and_does_not_count_itself,
      or_it_steps_down_if_it_is_told_to,
      a_demoted_leader_likewise,
      a_member_that_returns_starts_anew,
      a_new_member_is_written_to_at_once,
      a_new_member_counts_as_active,
      two_changes_in_flight_break_nothing,
  };
  return run_suite("membership", tests, sizeof tests / sizeof tests[0], setup, teardown);
}
