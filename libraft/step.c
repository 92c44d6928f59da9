/* step.c - a message finds its handler: first by its term, then by type and role.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "node.h"

typedef int (*handler)(raft_rawnode *node, const raft_message *message);

/* ---- what a message is ---- */

enum {
  LOCAL = 1,       /* never comes from the network */
  RESPONSE = 2,    /* only from members */
  FROM_LEADER = 4, /* its sender is the leader of its term */
  VOTE = 8         /* belongs to an election, and says itself of which term */
};

static const unsigned char TRAITS[RAFT_MSG_TYPE_COUNT] = {
    [RAFT_MSG_HUP] = LOCAL,
    [RAFT_MSG_BEAT] = LOCAL,
    [RAFT_MSG_APP] = FROM_LEADER,
    [RAFT_MSG_APP_RESP] = RESPONSE,
    [RAFT_MSG_VOTE] = VOTE,
    [RAFT_MSG_VOTE_RESP] = VOTE | RESPONSE,
    [RAFT_MSG_SNAP] = FROM_LEADER,
    [RAFT_MSG_HEARTBEAT] = FROM_LEADER,
    [RAFT_MSG_HEARTBEAT_RESP] = RESPONSE,
    [RAFT_MSG_UNREACHABLE] = LOCAL | RESPONSE,
    [RAFT_MSG_SNAP_STATUS] = LOCAL,
    [RAFT_MSG_CHECK_QUORUM] = LOCAL,
    [RAFT_MSG_READ_INDEX_RESP] = RESPONSE,
    [RAFT_MSG_PRE_VOTE] = VOTE,
    [RAFT_MSG_PRE_VOTE_RESP] = VOTE | RESPONSE,
    [RAFT_MSG_STORAGE_APPEND] = LOCAL,
    [RAFT_MSG_STORAGE_APPEND_RESP] = LOCAL | RESPONSE,
    [RAFT_MSG_STORAGE_APPLY] = LOCAL,
    [RAFT_MSG_STORAGE_APPLY_RESP] = LOCAL | RESPONSE,
};

static bool is(const raft_message *message, unsigned traits) {
  return (TRAITS[message->type] & traits) != 0;
}

static bool is_storage_thread(uint64_t id) {
  return id == RAFT_APPEND_THREAD || id == RAFT_APPLY_THREAD;
}

static bool is_storage_answer(raft_message_type type) {
  return type == RAFT_MSG_STORAGE_APPEND_RESP || type == RAFT_MSG_STORAGE_APPLY_RESP;
}

/* ---- storage answers ---- */

int raft_applied_to(raft_rawnode *node, uint64_t index, uint64_t bytes) {
  if (index > node->log.committed) {
    return RAFT_EUSAGE; /* applied what was never handed out */
  }
  if (index < node->log.applied) {
    index = node->log.applied;
  }
  raft_log_applied_to(&node->log, index, bytes);
  raft_membership_auto_leave(node);
  return RAFT_OK;
}

void raft_storage_appended(raft_rawnode *node, raft_entry_id last, const raft_snapshot *snapshot) {
  if (last.index != 0 && !raft_unstable_stable_to(&node->log.unstable, last.term, last.index)) {
    raft_emit(node, RAFT_LOG_INFO, RAFT_EVENT_STABLE_IGNORED, 0, last.index, last.term, 0);
  }
  if (snapshot != NULL) {
    raft_snapshot_applied(node, snapshot->index);
  }
}

static int storage_appended(raft_rawnode *node, const raft_message *message) {
  raft_entry_id last = {message->log_term, message->index};
  raft_storage_appended(node, last, message->snapshot);
  return RAFT_OK;
}

static int storage_applied(raft_rawnode *node, const raft_message *message) {
  if (message->entry_count == 0) {
    return RAFT_OK;
  }
  uint64_t index = message->entries[message->entry_count - 1].index;
  int rc = raft_applied_to(node, index, raft_entries_size(message->entries, message->entry_count));
  if (rc == RAFT_OK) {
    raft_proposal_applied(node, raft_entries_payload_size(message->entries, message->entry_count));
  }
  return rc;
}

/* ---- terms ---- */

static void adopt_term(raft_rawnode *node, const raft_message *message) {
  raft_emit(node, RAFT_LOG_INFO, RAFT_EVENT_HIGHER_TERM, message->from, 0, message->type,
            message->term);
  raft_become_role_follower(node, message->term,
                            is(message, FROM_LEADER) ? message->from : RAFT_NO_ID);
}

