/* first.c - the first program of README.md: a group of one, in memory.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
/* snippet: first */
#include <libraft/memory_storage.h>
#include <libraft/raft.h>
#include <stdio.h>

static int applied;

static void save(raft_memory_storage *storage, const raft_ready *rd) {
  if (rd->hard_state.term != 0) {
    raft_memory_storage_set_hard_state(storage, &rd->hard_state);
  }
  raft_memory_storage_append(storage, rd->entries, rd->entry_count);
}

static void apply(raft_rawnode *node, const raft_entry *entry) {
  if (entry->type == RAFT_ENTRY_NORMAL && entry->data.len > 0) {
    printf("%d: %.*s\n", (int)entry->index, (int)entry->data.len, (const char *)entry->data.data);
    applied++;
  }
  (void)node; /* membership changes would go to raft_rawnode_apply_conf_change() */
}

static int pump(raft_rawnode *node, raft_memory_storage *storage) {
  int rc = RAFT_OK;
  while (rc == RAFT_OK && raft_rawnode_has_ready(node)) {
    const raft_ready *rd;
    rc = raft_rawnode_ready(node, &rd);
    if (rc == RAFT_OK) {
      save(storage, rd); /* then send rd->messages */
      for (size_t i = 0; i < rd->committed_entry_count; i++) {
        apply(node, &rd->committed_entries[i]);
      }
      rc = raft_rawnode_advance(node, rd);
    }
  }
  return rc;
}

int main(void) {
  const uint64_t voters[] = {1};
  const raft_conf_state members = {.voters = {voters, 1}};
  raft_memory_storage *storage;
  raft_rawnode *node;
  raft_config config;

  raft_config_init(&config);
  config.id = 1;
  if (raft_memory_storage_open(NULL, &storage) != RAFT_OK ||
      raft_memory_storage_set_conf_state(storage, &members) != RAFT_OK) {
    return 1;
  }
  config.storage = raft_memory_storage_interface(storage);
  int rc = raft_rawnode_open(&config, &node);
  for (int tick = 0; rc == RAFT_OK && tick < 20; tick++) { /* time passes, it is elected */
    raft_rawnode_tick(node);
    rc = pump(node, storage);
  }
  const raft_slice hello[] = {{"hello, ", 7}, {"raft", 4}};
  if (rc == RAFT_OK) {
    rc = raft_rawnode_propose(node, hello, 2);
  }
  if (rc == RAFT_OK) {
    rc = pump(node, storage);
  }
  if (rc != RAFT_OK) {
    fprintf(stderr, "%s\n", raft_error_string(rc));
  }
  raft_rawnode_close(node);
  raft_memory_storage_close(storage);
  return applied == 1 ? 0 : 1;
}
/* end */
