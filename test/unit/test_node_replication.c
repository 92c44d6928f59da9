/* test_node_replication.c - entries reach all followers, in order, at the pace that each can take.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "group.h"
#include "run_suite.h"

static group g;

static void narrow(raft_config *config) {
  group_plain(config);
  config->max_inflight_messages = 3;
}

static void small(raft_config *config) {
  group_plain(config);
  config->max_size_per_message = 0;
}

static void open_plain(void) {
  group_open(&g, 3, group_plain);
  group_elect(&g, 1);
}

static void close_group(void) {
  group_close(&g);
}

static void propose(uint64_t id, unsigned count) {
  for (unsigned i = 0; i < count; i++) {
    ck_assert_int_eq(group_propose(&g, id, "entry"), RAFT_OK);
  }
}

static size_t in_flight(raft_message_type type, uint64_t to) {
  size_t count = 0;
  (void)group_sent(&g, type, 1, to);
  for (size_t i = 0; i < g.queued; i++) {
    count += g.queue[i].type == type && g.queue[i].to == to;
  }
  return count;
}

START_TEST(proposals_are_applied_by_all) {
  propose(1, 10);
  group_settle(&g);
  ck_assert_uint_eq(g.members[3].applied, 11);
  group_expect_equal(&g);
}
END_TEST

START_TEST(a_follower_forwards_proposals) {
  propose(3, 2);
  group_settle(&g);
  ck_assert_uint_eq(g.members[2].applied, 3);
  group_expect_equal(&g);
}
END_TEST

START_TEST(nothing_commits_without_a_majority) {
  g.members[2].cut = g.members[3].cut = true;
  propose(1, 3);
  group_settle(&g);
  ck_assert_uint_eq(group_status(&g, 1).hard_state.commit, 1);
  g.members[2].cut = false;
  group_tick(&g, 3);
  ck_assert_uint_eq(group_status(&g, 1).hard_state.commit, 4);
}
END_TEST

/* Figure 8 of the Raft paper: an entry of an old term on a majority is not committed by that. */
START_TEST(entries_of_old_terms_do_not_commit_by_counting) {
  group_reopen(&g, 5, group_plain);
  g.members[3].cut = g.members[4].cut = g.members[5].cut = true;
  propose(1, 1); /* (term 1, index 2) on 1 and 2 */
  group_settle(&g);
  g.members[1].cut = true;
  g.members[2].cut = true;
  g.members[3].cut = g.members[4].cut = g.members[5].cut = false;
  group_elect(&g, 5); /* term 2 */
  g.members[5].cut = true;
  g.members[1].cut = g.members[2].cut = false;
  ck_assert_uint_eq(group_status(&g, 1).hard_state.commit, 1);
  ck_assert_int_eq(raft_rawnode_campaign(group_node(&g, 1)), RAFT_OK);
  group_settle(&g); /* loses in term 2 against their longer memory, or learns of the term */
  ck_assert_int_eq(raft_rawnode_campaign(group_node(&g, 4)), RAFT_OK);
  group_settle(&g);
  group_tick(&g, 3);
  g.members[5].cut = false;
  group_tick(&g, 5);
  propose(group_leader(&g), 1);
  group_settle(&g);
  group_expect_equal(&g); /* whatever was chosen, all applied the same */
}
END_TEST

START_TEST(a_new_leader_commits_nothing_old_before_its_own_entry) {
  g.members[3].cut = true;
  propose(1, 1);
  ck_assert(group_turn(&g));
  group_deliver(&g); /* 2 has it, and its answer is on the way */
  group_turn(&g);
  group_lose(&g);
  g.members[1].cut = true;
  g.members[3].cut = false;
  ck_assert_int_eq(raft_rawnode_campaign(group_node(&g, 2)), RAFT_OK);
  ck_assert(group_turn(&g));
  group_deliver(&g);
  group_turn(&g);
  group_deliver(&g); /* elected; its appends are on the way */
  ck_assert_int_eq(group_status(&g, 2).soft_state.role, RAFT_LEADER);
  raft_message ack = {.type = RAFT_MSG_APP_RESP, .from = 3, .to = 2, .term = 2, .index = 2};
  ck_assert_int_eq(group_step(&g, ack), RAFT_OK);
  ck_assert_uint_eq(group_status(&g, 2).hard_state.commit,
                    1); /* a majority has index 2, of term 1 */
  ack.index = 3;
  while (group_turn(&g)) {
  }
  ck_assert_int_eq(group_step(&g, ack), RAFT_OK);
  ck_assert_uint_eq(group_status(&g, 2).hard_state.commit, 3);
}
END_TEST

