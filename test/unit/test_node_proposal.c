/* test_node_proposal.c - what may enter the log, and why something may not.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <libraft/wire.h>
#include <string.h>

#include "group.h"
#include "run_suite.h"

static group g;

static void limited(raft_config *config) {
  group_plain(config);
  config->max_uncommitted_size = 20;
}

static void unforwarded(raft_config *config) {
  group_plain(config);
  config->disable_proposal_forwarding = true;
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

static int propose(const char *text) {
  return group_propose(&g, 1, text);
}

static int propose_change(raft_conf_change_type type, uint64_t id) {
  return group_propose_change(&g, 1, type, id);
}

/* The last entry of the leader's log, as storage has it. */
static raft_entry last_entry(void) {
  while (group_turn(&g)) {
  }
  raft_entry entry;
  size_t count = 1;
  const raft_storage *storage = raft_memory_storage_interface(g.members[1].storage);
  uint64_t last = group_status(&g, 1).last_index;
  ck_assert_int_eq(storage->entries(storage->ctx, last, last + 1, RAFT_NO_LIMIT, &entry, &count),
                   RAFT_OK);
  raft_buf_release(entry.data.owner); /* storage keeps it alive */
  return entry;
}

/* ---- reasons ---- */

START_TEST(without_a_leader_proposals_are_dropped) {
  group_close(&g);
  group_open(&g, 3, group_plain);
  ck_assert_int_eq(propose("x"), RAFT_EDROPPED_NO_LEADER);
  ck_assert_int_eq(raft_rawnode_campaign(group_node(&g, 1)), RAFT_OK);
  ck_assert_int_eq(propose("x"), RAFT_EDROPPED_NO_LEADER); /* a candidate has none either */
}
END_TEST

START_TEST(a_follower_that_may_not_forward_says_so) {
  group_reopen(&g, 3, unforwarded);
  ck_assert_int_eq(group_propose(&g, 2, "x"), RAFT_EDROPPED_FORWARDING_OFF);
  ck_assert_int_eq(propose("x"), RAFT_OK);
}
END_TEST

START_TEST(a_removed_leader_says_so) {
  ck_assert_int_eq(propose_change(RAFT_CONF_REMOVE_NODE, 1), RAFT_OK);
  group_settle(&g);
  ck_assert_int_eq(group_status(&g, 1).soft_state.role, RAFT_LEADER);
  ck_assert_int_eq(propose("x"), RAFT_EDROPPED_REMOVED);
}
END_TEST

START_TEST(a_dropped_proposal_is_not_in_the_log) {
  ck_assert_int_eq(raft_rawnode_transfer_leader(group_node(&g, 1), 2), RAFT_OK);
  ck_assert_int_eq(propose("x"), RAFT_EDROPPED_TRANSFERRING);
  ck_assert_uint_eq(group_status(&g, 1).last_index, 1);
}
END_TEST

START_TEST(a_forwarded_proposal_keeps_its_bytes) {
  raft_slice slices[] = {{"on", 2}, {NULL, 0}, {"e", 1}};
  ck_assert_int_eq(raft_rawnode_propose(group_node(&g, 2), slices, 3), RAFT_OK);
  group_settle(&g);
  raft_entry entry = last_entry();
  ck_assert_uint_eq(entry.data.len, 3);
  ck_assert_mem_eq(entry.data.data, "one", 3);
  group_expect_equal(&g);
}
END_TEST

START_TEST(slices_that_no_memory_could_hold_are_refused) {
  raft_slice slices[] = {{"a", 1}, {"b", SIZE_MAX}};
  ck_assert_int_eq(raft_rawnode_propose(group_node(&g, 1), slices, 2), RAFT_EINVAL);
}
END_TEST

START_TEST(an_empty_proposal_is_an_entry) {
  ck_assert_int_eq(raft_rawnode_propose(group_node(&g, 1), NULL, 0), RAFT_OK);
  group_settle(&g);
  ck_assert_uint_eq(g.members[3].applied, 2);
}
END_TEST

/* ---- batches ---- */

