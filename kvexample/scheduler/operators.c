/* operators.c - what the scheduler wants of regions, step by step, and what became of it.
 *
 * While an operator runs, its stores are credited with what it will bring or take, so that the
 * balancers do not plan the same thing twice; as soon as a report shows the peer come or gone, the
 * stores' own counts say so and the credit ends.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "scheduler/operators.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "scheduler/ids.h"
#include "scheduler/operator_steps.h"
#include "scheduler/region_set.h"
#include "scheduler/store_set.h"

const char *kv_operator_class_name(kv_operator_class class) {
  static const char *const names[] = {"balance-leader", "balance-region", "replica-checker",
                                      "request"};
  return names[class];
}

uint64_t kv_operator_limit(const kv_scheduler *s, kv_operator_class class) {
  const uint64_t limits[] = {s->config.leader_limit, s->config.balance_limit,
                             s->config.replica_limit, UINT64_MAX};
  return limits[class];
}

bool kv_operator_allowed(const kv_scheduler *s, kv_operator_class class, char *why, size_t size) {
  const uint64_t limit = kv_operator_limit(s, class);
  if (s->operators.of_class[class] < limit) {
    return true;
  }
  kv_message_text(why, size, "%zu operators run, the limit of %s", s->operators.of_class[class],
                  kv_operator_class_name(class));
  return false;
}

void kv_operator_set_init(kv_operator_set *set) {
  *set = (kv_operator_set){0};
  kv_list_init(&set->running);
}

/* ---- influence ---- */

static void end_coming(kv_operator *op) {
  if (op->counts_add) {
    op->counts_add = false;
    op->to->coming_bytes -= (int64_t)op->weight;
  }
}

/* Until it has caught up, the new peer is work for its store. */
static void end_adding(kv_operator *op) {
  if (op->counts_work) {
    op->counts_work = false;
    op->to->adding--;
  }
}

static void end_removing(kv_operator *op) {
  if (op->counts_remove) {
    op->counts_remove = false;
    op->from->removing--;
    op->from->coming_bytes += (int64_t)op->weight;
  }
}

static void end_leader(kv_operator *op) {
  if (op->counts_leader) {
    op->counts_leader = false;
    op->to->coming_leaders--;
    if (op->from != NULL) {
      op->from->coming_leaders++;
    }
  }
}

static void begin_adding(kv_operator *op, kv_sched_store *to) {
  op->to = to;
  op->counts_add = op->counts_work = true;
  to->adding++;
  to->coming_bytes += (int64_t)op->weight;
}

static void begin_removing(kv_operator *op, kv_sched_store *from) {
  op->from = from;
  if (from != NULL) {
    op->counts_remove = true;
    from->removing++;
    from->coming_bytes -= (int64_t)op->weight;
  }
}

static void begin_leader(kv_operator *op, kv_sched_store *to, kv_sched_store *from) {
  op->to = to;
  op->from = from;
  if (to != NULL) {
    op->counts_leader = true;
    to->coming_leaders++;
    if (from != NULL) {
      from->coming_leaders--;
    }
  }
}

static kv_sched_store *store_of(const kv_scheduler *s, const kv_region_peer *peer) {
  return peer != NULL ? kv_store_set_find(&s->stores, peer->store_id) : NULL;
}

static void begin_influence(kv_scheduler *s, kv_operator *op, const kv_plan *plan) {
  op->weight = plan->region->weight;
  if (plan->target != NULL) {
    begin_adding(op, plan->target);
  }
  if (plan->kind == KV_PLAN_MOVE || plan->kind == KV_PLAN_REMOVE) {
    op->old_peer = plan->peer->id;
    begin_removing(op, store_of(s, plan->peer));
  }
  if (plan->kind == KV_PLAN_TRANSFER) {
    begin_leader(op, store_of(s, plan->peer), store_of(s, kv_sched_region_leader(plan->region)));
  }
}

static void see_influence(kv_operator *op) {
  const kv_region *region = &op->region->report.region;
  const kv_region_peer *added = kv_region_find_peer(region, op->new_peer);
  if (added != NULL) {
    end_coming(op);
  }
  if (added != NULL && kv_sched_peer_is_healthy(op->region, added)) {
    end_adding(op);
  }
  if (op->counts_remove && kv_region_find_peer(region, op->old_peer) == NULL) {
    end_removing(op);
  }
}

