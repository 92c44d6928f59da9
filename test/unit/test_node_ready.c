/* test_node_ready.c - all work is handed out once, in the right order, and taken back when it is
 * done.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "group.h"
#include "run_suite.h"

static group g;
static raft_rawnode *node; /* number 1 */
static const raft_ready *rd;

static void async(raft_config *config) {
  group_plain(config);
  config->async_storage_writes = true;
}

static void async_slow(raft_config *config) {
  async(config);
  config->max_committed_size_per_ready = 1;
}

static void slow(raft_config *config) {
  group_plain(config);
  config->max_committed_size_per_ready = 30;
}

static void reopen(size_t count, void (*change)(raft_config *)) {
  if (g.count > 0) {
    group_close(&g);
  }
  group_open(&g, count, change);
  group_elect(&g, 1);
  node = group_node(&g, 1);
  rd = NULL;
}

static void setup(void) {
  reopen(1, group_plain);
}

static void teardown(void) {
  group_close(&g);
}

static void propose(unsigned count) {
  for (unsigned i = 0; i < count; i++) {
    ck_assert_int_eq(group_propose(&g, 1, "0123456789"), RAFT_OK);
  }
}

static void take(void) {
  ck_assert(raft_rawnode_has_ready(node));
  ck_assert_int_eq(raft_rawnode_ready(node, &rd), RAFT_OK);
}

/* Saves what the Ready says, then advances. */
static void finish(void) {
  raft_memory_storage *storage = g.members[1].storage;
  ck_assert_int_eq(raft_memory_storage_append(storage, rd->entries, rd->entry_count), RAFT_OK);
  if (rd->hard_state.term != 0) {
    ck_assert_int_eq(raft_memory_storage_set_hard_state(storage, &rd->hard_state), RAFT_OK);
  }
  if (rd->committed_entry_count > 0) {
    g.members[1].applied = rd->committed_entries[rd->committed_entry_count - 1].index;
  }
  ck_assert_int_eq(raft_rawnode_advance(node, rd), RAFT_OK);
}

static const raft_message *message_to(uint64_t to, raft_message_type type) {
  for (size_t i = 0; i < rd->message_count; i++) {
    if (rd->messages[i].to == to && rd->messages[i].type == type) {
      return &rd->messages[i];
    }
  }
  return NULL;
}

/* An append of one entry behind the first one. */
static raft_message append_of(uint64_t from, uint64_t term, const raft_entry *entry) {
  return (raft_message){.type = RAFT_MSG_APP,
                        .from = from,
                        .to = 1,
                        .term = term,
                        .log_term = 1,
                        .index = 1,
                        .entries = entry,
                        .entry_count = 1};
}

/* ---- 80: the order of calls ---- */

START_TEST(two_readies_need_an_advance_between_them) {
  propose(1);
  take();
  const raft_ready *second = NULL;
  ck_assert_int_eq(raft_rawnode_ready(node, &second), RAFT_EUSAGE);
  ck_assert_ptr_null(second);
  finish();
  take();
  finish();
}
END_TEST

START_TEST(an_advance_needs_its_ready) {
  ck_assert_int_eq(raft_rawnode_advance(node, NULL), RAFT_EUSAGE);
  propose(1);
  take();
  raft_ready copy = *rd;
  ck_assert_int_eq(raft_rawnode_advance(node, &copy), RAFT_EUSAGE);
  finish();
  ck_assert_int_eq(raft_rawnode_advance(node, rd), RAFT_EUSAGE);
}
END_TEST

START_TEST(asynchronous_writes_know_no_advance) {
  reopen(1, async);
  propose(1);
  take();
  ck_assert_int_eq(raft_rawnode_advance(node, rd), RAFT_EUSAGE);
  ck_assert_int_eq(raft_rawnode_ready(node, &rd), RAFT_OK); /* and a Ready follows a Ready */
}
END_TEST

/* ---- contents ---- */

