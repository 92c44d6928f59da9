/* scheduler_standing.h - may this store believe its scheduler, and is there one that answers?
 *
 * A store that runs has joined: the regions, votes and data that it holds are facts, and a
 * scheduler is only an adviser. One of another cluster (it lost its data directory, or another one
 * lives at its address) is not listened to, one that refuses a store which it has accepted before
 * is not obeyed; the store serves on, says so in its log once per change, and goes on asking: it
 * is the operator's to mend. Two words end a store all the same, both from a scheduler of its own
 * cluster: that it is a tombstone (P87: its replicas were made up for, its peers may not vote any
 * more), and, when it reports for the first time since its start, that its directory or address is
 * another store's: a copy must not vote.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_RAFTSTORE_SCHEDULER_STANDING_H
#define KV_RAFTSTORE_SCHEDULER_STANDING_H

#include <stdbool.h>
#include <stdint.h>

#include "raftstore/store.h"

struct kv_scheduler_response;

/* Part of the scheduler's client. Zero-initialised: not heard of yet. */
typedef struct kv_scheduler_standing {
  kv_scheduler_verdict verdict; /* never KV_SCHEDULER_AWAY: that is a matter of time */
  uint64_t cluster_id;          /* that of the one who answered last */
  uint64_t heard_tick;          /* of its last answer */
  bool heard;
  bool accepted; /* this store, since its start */
} kv_scheduler_standing;

/* Looks at who answers, before anything else does. False: not this cluster's, not to be used. */
bool kv_scheduler_is_ours(kv_store *store, const struct kv_scheduler_response *response);
/* What the scheduler of this cluster said about this store itself. False: it is refused, and the
 * store has been told to end if it must. */
bool kv_scheduler_accepts_us(kv_store *store, const struct kv_scheduler_response *response);

#endif
