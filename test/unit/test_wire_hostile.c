/* test_wire_hostile.c - bad bytes, too many of them, and no memory do no harm.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "failing_allocator.h"
#include "wire_samples.h"

static failing_allocator memory;
static unsigned char buffer[1 << 13];

static void setup(void) {
  failing_allocator_init(&memory);
}

static void teardown(void) {
  ck_assert_uint_eq(memory.live_blocks, 0);
}

/* A message with all fields set. */
static const uint64_t voters[] = {1, 2, 300};
static const raft_entry entries[] = {{.term = 3, .index = 11},
                                     {.term = 3, .index = 12, .data = {"foo", 3, NULL}}};
static const raft_snapshot snapshot = {.index = 11,
                                       .term = 2,
                                       .data = {"state", 5, NULL},
                                       .conf_state = {.voters = {voters, 3}, .auto_leave = true}};
static const raft_message whole = {.type = RAFT_MSG_SNAP,
                                   .to = 200,
                                   .from = 300,
                                   .term = 3,
                                   .log_term = 4,
                                   .index = 5,
                                   .commit = 6,
                                   .reject = true,
                                   .reject_hint = 7,
                                   .context = {"context", 7, NULL},
                                   .entries = entries,
                                   .entry_count = 2,
                                   .snapshot = &snapshot};

static int decode(raft_bytes input, raft_message *message) {
  return raft_message_decode(input, NULL, &memory.iface, message);
}

/* Decodes and drops it; the return code. */
static int try_decode(raft_bytes input) {
  raft_message message;
  int rc = decode(input, &message);
  if (rc == RAFT_OK) {
    raft_message_release(&message);
  }
  ck_assert_uint_eq(memory.live_blocks, 0);
  return rc;
}

static raft_bytes encode(const raft_message *message) {
  size_t len;
  ck_assert_int_eq(raft_message_encode(message, buffer, sizeof(buffer), &len), RAFT_OK);
  ck_assert_uint_eq(raft_message_wire_size(message), len);
  return (raft_bytes){buffer, len, NULL};
}

/* --- bad bytes ----------------------------------------------------------------------------- */

static const char *const bad_messages[] = {
    "0818",                         /* type 24 */
    "081418ffffffffffffffffff01",   /* from who pretends to be the append thread */
    "081618feffffffffffffffff01",   /* ... or the apply thread */
    "08ffffffffffffffffff01",       /* type -1 */
    "088080808010",                 /* type 2^32 */
    "08ffffffffffffffffff02",       /* a number of more than 64 bits */
    "08ffffffffffffffffffff01",     /* ... and of too many bytes */
    "08",                           /* no number */
    "0a0100",                       /* type as bytes */
    "00",                           /* field 0 */
    "0b",                           /* a group */
    "0e",                           /* wire type 6 */
    "0f",                           /* wire type 7 */
    "888080801001",                 /* a tag of more than 32 bits */
    "fdffffffffffffffff0101020304", /* ... or of a negative number */
    "70ffffffffffffffffffff01",     /* a skipped number of too many bytes */
    "7080",                         /* ... without end */
    "6901020304050607",             /* skipped fixed64 cut off */
    "75010203",                     /* ... fixed32 */
    "7203aaaa",                     /* ... bytes */
    "8080",                         /* a tag without end */
    "7a0161",                       /* commit_term as bytes */
    "8201016100",                   /* priority as bytes */
    "8a070161",                     /* request_snapshot as bytes */
    "3a020401",                     /* an entry with a tag of field 0 */
    "3a05",                         /* entry longer than the message */
    "3affffffff0f",                 /* ... by far */
    "3a8080808080808080807f",       /* ... a length of more than 64 bits */
    "3a022205",                     /* data longer than its entry */
    "3a020803",                     /* entry of type 3 */
    "3a0b08ffffffffffffffffff01",   /* entry of type -1 */
    "3801",                         /* entry as a number */
    "3a022001",                     /* data as a number: nanopb shows a scratch buffer */
    "3a09210102030405060708",       /* data as fixed64 */
    "6001",                         /* context as a number */
    "4801",                         /* snapshot as a number */
    "4a020801",                     /* snapshot data as a number */
    "4a020a05",                     /* snapshot data longer than the snapshot */
    "4a021001",                     /* metadata as a number */
    "4a0412020801",                 /* membership as a number */
    "4a0812060a0409010203",         /* id cut off */
    "4a0612040a020880",             /* id without end */
    "4a0612040a020a05",             /* packed ids longer than the membership */
    "4a0712050a030a0180",           /* packed id without end */
};
enum { BAD_MESSAGES = sizeof(bad_messages) / sizeof(bad_messages[0]) };

