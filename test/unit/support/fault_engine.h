/* fault_engine.h - a key-value engine that passes everything on to another, and fails on demand.
 *
 * Two kinds of fault: the n-th operation returns an error, as a disk would; or power is lost with
 * the n-th commit: that commit and everything behind it has no effect and fails.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TEST_FAULT_ENGINE_H
#define TEST_FAULT_ENGINE_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/engine.h"

typedef struct fault_engine {
  kv_engine base;
  kv_engine *real;    /* not owned */
  size_t operations;  /* begin, commit, get, put, del, count, seek, next: calls so far */
  size_t fail_at;     /* the operation with this number fails, counted from 1; 0: none */
  int fail_code;      /* with this */
  size_t commits;     /* of write transactions that were made */
  size_t max_commits; /* power is lost when one more is tried; SIZE_MAX: never */
  size_t open;        /* transactions and cursors that are not closed */
} fault_engine;

/* Nothing fails until fail_at or max_commits is set. */
void fault_engine_init(fault_engine *engine, kv_engine *real);

#endif
