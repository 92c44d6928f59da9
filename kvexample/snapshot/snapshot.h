/* snapshot.h - a region's data as a file: made here, checked, and put in place of what was there.
 *
 * All functions run on a thread of the caller that may block; none touches Raft.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_SNAPSHOT_SNAPSHOT_H
#define KV_SNAPSHOT_SNAPSHOT_H

#include <libraft/bytes.h>
#include <stdint.h>

#include "base/error.h"
#include "engine/engine.h"
#include "raftstore/device.h"

/* Copies the region's range and state from one read transaction into a new file; the transaction
 * is over before the file is synced. *meta (one reference, the caller releases it) is what
 * raft_snapshot.data must hold.
 * KV_ENOTFOUND: this store has no data of that region now; KV_EFULL, KV_EIO, KV_ENOMEM: no file
 * is left. */
int kv_snapshot_make(kv_engine *engine, const char *directory, uint64_t region_id,
                     kv_snapshot_file *file, raft_buf **meta, kv_error *error);

/* Reads all of a file and compares it with what its meta says: KV_OK or KV_ECORRUPT, KV_ENOTFOUND,
 * KV_EIO, KV_ENOMEM. */
int kv_snapshot_verify(const char *directory, const char *name, raft_slice meta, kv_error *error);

/* Replaces data and states of a region by those of a verified file. In transactions of bounded
 * size, of which the first marks the region as Applying and the last as Normal: kv_snapshot_recover
 * takes up what a crash in between interrupted.
 * KV_ECORRUPT, KV_ENOTFOUND: the file is not usable, nothing has changed or recover clears the
 * region. KV_EINVAL: this store is no member of the region, or other regions stand in its range.
 * KV_EFULL, KV_EIO, KV_ENOMEM: try again, or recover. */
int kv_snapshot_install(kv_engine *engine, const char *directory, const kv_snapshot_file *file,
                        kv_error *error);

/* At start, before anything else uses the engine: finishes installations that were interrupted.
 * If the file is missing or damaged this store's replica is lost: it becomes a tombstone without
 * data, and a new one has to be added. *reset (may be NULL) counts those. */
int kv_snapshot_recover(kv_engine *engine, const char *directory, size_t *reset, kv_error *error);

#endif
