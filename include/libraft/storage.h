/* storage.h - what libraft asks of the embedder's log.
 *
 * Storage holds what was made durable: the entries from first_index to last_index, the hard
 * state and the last snapshot. libraft only reads it; the embedder writes to it what each
 * Ready says. Calls come from within calls on the node, on the same thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIBRAFT_STORAGE_H
#define LIBRAFT_STORAGE_H

#include <libraft/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Every function returns 0 or an error code. Codes other than the ones named are treated as
 * RAFT_ESTORAGE: the node is poisoned. RAFT_ENOMEM is passed on and nothing is lost. The struct is
 * referred to, not copied: it must outlive the node. The functions must not call the node. They may
 * block, and then the node waits. Compaction may happen between any two of these calls, up to what
 * the node knows to be applied (raft_basic_status.applied: what raft_rawnode_advance or the
 * answers of the apply thread have said, not what was applied since). (etcd-io/raft's Storage.) */
typedef struct raft_storage {
  size_t size; /* sizeof(raft_storage) */
  void *ctx;

  /* Hard state and membership at start; asked for once, by raft_rawnode_open. The membership is
   * that of raft_config.applied, since later changes are handed out again; the commit index is not
   * below it. The id lists need to stay valid until the next call on this storage. Empty storage:
   * all zero. */
  int (*initial_state)(void *ctx, raft_hard_state *hard_state, raft_conf_state *conf_state);

  /* Entries of [lo, hi), consecutive from lo, lo < hi. *count comes in as the room in `out` and
   * goes out as what was filled. Stop early when the sum of raft_entry_size would exceed max_bytes,
   * but give at least one. Each entry with data must have an owner, and one reference of it
   * becomes the library's. RAFT_ECOMPACTED: lo is below first_index. RAFT_EUNAVAILABLE: hi is
   * above last_index + 1. On error nothing is handed over. */
  int (*entries)(void *ctx, uint64_t lo, uint64_t hi, uint64_t max_bytes, raft_entry *out,
                 size_t *count);

  /* Term of an entry. Known for first_index - 1 too, the place where the log was cut.
   * RAFT_ECOMPACTED below, RAFT_EUNAVAILABLE above. */
  int (*term)(void *ctx, uint64_t index, uint64_t *term);

  /* First entry that entries() can give (1 for a new log); compaction moves it. */
  int (*first_index)(void *ctx, uint64_t *index);

  /* Last entry; first_index - 1 when there is none. */
  int (*last_index)(void *ctx, uint64_t *index);

  /* The most recent snapshot, to be sent to a follower: not older than first_index - 1, and with a
   * membership that knows the follower, or it will be ignored there. What it points to must stay
   * valid until the next call on this storage, the library takes references or copies.
   * RAFT_ESNAPSHOT_UNAVAILABLE: not now, the library asks again when the follower is next heard of.
   */
  int (*snapshot)(void *ctx, raft_snapshot *snapshot);
} raft_storage;

#ifdef __cplusplus
}
#endif
#endif
