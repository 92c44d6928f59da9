/* confchange.h - the algebra of membership changes, simple and joint (thesis 4.1, 4.3).
 *
 * Each function computes the tracker that a change would lead to, next to the one in force,
 * which is not touched: an invalid change or an allocation that fails leaves no trace. Adopt the
 * result with raft_tracker_adopt, or drop it with raft_tracker_discard. Until then the result
 * shares the windows of members that stay with the tracker that it was computed from, which must
 * not change meanwhile.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RAFT_CONFCHANGE_H
#define RAFT_CONFCHANGE_H

#include "tracker.h"

/* `next` is uninitialised on entry; holds the result on RAFT_OK only. New members start to probe at
 * max(last_index, 1), as recently active. RAFT_ECONF_..., RAFT_ENOMEM; RAFT_EINVARIANT: `now` is
 * no configuration that changes can lead to. */
int raft_confchange_simple(const raft_tracker *now, uint64_t last_index,
                           const raft_conf_change_single *changes, size_t count,
                           raft_tracker *next);
int raft_confchange_enter_joint(const raft_tracker *now, uint64_t last_index, bool auto_leave,
                                const raft_conf_change_single *changes, size_t count,
                                raft_tracker *next);
int raft_confchange_leave_joint(const raft_tracker *now, uint64_t last_index, raft_tracker *next);
/* Chooses among the three as ConfChangeV2 says: no changes and AUTO leave; JOINT_..., or AUTO with
 * more than one change, enter joint (auto_leave unless EXPLICIT); else simple. */
int raft_confchange_apply(const raft_tracker *now, uint64_t last_index,
                          const raft_conf_change_v2 *change, raft_tracker *next);
/* The configuration that a ConfState describes, from nothing (`now` gives limits and allocator;
 * progress is new for all members). RAFT_EINVAL: no ConfState that changes can lead to. */
int raft_confchange_restore(const raft_tracker *now, uint64_t last_index,
                            const raft_conf_state *state, raft_tracker *next);

/* Puts `next` into force: windows of members that stay move over, those of members that left
 * are freed. `next` is dead afterwards. */
void raft_tracker_adopt(raft_tracker *tracker, raft_tracker *next);
/* Frees a result that is not wanted. */
void raft_tracker_discard(raft_tracker *next);

/* Is it of a type that can be applied? What has node id 0 is skipped, whatever its type. */
static inline bool raft_confchange_knows(const raft_conf_change_single *change) {
  return change->node_id == RAFT_NO_ID ||
         (change->node_id < RAFT_APPLY_THREAD && (unsigned)change->type <= RAFT_CONF_ADD_LEARNER);
}

#endif
