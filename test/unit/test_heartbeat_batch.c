/* test_heartbeat_batch.c - heartbeats of many regions in one frame: the codec, hostile bytes, and
 * that there is one frame a store and a turn.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "raftstore/beat.h"
#include "run_suite.h"
#include "store_world.h"
#include "store_world_devices.h"

static const kv_beat_header HEADER = {.from_store = 3,
                                      .to_store = UINT64_MAX,
                                      .incarnation = 300,
                                      .awaits = true,
                                      .from_address = "host.example:7001"};

static const kv_beat BEATS[] = {
    {KV_BEAT_HEARTBEAT, 1, 2, 3, {4, 5}, 6, 7, {"12345678", 8}},
    {KV_BEAT_ANSWER, UINT64_MAX, UINT64_MAX, UINT64_MAX, {UINT64_MAX, 127}, 128, 0, {NULL, 0}},
    {KV_BEAT_SLEEP, 1, 2, 3, {0, 0}, 1, 1, {NULL, 0}},
    {KV_BEAT_ASLEEP, 16384, 2, 3, {1, 1}, 1, 1, {NULL, 0}},
    {KV_BEAT_WAKE, 1, 1, 1, {1, 1}, 1, 1, {"12345678901234567890123456789012", 32}},
};
enum { COUNT = sizeof BEATS / sizeof *BEATS };

static raft_buf *encode(const kv_beat_header *header, size_t count) {
  kv_beats beats = {0};
  raft_buf *frame = NULL;
  for (size_t i = 0; i < count; i++) {
    ck_assert_int_eq(kv_beats_add(&beats, &BEATS[i % COUNT]), KV_OK);
  }
  ck_assert_int_eq(kv_beats_frame(&beats, header, &frame), KV_OK);
  ck_assert_uint_eq(beats.count, 0);
  kv_beats_free(&beats);
  return frame;
}

static int read_all(const void *data, size_t len, kv_beat_header *header, size_t *count) {
  kv_beat_reader reader;
  kv_beat beat;
  *count = 0;
  int rc = kv_beats_read((raft_slice){data, len}, header, &reader);
  while (rc == KV_OK && kv_beats_next(&reader, &beat)) {
    ck_assert(beat.kind >= KV_BEAT_HEARTBEAT && beat.kind <= KV_BEAT_WAKE);
    ck_assert_uint_le(beat.context.len, KV_BEAT_MAX_CONTEXT);
    ck_assert_uint_ne(beat.region_id, 0);
    (*count)++;
  }
  return rc;
}

START_TEST(a_frame_gives_back_what_was_put_in) {
  kv_beat_header header;
  kv_beat_reader reader;
  kv_beat beat;
  raft_buf *frame = encode(&HEADER, COUNT);
  raft_slice bytes = {raft_buf_data(frame), raft_buf_len(frame)};
  ck_assert_int_eq(kv_beats_read(bytes, &header, &reader), KV_OK);
  ck_assert_uint_eq(header.from_store, HEADER.from_store);
  ck_assert_uint_eq(header.to_store, HEADER.to_store);
  ck_assert_uint_eq(header.incarnation, HEADER.incarnation);
  ck_assert(header.awaits);
  ck_assert_str_eq(header.from_address, HEADER.from_address);
  for (size_t i = 0; i < COUNT; i++) {
    const kv_beat *wanted = &BEATS[i];
    ck_assert(kv_beats_next(&reader, &beat));
    ck_assert_int_eq(beat.kind, wanted->kind);
    ck_assert_uint_eq(beat.region_id, wanted->region_id);
    ck_assert_uint_eq(beat.from_peer, wanted->from_peer);
    ck_assert_uint_eq(beat.to_peer, wanted->to_peer);
    ck_assert(kv_epoch_equal(beat.epoch, wanted->epoch));
    ck_assert_uint_eq(beat.term, wanted->term);
    ck_assert_uint_eq(beat.index, wanted->index);
    ck_assert_uint_eq(beat.context.len, wanted->context.len);
    ck_assert(beat.context.len == 0 ||
              memcmp(beat.context.data, wanted->context.data, beat.context.len) == 0);
  }
  ck_assert(!kv_beats_next(&reader, &beat));
  raft_buf_release(frame);
}
END_TEST

START_TEST(a_frame_without_beats_is_a_sign_of_life) {
  kv_beat_header header;
  size_t count = 0;
  raft_buf *frame = encode(&HEADER, 0);
  ck_assert_uint_le(raft_buf_len(frame), 40);
  ck_assert_int_eq(read_all(raft_buf_data(frame), raft_buf_len(frame), &header, &count), KV_OK);
  ck_assert_uint_eq(count, 0);
  raft_buf_release(frame);
}
END_TEST

START_TEST(many_beats_take_few_bytes) {
  kv_beat beat = {KV_BEAT_HEARTBEAT, 9999, 20001, 20002, {3, 2}, 6, 1000, {NULL, 0}};
  kv_beats beats = {0};
  for (int i = 0; i < 1000; i++) {
    ck_assert_int_eq(kv_beats_add(&beats, &beat), KV_OK);
  }
  ck_assert_uint_le(beats.len, 16000);
  kv_beats_free(&beats);
}
END_TEST

START_TEST(a_frame_is_good_as_a_whole_or_not_at_all) {
  kv_beat_header header;
  size_t count = 0;
  raft_buf *frame = encode(&HEADER, COUNT);
  size_t len = raft_buf_len(frame);
  unsigned char *longer = calloc(1, len + 1);
  ck_assert_ptr_nonnull(longer);
  memcpy(longer, raft_buf_data(frame), len);
  for (size_t cut = 0; cut < len; cut++) {
    ck_assert_int_eq(read_all(longer, cut, &header, &count), KV_ECORRUPT);
    ck_assert_uint_eq(count, 0);
  }
  ck_assert_int_eq(read_all(longer, len, &header, &count), KV_OK);
  ck_assert_int_eq(read_all(longer, len + 1, &header, &count), KV_ECORRUPT);
  free(longer);
  raft_buf_release(frame);
}
END_TEST

START_TEST(impossible_headers_and_beats_are_refused) {
  static const unsigned char overlong[] = {1,   0,   255, 255, 255, 255, 255, 255, 255,
                                           255, 255, 2,   1,   1,   1,   'a', 0};
  static const unsigned char other_version[] = {2, 0, 1, 1, 1, 1, 'a', 0};
  static const unsigned char other_flags[] = {1, 2, 1, 1, 1, 1, 'a', 0};
  static const unsigned char no_store[] = {1, 0, 0, 1, 1, 1, 'a', 0};
  static const unsigned char no_incarnation[] = {1, 0, 1, 1, 0, 1, 'a', 0};
  static const unsigned char no_address[] = {1, 0, 1, 1, 1, 0, 0};
  static const unsigned char half_an_address[] = {1, 0, 1, 1, 1, 2, 'a', 0, 0};
  static const unsigned char unknown_kind[] = {1, 0, 1, 1, 1, 1, 'a', 1, 9, 1, 1, 1, 1, 1, 1, 1, 0};
  static const unsigned char no_region[] = {1, 0, 1, 1, 1, 1, 'a', 1, 1, 0, 1, 1, 1, 1, 1, 1, 0};
  static const unsigned char long_context[] = {1, 0, 1, 1, 1, 1, 'a', 1, 1,
                                               1, 1, 1, 1, 1, 1, 1,   33};
  static const unsigned char good[] = {1, 0, 1, 1, 1, 1, 'a', 1, 1, 1, 1, 1, 1, 1, 1, 1, 0};
  static const raft_slice bad[] = {{overlong, sizeof overlong},
                                   {other_version, sizeof other_version},
                                   {other_flags, sizeof other_flags},
                                   {no_store, sizeof no_store},
                                   {no_incarnation, sizeof no_incarnation},
                                   {no_address, sizeof no_address},
                                   {half_an_address, sizeof half_an_address},
                                   {unknown_kind, sizeof unknown_kind},
                                   {no_region, sizeof no_region},
                                   {long_context, sizeof long_context}};
  kv_beat_header header;
  size_t count = 0;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    ck_assert_msg(read_all(bad[i].data, bad[i].len, &header, &count) == KV_ECORRUPT, "number %zu",
                  i);
  }
  ck_assert_int_eq(read_all(good, sizeof good, &header, &count), KV_OK);
  ck_assert_uint_eq(count, 1);
  kv_beats beats = {0};
  kv_beat beat = BEATS[0];
  beat.context = (raft_slice){"123456789012345678901234567890123", 33};
  ck_assert_int_ne(kv_beats_add(&beats, &beat), KV_OK);
  ck_assert_uint_eq(beats.len, 0);
}
END_TEST

/* Millions of beats are claimed, numbers are overlong, ends are missing: read or refused, never
 * more than there is. Exact buffers, so that a sanitizer sees every byte too many. */