/* ---- beginning and end ---- */

static void start_clock(const kv_scheduler *s, kv_operator *op) {
  const bool leader_only = op->kind == KV_PLAN_TRANSFER;
  op->began_ms = s->now;
  op->deadline_ms =
      s->now + (leader_only ? s->config.leader_timeout_ms : s->config.region_timeout_ms);
}

static int keep_split_key(kv_operator *op, raft_slice key) {
  if (key.len > 0) {
    op->split_key = malloc(key.len);
    if (op->split_key == NULL) {
      return KV_ENOMEM;
    }
    memcpy(op->split_key, key.data, key.len);
    op->split_key_len = key.len;
  }
  return KV_OK;
}

static void free_operator(kv_operator *op) {
  if (op != NULL) {
    free(op->split_key);
    free(op);
  }
}

int kv_operator_start(kv_scheduler *s, const kv_plan *plan, uint64_t *id) {
  if (plan->kind == KV_PLAN_NONE || plan->region->operator!= NULL) {
    return KV_EINVAL;
  }
  kv_operator *op = calloc(1, sizeof *op);
  int rc = op != NULL ? keep_split_key(op, plan->key) : KV_ENOMEM;
  if (rc == KV_OK && plan->target != NULL) {
    rc = kv_ids_take(s, 1, &op->new_peer);
  }
  if (rc != KV_OK) {
    free_operator(op);
    return rc;
  }
  op->id = ++s->operators.last_id;
  op->region = plan->region;
  op->kind = plan->kind;
  op->class = plan->class;
  op->epoch = plan->region->report.region.epoch;
  memcpy(op->reason, plan->why, sizeof op->reason);
  kv_operator_plan_steps(s, op, plan, op->new_peer);
  start_clock(s, op);
  begin_influence(s, op, plan);
  plan->region->operator= op;
  kv_list_append(&s->operators.running, &op->link);
  s->operators.count++;
  s->operators.of_class[op->class]++;
  kv_log(&s->logger, KV_INFO, "an operator begins",
         "operator=%" PRIu64 " region=%" PRIu64 " name=\"%s\" by=%s reason=\"%s\"", op->id,
         plan->region->report.region.id, op->name, kv_operator_class_name(op->class), op->reason);
  if (id != NULL) {
    *id = op->id;
  }
  return KV_OK;
}

/* In the history age and ended are the points in time. */
static void remember(kv_scheduler *s, const kv_operator *op, kv_operator_state state,
                     const char *why) {
  kv_operator_info *info = &s->operators.history[s->operators.ended++ % KV_OPERATOR_HISTORY];
  kv_operator_describe(s, op, info);
  info->state = (uint32_t)state;
  info->age = op->began_ms;
  info->ended = s->now;
  kv_message_text(info->step, sizeof info->step, "%s", why);
}

static void detach(kv_scheduler *s, kv_operator *op) {
  end_coming(op);
  end_adding(op);
  end_removing(op);
  end_leader(op);
  op->region->operator= NULL;
  kv_list_remove(&op->link);
  s->operators.count--;
  s->operators.of_class[op->class]--;
}

void kv_operator_end(kv_scheduler *s, kv_operator *op, kv_operator_state state, const char *why) {
  remember(s, op, state, why);
  detach(s, op);
  if (op->kind == KV_PLAN_SPLIT && state != KV_OPERATOR_FINISHED) {
    op->region->split_again_ms = s->now + s->config.region_timeout_ms;
  }
  kv_log(&s->logger, state == KV_OPERATOR_FINISHED ? KV_INFO : KV_WARN, "an operator ended",
         "operator=%" PRIu64 " region=%" PRIu64 " name=\"%s\" state=%s why=\"%s\"", op->id,
         op->region->report.region.id, op->name, kv_operator_state_name(state), why);
  free_operator(op);
}

void kv_operator_set_clear(kv_scheduler *s) {
  kv_link *link;
  while ((link = kv_list_first(&s->operators.running)) != NULL) {
    kv_operator *op = KV_OBJECT_OF(link, kv_operator, link);
    detach(s, op);
    free_operator(op);
  }
}

