/* realm.c - a scheduler and a cluster of make-believe stores and regions that obey it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "realm.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUND_MS = 100 };

/* ---- the scheduler ---- */

void realm_init(realm *world) {
  *world = (realm){.now = 1000};
  memory_engine_init(&world->engine);
  kv_scheduler_config_init(&world->config);
  world->config.store_disconnect_ms = 1000;
  world->config.store_down_ms = 5000;
  world->config.start_wait_ms = 10000;
  world->config.region_min_bytes = 1000;
  world->config.region_max_bytes = 1u << 30;
}

void realm_open(realm *world) {
  kv_scheduler_options options = {
      .cluster_id = REALM_CLUSTER, .config = world->config, .logger = world->logger};
  kv_error error;
  ck_assert_msg(kv_scheduler_open(&options, &world->engine.base, world->now, &world->scheduler,
                                  &error) == KV_OK,
                "%s", error.text);
}

void realm_restart(realm *world) {
  kv_scheduler_response_clear(&world->response);
  kv_scheduler_close(world->scheduler);
  realm_open(world);
}

void realm_close(realm *world) {
  kv_scheduler_response_clear(&world->response);
  kv_scheduler_close(world->scheduler);
  for (size_t i = 0; i < world->region_count; i++) {
    kv_region_report_clear(&world->regions[i]);
  }
  memory_engine_free(&world->engine);
}

kv_scheduler_status realm_call(realm *world, const kv_scheduler_request *request) {
  kv_scheduler_response_clear(&world->response);
  kv_scheduler_handle(world->scheduler, world->now, request, &world->response);
  ck_assert_uint_eq(world->response.request_id, request->request_id);
  ck_assert(world->response.status == KV_SCHEDULER_OK || world->response.text[0] != '\0');
  return world->response.status;
}

kv_scheduler_status realm_ask(realm *world, kv_scheduler_call call, uint64_t id) {
  kv_scheduler_request request = {.call = call, .id = id};
  return realm_call(world, &request);
}

kv_scheduler_status realm_operator(realm *world, uint64_t region_id, const char *name,
                                   uint64_t from_store, uint64_t to_store) {
  kv_scheduler_request request = {.call = KV_CALL_ADD_OPERATOR,
                                  .id = region_id,
                                  .from_store = from_store,
                                  .to_store = to_store};
  kv_message_text(request.text, sizeof request.text, "%s", name);
  return realm_call(world, &request);
}

void realm_set(realm *world, const char *name, uint64_t value) {
  kv_scheduler_request request = {.call = KV_CALL_SET_CONFIG, .count = value};
  kv_message_text(request.text, sizeof request.text, "%s", name);
  ck_assert_msg(realm_call(world, &request) == KV_SCHEDULER_OK, "%s", world->response.text);
}

/* ---- stores ---- */

kv_scheduler_status realm_store_heartbeat(realm *world, size_t store) {
  kv_scheduler_request request = {.call = KV_CALL_STORE_HEARTBEAT,
                                  .cluster_id = REALM_CLUSTER,
                                  .store_id = world->stores[store].id,
                                  .incarnation = 100 + store,
                                  .stats = world->stores[store].stats};
  return realm_call(world, &request);
}

size_t realm_join(realm *world) {
  const size_t number = world->store_count++;
  ck_assert_uint_lt(number, REALM_STORES);
  realm_store *store = &world->stores[number];
  kv_scheduler_request request = {.call = KV_CALL_PUT_STORE, .incarnation = 100 + number};
  (void)snprintf(store->address, sizeof store->address, "store%zu:1", number);
  kv_message_text(request.text, sizeof request.text, "%s", store->address);
  ck_assert_msg(realm_call(world, &request) == KV_SCHEDULER_OK, "%s", world->response.text);
  store->id = world->response.id;
  store->alive = true;
  ck_assert_int_eq(realm_store_heartbeat(world, number), KV_SCHEDULER_OK);
  return number;
}

void realm_join_many(realm *world, size_t count) {
  while (count-- > 0) {
    (void)realm_join(world);
  }
}

static realm_store *store_of(realm *world, uint64_t id) {
  for (size_t i = 0; i < world->store_count; i++) {
    if (world->stores[i].id == id) {
      return &world->stores[i];
    }
  }
  ck_abort_msg("a peer on store %llu, which there is not", (unsigned long long)id);
  return NULL;
}

static bool is_alive(realm *world, const kv_region_peer *peer) {
  return store_of(world, peer->store_id)->alive;
}

