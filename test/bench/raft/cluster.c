/* cluster.c - a group in one process whose messages go straight from a Ready into the others' step.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cluster.h"

#include <string.h>

#include "bench.h"

/* Storage is compacted when so many entries were applied; the same in test/bench/go. */
enum { COMPACT_EVERY = 512 };

static void open_member(cluster *c, size_t position, const raft_allocator *memory,
                        void (*change)(raft_config *config)) {
  static const uint64_t IDS[CLUSTER_MOST] = {1, 2, 3, 4, 5};
  cluster_member *member = &c->members[position];
  bench_check(raft_memory_storage_open(NULL, &member->storage), "open a storage");
  raft_conf_state voters = {.voters = {IDS, c->count}};
  bench_check(raft_memory_storage_set_conf_state(member->storage, &voters), "set the voters");
  raft_config config;
  raft_config_init(&config);
  config.id = position + 1;
  config.storage = raft_memory_storage_interface(member->storage);
  config.allocator = memory;
  config.seed = 1;
  if (change != NULL) {
    change(&config);
  }
  bench_check(raft_rawnode_open(&config, &member->node), "open a node");
}

void cluster_open(cluster *c, size_t count, const raft_allocator *memory,
                  void (*change)(raft_config *config)) {
  memset(c, 0, sizeof *c);
  c->count = count;
  for (size_t i = 0; i < count; i++) {
    open_member(c, i, memory, change);
  }
  bench_check(raft_rawnode_campaign(c->members[0].node), "campaign");
  cluster_settle(c);
}

void cluster_close(cluster *c) {
  for (size_t i = 0; i < c->count; i++) {
    raft_rawnode_close(c->members[i].node);
    raft_memory_storage_close(c->members[i].storage);
  }
}

static void save(cluster_member *member, const raft_ready *ready) {
  const raft_hard_state *state = &ready->hard_state;
  if (state->term != 0) {
    bench_check(raft_memory_storage_set_hard_state(member->storage, state), "set hard state");
  }
  if (ready->entry_count > 0) {
    bench_check(raft_memory_storage_append(member->storage, ready->entries, ready->entry_count),
                "append");
  }
}

static void deliver(cluster *c, const raft_ready *ready) {
  for (size_t i = 0; i < ready->message_count; i++) {
    const raft_message *message = &ready->messages[i];
    bench_check(raft_rawnode_step(c->members[message->to - 1].node, message), "step");
  }
}

static void apply(cluster_member *member, const raft_ready *ready) {
  for (size_t i = 0; i < ready->committed_entry_count; i++) {
    member->applied = ready->committed_entries[i].index;
    member->applied_bytes += ready->committed_entries[i].data.len;
  }
}

void cluster_compact(cluster *c, size_t position) {
  cluster_member *member = &c->members[position];
  if (member->applied > member->compacted) {
    bench_check(raft_memory_storage_compact(member->storage, member->applied), "compact");
    member->compacted = member->applied;
  }
}

bool cluster_turn(cluster *c, size_t position) {
  cluster_member *member = &c->members[position];
  const raft_ready *ready;
  if (!raft_rawnode_has_ready(member->node)) {
    return false;
  }
  bench_check(raft_rawnode_ready(member->node, &ready), "ready");
  save(member, ready);
  deliver(c, ready);
  apply(member, ready);
  bench_check(raft_rawnode_advance(member->node, ready), "advance");
  if (member->applied - member->compacted >= COMPACT_EVERY) {
    cluster_compact(c, position);
  }
  return true;
}

void cluster_settle(cluster *c) {
  bool busy = true;
  while (busy) {
    busy = false;
    for (size_t i = 0; i < c->count; i++) {
      busy = cluster_turn(c, i) || busy;
    }
  }
}
