/* operator_steps.h - the steps that a plan takes, and when each of them is done.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_SCHEDULER_OPERATOR_STEPS_H
#define KV_SCHEDULER_OPERATOR_STEPS_H

#include "scheduler/state.h"

/* Fills op->steps and name; new_peer is the id of the peer that the plan adds, if it does. */
void kv_operator_plan_steps(const kv_scheduler *s, kv_operator *op, const kv_plan *plan,
                            uint64_t new_peer);
/* The region's report shows the step done. */
bool kv_operator_step_is_done(const kv_operator *op, const kv_step *step);
/* By how much doing the step moves the region's conf_ver: 1, or 2 through a joint one. */
uint64_t kv_operator_step_moves(const kv_step *step);
void kv_operator_step_text(const kv_step *step, char *text, size_t size);

#endif
