/* split_world.c - splits in a store_world, with ids of the test's own.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "split_world.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "scheduler/message.h"
#include "store_world_devices.h"

enum { PATIENCE = 600 }; /* steps of 100 ms */

static int ask(void *ctx, uint64_t store_id, raft_bytes request) {
  split_scheduler *s = ctx;
  if (s->silent || s->asked_count == sizeof s->asked / sizeof s->asked[0]) {
    return KV_OK; /* lost */
  }
  s->asked[s->asked_count].from = store_id;
  s->asked[s->asked_count++].frame = raft_buf_copy(NULL, request.data, request.len);
  return KV_OK;
}

static void answer(split_scheduler *s, uint64_t to, const kv_scheduler_request *request) {
  kv_scheduler_response response = {
      .request_id = request->request_id, .cluster_id = request->cluster_id, .call = request->call};
  bool split = request->call == KV_CALL_ASK_SPLIT;
  raft_buf *frame = NULL;
  s->questions += split;
  if (split && s->refuse > 0) {
    s->refuse--;
    response.status = KV_SCHEDULER_FAILED;
    kv_message_text(response.text, sizeof response.text, "not now");
  } else {
    response.id = s->next_id++;
    response.peer_count = split ? request->report.region.peer_count : 0;
    for (size_t i = 0; i < response.peer_count; i++) {
      response.peer_ids[i] = s->next_id++;
    }
  }
  ck_assert_int_eq(kv_scheduler_response_encode(&response, &frame), KV_OK);
  raft_bytes bytes = {raft_buf_data(frame), raft_buf_len(frame), frame};
  if (world_at(s->w, to)->store != NULL) {
    kv_store_scheduler_received(world_at(s->w, to)->store, bytes);
  }
  raft_buf_release(frame);
}

/* True: it was dealt with. */
static bool look_at(split_scheduler *s, uint64_t from, raft_buf *frame) {
  kv_scheduler_request request;
  raft_bytes bytes = {raft_buf_data(frame), raft_buf_len(frame), frame};
  ck_assert_int_eq(kv_scheduler_request_decode(bytes, &request), KV_OK);
  bool split = request.call == KV_CALL_ASK_SPLIT, held = split && s->hold;
  if (!held && (split || request.call == KV_CALL_ALLOC_IDS)) {
    answer(s, from, &request);
  }
  kv_scheduler_request_clear(&request);
  return !held;
}

static bool work(void *ctx) {
  split_scheduler *s = ctx;
  size_t left = 0, count = s->asked_count;
  for (size_t i = 0; i < count; i++) {
    if (look_at(s, s->asked[i].from, s->asked[i].frame)) {
      raft_buf_release(s->asked[i].frame);
    } else {
      s->asked[left++] = s->asked[i];
    }
  }
  s->asked_count = left;
  return left < count;
}

void split_scheduler_open(split_scheduler *s, world *w) {
  *s = (split_scheduler){.w = w, .next_id = 1000};
  w->scheduler = (world_scheduler){s, ask, work};
}

void split_scheduler_close(split_scheduler *s) {
  for (size_t i = 0; i < s->asked_count; i++) {
    raft_buf_release(s->asked[i].frame);
  }
  s->asked_count = 0;
}

kv_peer *split_peer(world *w, uint64_t store_id, uint64_t region_id) {
  kv_store *store = world_at(w, store_id)->store;
  return store != NULL ? kv_region_map_peer(&store->regions, region_id) : NULL;
}

int split_propose(world *w, uint64_t leader, uint64_t region_id, const char *key,
                  uint64_t new_region_id) {
  kv_peer *peer = split_peer(w, leader, region_id);
  ck_assert_ptr_nonnull(peer);
  kv_split split = {.key = {key, strlen(key)},
                    .new_region_id = new_region_id,
                    .new_peer_count = peer->region.peer_count};
  for (size_t i = 0; i < split.new_peer_count; i++) {
    split.new_peer_ids[i] = new_region_id * 100 + peer->region.peers[i].store_id;
  }
  return kv_split_propose(peer, &split, NULL);
}

size_t split_count(world *w, uint64_t region_id) {
  size_t count = 0;
  for (uint64_t id = 1; id <= w->store_count; id++) {
    const kv_peer *peer = split_peer(w, id, region_id);
    count += peer != NULL && kv_region_initialised(&peer->region);
  }
  return count;
}

uint64_t split_wait_leader(world *w, uint64_t region_id) {
  for (int i = 0; i < PATIENCE && world_region_leader(w, region_id) == 0; i++) {
    world_run(w, 100);
  }
  uint64_t leader = world_region_leader(w, region_id);
  ck_assert_msg(leader != 0, "nobody leads region %d", (int)region_id);
  return leader;
}

