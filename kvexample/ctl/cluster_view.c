/* cluster_view.c - a thread a store, so that one that does not answer delays nobody.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ctl/cluster_view.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- reading a status ---- */

static const kv_value *item_of(const kv_value *map, const char *key, size_t position) {
  const kv_value *list = kv_value_get(map, key);
  return list != NULL && list->kind == KV_VALUE_ARRAY && position < list->count
             ? &list->items[position]
             : NULL;
}

const kv_value *kv_status_region(const kv_value *status, size_t position) {
  return item_of(status, "regions", position);
}

const kv_value *kv_status_member(const kv_value *region, size_t position) {
  return item_of(region, "peers", position);
}

const kv_value *kv_status_find_region(const kv_value *status, int64_t region) {
  for (size_t i = 0;; i++) {
    const kv_value *found = kv_status_region(status, i);
    if (found == NULL || kv_value_get_integer(found, "region", 0) == region) {
      return found;
    }
  }
}

const kv_value *kv_status_find_member(const kv_value *region, int64_t store) {
  for (size_t i = 0;; i++) {
    const kv_value *found = kv_status_member(region, i);
    if (found == NULL || kv_value_get_integer(found, "store", 0) == store) {
      return found;
    }
  }
}

/* Of two that say that they lead, the one of the later term does. */
const kv_value *kv_cluster_view_leader(const kv_cluster_view *view, int64_t region) {
  const kv_value *leader = NULL;
  for (size_t i = 0; i < view->count; i++) {
    const kv_value *found = kv_status_find_region(view->stores[i].reply, region);
    if (found != NULL && kv_value_is_text(kv_value_get(found, "role"), "leader") &&
        kv_value_get_integer(found, "term", 0) > kv_value_get_integer(leader, "term", -1)) {
      leader = found;
    }
  }
  return leader;
}

static int compare_ids(const void *a, const void *b) {
  const int64_t left = *(const int64_t *)a;
  const int64_t right = *(const int64_t *)b;
  return left < right ? -1 : left > right;
}

static size_t region_count(const kv_value *status) {
  const kv_value *regions = kv_value_get(status, "regions");
  return regions != NULL && regions->kind == KV_VALUE_ARRAY ? regions->count : 0;
}

int64_t *kv_cluster_view_regions(const kv_cluster_view *view, size_t *count) {
  size_t room = 0, used = 0;
  for (size_t i = 0; i < view->count; i++) {
    room += region_count(view->stores[i].reply);
  }
  *count = 0;
  int64_t *ids = room > 0 ? malloc(room * sizeof(*ids)) : NULL;
  if (ids == NULL) {
    return NULL;
  }
  for (size_t i = 0; i < view->count; i++) {
    for (size_t r = 0; r < region_count(view->stores[i].reply); r++) {
      ids[used++] = kv_value_get_integer(kv_status_region(view->stores[i].reply, r), "region", 0);
    }
  }
  qsort(ids, used, sizeof(*ids), compare_ids);
  for (size_t i = 0; i < used; i++) {
    if (i == 0 || ids[i] != ids[*count - 1]) {
      ids[(*count)++] = ids[i];
    }
  }
  return ids;
}

/* ---- asking ---- */

typedef struct question {
  kv_store_view *store;
  const char *const *words;
  int timeout_ms;
  pthread_t thread;
  bool started;
} question;

static void drop_client(kv_store_view *store) {
  kv_client_close(store->client);
  store->client = NULL;
  store->reply = NULL;
}

static void *ask_one(void *argument) {
  const question *asked = argument;
  kv_store_view *store = asked->store;
  int rc = KV_OK;
  store->reply = NULL;
  if (store->skipped) {
    return NULL;
  }
  if (store->client == NULL) {
    rc = kv_client_open(store->address, asked->timeout_ms, &store->client, &store->error);
  }
  if (rc == KV_OK) {
    kv_client_set_timeout(store->client, asked->timeout_ms);
    rc = kv_client_call(store->client, asked->words, &store->reply, &store->error);
  }
  if (rc == KV_OK && store->reply->kind == KV_VALUE_ERROR) {
    (void)kv_fail(&store->error, KV_EIO, "%s answers: %s", store->address, store->reply->text);
    store->reply = NULL;
  } else if (rc != KV_OK) {
    drop_client(store);
  }
  return NULL;
}

/* Those of the view from `from` on. */
static void ask_from(kv_cluster_view *view, size_t from, const char *const *words, int timeout_ms) {
  question *questions = calloc(view->count + 1, sizeof(*questions));
  for (size_t i = from; i < view->count; i++) {
    question alone = {.store = &view->stores[i], .words = words, .timeout_ms = timeout_ms};
    question *asked = questions == NULL ? &alone : &questions[i];
    *asked = alone;
    asked->started = questions != NULL && pthread_create(&asked->thread, NULL, ask_one, asked) == 0;
    if (!asked->started) {
      (void)ask_one(asked);
    }
  }
  for (size_t i = from; questions != NULL && i < view->count; i++) {
    if (questions[i].started) {
      (void)pthread_join(questions[i].thread, NULL);
    }
  }
  free(questions);
}

