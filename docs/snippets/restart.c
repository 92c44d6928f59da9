/* restart.c - a member that is started again goes on where its storage ends.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "host.h"

static host group[GROUP];

/* snippet: restart */
/* The state machine was lost with the process: begin with the snapshot, and have all that was
 * committed behind it handed out again. */
static int restart(host *h) {
  const raft_storage *storage = raft_memory_storage_interface(h->storage);
  raft_snapshot snapshot;
  int rc = storage->snapshot(storage->ctx, &snapshot);
  h->total = 0;
  h->applied = snapshot.index;
  if (rc == RAFT_OK && snapshot.index > 0) {
    memcpy(&h->total, snapshot.data.data, sizeof h->total);
  }
  return rc == RAFT_OK ? host_open(h, NULL, 0, NULL)
                       : rc; /* no bootstrap: that was the first time */
}
/* end */

int main(void) {
  group_open(group, NULL);
  host *leader = group_leader(group), *victim = group_follower(group);
  EXPECT(host_propose(leader, 5) == RAFT_OK);
  group_run(group, 2);
  raft_rawnode_close(victim->node);
  EXPECT(restart(victim) == RAFT_OK);
  group_run(group, 30);
  EXPECT(victim->total == 5);
  group_close(group);
  return 0;
}
