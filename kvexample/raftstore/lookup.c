/* lookup.c - requests that wait for a better time: for a next try, or until somebody has told which
 * region has their key.
 *
 * A question may be lost, and nobody keeps an eye on it: a request that is tried again and finds no
 * region asks again. The waits double, and no tick asks more than so much. The scheduler is asked
 * first; while it does not answer, or does not know, the other stores are, some at a time by turns.
 * Each knows its own regions and those that it had to do with; one that does not know passes the
 * question on, but never one that was passed on, and may know when it is asked again.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "raftstore/address_book.h"
#include "raftstore/core.h"
#include "raftstore/opened_command.h"
#include "raftstore/scheduler_report.h"
#include "scheduler/message.h"

/* Ticks between two tries double up to the first; keys that are asked for in one tick. */
enum { LONGEST_PARKING = 8, MOST_QUESTIONS = 64 };
/* Stores that are asked together. */
enum { STORES_AT_ONCE = 3 };

void kv_park(kv_store *store, kv_request *request) {
  const uint32_t doubled = request->retries < 3 ? 1u << request->retries : LONGEST_PARKING;
  request->retries++;
  request->retry_tick = store->ticks + doubled;
  request->stage = KV_STAGE_WAITING;
  kv_list_append(&store->parked, &request->link);
}

/* ---- asking ---- */

static bool may_ask(kv_store *store) {
  if (store->lookup_tick != store->ticks) {
    store->lookup_tick = store->ticks;
    store->lookups = 0;
  }
  return store->lookups++ < MOST_QUESTIONS;
}

/* The next one in turn that can be asked, but for `except`. 0: none. */
static uint64_t next_store(kv_store *store, uint64_t except) {
  const kv_address_book *book = &store->addresses;
  size_t at = 0;
  while (at < book->count && book->items[at].store_id <= store->asked_store) {
    at++;
  }
  for (size_t i = 0; i < book->count; i++) {
    const uint64_t id = book->items[(at + i) % book->count].store_id;
    if (id != store->config.store_id && id != except && !kv_route_is_lost(store, id)) {
      store->asked_store = id;
      return id;
    }
  }
  return 0;
}

static void ask_stores(kv_store *store, raft_slice key, uint64_t for_store) {
  uint64_t first = 0;
  for (int i = 0; i < STORES_AT_ONCE; i++) {
    const uint64_t id = next_store(store, for_store);
    if (id == 0 || id == first) {
      return; /* that was all of them */
    }
    first = first == 0 ? id : first;
    (void)kv_forward_question(store, id, key, for_store != 0);
  }
}

static bool scheduler_helps(const kv_store *store, const kv_request *request) {
  kv_scheduler_view view;
  kv_store_scheduler_view(store, &view);
  return !request->looked_up && view.verdict == KV_SCHEDULER_GOOD;
}

void kv_look_up(kv_store *store, kv_request *request, raft_slice key) {
  if (!kv_scheduler_exists(store)) {
    kv_answer_error(store, request, "TRYAGAIN this store has no replica of the region");
    return;
  }
  if (may_ask(store)) {
    kv_scheduler_send_region_question(store, key);
    if (!scheduler_helps(store, request)) {
      ask_stores(store, key, 0);
    }
  }
  request->looked_up = true;
  request->region_id = 0;
  kv_park(store, request);
}

void kv_look_up_for_another(kv_store *store, const kv_request *request) {
  kv_opened_command opened;
  if (request->tried || !kv_scheduler_exists(store) || !may_ask(store) ||
      kv_command_open((raft_slice){request->body, request->len}, &opened) != KV_OK) {
    return;
  }
  ask_stores(store, kv_command_first_key(&opened.command), request->from_store);
  kv_command_close(&opened);
}

/* ---- answers ---- */

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

void kv_looked_up_at_a_store(kv_store *store, const kv_region_error *error) {
  bool news = false;
  for (size_t i = 0; i < error->region_count; i++) {
    news = kv_region_cache_put(&store->cache, &error->regions[i], 0) == KV_OK || news;
  }
  if (news) {
    wake(store, is_looked_up);
  }
}