START_TEST(a_diverged_follower_is_brought_back_in_a_round_trip_a_term) {
  g.members[1].cut = true;
  propose(1, 20); /* nobody else will ever have these */
  group_settle(&g);
  group_elect(&g, 2);
  propose(2, 3);
  group_settle(&g);
  g.members[1].cut = false;
  memset(g.delivered, 0, sizeof g.delivered);
  group_tick(&g, 2);
  group_expect_equal(&g);
  ck_assert_uint_eq(g.members[1].applied, g.members[2].applied);
  ck_assert_uint_lt(g.delivered[RAFT_MSG_APP_RESP], 8);
}
END_TEST

/* 2 gets the entry (1, 2), and nothing behind it: the rest is as in `append`. */
static void step_second_entry(raft_message append) {
  raft_entry entry = {.term = 1, .index = 2, .data = {"entry", 5, NULL}};
  append.type = RAFT_MSG_APP;
  append.to = 2;
  append.log_term = append.index = 1;
  append.entries = &entry;
  append.entry_count = 1;
  ck_assert_int_eq(group_step(&g, append), RAFT_OK);
}

START_TEST(a_late_short_append_truncates_nothing) {
  propose(1, 5);
  group_settle(&g);
  step_second_entry((raft_message){.from = 1, .term = 1, .commit = 6});
  ck_assert_uint_eq(group_status(&g, 2).last_index, 6);
  const raft_message *answer = group_sent(&g, RAFT_MSG_APP_RESP, 2, 1);
  ck_assert_uint_eq(answer->index, 6); /* below the commit index: what is committed is answered */
}
END_TEST

START_TEST(a_probe_sends_one_append_at_a_time) {
  ck_assert_int_eq(raft_rawnode_report_unreachable(group_node(&g, 1), 2), RAFT_OK);
  ck_assert_int_eq(group_progress(&g, 2).state, RAFT_PROGRESS_PROBE);
  propose(1, 5);
  ck_assert_uint_eq(in_flight(RAFT_MSG_APP, 2), 1);
  ck_assert_uint_ge(in_flight(RAFT_MSG_APP, 3), 5);
  group_settle(&g);
  ck_assert_int_eq(group_progress(&g, 2).state, RAFT_PROGRESS_REPLICATE);
  group_expect_equal(&g);
}
END_TEST

START_TEST(a_full_window_waits_and_a_heartbeat_revives_it) {
  group_reopen(&g, 2, narrow);
  propose(1, 3);
  ck_assert_uint_eq(in_flight(RAFT_MSG_APP, 2), 3);
  ck_assert(group_progress(&g, 2).inflight_full);
  propose(1, 2);
  ck_assert_uint_eq(in_flight(RAFT_MSG_APP, 2), 3);
  group_lose(&g); /* all of the window */
  group_tick(&g, 2);
  group_expect_equal(&g);
  ck_assert_uint_eq(g.members[2].applied, 6);
}
END_TEST

START_TEST(a_message_holds_at_least_one_entry_and_no_more_than_the_limit) {
  group_reopen(&g, 2, small);
  propose(1, 4);
  group_settle(&g);
  ck_assert_uint_eq(g.members[2].applied,
                    5); /* a limit of 0 is one entry a message, and it works */
  g.members[2].cut = true;
  propose(1, 4);
  group_settle(&g);
  g.members[2].cut = false;
  memset(g.delivered, 0, sizeof g.delivered);
  group_tick(&g, 2);
  ck_assert_uint_ge(g.delivered[RAFT_MSG_APP], 4);
  group_expect_equal(&g);
}
END_TEST

START_TEST(heartbeats_promise_no_more_than_is_known_to_match) {
  g.members[3].cut = true;
  propose(1, 5);
  group_settle(&g);
  ck_assert_int_eq(raft_rawnode_tick(group_node(&g, 1)), RAFT_OK);
  const raft_message *heartbeat = group_sent(&g, RAFT_MSG_HEARTBEAT, 1, 3);
  ck_assert_uint_eq(heartbeat->commit, 1);
  heartbeat = group_sent(&g, RAFT_MSG_HEARTBEAT, 1, 2);
  ck_assert_uint_eq(heartbeat->commit, 6);
}
END_TEST

