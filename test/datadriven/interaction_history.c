/* interaction_history.c - the state machine of a node in a script: every state it was ever in.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "interaction_history.h"

#include <stdlib.h>
#include <string.h>

#include "text.h"

/* Copies one list to *next and moves *next behind it. */
static raft_ids copy_ids(raft_ids from, uint64_t **next) {
  raft_ids copy = {.ids = *next, .count = from.count};
  if (from.count > 0) {
    memcpy(*next, from.ids, from.count * sizeof *from.ids);
  }
  *next += from.count;
  return copy;
}

/* Copies the four lists into one allocation, *memory. */
static raft_conf_state copy_conf_state(const raft_conf_state *from, uint64_t **memory) {
  size_t count = from->voters.count + from->learners.count + from->voters_outgoing.count +
                 from->learners_next.count;
  uint64_t *next = must_allocate(count * sizeof *next);
  raft_conf_state copy = {.auto_leave = from->auto_leave};
  *memory = next;
  copy.voters = copy_ids(from->voters, &next);
  copy.learners = copy_ids(from->learners, &next);
  copy.voters_outgoing = copy_ids(from->voters_outgoing, &next);
  copy.learners_next = copy_ids(from->learners_next, &next);
  return copy;
}

/* Both, one behind the other, in a buffer of their own. Scripts never see the data: when memory
 * runs out the state has none. */
static raft_bytes join(raft_bytes head, raft_bytes tail) {
  size_t len = head.len + tail.len;
  void *data = NULL;
  raft_buf *owner = len > 0 ? raft_buf_create(NULL, len, &data) : NULL;
  if (owner == NULL) {
    return (raft_bytes){0};
  }
  if (head.len > 0) {
    memcpy(data, head.data, head.len);
  }
  if (tail.len > 0) {
    memcpy((char *)data + head.len, tail.data, tail.len);
  }
  return (raft_bytes){.data = data, .len = len, .owner = owner};
}

/* Appends a state that takes over `data` and copies `conf_state`. */
static void append(struct interaction_history *history, uint64_t index, uint64_t term,
                   const raft_conf_state *conf_state, raft_bytes data) {
  struct interaction_state state = {.snapshot = {.data = data, .index = index, .term = term}};
  state.snapshot.conf_state = copy_conf_state(conf_state, &state.ids);
  if (history->count == history->capacity) {
    history->capacity = history->capacity == 0 ? 16 : 2 * history->capacity;
    history->states = must_reallocate(history->states, history->capacity * sizeof state);
  }
  history->states[history->count++] = state;
}

void interaction_history_push(struct interaction_history *history, const raft_snapshot *snapshot) {
  append(history, snapshot->index, snapshot->term, &snapshot->conf_state,
         join(snapshot->data, (raft_bytes){0}));
}

void interaction_history_apply(struct interaction_history *history, const raft_entry *entry,
                               raft_bytes payload, const raft_conf_state *conf_state) {
  const raft_snapshot *last = interaction_history_last(history);
  append(history, entry->index, entry->term, conf_state != NULL ? conf_state : &last->conf_state,
         join(last->data, payload));
}

const raft_snapshot *interaction_history_last(const struct interaction_history *history) {
  return &history->states[history->count - 1].snapshot;
}

const raft_snapshot *interaction_history_at(const struct interaction_history *history,
                                            uint64_t index) {
  size_t i = history->count - 1;
  while (i > 0 && history->states[i].snapshot.index > index) {
    i--;
  }
  return &history->states[i].snapshot;
}

static void free_state(const struct interaction_state *state) {
  raft_buf_release(state->snapshot.data.owner);
  free(state->ids);
}

void interaction_history_rewind(struct interaction_history *history, uint64_t index) {
  while (history->count > 1 && interaction_history_last(history)->index > index) {
    free_state(&history->states[--history->count]);
  }
}

void interaction_history_free(struct interaction_history *history) {
  for (size_t i = 0; i < history->count; i++) {
    free_state(&history->states[i]);
  }
  free(history->states);
  *history = (struct interaction_history){0};
}
