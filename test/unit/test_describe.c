/* test_describe.c - texts are the model's, byte for byte, and say when they did not fit.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <libraft/describe.h>
#include <libraft/wire.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char text[4096];

static raft_bytes bytes(const char *string) {
  return (raft_bytes){string, strlen(string), NULL};
}

static void assert_text(size_t length, const char *expected) {
  ck_assert_str_eq(text, expected);
  ck_assert_uint_eq(length, strlen(expected));
}

static void assert_entry(raft_entry entry, const char *expected) {
  assert_text(raft_describe_entry(&entry, text, sizeof(text)), expected);
}

static void assert_message(raft_message message, const char *expected) {
  assert_text(raft_describe_message(&message, text, sizeof(text)), expected);
}

static void assert_ready(raft_ready ready, const char *expected) {
  assert_text(raft_describe_ready(&ready, text, sizeof(text)), expected);
}

static void assert_event(raft_event event, const char *expected) {
  assert_text(raft_describe_event(&event, text, sizeof(text)), expected);
}

/* --- names --------------------------------------------------------------------------------- */

START_TEST(names_are_the_models) {
  ck_assert_str_eq(raft_role_name(RAFT_PRE_CANDIDATE), "StatePreCandidate");
  ck_assert_str_eq(raft_message_type_name(RAFT_MSG_HUP), "MsgHup");
  ck_assert_str_eq(raft_message_type_name(RAFT_MSG_FORGET_LEADER), "MsgForgetLeader");
  ck_assert_str_eq(raft_entry_type_name(RAFT_ENTRY_CONF_CHANGE_V2), "EntryConfChangeV2");
  ck_assert_str_eq(raft_progress_state_name(RAFT_PROGRESS_SNAPSHOT), "StateSnapshot");
  ck_assert_str_eq(raft_log_level_name(RAFT_LOG_FATAL), "FATAL");
}
END_TEST

START_TEST(what_has_no_name_is_unknown) {
  ck_assert_str_eq(raft_role_name((raft_role)4), "unknown");
  ck_assert_str_eq(raft_message_type_name((raft_message_type)24), "unknown");
  ck_assert_str_eq(raft_message_type_name((raft_message_type)-1), "unknown");
  ck_assert_str_eq(raft_entry_type_name((raft_entry_type)3), "unknown");
  ck_assert_str_eq(raft_progress_state_name((raft_progress_state)3), "unknown");
  ck_assert_str_eq(raft_log_level_name((raft_log_level)5), "unknown");
}
END_TEST

/* --- entries ------------------------------------------------------------------------------- */

START_TEST(a_normal_entry_shows_its_data_in_quotes) {
  assert_entry((raft_entry){.term = 1, .index = 5, .data = bytes("foo")},
               "1/5 EntryNormal \"foo\"");
  assert_entry((raft_entry){.term = 1, .index = 4}, "1/4 EntryNormal \"\"");
}
END_TEST

typedef struct quote_case {
  const char *data;
  const char *quoted;
} quote_case;

static const quote_case quote_cases[] = {
    {"plain text", "\"plain text\""},
    {"\"foo\"", "\"\\\"foo\\\"\""},
    {"back\\slash", "\"back\\\\slash\""},
    {"\a\b\f\n\r\t\v", "\"\\a\\b\\f\\n\\r\\t\\v\""},
    {"\x01\x1f\x7f", "\"\\x01\\x1f\\x7f\""},
    {"gr\xc3\xbc\xc3\x9f \xe4\xb8\x96\xe7\x95\x8c \xf0\x9f\x98\x80",
     "\"gr\xc3\xbc\xc3\x9f \xe4\xb8\x96\xe7\x95\x8c \xf0\x9f\x98\x80\""},
    /* cannot be seen: no-break space, line separator, private use, a tag */
    {"\xc2\xa0\xe2\x80\xa8\xee\x80\x80\xf3\xa0\x80\x81", "\"\\u00a0\\u2028\\ue000\\U000e0001\""},
    /* no UTF-8: stray and missing continuations, overlong forms, surrogate, beyond Unicode */
    {"\x80x", "\"\\x80x\""},
    {"\xc3(", "\"\\xc3(\""},
    {"\xe4\xb8", "\"\\xe4\\xb8\""},
    {"\xc0\xaf\xe0\x80\xaf", "\"\\xc0\\xaf\\xe0\\x80\\xaf\""},
    {"\xed\xa0\x80", "\"\\xed\\xa0\\x80\""},
    {"\xf4\x90\x80\x80\xff", "\"\\xf4\\x90\\x80\\x80\\xff\""},
    /* the replacement character itself is valid and visible */
    {"\xef\xbf\xbd", "\"\xef\xbf\xbd\""},
};
enum { QUOTE_CASES = sizeof(quote_cases) / sizeof(quote_cases[0]) };

