/* engine.c - a state machine that is durable by itself: a database whose transactions hold the
 * applied index.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "host.h"

/* The engine, as it would be on disk. */
static struct engine {
  int64_t total;
  uint64_t applied;
  uint64_t voters[8];
  size_t voter_count;
} engine;

static raft_rawnode *node;
static raft_memory_storage *memory;

/* snippet: engine_apply */
/* Effect, index and membership are one transaction, so a crash leaves all three of one moment. It
 * need not be synced: what the engine forgets is handed out again. */
static int engine_apply(const raft_entry *entry) {
  struct engine next = engine; /* begin */
  int64_t amount;
  if (entry->type == RAFT_ENTRY_CONF_CHANGE) {
    raft_conf_change change;
    raft_conf_state members;
    int rc = raft_conf_change_decode(entry->data, &change);
    if (rc == RAFT_OK) {
      rc = raft_rawnode_apply_conf_change_v1(node, &change, &members);
    }
    if (rc == RAFT_OK) {
      next.voter_count = members.voters.count;
      memcpy(next.voters, members.voters.ids, members.voters.count * sizeof(uint64_t));
    } else if (rc == RAFT_ECONF_OVERTAKEN || rc == RAFT_ENOMEM || raft_is_fatal(rc)) {
      return rc; /* overtaken: a snapshot comes next that holds this entry and those behind it */
    }
  } else if (entry->data.len == sizeof amount) {
    memcpy(&amount, entry->data.data, sizeof amount);
    next.total += amount;
  }
  next.applied = entry->index;
  engine = next; /* commit */
  return RAFT_OK;
}
/* end */

/* snippet: engine_initial_state */
static int initial_state(void *ctx, raft_hard_state *hard_state, raft_conf_state *members) {
  const raft_storage *log = ctx;
  int rc = log->initial_state(log->ctx, hard_state, members);
  members->voters = (raft_ids){engine.voters, engine.voter_count}; /* as of engine.applied */
  if (hard_state->commit < engine.applied) {
    hard_state->commit = engine.applied; /* what is applied was committed */
  }
  return rc;
}
/* end */

static int first_index(void *ctx, uint64_t *index) {
  const raft_storage *log = ctx;
  return log->first_index(log->ctx, index);
}

static int last_index(void *ctx, uint64_t *index) {
  const raft_storage *log = ctx;
  return log->last_index(log->ctx, index);
}

static int term(void *ctx, uint64_t index, uint64_t *of) {
  const raft_storage *log = ctx;
  return log->term(log->ctx, index, of);
}

static int entries(void *ctx, uint64_t lo, uint64_t hi, uint64_t max_bytes, raft_entry *out,
                   size_t *count) {
  const raft_storage *log = ctx;
  return log->entries(log->ctx, lo, hi, max_bytes, out, count);
}

static int snapshot(void *ctx, raft_snapshot *made) {
  const raft_storage *log = ctx;
  return log->snapshot(log->ctx, made);
}

static void pump(void) {
  while (raft_rawnode_has_ready(node)) {
    const raft_ready *rd;
    EXPECT(raft_rawnode_ready(node, &rd) == RAFT_OK);
    EXPECT(raft_memory_storage_append(memory, rd->entries, rd->entry_count) == RAFT_OK);
    if (rd->must_sync && rd->hard_state.term != 0) { /* a commit index alone is not saved here */
      EXPECT(raft_memory_storage_set_hard_state(memory, &rd->hard_state) == RAFT_OK);
    }
    int rc = RAFT_OK;
    for (size_t i = 0; i < rd->committed_entry_count && rc == RAFT_OK; i++) {
      rc = engine_apply(&rd->committed_entries[i]);
      EXPECT(rc == RAFT_OK || rc == RAFT_ECONF_OVERTAKEN);
    }
    EXPECT(raft_rawnode_advance(node, rd) == RAFT_OK);
  }
}

int main(void) {
  const raft_peer peers[] = {{.id = 1}};
  const int64_t amount = 21;
  const raft_slice payload = {&amount, sizeof amount};
  raft_config config;
  raft_config_init(&config);
  EXPECT(raft_memory_storage_open(NULL, &memory) == RAFT_OK);
  const raft_storage *log = raft_memory_storage_interface(memory);
  union {
    const void *constant;
    void *plain;
  } pointer = {log};
  const raft_storage storage = {sizeof storage, pointer.plain, initial_state, entries,
                                term,           first_index,   last_index,    snapshot};
  config.id = 1;
  config.storage = &storage;
  EXPECT(raft_rawnode_open(&config, &node) == RAFT_OK);
  EXPECT(raft_rawnode_bootstrap(node, peers, 1) == RAFT_OK);
  pump();
  EXPECT(raft_rawnode_campaign(node) == RAFT_OK);
  pump();
  EXPECT(raft_rawnode_propose(node, &payload, 1) == RAFT_OK);
  pump();
  EXPECT(engine.total == 21 && engine.voter_count == 1);
  raft_rawnode_close(node);

  config.applied = engine.applied;
  config.storage = log; /* which knows of an older commit index */
  EXPECT(raft_rawnode_open(&config, &node) == RAFT_ESTORAGE);
  config.storage = &storage;
  EXPECT(raft_rawnode_open(&config, &node) == RAFT_OK);
  EXPECT(raft_rawnode_campaign(node) == RAFT_OK);
  pump();
  EXPECT(engine.total == 21); /* nothing was applied twice */
  raft_rawnode_close(node);
  raft_memory_storage_close(memory);
  return 0;
}