/* A message of a term to come. False: nothing more is to be done with it. */
static bool enter_term(raft_rawnode *node, const raft_message *message) {
  bool asks = message->type == RAFT_MSG_VOTE || message->type == RAFT_MSG_PRE_VOTE;
  if (asks && raft_election_lease_holds(node, message)) {
    return false;
  }
  /* Late answers tell of terms that perhaps nobody leads. Who entered one would be free to vote
   * while its leader goes on reading by lease; the leader itself hears of it, and steps down. */
  if (is(message, RESPONSE) && raft_election_keeps_word(node)) {
    return false;
  }
  /* Pre-votes are about a term that nobody has entered; only a rejection tells a real one. */
  bool hypothetical = message->type == RAFT_MSG_PRE_VOTE ||
                      (message->type == RAFT_MSG_PRE_VOTE_RESP && !message->reject);
  if (!hypothetical) {
    adopt_term(node, message);
  }
  return true;
}

/* A message of a term that is over. Mostly ignored, but whoever would go on for ever in the belief
 * that it is not over must be told. */
static int answer_old_term(raft_rawnode *node, const raft_message *message) {
  raft_message response = {.to = message->from};
  if ((node->config.check_quorum || node->config.pre_vote) &&
      (message->type == RAFT_MSG_HEARTBEAT || message->type == RAFT_MSG_APP)) {
    response.type = RAFT_MSG_APP_RESP;
    return raft_send(node, &response) ? RAFT_OK : RAFT_ENOMEM;
  }
  if (message->type == RAFT_MSG_PRE_VOTE) {
    response.type = RAFT_MSG_PRE_VOTE_RESP;
    response.term = node->term;
    response.reject = true;
    raft_election_tell_commit(node, &response);
    return raft_send(node, &response) ? RAFT_OK : RAFT_ENOMEM;
  }
  raft_emit(node, RAFT_LOG_INFO, RAFT_EVENT_LOWER_TERM, message->from, 0, message->type,
            message->term);
  if (message->type == RAFT_MSG_STORAGE_APPEND_RESP && message->snapshot != NULL) {
    /* Entries may have been replaced since, but a snapshot is committed state in any term. */
    raft_snapshot_applied(node, message->snapshot->index);
  }
  return RAFT_OK;
}

/* ---- handlers of the roles ---- */

static int follow(raft_rawnode *node, const raft_message *message) {
  if (node->role != RAFT_FOLLOWER) {
    raft_become_role_follower(node, message->term, message->from);
  }
  node->election_elapsed = 0;
  node->lead = message->from;
  if (message->type == RAFT_MSG_APP) {
    return raft_follower_append(node, message);
  }
  return message->type == RAFT_MSG_HEARTBEAT ? raft_follower_heartbeat(node, message)
                                             : raft_snapshot_receive(node, message);
}

static int start_election(raft_rawnode *node, const raft_message *message) {
  (void)message;
  return raft_election_hup(node, node->config.pre_vote ? RAFT_CAMPAIGN_PRE_ELECTION
                                                       : RAFT_CAMPAIGN_ELECTION);
}

static int pass_to_leader(raft_rawnode *node, const raft_message *message) {
  return node->lead == RAFT_NO_ID ? RAFT_OK : raft_forward(node, message);
}

static int read_elsewhere(raft_rawnode *node, const raft_message *message) {
  if (node->role != RAFT_FOLLOWER || node->lead == RAFT_NO_ID) {
    return node->config.silent_read_drops ? RAFT_OK : RAFT_EREAD_NO_LEADER;
  }
  return raft_forward(node, message);
}

static const handler EVERY_ROLE[RAFT_MSG_TYPE_COUNT] = {
    [RAFT_MSG_HUP] = start_election,
    [RAFT_MSG_VOTE] = raft_election_vote_request,
    [RAFT_MSG_PRE_VOTE] = raft_election_vote_request,
    [RAFT_MSG_STORAGE_APPEND_RESP] = storage_appended,
    [RAFT_MSG_STORAGE_APPLY_RESP] = storage_applied,
};

static const handler FOLLOWER[RAFT_MSG_TYPE_COUNT] = {
    [RAFT_MSG_PROP] = raft_proposal_follower,
    [RAFT_MSG_APP] = follow,
    [RAFT_MSG_HEARTBEAT] = follow,
    [RAFT_MSG_SNAP] = follow,
    [RAFT_MSG_TRANSFER_LEADER] = pass_to_leader,
    [RAFT_MSG_FORGET_LEADER] = raft_follower_forget_leader,
    [RAFT_MSG_TIMEOUT_NOW] = raft_transfer_timeout_now_received,
    [RAFT_MSG_READ_INDEX] = read_elsewhere,
    [RAFT_MSG_READ_INDEX_RESP] = raft_reads_follower_response,
};