START_TEST(data_is_quoted_as_go_quotes) {
  char expected[256];
  (void)snprintf(expected, sizeof(expected), "0/0 EntryNormal %s", quote_cases[_i].quoted);
  assert_entry((raft_entry){.data = bytes(quote_cases[_i].data)}, expected);
}
END_TEST

START_TEST(a_zero_byte_does_not_end_the_data) {
  assert_entry((raft_entry){.data = {"a\0b", 3, NULL}}, "0/0 EntryNormal \"a\\x00b\"");
}
END_TEST

static void assert_change_entry(raft_conf_change_v2 change, const char *expected) {
  unsigned char data[256];
  size_t len;
  ck_assert_int_eq(raft_conf_change_v2_encode(&change, data, sizeof(data), &len), RAFT_OK);
  assert_entry(
      (raft_entry){
          .term = 1, .index = 4, .type = RAFT_ENTRY_CONF_CHANGE_V2, .data = {data, len, NULL}},
      expected);
}

START_TEST(a_change_entry_shows_what_changes) {
  const raft_conf_change_single changes[] = {{RAFT_CONF_ADD_NODE, 1},
                                             {RAFT_CONF_ADD_LEARNER, 2},
                                             {RAFT_CONF_REMOVE_NODE, 3},
                                             {RAFT_CONF_UPDATE_NODE, 10},
                                             {(raft_conf_change_type)9, 5}};
  assert_change_entry((raft_conf_change_v2){.changes = changes, .change_count = 5},
                      "1/4 EntryConfChangeV2 v1 l2 r3 u10 unknown5");
  assert_change_entry((raft_conf_change_v2){0}, "1/4 EntryConfChangeV2");
  ck_assert_uint_eq(raft_describe_conf_changes(changes, 4, text, sizeof(text)), 12);
  ck_assert_str_eq(text, "v1 l2 r3 u10");
}
END_TEST

START_TEST(a_change_of_the_old_form_shows_the_one_that_changes) {
  const raft_conf_change change = {.type = RAFT_CONF_REMOVE_NODE, .node_id = 2};
  unsigned char data[64];
  size_t len;
  ck_assert_int_eq(raft_conf_change_encode(&change, data, sizeof(data), &len), RAFT_OK);
  assert_entry((raft_entry){.type = RAFT_ENTRY_CONF_CHANGE, .data = {data, len, NULL}},
               "0/0 EntryConfChange r2");
}
END_TEST

START_TEST(a_change_that_cannot_be_read_says_so) {
  assert_entry((raft_entry){.type = RAFT_ENTRY_CONF_CHANGE, .data = bytes("\x0a\x05")},
               "0/0 EntryConfChange the bytes are no such message");
  /* a good change, then garbage: nothing of it is shown */
  assert_entry((raft_entry){.type = RAFT_ENTRY_CONF_CHANGE_V2,
                            .data = {"\x12\x04\x08\x00\x10\x04\xff", 7, NULL}},
               "0/0 EntryConfChangeV2 the bytes are no such message");
}
END_TEST

