/* scheduler_client.h - this store's side of the scheduler: what it reports, asks and carries out.
 *
 * Every store reports itself, and the leader of a region reports the region: by turns, and at once
 * when its epoch, leader or members changed. The answer to a region's report may carry a step of
 * an operator, which is carried out by the code that serves operators' own requests. Steps are
 * repeated by the scheduler until the region shows them done; carrying one out twice is harmless.
 *
 * A lost report is made good by the next one. What somebody waits for (ids) is asked again by
 * ticks, and given up after a while: everybody is answered exactly once.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_RAFTSTORE_SCHEDULER_CLIENT_H
#define KV_RAFTSTORE_SCHEDULER_CLIENT_H

#include <stdbool.h>

#include "base/list.h"
#include "raftstore/region.h"
#include "raftstore/scheduler_standing.h"
#include "raftstore/store.h"

typedef struct kv_peer kv_peer;

/* Part of the store. Every peer that leads is in one of the two lists. */
typedef struct kv_scheduler_client {
  kv_list asks;     /* not answered yet */
  kv_list answered; /* to be told */
  kv_list urgent;   /* leaders whose region is to be reported at once */
  kv_list rota;     /* leaders, the one that was reported first in front */
  uint64_t last_id; /* of a request */
  uint64_t seen_tick;
  uint64_t report_tick;    /* when this store is reported next */
  size_t reported;         /* regions, in this tick */
  bool registered;         /* the scheduler knows where this store lives */
  uint64_t stores_version; /* of the list of stores that we have */
  kv_scheduler_standing standing;
  kv_store_space space;
  kv_written written; /* since this store was reported last */
} kv_scheduler_client;

/* False: the store has no scheduler. */
bool kv_scheduler_exists(const kv_store *store);

/* Ids for the right half of a region that is to be split. */
typedef struct kv_split_ids {
  uint64_t region_id;
  uint64_t peer_ids[KV_MAX_PEERS]; /* in the order of the parent's peers */
  size_t peer_count;
} kv_split_ids;

/* ids is borrowed, NULL unless rc is KV_OK. KV_EBUSY: the scheduler did not answer in time or the
 * region has another epoch or leader since (P46), or the store closes: may be asked again.
 * KV_EINVAL: there is no scheduler, or it refused. why: a sentence, "" if rc is KV_OK. */
typedef void (*kv_split_ids_function)(void *ctx, kv_store *store, uint64_t region_id, int rc,
                                      const char *why, const kv_split_ids *ids);
/* Asks for ids to split the region as it is now; peer leads it. done is called exactly once, later:
 * from within kv_store_flush or kv_store_close. KV_EINVAL: no scheduler, KV_ENOMEM: done will not
 * be called. */
int kv_scheduler_ask_split(kv_peer *peer, kv_split_ids_function done, void *ctx);

/* The id is new in the whole cluster; 0 unless rc is KV_OK. Otherwise as above. */
typedef void (*kv_new_id_function)(void *ctx, kv_store *store, uint64_t region_id, int rc,
                                   const char *why, uint64_t id);
int kv_scheduler_ask_id(kv_peer *peer, kv_new_id_function done, void *ctx);

/* The region is reported with the next flush: its epoch, leader or members changed. */
void kv_scheduler_report_region(kv_peer *peer);

/* ---- for the loop of the store ---- */

void kv_scheduler_client_init(kv_scheduler_client *client);
bool kv_scheduler_client_has_work(const kv_store *store);
/* Sends what is due, tells what was answered. */
void kv_scheduler_client_flush(kv_store *store);
/* Answers everybody who still waits. */
void kv_scheduler_client_close(kv_store *store);

#endif
