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

int raft_transfer_request(raft_rawnode *node, const raft_message *message) {
  raft_progress *progress = raft_tracker_find(&node->tracker, message->from);
  if (progress == NULL || progress->is_learner || node->lead_transferee == message->from) {
    return RAFT_OK;
  }
  raft_transfer_abort(node);
  if (message->from == node->config.id) {
    return RAFT_OK;
  }
  node->election_elapsed = 0; /* one election timeout for all of it */
  node->lead_transferee = message->from;
  /* The transferee may be elected while others still stand by this leader: no lease is worth
   * anything any more in this term, however the hand-over ends. */
  node->lease_void = true;
  raft_emit(node, RAFT_LOG_INFO, RAFT_EVENT_TRANSFER_STARTED, message->from, 0, 0, 0);
  if (progress->match == raft_log_last_index(&node->log)) {
    raft_transfer_timeout_now(node, message->from);
  } else {
    raft_replicate(node, progress, true);
  }
  return RAFT_OK;
}

int raft_transfer_timeout_now_received(raft_rawnode *node, const raft_message *message) {
  raft_emit(node, RAFT_LOG_INFO, RAFT_EVENT_TIMEOUT_NOW_RECEIVED, message->from, 0, 0, 0);
  /* Never a pre-vote: the leader itself says that it is time. */
  return raft_election_hup(node, RAFT_CAMPAIGN_TRANSFER);
}