START_TEST(bytes_that_are_no_message_are_refused) {
  ck_assert_int_eq(try_decode(from_hex(bad_messages[_i])), RAFT_EDECODE);
}
END_TEST

START_TEST(a_refused_message_leaves_the_struct_alone) {
  raft_message message = {.to = 42};
  ck_assert_int_eq(decode(from_hex("08031001083f"), &message), RAFT_EDECODE);
  ck_assert_uint_eq(message.to, 42);
}
END_TEST

/* A message of all fields, cut at each byte: where a field ends it is a shorter message. */
START_TEST(a_message_cut_anywhere_is_refused_or_a_shorter_message) {
  raft_bytes encoded = encode(&whole);
  size_t refused = 0;
  for (size_t len = 0; len < encoded.len; len++) {
    unsigned char *exact = malloc(len > 0 ? len : 1); /* so that reading on is seen */
    memcpy(exact, encoded.data, len);
    int rc = try_decode((raft_bytes){exact, len, NULL});
    ck_assert(rc == RAFT_EDECODE || rc == RAFT_OK);
    refused += rc == RAFT_EDECODE;
    free(exact);
  }
  ck_assert_uint_eq(encoded.len - refused, 13); /* one for each field's end, the last excepted */
}
END_TEST

START_TEST(parts_cut_inside_of_a_field_are_refused) {
  raft_entry entry;
  raft_hard_state state;
  raft_conf_change change;
  raft_conf_change_v2 change_v2;
  raft_conf_state conf_state;
  raft_snapshot decoded;
  void *parts = &parts;
  const raft_allocator *allocator = &memory.iface;
  ck_assert_int_eq(raft_entry_decode(from_hex("2203666f"), &entry), RAFT_EDECODE);
  ck_assert_int_eq(raft_conf_change_decode(from_hex("2203666f"), &change), RAFT_EDECODE);
  ck_assert_int_eq(raft_conf_change_decode(from_hex("2001"), &change), RAFT_EDECODE);
  ck_assert_int_eq(raft_conf_change_decode(from_hex("108080808008"), &change), RAFT_EDECODE);
  const char *const bad_v2[] = {"1a03666f", "1001", "0803", "120508808080800a"};
  for (size_t i = 0; i < 4; i++) {
    ck_assert_int_eq(
        raft_conf_change_v2_decode(from_hex(bad_v2[i]), NULL, allocator, &change_v2, &parts),
        RAFT_EDECODE);
    ck_assert_ptr_null(parts);
  }
  raft_bytes cut = from_hex("0880");
  const raft_slice slice = {cut.data, cut.len};
  ck_assert_int_eq(raft_hard_state_decode(slice, &state), RAFT_EDECODE);
  ck_assert_int_eq(raft_conf_state_decode(slice, NULL, allocator, &conf_state, &parts),
                   RAFT_EDECODE);
  ck_assert_int_eq(raft_snapshot_decode(cut, NULL, allocator, &decoded, &parts), RAFT_EDECODE);
}
END_TEST

START_TEST(unknown_types_of_changes_are_passed_on) {
  raft_conf_change change;
  ck_assert_int_eq(raft_conf_change_decode(from_hex("10091805"), &change), RAFT_OK);
  ck_assert_int_eq((int)change.type, 9);
}
END_TEST

/* --- limits -------------------------------------------------------------------------------- */

