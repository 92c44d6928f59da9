/* transfer.c - handing leadership over (thesis 3.10).
 *
 * The leader stops taking proposals, helps the transferee to catch up, and tells it to campaign at
 * once. It gives up after one election timeout.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "node.h"

void raft_transfer_abort(raft_rawnode *node) {
  if (node->lead_transferee != RAFT_NO_ID) {
    raft_emit(node, RAFT_LOG_INFO, RAFT_EVENT_TRANSFER_ABORTED, node->lead_transferee, 0, 0, 0);
    node->lead_transferee = RAFT_NO_ID;
  }
}

void raft_transfer_timeout_now(raft_rawnode *node, uint64_t to) {
  raft_message message = {.type = RAFT_MSG_TIMEOUT_NOW, .to = to};
  if (raft_send(node, &message)) {
    raft_emit(node, RAFT_LOG_INFO, RAFT_EVENT_TIMEOUT_NOW_SENT, to, 0, 0, 0);
  }
}

static void begin(raft_rawnode *node, raft_progress *progress) {
  node->election_elapsed = 0; /* one election timeout for all of it */
  node->lead_transferee = progress->id;
  /* The transferee may be elected while others still stand by this leader: no lease is worth
   * anything any more in this term, however the hand-over ends. */
  node->lease_void = true;
  raft_emit(node, RAFT_LOG_INFO, RAFT_EVENT_TRANSFER_STARTED, progress->id, 0, 0, 0);
}

int raft_transfer_request(raft_rawnode *node, const raft_message *message) {
  raft_progress *progress = raft_tracker_find(&node->tracker, message->from);
  if (progress == NULL || progress->is_learner || node->lead_transferee == message->from) {
    return RAFT_OK;
  }
  raft_transfer_abort(node);
  if (message->from == node->config.id) {
    return RAFT_OK;
  }
  begin(node, progress);
  if (progress->match == raft_log_last_index(&node->log)) {
    raft_transfer_timeout_now(node, message->from);
  } else {
    raft_replicate(node, progress, true);
  }
  return RAFT_OK;
}

/* ---- a leader that was taken out of the voters (raft_config.hand_over_on_removal) ---- */

static bool is_better(const raft_progress *one, const raft_progress *other) {
  if (one->recent_active != other->recent_active) {
    return one->recent_active;
  }
  return one->match > other->match;
}

/* Who leads on best: heard of lately, then the longest log, then the smallest id. */
static raft_progress *best_voter(raft_rawnode *node) {
  raft_progress *best = NULL;
  for (uint32_t i = 0; i < node->tracker.count; i++) {
    raft_progress *progress = &node->tracker.progress[i];
    if (progress->id != node->config.id && raft_tracker_is_voter(&node->tracker, progress->id) &&
        (best == NULL || is_better(progress, best))) {
      best = progress;
    }
  }
  return best;
}

void raft_transfer_leave(raft_rawnode *node) {
  node->leaving = true;
  if (raft_tracker_is_voter(&node->tracker, node->lead_transferee)) {
    return; /* a hand-over is under way */
  }
  raft_transfer_abort(node);
  raft_progress *best = best_voter(node);
  if (best != NULL) {
    begin(node, best);
    /* It must know that the change is committed, or it would ask this node for its vote, and others
     * that are gone. */
    raft_replicate(node, best, true);
    raft_transfer_remind(node);
  }
}

void raft_transfer_remind(raft_rawnode *node) {
  if (!node->leaving) {
    return;
  }
  /* As long as the transferee has not applied the change it cannot campaign: it is told again. */
  const raft_progress *progress = raft_tracker_get(&node->tracker, node->lead_transferee);
  if (progress != NULL && progress->match == raft_log_last_index(&node->log)) {
    raft_transfer_timeout_now(node, progress->id);
  }
}

void raft_transfer_timed_out(raft_rawnode *node) {
  if (node->leaving) {
    raft_membership_step_down(node);
  } else {
    raft_transfer_abort(node);
  }
}

int raft_transfer_timeout_now_received(raft_rawnode *node, const raft_message *message) {
  raft_emit(node, RAFT_LOG_INFO, RAFT_EVENT_TIMEOUT_NOW_RECEIVED, message->from, 0, 0, 0);
  /* Never a pre-vote: the leader itself says that it is time. */
  return raft_election_hup(node, RAFT_CAMPAIGN_TRANSFER);
}
