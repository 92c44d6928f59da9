/* world_run.c - a fuzzed group at work: Readies, storage threads, messages.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "world.h"
#include "world_node.h"

/* ---- messages ---- */

/* Field by field, for the bytes between them may have no value. */
static uint64_t mark_bytes(uint64_t hash, raft_bytes bytes) {
  const uint64_t fields[] = {(uintptr_t)bytes.data, bytes.len, (uintptr_t)bytes.owner};
  return fuzz_hash(fuzz_hash(hash, fields, sizeof fields), bytes.data, bytes.len);
}

static uint64_t mark_snapshot(uint64_t hash, const raft_snapshot *snapshot) {
  const raft_conf_state *state = &snapshot->conf_state;
  const raft_ids lists[] = {state->voters, state->learners, state->voters_outgoing,
                            state->learners_next};
  const uint64_t fields[] = {snapshot->index, snapshot->term, state->auto_leave ? 1 : 0};
  hash = mark_bytes(fuzz_hash(hash, fields, sizeof fields), snapshot->data);
  for (size_t i = 0; i < 4; i++) {
    hash = fuzz_hash(hash, &lists[i], sizeof lists[i]);
    hash = fuzz_hash(hash, lists[i].ids, lists[i].count * sizeof *lists[i].ids);
  }
  return hash;
}

/* Of all that the message is and points to. */
static uint64_t fingerprint(const raft_message *m) {
  const uint64_t fields[] = {(uint64_t)m->type,
                             m->reject ? 1 : 0,
                             m->to,
                             m->from,
                             m->term,
                             m->log_term,
                             m->index,
                             m->commit,
                             m->vote,
                             m->reject_hint,
                             (uintptr_t)m->entries,
                             m->entry_count,
                             (uintptr_t)m->snapshot,
                             (uintptr_t)m->responses,
                             m->response_count,
                             (uintptr_t)m->body};
  uint64_t hash = mark_bytes(fuzz_hash(1, fields, sizeof fields), m->context);
  for (size_t i = 0; i < m->entry_count; i++) {
    const raft_entry *entry = &m->entries[i];
    const uint64_t about[] = {entry->term, entry->index, (uint64_t)entry->type};
    hash = mark_bytes(fuzz_hash(hash, about, sizeof about), entry->data);
  }
  return m->snapshot == NULL ? hash : mark_snapshot(hash, m->snapshot);
}

void world_step(world *w, uint64_t id, const raft_message *message) {
  if (w->nodes[id].raft == NULL) {
    return;
  }
  uint64_t before = fingerprint(message);
  int rc = raft_rawnode_step(w->nodes[id].raft, message);
  fuzz_require(fingerprint(message) == before);
  world_expect(w, id, rc);
}

void world_deliver(world *w, size_t position, bool again) {
  if (position >= w->flight.count) {
    return;
  }
  raft_message message = w->flight.items[position];
  raft_message_retain(&message);
  if (!again) {
    world_lose(w, position);
  }
  if (message.to >= 1 && message.to <= WORLD_NODES) {
    world_step(w, message.to, &message);
  }
  raft_message_release(&message);
}

void world_lose(world *w, size_t position) {
  if (position < w->flight.count) {
    raft_message message = queue_take(&w->flight, position);
    raft_message_release(&message);
  }
}

/* ---- Ready ---- */

static void check_reads(const world *w, const raft_ready *rd) {
  for (size_t i = 0; i < rd->read_state_count; i++) {
    const raft_read_state *read = &rd->read_states[i];
    uint64_t number = WORLD_READS;
    if (w->forged || w->lease_read || read->status != RAFT_OK) {
      continue;
    }
    fuzz_require(read->context.len == sizeof number);
    memcpy(&number, read->context.data, sizeof number);
    fuzz_require(number < WORLD_READS && read->index >= w->read_floor[number]);
  }
}

/* Commits come in order, each once; new entries are consecutive. */
static void check_entries(world_node *n, const raft_ready *rd) {
  for (size_t i = 1; i < rd->entry_count; i++) {
    fuzz_require(rd->entries[i].index == rd->entries[0].index + i);
  }
  uint64_t from = rd->snapshot == NULL ? n->handed_out : rd->snapshot->index;
  for (size_t i = 0; i < rd->committed_entry_count; i++) {
    fuzz_require(rd->committed_entries[i].index == from + 1 + i);
  }
  n->handed_out = from + rd->committed_entry_count;
}

static void send(world *w, world_node *n, const raft_message *message) {
  if (message->to == RAFT_APPEND_THREAD) {
    queue_push(&n->to_append, message);
  } else if (message->to == RAFT_APPLY_THREAD) {
    queue_push(&n->to_apply, message);
  } else {
    queue_push(&w->flight, message);
  }
}

static void take_ready(world *w, world_node *n) {
  const raft_ready *rd = NULL;
  fuzz_require(raft_rawnode_ready(n->raft, &rd) == RAFT_OK);
  check_reads(w, rd);
  check_entries(n, rd);
  bool async = n->config.async_storage_writes;
  if (!async) {
    node_save(w, n, &rd->hard_state, rd->snapshot, rd->entries, rd->entry_count);
    node_apply(w, n, rd->committed_entries, rd->committed_entry_count);
    n->ready = rd;
  }
  for (size_t i = 0; i < rd->message_count; i++) {
    send(w, n, &rd->messages[i]);
  }
}

bool world_pump(world *w, uint64_t id) {
  world_node *n = &w->nodes[id];
  bool busy = n->to_append.count + 1 >= WORLD_FLIGHT || n->to_apply.count + 1 >= WORLD_FLIGHT;
  if (n->raft == NULL || busy || (n->ready == NULL && !raft_rawnode_has_ready(n->raft))) {
    return false;
  }
  if (n->ready == NULL) {
    take_ready(w, n);
    return true;
  }
  const raft_ready *rd = n->ready;
  n->ready = NULL;
  world_expect(w, id, raft_rawnode_advance(n->raft, rd));
  return true;
}

/* ---- storage threads ---- */

static void answer(world *w, uint64_t id, const raft_message *message) {
  for (size_t i = 0; i < message->response_count; i++) {
    const raft_message *response = &message->responses[i];
    if (response->to == id) {
      world_step(w, id, response);
    } else {
      queue_push(&w->flight, response);
    }
  }
}

bool world_write(world *w, uint64_t id) {
  world_node *n = &w->nodes[id];
  if (n->to_append.count == 0) {
    return false;
  }
  raft_message message = queue_take(&n->to_append, 0);
  const raft_hard_state state = {message.term, message.vote, message.commit};
  node_save(w, n, &state, message.snapshot, message.entries, message.entry_count);
  answer(w, id, &message);
  raft_message_release(&message);
  return true;
}

bool world_apply(world *w, uint64_t id) {
  world_node *n = &w->nodes[id];
  if (n->to_apply.count == 0) {
    return false;
  }
  raft_message message = queue_take(&n->to_apply, 0);
  node_apply(w, n, message.entries, message.entry_count);
  answer(w, id, &message);
  raft_message_release(&message);
  return true;
}
