/* rawnode.h - one member of one Raft group: Step in, Ready out, Advance.
 *
 * A raft_rawnode does no I/O and has no clock. The embedder's loop feeds it ticks, messages
 * and proposals, takes a raft_ready whenever there is one, does what the Ready says, and
 * advances:
 *
 *   raft_rawnode_tick(rn);
 *   while (raft_rawnode_has_ready(rn)) {
 *     const raft_ready *rd;
 *     if ((rc = raft_rawnode_ready(rn, &rd)) < 0) break;
 *     save(rd);                  hard state, entries, snapshot: one write, synced if rd->must_sync
 *     send(rd->messages, rd->message_count);
 *     apply(rd->committed_entries, rd->committed_entry_count);
 *     raft_rawnode_advance(rn, rd);
 *   }
 *
 * Ownership: what is passed in is borrowed for the call (payloads in a raft_buf are retained,
 * others copied once); what a Ready points to is valid until raft_rawnode_advance, or, with
 * asynchronous storage writes, until the next raft_rawnode_ready. A message may be kept longer by
 * raft_message_retain.
 *
 * Threads: a node is used by one thread at a time; different nodes are independent. Only what
 * is said to be for any thread may be used elsewhere.
 *
 * Errors: all functions that return int return RAFT_OK or a code of error.h. After a fatal one
 * every call answers the same. RAFT_ENOMEM: the call had no effect, or that of a lost message.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIBRAFT_RAWNODE_H
#define LIBRAFT_RAWNODE_H

#include <libraft/config.h>
#include <libraft/error.h>
#include <libraft/status.h>
#include <libraft/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct raft_rawnode raft_rawnode;

/* All the work that is due. In synchronous mode in this order: save hard_state, entries and
 * snapshot; then send messages (a leader may send them at once); apply snapshot and
 * committed_entries; advance. In asynchronous mode entries, hard state, snapshot and committed
 * entries are for information only: the storage messages among `messages` carry them, and
 * their responses are to be delivered once the write is durable or applied. With a snapshot there
 * are no committed entries; it stands for all of them, and for those that were handed out before
 * and are not applied yet: the state machine then passes over them. (etcd-io/raft's Ready.) */
typedef struct raft_ready {
  const raft_soft_state *soft_state;  /* NULL: unchanged */
  raft_hard_state hard_state;         /* all zero: unchanged */
  const raft_read_state *read_states; /* each is given once, whether it was applied yet or not */
  size_t read_state_count;
  const raft_entry *entries; /* to append, dropping whatever stands at their indexes and behind */
  size_t entry_count;
  const raft_snapshot *snapshot; /* NULL: none */
  const raft_entry *committed_entries;
  size_t committed_entry_count;
  const raft_message *messages;
  size_t message_count;
  bool must_sync; /* term, vote or entries changed: the write must be durable before messages are
                     sent. Says nothing of the snapshot, which always must be (as upstream) */
} raft_ready;

/* Opens a node, a follower at first, from what its storage holds. On success *rn is owned by the
 * caller until raft_rawnode_close; on error it is untouched. RAFT_ECONFIG: see raft_config_check.
 * RAFT_ESTORAGE: storage failed or holds what cannot be (commit beyond the log, applied beyond
 * commit or before the first entry). RAFT_ENOMEM. (RawNode, NewRawNode.) */
int raft_rawnode_open(const raft_config *config, raft_rawnode **rn);

/* Frees the node and what its last Ready pointed to; works on a poisoned one too. NULL is
 * ignored. Messages and buffers that were retained live on, and so must the allocator. */
void raft_rawnode_close(raft_rawnode *rn);

/* A member at the first start of a group. */
typedef struct raft_peer {
  uint64_t id;
  raft_bytes context; /* becomes the conf change's context */
} raft_peer;

/* First start of a group, on empty storage: writes one AddNode entry a peer at term 1,
 * committed from the start; they come out of Ready to be saved and applied like any other. All
 * members must be given the same list in the same order, none of them twice; a member that is added
 * later is not bootstrapped. The list is borrowed for the call. RAFT_EINVAL: no peers, or not a
 * list of different ids. RAFT_ENOT_EMPTY: there is a log or a term already. RAFT_ENOMEM. (RawNode's
 * Bootstrap.) */
int raft_rawnode_bootstrap(raft_rawnode *rn, const raft_peer *peers, size_t count);

/* One step of the logical clock: elections, heartbeats, quorum check, snapshot and transfer
 * time-outs. To be called at an even pace; a clock that jumps is worth one tick, not the missed
 * ones. RAFT_ENOMEM: time has passed all the same, some message was not made. Allocates nothing in
 * the steady state. */
int raft_rawnode_tick(raft_rawnode *rn);