START_TEST(a_batch_enters_whole_and_in_order) {
  raft_buf *buf = raft_buf_copy(NULL, "owned", 5);
  raft_bytes payloads[] = {{"a", 1, NULL}, {raft_buf_data(buf), 5, buf}, {"", 0, NULL}};
  ck_assert_int_eq(raft_rawnode_propose_batch(group_node(&g, 1), payloads, 3), RAFT_OK);
  const raft_message *append = group_sent(&g, RAFT_MSG_APP, 1, 2);
  ck_assert_uint_eq(append->entry_count, 3); /* in one message, and the owned bytes uncopied */
  ck_assert_ptr_eq(append->entries[1].data.data, raft_buf_data(buf));
  ck_assert_ptr_nonnull(append->entries[2].data.data);
  raft_buf_release(buf);
  group_settle(&g);
  ck_assert_uint_eq(g.members[3].applied, 4);
  group_expect_equal(&g);
}
END_TEST

START_TEST(a_batch_of_none_is_refused) {
  ck_assert_int_eq(raft_rawnode_propose_batch(group_node(&g, 1), NULL, 0), RAFT_EINVAL);
  raft_message empty = {.type = RAFT_MSG_PROP, .from = 2, .to = 1};
  ck_assert_int_eq(group_step(&g, empty), RAFT_EMALFORMED);
}
END_TEST

START_TEST(a_batch_that_finds_no_memory_leaves_nothing) {
  raft_bytes payloads[40];
  for (size_t i = 0; i < 40; i++) {
    payloads[i] = (raft_bytes){"payload", 7, NULL};
  }
  bool done = false;
  for (size_t n = 1; !done; n++) {
    uint64_t last = group_status(&g, 1).last_index;
    uint64_t size = group_status(&g, 1).uncommitted_size;
    failing_allocator_arm(&g.members[1].memory, n, true);
    int rc = raft_rawnode_propose_batch(group_node(&g, 1), payloads, 40);
    done = g.members[1].memory.total_calls < n;
    failing_allocator_arm(&g.members[1].memory, 0, false);
    if (rc == RAFT_ENOMEM) {
      ck_assert_uint_eq(group_status(&g, 1).last_index, last);
      ck_assert_uint_eq(group_status(&g, 1).uncommitted_size, size);
    } else {
      ck_assert_int_eq(rc, RAFT_OK);
      ck_assert_uint_eq(group_status(&g, 1).last_index, last + 40);
    }
  }
  group_tick(&g, 3);
  group_expect_equal(&g);
}
END_TEST

/* ---- 81: the limit on what is not applied ---- */

START_TEST(an_empty_tail_takes_anything) {
  group_reopen(&g, 3, limited);
  g.members[2].cut = g.members[3].cut = true;
  ck_assert_int_eq(propose("a proposal that is larger than the limit"), RAFT_OK);
  ck_assert_int_eq(propose("x"), RAFT_EDROPPED_UNCOMMITTED);
  ck_assert_int_eq(propose(""), RAFT_OK); /* no payload, no charge */
  ck_assert_uint_eq(group_status(&g, 1).uncommitted_size, 40);
}
END_TEST

static void quirky(raft_config *config) {
  limited(config);
  config->etcd_quirks = true;
}

/* Whether a change is taken for what it is after another one was dropped for its size. */
static bool change_after_a_dropped_one(void (*options)(raft_config *)) {
  group_reopen(&g, 3, options);
  g.members[2].cut = g.members[3].cut = true;
  ck_assert_int_eq(propose("a proposal that is larger than the limit"), RAFT_OK);
  ck_assert_int_eq(propose_change(RAFT_CONF_ADD_LEARNER, 4), RAFT_EDROPPED_UNCOMMITTED);
  g.members[2].cut = g.members[3].cut = false;
  group_tick(&g, 3); /* nothing is charged any more */
  ck_assert_int_eq(propose_change(RAFT_CONF_ADD_LEARNER, 4), RAFT_OK);
  return last_entry().type == RAFT_ENTRY_CONF_CHANGE;
}

START_TEST(a_dropped_change_leaves_no_trace) {
  ck_assert(change_after_a_dropped_one(limited));
  ck_assert(!change_after_a_dropped_one(quirky)); /* as in etcd-io/raft */
}
END_TEST

