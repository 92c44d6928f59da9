/* config.c - what the scheduler can be told: names, defaults and bounds.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "scheduler/config.h"

#include <inttypes.h>
#include <string.h>

#define MINUTE 60000u
#define MIB    (1u << 20)

typedef struct setting {
  const char *name;
  size_t offset;
  uint64_t usual;
  uint64_t least;
  uint64_t most;
} setting;

#define FIELD(name) offsetof(kv_scheduler_config, name)

static const setting settings[] = {
    {"max-replicas", FIELD(max_replicas), 3, 1, 15},
    {"store-disconnect-ms", FIELD(store_disconnect_ms), 20000, 100, INT64_MAX},
    {"store-down-ms", FIELD(store_down_ms), 30 * MINUTE, 200, INT64_MAX},
    {"start-wait-ms", FIELD(start_wait_ms), 5 * MINUTE, 0, INT64_MAX},
    {"start-wait-percent", FIELD(start_wait_percent), 80, 0, 100},
    {"leader-limit", FIELD(leader_limit), 4, 0, 4096},
    {"balance-limit", FIELD(balance_limit), 16, 0, 4096},
    {"replica-limit", FIELD(replica_limit), 64, 0, 4096},
    {"store-limit", FIELD(store_limit), 8, 1, 4096},
    {"leader-timeout-ms", FIELD(leader_timeout_ms), 10000, 100, INT64_MAX},
    {"region-timeout-ms", FIELD(region_timeout_ms), 10 * MINUTE, 100, INT64_MAX},
    {"region-max-bytes", FIELD(region_max_bytes), 144 * MIB, 1024, INT64_MAX},
    {"region-min-bytes", FIELD(region_min_bytes), MIB, 1, (uint64_t)1 << 40},
    {"balance-percent", FIELD(balance_percent), 200, 100, 10000},
    {"leader-difference", FIELD(leader_difference), 2, 2, 1 << 20},
    {"snapshot-limit", FIELD(snapshot_limit), 8, 0, 4096},
    {"pending-limit", FIELD(pending_limit), 64, 0, 1 << 20},
    {"low-space-percent", FIELD(low_space_percent), 95, 1, 100}};

enum { SETTINGS = sizeof settings / sizeof *settings };

static uint64_t read_field(const kv_scheduler_config *config, const setting *at) {
  uint64_t value;
  memcpy(&value, (const char *)config + at->offset, sizeof value);
  return value;
}

static void write_field(kv_scheduler_config *config, const setting *at, uint64_t value) {
  memcpy((char *)config + at->offset, &value, sizeof value);
}

void kv_scheduler_config_init(kv_scheduler_config *config) {
  for (size_t i = 0; i < SETTINGS; i++) {
    write_field(config, &settings[i], settings[i].usual);
  }
}

static int check_value(const setting *at, uint64_t value, kv_error *error) {
  return value >= at->least && value <= at->most
             ? KV_OK
             : kv_fail(error, KV_EINVAL, "%s must be between %" PRIu64 " and %" PRIu64, at->name,
                       at->least, at->most);
}

int kv_scheduler_config_check(const kv_scheduler_config *config, kv_error *error) {
  for (size_t i = 0; i < SETTINGS; i++) {
    if (check_value(&settings[i], read_field(config, &settings[i]), error) != KV_OK) {
      return KV_EINVAL;
    }
  }
  if (config->store_down_ms <= config->store_disconnect_ms) {
    return kv_fail(error, KV_EINVAL, "store-down-ms must be more than store-disconnect-ms");
  }
  return KV_OK;
}

int kv_scheduler_config_set(kv_scheduler_config *config, const char *name, uint64_t value,
                            kv_error *error) {
  for (size_t i = 0; i < SETTINGS; i++) {
    if (strcmp(settings[i].name, name) == 0) {
      kv_scheduler_config changed = *config;
      write_field(&changed, &settings[i], value);
      const int rc = kv_scheduler_config_check(&changed, error);
      if (rc == KV_OK) {
        *config = changed;
      }
      return rc;
    }
  }
  return kv_fail(error, KV_EINVAL,
                 "there is no setting of that name; kvctl scheduler config lists all");
}

const char *kv_scheduler_config_item(const kv_scheduler_config *config, size_t i, uint64_t *value) {
  if (i >= SETTINGS) {
    return NULL;
  }
  if (value != NULL) {
    *value = read_field(config, &settings[i]);
  }
  return settings[i].name;
}