/* --- messages ------------------------------------------------------------------------------ */

static const uint64_t ids[] = {1, 2, 3};
static const raft_snapshot snapshot = {.index = 4, .term = 1, .conf_state = {.voters = {ids, 3}}};
#define SNAPSHOT_TEXT                                                                      \
  "Index:4 Term:1 ConfState:Voters:[1 2 3] VotersOutgoing:[] Learners:[] LearnersNext:[] " \
  "AutoLeave:false"

START_TEST(numbers_of_a_message_are_always_shown) {
  assert_message((raft_message){.type = RAFT_MSG_VOTE, .from = 1, .to = 2},
                 "1->2 MsgVote Term:0 Log:0/0");
}
END_TEST

START_TEST(a_rejection_shows_its_hint) {
  assert_message((raft_message){.type = RAFT_MSG_APP_RESP,
                                .from = 2,
                                .to = 1,
                                .term = 1,
                                .log_term = 1,
                                .index = 11,
                                .reject = true,
                                .reject_hint = 10},
                 "2->1 MsgAppResp Term:1 Log:1/11 Rejected (Hint: 10)");
}
END_TEST

START_TEST(what_options_add_is_shown_when_it_is_there) {
  assert_message((raft_message){.type = RAFT_MSG_PRE_VOTE,
                                .from = 1,
                                .to = 2,
                                .term = 2,
                                .commit = 9,
                                .commit_term = 1,
                                .priority = -5},
                 "1->2 MsgPreVote Term:2 Log:0/0 Commit:9 CommitTerm:1 Priority:-5");
  assert_message((raft_message){.type = RAFT_MSG_APP_RESP,
                                .from = 2,
                                .to = 1,
                                .reject = true,
                                .reject_hint = 7,
                                .request_snapshot = true},
                 "2->1 MsgAppResp Term:0 Log:0/0 Rejected (Hint: 7) RequestSnapshot");
}
END_TEST

START_TEST(nodes_are_hexadecimal_and_threads_have_names) {
  assert_message((raft_message){.type = RAFT_MSG_APP, .from = 10, .to = 0x2f, .vote = 10},
                 "a->2f MsgApp Term:0 Log:0/0 Vote:10");
  assert_message((raft_message){.type = RAFT_MSG_HUP, .from = 1}, "1->None MsgHup Term:0 Log:0/0");
  assert_message(
      (raft_message){.type = RAFT_MSG_HUP, .from = RAFT_APPLY_THREAD, .to = RAFT_APPEND_THREAD},
      "ApplyThread->AppendThread MsgHup Term:0 Log:0/0");
}
END_TEST

static const raft_entry entries[] = {{.term = 1, .index = 11, .data = {"a", 1, NULL}},
                                     {.term = 1, .index = 12, .data = {"b", 1, NULL}}};

START_TEST(one_entry_is_on_the_line_and_several_below_it) {
  raft_message message = {.type = RAFT_MSG_APP,
                          .from = 1,
                          .to = 2,
                          .term = 1,
                          .log_term = 1,
                          .index = 10,
                          .commit = 9,
                          .entries = entries,
                          .entry_count = 1};
  assert_message(message, "1->2 MsgApp Term:1 Log:1/10 Commit:9 Entries:[1/11 EntryNormal \"a\"]");
  message.entry_count = 2;
  assert_message(message, "1->2 MsgApp Term:1 Log:1/10 Commit:9 Entries:[\n"
                          "  1/11 EntryNormal \"a\"\n"
                          "  1/12 EntryNormal \"b\"\n"
                          "]");
}
END_TEST

START_TEST(a_snapshot_is_below_its_message) {
  assert_message(
      (raft_message){.type = RAFT_MSG_SNAP, .from = 1, .to = 3, .term = 1, .snapshot = &snapshot},
      "1->3 MsgSnap Term:1 Log:0/0\n  Snapshot: " SNAPSHOT_TEXT);
  const raft_snapshot empty = {0};
  assert_message((raft_message){.type = RAFT_MSG_SNAP, .from = 1, .to = 3, .snapshot = &empty},
                 "1->3 MsgSnap Term:0 Log:0/0");
}
END_TEST

