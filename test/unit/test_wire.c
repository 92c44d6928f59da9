/* test_wire.c - messages are the model's bytes and come back as they were.
 *
 * The golden bytes were written by etcd-io/raft 3.7.0.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "failing_allocator.h"
#include "wire_samples.h"

static failing_allocator memory;
static unsigned char buffer[1 << 16];
static unsigned char collected[1 << 12];

static void setup(void) {
  failing_allocator_init(&memory);
}

static void teardown(void) {
  ck_assert_uint_eq(memory.live_blocks, 0);
}

static int decode(raft_bytes input, raft_message *message) {
  return raft_message_decode(input, NULL, &memory.iface, message);
}

/* --- golden bytes -------------------------------------------------------------------------- */

static const uint64_t voters[] = {1, 2, 300};
static const uint64_t learners[] = {4};
static const uint64_t outgoing[] = {1, 5};
static const uint64_t learners_next[] = {6};
#define JOINT \
  { {voters, 3}, {learners, 1}, {outgoing, 2}, {learners_next, 1}, true }
static const raft_conf_state joint = JOINT;
static const raft_snapshot snapshot = {
    .index = 11, .term = 2, .data = {"state", 5, NULL}, .conf_state = JOINT};
static const raft_entry entries[] = {{.term = 3, .index = 11},
                                     {.term = 3, .index = 12, .data = {"foo", 3, NULL}}};

typedef struct golden {
  raft_message message;
  const char *hex;
} golden;

static const golden golden_messages[] = {
    {{.type = RAFT_MSG_HUP}, "0800"},
    {{.type = RAFT_MSG_APP,
      .to = 2,
      .from = 1,
      .term = 3,
      .log_term = 2,
      .index = 10,
      .commit = 9,
      .entries = entries,
      .entry_count = 2},
     "08031002180120032802300a3a041003180b3a091003180c2203666f6f4009"},
    {{.type = RAFT_MSG_APP_RESP,
      .to = 1,
      .from = 2,
      .term = 3,
      .log_term = 1,
      .index = 10,
      .reject = true,
      .reject_hint = 7},
     "08041001180220032801300a50015807"},
    {{.type = RAFT_MSG_SNAP, .to = 2, .from = 1, .term = 3, .snapshot = &snapshot},
     "08071002180120034a200a05737461746512170a110801080208ac0210041801180520062801100b1802"},
    {{.type = RAFT_MSG_HEARTBEAT,
      .to = 2,
      .from = 1,
      .term = 3,
      .commit = 9,
      .context = {"\1\0\0\0\0\0\0\0", 8, NULL}},
     "0808100218012003400962080100000000000000"},
    /* options that the model does not have; it skips these fields */
    {{.type = RAFT_MSG_VOTE,
      .to = 2,
      .from = 1,
      .term = 3,
      .log_term = 2,
      .index = 10,
      .commit = 9,
      .commit_term = 2,
      .priority = 300},
     "08051002180120032802300a400978028001ac02"},
    {{.type = RAFT_MSG_PRE_VOTE_RESP, .to = 2, .reject = true, .commit = 9, .commit_term = 1},
     "08121002400950017801"},
    {{.type = RAFT_MSG_PRE_VOTE, .to = 2, .priority = -1}, "081110028001ffffffffffffffffff01"},
    {{.type = RAFT_MSG_APP_RESP,
      .to = 1,
      .index = 9,
      .reject = true,
      .reject_hint = 10,
      .request_snapshot = true},
     "0804100130095001580a880701"},
    /* what is local is not sent */
    {{.type = RAFT_MSG_STORAGE_APPEND,
      .to = RAFT_APPEND_THREAD,
      .from = 1,
      .vote = 1,
      .responses = &(const raft_message){.type = RAFT_MSG_APP_RESP},
      .response_count = 1},
     "081310ffffffffffffffffff011801"},
};
enum { GOLDEN_MESSAGES = sizeof(golden_messages) / sizeof(golden_messages[0]) };

START_TEST(messages_are_written_as_the_model_writes_them) {
  const golden *now = &golden_messages[_i];
  size_t len;
  ck_assert_int_eq(raft_message_encode(&now->message, buffer, sizeof(buffer), &len), RAFT_OK);
  assert_hex(buffer, len, now->hex);
  ck_assert_uint_eq(raft_message_wire_size(&now->message), len);
}
END_TEST

