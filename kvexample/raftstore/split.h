/* split.h - a region becomes two: the left half keeps its id, the right half is a new region.
 *
 * The leader's side (split.c): a job takes a key, asks the scheduler for ids and proposes a
 * KV_ENTRY_SPLIT; while that is not applied nothing else is proposed, so that no command is judged
 * by a range that is about to change. Every replica's side (split_finish.c): the engine wrote both
 * regions' states in one transaction, durably; the region map changes, the new peer begins at once
 * with an empty log behind (KV_INITIAL_LOG_INDEX, KV_INITIAL_LOG_TERM), and campaigns if it stands
 * beside the leader.
 *
 * A store that is slow hears of the new region before it has applied the split. It creates no peer
 * for that, which would need a snapshot: its own region still has those keys (receive.c). The
 * first votes are kept until the split is applied (pending_votes.h).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_RAFTSTORE_SPLIT_H
#define KV_RAFTSTORE_SPLIT_H

#include <stdbool.h>

#include "raftstore/admin.h"
#include "raftstore/apply.h"
#include "raftstore/core.h"
#include "raftstore/entry.h"
#include "raftstore/scheduler_client.h"

/* A split on its way to the log; at most one a region. */
typedef struct kv_split_job {
  kv_epoch epoch;      /* of the region that was looked at and that ids were asked for */
  uint64_t request_id; /* who asked; 0: nobody, the region is too large */
  raft_slice key;      /* owned; empty: to be found half-way */
  kv_read_task *task;  /* counting to find the key; not taken by the engine yet */
  uint64_t reading;    /* id of the one that it has; 0: none */
  bool asked;          /* the scheduler, and it has not answered */
  bool ordered;        /* whatever the region's size is */
  bool have_ids;
  kv_split_ids ids;
  uint64_t left_bytes, left_keys;
} kv_split_job;

/* ---- leader ---- */

/* An operator's request, step by step; true: it was answered, or rides with its entry. */
bool kv_split_step(kv_peer *peer, kv_request *request, const kv_admin *admin);
/* As kv_peer_propose_payload. The epoch is the region's; the rest is checked when it is applied,
 * so a caller does well to look at the key and the number of ids before. */
int kv_split_propose(kv_peer *peer, const kv_split *split, kv_batch *batch);
/* One was proposed here and is not applied yet. */
bool kv_split_is_in_flight(const kv_peer *peer);
void kv_split_tick(kv_peer *peer);
/* For the scheduler: begins one at the key (empty: half-way) unless one is under way. KV_OK, or
 * KV_EBUSY, KV_EINVAL with a reason. */
int kv_split_order(kv_peer *peer, raft_slice key, const char **why);
/* The peer leads no more, or closes: its job is dropped. */
void kv_split_abandon(kv_peer *peer);

/* ---- split_check.c: how large a region is ---- */

/* Begins a job if the estimate says that the region is too large. */
void kv_split_check(kv_peer *peer);
/* Looks for the middle of the region: a step of its job. */
void kv_split_count(kv_peer *peer);
/* The engine is done with a slice. True: the task was kept. */
bool kv_split_counted(kv_peer *peer, kv_read_task *task);
void kv_size_add(kv_region_size *size, const kv_size_change *change);
/* The task was applied, and says how large the region is. */
void kv_split_note_size(kv_peer *peer, const kv_apply_task *task);
/* For a task on its way to the engine. */
kv_size_change kv_split_take_correction(kv_peer *peer);

/* split.c, for split_check.c. */
bool kv_split_begin(kv_peer *peer, raft_slice key, uint64_t request_id);
void kv_split_advance(kv_peer *peer);
void kv_split_fail(kv_peer *peer, const char *code, const char *why);
bool kv_split_set_key(kv_peer *peer, raft_slice key, const kv_region_size *left);

/* ---- every replica ---- */

/* Before the engine gets a task: looks for splits in it, and holds their new regions, so that until
 * kv_split_finish no message creates or removes a peer of them. KV_ENOMEM. */
int kv_split_prepare(kv_peer *peer, kv_apply_task *task);
/* The task was applied, or is given up: nothing is held for it any more. */
void kv_split_release(kv_store *store, kv_apply_task *task);
/* The task was applied and the region has its new range: the other halves begin. */
void kv_split_finish(kv_peer *peer, kv_apply_task *task);

/* A map: region, new_region (0: not known here), key. */
void kv_split_reply(kv_reply *reply, uint64_t region_id, uint64_t new_region_id, raft_slice key);

#endif
