/* replica_checker.c - has a region as many sound voters as it should, on stores that stay?
 *
 * One thing at a time, the most urgent first: a peer whose store is Down is replaced, then one
 * whose store is being drained; too few peers are made up for, too many removed; a learner that an
 * operator left behind is promoted or removed. Nothing is done to a region whose members are just
 * changing.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>

#include "scheduler/checkers.h"
#include "scheduler/operators.h"
#include "scheduler/region_set.h"
#include "scheduler/store_set.h"

/* ---- how bad is a peer's place? ---- */

typedef enum kv_badness { KV_SOUND = 0, KV_LEAVING = 1, KV_LOST = 2 } kv_badness;

static kv_badness badness(const kv_scheduler *s, const kv_sched_region *region,
                          const kv_region_peer *peer) {
  const kv_sched_store *store = kv_store_set_find(&s->stores, peer->store_id);
  const kv_peer_trouble *trouble = kv_region_report_trouble(&region->report, peer->id);
  if (store == NULL || store->kept == KV_STORE_TOMBSTONE ||
      kv_sched_store_state(s, store) == KV_STORE_DOWN ||
      (trouble != NULL && trouble->down_ms >= s->config.store_down_ms)) {
    return KV_LOST;
  }
  return store->kept == KV_STORE_OFFLINE ? KV_LEAVING : KV_SOUND;
}

static const char *badness_name(const kv_scheduler *s, const kv_region_peer *peer) {
  const kv_sched_store *store = kv_store_set_find(&s->stores, peer->store_id);
  return store != NULL ? kv_scheduler_store_state_name(kv_sched_store_state(s, store))
                       : "not known";
}

/* The worst placed peer of the region, a learner first; NULL: all are sound. */
static const kv_region_peer *worst(const kv_scheduler *s, const kv_sched_region *region) {
  const kv_region_peer *found = NULL;
  kv_badness how = KV_SOUND;
  for (size_t i = 0; i < region->report.region.peer_count; i++) {
    const kv_region_peer *peer = &region->report.region.peers[i];
    const kv_badness bad = badness(s, region, peer);
    if (bad > KV_SOUND &&
        (found == NULL || (peer->role == KV_PEER_LEARNER && found->role != KV_PEER_LEARNER) ||
         (peer->role == found->role && bad > how))) {
      how = bad;
      found = peer;
    }
  }
  return found;
}

static size_t count_role(const kv_sched_region *region, kv_peer_role role) {
  size_t count = 0;
  for (size_t i = 0; i < region->report.region.peer_count; i++) {
    count += region->report.region.peers[i].role == role;
  }
  return count;
}

/* ---- plans ---- */

static void remove_needless(const kv_scheduler *s, const kv_region_peer *peer, kv_plan *plan) {
  plan->kind = KV_PLAN_REMOVE;
  plan->peer = peer;
  kv_message_text(plan->why, sizeof plan->why, "store %" PRIu64 " is %s, and others suffice",
                  peer->store_id, badness_name(s, peer));
}

/* A learner that an operator left behind saves adding another one. False: there is none. */
static bool promote_learner(kv_plan *plan) {
  const kv_region *region = &plan->region->report.region;
  for (size_t i = 0; i < region->peer_count; i++) {
    const kv_region_peer *peer = &region->peers[i];
    if (peer->role == KV_PEER_LEARNER && kv_sched_peer_is_healthy(plan->region, peer)) {
      plan->peer = peer;
      plan->kind = KV_PLAN_PROMOTE;
      kv_message_text(plan->why, sizeof plan->why, "too few voters, but a learner");
      return true;
    }
  }
  kv_message_text(plan->why, sizeof plan->why, "waits for a learner to catch up");
  return count_role(plan->region, KV_PEER_LEARNER) > 0;
}

static void move_away(const kv_scheduler *s, const kv_region_peer *peer, kv_plan *plan) {
  char why[KV_WHY_BYTES];
  plan->peer = peer;
  plan->target = kv_store_set_target(s, plan->region, why, sizeof why);
  if (plan->target != NULL) {
    plan->kind = KV_PLAN_MOVE;
    kv_message_text(plan->why, sizeof plan->why, "store %" PRIu64 " is %s", peer->store_id,
                    badness_name(s, peer));
  } else {
    kv_message_text(plan->why, sizeof plan->why,
                    "no store for the peer of store %" PRIu64 ", which is %s: %s", peer->store_id,
                    badness_name(s, peer), why);
  }
}

