/* matrix.c - the rows of the matrix: three rounds of clients under what a row asks for.
 *
 * A round: clients run for five seconds while the network loses frames or is parted again and
 * again, and members come and go; then all is healed, all stores lose power if the row says so,
 * each client finds exactly what it put, and deletes it. Logs that are to be cut are short
 * afterwards.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "appender.h"
#include "raftstore/region_state.h"
#include "scenario.h"

enum {
  ROUNDS = 3,
  ROUND = 5 * SS_SECOND,
  ELECTION = 500 * SS_MS,
  UNRELIABLE = SIM_CERTAIN / 10,
  CLIENTS = 20,
  MANY = 10,
  PATIENCE = 60 * SS_SECOND
};

typedef struct matrix {
  ss_appender appenders[CLIENTS];
  unsigned count;
} matrix;

void ss_matrix_prepare(const ss_scenario *scenario, ss_options *options, uint64_t seed) {
  ss_options_init(options, seed);
  options->log_gc_entries = scenario->row.max_log;
  options->engine = seed % 2 == 0 ? SS_OVERLAY : SS_MODEL;
  options->crash_between = scenario->row.crash ? 20 : 0;
  bool many = scenario->row.clients > MANY;
  options->think_most *= many ? 4 : 1; /* more at once, not more: faults count, by the request */
  if (scenario->row.split) {
    options->scheduler = true;
    options->replicas = scenario->row.changes ? 3 : 5;
    options->region_max_bytes = many ? 1000 : 600;
    options->region_split_bytes = many ? 650 : 400;
    options->hibernate_ms = seed % 3 == 0 ? 0 : 500;
  }
}

/* ---- chaos ---- */

static void part_randomly(ss_world *world) {
  uint32_t set = (uint32_t)ss_below(world, UINT32_C(2) << world->store_count);
  ss_heal(world);
  ss_split(world, set);
}

static void change_members(ss_world *world) {
  ss_store *by = &world->stores[1 + ss_below(world, world->store_count)];
  unsigned whom = 1 + (unsigned)ss_below(world, world->store_count);
  if (!ss_is_up(by) || world->check.region_count == 0) {
    return;
  }
  const kv_region *region =
      &world->check.regions[ss_below(world, world->check.region_count)].region;
  bool member = kv_region_find_store(region, world->stores[whom].kv_id) != NULL;
  if (member && region->peer_count < 2) {
    return;
  }
  ss_tell(world, 0, "s%u is asked to %s the replica of region %llu on s%u", by->id,
          member ? "remove" : "add", (unsigned long long)region->id, whom);
  ss_call *call = ss_administrate(by, member ? SS_REMOVE_PEER : SS_ADD_PEER, region->id, whom, 1000,
                                  NULL, NULL);
  (void)call; /* the world looks after it */
}

static void chaos(const ss_row *row, ss_world *world) {
  uint64_t end = world->now + ROUND, next_part = world->now + 300 * SS_MS,
           next_change = world->now + 100 * SS_MS;
  world->options.drop = row->unreliable ? UNRELIABLE : 0;
  while (!world->violated && world->now < end) {
    if (row->partitions && world->now >= next_part) {
      part_randomly(world);
      next_part = world->now + ELECTION + ss_below(world, 200 * SS_MS);
    }
    if (row->changes && world->now >= next_change) {
      change_members(world);
      next_change = world->now + 100 * SS_MS + ss_below(world, 200 * SS_MS);
    }
    (void)ss_run(world, 20 * SS_MS);
  }
  world->options.drop = 0;
  ss_heal(world);
}

static void crash_all(ss_world *world) {
  for (unsigned i = 1; i <= world->store_count; i++) {
    ss_crash(&world->stores[i], UINT64_MAX);
  }
  (void)ss_run(world, ELECTION);
  for (unsigned i = 1; i <= world->store_count; i++) {
    ss_start(&world->stores[i]);
  }
}

/* ---- clients ---- */

static void client_event(ss_world *world, unsigned client) {
  ss_appender_event(&((matrix *)world->clients)->appenders[client]);
}

static void free_clients(ss_world *world) {
  free(world->clients);
}

static bool all_idle(ss_world *world, void *arg) {
  const matrix *m = arg;
  (void)world;
  for (unsigned i = 0; i < m->count; i++) {
    if (!ss_appender_is_idle(&m->appenders[i])) {
      return false;
    }
  }
  return true;
}

