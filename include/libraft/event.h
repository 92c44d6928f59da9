/* event.h - what a node tells its log callback.
 *
 * Events are numbers, not text: the core formats nothing. raft_describe_event() (describe.h)
 * makes the line that people read.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIBRAFT_EVENT_H
#define LIBRAFT_EVENT_H

#include <libraft/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum raft_log_level {
  RAFT_LOG_DEBUG = 0,
  RAFT_LOG_INFO = 1,
  RAFT_LOG_WARN = 2,
  RAFT_LOG_ERROR = 3,
  RAFT_LOG_FATAL = 4
} raft_log_level;

/* Behind each: what peer, index and a, b of raft_event hold (fields not named are 0). */
typedef enum raft_event_type {
  RAFT_EVENT_STARTED = 0,     /* index: last index, a: commit, b: applied */
  RAFT_EVENT_BECAME_FOLLOWER, /* peer: leader or 0 */
  RAFT_EVENT_BECAME_PRE_CANDIDATE,
  RAFT_EVENT_BECAME_CANDIDATE,
  RAFT_EVENT_BECAME_LEADER,
  RAFT_EVENT_ELECTION_STARTED, /* a new election begins */
  RAFT_EVENT_VOTE_REQUESTED,   /* peer; index: last index, a: last term, b: 1 for a pre-vote */
  RAFT_EVENT_VOTE_CAST, /* peer; index, a: candidate's last index and term, b: 1 for a pre-vote */
  RAFT_EVENT_VOTE_REJECTED, /* peer; index, a: candidate's last index and term, b: 1 for a pre-vote
                             */
  RAFT_EVENT_VOTE_RECEIVED, /* peer; a: 1 granted, 0 rejected, b: 1 for a pre-vote */
  RAFT_EVENT_VOTE_TALLY,    /* index: 1 for a pre-vote, a: granted, b: rejected */
  RAFT_EVENT_VOTE_IGNORED_LEASE, /* peer; a: ticks left of the lease, b: 1 for a pre-vote */
  RAFT_EVENT_HIGHER_TERM,        /* peer; a: message type, b: its term */
  RAFT_EVENT_LOWER_TERM,         /* peer; a: message type, b: its term */
  RAFT_EVENT_CANNOT_CAMPAIGN,    /* a: 1 not promotable, 2 unapplied configuration
                                    change, 3 no term is left */
  RAFT_EVENT_QUORUM_LOST,        /* leader steps down: quorum not active */
  RAFT_EVENT_LEADER_FORGOTTEN,   /* peer: the leader */
  RAFT_EVENT_FORGET_REFUSED,     /* lease-based reads forbid it */
  RAFT_EVENT_PROPOSAL_DROPPED,   /* a: -error code */
  RAFT_EVENT_APPEND_REJECTED,    /* peer; index, a: previous index and term of the message */
  RAFT_EVENT_APPEND_REFUSED,     /* peer; index: rejected index, a: hint index, b: hint term */
  RAFT_EVENT_LOG_CONFLICT,       /* index; a: own term there, b: new term */
  RAFT_EVENT_LOG_TRUNCATED,      /* index: first one replaced */
  RAFT_EVENT_PROGRESS_CHANGED,   /* peer; index: next, a: match, b: raft_progress_state */
  RAFT_EVENT_PEER_UNREACHABLE,   /* peer */
  RAFT_EVENT_SNAPSHOT_SENT,      /* peer; index, a: term */
  RAFT_EVENT_SNAPSHOT_FINISHED,  /* peer; a: 1 success, 0 failure, 2 timed out */
  RAFT_EVENT_SNAPSHOT_RESTORED,  /* index, a: term */
  RAFT_EVENT_SNAPSHOT_IGNORED, /* index, a: term; b: 1 not a member, 2 behind, 3 already in the log
                                */
  RAFT_EVENT_CONF_SWITCHED,    /* conf_state: the configuration that is in force now */
  RAFT_EVENT_CONF_CHANGE_IGNORED,  /* index; a: 1 one is pending, 2 in joint, 3 not in joint */
  RAFT_EVENT_CONF_AUTO_LEAVE,      /* leader proposes to leave the joint configuration */
  RAFT_EVENT_TRANSFER_STARTED,     /* peer: transferee */
  RAFT_EVENT_TRANSFER_ABORTED,     /* peer: transferee */
  RAFT_EVENT_TIMEOUT_NOW_SENT,     /* peer: transferee */
  RAFT_EVENT_TIMEOUT_NOW_RECEIVED, /* peer: leader that hands over */
  RAFT_EVENT_STABLE_IGNORED,       /* index, a: term; entries persisted that are no longer wanted */
  RAFT_EVENT_READ_ABANDONED,       /* a: -error code */
  RAFT_EVENT_STEPPED_DOWN_REMOVED, /* leader left: no longer a voter */
  RAFT_EVENT_SNAPSHOT_WANTED, /* peer; index: at least, a: index of the newest there is, or 0 */
  RAFT_EVENT_COMMIT_LEARNED,  /* peer; index, a: term; a vote told of that commit */
  RAFT_EVENT_POISONED,        /* a: -error code, b: line of libraft that noticed */
  RAFT_EVENT_COUNT
} raft_event_type;

typedef struct raft_event {
  raft_log_level level;
  raft_event_type type;
  uint64_t id;   /* the node that speaks */
  uint64_t term; /* its term */
  uint64_t peer;
  uint64_t index;
  uint64_t a;
  uint64_t b;
  const raft_conf_state *conf_state; /* NULL for most; valid for the call alone */
} raft_event;

/* Called synchronously from within calls on the node; must not call back into it. */
typedef void (*raft_log_function)(void *ctx, const raft_event *event);

#ifdef __cplusplus
}
#endif
#endif
