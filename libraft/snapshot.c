/* snapshot.c - when the log is not enough: snapshots sent, awaited, received, and installed.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "confchange.h"
#include "node.h"

/* ---- leader ---- */

/* The snapshot to send: one that this node is about to install itself, or storage's. */
static int current_snapshot(raft_rawnode *node, raft_body **body) {
  *body = NULL;
  if (node->log.unstable.snapshot != NULL) {
    *body = raft_body_retain(node->log.unstable.snapshot_body);
    return RAFT_OK;
  }
  raft_snapshot snapshot = {.index = 0};
  int rc = node->log.storage->snapshot(node->log.storage->ctx, &snapshot);
  if (rc == RAFT_OK && snapshot.index != 0) {
    *body = raft_snapshot_body(raft_memory(node), &snapshot);
    rc = *body == NULL ? RAFT_ENOMEM : RAFT_OK;
  } else if (rc == RAFT_OK) {
    rc = RAFT_ESNAPSHOT_UNAVAILABLE; /* an empty one helps nobody */
  }
  if (rc != RAFT_OK && rc != RAFT_ENOMEM && rc != RAFT_ESNAPSHOT_UNAVAILABLE &&
      node->log.failure == RAFT_OK) {
    node->log.failure = RAFT_ESTORAGE;
  }
  return rc;
}

/* The body reference moves in. */
static bool send_body(raft_rawnode *node, raft_progress *progress, raft_body *body) {
  uint64_t index = body->snapshot->index, term = body->snapshot->term;
  raft_message message = {
      .type = RAFT_MSG_SNAP, .to = progress->id, .snapshot = body->snapshot, .body = body};
  if (!raft_send(node, &message)) {
    return false;
  }
  raft_progress_become_snapshot(progress, index);
  raft_emit(node, RAFT_LOG_DEBUG, RAFT_EVENT_SNAPSHOT_SENT, progress->id, index, term, 0);
  return true;
}

bool raft_snapshot_send(raft_rawnode *node, raft_progress *progress) {
  raft_body *body = NULL;
  return progress->recent_active && current_snapshot(node, &body) == RAFT_OK &&
         send_body(node, progress, body);
}

void raft_snapshot_wanted(raft_rawnode *node, raft_progress *progress, uint64_t least) {
  raft_body *body = NULL;
  if (progress->state == RAFT_PROGRESS_SNAPSHOT) {
    return; /* one is on its way */
  }
  int rc = current_snapshot(node, &body);
  if (rc == RAFT_OK && body->snapshot->index >= least) {
    send_body(node, progress, body);
  } else if (rc == RAFT_OK || rc == RAFT_ESNAPSHOT_UNAVAILABLE) {
    raft_emit(node, RAFT_LOG_INFO, RAFT_EVENT_SNAPSHOT_WANTED, progress->id, least,
              body == NULL ? 0 : body->snapshot->index, 0);
    raft_body_release(body);
  }
}

/* 1: it arrived; 0, 2: it failed, or nobody said what became of it. */
static void finish(raft_rawnode *node, raft_progress *progress, uint64_t outcome) {
  if (outcome != 1) {
    /* Before the probe, or it would begin behind a snapshot that was never installed. */
    progress->pending_snapshot = 0;
  }
  raft_progress_become_probe(progress);
  progress->paused =
      true; /* until the follower is heard of: by its answer, or the next heartbeat */
  raft_emit(node, RAFT_LOG_DEBUG, RAFT_EVENT_SNAPSHOT_FINISHED, progress->id, 0, outcome, 0);
}

int raft_snapshot_status(raft_rawnode *node, const raft_message *message) {
  raft_progress *progress = raft_tracker_find(&node->tracker, message->from);
  if (progress != NULL && progress->state == RAFT_PROGRESS_SNAPSHOT) {
    finish(node, progress, message->reject ? 0 : 1);
  }
  return RAFT_OK;
}

void raft_snapshot_tick(raft_rawnode *node) {
  for (uint32_t i = 0; i < node->tracker.count; i++) {
    raft_progress *progress = &node->tracker.progress[i];
    if (progress->state == RAFT_PROGRESS_SNAPSHOT && node->config.snapshot_timeout_ticks > 0 &&
        ++progress->snapshot_ticks >= node->config.snapshot_timeout_ticks) {
      finish(node, progress, 2);
    }
  }
}

/* ---- follower ---- */

void raft_snapshot_ask(raft_rawnode *node) {
  /* A leader that does not know of this takes it for a rejection, and for a stale one. */
  raft_message request = {.type = RAFT_MSG_APP_RESP,
                          .to = node->lead,
                          .index = node->log.committed,
                          .reject = true,
                          .reject_hint = raft_log_last_index(&node->log),
                          .request_snapshot = true};
  raft_send(node, &request);
}

