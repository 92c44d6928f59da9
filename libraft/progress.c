/* progress.c - what the leader knows of one peer, and how fast it may talk to it.
 *
 *   Probe ──accepted──▶ Replicate ──rejected, unreachable──▶ Probe
 *   Probe, Replicate ──entries are gone──▶ Snapshot ──caught up──▶ Replicate
 *                                          Snapshot ──reported──▶ Probe
 *
 * `match` is certain, `next` is a guess in Probe and a promise in Replicate: there it runs
 * ahead of the answers, and a rejection takes all of it back.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "progress.h"

static uint64_t smaller(uint64_t a, uint64_t b) {
  return a < b ? a : b;
}

static uint64_t larger(uint64_t a, uint64_t b) {
  return a > b ? a : b;
}

static void reset_state(raft_progress *progress, raft_progress_state state) {
  progress->state = (uint8_t)state;
  progress->paused = false;
  progress->pending_snapshot = 0;
  progress->snapshot_ticks = 0;
  raft_inflights_reset(&progress->inflights);
}

/* What was sent beyond next - 1 may have been lost: it has to be sent again. */
static void move_next(raft_progress *progress, uint64_t next) {
  progress->next = next;
  progress->sent_commit = smaller(progress->sent_commit, next - 1);
}

void raft_progress_become_probe(raft_progress *progress) {
  uint64_t known = progress->match;
  if (progress->state == RAFT_PROGRESS_SNAPSHOT) {
    /* The snapshot has arrived as far as we know; a failed one was set to 0 before. */
    known = larger(known, progress->pending_snapshot);
  }
  reset_state(progress, RAFT_PROGRESS_PROBE);
  move_next(progress, known + 1);
}

void raft_progress_become_replicate(raft_progress *progress) {
  reset_state(progress, RAFT_PROGRESS_REPLICATE);
  progress->next = progress->match + 1;
}

void raft_progress_become_snapshot(raft_progress *progress, uint64_t snapshot_index) {
  reset_state(progress, RAFT_PROGRESS_SNAPSHOT);
  progress->pending_snapshot = snapshot_index;
  progress->next = snapshot_index + 1;
  progress->sent_commit = snapshot_index;
}

void raft_progress_sent_entries(raft_progress *progress, size_t entries, uint64_t bytes,
                                const raft_inflight_limits *limits) {
  if (progress->state != RAFT_PROGRESS_REPLICATE) {
    /* An empty probe does not pause: the entry that it makes way for may follow at once. */
    progress->paused = progress->paused || entries > 0;
    return;
  }
  if (entries > 0) {
    progress->next += entries;
    raft_inflights_add(&progress->inflights, progress->next - 1, bytes);
  }
  progress->paused = raft_inflights_full(&progress->inflights, limits);
}

bool raft_progress_can_bump_commit(const raft_progress *progress, uint64_t commit) {
  return commit > progress->sent_commit && progress->sent_commit < progress->next - 1;
}

void raft_progress_sent_commit(raft_progress *progress, uint64_t commit) {
  progress->sent_commit = commit;
}

bool raft_progress_maybe_update(raft_progress *progress, uint64_t index) {
  if (index <= progress->match) {
    return false;
  }
  progress->match = index;
  progress->next = larger(progress->next, index + 1);
  progress->paused = false;
  return true;
}

bool raft_progress_maybe_decrement(raft_progress *progress, uint64_t rejected, uint64_t hint) {
  if (progress->state == RAFT_PROGRESS_REPLICATE) {
    if (rejected <= progress->match) {
      return false;
    }
    move_next(progress, progress->match + 1);
    return true;
  }
  if (rejected != progress->next - 1) {
    return false; /* not the answer to the probe that is out */
  }
  uint64_t wanted = hint < rejected ? hint + 1 : rejected;
  move_next(progress, larger(wanted, progress->match + 1));
  progress->paused = false;
  return true;
}

bool raft_progress_is_paused(const raft_progress *progress) {
  return progress->state == RAFT_PROGRESS_SNAPSHOT || progress->paused;
}

void raft_progress_status_of(const raft_progress *progress, const raft_inflight_limits *limits,
                             raft_progress_status *status) {
  *status = (raft_progress_status){
      .id = progress->id,
      .match = progress->match,
      .next = progress->next,
      .pending_snapshot = progress->pending_snapshot,
      .state = (raft_progress_state)progress->state,
      .inflight = raft_inflights_count(&progress->inflights),
      .inflight_full = raft_inflights_full(&progress->inflights, limits),
      .paused = raft_progress_is_paused(progress),
      .recent_active = progress->recent_active,
      .is_learner = progress->is_learner,
  };
}