START_TEST(the_limit_counts_payload_and_is_reached_exactly) {
  group_reopen(&g, 3, limited);
  g.members[2].cut = g.members[3].cut = true;
  ck_assert_int_eq(propose("0123456789"), RAFT_OK);
  ck_assert_int_eq(propose("0123456789"), RAFT_OK);
  ck_assert_int_eq(propose("0"), RAFT_EDROPPED_UNCOMMITTED);
  uint64_t last = group_status(&g, 1).last_index;
  raft_bytes payloads[] = {{"", 0, NULL}, {"0", 1, NULL}};
  ck_assert_int_eq(raft_rawnode_propose_batch(group_node(&g, 1), payloads, 2),
                   RAFT_EDROPPED_UNCOMMITTED);
  ck_assert_uint_eq(group_status(&g, 1).last_index, last); /* all of a batch or none */
}
END_TEST

START_TEST(applying_frees_the_room) {
  group_reopen(&g, 3, limited);
  ck_assert_int_eq(propose("0123456789"), RAFT_OK);
  ck_assert_int_eq(propose("0123456789"), RAFT_OK);
  group_settle(&g);
  ck_assert_uint_eq(group_status(&g, 1).uncommitted_size, 0);
  ck_assert_int_eq(propose("0123456789"), RAFT_OK);
  ck_assert_uint_eq(group_status(&g, 1).uncommitted_size, 10);
}
END_TEST

START_TEST(a_new_term_forgets_the_charge) {
  group_reopen(&g, 3, limited);
  g.members[2].cut = g.members[3].cut = true;
  ck_assert_int_eq(propose("0123456789"), RAFT_OK);
  ck_assert_int_eq(propose("0123456789"), RAFT_OK);
  raft_message newer = {.type = RAFT_MSG_HEARTBEAT, .from = 2, .to = 1, .term = 5};
  ck_assert_int_eq(group_step(&g, newer), RAFT_OK);
  ck_assert_uint_eq(group_status(&g, 1).uncommitted_size, 0);
  g.members[2].cut = g.members[3].cut = false;
  group_elect(&g, 1);
  group_tick(&g, 2); /* entries of the old term are applied: more than was charged */
  ck_assert_uint_eq(group_status(&g, 1).uncommitted_size, 0);
  group_expect_equal(&g);
}
END_TEST

/* ---- 56 - 58: conf changes among proposals ---- */

START_TEST(a_second_change_before_the_first_is_applied_becomes_empty) {
  ck_assert_int_eq(propose_change(RAFT_CONF_ADD_NODE, 4), RAFT_OK);
  ck_assert_int_eq(last_entry().type, RAFT_ENTRY_CONF_CHANGE);
  ck_assert_int_eq(propose_change(RAFT_CONF_ADD_NODE, 5), RAFT_OK);
  ck_assert_int_eq(last_entry().type, RAFT_ENTRY_NORMAL);
  ck_assert_uint_eq(last_entry().data.len, 0);
  group_settle(&g);
  ck_assert_int_eq(propose_change(RAFT_CONF_ADD_NODE, 5), RAFT_OK);
  ck_assert_int_eq(last_entry().type, RAFT_ENTRY_CONF_CHANGE);
}
END_TEST

START_TEST(a_new_leader_waits_for_all_that_it_found) {
  g.members[1].cut = true;
  ck_assert_int_eq(raft_rawnode_campaign(group_node(&g, 2)), RAFT_OK);
  while (group_turn(&g)) {
  }
  group_deliver(&g);
  group_turn(&g);
  group_deliver(&g); /* elected, nothing is committed in its term */
  ck_assert_int_eq(group_propose_change(&g, 2, RAFT_CONF_ADD_NODE, 4), RAFT_OK);
  group_settle(&g);
  ck_assert_uint_eq(g.members[2].conf_state.voters.count, 4); /* it found nothing unapplied */
}
END_TEST

