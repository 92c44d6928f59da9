/* pump.c - the synchronous pump: three members agree on a total.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "host.h"

static host group[GROUP];

int main(void) {
  group_open(group, NULL);
  host *leader = group_leader(group);
  EXPECT(host_propose(leader, 30) == RAFT_OK);
  EXPECT(host_propose(group_follower(group), 12) == RAFT_OK); /* which forwards it */
  group_run(group, 2);
  for (size_t i = 0; i < GROUP; i++) {
    EXPECT(group[i].total == 42);
  }
  group_close(group);
  return 0;
}