START_TEST(hostile_bytes_do_no_harm) {
  enum { TURNS = 20000 };
  kv_beat_header header;
  size_t count = 0, refused = 0;
  raft_buf *frame = encode(&HEADER, 7);
  world w = {.random = 5};
  for (int i = 0; i < TURNS; i++) {
    size_t len = 1 + world_random(&w, raft_buf_len(frame));
    unsigned char *bytes = malloc(len);
    ck_assert_ptr_nonnull(bytes);
    memcpy(bytes, raft_buf_data(frame), len);
    for (uint64_t j = world_random(&w, 4); j > 0; j--) {
      bytes[world_random(&w, len)] = (unsigned char)world_random(&w, 256);
    }
    refused += read_all(bytes, len, &header, &count) != KV_OK;
    ck_assert_uint_le(count, len / 9);
    free(bytes);
  }
  ck_assert_uint_gt(refused, TURNS / 2);
  raft_buf_release(frame);
}
END_TEST

/* ---- in stores ---- */

static world w;

static void setup(void) {
  world_open(&w, 21, 3);
  w.config.hibernate_ms = 0;
}

static void teardown(void) {
  world_close(&w);
}

static void start_with(uint32_t regions) {
  w.config.initial_regions = regions;
  for (uint64_t id = 1; id <= 3; id++) {
    world_start(&w, id);
  }
  world_run(&w, 5000);
}

