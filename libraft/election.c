/* election.c - finding a leader: campaigns, votes, and the reasons to refuse one (thesis 3.4, 9.6).
 *
 * A vote is a promise: it is given at most once a term, and answered only after it is durable.
 * A candidate's own vote goes the same way, as a message to itself.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "node.h"

/* What a campaign that the leader asked for puts into its vote requests, and upstream looks for. */
static const char TRANSFER_CONTEXT[] = "CampaignTransfer";
enum { TRANSFER_CONTEXT_LEN = sizeof TRANSFER_CONTEXT - 1 };

static bool is_pre_vote(const raft_message *message) {
  return message->type == RAFT_MSG_PRE_VOTE || message->type == RAFT_MSG_PRE_VOTE_RESP;
}

static int cannot_campaign(const raft_rawnode *node, uint64_t why) {
  raft_emit(node, RAFT_LOG_WARN, RAFT_EVENT_CANNOT_CAMPAIGN, 0, 0, why, 0);
  return RAFT_OK;
}

/* Is a change of membership committed, but not applied? RAFT_ENOMEM; anything else is fatal. */
static int find_unapplied_change(raft_rawnode *node, bool *unapplied) {
  int rc = raft_log_scan_unapplied(&node->log, raft_is_conf_change_entry, unapplied);
  return rc == RAFT_OK || rc == RAFT_ENOMEM ? rc : raft_poison(node, RAFT_ESTORAGE, __LINE__);
}

/* ---- what vote traffic says about commits (raft_config.commit_in_votes) ---- */

void raft_election_tell_commit(raft_rawnode *node, raft_message *message) {
  uint64_t term = 0;
  if (node->config.commit_in_votes &&
      raft_log_term(&node->log, node->log.committed, &term) == RAFT_OK && term != 0) {
    message->commit = node->log.committed;
    message->commit_term = term;
  }
}

/* That an entry is committed is true in every term, and whoever has it has all before it. */
int raft_election_learn_commit(raft_rawnode *node, const raft_message *message) {
  raft_entry_id id = {message->commit_term, message->commit};
  bool moved = false, unapplied = false;
  if (node->role == RAFT_LEADER) {
    return RAFT_OK; /* counts for itself, and tells others when it moves on */
  }
  int rc = raft_log_maybe_commit(&node->log, id, &moved);
  if (!moved) {
    return rc;
  }
  raft_emit(node, RAFT_LOG_INFO, RAFT_EVENT_COMMIT_LEARNED, message->from, id.index, id.term, 0);
  if (node->role == RAFT_FOLLOWER) {
    return RAFT_OK;
  }
  /* A campaign under a membership that is over is given up; the next one knows better. */
  rc = find_unapplied_change(node, &unapplied);
  if (rc != RAFT_OK || unapplied) {
    raft_become_role_follower(node, node->term, RAFT_NO_ID);
  }
  return rc;
}

/* ---- campaigning ---- */

/* A pre-election is about the term that would be campaigned for. */
static uint64_t campaign_term(const raft_rawnode *node, raft_campaign campaign) {
  return campaign == RAFT_CAMPAIGN_PRE_ELECTION ? node->term + 1 : node->term;
}

static void request_vote(raft_rawnode *node, uint64_t to, raft_campaign campaign,
                         raft_entry_id last) {
  bool pre = campaign == RAFT_CAMPAIGN_PRE_ELECTION;
  raft_message request = {.type = pre ? RAFT_MSG_PRE_VOTE : RAFT_MSG_VOTE,
                          .to = to,
                          .term = campaign_term(node, campaign),
                          .index = last.index,
                          .log_term = last.term};
  request.priority = raft_priority(node);
  raft_election_tell_commit(node, &request);
  if (campaign == RAFT_CAMPAIGN_TRANSFER) {
    request.context.data = TRANSFER_CONTEXT;
    request.context.len = TRANSFER_CONTEXT_LEN;
  }
  raft_emit(node, RAFT_LOG_INFO, RAFT_EVENT_VOTE_REQUESTED, to, last.index, last.term, pre);
  raft_send(node, &request);
}

static void vote_for_self(raft_rawnode *node, raft_campaign campaign) {
  bool pre = campaign == RAFT_CAMPAIGN_PRE_ELECTION;
  raft_message vote = {.type = pre ? RAFT_MSG_PRE_VOTE_RESP : RAFT_MSG_VOTE_RESP,
                       .to = node->config.id,
                       .term = campaign_term(node, campaign)};
  raft_send(node, &vote);
}

static bool is_reached(raft_ids ids, size_t position, uint64_t id) {
  return position < ids.count && ids.ids[position] <= id;
}