START_TEST(of_a_batch_only_the_first_change_counts) {
  unsigned char data[16];
  size_t len = 0;
  raft_conf_change change = {.type = RAFT_CONF_ADD_LEARNER, .node_id = 7};
  ck_assert_int_eq(raft_conf_change_encode(&change, data, sizeof data, &len), RAFT_OK);
  raft_entry entries[] = {{.data = {"x", 1, NULL}},
                          {.type = RAFT_ENTRY_CONF_CHANGE, .data = {data, len, NULL}},
                          {.type = RAFT_ENTRY_CONF_CHANGE, .data = {data, len, NULL}}};
  raft_message batch = {
      .type = RAFT_MSG_PROP, .from = 2, .to = 1, .entries = entries, .entry_count = 3};
  ck_assert_int_eq(group_step(&g, batch), RAFT_OK);
  const raft_message *append = group_sent(&g, RAFT_MSG_APP, 1, 2);
  ck_assert_int_eq(append->entries[1].type, RAFT_ENTRY_CONF_CHANGE);
  ck_assert_int_eq(append->entries[2].type, RAFT_ENTRY_NORMAL);
  ck_assert_int_eq(entries[2].type, RAFT_ENTRY_CONF_CHANGE); /* the caller's is as it was */
  group_settle(&g);
  group_expect_equal(&g);
}
END_TEST

START_TEST(leaving_what_is_not_joint_becomes_empty) {
  ck_assert_int_eq(raft_rawnode_propose_conf_change_v2(group_node(&g, 1), NULL), RAFT_OK);
  ck_assert_int_eq(last_entry().type, RAFT_ENTRY_NORMAL);
}
END_TEST

START_TEST(in_a_joint_configuration_only_leaving_is_proposed) {
  raft_conf_change_single singles[] = {{RAFT_CONF_ADD_NODE, 4}, {RAFT_CONF_REMOVE_NODE, 3}};
  raft_conf_change_v2 joint = {
      .transition = RAFT_TRANSITION_JOINT_EXPLICIT, .changes = singles, .change_count = 2};
  ck_assert_int_eq(raft_rawnode_propose_conf_change_v2(group_node(&g, 1), &joint), RAFT_OK);
  group_settle(&g);
  ck_assert_uint_eq(g.members[1].conf_state.voters_outgoing.count, 3);
  ck_assert_int_eq(propose_change(RAFT_CONF_ADD_LEARNER, 5), RAFT_OK);
  ck_assert_int_eq(last_entry().type, RAFT_ENTRY_NORMAL);
  group_settle(&g);
  ck_assert_int_eq(raft_rawnode_propose_conf_change_v2(group_node(&g, 1), NULL), RAFT_OK);
  ck_assert_int_eq(last_entry().type, RAFT_ENTRY_CONF_CHANGE_V2);
}
END_TEST

START_TEST(without_validation_everything_is_proposed) {
  group_reopen(&g, 3, unchecked);
  ck_assert_int_eq(propose_change(RAFT_CONF_ADD_LEARNER, 4), RAFT_OK);
  ck_assert_int_eq(propose_change(RAFT_CONF_ADD_LEARNER, 5), RAFT_OK);
  ck_assert_int_eq(last_entry().type, RAFT_ENTRY_CONF_CHANGE);
  group_settle(&g);
  ck_assert_uint_eq(g.members[2].conf_state.learners.count, 2);
}
END_TEST

START_TEST(a_change_that_cannot_be_read_is_malformed) {
  static const raft_entry_type types[] = {RAFT_ENTRY_CONF_CHANGE, RAFT_ENTRY_CONF_CHANGE_V2,
                                          (raft_entry_type)9};
  for (size_t i = 0; i < 3; i++) {
    raft_entry entries[] = {{.data = {"x", 1, NULL}},
                            {.type = types[i], .data = {"\xff\xff", 2, NULL}}};
    raft_message batch = {
        .type = RAFT_MSG_PROP, .from = 2, .to = 1, .entries = entries, .entry_count = 2};
    ck_assert_int_eq(group_step(&g, batch), RAFT_EMALFORMED);
    ck_assert_uint_eq(group_status(&g, 1).last_index, 1);
  }
}
END_TEST

