/* test_envelope.c - frames and entries of stores: there and back, and hostile bytes.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "raftstore/admin.h"
#include "raftstore/entry.h"
#include "raftstore/envelope.h"
#include "run_suite.h"

static raft_buf *sample(void) {
  kv_envelope envelope = {.region_id = 1,
                          .from_peer = 2,
                          .from_store = 20,
                          .from_address = "two:2000",
                          .to_peer = 3,
                          .to_store = 30,
                          .epoch = {4, 5}};
  raft_entry entries[2] = {{6, 100, {"first", 5, NULL}, RAFT_ENTRY_NORMAL},
                           {6, 101, {"second", 6, NULL}, RAFT_ENTRY_NORMAL}};
  raft_message message = {.type = RAFT_MSG_APP,
                          .from = 2,
                          .to = 3,
                          .term = 6,
                          .log_term = 5,
                          .index = 99,
                          .commit = 98,
                          .entries = entries,
                          .entry_count = 2};
  raft_buf *frame = NULL;
  ck_assert_int_eq(kv_envelope_encode(&envelope, &message, &frame), KV_OK);
  return frame;
}

static raft_bytes bytes_of(raft_buf *frame) {
  return (raft_bytes){raft_buf_data(frame), raft_buf_len(frame), frame};
}

START_TEST(a_message_arrives_as_it_was_sent_without_a_copy) {
  raft_buf *frame = sample();
  kv_envelope envelope;
  raft_message message;
  ck_assert_int_eq(kv_envelope_decode(bytes_of(frame), &envelope, &message), KV_OK);
  ck_assert_uint_eq(envelope.region_id, 1);
  ck_assert_uint_eq(envelope.from_store, 20);
  ck_assert_str_eq(envelope.from_address, "two:2000");
  ck_assert_uint_eq(envelope.to_store, 30);
  ck_assert_uint_eq(envelope.epoch.conf_ver, 4);
  ck_assert(!envelope.tombstone);
  ck_assert_uint_eq(message.entry_count, 2);
  ck_assert_uint_eq(message.entries[1].index, 101);
  ck_assert_mem_eq(message.entries[1].data.data, "second", 6);
  ck_assert_ptr_eq(message.entries[1].data.owner, frame);
  raft_message_release(&message);
  raft_buf_release(frame);
}
END_TEST

START_TEST(a_tombstone_has_no_message) {
  kv_envelope envelope = {.region_id = 1, .from_peer = 2, .from_store = 20, .to_peer = 3};
  raft_buf *frame = NULL;
  raft_message message;
  ck_assert_int_eq(kv_envelope_encode(&envelope, NULL, &frame), KV_OK);
  ck_assert_int_eq(kv_envelope_decode(bytes_of(frame), &envelope, &message), KV_OK);
  ck_assert(envelope.tombstone);
  raft_message_release(&message);
  raft_buf_release(frame);
}
END_TEST

START_TEST(message_and_envelope_must_be_of_the_same_peers) {
  kv_envelope envelope = {.region_id = 1, .from_peer = 2, .from_store = 20, .to_peer = 3};
  raft_message message = {.type = RAFT_MSG_HEARTBEAT, .from = 4, .to = 3, .term = 1};
  raft_buf *frame = NULL;
  ck_assert_int_eq(kv_envelope_encode(&envelope, &message, &frame), KV_OK);
  ck_assert_int_eq(kv_envelope_decode(bytes_of(frame), &envelope, &message), KV_ECORRUPT);
  raft_buf_release(frame);
}
END_TEST

START_TEST(damaged_frames_do_no_harm) {
  raft_buf *frame = sample();
  size_t len = raft_buf_len(frame);
  unsigned char *bytes = malloc(len);
  ck_assert_ptr_nonnull(bytes);
  for (size_t i = 0; i < len * 8; i++) {
    kv_envelope envelope;
    raft_message message;
    memcpy(bytes, raft_buf_data(frame), len);
    bytes[i / 8] ^= (unsigned char)(1u << i % 8);
    raft_bytes damaged = {bytes, i % 3 == 0 ? i / 8 : len, NULL};
    if (kv_envelope_decode(damaged, &envelope, &message) == KV_OK) {
      raft_message_release(&message);
    }
  }
  free(bytes);
  raft_buf_release(frame);
}
END_TEST

START_TEST(an_entry_of_commands_is_read_back) {
  kv_entry entry = {.region_id = 9, .epoch = {2, 3}, .kind = KV_ENTRY_COMMANDS, .command_count = 2};
  raft_buf *payload = NULL;
  unsigned char *commands = NULL;
  ck_assert_int_eq(kv_entry_encode(&entry, 4, &payload, &commands), KV_OK);
  memcpy(commands, "abcd", 4);
  raft_slice bytes = {raft_buf_data(payload), raft_buf_len(payload)};
  memset(&entry, 0, sizeof entry);
  ck_assert_int_eq(kv_entry_decode(bytes, &entry), KV_OK);
  ck_assert_uint_eq(entry.region_id, 9);
  ck_assert_uint_eq(entry.epoch.version, 3);
  ck_assert_uint_eq(entry.command_count, 2);
  ck_assert_uint_eq(entry.commands.len, 4);
  ck_assert_mem_eq(entry.commands.data, "abcd", 4);
  for (bytes.len = 0; bytes.len < raft_buf_len(payload) - 4; bytes.len++) {
    ck_assert_int_eq(kv_entry_decode(bytes, &entry), KV_ECORRUPT);
  }
  raft_buf_release(payload);
}
END_TEST

START_TEST(an_entry_of_an_unknown_kind_is_refused) {
  kv_entry entry = {.region_id = 9, .kind = (kv_entry_kind)77};
  raft_buf *payload = NULL;
  unsigned char *commands = NULL;
  ck_assert_int_eq(kv_entry_encode(&entry, 0, &payload, &commands), KV_OK);
  raft_slice bytes = {raft_buf_data(payload), raft_buf_len(payload)};
  ck_assert_int_eq(kv_entry_decode(bytes, &entry), KV_ECORRUPT);
  raft_buf_release(payload);
}
END_TEST

START_TEST(a_log_cut_is_read_back) {
  kv_entry entry = {
      .region_id = 9, .kind = KV_ENTRY_COMPACT_LOG, .compact_index = UINT64_MAX, .compact_term = 4};
  raft_buf *payload = NULL;
  unsigned char *commands = NULL;
  ck_assert_int_eq(kv_entry_encode(&entry, 0, &payload, &commands), KV_OK);
  memset(&entry, 0, sizeof entry);
  raft_slice bytes = {raft_buf_data(payload), raft_buf_len(payload)};
  ck_assert_int_eq(kv_entry_decode(bytes, &entry), KV_OK);
  ck_assert_int_eq(entry.kind, KV_ENTRY_COMPACT_LOG);
  ck_assert(entry.compact_index == UINT64_MAX && entry.compact_term == 4);
  raft_buf_release(payload);
}
END_TEST

START_TEST(a_change_of_peers_is_read_back) {
  kv_change_peer change = {
      .epoch = {2, 3}, .peer_id = 4, .store_id = 5, .role = KV_PEER_INCOMING, .address = "four:4"};
  kv_change_peer back;
  raft_buf *context = NULL;
  ck_assert_int_eq(kv_change_peer_encode(&change, &context), KV_OK);
  raft_slice bytes = {raft_buf_data(context), raft_buf_len(context)};
  ck_assert_int_eq(kv_change_peer_decode(bytes, &back), KV_OK);
  ck_assert_uint_eq(back.peer_id, 4);
  ck_assert_uint_eq(back.store_id, 5);
  ck_assert_int_eq(back.role, KV_PEER_INCOMING);
  ck_assert_str_eq(back.address, "four:4");
  ck_assert(!back.remove);
  ck_assert_int_eq(kv_change_peer_decode((raft_slice){"", 0}, &back), KV_ECORRUPT);
  raft_buf_release(context);
}
END_TEST

START_TEST(an_operator_s_request_is_read_back_and_bounded) {
  kv_admin admin = {.kind = KV_ADMIN_ADD_PEER, .store_id = 3}, back;
  unsigned char bytes[KV_ADMIN_BYTES];
  size_t len = 0;
  memset(admin.address, 'x', KV_MAX_ADDRESS);
  ck_assert_int_eq(kv_admin_encode(&admin, bytes, sizeof bytes, &len), KV_OK);
  ck_assert_int_eq(kv_admin_decode((raft_slice){bytes, len}, &back), KV_OK);
  ck_assert_str_eq(admin.address, back.address);
  ck_assert_uint_eq(back.store_id, 3);
  for (size_t i = 0; i < len * 8; i++) {
    bytes[i / 8] ^= (unsigned char)(1u << i % 8);
    (void)kv_admin_decode((raft_slice){bytes, len}, &back);
    bytes[i / 8] ^= (unsigned char)(1u << i % 8);
  }
  ck_assert_int_eq(kv_admin_encode(&admin, bytes, 10, &len), KV_EFULL);
  ck_assert_int_eq(kv_admin_decode((raft_slice){"", 0}, &back), KV_ECORRUPT);
}
END_TEST

int main(void) {
  const TTest *const tests[] = {
      a_message_arrives_as_it_was_sent_without_a_copy,
      a_tombstone_has_no_message,
      message_and_envelope_must_be_of_the_same_peers,
      damaged_frames_do_no_harm,
      an_entry_of_commands_is_read_back,
      an_entry_of_an_unknown_kind_is_refused,
      a_log_cut_is_read_back,
      a_change_of_peers_is_read_back,
      an_operator_s_request_is_read_back_and_bounded,
  };
  return run_suite("envelope", tests, sizeof tests / sizeof *tests, NULL, NULL);
}
