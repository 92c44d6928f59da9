/* realm.h - a scheduler and a cluster of make-believe stores and regions that obey it.
 *
 * Regions are only their descriptors: a step is carried out at once, by the rules of the stores
 * (conf_ver moves by one a change, by two through a joint configuration; a new peer lags for one
 * report). Time stands still unless realm_pass moves it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TEST_REALM_H
#define TEST_REALM_H

#include "memory_engine.h"
#include "scheduler/scheduler.h"

enum { REALM_STORES = 16, REALM_REGIONS = 256, REALM_CLUSTER = 77 };

typedef struct realm_store {
  uint64_t id;
  char address[24];
  bool alive;
  kv_store_stats stats;
} realm_store;

typedef struct realm {
  memory_engine engine;
  kv_scheduler *scheduler;
  kv_scheduler_config config;
  kv_logger logger; /* from the next opening on */
  uint64_t now;
  kv_scheduler_response response; /* of the last call; cleared by the next */
  realm_store stores[REALM_STORES];
  size_t store_count;
  kv_region_report regions[REALM_REGIONS]; /* as they are, whatever was reported */
  size_t region_count;
  size_t steps; /* carried out */
} realm;

/* No waiting after the start, time-outs of seconds. Change world->config before opening if need be:
 * realm_init, realm_open. */
void realm_init(realm *world);
void realm_open(realm *world);
void realm_restart(realm *world); /* the scheduler, over the same engine */
void realm_close(realm *world);

/* The response stays in world->response. */
kv_scheduler_status realm_call(realm *world, const kv_scheduler_request *request);
kv_scheduler_status realm_ask(realm *world, kv_scheduler_call call, uint64_t id);
kv_scheduler_status realm_operator(realm *world, uint64_t region_id, const char *name,
                                   uint64_t from_store, uint64_t to_store);
void realm_set(realm *world, const char *name, uint64_t value);

/* A new store, alive and heard of. Its number: 0, 1, ... */
size_t realm_join(realm *world);
void realm_join_many(realm *world, size_t count);
/* The first region, on store number 0. */
void realm_bootstrap(realm *world);
/* Makes the last region end at the key, and a new one behind it with the same peers. */
kv_region_report *realm_split(realm *world, kv_region_report *region, const char *key);
/* So many regions, the keys of which are two letters. */
void realm_split_into(realm *world, size_t count);
/* The region gets a voter on the store of that number, by nobody's leave. */
void realm_put_voter(realm *world, kv_region_report *region, size_t store);
void realm_lead(realm *world, kv_region_report *region, size_t store);
kv_region_report *realm_region(realm *world, uint64_t id);

kv_scheduler_status realm_store_heartbeat(realm *world, size_t store);
/* By the store of its leader; the step, if there is one, is in world->response. */
kv_scheduler_status realm_report(realm *world, const kv_region_report *region);
/* The leader finds that the peers on dead stores lag. */
void realm_see_dead(realm *world, kv_region_report *region);
/* What the stores do with a step: nothing if it is for another epoch, or makes no sense. */
void realm_obey(realm *world, kv_region_report *region, const kv_scheduler_response *response);
/* Leaders that died are replaced if there is a majority; then every store and region reports and
 * obeys, and the scheduler ticks. */
void realm_round(realm *world);
void realm_rounds(realm *world, int count);
/* Time passes without reports; the scheduler ticks at the end. */
void realm_pass(realm *world, uint64_t ms);

size_t realm_voters(const kv_region_report *region);
size_t realm_regions_on(const realm *world, size_t store);
size_t realm_leaders_on(const realm *world, size_t store);
kv_scheduler_store_state realm_state(realm *world, size_t store);
/* Asks; the number of running operators. */
size_t realm_operators(realm *world);
/* A line of the description, "" if nobody of that name speaks. */
const char *realm_describe(realm *world, const char *subject);

#endif
