/* extras.c - options whose state few nodes need: it is allocated with the first of them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "extras.h"

#include <string.h>

#include "allocate.h"
#include "node.h"

raft_extras *raft_extras_make(raft_rawnode *node) {
  if (node->extras == NULL) {
    node->extras = raft_allocate(raft_memory(node), sizeof *node->extras);
    if (node->extras != NULL) {
      memset(node->extras, 0, sizeof *node->extras);
    }
  }
  return node->extras;
}

void raft_extras_close(raft_rawnode *node) {
  if (node->extras != NULL) {
    raft_deallocate(raft_memory(node), node->extras->groups);
    raft_deallocate(raft_memory(node), node->extras);
    node->extras = NULL;
  }
}

int raft_rawnode_set_priority(raft_rawnode *rn, int64_t priority) {
  if (rn->poisoned != RAFT_OK) {
    return rn->poisoned;
  }
  if (priority == raft_priority(rn)) {
    return RAFT_OK;
  }
  raft_extras *extras = raft_extras_make(rn);
  if (extras == NULL) {
    return RAFT_ENOMEM;
  }
  extras->priority = priority;
  return RAFT_OK;
}
