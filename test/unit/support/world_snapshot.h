/* world_snapshot.h - snapshot files of a simulated store, kept in memory.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TEST_WORLD_SNAPSHOT_H
#define TEST_WORLD_SNAPSHOT_H

#include "memory_engine.h"
#include "raftstore/device.h"
#include "raftstore/region_state.h"

/* A file: what it is called, and what is in it. */
typedef struct world_file {
  kv_snapshot_file file;
  raft_buf *meta;
  memory_space data;
} world_file;

/* Copies a region out of an engine. KV_ENOTFOUND: it is not there. */
int world_file_make(kv_engine *engine, uint64_t region_id, const char *name, world_file *file);
world_file world_file_copy(const world_file *from);
/* Replaces the region's data and records, in one transaction. */
int world_file_install(memory_engine *engine, uint64_t store_id, const world_file *file);
void world_file_free(world_file *file);

#endif
