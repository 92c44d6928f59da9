/* store.c - the store object: its loop turn, its health, its figures.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "raftstore/store.h"

#include <stdlib.h>

#include "raftstore/core.h"
#include "raftstore/hibernate.h"
#include "raftstore/peer.h"

enum { MAX_ROUNDS = 32 }; /* of one flush; what is left has its turn in the next one */

void kv_store_config_init(kv_store_config *config) {
  *config = (kv_store_config){.initial_regions = 1,
                              .tick_ms = 100,
                              .election_ticks = 10,
                              .heartbeat_ticks = 2,
                              .command_ms = 10000,
                              .hibernate_ms = 5000,
                              .max_batch_bytes = (size_t)1 << 20,
                              .max_pending_bytes = (size_t)64 << 20,
                              .max_pending_count = 65536,
                              .max_inflight_bytes = (size_t)32 << 20,
                              .max_entry_bytes = (size_t)9 << 20,
                              .max_cached_regions = 16384,
                              .log_gc_entries = 10000,
                              .log_gc_bytes = UINT64_C(256) << 20,
                              .region_split_bytes = UINT64_C(96) << 20,
                              .region_max_bytes = UINT64_C(144) << 20};
}

void kv_store_fail(kv_store *store, int code, const char *what) {
  if (store->failure.code == KV_OK) {
    (void)kv_fail(&store->failure, code, "store %llu must stop: %s",
                  (unsigned long long)store->config.store_id, what);
    kv_log(&store->devices.logger, KV_ERROR, store->failure.text, "code=%d", code);
  }
}

int kv_store_health(const kv_store *store, kv_error *error) {
  if (error != NULL) {
    *error = store->failure;
  }
  return store->failure.code;
}

uint64_t kv_store_now(const kv_store *store) {
  return store->devices.clock.now(store->devices.clock.ctx);
}

void kv_store_mark(kv_store *store, kv_peer *peer) {
  if (!kv_link_is_listed(&peer->dirty)) {
    kv_list_append(&store->dirty, &peer->dirty);
  }
}

void kv_store_starve(kv_store *store, kv_peer *peer) {
  if (!kv_link_is_listed(&peer->starved)) {
    kv_list_append(&store->starved, &peer->starved);
  }
}

void kv_store_engine_moved(kv_store *store) {
  kv_link *link;
  store->engine_full = false;
  while ((link = kv_list_pop(&store->starved)) != NULL) {
    kv_store_mark(store, KV_OBJECT_OF(link, kv_peer, starved));
  }
}

void kv_store_tick(kv_store *store) {
  store->ticks++;
  store->ticked = true;
  kv_log_writer_tick(&store->log);
  kv_park_tick(store);
  kv_forward_tick(store);
  kv_store_engine_moved(store); /* it may have lacked memory, and have nothing to give back */
  kv_link *link = kv_list_first(&store->awake);
  while (link != NULL) {
    kv_peer *peer = KV_OBJECT_OF(link, kv_peer, awake);
    link = kv_list_next(&store->awake, link); /* it may fall asleep */
    kv_peer_tick(peer);
  }
  kv_sleep_store_tick(store);
}

static bool has_rounds_to_do(const kv_store *store) {
  return !kv_list_is_empty(&store->arrived) || !kv_list_is_empty(&store->done) ||
         !kv_list_is_empty(&store->dirty) || store->applied_first != NULL ||
         store->read_first != NULL || (store->clear_first != NULL && !store->engine_full) ||
         kv_log_writer_has_work(&store->log) || store->ticked ||
         kv_scheduler_client_has_work(store);
}

bool kv_store_has_work(const kv_store *store) {
  return has_rounds_to_do(store) || store->beats_due;
}

/* Only those that are there now: what arrives meanwhile has the next round. */
static void route_arrived(kv_store *store) {
  kv_list arrived;
  kv_link *link;
  kv_list_init(&arrived);
  kv_list_move(&arrived, &store->arrived);
  while ((link = kv_list_pop(&arrived)) != NULL) {
    kv_route(store, KV_OBJECT_OF(link, kv_request, link));
  }
}

static void flush_dirty(kv_store *store) {
  kv_list dirty;
  kv_link *link;
  kv_list_init(&dirty);
  kv_list_move(&dirty, &store->dirty);
  while ((link = kv_list_pop(&dirty)) != NULL) {
    kv_peer_flush(KV_OBJECT_OF(link, kv_peer, dirty));
  }
  store->ticked = false;
}

void kv_store_flush(kv_store *store) {
  store->in_flush = true;
  kv_answer_expired(store);
  for (int i = 0; i < MAX_ROUNDS && has_rounds_to_do(store); i++) {
    if (store->failure.code != KV_OK) {
      break;
    }
    kv_answer_done(store);
    kv_store_handle_applied(store);
    kv_store_handle_reads(store);
    route_arrived(store);
    flush_dirty(store);
    kv_scheduler_client_flush(store);
    kv_store_clear_submit(store);
    kv_log_writer_flush(store);
  }
  kv_beat_flush(store);
  store->in_flush = false;
}

static void free_apply_tasks(kv_apply_task *task) {
  while (task != NULL) {
    kv_apply_task *next = task->next;
    kv_apply_task_free(task);
    task = next;
  }
}

static void free_tasks(kv_store *store) {
  free_apply_tasks(store->applied_first);
  free_apply_tasks(store->clear_first);
  while (store->read_first != NULL) {
    kv_read_task *task = store->read_first;
    store->read_first = task->next;
    kv_read_task_free(task);
  }
}

void kv_store_close(kv_store *store) {
  if (store == NULL) {
    return;
  }
  store->closing = true;
  store->in_flush = true;
  kv_scheduler_client_close(store);
  kv_answer_closing(store);
  for (size_t i = 0; i < store->regions.count; i++) {
    kv_peer *peer = store->regions.slots[i].peer;
    kv_proposal proposal;
    while (peer != NULL && kv_proposal_pop(&peer->proposals, &proposal)) {
      kv_batch_dissolve(proposal.batch, NULL, KV_STAGE_DONE);
    }
    if (peer != NULL) {
      kv_peer_close(peer);
    }
  }
  free_tasks(store);
  kv_log_writer_free(&store->log);
  kv_durable_free(&store->durable);
  kv_region_map_free(&store->regions);
  kv_address_book_free(&store->addresses);
  kv_region_cache_free(&store->cache);
  kv_pending_votes_free(&store->pending_votes);
  kv_request_table_free(&store->requests);
  free(store->address);
  free(store);
}

void kv_store_summarize(const kv_store *store, kv_store_summary *summary) {
  *summary = store->summary;
  summary->pending_count = store->requests.count;
  summary->pending_bytes = store->requests.bytes;
  summary->regions = store->peer_count;
  summary->leaders = store->leader_count;
  summary->asleep = store->asleep_count;
  const kv_peer *first = kv_region_map_first(&store->regions);
  summary->leader_store = first != NULL ? kv_peer_leader_store(first) : 0;
}
