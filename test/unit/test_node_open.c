/* test_node_open.c - a node starts from what storage holds, or says why it cannot; and what it
 * shows.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <libraft/wire.h>
#include <stddef.h>
#include <string.h>

#include "faulty_storage.h"
#include "group.h"
#include "run_suite.h"

static failing_allocator memory;
static raft_memory_storage *storage;
static faulty_storage faults;
static raft_config config;
static raft_rawnode *node;

static const uint64_t IDS[] = {1, 2, 3};

static void setup(void) {
  failing_allocator_init(&memory);
  ck_assert_int_eq(raft_memory_storage_open(NULL, &storage), RAFT_OK);
  faulty_storage_init(&faults, raft_memory_storage_interface(storage));
  raft_config_init(&config);
  config.id = 1;
  config.storage = &faults.iface;
  config.allocator = &memory.iface;
  config.seed = 7;
  node = NULL;
}

static void teardown(void) {
  raft_rawnode_close(node);
  raft_memory_storage_close(storage);
  ck_assert_uint_eq(memory.live_blocks, 0);
}

static int open_node(void) {
  raft_rawnode_close(node);
  node = NULL;
  return raft_rawnode_open(&config, &node);
}

/* Entries 1 ... last of term 1 in storage, `commit` of them known to be committed. */
static void store(uint64_t last, uint64_t commit) {
  for (uint64_t index = 1; index <= last; index++) {
    raft_entry entry = {.term = 1, .index = index, .data = {"0123456789", 10, NULL}};
    ck_assert_int_eq(raft_memory_storage_append(storage, &entry, 1), RAFT_OK);
  }
  raft_hard_state state = {.term = 3, .vote = 2, .commit = commit};
  ck_assert_int_eq(raft_memory_storage_set_hard_state(storage, &state), RAFT_OK);
  raft_conf_state members = {.voters = {IDS, 3}};
  ck_assert_int_eq(raft_memory_storage_set_conf_state(storage, &members), RAFT_OK);
}

static raft_basic_status status(void) {
  raft_basic_status now;
  raft_rawnode_basic_status(node, &now);
  return now;
}

/* ---- opening ---- */

START_TEST(a_node_starts_where_it_stopped) {
  store(10, 6);
  config.applied = 4;
  ck_assert_int_eq(open_node(), RAFT_OK);
  raft_basic_status now = status();
  ck_assert_uint_eq(now.hard_state.term, 3);
  ck_assert_uint_eq(now.hard_state.vote, 2);
  ck_assert_uint_eq(now.hard_state.commit, 6);
  ck_assert_uint_eq(now.applied, 4);
  ck_assert_uint_eq(now.last_index, 10);
  ck_assert_int_eq(now.soft_state.role, RAFT_FOLLOWER);
  const raft_ready *rd = NULL;
  ck_assert_int_eq(raft_rawnode_ready(node, &rd), RAFT_OK);
  ck_assert_uint_eq(rd->committed_entry_count, 2);
  ck_assert_uint_eq(rd->hard_state.term, 0); /* storage has it */
  ck_assert_ptr_null(rd->soft_state);
}
END_TEST

START_TEST(a_node_without_a_past_waits) {
  ck_assert_int_eq(open_node(), RAFT_OK);
  ck_assert(!raft_rawnode_has_ready(node));
  for (int i = 0; i < 100; i++) {
    ck_assert_int_eq(raft_rawnode_tick(node), RAFT_OK);
  }
  ck_assert_int_eq(status().soft_state.role, RAFT_FOLLOWER); /* it belongs to no group */
  ck_assert_int_eq(raft_rawnode_campaign(node), RAFT_OK);
  ck_assert_int_eq(status().soft_state.role, RAFT_FOLLOWER);
}
END_TEST

START_TEST(a_bad_configuration_is_refused) {
  config.id = 0;
  ck_assert_int_eq(open_node(), RAFT_ECONFIG);
  config.id = 1;
  config.heartbeat_ticks = config.election_ticks;
  ck_assert_int_eq(open_node(), RAFT_ECONFIG);
  ck_assert_uint_eq(memory.total_calls, 0);
  ck_assert_uint_eq(faults.calls, 0);
}
END_TEST