START_TEST(nothing_to_do_is_no_ready) {
  ck_assert(!raft_rawnode_has_ready(node));
  ck_assert_int_eq(raft_rawnode_ready(node, &rd), RAFT_OK); /* asking all the same is allowed */
  ck_assert_uint_eq(rd->entry_count + rd->committed_entry_count + rd->message_count, 0);
  ck_assert_ptr_null(rd->soft_state);
  ck_assert_uint_eq(rd->hard_state.term, 0);
  ck_assert(!rd->must_sync);
  ck_assert_int_eq(raft_rawnode_advance(node, rd), RAFT_OK);
}
END_TEST

START_TEST(entries_are_to_be_synced_a_commit_is_not) {
  propose(2);
  take();
  ck_assert_uint_eq(rd->entry_count, 2);
  ck_assert_uint_eq(rd->hard_state.term, 0); /* nothing of it changed */
  ck_assert_uint_eq(rd->committed_entry_count, 0);
  ck_assert(rd->must_sync);
  finish();
  take();
  ck_assert_uint_eq(rd->entry_count, 0);
  ck_assert_uint_eq(rd->hard_state.commit, 3);
  ck_assert_uint_eq(rd->committed_entry_count, 2);
  ck_assert_uint_eq(rd->committed_entries[0].index, 2);
  ck_assert(!rd->must_sync);
  finish();
  ck_assert(!raft_rawnode_has_ready(node));
}
END_TEST

START_TEST(a_vote_is_to_be_synced_and_leaves_with_its_ready) {
  reopen(3, group_plain);
  raft_message request = {
      .type = RAFT_MSG_VOTE, .from = 2, .to = 1, .term = 5, .log_term = 5, .index = 9};
  ck_assert_int_eq(raft_rawnode_step(node, &request), RAFT_OK);
  take();
  ck_assert(rd->must_sync);
  ck_assert_uint_eq(rd->hard_state.term, 5);
  ck_assert_uint_eq(rd->hard_state.vote, 2);
  ck_assert_ptr_nonnull(rd->soft_state);
  ck_assert_int_eq(rd->soft_state->role, RAFT_FOLLOWER);
  ck_assert_ptr_nonnull(message_to(2, RAFT_MSG_VOTE_RESP));
  finish();
}
END_TEST

START_TEST(a_follower_applies_what_it_saves_in_the_same_ready) {
  reopen(3, group_plain);
  raft_entry entry = {.term = 2, .index = 2, .data = {"x", 1, NULL}};
  raft_message append = append_of(2, 2, &entry);
  append.commit = 2;
  ck_assert_int_eq(raft_rawnode_step(node, &append), RAFT_OK);
  take();
  ck_assert_uint_eq(rd->entry_count, 1);
  ck_assert_uint_eq(rd->committed_entry_count, 1);
  ck_assert_ptr_eq(rd->entries[0].data.data, rd->committed_entries[0].data.data);
  ck_assert_ptr_nonnull(message_to(2, RAFT_MSG_APP_RESP));
  finish();
}
END_TEST

START_TEST(what_comes_in_meanwhile_waits_for_the_next) {
  propose(1);
  take();
  propose(1);
  ck_assert_uint_eq(rd->entry_count, 1);
  ck_assert_mem_eq(rd->entries[0].data.data, "0123456789", 10);
  finish();
  take();
  ck_assert_uint_eq(rd->entry_count, 1);
  ck_assert_uint_eq(rd->entries[0].index, 3);
  ck_assert_uint_eq(rd->committed_entry_count, 1);
  finish();
}
END_TEST

START_TEST(an_own_acknowledgement_of_an_older_term_does_not_count) {
  reopen(3, group_plain);
  propose(1);
  take();
  raft_message newer = {.type = RAFT_MSG_HEARTBEAT, .from = 2, .to = 1, .term = 2};
  ck_assert_int_eq(raft_rawnode_step(node, &newer), RAFT_OK);
  finish();
  ck_assert_int_eq(group_status(&g, 1).soft_state.role, RAFT_FOLLOWER);
  ck_assert_uint_eq(group_status(&g, 1).hard_state.commit, 1);
}
END_TEST

