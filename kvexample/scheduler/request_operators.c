/* request_operators.c - operators that people ask for, and looking at them.
 *
 * What is asked for by hand knows no limits and no waiting; the checkers may undo it: a fourth
 * replica is removed again, a missing one made up for.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <string.h>

#include "scheduler/handlers.h"
#include "scheduler/message_parts.h"
#include "scheduler/operators.h"
#include "scheduler/region_set.h"
#include "scheduler/store_set.h"

static kv_sched_region *known_region(const kv_scheduler *s, uint64_t id,
                                     kv_scheduler_response *response) {
  kv_sched_region *region = kv_region_set_find(&s->regions, id);
  if (region == NULL) {
    kv_response_fail(response, KV_SCHEDULER_NOT_FOUND, "there is no region %" PRIu64, id);
  }
  return region;
}

/* ---- what each kind needs ---- */

static bool take_peer(const kv_sched_region *region, uint64_t store_id, kv_plan *plan,
                      kv_scheduler_response *response) {
  plan->peer = kv_region_find_store(&region->report.region, store_id);
  if (plan->peer == NULL) {
    kv_response_fail(response, KV_SCHEDULER_INVALID,
                     "region %" PRIu64 " has no peer on store %" PRIu64, region->report.region.id,
                     store_id);
  }
  return plan->peer != NULL;
}

static bool take_target(const kv_scheduler *s, const kv_sched_region *region, uint64_t store_id,
                        kv_plan *plan, kv_scheduler_response *response) {
  plan->target = kv_store_set_find(&s->stores, store_id);
  if (plan->target == NULL) {
    kv_response_fail(response, KV_SCHEDULER_NOT_FOUND, "there is no store %" PRIu64, store_id);
    return false;
  }
  const kv_scheduler_store_state state = kv_sched_store_state(s, plan->target);
  if (state != KV_STORE_UP) {
    kv_response_fail(response, KV_SCHEDULER_INVALID, "store %" PRIu64 " is %s", store_id,
                     kv_scheduler_store_state_name(state));
    return false;
  }
  if (kv_region_find_store(&region->report.region, store_id) != NULL) {
    kv_response_fail(response, KV_SCHEDULER_INVALID,
                     "region %" PRIu64 " has a peer on store %" PRIu64 " already",
                     region->report.region.id, store_id);
    return false;
  }
  return true;
}

static bool plan_transfer(const kv_sched_region *region, const kv_scheduler_request *request,
                          kv_plan *plan, kv_scheduler_response *response) {
  plan->kind = KV_PLAN_TRANSFER;
  if (!take_peer(region, request->to_store, plan, response)) {
    return false;
  }
  if (plan->peer->role != KV_PEER_VOTER || plan->peer->id == region->report.leader_peer) {
    kv_response_fail(response, KV_SCHEDULER_INVALID, "the peer on store %" PRIu64 " %s",
                     request->to_store,
                     plan->peer->role != KV_PEER_VOTER ? "is no voter, it cannot lead"
                                                       : "leads the region already");
    return false;
  }
  return true;
}

static bool plan_removal(const kv_sched_region *region, const kv_scheduler_request *request,
                         kv_plan *plan, kv_scheduler_response *response) {
  plan->kind = KV_PLAN_REMOVE;
  if (region->report.region.peer_count == 1) {
    kv_response_fail(response, KV_SCHEDULER_INVALID, "the last peer of a region stays");
    return false;
  }
  return take_peer(region, request->from_store, plan, response);
}

static bool plan_split(const kv_sched_region *region, const kv_scheduler_request *request,
                       kv_plan *plan, kv_scheduler_response *response) {
  const raft_slice start = region->report.region.start;
  plan->kind = KV_PLAN_SPLIT;
  plan->key = request->key;
  if (request->key.len > 0 &&
      (!kv_region_has_key(&region->report.region, request->key) ||
       (start.len == request->key.len && memcmp(start.data, request->key.data, start.len) == 0))) {
    kv_response_fail(response, KV_SCHEDULER_INVALID, "the key is not inside of region %" PRIu64,
                     region->report.region.id);
    return false;
  }
  return true;
}

