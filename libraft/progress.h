/* progress.h - what the leader knows of one peer, and how fast it may talk to it.
 *
 * Probe: one append at a time until the peer's position is known. Replicate: optimistic, as
 * many as the window takes. Snapshot: nothing until the snapshot has arrived.
 *
 * Invariants: match < next, and nothing above match is known to be on the peer; in Snapshot,
 * next == pending_snapshot + 1.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RAFT_PROGRESS_H
#define RAFT_PROGRESS_H

#include <libraft/status.h>

#include "inflights.h"

typedef struct raft_progress {
  uint64_t id;
  uint64_t match;
  uint64_t next;
  uint64_t sent_commit;      /* highest commit index sent; never above next - 1 when it counts */
  uint64_t pending_snapshot; /* index of the snapshot on its way, 0: none */
  uint64_t acked_round;      /* newest heartbeat round that it answered; 0: none (reads, lease) */
  raft_inflights inflights;
  uint32_t snapshot_ticks; /* ticks since the snapshot was sent */
  uint8_t state;           /* raft_progress_state */
  uint8_t vote;            /* of the running election: 0 none, 1 granted, 2 rejected */
  bool paused : 1;         /* one append or empty probe is out and unanswered */
  bool recent_active : 1;  /* heard of since the last quorum check */
  bool is_learner : 1;
} raft_progress;

/* State changes. All leave the window empty and the pause lifted. */
void raft_progress_become_probe(raft_progress *progress);
void raft_progress_become_replicate(raft_progress *progress);
void raft_progress_become_snapshot(raft_progress *progress, uint64_t snapshot_index);

/* An append of `entries` entries and `bytes` bytes, starting at next, was sent. Replicate: next
 * moves on, the window (reserved before) takes it if entries > 0, and the pause mirrors a full
 * window. Probe: pauses if entries > 0. */
void raft_progress_sent_entries(raft_progress *progress, size_t entries, uint64_t bytes,
                                const raft_inflight_limits *limits);
/* Would telling the peer `commit` raise what it can commit (up to next - 1)? */
bool raft_progress_can_bump_commit(const raft_progress *progress, uint64_t commit);
void raft_progress_sent_commit(raft_progress *progress, uint64_t commit);
/* The peer acknowledged everything up to `index`. False: old news. */
bool raft_progress_maybe_update(raft_progress *progress, uint64_t index);
/* The peer rejected an append after `rejected` and hints where to go on. False: a stale rejection.
 */
bool raft_progress_maybe_decrement(raft_progress *progress, uint64_t rejected, uint64_t hint);
/* May nothing (but heartbeats) be sent? */
bool raft_progress_is_paused(const raft_progress *progress);
void raft_progress_status_of(const raft_progress *progress, const raft_inflight_limits *limits,
                             raft_progress_status *status);

#endif
