/* proposal.h - what was proposed here and whose fate is not known yet.
 *
 * A proposal stands at (term, index) in the log of the leader that made it. It succeeded if this
 * very entry is applied. It certainly failed as soon as an entry of a later term is applied at its
 * index or below: terms never go back along a log. Where a snapshot jumped over its index nobody
 * knows.
 *
 * Invariant: ascending by (term, index).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_RAFTSTORE_PROPOSAL_H
#define KV_RAFTSTORE_PROPOSAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "raftstore/request.h"

typedef struct kv_proposal {
  uint64_t term;
  uint64_t index;
  kv_batch *batch;
} kv_proposal;

/* Zero-initialised is empty. */
typedef struct kv_proposal_queue {
  kv_proposal *items; /* a ring */
  size_t room;
  size_t first;
  size_t count;
} kv_proposal_queue;

typedef enum kv_proposal_fate {
  KV_FATE_OPEN = 0,
  KV_FATE_APPLIED = 1,
  KV_FATE_FAILED = 2, /* certainly not in the log */
  KV_FATE_UNKNOWN = 3
} kv_proposal_fate;

/* Makes room for one more, so that the next push succeeds. KV_ENOMEM. */
int kv_proposal_reserve(kv_proposal_queue *queue);
void kv_proposal_push(kv_proposal_queue *queue, kv_proposal proposal);
void kv_proposal_free(kv_proposal_queue *queue); /* the proposals must be gone */

/* An entry of this place was proposed here and may still be waited for. */
bool kv_proposal_waits(const kv_proposal_queue *queue, uint64_t term, uint64_t index);

/* Takes out the next proposal whose fate is decided by the entry (term, index) being applied.
 * KV_FATE_OPEN: no more of them. */
kv_proposal_fate kv_proposal_pop_applied(kv_proposal_queue *queue, uint64_t term, uint64_t index,
                                         kv_proposal *proposal);
/* As above, for a snapshot at (term, index) having been installed. */
kv_proposal_fate kv_proposal_pop_snapshot(kv_proposal_queue *queue, uint64_t term, uint64_t index,
                                          kv_proposal *proposal);
/* Takes out the next of all. */
bool kv_proposal_pop(kv_proposal_queue *queue, kv_proposal *proposal);

#endif
