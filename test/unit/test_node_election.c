/* test_node_election.c - how a leader is found, and who may not become one.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "group.h"
#include "run_suite.h"

static group g;

static void plain(raft_config *config) {
  config->pre_vote = false;
  config->check_quorum = false;
}

static void open_plain(void) {
  group_open(&g, 3, plain);
}

static void close_group(void) {
  group_close(&g);
}

static raft_message vote_request(uint64_t from, uint64_t to, uint64_t term, uint64_t last_term,
                                 uint64_t last) {
  raft_message message = {.type = RAFT_MSG_VOTE,
                          .from = from,
                          .to = to,
                          .term = term,
                          .log_term = last_term,
                          .index = last};
  return message;
}

/* Did `id` grant `to` its vote, in answer to what was stepped last? */
static bool granted(uint64_t id, uint64_t to, raft_message_type type) {
  const raft_message *answer = group_sent(&g, type, id, to);
  ck_assert_ptr_nonnull(answer);
  bool grant = !answer->reject;
  group_lose(&g);
  return grant;
}

START_TEST(a_majority_elects) {
  group_elect(&g, 2);
  ck_assert_uint_eq(group_leader(&g), 2);
  for (uint64_t id = 1; id <= 3; id++) {
    ck_assert_uint_eq(group_status(&g, id).soft_state.lead, 2);
    ck_assert_uint_eq(group_status(&g, id).hard_state.term, 1);
    ck_assert_uint_eq(group_status(&g, id).hard_state.commit, 1); /* the empty entry of its term */
  }
}
END_TEST

START_TEST(a_minority_does_not_elect) {
  g.members[2].cut = g.members[3].cut = true;
  ck_assert_int_eq(raft_rawnode_campaign(group_node(&g, 1)), RAFT_OK);
  group_settle(&g);
  ck_assert_int_eq(group_status(&g, 1).soft_state.role, RAFT_CANDIDATE);
}
END_TEST

START_TEST(one_vote_a_term) {
  ck_assert_int_eq(group_step(&g, vote_request(2, 1, 1, 0, 0)), RAFT_OK);
  ck_assert(granted(1, 2, RAFT_MSG_VOTE_RESP));
  ck_assert_int_eq(group_step(&g, vote_request(3, 1, 1, 0, 0)), RAFT_OK);
  ck_assert(!granted(1, 3, RAFT_MSG_VOTE_RESP));
  ck_assert_int_eq(group_step(&g, vote_request(2, 1, 1, 0, 0)), RAFT_OK);
  ck_assert(granted(1, 2, RAFT_MSG_VOTE_RESP)); /* a repeated request is granted again */
  ck_assert_uint_eq(group_status(&g, 1).hard_state.vote, 2);
}
END_TEST

START_TEST(a_vote_survives_a_restart) {
  ck_assert_int_eq(group_step(&g, vote_request(2, 1, 1, 0, 0)), RAFT_OK);
  ck_assert(granted(1, 2, RAFT_MSG_VOTE_RESP));
  group_restart(&g, 1);
  ck_assert_int_eq(group_step(&g, vote_request(3, 1, 1, 0, 0)), RAFT_OK);
  ck_assert(!granted(1, 3, RAFT_MSG_VOTE_RESP));
}
END_TEST

START_TEST(a_shorter_log_gets_no_vote) {
  group_elect(&g, 1);
  ck_assert_int_eq(group_propose(&g, 1, "x"), RAFT_OK);
  group_settle(&g);
  ck_assert_int_eq(group_step(&g, vote_request(3, 2, 5, 1, 1)), RAFT_OK);
  ck_assert(!granted(2, 3, RAFT_MSG_VOTE_RESP));
  ck_assert_int_eq(group_step(&g, vote_request(3, 2, 6, 1, 2)), RAFT_OK);
  ck_assert(granted(2, 3, RAFT_MSG_VOTE_RESP));
  ck_assert_int_eq(group_step(&g, vote_request(3, 2, 7, 2, 1)), RAFT_OK);
  ck_assert(granted(2, 3, RAFT_MSG_VOTE_RESP)); /* a later last term beats any length */
}
END_TEST

