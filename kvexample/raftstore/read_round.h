/* read_round.h - linearizable reads: many commands share one confirmation of the leader.
 *
 * Reads that wait when a round starts are its batch. The round asks Raft for an index (ReadIndex);
 * once that is applied here, a read that begins in the engine sees every write that was
 * acknowledged before the round started. Few rounds run at a time, so that under load each serves
 * many.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_RAFTSTORE_READ_ROUND_H
#define KV_RAFTSTORE_READ_ROUND_H

#include <libraft/raft.h>

#include "base/list.h"
#include "raftstore/read.h"
#include "raftstore/request.h"

struct kv_peer;

typedef struct kv_read_round {
  kv_link link;
  uint64_t id;
  bool confirmed;
  uint64_t index; /* if confirmed */
  kv_batch *batch;
  kv_read_task *task; /* not taken by the engine yet */
  bool handed_over;
} kv_read_round;

typedef struct kv_read_rounds {
  kv_list rounds; /* by age */
  size_t asked;   /* rounds that Raft has not confirmed */
} kv_read_rounds;

void kv_read_rounds_init(kv_read_rounds *reads);
/* Starts a round for what was gathered, if one may start. */
void kv_read_rounds_start(struct kv_peer *peer);
/* Raft's answer to a round. */
void kv_read_rounds_state(struct kv_peer *peer, const raft_read_state *state);
/* Hands rounds whose index is applied to the engine. */
void kv_read_rounds_run(struct kv_peer *peer);
/* The engine is done with a task. True: not with all of its commands, it was kept for the rest. */
bool kv_read_rounds_done(struct kv_peer *peer, kv_read_task *task);
/* No longer leader: what Raft has not confirmed goes elsewhere. */
void kv_read_rounds_abandon(struct kv_peer *peer);
/* A read of this store's own state, without a round. */
void kv_read_checksum(struct kv_peer *peer, kv_request *request);
/* The requests must have been taken care of. */
void kv_read_rounds_free(kv_read_rounds *reads);

#endif
