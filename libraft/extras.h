/* extras.h - state of options that few nodes use.
 *
 * Allocated with the first option that needs it, so that it costs the others one pointer.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RAFT_EXTRAS_H
#define RAFT_EXTRAS_H

#include <libraft/types.h>

typedef struct raft_extras {
  int64_t priority; /* of this node in elections */

  /* Group commit. By arrival, each id once; ids that are no members do no harm. */
  raft_commit_group *groups;
  uint32_t group_count;
  uint32_t group_capacity;
  bool group_commit;
} raft_extras;

#endif
