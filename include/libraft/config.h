/* config.h - how a node behaves: every option with its default.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIBRAFT_CONFIG_H
#define LIBRAFT_CONFIG_H

#include <libraft/event.h>
#include <libraft/storage.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What confirms that a read may be answered. A lease asks of the clocks that election_ticks - 1
 * ticks of a leader never take longer than as many of any voter (thesis 6.4.1): their phase may
 * differ, their speed may not, and ticks must come when they are due. A leader that is stopped or
 * whose ticks are late, and a voter whose ticks come in a burst, can let a read be answered from
 * the past. Who cannot promise that takes SAFE. */
typedef enum raft_read_only_option {
  RAFT_READ_ONLY_SAFE = 0,       /* a round of heartbeats confirms the leader (thesis 6.4) */
  RAFT_READ_ONLY_LEASE_BASED = 1 /* the lease does; needs check_quorum and equal clocks */
} raft_read_only_option;

/* Fill with raft_config_init(), then set what differs. The struct is copied by
 * raft_rawnode_open; `storage` and `allocator` are referred to and must outlive the node. The
 * default stands first in each comment, then the range, the meaning, and etcd-io/raft's name where
 * it is another one. Members of a group should agree on check_quorum, pre_vote, read_only and
 * election_ticks; pre_vote may be switched on member by member. */
typedef struct raft_config {
  size_t size; /* sizeof(raft_config): set by raft_config_init, lets the struct grow */

  /* Who and from where. Required: id, storage. */
  uint64_t id; /* not 0, RAFT_APPEND_THREAD or RAFT_APPLY_THREAD */
  const raft_storage *storage;
  uint64_t applied;                /* last index that the application has applied, durably; 0: as
                                      far as the log is compacted. Entries behind it come out of
                                      Ready. Neither above the commit index nor below the first
                                      entry - 1, else opening answers RAFT_ESTORAGE */
  const raft_allocator *allocator; /* NULL: raft_default_allocator() */
  uint64_t seed;                   /* election timeouts are a function of seed and id */
  raft_log_function log;           /* NULL: silent */
  void *log_ctx;

  /* Time, in calls of raft_rawnode_tick. */
  uint32_t election_ticks;         /* 10; > heartbeat_ticks. A follower that hears nothing so long
                                      campaigns; each draws from [n, 2n-1] (thesis 3.4) */
  uint32_t heartbeat_ticks;        /* 1; > 0. How often a leader says that it is there */
  uint32_t snapshot_timeout_ticks; /* 600; a snapshot not reported on for so long is probed again.
                                      0: never */

  /* Limits, in bytes of raft_entry_size unless said otherwise. */
  /* 1 MiB. Entries of one append; at least one is always sent. 0: one each (MaxSizePerMsg). */
  uint64_t max_size_per_message;
  /* 0: max_size_per_message. Entries handed out to be applied and not yet acknowledged, over all
   * Readies. */
  uint64_t max_committed_size_per_ready;
  /* 0: no limit. Payload bytes that a leader takes before they are applied; one proposal is always
   * taken (MaxUncommittedEntriesSize). */
  uint64_t max_uncommitted_size;
  /* 256; > 0. Appends to one follower that it has not acknowledged (MaxInflightMsgs) ... */
  uint32_t max_inflight_messages;
  /* 0: no limit; else >= max_size_per_message. ... and their bytes; one message may cross it. */
  uint64_t max_inflight_bytes;
  uint32_t max_pending_reads; /* 4096; 0: no limit. Reads that wait at this leader */

  /* Behaviour. */
  /* true. A leader that hears no quorum for an election timeout steps down; and whoever hears a
   * leader refuses its vote to others (thesis 6.2, 4.2.3). */
  bool check_quorum;
  /* true. A candidate asks first whether it could win, so one that was cut off disturbs nobody
   * (thesis 9.6). */
  bool pre_vote;
  raft_read_only_option read_only;  /* RAFT_READ_ONLY_SAFE */
  bool async_storage_writes;        /* false: Ready/Advance; true: storage messages, no Advance */
  bool disable_proposal_forwarding; /* false; true: a follower refuses proposals */
  bool disable_conf_change_validation; /* false; true: a leader proposes any membership change; only
                                          applying it tells whether it can be */
  bool step_down_on_removal;           /* false; true: a leader that an applied change takes out of
                                          the voters follows at once */
  bool silent_read_drops;              /* false; true: abandoned reads are not reported */
  bool etcd_quirks; /* false; true: for comparing the two, does as etcd-io/raft also where that is
                       no better: a change dropped for max_uncommitted_size counts as pending; a
                       joint configuration that a hand-over kept is left only when a later entry is
                       applied; each of several reads that waited gets heartbeats of its own; a
                       change of the membership that a snapshot overtook is applied to the
                       snapshot's; with async_storage_writes vote requests leave before the write
                       of their term; with leases a follower leaves its leader for
                       whatever tells of a later term. Not safe: for comparisons only */

  /* Beyond etcd-io/raft. All off by default, and then nothing on the wire differs from it. */

  /* false. A leader that an applied change takes out of the voters hands over to the best of those
   * that remain, and steps down after an election timeout at the latest (etcd-io/raft#83). */
  bool hand_over_on_removal;

  /* false. What is proposed and committed between two Readies goes to each follower in as few
   * appends as the limits allow, made when the Ready is taken (raft-rs). */
  bool batch_append;

  /* false. A new commit index travels with the next append or heartbeat, not in a message of its
   * own, unless a change of membership waits for it: less traffic, and followers apply up to
   * heartbeat_ticks later (raft-rs). */
  bool skip_commit_broadcast;

  /* false. Vote requests and rejections say what their sender knows committed, and whoever has that
   * entry learns it. Cures a group that can elect nobody because the one with the longest log does
   * not know that a change of membership is committed (etcd#12359, raft-rs). */
  bool commit_in_votes;

  /* 0, of any sign. A voter refuses candidates of lower priority whose log is just as good as its
   * own, unless a hand-over called them: so who has the highest leads, if it is fit to. Members
   * that do not know of it (etcd-io/raft) ask with priority 0. Danger: a voter of high priority
   * that can hear but not be heard holds elections up (raft-rs). */
  int64_t priority;

  /* 0: none. So many committed entries a leader hands out to be applied before its own write of
   * them is durable: its slow disk then delays nobody whom a quorum of others serves. Needs
   * async_storage_writes. Danger: after a crash the state machine can be ahead of the log, and
   * raft_rawnode_open refuses an `applied` above the log's commit index (RAFT_ESTORAGE). So the
   * application keeps the term of its applied index with its state. When the log ends before that
   * index, it gives storage its own state for a snapshot at (applied, that term), which replaces
   * the log. A log that reaches it must stay: others count on what this node acknowledged. In both
   * cases it raises the hard state's commit to applied: what is committed is true on any log
   * (raft-rs). */
  uint32_t max_unpersisted_apply;
} raft_config;

/* Sets every field to its default, `size` included. Any thread. */
void raft_config_init(raft_config *config);

/* RAFT_OK or RAFT_ECONFIG; *why (may be NULL) is then a static sentence that names the field
 * and what it must be. Any thread. */
int raft_config_check(const raft_config *config, const char **why);

#ifdef __cplusplus
}
#endif
#endif