START_TEST(a_grant_has_the_term_asked_for_and_a_rejection_the_own) {
  group_elect(&g, 1);
  ck_assert_int_eq(group_step(&g, vote_request(3, 2, 1, 0, 0)), RAFT_OK);
  const raft_message *answer = group_sent(&g, RAFT_MSG_VOTE_RESP, 2, 3);
  ck_assert(answer->reject);
  ck_assert_uint_eq(answer->term, 1);
  group_lose(&g);
  raft_message pre = vote_request(3, 2, 9, 1, 1);
  pre.type = RAFT_MSG_PRE_VOTE;
  ck_assert_int_eq(group_step(&g, pre), RAFT_OK);
  answer = group_sent(&g, RAFT_MSG_PRE_VOTE_RESP, 2, 3);
  ck_assert(!answer->reject);
  ck_assert_uint_eq(answer->term, 9);
  ck_assert_uint_eq(group_status(&g, 2).hard_state.term, 1); /* nobody entered it */
}
END_TEST

START_TEST(a_pre_vote_of_an_old_term_is_rejected_with_the_own) {
  group_elect(&g, 1);
  group_elect(&g, 2);
  raft_message pre = vote_request(3, 1, 1, 9, 9);
  pre.type = RAFT_MSG_PRE_VOTE;
  ck_assert_int_eq(group_step(&g, pre), RAFT_OK);
  const raft_message *answer = group_sent(&g, RAFT_MSG_PRE_VOTE_RESP, 1, 3);
  ck_assert(answer->reject);
  ck_assert_uint_eq(answer->term, 2);
}
END_TEST

START_TEST(timeouts_are_drawn_from_n_to_2n) {
  unsigned seen[20] = {0};
  for (unsigned round = 0; round < 400; round++) {
    raft_message heartbeat = {.type = RAFT_MSG_HEARTBEAT, .from = 2, .to = 1, .term = round + 1};
    ck_assert_int_eq(group_step(&g, heartbeat), RAFT_OK); /* a new term draws anew */
    unsigned ticks = 0;
    while (group_status(&g, 1).soft_state.role == RAFT_FOLLOWER) {
      ck_assert_int_eq(raft_rawnode_tick(group_node(&g, 1)), RAFT_OK);
      ck_assert_uint_lt(ticks, 20);
      ticks++;
    }
    seen[ticks]++;
    raft_message back = {.type = RAFT_MSG_HEARTBEAT, .from = 2, .to = 1, .term = round + 1};
    back.term = group_status(&g, 1).hard_state.term;
    ck_assert_int_eq(group_step(&g, back), RAFT_OK);
    round = (unsigned)back.term;
    while (group_turn(&g)) {
    }
    group_lose(&g);
  }
  for (unsigned ticks = 0; ticks < 20; ticks++) {
    ck_assert_int_eq(seen[ticks] > 0, ticks >= 10);
  }
}
END_TEST

/* Rivals that always draw the same timeout, or what the other one drew before, never elect. */
START_TEST(members_draw_different_timeouts_whatever_the_seed) {
  enum { DRAWS = 64 };
  static unsigned char drawn[3][DRAWS];
  for (uint64_t id = 1; id <= 3; id++) {
    for (unsigned draw = 0; draw < DRAWS; draw++) {
      uint64_t term = group_status(&g, id).hard_state.term;
      while (group_status(&g, id).hard_state.term == term) { /* nobody answers its campaigns */
        ck_assert_int_eq(raft_rawnode_tick(group_node(&g, id)), RAFT_OK);
        drawn[id - 1][draw]++;
      }
    }
  }
  for (int one = 0; one < 3; one++) {
    for (int other = one + 1; other < 3; other++) {
      for (int shift = -4; shift <= 4; shift++) {
        int same = 0;
        for (int draw = 4; draw < DRAWS - 4; draw++) {
          same += drawn[one][draw] == drawn[other][draw + shift];
        }
        ck_assert_int_lt(same, DRAWS / 2);
      }
    }
  }
}
END_TEST