/* ---- regions ---- */

static uint64_t new_ids(realm *world, uint64_t count) {
  kv_scheduler_request request = {.call = KV_CALL_ALLOC_IDS, .count = count};
  ck_assert_int_eq(realm_call(world, &request), KV_SCHEDULER_OK);
  return world->response.id;
}

void realm_bootstrap(realm *world) {
  const uint64_t id = new_ids(world, 2);
  const realm_store *store = &world->stores[0];
  kv_region_report *report = &world->regions[world->region_count++];
  kv_scheduler_request request = {.call = KV_CALL_BOOTSTRAP, .store_id = store->id};
  *report = (kv_region_report){.leader_peer = id + 1, .term = 1};
  report->region.id = id;
  report->region.epoch = (kv_epoch){1, 1};
  ck_assert_int_eq(
      kv_region_put_peer(&report->region, id + 1, store->id, KV_PEER_VOTER, store->address), KV_OK);
  request.report = *report; /* lent */
  ck_assert_msg(realm_call(world, &request) == KV_SCHEDULER_OK, "%s", world->response.text);
  ck_assert_int_eq(realm_report(world, report), KV_SCHEDULER_OK);
}

kv_region_report *realm_split(realm *world, kv_region_report *left, const char *key) {
  const kv_region_peer *leader = kv_region_find_peer(&left->region, left->leader_peer);
  kv_scheduler_request request = {
      .call = KV_CALL_ASK_SPLIT, .store_id = leader->store_id, .report = *left};
  const raft_slice at = {key, strlen(key)};
  ck_assert_uint_lt(world->region_count, REALM_REGIONS);
  ck_assert_int_eq(realm_call(world, &request), KV_SCHEDULER_OK);
  const kv_scheduler_response *ids = &world->response;
  kv_region_report *right = &world->regions[world->region_count++];
  left->region.epoch.version++;
  left->bytes /= 2;
  *right = (kv_region_report){.term = left->term, .bytes = left->bytes};
  ck_assert_int_eq(kv_region_set_range(&right->region, at, left->region.end), KV_OK);
  ck_assert_int_eq(kv_region_set_range(&left->region, left->region.start, at), KV_OK);
  right->region.id = ids->id;
  right->region.epoch = left->region.epoch;
  for (size_t i = 0; i < left->region.peer_count; i++) {
    const kv_region_peer *peer = &left->region.peers[i];
    ck_assert_int_eq(kv_region_put_peer(&right->region, ids->peer_ids[i], peer->store_id,
                                        peer->role, peer->address),
                     KV_OK);
    if (peer->id == left->leader_peer) {
      right->leader_peer = ids->peer_ids[i];
    }
  }
  return right;
}

void realm_split_into(realm *world, size_t count) {
  kv_region_report *last = &world->regions[world->region_count - 1];
  for (size_t i = 1; i < count; i++) {
    const char key[3] = {(char)('a' + i / 26), (char)('a' + i % 26), '\0'};
    last = realm_split(world, last, key);
  }
  for (size_t i = 0; i < world->region_count; i++) {
    ck_assert_int_eq(realm_report(world, &world->regions[i]), KV_SCHEDULER_OK);
  }
}

void realm_put_voter(realm *world, kv_region_report *region, size_t store) {
  ck_assert_int_eq(kv_region_put_peer(&region->region, new_ids(world, 1), world->stores[store].id,
                                      KV_PEER_VOTER, world->stores[store].address),
                   KV_OK);
  region->region.epoch.conf_ver++;
}

void realm_lead(realm *world, kv_region_report *region, size_t store) {
  region->leader_peer = kv_region_find_store(&region->region, world->stores[store].id)->id;
  region->term++;
}

kv_region_report *realm_region(realm *world, uint64_t id) {
  for (size_t i = 0; i < world->region_count; i++) {
    if (world->regions[i].region.id == id) {
      return &world->regions[i];
    }
  }
  return NULL;
}

kv_scheduler_status realm_report(realm *world, const kv_region_report *region) {
  kv_scheduler_request request = {.call = KV_CALL_REGION_HEARTBEAT, .report = *region};
  const kv_region_peer *leader = kv_region_find_peer(&region->region, region->leader_peer);
  request.store_id = leader != NULL ? leader->store_id : 0;
  return realm_call(world, &request);
}

/* ---- what stores do with steps ---- */

