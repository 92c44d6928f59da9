/* split_checker.c - a region that is larger than the limit is split half-way.
 *
 * Stores look after their regions' sizes themselves; this is for what they missed.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>

#include "scheduler/checkers.h"
#include "scheduler/region_set.h"

bool kv_sched_split_check(const kv_scheduler *s, kv_sched_region *region, kv_plan *plan) {
  *plan = (kv_plan){.region = region, .class = KV_CLASS_ADMIN};
  if (region->report.bytes <= s->config.region_max_bytes || s->now < region->split_again_ms ||
      !kv_sched_region_is_settled(&region->report.region)) {
    return false;
  }
  plan->kind = KV_PLAN_SPLIT;
  kv_message_text(plan->why, sizeof plan->why, "%" PRIu64 " KiB are more than %" PRIu64 " KiB",
                  region->report.bytes >> 10, s->config.region_max_bytes >> 10);
  return true;
}