START_TEST(a_message_of_too_many_bytes_is_refused_unread) {
  raft_wire_limits limits;
  raft_message message;
  raft_wire_limits_init(&limits);
  limits.max_bytes = 3;
  ck_assert_int_eq(raft_message_decode(from_hex("08031001"), &limits, &memory.iface, &message),
                   RAFT_ELIMIT);
  limits.max_bytes = 4;
  ck_assert_int_eq(raft_message_decode(from_hex("08031001"), &limits, &memory.iface, &message),
                   RAFT_OK);
}
END_TEST

START_TEST(too_many_entries_are_refused_before_anything_is_allocated) {
  raft_wire_limits limits;
  raft_message message;
  raft_wire_limits_init(&limits);
  limits.max_entries = 2;
  ck_assert_int_eq(raft_message_decode(from_hex("3a003a003a00"), &limits, &memory.iface, &message),
                   RAFT_ELIMIT);
  ck_assert_uint_eq(memory.total_calls, 0);
  ck_assert_int_eq(raft_message_decode(from_hex("3a003a00"), &limits, &memory.iface, &message),
                   RAFT_OK);
  raft_message_release(&message);
}
END_TEST

START_TEST(too_many_ids_are_refused_before_anything_is_allocated) {
  raft_wire_limits limits;
  raft_message message;
  raft_conf_state state;
  raft_snapshot decoded;
  raft_conf_change_v2 change;
  void *parts;
  raft_wire_limits_init(&limits);
  limits.max_ids = 2;
  const raft_allocator *allocator = &memory.iface;
  raft_bytes input = encode(&whole);
  ck_assert_int_eq(raft_message_decode(input, &limits, allocator, &message), RAFT_ELIMIT);
  input = from_hex("080108020803");
  ck_assert_int_eq(raft_conf_state_decode((raft_slice){input.data, input.len}, &limits, allocator,
                                          &state, &parts),
                   RAFT_ELIMIT);
  input = from_hex("0a03010203");
  ck_assert_int_eq(raft_conf_state_decode((raft_slice){input.data, input.len}, &limits, allocator,
                                          &state, &parts),
                   RAFT_ELIMIT);
  input = from_hex("12070a050a03010203");
  ck_assert_int_eq(raft_snapshot_decode(input, &limits, allocator, &decoded, &parts), RAFT_ELIMIT);
  input = from_hex("120012001200");
  ck_assert_int_eq(raft_conf_change_v2_decode(input, &limits, allocator, &change, &parts),
                   RAFT_ELIMIT);
  ck_assert_uint_eq(memory.total_calls, 0);
}
END_TEST

START_TEST(parts_of_too_many_bytes_are_refused) {
  const raft_wire_limits limits = {.max_bytes = 1, .max_entries = 9, .max_ids = 9};
  const raft_bytes input = from_hex("0801");
  raft_conf_state state;
  raft_snapshot decoded;
  raft_conf_change_v2 change;
  void *parts;
  ck_assert_int_eq(
      raft_conf_state_decode((raft_slice){input.data, input.len}, &limits, NULL, &state, &parts),
      RAFT_ELIMIT);
  ck_assert_int_eq(raft_snapshot_decode(input, &limits, NULL, &decoded, &parts), RAFT_ELIMIT);
  ck_assert_int_eq(raft_conf_change_v2_decode(input, &limits, NULL, &change, &parts), RAFT_ELIMIT);
}
END_TEST

START_TEST(the_default_limits_are_the_documented_ones) {
  raft_wire_limits limits;
  raft_wire_limits_init(&limits);
  ck_assert_uint_eq(limits.max_bytes, (size_t)512 * 1024 * 1024);
  ck_assert_uint_eq(limits.max_entries, 1024 * 1024);
  ck_assert_uint_eq(limits.max_ids, 64 * 1024);
}
END_TEST

/* --- no memory ----------------------------------------------------------------------------- */

