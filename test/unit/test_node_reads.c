/* test_node_reads.c - a read sees everything that was committed before it, or is not answered.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "group.h"
#include "run_suite.h"

static group g;
static uint64_t seed;

static void narrow(raft_config *config) {
  group_plain(config);
  config->max_pending_reads = 3;
}

static void boundless(raft_config *config) {
  group_plain(config);
  config->max_pending_reads = 0;
}

static void silent(raft_config *config) {
  group_plain(config);
  config->silent_read_drops = true;
}

static void leased(raft_config *config) {
  config->read_only = RAFT_READ_ONLY_LEASE_BASED;
  config->seed = seed;
}

static void open_plain(void) {
  seed = 42;
  group_open(&g, 3, group_plain);
  group_elect(&g, 1);
}

static void close_group(void) {
  group_close(&g);
}

static int ask(uint64_t id, const char *tag) {
  raft_bytes context = {tag, strlen(tag), NULL};
  return raft_rawnode_read_index(group_node(&g, id), &context);
}

/* Lets a node give out what it has, delivers nothing. */
static void turn(void) {
  while (group_turn(&g)) {
  }
}

static bool is_tag(const group_member *m, size_t i, const char *tag) {
  uint64_t expected = 0;
  memcpy(&expected, tag, strlen(tag));
  return m->read_tags[i] == expected;
}

/* The read with this tag was answered, and where. */
static void expect_answer(uint64_t id, size_t i, const char *tag, uint64_t index) {
  const group_member *m = &g.members[id];
  ck_assert_uint_gt(m->read_count, i);
  ck_assert_int_eq(m->reads[i].status, RAFT_OK);
  ck_assert_uint_eq(m->reads[i].index, index);
  ck_assert(is_tag(m, i, tag));
}

static void propose(uint64_t id, unsigned count) {
  for (unsigned i = 0; i < count; i++) {
    ck_assert_int_eq(group_propose(&g, id, "entry"), RAFT_OK);
  }
}

static void change_member(raft_conf_change_type type, uint64_t id) {
  ck_assert_int_eq(group_propose_change(&g, 1, type, id), RAFT_OK);
}

/* ---- rounds ---- */

START_TEST(a_read_is_answered_at_the_commit_index_of_its_time) {
  propose(1, 3);
  group_settle(&g);
  ck_assert_int_eq(ask(1, "a"), RAFT_OK);
  propose(1, 2);
  group_settle(&g);
  expect_answer(1, 0, "a", 4);
}
END_TEST

START_TEST(without_a_quorum_there_is_no_answer) {
  g.members[2].cut = g.members[3].cut = true;
  ck_assert_int_eq(ask(1, "a"), RAFT_OK);
  group_tick(&g, 5);
  ck_assert_uint_eq(g.members[1].read_count, 0);
  ck_assert_uint_eq(group_status(&g, 1).pending_reads, 1);
  g.members[2].cut = false; /* the next heartbeats carry the question along */
  group_tick(&g, 1);
  expect_answer(1, 0, "a", 1);
}
END_TEST

START_TEST(the_round_must_be_younger_than_the_read) {
  ck_assert_int_eq(ask(1, "old"), RAFT_OK);
  const raft_message *sent = group_sent(&g, RAFT_MSG_HEARTBEAT, 1, 2);
  raft_message first = {.type = RAFT_MSG_HEARTBEAT_RESP, .from = 2, .to = 1, .term = 1};
  unsigned char context[8];
  ck_assert_uint_eq(sent->context.len, 8);
  memcpy(context, sent->context.data, 8);
  first.context.data = context;
  first.context.len = 8;
  group_lose(&g);
  ck_assert_int_eq(ask(1, "new"), RAFT_OK);
  turn();
  group_lose(&g);
  ck_assert_int_eq(group_step(&g, first), RAFT_OK);
  turn();
  ck_assert_uint_eq(g.members[1].read_count, 1); /* the answer is to the first round alone */
  expect_answer(1, 0, "old", 1);
  ck_assert_int_eq(group_step(&g, first), RAFT_OK); /* nor does saying it twice help */
  turn();
  ck_assert_uint_eq(g.members[1].read_count, 1);
  memset(context, 0xff, 8); /* a round that never was */
  ck_assert_int_eq(group_step(&g, first), RAFT_OK);
  turn();
  ck_assert_uint_eq(g.members[1].read_count, 1);
}
END_TEST