START_TEST(messages_of_the_model_are_read) {
  const golden *now = &golden_messages[_i];
  raft_message message;
  ck_assert_int_eq(decode(from_hex(now->hex), &message), RAFT_OK);
  assert_same_message(&message, &now->message);
  ck_assert(message.vote == (now->message.type == RAFT_MSG_STORAGE_APPEND ? 0 : now->message.vote));
  ck_assert(message.responses == NULL && message.response_count == 0);
  raft_message_release(&message);
}
END_TEST

typedef struct golden_entry {
  raft_entry entry;
  const char *hex;
} golden_entry;

static const golden_entry golden_entries[] = {
    {{.term = 1, .index = 2, .data = {"foo", 3, NULL}}, "100118022203666f6f"},
    {{.term = 1, .index = 2}, "10011802"},
    {{.term = 1, .index = 2, .data = {"", 0, NULL}}, "100118022200"},
    {{.type = RAFT_ENTRY_CONF_CHANGE_V2, .term = 1, .index = 2, .data = {"x", 1, NULL}},
     "080210011802220178"},
};

START_TEST(entries_are_the_models) {
  for (size_t i = 0; i < sizeof(golden_entries) / sizeof(golden_entries[0]); i++) {
    const golden_entry *now = &golden_entries[i];
    raft_entry entry;
    size_t len;
    ck_assert_int_eq(raft_entry_encode(&now->entry, buffer, sizeof(buffer), &len), RAFT_OK);
    assert_hex(buffer, len, now->hex);
    ck_assert_uint_eq(raft_entry_size(&now->entry), len);
    ck_assert_int_eq(raft_entry_decode(from_hex(now->hex), &entry), RAFT_OK);
    ck_assert(same_entry(&entry, &now->entry));
  }
}
END_TEST

START_TEST(hard_states_are_the_models) {
  const raft_hard_state states[] = {{1, 0, 0}, {300, 2, UINT64_C(1) << 40}};
  const char *const hexes[] = {"080110001800", "08ac02100218808080808020"};
  for (size_t i = 0; i < 2; i++) {
    raft_hard_state state;
    size_t len;
    ck_assert_int_eq(raft_hard_state_encode(&states[i], buffer, sizeof(buffer), &len), RAFT_OK);
    assert_hex(buffer, len, hexes[i]);
    ck_assert_int_eq(raft_hard_state_decode((raft_slice){buffer, len}, &state), RAFT_OK);
    ck_assert_uint_eq(state.term, states[i].term);
    ck_assert_uint_eq(state.vote, states[i].vote);
    ck_assert_uint_eq(state.commit, states[i].commit);
  }
}
END_TEST

START_TEST(memberships_are_the_models) {
  const uint64_t three[] = {1, 2, 3};
  const raft_conf_state states[] = {{.voters = {three, 3}}, joint};
  const char *const hexes[] = {"0801080208032800", "0801080208ac0210041801180520062801"};
  for (size_t i = 0; i < 2; i++) {
    raft_conf_state state;
    void *lists;
    size_t len;
    ck_assert_int_eq(raft_conf_state_encode(&states[i], buffer, sizeof(buffer), &len), RAFT_OK);
    assert_hex(buffer, len, hexes[i]);
    ck_assert_int_eq(
        raft_conf_state_decode((raft_slice){buffer, len}, NULL, &memory.iface, &state, &lists),
        RAFT_OK);
    ck_assert(same_conf_state(&state, &states[i]));
    raft_conf_state_free(&memory.iface, lists);
  }
}
END_TEST

START_TEST(snapshots_are_the_models) {
  const char *hex = "0a05737461746512170a110801080208ac0210041801180520062801100b1802";
  raft_snapshot decoded;
  void *lists;
  size_t len;
  ck_assert_int_eq(raft_snapshot_encode(&snapshot, buffer, sizeof(buffer), &len), RAFT_OK);
  assert_hex(buffer, len, hex);
  raft_bytes input = from_hex(hex);
  ck_assert_int_eq(raft_snapshot_decode(input, NULL, &memory.iface, &decoded, &lists), RAFT_OK);
  ck_assert(same_snapshot(&decoded, &snapshot));
  ck_assert_ptr_eq(decoded.data.data, (const unsigned char *)input.data + 2);
  raft_conf_state_free(&memory.iface, lists);
}
END_TEST

