/* snapshot.c - a snapshot is made, the log is cut, and who was away gets the snapshot.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "host.h"

static host group[GROUP];

/* snippet: make_snapshot */
static int make_snapshot(host *h) {
  raft_status status;
  raft_rawnode_status(h->node, &status); /* the membership in force is that of the applied index */
  const raft_bytes data = {&h->total, sizeof h->total, NULL};
  int rc = raft_memory_storage_create_snapshot(h->storage, h->applied, &status.conf_state, data);
  if (rc == RAFT_OK) { /* first durable, then the entries may go */
    rc = raft_memory_storage_compact(h->storage, h->applied);
  }
  return rc;
}
/* end */

/* snippet: report */
/* To be called when the transport is done with a RAFT_MSG_SNAP, one way or the other. */
static int snapshot_was_sent(raft_rawnode *node, const raft_message *message, bool arrived) {
  return raft_rawnode_report_snapshot(node, message->to, arrived);
}
/* end */

int main(void) {
  group_open(group, NULL);
  host *leader = group_leader(group), *away = group_follower(group);
  away->cut_off = true;
  for (int i = 0; i < 100; i++) {
    EXPECT(host_propose(leader, 1) == RAFT_OK);
  }
  group_run(group, 2);
  EXPECT(make_snapshot(leader) == RAFT_OK);
  EXPECT(away->total == 0);
  away->cut_off = false;
  group_run(group, 40); /* it comes back, is told no, is sent the snapshot */
  EXPECT(away->total == 100);
  const raft_message sent = {.type = RAFT_MSG_SNAP, .to = away->id};
  EXPECT(snapshot_was_sent(group_leader(group)->node, &sent, true) == RAFT_OK);
  group_close(group);
  return 0;
}