START_TEST(an_older_configuration_struct_is_understood) {
  store(1, 1);
  config.size = offsetof(raft_config, silent_read_drops) + sizeof(bool);
  ck_assert_int_eq(open_node(), RAFT_OK);
}
END_TEST

START_TEST(without_an_allocator_the_default_one_serves) {
  store(1, 1);
  config.allocator = NULL;
  ck_assert_int_eq(open_node(), RAFT_OK);
  ck_assert_uint_eq(memory.total_calls, 0);
}
END_TEST

START_TEST(storage_that_fails_is_an_error_at_whatever_call) {
  store(10, 6);
  faults.code = -77;
  for (faults.fail_at = 1;; faults.fail_at++) {
    faults.calls = 0;
    int rc = open_node();
    if (faults.calls < faults.fail_at) {
      ck_assert_int_eq(rc, RAFT_OK);
      break;
    }
    ck_assert_int_eq(rc, RAFT_ESTORAGE);
    ck_assert_ptr_null(node);
    ck_assert_uint_eq(memory.live_blocks, 0);
  }
  ck_assert_uint_ge(faults.fail_at, 4);
}
END_TEST

START_TEST(storage_without_memory_says_so) {
  store(10, 6);
  static const storage_call calls[] = {STORAGE_FIRST_INDEX, STORAGE_LAST_INDEX,
                                       STORAGE_INITIAL_STATE};
  for (size_t i = 0; i < 3; i++) {
    faults.answers[calls[i]] = RAFT_ENOMEM;
    ck_assert_int_eq(open_node(), RAFT_ENOMEM);
    faults.answers[calls[i]] = RAFT_OK;
  }
}
END_TEST

START_TEST(every_allocation_of_opening_may_fail) {
  store(10, 6);
  int rc = RAFT_ENOMEM;
  for (size_t n = 1; rc != RAFT_OK; n++) {
    failing_allocator_arm(&memory, n, false);
    rc = open_node();
    ck_assert(rc == RAFT_OK || rc == RAFT_ENOMEM);
    ck_assert(rc == RAFT_OK || memory.live_blocks == 0);
  }
}
END_TEST

START_TEST(a_past_that_cannot_have_been_is_refused) {
  store(10, 11); /* committed beyond the log */
  ck_assert_int_eq(open_node(), RAFT_ESTORAGE);
  raft_hard_state state = {.term = 1, .commit = 6};
  ck_assert_int_eq(raft_memory_storage_set_hard_state(storage, &state), RAFT_OK);
  config.applied = 7; /* applied beyond the commit */
  ck_assert_int_eq(open_node(), RAFT_ESTORAGE);
  ck_assert_int_eq(raft_memory_storage_compact(storage, 5), RAFT_OK);
  config.applied = 3; /* applied below what is left of the log */
  ck_assert_int_eq(open_node(), RAFT_ESTORAGE);
  config.applied = 0;
  state.commit = 4; /* committed below it */
  ck_assert_int_eq(raft_memory_storage_set_hard_state(storage, &state), RAFT_OK);
  ck_assert_int_eq(open_node(), RAFT_ESTORAGE);
  raft_conf_state both = {.voters = {IDS, 3}, .learners = {IDS, 1}};
  ck_assert_int_eq(raft_memory_storage_set_conf_state(storage, &both), RAFT_OK);
  ck_assert_int_eq(open_node(), RAFT_ESTORAGE);
}
END_TEST

static uint64_t wrong_first, wrong_last;
static int give_first(void *ctx, uint64_t *index) {
  (void)ctx;
  *index = wrong_first;
  return RAFT_OK;
}
static int give_last(void *ctx, uint64_t *index) {
  (void)ctx;
  *index = wrong_last;
  return RAFT_OK;
}

START_TEST(bounds_that_cannot_be_are_refused) {
  static const uint64_t bounds[][2] = {{0, 0}, {5, 3}, {1, UINT64_MAX}, {1, UINT64_MAX - 1}};
  faults.iface.first_index = give_first;
  faults.iface.last_index = give_last;
  for (size_t i = 0; i < sizeof bounds / sizeof bounds[0]; i++) {
    wrong_first = bounds[i][0];
    wrong_last = bounds[i][1];
    ck_assert_int_eq(open_node(), RAFT_ESTORAGE);
  }
}
END_TEST