void split_run(world *w, uint64_t region_id, const char *key, uint64_t new_region_id,
               size_t count) {
  uint64_t leader = split_wait_leader(w, region_id);
  ck_assert_int_eq(split_propose(w, leader, region_id, key, new_region_id), KV_OK);
  for (int i = 0; i < PATIENCE && split_count(w, new_region_id) < count; i++) {
    world_run(w, 10);
  }
  ck_assert_uint_ge(split_count(w, new_region_id), count);
}

void split_message(world *w, uint64_t from_store, uint64_t to_store, uint64_t region_id,
                   uint64_t from_peer, uint64_t to_peer, raft_message message, kv_epoch epoch) {
  kv_envelope envelope = {.region_id = region_id,
                          .from_peer = from_peer,
                          .from_store = from_store,
                          .to_peer = to_peer,
                          .to_store = to_store,
                          .epoch = epoch};
  raft_buf *frame = NULL;
  message.from = from_peer;
  message.to = to_peer;
  memcpy(envelope.from_address, world_at(w, from_store)->address,
         sizeof world_at(w, from_store)->address);
  ck_assert_int_eq(kv_envelope_encode(&envelope, &message, &frame), KV_OK);
  raft_bytes payload = {raft_buf_data(frame), raft_buf_len(frame), frame};
  kv_store_receive(world_at(w, to_store)->store, from_store, KV_FRAME_RAFT, payload);
  raft_buf_release(frame);
}

uint64_t split_snapshots(world *w) {
  uint64_t sent = 0;
  for (uint64_t id = 1; id <= w->store_count; id++) {
    kv_store_summary summary = {0};
    if (world_at(w, id)->store != NULL) {
      kv_store_summarize(world_at(w, id)->store, &summary);
    }
    sent += summary.snapshots_sent;
  }
  return sent;
}

size_t split_keys_from(world *w, uint64_t store_id, raft_slice from) {
  const memory_space *data = &world_at(w, store_id)->engine.spaces[KV_SPACE_DATA];
  size_t count = 0;
  for (size_t i = 0; i < data->count; i++) {
    count += kv_key_compare(data->items[i].key, from) >= 0;
  }
  return count;
}

static void name(char key[32], const char *prefix, int number) {
  (void)snprintf(key, 32, "%s%04d", prefix, number);
}

void split_fill(world *w, uint64_t store_id, const char *prefix, int from, int to) {
  world_call call;
  char key[32];
  for (int i = from; i < to; i++) {
    name(key, prefix, i);
    do { /* -TRYAGAIN: certainly not done */
      (void)world_do(w, store_id, &call, KV_OP_SET, 0, key, key + strlen(prefix), NULL);
    } while (strncmp(call.reply, "-TRYAGAIN", 9) == 0);
    ck_assert_str_eq(call.reply, "+OK\r\n");
  }
}

void split_check_filled(world *w, uint64_t store_id, const char *prefix, int from, int to) {
  world_call call;
  char key[32], wanted[64];
  for (int i = from; i < to; i++) {
    name(key, prefix, i);
    do {
      (void)world_do(w, store_id, &call, KV_OP_GET, 0, key, NULL);
    } while (strncmp(call.reply, "-TRYAGAIN", 9) == 0);
    (void)snprintf(wanted, sizeof wanted, "$4\r\n%s\r\n", key + strlen(prefix));
    ck_assert_str_eq(call.reply, wanted);
  }
}

void split_check_map(world *w, uint64_t store_id) {
  const world_store *s = world_at(w, store_id);
  const kv_region_map *map = &s->store->regions;
  const memory_space *data = &s->engine.spaces[KV_SPACE_DATA];
  for (size_t i = 1; i < map->range_count; i++) {
    const kv_region *left = &map->ranges[i - 1]->region, *right = &map->ranges[i]->region;
    ck_assert(!kv_region_overlaps(left, right));
    ck_assert_int_lt(kv_key_compare(left->start, right->start), 0);
  }
  for (size_t i = 0; i < data->count; i++) {
    ck_assert_msg(kv_region_map_by_key(map, data->items[i].key) != NULL,
                  "store %d has a key that no region of it owns", (int)store_id);
  }
}

static bool even(world *w, uint64_t region_id) {
  uint64_t applied = 0;
  for (uint64_t id = 1; id <= w->store_count; id++) {
    uint64_t own = world_region_number(w, id, region_id, "applied");
    if (own != 0 && applied != 0 && own != applied) {
      return false;
    }
    applied = own != 0 ? own : applied;
  }
  return true;
}

void split_check_equal(world *w, const uint64_t *regions, size_t count) {
  bool equal = false;
  for (int i = 0; i < PATIENCE && !equal; i++) {
    world_run(w, 100);
    equal = true;
    for (size_t j = 0; j < count; j++) {
      equal = equal && even(w, regions[j]);
    }
  }
  ck_assert_msg(equal, "the stores do not come to the same applied indexes");
  for (uint64_t id = 2; id <= w->store_count; id++) {
    if (world_at(w, id)->store != NULL) {
      ck_assert_uint_eq(world_hash(&world_at(w, id)->engine), world_hash(&world_at(w, 1)->engine));
    }
  }
}
