/* operator_steps.c - the steps that a plan takes, and when each of them is done.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "scheduler/operator_steps.h"

#include <inttypes.h>
#include <string.h>

#include "scheduler/region_set.h"
#include "scheduler/store_set.h"

/* ---- making ---- */

static kv_step *add_step(kv_operator *op, kv_step_kind kind) {
  kv_step *step = &op->steps[op->step_count++];
  *step = (kv_step){.kind = (uint32_t)kind};
  return step;
}

static void add_change(kv_step *step, kv_change_kind kind, uint64_t peer_id, uint64_t store_id,
                       const char *address) {
  kv_step_change *change = &step->changes[step->changes_count++];
  *change = (kv_step_change){.kind = (uint32_t)kind, .peer_id = peer_id, .store_id = store_id};
  kv_message_text(change->address, sizeof change->address, "%s", address);
}

static void change_of_member(kv_step *step, kv_change_kind kind, const kv_region_peer *peer) {
  add_change(step, kind, peer->id, peer->store_id, peer->address);
}

static void add_learner(kv_operator *op, const kv_sched_store *target, uint64_t peer_id) {
  add_change(add_step(op, KV_STEP_CHANGE_PEERS), KV_CHANGE_ADD_LEARNER, peer_id, target->id,
             target->address);
}

static void transfer_to(kv_operator *op, uint64_t peer_id) {
  add_step(op, KV_STEP_TRANSFER_LEADER)->peer_id = peer_id;
}

/* Who should lead when `leaving` must not: a sound voter on the store with the fewest leaders. */
static const kv_region_peer *successor(const kv_scheduler *s, const kv_sched_region *region,
                                       const kv_region_peer *leaving) {
  const kv_region_peer *best = NULL;
  int64_t fewest = 0;
  char why[KV_WHY_BYTES];
  for (size_t i = 0; i < region->report.region.peer_count; i++) {
    const kv_region_peer *peer = &region->report.region.peers[i];
    const kv_sched_store *store = kv_store_set_find(&s->stores, peer->store_id);
    if (peer == leaving || peer->role != KV_PEER_VOTER || store == NULL ||
        !kv_sched_peer_is_healthy(region, peer) ||
        !kv_store_takes_leader(s, store, why, sizeof why)) {
      continue;
    }
    if (best == NULL || kv_sched_store_leaders(store) < fewest) {
      best = peer;
      fewest = kv_sched_store_leaders(store);
    }
  }
  return best;
}

static void remove_steps(const kv_scheduler *s, kv_operator *op, const kv_plan *plan) {
  if (plan->region->report.leader_peer == plan->peer->id) {
    const kv_region_peer *next = successor(s, plan->region, plan->peer);
    if (next != NULL) {
      transfer_to(op, next->id);
    }
  }
  change_of_member(add_step(op, KV_STEP_CHANGE_PEERS), KV_CHANGE_REMOVE, plan->peer);
}

static void swap(kv_operator *op, const kv_plan *plan, uint64_t new_peer) {
  kv_step *step = add_step(op, KV_STEP_CHANGE_PEERS);
  add_change(step, KV_CHANGE_PROMOTE, new_peer, plan->target->id, plan->target->address);
  change_of_member(step, KV_CHANGE_DEMOTE, plan->peer);
}

/* A learner is no voter: nothing has to be swapped. A leader that has no other voter to follow it
 * stays until the new peer can. */
static void move_steps(const kv_scheduler *s, kv_operator *op, const kv_plan *plan,
                       uint64_t new_peer) {
  const bool leads = plan->region->report.leader_peer == plan->peer->id;
  const kv_region_peer *next = leads ? successor(s, plan->region, plan->peer) : NULL;
  add_learner(op, plan->target, new_peer);
  if (plan->peer->role == KV_PEER_LEARNER || (leads && next == NULL)) {
    add_change(add_step(op, KV_STEP_CHANGE_PEERS), KV_CHANGE_PROMOTE, new_peer, plan->target->id,
               plan->target->address);
    if (leads) {
      transfer_to(op, new_peer);
    }
  } else {
    if (leads) {
      transfer_to(op, next->id);
    }
    swap(op, plan, new_peer);
  }
  change_of_member(add_step(op, KV_STEP_CHANGE_PEERS), KV_CHANGE_REMOVE, plan->peer);
}

