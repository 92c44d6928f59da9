/* membership.c - configuration changes put into force, and what follows from them.
 *
 * A change takes effect when it is applied, not when it is appended (upstream's choice; the
 * thesis has it the other way round in 4.1). The algebra is confchange.c's.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "confchange.h"
#include "node.h"

static bool is_part_of(const raft_rawnode *node) {
  return raft_tracker_get(&node->tracker, node->config.id) != NULL && !node->is_learner;
}

void raft_membership_step_down(raft_rawnode *node) {
  raft_emit(node, RAFT_LOG_INFO, RAFT_EVENT_STEPPED_DOWN_REMOVED, 0, 0, 0, 0);
  raft_become_role_follower(node, node->term, RAFT_NO_ID);
}

/* A leader that is not a voter any more leads on until somebody else does, or steps down. */
static void leave_office(raft_rawnode *node) {
  if (node->config.step_down_on_removal && !node->config.hand_over_on_removal) {
    raft_membership_step_down(node);
    return;
  }
  raft_reads_confirm(node);
  if (node->config.hand_over_on_removal) {
    raft_transfer_leave(node);
  }
}

static void probe_everyone(raft_rawnode *node) {
  for (uint32_t i = 0; i < node->tracker.count; i++) {
    if (node->tracker.progress[i].id != node->config.id) {
      raft_replicate(node, &node->tracker.progress[i], false);
    }
  }
}

static void tell_switch(const raft_rawnode *node) {
  if (node->config.log == NULL) {
    return;
  }
  raft_conf_state conf_state = raft_tracker_conf_state(&node->tracker);
  raft_event event = {.level = RAFT_LOG_INFO,
                      .type = RAFT_EVENT_CONF_SWITCHED,
                      .id = node->config.id,
                      .term = node->term,
                      .conf_state = &conf_state};
  node->config.log(node->config.log_ctx, &event);
}

void raft_membership_switch(raft_rawnode *node, raft_tracker *next) {
  raft_tracker_adopt(&node->tracker, next);
  tell_switch(node);
  const raft_progress *own = raft_tracker_get(&node->tracker, node->config.id);
  node->is_learner = own != NULL && own->is_learner;
  if (node->role != RAFT_LEADER) {
    return;
  }
  if (!is_part_of(node)) {
    leave_office(node);
    return;
  }
  if (node->leaving) { /* taken back among the voters before it was gone */
    node->leaving = false;
    raft_transfer_abort(node);
  }
  /* The quorum may have become smaller: more may be committed, and more reads confirmed. */
  if (!raft_leader_commit(node)) {
    probe_everyone(node);
  }
  raft_reads_confirm(node);
  if (node->lead_transferee != RAFT_NO_ID &&
      !raft_tracker_is_voter(&node->tracker, node->lead_transferee)) {
    raft_transfer_abort(node);
  }
}

void raft_membership_auto_leave(raft_rawnode *node) {
  node->auto_leave_owed = false;
  if (!node->tracker.config.auto_leave || node->log.applied < node->pending_conf_index ||
      node->role != RAFT_LEADER) {
    return;
  }
  raft_entry entry = {.type = RAFT_ENTRY_CONF_CHANGE_V2};
  raft_message leave = {
      .type = RAFT_MSG_PROP, .from = node->config.id, .entries = &entry, .entry_count = 1};
  int rc = raft_step_message(node, &leave);
  if (rc == RAFT_OK) {
    raft_emit(node, RAFT_LOG_INFO, RAFT_EVENT_CONF_AUTO_LEAVE, 0, 0, 0, 0);
  }
  /* During a hand-over it is refused: the next leader does it, or this one when it stays. */
  node->auto_leave_owed =
      rc == RAFT_ENOMEM || (rc == RAFT_EDROPPED_TRANSFERRING && !node->config.etcd_quirks);
}

static void tell_conf_state(const raft_rawnode *node, raft_conf_state *conf_state) {
  if (conf_state != NULL) {
    *conf_state = raft_tracker_conf_state(&node->tracker);
  }
}

int raft_rawnode_apply_conf_change(raft_rawnode *rn, const raft_conf_change_v2 *change,
                                   raft_conf_state *conf_state) {
  if (rn->poisoned != RAFT_OK) {
    return rn->poisoned;
  }
  if (rn->log.unstable.snapshot != NULL && !rn->config.etcd_quirks) {
    return raft_finish(rn, RAFT_ECONF_OVERTAKEN); /* whatever was handed out is older */
  }
  raft_tracker next;
  int rc = raft_confchange_apply(&rn->tracker, raft_log_last_index(&rn->log), change, &next);
  if (rc == RAFT_OK) {
    raft_membership_switch(rn, &next);
    tell_conf_state(rn, conf_state);
  }
  return raft_finish(rn, rc);
}

int raft_rawnode_apply_conf_change_v1(raft_rawnode *rn, const raft_conf_change *change,
                                      raft_conf_state *conf_state) {
  raft_conf_change_single single = {change->type, change->node_id};
  raft_conf_change_v2 general = {.transition = RAFT_TRANSITION_AUTO,
                                 .changes = &single,
                                 .change_count = 1,
                                 .context = change->context};
  return raft_rawnode_apply_conf_change(rn, &general, conf_state);
}