static void change_one(kv_region *region, const kv_step_change *change) {
  switch (change->kind) {
  case KV_CHANGE_ADD_LEARNER:
    (void)kv_region_put_peer(region, change->peer_id, change->store_id, KV_PEER_LEARNER,
                             change->address);
    break;
  case KV_CHANGE_ADD_VOTER:
  case KV_CHANGE_PROMOTE:
    (void)kv_region_put_peer(region, change->peer_id, change->store_id, KV_PEER_VOTER,
                             change->address);
    break;
  case KV_CHANGE_DEMOTE:
    (void)kv_region_put_peer(region, change->peer_id, change->store_id, KV_PEER_LEARNER,
                             change->address);
    break;
  default: (void)kv_region_remove_peer(region, change->peer_id);
  }
}

static bool is_in_force(const kv_region *region, const kv_step_change *change) {
  const kv_region_peer *peer = kv_region_find_peer(region, change->peer_id);
  switch (change->kind) {
  case KV_CHANGE_ADD_LEARNER:
  case KV_CHANGE_ADD_VOTER: return peer != NULL;
  case KV_CHANGE_PROMOTE: return peer != NULL && peer->role == KV_PEER_VOTER;
  case KV_CHANGE_DEMOTE: return peer == NULL || peer->role == KV_PEER_LEARNER;
  default: return peer == NULL;
  }
}

/* Whoever leads must still vote afterwards, and whoever is promoted must be there. */
static bool is_allowed(realm *world, const kv_region_report *report, const kv_step *step) {
  size_t live = 0, voters = 0;
  kv_region after;
  ck_assert_int_eq(kv_region_copy(&after, &report->region), KV_OK);
  for (size_t i = 0; i < step->changes_count; i++) {
    change_one(&after, &step->changes[i]);
  }
  const kv_region_peer *leader = kv_region_find_peer(&after, report->leader_peer);
  const bool leads = leader != NULL && leader->role == KV_PEER_VOTER;
  for (size_t i = 0; i < after.peer_count; i++) {
    voters += after.peers[i].role == KV_PEER_VOTER;
    live += after.peers[i].role == KV_PEER_VOTER && is_alive(world, &after.peers[i]);
  }
  kv_region_clear(&after);
  return leads && live > voters / 2;
}

/* A new peer lags until the report after the next. */
static void lag(kv_region_report *report, uint64_t peer_id) {
  kv_peer_trouble *troubles =
      realloc(report->troubles, (report->trouble_count + 1) * sizeof *troubles);
  ck_assert_ptr_nonnull(troubles);
  report->troubles = troubles;
  troubles[report->trouble_count++] = (kv_peer_trouble){.peer_id = peer_id, .pending = true};
}

void realm_see_dead(realm *world, kv_region_report *region) {
  for (size_t i = 0; i < region->region.peer_count; i++) {
    const kv_region_peer *peer = &region->region.peers[i];
    if (!is_alive(world, peer) && kv_region_report_trouble(region, peer->id) == NULL) {
      lag(region, peer->id);
    }
  }
}

static void change_peers(realm *world, kv_region_report *report, const kv_step *step) {
  bool all = true;
  for (size_t i = 0; i < step->changes_count; i++) {
    all = all && is_in_force(&report->region, &step->changes[i]);
  }
  if (all || !is_allowed(world, report, step)) {
    return;
  }
  for (size_t i = 0; i < step->changes_count; i++) {
    change_one(&report->region, &step->changes[i]);
    if (step->changes[i].kind == KV_CHANGE_ADD_LEARNER) {
      lag(report, step->changes[i].peer_id);
    }
  }
  report->region.epoch.conf_ver += step->changes_count > 1 ? 2 : 1;
  world->steps++;
}

static void transfer(realm *world, kv_region_report *report, uint64_t peer_id) {
  const kv_region_peer *peer = kv_region_find_peer(&report->region, peer_id);
  if (peer != NULL && peer->role == KV_PEER_VOTER && is_alive(world, peer) &&
      report->leader_peer != peer_id) {
    report->leader_peer = peer_id;
    report->term++;
    world->steps++;
  }
}

/* Without a key: somewhere inside, if there is a key of one more letter. */
static void split_by_order(realm *world, kv_region_report *region, raft_slice wanted) {
  char key[KV_MAX_KEY + 2];
  const raft_slice start = region->region.start, base = wanted.len > 0 ? wanted : start;
  size_t len = base.len;
  memcpy(key, base.len > 0 ? base.data : "", base.len);
  if (wanted.len == 0) {
    key[len++] = 'm';
    while (!kv_region_has_key(&region->region, (raft_slice){key, len}) && key[len - 1] > 'a') {
      key[len - 1]--;
    }
  }
  key[len] = '\0';
  if (kv_region_has_key(&region->region, (raft_slice){key, len})) {
    (void)realm_split(world, region, key);
    world->steps++;
  }
}