START_TEST(equal_contexts_are_different_reads) {
  ck_assert_int_eq(ask(1, "same"), RAFT_OK);
  ck_assert_int_eq(ask(1, "same"), RAFT_OK);
  ck_assert_int_eq(ask(1, ""), RAFT_OK);
  group_settle(&g);
  ck_assert_uint_eq(g.members[1].read_count, 3);
  expect_answer(1, 1, "same", 1);
}
END_TEST

START_TEST(a_context_with_an_owner_is_retained) {
  raft_buf *buf = raft_buf_copy(&g.members[1].memory.iface, "owned", 5);
  raft_bytes context = {raft_buf_data(buf), 5, buf};
  ck_assert_int_eq(raft_rawnode_read_index(group_node(&g, 1), &context), RAFT_OK);
  raft_buf_release(buf);
  group_settle(&g);
  expect_answer(1, 0, "owned", 1);
}
END_TEST

/* 1 leads, and nothing of its term is committed. */
static void elect_without_a_commit(void) {
  group_close(&g);
  group_open(&g, 3, group_plain);
  ck_assert_int_eq(raft_rawnode_campaign(group_node(&g, 1)), RAFT_OK);
  turn();
  group_deliver(&g);
  turn();
  group_deliver(&g);
  ck_assert_int_eq(group_status(&g, 1).soft_state.role, RAFT_LEADER);
}

START_TEST(reads_wait_for_the_first_commit_of_the_term) {
  elect_without_a_commit();
  ck_assert_int_eq(ask(1, "a"), RAFT_OK);
  ck_assert_ptr_null(group_sent(&g, RAFT_MSG_HEARTBEAT, 1, 2)); /* no round yet */
  ck_assert_uint_eq(g.members[1].read_count, 0);
  group_settle(&g);
  expect_answer(1, 0, "a", 1);
}
END_TEST

/* 4.3 c: what was committed before the restart may lie above what is known to be. */
START_TEST(a_single_voter_waits_for_it_too) {
  group_reopen(&g, 1, group_plain);
  propose(1, 5);
  group_settle(&g);
  raft_hard_state stale = {.term = 1, .vote = 1, .commit = 2};
  ck_assert_int_eq(raft_memory_storage_set_hard_state(g.members[1].storage, &stale), RAFT_OK);
  g.members[1].applied = 2;
  g.members[1].applied_hash = g.hashes[2];
  group_restart(&g, 1);
  ck_assert_int_eq(raft_rawnode_campaign(group_node(&g, 1)), RAFT_OK);
  ck_assert(group_turn(&g));
  ck_assert_int_eq(group_status(&g, 1).soft_state.role, RAFT_LEADER);
  ck_assert_uint_eq(group_status(&g, 1).hard_state.commit, 2);
  ck_assert_int_eq(ask(1, "a"), RAFT_OK);
  group_settle(&g);
  ck_assert_uint_eq(g.members[1].read_count, 1);
  expect_answer(1, 0, "a", 7);
  ck_assert_int_eq(ask(1, "b"), RAFT_OK); /* from then on at once */
  turn();
  expect_answer(1, 1, "b", 7);
}
END_TEST

/* 4.3 d */
START_TEST(reads_complete_when_the_group_shrinks_to_one) {
  group_reopen(&g, 2, group_plain);
  change_member(RAFT_CONF_REMOVE_NODE, 2);
  turn();
  group_deliver(&g); /* 2 has the entry */
  turn();
  g.members[2].cut = false;
  ck_assert_int_eq(ask(1, "a"), RAFT_OK);
  raft_message ack = {.type = RAFT_MSG_APP_RESP, .from = 2, .to = 1, .term = 1, .index = 2};
  group_lose(&g);
  g.members[2].cut = true;
  ck_assert_int_eq(group_step(&g, ack), RAFT_OK);
  group_settle(&g);
  expect_answer(1, 0, "a", 1);
}
END_TEST

