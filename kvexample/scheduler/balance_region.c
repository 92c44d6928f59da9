/* balance_region.c - moves peers from full stores to emptier ones, if the difference is worth it.
 *
 * A store's score is the sum of its regions' sizes, with what running operators will change; small
 * regions count as of the minimum size, so that many of them weigh something too. A peer of
 * weight w moves only if the scores differ by more than balance_percent of w: at 200 % the stores
 * are nearer to each other afterwards and never change places, so that balancing ends.
 *
 * Only regions with all of their replicas sound are moved: the others are the replica checker's.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>

#include "scheduler/checkers.h"
#include "scheduler/operators.h"
#include "scheduler/region_set.h"
#include "scheduler/store_set.h"

/* Regions of a store that are looked at in one round; the next reports bring others up. */
enum { CANDIDATES = 16 };

static bool is_worth_it(const kv_scheduler *s, const kv_sched_store *from, const kv_sched_store *to,
                        uint64_t weight) {
  const int64_t difference = kv_sched_store_score(from) - kv_sched_store_score(to);
  return difference > 0 && (uint64_t)difference > weight * s->config.balance_percent / 100;
}

static bool is_complete(const kv_scheduler *s, const kv_sched_region *region) {
  const kv_region *members = &region->report.region;
  return region->reported && region->operator== NULL &&
                             region->report.trouble_count == 0 && members->peer_count ==
                             s->config.max_replicas && kv_sched_region_is_settled(members);
}

/* Keeps the nearest miss for the explanation. */
static void note_miss(const kv_scheduler *s, const kv_sched_store *from, const kv_sched_store *to,
                      uint64_t weight, kv_plan *plan) {
  const int64_t difference = kv_sched_store_score(from) - kv_sched_store_score(to);
  kv_message_text(plan->why, sizeof plan->why,
                  "the difference of stores %" PRIu64 " and %" PRIu64 ", %" PRId64
                  " KiB, is not more than the threshold of %" PRIu64 " KiB",
                  from->id, to->id, difference / 1024,
                  weight * s->config.balance_percent / 100 / 1024);
}

static bool try_region(const kv_scheduler *s, kv_sched_region *region, kv_sched_store *from,
                       kv_plan *plan) {
  char why[KV_WHY_BYTES];
  if (!is_complete(s, region)) {
    return false;
  }
  kv_sched_store *to = kv_store_set_target(s, region, why, sizeof why);
  if (to == NULL) {
    kv_message_text(plan->why, sizeof plan->why, "no store for more: %s", why);
    return false;
  }
  if (!is_worth_it(s, from, to, region->weight)) {
    note_miss(s, from, to, region->weight, plan);
    return false;
  }
  plan->kind = KV_PLAN_MOVE;
  plan->region = region;
  plan->peer = kv_region_find_store(&region->report.region, from->id);
  plan->target = to;
  kv_message_text(plan->why, sizeof plan->why,
                  "store %" PRIu64 " has %" PRId64 " KiB, store %" PRIu64 " %" PRId64 " KiB",
                  from->id, kv_sched_store_score(from) / 1024, to->id,
                  kv_sched_store_score(to) / 1024);
  return true;
}

static bool try_list(const kv_scheduler *s, kv_list *places, kv_sched_store *from, kv_plan *plan) {
  int left = CANDIDATES;
  for (kv_link *link = kv_list_first(places); link != NULL && left > 0;
       link = kv_list_next(places, link), left--) {
    if (try_region(s, KV_OBJECT_OF(link, kv_place, link)->region, from, plan)) {
      return true;
    }
  }
  return false;
}

static bool try_source(const kv_scheduler *s, kv_sched_store *from, kv_plan *plan) {
  if (from->removing >= s->config.store_limit) {
    kv_message_text(plan->why, sizeof plan->why,
                    "store %" PRIu64 " gives %zu peers away already, its limit", from->id,
                    from->removing);
    return false;
  }
  return try_list(s, &from->followers, from, plan) || try_list(s, &from->leaders, from, plan);
}

/* The fullest store that is below `below` in the order (score, then id); NULL: none. */
static kv_sched_store *next_source(const kv_scheduler *s, const kv_sched_store *below) {
  kv_sched_store *best = NULL;
  for (size_t i = 0; i < s->stores.count; i++) {
    kv_sched_store *store = s->stores.stores[i];
    const int64_t score = kv_sched_store_score(store);
    if (kv_sched_store_state(s, store) != KV_STORE_UP ||
        (below != NULL && (score > kv_sched_store_score(below) ||
                           (score == kv_sched_store_score(below) && store->id <= below->id)))) {
      continue;
    }
    if (best == NULL || score > kv_sched_store_score(best)) {
      best = store;
    }
  }
  return best;
}

void kv_balance_region(const kv_scheduler *s, kv_plan *plan) {
  char first[KV_WHY_BYTES] = "";
  *plan = (kv_plan){.class = KV_CLASS_BALANCE};
  if (!kv_operator_allowed(s, plan->class, plan->why, sizeof plan->why)) {
    return;
  }
  kv_message_text(plan->why, sizeof plan->why, "no store has regions with all replicas sound");
  kv_sched_store *from = NULL;
  while ((from = next_source(s, from)) != NULL) {
    if (try_source(s, from, plan)) {
      return;
    }
    if (first[0] == '\0') { /* the fullest store's reason is the telling one */
      kv_message_text(first, sizeof first, "%s", plan->why);
    }
  }
  if (first[0] != '\0') {
    kv_message_text(plan->why, sizeof plan->why, "%s", first);
  }
}