START_TEST(changes_of_the_old_form_are_the_models) {
  const raft_conf_change change = {
      .type = RAFT_CONF_ADD_NODE, .node_id = 4, .context = {"ctx", 3, NULL}};
  raft_conf_change decoded;
  size_t len;
  ck_assert_int_eq(raft_conf_change_encode(&change, buffer, sizeof(buffer), &len), RAFT_OK);
  assert_hex(buffer, len, "100018042203637478");
  ck_assert_int_eq(raft_conf_change_decode((raft_bytes){buffer, len, NULL}, &decoded), RAFT_OK);
  ck_assert(decoded.id == 0 && decoded.type == RAFT_CONF_ADD_NODE && decoded.node_id == 4);
  ck_assert(same_bytes(decoded.context, change.context));
}
END_TEST

START_TEST(changes_of_the_general_form_are_the_models) {
  const raft_conf_change_single singles[] = {{RAFT_CONF_ADD_NODE, 4}, {RAFT_CONF_ADD_LEARNER, 300}};
  const raft_conf_change_v2 change = {.transition = RAFT_TRANSITION_JOINT_EXPLICIT,
                                      .changes = singles,
                                      .change_count = 2,
                                      .context = {"ctx", 3, NULL}};
  raft_conf_change_v2 decoded;
  void *list;
  size_t len;
  ck_assert_int_eq(raft_conf_change_v2_encode(&change, buffer, sizeof(buffer), &len), RAFT_OK);
  assert_hex(buffer, len, "08021204080010041205080310ac021a03637478");
  ck_assert_int_eq(raft_conf_change_v2_decode((raft_bytes){buffer, len, NULL}, NULL, &memory.iface,
                                              &decoded, &list),
                   RAFT_OK);
  ck_assert_int_eq(decoded.transition, RAFT_TRANSITION_JOINT_EXPLICIT);
  ck_assert_uint_eq(decoded.change_count, 2);
  for (size_t i = 0; i < 2; i++) {
    ck_assert_int_eq(decoded.changes[i].type, singles[i].type);
    ck_assert_uint_eq(decoded.changes[i].node_id, singles[i].node_id);
  }
  ck_assert(same_bytes(decoded.context, change.context));
  raft_conf_state_free(&memory.iface, list);
}
END_TEST

START_TEST(leaving_the_joint_configuration_is_its_transition) {
  const raft_conf_change_v2 leave = {0};
  raft_conf_change_v2 decoded;
  void *list;
  size_t len;
  ck_assert_int_eq(raft_conf_change_v2_encode(&leave, buffer, sizeof(buffer), &len), RAFT_OK);
  ck_assert_uint_eq(len, 2);
  ck_assert_mem_eq(buffer, "\x08\x00", 2);
  ck_assert_int_eq(
      raft_conf_change_v2_decode((raft_bytes){0}, NULL, &memory.iface, &decoded, &list), RAFT_OK);
  ck_assert(decoded.change_count == 0 && decoded.transition == RAFT_TRANSITION_AUTO);
  ck_assert_ptr_null(list);
}
END_TEST

/* --- random messages ----------------------------------------------------------------------- */

static raft_bytes encode(const raft_message *message) {
  size_t len;
  ck_assert_int_eq(raft_message_encode(message, buffer, sizeof(buffer), &len), RAFT_OK);
  ck_assert_uint_eq(raft_message_wire_size(message), len);
  return (raft_bytes){buffer, len, NULL};
}

START_TEST(messages_of_every_type_come_back_as_they_were) {
  draw_from(20 + (uint64_t)_i);
  for (int round = 0; round < 100; round++) {
    drawn original;
    raft_message decoded;
    draw_message(&original, (raft_message_type)_i);
    raft_bytes encoded = encode(&original.message);
    ck_assert_int_eq(decode(encoded, &decoded), RAFT_OK);
    ck_assert_uint_le(memory.live_blocks, 1);
    memset(buffer, 0xee, encoded.len); /* nothing refers to the input */
    assert_same_message(&decoded, &original.message);
    raft_message_release(&decoded);
    ck_assert_uint_eq(memory.live_blocks, 0);
  }
}
END_TEST