START_TEST(responses_are_indented_below_their_message) {
  const raft_message responses[] = {
      {.type = RAFT_MSG_APP_RESP, .from = 1, .to = 1, .term = 1, .index = 12},
      {.type = RAFT_MSG_STORAGE_APPEND_RESP,
       .from = RAFT_APPEND_THREAD,
       .to = 1,
       .term = 1,
       .log_term = 1,
       .index = 12,
       .snapshot = &snapshot,
       .entries = entries,
       .entry_count = 2},
  };
  assert_message((raft_message){.type = RAFT_MSG_STORAGE_APPEND,
                                .from = 1,
                                .to = RAFT_APPEND_THREAD,
                                .term = 1,
                                .commit = 11,
                                .vote = 1,
                                .entries = entries,
                                .entry_count = 2,
                                .snapshot = &snapshot,
                                .responses = responses,
                                .response_count = 2},
                 "1->AppendThread MsgStorageAppend Term:1 Log:0/0 Commit:11 Vote:1 Entries:[\n"
                 "  1/11 EntryNormal \"a\"\n"
                 "  1/12 EntryNormal \"b\"\n"
                 "]\n"
                 "  Snapshot: " SNAPSHOT_TEXT " Responses:[\n"
                 "  1->1 MsgAppResp Term:1 Log:0/12\n"
                 "  AppendThread->1 MsgStorageAppendResp Term:1 Log:1/12 Entries:[\n"
                 "    1/11 EntryNormal \"a\"\n"
                 "    1/12 EntryNormal \"b\"\n"
                 "  ]\n"
                 "    Snapshot: " SNAPSHOT_TEXT "\n"
                 "]");
}
END_TEST

START_TEST(responses_of_responses_are_not_passed_over) {
  const raft_message inner[2] = {{.type = RAFT_MSG_HUP}};
  const raft_message outer = {.responses = inner, .response_count = 2};
  assert_message((raft_message){.responses = &outer, .response_count = 1},
                 "None->None MsgHup Term:0 Log:0/0 Responses:[\n"
                 "  None->None MsgHup Term:0 Log:0/0 Responses:[2]\n"
                 "]");
}
END_TEST

/* --- Readies and states -------------------------------------------------------------------- */

START_TEST(an_empty_ready_says_so) {
  const raft_snapshot empty = {0};
  assert_ready((raft_ready){0}, "<empty Ready>");
  assert_ready((raft_ready){.must_sync = true, .snapshot = &empty}, "<empty Ready>");
}
END_TEST

START_TEST(a_ready_shows_its_parts_in_order) {
  const raft_soft_state soft_state = {1, RAFT_LEADER};
  const raft_read_state reads[] = {{.index = 10, .context = {"ab", 2, NULL}},
                                   {.status = RAFT_EREAD_NO_LEADER, .context = {"c", 1, NULL}},
                                   {.index = 11}};
  const raft_message messages[] = {{.type = RAFT_MSG_HEARTBEAT, .from = 1, .to = 2, .term = 1},
                                   {.type = RAFT_MSG_HEARTBEAT, .from = 1, .to = 3, .term = 1}};
  assert_ready((raft_ready){.soft_state = &soft_state,
                            .hard_state = {1, 1, 4},
                            .read_states = reads,
                            .read_state_count = 3,
                            .entries = entries,
                            .entry_count = 2,
                            .snapshot = &snapshot,
                            .committed_entries = entries,
                            .committed_entry_count = 1,
                            .messages = messages,
                            .message_count = 2,
                            .must_sync = true},
               "Ready MustSync=true:\n"
               "Lead:1 State:StateLeader\n"
               "HardState Term:1 Vote:1 Commit:4\n"
               "ReadStates [{10 [97 98]} {11 []}]\n"
               "Entries:\n"
               "1/11 EntryNormal \"a\"\n"
               "1/12 EntryNormal \"b\"\n"
               "Snapshot " SNAPSHOT_TEXT "\n"
               "CommittedEntries:\n"
               "1/11 EntryNormal \"a\"\n"
               "Messages:\n"
               "1->2 MsgHeartbeat Term:1 Log:0/0\n"
               "1->3 MsgHeartbeat Term:1 Log:0/0\n");
}
END_TEST

