/* test_node_request_snapshot.c - a follower with a damaged state machine asks for a snapshot.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "group.h"
#include "run_suite.h"

static group g;
static raft_event wanted; /* the last one that said that there is no such snapshot */
static size_t wanted_count;

static void listen(void *ctx, const raft_event *event) {
  (void)ctx;
  if (event->type == RAFT_EVENT_SNAPSHOT_WANTED) {
    wanted = *event;
    wanted_count++;
  }
}

static void listening(raft_config *config) {
  config->log = listen;
}

static void propose(unsigned count) {
  for (unsigned i = 0; i < count; i++) {
    ck_assert_int_eq(group_propose(&g, 1, "entry"), RAFT_OK);
  }
  group_settle(&g);
}

static void setup(void) {
  wanted_count = 0;
  group_open(&g, 3, listening);
  group_elect(&g, 1);
  propose(5);
  group_tick(&g, 1);
}

static void teardown(void) {
  group_close(&g);
}

static int ask(uint64_t id) {
  return raft_rawnode_request_snapshot(group_node(&g, id));
}

/* What 3 sends when it asks with the six entries of the beginning. */
static const raft_message REQUEST = {.type = RAFT_MSG_APP_RESP,
                                     .from = 3,
                                     .to = 1,
                                     .term = 1,
                                     .index = 6,
                                     .reject = true,
                                     .reject_hint = 6,
                                     .request_snapshot = true};

/* The leader of two cannot commit without it, so could never make a snapshot that is new enough. */
START_TEST(while_it_waits_it_acknowledges_what_it_has) {
  group_reopen(&g, 2, listening);
  ck_assert_int_eq(group_propose(&g, 1, "entry"), RAFT_OK);
  group_turn(&g);
  group_deliver(&g); /* 2 has it */
  group_turn(&g);
  group_lose(&g); /* and its answer is lost */
  uint64_t last = group_status(&g, 2).last_index;
  ck_assert_uint_lt(group_status(&g, 1).hard_state.commit, last);
  ck_assert_int_eq(ask(2), RAFT_OK);
  group_tick(&g, 3);
  ck_assert_uint_eq(group_status(&g, 1).hard_state.commit, last);
  ck_assert_uint_eq(group_progress(&g, 2).inflight, 0); /* or a full window would stay so */
}
END_TEST

START_TEST(it_gets_one_that_is_as_new_as_its_log) {
  group_compact(&g, 1, 1);
  g.members[3].applied_hash = 666; /* damaged */
  ck_assert_int_eq(ask(3), RAFT_OK);
  group_settle(&g);
  ck_assert_uint_eq(g.delivered[RAFT_MSG_SNAP], 1);
  ck_assert_uint_eq(g.members[3].applied, 6);
  group_expect_equal(&g);
  ck_assert_int_eq(group_progress(&g, 3).state, RAFT_PROGRESS_REPLICATE); /* without any report */
  propose(3);
  ck_assert_uint_eq(g.members[3].applied, 9);
  group_expect_equal(&g);
}
END_TEST

START_TEST(it_takes_the_place_of_ones_own_of_the_same_index) {
  group_compact(&g, 1, 6);
  group_compact(&g, 3, 6);
  g.members[3].applied_hash = 666;
  ck_assert_int_eq(ask(3), RAFT_OK);
  group_settle(&g);
  ck_assert_uint_eq(g.delivered[RAFT_MSG_SNAP], 1);
  group_expect_equal(&g);
  propose(1);
  group_expect_equal(&g);
}
END_TEST

START_TEST(without_asking_it_is_ignored) {
  group_compact(&g, 1, 1);
  raft_snapshot snapshot;
  ck_assert_int_eq(
      g.members[1].config.storage->snapshot(g.members[1].config.storage->ctx, &snapshot), RAFT_OK);
  raft_message unasked = {
      .type = RAFT_MSG_SNAP, .from = 1, .to = 3, .term = 1, .snapshot = &snapshot};
  uint64_t first = group_status(&g, 3).first_index;
  ck_assert_int_eq(group_step(&g, unasked), RAFT_OK);
  group_settle(&g);
  ck_assert_uint_eq(group_status(&g, 3).first_index, first);
}
END_TEST

