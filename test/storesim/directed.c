/* directed.c - scenarios of one story each, step by step.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <string.h>

#include "raftstore/region_state.h"
#include "scenario.h"

enum { FIRST = 1, TIMEOUT_MS = 5000, PATIENCE = 30 * SS_SECOND };

void ss_directed_prepare(const ss_scenario *scenario, ss_options *options, uint64_t seed) {
  ss_options_init(options, seed);
  options->stalls = 0; /* who is cut off learns nothing later either, but by being told again */
  if (strcmp(scenario->name, "one-snapshot") == 0) {
    options->stores = options->members = 3;
    options->log_gc_entries = 10;
  }
  if (strcmp(scenario->name, "one-split") == 0) {
    options->scheduler = true;
    options->replicas = 5;
    options->region_max_bytes = 800;
    options->region_split_bytes = 500;
    options->log_gc_entries = seed % 2 == 0 ? 10 : 0;
  }
}

/* ---- requests that are tried until they work ---- */

static ss_store *up_store(ss_world *world, uint32_t among) {
  ss_store *store = NULL;
  while (store == NULL) {
    unsigned id = sim_random_member(&world->random, among);
    store = ss_is_up(&world->stores[id]) ? &world->stores[id] : NULL;
  }
  return store;
}

static uint32_t all_of(const ss_world *world) {
  return (UINT32_C(1) << (world->store_count + 1)) - 2;
}

static bool is_answered(ss_world *world, void *arg) {
  (void)world;
  return ((ss_call *)arg)->answered;
}

/* The answer, or NULL: it was not done. */
static ss_call *finish(ss_world *world, ss_call *call) {
  (void)ss_run_until(world, is_answered, call, PATIENCE);
  if (world->violated || !call->answered) {
    return NULL;
  }
  if (ss_outcome_of(call) == SS_DONE) {
    world->counts[SS_OPERATIONS]++;
    return call;
  }
  ss_call_free(call);
  return NULL;
}

/* Asks stores of the set until one says that it is done. */
static ss_call *must(ss_world *world, uint32_t among, const ss_command *command) {
  uint64_t end = world->now + PATIENCE;
  while (!world->violated && world->now < end) {
    ss_call *call = finish(world, ss_execute(up_store(world, among), command, 1000, NULL, NULL));
    if (call != NULL) {
      return call;
    }
    (void)ss_run(world, 50 * SS_MS);
  }
  ss_violation(world, "a request does not succeed");
  return NULL;
}

static raft_slice text(const char *string) {
  return (raft_slice){string, strlen(string)};
}

static void put(ss_world *world, uint32_t among, const char *key, const char *value) {
  ss_call *call =
      must(world, among,
           &(ss_command){.op = KV_OP_SET, .arg_count = 2, .args = {text(key), text(value)}});
  if (call != NULL) {
    ss_call_free(call);
  }
}

static void delete_key(ss_world *world, uint32_t among, const char *key) {
  ss_call *call =
      must(world, among, &(ss_command){.op = KV_OP_DEL, .arg_count = 1, .args = {text(key)}});
  if (call != NULL) {
    ss_call_free(call);
  }
}

static void expect(ss_world *world, uint32_t among, const char *key, const char *value) {
  char wanted[64];
  ss_call *call =
      must(world, among, &(ss_command){.op = KV_OP_GET, .arg_count = 1, .args = {text(key)}});
  if (call == NULL) {
    return;
  }
  (void)snprintf(wanted, sizeof wanted, "$%zu\r\n%s\r\n", strlen(value), value);
  if (strcmp(call->reply, wanted) != 0) {
    ss_violation(world, "%s should be %s and is %s", key, value, call->reply);
  }
  ss_call_free(call);
}

static void administrate(ss_world *world, ss_admin_kind kind, unsigned whom) {
  uint64_t end = world->now + PATIENCE;
  while (!world->violated && world->now < end) {
    const kv_region *region = ss_check_find(&world->check, FIRST);
    bool member = region != NULL &&
                  kv_region_find_store(region, world->stores[whom].kv_id) != NULL &&
                  kv_region_find_store(region, world->stores[whom].kv_id)->role == KV_PEER_VOTER;
    if ((kind == SS_ADD_PEER && member) ||
        (kind == SS_REMOVE_PEER && region != NULL &&
         kv_region_find_store(region, world->stores[whom].kv_id) == NULL) ||
        (kind == SS_TRANSFER && ss_leader(world, FIRST, NULL) == whom)) {
      return;
    }
    ss_call *call = finish(world, ss_administrate(up_store(world, all_of(world)), kind, FIRST, whom,
                                                  TIMEOUT_MS, NULL, NULL));
    if (call != NULL) {
      ss_call_free(call);
    }
    (void)ss_run(world, 50 * SS_MS);
  }
  ss_violation(world, "a request to change members or the leader does not succeed (s%u)", whom);
}

static void add(ss_world *world, unsigned whom) {
  administrate(world, SS_ADD_PEER, whom);
}