START_TEST(a_ready_that_finds_no_memory_is_asked_for_again) {
  propose(10);
  take();
  finish(); /* what is committed now comes from storage, and is more than there was room for */
  failing_allocator_arm(&g.members[1].memory, 1, false);
  ck_assert_int_eq(raft_rawnode_ready(node, &rd), RAFT_ENOMEM);
  take();
  ck_assert_uint_eq(rd->committed_entry_count, 10);
  ck_assert_uint_eq(rd->committed_entries[0].index, 2); /* nothing was lost */
  finish();
}
END_TEST

START_TEST(a_leaders_ready_with_entries_and_messages_needs_no_memory) {
  reopen(3, group_plain);
  raft_bytes context = {"read", 4, NULL};
  propose(4);
  ck_assert_int_eq(raft_rawnode_read_index(node, &context), RAFT_OK);
  failing_allocator_arm(&g.members[1].memory, 1, true);
  take();
  ck_assert_uint_eq(rd->entry_count, 4);
  ck_assert_uint_eq(rd->entries[0].index, 2);
  ck_assert_ptr_nonnull(message_to(2, RAFT_MSG_HEARTBEAT));
  ck_assert_ptr_nonnull(message_to(3, RAFT_MSG_APP));
  failing_allocator_arm(&g.members[1].memory, 0, false);
  finish();
}
END_TEST

START_TEST(what_a_ready_shows_survives_a_step_that_replaces_it) {
  reopen(3, group_plain);
  propose(3);
  take();
  raft_entry other = {.term = 2, .index = 2, .data = {"another", 7, NULL}};
  raft_message append = append_of(2, 2, &other);
  ck_assert_int_eq(raft_rawnode_step(node, &append), RAFT_OK);
  ck_assert_uint_eq(rd->entry_count, 3);
  for (size_t i = 0; i < 3; i++) {
    ck_assert_uint_eq(rd->entries[i].index, 2 + i);
    ck_assert_mem_eq(rd->entries[i].data.data, "0123456789", 10);
  }
  finish();
  take();
  ck_assert_uint_eq(rd->entry_count, 1);
  ck_assert_mem_eq(rd->entries[0].data.data, "another", 7);
  finish();
}
END_TEST

/* ---- 82 - 85: the committed entries, page by page ---- */

START_TEST(committed_entries_come_in_pages) {
  reopen(1, slow); /* an entry has 16 bytes: one fits, and a second does not */
  propose(3);
  take();
  finish();
  for (uint64_t index = 2; index <= 4; index++) {
    take();
    ck_assert_uint_eq(rd->committed_entry_count, 1);
    ck_assert_uint_eq(rd->committed_entries[0].index, index);
    finish();
  }
  ck_assert(!raft_rawnode_has_ready(node));
}
END_TEST

/* 84: what storage gives beyond the size that was asked for is not cut, or it would be skipped. */
static int generous_entries(void *ctx, uint64_t lo, uint64_t hi, uint64_t max_bytes,
                            raft_entry *out, size_t *count) {
  (void)max_bytes;
  const raft_storage *inner = ctx;
  return inner->entries(inner->ctx, lo, hi, RAFT_NO_LIMIT, out, count);
}
static int generous_state(void *ctx, raft_hard_state *state, raft_conf_state *conf_state) {
  const raft_storage *inner = ctx;
  return inner->initial_state(inner->ctx, state, conf_state);
}
static int generous_term(void *ctx, uint64_t index, uint64_t *term) {
  const raft_storage *inner = ctx;
  return inner->term(inner->ctx, index, term);
}
static int generous_first(void *ctx, uint64_t *index) {
  const raft_storage *inner = ctx;
  return inner->first_index(inner->ctx, index);
}
static int generous_last(void *ctx, uint64_t *index) {
  const raft_storage *inner = ctx;
  return inner->last_index(inner->ctx, index);
}
static int generous_snapshot(void *ctx, raft_snapshot *snapshot) {
  const raft_storage *inner = ctx;
  return inner->snapshot(inner->ctx, snapshot);
}