START_TEST(a_candidate_follows_whoever_leads_its_term) {
  static const raft_message_type types[] = {RAFT_MSG_APP, RAFT_MSG_HEARTBEAT, RAFT_MSG_SNAP};
  for (size_t i = 0; i < 3; i++) {
    ck_assert_int_eq(raft_rawnode_campaign(group_node(&g, 1)), RAFT_OK);
    raft_message message = {.type = types[i], .from = 3, .to = 1, .term = i + 1};
    ck_assert_int_eq(group_step(&g, message), RAFT_OK);
    ck_assert_int_eq(group_status(&g, 1).soft_state.role, RAFT_FOLLOWER);
    ck_assert_uint_eq(group_status(&g, 1).soft_state.lead, 3);
  }
}
END_TEST

START_TEST(the_own_vote_counts_only_after_it_is_durable) {
  group_close(&g);
  group_open(&g, 1, plain);
  ck_assert_int_eq(raft_rawnode_campaign(group_node(&g, 1)), RAFT_OK);
  ck_assert_int_eq(group_status(&g, 1).soft_state.role, RAFT_CANDIDATE);
  ck_assert(group_turn(&g)); /* saves the vote, then advances */
  ck_assert_int_eq(group_status(&g, 1).soft_state.role, RAFT_LEADER);
}
END_TEST

static void asynchronous(raft_config *config) {
  plain(config);
  config->async_storage_writes = true;
}

/* Or a candidate could forget that it campaigned in this term, and lead it a second time. */
START_TEST(asynchronous_vote_requests_go_out_after_the_own_vote_is_durable) {
  group_close(&g);
  group_open(&g, 3, asynchronous);
  const raft_ready *rd = NULL;
  ck_assert_int_eq(raft_rawnode_campaign(group_node(&g, 1)), RAFT_OK);
  ck_assert_int_eq(raft_rawnode_ready(group_node(&g, 1), &rd), RAFT_OK);
  ck_assert_uint_eq(rd->message_count, 1);
  const raft_message *append = &rd->messages[0];
  ck_assert_int_eq(append->type, RAFT_MSG_STORAGE_APPEND);
  ck_assert_uint_eq(append->vote, 1);
  ck_assert_uint_eq(append->response_count, 3);
  ck_assert_int_eq(append->responses[0].type, RAFT_MSG_VOTE_RESP); /* its own */
  for (uint64_t to = 2; to <= 3; to++) {
    ck_assert_int_eq(append->responses[to - 1].type, RAFT_MSG_VOTE);
    ck_assert_uint_eq(append->responses[to - 1].to, to);
    ck_assert_uint_eq(append->responses[to - 1].term, 1);
  }
}
END_TEST

START_TEST(a_vote_for_itself_that_comes_too_late_is_ignored) {
  raft_rawnode *node = group_node(&g, 1);
  const raft_ready *rd = NULL;
  ck_assert_int_eq(raft_rawnode_campaign(node), RAFT_OK);
  ck_assert_int_eq(raft_rawnode_ready(node, &rd), RAFT_OK);
  raft_message heartbeat = {.type = RAFT_MSG_HEARTBEAT, .from = 2, .to = 1, .term = 1};
  ck_assert_int_eq(raft_rawnode_step(node, &heartbeat), RAFT_OK);
  ck_assert_int_eq(raft_rawnode_advance(node, rd), RAFT_OK);
  ck_assert_int_eq(group_status(&g, 1).soft_state.role, RAFT_FOLLOWER);
  ck_assert_uint_eq(group_status(&g, 1).soft_state.lead, 2);
}
END_TEST

