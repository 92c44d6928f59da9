/* membership.c - members replaced in one step, and a change that cannot be.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "host.h"

static host group[GROUP];

/* snippet: replace */
/* Two changes at once go through a joint configuration, which the leader leaves by itself. */
static int demote_and_remove(raft_rawnode *node, uint64_t to_learner, uint64_t to_remove) {
  const raft_conf_change_single changes[] = {{RAFT_CONF_ADD_LEARNER, to_learner},
                                             {RAFT_CONF_REMOVE_NODE, to_remove}};
  const raft_conf_change_v2 change = {.changes = changes, .change_count = 2};
  return raft_rawnode_propose_conf_change_v2(node, &change);
}
/* end */

/* snippet: promote */
/* A learner counts for nothing, so it may take its time. When it has nearly all, let it vote. */
static bool has_caught_up(const raft_rawnode *leader, uint64_t learner) {
  raft_status status;
  raft_rawnode_status(leader, &status);
  for (size_t i = 0; i < status.progress_count; i++) {
    raft_progress_status peer;
    if (raft_rawnode_progress(leader, i, &peer) == RAFT_OK && peer.id == learner) {
      return peer.state == RAFT_PROGRESS_REPLICATE && status.basic.last_index - peer.match < 1000;
    }
  }
  return false;
}

static int promote(raft_rawnode *leader, uint64_t learner) {
  const raft_conf_change change = {.type = RAFT_CONF_ADD_NODE, .node_id = learner};
  return raft_rawnode_propose_conf_change(leader, &change);
}
/* end */

static bool in_force(const host *h, size_t voters, size_t learners) {
  raft_status status;
  raft_rawnode_status(h->node, &status);
  return status.conf_state.voters.count == voters && status.conf_state.learners.count == learners &&
         status.conf_state.voters_outgoing.count == 0;
}

int main(void) {
  group_open(group, NULL);
  host *leader = group_leader(group);
  uint64_t learner = leader->id % GROUP + 1, removed = learner % GROUP + 1;
  group_run(group, 2);
  EXPECT(demote_and_remove(leader->node, learner, removed) == RAFT_OK);
  group_run(group, 3);
  EXPECT(in_force(leader, 1, 1) && in_force(&group[learner - 1], 1, 1));

  EXPECT(has_caught_up(leader->node, learner) && !has_caught_up(leader->node, removed));
  EXPECT(promote(leader->node, learner) == RAFT_OK);
  group_run(group, 3);
  EXPECT(in_force(leader, 2, 0));

  /* snippet: refused */
  const raft_conf_change_single nobody_left[] = {{RAFT_CONF_REMOVE_NODE, leader->id},
                                                 {RAFT_CONF_REMOVE_NODE, learner}};
  const raft_conf_change_v2 impossible = {.changes = nobody_left, .change_count = 2};
  EXPECT(raft_rawnode_apply_conf_change(leader->node, &impossible, NULL) == RAFT_ECONF_NO_VOTERS);
  /* end */
  EXPECT(in_force(leader, 2, 0));
  group_close(group);
  return 0;
}
