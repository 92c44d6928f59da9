/* status.c - looking inside a node without changing it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <libraft/status.h>

#include <string.h>

#include "node.h"

void raft_rawnode_basic_status(const raft_rawnode *rn, raft_basic_status *status) {
  /* Reading the log may note a failure of storage; asking for a status must not. */
  raft_log log = rn->log;
  raft_entry_id last = {0, 0};
  (void)raft_log_last_id(&log, &last); /* term 0: storage did not tell */
  raft_basic_status now = {
      .id = rn->config.id,
      .hard_state = {.term = rn->term, .vote = rn->vote, .commit = rn->log.committed},
      .soft_state = {.lead = rn->lead, .role = rn->role},
      .applied = rn->log.applied,
      .first_index = raft_log_first_index(&log),
      .last_index = last.index,
      .last_term = last.term,
      .lead_transferee = rn->lead_transferee,
      .uncommitted_size = rn->uncommitted_size,
      .pending_reads = raft_reads_pending(rn)};
  *status = now;
}

void raft_rawnode_status(const raft_rawnode *rn, raft_status *status) {
  memset(status, 0, sizeof *status);
  raft_rawnode_basic_status(rn, &status->basic);
  status->conf_state = raft_tracker_conf_state(&rn->tracker);
  status->progress_count = rn->role == RAFT_LEADER ? rn->tracker.count : 0;
}

int raft_rawnode_progress(const raft_rawnode *rn, size_t position, raft_progress_status *status) {
  if (rn->role != RAFT_LEADER || position >= rn->tracker.count) {
    return RAFT_EINVAL;
  }
  raft_progress_status_of(&rn->tracker.progress[position], &rn->tracker.limits, status);
  return RAFT_OK;
}

int raft_rawnode_set_randomized_election_timeout(raft_rawnode *rn, uint32_t ticks) {
  if (rn->poisoned != RAFT_OK) {
    return rn->poisoned;
  }
  if (ticks == 0) {
    return RAFT_EINVAL;
  }
  rn->election_timeout = ticks;
  return RAFT_OK;
}