void realm_obey(realm *world, kv_region_report *region, const kv_scheduler_response *response) {
  const kv_step step = response->step;
  if (response->status != KV_SCHEDULER_OK || response->region_id != region->region.id ||
      !kv_epoch_equal(response->epoch, region->region.epoch)) {
    return;
  }
  if (step.kind == KV_STEP_TRANSFER_LEADER) {
    transfer(world, region, step.peer_id);
  } else if (step.kind == KV_STEP_CHANGE_PEERS) {
    change_peers(world, region, &step);
  } else if (step.kind == KV_STEP_SPLIT) {
    split_by_order(world, region, response->split_key);
  }
}

/* ---- time ---- */

static void elect(realm *world, kv_region_report *report) {
  const kv_region_peer *leader = kv_region_find_peer(&report->region, report->leader_peer);
  const kv_region_peer *next = NULL;
  size_t voters = 0, live = 0;
  if (leader != NULL && is_alive(world, leader)) {
    return;
  }
  for (size_t i = 0; i < report->region.peer_count; i++) {
    const kv_region_peer *peer = &report->region.peers[i];
    voters += peer->role == KV_PEER_VOTER;
    if (peer->role == KV_PEER_VOTER && is_alive(world, peer)) {
      live++;
      next = peer;
    }
  }
  if (live > voters / 2 && next != NULL) {
    report->leader_peer = next->id;
    report->term++;
  }
}

void realm_round(realm *world) {
  world->now += ROUND_MS;
  for (size_t i = 0; i < world->store_count; i++) {
    if (world->stores[i].alive) {
      (void)realm_store_heartbeat(world, i);
    }
  }
  for (size_t i = 0; i < world->region_count; i++) {
    kv_region_report *region = &world->regions[i];
    elect(world, region);
    const kv_region_peer *leader = kv_region_find_peer(&region->region, region->leader_peer);
    if (!is_alive(world, leader)) {
      continue;
    }
    realm_see_dead(world, region);
    (void)realm_report(world, region);
    free(region->troubles);
    region->troubles = NULL;
    region->trouble_count = 0;
    realm_obey(world, region, &world->response);
  }
  kv_scheduler_tick(world->scheduler, world->now);
}

void realm_rounds(realm *world, int count) {
  while (count-- > 0) {
    realm_round(world);
  }
}

void realm_pass(realm *world, uint64_t ms) {
  world->now += ms;
  kv_scheduler_tick(world->scheduler, world->now);
}

/* ---- looking ---- */

size_t realm_voters(const kv_region_report *region) {
  size_t count = 0;
  for (size_t i = 0; i < region->region.peer_count; i++) {
    count += region->region.peers[i].role == KV_PEER_VOTER;
  }
  return count;
}

size_t realm_regions_on(const realm *world, size_t store) {
  size_t count = 0;
  for (size_t i = 0; i < world->region_count; i++) {
    count += kv_region_find_store(&world->regions[i].region, world->stores[store].id) != NULL;
  }
  return count;
}

size_t realm_leaders_on(const realm *world, size_t store) {
  size_t count = 0;
  for (size_t i = 0; i < world->region_count; i++) {
    const kv_region_report *region = &world->regions[i];
    count += kv_region_find_peer(&region->region, region->leader_peer)->store_id ==
             world->stores[store].id;
  }
  return count;
}

kv_scheduler_store_state realm_state(realm *world, size_t store) {
  ck_assert_int_eq(realm_ask(world, KV_CALL_GET_STORE, world->stores[store].id), KV_SCHEDULER_OK);
  return (kv_scheduler_store_state)world->response.stores[0].state;
}

size_t realm_operators(realm *world) {
  ck_assert_int_eq(realm_ask(world, KV_CALL_LIST_OPERATORS, 0), KV_SCHEDULER_OK);
  return world->response.operator_count;
}

const char *realm_describe(realm *world, const char *subject) {
  ck_assert_int_eq(realm_ask(world, KV_CALL_DESCRIBE, 0), KV_SCHEDULER_OK);
  for (size_t i = 0; i < world->response.line_count; i++) {
    if (strcmp(world->response.lines[i].subject, subject) == 0) {
      return world->response.lines[i].text;
    }
  }
  return "";
}
