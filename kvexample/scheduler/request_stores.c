/* request_stores.c - stores join, report, are drained and forgotten.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <string.h>

#include "scheduler/handlers.h"
#include "scheduler/ids.h"
#include "scheduler/message_parts.h"
#include "scheduler/operators.h"
#include "scheduler/persist.h"
#include "scheduler/store_set.h"

/* ---- answers ---- */

static void add_store(const kv_scheduler *s, const kv_sched_store *store,
                      kv_scheduler_response *response) {
  void *stores = response->stores;
  kv_store_info *info =
      kv_list_grow(&stores, response->store_count, sizeof *response->stores, KV_MAX_LIST);
  response->stores = stores;
  if (info == NULL) {
    kv_response_code(response, KV_ENOMEM, "listing the stores");
    return;
  }
  kv_sched_store_describe(s, store, info);
  response->store_count++;
}

static void add_stores(const kv_scheduler *s, kv_scheduler_response *response) {
  response->stores_version = s->stores.version;
  for (size_t i = 0; i < s->stores.count; i++) {
    add_store(s, s->stores.stores[i], response);
  }
}

static kv_sched_store *known_store(const kv_scheduler *s, uint64_t id,
                                   kv_scheduler_response *response) {
  kv_sched_store *store = kv_store_set_find(&s->stores, id);
  if (store == NULL) {
    kv_response_fail(response, KV_SCHEDULER_NOT_FOUND, "there is no store %" PRIu64, id);
  }
  return store;
}

static void refuse_tombstone(kv_scheduler_response *response, uint64_t id) {
  kv_response_fail(response, KV_SCHEDULER_TOMBSTONE,
                   "store %" PRIu64 " is a tombstone, its peers were replaced: wipe its data "
                   "directory and let it join as a new store",
                   id);
}

bool kv_handle_sender(const kv_scheduler *s, const kv_scheduler_request *request,
                      kv_scheduler_response *response) {
  const kv_sched_store *store = known_store(s, request->store_id, response);
  if (store != NULL && store->kept == KV_STORE_TOMBSTONE) {
    refuse_tombstone(response, store->id);
  }
  return store != NULL && store->kept != KV_STORE_TOMBSTONE;
}

/* ---- joining ---- */

static bool address_is_free(const kv_scheduler *s, const kv_scheduler_request *request,
                            const kv_sched_store *self, kv_scheduler_response *response) {
  const kv_sched_store *other = kv_store_set_by_address(&s->stores, request->text);
  if (other == NULL || other == self) {
    return true;
  }
  kv_response_fail(response, KV_SCHEDULER_INVALID,
                   "address %s is that of store %" PRIu64 ", which is %s: use another one, or "
                   "drain that store until it is a Tombstone",
                   request->text, other->id,
                   kv_scheduler_store_state_name(kv_sched_store_state(s, other)));
  return false;
}

static bool incarnation_fits(const kv_sched_store *store, uint64_t incarnation,
                             kv_scheduler_response *response) {
  if (store->incarnation == 0 || incarnation == 0 || store->incarnation == incarnation) {
    return true;
  }
  kv_response_fail(response, KV_SCHEDULER_INVALID,
                   "store %" PRIu64 " had another data directory: this one was wiped or is a "
                   "copy; let it join as a new store",
                   store->id);
  return false;
}

/* Nothing but memory is changed if it cannot be written. */
static void change_store(kv_scheduler *s, kv_sched_store *store, const char *address,
                         uint64_t incarnation, kv_scheduler_response *response) {
  kv_sched_store changed = *store;
  kv_message_text(changed.address, sizeof changed.address, "%s", address);
  changed.incarnation = incarnation != 0 ? incarnation : store->incarnation;
  if (strcmp(changed.address, store->address) == 0 && changed.incarnation == store->incarnation) {
    return;
  }
  const int rc = kv_persist_store(s, &changed);
  kv_response_code(response, rc, "writing the store");
  if (rc == KV_OK) {
    memcpy(store->address, changed.address, sizeof store->address);
    store->incarnation = changed.incarnation;
    s->stores.version++;
  }
}

static kv_sched_store *create(kv_scheduler *s, uint64_t id, const kv_scheduler_request *request,
                              kv_scheduler_response *response) {
  kv_sched_store *store = kv_store_set_add(&s->stores, id);
  if (store == NULL) {
    kv_response_code(response, KV_ENOMEM, "a new store");
    return NULL;
  }
  store->heard_ms = s->now;
  change_store(s, store, request->text, request->incarnation, response);
  if (response->status != KV_SCHEDULER_OK) {
    kv_store_set_remove(&s->stores, id);
    return NULL;
  }
  kv_log(&s->logger, KV_INFO, "a store joined", "store=%" PRIu64 " address=%s", id, store->address);
  return store;
}

