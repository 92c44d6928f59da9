/* group.c - a Raft group in one process: nodes, their storage, and a network that tests can cut.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "group.h"

#include <libraft/wire.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void require(bool ok, const char *what, int rc) {
  if (!ok) {
    (void)fprintf(stderr, "group: %s: %s\n", what, raft_error_string(rc));
    abort();
  }
}

#define MUST(call) must((call), #call)
static void must(int rc, const char *what) {
  require(rc == RAFT_OK, what, rc);
}

/* ---- members ---- */

static int try_open(group_member *m) {
  m->config.applied = m->applied;
  return raft_rawnode_open(&m->config, &m->node);
}

static void open_node(group_member *m) {
  MUST(try_open(m));
}

static void prepare(group *g, uint64_t id, void (*change)(raft_config *config)) {
  group_member *m = &g->members[id];
  memset(m, 0, sizeof *m);
  m->id = id;
  failing_allocator_init(&m->memory);
  MUST(raft_memory_storage_open(NULL, &m->storage));
  raft_config_init(&m->config);
  m->config.id = id;
  m->config.storage = raft_memory_storage_interface(m->storage);
  m->config.allocator = &m->memory.iface;
  m->config.seed = 42;
  if (change != NULL) {
    change(&m->config);
  }
}

void group_open(group *g, size_t count, void (*change)(raft_config *config)) {
  memset(g, 0, sizeof *g);
  g->count = count;
  uint64_t ids[GROUP_MOST];
  for (size_t i = 0; i < count; i++) {
    ids[i] = i + 1;
  }
  raft_conf_state state = {.voters = {ids, count}};
  for (uint64_t id = 1; id <= count; id++) {
    prepare(g, id, change);
    group_member *m = &g->members[id];
    MUST(raft_memory_storage_set_conf_state(m->storage, &state));
    memcpy(m->members, ids, count * sizeof ids[0]);
    m->conf_state.voters.ids = m->members;
    m->conf_state.voters.count = count;
    open_node(m);
  }
}

void group_open_empty(group *g, size_t count, void (*change)(raft_config *config)) {
  memset(g, 0, sizeof *g);
  for (uint64_t id = 1; id <= count; id++) {
    group_join(g, id, change);
  }
}

void group_join(group *g, uint64_t id, void (*change)(raft_config *config)) {
  prepare(g, id, change);
  g->count = id > g->count ? (size_t)id : g->count;
  open_node(&g->members[id]);
}

void group_close(group *g) {
  group_lose(g);
  free(g->queue);
  for (uint64_t id = 1; id <= g->count; id++) {
    raft_rawnode_close(g->members[id].node);
    raft_memory_storage_close(g->members[id].storage);
  }
  for (uint64_t id = 1; id <= g->count; id++) { /* payloads of one live on in others' storage */
    require(g->members[id].memory.live_blocks == 0, "a node left memory behind", RAFT_OK);
  }
  memset(g, 0, sizeof *g);
}

/* ---- what an application does with a Ready ---- */

static void keep_conf_state(group_member *m, const raft_conf_state *state) {
  m->conf_state = *state;
  size_t at = 0;
  raft_ids *lists[] = {&m->conf_state.voters, &m->conf_state.learners,
                       &m->conf_state.voters_outgoing, &m->conf_state.learners_next};
  for (size_t i = 0; i < 4; i++) {
    require(at + lists[i]->count <= GROUP_MOST * 2, "too many members", RAFT_OK);
    if (lists[i]->count > 0) {
      memcpy(m->members + at, lists[i]->ids, lists[i]->count * sizeof m->members[0]);
    }
    lists[i]->ids = m->members + at;
    at += lists[i]->count;
  }
}

static int try_conf_change(group_member *m, const raft_entry *entry, raft_conf_state *state) {
  if (entry->type == RAFT_ENTRY_CONF_CHANGE) {
    raft_conf_change change;
    MUST(raft_conf_change_decode(entry->data, &change));
    return raft_rawnode_apply_conf_change_v1(m->node, &change, state);
  }
  raft_conf_change_v2 change;
  void *memory = NULL;
  MUST(raft_conf_change_v2_decode(entry->data, NULL, raft_default_allocator(), &change, &memory));
  int rc = raft_rawnode_apply_conf_change(m->node, &change, state);
  raft_conf_state_free(raft_default_allocator(), memory);
  return rc;
}