START_TEST(acknowledgements_of_members_that_left_do_not_count) {
  group_reopen(&g, 3, group_plain);
  ck_assert_int_eq(ask(1, "a"), RAFT_OK);
  turn();
  group_lose(&g);
  raft_message stranger = {.type = RAFT_MSG_HEARTBEAT_RESP, .from = 7, .to = 1, .term = 1};
  ck_assert_int_eq(group_step(&g, stranger), RAFT_EPEER_NOT_FOUND);
  ck_assert_uint_eq(group_status(&g, 1).pending_reads, 1);
}
END_TEST

/* ---- forwarded ---- */

START_TEST(a_follower_forwards_and_gets_the_answer) {
  propose(1, 3);
  group_settle(&g);
  ck_assert_int_eq(ask(3, "f"), RAFT_OK);
  group_settle(&g);
  expect_answer(3, 0, "f", 4);
  ck_assert_uint_eq(g.members[1].read_count, 0);
}
END_TEST

START_TEST(a_learner_forwards_too_and_does_not_confirm) {
  change_member(RAFT_CONF_ADD_LEARNER, 4);
  group_settle(&g);
  group_compact(&g, 1, g.members[1].applied);
  group_join(&g, 4, group_plain);
  group_tick(&g, 3);
  ck_assert_int_eq(ask(4, "l"), RAFT_OK);
  group_settle(&g);
  expect_answer(4, 0, "l", 2);
  g.members[2].cut = g.members[3].cut = true;
  ck_assert_int_eq(ask(1, "a"), RAFT_OK);
  group_tick(&g, 2);
  ck_assert_uint_eq(g.members[1].read_count, 0);
}
END_TEST

START_TEST(requests_and_answers_that_are_none_are_malformed) {
  raft_message request = {.type = RAFT_MSG_READ_INDEX, .from = 2, .to = 1};
  ck_assert_int_eq(group_step(&g, request), RAFT_EMALFORMED);
  raft_message answer = {.type = RAFT_MSG_READ_INDEX_RESP, .from = 1, .to = 2, .term = 1};
  ck_assert_int_eq(group_step(&g, answer), RAFT_EMALFORMED);
}
END_TEST

START_TEST(without_a_leader_the_caller_is_told) {
  group_close(&g);
  group_open(&g, 3, group_plain);
  ck_assert_int_eq(ask(1, "a"), RAFT_EREAD_NO_LEADER);
  ck_assert_int_eq(raft_rawnode_campaign(group_node(&g, 1)), RAFT_OK);
  ck_assert_int_eq(ask(1, "a"), RAFT_EREAD_NO_LEADER);
  group_reopen(&g, 3, silent);
  raft_message term = {.type = RAFT_MSG_VOTE_RESP, .from = 2, .to = 3, .term = 9, .reject = true};
  ck_assert_int_eq(group_step(&g, term), RAFT_OK);
  ck_assert_int_eq(ask(3, "a"), RAFT_OK); /* unless it does not want to know */
}
END_TEST

/* ---- 4.3 j: bounded, and never forgotten ---- */

START_TEST(the_queue_is_bounded) {
  group_reopen(&g, 3, narrow);
  g.members[2].cut = g.members[3].cut = true;
  for (int i = 0; i < 3; i++) {
    ck_assert_int_eq(ask(1, "a"), RAFT_OK);
  }
  ck_assert_int_eq(ask(1, "b"), RAFT_EREAD_TOO_MANY);
  ck_assert_uint_eq(group_status(&g, 1).pending_reads, 3);
  group_reopen(&g, 3, boundless);
  g.members[2].cut = g.members[3].cut = true;
  for (int i = 0; i < 5000; i++) {
    ck_assert_int_eq(ask(1, "a"), RAFT_OK);
  }
}
END_TEST

