/* tracker.c - the configuration in force and the progress of each of its members.
 *
 * Quorum questions are put to quorum.c with the answers that lie in the progress of each
 * member; a voter without progress cannot be (confchange.c sees to it).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tracker.h"

#include "allocate.h"

enum vote { VOTE_NONE = 0, VOTE_GRANTED = 1, VOTE_REJECTED = 2 };

void raft_tracker_init(raft_tracker *tracker, raft_inflight_limits limits,
                       const raft_allocator *allocator) {
  *tracker = (raft_tracker){.limits = limits, .allocator = allocator};
}

void raft_tracker_close(raft_tracker *tracker) {
  const raft_allocator *allocator = tracker->allocator;
  for (uint32_t i = 0; i < tracker->count; i++) {
    raft_inflights_close(&tracker->progress[i].inflights, allocator);
  }
  raft_deallocate(allocator, tracker->progress);
  raft_idset_free(&tracker->config.incoming, allocator);
  raft_idset_free(&tracker->config.outgoing, allocator);
  raft_idset_free(&tracker->config.learners, allocator);
  raft_idset_free(&tracker->config.learners_next, allocator);
  raft_tracker_init(tracker, tracker->limits, allocator);
}

uint32_t raft_tracker_search(const raft_tracker *tracker, uint64_t id) {
  uint32_t low = 0;
  uint32_t high = tracker->count;
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    if (tracker->progress[middle].id < id) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low < tracker->count && tracker->progress[low].id == id ? low : tracker->count;
}

bool raft_tracker_is_joint(const raft_tracker *tracker) {
  return tracker->config.outgoing.count > 0;
}

bool raft_tracker_is_singleton(const raft_tracker *tracker) {
  return tracker->config.incoming.count == 1 && !raft_tracker_is_joint(tracker);
}

bool raft_tracker_is_voter(const raft_tracker *tracker, uint64_t id) {
  return raft_idset_has(&tracker->config.incoming, id) ||
         raft_idset_has(&tracker->config.outgoing, id);
}

raft_conf_state raft_tracker_conf_state(const raft_tracker *tracker) {
  const raft_configuration *config = &tracker->config;
  return (raft_conf_state){
      .voters = raft_idset_view(&config->incoming),
      .learners = raft_idset_view(&config->learners),
      .voters_outgoing = raft_idset_view(&config->outgoing),
      .learners_next = raft_idset_view(&config->learners_next),
      .auto_leave = config->auto_leave,
  };
}

static bool match_of(const void *ctx, uint64_t id, uint64_t *index) {
  const raft_progress *progress = raft_tracker_get(ctx, id);
  if (progress == NULL) {
    return false;
  }
  *index = progress->match;
  return true;
}

static void order(uint64_t *low, uint64_t *high) {
  uint64_t a = *low, b = *high;
  *low = a < b ? a : b;
  *high = a < b ? b : a;
}

/* Three voters, nobody else: nearly every group, nearly always. The middle one decides. */
static uint64_t committed_of_three(const raft_progress *progress) {
  uint64_t a = progress[0].match, b = progress[1].match, c = progress[2].match;
  order(&a, &b);
  order(&b, &c);
  order(&a, &b);
  return b;
}

uint64_t raft_tracker_committed(const raft_tracker *tracker) {
  const raft_configuration *config = &tracker->config;
  if (tracker->count == 3 && config->incoming.count == 3 && config->outgoing.count == 0) {
    return committed_of_three(tracker->progress);
  }
  return raft_joint_committed(raft_idset_view(&tracker->config.incoming),
                              raft_idset_view(&tracker->config.outgoing), match_of, tracker);
}

static raft_vote_result ask_voters(const raft_tracker *tracker, raft_voted_function voted) {
  return raft_joint_vote(raft_idset_view(&tracker->config.incoming),
                         raft_idset_view(&tracker->config.outgoing), voted, tracker);
}

static bool is_active(const void *ctx, uint64_t id, bool *active) {
  const raft_progress *progress = raft_tracker_get(ctx, id);
  if (progress == NULL) {
    return false;
  }
  *active = progress->recent_active;
  return true;
}

bool raft_tracker_quorum_active(const raft_tracker *tracker) {
  return ask_voters(tracker, is_active) == RAFT_VOTE_WON;
}

void raft_tracker_reset_votes(raft_tracker *tracker) {
  for (uint32_t i = 0; i < tracker->count; i++) {
    tracker->progress[i].vote = VOTE_NONE;
  }
}

void raft_tracker_record_vote(raft_tracker *tracker, uint64_t id, bool granted) {
  raft_progress *progress = raft_tracker_find(tracker, id);
  if (progress != NULL && progress->vote == VOTE_NONE) {
    progress->vote = granted ? VOTE_GRANTED : VOTE_REJECTED;
  }
}

static bool vote_of(const void *ctx, uint64_t id, bool *granted) {
  const raft_progress *progress = raft_tracker_get(ctx, id);
  if (progress == NULL || progress->vote == VOTE_NONE) {
    return false;
  }
  *granted = progress->vote == VOTE_GRANTED;
  return true;
}

raft_vote_result raft_tracker_tally_votes(const raft_tracker *tracker, unsigned *granted,
                                          unsigned *rejected) {
  *granted = 0;
  *rejected = 0;
  for (uint32_t i = 0; i < tracker->count; i++) {
    const raft_progress *progress = &tracker->progress[i];
    if (!progress->is_learner) {
      *granted += progress->vote == VOTE_GRANTED ? 1 : 0;
      *rejected += progress->vote == VOTE_REJECTED ? 1 : 0;
    }
  }
  return ask_voters(tracker, vote_of);
}