/* ---- going on ---- */

const kv_step *kv_operator_step(const kv_operator *op) {
  return &op->steps[op->done];
}

raft_slice kv_operator_split_key(const kv_operator *op) {
  return (raft_slice){op->split_key, op->split_key_len};
}

/* The epoch moved as the current step moves it, or not yet at all. */
static bool epoch_is_expected(const kv_operator *op, const kv_step *step, bool done) {
  const kv_epoch now = op->region->report.region.epoch;
  const uint64_t least = op->epoch.conf_ver;
  const uint64_t most = least + kv_operator_step_moves(step);
  if (step->kind != KV_STEP_SPLIT && now.version != op->epoch.version) {
    return false;
  }
  return done ? now.conf_ver == most : now.conf_ver >= least && now.conf_ver <= most;
}

void kv_operator_advance(kv_scheduler *s, kv_operator *op) {
  see_influence(op);
  while (op->done < op->step_count) {
    const kv_step *step = &op->steps[op->done];
    const bool done = kv_operator_step_is_done(op, step);
    if (!epoch_is_expected(op, step, done)) {
      kv_operator_end(s, op, KV_OPERATOR_OUTDATED, "the region changed in another way");
      return;
    }
    if (!done) {
      return;
    }
    op->done++;
    op->epoch = op->region->report.region.epoch;
  }
  kv_operator_end(s, op, KV_OPERATOR_FINISHED, "all steps are done");
}

/* The new peer votes already: what is left is taking the old one away. */
static bool has_arrived(const kv_operator *op) {
  const kv_region_peer *peer = kv_region_find_peer(&op->region->report.region, op->new_peer);
  return peer != NULL && peer->role == KV_PEER_VOTER;
}

/* Silent is enough: what cannot go on there now would hold the region until its time is over, long
 * before the store counts as down. It is planned anew, elsewhere or when the store is back. */
static bool target_is_gone(const kv_scheduler *s, const kv_operator *op) {
  return op->to != NULL && !has_arrived(op) && kv_sched_store_state(s, op->to) != KV_STORE_UP;
}

static void end_without_target(kv_scheduler *s, kv_operator *op) {
  char why[KV_WHY_BYTES];
  kv_message_text(why, sizeof why, "store %" PRIu64 ", to which it goes, is %s", op->to->id,
                  kv_scheduler_store_state_name(kv_sched_store_state(s, op->to)));
  kv_operator_end(s, op, KV_OPERATOR_CANCELLED, why);
}

void kv_operator_set_tick(kv_scheduler *s) {
  kv_link *next;
  for (kv_link *link = kv_list_first(&s->operators.running); link != NULL; link = next) {
    kv_operator *op = KV_OBJECT_OF(link, kv_operator, link);
    next = kv_list_next(&s->operators.running, link);
    if (s->now >= op->deadline_ms) {
      kv_operator_end(s, op, KV_OPERATOR_TIMED_OUT, "its time is over");
    } else if (target_is_gone(s, op)) {
      end_without_target(s, op);
    }
  }
}

/* ---- showing ---- */

void kv_operator_describe(const kv_scheduler *s, const kv_operator *op, kv_operator_info *info) {
  *info = (kv_operator_info){.id = op->id,
                             .region_id = op->region->report.region.id,
                             .steps_done = (uint32_t)op->done,
                             .step_count = (uint32_t)op->step_count,
                             .state = KV_OPERATOR_RUNNING,
                             .age = s->now - op->began_ms};
  kv_message_text(info->name, sizeof info->name, "%s", op->name);
  kv_message_text(info->reason, sizeof info->reason, "%s: %s", kv_operator_class_name(op->class),
                  op->reason);
  if (op->done < op->step_count) {
    kv_operator_step_text(kv_operator_step(op), info->step, sizeof info->step);
  }
}

bool kv_operator_ended(const kv_scheduler *s, size_t i, kv_operator_info *info) {
  const kv_operator_set *set = &s->operators;
  if (i >= set->ended || i >= KV_OPERATOR_HISTORY) {
    return false;
  }
  *info = set->history[(set->ended - 1 - i) % KV_OPERATOR_HISTORY];
  info->age = s->now - info->age;
  info->ended = s->now - info->ended;
  return true;
}