START_TEST(a_change_that_finds_no_memory_is_as_if_it_had_not_been_proposed) {
  raft_conf_change_single singles[] = {{RAFT_CONF_ADD_NODE, 4}, {RAFT_CONF_ADD_NODE, 5}};
  raft_conf_change_v2 change = {.changes = singles, .change_count = 2};
  int rc = RAFT_ENOMEM;
  for (size_t n = 1; rc != RAFT_OK; n++) {
    failing_allocator_arm(&g.members[1].memory, n, true);
    rc = raft_rawnode_propose_conf_change_v2(group_node(&g, 1), &change);
    ck_assert(rc == RAFT_OK || rc == RAFT_ENOMEM);
    ck_assert_uint_eq(group_status(&g, 1).last_index, rc == RAFT_OK ? 2 : 1);
  }
  failing_allocator_arm(&g.members[1].memory, 0, false);
  ck_assert_int_eq(last_entry().type, RAFT_ENTRY_CONF_CHANGE_V2);
}
END_TEST

START_TEST(a_new_leader_proposes_no_change_before_what_it_found_is_applied) {
  ck_assert_int_eq(propose_change(RAFT_CONF_ADD_NODE, 4), RAFT_OK);
  ck_assert(group_turn(&g));
  group_deliver(&g); /* 2 and 3 have it, and do not know that it is committed */
  group_turn(&g);
  group_lose(&g);
  g.members[1].cut = true;
  ck_assert_int_eq(raft_rawnode_campaign(group_node(&g, 2)), RAFT_OK);
  for (int i = 0; i < 2; i++) {
    ck_assert(group_turn(&g));
    group_deliver(&g);
  }
  ck_assert_int_eq(group_status(&g, 2).soft_state.role, RAFT_LEADER);
  ck_assert_uint_eq(group_status(&g, 2).applied, 1);
  ck_assert_int_eq(group_propose_change(&g, 2, RAFT_CONF_REMOVE_NODE, 3), RAFT_OK);
  g.members[1].cut = false;
  group_tick(&g, 2);
  ck_assert_uint_eq(g.members[2].conf_state.voters.count, 4); /* the first change, not the second */
  ck_assert_uint_eq(group_status(&g, 2).applied, 4);
}
END_TEST

static void one_at_a_time(raft_config *config) {
  group_plain(config);
  config->max_committed_size_per_ready = 1;
}

START_TEST(a_change_is_pending_at_its_own_place_in_the_batch) {
  group_reopen(&g, 1, one_at_a_time);
  unsigned char data[16];
  size_t len = 0;
  raft_conf_change change = {.type = RAFT_CONF_ADD_LEARNER, .node_id = 7};
  ck_assert_int_eq(raft_conf_change_encode(&change, data, sizeof data, &len), RAFT_OK);
  raft_entry entries[] = {{.data = {"x", 1, NULL}},
                          {.data = {"y", 1, NULL}},
                          {.type = RAFT_ENTRY_CONF_CHANGE, .data = {data, len, NULL}}};
  raft_message batch = {
      .type = RAFT_MSG_PROP, .from = 1, .to = 1, .entries = entries, .entry_count = 3};
  ck_assert_int_eq(group_step(&g, batch), RAFT_OK);
  while (group_status(&g, 1).applied < 3) { /* x and y are applied, the change is not */
    ck_assert(group_turn(&g));
  }
  ck_assert_uint_eq(group_status(&g, 1).applied, 3);
  ck_assert_int_eq(propose_change(RAFT_CONF_ADD_LEARNER, 8), RAFT_OK);
  ck_assert_int_eq(last_entry().type, RAFT_ENTRY_NORMAL);
  ck_assert_int_eq(propose_change(RAFT_CONF_ADD_LEARNER, 8), RAFT_OK);
  ck_assert_int_eq(last_entry().type, RAFT_ENTRY_CONF_CHANGE);
}
END_TEST

/* One change that is known and one that is not, in either form. */
static int propose_unknown(uint64_t id, bool general, uint64_t node) {
  raft_conf_change_single singles[] = {{RAFT_CONF_ADD_LEARNER, 4},
                                       {(raft_conf_change_type)77, node}};
  raft_conf_change_v2 changes = {.changes = singles, .change_count = 2};
  raft_conf_change change = {.type = (raft_conf_change_type)77, .node_id = node};
  return general ? raft_rawnode_propose_conf_change_v2(group_node(&g, id), &changes)
                 : raft_rawnode_propose_conf_change(group_node(&g, id), &change);
}

