/* region_change.h - what a membership change makes of a region.
 *
 * One peer is added, removed or given another role at once. Several are changed together by a joint
 * configuration (thesis 4.3): voters that come are `joining`, voters that go `demoting`; both
 * majorities count until a second entry, which the leader's Raft proposes by itself, leaves it:
 * then joining peers are voters and demoting ones learners, which may be removed. conf_ver counts
 * each of the two entries.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_RAFTSTORE_REGION_CHANGE_H
#define KV_RAFTSTORE_REGION_CHANGE_H

#include <libraft/types.h>

#include "raftstore/apply.h"
#include "raftstore/entry.h"

/* Peers that one joint change may name. */
#define KV_MAX_CHANGES 16u

/* The region is between two configurations. */
bool kv_region_is_joint(const kv_region *region);
/* Every one of the changes is in force already: doing them (again) is no error. */
bool kv_region_has_changes(const kv_region *region, const kv_change_peer *changes, size_t count,
                           bool joint);
/* Makes the change that raft entry `at` (conf change of either form) holds. *outcome:
 * KV_APPLY_DONE, KV_APPLY_STALE (it contradicts the region: another epoch, or one that cannot be),
 * KV_APPLY_REDUNDANT; the region is unchanged in the latter two. KV_ECORRUPT: no such entry,
 * KV_ENOMEM. */
int kv_region_apply_change(kv_region *region, const raft_entry *at, kv_apply_outcome *outcome);

/* The context of a joint change. New buffer with one reference. KV_ENOMEM. */
int kv_change_list_encode(const kv_change_peer *changes, size_t count, raft_buf **context);
/* changes has room for KV_MAX_CHANGES. KV_ECORRUPT. */
int kv_change_list_decode(raft_slice context, kv_change_peer *changes, size_t *count);

#endif
