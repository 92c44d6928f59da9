/* scheduler_standing.c - may this store believe its scheduler, and is there one that answers?
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "raftstore/scheduler_standing.h"

#include <inttypes.h>

#include "raftstore/core.h"
#include "scheduler/message.h"

/* Some reports of the store, each of which is answered. */
enum { AWAY_TICKS = 50 };

static bool changes_to(kv_scheduler_standing *standing, kv_scheduler_verdict verdict,
                       uint64_t cluster_id) {
  const bool news = standing->verdict != verdict || standing->cluster_id != cluster_id;
  standing->verdict = verdict;
  standing->cluster_id = cluster_id;
  return news;
}

static void refuse_foreign(kv_store *store, const kv_scheduler_response *response) {
  if (changes_to(&store->scheduler.standing, KV_SCHEDULER_FOREIGN, response->cluster_id)) {
    kv_log(&store->devices.logger, KV_ERROR, "the scheduler is another cluster's, not listened to",
           "own_cluster=%" PRIu64 " its_cluster=%" PRIu64
           " effect=\"served on, but nothing is moved, split or made up for\" "
           "action=\"check --scheduler, and that the scheduler runs on its own data directory\"",
           store->config.cluster_id, response->cluster_id);
  }
}

bool kv_scheduler_is_ours(kv_store *store, const kv_scheduler_response *response) {
  kv_scheduler_standing *standing = &store->scheduler.standing;
  standing->heard = true;
  standing->heard_tick = store->ticks;
  if (response->cluster_id != store->config.cluster_id ||
      response->status == KV_SCHEDULER_WRONG_CLUSTER) {
    refuse_foreign(store, response);
    return false;
  }
  if (standing->verdict == KV_SCHEDULER_FOREIGN) {
    store->scheduler.registered = false; /* who knows what it missed */
    kv_log(&store->devices.logger, KV_INFO, "the scheduler is that of this cluster again", NULL);
  }
  if (standing->verdict != KV_SCHEDULER_REFUSES) {
    (void)changes_to(standing, KV_SCHEDULER_GOOD, response->cluster_id);
  }
  return true;
}

/* A store that must not go on: another one has its place. */
static bool is_final(const kv_store *store, const kv_scheduler_response *response) {
  return response->status == KV_SCHEDULER_TOMBSTONE ||
         (response->status == KV_SCHEDULER_INVALID && response->call == KV_CALL_PUT_STORE &&
          !store->scheduler.standing.accepted);
}

static void refused(kv_store *store, const kv_scheduler_response *response) {
  if (changes_to(&store->scheduler.standing, KV_SCHEDULER_REFUSES, response->cluster_id)) {
    kv_log(
        &store->devices.logger, KV_ERROR, "the scheduler refuses this store, which serves on",
        "reason=\"%s\" action=\"the scheduler accepted it before: check that it was not given an "
        "old copy of its data directory\"",
        response->text);
  }
}

static void accepted(kv_store *store, const kv_scheduler_response *response) {
  kv_scheduler_standing *standing = &store->scheduler.standing;
  standing->accepted = standing->accepted || response->call == KV_CALL_PUT_STORE;
  if (standing->verdict == KV_SCHEDULER_REFUSES) {
    kv_log(&store->devices.logger, KV_INFO, "the scheduler accepts this store again", NULL);
  }
  (void)changes_to(standing, KV_SCHEDULER_GOOD, response->cluster_id);
}

bool kv_scheduler_accepts_us(kv_store *store, const kv_scheduler_response *response) {
  if (is_final(store, response)) {
    kv_store_fail(store, KV_EFOREIGN, response->text);
    return false;
  }
  if (response->status == KV_SCHEDULER_INVALID) {
    refused(store, response);
  } else if (response->status == KV_SCHEDULER_OK) {
    accepted(store, response);
  }
  return response->status == KV_SCHEDULER_OK;
}

void kv_store_scheduler_view(const kv_store *store, kv_scheduler_view *view) {
  const kv_scheduler_standing *standing = &store->scheduler.standing;
  const bool away = !standing->heard || store->ticks - standing->heard_tick > AWAY_TICKS;
  *view = (kv_scheduler_view){.verdict = !kv_scheduler_exists(store) ? KV_SCHEDULER_NONE
                                         : away                      ? KV_SCHEDULER_AWAY
                                                                     : standing->verdict,
                              .cluster_id = standing->cluster_id};
}

const char *kv_scheduler_verdict_name(kv_scheduler_verdict verdict) {
  static const char *const names[] = {[KV_SCHEDULER_NONE] = "none",
                                      [KV_SCHEDULER_AWAY] = "away",
                                      [KV_SCHEDULER_GOOD] = "ok",
                                      [KV_SCHEDULER_FOREIGN] = "wrong-cluster",
                                      [KV_SCHEDULER_REFUSES] = "refused"};
  return names[verdict];
}
