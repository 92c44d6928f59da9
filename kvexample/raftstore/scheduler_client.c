/* scheduler_client.c - this store's side of the scheduler: who is reported when, who waits for ids.
 *
 * What one tick sends is bounded, whatever the number of regions: a leader's region has its turn
 * every REGION_TICKS, or later where there are many. With so few regions that their turns come
 * sooner, an operator's next step comes with the next report.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "raftstore/scheduler_client.h"

#include <stdlib.h>
#include <string.h>

#include "base/format.h"
#include "raftstore/core.h"
#include "raftstore/peer.h"
#include "raftstore/scheduler_report.h"

enum {
  STORE_TICKS = 10,    /* between two reports of the store */
  REGION_TICKS = 10,   /* between two reports of a region, at least */
  REGIONS_A_TICK = 16, /* by turns */
  URGENT_A_TICK = 256, /* because something changed */
  REPEAT_TICKS = 10,   /* until a question is asked again */
  PATIENCE_TICKS = 100 /* until it is given up */
};

/* A question that somebody waits for. */
typedef struct kv_ask {
  kv_link link;
  uint64_t id; /* of the request */
  uint64_t region_id;
  kv_epoch epoch; /* of the region, and its leader's term, when it was asked */
  uint64_t term;
  uint64_t repeat_tick;
  uint64_t give_up_tick;
  kv_split_ids_function split; /* NULL: a single id is asked for */
  kv_new_id_function single;
  void *ctx;

  /* The answer. */
  int rc;
  char why[128];
  kv_split_ids ids;
  uint64_t new_id;
} kv_ask;

bool kv_scheduler_exists(const kv_store *store) {
  return store->devices.scheduler.send != NULL;
}

void kv_scheduler_client_init(kv_scheduler_client *client) {
  kv_list_init(&client->asks);
  kv_list_init(&client->answered);
  kv_list_init(&client->urgent);
  kv_list_init(&client->rota);
}

void kv_store_set_space(kv_store *store, const kv_store_space *space) {
  store->scheduler.space = *space;
}

uint64_t kv_scheduler_next_id(kv_store *store) {
  return ++store->scheduler.last_id;
}

/* ---- questions ---- */

static void send_ask(kv_store *store, kv_ask *ask) {
  kv_peer *peer = kv_region_map_peer(&store->regions, ask->region_id);
  ask->repeat_tick = store->ticks + REPEAT_TICKS;
  ask->id = kv_scheduler_next_id(store);
  if (ask->split == NULL) {
    kv_scheduler_send_id_question(store, ask->id);
  } else if (peer != NULL) {
    kv_scheduler_send_split_question(peer, ask->id);
  }
}

static int begin_ask(kv_peer *peer, kv_split_ids_function split, kv_new_id_function single,
                     void *ctx) {
  kv_store *store = peer->store;
  if (!kv_scheduler_exists(store)) {
    return KV_EINVAL;
  }
  kv_ask *ask = calloc(1, sizeof *ask);
  if (ask == NULL) {
    return KV_ENOMEM;
  }
  *ask = (kv_ask){.region_id = peer->region_id,
                  .epoch = peer->region.epoch,
                  .term = peer->term,
                  .give_up_tick = store->ticks + PATIENCE_TICKS,
                  .split = split,
                  .single = single,
                  .ctx = ctx};
  kv_list_append(&store->scheduler.asks, &ask->link);
  send_ask(store, ask);
  return KV_OK;
}

int kv_scheduler_ask_split(kv_peer *peer, kv_split_ids_function done, void *ctx) {
  return begin_ask(peer, done, NULL, ctx);
}

int kv_scheduler_ask_id(kv_peer *peer, kv_new_id_function done, void *ctx) {
  return begin_ask(peer, NULL, done, ctx);
}

/* It waits for its turn to be told. */
static void settle(kv_store *store, kv_ask *ask, int rc, const char *why) {
  ask->rc = rc;
  (void)kv_format(ask->why, sizeof ask->why, "%s", why);
  kv_list_remove(&ask->link);
  kv_list_append(&store->scheduler.answered, &ask->link);
}

static kv_ask *find_ask(kv_store *store, uint64_t id) {
  kv_list *asks = &store->scheduler.asks;
  for (kv_link *link = kv_list_first(asks); link != NULL; link = kv_list_next(asks, link)) {
    kv_ask *ask = KV_OBJECT_OF(link, kv_ask, link);
    if (ask->id == id) {
      return ask;
    }
  }
  return NULL;
}

void kv_scheduler_ids_came(kv_store *store, uint64_t request_id, int rc, const char *why,
                           const kv_split_ids *ids, uint64_t id) {
  kv_ask *ask = find_ask(store, request_id);
  if (ask == NULL || (rc == KV_OK && (ask->split != NULL) != (ids != NULL))) {
    return; /* too late, or nonsense */
  }
  if (rc == KV_OK && ids != NULL) {
    ask->ids = *ids;
  }
  ask->new_id = id;
  settle(store, ask, rc, why);
}