START_TEST(no_campaign_before_a_committed_conf_change_is_applied) {
  group_elect(&g, 1);
  ck_assert_int_eq(group_propose_change(&g, 1, RAFT_CONF_REMOVE_NODE, 3), RAFT_OK);
  ck_assert(group_turn(&g));
  group_deliver(&g); /* the followers have it */
  group_turn(&g);
  raft_message commit = {.type = RAFT_MSG_HEARTBEAT, .from = 1, .to = 2, .term = 1, .commit = 2};
  ck_assert_int_eq(group_step(&g, commit), RAFT_OK);
  ck_assert_int_eq(raft_rawnode_campaign(group_node(&g, 2)), RAFT_OK);
  ck_assert_int_eq(group_status(&g, 2).soft_state.role, RAFT_FOLLOWER);
  raft_message now = {.type = RAFT_MSG_TIMEOUT_NOW, .from = 1, .to = 2, .term = 1};
  ck_assert_int_eq(group_step(&g, now), RAFT_OK); /* not even when told to */
  ck_assert_int_eq(group_status(&g, 2).soft_state.role, RAFT_FOLLOWER);
  group_settle(&g);
  ck_assert_int_eq(raft_rawnode_campaign(group_node(&g, 2)), RAFT_OK);
  ck_assert_int_ne(group_status(&g, 2).soft_state.role, RAFT_FOLLOWER);
}
END_TEST

START_TEST(a_pre_vote_disturbs_nobody) {
  group_reopen(&g, 3, NULL); /* pre-vote and check-quorum, as by default */
  g.members[3].cut = true;
  group_tick(&g, 60);
  ck_assert_int_eq(group_status(&g, 3).soft_state.role, RAFT_PRE_CANDIDATE);
  ck_assert_uint_eq(group_status(&g, 3).hard_state.term, 1);
  g.members[3].cut = false;
  group_tick(&g, 30);
  ck_assert_uint_eq(group_leader(&g), 1);
  ck_assert_uint_eq(group_status(&g, 1).hard_state.term, 1);
  ck_assert_uint_eq(group_status(&g, 3).soft_state.lead, 1);
}
END_TEST

START_TEST(a_leader_without_a_quorum_steps_down) {
  group_reopen(&g, 3, NULL);
  g.members[1].cut = true;
  group_tick(&g, 21);
  ck_assert_int_eq(group_status(&g, 1).soft_state.role, RAFT_FOLLOWER);
  group_tick(&g, 40);
  uint64_t leader = group_leader(&g);
  ck_assert(leader == 2 || leader == 3);
}
END_TEST

START_TEST(a_live_leader_is_not_voted_out) {
  group_reopen(&g, 3, NULL);
  raft_message request = vote_request(3, 2, 9, 9, 9);
  ck_assert_int_eq(group_step(&g, request), RAFT_OK);
  ck_assert_ptr_null(group_sent(&g, RAFT_MSG_VOTE_RESP, 2, 3));
  ck_assert_uint_eq(group_status(&g, 2).hard_state.term, 1);
  request.context.data = "CampaignTransfer"; /* unless the leader itself wants it */
  request.context.len = 16;
  ck_assert_int_eq(group_step(&g, request), RAFT_OK);
  ck_assert(granted(2, 3, RAFT_MSG_VOTE_RESP));
}
END_TEST

START_TEST(a_leader_of_an_old_term_is_told) {
  group_reopen(&g, 3, NULL);
  ck_assert_int_eq(raft_rawnode_transfer_leader(group_node(&g, 1), 2), RAFT_OK);
  group_settle(&g);
  ck_assert_uint_eq(group_leader(&g), 2);
  static const raft_message_type types[] = {RAFT_MSG_APP, RAFT_MSG_HEARTBEAT};
  for (size_t i = 0; i < 2; i++) {
    raft_message old = {.type = types[i], .from = 1, .to = 3, .term = 1};
    ck_assert_int_eq(group_step(&g, old), RAFT_OK);
    const raft_message *answer = group_sent(&g, RAFT_MSG_APP_RESP, 3, 1);
    ck_assert_ptr_nonnull(answer);
    ck_assert_uint_eq(answer->term, 2);
    group_lose(&g);
  }
}
END_TEST

