/* peer.h - this store's member of one region's Raft group.
 *
 * A peer turns requests into raft entries and read rounds, hands what Raft wants to the devices and
 * brings their completions back to it. Storage writes are asynchronous: a leader sends entries to
 * its followers while its own log writer still works.
 *
 * Invariants: what Raft was told is applied is what the engine has committed (applied); `region` is
 * the descriptor at that index; entries go to the engine in log order, each once.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_RAFTSTORE_PEER_H
#define KV_RAFTSTORE_PEER_H

#include <libraft/raft.h>
#include <stdbool.h>

#include "base/list.h"
#include "raftstore/apply.h"
#include "raftstore/core.h"
#include "raftstore/entry.h"
#include "raftstore/envelope.h"
#include "raftstore/hibernate.h"
#include "raftstore/peer_snapshot.h"
#include "raftstore/peer_storage.h"
#include "raftstore/proposal.h"
#include "raftstore/read_round.h"
#include "raftstore/region.h"

/* Where a peer that is not in the region descriptor lives, learnt from its messages. */
typedef struct kv_known_peer {
  uint64_t peer_id;
  uint64_t store_id;
} kv_known_peer;
#define KV_KNOWN_PEERS 16

/* Committed entries on their way to the engine. */
typedef struct kv_apply_queue {
  kv_apply_task *first, *last; /* not handed over yet */
  size_t outstanding;          /* handed over */
  bool failed;                 /* a transaction was given up: all of them are to be run again */
  kv_apply_task *failed_first, *failed_last;
  uint64_t retry_tick;
} kv_apply_queue;

struct kv_peer {
  kv_store *store;
  uint64_t region_id;
  uint64_t peer_id;
  uint64_t life; /* another one for every peer that was ever opened here */
  kv_link dirty;
  kv_link awake; /* in store->awake, or in store->asleep */
  kv_link starved;
  bool ticked;          /* since its last flush */
  kv_link report;       /* to the scheduler: its turn, leader only */
  uint64_t report_tick; /* of the last one */

  raft_rawnode *node;
  kv_peer_storage storage;
  kv_region region;
  uint64_t applied;
  uint64_t applied_term;
  bool has_range;       /* in the region map by key */
  kv_known_peer *known; /* NULL: none yet */
  size_t known_count;

  /* As Raft said last. */
  raft_role role;
  uint64_t leader; /* peer id, 0: none */
  uint64_t term;
  uint64_t leader_tick;    /* when it changed last */
  uint64_t heard_tick;     /* last message for this peer */
  uint64_t led_tick;       /* last one at which there was a leader */
  uint64_t heard_conf_ver; /* latest membership of who wrote to it */

  /* Log writes. */
  size_t appends_in_flight;
  raft_hard_state state; /* as Raft wants it kept */
  raft_hard_state saved; /* last one handed to the log writer; its commit may be older */

  /* Requests. */
  kv_list writes; /* KV_STAGE_GATHERED */
  kv_list reads;  /* KV_STAGE_GATHERED */
  kv_list waiting;
  kv_list forwarded; /* KV_STAGE_FORWARDED: of this region */
  kv_list admin;
  bool stalled; /* Raft takes no more proposals until some are applied */
  kv_proposal_queue proposals;
  kv_read_rounds rounds;
  kv_apply_queue apply;
  kv_peer_snapshot snapshot;
  kv_sleep sleep;

  /* Membership and log compaction, leader only. */
  uint64_t spare_id;      /* from the scheduler, for the next new peer; 0: none */
  bool asks_id;           /* the scheduler has been asked for one */
  uint64_t conf_index;    /* of the last membership change proposed here */
  uint64_t compact_index; /* of the last CompactLog entry proposed here */
  uint64_t split_index;   /* of the last split proposed here */
  struct kv_peer_size {
    kv_region_size now;        /* the estimate */
    kv_size_change correction; /* of it, for the next task that goes to the engine */
    kv_size_change owed;       /* all that the engine has not recorded yet */
    uint64_t counted;          /* bytes, when it was counted last; 0: never */
    unsigned weight;           /* hundredths: how much of what is written makes it larger */
  } size;
  struct kv_split_job *split;
  kv_written written; /* since the region was reported last */

  bool removed;           /* to be destroyed in this flush */
  uint64_t farewell_tick; /* until then a removed leader stays, only to tell the others; or 0 */
  bool condemned;         /* by another store's word: to be buried after what is applied now */
  bool burying;
};

/* Opens a peer in the region map. `state`: as on disk, its region is copied; an uninitialised one
 * has no peers. KV_ENOMEM, KV_ECORRUPT ... */
int kv_peer_open(kv_store *store, const kv_region_state *state, const kv_apply_state *applied);
/* With a term and a vote that were promised before: kept if the log device does not know better. */
int kv_peer_open_promised(kv_store *store, const kv_region_state *state,
                          const kv_apply_state *applied, const raft_hard_state *promised);
/* Frees it, without a word to anyone: its requests must have been answered. */
void kv_peer_close(kv_peer *peer);
/* Answers its requests or, where they were certainly not executed, routes them again elsewhere. */
void kv_peer_leave(kv_peer *peer);
/* Out of the region: grave, log destroyed, requests answered; frees it. */
void kv_peer_destroy(kv_peer *peer);

