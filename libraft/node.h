/* node.h - the state of one node, and the functions by which its files call each other.
 *
 * Each file owns one concern: role.c who we are, election.c how a leader is found, replication.c
 * how the leader feeds its followers, follower.c what a follower does with it, snapshot.c, reads.c,
 * transfer.c, proposal.c, membership.c; step.c sends a message to its handler, ready.c hands the
 * work out.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RAFT_NODE_H
#define RAFT_NODE_H

#include <libraft/rawnode.h>

#include "extras.h"
#include "log.h"
#include "outbox.h"
#include "tracker.h"

/* A heartbeat round carries the clock of its sending in the bits above these. */
enum { RAFT_ROUND_BITS = 24 };
/* No election is about a later one: only a liar can bring a group here. */
#define RAFT_LAST_TERM (UINT64_MAX - 1)

/* A read that waits for its confirmation. index 0: first for a commit in this term. */
typedef struct raft_pending_read {
  uint64_t from;  /* who asked; own id: this node */
  uint64_t index; /* commit index when it came */
  uint64_t round; /* heartbeat round that confirms it */
  raft_bytes context;
} raft_pending_read;

/* By arrival; rounds ascend, those that wait for a commit stand at the end. */
typedef struct raft_read_queue {
  raft_pending_read *items;
  uint32_t count;
  uint32_t capacity;
} raft_read_queue;

/* Reads that were answered or abandoned. */
typedef struct raft_answered_reads {
  raft_read_state *items;
  uint32_t count;
  uint32_t capacity;
} raft_answered_reads;

/* Allocated while there are any: most groups, most of the time, have none. */
typedef struct raft_reads {
  raft_read_queue pending;
  raft_answered_reads answered;
  raft_answered_reads handed_out; /* the last Ready points to them */
} raft_reads;

/* What the last Ready points to, until it is advanced or replaced. */
typedef struct raft_handed_out {
  raft_ready ready;
  raft_body *snapshot;
  raft_outbox messages;
  union {
    struct { /* asynchronous mode: what the storage messages share */
      raft_body *entries;
      raft_body *committed;
    };
    raft_entry_id stable; /* synchronous mode: what the write makes durable; index 0: nothing */
  };

  /* Synchronous mode. */
  raft_room room; /* committed entries that came from storage */
} raft_handed_out;

/* What of raft_config is looked at after opening; the rest has gone to the log and the tracker. */
typedef struct raft_settings {
  uint64_t id;
  raft_log_function log;
  void *log_ctx;
  uint64_t max_size_per_message;
  uint64_t max_uncommitted_size;
  uint32_t election_ticks;
  uint32_t heartbeat_ticks;
  uint32_t snapshot_timeout_ticks;
  uint32_t max_pending_reads;
  uint32_t max_unpersisted_apply;
  uint8_t read_only; /* raft_read_only_option */
  bool check_quorum : 1;
  bool pre_vote : 1;
  bool async_storage_writes : 1;
  bool disable_proposal_forwarding : 1;
  bool disable_conf_change_validation : 1;
  bool step_down_on_removal : 1;
  bool silent_read_drops : 1;
  bool etcd_quirks : 1;
  bool hand_over_on_removal : 1;
  bool batch_append : 1;
  bool skip_commit_broadcast : 1;
  bool commit_in_votes : 1;
} raft_settings;

/* There may be a million of these in a process: fields are laid out so that none is wasted. */
struct raft_rawnode {
  raft_settings config;
  int poisoned; /* the code that every call answers, or RAFT_OK */
  uint8_t role; /* raft_role */
  bool is_learner : 1;
  bool lease_void : 1;      /* a hand-over was begun in this term: leases prove nothing */
  bool came_back : 1;       /* started with a term: may have granted a lease before */
  bool leaving : 1;         /* leader that is no voter any more and hands over */
  bool auto_leave_owed : 1; /* the joint configuration could not be left at once: try again */
  bool commit_owed : 1;     /* storage had no memory to say whether more is committed: try again */
  bool snapshot_asked : 1;  /* follower: appends nothing before the snapshot that it asked for */
  bool append_owed : 1;     /* batch_append: followers are to be sent what is new */
  bool outstanding : 1;     /* a Ready is out, and not advanced */
  bool worked : 1;          /* since the last tick: there may be memory to give back */

  /* Term, vote and commit (in log) are promises: they are durable before anyone hears of them. */
  uint64_t term;
  uint64_t vote;
  uint64_t lead; /* of this term, as far as known */

  raft_log log;
  raft_tracker tracker;

  /* Leader only, reset with the term; but `round` only rises. */
  uint64_t pending_conf_index; /* no conf change is proposed until this is applied */
  uint64_t uncommitted_size;   /* payload bytes of proposals not yet applied */
  uint64_t lead_transferee;
  uint64_t round;    /* newest heartbeat round: clock << RAFT_ROUND_BITS at least */
  raft_reads *reads; /* NULL: none */