static void drop_all(void) {
  while (w.frame_count > 0) {
    world_drop_frame(&w, 0);
  }
}

START_TEST(heartbeats_of_all_regions_share_a_frame_a_store) {
  start_with(40);
  for (uint64_t id = 1; id <= 3; id++) {
    kv_store_summary summary;
    kv_store_summarize(world_at(&w, id)->store, &summary);
    ck_assert_uint_gt(summary.leaders, 1);
    size_t beats = 0, frames = 0;
    for (uint32_t i = 0; i < w.config.heartbeat_ticks; i++) { /* each leader sends once */
      kv_store_tick(world_at(&w, id)->store);
      kv_store_flush(world_at(&w, id)->store);
      ck_assert_uint_le(w.frame_count, 2);
      for (size_t j = 0; j < w.frame_count; j++) {
        kv_beat_header header;
        size_t count = 0;
        ck_assert_int_eq(w.frames[j].type, KV_FRAME_BEATS);
        ck_assert_int_eq(read_all(raft_buf_data(w.frames[j].bytes), raft_buf_len(w.frames[j].bytes),
                                  &header, &count),
                         KV_OK);
        beats += count;
        frames++;
      }
      drop_all();
    }
    ck_assert_uint_eq(beats, 2 * summary.leaders);
    ck_assert_uint_le(frames, 4);
  }
}
END_TEST