/* Answers that no storage may give to a question for entries. */
static int wrong_entries(void *ctx, uint64_t lo, uint64_t hi, uint64_t max_bytes, raft_entry *out,
                         size_t *count) {
  (void)ctx, (void)hi, (void)max_bytes;
  out[0] = (raft_entry){.term = 1, .index = lo + 1};
  *count = faults.code == 0 ? 0 : faults.code == 1 ? 1 : *count + 1;
  return RAFT_OK;
}

START_TEST(entries_that_cannot_be_poison) {
  store(10, 8);
  faults.iface.entries = wrong_entries;
  for (faults.code = 0; faults.code <= 2; faults.code++) { /* none, the wrong one, too many */
    ck_assert_int_eq(open_node(), RAFT_OK);
    const raft_ready *rd = NULL;
    ck_assert_int_eq(raft_rawnode_ready(node, &rd), RAFT_ESTORAGE);
  }
}
END_TEST

START_TEST(closing_nothing_is_allowed) {
  raft_rawnode_close(NULL);
}
END_TEST

/* ---- bootstrap ---- */

static const raft_peer PEERS[] = {{.id = 1, .context = {"one", 3, NULL}}, {.id = 2}, {.id = 3}};

START_TEST(a_group_begins_with_its_members_as_entries) {
  ck_assert_int_eq(open_node(), RAFT_OK);
  ck_assert_int_eq(raft_rawnode_bootstrap(node, PEERS, 3), RAFT_OK);
  raft_status now;
  raft_rawnode_status(node, &now);
  ck_assert_uint_eq(now.conf_state.voters.count, 3); /* in force before they are applied */
  ck_assert_uint_eq(now.basic.hard_state.term, 1);
  ck_assert_uint_eq(now.basic.hard_state.commit, 3);
  const raft_ready *rd = NULL;
  ck_assert_int_eq(raft_rawnode_ready(node, &rd), RAFT_OK);
  ck_assert_uint_eq(rd->entry_count, 3);
  ck_assert_uint_eq(rd->committed_entry_count, 3);
  ck_assert_int_eq(rd->entries[0].type, RAFT_ENTRY_CONF_CHANGE);
  ck_assert_uint_eq(rd->entries[2].index, 3);
  ck_assert(rd->must_sync);
  for (size_t i = 0; i < 3; i++) {
    raft_conf_change change;
    ck_assert_int_eq(raft_conf_change_decode(rd->committed_entries[i].data, &change), RAFT_OK);
    ck_assert_uint_eq(change.node_id, i + 1);
    ck_assert_uint_eq(change.context.len, i == 0 ? 3 : 0);
    ck_assert_int_eq(raft_rawnode_apply_conf_change_v1(node, &change, NULL), RAFT_OK);
  }
  ck_assert_int_eq(raft_memory_storage_append(storage, rd->entries, 3), RAFT_OK);
  ck_assert_int_eq(raft_rawnode_advance(node, rd), RAFT_OK);
  ck_assert_int_eq(raft_rawnode_campaign(node), RAFT_OK);
  ck_assert_int_eq(status().soft_state.role, RAFT_PRE_CANDIDATE);
}
END_TEST

START_TEST(a_group_needs_members_and_each_of_them_once) {
  ck_assert_int_eq(open_node(), RAFT_OK);
  static const raft_peer twice[] = {{.id = 1}, {.id = 1}}, nobody[] = {{.id = 0}};
  ck_assert_int_eq(raft_rawnode_bootstrap(node, NULL, 1), RAFT_EINVAL);
  ck_assert_int_eq(raft_rawnode_bootstrap(node, PEERS, 0), RAFT_EINVAL);
  ck_assert_int_eq(raft_rawnode_bootstrap(node, twice, 2), RAFT_EINVAL);
  ck_assert_int_eq(raft_rawnode_bootstrap(node, nobody, 1), RAFT_EINVAL);
  ck_assert(!raft_rawnode_has_ready(node));
  ck_assert_int_eq(raft_rawnode_bootstrap(node, PEERS, 3), RAFT_OK);
  ck_assert_int_eq(raft_rawnode_bootstrap(node, PEERS, 3), RAFT_ENOT_EMPTY);
}
END_TEST

