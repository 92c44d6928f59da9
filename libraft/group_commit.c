/* group_commit.c - an entry counts as committed only when two commit groups have it (raft-rs).
 *
 * Groups are places that fail together, such as data centres: what is committed survives the loss
 * of any one. It is the leader's affair alone, and volatile; never does it commit more than the
 * quorum does.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "allocate.h"
#include "node.h"

static raft_commit_group *find(const raft_extras *extras, uint64_t id) {
  for (uint32_t i = 0; i < extras->group_count; i++) {
    if (extras->groups[i].id == id) {
      return &extras->groups[i];
    }
  }
  return NULL;
}

static uint64_t group_of(const void *ctx, uint64_t id) {
  const raft_rawnode *node = ctx;
  const raft_commit_group *found = find(node->extras, id);
  return found == NULL ? 0 : found->group;
}

static bool acked(const void *ctx, uint64_t id, uint64_t *index) {
  const raft_rawnode *node = ctx;
  const raft_progress *progress = raft_tracker_get(&node->tracker, id);
  if (progress == NULL) {
    return false;
  }
  *index = progress->match;
  return true;
}

static uint64_t committed_by_groups(const raft_rawnode *node, bool *by_groups) {
  return raft_joint_group_committed(raft_idset_view(&node->tracker.config.incoming),
                                    raft_idset_view(&node->tracker.config.outgoing), acked,
                                    group_of, node, by_groups);
}

static bool is_on(const raft_rawnode *node) {
  return node->extras != NULL && node->extras->group_commit;
}

uint64_t raft_group_committed(const raft_rawnode *node) {
  bool by_groups = false;
  return is_on(node) ? committed_by_groups(node, &by_groups)
                     : raft_tracker_committed(&node->tracker);
}

/* What counts has changed: perhaps more is committed now. */
static int count_again(raft_rawnode *node) {
  if (node->role == RAFT_LEADER) {
    raft_leader_commit(node);
  }
  return raft_finish(node, RAFT_OK);
}

int raft_rawnode_enable_group_commit(raft_rawnode *rn, bool enable) {
  if (rn->poisoned != RAFT_OK) {
    return rn->poisoned;
  }
  if (enable == is_on(rn)) {
    return RAFT_OK;
  }
  raft_extras *extras = raft_extras_make(rn);
  if (extras == NULL) {
    return RAFT_ENOMEM;
  }
  extras->group_commit = enable;
  return count_again(rn);
}

static void assign(raft_extras *extras, const raft_commit_group *group) {
  raft_commit_group *found = find(extras, group->id);
  if (found != NULL) {
    found->group = group->group;
  } else {
    extras->groups[extras->group_count++] = *group;
  }
}

static bool are_valid(const raft_commit_group *groups, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (groups[i].id == RAFT_NO_ID) {
      return false;
    }
  }
  return count <= UINT32_MAX / 2;
}

int raft_rawnode_assign_commit_groups(raft_rawnode *rn, const raft_commit_group *groups,
                                      size_t count) {
  if (rn->poisoned != RAFT_OK) {
    return rn->poisoned;
  }
  if (!are_valid(groups, count)) {
    return RAFT_EINVAL;
  }
  raft_extras *extras = raft_extras_make(rn);
  if (extras == NULL) {
    return RAFT_ENOMEM;
  }
  void *array = extras->groups;
  size_t capacity = extras->group_capacity;
  if (!raft_grow(raft_memory(rn), &array, &capacity, extras->group_count + count,
                 sizeof *extras->groups)) {
    return RAFT_ENOMEM;
  }
  extras->groups = array;
  extras->group_capacity = (uint32_t)capacity;
  for (size_t i = 0; i < count; i++) {
    assign(extras, &groups[i]);
  }
  return count_again(rn);
}

int raft_rawnode_clear_commit_groups(raft_rawnode *rn) {
  if (rn->poisoned != RAFT_OK) {
    return rn->poisoned;
  }
  raft_extras *extras = rn->extras;
  if (extras != NULL) {
    raft_deallocate(raft_memory(rn), extras->groups);
    extras->groups = NULL;
    extras->group_count = extras->group_capacity = 0;
  }
  return count_again(rn);
}

int raft_rawnode_group_commit_consistent(raft_rawnode *rn, bool *consistent) {
  uint64_t term = 0;
  bool by_groups = false;
  if (rn->poisoned != RAFT_OK) {
    return rn->poisoned;
  }
  if (rn->role != RAFT_LEADER) {
    return RAFT_EUSAGE;
  }
  /* Before that, an earlier leader may have committed by other rules, or under another membership.
   */
  int rc = raft_log_term(&rn->log, rn->log.applied, &term);
  if (rc != RAFT_OK || term != rn->term) {
    return raft_finish(rn, rc == RAFT_ENOMEM ? rc : RAFT_EUSAGE);
  }
  *consistent = is_on(rn) && committed_by_groups(rn, &by_groups) == rn->log.committed && by_groups;
  return RAFT_OK;
}