START_TEST(a_learner_votes_but_never_campaigns) {
  group_elect(&g, 1);
  ck_assert_int_eq(group_propose_change(&g, 1, RAFT_CONF_ADD_LEARNER, 4), RAFT_OK);
  group_settle(&g);
  group_compact(&g, 1, g.members[1].applied); /* it learns the configuration by a snapshot */
  group_join(&g, 4, plain);
  group_tick(&g, 3);
  ck_assert_uint_eq(g.members[4].applied, g.members[1].applied);
  g.members[1].cut = true;
  for (int i = 0; i < 100; i++) {
    ck_assert_int_eq(raft_rawnode_tick(group_node(&g, 4)), RAFT_OK);
    ck_assert_int_eq(group_status(&g, 4).soft_state.role, RAFT_FOLLOWER);
  }
  ck_assert_int_eq(group_step(&g, vote_request(2, 4, 9, 9, 9)), RAFT_OK);
  ck_assert(granted(4, 2, RAFT_MSG_VOTE_RESP));
}
END_TEST

/* ---- who gets a vote, and what a vote changes ---- */

START_TEST(who_knows_the_leader_of_a_term_votes_for_nobody_else_in_it) {
  raft_message heartbeat = {.type = RAFT_MSG_HEARTBEAT, .from = 2, .to = 1, .term = 5};
  ck_assert_int_eq(group_step(&g, heartbeat), RAFT_OK);
  ck_assert_uint_eq(group_status(&g, 1).hard_state.vote, 0); /* the vote would be free */
  ck_assert_int_eq(group_step(&g, vote_request(3, 1, 5, 5, 9)), RAFT_OK);
  ck_assert(!granted(1, 3, RAFT_MSG_VOTE_RESP));
  raft_message pre = vote_request(3, 1, 5, 5, 9);
  pre.type = RAFT_MSG_PRE_VOTE; /* for this very term: as good as a vote */
  ck_assert_int_eq(group_step(&g, pre), RAFT_OK);
  ck_assert(!granted(1, 3, RAFT_MSG_PRE_VOTE_RESP));
  pre.term = 6;
  ck_assert_int_eq(group_step(&g, pre), RAFT_OK);
  ck_assert(granted(1, 3, RAFT_MSG_PRE_VOTE_RESP));
}
END_TEST

static void tick(uint64_t id, unsigned ticks) {
  for (unsigned i = 0; i < ticks; i++) {
    ck_assert_int_eq(raft_rawnode_tick(group_node(&g, id)), RAFT_OK);
  }
}

START_TEST(a_pre_vote_changes_neither_term_nor_vote_nor_clock) {
  ck_assert_int_eq(group_step(&g, vote_request(2, 1, 1, 0, 0)), RAFT_OK);
  ck_assert_int_eq(raft_rawnode_set_randomized_election_timeout(group_node(&g, 1), 10), RAFT_OK);
  tick(1, 9);
  raft_message pre = vote_request(3, 1, 4, 9, 9);
  pre.type = RAFT_MSG_PRE_VOTE;
  group_lose(&g);
  ck_assert_int_eq(group_step(&g, pre), RAFT_OK);
  ck_assert(granted(1, 3, RAFT_MSG_PRE_VOTE_RESP));
  ck_assert_uint_eq(group_status(&g, 1).hard_state.term, 1);
  ck_assert_uint_eq(group_status(&g, 1).hard_state.vote, 2);
  ck_assert_int_eq(group_status(&g, 1).soft_state.role, RAFT_FOLLOWER);
  tick(1, 1);
  ck_assert_int_eq(group_status(&g, 1).soft_state.role, RAFT_CANDIDATE);
}
END_TEST

