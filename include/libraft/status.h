/* status.h - looking inside a node without allocating.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIBRAFT_STATUS_H
#define LIBRAFT_STATUS_H

#include <libraft/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum raft_progress_state {
  RAFT_PROGRESS_PROBE = 0,
  RAFT_PROGRESS_REPLICATE = 1,
  RAFT_PROGRESS_SNAPSHOT = 2
} raft_progress_state;

/* What the leader knows of one peer. Invariant: match < next. */
typedef struct raft_progress_status {
  uint64_t id;
  uint64_t match;            /* last index that it is known to have */
  uint64_t next;             /* first index of the next append */
  uint64_t pending_snapshot; /* index of the one that is under way; 0: none */
  raft_progress_state state;
  uint32_t inflight;  /* appends sent and not acknowledged */
  bool inflight_full; /* as many as raft_config.max_inflight_... allow */
  bool paused;        /* nothing more is sent before it is heard of */
  bool recent_active; /* heard of since the last check of the quorum */
  bool is_learner;
} raft_progress_status;

/* What any node knows of itself. */
typedef struct raft_basic_status {
  uint64_t id;
  raft_hard_state hard_state;
  raft_soft_state soft_state;
  uint64_t applied;
  uint64_t first_index;
  uint64_t last_index;
  uint64_t last_term;
  uint64_t lead_transferee;  /* 0: none */
  uint64_t uncommitted_size; /* payload bytes of proposals not yet applied; leader only */
  uint32_t pending_reads;
} raft_basic_status;

/* basic, plus the configuration in force. The lists belong to the node and are valid until
 * the next call on it that is not a status call. */
typedef struct raft_status {
  raft_basic_status basic;
  raft_conf_state conf_state;
  size_t progress_count; /* known peers, itself included; 0 unless leader */
} raft_status;

#ifdef __cplusplus
}
#endif
#endif