/* One message from a peer or, in asynchronous mode, a response of a storage message. Borrowed for
 * the call and never written to; payloads with an owner are retained. `to` is not looked at: check
 * it, and that the connection is that of `from`. RAFT_ESTEP_LOCAL: a local type from the network.
 * RAFT_EPEER_NOT_FOUND: a response from a stranger. RAFT_EMALFORMED, RAFT_ELOG_LOST: ignored,
 * nothing changed. RAFT_EDROPPED_..., RAFT_EREAD_...: what a peer forwarded was refused.
 * RAFT_ENOMEM: as if the message had been lost; a response of one's own storage is then to be
 * stepped again. */
int raft_rawnode_step(raft_rawnode *rn, const raft_message *message);

/* Appends one normal entry whose payload is the concatenation of the slices, which are copied
 * once. On a follower it is forwarded to the leader, and may then be lost without notice. RAFT_OK
 * does not mean committed: that is when it comes out of Ready. RAFT_EDROPPED_..., RAFT_ENOMEM: it
 * certainly is not in the log. RAFT_EINVAL: the lengths have no sum. (Thesis 3.5.) */
int raft_rawnode_propose(raft_rawnode *rn, const raft_slice *slices, size_t count);

/* Appends `count` normal entries, all or none, in one message. Payloads with an owner are
 * retained, not copied; the array is borrowed for the call. Errors as of raft_rawnode_propose;
 * RAFT_EINVAL: count is 0. */
int raft_rawnode_propose_batch(raft_rawnode *rn, const raft_bytes *payloads, size_t count);

/* Proposes a membership change, which is borrowed for the call. At most one may be unapplied: a
 * second one becomes an empty normal entry, as upstream does, and so does one that does not fit
 * the configuration in force (joint or not); look at the membership afterwards. NULL for _v2:
 * leave the joint configuration. Errors as of raft_rawnode_propose, and
 * RAFT_ECONF_TYPE: a type that nobody could apply; disable_conf_change_validation lets it pass.
 * (Thesis 4.1, 4.3.) */
int raft_rawnode_propose_conf_change(raft_rawnode *rn, const raft_conf_change *change);
int raft_rawnode_propose_conf_change_v2(raft_rawnode *rn, const raft_conf_change_v2 *change);

/* Puts a committed change into force; to be called when its entry is applied, once for each such
 * entry, in order. A change that the application rejects is applied as an empty one with node id
 * 0. *conf_state (may be NULL) receives the new membership, to be kept with snapshots; its lists
 * belong to the node and are valid until the next call on it. RAFT_ECONF_...: invalid, on every
 * member alike; nothing changed (upstream panics). RAFT_ENOMEM: nothing changed, and it must be
 * tried again before anything else is applied: other members have put it into force.
 * RAFT_ECONF_OVERTAKEN: since the entry was handed out a snapshot came in that holds the change,
 * and its membership is in force; nothing changed. An application that keeps *conf_state leaves
 * this entry and those behind it to the snapshot (upstream applies it to the wrong membership). The
 * node cannot tell any more once it has heard that the snapshot is durable: with asynchronous
 * storage writes an apply thread that lags behind must not come back with entries that an installed
 * snapshot holds. */
int raft_rawnode_apply_conf_change(raft_rawnode *rn, const raft_conf_change_v2 *change,
                                   raft_conf_state *conf_state);
int raft_rawnode_apply_conf_change_v1(raft_rawnode *rn, const raft_conf_change *change,
                                      raft_conf_state *conf_state);

/* Campaigns now, whatever the clock says; with PreVote if that is on. No-op on a leader, a
 * learner, a stranger, and while a change of membership is committed but not applied. With
 * lease-based reads this breaks the word that this node gave its leader, whose lease may rest on
 * it: hand over by raft_rawnode_transfer_leader instead. */
int raft_rawnode_campaign(raft_rawnode *rn);

/* A leader sends a heartbeat to everyone now, e.g. to find out sooner who is there. No-op on
 * others. The clock is as it was. (raft-rs.) */
int raft_rawnode_ping(raft_rawnode *rn);

/* Asks the leader to hand over to `transferee`; it is helped to catch up first, proposals are
 * dropped meanwhile, and it is given up after one election timeout (thesis 3.10). On a follower
 * the request is forwarded, and may be lost. RAFT_OK does not mean done: soft_state of a Ready
 * says who leads. No-op when `transferee` is no voter; the leader's own id ends a hand-over. */
int raft_rawnode_transfer_leader(raft_rawnode *rn, uint64_t transferee);

/* Changes raft_config.priority from now on; votes that were given stay given. RAFT_ENOMEM. */
int raft_rawnode_set_priority(raft_rawnode *rn, int64_t priority);

/* Group commit (raft-rs): while it is enabled, an entry that this node leads counts as committed
 * only when a quorum has it and, of the voters, members of two commit groups: places that fail
 * together, such as data centres. With one group for all voters the quorum decides alone; while
 * there is one group and voters without, all voters must have it. Off at first; kept in memory
 * only, so to be told to whoever may lead. Danger: while one of only two groups is away nothing is
 * committed, until group commit is switched off. RAFT_ENOMEM. */
