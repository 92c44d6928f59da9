/* store_set.c - the stores of the cluster, their states, and which of them may get more.
 *
 * Up, Disconnected and Down follow from the time since the last heartbeat (of the scheduler's
 * start, if there was none since); Offline and Tombstone are decisions, and kept.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "scheduler/store_set.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "scheduler/persist.h"
#include "scheduler/region_set.h"

/* ---- the set ---- */

static size_t position(const kv_store_set *set, uint64_t id) {
  size_t low = 0, high = set->count;
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (set->stores[middle]->id < id) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

kv_sched_store *kv_store_set_find(const kv_store_set *set, uint64_t id) {
  const size_t at = position(set, id);
  return at < set->count && set->stores[at]->id == id ? set->stores[at] : NULL;
}

kv_sched_store *kv_store_set_by_address(const kv_store_set *set, const char *address) {
  for (size_t i = 0; i < set->count; i++) {
    kv_sched_store *store = set->stores[i];
    if (store->kept != KV_STORE_TOMBSTONE && strcmp(store->address, address) == 0) {
      return store;
    }
  }
  return NULL;
}

kv_sched_store *kv_store_set_add(kv_store_set *set, uint64_t id) {
  kv_sched_store *store = kv_store_set_find(set, id);
  if (store != NULL) {
    return store;
  }
  kv_sched_store **stores = realloc(set->stores, (set->count + 1) * sizeof *stores);
  if (stores == NULL) {
    return NULL;
  }
  set->stores = stores;
  store = calloc(1, sizeof *store);
  if (store == NULL) {
    return NULL;
  }
  const size_t at = position(set, id);
  memmove(stores + at + 1, stores + at, (set->count - at) * sizeof *stores);
  stores[at] = store;
  set->count++;
  store->id = id;
  kv_list_init(&store->leaders);
  kv_list_init(&store->followers);
  return store;
}

void kv_store_set_remove(kv_store_set *set, uint64_t id) {
  const size_t at = position(set, id);
  free(set->stores[at]);
  memmove(set->stores + at, set->stores + at + 1, (set->count - at - 1) * sizeof *set->stores);
  set->count--;
}

void kv_store_set_clear(kv_store_set *set) {
  for (size_t i = 0; i < set->count; i++) {
    free(set->stores[i]);
  }
  free(set->stores);
  *set = (kv_store_set){0};
}

/* ---- states ---- */

kv_scheduler_store_state kv_sched_store_state(const kv_scheduler *s, const kv_sched_store *store) {
  const uint64_t silent = s->now - store->heard_ms;
  if (store->kept != KV_STORE_UP) {
    return store->kept;
  }
  return silent >= s->config.store_down_ms         ? KV_STORE_DOWN
         : silent >= s->config.store_disconnect_ms ? KV_STORE_DISCONNECTED
                                                   : KV_STORE_UP;
}

int64_t kv_sched_store_score(const kv_sched_store *store) {
  return (int64_t)store->region_bytes + store->coming_bytes;
}

int64_t kv_sched_store_leaders(const kv_sched_store *store) {
  return (int64_t)store->leader_count + store->coming_leaders;
}

size_t kv_store_set_serving(const kv_scheduler *s, const kv_sched_store *except) {
  size_t count = 0;
  for (size_t i = 0; i < s->stores.count; i++) {
    const kv_sched_store *store = s->stores.stores[i];
    count += store != except && kv_sched_store_state(s, store) <= KV_STORE_DISCONNECTED;
  }
  return count;
}

/* ---- what is against giving it more ---- */

static bool is_low_on_space(const kv_scheduler *s, const kv_store_stats *stats) {
  return stats->capacity > 0 && s->config.low_space_percent < 100 &&
         stats->available < stats->capacity / 100 * (100 - s->config.low_space_percent);
}

bool kv_store_takes_leader(const kv_scheduler *s, const kv_sched_store *store, char *why,
                           size_t size) {
  const kv_scheduler_store_state state = kv_sched_store_state(s, store);
  if (state != KV_STORE_UP || !store->heard) {
    kv_message_text(why, size, "store %" PRIu64 " is %s", store->id,
                    state == KV_STORE_UP ? "not heard of yet"
                                         : kv_scheduler_store_state_name(state));
    return false;
  }
  if (store->stats.busy) {
    kv_message_text(why, size, "store %" PRIu64 " is busy", store->id);
    return false;
  }
  return true;
}

bool kv_store_takes_peer(const kv_scheduler *s, const kv_sched_store *store, char *why,
                         size_t size) {
  const kv_store_stats *stats = &store->stats;
  const uint64_t snapshots = stats->receiving_snapshots + stats->applying_snapshots;
  if (!kv_store_takes_leader(s, store, why, size)) {
    return false;
  }
  if (snapshots > s->config.snapshot_limit || stats->sending_snapshots > s->config.snapshot_limit) {
    kv_message_text(why, size, "store %" PRIu64 " has more than %" PRIu64 " snapshots in work",
                    store->id, s->config.snapshot_limit);
    return false;
  }
  if (store->pending_count > s->config.pending_limit) {
    kv_message_text(why, size, "store %" PRIu64 " has %zu peers that lag", store->id,
                    store->pending_count);
    return false;
  }
  if (is_low_on_space(s, stats)) {
    kv_message_text(why, size, "store %" PRIu64 " has %" PRIu64 " of %" PRIu64 " MiB of disk left",
                    store->id, stats->available >> 20, stats->capacity >> 20);
    return false;
  }
  if (store->adding >= s->config.store_limit) {
    kv_message_text(why, size, "store %" PRIu64 " gets %zu peers already, its limit", store->id,
                    store->adding);
    return false;
  }
  return true;
}

kv_sched_store *kv_store_set_target(const kv_scheduler *s, const kv_sched_region *region, char *why,
                                    size_t size) {
  kv_sched_store *best = NULL;
  kv_message_text(why, size, "every store has a peer of it");
  for (size_t i = 0; i < s->stores.count; i++) {
    kv_sched_store *store = s->stores.stores[i];
    if (store->kept == KV_STORE_TOMBSTONE ||
        kv_region_find_store(&region->report.region, store->id) != NULL ||
        !kv_store_takes_peer(s, store, why, size)) {
      continue;
    }
    if (best == NULL || kv_sched_store_score(store) < kv_sched_store_score(best)) {
      best = store;
    }
  }
  return best;
}

/* ---- showing ---- */

static void note_of(const kv_scheduler *s, const kv_sched_store *store, kv_store_info *info) {
  const size_t others = kv_store_set_serving(s, store);
  if (store->kept != KV_STORE_OFFLINE) {
    return;
  }
  if (store->region_count > 0 && others < s->config.max_replicas) {
    kv_message_text(info->note, sizeof info->note,
                    "%zu regions left; cannot end: %zu other stores serve, %" PRIu64
                    " replicas need as many",
                    store->region_count, others, s->config.max_replicas);
  } else {
    kv_message_text(info->note, sizeof info->note, "%zu regions left", store->region_count);
  }
}

void kv_sched_store_describe(const kv_scheduler *s, const kv_sched_store *store,
                             kv_store_info *info) {
  *info = (kv_store_info){.id = store->id,
                          .state = (uint32_t)kv_sched_store_state(s, store),
                          .incarnation = store->incarnation,
                          .heartbeat_age = store->heard ? s->now - store->heard_ms : UINT64_MAX,
                          .region_count = store->region_count,
                          .leader_count = store->leader_count,
                          .region_bytes = store->region_bytes,
                          .leader_bytes = store->leader_bytes,
                          .pending_count = store->pending_count,
                          .has_stats = true,
                          .stats = store->stats};
  memcpy(info->address, store->address, sizeof info->address);
  note_of(s, store, info);
}

/* ---- time ---- */

/* Nobody could still have a peer there: all is known of every key. */
static bool is_empty(kv_scheduler *s, const kv_sched_store *store) {
  return s->ready && store->region_count == 0 && store->adding == 0 &&
         s->regions.reported == s->regions.by_key.count && kv_region_set_holes(s) == 0;
}

static void bury(kv_scheduler *s, kv_sched_store *store) {
  store->kept = KV_STORE_TOMBSTONE;
  const int rc = kv_persist_store(s, store);
  if (rc != KV_OK) {
    store->kept = KV_STORE_OFFLINE; /* the next tick tries again */
    kv_log(&s->logger, KV_WARN, "a store's state cannot be written", "store=%" PRIu64 " code=%d",
           store->id, rc);
    return;
  }
  s->stores.version++;
}

void kv_store_set_tick(kv_scheduler *s) {
  for (size_t i = 0; i < s->stores.count; i++) {
    kv_sched_store *store = s->stores.stores[i];
    if (store->kept == KV_STORE_OFFLINE && is_empty(s, store)) {
      bury(s, store);
    }
    const kv_scheduler_store_state state = kv_sched_store_state(s, store);
    if (state != store->seen) {
      kv_log(&s->logger, KV_INFO, "a store has another state",
             "store=%" PRIu64 " state=%s before=%s", store->id,
             kv_scheduler_store_state_name(state), kv_scheduler_store_state_name(store->seen));
      store->seen = state;
    }
  }
}