START_TEST(messages_that_contradict_themselves_change_nothing) {
  propose(1, 2);
  group_settle(&g);
  raft_message ack = {.type = RAFT_MSG_APP_RESP, .from = 2, .to = 1, .term = 1, .index = 99};
  ck_assert_int_eq(group_step(&g, ack), RAFT_EMALFORMED);
  raft_message heartbeat = {.type = RAFT_MSG_HEARTBEAT, .from = 1, .to = 2, .term = 1, .commit = 9};
  ck_assert_int_eq(group_step(&g, heartbeat), RAFT_ELOG_LOST);
  raft_entry gap[] = {{.term = 1, .index = 4}, {.term = 1, .index = 6}};
  raft_message append = {.type = RAFT_MSG_APP,
                         .from = 1,
                         .to = 2,
                         .term = 1,
                         .log_term = 1,
                         .index = 3,
                         .entries = gap,
                         .entry_count = 2};
  ck_assert_int_eq(group_step(&g, append), RAFT_EMALFORMED);
  gap[1].index = 5;
  gap[0].term = 2; /* of a term to come */
  ck_assert_int_eq(group_step(&g, append), RAFT_EMALFORMED);
  raft_message strange = {.type = (raft_message_type)77, .from = 2, .to = 1, .term = 1};
  ck_assert_int_eq(group_step(&g, strange), RAFT_EMALFORMED);
  strange.type = (raft_message_type)-1;
  ck_assert_int_eq(group_step(&g, strange), RAFT_EMALFORMED);
  raft_message empty = {.type = RAFT_MSG_PROP, .from = 2, .to = 1};
  ck_assert_int_eq(group_step(&g, empty), RAFT_EMALFORMED);
  unsigned char crumb = 7;
  raft_message answer = {
      .type = RAFT_MSG_HEARTBEAT_RESP, .from = 2, .to = 1, .term = 1, .context = {&crumb, 1, NULL}};
  ck_assert_int_eq(group_step(&g, answer), RAFT_OK);
  group_settle(&g);
  propose(1, 1);
  group_settle(&g);
  group_expect_equal(&g);
  ck_assert_uint_eq(g.members[3].applied, 4);
}
END_TEST

START_TEST(nobody_is_anonymous_or_an_echo) {
  static const raft_message_type types[] = {RAFT_MSG_APP, RAFT_MSG_HEARTBEAT, RAFT_MSG_SNAP,
                                            RAFT_MSG_VOTE, RAFT_MSG_PRE_VOTE};
  for (size_t i = 0; i < 5; i++) {
    raft_message anonymous = {.type = types[i], .to = 2, .term = 9};
    ck_assert_int_eq(group_step(&g, anonymous), RAFT_EMALFORMED);
    raft_message echo = {.type = types[i], .from = 2, .to = 2, .term = 9};
    ck_assert_int_eq(group_step(&g, echo), i < 3 ? RAFT_EMALFORMED : RAFT_OK);
  }
  raft_entry last = {.term = 1, .index = 0};
  raft_message endless = {.type = RAFT_MSG_APP,
                          .from = 1,
                          .to = 3,
                          .term = 1,
                          .log_term = 1,
                          .index = UINT64_MAX - 1,
                          .entries = &last,
                          .entry_count = 1};
  ck_assert_int_eq(group_step(&g, endless), RAFT_EMALFORMED);
}
END_TEST

/* A candidate that followed one would go back to a term in which it may have voted. */
START_TEST(nobody_leads_term_0) {
  ck_assert_int_eq(raft_rawnode_campaign(group_node(&g, 3)), RAFT_OK);
  static const raft_message_type leaders[] = {RAFT_MSG_APP, RAFT_MSG_HEARTBEAT, RAFT_MSG_SNAP};
  for (size_t i = 0; i < 3; i++) {
    raft_message timeless = {.type = leaders[i], .from = 1, .to = 3};
    ck_assert_int_eq(group_step(&g, timeless), RAFT_EMALFORMED);
  }
  ck_assert_uint_eq(group_status(&g, 3).hard_state.term, 2);
}
END_TEST

