/* config.c - the options' defaults and what each of them must be.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <libraft/config.h>
#include <libraft/error.h>

#include <string.h>

#include "allocate.h"

/* The struct's size in the first release; fields added later lie behind. */
#define OLDEST_CONFIG_SIZE (offsetof(raft_config, silent_read_drops) + sizeof(bool))
#define OLDEST_STORAGE_SIZE \
  (offsetof(raft_storage, snapshot) + sizeof(((const raft_storage *)NULL)->snapshot))

void raft_config_init(raft_config *config) {
  memset(config, 0, sizeof(*config));
  config->size = sizeof(*config);
  config->election_ticks = 10;
  config->heartbeat_ticks = 1;
  config->snapshot_timeout_ticks = 600;
  config->max_size_per_message = UINT64_C(1) << 20;
  config->max_inflight_messages = 256;
  config->max_pending_reads = 4096;
  config->check_quorum = true;
  config->pre_vote = true;
  config->read_only = RAFT_READ_ONLY_SAFE;
}

static bool is_complete(const raft_storage *storage) {
  return storage->initial_state != NULL && storage->entries != NULL && storage->term != NULL &&
         storage->first_index != NULL && storage->last_index != NULL && storage->snapshot != NULL;
}

/* Each of the following gives the first thing that is wrong with a group of fields, or NULL. */

static const char *why_not_identity(const raft_config *config) {
  if (config->size < OLDEST_CONFIG_SIZE || config->size > sizeof(*config)) {
    return "size must be set by raft_config_init of this library's headers";
  }
  if (config->id == RAFT_NO_ID) {
    return "id must not be 0";
  }
  if (config->id == RAFT_APPEND_THREAD || config->id == RAFT_APPLY_THREAD) {
    return "id must not be one of the two largest numbers, they stand for the storage threads";
  }
  return NULL;
}

static const char *why_not_resources(const raft_config *config) {
  const raft_storage *storage = config->storage;
  if (storage == NULL) {
    return "storage must be given";
  }
  if (storage->size < OLDEST_STORAGE_SIZE || storage->size > sizeof(*storage)) {
    return "storage->size must be sizeof(raft_storage)";
  }
  if (!is_complete(storage)) {
    return "storage must have all of its functions";
  }
  const raft_allocator *allocator = raft_allocator_or_default(config->allocator);
  if (allocator == NULL) {
    return "allocator must be given, this build has no default one";
  }
  if (allocator->malloc == NULL || allocator->realloc == NULL || allocator->free == NULL) {
    return "allocator must have all of its functions";
  }
  return NULL;
}

static const char *why_not_time(const raft_config *config) {
  if (config->heartbeat_ticks == 0) {
    return "heartbeat_ticks must be greater than 0";
  }
  if (config->election_ticks <= config->heartbeat_ticks) {
    return "election_ticks must be greater than heartbeat_ticks";
  }
  if (config->election_ticks > UINT32_MAX / 2) {
    return "election_ticks must be less than 2147483648";
  }
  return NULL;
}

static const char *why_not_limits(const raft_config *config) {
  if (config->max_inflight_messages == 0) {
    return "max_inflight_messages must be greater than 0";
  }
  if (config->max_inflight_bytes != 0 &&
      config->max_inflight_bytes < config->max_size_per_message) {
    return "max_inflight_bytes must be 0 or at least max_size_per_message";
  }
  return NULL;
}

static const char *why_not_behaviour(const raft_config *config) {
  if (config->max_unpersisted_apply > 0 && !config->async_storage_writes) {
    return "max_unpersisted_apply needs async_storage_writes";
  }
  switch (config->read_only) {
  case RAFT_READ_ONLY_SAFE: return NULL;
  case RAFT_READ_ONLY_LEASE_BASED:
    return config->check_quorum ? NULL : "read_only by lease needs check_quorum";
  default: return "read_only must be one of RAFT_READ_ONLY_...";
  }
}

int raft_config_check(const raft_config *config, const char **why) {
  static const char *(*const checks[])(const raft_config *) = {
      why_not_identity, why_not_resources, why_not_time, why_not_limits, why_not_behaviour,
  };
  const char *reason = NULL;
  for (size_t i = 0; reason == NULL && i < sizeof(checks) / sizeof(checks[0]); i++) {
    reason = checks[i](config);
  }
  if (reason != NULL && why != NULL) {
    *why = reason;
  }
  return reason == NULL ? RAFT_OK : RAFT_ECONFIG;
}