START_TEST(who_steps_down_reports_what_it_abandons) {
  g.members[2].cut = g.members[3].cut = true;
  ck_assert_int_eq(ask(1, "mine"), RAFT_OK);
  raft_entry entry = {.data = {"theirs", 6, NULL}};
  raft_message forwarded = {
      .type = RAFT_MSG_READ_INDEX, .from = 2, .to = 1, .entries = &entry, .entry_count = 1};
  ck_assert_int_eq(group_step(&g, forwarded), RAFT_OK);
  raft_message newer = {.type = RAFT_MSG_HEARTBEAT, .from = 3, .to = 1, .term = 2};
  ck_assert_int_eq(group_step(&g, newer), RAFT_OK);
  ck_assert_uint_eq(group_status(&g, 1).pending_reads, 0);
  turn();
  ck_assert_uint_eq(g.members[1].read_count, 1); /* 2 asks again by itself */
  ck_assert_int_eq(g.members[1].reads[0].status, RAFT_EREAD_STEPPED_DOWN);
  ck_assert_uint_eq(g.members[1].reads[0].index, 0);
  ck_assert(is_tag(&g.members[1], 0, "mine"));
}
END_TEST

START_TEST(reads_before_the_first_commit_are_abandoned_likewise) {
  elect_without_a_commit();
  ck_assert_int_eq(ask(1, "a"), RAFT_OK);
  turn();
  group_lose(&g);
  raft_message newer = {.type = RAFT_MSG_HEARTBEAT, .from = 3, .to = 1, .term = 2};
  ck_assert_int_eq(group_step(&g, newer), RAFT_OK);
  turn();
  ck_assert_uint_eq(g.members[1].read_count, 1);
  ck_assert_int_eq(g.members[1].reads[0].status, RAFT_EREAD_STEPPED_DOWN);
}
END_TEST

START_TEST(silence_can_be_asked_for) {
  group_reopen(&g, 3, silent);
  g.members[2].cut = g.members[3].cut = true;
  ck_assert_int_eq(ask(1, "a"), RAFT_OK);
  raft_message newer = {.type = RAFT_MSG_HEARTBEAT, .from = 3, .to = 1, .term = 2};
  ck_assert_int_eq(group_step(&g, newer), RAFT_OK);
  turn();
  ck_assert_uint_eq(g.members[1].read_count, 0);
}
END_TEST

START_TEST(a_node_that_is_closed_forgets_its_reads) {
  g.members[2].cut = g.members[3].cut = true;
  ck_assert_int_eq(ask(1, "waits"), RAFT_OK);
  group_reopen(&g, 1, group_plain);
  ck_assert_int_eq(ask(1, "answered"), RAFT_OK); /* the group checks that no memory is left */
}
END_TEST

START_TEST(a_read_that_finds_no_memory_is_refused_or_lost) {
  g.members[2].cut = g.members[3].cut = true;
  for (size_t n = 1;; n++) {
    failing_allocator_arm(&g.members[1].memory, n, false);
    uint32_t before = group_status(&g, 1).pending_reads;
    int rc = ask(1, "a");
    ck_assert_uint_eq(group_status(&g, 1).pending_reads, before + (rc == RAFT_OK));
    if (g.members[1].memory.total_calls < n) {
      break;
    }
    ck_assert(rc == RAFT_OK || rc == RAFT_ENOMEM);
  }
  failing_allocator_arm(&g.members[1].memory, 0, false);
  g.members[2].cut = false;
  group_tick(&g, 2);
  ck_assert_uint_eq(group_status(&g, 1).pending_reads, 0);
}
END_TEST

/* ---- leases ---- */

START_TEST(a_lease_answers_at_once) {
  group_reopen(&g, 3, leased);
  group_tick(&g, 1); /* heartbeats that a quorum answers */
  ck_assert_int_eq(ask(1, "a"), RAFT_OK);
  ck_assert_ptr_null(group_sent(&g, RAFT_MSG_HEARTBEAT, 1, 2));
  expect_answer(1, 0, "a", 1);
}
END_TEST

START_TEST(without_heartbeats_answered_there_is_no_lease) {
  group_reopen(&g, 3, leased);
  ck_assert_int_eq(ask(1, "a"), RAFT_OK);
  turn();
  ck_assert_uint_eq(g.members[1].read_count, 0);
  group_settle(&g); /* but a round of its own does */
  expect_answer(1, 0, "a", 1);
}
END_TEST

START_TEST(a_lease_needs_the_quorum_check) {
  raft_config config = g.members[1].config;
  config.read_only = RAFT_READ_ONLY_LEASE_BASED;
  raft_rawnode *node = NULL;
  ck_assert_int_eq(raft_rawnode_open(&config, &node), RAFT_ECONFIG);
}
END_TEST

