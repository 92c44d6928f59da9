/* bootstrap.c - the first start of a group: its first configuration as its first entries.
 *
 * All members write the same entries at term 1, so they count as committed from the start. They
 * are in force at once, for a node must be able to campaign before it has applied anything, and
 * come out of Ready again for the application to apply.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <libraft/wire.h>
#include <string.h>

#include "allocate.h"
#include "confchange.h"
#include "node.h"

static int encode_entry(const raft_allocator *memory, const raft_peer *peer, uint64_t index,
                        raft_entry *entry) {
  raft_conf_change change = {
      .type = RAFT_CONF_ADD_NODE, .node_id = peer->id, .context = peer->context};
  size_t len = 0;
  int rc = raft_conf_change_encode(&change, NULL, 0, &len);
  if (rc != RAFT_OK && rc != RAFT_ENOSPACE) {
    return rc;
  }
  void *data = NULL;
  raft_buf *buf = raft_buf_create(memory, len, &data);
  if (buf == NULL) {
    return RAFT_ENOMEM;
  }
  rc = raft_conf_change_encode(&change, data, len, &len);
  raft_entry made = {.term = 1,
                     .index = index,
                     .type = RAFT_ENTRY_CONF_CHANGE,
                     .data = {.data = data, .len = len, .owner = buf}};
  *entry = made;
  return rc;
}

static int append_entries(raft_rawnode *rn, const raft_peer *peers, size_t count) {
  const raft_allocator *memory = raft_memory(rn);
  raft_entry *entries = raft_allocate_array(memory, count, sizeof *entries);
  if (entries == NULL) {
    return RAFT_ENOMEM;
  }
  int rc = RAFT_OK;
  size_t made = 0;
  for (; made < count && rc == RAFT_OK; made++) {
    memset(&entries[made], 0, sizeof entries[made]);
    rc = encode_entry(memory, &peers[made], made + 1, &entries[made]);
  }
  if (rc == RAFT_OK) {
    rc = raft_log_append(&rn->log, entries, count);
  }
  for (size_t i = 0; i < made; i++) {
    raft_buf_release(entries[i].data.owner);
  }
  raft_deallocate(memory, entries);
  return rc;
}

static int make_configuration(raft_rawnode *rn, const raft_peer *peers, size_t count,
                              raft_tracker *next) {
  const raft_allocator *memory = raft_memory(rn);
  uint64_t *ids = raft_allocate_array(memory, count, sizeof *ids);
  if (ids == NULL) {
    return RAFT_ENOMEM;
  }
  for (size_t i = 0; i < count; i++) {
    ids[i] = peers[i].id;
  }
  raft_conf_state state = {.voters = {ids, count}};
  int rc = raft_confchange_restore(&rn->tracker, raft_log_last_index(&rn->log), &state, next);
  raft_deallocate(memory, ids);
  return rc;
}

int raft_rawnode_bootstrap(raft_rawnode *rn, const raft_peer *peers, size_t count) {
  if (rn->poisoned != RAFT_OK) {
    return rn->poisoned;
  }
  if (peers == NULL || count == 0) {
    return RAFT_EINVAL;
  }
  if (raft_log_last_index(&rn->log) != 0 || rn->term != 0) {
    return RAFT_ENOT_EMPTY;
  }
  raft_tracker next;
  int rc = make_configuration(rn, peers, count, &next);
  if (rc != RAFT_OK) {
    return raft_finish(rn, rc);
  }
  rc = append_entries(rn, peers, count);
  if (rc != RAFT_OK) {
    raft_tracker_discard(&next);
    return raft_finish(rn, rc);
  }
  raft_become_role_follower(rn, 1, RAFT_NO_ID);
  raft_log_commit_to(&rn->log, count);
  raft_membership_switch(rn, &next);
  return raft_finish(rn, RAFT_OK);
}