START_TEST(decoding_without_memory_leaves_nothing_behind) {
  raft_conf_state state;
  raft_snapshot decoded;
  raft_conf_change_v2 change;
  raft_message message;
  void *parts;
  raft_bytes input = encode(&whole);
  failing_allocator_arm(&memory, 1, false);
  ck_assert_int_eq(decode(input, &message), RAFT_ENOMEM);
  ck_assert_uint_eq(memory.total_calls, 1);
  input = from_hex("0801");
  failing_allocator_arm(&memory, 1, true);
  ck_assert_int_eq(raft_conf_state_decode((raft_slice){input.data, input.len}, NULL, &memory.iface,
                                          &state, &parts),
                   RAFT_ENOMEM);
  input = from_hex("12040a020801");
  ck_assert_int_eq(raft_snapshot_decode(input, NULL, &memory.iface, &decoded, &parts), RAFT_ENOMEM);
  input = from_hex("1200");
  ck_assert_int_eq(raft_conf_change_v2_decode(input, NULL, &memory.iface, &change, &parts),
                   RAFT_ENOMEM);
  ck_assert_ptr_null(parts);
}
END_TEST

/* --- mutations ----------------------------------------------------------------------------- */

/* Changes, inserts, deletes or doubles a few bytes of input[0 … len). */
static size_t mutate(unsigned char *input, size_t len) {
  for (uint64_t times = 1 + draw(4); times > 0 && len > 0; times--) {
    size_t at = draw(len);
    switch (draw(4)) {
    case 0: input[at] = (unsigned char)draw(256); break;
    case 1: input[at] = (unsigned char)(input[at] ^ (1u << draw(8))); break;
    case 2:
      memmove(input + at, input + at + 1, len - at - 1);
      len--;
      break;
    default:
      memmove(input + at + 1, input + at, len - at);
      len++;
      break;
    }
  }
  return len;
}

/* Whatever is decoded comes back as it was. */
START_TEST(mutated_messages_are_refused_or_stable) {
  enum { ROUNDS = 10000 };
  draw_from(4711);
  size_t accepted = 0;
  for (int round = 0; round < ROUNDS; round++) {
    drawn original;
    raft_message once;
    raft_message twice;
    draw_message(&original, (raft_message_type)draw(RAFT_MSG_TYPE_COUNT));
    size_t len = mutate(buffer, encode(&original.message).len);
    unsigned char *exact = malloc(len > 0 ? len : 1);
    memcpy(exact, buffer, len);
    int rc = decode((raft_bytes){exact, len, NULL}, &once);
    free(exact);
    if (rc == RAFT_OK) {
      accepted++;
      ck_assert_int_eq(decode(encode(&once), &twice), RAFT_OK);
      assert_same_message(&twice, &once);
      raft_message_release(&twice);
      raft_message_release(&once);
    }
    ck_assert_uint_eq(memory.live_blocks, 0);
  }
  ck_assert_uint_ge(accepted, ROUNDS / 10);
  ck_assert_uint_le(accepted, ROUNDS * 9 / 10);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("wire_hostile");
  TCase *tests = tcase_create("wire_hostile");
  tcase_set_timeout(tests, 60);
  tcase_add_checked_fixture(tests, setup, teardown);
  tcase_add_loop_test(tests, bytes_that_are_no_message_are_refused, 0, BAD_MESSAGES);
  tcase_add_test(tests, a_refused_message_leaves_the_struct_alone);
  tcase_add_test(tests, a_message_cut_anywhere_is_refused_or_a_shorter_message);
  tcase_add_test(tests, parts_cut_inside_of_a_field_are_refused);
  tcase_add_test(tests, unknown_types_of_changes_are_passed_on);
  tcase_add_test(tests, a_message_of_too_many_bytes_is_refused_unread);
  tcase_add_test(tests, too_many_entries_are_refused_before_anything_is_allocated);
  tcase_add_test(tests, too_many_ids_are_refused_before_anything_is_allocated);
  tcase_add_test(tests, parts_of_too_many_bytes_are_refused);
  tcase_add_test(tests, the_default_limits_are_the_documented_ones);
  tcase_add_test(tests, decoding_without_memory_leaves_nothing_behind);
  tcase_add_test(tests, mutated_messages_are_refused_or_stable);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