START_TEST(storage_that_gives_more_than_asked_for_loses_nothing) {
  propose(10);
  group_settle(&g);
  raft_storage *inner = (raft_storage *)(uintptr_t)g.members[1].config.storage;
  raft_storage generous = {.size = sizeof generous,
                           .ctx = inner,
                           .initial_state = generous_state,
                           .entries = generous_entries,
                           .term = generous_term,
                           .first_index = generous_first,
                           .last_index = generous_last,
                           .snapshot = generous_snapshot};
  raft_config config = g.members[1].config;
  config.storage = &generous;
  config.applied = 0;
  config.max_committed_size_per_ready = 30;
  raft_rawnode *other = NULL;
  ck_assert_int_eq(raft_rawnode_open(&config, &other), RAFT_OK);
  uint64_t expected = 1;
  while (raft_rawnode_has_ready(other)) {
    ck_assert_int_eq(raft_rawnode_ready(other, &rd), RAFT_OK);
    for (size_t i = 0; i < rd->committed_entry_count; i++) {
      ck_assert_uint_eq(rd->committed_entries[i].index, expected);
      expected++;
    }
    ck_assert_int_eq(raft_rawnode_advance(other, rd), RAFT_OK);
  }
  ck_assert_uint_eq(expected, 12);
  raft_rawnode_close(other);
}
END_TEST

START_TEST(a_restart_gives_only_what_was_not_applied) {
  propose(5);
  group_settle(&g);
  group_restart(&g, 1);
  node = group_node(&g, 1);
  ck_assert(!raft_rawnode_has_ready(node)); /* the hard state is not repeated either */
  g.members[1].applied = 4;
  group_restart(&g, 1);
  node = group_node(&g, 1);
  take();
  ck_assert_uint_eq(rd->committed_entry_count, 2);
  ck_assert_uint_eq(rd->committed_entries[0].index, 5);
  ck_assert_uint_eq(rd->hard_state.term, 0);
  ck_assert_uint_eq(rd->entry_count, 0);
  finish();
}
END_TEST

/* ---- 76 - 79: asynchronous storage ---- */

static void deliver_responses(const raft_message *message) {
  for (size_t i = 0; i < message->response_count; i++) {
    ck_assert_int_eq(raft_rawnode_step(node, &message->responses[i]), RAFT_OK);
  }
}

/* A message that outlives its Ready, as on another thread. */
static raft_message keep(const raft_message *message) {
  ck_assert_ptr_nonnull(message);
  raft_message_retain(message);
  return *message;
}

static void store(const raft_message *message) {
  raft_memory_storage *storage = g.members[1].storage;
  ck_assert_int_eq(raft_memory_storage_append(storage, message->entries, message->entry_count),
                   RAFT_OK);
}

START_TEST(promises_wait_for_the_write) {
  reopen(3, async);
  raft_entry entry = {.term = 2, .index = 2};
  raft_message append = append_of(2, 2, &entry);
  append.commit = 2;
  ck_assert_int_eq(raft_rawnode_step(node, &append), RAFT_OK);
  take();
  ck_assert_ptr_null(message_to(2, RAFT_MSG_APP_RESP));
  raft_message write = keep(message_to(RAFT_APPEND_THREAD, RAFT_MSG_STORAGE_APPEND));
  ck_assert_uint_eq(write.entry_count, 1);
  ck_assert_uint_eq(write.term, 2);
  ck_assert_uint_eq(write.commit, 2);
  ck_assert_uint_eq(write.response_count, 2);
  ck_assert_int_eq(write.responses[0].type, RAFT_MSG_APP_RESP); /* of which the peer hears first */
  ck_assert_uint_eq(write.responses[0].to, 2);
  ck_assert_int_eq(write.responses[1].type, RAFT_MSG_STORAGE_APPEND_RESP);
  ck_assert_uint_eq(write.responses[1].to, 1);
  /* 79: committed, but not stored: not to be applied yet. */
  ck_assert_ptr_null(message_to(RAFT_APPLY_THREAD, RAFT_MSG_STORAGE_APPLY));
  ck_assert_uint_eq(rd->committed_entry_count, 0);
  ck_assert(!raft_rawnode_has_ready(node));
  store(&write);
  ck_assert_int_eq(raft_rawnode_step(node, &write.responses[1]), RAFT_OK);
  raft_message_release(&write);
  take();
  raft_message apply = keep(message_to(RAFT_APPLY_THREAD, RAFT_MSG_STORAGE_APPLY));
  ck_assert_uint_eq(apply.entry_count, 1);
  ck_assert_uint_eq(apply.entries[0].index, 2);
  ck_assert_uint_eq(group_status(&g, 1).applied, 1);
  deliver_responses(&apply);
  raft_message_release(&apply);
  ck_assert_uint_eq(group_status(&g, 1).applied, 2);
}
END_TEST

