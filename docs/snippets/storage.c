/* storage.c - a Storage of one's own: an array, with every rule of the contract.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "host.h"

enum { ROOM = 64 };

typedef struct shelf {
  raft_hard_state hard_state;
  raft_snapshot snapshot;   /* where the log was cut: index and term are 0 at first */
  raft_entry entries[ROOM]; /* from snapshot.index + 1 on, each payload with a reference */
  size_t count;
} shelf;

static int shelf_initial_state(void *ctx, raft_hard_state *hard_state,
                               raft_conf_state *conf_state) {
  const shelf *s = ctx;
  *hard_state = s->hard_state;
  *conf_state = s->snapshot.conf_state;
  return RAFT_OK;
}

static int shelf_first_index(void *ctx, uint64_t *index) {
  const shelf *s = ctx;
  *index = s->snapshot.index + 1;
  return RAFT_OK;
}

static int shelf_last_index(void *ctx, uint64_t *index) {
  const shelf *s = ctx;
  *index = s->snapshot.index + s->count;
  return RAFT_OK;
}

static int shelf_snapshot(void *ctx, raft_snapshot *snapshot) {
  const shelf *s = ctx;
  *snapshot = s->snapshot;
  return s->snapshot.index == 0 ? RAFT_ESNAPSHOT_UNAVAILABLE : RAFT_OK;
}

/* snippet: term */
static int shelf_term(void *ctx, uint64_t index, uint64_t *term) {
  const shelf *s = ctx;
  if (index < s->snapshot.index) {
    return RAFT_ECOMPACTED;
  }
  if (index > s->snapshot.index + s->count) {
    return RAFT_EUNAVAILABLE;
  }
  *term = index == s->snapshot.index ? s->snapshot.term /* known after the cut, too */
                                     : s->entries[index - s->snapshot.index - 1].term;
  return RAFT_OK;
}
/* end */

/* snippet: entries */
static int shelf_entries(void *ctx, uint64_t lo, uint64_t hi, uint64_t max_bytes, raft_entry *out,
                         size_t *count) {
  const shelf *s = ctx;
  if (lo <= s->snapshot.index) {
    return RAFT_ECOMPACTED; /* raft sends a snapshot instead */
  }
  if (hi > s->snapshot.index + s->count + 1) {
    return RAFT_EUNAVAILABLE;
  }
  size_t room = *count, given = 0;
  uint64_t bytes = 0;
  for (uint64_t index = lo; index < hi && given < room; index++) {
    const raft_entry *entry = &s->entries[index - s->snapshot.index - 1];
    bytes += raft_entry_size(entry);
    if (given > 0 && bytes > max_bytes) {
      break; /* at least one, and no more than fits */
    }
    out[given] = *entry;
    raft_buf_retain(entry->data.owner); /* this reference is libraft's */
    given++;
  }
  *count = given;
  return RAFT_OK;
}
/* end */

/* snippet: append */
/* Entries replace whatever stands at their indexes and behind. */
static void shelf_append(shelf *s, const raft_entry *entries, size_t count) {
  size_t at = (size_t)(entries[0].index - s->snapshot.index - 1);
  while (s->count > at) {
    raft_buf_release(s->entries[--s->count].data.owner);
  }
  for (size_t i = 0; i < count; i++) {
    raft_buf_retain(entries[i].data.owner); /* entries of a Ready have one, or no bytes */
    s->entries[s->count++] = entries[i];
  }
}
/* end */

/* snippet: compact */
/* Everything up to `index`, which is applied, goes; the snapshot stands for it. */
static void shelf_compact(shelf *s, uint64_t index, const raft_snapshot *snapshot) {
  size_t gone = (size_t)(index - s->snapshot.index);
  for (size_t i = 0; i < gone; i++) {
    raft_buf_release(s->entries[i].data.owner);
  }
  s->count -= gone;
  memmove(s->entries, s->entries + gone, s->count * sizeof s->entries[0]);
  s->snapshot = *snapshot;
}
/* end */

/* snippet: interface */
static const raft_storage SHELF = {
    .size = sizeof(raft_storage), /* lets the struct grow in later versions */
    .initial_state = shelf_initial_state,
    .entries = shelf_entries,
    .term = shelf_term,
    .first_index = shelf_first_index,
    .last_index = shelf_last_index,
    .snapshot = shelf_snapshot,
};
/* end */

static uint64_t pump(raft_rawnode *node, shelf *s) {
  uint64_t applied = 0;
  while (raft_rawnode_has_ready(node)) {
    const raft_ready *rd;
    EXPECT(raft_rawnode_ready(node, &rd) == RAFT_OK);
    if (rd->entry_count > 0) {
      shelf_append(s, rd->entries, rd->entry_count);
    }
    if (rd->hard_state.term != 0) {
      s->hard_state = rd->hard_state;
    }
    if (rd->committed_entry_count > 0) {
      applied = rd->committed_entries[rd->committed_entry_count - 1].index;
    }
    EXPECT(raft_rawnode_advance(node, rd) == RAFT_OK);
  }
  return applied;
}

int main(void) {
  static const uint64_t voters[] = {1};
  shelf s = {.snapshot = {.conf_state = {.voters = {voters, 1}}}};
  raft_storage storage = SHELF;
  raft_config config;
  raft_rawnode *node;
  raft_config_init(&config);
  storage.ctx = &s;
  config.id = 1;
  config.storage = &storage;
  config.max_committed_size_per_ready = 100; /* so that entries are read in pieces */
  EXPECT(raft_rawnode_open(&config, &node) == RAFT_OK);
  EXPECT(raft_rawnode_campaign(node) == RAFT_OK);
  uint64_t applied = pump(node, &s);
  for (int round = 0; round < 10; round++) {
    for (int i = 0; i < 20; i++) {
      const raft_slice payload = {"some bytes", 10};
      EXPECT(raft_rawnode_propose(node, &payload, 1) == RAFT_OK);
    }
    applied = pump(node, &s);
    raft_snapshot snapshot = {.index = applied, .conf_state = s.snapshot.conf_state};
    EXPECT(shelf_term(&s, applied, &snapshot.term) == RAFT_OK);
    shelf_compact(&s, applied, &snapshot);
  }
  EXPECT(applied == 201 && s.count == 0);
  raft_rawnode_close(node);

  config.applied = applied; /* what it applied is not handed out again */
  EXPECT(raft_rawnode_open(&config, &node) == RAFT_OK);
  EXPECT(raft_rawnode_campaign(node) == RAFT_OK);
  EXPECT(pump(node, &s) == applied + 1); /* a new term's empty entry */
  raft_rawnode_close(node);
  while (s.count > 0) {
    raft_buf_release(s.entries[--s.count].data.owner);
  }
  return 0;
}
