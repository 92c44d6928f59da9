/* store.c - a store's life: started, turned, ticked, paused, crashed.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cluster.h"
#include "snapshot/snapshot_dir.h"

enum { CLUSTER = 7 };

unsigned ss_add_store(ss_world *world, bool joins) {
  unsigned id = ++world->store_count;
  ss_store *store = &world->stores[id];
  *store = (ss_store){.world = world, .id = id, .joins = joins};
  (void)snprintf(store->address, sizeof store->address, "store-%u:1", id);
  store->kv_id = world->options.scheduler ? 0 : id;
  sim_disk_init(&store->disk, &world->random, &world->options.disk);
  ss_model_init(&store->model);
  return id;
}

/* ---- its clock ---- */

uint64_t ss_clock(const ss_store *store) {
  uint64_t passed = store->world->now - store->started;
  return (store->clock_base + passed / 1000 * store->clock_rate / 1000) / 1000;
}

static void start_clock(ss_store *store) {
  ss_world *world = store->world;
  uint64_t drift = world->options.drift;
  store->started = world->now;
  store->clock_base = ss_below(world, UINT64_C(1) << 40);
  store->clock_rate = SS_SECOND - drift + ss_below(world, 2 * drift + 1);
}

static void plan_tick(ss_store *store) {
  uint64_t period = (uint64_t)store->world->options.tick_ms * 1000;
  uint64_t delay = period * SS_SECOND / store->clock_rate;
  ss_plan(store->world, delay, SS_TICK, store->id, store->generation, NULL);
}

/* ---- starting ---- */

static int open_store(ss_store *store, kv_error *error) {
  ss_world *world = store->world;
  const ss_options *options = &world->options;
  kv_member members[SS_STORES];
  kv_store_config config;
  kv_devices devices = ss_devices(store);
  for (unsigned i = 0; i < options->members; i++) {
    members[i] = (kv_member){world->stores[i + 1].id, world->stores[i + 1].address};
  }
  kv_store_config_init(&config);
  config.store_id = store->kv_id;
  config.cluster_id = CLUSTER;
  config.address = store->address;
  config.seed = options->seed + store->generation;
  config.members = store->joins ? NULL : members;
  config.member_count = store->joins ? 0 : options->members;
  config.tick_ms = options->tick_ms;
  config.election_ticks = options->election_ticks;
  config.hibernate_ms = options->hibernate_ms;
  config.max_batch_bytes = options->max_batch_bytes;
  config.max_inflight_bytes = options->max_inflight_bytes;
  config.log_gc_entries = options->log_gc_entries;
  config.log_gc_bytes = 0;
  config.region_max_bytes = options->region_max_bytes;
  config.region_split_bytes = options->region_split_bytes > 0 ? options->region_split_bytes : 1;
  return kv_store_open(&config, &devices, store->engine, &store->store, error);
}

/* ---- joining ---- */

static int begin_join(ss_store *store, kv_error *error) {
  kv_scheduler_device *device = &store->join_device;
  *device = ss_scheduler_device(store);
  store->join_config = (kv_join_config){.address = store->address,
                                        .data_id = 1 + ss_below(store->world, UINT32_MAX)};
  return kv_join_open(&store->join_config, store->engine, device, &store->join, error);
}

static void leave_join(ss_store *store) {
  kv_join_close(store->join);
  store->join = NULL;
}

/* No room for the record of a start: whoever runs the store tries again. */
static void start_later(ss_store *store) {
  ss_world *world = store->world;
  ss_tell(world, store->id, "has no room to start");
  leave_join(store);
  store->generation++;
  ss_devices_crash(store);
  ss_engine_close(store);
  ss_plan(world, SS_SECOND / 2, SS_START, store->id, store->generation, NULL);
}