/* The answer to its first request was lost: it asks again. */
static kv_sched_store *find_again(const kv_scheduler *s, const kv_scheduler_request *request) {
  kv_sched_store *store = kv_store_set_by_address(&s->stores, request->text);
  return store != NULL && request->incarnation != 0 && store->incarnation == request->incarnation
             ? store
             : NULL;
}

static kv_sched_store *join_new(kv_scheduler *s, const kv_scheduler_request *request,
                                kv_scheduler_response *response) {
  kv_sched_store *store = find_again(s, request);
  uint64_t id = 0;
  if (store != NULL || !address_is_free(s, request, NULL, response)) {
    return store;
  }
  const int rc = kv_ids_take(s, 1, &id);
  kv_response_code(response, rc, "a new id");
  return rc == KV_OK ? create(s, id, request, response) : NULL;
}

/* An id that nobody has: fine if it was never given out. */
static kv_sched_store *join_as(kv_scheduler *s, const kv_scheduler_request *request,
                               kv_scheduler_response *response) {
  if (request->id < s->ids.next) {
    refuse_tombstone(response, request->id);
    return NULL;
  }
  if (request->id > KV_MAX_WISHED_ID) {
    kv_response_fail(response, KV_SCHEDULER_INVALID,
                     "a store may wish for an id up to %" PRIu64 ", or leave it to the scheduler",
                     KV_MAX_WISHED_ID);
    return NULL;
  }
  if (!address_is_free(s, request, NULL, response)) {
    return NULL;
  }
  const int rc = kv_ids_skip(s, request->id);
  kv_response_code(response, rc, "the id");
  return rc == KV_OK ? create(s, request->id, request, response) : NULL;
}

static kv_sched_store *join_again(kv_scheduler *s, kv_sched_store *store,
                                  const kv_scheduler_request *request,
                                  kv_scheduler_response *response) {
  if (store->kept == KV_STORE_TOMBSTONE) {
    refuse_tombstone(response, store->id);
    return NULL;
  }
  if (!incarnation_fits(store, request->incarnation, response) ||
      !address_is_free(s, request, store, response)) {
    return NULL;
  }
  change_store(s, store, request->text, request->incarnation, response);
  return response->status == KV_SCHEDULER_OK ? store : NULL;
}

void kv_handle_put_store(kv_scheduler *s, const kv_scheduler_request *request,
                         kv_scheduler_response *response) {
  kv_sched_store *known = kv_store_set_find(&s->stores, request->id);
  if (request->text[0] == '\0') {
    kv_response_fail(response, KV_SCHEDULER_INVALID, "a store needs an address");
    return;
  }
  kv_sched_store *store = request->id == 0 ? join_new(s, request, response)
                          : known != NULL  ? join_again(s, known, request, response)
                                           : join_as(s, request, response);
  if (store != NULL) {
    response->id = store->id;
    response->bootstrapped = s->bootstrapped;
    response->store_state = kv_sched_store_state(s, store);
    add_stores(s, response);
  }
}

/* ---- reporting ---- */

void kv_handle_store_heartbeat(kv_scheduler *s, const kv_scheduler_request *request,
                               kv_scheduler_response *response) {
  if (!kv_handle_sender(s, request, response)) {
    return;
  }
  kv_sched_store *store = kv_store_set_find(&s->stores, request->store_id);
  if (!incarnation_fits(store, request->incarnation, response)) {
    return;
  }
  store->heard = true;
  store->heard_ms = s->now;
  store->stats = request->stats;
  response->store_state = kv_sched_store_state(s, store);
  response->bootstrapped = s->bootstrapped;
  response->stores_version = s->stores.version;
  if (request->stores_version != s->stores.version) {
    add_stores(s, response);
  }
}

void kv_handle_get_store(kv_scheduler *s, const kv_scheduler_request *request,
                         kv_scheduler_response *response) {
  const kv_sched_store *store = known_store(s, request->id, response);
  if (store != NULL) {
    add_store(s, store, response);
  }
}

void kv_handle_list_stores(kv_scheduler *s, const kv_scheduler_request *request,
                           kv_scheduler_response *response) {
  (void)request;
  add_stores(s, response);
}