static bool make_plan(const kv_scheduler *s, const kv_sched_region *region,
                      const kv_scheduler_request *request, kv_plan *plan,
                      kv_scheduler_response *response) {
  if (strcmp(request->text, "transfer-leader") == 0) {
    return plan_transfer(region, request, plan, response);
  }
  if (strcmp(request->text, "add-peer") == 0) {
    plan->kind = KV_PLAN_ADD;
    return take_target(s, region, request->to_store, plan, response);
  }
  if (strcmp(request->text, "remove-peer") == 0) {
    return plan_removal(region, request, plan, response);
  }
  if (strcmp(request->text, "move-peer") == 0) {
    plan->kind = KV_PLAN_MOVE;
    return take_peer(region, request->from_store, plan, response) &&
           take_target(s, region, request->to_store, plan, response);
  }
  if (strcmp(request->text, "split") == 0) {
    return plan_split(region, request, plan, response);
  }
  kv_response_fail(response, KV_SCHEDULER_INVALID,
                   "operators are transfer-leader, add-peer, remove-peer, move-peer and split");
  return false;
}

static bool is_free(const kv_sched_region *region, kv_scheduler_response *response) {
  if (region->operator!= NULL) {
    kv_response_fail(response, KV_SCHEDULER_INVALID,
                     "region %" PRIu64 " has an operator, %s: wait for its end or cancel it",
                     region->report.region.id, region->operator->name);
    return false;
  }
  if (!kv_sched_region_is_settled(&region->report.region)) {
    kv_response_fail(response, KV_SCHEDULER_INVALID,
                     "the members of region %" PRIu64 " are just changing",
                     region->report.region.id);
    return false;
  }
  return true;
}

void kv_handle_add_operator(kv_scheduler *s, const kv_scheduler_request *request,
                            kv_scheduler_response *response) {
  kv_sched_region *region = known_region(s, request->id, response);
  kv_plan plan = {.class = KV_CLASS_ADMIN, .region = region, .why = "asked for"};
  if (region == NULL || !is_free(region, response) ||
      !make_plan(s, region, request, &plan, response)) {
    return;
  }
  kv_response_code(response, kv_operator_start(s, &plan, &response->id), "the operator");
}

/* ---- looking ---- */

static kv_operator_info *add_info(kv_scheduler_response *response) {
  void *operators = response->operators;
  kv_operator_info *info =
      kv_list_grow(&operators, response->operator_count, sizeof *response->operators, KV_MAX_LIST);
  response->operators = operators;
  if (info == NULL) {
    kv_response_code(response, KV_ENOMEM, "listing operators");
  }
  return info;
}

void kv_handle_list_operators(kv_scheduler *s, const kv_scheduler_request *request,
                              kv_scheduler_response *response) {
  (void)request;
  for (kv_link *link = kv_list_first(&s->operators.running); link != NULL;
       link = kv_list_next(&s->operators.running, link)) {
    kv_operator_info *info = add_info(response);
    if (info == NULL) {
      return;
    }
    kv_operator_describe(s, KV_OBJECT_OF(link, kv_operator, link), info);
    response->operator_count++;
  }
}

void kv_handle_operator_history(kv_scheduler *s, const kv_scheduler_request *request,
                                kv_scheduler_response *response) {
  kv_operator_info ended;
  for (size_t i = 0; (request->count == 0 || i < request->count) && kv_operator_ended(s, i, &ended);
       i++) {
    kv_operator_info *info = add_info(response);
    if (info == NULL) {
      return;
    }
    *info = ended;
    response->operator_count++;
  }
}

void kv_handle_cancel_operator(kv_scheduler *s, const kv_scheduler_request *request,
                               kv_scheduler_response *response) {
  const kv_sched_region *region = known_region(s, request->id, response);
  if (region != NULL && region->operator== NULL) {
    kv_response_fail(response, KV_SCHEDULER_NOT_FOUND, "region %" PRIu64 " has no operator",
                     request->id);
  } else if (region != NULL) {
    response->id = region->operator->id;
    kv_operator_end(s, region->operator, KV_OPERATOR_CANCELLED, "asked for");
  }
}