void kv_cluster_view_ask(kv_cluster_view *view, const char *const *words, int timeout_ms) {
  ask_from(view, 0, words, timeout_ms);
}

/* ---- who there is ---- */

static int add_store(kv_cluster_view *view, const char *address, int64_t store) {
  kv_store_view *stores = realloc(view->stores, (view->count + 1) * sizeof(*stores));
  if (stores == NULL) {
    return KV_ENOMEM;
  }
  view->stores = stores;
  stores[view->count] = (kv_store_view){.store = store};
  (void)snprintf(stores[view->count].address, KV_ADDRESS_SIZE, "%s", address);
  view->count++;
  return KV_OK;
}

static bool is_known(const kv_cluster_view *view, const char *address, int64_t store) {
  for (size_t i = 0; i < view->count; i++) {
    if (view->stores[i].store == store || strcmp(view->stores[i].address, address) == 0) {
      return true;
    }
  }
  return false;
}

/* Stores say who they are; one that was asked by two addresses is kept once. */
static void identify(kv_cluster_view *view) {
  for (size_t i = 0; i < view->count; i++) {
    kv_store_view *store = &view->stores[i];
    store->store = kv_value_get_integer(store->reply, "store", store->store);
    view->cluster =
        view->cluster != 0 ? view->cluster : kv_value_get_integer(store->reply, "cluster", 0);
    for (size_t j = 0; j < i; j++) {
      if (store->store != 0 && view->stores[j].store == store->store) {
        drop_client(store);
        view->stores[i--] = view->stores[--view->count];
        break;
      }
    }
  }
}

/* Gives an address that was asked in vain the id that the others know it by. */
static void name_store(kv_cluster_view *view, const char *address, int64_t store) {
  for (size_t i = 0; i < view->count; i++) {
    if (view->stores[i].store == 0 && strcmp(view->stores[i].address, address) == 0) {
      view->stores[i].store = store;
    }
  }
}

static int learn_members(kv_cluster_view *view, const kv_value *region) {
  const kv_value *member;
  for (size_t i = 0; (member = kv_status_member(region, i)) != NULL; i++) {
    const char *address = kv_value_get_text(member, "address", "");
    const int64_t store = kv_value_get_integer(member, "store", 0);
    name_store(view, address, store);
    if (address[0] != '\0' && !is_known(view, address, store) &&
        add_store(view, address, store) != KV_OK) {
      return KV_ENOMEM;
    }
  }
  return KV_OK;
}

static int learn(kv_cluster_view *view) {
  const size_t count = view->count;
  int rc = KV_OK;
  for (size_t i = 0; i < count; i++) {
    const kv_value *region;
    for (size_t r = 0; rc == KV_OK && (region = kv_status_region(view->stores[i].reply, r)) != NULL;
         r++) {
      rc = learn_members(view, region);
    }
  }
  return rc;
}

static int compare_stores(const void *a, const void *b) {
  const kv_store_view *left = a;
  const kv_store_view *right = b;
  return left->store < right->store ? -1 : left->store > right->store;
}

static bool somebody_answered(const kv_cluster_view *view) {
  for (size_t i = 0; i < view->count; i++) {
    if (view->stores[i].reply != NULL) {
      return true;
    }
  }
  return false;
}

static const char *const ask_status[] = {"KV.STATUS", NULL};

static int gather(const kv_address_list *addresses, int timeout_ms, kv_cluster_view *view) {
  int rc = KV_OK;
  for (size_t i = 0; i < addresses->count && rc == KV_OK; i++) {
    rc = add_store(view, addresses->texts[i], 0);
  }
  if (rc != KV_OK) {
    return rc;
  }
  kv_cluster_view_ask(view, ask_status, timeout_ms);
  identify(view);
  const size_t asked = view->count;
  rc = learn(view);
  if (rc == KV_OK) {
    ask_from(view, asked, ask_status, timeout_ms);
    identify(view);
    qsort(view->stores, view->count, sizeof(*view->stores), compare_stores);
  }
  return rc;
}

int kv_cluster_view_status(const kv_address_list *addresses, int timeout_ms, kv_cluster_view *view,
                           kv_error *error) {
  *view = (kv_cluster_view){NULL, 0, 0};
  const int rc = gather(addresses, timeout_ms, view);
  if (rc == KV_OK && somebody_answered(view)) {
    return KV_OK;
  }
  if (error != NULL) {
    (void)kv_fail(error, KV_EIO, "%s",
                  rc != KV_OK || view->count == 0 ? "out of memory" : view->stores[0].error.text);
  }
  kv_cluster_view_free(view);
  return rc != KV_OK ? rc : KV_EIO;
}

void kv_cluster_view_free(kv_cluster_view *view) {
  for (size_t i = 0; i < view->count; i++) {
    kv_client_close(view->stores[i].client);
  }
  free(view->stores);
  *view = (kv_cluster_view){NULL, 0, 0};
}