START_TEST(a_leader_that_has_none_says_so_and_sends_it_once_it_has) {
  ck_assert_int_eq(ask(3), RAFT_OK);
  group_settle(&g);
  ck_assert_uint_eq(wanted_count, 1);
  ck_assert(wanted.peer == 3 && wanted.index == 6 && wanted.a == 0 && wanted.id == 1);
  group_tick(&g, 3); /* asks again with each heartbeat */
  ck_assert_uint_ge(wanted_count, 4);
  ck_assert_uint_eq(g.delivered[RAFT_MSG_SNAP], 0);
  group_compact(&g, 1, 1);
  group_tick(&g, 1);
  ck_assert_uint_eq(g.delivered[RAFT_MSG_SNAP], 1);
  group_expect_equal(&g);
}
END_TEST

START_TEST(one_that_is_too_old_is_not_sent) {
  group_compact(&g, 1, 1);
  propose(1);
  ck_assert_int_eq(ask(3), RAFT_OK);
  group_settle(&g);
  ck_assert_uint_eq(g.delivered[RAFT_MSG_SNAP], 0);
  ck_assert(wanted.index == 7 && wanted.a == 6);
}
END_TEST

START_TEST(until_it_comes_nothing_is_appended_and_nothing_is_lost) {
  ck_assert_int_eq(ask(3), RAFT_OK);
  group_settle(&g);
  propose(4);
  ck_assert_uint_eq(group_status(&g, 3).last_index, 6);
  ck_assert_uint_eq(group_status(&g, 1).hard_state.commit, 10); /* the others go on */
  group_compact(&g, 1, 1);
  propose(2);
  group_tick(&g, 2);
  ck_assert_uint_ge(g.delivered[RAFT_MSG_SNAP], 1);
  ck_assert_uint_eq(g.members[3].applied, 12);
  group_expect_equal(&g);
}
END_TEST

START_TEST(one_on_its_way_is_enough) {
  group_compact(&g, 1, 1);
  ck_assert_int_eq(ask(3), RAFT_OK);
  group_turn(&g);
  group_deliver(&g); /* the leader has the request */
  raft_message again = *group_sent(&g, RAFT_MSG_SNAP, 1, 3);
  ck_assert_int_eq(group_progress(&g, 3).state, RAFT_PROGRESS_SNAPSHOT);
  ck_assert_int_eq(group_step(&g, REQUEST), RAFT_OK);
  raft_message_retain(&again);
  group_settle(&g);
  ck_assert_uint_eq(g.delivered[RAFT_MSG_SNAP], 1);
  uint64_t first = group_status(&g, 3).first_index;
  propose(1);
  ck_assert_int_eq(group_step(&g, again), RAFT_OK); /* delivered twice: ignored */
  raft_message_release(&again);
  group_settle(&g);
  ck_assert_uint_eq(group_status(&g, 3).first_index, first);
  group_expect_equal(&g);
}
END_TEST

/* Who has acknowledged more since does not wait any more; it would be cut off from appends. */
START_TEST(an_old_request_is_ignored) {
  group_compact(&g, 1, 1);
  propose(1);
  ck_assert_int_eq(group_step(&g, REQUEST), RAFT_OK);
  ck_assert_int_eq(group_progress(&g, 3).state, RAFT_PROGRESS_REPLICATE);
  ck_assert_ptr_null(group_sent(&g, RAFT_MSG_SNAP, 1, 3));
}
END_TEST

START_TEST(a_lost_one_is_asked_for_again) {
  group_compact(&g, 1, 1);
  ck_assert_int_eq(ask(3), RAFT_OK);
  group_turn(&g);
  group_deliver(&g);
  ck_assert_ptr_nonnull(group_sent(&g, RAFT_MSG_SNAP, 1, 3));
  group_lose(&g);
  ck_assert_int_eq(raft_rawnode_report_snapshot(group_node(&g, 1), 3, false), RAFT_OK);
  group_tick(&g, 2);
  ck_assert_uint_eq(g.delivered[RAFT_MSG_SNAP], 1);
  group_expect_equal(&g);
}
END_TEST

START_TEST(who_cannot_ask_is_told) {
  ck_assert_int_eq(ask(1), RAFT_ESNAPSHOT_REQUEST); /* leads */
  ck_assert_int_eq(ask(3), RAFT_OK);
  ck_assert_int_eq(ask(3), RAFT_ESNAPSHOT_REQUEST); /* has asked */
  group_restart(&g, 2);
  ck_assert_int_eq(ask(2), RAFT_ESNAPSHOT_REQUEST); /* knows no leader */
}
END_TEST