START_TEST(answers_share_a_frame_and_are_not_delayed_beyond_the_turn) {
  start_with(40);
  drop_all();
  uint64_t sent = w.sent[KV_FRAME_BEATS], others = w.sent[KV_FRAME_RAFT];
  for (uint32_t i = 0; i < w.config.heartbeat_ticks; i++) {
    kv_store_tick(world_at(&w, 1)->store);
  }
  kv_store_flush(world_at(&w, 1)->store);
  ck_assert_uint_eq(w.sent[KV_FRAME_BEATS] - sent, 2);
  while (w.frame_count > 0 && w.frames[0].from == 1) {
    uint64_t to = w.frames[0].to;
    (void)world_deliver(&w, 0);
    kv_store_flush(world_at(&w, to)->store);
  }
  ck_assert_uint_eq(w.sent[KV_FRAME_BEATS] - sent, 4);
  ck_assert_uint_eq(w.sent[KV_FRAME_RAFT], others);
}
END_TEST

START_TEST(beats_that_are_not_ours_change_nothing) {
  start_with(1);
  uint64_t leader = world_wait_leader(&w, 0), follower = 1 + leader % 3, third = 1 + follower % 3;
  uint64_t term = world_number(&w, follower, "term");
  const struct {
    uint64_t from, to, region, from_peer, to_peer;
    kv_beat_kind kind;
  } cases[] = {
      {third, leader, 1, third, follower, KV_BEAT_HEARTBEAT},     /* for another store */
      {leader, follower, 1, leader, follower, KV_BEAT_HEARTBEAT}, /* says it is another store */
      {third, follower, 77, third, follower, KV_BEAT_HEARTBEAT},  /* no such region */
      {third, follower, 1, third, leader, KV_BEAT_HEARTBEAT},     /* no such peer here */
      {third, follower, 1, third, leader, KV_BEAT_SLEEP},
      {third, follower, 1, third, follower, KV_BEAT_SLEEP}, /* not its leader */
      {third, follower, 1, third, follower, KV_BEAT_ASLEEP},
      {third, follower, 1, third, follower, KV_BEAT_WAKE},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    kv_beat_header header = {
        .from_store = cases[i].from, .to_store = cases[i].to, .incarnation = 1};
    memcpy(header.from_address, "store-9:1", 10);
    kv_beat beat = {.kind = cases[i].kind,
                    .region_id = cases[i].region,
                    .from_peer = cases[i].from_peer,
                    .to_peer = cases[i].to_peer,
                    .epoch = {1, 1},
                    .term = term + 5,
                    .index = 1};
    kv_beats beats = {0};
    raft_buf *frame = NULL;
    ck_assert_int_eq(kv_beats_add(&beats, &beat), KV_OK);
    ck_assert_int_eq(kv_beats_frame(&beats, &header, &frame), KV_OK);
    raft_bytes payload = {raft_buf_data(frame), raft_buf_len(frame), frame};
    kv_store_receive(world_at(&w, follower)->store, third, KV_FRAME_BEATS, payload);
    raft_buf_release(frame);
    kv_beats_free(&beats);
    kv_store_flush(world_at(&w, follower)->store);
  }
  ck_assert_uint_eq(world_number(&w, follower, "term"), term);
  ck_assert_uint_eq(world_number(&w, follower, "leader_store"), leader);
  kv_store_summary summary;
  kv_store_summarize(world_at(&w, follower)->store, &summary);
  ck_assert_uint_eq(summary.regions, 1);
  ck_assert_uint_eq(summary.asleep, 0);
}
END_TEST

int main(void) {
  const TTest *const tests[] = {
      a_frame_gives_back_what_was_put_in,
      a_frame_without_beats_is_a_sign_of_life,
      many_beats_take_few_bytes,
      a_frame_is_good_as_a_whole_or_not_at_all,
      impossible_headers_and_beats_are_refused,
      hostile_bytes_do_no_harm,
      heartbeats_of_all_regions_share_a_frame_a_store,
      answers_share_a_frame_and_are_not_delayed_beyond_the_turn,
      beats_that_are_not_ours_change_nothing,
  };
  return run_suite("heartbeat_batch", tests, sizeof tests / sizeof *tests, setup, teardown);
}
