/* test_stale_messages.c - messages of the past, and for somebody else: who creates and ends a peer?
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "raftstore/core.h"
#include "raftstore/envelope.h"
#include "raftstore/peer.h"
#include "support/run_suite.h"
#include "support/store_world.h"

enum { REGION = 77, FAR = 9 };

static const kv_epoch first = {1, 1}, later = {5, 1};
static world w;
static uint64_t newcomer;

static void setup(void) {
  world_open(&w, 4711, 3);
  for (uint64_t id = 1; id <= 3; id++) {
    world_start(&w, id);
  }
  newcomer = world_add_store(&w);
  world_start(&w, newcomer);
  (void)world_wait_leader(&w, 0);
}

static void teardown(void) {
  world_close(&w);
}

static kv_peer *peer_on(uint64_t store_id, uint64_t region_id) {
  return kv_region_map_peer(&world_at(&w, store_id)->store->regions, region_id);
}

/* To the store, as if it came from store FAR. */
static void receive(uint64_t store_id, const kv_envelope *envelope, const raft_message *message) {
  raft_buf *frame = NULL;
  ck_assert_int_eq(kv_envelope_encode(envelope, message, &frame), KV_OK);
  const raft_bytes payload = {raft_buf_data(frame), raft_buf_len(frame), frame};
  kv_store_receive(world_at(&w, store_id)->store, FAR, KV_FRAME_RAFT, payload);
  raft_buf_release(frame);
  world_run(&w, 300);
}

static kv_envelope envelope_to(uint64_t store_id, uint64_t region_id, uint64_t peer_id) {
  return (kv_envelope){.region_id = region_id,
                       .from_peer = 900,
                       .from_store = FAR,
                       .from_address = "far:1",
                       .to_peer = peer_id,
                       .to_store = store_id,
                       .epoch = first};
}

static raft_message message_to(uint64_t peer_id, raft_message_type type, uint64_t commit) {
  return (raft_message){.type = type, .from = 900, .to = peer_id, .term = 6, .commit = commit};
}

static void receive_message(uint64_t peer_id, raft_message_type type, uint64_t commit) {
  const kv_envelope envelope = envelope_to(newcomer, REGION, peer_id);
  const raft_message message = message_to(peer_id, type, commit);
  receive(newcomer, &envelope, &message);
}

static void receive_tombstone(uint64_t store_id, uint64_t region_id, uint64_t peer_id,
                              kv_epoch epoch) {
  kv_envelope envelope = envelope_to(store_id, region_id, peer_id);
  envelope.epoch = epoch;
  receive(store_id, &envelope, NULL);
}

/* P33, P35: a late append, or a heartbeat to who has acknowledged something, must not bring back
 * who was removed; and nothing is learnt from what is dropped. */
START_TEST(only_what_is_said_first_creates_a_peer) {
  const kv_address_book *book = &world_at(&w, newcomer)->store->addresses;
  receive_message(12, RAFT_MSG_APP, 3);
  receive_message(12, RAFT_MSG_HEARTBEAT, 3);
  receive_message(12, RAFT_MSG_TIMEOUT_NOW, 0);
  ck_assert_ptr_null(peer_on(newcomer, REGION));
  ck_assert_ptr_null(kv_address_book_find(book, FAR));
  receive_message(12, RAFT_MSG_HEARTBEAT, 0);
  ck_assert_ptr_nonnull(peer_on(newcomer, REGION));
  ck_assert_uint_eq(peer_on(newcomer, REGION)->peer_id, 12);
  ck_assert_str_eq(kv_address_book_find(book, FAR)->address, "far:1");
}
END_TEST

/* P26 */
START_TEST(what_is_meant_for_another_store_is_dropped) {
  const raft_message message = message_to(12, RAFT_MSG_PRE_VOTE, 0);
  kv_envelope envelope = envelope_to(newcomer, REGION, 12);
  envelope.to_store = 2;
  receive(newcomer, &envelope, &message);
  ck_assert_ptr_null(peer_on(newcomer, REGION));
  envelope = envelope_to(newcomer, REGION, 12);
  envelope.from_store = 3; /* but it comes from FAR */
  receive(newcomer, &envelope, &message);
  ck_assert_ptr_null(peer_on(newcomer, REGION));
  receive_message(12, RAFT_MSG_PRE_VOTE, 0);
  ck_assert_ptr_nonnull(peer_on(newcomer, REGION));
}
END_TEST

/* P28: of exactly this peer, and from a later membership than it knows. */
START_TEST(a_tombstone_ends_only_whom_it_means) {
  const uint64_t victim = world_wait_leader(&w, 0) % 3 + 1;
  receive_tombstone(victim, 1, victim + 10, later);
  ck_assert_ptr_nonnull(peer_on(victim, 1));
  receive_tombstone(victim, 1, victim, first);
  ck_assert_ptr_nonnull(peer_on(victim, 1));
  receive_tombstone(victim, 1, victim, (kv_epoch){1, 9}); /* a split removes nobody */
  ck_assert_ptr_nonnull(peer_on(victim, 1));
  receive_tombstone(victim, 1, victim, later);
  ck_assert_ptr_null(peer_on(victim, 1));
}
END_TEST

/* P29 to P31: a peer that never had data leaves its id in its grave, which outlives a crash. */
START_TEST(only_a_later_peer_begins_on_a_grave) {
  receive_message(12, RAFT_MSG_HEARTBEAT, 0);
  receive_message(11, RAFT_MSG_HEARTBEAT, 0);
  ck_assert_uint_eq(peer_on(newcomer, REGION)->peer_id, 12);
  receive_tombstone(newcomer, REGION, 12, later);
  for (int starts = 0; starts < 2; starts++) {
    receive_message(11, RAFT_MSG_HEARTBEAT, 0);
    receive_message(12, RAFT_MSG_HEARTBEAT, 0);
    receive_message(12, RAFT_MSG_VOTE, 0);
    ck_assert_ptr_null(peer_on(newcomer, REGION));
    world_crash(&w, newcomer);
    world_start(&w, newcomer);
    world_run(&w, 300);
  }
  receive_message(13, RAFT_MSG_HEARTBEAT, 0);
  ck_assert_uint_eq(peer_on(newcomer, REGION)->peer_id, 13);
  receive_message(14, RAFT_MSG_HEARTBEAT, 0); /* replaced; the next message creates it */
  ck_assert_ptr_null(peer_on(newcomer, REGION));
  receive_message(13, RAFT_MSG_HEARTBEAT, 0);
  ck_assert_ptr_null(peer_on(newcomer, REGION));
  receive_message(14, RAFT_MSG_HEARTBEAT, 0);
  ck_assert_uint_eq(peer_on(newcomer, REGION)->peer_id, 14);
}
END_TEST

int main(void) {
  const TTest *const tests[] = {
      only_what_is_said_first_creates_a_peer,
      what_is_meant_for_another_store_is_dropped,
      a_tombstone_ends_only_whom_it_means,
      only_a_later_peer_begins_on_a_grave,
  };
  return run_suite("stale_messages", tests, sizeof tests / sizeof *tests, setup, teardown);
}
