/* membership.h - what a leader knows of its members, and how it proposes to change them; for the
 * files of membership only. What requests and the scheduler ask is in peer.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_RAFTSTORE_MEMBERSHIP_H
#define KV_RAFTSTORE_MEMBERSHIP_H

#include "raftstore/peer.h"

/* It lacks few entries only, and gets them by log. */
bool kv_member_has_caught_up(const kv_peer *peer, uint64_t peer_id);
/* Ticks since the member's store was heard of; 0: less than an election timeout. */
uint64_t kv_member_silence(const kv_peer *peer, const kv_region_peer *member);
/* It has no data yet, or needs a snapshot to go on. */
bool kv_member_is_pending(const kv_peer *peer, const kv_region_peer *member);
/* A new leader has not heard of everybody yet: followers do not talk to each other. */
bool kv_member_is_new_leader(const kv_peer *peer);
/* Who takes over when this leader is to leave: the live voter that has most of the log; 0: nobody.
 */
uint64_t kv_member_successor(const kv_peer *peer);
/* NULL: the peer may be asked to take over now. Otherwise a reason that begins with TRYAGAIN. */
const char *kv_member_why_not_lead(const kv_peer *peer, uint64_t peer_id);
void kv_member_hand_over(kv_peer *peer, uint64_t to_peer);
/* None may be proposed now: one is not applied yet, or this term has applied nothing. */
bool kv_member_change_in_flight(const kv_peer *peer);
/* Would a majority of the voters be healthy after the changes? */
bool kv_member_stays_available(const kv_peer *peer, const kv_change_peer *changes, size_t count);
/* Several changes are made together, by a joint configuration. Fills in the epochs. */
bool kv_member_propose(kv_peer *peer, kv_change_peer *changes, size_t count);
/* Learner to voter. */
bool kv_member_promote(kv_peer *peer, const kv_region_peer *member);

#endif
