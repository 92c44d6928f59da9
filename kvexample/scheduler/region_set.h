/* region_set.h - the regions of the cluster by key and by id, as their leaders last reported them.
 *
 * Invariant: no two of them overlap. There may be holes: while a split is only half reported, or
 * at first. A report that is older than what it would replace is refused (P82), so that a leader
 * that was cut off cannot bring back what was.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_SCHEDULER_REGION_SET_H
#define KV_SCHEDULER_REGION_SET_H

#include "scheduler/state.h"

void kv_region_set_init(kv_region_set *set);
void kv_region_set_clear(kv_region_set *set); /* no operator is running */

kv_sched_region *kv_region_set_find(const kv_region_set *set, uint64_t id); /* NULL: none */
kv_sched_region *kv_region_set_by_key(const kv_region_set *set, raft_slice key);
/* The one that contains the key or, if there is none, the next behind it. */
kv_sched_region *kv_region_set_from(const kv_region_set *set, raft_slice key);
/* In key order; NULL: there are no more. */
kv_sched_region *kv_region_set_first(const kv_region_set *set);
kv_sched_region *kv_region_set_next(const kv_region_set *set, const kv_sched_region *region);
/* The one that ends where this one begins. */
kv_sched_region *kv_region_set_previous(const kv_region_set *set, const kv_sched_region *region);

/* It has an id, members, and a range that is not empty. What has not must not be put. */
bool kv_sched_region_is_valid(const kv_region *region);
/* The report's epoch is older than that of the same region or of one that it overlaps, or the
 * epoch is the same and the term is older. */
bool kv_region_set_is_stale(const kv_scheduler *s, const kv_region_report *report);
/* Takes a copy of a report that is not stale, in place of all that it overlaps; their operators
 * end. reported: it was heard, not only read from disk. KV_ENOMEM: nothing happened. */
int kv_region_set_put(kv_scheduler *s, const kv_region_report *report, bool reported);

/* Gaps between the known regions. Linear. */
size_t kv_region_set_holes(const kv_scheduler *s);
/* Every member is a voter or a learner: no change of it is half done. */
bool kv_sched_region_is_settled(const kv_region *region);
/* The member neither lags nor is silent, by the leader's report. */
bool kv_sched_peer_is_healthy(const kv_sched_region *region, const kv_region_peer *peer);
const kv_region_peer *kv_sched_region_leader(const kv_sched_region *region); /* NULL: unknown */

#endif
