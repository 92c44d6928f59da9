/* balance_leader.c - hands leaderships from stores with many to stores with few.
 *
 * Pairs of stores are tried by their difference, the largest first; it must be at least
 * leader_difference (2 or more), so that a hand-over always brings them nearer to each other.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>

#include "scheduler/checkers.h"
#include "scheduler/operators.h"
#include "scheduler/region_set.h"
#include "scheduler/store_set.h"

enum { CANDIDATES = 64 };

static bool try_region(kv_sched_region *region, const kv_sched_store *from,
                       const kv_sched_store *to, kv_plan *plan) {
  const kv_region_peer *peer = kv_region_find_store(&region->report.region, to->id);
  if (peer == NULL || peer->role != KV_PEER_VOTER ||
      region->operator!=
      NULL || !region->reported || !kv_sched_region_is_settled(&region->report.region) ||
      !kv_sched_peer_is_healthy(region, peer)) {
    return false;
  }
  plan->kind = KV_PLAN_TRANSFER;
  plan->region = region;
  plan->peer = peer;
  kv_message_text(plan->why, sizeof plan->why,
                  "store %" PRIu64 " leads %" PRId64 " regions, store %" PRIu64 " %" PRId64,
                  from->id, kv_sched_store_leaders(from), to->id, kv_sched_store_leaders(to));
  return true;
}

static bool try_pair(const kv_sched_store *from, const kv_sched_store *to, kv_plan *plan) {
  int left = CANDIDATES;
  for (kv_link *link = kv_list_first(&from->leaders); link != NULL && left > 0;
       link = kv_list_next(&from->leaders, link), left--) {
    if (try_region(KV_OBJECT_OF(link, kv_place, link)->region, from, to, plan)) {
      return true;
    }
  }
  return false;
}

static int64_t difference(const kv_sched_store *from, const kv_sched_store *to) {
  return kv_sched_store_leaders(from) - kv_sched_store_leaders(to);
}

/* The target for one source: of those with few enough leaders, the one with the fewest that has a
 * voter of one of the source's regions. */
static bool try_source(const kv_scheduler *s, const kv_sched_store *from, kv_plan *plan) {
  const int64_t worth = (int64_t)s->config.leader_difference;
  kv_plan best = *plan;
  const kv_sched_store *fewest = NULL;
  char why[KV_WHY_BYTES];
  for (size_t i = 0; i < s->stores.count; i++) {
    const kv_sched_store *to = s->stores.stores[i];
    if (to == from || to->kept == KV_STORE_TOMBSTONE || difference(from, to) < worth) {
      continue;
    }
    if (!kv_store_takes_leader(s, to, why, sizeof why)) {
      kv_message_text(plan->why, sizeof plan->why, "%s", why);
    } else if ((fewest == NULL || difference(to, fewest) < 0) && try_pair(from, to, &best)) {
      fewest = to;
    }
  }
  if (fewest != NULL) {
    *plan = best;
  }
  return fewest != NULL;
}

void kv_balance_leader(const kv_scheduler *s, kv_plan *plan) {
  kv_plan best;
  const kv_sched_store *most = NULL;
  *plan = (kv_plan){.class = KV_CLASS_LEADER};
  if (!kv_operator_allowed(s, plan->class, plan->why, sizeof plan->why)) {
    return;
  }
  kv_message_text(plan->why, sizeof plan->why,
                  "no two stores differ by %" PRIu64 " leaders that could be handed over",
                  s->config.leader_difference);
  best = *plan;
  for (size_t i = 0; i < s->stores.count; i++) {
    const kv_sched_store *from = s->stores.stores[i];
    kv_plan tried = best;
    if (kv_sched_store_state(s, from) == KV_STORE_UP &&
        (most == NULL || difference(from, most) > 0) && try_source(s, from, &tried)) {
      *plan = tried;
      most = from;
    } else if (most == NULL) {
      best = *plan = tried;
    }
  }
}