START_TEST(only_a_granted_vote_restarts_the_clock) {
  raft_message heartbeat = {.type = RAFT_MSG_HEARTBEAT, .from = 3, .to = 1, .term = 5};
  ck_assert_int_eq(group_step(&g, heartbeat), RAFT_OK);
  ck_assert_int_eq(raft_rawnode_forget_leader(group_node(&g, 1)), RAFT_OK); /* term 5, vote free */
  ck_assert_int_eq(raft_rawnode_set_randomized_election_timeout(group_node(&g, 1), 10), RAFT_OK);
  tick(1, 9);
  ck_assert_int_eq(group_step(&g, vote_request(2, 1, 5, 0, 0)), RAFT_OK);
  ck_assert_uint_eq(group_status(&g, 1).hard_state.vote, 2);
  tick(1, 9);
  ck_assert_int_eq(group_status(&g, 1).soft_state.role, RAFT_FOLLOWER);
  ck_assert_int_eq(group_step(&g, vote_request(3, 1, 5, 0, 0)), RAFT_OK); /* refused */
  tick(1, 1);
  ck_assert_int_eq(group_status(&g, 1).soft_state.role, RAFT_CANDIDATE);
}
END_TEST

/* With leases a leader that is gone is still honoured: whoever campaigns does so no more. */
START_TEST(pre_candidates_do_not_refuse_each_other) {
  group_reopen(&g, 3, NULL);
  g.members[1].cut = true;
  for (uint64_t id = 2; id <= 3; id++) {
    raft_basic_status before = group_status(&g, id);
    ck_assert_int_eq(raft_rawnode_set_randomized_election_timeout(group_node(&g, id), 10), RAFT_OK);
    tick(id, 10);
    ck_assert_int_eq(group_status(&g, id).soft_state.role, RAFT_PRE_CANDIDATE);
    ck_assert_uint_eq(group_status(&g, id).soft_state.lead, 0);
    ck_assert_uint_eq(group_status(&g, id).hard_state.term, before.hard_state.term);
    ck_assert_uint_eq(group_status(&g, id).hard_state.vote, before.hard_state.vote);
  }
  group_settle(&g);
  ck_assert_uint_eq(group_status(&g, 2).hard_state.term, 2); /* both got what they asked for */
  ck_assert_uint_eq(group_status(&g, 3).hard_state.term, 2);
}
END_TEST

/* ---- answers that are not what they seem ---- */

static int answer(raft_message_type type, uint64_t from, uint64_t to, uint64_t term, bool reject) {
  raft_message message = {.type = type, .from = from, .to = to, .term = term, .reject = reject};
  return group_step(&g, message);
}

START_TEST(a_granted_pre_vote_raises_no_term) {
  group_close(&g);
  group_open(&g, 3, NULL);
  ck_assert_int_eq(raft_rawnode_campaign(group_node(&g, 1)), RAFT_OK);
  ck_assert_int_eq(answer(RAFT_MSG_PRE_VOTE_RESP, 2, 1, 1, false), RAFT_OK);
  ck_assert_int_eq(group_status(&g, 1).soft_state.role, RAFT_PRE_CANDIDATE);
  ck_assert_uint_eq(group_status(&g, 1).hard_state.term, 0);
  ck_assert_int_eq(answer(RAFT_MSG_PRE_VOTE_RESP, 2, 3, 9, false), RAFT_OK); /* late, or astray */
  ck_assert_uint_eq(group_status(&g, 3).hard_state.term, 0);
  ck_assert_int_eq(answer(RAFT_MSG_PRE_VOTE_RESP, 2, 3, 9, true), RAFT_OK);
  ck_assert_uint_eq(group_status(&g, 3).hard_state.term, 9); /* a rejection tells a real one */
}
END_TEST

