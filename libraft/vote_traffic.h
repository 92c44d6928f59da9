/* vote_traffic.h - which messages belong to elections.
 *
 * Only these have a commit_term; the others have `vote` in its place.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RAFT_VOTE_TRAFFIC_H
#define RAFT_VOTE_TRAFFIC_H

#include <libraft/types.h>

static inline bool raft_is_vote_traffic(raft_message_type type) {
  return type == RAFT_MSG_VOTE || type == RAFT_MSG_VOTE_RESP || type == RAFT_MSG_PRE_VOTE ||
         type == RAFT_MSG_PRE_VOTE_RESP;
}

#endif