START_TEST(a_group_begins_once) {
  store(2, 1);
  ck_assert_int_eq(open_node(), RAFT_OK);
  ck_assert_int_eq(raft_rawnode_bootstrap(node, PEERS, 3), RAFT_ENOT_EMPTY);
  ck_assert_uint_eq(status().last_index, 2);
}
END_TEST

START_TEST(every_allocation_of_bootstrap_may_fail) {
  ck_assert_int_eq(open_node(), RAFT_OK);
  int rc = RAFT_ENOMEM;
  for (size_t n = 1; rc != RAFT_OK; n++) {
    failing_allocator_arm(&memory, n, false);
    rc = raft_rawnode_bootstrap(node, PEERS, 3);
    ck_assert(rc == RAFT_OK || rc == RAFT_ENOMEM);
    ck_assert_uint_eq(status().last_index, rc == RAFT_OK ? 3 : 0);
    ck_assert_uint_eq(status().hard_state.term, rc == RAFT_OK ? 1 : 0);
  }
}
END_TEST

/* ---- looking inside ---- */

START_TEST(a_leader_shows_what_it_knows_of_the_others) {
  group g;
  group_open(&g, 3, NULL);
  group_elect(&g, 2);
  raft_status now;
  raft_rawnode_status(group_node(&g, 2), &now);
  ck_assert_uint_eq(now.progress_count, 3);
  raft_progress_status progress;
  for (size_t i = 0; i < 3; i++) {
    ck_assert_int_eq(raft_rawnode_progress(group_node(&g, 2), i, &progress), RAFT_OK);
    ck_assert_uint_eq(progress.id, i + 1);
    ck_assert_uint_eq(progress.match, 1);
    ck_assert_uint_eq(progress.next, 2);
    ck_assert_int_eq(progress.state, RAFT_PROGRESS_REPLICATE);
  }
  ck_assert_int_eq(raft_rawnode_progress(group_node(&g, 2), 3, &progress), RAFT_EINVAL);
  raft_rawnode_status(group_node(&g, 1), &now);
  ck_assert_uint_eq(now.progress_count, 0);
  ck_assert_int_eq(raft_rawnode_progress(group_node(&g, 1), 0, &progress), RAFT_EINVAL);
  group_close(&g);
}
END_TEST

/* 4.3 f */
START_TEST(status_tells_whether_a_joint_configuration_is_left_by_itself) {
  store(1, 1);
  raft_conf_state joint = {.voters = {IDS, 2}, .voters_outgoing = {IDS, 3}, .auto_leave = true};
  ck_assert_int_eq(raft_memory_storage_set_conf_state(storage, &joint), RAFT_OK);
  ck_assert_int_eq(open_node(), RAFT_OK);
  raft_status now;
  raft_rawnode_status(node, &now);
  ck_assert(now.conf_state.auto_leave);
  ck_assert_uint_eq(now.conf_state.voters_outgoing.count, 3);
}
END_TEST

START_TEST(asking_for_a_status_breaks_nothing) {
  store(2, 2);
  ck_assert_int_eq(open_node(), RAFT_OK);
  faults.answers[STORAGE_TERM] = faults.answers[STORAGE_FIRST_INDEX] = -77;
  ck_assert_uint_eq(status().last_index, 2);
  faults.answers[STORAGE_TERM] = faults.answers[STORAGE_FIRST_INDEX] = RAFT_OK;
  ck_assert_int_eq(raft_rawnode_tick(node), RAFT_OK);
}
END_TEST

START_TEST(the_election_timeout_can_be_set) {
  store(2, 2);
  ck_assert_int_eq(open_node(), RAFT_OK);
  ck_assert_int_eq(raft_rawnode_set_randomized_election_timeout(node, 0), RAFT_EINVAL);
  ck_assert_int_eq(raft_rawnode_set_randomized_election_timeout(node, 3), RAFT_OK);
  for (int i = 0; i < 3; i++) {
    ck_assert_int_eq(status().soft_state.role, RAFT_FOLLOWER);
    ck_assert_int_eq(raft_rawnode_tick(node), RAFT_OK);
  }
  ck_assert_int_eq(status().soft_state.role, RAFT_PRE_CANDIDATE);
}
END_TEST

