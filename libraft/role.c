/* role.c - follower, pre-candidate, candidate, leader: what changes when a node becomes one.
 *
 * Invariant: a change of term clears the vote; everything that a leader keeps about others is
 * started anew with each reset.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "node.h"

bool raft_role_promotable(const raft_rawnode *node) {
  const raft_progress *own = raft_tracker_get(&node->tracker, node->config.id);
  return own != NULL && !own->is_learner && node->log.unstable.snapshot == NULL;
}

static void reset_progress(raft_rawnode *node) {
  uint64_t last = raft_log_last_index(&node->log);
  for (uint32_t i = 0; i < node->tracker.count; i++) {
    raft_progress *progress = &node->tracker.progress[i];
    raft_progress fresh = {.id = progress->id,
                           .next = last + 1,
                           .inflights = progress->inflights,
                           .is_learner = progress->is_learner};
    raft_inflights_reset(&fresh.inflights);
    fresh.match = progress->id == node->config.id ? last : 0;
    *progress = fresh;
  }
}

static void reset(raft_rawnode *node, uint64_t term) {
  if (node->term != term) {
    node->term = term;
    node->vote = RAFT_NO_ID;
  }
  node->lead = RAFT_NO_ID;
  node->election_elapsed = 0;
  node->heartbeat_elapsed = 0;
  node->election_timeout =
      node->config.election_ticks + raft_random_below(node, node->config.election_ticks);
  raft_transfer_abort(node);
  raft_reads_abandon(node, RAFT_EREAD_STEPPED_DOWN);
  reset_progress(node);
  node->pending_conf_index = 0;
  node->uncommitted_size = 0;
  node->lease_void = false;
  node->leaving = false;
  node->append_owed = false;
  node->snapshot_asked = false;
  node->auto_leave_owed = false;
  node->commit_owed = false;
}

void raft_become_role_follower(raft_rawnode *node, uint64_t term, uint64_t lead) {
  reset(node, term);
  node->lead = lead;
  node->role = RAFT_FOLLOWER;
  raft_emit(node, RAFT_LOG_INFO, RAFT_EVENT_BECAME_FOLLOWER, lead, 0, 0, 0);
}

void raft_become_role_candidate(raft_rawnode *node) {
  reset(node, node->term + 1);
  node->vote = node->config.id;
  node->role = RAFT_CANDIDATE;
  raft_emit(node, RAFT_LOG_INFO, RAFT_EVENT_BECAME_CANDIDATE, 0, 0, 0, 0);
}

void raft_become_role_pre_candidate(raft_rawnode *node) {
  /* Asking costs nothing: term, vote and clock stay. But the leader is forgotten, or two
   * pre-candidates would refuse each other for the sake of a leader that is gone. */
  raft_tracker_reset_votes(&node->tracker);
  node->lead = RAFT_NO_ID;
  node->role = RAFT_PRE_CANDIDATE;
  raft_emit(node, RAFT_LOG_INFO, RAFT_EVENT_BECAME_PRE_CANDIDATE, 0, 0, 0, 0);
}

int raft_become_role_leader(raft_rawnode *node) {
  reset(node, node->term);
  node->lead = node->config.id;
  node->role = RAFT_LEADER;
  raft_progress *own = raft_tracker_find(&node->tracker, node->config.id);
  if (own == NULL) {
    return RAFT_BROKEN(node);
  }
  raft_progress_become_replicate(own);
  own->recent_active = true;
  /* There may be a conf change anywhere in the tail of the log: propose none before all of it
   * is applied. */
  node->pending_conf_index = raft_log_last_index(&node->log);
  raft_emit(node, RAFT_LOG_INFO, RAFT_EVENT_BECAME_LEADER, 0, 0, 0, 0);
  raft_entry empty = {.type = RAFT_ENTRY_NORMAL};
  return raft_proposal_append(node, &empty, 1);
}

static int tick_election(raft_rawnode *node) {
  node->election_elapsed++;
  if (node->election_elapsed < node->election_timeout || !raft_role_promotable(node)) {
    return RAFT_OK;
  }
  node->election_elapsed = 0;
  raft_message hup = {.type = RAFT_MSG_HUP, .from = node->config.id};
  return raft_step_message(node, &hup);
}

static int tick_leader(raft_rawnode *node) {
  node->heartbeat_elapsed++;
  node->election_elapsed++;
  int rc = RAFT_OK;
  if (node->election_elapsed >= node->config.election_ticks) {
    node->election_elapsed = 0;
    if (node->config.check_quorum) {
      raft_message check = {.type = RAFT_MSG_CHECK_QUORUM, .from = node->config.id};
      rc = raft_step_message(node, &check);
    }
    if (node->role == RAFT_LEADER) {
      raft_transfer_timed_out(node);
    }
  }
  if (rc != RAFT_OK || node->role != RAFT_LEADER) {
    return rc;
  }
  raft_snapshot_tick(node);
  if (node->commit_owed) {
    node->commit_owed = false; /* set again by whichever of the two finds no memory again */
    if (!raft_leader_commit(node)) {
      raft_reads_term_committed(node);
    }
  }
  if (node->auto_leave_owed && node->lead_transferee == RAFT_NO_ID) {
    raft_membership_auto_leave(node);
  }
  if (node->heartbeat_elapsed >= node->config.heartbeat_ticks) {
    node->heartbeat_elapsed = 0;
    raft_message beat = {.type = RAFT_MSG_BEAT, .from = node->config.id};
    rc = raft_step_message(node, &beat);
    raft_transfer_remind(node);
  }
  return rc;
}

/* What a burst of work needed, an idle group gives back; room for a round of heartbeats stays. */
static void give_memory_back(raft_rawnode *node) {
  node->worked = false;
  for (uint32_t i = 0; i < node->tracker.count; i++) {
    raft_inflights_shrink(&node->tracker.progress[i].inflights, raft_memory(node));
  }
  raft_reads_shrink(node);
  raft_log_shrink(&node->log);
  if (!node->outstanding) {
    raft_room_close(&node->out.room, raft_memory(node));
    raft_outbox_close(&node->out.messages, raft_memory(node));
  }
  raft_outbox_shrink(&node->after_append, 0, raft_memory(node));
  raft_outbox_shrink(&node->messages, node->tracker.count, raft_memory(node));
}

int raft_role_tick(raft_rawnode *node) {
  node->clock++;
  if (node->worked) {
    give_memory_back(node);
  }
  return node->role == RAFT_LEADER ? tick_leader(node) : tick_election(node);
}
