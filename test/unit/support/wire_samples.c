/* wire_samples.c - messages to encode and decode, drawn at random, and their comparison.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "wire_samples.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static unsigned char bytes[4096];

static unsigned digit(char letter) {
  static const char digits[] = "0123456789abcdef";
  const char *at = memchr(digits, letter, 16);
  ck_assert_ptr_nonnull(at);
  return (unsigned)(at - digits);
}

raft_bytes from_hex(const char *hex) {
  size_t len = strlen(hex) / 2;
  ck_assert_uint_le(len, sizeof(bytes));
  memset(bytes, 0, sizeof(bytes));
  for (size_t i = 0; i < len; i++) {
    bytes[i] = (unsigned char)(digit(hex[2 * i]) << 4 | digit(hex[2 * i + 1]));
  }
  return (raft_bytes){bytes, len, NULL};
}

void assert_hex(const void *data, size_t len, const char *hex) {
  raft_bytes expected = from_hex(hex);
  ck_assert_uint_eq(len, expected.len);
  ck_assert_mem_eq(data, bytes, len);
}

bool same_bytes(raft_bytes a, raft_bytes b) {
  return a.len == b.len && (a.data == NULL) == (b.data == NULL) &&
         (a.data == NULL || memcmp(a.data, b.data, a.len) == 0);
}

bool same_ids(raft_ids a, raft_ids b) {
  return a.count == b.count &&
         (a.count == 0 || memcmp(a.ids, b.ids, a.count * sizeof(uint64_t)) == 0);
}

bool same_conf_state(const raft_conf_state *a, const raft_conf_state *b) {
  return same_ids(a->voters, b->voters) && same_ids(a->learners, b->learners) &&
         same_ids(a->voters_outgoing, b->voters_outgoing) &&
         same_ids(a->learners_next, b->learners_next) && a->auto_leave == b->auto_leave;
}

bool same_entry(const raft_entry *a, const raft_entry *b) {
  return a->term == b->term && a->index == b->index && a->type == b->type &&
         same_bytes(a->data, b->data);
}

bool same_snapshot(const raft_snapshot *a, const raft_snapshot *b) {
  if (a == NULL || b == NULL) {
    return a == b;
  }
  return a->index == b->index && a->term == b->term && same_bytes(a->data, b->data) &&
         same_conf_state(&a->conf_state, &b->conf_state);
}

static bool carries_commit_term(raft_message_type type) {
  return type == RAFT_MSG_VOTE || type == RAFT_MSG_VOTE_RESP || type == RAFT_MSG_PRE_VOTE ||
         type == RAFT_MSG_PRE_VOTE_RESP;
}

void assert_same_message(const raft_message *a, const raft_message *b) {
  ck_assert_int_eq(a->type, b->type);
  ck_assert_int_eq(a->reject, b->reject);
  ck_assert_uint_eq(a->to, b->to);
  ck_assert_uint_eq(a->from, b->from);
  ck_assert_uint_eq(a->term, b->term);
  ck_assert_uint_eq(a->log_term, b->log_term);
  ck_assert_uint_eq(a->index, b->index);
  ck_assert_uint_eq(a->commit, b->commit);
  ck_assert_uint_eq(a->reject_hint, b->reject_hint);
  ck_assert_int_eq(a->priority, b->priority);
  ck_assert_int_eq(a->request_snapshot, b->request_snapshot);
  if (carries_commit_term(a->type)) {
    ck_assert_uint_eq(a->commit_term, b->commit_term);
  }
  ck_assert(same_bytes(a->context, b->context));
  ck_assert(same_snapshot(a->snapshot, b->snapshot));
  ck_assert_uint_eq(a->entry_count, b->entry_count);
  for (size_t i = 0; i < a->entry_count; i++) {
    ck_assert(same_entry(&a->entries[i], &b->entries[i]));
  }
}

static uint64_t seed = 1;

void draw_from(uint64_t start) {
  seed = start;
}

size_t draw(size_t below) {
  seed ^= seed << 13;
  seed ^= seed >> 7;
  seed ^= seed << 17;
  return (size_t)(seed % below);
}

/* Numbers of all lengths, 0 often. */
static uint64_t draw_number(void) {
  uint64_t bits = draw(65);
  return bits == 0 ? 0 : (seed * UINT64_C(0x9e3779b97f4a7c15)) >> (64 - bits);
}

static raft_bytes draw_bytes(void) {
  static const char letters[] = "some bytes to be carried around, again and again and again";
  size_t len = draw(sizeof(letters));
  const raft_bytes none = {0};
  return draw(3) == 0 ? none : (raft_bytes){letters, len, NULL};
}

static raft_ids draw_ids(const drawn *to) {
  return (raft_ids){to->ids, draw(MOST_IDS + 1)};
}

static void draw_snapshot(drawn *to) {
  for (size_t i = 0; i < MOST_IDS; i++) {
    to->ids[i] = draw_number();
  }
  to->snapshot = (raft_snapshot){.index = draw_number(), .term = draw_number()};
  to->snapshot.data = draw_bytes();
  to->snapshot.conf_state =
      (raft_conf_state){draw_ids(to), draw_ids(to), draw_ids(to), draw_ids(to), draw(2) == 0};
  to->message.snapshot = &to->snapshot;
}

void draw_message(drawn *to, raft_message_type type) {
  raft_message *message = &to->message;
  *message = (raft_message){.type = type, .reject = draw(2) == 0};
  uint64_t *const numbers[] = {&message->to,         &message->from,   &message->term,
                               &message->index,      &message->commit, &message->log_term,
                               &message->reject_hint};
  for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
    *numbers[i] = draw_number();
  }
  message->priority = (int64_t)draw_number();
  message->request_snapshot = draw(4) == 0;
  if (carries_commit_term(type)) {
    message->commit_term = draw_number();
  }
  message->context = draw_bytes();
  message->entry_count = draw(MOST_ENTRIES + 1);
  message->entries = to->entries;
  for (size_t i = 0; i < message->entry_count; i++) {
    to->entries[i] = (raft_entry){.term = draw_number(), .index = draw_number()};
    to->entries[i].type = (raft_entry_type)draw(3);
    to->entries[i].data = draw_bytes();
  }
  if (draw(2) == 0) {
    draw_snapshot(to);
  }
}
