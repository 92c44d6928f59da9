/* store_world.c - a cluster of raftstore cores in one thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "store_world.h"

#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "engine/overlay.h"
#include "raftstore/apply.h"
#include "raftstore/read.h"
#include "store_world_devices.h"

uint64_t world_random(world *w, uint64_t below) {
  w->random += UINT64_C(0x9e3779b97f4a7c15);
  uint64_t z = w->random;
  z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
  return (z ^ z >> 31) % below;
}

world_store *world_at(world *w, uint64_t store_id) {
  ck_assert_uint_ge(store_id, 1);
  ck_assert_uint_le(store_id, w->store_count);
  return &w->stores[store_id - 1];
}

/* ---- stores ---- */

static uint64_t add(world *w, bool joins) {
  ck_assert_uint_lt(w->store_count, WORLD_STORES);
  world_store *s = &w->stores[w->store_count++];
  *s = (world_store){.world = w, .id = w->store_count, .joins = joins};
  (void)snprintf(s->address, sizeof s->address, "store-%llu:1", (unsigned long long)s->id);
  memory_engine_init(&s->engine);
  fault_engine_init(&s->below, &s->engine.base);
  return s->id;
}

void world_open(world *w, uint64_t seed, size_t member_count) {
  *w = (world){.random = seed, .member_count = member_count};
  w->verbose = getenv("WORLD_VERBOSE") != NULL;
  kv_store_config_init(&w->config);
  w->config.cluster_id = 7;
  w->config.seed = seed;
  w->config.tick_ms = WORLD_TICK_MS;
  for (size_t i = 0; i < member_count; i++) {
    (void)add(w, false);
  }
}

uint64_t world_add_store(world *w) {
  return add(w, true);
}

int world_try_start(world *w, uint64_t store_id, uint64_t as_id, kv_error *error) {
  world_store *s = world_at(w, store_id);
  kv_member members[WORLD_STORES];
  kv_store_config config = w->config;
  kv_devices devices = world_devices(s);
  for (size_t i = 0; i < w->member_count; i++) {
    members[i] = (kv_member){w->stores[i].id, w->stores[i].address};
  }
  s->engine.fail_commits = 0;
  config.store_id = as_id;
  config.address = s->address;
  config.members = s->joins ? NULL : members;
  config.member_count = s->joins ? 0 : w->member_count;
  s->next_tick = w->now + world_random(w, WORLD_TICK_MS);
  if (w->overlay) {
    ck_assert_int_eq(kv_overlay_open(&s->below.base, WORLD_GENERATION, &s->overlay, error), KV_OK);
  }
  int rc = kv_store_open(&config, &devices, world_engine(s), &s->store, error);
  if (rc != KV_OK) {
    world_drop_overlay(s);
  }
  return rc;
}

void world_start(world *w, uint64_t store_id) {
  kv_error error = {0};
  int rc = world_try_start(w, store_id, store_id, &error);
  ck_assert_msg(rc == KV_OK, "store %d: %s", (int)store_id, error.text);
}

void world_crash(world *w, uint64_t store_id) {
  world_store *s = world_at(w, store_id);
  kv_store_close(s->store);
  s->store = NULL;
  world_devices_crash(s);
  for (size_t i = w->frame_count; i > 0;
       i--) { /* some were on their way, some were in its buffers */
    const world_frame *frame = &w->frames[i - 1];
    if ((frame->from == store_id || frame->to == store_id) && world_random(w, 2) == 0) {
      world_drop_frame(w, i - 1);
    }
  }
}

void world_close(world *w) {
  for (size_t i = 0; i < w->store_count; i++) {
    world_store *s = &w->stores[i];
    kv_store_close(s->store);
    world_devices_free(s);
    memory_engine_free(&s->engine);
    world_log_free(&s->log);
  }
  while (w->frame_count > 0) {
    world_drop_frame(w, 0);
  }
  free(w->frames);
  free(w->points);
}

void world_isolate(world *w, uint64_t store_id, bool isolated) {
  for (size_t i = 1; i <= WORLD_STORES; i++) {
    w->blocked[i][store_id] = w->blocked[store_id][i] = isolated;
  }
}