/* Next voter of either half above `after`, ascending; 0: none. */
static uint64_t next_voter(const raft_tracker *tracker, uint64_t after) {
  raft_ids halves[2] = {raft_idset_view(&tracker->config.incoming),
                        raft_idset_view(&tracker->config.outgoing)};
  uint64_t next = RAFT_NO_ID;
  for (size_t half = 0; half < 2; half++) {
    size_t position = 0;
    while (is_reached(halves[half], position, after)) {
      position++;
    }
    if (position < halves[half].count && (next == 0 || halves[half].ids[position] < next)) {
      next = halves[half].ids[position];
    }
  }
  return next;
}

/* `last`: of the own log. */
static void campaign_for(raft_rawnode *node, raft_campaign campaign, raft_entry_id last) {
  if (campaign == RAFT_CAMPAIGN_PRE_ELECTION) {
    raft_become_role_pre_candidate(node);
  } else {
    raft_become_role_candidate(node);
  }
  vote_for_self(node, campaign); /* first: there is room reserved for it */
  for (uint64_t id = next_voter(&node->tracker, 0); id != 0; id = next_voter(&node->tracker, id)) {
    if (id != node->config.id) {
      request_vote(node, id, campaign, last);
    }
  }
}

int raft_election_hup(raft_rawnode *node, raft_campaign campaign) {
  if (node->role == RAFT_LEADER) {
    return RAFT_OK;
  }
  if (!raft_role_promotable(node)) {
    return cannot_campaign(node, 1);
  }
  if (node->term >= RAFT_LAST_TERM) {
    return cannot_campaign(node, 3); /* terms must not begin again at 0 */
  }
  /* A conf change that is committed but not applied could make this a campaign with the wrong
   * voters. */
  bool unapplied = false;
  int rc = find_unapplied_change(node, &unapplied);
  if (rc == RAFT_OK && unapplied) {
    return cannot_campaign(node, 2);
  }
  raft_entry_id last = {0, 0};
  if (rc == RAFT_OK) {
    rc = raft_log_last_id(&node->log, &last);
  }
  if (rc == RAFT_OK) {
    rc = raft_reserve_self(node);
  }
  if (rc != RAFT_OK) {
    return rc == RAFT_ENOMEM ? RAFT_ENOMEM : raft_poison(node, RAFT_ESTORAGE, __LINE__);
  }
  raft_emit(node, RAFT_LOG_INFO, RAFT_EVENT_ELECTION_STARTED, 0, 0, 0, 0);
  campaign_for(node, campaign, last);
  return RAFT_OK;
}

/* ---- voting ---- */

/* For how long the leader may count on this node not voting for another one. After a restart it is
 * not known what was granted before: reads by lease rest on it, so it is taken as granted. */
static uint32_t lease_ticks_left(const raft_rawnode *node) {
  uint32_t ticks = node->config.election_ticks;
  if (node->config.check_quorum && node->lead != RAFT_NO_ID && node->election_elapsed < ticks) {
    return ticks - node->election_elapsed;
  }
  bool unknown = node->came_back && node->config.read_only == RAFT_READ_ONLY_LEASE_BASED;
  return unknown && node->clock < ticks ? ticks - (uint32_t)node->clock : 0;
}

/* The leader itself called the candidate. */
static bool is_called(const raft_message *message) {
  return message->context.len == TRANSFER_CONTEXT_LEN &&
         memcmp(message->context.data, TRANSFER_CONTEXT, TRANSFER_CONTEXT_LEN) == 0;
}

bool raft_election_lease_holds(raft_rawnode *node, const raft_message *message) {
  uint32_t left = lease_ticks_left(node);
  if (is_called(message) || left == 0) {
    return false;
  }
  raft_emit(node, RAFT_LOG_INFO, RAFT_EVENT_VOTE_IGNORED_LEASE, message->from, 0, left,
            is_pre_vote(message));
  return true;
}

bool raft_election_keeps_word(const raft_rawnode *node) {
  return node->config.read_only == RAFT_READ_ONLY_LEASE_BASED && node->role == RAFT_FOLLOWER &&
         node->lead != RAFT_NO_ID && lease_ticks_left(node) > 0 && !node->config.etcd_quirks;
}

static bool can_vote(const raft_rawnode *node, const raft_message *message) {
  return node->vote == message->from || (node->vote == RAFT_NO_ID && node->lead == RAFT_NO_ID) ||
         (message->type == RAFT_MSG_PRE_VOTE && message->term > node->term);
}

/* Would this node rather lead itself? Not if it cannot: the candidate's log is better, so that the
 * candidate would refuse it in turn, or it may not campaign, or not yet. And not if the candidate
 * was called. */