START_TEST(a_rejection_waits_for_the_write_too) {
  reopen(3, async);
  raft_message append = {
      .type = RAFT_MSG_APP, .from = 2, .to = 1, .term = 2, .log_term = 2, .index = 9};
  ck_assert_int_eq(raft_rawnode_step(node, &append), RAFT_OK);
  take();
  ck_assert_ptr_null(message_to(2, RAFT_MSG_APP_RESP));
  const raft_message *write = message_to(RAFT_APPEND_THREAD, RAFT_MSG_STORAGE_APPEND);
  ck_assert_uint_eq(write->response_count, 1);
  ck_assert(write->responses[0].reject);
}
END_TEST

START_TEST(a_leader_counts_itself_when_its_write_is_durable) {
  reopen(1, async);
  propose(1);
  take();
  raft_message write = keep(message_to(RAFT_APPEND_THREAD, RAFT_MSG_STORAGE_APPEND));
  ck_assert_uint_eq(group_status(&g, 1).hard_state.commit, 1);
  store(&write);
  deliver_responses(&write);
  raft_message_release(&write);
  ck_assert_uint_eq(group_status(&g, 1).hard_state.commit, 2);
}
END_TEST

/* 77: entry (2, 2) is written, replaced by (3, 2), and comes back with the term 4: the answer
 * to the first write says nothing about the third. */
START_TEST(an_answer_of_an_older_term_makes_nothing_durable) {
  reopen(3, async);
  raft_entry entry = {.term = 2, .index = 2};
  raft_message append = append_of(2, 2, &entry);
  ck_assert_int_eq(raft_rawnode_step(node, &append), RAFT_OK);
  take();
  raft_message first = keep(message_to(RAFT_APPEND_THREAD, RAFT_MSG_STORAGE_APPEND));
  raft_entry other = {.term = 3, .index = 2};
  append = append_of(3, 3, &other);
  ck_assert_int_eq(raft_rawnode_step(node, &append), RAFT_OK);
  take();
  raft_message second = keep(message_to(RAFT_APPEND_THREAD, RAFT_MSG_STORAGE_APPEND));
  append = append_of(2, 4, &entry);
  append.commit = 2;
  ck_assert_int_eq(raft_rawnode_step(node, &append), RAFT_OK);
  take();
  raft_message third = keep(message_to(RAFT_APPEND_THREAD, RAFT_MSG_STORAGE_APPEND));
  store(&first);
  ck_assert_int_eq(raft_rawnode_step(node, &first.responses[1]), RAFT_OK);
  ck_assert(!raft_rawnode_has_ready(node)); /* nothing became applicable */
  store(&second);
  ck_assert_int_eq(raft_rawnode_step(node, &second.responses[1]), RAFT_OK);
  ck_assert(!raft_rawnode_has_ready(node));
  store(&third);
  ck_assert_int_eq(raft_rawnode_step(node, &third.responses[1]), RAFT_OK);
  take();
  ck_assert_uint_eq(rd->committed_entry_count, 1);
  raft_message_release(&first);
  raft_message_release(&second);
  raft_message_release(&third);
}
END_TEST