void world_heal(world *w) {
  memset(w->blocked, 0, sizeof w->blocked);
  memset(w->frozen, 0, sizeof w->frozen);
  w->drop_percent = w->repeat_percent = 0;
}

/* ---- time ---- */

static void flush(world_store *s) {
  kv_error error;
  if (s->store != NULL) {
    kv_store_flush(s->store);
    ck_assert_msg(kv_store_health(s->store, &error) == KV_OK, "%s", error.text);
  }
}

static void tick_if_due(world_store *s) {
  if (s->store != NULL && s->next_tick <= s->world->now) {
    s->next_tick += WORLD_TICK_MS;
    kv_store_tick(s->store);
  }
}

/* Everything that can happen now, until nothing does. */
static void settle(world *w) {
  bool moved = true;
  for (int i = 0; moved && i < 10000; i++) {
    moved = false;
    for (size_t j = 0; j < w->store_count; j++) {
      world_store *s = &w->stores[j];
      if (s->store != NULL) {
        flush(s);
        moved = world_devices_work(s) || moved;
        moved = moved || kv_store_has_work(s->store);
      }
    }
    moved = world_deliver(w, 0) || moved;
    moved = (w->scheduler.work != NULL && w->scheduler.work(w->scheduler.ctx)) || moved;
  }
}

void world_run(world *w, uint64_t ms) {
  enum { STEP = 10 };
  for (uint64_t passed = 0; passed < ms; passed += STEP) {
    w->now += STEP;
    for (size_t i = 0; i < w->store_count; i++) {
      tick_if_due(&w->stores[i]);
    }
    settle(w);
  }
}

void world_random_step(world *w) {
  world_store *s = &w->stores[world_random(w, w->store_count)];
  uint64_t choice = world_random(w, 100);
  if (choice < 35) {
    if (w->frame_count > 0) {
      (void)world_deliver(w, world_random(w, w->frame_count));
    }
  } else if (s->store == NULL) {
    w->now += world_random(w, 3);
  } else if (choice < 65) {
    (void)world_devices_step(s);
  } else if (choice < 90) {
    flush(s);
  } else {
    w->now += world_random(w, w->pace > 0 ? w->pace : 10);
    tick_if_due(s);
  }
}

/* ---- looking ---- */

/* The number behind a name in a status map. */
static bool find_number(const kv_reply *reply, const char *name, uint64_t *value) {
  char pattern[64];
  int len = snprintf(pattern, sizeof pattern, "$%zu\r\n%s\r\n:", strlen(name), name);
  const char *at = memmem(reply->data, reply->len, pattern, (size_t)len);
  if (at == NULL) {
    return false;
  }
  *value = strtoull(at + len, NULL, 10);
  return true;
}

uint64_t world_number(world *w, uint64_t store_id, const char *name) {
  kv_reply reply = {0};
  uint64_t value = 0;
  kv_store_status(world_at(w, store_id)->store, &reply);
  ck_assert(!reply.failed);
  (void)find_number(&reply, name, &value);
  kv_reply_free(&reply);
  return value;
}

/* A region's map ends where the next one begins: its number is the first in it. */
uint64_t world_region_number(world *w, uint64_t store_id, uint64_t region_id, const char *name) {
  kv_reply reply = {0};
  char head[64];
  uint64_t value = 0;
  int len = snprintf(head, sizeof head, "$6\r\nregion\r\n:%llu\r\n", (unsigned long long)region_id);
  if (world_at(w, store_id)->store == NULL) {
    return 0;
  }
  kv_store_status(world_at(w, store_id)->store, &reply);
  ck_assert(!reply.failed);
  char *at = memmem(reply.data, reply.len, head, (size_t)len);
  if (at != NULL) {
    kv_reply rest = {.data = at, .len = reply.len - (size_t)(at - reply.data)};
    (void)find_number(&rest, name, &value);
  }
  kv_reply_free(&reply);
  return value;
}

