/* stalled.h - a copy of a command that must wait before it is executed.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_NET_STALLED_H
#define KV_NET_STALLED_H

#include "raftstore/command.h"

typedef struct kv_stalled {
  kv_command command; /* its arguments are in memory of this object */
  raft_slice args[];
} kv_stalled;

/* One allocation, for free(). NULL: out of memory. */
kv_stalled *kv_stalled_copy(const kv_command *command);

#endif
