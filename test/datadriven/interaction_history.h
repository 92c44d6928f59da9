/* interaction_history.h - the state machine of a node in a script: every state it was ever in.
 *
 * A state is a snapshot: the payloads applied so far, one behind the other, with the index, term
 * and membership that they belong to. The last one is what the node sends to followers that are
 * too far behind.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef DATADRIVEN_INTERACTION_HISTORY_H
#define DATADRIVEN_INTERACTION_HISTORY_H

#include <libraft/types.h>

/* One state; what `snapshot` points to belongs to it. */
struct interaction_state {
  raft_snapshot snapshot;
  uint64_t *ids;
};

/* All zero: no state yet. */
struct interaction_history {
  struct interaction_state *states;
  size_t count;
  size_t capacity;
};

/* Appends a copy of `snapshot`. */
void interaction_history_push(struct interaction_history *history, const raft_snapshot *snapshot);

/* Appends the state after one more entry: the last one's data with `payload` behind it, and its
 * membership unless conf_state (NULL: unchanged) is another one. */
void interaction_history_apply(struct interaction_history *history, const raft_entry *entry,
                               raft_bytes payload, const raft_conf_state *conf_state);

/* The newest state. There must be one. */
const raft_snapshot *interaction_history_last(const struct interaction_history *history);

/* The newest state that is not after `index`; the first one if they all are. */
const raft_snapshot *interaction_history_at(const struct interaction_history *history,
                                            uint64_t index);

/* Forgets the states after `index`, but never the first one. */
void interaction_history_rewind(struct interaction_history *history, uint64_t index);

void interaction_history_free(struct interaction_history *history);

#endif
