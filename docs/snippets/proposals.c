/* proposals.c - what becomes of a proposal, and payloads that are not copied.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "host.h"

static host group[GROUP];

/* snippet: outcome */
typedef enum outcome { WAIT_FOR_APPLY, RETRY_LATER, RETRY_ELSEWHERE, GIVE_UP } outcome;

static outcome after_propose(int rc) {
  switch (rc) {
  case RAFT_OK: return WAIT_FOR_APPLY; /* with a time-out: its fate may never be known */
  case RAFT_ENOMEM:
  case RAFT_EDROPPED_NO_LEADER:
  case RAFT_EDROPPED_TRANSFERRING:
  case RAFT_EDROPPED_UNCOMMITTED:
    return RETRY_LATER; /* certainly not in the log: it may be proposed again */
  case RAFT_EDROPPED_REMOVED:
  case RAFT_EDROPPED_FORWARDING_OFF: return RETRY_ELSEWHERE;
  default: return GIVE_UP;
  }
}
/* end */

/* snippet: batch */
/* Two commands in one piece of memory, which lives until the last of log, messages and appliers has
 * let go of it. */
static int propose_two(raft_rawnode *node, int64_t first, int64_t second) {
  void *data;
  raft_buf *buf = raft_buf_create(NULL, 2 * sizeof first, &data);
  if (buf == NULL) {
    return RAFT_ENOMEM;
  }
  int64_t *amounts = data;
  amounts[0] = first;
  amounts[1] = second;
  const raft_bytes payloads[] = {{&amounts[0], sizeof first, buf},
                                 {&amounts[1], sizeof first, buf}};
  int rc = raft_rawnode_propose_batch(node, payloads, 2); /* both or neither */
  raft_buf_release(buf);
  return rc;
}
/* end */

static void no_forwarding(raft_config *config) {
  config->disable_proposal_forwarding = true;
}

int main(void) {
  group_open(group, no_forwarding);
  EXPECT(after_propose(host_propose(&group[0], 1)) == RETRY_LATER);
  host *leader = group_leader(group);
  EXPECT(after_propose(host_propose(leader, 1)) == WAIT_FOR_APPLY);
  EXPECT(after_propose(host_propose(group_follower(group), 1)) == RETRY_ELSEWHERE);
  EXPECT(after_propose(raft_rawnode_propose_batch(leader->node, NULL, 0)) == GIVE_UP);
  EXPECT(propose_two(leader->node, 10, 20) == RAFT_OK);
  group_run(group, 2);
  EXPECT(group[0].total == 31 && group[1].total == 31 && group[2].total == 31);
  group_close(group);
  return 0;
}
