/* transfer.c - a leader hands over before it is stopped.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "host.h"

static host group[GROUP];

/* snippet: best_successor */
/* The voter that has most of the log and was heard of lately; 0 if there is none. */
static uint64_t best_successor(const raft_rawnode *node) {
  raft_status status;
  uint64_t best = 0, best_match = 0;
  raft_rawnode_status(node, &status);
  for (size_t i = 0; i < status.progress_count; i++) {
    raft_progress_status peer;
    if (raft_rawnode_progress(node, i, &peer) == RAFT_OK && peer.id != status.basic.id &&
        !peer.is_learner && peer.recent_active && peer.match >= best_match) {
      best = peer.id;
      best_match = peer.match;
    }
  }
  return best;
}
/* end */

int main(void) {
  group_open(group, NULL);
  host *leader = group_leader(group);
  group_run(group, 2);
  uint64_t successor = best_successor(leader->node);
  EXPECT(successor != 0 && successor != leader->id);
  EXPECT(best_successor(group_follower(group)->node) == 0); /* followers know of nobody */
  EXPECT(raft_rawnode_transfer_leader(leader->node, successor) == RAFT_OK);
  group_run(group, 2);
  EXPECT(group_leader(group)->id == successor);
  group_close(group);
  return 0;
}