static void apply_conf_change(group_member *m, const raft_entry *entry) {
  raft_conf_state state;
  failing_allocator *memory = m->config.allocator->ctx; /* its own, or one that all share */
  int rc = try_conf_change(m, entry, &state);
  if (rc == RAFT_ENOMEM) {
    size_t fail_at = memory->fail_at;
    memory->fail_at = 0;
    rc = try_conf_change(m, entry, &state);
    memory->fail_at = fail_at;
  }
  MUST(rc);
  keep_conf_state(m, &state);
}

static void hash_entry(group_member *m, const raft_entry *entry) {
  const unsigned char *bytes = entry->data.data;
  for (size_t i = 0; i < entry->data.len; i++) {
    m->applied_hash = (m->applied_hash ^ bytes[i]) * UINT64_C(1099511628211);
  }
  m->applied_hash = (m->applied_hash ^ entry->term) * UINT64_C(1099511628211);
}

static void compare_applied(group *g, const group_member *m) {
  if (m->applied < GROUP_INDEXES) {
    uint64_t *hash = &g->hashes[m->applied];
    *hash = *hash == 0 ? m->applied_hash : *hash;
    require(*hash == m->applied_hash, "members applied different entries", RAFT_OK);
  }
}

static void apply_entry(group *g, group_member *m, const raft_entry *entry) {
  require(entry->index == m->applied + 1, "a gap in what is applied", RAFT_OK);
  m->applied = entry->index;
  if (entry->type != RAFT_ENTRY_NORMAL) {
    apply_conf_change(m, entry);
  }
  if (!g->no_hash) {
    hash_entry(m, entry);
    compare_applied(g, m);
  }
}

static void take_snapshot(group_member *m, const raft_snapshot *snapshot) {
  MUST(raft_memory_storage_apply_snapshot(m->storage, snapshot));
  m->applied = snapshot->index;
  require(snapshot->data.len == sizeof m->applied_hash, "a snapshot of another kind", RAFT_OK);
  memcpy(&m->applied_hash, snapshot->data.data, sizeof m->applied_hash);
  keep_conf_state(m, &snapshot->conf_state);
}

static void save(group_member *m, const raft_hard_state *state, const raft_snapshot *snapshot,
                 const raft_entry *entries, size_t count) {
  if (state->term != 0 || state->vote != 0 || state->commit != 0) {
    MUST(raft_memory_storage_set_hard_state(m->storage, state));
  }
  if (snapshot != NULL) {
    take_snapshot(m, snapshot);
  }
  MUST(raft_memory_storage_append(m->storage, entries, count));
}

static void keep_reads(group_member *m, const raft_ready *rd) {
  for (size_t i = 0; i < rd->read_state_count && m->read_count < 64; i++) {
    m->reads[m->read_count] = rd->read_states[i];
    m->read_tags[m->read_count] = 0;
    size_t len = rd->read_states[i].context.len;
    if (len > 0) {
      memcpy(&m->read_tags[m->read_count], rd->read_states[i].context.data, len < 8 ? len : 8);
    }
    m->read_count++;
  }
}

/* ---- the network ---- */

static void enqueue(group *g, const raft_message *message) {
  if (g->queued == g->capacity) {
    g->capacity = g->capacity == 0 ? 16 : g->capacity * 2;
    g->queue = realloc(g->queue, g->capacity * sizeof *g->queue);
    require(g->queue != NULL, "no memory", RAFT_ENOMEM);
  }
  raft_message_retain(message);
  g->queue[g->queued++] = *message;
}

/* A storage thread at once: writes, then its responses are in flight. */
static bool run_storage(group *g, group_member *m, const raft_message *message) {
  raft_hard_state state = {message->term, message->vote, message->commit};
  if (message->to == RAFT_APPEND_THREAD) {
    save(m, &state, message->snapshot, message->entries, message->entry_count);
  } else if (message->to == RAFT_APPLY_THREAD) {
    for (size_t i = 0; i < message->entry_count; i++) {
      apply_entry(g, m, &message->entries[i]);
    }
  } else {
    return false;
  }
  for (size_t i = 0; i < message->response_count; i++) {
    enqueue(g, &message->responses[i]);
  }
  return true;
}