static void remove_peer(ss_world *world, unsigned whom) {
  administrate(world, SS_REMOVE_PEER, whom);
}

static void transfer(ss_world *world, unsigned whom) {
  administrate(world, SS_TRANSFER, whom);
}

/* ---- what the state machine of one store has ---- */

typedef struct wanted {
  unsigned store;
  const char *key;
  const char *value; /* NULL: it is not there */
} wanted;

static bool has(ss_world *world, void *arg) {
  const wanted *w = arg;
  char value[64];
  bool found = ss_get(&world->stores[w->store], w->key, value);
  return w->value == NULL ? !found : found && strcmp(value, w->value) == 0;
}

static void wait_for(ss_world *world, unsigned store, const char *key, const char *value) {
  wanted w = {store, key, value};
  if (!ss_run_until(world, has, &w, PATIENCE) && !world->violated) {
    ss_violation(world, "s%u should come to have %s %s", store, value == NULL ? "no" : value, key);
  }
}

static void expect_at(ss_world *world, unsigned store, const char *key, const char *value) {
  wanted w = {store, key, value};
  if (!world->violated && !has(world, &w)) {
    ss_violation(world, "s%u should have %s %s", store, value == NULL ? "no" : value, key);
  }
}

static bool has_leader(ss_world *world, void *arg) {
  (void)arg;
  return ss_leader(world, FIRST, NULL) != 0;
}

static void begin(ss_world *world) {
  if (!ss_run_until(world, has_leader, NULL, PATIENCE)) {
    ss_violation(world, "nobody becomes leader");
  }
}

/* ---- the stories ---- */

/* So many stores of the others, as a set. */
static uint32_t some_others(ss_world *world, unsigned but, unsigned count) {
  uint32_t set = 0;
  while ((unsigned)__builtin_popcount(set) < count) {
    set |= UINT32_C(1) << sim_random_member(&world->random, all_of(world) & ~(UINT32_C(1) << but));
  }
  return set;
}

static void expect_in(ss_world *world, uint32_t set, const char *key, const char *value) {
  for (unsigned i = 1; i <= world->store_count; i++) {
    if ((set >> i & 1) != 0) {
      expect_at(world, i, key, value);
    }
  }
}

void ss_play_partition(const ss_scenario *scenario, ss_world *world) {
  (void)scenario;
  begin(world);
  unsigned leader = ss_leader(world, FIRST, NULL);
  uint32_t first = some_others(world, leader, 2) | UINT32_C(1) << leader;
  uint32_t second = all_of(world) & ~first;
  ss_split(world, first);
  put(world, first, "k1", "v1");
  expect(world, first, "k1", "v1");
  expect_in(world, second, "k1", NULL);
  ss_heal(world);
  wait_for(world, sim_random_member(&world->random, second), "k1", "v1");
  transfer(world, leader);
  uint32_t moved =
      UINT32_C(1) << sim_random_member(&world->random, first & ~(UINT32_C(1) << leader));
  first &= ~moved;
  second |= moved;
  ss_split(world, first);
  expect(world, second, "k1", "v1");
  put(world, second, "k1", "changed");
  expect_in(world, first, "k1", "v1");
  ss_heal(world);
  put(world, all_of(world), "k2", "v2");
  wait_for(world, leader, "k2", "v2");
  wait_for(world, leader, "k1", "changed");
  ss_settle(world);
}

static void check_bounded(ss_world *world, uint64_t most) {
  for (unsigned i = 1; i <= world->store_count; i++) {
    kv_txn *txn = NULL;
    kv_apply_state state = {0};
    (void)world->stores[i].engine->ops->begin(world->stores[i].engine, false, &txn);
    (void)kv_apply_state_load(txn, FIRST, &state);
    world->stores[i].engine->ops->abort(txn);
    if (state.applied_index - state.truncated_index > most) {
      ss_violation(world, "s%u keeps %llu entries", i,
                   (unsigned long long)(state.applied_index - state.truncated_index));
    }
  }
}

void ss_play_snapshot(const ss_scenario *scenario, ss_world *world) {
  enum { LAGGARD = 1, MORE = 45 };
  (void)scenario;
  begin(world);
  put(world, all_of(world), "k1", "v1");
  put(world, all_of(world), "k2", "v2");
  wait_for(world, LAGGARD, "k1", "v1");
  wait_for(world, LAGGARD, "k2", "v2");
  uint32_t others = all_of(world) & ~(UINT32_C(1) << LAGGARD);
  ss_split(world, others);
  for (unsigned i = 0; i < MORE; i++) {
    char key[16];
    (void)snprintf(key, sizeof key, "k%u", 100 + i);
    put(world, others, key, "v");
  }
  delete_key(world, others, "k2");
  (void)ss_run(world, 2 * SS_SECOND);
  expect_at(world, LAGGARD, "k100", NULL);
  ss_heal(world);
  wait_for(world, LAGGARD, "k100", "v");
  wait_for(world, LAGGARD, "k2", NULL);
  wait_for(world, LAGGARD, "k1", "v1");
  if (!world->violated && world->counts[SS_SNAPSHOTS] == 0) {
    ss_violation(world, "there was no snapshot");
  }
  ss_crash(&world->stores[LAGGARD], 10 * SS_MS);
  (void)ss_run(world, 2 * SS_SECOND);
  expect_at(world, LAGGARD, "k1", "v1");
  expect_at(world, LAGGARD, "k2", NULL);
  ss_settle(world);
  check_bounded(world, 20);
}