static int request_snapshot(raft_rawnode *node) {
  raft_entry_id last = {0, 0};
  if (node->role != RAFT_FOLLOWER || node->lead == RAFT_NO_ID || node->snapshot_asked ||
      node->log.unstable.snapshot != NULL) {
    return RAFT_ESNAPSHOT_REQUEST;
  }
  int rc = raft_log_last_id(&node->log, &last);
  if (rc == RAFT_OK && last.term != node->term) {
    return RAFT_ESNAPSHOT_REQUEST; /* the leader may not have what this log ends with */
  }
  rc = rc == RAFT_OK ? raft_reserve_self(node) : rc;
  if (rc == RAFT_OK) {
    node->snapshot_asked = true;
    raft_snapshot_ask(node);
  }
  return rc;
}

int raft_rawnode_request_snapshot(raft_rawnode *rn) {
  return rn->poisoned != RAFT_OK ? rn->poisoned : raft_finish(rn, request_snapshot(rn));
}

/* The one that was asked for comes in the place of what is there, even if it is no newer: nothing
 * was appended since, so nothing that was acknowledged is lost. */
static bool is_asked_for(const raft_rawnode *node, const raft_snapshot *snapshot) {
  return node->snapshot_asked && snapshot->index >= raft_log_last_index(&node->log);
}

static bool lists(raft_ids ids, uint64_t id) {
  for (size_t i = 0; i < ids.count; i++) {
    if (ids.ids[i] == id) {
      return true;
    }
  }
  return false;
}

static bool is_member(const raft_conf_state *state, uint64_t id) {
  return lists(state->voters, id) || lists(state->learners, id) ||
         lists(state->voters_outgoing, id);
}

static int ignored(const raft_rawnode *node, const raft_snapshot *snapshot, uint64_t why) {
  raft_emit(node, RAFT_LOG_INFO, RAFT_EVENT_SNAPSHOT_IGNORED, 0, snapshot->index, snapshot->term,
            why);
  return RAFT_OK;
}

/* Is this snapshot to be installed? If the log already reaches that far, it is enough to commit. */
static int is_wanted(raft_rawnode *node, const raft_snapshot *snapshot, bool *wanted) {
  raft_entry_id id = {snapshot->term, snapshot->index};
  bool has = false;
  *wanted = false;
  bool asked = is_asked_for(node, snapshot);
  if (snapshot->index <= node->log.committed && !asked) {
    return ignored(node, snapshot, 2);
  }
  if (!is_member(&snapshot->conf_state, node->config.id)) {
    return ignored(node, snapshot, 1);
  }
  int rc = raft_log_matches(&node->log, id, &has);
  if (has && !asked) {
    raft_log_commit_to(&node->log, snapshot->index);
    return ignored(node, snapshot, 3);
  }
  *wanted = rc == RAFT_OK;
  return rc;
}

static int restore(raft_rawnode *node, const raft_snapshot *snapshot) {
  raft_tracker next;
  int rc = raft_confchange_restore(&node->tracker, snapshot->index, &snapshot->conf_state, &next);
  if (rc != RAFT_OK) {
    return rc == RAFT_ENOMEM ? rc : RAFT_EMALFORMED;
  }
  raft_body *body = raft_snapshot_body(raft_memory(node), snapshot);
  if (body == NULL) {
    raft_tracker_discard(&next);
    return RAFT_ENOMEM;
  }
  raft_log_restore(&node->log, body);
  node->snapshot_asked = false;
  raft_membership_switch(node, &next);
  raft_emit(node, RAFT_LOG_INFO, RAFT_EVENT_SNAPSHOT_RESTORED, 0, snapshot->index, snapshot->term,
            0);
  return RAFT_OK;
}

int raft_snapshot_receive(raft_rawnode *node, const raft_message *message) {
  static const raft_snapshot none = {.index = 0};
  const raft_snapshot *snapshot = message->snapshot == NULL ? &none : message->snapshot;
  if (snapshot->index > RAFT_LAST_INDEX || snapshot->term > message->term) {
    return RAFT_EMALFORMED; /* no leader has that in its log */
  }
  bool wanted = false;
  int rc = raft_reserve_self(node);
  if (rc == RAFT_OK) {
    rc = is_wanted(node, snapshot, &wanted);
  }
  if (wanted) {
    rc = restore(node, snapshot);
  }
  if (rc != RAFT_OK) {
    return rc;
  }
  raft_message response = {
      .type = RAFT_MSG_APP_RESP, .to = message->from, .index = node->log.committed};
  raft_send(node, &response);
  return RAFT_OK;
}

void raft_snapshot_applied(raft_rawnode *node, uint64_t index) {
  raft_unstable_stable_snapshot_to(&node->log.unstable, index);
  raft_applied_to(node, index, 0);
}