uint64_t world_region_leader(world *w, uint64_t region_id) {
  uint64_t leader = 0, term = 0;
  for (uint64_t id = 1; id <= w->store_count; id++) {
    bool leads = world_region_number(w, id, region_id, "leader_store") == id;
    uint64_t own = world_region_number(w, id, region_id, "term");
    if (leads && own > term) {
      leader = id;
      term = own;
    }
  }
  return leader;
}

uint64_t world_applied(world *w, uint64_t store_id) {
  return world_number(w, store_id, "applied");
}

uint64_t world_leader(world *w) {
  uint64_t votes[WORLD_STORES + 1] = {0};
  uint64_t up = 0;
  for (size_t i = 0; i < w->store_count; i++) {
    if (w->stores[i].store != NULL) {
      kv_store_summary summary;
      kv_store_summarize(w->stores[i].store, &summary);
      votes[summary.leader_store]++;
      up += summary.regions > 0;
    }
  }
  for (uint64_t id = 1; id <= w->store_count; id++) {
    kv_store_summary summary;
    if (votes[id] * 2 > up && world_at(w, id)->store != NULL) {
      kv_store_summarize(world_at(w, id)->store, &summary);
      if (summary.leaders > 0) {
        return id;
      }
    }
  }
  return 0;
}

uint64_t world_wait_leader(world *w, uint64_t other_than) {
  for (int i = 0; i < 1200; i++) {
    uint64_t leader = world_leader(w);
    if (leader != 0 && leader != other_than) {
      return leader;
    }
    world_run(w, 50);
  }
  ck_abort_msg("no leader");
}

void world_wait(world *w, world_call *call) {
  for (int i = 0; i < 6000 && call->answers == 0; i++) {
    world_run(w, 10);
  }
  ck_assert_int_eq(call->answers, 1);
}

/* ---- commands ---- */

void world_answered(void *ctx, const void *reply, size_t len) {
  world_call *call = ctx;
  call->answers++;
  ck_assert_int_eq(call->answers, 1);
  call->len = len < sizeof call->reply - 1 ? len : sizeof call->reply - 1;
  memcpy(call->reply, reply, call->len);
  call->reply[call->len] = '\0';
}

enum { MAX_ARGS = 8 };

static void execute(world *w, uint64_t store_id, world_call *call, uint64_t timeout_ms,
                    kv_command command, va_list list) {
  raft_slice args[MAX_ARGS];
  const char *arg, *why = NULL;
  command.args = args;
  while (command.arg_count < MAX_ARGS && (arg = va_arg(list, const char *)) != NULL) {
    args[command.arg_count++] = (raft_slice){arg, strlen(arg)};
  }
  ck_assert_msg(kv_command_check(&command, &why) == KV_OK, "%s", why);
  *call = (world_call){0};
  kv_store_execute(world_at(w, store_id)->store, &command, timeout_ms, world_answered, call);
}

void world_execute(world *w, uint64_t store_id, world_call *call, uint64_t timeout_ms, kv_op op,
                   int64_t number, ...) {
  va_list list;
  va_start(list, number);
  execute(w, store_id, call, timeout_ms, (kv_command){.op = op, .number = number}, list);
  va_end(list);
}

const char *world_do(world *w, uint64_t store_id, world_call *call, kv_op op, int64_t number, ...) {
  va_list list;
  va_start(list, number);
  execute(w, store_id, call, 0, (kv_command){.op = op, .number = number}, list);
  va_end(list);
  world_wait(w, call);
  return call->reply;
}

void world_check_equal(world *w, const uint64_t *ids, size_t count) {
  bool equal = false;
  for (int i = 0; i < 600 && !equal; i++) {
    world_run(w, 100);
    equal = true;
    for (size_t j = 1; j < count; j++) {
      equal = equal && world_applied(w, ids[j]) == world_applied(w, ids[0]);
    }
  }
  ck_assert_msg(equal, "the stores do not come to the same applied index");
  for (size_t j = 0; j < count; j++) {
    ck_assert_int_eq(world_flush(w, ids[j]), KV_OK);
  }
  for (size_t j = 0; j < count; j++) {
    ck_assert_uint_eq(world_hash(&world_at(w, ids[j])->engine),
                      world_hash(&world_at(w, ids[0])->engine));
  }
}