START_TEST(an_owned_input_is_referred_to_not_copied) {
  draw_from(7);
  for (int round = 0; round < 300; round++) {
    drawn original;
    raft_message decoded;
    draw_message(&original, RAFT_MSG_APP);
    raft_bytes encoded = encode(&original.message);
    raft_buf *buf = raft_buf_copy(&memory.iface, encoded.data, encoded.len);
    const unsigned char *begin = raft_buf_data(buf);
    const raft_bytes owned = {begin, encoded.len, buf};
    ck_assert_int_eq(decode(owned, &decoded), RAFT_OK);
    raft_buf_release(buf);
    assert_same_message(&decoded, &original.message);
    for (size_t i = 0; i < decoded.entry_count; i++) {
      const raft_bytes *data = &decoded.entries[i].data;
      const unsigned char *at = data->data;
      ck_assert_ptr_eq(data->owner, at == NULL ? NULL : buf);
      ck_assert(at == NULL || (at >= begin && at + data->len <= begin + encoded.len));
    }
    raft_message_release(&decoded);
    ck_assert_uint_eq(memory.live_blocks, 0);
  }
}
END_TEST

START_TEST(a_message_may_be_kept_after_its_input_and_struct_are_gone) {
  raft_message first;
  ck_assert_int_eq(decode(from_hex(golden_messages[3].hex), &first), RAFT_OK);
  raft_message kept = first;
  raft_message_retain(&kept);
  raft_message_release(&first);
  (void)from_hex("00"); /* others write where the input was */
  assert_same_message(&kept, &golden_messages[3].message);
  raft_message_release(&kept);
}
END_TEST

START_TEST(a_message_that_points_to_nothing_allocates_nothing) {
  raft_message message;
  ck_assert_int_eq(decode(from_hex(golden_messages[2].hex), &message), RAFT_OK);
  ck_assert_ptr_null(message.body);
  ck_assert_uint_eq(memory.total_calls, 0);
}
END_TEST

START_TEST(payloads_beyond_16_bits_come_back) {
  static char large[200000];
  memset(large, 'x', sizeof(large));
  const raft_entry entry = {.term = 1, .index = 1, .data = {large, sizeof(large), NULL}};
  const raft_message message = {
      .type = RAFT_MSG_APP, .entries = &entry, .entry_count = 1, .context = entry.data};
  size_t size = raft_message_wire_size(&message);
  unsigned char *room = malloc(size);
  raft_message decoded;
  size_t len;
  ck_assert_int_eq(raft_message_encode(&message, room, size, &len), RAFT_OK);
  ck_assert_uint_eq(len, size);
  ck_assert_int_eq(decode((raft_bytes){room, len, NULL}, &decoded), RAFT_OK);
  assert_same_message(&decoded, &message);
  raft_message_release(&decoded);
  free(room);
}
END_TEST

START_TEST(entries_beyond_16_bits_come_back) {
  enum { MANY = 70000 };
  raft_entry *many = calloc(MANY, sizeof(*many));
  unsigned char *room = malloc(MANY * 12);
  for (size_t i = 0; i < MANY; i++) {
    many[i].index = i + 1;
  }
  const raft_message message = {.type = RAFT_MSG_APP, .entries = many, .entry_count = MANY};
  raft_message decoded;
  size_t len;
  ck_assert_int_eq(raft_message_encode(&message, room, MANY * 12, &len), RAFT_OK);
  ck_assert_int_eq(decode((raft_bytes){room, len, NULL}, &decoded), RAFT_OK);
  ck_assert_uint_eq(decoded.entry_count, MANY);
  ck_assert_uint_eq(decoded.entries[MANY - 1].index, MANY);
  raft_message_release(&decoded);
  free(room);
  free(many);
}
END_TEST

/* --- buffers and pieces -------------------------------------------------------------------- */

START_TEST(a_buffer_that_is_too_small_is_told_what_is_needed) {
  const raft_message *message = &golden_messages[3].message;
  size_t needed = raft_message_wire_size(message);
  for (size_t size = 0; size < needed; size++) {
    size_t len = 0;
    ck_assert_int_eq(raft_message_encode(message, buffer, size, &len), RAFT_ENOSPACE);
    ck_assert_uint_eq(len, needed);
    ck_assert_int_eq(raft_snapshot_encode(&snapshot, NULL, 0, &len), RAFT_ENOSPACE);
    ck_assert_uint_eq(len, 32);
  }
}
END_TEST

