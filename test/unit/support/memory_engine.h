/* memory_engine.h - the engine interface over sorted arrays in memory, for simulated stores.
 *
 * What is committed is durable: a crash of the store is closing it and opening it again over the
 * same engine. One transaction at a time.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TEST_MEMORY_ENGINE_H
#define TEST_MEMORY_ENGINE_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/engine.h"

typedef struct memory_item {
  raft_slice key; /* owned */
  raft_slice value;
} memory_item;

typedef struct memory_space {
  memory_item *items; /* ascending by key */
  size_t count;
} memory_space;

typedef struct memory_engine {
  kv_engine base;
  memory_space spaces[2];
  memory_space before[2]; /* what an abort brings back */
  bool in_transaction;
  int fail_commits; /* so many of the next ones fail with KV_EFULL */
} memory_engine;

void memory_engine_init(memory_engine *engine);
void memory_engine_free(memory_engine *engine);

#endif