START_TEST(strangers_and_local_messages_are_refused) {
  raft_message stranger = {.type = RAFT_MSG_APP_RESP, .from = 8, .to = 1, .term = 1, .index = 1};
  ck_assert_int_eq(group_step(&g, stranger), RAFT_EPEER_NOT_FOUND);
  static const raft_message_type local[] = {RAFT_MSG_HUP,
                                            RAFT_MSG_BEAT,
                                            RAFT_MSG_UNREACHABLE,
                                            RAFT_MSG_SNAP_STATUS,
                                            RAFT_MSG_CHECK_QUORUM,
                                            RAFT_MSG_STORAGE_APPEND,
                                            RAFT_MSG_STORAGE_APPLY,
                                            RAFT_MSG_STORAGE_APPEND_RESP,
                                            RAFT_MSG_STORAGE_APPLY_RESP};
  for (size_t i = 0; i < sizeof local / sizeof local[0]; i++) {
    raft_message message = {.type = local[i], .from = 2, .to = 1, .term = 1};
    ck_assert_int_eq(group_step(&g, message), RAFT_ESTEP_LOCAL);
  }
}
END_TEST

START_TEST(step_never_writes_to_the_callers_message) {
  static const raft_message_type types[] = {RAFT_MSG_PROP, RAFT_MSG_READ_INDEX,
                                            RAFT_MSG_TRANSFER_LEADER};
  for (uint64_t to = 1; to <= 2; to++) { /* the leader, and a follower that forwards */
    for (size_t i = 0; i < 3; i++) {
      raft_entry entries[2] = {{.data = {"a", 1, NULL}}, {.data = {"b", 1, NULL}}};
      raft_message message = {.type = types[i],
                              .from = 3,
                              .to = to,
                              .entries = entries,
                              .entry_count = types[i] == RAFT_MSG_PROP ? 2 : 1};
      raft_entry before_entries[2];
      raft_message before = message;
      memcpy(before_entries, entries, sizeof entries);
      ck_assert_int_eq(raft_rawnode_step(group_node(&g, to), &message), RAFT_OK);
      ck_assert_mem_eq(before_entries, entries, sizeof entries);
      ck_assert_mem_eq(&before, &message, sizeof before);
    }
  }
}
END_TEST

START_TEST(memory_in_steady_state_stands_still) {
  propose(1, 100);
  group_tick(&g, 10);
  for (uint64_t id = 1; id <= 3; id++) {
    failing_allocator_arm(&g.members[id].memory, 0, false);
  }
  group_tick(&g, 1000);
  for (uint64_t id = 1; id <= 3; id++) {
    ck_assert_uint_eq(g.members[id].memory.total_calls, 0);
  }
}
END_TEST

START_TEST(a_restarted_node_with_messages_of_one_entry_applies) {
  group_reopen(&g, 2, small);
  propose(1, 4);
  group_settle(&g);
  group_restart(&g, 2); /* 4.3 e: the model pauses for ever if something was applied before */
  propose(1, 2);
  group_settle(&g);
  ck_assert_uint_eq(g.members[2].applied, 7);
  group_restart(&g, 1);
  group_elect(&g, 1);
  propose(1, 1);
  group_settle(&g);
  ck_assert_uint_eq(g.members[1].applied, 9);
  group_expect_equal(&g);
}
END_TEST

START_TEST(a_commit_index_never_moves_back) {
  propose(1, 3);
  group_settle(&g);
  raft_message heartbeat = {.type = RAFT_MSG_HEARTBEAT, .from = 1, .to = 2, .term = 1, .commit = 2};
  ck_assert_int_eq(group_step(&g, heartbeat), RAFT_OK);
  ck_assert_uint_eq(group_status(&g, 2).hard_state.commit, 4);
  raft_message append = {
      .type = RAFT_MSG_APP, .from = 1, .to = 2, .term = 1, .log_term = 1, .index = 4, .commit = 1};
  ck_assert_int_eq(group_step(&g, append), RAFT_OK);
  ck_assert_uint_eq(group_status(&g, 2).hard_state.commit, 4);
  raft_message ack = {.type = RAFT_MSG_APP_RESP, .from = 2, .to = 1, .term = 1, .index = 2};
  ck_assert_int_eq(group_step(&g, ack), RAFT_OK); /* late */
  ck_assert_uint_eq(group_status(&g, 1).hard_state.commit, 4);
  ck_assert_uint_eq(group_progress(&g, 2).match, 4);
}
END_TEST