void kv_peer_tick(kv_peer *peer);
/* Everything that is due; see kv_store_flush. */
void kv_peer_flush(kv_peer *peer);
bool kv_peer_is_leader(const kv_peer *peer);
/* Store of the leader; 0: unknown. */
uint64_t kv_peer_leader_store(const kv_peer *peer);
/* Store of a peer of the group; 0: unknown. */
uint64_t kv_peer_store_of(const kv_peer *peer, uint64_t peer_id);
/* What waits for a leader is looked at again: by its key, if it is a client's. */
void kv_peer_wake(kv_peer *peer);
/* The region is smaller: clients' commands that were gathered for it are routed again. */
void kv_peer_sort_again(kv_peer *peer);
void kv_peer_learn(kv_peer *peer, uint64_t peer_id, uint64_t store_id);
/* Steps a message from the network or of our own storage. */
void kv_peer_step(kv_peer *peer, const raft_message *message);
void kv_peer_send(kv_peer *peer, const raft_message *message);
/* receive.c: the snapshot that came with this envelope was not taken. */
void kv_store_refuse_snapshot(kv_store *store, const kv_envelope *to);
/* What a new member hears first, and nothing else creates a peer: a vote, or a heartbeat that
 * assumes nothing. */
bool kv_message_is_initial(const raft_message *message);
/* Envelope of what this peer sends to another one. */
void kv_peer_address(const kv_peer *peer, uint64_t to_peer, kv_envelope *envelope);
/* The region descriptor has changed. Takes over *region. */
void kv_peer_set_region(kv_peer *peer, kv_region *region);
/* A code of libraft: fatal ones end the store. True: RAFT_OK. */
bool kv_peer_check(kv_peer *peer, int rc, const char *what);

/* peer_append.c - MsgStorageAppend and the log. */
void kv_peer_append(kv_peer *peer, const raft_message *message);
void kv_peer_add_write(kv_peer *peer, const kv_log_change *change, kv_log_purpose purpose,
                       const raft_message *message);
void kv_peer_log_written(kv_peer *peer, kv_log_purpose purpose, const raft_message *message);
void kv_peer_deliver(kv_peer *peer, const raft_message *message);
/* The hard state in a storage message, if there is one. */
void kv_peer_note_state(kv_peer *peer, const raft_message *message);
/* For the next write; all zero: nothing new. */
raft_hard_state kv_peer_state_to_save(kv_peer *peer);

/* peer_apply.c - MsgStorageApply and the engine. */
void kv_peer_apply(kv_peer *peer, const raft_message *message);
void kv_peer_apply_submit(kv_peer *peer);
void kv_peer_applied(kv_peer *peer, kv_apply_task *task);
bool kv_peer_apply_is_idle(const kv_peer *peer);
void kv_peer_apply_free(kv_peer *peer);
void kv_peer_bury(kv_peer *peer);
/* Deletes what no region of this store owns in this one's range. */
void kv_peer_clear_data(kv_store *store, const kv_region *range);

/* peer_propose.c - requests and entries. */
void kv_peer_propose(kv_peer *peer);
/* KV_EBUSY: not before something is applied. KV_EINVAL: not here now. KV_ENOMEM. In each case it is
 * certainly not in the log. batch: who waits for it (NULL: nobody), taken over on success. */
int kv_peer_propose_payload(kv_peer *peer, raft_buf *payload, kv_batch *batch);

/* receive.c: this peer is no member any more, by the word of others. */
void kv_peer_condemn(kv_peer *peer);

/* stale_peer.c - a peer that was removed, and whom nobody told. */
void kv_stale_tick(kv_peer *peer);
/* Asks whether this peer is a member still. */
void kv_stale_ask(const kv_peer *peer);
/* What the scheduler knows of its region. */
void kv_stale_told(kv_peer *peer, const kv_region *region);

/* log_gc.c */
void kv_log_gc_tick(kv_peer *peer);
/* As kv_peer_propose_payload; KV_ENOTFOUND: the log does not have that index. */
int kv_log_gc_propose(kv_peer *peer, uint64_t index, kv_batch *batch);

/* membership.c - administrative requests, step by step; leader only. */
void kv_membership_start(kv_peer *peer, kv_request *request);
/* Looks at all of them again: something was applied, or time passed. */
void kv_membership_continue(kv_peer *peer);
/* The leader changed, or this peer is no longer it. */
void kv_membership_leader_changed(kv_peer *peer);
void kv_membership_tick(kv_peer *peer);
/* What the scheduler asks of this leader. KV_OK: begun, or done already; otherwise *why not (yet),
 * and nothing was begun. A learner is promoted when it has caught up; several changes are made by a
 * joint configuration; a leader that would go hands over instead. Epochs are filled in. */
int kv_membership_change(kv_peer *peer, kv_change_peer *changes, size_t count, const char **why);
int kv_membership_transfer(kv_peer *peer, uint64_t to_peer, const char **why);
/* Hands leadership to the best of the others; false: this is no leader, or nobody could take it. */
bool kv_membership_resign(kv_peer *peer);

#endif