static int claims_precedence(raft_rawnode *node, const raft_message *message, bool *claims) {
  *claims = false;
  if (raft_priority(node) <= message->priority || is_called(message) ||
      node->vote == message->from || !raft_role_promotable(node)) {
    return RAFT_OK;
  }
  raft_entry_id own = {0, 0};
  bool unapplied = false;
  int rc = raft_log_last_id(&node->log, &own);
  bool equal = rc == RAFT_OK && own.term == message->log_term && own.index == message->index;
  if (equal) {
    rc = find_unapplied_change(node, &unapplied);
  }
  *claims = equal && !unapplied;
  return rc;
}

/* To be granted? A log that is not good enough must not lead, whoever asks. */
static int judge(raft_rawnode *node, const raft_message *message, bool *grant) {
  raft_entry_id theirs = {message->log_term, message->index};
  bool claims = false;
  int rc = raft_log_is_up_to_date(&node->log, theirs, grant);
  if (rc == RAFT_OK && *grant) {
    rc = claims_precedence(node, message, &claims);
  }
  *grant = *grant && !claims && can_vote(node, message);
  return rc;
}

int raft_election_vote_request(raft_rawnode *node, const raft_message *message) {
  bool grant = false;
  int rc = judge(node, message, &grant);
  rc = rc == RAFT_OK ? raft_reserve_self(node) : rc;
  if (rc != RAFT_OK) {
    return rc;
  }
  /* A grant is about the term that was asked for, a rejection tells the own one. Learners vote
   * too: one may have been promoted without having heard of it yet. */
  raft_message response = {.type =
                               is_pre_vote(message) ? RAFT_MSG_PRE_VOTE_RESP : RAFT_MSG_VOTE_RESP,
                           .to = message->from,
                           .term = grant ? message->term : node->term,
                           .reject = !grant};
  if (!grant) {
    raft_election_tell_commit(node, &response);
  }
  raft_emit(node, RAFT_LOG_INFO, grant ? RAFT_EVENT_VOTE_CAST : RAFT_EVENT_VOTE_REJECTED,
            message->from, message->index, message->log_term, is_pre_vote(message));
  raft_send(node, &response);
  if (grant && message->type == RAFT_MSG_VOTE) {
    node->election_elapsed = 0;
    node->vote = message->from;
  }
  return RAFT_OK;
}

/* ---- counting ---- */

/* Winning appends an entry and owes itself two messages: none of that may fail halfway. */
static int reserve_victory(raft_rawnode *node) {
  int rc = raft_unstable_reserve(&node->log.unstable, raft_log_last_index(&node->log) + 1, 1,
                                 raft_memory(node));
  return rc == RAFT_OK ? raft_reserve_self(node) : rc;
}

static int won(raft_rawnode *node) {
  int rc = RAFT_OK;
  if (node->role == RAFT_PRE_CANDIDATE) {
    raft_entry_id last = {0, 0};
    rc = raft_log_last_id(&node->log, &last);
    if (rc == RAFT_OK) {
      campaign_for(node, RAFT_CAMPAIGN_ELECTION, last);
    }
    return rc;
  }
  rc = raft_become_role_leader(node);
  if (rc == RAFT_OK) {
    raft_broadcast_append(node);
  }
  return rc;
}

int raft_election_vote_response(raft_rawnode *node, const raft_message *message) {
  raft_message_type mine =
      node->role == RAFT_PRE_CANDIDATE ? RAFT_MSG_PRE_VOTE_RESP : RAFT_MSG_VOTE_RESP;
  if (message->type != mine) {
    return RAFT_OK; /* an answer to the campaign before this one */
  }
  int rc = reserve_victory(node);
  if (rc != RAFT_OK) {
    return rc;
  }
  unsigned granted = 0, rejected = 0;
  raft_emit(node, RAFT_LOG_INFO, RAFT_EVENT_VOTE_RECEIVED, message->from, 0, !message->reject,
            is_pre_vote(message));
  raft_tracker_record_vote(&node->tracker, message->from, !message->reject);
  raft_vote_result result = raft_tracker_tally_votes(&node->tracker, &granted, &rejected);
  raft_emit(node, RAFT_LOG_INFO, RAFT_EVENT_VOTE_TALLY, 0, is_pre_vote(message), granted, rejected);
  if (result == RAFT_VOTE_WON) {
    rc = won(node);
  } else if (result == RAFT_VOTE_LOST) {
    /* A pre-vote response may carry a future term: stay at the own one. */
    raft_become_role_follower(node, node->term, RAFT_NO_ID);
  }
  return rc;
}