int raft_rawnode_enable_group_commit(raft_rawnode *rn, bool enable);

/* Puts members, also future ones, into groups; those not named stay where they are. All or none.
 * RAFT_EINVAL: an id is 0. RAFT_ENOMEM. */
int raft_rawnode_assign_commit_groups(raft_rawnode *rn, const raft_commit_group *groups,
                                      size_t count);

/* Nobody is in a group any more. */
int raft_rawnode_clear_commit_groups(raft_rawnode *rn);

/* *consistent: group commit is on, there are two groups at least, and everything committed is in
 * two of them. RAFT_EUSAGE: not known, this is no leader or has not applied an entry of its term.
 */
int raft_rawnode_group_commit_consistent(raft_rawnode *rn, bool *consistent);

/* A follower forgets its leader within the term, so that it may vote for another one, e.g. when
 * the embedder knows that the leader's machine is gone. No-op on others, and with lease-based
 * reads, which it would break. (Upstream's ForgetLeader.) */
int raft_rawnode_forget_leader(raft_rawnode *rn);

/* Asks for an index at which a linearizable read may be served; it comes as a raft_read_state
 * with this context, whose bytes are copied or retained. Contexts need not differ. Forwarded by
 * followers and learners, and may then be lost without notice: retry after a time-out. A leader
 * that steps down gives its own ones up, with a status. RAFT_EREAD_NO_LEADER, RAFT_EREAD_TOO_MANY,
 * RAFT_ENOMEM: it was not asked for. (Thesis 6.4.) */
int raft_rawnode_read_index(raft_rawnode *rn, const raft_bytes *context);

/* The last message to `id` could not be sent: replicate to it more carefully, one append at a time
 * until it answers. No-op unless leader, and for strangers. */
int raft_rawnode_report_unreachable(raft_rawnode *rn, uint64_t id);

/* What became of the snapshot sent to `id`; until then nothing else is sent to it. To be called for
 * each MsgSnap when the transport is done with it; one that is never reported times out
 * (raft_config.snapshot_timeout_ticks). No-op when there is none under way. */
int raft_rawnode_report_snapshot(raft_rawnode *rn, uint64_t id, bool success);

/* A follower whose state machine is damaged, but whose log is not, asks its leader for a snapshot
 * that is at least as new as its own last entry. Until it has come the follower appends nothing and
 * asks again with each message of its leader; it gives up when the term changes or it campaigns.
 * The leader needs a snapshot that new in its storage: RAFT_EVENT_SNAPSHOT_WANTED says that it has
 * none. What Ready then gives is to be installed even if it is no newer than what was applied, or
 * than the last snapshot.
 * RAFT_ESNAPSHOT_REQUEST: not now: this is no follower, knows no leader, has no entry of its
 * leader's term yet, or a snapshot is asked for or being installed. RAFT_ENOMEM. (raft-rs; a
 * leader that does not know of it, as etcd-io/raft's, does not answer: do not ask that one, the
 * follower would append nothing for as long as it leads.) */
int raft_rawnode_request_snapshot(raft_rawnode *rn);

/* True if raft_rawnode_ready would give anything to do; false when poisoned. Constant time, no
 * allocation. */
bool raft_rawnode_has_ready(const raft_rawnode *rn);

/* Takes all the work that is due; *ready belongs to the node (see the head of this file for how
 * long). In synchronous mode it must be followed by raft_rawnode_advance before the next one
 * (RAFT_EUSAGE). Messages, proposals and ticks may be put in between. RAFT_ENOMEM: ask again,
 * nothing is lost. RAFT_ESTORAGE: entries to be applied cannot be read. */
int raft_rawnode_ready(raft_rawnode *rn, const raft_ready **ready);

/* The work of `ready` is done, all of it: saved, handed to the network, applied. Now the node
 * counts its own vote and acknowledgement. Never to be called after a write that failed.
 * RAFT_EUSAGE: there is none outstanding, or asynchronous mode. RAFT_ENOMEM: it is done; a message
 * that follows from it was not made. */
int raft_rawnode_advance(raft_rawnode *rn, const raft_ready *ready);

/* State, from cheap to complete; nothing is allocated. Works on a poisoned node too. What it points
 * to belongs to the node, see raft_status. */
void raft_rawnode_basic_status(const raft_rawnode *rn, raft_basic_status *status);
void raft_rawnode_status(const raft_rawnode *rn, raft_status *status);

/* What the leader knows of peer number `position` (0 ... progress_count - 1, by ascending id).
 * RAFT_EINVAL: no such position, or not leader. */
int raft_rawnode_progress(const raft_rawnode *rn, size_t position, raft_progress_status *status);

/* Changes the drawn election timeout until the next reset of it. For tests. RAFT_EINVAL: 0. */
int raft_rawnode_set_randomized_election_timeout(raft_rawnode *rn, uint32_t ticks);

#ifdef __cplusplus
}
#endif
#endif