/* ---- poison ---- */

static unsigned poisonings;
static void count_poisonings(void *ctx, const raft_event *event) {
  (void)ctx;
  poisonings += event->type == RAFT_EVENT_POISONED;
}

START_TEST(a_poisoned_node_says_so_everywhere) {
  store(2, 2);
  config.log = count_poisonings;
  ck_assert_int_eq(open_node(), RAFT_OK);
  faults.answers[STORAGE_ENTRIES] = -77;
  const raft_ready *rd = NULL;
  ck_assert_int_eq(raft_rawnode_ready(node, &rd), RAFT_ESTORAGE); /* entries to apply are gone */
  faults.answers[STORAGE_ENTRIES] = RAFT_OK;
  ck_assert_uint_eq(poisonings, 1);
  raft_message message = {.type = RAFT_MSG_HEARTBEAT, .from = 2, .to = 1, .term = 9};
  raft_slice slice = {"x", 1};
  raft_bytes bytes = {"x", 1, NULL};
  raft_conf_change change = {.node_id = 4};
  ck_assert_int_eq(raft_rawnode_ready(node, &rd), RAFT_ESTORAGE);
  ck_assert_int_eq(raft_rawnode_advance(node, rd), RAFT_ESTORAGE);
  ck_assert_int_eq(raft_rawnode_tick(node), RAFT_ESTORAGE);
  ck_assert_int_eq(raft_rawnode_step(node, &message), RAFT_ESTORAGE);
  ck_assert_int_eq(raft_rawnode_propose(node, &slice, 1), RAFT_ESTORAGE);
  ck_assert_int_eq(raft_rawnode_propose_batch(node, &bytes, 1), RAFT_ESTORAGE);
  ck_assert_int_eq(raft_rawnode_propose_batch(node, &bytes, 0), RAFT_ESTORAGE);
  ck_assert_int_eq(raft_rawnode_propose_conf_change(node, &change), RAFT_ESTORAGE);
  ck_assert_int_eq(raft_rawnode_propose_conf_change_v2(node, NULL), RAFT_ESTORAGE);
  ck_assert_int_eq(raft_rawnode_apply_conf_change_v1(node, &change, NULL), RAFT_ESTORAGE);
  ck_assert_int_eq(raft_rawnode_campaign(node), RAFT_ESTORAGE);
  ck_assert_int_eq(raft_rawnode_transfer_leader(node, 2), RAFT_ESTORAGE);
  ck_assert_int_eq(raft_rawnode_forget_leader(node), RAFT_ESTORAGE);
  ck_assert_int_eq(raft_rawnode_read_index(node, &bytes), RAFT_ESTORAGE);
  ck_assert_int_eq(raft_rawnode_report_unreachable(node, 2), RAFT_ESTORAGE);
  ck_assert_int_eq(raft_rawnode_report_snapshot(node, 2, true), RAFT_ESTORAGE);
  ck_assert_int_eq(raft_rawnode_bootstrap(node, PEERS, 3), RAFT_ESTORAGE);
  ck_assert_int_eq(raft_rawnode_set_randomized_election_timeout(node, 5), RAFT_ESTORAGE);
  ck_assert(!raft_rawnode_has_ready(node));
  ck_assert_uint_eq(poisonings, 1);               /* said once */
  ck_assert_uint_eq(status().hard_state.term, 3); /* for whoever looks at the remains */
}
END_TEST

START_TEST(a_poisoned_node_says_so_to_calls_beyond_the_model_too) {
  const raft_commit_group one = {1, 1};
  bool consistent = false;
  store(2, 2);
  ck_assert_int_eq(open_node(), RAFT_OK);
  faults.answers[STORAGE_ENTRIES] = -77;
  ck_assert_int_eq(raft_rawnode_campaign(node), RAFT_ESTORAGE);
  ck_assert_int_eq(raft_rawnode_ping(node), RAFT_ESTORAGE);
  ck_assert_int_eq(raft_rawnode_set_priority(node, 1), RAFT_ESTORAGE);
  ck_assert_int_eq(raft_rawnode_request_snapshot(node), RAFT_ESTORAGE);
  ck_assert_int_eq(raft_rawnode_enable_group_commit(node, true), RAFT_ESTORAGE);
  ck_assert_int_eq(raft_rawnode_assign_commit_groups(node, &one, 1), RAFT_ESTORAGE);
  ck_assert_int_eq(raft_rawnode_clear_commit_groups(node), RAFT_ESTORAGE);
  ck_assert_int_eq(raft_rawnode_group_commit_consistent(node, &consistent), RAFT_ESTORAGE);
}
END_TEST

