/* world_log.h - the log device of a simulated store: what was written, and what of it is durable.
 *
 * A write is seen by the reading functions at once. It becomes durable when world_log_sync is
 * called for it; a crash brings back the durable state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TEST_WORLD_LOG_H
#define TEST_WORLD_LOG_H

#include <stdbool.h>
#include <stddef.h>

#include "raftstore/device.h"

typedef struct world_region_log {
  uint64_t region_id;
  uint64_t first_index;
  uint64_t truncated_term;
  raft_hard_state hard_state;
  raft_entry *entries; /* from first_index on; payloads are referenced */
  size_t entry_count, entry_room;
  uint64_t bytes; /* of the entries */
} world_region_log;

typedef struct world_log_state {
  world_region_log *regions; /* ascending */
  size_t count;
} world_log_state;

typedef struct world_write {
  uint64_t token;
  kv_log_change *changes;
  size_t count;
} world_write;

typedef struct world_log {
  world_log_state seen;
  world_log_state durable;
  world_write *writes; /* not durable, in order */
  size_t write_count;
  size_t limit;  /* of write_count; more is KV_EBUSY. 0: none */
  bool no_space; /* writes are refused as by a full disk */
} world_log;

/* The device that is this log. */
kv_log_device world_log_device(world_log *log);
/* Makes the oldest write durable; false: there is none. *token is to be completed. */
bool world_log_sync(world_log *log, uint64_t *token);
void world_log_crash(world_log *log);
void world_log_free(world_log *log);

#endif
