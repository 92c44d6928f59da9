/* checkers.h - who plans operators: a plan, or the reason why there is none.
 *
 * All of them only look: what they plan takes effect by kv_operator_start. So describing what the
 * scheduler does is running them and reading their reasons.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_SCHEDULER_CHECKERS_H
#define KV_SCHEDULER_CHECKERS_H

#include "scheduler/state.h"

/* replica_checker.c: has the region as many sound voters as it should, on stores that stay?
 * True: plan->kind says what to do; if it is none, something should be done, but cannot be for
 * the reason in plan->why. False: the region is as it should be, or is changing already. */
bool kv_replica_check(const kv_scheduler *s, kv_sched_region *region, kv_plan *plan);

/* balance_region.c: moves a peer from a full store to an emptier one, if the difference is worth
 * it. balance_leader.c: hands leaderships from stores with many to stores with few. Both: plan->why
 * says why, or why not. */
void kv_balance_region(const kv_scheduler *s, kv_plan *plan);
void kv_balance_leader(const kv_scheduler *s, kv_plan *plan);

/* split_checker.c: a region that is larger than the limit is split half-way. */
bool kv_sched_split_check(const kv_scheduler *s, kv_sched_region *region, kv_plan *plan);

/* Plans of their own are made: not paused, and enough is known. False: why says what is missing. */
bool kv_scheduler_may_plan(const kv_scheduler *s, char *why, size_t size);

#endif
