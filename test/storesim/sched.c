/* sched.c - the scheduler of a simulated cluster: the real core, and the ways to it and back.
 *
 * It runs in the world's own time, keeps what it must in a model of its own, and can be away for a
 * while. Requests and responses are lost, late and out of order by chance.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "cluster.h"
#include "scheduler/scheduler.h"

enum { TICK = 100 * SS_MS, CLUSTER = 7 };

struct ss_scheduler {
  ss_model model;
  kv_scheduler *core; /* NULL: down */
};

static uint64_t clock_now(const ss_world *world) {
  return 1000 + world->now / 1000;
}

static void log_line(void *ctx, kv_level level, const char *line) {
  (void)level;
  ss_tell(ctx, 0, "scheduler: %s", line);
}

/* Faster than the real one's defaults: a run lasts seconds. */
static void configure(const ss_world *world, kv_scheduler_config *config) {
  const ss_options *options = &world->options;
  kv_scheduler_config_init(config);
  config->max_replicas = options->replicas;
  config->store_disconnect_ms = 2000;
  config->store_down_ms = options->store_down_ms;
  config->start_wait_ms = 500;
  config->start_wait_percent = 50;
  config->leader_timeout_ms = 2000;
  config->region_timeout_ms = 10000;
  config->region_max_bytes = options->region_max_bytes < 1024 ? 1024 : options->region_max_bytes;
  config->region_min_bytes = 1;
}

static void start(ss_world *world) {
  kv_error error = {0};
  kv_scheduler_options options = {
      .cluster_id = CLUSTER,
      .logger = {log_line, world, sim_trace_is_told(&world->trace) ? KV_INFO : KV_ERROR}};
  configure(world, &options.config);
  ss_model_power_on(&world->scheduler->model);
  if (kv_scheduler_open(&options, &world->scheduler->model.base, clock_now(world),
                        &world->scheduler->core, &error) != KV_OK) {
    ss_violation(world, "the scheduler cannot be started: %s", error.text);
  }
}

void ss_scheduler_open(ss_world *world) {
  if (!world->options.scheduler) {
    return;
  }
  world->scheduler = sim_zeroed(1, sizeof *world->scheduler);
  ss_model_init(&world->scheduler->model);
  start(world);
  ss_plan(world, TICK, SS_SCHEDULER_TICK, 0, 0, NULL);
}

void ss_scheduler_free(ss_world *world) {
  if (world->scheduler != NULL) {
    kv_scheduler_close(world->scheduler->core);
    ss_model_free(&world->scheduler->model);
    free(world->scheduler);
  }
}

void ss_scheduler_stop(ss_world *world, uint64_t down) {
  if (world->scheduler == NULL || world->scheduler->core == NULL) {
    return;
  }
  ss_tell(world, 0, "the scheduler is gone");
  world->counts[SS_SCHEDULER_DOWN]++;
  kv_scheduler_close(world->scheduler->core);
  world->scheduler->core = NULL;
  ss_plan(world, down, SS_SCHEDULER_START, 0, 0, NULL);
}

void ss_scheduler_start(ss_world *world) {
  if (world->scheduler != NULL && world->scheduler->core == NULL) {
    ss_tell(world, 0, "the scheduler is back");
    start(world);
  }
}

void ss_scheduler_tick(ss_world *world) {
  if (world->scheduler->core != NULL) {
    kv_scheduler_tick(world->scheduler->core, clock_now(world));
  }
  ss_plan(world, TICK, SS_SCHEDULER_TICK, 0, 0, NULL);
}

/* ---- the ways ---- */

static uint64_t way(ss_world *world) {
  const ss_options *options = &world->options;
  uint64_t most = ss_fault(world, options->late_advice) ? 5 * SS_SECOND : options->delay_most;
  return 1 + ss_below(world, most);
}

static bool is_lost(ss_world *world, unsigned store) {
  bool lost = sim_network_is_cut(&world->network, 0, store) ||
              sim_network_is_cut(&world->network, store, 0) || ss_fault(world, world->options.drop);
  world->counts[SS_LOST] += lost;
  return lost;
}

static int send(void *ctx, raft_bytes request) {
  ss_store *store = ctx;
  ss_world *world = store->world;
  if (!ss_spend(store)) {
    return KV_OK;
  }
  if (world->scheduler->core == NULL) {
    return KV_ECLOSED;
  }
  if (!is_lost(world, store->id)) {
    ss_plan(world, way(world), SS_TO_SCHEDULER, store->id, store->generation,
            raft_buf_copy(NULL, request.data, request.len));
  }
  return KV_OK;
}

kv_scheduler_device ss_scheduler_device(ss_store *store) {
  return store->world->scheduler == NULL ? (kv_scheduler_device){0}
                                         : (kv_scheduler_device){store, send};
}

void ss_request_event(ss_world *world, const sim_event *event) {
  raft_buf *request = event->data, *answer = NULL;
  raft_bytes frame = {raft_buf_data(request), raft_buf_len(request), request};
  if (world->scheduler->core != NULL) {
    int rc = kv_scheduler_handle_frame(world->scheduler->core, clock_now(world), frame, &answer);
    if (rc != KV_OK) {
      ss_violation(world, "the scheduler does not understand s%u (%d)", event->target, rc);
    } else if (is_lost(world, event->target)) {
      raft_buf_release(answer);
    } else {
      ss_plan(world, way(world), SS_FROM_SCHEDULER, event->target, event->number, answer);
    }
  }
  raft_buf_release(request);
}

void ss_response_event(ss_world *world, const sim_event *event) {
  ss_store *store = &world->stores[event->target];
  raft_buf *response = event->data;
  if (store->generation == event->number && store->paused_until > world->now) {
    ss_plan(world, store->paused_until - world->now, SS_FROM_SCHEDULER, event->target,
            event->number, response);
    return;
  }
  raft_bytes frame = {raft_buf_data(response), raft_buf_len(response), response};
  if (store->generation == event->number) {
    if (store->join != NULL) {
      kv_join_received(store->join, frame);
    } else if (ss_is_up(store)) {
      kv_store_scheduler_received(store->store, frame);
      ss_touch(store);
    }
  }
  raft_buf_release(response);
}