START_TEST(nor_who_has_nothing_of_its_leaders_term_or_a_snapshot_to_install) {
  raft_message heartbeat = {.type = RAFT_MSG_HEARTBEAT, .from = 2, .to = 3, .term = 7};
  ck_assert_int_eq(group_step(&g, heartbeat), RAFT_OK);
  ck_assert_int_eq(ask(3), RAFT_ESNAPSHOT_REQUEST);
  uint64_t ids[] = {1, 2, 3};
  raft_snapshot snapshot = {.index = 20, .term = 7, .conf_state = {.voters = {ids, 3}}};
  raft_message install = {
      .type = RAFT_MSG_SNAP, .from = 2, .to = 3, .term = 7, .snapshot = &snapshot};
  ck_assert_int_eq(group_step(&g, install), RAFT_OK);
  ck_assert_int_eq(ask(3), RAFT_ESNAPSHOT_REQUEST);
  raft_rawnode_close(group_node(&g, 3)); /* what 2 "sent" is no state of this group */
  g.members[3].node = NULL;
}
END_TEST

START_TEST(it_gives_up_when_the_leader_changes) {
  ck_assert_int_eq(ask(3), RAFT_OK);
  group_settle(&g);
  ck_assert_int_eq(raft_rawnode_transfer_leader(group_node(&g, 1), 2), RAFT_OK);
  group_settle(&g);
  ck_assert_uint_eq(group_leader(&g), 2);
  ck_assert_uint_eq(group_status(&g, 3).last_index, 7);
  group_expect_equal(&g);
}
END_TEST

START_TEST(a_leader_that_does_not_know_of_it_takes_it_for_stale) {
  raft_message plain = {.type = RAFT_MSG_APP_RESP,
                        .from = 3,
                        .to = 1,
                        .term = 1,
                        .index = 6,
                        .reject = true,
                        .reject_hint = 6};
  ck_assert_int_eq(group_step(&g, plain), RAFT_OK);
  ck_assert_int_eq(group_progress(&g, 3).state, RAFT_PROGRESS_REPLICATE);
  ck_assert(!raft_rawnode_has_ready(group_node(&g, 1)));
}
END_TEST

START_TEST(want_of_memory_is_a_lost_request) {
  group_compact(&g, 1, 1);
  failing_allocator_arm(&g.members[3].memory, 1, true);
  int rc = ask(3);
  ck_assert(rc == RAFT_OK || rc == RAFT_ENOMEM);
  failing_allocator_arm(&g.members[3].memory, 0, false);
  rc = rc == RAFT_OK ? rc : ask(3);
  ck_assert_int_eq(rc, RAFT_OK);
  for (size_t n = 1; n <= 6; n++) {
    failing_allocator_arm(&g.members[1].memory, n, true);
    group_settle(&g);
    failing_allocator_arm(&g.members[1].memory, 0, false);
    group_tick(&g, 1);
  }
  group_tick(&g, 2);
  ck_assert_uint_ge(g.delivered[RAFT_MSG_SNAP], 1);
  group_expect_equal(&g);
}
END_TEST

int main(void) {
  const TTest *const tests[] = {
      while_it_waits_it_acknowledges_what_it_has,
      it_gets_one_that_is_as_new_as_its_log,
      it_takes_the_place_of_ones_own_of_the_same_index,
      without_asking_it_is_ignored,
      a_leader_that_has_none_says_so_and_sends_it_once_it_has,
      one_that_is_too_old_is_not_sent,
      until_it_comes_nothing_is_appended_and_nothing_is_lost,
      one_on_its_way_is_enough,
      an_old_request_is_ignored,
      a_lost_one_is_asked_for_again,
      who_cannot_ask_is_told,
      nor_who_has_nothing_of_its_leaders_term_or_a_snapshot_to_install,
      it_gives_up_when_the_leader_changes,
      a_leader_that_does_not_know_of_it_takes_it_for_stale,
      want_of_memory_is_a_lost_request,
  };
  return run_suite("request_snapshot", tests, sizeof tests / sizeof tests[0], setup, teardown);
}
