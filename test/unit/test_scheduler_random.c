/* test_scheduler_random.c - the scheduler over a cluster that dies, grows, splits and lags.
 *
 * Reports are lost, repeated and come late; stores die, return, join and are drained; the
 * scheduler is restarted. All the while its regions never overlap and no step takes a sound replica
 * away before there is another. Left in peace, the cluster becomes whole and even, and the
 * scheduler has nothing more to do.
 *
 * RANDOM_COUNT seeds from RANDOM_SEED on (environment).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "realm.h"
#include "run_suite.h"

enum { ROUNDS = 300, PEACE = 600, LATE = 64 };

typedef struct chaos {
  realm world;
  bool drained[REALM_STORES];
  uint64_t random;
  kv_region_report late[LATE]; /* reports that may come (again) */
} chaos;

static uint64_t next_random(chaos *c) {
  c->random = c->random * 6364136223846793005u + 1442695040888963407u;
  return c->random >> 33;
}

static bool chance(chaos *c, unsigned percent) {
  return next_random(c) % 100 < percent;
}

static size_t pick(chaos *c, size_t count) {
  return (size_t)(next_random(c) % count);
}

static int compare(raft_slice a, raft_slice b) {
  const size_t shorter = a.len < b.len ? a.len : b.len;
  const int order = shorter > 0 ? memcmp(a.data, b.data, shorter) : 0;
  return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static void check_ranges(realm *world) {
  kv_scheduler_request request = {.call = KV_CALL_SCAN_REGIONS, .count = REALM_REGIONS};
  ck_assert_int_eq(realm_call(world, &request), KV_SCHEDULER_OK);
  for (size_t i = 1; i < world->response.region_count; i++) {
    const kv_region *before = &world->response.regions[i - 1].region;
    const kv_region *region = &world->response.regions[i].region;
    ck_assert_uint_gt(before->end.len, 0);
    ck_assert_int_le(compare(before->end, region->start), 0);
    ck_assert_int_lt(compare(before->start, region->start), 0);
  }
}

/* What there is to say when something is wrong. */
static void complain(realm *world) {
  (void)realm_ask(world, KV_CALL_LIST_OPERATORS, 0);
  for (size_t i = 0; i < world->response.operator_count; i++) {
    const kv_operator_info *op = &world->response.operators[i];
    (void)printf("region %llu: %s (%s), running: %s\n", (unsigned long long)op->region_id, op->name,
                 op->reason, op->step);
  }

  (void)realm_ask(world, KV_CALL_DESCRIBE, 0);
  for (size_t i = 0; i < world->response.line_count; i++) {
    (void)printf("%s: %s\n", world->response.lines[i].subject, world->response.lines[i].text);
  }
  (void)realm_ask(world, KV_CALL_OPERATOR_HISTORY, 0);
  for (size_t i = 0; i < world->response.operator_count && i < 20; i++) {
    const kv_operator_info *op = &world->response.operators[i];
    (void)printf("region %llu: %s (%s): %s\n", (unsigned long long)op->region_id, op->name,
                 op->reason, op->step);
  }
}

/* Voters on stores that are to stay. */
static size_t sound_voters(const chaos *c, const kv_region_report *region) {
  size_t count = 0;
  for (size_t i = 0; i < c->world.store_count; i++) {
    const kv_region_peer *peer = kv_region_find_store(&region->region, c->world.stores[i].id);
    count += peer != NULL && peer->role == KV_PEER_VOTER && !c->drained[i];
  }
  return count;
}

typedef struct voters {
  size_t all, sound;
} voters;

static voters count_voters(const chaos *c, const kv_region_report *region) {
  return (voters){realm_voters(region), sound_voters(c, region)};
}

/* As many as before or as are wanted; or who left was on a store that is to go. */
static void check_steps(chaos *c, const kv_region_report *region, voters before) {
  const voters now = count_voters(c, region);
  if (now.all < before.all && now.all < c->world.config.max_replicas && now.sound < before.sound) {
    complain(&c->world);
    ck_abort_msg("region %llu: %zu voters were %zu, %zu sound ones %zu",
                 (unsigned long long)region->region.id, now.all, before.all, now.sound,
                 before.sound);
  }
}

static void remember(chaos *c, const kv_region_report *region) {
  kv_region_report *late = &c->late[pick(c, LATE)];
  kv_region_report_clear(late);
  ck_assert_int_eq(kv_region_report_copy(late, region), KV_OK);
}

/* A report of some time ago comes (again); what is answered reaches the region as it is now. */
static void replay(chaos *c) {
  const kv_region_report *late = &c->late[pick(c, LATE)];
  realm *world = &c->world;
  kv_region_report *region = realm_region(world, late->region.id);
  if (region == NULL) {
    return;
  }
  const voters before = count_voters(c, region);
  (void)realm_report(world, late);
  realm_obey(world, region, &world->response);
  check_steps(c, region, before);
}

static void one_region(chaos *c, kv_region_report *region) {
  realm *world = &c->world;
  const voters before = count_voters(c, region);
  if (chance(c, 20)) {
    remember(c, region);
  }
  if (chance(c, 10)) {
    return; /* lost on its way */
  }
  realm_see_dead(world, region);
  (void)realm_report(world, region);
  if (chance(c, 50)) {
    free(region->troubles);
    region->troubles = NULL;
    region->trouble_count = 0;
  }
  if (chance(c, 90)) {
    realm_obey(world, region, &world->response);
  }
  check_steps(c, region, before);
}

static size_t alive_stores(const realm *world) {
  size_t count = 0;
  for (size_t i = 0; i < world->store_count; i++) {
    count += world->stores[i].alive;
  }
  return count;
}

static void trouble(chaos *c) {
  realm *world = &c->world;
  const size_t number = pick(c, world->store_count);
  realm_store *store = &world->stores[number];
  if (chance(c, 3)) {
    /* one is dead at a time */
    store->alive = !store->alive || alive_stores(world) < world->store_count;
  }
  if (chance(c, 1) && world->store_count < 8) {
    (void)realm_join(world);
  }
  if (chance(c, 1) && realm_ask(world, KV_CALL_DRAIN_STORE, store->id) == KV_SCHEDULER_OK) {
    c->drained[number] = true;
  }
  if (chance(c, 1) && realm_ask(world, KV_CALL_UNDRAIN_STORE, store->id) == KV_SCHEDULER_OK) {
    c->drained[number] = false;
  }
  if (chance(c, 2)) {
    realm_restart(world);
  }
}

static void grow(chaos *c) {
  realm *world = &c->world;
  kv_region_report *region = &world->regions[pick(c, world->region_count)];
  region->bytes += pick(c, 20000);
  if (chance(c, 10) && world->region_count < 60 && region->region.start.len < 12) {
    char key[16];
    memcpy(key, region->region.start.len > 0 ? region->region.start.data : "",
           region->region.start.len);
    key[region->region.start.len] = 'm';
    key[region->region.start.len + 1] = '\0';
    if (kv_region_has_key(&region->region, (raft_slice){key, strlen(key)})) {
      (void)realm_split(world, region, key);
    }
  }
}

static void chaotic_round(chaos *c) {
  realm *world = &c->world;
  trouble(c);
  grow(c);
  world->now += 100;
  for (size_t i = 0; i < world->store_count; i++) {
    if (world->stores[i].alive && chance(c, 90)) {
      (void)realm_store_heartbeat(world, i);
    }
  }
  for (size_t i = 0; i < world->region_count; i++) {
    kv_region_report *region = &world->regions[i];
    const kv_region_peer *leader = kv_region_find_peer(&region->region, region->leader_peer);
    for (size_t k = 0; k < world->store_count; k++) {
      if (world->stores[k].id == leader->store_id && world->stores[k].alive) {
        one_region(c, region);
        break;
      }
    }
  }
  if (chance(c, 50)) {
    replay(c);
  }
  kv_scheduler_tick(world->scheduler, world->now);
  check_ranges(world);
}

static void check_whole(realm *world) {
  for (size_t i = 0; i < world->region_count; i++) {
    const kv_region_report *region = &world->regions[i];
    ck_assert_uint_eq(region->region.peer_count, world->config.max_replicas);
    ck_assert_uint_eq(realm_voters(region), world->config.max_replicas);
  }
  size_t most = 0, fewest = REALM_REGIONS;
  for (size_t i = 0; i < world->store_count; i++) {
    const kv_scheduler_store_state state = realm_state(world, i);
    const size_t leaders = realm_leaders_on(world, i);
    ck_assert(state == KV_STORE_UP || state == KV_STORE_TOMBSTONE);
    if (state == KV_STORE_TOMBSTONE) {
      ck_assert_uint_eq(realm_regions_on(world, i), 0);
      continue;
    }
    most = leaders > most ? leaders : most;
    fewest = leaders < fewest ? leaders : fewest;
  }
  /* Few regions on many stores: not every pair shares one. */
  ck_assert_uint_le(most - fewest, 1 + world->region_count / 4);
}

static size_t end_in_peace(realm *world) {
  for (size_t i = 0; i < world->store_count; i++) {
    world->stores[i].alive = true;
  }
  realm_rounds(world, PEACE);
  check_whole(world);
  ck_assert_uint_eq(realm_operators(world), 0);
  const size_t steps = world->steps;
  realm_rounds(world, 20);
  ck_assert_uint_eq(world->steps, steps); /* and it stays so */
  return steps;
}

static unsigned long from_environment(const char *name, unsigned long otherwise) {
  const char *text = getenv(name);
  return text != NULL ? strtoul(text, NULL, 10) : otherwise;
}

START_TEST(whatever_happens_regions_stay_whole_and_end_balanced) {
  const unsigned long first = from_environment("RANDOM_SEED", 1);
  const unsigned long count = from_environment("RANDOM_COUNT", 10);
  for (unsigned long seed = first; seed < first + count; seed++) {
    chaos *c = calloc(1, sizeof *c);
    ck_assert_ptr_nonnull(c);
    (void)printf("seed %lu\n", seed);
    (void)fflush(stdout);
    c->random = seed * 2654435761u;
    realm_init(&c->world);
    realm_open(&c->world);
    realm_join_many(&c->world, 4);
    realm_bootstrap(&c->world);
    for (int i = 0; i < ROUNDS; i++) {
      chaotic_round(c);
    }
    (void)end_in_peace(&c->world);
    for (size_t i = 0; i < LATE; i++) {
      kv_region_report_clear(&c->late[i]);
    }
    realm_close(&c->world);
    free(c);
  }
}
END_TEST

int main(void) {
  const TTest *tests[] = {whatever_happens_regions_stay_whole_and_end_balanced};
  return run_suite("scheduler_random", tests, sizeof tests / sizeof *tests, NULL, NULL);
}