/* The highest index that anyone has committed. */
static uint64_t newest_commit(void) {
  uint64_t newest = 0;
  for (uint64_t id = 1; id <= g.count; id++) {
    uint64_t commit = group_status(&g, id).hard_state.commit;
    newest = commit > newest ? commit : newest;
  }
  return newest;
}

/* Asks 1: either it gives no answer, or one that no commit anywhere is ahead of. */
static bool reads_what_is_new(void) {
  uint64_t newest = newest_commit();
  size_t before = g.members[1].read_count = 0;
  int rc = ask(1, "?");
  while (raft_rawnode_has_ready(group_node(&g, 1)) && group_turn(&g)) {
  }
  for (size_t i = before; i < g.members[1].read_count; i++) {
    const raft_read_state *read = &g.members[1].reads[i];
    if (rc == RAFT_OK && read->status == RAFT_OK && read->index < newest) {
      return false;
    }
  }
  return true;
}

/* Elections go on for `ticks`, a leader other than 1 commits, and 1 is asked all the time. */
static void expect_no_stale_read(size_t ticks) {
  for (size_t tick = 0; tick < ticks; tick++) {
    group_tick(&g, 1);
    ck_assert(reads_what_is_new());
    uint64_t leader = group_leader(&g);
    if (leader > 1) {
      (void)group_propose(&g, leader, "entry");
      group_settle(&g);
    }
    ck_assert(reads_what_is_new());
  }
}

/* 4.3 a */
START_TEST(an_isolated_leader_gives_no_stale_lease_read) {
  for (seed = 1; seed <= 50; seed++) {
    group_reopen(&g, 3, leased);
    group_tick(&g, (size_t)(1 + seed % 20)); /* isolation begins at any phase of the quorum check */
    g.members[1].cut = true;
    expect_no_stale_read(60);
    ck_assert_uint_gt(group_leader(&g), 1);
  }
}
END_TEST

/* 4.3 b */
START_TEST(a_leader_that_hands_over_gives_no_stale_lease_read) {
  group_reopen(&g, 3, leased);
  group_tick(&g, 3);
  ck_assert_int_eq(raft_rawnode_transfer_leader(group_node(&g, 1), 2), RAFT_OK);
  ck_assert_ptr_nonnull(group_sent(&g, RAFT_MSG_TIMEOUT_NOW, 1, 2));
  group_deliver(&g);
  g.members[1].cut = true; /* it hears nothing of the election */
  group_settle(&g);
  ck_assert_int_eq(group_status(&g, 2).soft_state.role, RAFT_LEADER);
  propose(2, 2);
  group_settle(&g);
  ck_assert_int_eq(group_status(&g, 1).soft_state.role, RAFT_LEADER);
  ck_assert(reads_what_is_new());
  expect_no_stale_read(40);
}
END_TEST

START_TEST(a_hand_over_that_was_given_up_still_voids_the_lease) {
  group_reopen(&g, 3, leased);
  group_tick(&g, 3);
  ck_assert_int_eq(raft_rawnode_transfer_leader(group_node(&g, 1), 2), RAFT_OK);
  ck_assert_ptr_nonnull(group_sent(&g, RAFT_MSG_TIMEOUT_NOW, 1, 2));
  raft_message late = {.type = RAFT_MSG_TIMEOUT_NOW, .from = 1, .to = 2, .term = 1};
  group_lose(&g);
  group_tick(&g, 15); /* given up; the message was only slow */
  ck_assert_uint_eq(group_status(&g, 1).lead_transferee, 0);
  ck_assert_int_eq(group_step(&g, late), RAFT_OK);
  g.members[1].cut = true;
  group_settle(&g);
  ck_assert_int_eq(group_status(&g, 2).soft_state.role, RAFT_LEADER);
  propose(2, 2);
  group_settle(&g);
  ck_assert(reads_what_is_new());
}
END_TEST

/* A follower's word outlives its restart: 3 cannot hear 1, and 2 forgot that it stands by it. */
START_TEST(a_restarted_follower_keeps_the_lease) {
  for (seed = 1; seed <= 50; seed++) {
    group_reopen(&g, 3, leased);
    g.members[3].cut = true;
    group_tick(&g, (size_t)(9 + seed % 30));
    if (group_leader(&g) != 1) {
      continue;
    }
    g.members[3].cut = false;
    g.members[1].cut = true;
    group_restart(&g, 2);
    expect_no_stale_read(40);
  }
}
END_TEST

