/* request_regions.c - regions are born, reported, split and looked up.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <string.h>

#include "scheduler/checkers.h"
#include "scheduler/handlers.h"
#include "scheduler/ids.h"
#include "scheduler/message_parts.h"
#include "scheduler/operators.h"
#include "scheduler/persist.h"
#include "scheduler/region_set.h"
#include "scheduler/store_set.h"

static bool is_bootstrapped(const kv_scheduler *s, kv_scheduler_response *response) {
  if (!s->bootstrapped) {
    kv_response_fail(response, KV_SCHEDULER_NOT_BOOTSTRAPPED, "the cluster is not bootstrapped");
  }
  return s->bootstrapped;
}

/* ---- birth ---- */

static bool is_first_region(const kv_scheduler *s, const kv_scheduler_request *request) {
  const kv_region *region = &request->report.region;
  return region->id != 0 && region->id < s->ids.next && region->start.len == 0 &&
         region->end.len == 0 && region->peer_count == 1 &&
         region->peers[0].store_id == request->store_id && region->peers[0].id < s->ids.next &&
         region->peers[0].id != region->id && region->peers[0].role == KV_PEER_VOTER;
}

static bool is_own_bootstrap(const kv_scheduler *s, const kv_scheduler_request *request) {
  const kv_region *region = &request->report.region;
  const kv_sched_region *known = kv_region_set_find(&s->regions, region->id);
  return known != NULL && region->peer_count == 1 &&
         kv_region_find_peer(&known->report.region, region->peers[0].id) != NULL;
}

void kv_handle_bootstrap(kv_scheduler *s, const kv_scheduler_request *request,
                         kv_scheduler_response *response) {
  response->bootstrapped = s->bootstrapped;
  if (!kv_handle_sender(s, request, response)) {
    return;
  }
  if (s->bootstrapped) {
    if (!is_own_bootstrap(s, request)) {
      kv_response_fail(response, KV_SCHEDULER_BOOTSTRAPPED, "the cluster exists already, join it");
    }
    return;
  }
  if (!is_first_region(s, request)) {
    kv_response_fail(response, KV_SCHEDULER_INVALID,
                     "the first region has all keys, one voter on the store that asks, and ids "
                     "that were allocated");
    return;
  }
  int rc = kv_persist_cluster(s, true, s->paused, &request->report);
  if (rc == KV_OK) {
    s->bootstrapped = response->bootstrapped = true;
    rc = kv_region_set_put(s, &request->report, false);
    kv_log(&s->logger, KV_INFO, "the cluster is bootstrapped", "store=%" PRIu64 " region=%" PRIu64,
           request->store_id, request->report.region.id);
  }
  kv_response_code(response, rc, "bootstrapping");
}

void kv_handle_alloc_ids(kv_scheduler *s, const kv_scheduler_request *request,
                         kv_scheduler_response *response) {
  if (request->count == 0 || request->count > KV_MAX_ALLOC) {
    kv_response_fail(response, KV_SCHEDULER_INVALID, "1 to %u ids can be had at once",
                     KV_MAX_ALLOC);
    return;
  }
  kv_response_code(response, kv_ids_take(s, request->count, &response->id), "new ids");
}

/* ---- reports ---- */

static bool is_from_leader(const kv_scheduler_request *request, kv_scheduler_response *response) {
  const kv_region_report *report = &request->report;
  const kv_region_peer *leader = kv_region_find_peer(&report->region, report->leader_peer);
  if (!kv_sched_region_is_valid(&report->region)) {
    kv_response_fail(response, KV_SCHEDULER_INVALID, "a region has an id, members and keys");
    return false;
  }
  if (leader == NULL || leader->store_id != request->store_id) {
    kv_response_fail(response, KV_SCHEDULER_INVALID,
                     "a region is reported by the store whose peer leads it");
    return false;
  }
  return true;
}

static bool is_news(const kv_scheduler *s, const kv_scheduler_request *request,
                    kv_scheduler_response *response) {
  if (!kv_region_set_is_stale(s, &request->report)) {
    return true;
  }
  kv_response_fail(response, KV_SCHEDULER_STALE,
                   "region %" PRIu64 " is known in a newer epoch or term",
                   request->report.region.id);
  return false;
}

/* Limits hold back, they are no error: the next report tries again. */
static void plan_operator(kv_scheduler *s, kv_sched_region *region) {
  kv_plan plan;
  char why[KV_WHY_BYTES];
  if (!kv_scheduler_may_plan(s, why, sizeof why)) {
    return;
  }
  const bool wants = kv_replica_check(s, region, &plan) || kv_sched_split_check(s, region, &plan);
  if (!wants || plan.kind == KV_PLAN_NONE || !kv_operator_allowed(s, plan.class, why, sizeof why)) {
    return;
  }
  const int rc = kv_operator_start(s, &plan, NULL);
  if (rc != KV_OK) {
    kv_log(&s->logger, KV_WARN, "an operator could not begin", "region=%" PRIu64 " code=%d",
           region->report.region.id, rc);
  }
}