START_TEST(a_lost_pre_vote_ends_in_the_own_term) {
  group_close(&g);
  group_open(&g, 3, NULL);
  ck_assert_int_eq(raft_rawnode_campaign(group_node(&g, 1)), RAFT_OK);
  group_turn(&g);
  group_lose(&g);
  ck_assert_int_eq(answer(RAFT_MSG_PRE_VOTE_RESP, 2, 1, 0, false), RAFT_EMALFORMED);
  ck_assert_int_eq(answer(RAFT_MSG_PRE_VOTE_RESP, 2, 1, 0, true),
                   RAFT_OK); /* 2 is in no term yet */
  ck_assert_int_eq(group_status(&g, 1).soft_state.role, RAFT_PRE_CANDIDATE);
  ck_assert_int_eq(answer(RAFT_MSG_PRE_VOTE_RESP, 3, 1, 0, true), RAFT_OK);
  ck_assert_int_eq(group_status(&g, 1).soft_state.role, RAFT_FOLLOWER);
  ck_assert_uint_eq(group_status(&g, 1).hard_state.term, 0);
  ck_assert_uint_eq(group_status(&g, 1).hard_state.vote, 0);
}
END_TEST

/* The own pre-vote becomes durable only after the answers of the others have won the pre-vote. */
START_TEST(a_pre_vote_does_not_count_in_the_election) {
  group_close(&g);
  group_open(&g, 3, NULL);
  raft_rawnode *node = group_node(&g, 1);
  const raft_ready *rd = NULL;
  ck_assert_int_eq(raft_rawnode_campaign(node), RAFT_OK);
  ck_assert_int_eq(raft_rawnode_ready(node, &rd), RAFT_OK);
  ck_assert_int_eq(answer(RAFT_MSG_PRE_VOTE_RESP, 2, 1, 1, false), RAFT_OK);
  ck_assert_int_eq(answer(RAFT_MSG_PRE_VOTE_RESP, 3, 1, 1, false), RAFT_OK);
  ck_assert_int_eq(group_status(&g, 1).soft_state.role, RAFT_CANDIDATE);
  ck_assert_int_eq(raft_rawnode_advance(node, rd), RAFT_OK); /* with its pre-vote for itself */
  ck_assert_int_eq(answer(RAFT_MSG_PRE_VOTE_RESP, 3, 1, 1, false), RAFT_OK); /* or one again */
  ck_assert_int_eq(answer(RAFT_MSG_VOTE_RESP, 2, 1, 1, false), RAFT_OK);
  ck_assert_int_eq(group_status(&g, 1).soft_state.role, RAFT_CANDIDATE); /* one vote of three */
  ck_assert(group_turn(&g));                                             /* the own one */
  ck_assert_int_eq(group_status(&g, 1).soft_state.role, RAFT_LEADER);
}
END_TEST

START_TEST(a_leader_does_not_campaign) {
  group_elect(&g, 1);
  ck_assert_int_eq(raft_rawnode_campaign(group_node(&g, 1)), RAFT_OK);
  raft_message now = {.type = RAFT_MSG_TIMEOUT_NOW, .from = 2, .to = 1, .term = 1};
  ck_assert_int_eq(group_step(&g, now), RAFT_OK);
  ck_assert_int_eq(group_status(&g, 1).soft_state.role, RAFT_LEADER);
  ck_assert_uint_eq(group_status(&g, 1).hard_state.term, 1);
  ck_assert(!raft_rawnode_has_ready(group_node(&g, 1)));
}
END_TEST

START_TEST(messages_of_terms_that_are_over_change_nothing) {
  static const raft_message_type types[] = {RAFT_MSG_APP,
                                            RAFT_MSG_APP_RESP,
                                            RAFT_MSG_VOTE,
                                            RAFT_MSG_VOTE_RESP,
                                            RAFT_MSG_SNAP,
                                            RAFT_MSG_HEARTBEAT,
                                            RAFT_MSG_HEARTBEAT_RESP,
                                            RAFT_MSG_TIMEOUT_NOW,
                                            RAFT_MSG_TRANSFER_LEADER,
                                            RAFT_MSG_PRE_VOTE_RESP};
  group_elect(&g, 2);
  group_elect(&g, 1); /* term 2 */
  for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
    for (uint64_t to = 1; to <= 2; to++) {
      raft_message old = {
          .type = types[i], .from = 3, .to = to, .term = 1, .index = 1, .log_term = 1, .commit = 2};
      ck_assert_int_eq(group_step(&g, old), RAFT_OK);
      ck_assert(!raft_rawnode_has_ready(group_node(&g, to)));
      ck_assert_uint_eq(group_status(&g, to).soft_state.lead, 1);
    }
  }
}
END_TEST