/* 3 is a term ahead that nobody follows: its answer to an old pre-vote of 2 comes late, and its
 * campaign right behind. 2 must not forget meanwhile that it stands by 1. */
START_TEST(news_of_a_later_term_do_not_end_the_lease) {
  static const raft_message_type late[] = {RAFT_MSG_PRE_VOTE_RESP, RAFT_MSG_VOTE_RESP,
                                           RAFT_MSG_APP_RESP, RAFT_MSG_HEARTBEAT_RESP};
  for (size_t i = 0; i < sizeof late / sizeof late[0]; i++) {
    group_reopen(&g, 3, leased);
    group_tick(&g, 3);
    raft_message answer = {.type = late[i], .from = 3, .to = 2, .term = 9, .reject = true};
    raft_message vote = {
        .type = RAFT_MSG_VOTE, .from = 3, .to = 2, .term = 10, .log_term = 1, .index = 1};
    g.members[1].cut = true;
    ck_assert_int_eq(group_step(&g, answer), RAFT_OK);
    ck_assert_int_eq(group_step(&g, vote), RAFT_OK);
    ck_assert_ptr_null(group_sent(&g, RAFT_MSG_VOTE_RESP, 2, 3));
    expect_no_stale_read(40);
    ck_assert_uint_gt(group_leader(&g), 1);
  }
}
END_TEST

START_TEST(a_leader_that_others_lean_on_is_not_forgotten) {
  group_reopen(&g, 3, leased);
  group_tick(&g, 1);
  ck_assert_int_eq(raft_rawnode_forget_leader(group_node(&g, 2)), RAFT_OK);
  ck_assert_uint_eq(group_status(&g, 2).soft_state.lead, 1);
  group_reopen(&g, 3, group_plain);
  ck_assert_int_eq(raft_rawnode_forget_leader(group_node(&g, 2)), RAFT_OK);
  ck_assert_uint_eq(group_status(&g, 2).soft_state.lead, 0);
  ck_assert_int_eq(raft_rawnode_forget_leader(group_node(&g, 2)), RAFT_OK);
  ck_assert_int_eq(raft_rawnode_forget_leader(group_node(&g, 1)), RAFT_OK);
  ck_assert_uint_eq(group_status(&g, 1).soft_state.lead, 1);
}
END_TEST

int main(void) {
  const TTest *const tests[] = {
      a_read_is_answered_at_the_commit_index_of_its_time,
      without_a_quorum_there_is_no_answer,
      the_round_must_be_younger_than_the_read,
      equal_contexts_are_different_reads,
      a_context_with_an_owner_is_retained,
      reads_wait_for_the_first_commit_of_the_term,
      a_single_voter_waits_for_it_too,
      reads_complete_when_the_group_shrinks_to_one,
      acknowledgements_of_members_that_left_do_not_count,
      a_follower_forwards_and_gets_the_answer,
      a_learner_forwards_too_and_does_not_confirm,
      requests_and_answers_that_are_none_are_malformed,
      without_a_leader_the_caller_is_told,
      the_queue_is_bounded,
      who_steps_down_reports_what_it_abandons,
      reads_before_the_first_commit_are_abandoned_likewise,
      silence_can_be_asked_for,
      a_node_that_is_closed_forgets_its_reads,
      a_read_that_finds_no_memory_is_refused_or_lost,
      a_lease_answers_at_once,
      without_heartbeats_answered_there_is_no_lease,
      a_lease_needs_the_quorum_check,
      an_isolated_leader_gives_no_stale_lease_read,
      a_leader_that_hands_over_gives_no_stale_lease_read,
      a_hand_over_that_was_given_up_still_voids_the_lease,
      a_restarted_follower_keeps_the_lease,
      news_of_a_later_term_do_not_end_the_lease,
      a_leader_that_others_lean_on_is_not_forgotten,
  };
  return run_suite("reads", tests, sizeof tests / sizeof tests[0], open_plain, close_group);
}