/* ---- leaving ---- */

static void set_state(kv_scheduler *s, kv_sched_store *store, kv_scheduler_store_state state,
                      kv_scheduler_response *response) {
  const kv_scheduler_store_state before = store->kept;
  store->kept = state;
  const int rc = kv_persist_store(s, store);
  kv_response_code(response, rc, "writing the store's state");
  if (rc == KV_OK) {
    s->stores.version++;
  } else {
    store->kept = before;
  }
}

/* With no more stores than replicas it could never end (P86). */
void kv_handle_drain_store(kv_scheduler *s, const kv_scheduler_request *request,
                           kv_scheduler_response *response) {
  kv_sched_store *store = known_store(s, request->id, response);
  if (store == NULL) {
    return;
  }
  const size_t others = kv_store_set_serving(s, store);
  if (store->kept == KV_STORE_TOMBSTONE) {
    kv_response_fail(response, KV_SCHEDULER_INVALID, "store %" PRIu64 " is a Tombstone already",
                     store->id);
  } else if (store->kept == KV_STORE_UP && others < s->config.max_replicas) {
    kv_response_fail(response, KV_SCHEDULER_INVALID,
                     "draining store %" PRIu64
                     " could never end: %zu other stores serve, but %" PRIu64
                     " replicas need as many. Add a store first, or lower max-replicas",
                     store->id, others, s->config.max_replicas);
  } else {
    if (store->kept == KV_STORE_UP) {
      set_state(s, store, KV_STORE_OFFLINE, response);
      kv_operator_set_tick(s); /* what was to go there is cancelled before it is answered */
    }
    if (response->status == KV_SCHEDULER_OK) {
      kv_message_text(response->text, sizeof response->text,
                      "store %" PRIu64 " is Offline, %zu regions have to go", store->id,
                      store->region_count);
    }
  }
}

/* Nothing has to leave it any more. What began is left to the replica checker. */
static void stop_leaving(kv_scheduler *s, const kv_sched_store *store) {
  kv_link *next;
  for (kv_link *link = kv_list_first(&s->operators.running); link != NULL; link = next) {
    kv_operator *op = KV_OBJECT_OF(link, kv_operator, link);
    next = kv_list_next(&s->operators.running, link);
    if (op->class == KV_CLASS_REPLICA && op->from == store) {
      kv_operator_end(s, op, KV_OPERATOR_CANCELLED, "the store is no more drained");
    }
  }
}

void kv_handle_undrain_store(kv_scheduler *s, const kv_scheduler_request *request,
                             kv_scheduler_response *response) {
  kv_sched_store *store = known_store(s, request->id, response);
  if (store != NULL && store->kept != KV_STORE_OFFLINE) {
    kv_response_fail(response, KV_SCHEDULER_INVALID, "store %" PRIu64 " is not being drained",
                     store->id);
  } else if (store != NULL) {
    set_state(s, store, KV_STORE_UP, response);
    if (response->status == KV_SCHEDULER_OK) {
      stop_leaving(s, store);
    }
  }
}

static bool is_in_use(const kv_scheduler *s, const kv_sched_store *store) {
  for (kv_link *link = kv_list_first(&s->operators.running); link != NULL;
       link = kv_list_next(&s->operators.running, link)) {
    const kv_operator *op = KV_OBJECT_OF(link, kv_operator, link);
    if (op->from == store || op->to == store) {
      return true;
    }
  }
  return store->region_count > 0;
}

void kv_handle_remove_tombstone(kv_scheduler *s, const kv_scheduler_request *request,
                                kv_scheduler_response *response) {
  const kv_sched_store *store = known_store(s, request->id, response);
  if (store == NULL) {
    return;
  }
  if (store->kept != KV_STORE_TOMBSTONE || is_in_use(s, store)) {
    kv_response_fail(response, KV_SCHEDULER_INVALID,
                     "store %" PRIu64 " is %s, only a Tombstone can be forgotten", store->id,
                     store->kept == KV_STORE_TOMBSTONE
                         ? "still part of an operator or region"
                         : kv_scheduler_store_state_name(kv_sched_store_state(s, store)));
    return;
  }
  const int rc = kv_persist_forget_store(s, store->id);
  kv_response_code(response, rc, "forgetting the store");
  if (rc == KV_OK) {
    kv_store_set_remove(&s->stores, store->id);
    s->stores.version++;
  }
}