  raft_extras *extras; /* NULL: no option needs it */

  /* The logical clock. */
  uint64_t clock;
  uint64_t random;
  uint32_t election_elapsed;
  uint32_t heartbeat_elapsed;
  uint32_t election_timeout; /* drawn */

  uint32_t own_promises; /* shown by the Ready: the first ones in after_append, for advance */

  /* Going out. Messages that promise something wait for the next durable write. */
  raft_outbox messages;
  raft_outbox after_append;
  raft_soft_state shown_soft_state; /* as of the last Ready */
  raft_hard_state shown_hard_state;
  raft_handed_out out;
};

/* ---- node.c ---- */
static inline const raft_allocator *raft_memory(const raft_rawnode *node) {
  return node->tracker.allocator;
}
void raft_emit(const raft_rawnode *node, raft_log_level level, raft_event_type type, uint64_t peer,
               uint64_t index, uint64_t a, uint64_t b);
/* A message of that type at the end of its queue, empty but for type, to, from and term, to be
 * filled in where it lies, before anything else is sent. NULL: no memory, it is lost. */
raft_message *raft_compose(raft_rawnode *node, raft_message_type type, uint64_t to);
/* The same for a message that exists: fills in from and term and queues; takes the body reference.
 * False: no memory, it is lost. */
bool raft_send(raft_rawnode *node, raft_message *message);
/* Room for one message to itself, which must not get lost. */
int raft_reserve_self(raft_rawnode *node);
/* Passes a message on to the leader, unchanged but for `to`. */
int raft_forward(raft_rawnode *node, const raft_message *message);
void raft_random_init(raft_rawnode *node, uint64_t seed);
uint32_t raft_random_below(raft_rawnode *node, uint32_t bound);
/* Poisons the node; returns the code. */
int raft_poison(raft_rawnode *node, int code, unsigned line);
/* End of an API call: a failure of storage that was only noted becomes fatal. */
int raft_finish_failed(raft_rawnode *node, int rc);
static inline int raft_finish(raft_rawnode *node, int rc) {
  bool fine = (node->poisoned | node->log.failure) == RAFT_OK;
  return fine ? rc : raft_finish_failed(node, rc);
}
#define RAFT_BROKEN(node) raft_poison((node), RAFT_EINVARIANT, __LINE__)

/* ---- extras.c ---- */
raft_extras *raft_extras_make(raft_rawnode *node); /* NULL: no memory */
void raft_extras_close(raft_rawnode *node);
static inline int64_t raft_priority(const raft_rawnode *node) {
  return node->extras == NULL ? 0 : node->extras->priority;
}

/* ---- group_commit.c ---- */
/* Highest index that the quorum(s) have, and two commit groups where that is asked for. */
uint64_t raft_group_committed(const raft_rawnode *node);

/* ---- role.c ---- */
void raft_become_role_follower(raft_rawnode *node, uint64_t term, uint64_t lead);
void raft_become_role_pre_candidate(raft_rawnode *node);
void raft_become_role_candidate(raft_rawnode *node);
int raft_become_role_leader(raft_rawnode *node);
int raft_role_tick(raft_rawnode *node);
bool raft_role_promotable(const raft_rawnode *node);

/* ---- election.c ---- */
typedef enum raft_campaign {
  RAFT_CAMPAIGN_PRE_ELECTION,
  RAFT_CAMPAIGN_ELECTION,
  RAFT_CAMPAIGN_TRANSFER
} raft_campaign;
int raft_election_hup(raft_rawnode *node, raft_campaign campaign);
int raft_election_vote_request(raft_rawnode *node, const raft_message *message);
int raft_election_vote_response(raft_rawnode *node, const raft_message *message);
/* Vote traffic may tell of a commit that this node has not heard of (commit_in_votes). */
int raft_election_learn_commit(raft_rawnode *node, const raft_message *message);
void raft_election_tell_commit(raft_rawnode *node, raft_message *message);
/* Is a vote request to be ignored, because a leader is known to be alive? */
bool raft_election_lease_holds(raft_rawnode *node, const raft_message *message);
/* Does a leader's lease rest on this follower? Then a later term is no reason to forget the leader.
 */
bool raft_election_keeps_word(const raft_rawnode *node);

