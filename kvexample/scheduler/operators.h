/* operators.h - what the scheduler wants of regions, step by step, and what became of it.
 *
 * An operator belongs to one region in one epoch; a region has at most one. Its current step goes
 * out with every response to a heartbeat of the region until a heartbeat shows it done, so steps
 * are at-least-once. It ends when all steps are done, when the epoch moves otherwise than its steps
 * move it (P83), when its time is over, or when somebody cancels it.
 *
 * A peer moves safely (P84): a learner is added; when it lags no more, and after the leadership has
 * left the peer that goes, a joint configuration promotes the one and demotes the other; then the
 * demoted one is removed.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_SCHEDULER_OPERATORS_H
#define KV_SCHEDULER_OPERATORS_H

#include "scheduler/state.h"

void kv_operator_set_init(kv_operator_set *set);
void kv_operator_set_clear(kv_scheduler *s); /* frees them; no history is written */

/* Starts what was planned. KV_EINVAL: the plan's kind is none, or the region has an operator. */
int kv_operator_start(kv_scheduler *s, const kv_plan *plan, uint64_t *id);
/* Ends and frees it. */
void kv_operator_end(kv_scheduler *s, kv_operator *op, kv_operator_state state, const char *why);
/* The region has a new report: goes to the next step, or ends. */
void kv_operator_advance(kv_scheduler *s, kv_operator *op);
/* The step that the region should take now. */
const kv_step *kv_operator_step(const kv_operator *op);
raft_slice kv_operator_split_key(const kv_operator *op);

/* May one more of the class start? False: `why` says what is against it. */
bool kv_operator_allowed(const kv_scheduler *s, kv_operator_class class, char *why, size_t size);
/* Time-outs, and targets that are no more there. */
void kv_operator_set_tick(kv_scheduler *s);

void kv_operator_describe(const kv_scheduler *s, const kv_operator *op, kv_operator_info *info);
/* The i-th that ended, the latest first. False: no more are kept. */
bool kv_operator_ended(const kv_scheduler *s, size_t i, kv_operator_info *info);
const char *kv_operator_class_name(kv_operator_class class);
uint64_t kv_operator_limit(const kv_scheduler *s, kv_operator_class class); /* 2^64-1: none */

#endif