START_TEST(a_ready_of_abandoned_reads_alone_is_empty_to_the_model) {
  const raft_read_state abandoned = {.status = RAFT_EREAD_STEPPED_DOWN};
  assert_ready((raft_ready){.read_states = &abandoned, .read_state_count = 1}, "<empty Ready>");
}
END_TEST

START_TEST(a_hard_state_without_vote_omits_it) {
  assert_ready((raft_ready){.hard_state = {1, 0, 0}},
               "Ready MustSync=false:\nHardState Term:1 Commit:0\n");
  const raft_hard_state state = {2, 0, 3};
  assert_text(raft_describe_hard_state(&state, text, sizeof(text)), "Term:2 Commit:3");
  const raft_hard_state voted = {2, 10, 3};
  assert_text(raft_describe_hard_state(&voted, text, sizeof(text)), "Term:2 Vote:10 Commit:3");
}
END_TEST

START_TEST(states_are_shown_in_decimal) {
  const raft_soft_state soft_state = {10, RAFT_FOLLOWER};
  assert_text(raft_describe_soft_state(&soft_state, text, sizeof(text)),
              "Lead:10 State:StateFollower");
  assert_text(raft_describe_snapshot(&snapshot, text, sizeof(text)), SNAPSHOT_TEXT);
  const raft_conf_state state = {{ids, 2}, {ids + 2, 1}, {ids, 1}, {ids + 1, 2}, true};
  assert_text(raft_describe_conf_state(&state, text, sizeof(text)),
              "Voters:[1 2] VotersOutgoing:[1] Learners:[3] LearnersNext:[2 3] AutoLeave:true");
}
END_TEST

START_TEST(a_configuration_shows_the_sets_that_exist) {
  const uint64_t hex[] = {1, 10, 255};
  raft_conf_state state = {.voters = {hex, 3}};
  assert_text(raft_describe_configuration(&state, text, sizeof(text)), "voters=(1 a ff)");
  state = (raft_conf_state){{ids, 2}, {ids + 2, 1}, {ids, 1}, {ids + 1, 1}, true};
  assert_text(raft_describe_configuration(&state, text, sizeof(text)),
              "voters=(1 2)&&(1) learners=(3) learners_next=(2) autoleave");
  state = (raft_conf_state){0};
  assert_text(raft_describe_configuration(&state, text, sizeof(text)), "voters=()");
}
END_TEST

START_TEST(progress_shows_what_is_unusual) {
  raft_progress_status progress = {.match = 3, .next = 4, .recent_active = true};
  assert_text(raft_describe_progress(&progress, text, sizeof(text)), "StateProbe match=3 next=4");
  progress = (raft_progress_status){.state = RAFT_PROGRESS_SNAPSHOT,
                                    .match = 0,
                                    .next = 12,
                                    .is_learner = true,
                                    .paused = true,
                                    .pending_snapshot = 11,
                                    .inflight = 2,
                                    .inflight_full = true};
  assert_text(raft_describe_progress(&progress, text, sizeof(text)),
              "StateSnapshot match=0 next=12 learner paused pendingSnap=11 inactive "
              "inflight=2[full]");
  progress = (raft_progress_status){
      .state = RAFT_PROGRESS_REPLICATE, .next = 1, .recent_active = true, .inflight = 1};
  assert_text(raft_describe_progress(&progress, text, sizeof(text)),
              "StateReplicate match=0 next=1 inflight=1");
}
END_TEST

