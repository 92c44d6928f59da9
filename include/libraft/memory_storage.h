/* memory_storage.h - a Storage in memory, for tests and for groups that need not survive.
 *
 * Single-threaded, like the node that reads it. Payloads with an owner are retained, others
 * copied.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIBRAFT_MEMORY_STORAGE_H
#define LIBRAFT_MEMORY_STORAGE_H

#include <libraft/error.h>
#include <libraft/storage.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct raft_memory_storage raft_memory_storage;

/* Empty storage: first index 1, last index 0. allocator NULL: the default. RAFT_ENOMEM. */
int raft_memory_storage_open(const raft_allocator *allocator, raft_memory_storage **storage);
void raft_memory_storage_close(raft_memory_storage *storage);

/* The interface to put into raft_config; valid as long as the storage. */
const raft_storage *raft_memory_storage_interface(raft_memory_storage *storage);

/* Each returns RAFT_OK or an error that leaves the storage as it was (RAFT_ENOMEM among them). */
int raft_memory_storage_set_hard_state(raft_memory_storage *storage, const raft_hard_state *state);
/* Membership alone, for starting a group without bootstrap entries. */
int raft_memory_storage_set_conf_state(raft_memory_storage *storage, const raft_conf_state *state);
/* Replaces what stands at the entries' indexes and behind. Entries at or below the snapshot are
 * skipped. RAFT_EUNAVAILABLE: they would leave a gap. */
int raft_memory_storage_append(raft_memory_storage *storage, const raft_entry *entries,
                               size_t count);
/* Puts a snapshot in place of the whole log. RAFT_ESNAPSHOT_OUT_OF_DATE: not newer than the one
 * that is there, or as new while there are entries behind (see raft_rawnode_request_snapshot). */
int raft_memory_storage_apply_snapshot(raft_memory_storage *storage, const raft_snapshot *snapshot);
/* Makes a snapshot at `index` without touching the log. conf_state NULL: the last one. */
int raft_memory_storage_create_snapshot(raft_memory_storage *storage, uint64_t index,
                                        const raft_conf_state *conf_state, raft_bytes data);
/* Drops entries up to and including `index`. RAFT_ECOMPACTED: already; RAFT_EUNAVAILABLE: beyond
 * the last one. */
int raft_memory_storage_compact(raft_memory_storage *storage, uint64_t index);

#ifdef __cplusplus
}
#endif
#endif
