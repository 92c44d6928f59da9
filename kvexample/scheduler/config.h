/* config.h - what the scheduler can be told: a table of named numbers with bounds.
 *
 * Every field is read and set by its name (KV_CALL_GET_CONFIG, KV_CALL_SET_CONFIG); the table in
 * config.c says the name, the default and the bounds. Times are milliseconds, sizes bytes.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_SCHEDULER_CONFIG_H
#define KV_SCHEDULER_CONFIG_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

typedef struct kv_scheduler_config {
  uint64_t max_replicas;
  /* stores: silent for so long is Disconnected, Down */
  uint64_t store_disconnect_ms;
  uint64_t store_down_ms;
  /* after its start: nothing is moved until so many of the regions reported, or so long */
  uint64_t start_wait_ms;
  uint64_t start_wait_percent;
  /* operators at a time: in all of their kind, and those that one store takes part in */
  uint64_t leader_limit;
  uint64_t balance_limit;
  uint64_t replica_limit;
  uint64_t store_limit;
  uint64_t leader_timeout_ms;
  uint64_t region_timeout_ms;
  /* regions: split when larger; for balance none counts as smaller than the minimum */
  uint64_t region_max_bytes;
  uint64_t region_min_bytes;
  /* balance: moved only if the difference is more than so many percent of what is moved */
  uint64_t balance_percent;
  uint64_t leader_difference; /* moved only if it is at least that many leaders */
  /* a store with more of them gets nothing new */
  uint64_t snapshot_limit;
  uint64_t pending_limit;
  uint64_t low_space_percent; /* used; 100: never */
} kv_scheduler_config;

void kv_scheduler_config_init(kv_scheduler_config *config);
/* KV_EINVAL: no such name, or out of bounds; the error says which there are. */
int kv_scheduler_config_set(kv_scheduler_config *config, const char *name, uint64_t value,
                            kv_error *error);
/* KV_EINVAL: a value out of bounds, or two that contradict each other. */
int kv_scheduler_config_check(const kv_scheduler_config *config, kv_error *error);
/* The i-th, in the table's order; *value may be NULL. NULL: there are no more. */
const char *kv_scheduler_config_item(const kv_scheduler_config *config, size_t i, uint64_t *value);

#endif
