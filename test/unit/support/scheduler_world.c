/* scheduler_world.c - a store_world with a real scheduler core beside its stores.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "scheduler_world.h"

#include <check.h>
#include <stdlib.h>

#include "raftstore/join.h"

enum { TICK_MS = 100, PATIENCE = 3000 };

/* ---- the scheduler ---- */

void scheduler_world_start(scheduler_world *s) {
  kv_error error = {0};
  const int rc = kv_scheduler_open(&s->options, &s->engine.base, s->w.now, &s->scheduler, &error);
  ck_assert_msg(rc == KV_OK, "%s", error.text);
}

void scheduler_world_stop(scheduler_world *s) {
  kv_scheduler_close(s->scheduler);
  s->scheduler = NULL;
}

static int ask(void *ctx, uint64_t store_id, raft_bytes request) {
  scheduler_world *s = ctx;
  if (s->scheduler == NULL) {
    return KV_EBUSY;
  }
  s->asked = realloc(s->asked, (s->asked_count + 1) * sizeof *s->asked);
  ck_assert_ptr_nonnull(s->asked);
  s->asked[s->asked_count++] =
      (scheduler_question){store_id, raft_buf_copy(NULL, request.data, request.len)};
  return KV_OK;
}

/* NULL: no answer. */
static raft_buf *handle(scheduler_world *s, raft_bytes request) {
  raft_buf *answer = NULL;
  if (s->scheduler != NULL) {
    ck_assert_int_eq(kv_scheduler_handle_frame(s->scheduler, s->w.now, request, &answer), KV_OK);
  }
  return answer;
}

static raft_bytes bytes_of(raft_buf *buf) {
  return (raft_bytes){raft_buf_data(buf), raft_buf_len(buf), buf};
}

static void answer_one(scheduler_world *s, scheduler_question question) {
  raft_buf *answer = handle(s, bytes_of(question.bytes));
  kv_store *store = world_at(&s->w, question.store_id)->store;
  if (answer != NULL && store != NULL) {
    kv_store_scheduler_received(store, bytes_of(answer));
  }
  raft_buf_release(answer);
  raft_buf_release(question.bytes);
}

static bool work(void *ctx) {
  scheduler_world *s = ctx;
  scheduler_question *asked = s->asked;
  const size_t count = s->asked_count;
  s->asked = NULL;
  s->asked_count = 0;
  for (size_t i = 0; i < count; i++) {
    answer_one(s, asked[i]);
  }
  free(asked);
  if (s->scheduler != NULL && s->w.now >= s->next_tick) {
    s->next_tick = s->w.now + TICK_MS;
    kv_scheduler_tick(s->scheduler, s->w.now);
  }
  return count > 0;
}

void scheduler_world_ask(scheduler_world *s, const kv_scheduler_request *request,
                         kv_scheduler_response *response) {
  *response = (kv_scheduler_response){0};
  kv_scheduler_handle(s->scheduler, s->w.now, request, response);
}

/* ---- joining ---- */

typedef struct joiner {
  scheduler_world *s;
  kv_join_config config;
  kv_scheduler_device device;
  kv_join *join;
} joiner;

static int ask_for(void *ctx, raft_bytes request) {
  joiner *one = ctx;
  raft_buf *answer = handle(one->s, request);
  if (answer == NULL) {
    return KV_EBUSY;
  }
  kv_join_received(one->join, bytes_of(answer));
  raft_buf_release(answer);
  return KV_OK;
}

static void begin_joining(scheduler_world *s, joiner *one, uint64_t id) {
  world_store *store = world_at(&s->w, id);
  *one = (joiner){.s = s, .config = {.address = store->address, .data_id = 1000 + id}};
  one->device = (kv_scheduler_device){one, ask_for};
  ck_assert_int_eq(kv_join_open(&one->config, &store->engine.base, &one->device, &one->join, NULL),
                   KV_OK);
}

/* Step by step side by side: all get their ids before there is a region. */
static void join_all(scheduler_world *s, size_t stores) {
  joiner joiners[WORLD_STORES];
  kv_store_ident ident;
  kv_error error;
  for (size_t i = 0; i < stores; i++) {
    begin_joining(s, &joiners[i], i + 1);
  }
  for (int i = 0; i < 60; i++) {
    for (size_t j = 0; j < stores; j++) {
      kv_join_tick(joiners[j].join);
    }
  }
  for (size_t i = 0; i < stores; i++) {
    ck_assert_int_eq(kv_join_look(joiners[i].join, &ident, &error), KV_JOIN_DONE);
    ck_assert_uint_eq(ident.store_id, i + 1);
    ck_assert_uint_eq(ident.cluster_id, s->w.config.cluster_id);
    kv_join_close(joiners[i].join);
  }
}

/* ---- the world ---- */

void scheduler_world_init(scheduler_world *s) {
  *s = (scheduler_world){.options.cluster_id = 7};
  kv_scheduler_config_init(&s->options.config);
  s->options.config.start_wait_ms = 2000;
}

void scheduler_world_open(scheduler_world *s, uint64_t seed, size_t stores) {
  world_open(&s->w, seed, 0);
  s->w.scheduler = (world_scheduler){s, ask, work};
  s->options.logger = (kv_logger){0};
  memory_engine_init(&s->engine);
  scheduler_world_start(s);
  for (size_t i = 0; i < stores; i++) {
    (void)world_add_store(&s->w);
  }
  join_all(s, stores);
}

void scheduler_world_close(scheduler_world *s) {
  world_close(&s->w);
  for (size_t i = 0; i < s->asked_count; i++) {
    raft_buf_release(s->asked[i].bytes);
  }
  free(s->asked);
  kv_scheduler_close(s->scheduler);
  memory_engine_free(&s->engine);
}

/* ---- waiting ---- */

static bool is_complete(const kv_region_report *report, size_t voters) {
  size_t count = 0;
  for (size_t i = 0; i < report->region.peer_count; i++) {
    if (report->region.peers[i].role != KV_PEER_VOTER) {
      return false;
    }
    count++;
  }
  for (size_t i = 0; i < report->trouble_count; i++) {
    if (report->troubles[i].pending) {
      return false;
    }
  }
  return count == voters;
}

static bool all_complete(scheduler_world *s, size_t voters) {
  const kv_scheduler_request request = {.call = KV_CALL_SCAN_REGIONS, .cluster_id = 7};
  kv_scheduler_response response;
  scheduler_world_ask(s, &request, &response);
  bool complete = response.region_count > 0;
  for (size_t i = 0; i < response.region_count; i++) {
    complete = complete && is_complete(&response.regions[i], voters);
  }
  kv_scheduler_response_clear(&response);
  return complete;
}

void scheduler_world_wait_replicas(scheduler_world *s, size_t voters) {
  for (int i = 0; i < PATIENCE && !all_complete(s, voters); i++) {
    world_run(&s->w, 100);
  }
  ck_assert(all_complete(s, voters));
}

void scheduler_world_wait_empty(scheduler_world *s, uint64_t store_id) {
  const kv_store *store = world_at(&s->w, store_id)->store;
  for (int i = 0; i < PATIENCE && store->peer_count > 0; i++) {
    world_run(&s->w, 100);
  }
  ck_assert_uint_eq(store->peer_count, 0);
}