static bool is_whole(ss_world *world, void *arg) {
  (void)arg;
  return world->check.region_count == 1 && world->check.regions[0].region.peer_count == 5 &&
         world->check.regions[0].region.epoch.conf_ver == 9; /* all of them promoted */
}

static bool is_split(ss_world *world, void *arg) {
  (void)arg;
  return world->check.region_count > 1;
}

void ss_play_split(const ss_scenario *scenario, ss_world *world) {
  enum { LONELY = 5, MORE = 100 };
  char key[16];
  (void)scenario;
  if (!ss_run_until(world, is_whole, NULL, PATIENCE)) {
    ss_violation(world, "the cluster does not grow to five replicas");
  }
  uint32_t others = all_of(world) & ~(UINT32_C(1) << LONELY);
  put(world, all_of(world), "k1", "v1");
  put(world, all_of(world), "k2", "v2");
  wait_for(world, LONELY, "k2", "v2");
  ss_split(world, UINT32_C(1) << LONELY);
  for (unsigned i = 0; i < MORE && !world->violated; i++) {
    (void)snprintf(key, sizeof key, "k%u", 100 + i);
    put(world, others, key, "a value of some length");
  }
  if (!ss_run_until(world, is_split, NULL, PATIENCE)) {
    ss_violation(world, "the region is not split");
  }
  expect_at(world, LONELY, "k100", NULL);
  ss_heal(world);
  wait_for(world, LONELY, "k100", "a value of some length");
  wait_for(world, LONELY, "k199", "a value of some length");
  expect(world, all_of(world), "k1", "v1");
  expect(world, all_of(world), "k2", "v2");
  expect(world, all_of(world), "k150", "a value of some length");
  ss_settle(world);
}

void ss_play_transfer(const ss_scenario *scenario, ss_world *world) {
  (void)scenario;
  begin(world);
  for (unsigned i = 1; i <= world->store_count; i++) {
    transfer(world, i);
    put(world, all_of(world), "led by", world->stores[i].address);
  }
  ss_settle(world);
}

void ss_play_changes(const ss_scenario *scenario, ss_world *world) {
  uint32_t all = all_of(world);
  (void)scenario;
  begin(world);
  transfer(world, 1);
  for (unsigned i = 2; i <= 5; i++) {
    remove_peer(world, i);
  }
  put(world, all, "k1", "v1");
  expect_at(world, 2, "k1", NULL);
  add(world, 2);
  put(world, all, "k2", "v2");
  wait_for(world, 2, "k1", "v1");
  wait_for(world, 2, "k2", "v2");
  expect_at(world, 5, "k1", NULL);
  add(world, 3);
  remove_peer(world, 2);
  put(world, all, "k3", "v3");
  wait_for(world, 3, "k1", "v1");
  wait_for(world, 3, "k2", "v2");
  wait_for(world, 3, "k3", "v3");
  wait_for(world, 2, "k1", NULL);
  wait_for(world, 2, "k2", NULL);
  add(world, 2);
  wait_for(world, 2, "k1", "v1");
  wait_for(world, 2, "k3", "v3");
  remove_peer(world, 2);
  add(world, 2);
  remove_peer(world, 3);
  put(world, all, "k4", "v4");
  wait_for(world, 2, "k1", "v1");
  wait_for(world, 2, "k4", "v4");
  wait_for(world, 3, "k1", NULL);
  expect_at(world, 3, "k4", NULL);
  ss_settle(world);
}

void ss_play_remove_leader(const ss_scenario *scenario, ss_world *world) {
  uint32_t all = all_of(world);
  (void)scenario;
  begin(world);
  transfer(world, 1);
  remove_peer(world, 1);
  put(world, all, "k0", "v0");
  expect_at(world, 1, "k0", NULL);
  add(world, 1);
  transfer(world, 1);
  put(world, all, "k1", "v1");
  wait_for(world, 1, "k0", "v0");
  wait_for(world, 1, "k1", "v1");
  for (unsigned i = 2; i <= 4; i++) {
    remove_peer(world, i);
  }
  transfer(world, 1);
  remove_peer(world, 1);
  put(world, all, "k2", "v2");
  expect_at(world, 1, "k2", NULL);
  add(world, 1);
  put(world, all, "k3", "v3");
  wait_for(world, 1, "k3", "v3");
  expect_at(world, 3, "k3", NULL);
  ss_settle(world);
}