static void name_operator(kv_operator *op, const kv_plan *plan) {
  static const char *const names[] = {"none",         "add-peer",        "remove-peer", "move-peer",
                                      "promote-peer", "transfer-leader", "split"};
  const uint64_t from = plan->peer != NULL ? plan->peer->store_id : 0;
  const uint64_t to = plan->target != NULL ? plan->target->id : from;
  const size_t size = sizeof op->name;
  const char *name = names[plan->kind];
  if (plan->kind == KV_PLAN_MOVE) {
    kv_message_text(op->name, size, "%s from store %" PRIu64 " to store %" PRIu64, name, from, to);
  } else if (plan->kind == KV_PLAN_REMOVE) {
    kv_message_text(op->name, size, "%s from store %" PRIu64, name, from);
  } else if (plan->kind == KV_PLAN_SPLIT) {
    kv_message_text(op->name, size, "%s", name);
  } else {
    kv_message_text(op->name, size, "%s to store %" PRIu64, name, to);
  }
}

void kv_operator_plan_steps(const kv_scheduler *s, kv_operator *op, const kv_plan *plan,
                            uint64_t new_peer) {
  name_operator(op, plan);
  switch (plan->kind) {
  case KV_PLAN_ADD:
    add_learner(op, plan->target, new_peer);
    add_change(add_step(op, KV_STEP_CHANGE_PEERS), KV_CHANGE_PROMOTE, new_peer, plan->target->id,
               plan->target->address);
    break;
  case KV_PLAN_REMOVE: remove_steps(s, op, plan); break;
  case KV_PLAN_MOVE: move_steps(s, op, plan, new_peer); break;
  case KV_PLAN_PROMOTE:
    change_of_member(add_step(op, KV_STEP_CHANGE_PEERS), KV_CHANGE_PROMOTE, plan->peer);
    break;
  case KV_PLAN_TRANSFER: transfer_to(op, plan->peer->id); break;
  case KV_PLAN_SPLIT: add_step(op, KV_STEP_SPLIT); break;
  case KV_PLAN_NONE: break;
  }
}

/* ---- judging ---- */

/* A new learner counts once it lags no more: only then may another one go (P84). */
static bool change_is_done(const kv_sched_region *region, const kv_step_change *change) {
  const kv_region_peer *peer = kv_region_find_peer(&region->report.region, change->peer_id);
  switch (change->kind) {
  case KV_CHANGE_ADD_LEARNER: return peer != NULL && kv_sched_peer_is_healthy(region, peer);
  case KV_CHANGE_ADD_VOTER:
  case KV_CHANGE_PROMOTE: return peer != NULL && peer->role == KV_PEER_VOTER;
  case KV_CHANGE_DEMOTE: return peer == NULL || peer->role == KV_PEER_LEARNER;
  default: return peer == NULL;
  }
}

bool kv_operator_step_is_done(const kv_operator *op, const kv_step *step) {
  const kv_region_report *report = &op->region->report;
  if (step->kind == KV_STEP_TRANSFER_LEADER) {
    return report->leader_peer == step->peer_id;
  }
  if (step->kind == KV_STEP_SPLIT) {
    return report->region.epoch.version > op->epoch.version;
  }
  for (size_t i = 0; i < step->changes_count; i++) {
    if (!change_is_done(op->region, &step->changes[i])) {
      return false;
    }
  }
  return kv_sched_region_is_settled(&report->region);
}

uint64_t kv_operator_step_moves(const kv_step *step) {
  return step->kind != KV_STEP_CHANGE_PEERS ? 0 : step->changes_count > 1 ? 2 : 1;
}

void kv_operator_step_text(const kv_step *step, char *text, size_t size) {
  char list[160] = "";
  if (step->kind == KV_STEP_TRANSFER_LEADER) {
    kv_message_text(text, size, "transfer-leader to peer %" PRIu64, step->peer_id);
    return;
  }
  if (step->kind == KV_STEP_SPLIT) {
    kv_message_text(text, size, "split");
    return;
  }
  for (size_t i = 0; i < step->changes_count; i++) {
    const kv_step_change *change = &step->changes[i];
    const size_t len = strlen(list);
    kv_message_text(list + len, sizeof list - len, "%s%s peer %" PRIu64 " on store %" PRIu64,
                    i == 0 ? "" : " and ", kv_change_kind_name((kv_change_kind)change->kind),
                    change->peer_id, change->store_id);
  }
  kv_message_text(text, size, "%s", list);
}