static void put_step(const kv_operator *op, kv_scheduler_response *response) {
  response->step = *kv_operator_step(op);
  response->split_key = kv_operator_split_key(op);
}

void kv_handle_region_heartbeat(kv_scheduler *s, const kv_scheduler_request *request,
                                kv_scheduler_response *response) {
  const kv_region *reported = &request->report.region;
  if (!is_bootstrapped(s, response) || !kv_handle_sender(s, request, response) ||
      !is_from_leader(request, response) || !is_news(s, request, response)) {
    return;
  }
  const int rc = kv_region_set_put(s, &request->report, true);
  kv_response_code(response, rc, "the report");
  if (rc != KV_OK) {
    return;
  }
  kv_sched_region *region = kv_region_set_find(&s->regions, reported->id);
  response->region_id = reported->id;
  response->epoch = reported->epoch;
  if (region->operator!= NULL) {
    kv_operator_advance(s, region->operator);
  }
  if (region->operator== NULL) {
    plan_operator(s, region);
  }
  if (region->operator!= NULL) {
    put_step(region->operator, response);
  }
}

/* Not stale only: ids of a split that cannot happen any more would be lost. */
void kv_handle_ask_split(kv_scheduler *s, const kv_scheduler_request *request,
                         kv_scheduler_response *response) {
  const kv_region *region = &request->report.region;
  uint64_t first = 0;
  if (!is_bootstrapped(s, response) || !kv_handle_sender(s, request, response)) {
    return;
  }
  if (!kv_region_initialised(region)) {
    kv_response_fail(response, KV_SCHEDULER_INVALID, "which region is to be split?");
    return;
  }
  const kv_sched_region *known = kv_region_set_find(&s->regions, region->id);
  if (known != NULL && kv_epoch_stale(region->epoch, known->report.region.epoch)) {
    kv_response_fail(response, KV_SCHEDULER_STALE, "region %" PRIu64 " has a newer epoch",
                     region->id);
    return;
  }
  const int rc = kv_ids_take(s, 1 + region->peer_count, &first);
  kv_response_code(response, rc, "new ids");
  if (rc != KV_OK) {
    return;
  }
  response->region_id = region->id;
  response->epoch = region->epoch;
  response->id = first;
  response->peer_count = region->peer_count;
  for (size_t i = 0; i < region->peer_count; i++) {
    response->peer_ids[i] = first + 1 + i;
  }
}

/* ---- looking up ---- */

static bool add_region(const kv_scheduler *s, const kv_sched_region *region,
                       kv_scheduler_response *response) {
  void *regions = response->regions;
  kv_region_report *report =
      kv_list_grow(&regions, response->region_count, sizeof *response->regions, KV_MAX_LIST);
  response->regions = regions;
  if (report == NULL || kv_region_report_copy(report, &region->report) != KV_OK) {
    kv_response_code(response, KV_ENOMEM, "listing regions");
    return false;
  }
  report->age = s->now - region->reported_ms;
  response->region_count++;
  return true;
}

static void add_its_stores(const kv_scheduler *s, const kv_region *region,
                           kv_scheduler_response *response) {
  for (size_t i = 0; i < region->peer_count; i++) {
    const kv_sched_store *store = kv_store_set_find(&s->stores, region->peers[i].store_id);
    void *stores = response->stores;
    kv_store_info *info = store == NULL ? NULL
                                        : kv_list_grow(&stores, response->store_count,
                                                       sizeof *response->stores, KV_MAX_LIST);
    response->stores = stores;
    if (info != NULL) {
      kv_sched_store_describe(s, store, info);
      response->store_count++;
    }
  }
}

void kv_handle_get_region(kv_scheduler *s, const kv_scheduler_request *request,
                          kv_scheduler_response *response) {
  if (!is_bootstrapped(s, response)) {
    return;
  }
  const kv_sched_region *region = request->id != 0
                                      ? kv_region_set_find(&s->regions, request->id)
                                      : kv_region_set_by_key(&s->regions, request->key);
  if (region != NULL && request->previous) {
    region = kv_region_set_previous(&s->regions, region);
  }
  if (region == NULL) {
    kv_response_fail(response, KV_SCHEDULER_NOT_FOUND, "no such region is known now");
    return;
  }
  if (add_region(s, region, response)) {
    add_its_stores(s, &region->report.region, response);
  }
}

void kv_handle_scan_regions(kv_scheduler *s, const kv_scheduler_request *request,
                            kv_scheduler_response *response) {
  const size_t usual = 1024, most = 16384;
  if (!is_bootstrapped(s, response)) {
    return;
  }
  const size_t limit = request->count == 0     ? usual
                       : request->count > most ? most
                                               : (size_t)request->count;
  for (const kv_sched_region *region = kv_region_set_from(&s->regions, request->key);
       region != NULL && response->region_count < limit && add_region(s, region, response);
       region = kv_region_set_next(&s->regions, region)) {
  }
}