/* Puts pieces together again. */
typedef struct collector {
  size_t len;
  size_t pieces;
  size_t payloads; /* pieces that are one of these, as they lie in memory */
  const void *expected[3];
  size_t fail_at; /* 0: never */
} collector;

static int collect(void *ctx, const void *data, size_t len) {
  collector *to = ctx;
  to->pieces++;
  if (to->pieces == to->fail_at) {
    return -77;
  }
  for (size_t i = 0; i < 3; i++) {
    to->payloads += data == to->expected[i];
  }
  memcpy(collected + to->len, data, len);
  to->len += len;
  return 0;
}

START_TEST(pieces_put_together_are_the_encoded_message) {
  draw_from(99);
  for (int round = 0; round < 300; round++) {
    drawn original;
    draw_message(&original, RAFT_MSG_SNAP);
    collector to = {0};
    ck_assert_int_eq(raft_message_encode_to(&original.message, collect, &to), 0);
    raft_bytes whole = encode(&original.message);
    ck_assert_uint_eq(to.len, whole.len);
    ck_assert_mem_eq(collected, whole.data, whole.len);
  }
}
END_TEST

START_TEST(payloads_pass_as_they_lie_in_memory) {
  const char first[] = "x";
  char second[3000] = "y";
  const char state[] = "state";
  const raft_entry two[] = {{.index = 1, .data = {first, 1, NULL}},
                            {.index = 2, .data = {second, sizeof(second), NULL}}};
  const raft_snapshot with_data = {.index = 1, .term = 1, .data = {state, 5, NULL}};
  const raft_message message = {.entries = two, .entry_count = 2, .snapshot = &with_data};
  collector to = {.expected = {first, second, state}};
  ck_assert_int_eq(raft_message_encode_to(&message, collect, &to), 0);
  ck_assert_uint_eq(to.payloads, 3);
  ck_assert_uint_eq(to.pieces, 7);
}
END_TEST

START_TEST(the_answer_of_a_writer_that_fails_is_passed_on) {
  const raft_message *message = &golden_messages[1].message;
  for (size_t n = 1; n <= 3; n++) {
    collector to = {.fail_at = n};
    ck_assert_int_eq(raft_message_encode_to(message, collect, &to), -77);
    ck_assert_uint_eq(to.pieces, n);
  }
}
END_TEST

/* --- dialects ------------------------------------------------------------------------------ */

START_TEST(packed_and_single_ids_are_both_read) {
  /* voters 1, then 2 and 300 packed, then none packed, then 4 */
  const char *const hexes[] = {"08010a0302ac020a000804", "0a050102ac0204", "0801080208ac020804"};
  const uint64_t four[] = {1, 2, 300, 4};
  for (size_t i = 0; i < 3; i++) {
    raft_bytes input = from_hex(hexes[i]);
    raft_conf_state state;
    void *lists;
    ck_assert_int_eq(raft_conf_state_decode((raft_slice){input.data, input.len}, NULL,
                                            &memory.iface, &state, &lists),
                     RAFT_OK);
    ck_assert(same_ids(state.voters, (raft_ids){four, 4}));
    raft_conf_state_free(&memory.iface, lists);
  }
}
END_TEST

START_TEST(local_and_unknown_fields_are_skipped) {
  const char *const fields[] = {
      "6801",               /* 13 as a number: vote, or request_snapshot of another dialect */
      "6a020804",           /* 13 as bytes */
      "7005",               /* 14 as a number: deprecated_priority of another dialect */
      "72020804",           /* 14 as bytes: responses */
      "690102030405060708", /* 13 as fixed64 */
      "7501020304",         /* 14 as fixed32 */
      "7801",               /* 15: commit_term of another dialect */
      "fa7f0161",           /* 2047 */
  };
  for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
    char hex[64];
    raft_message message;
    snprintf(hex, sizeof(hex), "0804%s1001", fields[i]);
    ck_assert_int_eq(decode(from_hex(hex), &message), RAFT_OK);
    ck_assert(message.type == RAFT_MSG_APP_RESP && message.to == 1);
    ck_assert(message.vote == 0 && message.response_count == 0 && message.body == NULL);
  }
}
END_TEST