/* Ticks until there is an id; then the store begins its life. */
static void continue_join(ss_store *store) {
  kv_error error = {0};
  kv_store_ident ident;
  kv_join_tick(store->join);
  kv_join_state state = kv_join_look(store->join, &ident, &error);
  if (state == KV_JOIN_DONE) {
    leave_join(store);
    store->kv_id = ident.store_id;
    ss_tell(store->world, store->id, "is store %llu of the cluster",
            (unsigned long long)ident.store_id);
    int rc = open_store(store, &error);
    if (rc == KV_EFULL) {
      start_later(store);
    } else if (rc != KV_OK) {
      ss_violation(store->world, "s%u cannot be opened: %s", store->id, error.text);
    }
    ss_touch(store);
  } else if (state == KV_JOIN_FAILED && error.code == KV_EFULL) {
    start_later(store);
  } else if (state == KV_JOIN_FAILED) {
    ss_violation(store->world, "s%u cannot join: %s", store->id, error.text);
  }
}

ss_store *ss_by_kv_id(ss_world *world, uint64_t kv_id) {
  for (unsigned i = 1; i <= world->store_count; i++) {
    if (world->stores[i].kv_id == kv_id) {
      return &world->stores[i];
    }
  }
  return NULL;
}

void ss_start(ss_store *store) {
  ss_world *world = store->world;
  kv_error error = {0};
  if (world->violated || store->gone || ss_is_up(store) || store->join != NULL) {
    return;
  }
  store->generation++;
  store->fused = store->burnt = false;
  ss_model_power_on(&store->model);
  start_clock(store);
  int rc = ss_engine_open(store, &error);
  rc = rc == KV_OK ? ss_jobs_recover(store, &error) : rc;
  rc = rc == KV_OK ? ss_engine_cover(store, &error) : rc;
  if (rc == KV_OK) {
    rc = world->options.scheduler ? begin_join(store, &error) : open_store(store, &error);
  }
  if (rc == KV_EFULL) {
    start_later(store);
    return;
  }
  if (rc != KV_OK) {
    ss_violation(world, "s%u cannot be started: %s", store->id, error.text);
    return;
  }
  world->counts[SS_STARTS]++;
  ss_tell(world, store->id, "starts");
  ss_plan(world, ss_below(world, (uint64_t)world->options.tick_ms * 1000), SS_TICK, store->id,
          store->generation, NULL);
  ss_touch(store);
}

/* ---- dying ---- */

static void keep_what_was_written(ss_store *store) {
  uint64_t token = 0;
  size_t pending = store->burnt ? store->log_limit : store->log.write_count;
  for (size_t left = sim_disk_crash(&store->disk, pending); left > 0; left--) {
    (void)world_log_sync(&store->log, &token);
  }
}

void ss_crash(ss_store *store, uint64_t down) {
  ss_world *world = store->world;
  if (!ss_is_up(store) && store->join == NULL) {
    return;
  }
  leave_join(store);
  ss_tell(world, store->id, "loses power");
  world->counts[SS_CRASHES]++;
  keep_what_was_written(store);
  store->closing = true;
  kv_store_close(store->store);
  store->store = NULL;
  store->closing = false;
  ss_calls_crash(store);
  store->generation++;
  store->flush_planned = false;
  store->paused_until = 0;
  ss_devices_crash(store);
  if (ss_engine_sequence(store) > 0) {
    ss_check_rewind(&world->check, store->id);
  }
  ss_engine_close(store);
  ss_links_crash(world, store->id);
  if (down != UINT64_MAX) {
    ss_plan(world, down, SS_START, store->id, store->generation, NULL);
  }
}

bool ss_may_crash(ss_store *store) {
  ss_world *world = store->world;
  if (!ss_fault(world, world->options.crash_between)) {
    return false;
  }
  world->counts[SS_CUT_SHORT]++;
  ss_crash(store, 1 + ss_below(world, world->options.down_most));
  return true;
}