/* --- events -------------------------------------------------------------------------------- */

START_TEST(events_speak_with_the_models_words) {
  assert_event((raft_event){.type = RAFT_EVENT_BECAME_FOLLOWER, .id = 1},
               "1 became follower at term 0");
  assert_event((raft_event){.type = RAFT_EVENT_ELECTION_STARTED, .id = 10, .term = 11},
               "a is starting a new election at term 11");
  assert_event(
      (raft_event){
          .type = RAFT_EVENT_VOTE_REQUESTED, .id = 1, .peer = 2, .term = 1, .index = 3, .a = 1},
      "1 [logterm: 1, index: 3] sent MsgVote request to 2 at term 1");
  assert_event(
      (raft_event){.type = RAFT_EVENT_VOTE_RECEIVED, .id = 1, .peer = 2, .term = 1, .a = 1},
      "1 received MsgVoteResp from 2 at term 1");
  assert_event(
      (raft_event){.type = RAFT_EVENT_VOTE_RECEIVED, .id = 1, .peer = 2, .term = 1, .b = 1},
      "1 received MsgPreVoteResp rejection from 2 at term 1");
  assert_event(
      (raft_event){
          .type = RAFT_EVENT_HIGHER_TERM, .id = 2, .peer = 1, .a = RAFT_MSG_PRE_VOTE, .b = 1},
      "2 [term: 0] received a MsgPreVote message with higher term from 1 [term: 1]");
  assert_event((raft_event){.type = RAFT_EVENT_CANNOT_CAMPAIGN, .id = 4, .a = 1},
               "4 is unpromotable and can not campaign");
}
END_TEST

START_TEST(events_with_an_error_say_what_it_means) {
  assert_event((raft_event){.type = RAFT_EVENT_PROPOSAL_DROPPED,
                            .id = 1,
                            .term = 2,
                            .a = (uint64_t)-RAFT_EDROPPED_NO_LEADER},
               "1 dropping proposal at term 2: raft proposal dropped: there is no leader");
  assert_event(
      (raft_event){.type = RAFT_EVENT_POISONED, .id = 1, .a = (uint64_t)-RAFT_EINVARIANT, .b = 42},
      "1 is unusable (noticed at line 42): libraft broke one of its own invariants: the "
      "node is unusable");
}
END_TEST

/* Whatever the values are: a line that names the node, and nothing of the template's language. */
START_TEST(every_event_has_a_line_of_its_own) {
  static char seen[RAFT_EVENT_COUNT][256];
  for (unsigned type = 0; type < RAFT_EVENT_COUNT; type++) {
    const uint64_t values[] = {0, 1, 2, 3, UINT64_MAX};
    for (size_t i = 0; i < 5; i++) {
      const raft_event event = {.type = (raft_event_type)type,
                                .id = 0xabc,
                                .term = 5,
                                .peer = 2,
                                .index = 3,
                                .a = values[i],
                                .b = values[i]};
      size_t length = raft_describe_event(&event, text, sizeof(text));
      ck_assert_uint_lt(length, 256);
      ck_assert_ptr_nonnull(strstr(text, "abc "));
      ck_assert_msg(strpbrk(text, "%\n") == NULL, "%s", text);
      ck_assert_msg(strstr(text, "unknown event") == NULL, "%s", text);
    }
    memcpy(seen[type], text, sizeof(seen[type]));
    for (unsigned before = 0; before < type; before++) {
      ck_assert_str_ne(seen[before], text);
    }
  }
}
END_TEST

START_TEST(an_event_from_a_newer_library_is_shown_too) {
  assert_event((raft_event){.type = RAFT_EVENT_COUNT, .id = 1, .term = 2, .peer = 3, .index = 4},
               "1 unknown event [peer: 3, index: 4, a: 0, b: 0] at term 2");
}
END_TEST

/* --- what does not fit --------------------------------------------------------------------- */

