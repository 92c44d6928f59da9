/* world_node.c - one node of a fuzzed group: its queues, its storage, its state machine.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "world_node.h"

#include <libraft/wire.h>
#include <string.h>

/* ---- queues ---- */

raft_message queue_take(world_queue *queue, size_t position) {
  raft_message message = queue->items[position];
  queue->count--;
  memmove(&queue->items[position], &queue->items[position + 1],
          (queue->count - position) * sizeof message);
  return message;
}

void queue_push(world_queue *queue, const raft_message *message) {
  if (queue->count == WORLD_FLIGHT) {
    raft_message oldest = queue_take(queue, 0);
    raft_message_release(&oldest);
  }
  raft_message_retain(message);
  queue->items[queue->count++] = *message;
}

void queue_clear(world_queue *queue) {
  while (queue->count > 0) {
    raft_message message = queue_take(queue, queue->count - 1);
    raft_message_release(&message);
  }
}

/* ---- membership ---- */

void node_keep_conf_state(world_node *n, const raft_conf_state *state) {
  raft_conf_state kept = *state;
  raft_ids *lists[] = {&kept.voters, &kept.learners, &kept.voters_outgoing, &kept.learners_next};
  size_t used = 0;
  for (size_t i = 0; i < 4; i++) {
    size_t room = WORLD_MEMBERS - used;
    lists[i]->count = lists[i]->count < room ? lists[i]->count : room;
    if (lists[i]->count > 0) {
      memmove(&n->members[used], lists[i]->ids, lists[i]->count * sizeof n->members[0]);
    }
    lists[i]->ids = &n->members[used];
    used += lists[i]->count;
  }
  n->conf_state = kept;
}

static uint64_t mix_ids(uint64_t hash, raft_ids ids) {
  hash = fuzz_hash(hash, &ids.count, sizeof ids.count);
  return fuzz_hash(hash, ids.ids, ids.count * sizeof *ids.ids);
}

static uint64_t mix_conf_state(uint64_t hash, const raft_conf_state *state) {
  hash = mix_ids(mix_ids(hash, state->voters), state->learners);
  hash = mix_ids(mix_ids(hash, state->voters_outgoing), state->learners_next);
  return (hash ^ (state->auto_leave ? 1 : 0)) * UINT64_C(1099511628211);
}

static uint64_t mix_entry(uint64_t hash, const raft_entry *entry) {
  hash = fuzz_hash(hash, &entry->term, sizeof entry->term);
  hash = (hash ^ (uint64_t)entry->type) * UINT64_C(1099511628211);
  return fuzz_hash(hash, entry->data.data, entry->data.len);
}

/* ---- storage ---- */

static void check_hard_state(const world_node *n, const raft_hard_state *state) {
  const raft_hard_state *shown = &n->shown;
  fuzz_require(state->term >= shown->term && state->commit >= shown->commit);
  fuzz_require(state->term > shown->term || shown->vote == 0 || state->vote == shown->vote);
}

/* Two logs that have an entry of the same term at the same index have the same entry there. */
static void check_entry(world *w, const raft_entry *entry) {
  if (w->forged || entry->term >= WORLD_TERMS || entry->index >= WORLD_INDEXES) {
    return;
  }
  uint64_t hash = mix_entry(1, entry) | 1;
  uint64_t *known = &w->logs[entry->term][entry->index];
  fuzz_require(*known == 0 || *known == hash);
  *known = hash;
}

void node_load_snapshot(world_node *n, const raft_snapshot *snapshot) {
  n->applied = snapshot->index;
  n->restored = snapshot->index;
  n->state = 0;
  if (snapshot->data.len == sizeof n->state) {
    memcpy(&n->state, snapshot->data.data, sizeof n->state);
  }
  node_keep_conf_state(n, &snapshot->conf_state);
}

void node_save(world *w, world_node *n, const raft_hard_state *state, const raft_snapshot *snapshot,
               const raft_entry *entries, size_t count) {
  if (state->term != 0 || state->vote != 0 || state->commit != 0) {
    check_hard_state(n, state);
    n->shown = *state;
    fuzz_require(raft_memory_storage_set_hard_state(n->storage, state) == RAFT_OK);
  }
  if (snapshot != NULL) {
    fuzz_require(snapshot->index > n->applied);
    fuzz_require(raft_memory_storage_apply_snapshot(n->storage, snapshot) == RAFT_OK);
    node_load_snapshot(n, snapshot);
  }
  for (size_t i = 0; i < count; i++) {
    check_entry(w, &entries[i]);
  }
  fuzz_require(raft_memory_storage_append(n->storage, entries, count) == RAFT_OK);
}

/* ---- state machine ---- */

/* A change that makes no sense, to which only liars can get a group, is applied as none at all. */
static int apply_change(world *w, world_node *n, const raft_entry *entry, raft_conf_state *state) {
  raft_conf_change old = {.node_id = 0};
  raft_conf_change_v2 change = {.change_count = 0};
  void *memory = NULL;
  bool v2 = entry->type == RAFT_ENTRY_CONF_CHANGE_V2;
  int rc = v2 ? raft_conf_change_v2_decode(entry->data, NULL, NULL, &change, &memory)
              : raft_conf_change_decode(entry->data, &old);
  fuzz_require(rc == RAFT_OK || w->forged);
  if (rc != RAFT_OK) {
    v2 = false;
    old = (raft_conf_change){.node_id = 0};
  }
  rc = v2 ? raft_rawnode_apply_conf_change(n->raft, &change, state)
          : raft_rawnode_apply_conf_change_v1(n->raft, &old, state);
  raft_conf_state_free(NULL, memory);
  return rc;
}

static void apply_conf_change(world *w, world_node *n, const raft_entry *entry) {
  raft_conf_state state;
  int rc = apply_change(w, n, entry, &state);
  w->reshaped = true;
  if (rc == RAFT_OK) {
    node_keep_conf_state(n, &state);
    n->state = mix_conf_state(n->state, &state);
  } else {
    fuzz_require(rc <= RAFT_ECONF_ALREADY_JOINT && rc >= RAFT_ECONF_OVERTAKEN);
  }
}

void node_apply(world *w, world_node *n, const raft_entry *entries, size_t count) {
  for (size_t i = 0; i < count; i++) {
    const raft_entry *entry = &entries[i];
    if (entry->index <= n->restored) {
      continue; /* was handed out before the snapshot that holds it came in */
    }
    fuzz_require(entry->index == n->applied + 1);
    n->applied = entry->index;
    n->state = mix_entry(n->state, entry);
    if (entry->type == RAFT_ENTRY_CONF_CHANGE || entry->type == RAFT_ENTRY_CONF_CHANGE_V2) {
      apply_conf_change(w, n, entry);
    }
    if (!w->forged && n->applied < WORLD_INDEXES) {
      uint64_t *known = &w->states[n->applied];
      fuzz_require(*known == 0 || *known == n->state);
      *known = n->state;
    }
    w->applied = n->applied > w->applied ? n->applied : w->applied;
  }
}
