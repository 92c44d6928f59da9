/* cluster.c - a run: the queue of events, and who gets them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cluster.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *ss_counter_name(ss_counter counter) {
  static const char *const names[SS_COUNTERS] = {
      [SS_MILLISECONDS] = "milliseconds",
      [SS_STEPS] = "events",
      [SS_OPERATIONS] = "operations answered",
      [SS_REFUSED] = "  certainly not done",
      [SS_UNKNOWN] = "  of unknown outcome",
      [SS_KEYS] = "keys with a proven history",
      [SS_UNPROVEN] = "  too hard to judge",
      [SS_LEADERS] = "leaders seen",
      [SS_ENTRIES] = "apply tasks",
      [SS_SPLITS] = "splits",
      [SS_CHANGES] = "changes of membership",
      [SS_SNAPSHOTS] = "snapshots installed",
      [SS_STARTS] = "starts of stores",
      [SS_CRASHES] = "power losses",
      [SS_GENERATIONS] = "overlays written below",
      [SS_TORN] = "  leaving a part",
      [SS_CUT_SHORT] = "  in the middle of things",
      [SS_PARTITIONS] = "cuts of the network",
      [SS_LOST] = "frames lost",
      [SS_DUPLICATED] = "frames doubled",
      [SS_OVERTAKEN] = "frames out of order",
      [SS_BROKEN] = "connections broken",
      [SS_PAUSES] = "pauses",
      [SS_FULL_DISKS] = "full disks",
      [SS_FULL_MAPS] = "full maps",
      [SS_SLOW_WRITES] = "slow writes",
      [SS_BAD_CHUNKS] = "snapshot chunks lost or damaged",
      [SS_REPLACED] = "stores replaced by empty ones",
      [SS_SCHEDULER_DOWN] = "times without a scheduler",
  };
  return names[counter];
}

/* ---- words ---- */

void ss_violation(ss_world *world, const char *format, ...) {
  va_list args;
  if (world->violated) {
    return;
  }
  world->violated = true;
  va_start(args, format);
  (void)vsnprintf(world->what, sizeof world->what, format, args);
  va_end(args);
  ss_tell(world, 0, "VIOLATION: %s", world->what);
}

void ss_tell(ss_world *world, unsigned store, const char *format, ...) {
  char text[SIM_LINE];
  if (!sim_trace_is_told(&world->trace)) {
    return;
  }
  va_list args;
  va_start(args, format);
  (void)vsnprintf(text, sizeof text, format, args);
  va_end(args);
  world->trace.now = world->now;
  sim_trace_tell(&world->trace, store, "%s", text);
}

/* ---- time ---- */

void ss_plan(ss_world *world, uint64_t delay, ss_event_kind kind, unsigned target, uint64_t number,
             void *data) {
  sim_queue_push(&world->queue, (sim_event){.at = world->now + delay,
                                            .kind = (uint32_t)kind,
                                            .target = target,
                                            .number = number,
                                            .data = data});
}

/* Twice a second: no answer is overdue; who leads? */
static void inspect(ss_world *world) {
  ss_check_calls(world);
  for (size_t i = 0; i < world->check.region_count; i++) {
    uint64_t term = 0;
    (void)ss_leader(world, world->check.regions[i].region.id, &term);
    world->counts[SS_LEADERS] += term > world->check.regions[i].term;
    world->check.regions[i].term =
        term > world->check.regions[i].term ? term : world->check.regions[i].term;
  }
  ss_plan(world, SS_SECOND / 2, SS_INSPECT, 0, 0, NULL);
}

static void handle(ss_world *world, const sim_event *event) {
  switch ((ss_event_kind)event->kind) {
  case SS_TICK:
  case SS_FLUSH:
  case SS_LOG:
  case SS_DURABLE:
  case SS_APPLY:
  case SS_READ:
  case SS_JOB:
  case SS_START: ss_store_event(&world->stores[event->target], event); break;
  case SS_FRAME: ss_frame_event(world, (unsigned)event->number, event->target); break;
  case SS_BREAK: ss_break_event(world, (unsigned)event->number, event->target); break;
  case SS_ANSWER: ss_answer_event(event->data); break;
  case SS_CLIENT:
    if (world->client_event != NULL) {
      world->client_event(world, (unsigned)event->number);
    }
    break;
  case SS_ADMIN: ss_admin_event(world); break;
  case SS_NEMESIS:
  case SS_HEAL: ss_nemesis_event(world, event); break;
  case SS_INSPECT: inspect(world); break;
  case SS_TO_SCHEDULER: ss_request_event(world, event); break;
  case SS_FROM_SCHEDULER: ss_response_event(world, event); break;
  case SS_SCHEDULER_TICK: ss_scheduler_tick(world); break;
  case SS_SCHEDULER_START: ss_scheduler_start(world); break;
  }
}

