/* tracker.h - the configuration in force and the progress of each of its members.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RAFT_TRACKER_H
#define RAFT_TRACKER_H

#include "idset.h"
#include "progress.h"
#include "quorum.h"

/* Who has which part. Invariants (upstream's, see confchange.c): learners and voters are
 * disjoint; learners_next is a part of outgoing; outgoing is empty unless joint. */
typedef struct raft_configuration {
  raft_idset incoming;
  raft_idset outgoing;
  raft_idset learners;
  raft_idset learners_next;
  bool auto_leave;
} raft_configuration;

/* Progress is an array by ascending id: exactly the members of the configuration. */
typedef struct raft_tracker {
  raft_configuration config;
  raft_progress *progress;
  uint32_t count;
  raft_inflight_limits limits;
  const raft_allocator *allocator;
} raft_tracker;

void raft_tracker_init(raft_tracker *tracker, raft_inflight_limits limits,
                       const raft_allocator *allocator);
void raft_tracker_close(raft_tracker *tracker);

/* Position of the member, `count` if there is none. */
uint32_t raft_tracker_search(const raft_tracker *tracker, uint64_t id);
static inline uint32_t raft_tracker_position(const raft_tracker *tracker, uint64_t id) {
  enum { FEW = 8 }; /* looked through faster than bisected */
  uint32_t i = 0;
  if (tracker->count > FEW) {
    return raft_tracker_search(tracker, id);
  }
  while (i < tracker->count && tracker->progress[i].id != id) {
    i++;
  }
  return i;
}

/* NULL: no such member. */
static inline raft_progress *raft_tracker_find(raft_tracker *tracker, uint64_t id) {
  uint32_t position = raft_tracker_position(tracker, id);
  return position == tracker->count ? NULL : &tracker->progress[position];
}
static inline const raft_progress *raft_tracker_get(const raft_tracker *tracker, uint64_t id) {
  uint32_t position = raft_tracker_position(tracker, id);
  return position == tracker->count ? NULL : &tracker->progress[position];
}

bool raft_tracker_is_joint(const raft_tracker *tracker);
bool raft_tracker_is_singleton(const raft_tracker *tracker);          /* one voter, not joint */
bool raft_tracker_is_voter(const raft_tracker *tracker, uint64_t id); /* in either half */
/* Lists belong to the tracker, valid until it changes. */
raft_conf_state raft_tracker_conf_state(const raft_tracker *tracker);

/* Highest index that the quorum(s) have, by match. */
uint64_t raft_tracker_committed(const raft_tracker *tracker);
/* Are enough members recently active? Learners do not count. */
bool raft_tracker_quorum_active(const raft_tracker *tracker);

void raft_tracker_reset_votes(raft_tracker *tracker);
void raft_tracker_record_vote(raft_tracker *tracker, uint64_t id,
                              bool granted); /* the first counts */
/* Tally of the running election; learners do not count. */
raft_vote_result raft_tracker_tally_votes(const raft_tracker *tracker, unsigned *granted,
                                          unsigned *rejected);

#endif