static void note_leader(group *g, const group_member *m) {
  raft_basic_status status;
  raft_rawnode_basic_status(m->node, &status);
  uint64_t term = status.hard_state.term;
  if (status.soft_state.role == RAFT_LEADER && term < GROUP_TERMS) {
    uint64_t *leader = &g->leaders[term];
    *leader = *leader == 0 ? m->id : *leader;
    require(*leader == m->id, "two leaders in one term", RAFT_OK);
  }
}

static void note_error(group_member *m, int rc) {
  m->last_error = rc == RAFT_OK ? m->last_error : rc;
  if (rc != RAFT_OK && rc != RAFT_ENOMEM && m->odd_error == RAFT_OK) {
    m->odd_error = rc;
  }
}

static bool handle_ready(group *g, group_member *m) {
  if (m->node == NULL || !raft_rawnode_has_ready(m->node)) {
    return false;
  }
  if (!g->no_hash) {
    note_leader(g, m);
  }
  const raft_ready *rd = NULL;
  int rc = raft_rawnode_ready(m->node, &rd);
  if (rc == RAFT_ENOMEM) {
    m->last_error = rc;
    return false;
  }
  MUST(rc);
  keep_reads(m, rd);
  bool async = m->config.async_storage_writes;
  if (!async) {
    save(m, &rd->hard_state, rd->snapshot, rd->entries, rd->entry_count);
    for (size_t i = 0; i < rd->committed_entry_count; i++) {
      apply_entry(g, m, &rd->committed_entries[i]);
    }
  }
  for (size_t i = 0; i < rd->message_count; i++) {
    if (!async || !run_storage(g, m, &rd->messages[i])) {
      enqueue(g, &rd->messages[i]);
    }
  }
  if (!async) {
    rc = raft_rawnode_advance(m->node, rd);
    note_error(m, rc);
    require(rc == RAFT_OK || rc == RAFT_ENOMEM, "advance", rc);
  }
  return true;
}

bool group_turn(group *g) {
  bool any = false;
  for (uint64_t id = 1; id <= g->count; id++) {
    any = handle_ready(g, &g->members[id]) || any;
  }
  return any;
}

static bool arrives(group *g, const raft_message *message) {
  uint64_t from = message->from, to = message->to;
  if (to > g->count || g->members[to].node == NULL) {
    return false;
  }
  bool own = from == to || from > g->count; /* to itself, or from one of its storage threads */
  return own || (!g->members[to].cut && !g->members[from].cut &&
                 (g->keep == NULL || g->keep(g->keep_ctx, message)));
}

/* As a transport would bring it. One that finds no memory is lost. */
static int step_decoded(group_member *m, const raft_message *message) {
  size_t size = raft_message_wire_size(message);
  void *bytes = malloc(size);
  require(bytes != NULL, "no memory", RAFT_ENOMEM);
  raft_message decoded;
  MUST(raft_message_encode(message, bytes, size, &size));
  int rc =
      raft_message_decode((raft_bytes){bytes, size, NULL}, NULL, m->config.allocator, &decoded);
  if (rc == RAFT_OK) {
    rc = raft_rawnode_step(m->node, &decoded);
    raft_message_release(&decoded);
  }
  free(bytes);
  return rc;
}

static void step_into(group *g, group_member *m, const raft_message *message) {
  bool local = message->from > g->count || message->from == m->id;
  int rc = g->wired && !local ? step_decoded(m, message) : raft_rawnode_step(m->node, message);
  note_error(m, rc);
}

bool group_deliver(group *g) {
  raft_message *messages = g->queue;
  size_t count = g->queued;
  g->queue = NULL;
  g->queued = g->capacity = 0;
  for (size_t i = 0; i < count; i++) {
    const raft_message *message = &messages[i];
    if (arrives(g, message)) {
      g->delivered[message->type]++;
      step_into(g, &g->members[message->to], message);
    }
    raft_message_release(message);
  }
  free(messages);
  return count > 0;
}

void group_settle(group *g) {
  bool busy = true;
  for (int round = 0; busy; round++) {
    require(round < 10000, "the group does not come to rest", RAFT_OK);
    bool turned = group_turn(g);
    busy = group_deliver(g) || turned;
  }
}