static const handler CANDIDATE[RAFT_MSG_TYPE_COUNT] = {
    [RAFT_MSG_PROP] = raft_proposal_candidate,
    [RAFT_MSG_APP] = follow,
    [RAFT_MSG_HEARTBEAT] = follow,
    [RAFT_MSG_SNAP] = follow,
    [RAFT_MSG_VOTE_RESP] = raft_election_vote_response,
    [RAFT_MSG_PRE_VOTE_RESP] = raft_election_vote_response,
    [RAFT_MSG_READ_INDEX] = read_elsewhere,
};

static const handler LEADER[RAFT_MSG_TYPE_COUNT] = {
    [RAFT_MSG_BEAT] = raft_leader_beat,
    [RAFT_MSG_CHECK_QUORUM] = raft_leader_check_quorum,
    [RAFT_MSG_PROP] = raft_proposal_leader,
    [RAFT_MSG_READ_INDEX] = raft_reads_leader_request,
    [RAFT_MSG_APP_RESP] = raft_leader_append_response,
    [RAFT_MSG_HEARTBEAT_RESP] = raft_leader_heartbeat_response,
    [RAFT_MSG_SNAP_STATUS] = raft_snapshot_status,
    [RAFT_MSG_UNREACHABLE] = raft_leader_unreachable,
    [RAFT_MSG_TRANSFER_LEADER] = raft_transfer_request,
};

static const handler *const ROLES[] = {
    [RAFT_FOLLOWER] = FOLLOWER,
    [RAFT_CANDIDATE] = CANDIDATE,
    [RAFT_LEADER] = LEADER,
    [RAFT_PRE_CANDIDATE] = CANDIDATE,
};

static int dispatch(raft_rawnode *node, const raft_message *message) {
  handler handle = EVERY_ROLE[message->type];
  if (handle == NULL) {
    handle = ROLES[node->role][message->type];
  }
  return handle == NULL ? RAFT_OK : handle(node, message);
}

int raft_step_message(raft_rawnode *node, const raft_message *message) {
  if (message->term > node->term) { /* term 0 is a local message's */
    if (!enter_term(node, message)) {
      return RAFT_OK;
    }
  } else if (message->term != 0 && message->term < node->term) {
    return answer_old_term(node, message);
  }
  return dispatch(node, message);
}

/* ---- from outside ---- */

/* Of term 0, and not local: that is only how a node without a past refuses a pre-vote. */
static bool is_timeless(const raft_message *message) {
  return message->term == 0 && is(message, FROM_LEADER | VOTE) &&
         !(message->type == RAFT_MSG_PRE_VOTE_RESP && message->reject);
}

/* What comes from a storage thread, or is of a type that only such messages have. */
static int check_local(const raft_rawnode *node, const raft_message *message) {
  if (!is_storage_thread(message->from)) {
    return RAFT_ESTEP_LOCAL;
  }
  return node->config.async_storage_writes && is_storage_answer(message->type) ? RAFT_OK
                                                                               : RAFT_EMALFORMED;
}

/* What no peer and no embedder may send, whatever the state. */
static int check(const raft_rawnode *node, const raft_message *message) {
  if ((unsigned)message->type >= RAFT_MSG_TYPE_COUNT || message->term > RAFT_LAST_TERM) {
    return RAFT_EMALFORMED;
  }
  if (is(message, LOCAL) || is_storage_thread(message->from)) {
    return check_local(node, message);
  }
  if (is(message, RESPONSE) && raft_tracker_get(&node->tracker, message->from) == NULL) {
    return RAFT_EPEER_NOT_FOUND;
  }
  if (is(message, FROM_LEADER | VOTE)) {
    bool anonymous = message->from == RAFT_NO_ID;
    bool echo = is(message, FROM_LEADER) && message->from == node->config.id;
    return anonymous || echo || is_timeless(message) ? RAFT_EMALFORMED : RAFT_OK;
  }
  bool empty = message->type == RAFT_MSG_PROP && message->entry_count == 0;
  return empty ? RAFT_EMALFORMED : RAFT_OK;
}

int raft_rawnode_step(raft_rawnode *rn, const raft_message *message) {
  if (rn->poisoned != RAFT_OK) {
    return rn->poisoned;
  }
  int rc = check(rn, message);
  rn->worked = true;
  if (rc == RAFT_OK && rn->config.commit_in_votes && is(message, VOTE)) {
    rc = raft_election_learn_commit(rn, message);
  }
  if (rc == RAFT_OK) {
    rc = raft_step_message(rn, message);
  }
  return raft_finish(rn, rc);
}