START_TEST(a_change_that_nobody_could_apply_is_refused_by_whoever_is_asked) {
  uint64_t last = group_status(&g, 1).last_index;
  for (uint64_t id = 1; id <= 2; id++) {
    ck_assert_int_eq(propose_unknown(id, false, 5), RAFT_ECONF_TYPE);
    ck_assert_int_eq(propose_unknown(id, true, 5), RAFT_ECONF_TYPE);
    ck_assert(!raft_rawnode_has_ready(group_node(&g, id)));
  }
  ck_assert_uint_eq(group_status(&g, 1).last_index, last);
  ck_assert_int_eq(propose_unknown(1, true, 0), RAFT_OK); /* skipped when it is applied */
  group_settle(&g);
  ck_assert_uint_eq(g.members[2].conf_state.learners.count, 1);
}
END_TEST

START_TEST(one_that_is_forwarded_too) {
  unsigned char data[16];
  size_t len = 0;
  raft_conf_change_single single = {(raft_conf_change_type)77, 5};
  raft_conf_change_v2 change = {.changes = &single, .change_count = 1};
  ck_assert_int_eq(raft_conf_change_v2_encode(&change, data, sizeof data, &len), RAFT_OK);
  raft_entry entries[] = {
      {.data = {"x", 1, NULL}},
      {.type = RAFT_ENTRY_CONF_CHANGE_V2, .data = {data, len, NULL}},
  };
  raft_message forwarded = {
      .type = RAFT_MSG_PROP, .from = 2, .to = 1, .entries = entries, .entry_count = 2};
  uint64_t last = group_status(&g, 1).last_index;
  ck_assert_int_eq(group_step(&g, forwarded), RAFT_ECONF_TYPE);
  ck_assert_uint_eq(group_status(&g, 1).last_index, last);
  group_reopen(&g, 3, unchecked);
  ck_assert_int_eq(group_step(&g, forwarded), RAFT_OK);
}
END_TEST

START_TEST(what_is_applied_frees_its_part) {
  group_reopen(&g, 3, limited);
  ck_assert_int_eq(propose("0123456789"), RAFT_OK);
  ck_assert_int_eq(propose("012345"), RAFT_OK);
  while (group_turn(&g)) {
  }
  group_lose(&g);
  raft_message ack = {.type = RAFT_MSG_APP_RESP, .from = 2, .to = 1, .term = 1, .index = 2};
  ck_assert_int_eq(group_step(&g, ack), RAFT_OK);
  while (group_turn(&g)) {
  }
  ck_assert_uint_eq(group_status(&g, 1).applied, 2);
  ck_assert_uint_eq(group_status(&g, 1).uncommitted_size, 6);
}
END_TEST

int main(void) {
  const TTest *const tests[] = {
      without_a_leader_proposals_are_dropped,
      a_follower_that_may_not_forward_says_so,
      a_removed_leader_says_so,
      a_dropped_proposal_is_not_in_the_log,
      a_forwarded_proposal_keeps_its_bytes,
      slices_that_no_memory_could_hold_are_refused,
      an_empty_proposal_is_an_entry,
      a_batch_enters_whole_and_in_order,
      a_batch_of_none_is_refused,
      a_batch_that_finds_no_memory_leaves_nothing,
      an_empty_tail_takes_anything,
      a_dropped_change_leaves_no_trace,
      the_limit_counts_payload_and_is_reached_exactly,
      applying_frees_the_room,
      a_new_term_forgets_the_charge,
      a_second_change_before_the_first_is_applied_becomes_empty,
      a_new_leader_waits_for_all_that_it_found,
      of_a_batch_only_the_first_change_counts,
      leaving_what_is_not_joint_becomes_empty,
      in_a_joint_configuration_only_leaving_is_proposed,
      without_validation_everything_is_proposed,
      a_change_that_cannot_be_read_is_malformed,
      a_change_that_finds_no_memory_is_as_if_it_had_not_been_proposed,
      a_new_leader_proposes_no_change_before_what_it_found_is_applied,
      a_change_is_pending_at_its_own_place_in_the_batch,
      a_change_that_nobody_could_apply_is_refused_by_whoever_is_asked,
      one_that_is_forwarded_too,
      what_is_applied_frees_its_part,
  };
  return run_suite("proposal", tests, sizeof tests / sizeof tests[0], setup, teardown);
}