START_TEST(a_snapshot_is_durable_in_any_term) {
  reopen(3, async);
  static const uint64_t voters[] = {1, 2, 3}, hash = 1;
  raft_snapshot snapshot = {.data = {&hash, sizeof hash, NULL},
                            .conf_state = {.voters = {voters, 3}},
                            .index = 20,
                            .term = 1};
  raft_message message = {
      .type = RAFT_MSG_SNAP, .from = 2, .to = 1, .term = 2, .snapshot = &snapshot};
  ck_assert_int_eq(raft_rawnode_step(node, &message), RAFT_OK);
  take();
  raft_message write = keep(message_to(RAFT_APPEND_THREAD, RAFT_MSG_STORAGE_APPEND));
  ck_assert_ptr_nonnull(write.snapshot);
  ck_assert_ptr_nonnull(write.responses[write.response_count - 1].snapshot);
  raft_message newer = {.type = RAFT_MSG_HEARTBEAT, .from = 3, .to = 1, .term = 3};
  ck_assert_int_eq(raft_rawnode_step(node, &newer), RAFT_OK);
  raft_memory_storage *storage = g.members[1].storage;
  ck_assert_int_eq(raft_memory_storage_apply_snapshot(storage, write.snapshot), RAFT_OK);
  ck_assert_int_eq(raft_rawnode_step(node, &write.responses[write.response_count - 1]), RAFT_OK);
  raft_message_release(&write);
  ck_assert_uint_eq(group_status(&g, 1).applied, 20);
  ck_assert_uint_eq(group_status(&g, 1).first_index, 21);
}
END_TEST

START_TEST(outstanding_applies_are_bounded) {
  reopen(1, async_slow);
  propose(3);
  take();
  raft_message write = keep(message_to(RAFT_APPEND_THREAD, RAFT_MSG_STORAGE_APPEND));
  store(&write);
  deliver_responses(&write);
  raft_message_release(&write);
  for (uint64_t index = 2; index <= 4; index++) {
    take();
    raft_message apply = keep(message_to(RAFT_APPLY_THREAD, RAFT_MSG_STORAGE_APPLY));
    ck_assert_uint_eq(apply.entry_count, 1);
    ck_assert_uint_eq(apply.entries[0].index, index);
    while (raft_rawnode_has_ready(node)) { /* not before the acknowledgement */
      take();
      ck_assert_uint_eq(rd->committed_entry_count, 0);
    }
    deliver_responses(&apply);
    raft_message_release(&apply);
  }
  ck_assert_uint_eq(group_status(&g, 1).applied, 4);
}
END_TEST

START_TEST(storage_answers_that_cannot_be_change_nothing) {
  raft_message forged = {.type = RAFT_MSG_HUP, .from = RAFT_APPEND_THREAD, .to = 1};
  ck_assert_int_eq(raft_rawnode_step(node, &forged), RAFT_EMALFORMED); /* not in this mode */
  reopen(1, async);
  raft_entry entry = {.term = 1, .index = 99};
  raft_message apply = {.type = RAFT_MSG_STORAGE_APPLY_RESP,
                        .from = RAFT_APPLY_THREAD,
                        .to = 1,
                        .entries = &entry,
                        .entry_count = 1};
  ck_assert_int_eq(raft_rawnode_step(node, &apply), RAFT_EUSAGE);
  apply.entry_count = 0;
  ck_assert_int_eq(raft_rawnode_step(node, &apply), RAFT_OK);
  ck_assert_int_eq(group_propose(&g, 1, "x"), RAFT_OK);
  group_settle(&g);
  entry.index = 1; /* again, and late */
  apply.entry_count = 1;
  ck_assert_int_eq(raft_rawnode_step(node, &apply), RAFT_OK);
  ck_assert_uint_eq(group_status(&g, 1).applied, 2);
  raft_message append = {.type = RAFT_MSG_STORAGE_APPEND_RESP,
                         .from = RAFT_APPEND_THREAD,
                         .to = 1,
                         .term = 1,
                         .index = 99,
                         .log_term = 1};
  ck_assert_int_eq(raft_rawnode_step(node, &append), RAFT_OK);
  static const raft_message_type others[] = {RAFT_MSG_HUP, RAFT_MSG_APP, RAFT_MSG_HEARTBEAT,
                                             RAFT_MSG_APP_RESP, RAFT_MSG_STORAGE_APPEND};
  for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
    raft_message other = {.type = others[i], .from = RAFT_APPEND_THREAD, .to = 1, .term = 1};
    ck_assert_int_eq(raft_rawnode_step(node, &other), RAFT_EMALFORMED);
  }
  ck_assert_int_eq(group_status(&g, 1).soft_state.role, RAFT_LEADER);
}
END_TEST