START_TEST(entries_of_newer_terms_that_nobody_committed_are_replaced) {
  ck_assert_int_eq(raft_rawnode_campaign(group_node(&g, 3)), RAFT_OK);
  for (int i = 0; i < 2; i++) {
    ck_assert(group_turn(&g));
    group_deliver(&g);
  }
  ck_assert_int_eq(group_status(&g, 3).soft_state.role, RAFT_LEADER); /* of term 2 */
  propose(3, 2);
  group_turn(&g);
  group_lose(&g);
  g.members[3].cut = true;
  group_elect(&g, 1); /* of term 3; its last entry is of term 1 */
  propose(1, 1);
  group_settle(&g);
  ck_assert_uint_eq(group_status(&g, 3).last_index, 4);
  g.members[3].cut = false;
  group_tick(&g, 2);
  ck_assert_uint_eq(group_status(&g, 3).last_index, 3);
  ck_assert_uint_eq(g.members[3].applied, 3);
  group_expect_equal(&g);
}
END_TEST

START_TEST(who_waits_is_released_by_its_own_answer_alone) {
  ck_assert_int_eq(raft_rawnode_report_unreachable(group_node(&g, 1), 2), RAFT_OK);
  propose(1, 3);
  ck_assert_uint_eq(in_flight(RAFT_MSG_APP, 2), 1);
  group_lose(&g);
  raft_message ack = {.type = RAFT_MSG_APP_RESP, .from = 3, .to = 1, .term = 1, .index = 4};
  ck_assert_int_eq(group_step(&g, ack), RAFT_OK);
  ck_assert_uint_eq(group_status(&g, 1).hard_state.commit, 4);
  ck_assert_uint_eq(in_flight(RAFT_MSG_APP, 2), 0);
  ack.from = 2;
  ack.index = 2;
  ck_assert_int_eq(group_step(&g, ack), RAFT_OK);
  const raft_message *append = group_sent(&g, RAFT_MSG_APP, 1, 2);
  ck_assert_ptr_nonnull(append);
  ck_assert_uint_eq(append->index, 2);
  ck_assert_uint_eq(append->entry_count, 2); /* all that there is */
}
END_TEST

START_TEST(an_answered_heartbeat_lets_a_probe_go_on) {
  ck_assert_int_eq(raft_rawnode_report_unreachable(group_node(&g, 1), 2), RAFT_OK);
  propose(1, 1);
  ck_assert(group_progress(&g, 2).paused);
  ck_assert_uint_eq(in_flight(RAFT_MSG_APP, 2), 1);
  group_lose(&g);
  raft_message alive = {.type = RAFT_MSG_HEARTBEAT_RESP, .from = 2, .to = 1, .term = 1};
  ck_assert_int_eq(group_step(&g, alive), RAFT_OK);
  ck_assert_uint_eq(in_flight(RAFT_MSG_APP, 2), 1);
  group_settle(&g);
  ck_assert_int_eq(group_progress(&g, 2).state, RAFT_PROGRESS_REPLICATE);
  group_tick(&g, 1);
  group_expect_equal(&g);
  ck_assert_int_eq(raft_rawnode_report_unreachable(group_node(&g, 1), 2), RAFT_OK);
  /* although it lacks nothing */
  ck_assert_int_eq(group_progress(&g, 2).state, RAFT_PROGRESS_PROBE);
  ck_assert_int_eq(group_step(&g, alive), RAFT_OK);
  const raft_message *append = group_sent(&g, RAFT_MSG_APP, 1, 2);
  ck_assert_ptr_nonnull(append);
  ck_assert_uint_eq(append->entry_count, 0);
  group_settle(&g);
  ck_assert_int_eq(group_progress(&g, 2).state, RAFT_PROGRESS_REPLICATE);
}
END_TEST

START_TEST(acknowledgements_send_no_empty_appends) {
  group_reopen(&g, 2, small);
  g.members[2].cut = true;
  propose(1, 4);
  group_settle(&g);
  g.members[2].cut = false;
  raft_message alive = {.type = RAFT_MSG_HEARTBEAT_RESP, .from = 2, .to = 1, .term = 1};
  ck_assert_int_eq(raft_rawnode_report_unreachable(group_node(&g, 1), 2), RAFT_OK);
  ck_assert_int_eq(group_step(&g, alive), RAFT_OK);
  ck_assert_uint_eq(in_flight(RAFT_MSG_APP, 2), 1);
  group_lose(&g);
  raft_message ack = {.type = RAFT_MSG_APP_RESP, .from = 2, .to = 1, .term = 1, .index = 2};
  ck_assert_int_eq(group_step(&g, ack), RAFT_OK);
  (void)group_sent(&g, RAFT_MSG_APP, 1, 2);
  size_t empty = 0, full = 0;
  for (size_t i = 0; i < g.queued; i++) {
    bool append = g.queue[i].type == RAFT_MSG_APP;
    empty += append && g.queue[i].entry_count == 0;
    full += append && g.queue[i].entry_count == 1;
    ck_assert(!append || g.queue[i].to == 2); /* and none to itself */
  }
  ck_assert_uint_eq(full, 3);
  ck_assert_uint_eq(empty, 0); /* the new commit index travels with the entries */
}
END_TEST

