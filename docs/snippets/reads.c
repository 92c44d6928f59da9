/* reads.c - linearizable reads: asked for, confirmed, answered, given up.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "host.h"

static host group[GROUP];

/* snippet: read_ask */
/* The context comes back with the answer: put a number of your own into it. */
static int ask_to_read(raft_rawnode *node, uint64_t number) {
  const raft_bytes context = {&number, sizeof number, NULL};
  return raft_rawnode_read_index(node, &context);
}
/* end */

/* snippet: read_answer */
/* Of each read_states[i] of a Ready, after its committed entries were applied; and again whenever
 * entries were applied, as long as it says false. */
static bool may_answer(const raft_read_state *read, uint64_t applied) {
  return read->status == RAFT_OK && applied >= read->index;
}
/* end */

int main(void) {
  group_open(group, NULL);
  EXPECT(ask_to_read(group[0].node, 6) == RAFT_EREAD_NO_LEADER);
  host *leader = group_leader(group), *follower = group_follower(group);
  EXPECT(host_propose(leader, 7) == RAFT_OK);
  group_run(group, 2);

  EXPECT(ask_to_read(follower->node, 7) == RAFT_OK); /* any member may be asked */
  group_run(group, 2);
  EXPECT(follower->read_count == 1 && follower->read_numbers[0] == 7);
  EXPECT(may_answer(&follower->reads[0], follower->applied) && follower->total == 7);

  leader->cut_off = true; /* it cannot know any more that it leads */
  EXPECT(ask_to_read(leader->node, 8) == RAFT_OK);
  group_run(group, 40);
  EXPECT(leader->read_count == 1 && leader->read_numbers[0] == 8);
  EXPECT(leader->reads[0].status == RAFT_EREAD_STEPPED_DOWN);
  EXPECT(!may_answer(&leader->reads[0], leader->applied));
  group_close(group);
  return 0;
}