START_TEST(a_group_with_asynchronous_storage_works_like_any_other) {
  reopen(3, async);
  propose(20);
  group_settle(&g);
  g.members[3].cut = true;
  propose(20);
  group_settle(&g);
  group_compact(&g, 1, 30);
  g.members[3].cut = false;
  group_tick(&g, 3);
  ck_assert_uint_ge(g.delivered[RAFT_MSG_SNAP], 1);
  group_elect(&g, 3);
  group_restart(&g, 2);
  group_tick(&g, 3);
  group_expect_equal(&g);
  ck_assert_uint_eq(g.members[2].applied, 42);
}
END_TEST

START_TEST(an_asynchronous_ready_that_finds_no_memory_is_asked_for_again) {
  reopen(3, async);
  bool done = false;
  for (size_t n = 1; !done; n++) {
    propose(1);
    failing_allocator_arm(&g.members[1].memory, n, true);
    int rc = raft_rawnode_ready(node, &rd);
    done = rc == RAFT_OK;
    ck_assert(done || rc == RAFT_ENOMEM);
    failing_allocator_arm(&g.members[1].memory, 0, false);
  }
  const raft_message *write = message_to(RAFT_APPEND_THREAD, RAFT_MSG_STORAGE_APPEND);
  ck_assert_uint_eq(write->entry_count, rd->entry_count);
  ck_assert_uint_eq(rd->entries[0].index, 2);
  ck_assert_uint_eq(write->response_count, rd->entry_count + 1);
}
END_TEST

START_TEST(a_vote_waits_for_the_write) {
  reopen(3, async);
  static const raft_message_type types[] = {RAFT_MSG_PRE_VOTE, RAFT_MSG_VOTE, RAFT_MSG_VOTE};
  static const uint64_t last[] = {9, 9, 0}; /* the third is refused */
  for (size_t i = 0; i < 3; i++) {
    raft_message request = {
        .type = types[i], .from = 2, .to = 1, .term = 5 + i, .log_term = last[i], .index = last[i]};
    ck_assert_int_eq(raft_rawnode_step(node, &request), RAFT_OK);
    take();
    ck_assert_ptr_null(message_to(2, RAFT_MSG_VOTE_RESP));
    ck_assert_ptr_null(message_to(2, RAFT_MSG_PRE_VOTE_RESP));
    const raft_message *write = message_to(RAFT_APPEND_THREAD, RAFT_MSG_STORAGE_APPEND);
    ck_assert_ptr_nonnull(write);
    ck_assert_uint_ge(write->response_count, 1);
    ck_assert_uint_eq(write->responses[0].to, 2);
    ck_assert_int_eq(write->responses[0].reject, last[i] == 0);
    ck_assert_uint_eq(write->term, i == 0 ? 0 : 5 + i);
    ck_assert_uint_eq(write->vote, i == 1 ? 2 : 0);
  }
}
END_TEST

/* 77: the write of entry 2 is still under way when the next one, without entries, is begun. */
START_TEST(every_write_answers_for_all_that_is_unstable) {
  reopen(3, async);
  raft_entry entry = {.term = 2, .index = 2};
  raft_message append = append_of(2, 2, &entry);
  ck_assert_int_eq(raft_rawnode_step(node, &append), RAFT_OK);
  take();
  raft_message heartbeat = {.type = RAFT_MSG_HEARTBEAT, .from = 2, .to = 1, .term = 2, .commit = 2};
  ck_assert_int_eq(raft_rawnode_step(node, &heartbeat), RAFT_OK);
  take();
  const raft_message *write = message_to(RAFT_APPEND_THREAD, RAFT_MSG_STORAGE_APPEND);
  ck_assert_ptr_nonnull(write);
  ck_assert_uint_eq(write->entry_count, 0);
  ck_assert_uint_eq(write->commit, 2);
  ck_assert_uint_eq(write->response_count, 1);
  const raft_message *response = &write->responses[0];
  ck_assert_int_eq(response->type, RAFT_MSG_STORAGE_APPEND_RESP);
  ck_assert_uint_eq(response->index, 2);
  ck_assert_uint_eq(response->log_term, 2);
  ck_assert_uint_eq(response->term, 2);
}
END_TEST