/* ---- replication.c (leader) ---- */
bool raft_replicate(raft_rawnode *node, raft_progress *progress, bool even_if_empty);
void raft_broadcast_append(raft_rawnode *node);
/* What batch_append put off, now that a Ready is taken. */
void raft_broadcast_owed(raft_rawnode *node);
void raft_broadcast_heartbeat(raft_rawnode *node);
/* Commits what it can, and does what follows from it. True: something. */
bool raft_leader_commit(raft_rawnode *node);
int raft_leader_append_response(raft_rawnode *node, const raft_message *message);
int raft_leader_heartbeat_response(raft_rawnode *node, const raft_message *message);
int raft_leader_unreachable(raft_rawnode *node, const raft_message *message);
int raft_leader_check_quorum(raft_rawnode *node, const raft_message *message);
int raft_leader_beat(raft_rawnode *node, const raft_message *message);

/* ---- follower.c ---- */
int raft_follower_append(raft_rawnode *node, const raft_message *message);
int raft_follower_heartbeat(raft_rawnode *node, const raft_message *message);
int raft_follower_forget_leader(raft_rawnode *node, const raft_message *message);

/* ---- snapshot.c ---- */
bool raft_snapshot_send(raft_rawnode *node, raft_progress *progress);
/* A follower asks for a snapshot at `least` or later. */
void raft_snapshot_wanted(raft_rawnode *node, raft_progress *progress, uint64_t least);
/* Asks the leader, or asks again; room for the message is reserved. */
void raft_snapshot_ask(raft_rawnode *node);
int raft_snapshot_receive(raft_rawnode *node, const raft_message *message);
int raft_snapshot_status(raft_rawnode *node, const raft_message *message);
void raft_snapshot_applied(raft_rawnode *node, uint64_t index);
void raft_snapshot_tick(raft_rawnode *node);

/* ---- reads.c ---- */
int raft_reads_leader_request(raft_rawnode *node, const raft_message *message);
int raft_reads_follower_response(raft_rawnode *node, const raft_message *message);
/* The first entry of this term is committed: waiting reads may begin their round. */
void raft_reads_term_committed(raft_rawnode *node);
/* A peer answered a round, or the configuration changed: answer what is confirmed. */
void raft_reads_confirm(raft_rawnode *node);
/* Gives up all reads; those of this node's own are reported with `reason`. */
void raft_reads_abandon(raft_rawnode *node, int reason);
void raft_reads_close(raft_rawnode *node);
/* Gives memory back that is not needed. */
void raft_reads_shrink(raft_rawnode *node);
static inline uint32_t raft_reads_pending(const raft_rawnode *node) {
  return node->reads == NULL ? 0 : node->reads->pending.count;
}
static inline uint32_t raft_reads_answered(const raft_rawnode *node) {
  return node->reads == NULL ? 0 : node->reads->answered.count;
}
/* Shows the answered ones in a Ready; they are valid until they are taken back. */
void raft_reads_hand_out(raft_rawnode *node, raft_ready *ready);
void raft_reads_take_back(raft_rawnode *node);

/* ---- transfer.c ---- */
int raft_transfer_request(raft_rawnode *node, const raft_message *message);
void raft_transfer_timeout_now(raft_rawnode *node, uint64_t to);
void raft_transfer_abort(raft_rawnode *node);
/* The leader is no voter any more: it hands over to the best one. Reminded with each heartbeat,
 * until the time is up. */
void raft_transfer_leave(raft_rawnode *node);
void raft_transfer_remind(raft_rawnode *node);
void raft_transfer_timed_out(raft_rawnode *node);
int raft_transfer_timeout_now_received(raft_rawnode *node, const raft_message *message);

/* ---- proposal.c ---- */
int raft_proposal_leader(raft_rawnode *node, const raft_message *message);
int raft_proposal_follower(raft_rawnode *node, const raft_message *message);
int raft_proposal_candidate(raft_rawnode *node, const raft_message *message);
/* Appends to the leader's own log and owes itself the acknowledgement. */
int raft_proposal_append(raft_rawnode *node, const raft_entry *entries, size_t count);
void raft_proposal_applied(raft_rawnode *node, uint64_t payload_bytes);
bool raft_is_conf_change_entry(const raft_entry *entry);

/* ---- membership.c ---- */
void raft_membership_step_down(raft_rawnode *node);
/* Puts `next` into force and does what follows from it. */
void raft_membership_switch(raft_rawnode *node, raft_tracker *next);
/* The leader of a joint configuration that leaves by itself: time to propose that? */
void raft_membership_auto_leave(raft_rawnode *node);

/* ---- step.c ---- */
int raft_step_message(raft_rawnode *node, const raft_message *message);
int raft_applied_to(raft_rawnode *node, uint64_t index, uint64_t bytes);
/* A write is durable: entries up to `last` (index 0: none), and the snapshot unless it is NULL. */
void raft_storage_appended(raft_rawnode *node, raft_entry_id last, const raft_snapshot *snapshot);

/* ---- ready.c ---- */
void raft_handed_out_release(raft_rawnode *node);

#endif