START_TEST(a_text_that_does_not_fit_is_cut_and_its_length_told) {
  const raft_entry entry = {.term = 1, .index = 5, .data = bytes("f\xc3\xbc\n\xff")};
  const char whole[] = "1/5 EntryNormal \"f\xc3\xbc\\n\\xff\"";
  char small[sizeof(whole) + 1];
  for (size_t size = 0; size <= sizeof(whole); size++) {
    memset(small, '#', sizeof(small));
    ck_assert_uint_eq(raft_describe_entry(&entry, small, size), sizeof(whole) - 1);
    size_t kept = size == 0 ? 0 : size - 1;
    kept = kept < sizeof(whole) - 1 ? kept : sizeof(whole) - 1;
    ck_assert_mem_eq(small, whole, kept);
    ck_assert_int_eq(small[size == 0 ? 0 : kept], size == 0 ? '#' : '\0');
    ck_assert_int_eq(small[size], size < sizeof(whole) ? '#' : small[size]);
  }
}
END_TEST

START_TEST(the_length_is_told_without_a_buffer) {
  const raft_ready ready = {.hard_state = {1, 0, 0}};
  ck_assert_uint_eq(raft_describe_ready(&ready, NULL, 0), 48);
  ck_assert_uint_eq(raft_describe_ready(&(raft_ready){0}, NULL, 0), strlen("<empty Ready>"));
}
END_TEST

static void add_texts(TCase *tests) {
  tcase_add_test(tests, names_are_the_models);
  tcase_add_test(tests, what_has_no_name_is_unknown);
  tcase_add_test(tests, a_normal_entry_shows_its_data_in_quotes);
  tcase_add_loop_test(tests, data_is_quoted_as_go_quotes, 0, QUOTE_CASES);
  tcase_add_test(tests, a_zero_byte_does_not_end_the_data);
  tcase_add_test(tests, a_change_entry_shows_what_changes);
  tcase_add_test(tests, a_change_of_the_old_form_shows_the_one_that_changes);
  tcase_add_test(tests, a_change_that_cannot_be_read_says_so);
  tcase_add_test(tests, numbers_of_a_message_are_always_shown);
  tcase_add_test(tests, a_rejection_shows_its_hint);
  tcase_add_test(tests, what_options_add_is_shown_when_it_is_there);
  tcase_add_test(tests, nodes_are_hexadecimal_and_threads_have_names);
  tcase_add_test(tests, one_entry_is_on_the_line_and_several_below_it);
  tcase_add_test(tests, a_snapshot_is_below_its_message);
  tcase_add_test(tests, responses_are_indented_below_their_message);
  tcase_add_test(tests, responses_of_responses_are_not_passed_over);
  tcase_add_test(tests, an_empty_ready_says_so);
  tcase_add_test(tests, a_ready_shows_its_parts_in_order);
  tcase_add_test(tests, a_ready_of_abandoned_reads_alone_is_empty_to_the_model);
  tcase_add_test(tests, a_hard_state_without_vote_omits_it);
  tcase_add_test(tests, states_are_shown_in_decimal);
  tcase_add_test(tests, a_configuration_shows_the_sets_that_exist);
  tcase_add_test(tests, progress_shows_what_is_unusual);
}

int main(void) {
  Suite *suite = suite_create("describe");
  TCase *texts = tcase_create("texts");
  add_texts(texts);
  suite_add_tcase(suite, texts);
  TCase *events = tcase_create("events");
  tcase_add_test(events, events_speak_with_the_models_words);
  tcase_add_test(events, events_with_an_error_say_what_it_means);
  tcase_add_test(events, every_event_has_a_line_of_its_own);
  tcase_add_test(events, an_event_from_a_newer_library_is_shown_too);
  suite_add_tcase(suite, events);
  TCase *room = tcase_create("room");
  tcase_add_test(room, a_text_that_does_not_fit_is_cut_and_its_length_told);
  tcase_add_test(room, the_length_is_told_without_a_buffer);
  suite_add_tcase(suite, room);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