START_TEST(committed_entries_that_storage_lost_poison) {
  store(10, 8);
  ck_assert_int_eq(open_node(), RAFT_OK);
  ck_assert_int_eq(raft_memory_storage_compact(storage, 9), RAFT_OK); /* not applied yet */
  const raft_ready *rd = NULL;
  ck_assert_int_eq(raft_rawnode_ready(node, &rd), RAFT_ESTORAGE);
}
END_TEST

START_TEST(a_vote_is_not_given_by_a_log_that_cannot_be_read) {
  store(2, 2);
  config.applied = 2;
  ck_assert_int_eq(open_node(), RAFT_OK);
  faults.answers[STORAGE_TERM] = -77;
  raft_message request = {
      .type = RAFT_MSG_VOTE, .from = 2, .to = 1, .term = 9, .log_term = 1, .index = 1};
  ck_assert_int_eq(raft_rawnode_step(node, &request), RAFT_ESTORAGE);
  ck_assert(!raft_rawnode_has_ready(node));
}
END_TEST

START_TEST(storage_that_finds_no_memory_is_asked_again) {
  store(10, 8);
  ck_assert_int_eq(open_node(), RAFT_OK);
  faults.answers[STORAGE_ENTRIES] = RAFT_ENOMEM;
  const raft_ready *rd = NULL;
  ck_assert_int_eq(raft_rawnode_ready(node, &rd), RAFT_ENOMEM);
  ck_assert_int_eq(raft_rawnode_campaign(node), RAFT_ENOMEM); /* is a change unapplied? */
  faults.answers[STORAGE_ENTRIES] = RAFT_OK;
  ck_assert_int_eq(raft_rawnode_ready(node, &rd), RAFT_OK);
  ck_assert_uint_eq(rd->committed_entry_count, 8);
}
END_TEST

START_TEST(storage_that_fails_under_a_campaign_poisons) {
  store(10, 8);
  ck_assert_int_eq(open_node(), RAFT_OK);
  faults.answers[STORAGE_ENTRIES] = -77;
  ck_assert_int_eq(raft_rawnode_campaign(node), RAFT_ESTORAGE);
  ck_assert_int_eq(raft_rawnode_tick(node), RAFT_ESTORAGE);
}
END_TEST

int main(void) {
  const TTest *const tests[] = {
      a_node_starts_where_it_stopped,
      a_node_without_a_past_waits,
      a_bad_configuration_is_refused,
      an_older_configuration_struct_is_understood,
      without_an_allocator_the_default_one_serves,
      storage_that_fails_is_an_error_at_whatever_call,
      storage_without_memory_says_so,
      every_allocation_of_opening_may_fail,
      a_past_that_cannot_have_been_is_refused,
      bounds_that_cannot_be_are_refused,
      entries_that_cannot_be_poison,
      closing_nothing_is_allowed,
      a_group_begins_with_its_members_as_entries,
      a_group_needs_members_and_each_of_them_once,
      a_group_begins_once,
      every_allocation_of_bootstrap_may_fail,
      a_leader_shows_what_it_knows_of_the_others,
      status_tells_whether_a_joint_configuration_is_left_by_itself,
      asking_for_a_status_breaks_nothing,
      the_election_timeout_can_be_set,
      a_poisoned_node_says_so_everywhere,
      a_poisoned_node_says_so_to_calls_beyond_the_model_too,
      committed_entries_that_storage_lost_poison,
      a_vote_is_not_given_by_a_log_that_cannot_be_read,
      storage_that_finds_no_memory_is_asked_again,
      storage_that_fails_under_a_campaign_poisons,
  };
  return run_suite("open", tests, sizeof tests / sizeof tests[0], setup, teardown);
}