/* 31: entries on their way to disk or to a peer stay what they were. */
START_TEST(a_truncation_does_not_touch_what_was_handed_out) {
  reopen(3, async);
  raft_entry old = {.term = 2, .index = 2, .data = {"old", 3, NULL}};
  raft_message append = append_of(2, 2, &old);
  ck_assert_int_eq(raft_rawnode_step(node, &append), RAFT_OK);
  take();
  raft_message write = keep(message_to(RAFT_APPEND_THREAD, RAFT_MSG_STORAGE_APPEND));
  raft_entry new = {.term = 3, .index = 2, .data = {"new", 3, NULL}};
  append = append_of(3, 3, &new);
  ck_assert_int_eq(raft_rawnode_step(node, &append), RAFT_OK);
  take();
  ck_assert_uint_eq(rd->entries[0].term, 3);
  ck_assert_mem_eq(rd->entries[0].data.data, "new", 3);
  ck_assert_uint_eq(write.entry_count, 1);
  ck_assert_uint_eq(write.entries[0].term, 2);
  ck_assert_mem_eq(write.entries[0].data.data, "old", 3);
  raft_message_release(&write);
}
END_TEST

/* The term is known before: with the vote nothing else changes. */
START_TEST(a_vote_alone_is_to_be_saved_and_synced) {
  reopen(3, group_plain);
  raft_message heartbeat = {.type = RAFT_MSG_HEARTBEAT, .from = 3, .to = 1, .term = 5};
  ck_assert_int_eq(raft_rawnode_step(node, &heartbeat), RAFT_OK);
  ck_assert_int_eq(raft_rawnode_forget_leader(node), RAFT_OK);
  take();
  ck_assert_uint_eq(rd->hard_state.vote, 0);
  finish();
  raft_message request = {
      .type = RAFT_MSG_VOTE, .from = 2, .to = 1, .term = 5, .log_term = 5, .index = 9};
  ck_assert_int_eq(raft_rawnode_step(node, &request), RAFT_OK);
  take();
  ck_assert_uint_eq(rd->hard_state.term, 5);
  ck_assert_uint_eq(rd->hard_state.vote, 2);
  ck_assert(rd->must_sync);
  finish();
}
END_TEST

int main(void) {
  const TTest *const tests[] = {
      two_readies_need_an_advance_between_them,
      an_advance_needs_its_ready,
      asynchronous_writes_know_no_advance,
      nothing_to_do_is_no_ready,
      entries_are_to_be_synced_a_commit_is_not,
      a_vote_is_to_be_synced_and_leaves_with_its_ready,
      a_follower_applies_what_it_saves_in_the_same_ready,
      what_comes_in_meanwhile_waits_for_the_next,
      an_own_acknowledgement_of_an_older_term_does_not_count,
      a_ready_that_finds_no_memory_is_asked_for_again,
      a_leaders_ready_with_entries_and_messages_needs_no_memory,
      what_a_ready_shows_survives_a_step_that_replaces_it,
      committed_entries_come_in_pages,
      storage_that_gives_more_than_asked_for_loses_nothing,
      a_restart_gives_only_what_was_not_applied,
      promises_wait_for_the_write,
      a_rejection_waits_for_the_write_too,
      a_leader_counts_itself_when_its_write_is_durable,
      an_answer_of_an_older_term_makes_nothing_durable,
      a_snapshot_is_durable_in_any_term,
      outstanding_applies_are_bounded,
      storage_answers_that_cannot_be_change_nothing,
      a_group_with_asynchronous_storage_works_like_any_other,
      an_asynchronous_ready_that_finds_no_memory_is_asked_for_again,
      a_vote_waits_for_the_write,
      every_write_answers_for_all_that_is_unstable,
      a_truncation_does_not_touch_what_was_handed_out,
      a_vote_alone_is_to_be_saved_and_synced,
  };
  return run_suite("ready", tests, sizeof tests / sizeof tests[0], setup, teardown);
}
