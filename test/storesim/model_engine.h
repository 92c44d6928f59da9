/* model_engine.h - the key-value engine as a model: sorted arrays in memory that can be undone.
 *
 * What is committed is durable. It fails on demand: the map is full for some commits, or power is
 * lost with a certain commit, after which nothing is written any more until the model is powered
 * on again. Closing it as an engine does nothing; ss_model_free does.
 *
 * Records are shared by reference and carry a hash of their own, so that the hash of a range is a
 * sum. One write transaction at a time; read transactions see the state of the moment.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef STORESIM_MODEL_ENGINE_H
#define STORESIM_MODEL_ENGINE_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/engine.h"

typedef struct ss_record ss_record;

typedef struct ss_space {
  ss_record **records; /* ascending by key */
  size_t count;
  size_t room;
} ss_space;

typedef struct ss_undo ss_undo;

typedef struct ss_model {
  kv_engine base;
  ss_space spaces[2];
  ss_undo *undo; /* of the open write transaction, oldest first */
  size_t undo_count;
  size_t undo_room;
  bool writing;
  unsigned full_commits; /* so many of the next commits fail with KV_EFULL */
  bool fused;            /* power is lost after fuse more commits */
  unsigned fuse;
  bool off;
  uint64_t commits;
} ss_model;

void ss_model_init(ss_model *model);
void ss_model_free(ss_model *model);
/* After a loss of power: commits work again. */
void ss_model_power_on(ss_model *model);
/* Sum over the records of [start, end) of a space; empty end: no end. */
uint64_t ss_record_hash(raft_slice key, raft_slice value);
uint64_t ss_model_hash(const ss_model *model, kv_space space, raft_slice start, raft_slice end,
                       size_t *count);

#endif