/* A liar can take a group to the end of all terms, but not around it, back to the first one. */
START_TEST(terms_never_begin_again) {
  const uint64_t last = UINT64_MAX - 1;
  raft_message heartbeat = {.type = RAFT_MSG_HEARTBEAT, .from = 2, .to = 1, .term = last};
  ck_assert_int_eq(group_step(&g, heartbeat), RAFT_OK);
  ck_assert_int_eq(raft_rawnode_campaign(group_node(&g, 1)), RAFT_OK);
  group_tick(&g, 60);
  ck_assert_uint_eq(group_status(&g, 1).hard_state.term, last);
  ck_assert_int_eq(group_status(&g, 1).soft_state.role, RAFT_FOLLOWER);
  ck_assert_int_eq(group_step(&g, vote_request(3, 1, UINT64_MAX, 9, 9)), RAFT_EMALFORMED);
}
END_TEST

static unsigned tallies[2]; /* of votes, of pre-votes */

static void count_tallies(void *ctx, const raft_event *event) {
  (void)ctx;
  if (event->type == RAFT_EVENT_VOTE_TALLY) {
    ck_assert_uint_le(event->index, 1);
    tallies[event->index]++;
  }
}

static void counting(raft_config *config) {
  config->pre_vote = true;
  config->log = count_tallies;
}

START_TEST(a_tally_says_whether_it_is_of_pre_votes) {
  group_close(&g);
  group_open(&g, 3, counting);
  tallies[0] = tallies[1] = 0;
  ck_assert_int_eq(raft_rawnode_campaign(group_node(&g, 1)), RAFT_OK);
  while (group_status(&g, 1).soft_state.role != RAFT_CANDIDATE) {
    group_turn(&g);
    group_deliver(&g);
  }
  ck_assert(tallies[0] == 0 && tallies[1] > 0);
  group_settle(&g);
  ck_assert_uint_gt(tallies[0], 0);
}
END_TEST

int main(void) {
  const TTest *const tests[] = {
      a_tally_says_whether_it_is_of_pre_votes,
      a_majority_elects,
      a_minority_does_not_elect,
      one_vote_a_term,
      a_vote_survives_a_restart,
      a_shorter_log_gets_no_vote,
      a_grant_has_the_term_asked_for_and_a_rejection_the_own,
      a_pre_vote_of_an_old_term_is_rejected_with_the_own,
      timeouts_are_drawn_from_n_to_2n,
      members_draw_different_timeouts_whatever_the_seed,
      a_candidate_follows_whoever_leads_its_term,
      the_own_vote_counts_only_after_it_is_durable,
      asynchronous_vote_requests_go_out_after_the_own_vote_is_durable,
      a_vote_for_itself_that_comes_too_late_is_ignored,
      no_campaign_before_a_committed_conf_change_is_applied,
      a_pre_vote_disturbs_nobody,
      a_leader_without_a_quorum_steps_down,
      a_live_leader_is_not_voted_out,
      a_leader_of_an_old_term_is_told,
      a_learner_votes_but_never_campaigns,
      who_knows_the_leader_of_a_term_votes_for_nobody_else_in_it,
      a_pre_vote_changes_neither_term_nor_vote_nor_clock,
      only_a_granted_vote_restarts_the_clock,
      pre_candidates_do_not_refuse_each_other,
      a_granted_pre_vote_raises_no_term,
      a_lost_pre_vote_ends_in_the_own_term,
      a_pre_vote_does_not_count_in_the_election,
      a_leader_does_not_campaign,
      messages_of_terms_that_are_over_change_nothing,
      terms_never_begin_again,
  };
  return run_suite("election", tests, sizeof tests / sizeof tests[0], open_plain, close_group);
}