START_TEST(of_a_field_given_twice_the_last_one_counts) {
  raft_message message;
  /* index 1 and 2; snapshot of index 1 with data "a" and of index 2; context "a" and "b" */
  ck_assert_int_eq(decode(from_hex("080730013002"
                                   "4a0b0a0161120610010a020801"
                                   "4a0412021002"
                                   "620161620162"),
                          &message),
                   RAFT_OK);
  ck_assert_uint_eq(message.index, 2);
  ck_assert_uint_eq(message.snapshot->index, 2);
  ck_assert_ptr_null(message.snapshot->data.data);
  ck_assert_uint_eq(message.snapshot->conf_state.voters.count, 0);
  ck_assert_mem_eq(message.context.data, "b", 1);
  raft_message_release(&message);
}
END_TEST

/* 2^32 and 2^63: the model looks at all 64 bits of a flag. */
START_TEST(a_flag_is_true_whatever_number_it_is) {
  const char *const hexes[] = {"5001", "508080808010", "5080808080808080808001"};
  for (size_t i = 0; i < sizeof(hexes) / sizeof(hexes[0]); i++) {
    raft_message message;
    ck_assert_int_eq(decode(from_hex(hexes[i]), &message), RAFT_OK);
    ck_assert(message.reject);
  }
}
END_TEST

START_TEST(no_bytes_are_a_message_of_type_hup) {
  raft_message message;
  ck_assert_int_eq(decode((raft_bytes){0}, &message), RAFT_OK);
  ck_assert_int_eq(message.type, RAFT_MSG_HUP);
}
END_TEST

static void add_golden(Suite *suite) {
  TCase *tests = tcase_create("golden");
  tcase_add_checked_fixture(tests, setup, teardown);
  tcase_add_loop_test(tests, messages_are_written_as_the_model_writes_them, 0, GOLDEN_MESSAGES);
  tcase_add_loop_test(tests, messages_of_the_model_are_read, 0, GOLDEN_MESSAGES);
  tcase_add_test(tests, entries_are_the_models);
  tcase_add_test(tests, hard_states_are_the_models);
  tcase_add_test(tests, memberships_are_the_models);
  tcase_add_test(tests, snapshots_are_the_models);
  tcase_add_test(tests, changes_of_the_old_form_are_the_models);
  tcase_add_test(tests, changes_of_the_general_form_are_the_models);
  tcase_add_test(tests, leaving_the_joint_configuration_is_its_transition);
  suite_add_tcase(suite, tests);
}

static void add_good(Suite *suite) {
  TCase *tests = tcase_create("good");
  tcase_add_checked_fixture(tests, setup, teardown);
  tcase_add_loop_test(tests, messages_of_every_type_come_back_as_they_were, 0, RAFT_MSG_TYPE_COUNT);
  tcase_add_test(tests, an_owned_input_is_referred_to_not_copied);
  tcase_add_test(tests, a_message_may_be_kept_after_its_input_and_struct_are_gone);
  tcase_add_test(tests, a_message_that_points_to_nothing_allocates_nothing);
  tcase_add_test(tests, payloads_beyond_16_bits_come_back);
  tcase_add_test(tests, entries_beyond_16_bits_come_back);
  tcase_add_test(tests, a_buffer_that_is_too_small_is_told_what_is_needed);
  tcase_add_test(tests, pieces_put_together_are_the_encoded_message);
  tcase_add_test(tests, payloads_pass_as_they_lie_in_memory);
  tcase_add_test(tests, the_answer_of_a_writer_that_fails_is_passed_on);
  tcase_add_test(tests, packed_and_single_ids_are_both_read);
  tcase_add_test(tests, local_and_unknown_fields_are_skipped);
  tcase_add_test(tests, of_a_field_given_twice_the_last_one_counts);
  tcase_add_test(tests, a_flag_is_true_whatever_number_it_is);
  tcase_add_test(tests, no_bytes_are_a_message_of_type_hup);
  suite_add_tcase(suite, tests);
}

int main(void) {
  Suite *suite = suite_create("wire");
  add_golden(suite);
  add_good(suite);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