/* Peers came or went, or another split was first: the ids do not fit any more (P46). */
static void check_region(const kv_store *store, kv_ask *ask) {
  const kv_peer *peer = kv_region_map_peer(&store->regions, ask->region_id);
  if (ask->rc != KV_OK || ask->split == NULL) {
    return;
  }
  if (peer == NULL || !kv_peer_is_leader(peer) || peer->term != ask->term ||
      !kv_epoch_equal(peer->region.epoch, ask->epoch) ||
      peer->region.peer_count != ask->ids.peer_count) {
    ask->rc = KV_EBUSY;
    (void)kv_format(ask->why, sizeof ask->why, "the region has changed meanwhile");
  }
}

static void tell(kv_store *store, kv_ask *ask) {
  check_region(store, ask);
  const bool good = ask->rc == KV_OK;
  if (ask->split != NULL) {
    ask->split(ask->ctx, store, ask->region_id, ask->rc, ask->why, good ? &ask->ids : NULL);
  } else {
    ask->single(ask->ctx, store, ask->region_id, ask->rc, ask->why, good ? ask->new_id : 0);
  }
  free(ask);
}

static void tell_answered(kv_store *store) {
  kv_link *link;
  while ((link = kv_list_pop(&store->scheduler.answered)) != NULL) {
    tell(store, KV_OBJECT_OF(link, kv_ask, link));
  }
}

static void look_at_asks(kv_store *store) {
  kv_list *asks = &store->scheduler.asks;
  kv_link *next;
  for (kv_link *link = kv_list_first(asks); link != NULL; link = next) {
    kv_ask *ask = KV_OBJECT_OF(link, kv_ask, link);
    next = kv_list_next(asks, link);
    if (store->ticks >= ask->give_up_tick) {
      settle(store, ask, KV_EBUSY, "the scheduler does not answer");
    } else if (store->ticks >= ask->repeat_tick) {
      send_ask(store, ask);
    }
  }
}

/* ---- reports ---- */

void kv_scheduler_report_region(kv_peer *peer) {
  kv_store *store = peer->store;
  if (kv_scheduler_exists(store) && kv_peer_is_leader(peer)) {
    kv_list_remove(&peer->report);
    kv_list_append(&store->scheduler.urgent, &peer->report);
  }
}

static void report(kv_store *store, kv_peer *peer) {
  kv_list_remove(&peer->report);
  if (kv_peer_is_leader(peer) && !peer->removed) {
    peer->report_tick = store->ticks;
    kv_list_append(&store->scheduler.rota, &peer->report);
    kv_scheduler_send_region(peer);
    store->scheduler.reported++;
  }
}

static void report_urgent(kv_store *store) {
  kv_scheduler_client *client = &store->scheduler;
  kv_link *link;
  while (client->reported < URGENT_A_TICK && (link = kv_list_first(&client->urgent)) != NULL) {
    report(store, KV_OBJECT_OF(link, kv_peer, report));
  }
}

/* The list is in the order of the last reports: who is in front has waited longest. */
static void report_by_turns(kv_store *store) {
  kv_link *link;
  for (int i = 0; i < REGIONS_A_TICK && (link = kv_list_first(&store->scheduler.rota)) != NULL;
       i++) {
    kv_peer *peer = KV_OBJECT_OF(link, kv_peer, report);
    if (store->ticks - peer->report_tick < REGION_TICKS) {
      break;
    }
    report(store, peer);
  }
}

static void report_store(kv_store *store) {
  kv_scheduler_client *client = &store->scheduler;
  if (!client->registered) {
    kv_scheduler_send_address(store);
  }
  kv_scheduler_send_store(store);
  client->report_tick = store->ticks + STORE_TICKS;
}

static void on_tick(kv_store *store) {
  kv_scheduler_client *client = &store->scheduler;
  client->seen_tick = store->ticks;
  client->reported = 0;
  look_at_asks(store);
  if (store->ticks >= client->report_tick) {
    report_store(store);
  }
  report_by_turns(store);
}

bool kv_scheduler_client_has_work(const kv_store *store) {
  const kv_scheduler_client *client = &store->scheduler;
  return !kv_list_is_empty(&client->answered) ||
         (!kv_list_is_empty(&client->urgent) && client->reported < URGENT_A_TICK);
}

void kv_scheduler_client_flush(kv_store *store) {
  if (!kv_scheduler_exists(store)) {
    return;
  }
  if (store->scheduler.seen_tick != store->ticks) {
    on_tick(store);
  }
  report_urgent(store);
  tell_answered(store);
}

void kv_scheduler_client_close(kv_store *store) {
  kv_list *asks = &store->scheduler.asks;
  kv_link *link;
  while ((link = kv_list_first(asks)) != NULL) {
    settle(store, KV_OBJECT_OF(link, kv_ask, link), KV_EBUSY, "the store stops");
  }
  tell_answered(store);
}
