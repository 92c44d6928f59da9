/* test_committer.c - when the committer writes what is in memory, and what failures change.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "net/committer.h"

#include <stdlib.h>

#include "engine_calls.h"
#include "fault_engine.h"
#include "run_suite.h"
#include "scratch.h"

static const uint64_t an_hour = 3600000;

static scratch dir;
static uv_loop_t loop;
static uv_prepare_t turn;
static kv_engine *disk;
static fault_engine faults;
static kv_engine *overlay;
static kv_logger logger;
static kv_committer committer;

/* As the server does after each turn; the loop ends when all is durable. */
static void on_turn(uv_prepare_t *handle) {
  (void)handle;
  kv_committer_check(&committer);
  if (kv_overlay_fill_of(overlay) == KV_OVERLAY_CLEAN && !committer.running) {
    uv_stop(&loop);
  }
}

static void silent(void *ctx, kv_level level, const char *text) {
  (void)ctx;
  (void)level;
  (void)text;
}

static void setup(void) {
  kv_error error = {0};
  scratch_open(&dir);
  kv_lmdb_options options = {.directory = dir.path};
  ck_assert_int_eq(kv_lmdb_open(&options, &disk, &error), KV_OK);
  fault_engine_init(&faults, disk);
  ck_assert_int_eq(kv_overlay_open(&faults.base, 65536, &overlay, &error), KV_OK);
  ck_assert_int_eq(uv_loop_init(&loop), 0);
  (void)uv_prepare_init(&loop, &turn);
  (void)uv_prepare_start(&turn, on_turn);
  logger = (kv_logger){silent, NULL, KV_ERROR};
}

static void start(uint64_t age_ms) {
  committer =
      (kv_committer){.overlay = overlay, .logger = &logger, .age_ms = age_ms, .retry_ms = 1};
  ck_assert_int_eq(kv_committer_open(&committer, &loop, NULL), KV_OK);
}

static void run(void) {
  (void)uv_run(&loop, UV_RUN_DEFAULT);
}

static void teardown(void) {
  kv_committer_close(&committer);
  uv_close((uv_handle_t *)&turn, NULL);
  run();
  ck_assert_int_eq(uv_loop_close(&loop), 0);
  overlay->ops->close(overlay);
  disk->ops->close(disk);
  scratch_close(&dir);
}

START_TEST(what_is_old_enough_is_written) {
  start(1);
  put_now(overlay, "k", "v");
  run();
  expect(disk, "k", "v");
  ck_assert_uint_eq(kv_committer_figures_of(&committer).lag_ms, 0);
  put_now(overlay, "k", "w"); /* and again */
  run();
  expect(disk, "k", "w");
}
END_TEST

START_TEST(what_is_large_enough_is_written_however_young) {
  static char value[70001];
  start(an_hour);
  memset(value, 'v', sizeof value - 1);
  put_now(overlay, "k", value);
  run();
  expect(disk, "k", value);
}
END_TEST

START_TEST(a_failure_that_may_pass_is_tried_again) {
  start(1);
  put_now(overlay, "k", "v");
  faults.fail_code = KV_ENOMEM;
  faults.fail_at = 1;
  run();
  expect(disk, "k", "v");
  ck_assert_uint_gt(faults.operations, faults.fail_at);
}
END_TEST

START_TEST(what_is_left_is_written_at_the_end) {
  start(an_hour);
  put_now(overlay, "k", "v");
  kv_committer_check(&committer);
  kv_committer_close(&committer);
  expect(disk, "k", "v");
}
END_TEST

int main(void) {
  const TTest *const tests[] = {
      what_is_old_enough_is_written, what_is_large_enough_is_written_however_young,
      a_failure_that_may_pass_is_tried_again, what_is_left_is_written_at_the_end};
  return run_suite("committer", tests, sizeof tests / sizeof *tests, setup, teardown);
}