/* False: nothing more happens until then. */
static bool step(ss_world *world, uint64_t end) {
  sim_event event;
  if (world->violated || world->queue.count == 0 || world->queue.heap[0].at > end) {
    return false;
  }
  (void)sim_queue_pop(&world->queue, &event);
  world->now = event.at;
  world->steps++;
  sim_trace_mix(&world->trace,
                event.at ^ (uint64_t)event.kind << 56 ^ (uint64_t)event.target << 48);
  handle(world, &event);
  return true;
}

bool ss_run(ss_world *world, uint64_t microseconds) {
  uint64_t end = world->now + microseconds;
  while (step(world, end)) {
  }
  world->now = world->violated ? world->now : end;
  return !world->violated;
}

bool ss_run_until(ss_world *world, bool (*condition)(ss_world *world, void *arg), void *arg,
                  uint64_t limit) {
  enum { LOOK = 10 * SS_MS, RARER = 50 };
  uint64_t begin = world->now, end = world->now + limit;
  while (!world->violated && world->now < end) {
    if (condition(world, arg)) {
      return true;
    }
    (void)ss_run(world, LOOK + (world->now - begin) / RARER);
  }
  return !world->violated && condition(world, arg);
}

/* ---- the world ---- */

static void make_scratch(ss_world *world) {
  const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
  (void)snprintf(world->scratch, sizeof world->scratch, "%s/store-sim.XXXXXX", base);
  if (mkdtemp(world->scratch) == NULL) {
    (void)fprintf(stderr, "store-sim: %s cannot be made\n", world->scratch);
    abort();
  }
}

void ss_open(ss_world *world, const ss_options *options, sim_listener listener, void *ctx) {
  memset(world, 0, sizeof *world);
  world->options = *options;
  sim_random_seed(&world->random, options->seed);
  sim_trace_init(&world->trace, listener, ctx);
  sim_network_faults faults = {.drop = options->drop,
                               .duplicate = options->duplicate,
                               .slow = options->slow,
                               .delay_least = options->delay_least,
                               .delay_most = options->delay_most,
                               .slow_most = options->slow_most};
  sim_network_init(&world->network, &world->random, &faults);
  make_scratch(world);
  ss_scheduler_open(world);
  for (unsigned i = 0; i < options->stores; i++) {
    (void)ss_add_store(world, options->scheduler || i >= options->members);
  }
  for (unsigned i = 1; i <= options->stores; i++) {
    ss_start(&world->stores[i]);
  }
  inspect(world);
}

static void count(ss_world *world) {
  uint64_t *counts = world->counts;
  counts[SS_MILLISECONDS] = world->now / 1000;
  counts[SS_STEPS] = world->steps;
  counts[SS_LOST] += world->network.counts.dropped + world->network.counts.cut;
  counts[SS_DUPLICATED] += world->network.counts.duplicated;
  for (unsigned i = 1; i <= world->store_count; i++) {
    counts[SS_SLOW_WRITES] += world->stores[i].disk.counts.slowed;
    counts[SS_TORN] += world->stores[i].disk.counts.torn;
  }
}

void ss_close(ss_world *world) {
  count(world);
  world->violated = true; /* nothing that happens now counts */
  for (unsigned i = 1; i <= world->store_count; i++) {
    ss_store_free(&world->stores[i]);
  }
  if (world->clients_free != NULL) {
    world->clients_free(world);
  }
  for (size_t i = 0; i < world->queue.count; i++) {
    const sim_event *event = &world->queue.heap[i];
    if (event->kind == SS_JOB) {
      ss_job_free(event->data);
    } else if (event->kind == SS_TO_SCHEDULER || event->kind == SS_FROM_SCHEDULER) {
      raft_buf_release(event->data);
    }
  }
  ss_scheduler_free(world);
  ss_calls_free(world);
  ss_links_free(world);
  ss_check_free(&world->check);
  sim_queue_close(&world->queue);
  (void)rmdir(world->scratch);
}