START_TEST(an_acknowledgement_names_the_last_entry_that_was_sent) {
  propose(1, 3);
  ck_assert(group_turn(&g));
  group_deliver(&g);
  group_turn(&g);
  group_lose(&g);
  ck_assert_uint_eq(group_status(&g, 2).last_index, 4);
  step_second_entry((raft_message){.from = 3, .term = 2, .commit = 3});
  ck_assert_uint_eq(group_sent(&g, RAFT_MSG_APP_RESP, 2, 3)->index, 2);
  ck_assert_uint_eq(group_status(&g, 2).hard_state.commit, 2); /* 3 and 4 may be others there */
}
END_TEST

/* willemt/raft PR#118: an old append with nothing before it, behind a compaction. */
START_TEST(an_append_from_the_beginning_starts_nothing_over) {
  propose(1, 5);
  group_settle(&g);
  group_compact(&g, 2, 4);
  raft_entry entries[] = {{.term = 1, .index = 1}, {.term = 1, .index = 2}};
  raft_message append = {
      .type = RAFT_MSG_APP, .from = 1, .to = 2, .term = 1, .entries = entries, .entry_count = 2};
  ck_assert_int_eq(group_step(&g, append), RAFT_OK);
  ck_assert_uint_eq(group_sent(&g, RAFT_MSG_APP_RESP, 2, 1)->index, 6);
  ck_assert_uint_eq(group_status(&g, 2).first_index, 5);
  ck_assert_uint_eq(group_status(&g, 2).last_index, 6);
}
END_TEST

/* What was acknowledged in an earlier term may have been truncated since. */
START_TEST(a_new_leader_knows_nothing_of_the_others) {
  propose(1, 3);
  group_settle(&g);
  ck_assert_uint_eq(group_progress(&g, 3).match, 4);
  group_elect(&g, 2);
  ck_assert_int_eq(raft_rawnode_campaign(group_node(&g, 1)), RAFT_OK);
  for (int i = 0; i < 2; i++) {
    ck_assert(group_turn(&g));
    group_deliver(&g);
  }
  ck_assert_int_eq(group_status(&g, 1).soft_state.role, RAFT_LEADER);
  ck_assert_uint_eq(group_progress(&g, 3).match, 0);
  ck_assert_uint_eq(group_progress(&g, 3).next, 6); /* behind what was there before its own entry */
  ck_assert_int_eq(group_progress(&g, 3).state, RAFT_PROGRESS_PROBE);
}
END_TEST

int main(void) {
  const TTest *const tests[] = {
      proposals_are_applied_by_all,
      a_follower_forwards_proposals,
      nothing_commits_without_a_majority,
      entries_of_old_terms_do_not_commit_by_counting,
      a_new_leader_commits_nothing_old_before_its_own_entry,
      a_diverged_follower_is_brought_back_in_a_round_trip_a_term,
      a_late_short_append_truncates_nothing,
      a_probe_sends_one_append_at_a_time,
      a_full_window_waits_and_a_heartbeat_revives_it,
      a_message_holds_at_least_one_entry_and_no_more_than_the_limit,
      heartbeats_promise_no_more_than_is_known_to_match,
      messages_that_contradict_themselves_change_nothing,
      nobody_is_anonymous_or_an_echo,
      nobody_leads_term_0,
      strangers_and_local_messages_are_refused,
      step_never_writes_to_the_callers_message,
      memory_in_steady_state_stands_still,
      a_restarted_node_with_messages_of_one_entry_applies,
      a_commit_index_never_moves_back,
      entries_of_newer_terms_that_nobody_committed_are_replaced,
      who_waits_is_released_by_its_own_answer_alone,
      an_answered_heartbeat_lets_a_probe_go_on,
      acknowledgements_send_no_empty_appends,
      an_acknowledgement_names_the_last_entry_that_was_sent,
      an_append_from_the_beginning_starts_nothing_over,
      a_new_leader_knows_nothing_of_the_others,
  };
  return run_suite("replication", tests, sizeof tests / sizeof tests[0], open_plain, close_group);
}
