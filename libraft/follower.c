/* follower.c - what a follower does with appends and heartbeats of its leader.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "node.h"

static int answer_append(raft_rawnode *node, uint64_t to, uint64_t index) {
  raft_message *response = raft_compose(node, RAFT_MSG_APP_RESP, to);
  if (response == NULL) {
    return RAFT_ENOMEM;
  }
  response->index = index;
  return RAFT_OK;
}

/* The logs do not match at the message's previous entry. The hint is the last place where they
 * may: it skips entries of terms that the leader's log cannot have there. */
static int answer_rejection(raft_rawnode *node, const raft_message *message) {
  uint64_t last = raft_log_last_index(&node->log);
  raft_entry_id hint = raft_log_find_conflict_by_term(
      &node->log, message->index < last ? message->index : last, message->log_term);
  raft_emit(node, RAFT_LOG_DEBUG, RAFT_EVENT_APPEND_REJECTED, message->from, message->index,
            message->log_term, 0);
  raft_message response = {.type = RAFT_MSG_APP_RESP,
                           .to = message->from,
                           .index = message->index,
                           .reject = true,
                           .reject_hint = hint.index,
                           .log_term = hint.term};
  return raft_send(node, &response) ? RAFT_OK : RAFT_ENOMEM;
}

/* Entries follow each other, and terms never fall. No array is so long that counting it on from
 * RAFT_LAST_INDEX would wrap. */
static bool is_consistent(const raft_message *message) {
  uint64_t term = message->log_term;
  if (message->index > RAFT_LAST_INDEX) {
    return false;
  }
  for (size_t i = 0; i < message->entry_count; i++) {
    const raft_entry *entry = &message->entries[i];
    if (entry->index != message->index + 1 + i || entry->term < term ||
        entry->term > message->term) {
      return false;
    }
    term = entry->term;
  }
  return true;
}

int raft_follower_append(raft_rawnode *node, const raft_message *message) {
  if (!is_consistent(message)) {
    return RAFT_EMALFORMED;
  }
  int rc = raft_reserve_self(node);
  if (rc != RAFT_OK) {
    return rc;
  }
  if (node->snapshot_asked) {
    raft_snapshot_ask(node);
    return RAFT_OK;
  }
  if (message->index < node->log.committed) {
    return answer_append(node, message->from, node->log.committed);
  }
  raft_entry_id previous = {message->log_term, message->index};
  uint64_t last_new = 0, conflict = 0;
  rc = raft_log_maybe_append(&node->log, previous, message->entries, message->entry_count,
                             message->commit, &last_new, &conflict);
  if (rc == RAFT_EUNAVAILABLE) {
    return answer_rejection(node, message);
  }
  if (rc != RAFT_OK) {
    return rc;
  }
  if (conflict != 0) {
    raft_emit(node, RAFT_LOG_INFO, RAFT_EVENT_LOG_CONFLICT, 0, conflict, 0, message->term);
  }
  return answer_append(node, message->from, last_new);
}

/* The answer gives back what the leader put into its heartbeat. */
static int answer_heartbeat(raft_rawnode *node, const raft_message *message) {
  if (message->context.len == 0) {
    return raft_compose(node, RAFT_MSG_HEARTBEAT_RESP, message->from) != NULL ? RAFT_OK
                                                                              : RAFT_ENOMEM;
  }
  raft_message response;
  raft_message echo = {.type = RAFT_MSG_HEARTBEAT_RESP,
                       .to = message->from,
                       .context = message->context,
                       .body = message->body};
  int rc = raft_message_own(raft_memory(node), &echo, &response);
  if (rc == RAFT_OK && !raft_send(node, &response)) {
    rc = RAFT_ENOMEM;
  }
  return rc;
}

int raft_follower_heartbeat(raft_rawnode *node, const raft_message *message) {
  if (message->commit > raft_log_last_index(&node->log)) {
    return RAFT_ELOG_LOST; /* this node acknowledged entries that it does not have any more */
  }
  raft_log_commit_to(&node->log, message->commit);
  if (node->snapshot_asked) {
    raft_snapshot_ask(node);
  }
  return answer_heartbeat(node, message);
}

int raft_follower_forget_leader(raft_rawnode *node, const raft_message *message) {
  (void)message;
  if (node->config.read_only == RAFT_READ_ONLY_LEASE_BASED) {
    /* The leader's lease rests on this follower standing by it. */
    raft_emit(node, RAFT_LOG_ERROR, RAFT_EVENT_FORGET_REFUSED, 0, 0, 0, 0);
    return RAFT_OK;
  }
  if (node->lead != RAFT_NO_ID) {
    raft_emit(node, RAFT_LOG_INFO, RAFT_EVENT_LEADER_FORGOTTEN, node->lead, 0, 0, 0);
    node->lead = RAFT_NO_ID;
  }
  return RAFT_OK;
}
