/* install_record.h - what a store must remember of a snapshot that it is installing.
 *
 * Kept in KV_SPACE_META under "I" region id, from the transaction that marks the region as
 * Applying to the one that marks it as Normal again: the file, and the range that the region had
 * before, whose data has to go as well.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_SNAPSHOT_INSTALL_RECORD_H
#define KV_SNAPSHOT_INSTALL_RECORD_H

#include <stdbool.h>

#include "engine/engine.h"
#include "raftstore/device.h"

typedef struct kv_install_record {
  char name[sizeof(((kv_snapshot_file *)0)->name)];
  bool had_range;
  unsigned char start[KV_MAX_KEY], end[KV_MAX_KEY];
  size_t start_len, end_len;
} kv_install_record;

/* False: a key is too long. */
bool kv_install_record_set(kv_install_record *record, const char *name, bool had_range,
                           raft_slice start, raft_slice end);

int kv_install_record_save(kv_txn *txn, uint64_t region_id, const kv_install_record *record);
/* KV_ENOTFOUND, KV_ECORRUPT, or an engine's error. */
int kv_install_record_load(kv_txn *txn, uint64_t region_id, kv_install_record *record);
/* That there is none is no error. */
int kv_install_record_delete(kv_txn *txn, uint64_t region_id);

#endif