const raft_message *group_sent(group *g, raft_message_type type, uint64_t from, uint64_t to) {
  while (group_turn(g)) {
  }
  for (size_t i = 0; i < g->queued; i++) {
    const raft_message *message = &g->queue[i];
    if (message->type == type && message->from == from && message->to == to) {
      return message;
    }
  }
  return NULL;
}

void group_lose(group *g) {
  for (size_t i = 0; i < g->queued; i++) {
    raft_message_release(&g->queue[i]);
  }
  g->queued = 0;
}

int group_step(group *g, raft_message message) {
  return raft_rawnode_step(g->members[message.to].node, &message);
}

void group_tick(group *g, size_t ticks) {
  for (size_t t = 0; t < ticks; t++) {
    for (uint64_t id = 1; id <= g->count; id++) {
      if (g->members[id].node != NULL) {
        int rc = raft_rawnode_tick(g->members[id].node);
        require(rc == RAFT_OK || rc == RAFT_ENOMEM, "tick", rc);
      }
    }
    group_settle(g);
  }
}

/* ---- what tests say and ask ---- */

raft_rawnode *group_node(group *g, uint64_t id) {
  return g->members[id].node;
}

raft_basic_status group_status(group *g, uint64_t id) {
  raft_basic_status status;
  raft_rawnode_basic_status(g->members[id].node, &status);
  return status;
}

raft_progress_status group_progress(group *g, uint64_t id) {
  raft_progress_status status;
  MUST(raft_rawnode_progress(g->members[1].node, (size_t)id - 1, &status));
  require(status.id == id, "progress of another", RAFT_EINVAL);
  return status;
}

void group_elect(group *g, uint64_t id) {
  MUST(raft_rawnode_campaign(g->members[id].node));
  group_settle(g);
  require(group_status(g, id).soft_state.role == RAFT_LEADER, "the election was lost", RAFT_OK);
}

void group_reopen(group *g, size_t count, void (*change)(raft_config *config)) {
  group_close(g);
  group_open(g, count, change);
  group_elect(g, 1);
}

void group_plain(raft_config *config) {
  config->pre_vote = false;
  config->check_quorum = false;
  config->election_ticks = 1000;
}

uint64_t group_leader(const group *g) {
  uint64_t leader = 0, term = 0;
  for (uint64_t id = 1; id <= g->count; id++) {
    raft_basic_status status;
    if (g->members[id].node == NULL) {
      continue;
    }
    raft_rawnode_basic_status(g->members[id].node, &status);
    if (status.soft_state.role == RAFT_LEADER && status.hard_state.term > term) {
      leader = id;
      term = status.hard_state.term;
    }
  }
  return leader;
}

int group_propose(group *g, uint64_t id, const char *text) {
  raft_slice slice = {text, strlen(text)};
  return raft_rawnode_propose(g->members[id].node, &slice, 1);
}

int group_propose_change(group *g, uint64_t id, raft_conf_change_type type, uint64_t member) {
  raft_conf_change change = {.type = type, .node_id = member};
  return raft_rawnode_propose_conf_change(g->members[id].node, &change);
}

void group_stop(group *g, uint64_t id) {
  raft_rawnode_close(g->members[id].node);
  g->members[id].node = NULL;
  MUST(raft_memory_storage_set_conf_state(g->members[id].storage, &g->members[id].conf_state));
}

int group_start(group *g, uint64_t id) {
  return try_open(&g->members[id]);
}

void group_restart(group *g, uint64_t id) {
  group_stop(g, id);
  open_node(&g->members[id]);
}

void group_compact(group *g, uint64_t id, uint64_t index) {
  group_member *m = &g->members[id];
  raft_bytes data = {&m->applied_hash, sizeof m->applied_hash, NULL};
  MUST(raft_memory_storage_create_snapshot(m->storage, m->applied, &m->conf_state, data));
  MUST(raft_memory_storage_compact(m->storage, index));
}

void group_expect_equal(group *g) {
  const group_member *first = NULL;
  for (uint64_t id = 1; id <= g->count; id++) {
    const group_member *m = &g->members[id];
    if (m->node == NULL || m->cut) {
      continue;
    }
    first = first == NULL ? m : first;
    require(m->applied == first->applied, "members applied up to different indexes", RAFT_OK);
    require(m->applied_hash == first->applied_hash, "members applied different entries", RAFT_OK);
  }
}