static void wait_for_clients(ss_world *world, matrix *m) {
  if (ss_run_until(world, all_idle, m, PATIENCE)) {
    return;
  }
  for (unsigned i = 0; i < m->count; i++) {
    const ss_appender *appender = &m->appenders[i];
    if (!ss_appender_is_idle(appender)) {
      ss_violation(world,
                   "the cluster does not serve client %u within a minute of quiet: state %d, key "
                   "%llu, cursor %s, %s",
                   i, (int)appender->state, (unsigned long long)appender->next, appender->cursor,
                   appender->refusal);
    }
  }
}

static void start_clients(matrix *m) {
  for (unsigned i = 0; i < m->count; i++) {
    ss_appender_start(&m->appenders[i]);
  }
}

static void stop_clients(ss_world *world, matrix *m) {
  for (unsigned i = 0; i < m->count; i++) {
    m->appenders[i].stopping = true;
  }
  wait_for_clients(world, m);
}

static void verify(ss_world *world, matrix *m) {
  for (unsigned i = 0; i < m->count; i++) {
    ss_appender_verify(&m->appenders[i]);
  }
  wait_for_clients(world, m);
  for (unsigned i = 0; i < m->count && !world->violated; i++) {
    ss_appender_delete_all(&m->appenders[i]);
  }
  wait_for_clients(world, m);
}

/* ---- the log ---- */

/* A leader cuts by the length of its own log. Where it came by a snapshot, that is shorter than
 * what others have kept from before. */
static uint64_t limit_of(const ss_store *store, uint64_t region_id, uint64_t most) {
  return most * (ss_leader(store->world, region_id, NULL) == store->id ? 2 : 3);
}

static void check_log(ss_store *store, uint64_t region_id, uint64_t most) {
  kv_txn *txn = NULL;
  kv_apply_state state;
  kv_region_state region;
  const uint64_t limit = limit_of(store, region_id, most);
  if (store->engine == NULL || store->engine->ops->begin(store->engine, false, &txn) != KV_OK) {
    return;
  }
  if (kv_region_state_load(txn, region_id, &region) == KV_OK) {
    if (region.phase == KV_REGION_NORMAL && kv_apply_state_load(txn, region_id, &state) == KV_OK &&
        state.applied_index - state.truncated_index > limit) {
      ss_violation(store->world, "s%u keeps %llu entries of region %llu, %llu are the limit",
                   store->id, (unsigned long long)(state.applied_index - state.truncated_index),
                   (unsigned long long)region_id, (unsigned long long)limit);
    }
    kv_region_state_clear(&region);
  }
  store->engine->ops->abort(txn);
}

static void check_logs(ss_world *world, uint64_t most) {
  (void)ss_run(world, SS_SECOND);
  for (size_t i = 0; i < world->check.region_count; i++) {
    for (unsigned s = 1; s <= world->store_count; s++) {
      check_log(&world->stores[s], world->check.regions[i].region.id, most);
    }
  }
}

/* ---- a row ---- */

static void play_round(const ss_row *row, ss_world *world, matrix *m) {
  world->calm = false;
  start_clients(m);
  chaos(row, world);
  world->calm = true;
  for (unsigned i = 1; i <= world->store_count; i++) {
    ss_start(&world->stores[i]);
  }
  stop_clients(world, m);
  if (row->crash) {
    crash_all(world);
  }
  verify(world, m);
  if (row->max_log > 0) {
    check_logs(world, row->max_log);
  }
}

static bool has_grown(ss_world *world, void *arg) {
  (void)arg;
  return world->check.region_count > 0 &&
         world->check.regions[0].region.peer_count >= world->options.replicas;
}

void ss_matrix_play(const ss_scenario *scenario, ss_world *world) {
  const ss_row *row = &scenario->row;
  matrix *m = sim_zeroed(1, sizeof *m);
  world->clients = m;
  world->client_event = client_event;
  world->clients_free = free_clients;
  m->count = row->clients;
  for (unsigned i = 0; i < m->count; i++) {
    ss_appender_init(&m->appenders[i], world, i);
  }
  (void)ss_run(world, 2 * ELECTION);
  if (row->split && !ss_run_until(world, has_grown, NULL, PATIENCE)) {
    ss_violation(world, "the cluster does not grow to its replicas by itself");
  }
  for (unsigned i = 0; i < ROUNDS && !world->violated; i++) {
    play_round(row, world, m);
  }
  ss_settle(world);
  if (row->split && !row->partitions && !row->changes && !world->violated &&
      world->check.region_count < 2) {
    ss_violation(world, "nothing was split");
  }
}