/* A learner in a bad place just goes: it counts for nothing. */
static void plan_replacement(const kv_scheduler *s, const kv_region_peer *peer, kv_plan *plan) {
  if (peer->role == KV_PEER_LEARNER ||
      count_role(plan->region, KV_PEER_VOTER) > s->config.max_replicas) {
    remove_needless(s, peer, plan);
  } else if (!promote_learner(plan)) {
    move_away(s, peer, plan);
  }
}

static void plan_addition(const kv_scheduler *s, size_t voters, kv_plan *plan) {
  char why[KV_WHY_BYTES];
  plan->target = kv_store_set_target(s, plan->region, why, sizeof why);
  plan->kind = plan->target != NULL ? KV_PLAN_ADD : KV_PLAN_NONE;
  if (plan->target != NULL) {
    kv_message_text(plan->why, sizeof plan->why, "%zu of %" PRIu64 " replicas", voters,
                    s->config.max_replicas);
  } else {
    kv_message_text(plan->why, sizeof plan->why,
                    "%zu of %" PRIu64 " replicas, no store for more: %s", voters,
                    s->config.max_replicas, why);
  }
}

/* A better one to go: one that lags, then on the heavier store; the leader only if there is no
 * other. */
static bool goes_before(const kv_scheduler *s, const kv_sched_region *region,
                        const kv_region_peer *a, const kv_region_peer *b) {
  const bool a_leads = a->id == region->report.leader_peer;
  const bool b_leads = b->id == region->report.leader_peer;
  const bool a_lags = !kv_sched_peer_is_healthy(region, a);
  const bool b_lags = !kv_sched_peer_is_healthy(region, b);
  if (a_leads != b_leads) {
    return b_leads;
  }
  if (a_lags != b_lags) {
    return a_lags;
  }
  const kv_sched_store *store_a = kv_store_set_find(&s->stores, a->store_id);
  const kv_sched_store *store_b = kv_store_set_find(&s->stores, b->store_id);
  return store_a != NULL && store_b != NULL &&
         kv_sched_store_score(store_a) > kv_sched_store_score(store_b);
}

static void plan_removal(const kv_scheduler *s, kv_peer_role role, kv_plan *plan) {
  const kv_region *region = &plan->region->report.region;
  for (size_t i = 0; i < region->peer_count; i++) {
    const kv_region_peer *peer = &region->peers[i];
    if (peer->role == role &&
        (plan->peer == NULL || goes_before(s, plan->region, peer, plan->peer))) {
      plan->peer = peer;
    }
  }
  plan->kind = KV_PLAN_REMOVE;
  kv_message_text(plan->why, sizeof plan->why, "more than %" PRIu64 " replicas",
                  s->config.max_replicas);
}

/* Learners that are no part of an operator. */
static bool plan_leftover(const kv_scheduler *s, size_t voters, kv_plan *plan) {
  if (voters < s->config.max_replicas) {
    return promote_learner(plan);
  }
  if (count_role(plan->region, KV_PEER_LEARNER) == 0) {
    return false;
  }
  plan_removal(s, KV_PEER_LEARNER, plan);
  kv_message_text(plan->why, sizeof plan->why, "a learner that is no more needed");
  return true;
}

/* A peer that an operator began to add, on a store that died before it caught up: nobody else would
 * ever end that. NULL: members are just changing. */
static const kv_region_peer *lost_newcomer(const kv_scheduler *s, const kv_sched_region *region) {
  const kv_region_peer *found = NULL;
  for (size_t i = 0; i < region->report.region.peer_count; i++) {
    const kv_region_peer *peer = &region->report.region.peers[i];
    if (peer->role == KV_PEER_DEMOTING) {
      return NULL;
    }
    if (peer->role == KV_PEER_INCOMING && badness(s, region, peer) == KV_LOST) {
      found = peer;
    }
  }
  return found;
}

bool kv_replica_check(const kv_scheduler *s, kv_sched_region *region, kv_plan *plan) {
  *plan = (kv_plan){.region = region, .class = KV_CLASS_REPLICA};
  if (!kv_sched_region_is_settled(&region->report.region)) {
    const kv_region_peer *lost = lost_newcomer(s, region);
    if (lost != NULL) {
      remove_needless(s, lost, plan);
    }
    return lost != NULL;
  }
  const kv_region_peer *peer = worst(s, region);
  const size_t voters = count_role(region, KV_PEER_VOTER);
  if (peer != NULL) {
    plan_replacement(s, peer, plan);
  } else if (plan_leftover(s, voters, plan)) {
    return true;
  } else if (voters < s->config.max_replicas) {
    plan_addition(s, voters, plan);
  } else if (voters > s->config.max_replicas) {
    plan_removal(s, KV_PEER_VOTER, plan);
  } else {
    return false;
  }
  return true;
}
