/* test_node_ahead.c - a leader applies what a quorum of others has before its own disk does
 * (raft_config.max_unpersisted_apply), and what a crash then leaves.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "group.h"
#include "run_suite.h"

static group g;
static raft_rawnode *leader;  /* out of the group's hands: its storage threads are this test's */
static raft_message writing;  /* its storage append that is under way; type HUP: none */
static raft_message applying; /* the same for its storage apply */
static uint64_t applied_to;   /* last index handed out to be applied */

enum { AHEAD = 3 };

static void asynchronous(raft_config *config) {
  config->async_storage_writes = true;
}

static void ahead(raft_config *config) {
  asynchronous(config);
  config->max_unpersisted_apply = AHEAD;
}

static void keep(raft_message *slot, const raft_message *message) {
  if (slot->type == RAFT_MSG_HUP) {
    *slot = *message;
    raft_message_retain(slot);
  }
}

/* Takes a Ready of the leader: followers get their messages, storage waits. */
static void turn_leader(void) {
  const raft_ready *rd = NULL;
  while (raft_rawnode_has_ready(leader)) {
    ck_assert_int_eq(raft_rawnode_ready(leader, &rd), RAFT_OK);
    for (size_t i = 0; i < rd->message_count; i++) {
      const raft_message *message = &rd->messages[i];
      if (message->to == RAFT_APPEND_THREAD) {
        keep(&writing, message);
      } else if (message->to == RAFT_APPLY_THREAD) {
        applied_to = message->entries[message->entry_count - 1].index;
        keep(&applying, message);
      } else {
        ck_assert_int_eq(group_step(&g, *message), RAFT_OK);
      }
    }
  }
}

/* A storage thread of the leader does what it was told, and answers. */
static void finish(raft_message *slot) {
  if (slot->type == RAFT_MSG_STORAGE_APPEND) {
    ck_assert_int_eq(
        raft_memory_storage_append(g.members[1].storage, slot->entries, slot->entry_count),
        RAFT_OK);
  }
  for (size_t i = 0; i < slot->response_count; i++) {
    if (slot->responses[i].to == 1) {
      ck_assert_int_eq(raft_rawnode_step(leader, &slot->responses[i]), RAFT_OK);
    }
  }
  raft_message_release(slot);
  slot->type = RAFT_MSG_HUP;
}

/* What 2 and 3 answer reaches the leader. */
static void answer(void) {
  const raft_message *response = group_sent(&g, RAFT_MSG_APP_RESP, 2, 1);
  ck_assert_ptr_nonnull(response);
  for (size_t i = 0; i < g.queued; i++) {
    if (g.queue[i].to == 1 && g.queue[i].type == RAFT_MSG_APP_RESP) {
      ck_assert_int_eq(raft_rawnode_step(leader, &g.queue[i]), RAFT_OK);
    }
  }
  group_deliver(&g);
}

/* The leader proposes five; 2 and 3 have them, which commits them; the leader's disk does not. */
static void commit_elsewhere(void (*change)(raft_config *config)) {
  group_open(&g, 3, change);
  group_elect(&g, 1);
  leader = g.members[1].node;
  g.members[1].node = NULL;
  writing.type = applying.type = RAFT_MSG_HUP;
  applied_to = 0;
  for (int i = 0; i < 5; i++) {
    raft_slice slice = {"entry", 5};
    ck_assert_int_eq(raft_rawnode_propose(leader, &slice, 1), RAFT_OK);
  }
  turn_leader();
  answer();
  turn_leader();
}

static void setup(void) {
}

static void teardown(void) {
  if (writing.type != RAFT_MSG_HUP) {
    raft_message_release(&writing);
  }
  if (applying.type != RAFT_MSG_HUP) {
    raft_message_release(&applying);
  }
  if (leader != NULL && g.members[1].node == NULL) {
    g.members[1].node = leader;
  }
  group_close(&g);
}

START_TEST(no_more_than_the_limit_is_handed_out_ahead_of_storage) {
  commit_elsewhere(ahead);
  ck_assert_uint_eq(applied_to, 1 + AHEAD);
  finish(&applying);
  turn_leader();
  ck_assert_uint_eq(applied_to,
                    1 + AHEAD); /* it counts from what is stored, not from what is applied */
  finish(&writing);
  turn_leader();
  ck_assert_uint_eq(applied_to, 6);
}
END_TEST

START_TEST(without_the_option_nothing_is) {
  commit_elsewhere(asynchronous);
  ck_assert_uint_eq(applied_to, 0);
  finish(&writing);
  turn_leader();
  ck_assert_uint_eq(applied_to, 6);
}
END_TEST

START_TEST(a_leader_that_steps_down_stops_doing_so) {
  commit_elsewhere(ahead);
  finish(&applying);
  raft_message newer = {.type = RAFT_MSG_HEARTBEAT, .from = 2, .to = 1, .term = 2, .commit = 6};
  applied_to = 0;
  ck_assert_int_eq(raft_rawnode_step(leader, &newer), RAFT_OK);
  turn_leader();
  ck_assert_uint_eq(applied_to, 0);
}
END_TEST

START_TEST(after_a_crash_the_state_takes_the_place_of_the_log) {
  commit_elsewhere(ahead);
  ck_assert_uint_eq(applied_to, 4);
  raft_rawnode_close(leader); /* before its write was durable: the log ends at 1 */
  leader = NULL;
  group_member *m = &g.members[1];
  m->config.applied = 4;
  ck_assert_int_eq(raft_rawnode_open(&m->config, &leader), RAFT_ESTORAGE);
  ck_assert_ptr_null(leader);

  group_settle(&g);
  ck_assert_uint_eq(group_status(&g, 2).applied, 6);
  m->applied_hash = g.hashes[4]; /* as 2 has computed it */
  raft_snapshot state = {.index = 4,
                         .term = 1,
                         .conf_state = m->conf_state,
                         .data = {&m->applied_hash, sizeof m->applied_hash, NULL}};
  raft_hard_state hard_state = {.term = 1, .vote = 1, .commit = 4};
  ck_assert_int_eq(raft_memory_storage_apply_snapshot(m->storage, &state), RAFT_OK);
  ck_assert_int_eq(raft_memory_storage_set_hard_state(m->storage, &hard_state), RAFT_OK);
  m->applied = 4;
  ck_assert_int_eq(raft_rawnode_open(&m->config, &m->node), RAFT_OK);
  group_lose(&g);
  group_tick(&g, 60);
  ck_assert_uint_ne(group_leader(&g), 0);
  group_expect_equal(&g);
  ck_assert_uint_ge(m->applied, 6);
}
END_TEST

int main(void) {
  const TTest *const tests[] = {
      no_more_than_the_limit_is_handed_out_ahead_of_storage,
      without_the_option_nothing_is,
      a_leader_that_steps_down_stops_doing_so,
      after_a_crash_the_state_takes_the_place_of_the_log,
  };
  return run_suite("ahead", tests, sizeof tests / sizeof tests[0], setup, teardown);
}