void ss_pause(ss_store *store, uint64_t microseconds) {
  if (ss_is_up(store)) {
    ss_tell(store->world, store->id, "stands still for %llu ms",
            (unsigned long long)microseconds / 1000);
    store->world->counts[SS_PAUSES]++;
    store->paused_until = store->world->now + microseconds;
  }
}

bool ss_spend(ss_store *store) {
  if (store->fused && !store->burnt) {
    store->burnt = store->fuse == 0;
    store->fuse -= !store->burnt;
    store->log_limit = store->log.write_count;
  }
  return !store->burnt;
}

/* ---- turning ---- */

void ss_touch(ss_store *store) {
  if (!store->flush_planned && ss_is_up(store)) {
    store->flush_planned = true;
    ss_plan(store->world, ss_below(store->world, store->world->options.flush_most + 1), SS_FLUSH,
            store->id, store->generation, NULL);
  }
}

static void light_fuse(ss_store *store) {
  enum { CALLS = 8 };
  store->fused = ss_fault(store->world, store->world->options.crash_between);
  store->fuse = store->fused ? (unsigned)ss_below(store->world, CALLS) : 0;
}

static void flush(ss_store *store) {
  kv_error error = {0};
  ss_world *world = store->world;
  store->flush_planned = false;
  light_fuse(store);
  kv_store_flush(store->store);
  if (store->burnt) {
    world->counts[SS_CUT_SHORT]++;
    ss_tell(world, store->id, "is cut off in the middle of a turn");
    ss_crash(store, 1 + ss_below(world, world->options.down_most));
    store->burnt = store->fused = false;
    return;
  }
  store->fused = false;
  if (kv_store_health(store->store, &error) != KV_OK) {
    ss_violation(world, "s%u gives up: %s", store->id, error.text);
  } else if (kv_store_has_work(store->store)) {
    ss_touch(store);
  }
}

static void tick(ss_store *store) {
  kv_store_tick(store->store);
  ss_touch(store);
  plan_tick(store);
}

void ss_store_event(ss_store *store, const sim_event *event) {
  ss_world *world = store->world;
  ss_event_kind kind = (ss_event_kind)event->kind;
  if (event->kind == SS_JOB) {
    ss_job_event(store, event->data);
    return;
  }
  if (event->number != store->generation) {
    return;
  }
  if (kind == SS_START) {
    ss_start(store);
    return;
  }
  if (store->join != NULL && kind == SS_TICK) {
    continue_join(store);
    plan_tick(store);
    return;
  }
  if (!ss_is_up(store)) {
    return;
  }
  if (store->paused_until > world->now) {
    ss_plan(world, store->paused_until - world->now, kind, store->id, event->number, NULL);
    return;
  }
  switch (kind) {
  case SS_TICK: tick(store); break;
  case SS_FLUSH: flush(store); break;
  case SS_LOG: ss_log_event(store); break;
  case SS_APPLY: ss_apply_event(store); break;
  case SS_DURABLE: ss_durable_event(store); break;
  case SS_READ: ss_read_event(store); break;
  case SS_FRAME:
  case SS_BREAK:
  case SS_JOB:
  case SS_ANSWER:
  case SS_START:
  case SS_CLIENT:
  case SS_ADMIN:
  case SS_NEMESIS:
  case SS_HEAL:
  case SS_INSPECT:
  case SS_TO_SCHEDULER:
  case SS_FROM_SCHEDULER:
  case SS_SCHEDULER_TICK:
  case SS_SCHEDULER_START: break;
  }
}

void ss_store_free(ss_store *store) {
  if (ss_is_up(store)) {
    store->closing = true;
    kv_store_close(store->store);
    store->store = NULL;
  }
  leave_join(store);
  ss_devices_crash(store);
  ss_engine_free(store);
  if (store->has_directory) {
    kv_error error;
    (void)kv_snapshot_collect(store->directory, NULL, 0, &error);
    (void)rmdir(store->directory);
  }
  world_log_free(&store->log);
}
