/* lookup.c - requests that wait for a better time: for a next try, or until the scheduler has told
 * which region has their key.
 *
 * A question to the scheduler may be lost, and nobody keeps an eye on it: a request that is tried
 * again and finds no region asks again. The waits double, and no tick asks more than so much.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "raftstore/core.h"
#include "raftstore/scheduler_report.h"
#include "scheduler/message.h"

/* Ticks between two tries double up to the first; questions of one tick. */
enum { LONGEST_PARKING = 8, MOST_QUESTIONS = 64 };

void kv_park(kv_store *store, kv_request *request) {
  const uint32_t doubled = request->retries < 3 ? 1u << request->retries : LONGEST_PARKING;
  request->retries++;
  request->retry_tick = store->ticks + doubled;
  request->stage = KV_STAGE_WAITING;
  kv_list_append(&store->parked, &request->link);
}

void kv_look_up(kv_store *store, kv_request *request, raft_slice key) {
  if (!kv_scheduler_exists(store)) {
    kv_answer_error(store, request, "TRYAGAIN this store has no replica of the region");
    return;
  }
  request->looked_up = true;
  request->region_id = 0;
  if (store->lookup_tick != store->ticks) {
    store->lookup_tick = store->ticks;
    store->lookups = 0;
  }
  if (store->lookups < MOST_QUESTIONS) {
    store->lookups++;
    kv_scheduler_send_region_question(store, key);
  }
  kv_park(store, request);
}

/* In their order: those of whom `due` is true. */
static void wake(kv_store *store, bool (*due)(const kv_store *, const kv_request *)) {
  kv_link *link = kv_list_first(&store->parked);
  while (link != NULL) {
    kv_request *request = KV_OBJECT_OF(link, kv_request, link);
    link = kv_list_next(&store->parked, link);
    if (due(store, request)) {
      kv_list_remove(&request->link);
      request->stage = KV_STAGE_ARRIVED;
      kv_list_append(&store->arrived, &request->link);
    }
  }
}

static bool time_is_up(const kv_store *store, const kv_request *request) {
  return request->retry_tick <= store->ticks;
}

static bool is_looked_up(const kv_store *store, const kv_request *request) {
  (void)store;
  return request->looked_up;
}

void kv_park_tick(kv_store *store) {
  wake(store, time_is_up);
}

void kv_looked_up(kv_store *store, const kv_scheduler_response *response) {
  bool news = false;
  for (size_t i = 0; i < response->store_count; i++) {
    const kv_store_info *info = &response->stores[i];
    if (info->id != store->config.store_id && info->address[0] != '\0') {
      (void)kv_address_book_learn(&store->addresses, info->id, info->address);
    }
  }
  for (size_t i = 0; i < response->region_count; i++) {
    const kv_region_report *report = &response->regions[i];
    news =
        kv_region_cache_put(&store->cache, &report->region, report->leader_peer) == KV_OK || news;
  }
  if (news) {
    wake(store, is_looked_up);
  }
}
