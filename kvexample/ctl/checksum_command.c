/* checksum_command.c - do the stores have the same data? Those at the same applied index must.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "ctl/cluster_view.h"
#include "ctl/commands.h"
#include "ctl/table.h"
#include "ctl/value_json.h"

enum { ROUND_MS = 30000, WAIT_MS = 30000, PAUSE_MS = 100 };

typedef struct comparison {
  size_t answers;
  bool agree; /* no two stores at the same index differ */
  bool level; /* all stores of the cluster answered, and are at the same index */
} comparison;

static int64_t applied_of(const kv_store_view *store) {
  return kv_value_get_integer(store->reply, "applied", -1);
}

/* At the same index with other data. */
static bool contradict(const kv_store_view *a, const kv_store_view *b) {
  return a->reply != NULL && b->reply != NULL && applied_of(a) == applied_of(b) &&
         strcmp(kv_value_get_text(a->reply, "checksum", ""),
                kv_value_get_text(b->reply, "checksum", "")) != 0;
}

static comparison compare(const kv_cluster_view *view) {
  comparison result = {.agree = true, .level = true};
  for (size_t i = 0; i < view->count; i++) {
    const kv_store_view *store = &view->stores[i];
    result.answers += store->reply != NULL ? 1 : 0;
    result.level =
        result.level && store->reply != NULL && applied_of(store) == applied_of(&view->stores[0]);
    for (size_t j = 0; j < i; j++) {
      result.agree = result.agree && !contradict(store, &view->stores[j]);
    }
  }
  return result;
}

/* In words. */
static const char *verdict(const comparison *result) {
  if (!result->agree) {
    return "DIFFERENT: stores at the same index have different data";
  }
  if (result->level) {
    return "equal: all stores have the same data";
  }
  return "no contradiction, but not all stores answered at the same index; --wait waits for that";
}

static void print_table(const kv_cluster_view *view, const comparison *result) {
  kv_table table = {.columns = 5};
  static const char *const names[] = {"STORE", "ADDRESS", "APPLIED", "KEYS", "CHECKSUM"};
  for (size_t i = 0; i < table.columns; i++) {
    (void)kv_table_add(&table, "%s", names[i]);
  }
  for (size_t i = 0; i < view->count; i++) {
    const kv_store_view *store = &view->stores[i];
    (void)kv_table_add(&table, "%" PRId64, store->store);
    (void)kv_table_add(&table, "%s", store->address);
    kv_table_add_number(&table, kv_value_get(store->reply, "applied"));
    kv_table_add_number(&table, kv_value_get(store->reply, "keys"));
    (void)kv_table_add(&table, "%s",
                       store->reply == NULL ? store->error.text
                                            : kv_value_get_text(store->reply, "checksum", "-"));
  }
  kv_table_print(&table, stdout);
  kv_table_free(&table);
  (void)printf("%s\n", verdict(result));
}

static void print_json(const kv_cluster_view *view, const comparison *result) {
  json_t *stores = json_array();
  for (size_t i = 0; i < view->count; i++) {
    const kv_store_view *store = &view->stores[i];
    json_t *object =
        store->reply != NULL
            ? kv_value_to_json(store->reply)
            : json_pack("{s:I,s:s}", "store", (json_int_t)store->store, "error", store->error.text);
    (void)json_object_set_new(object, "address", json_string(store->address));
    (void)json_array_append_new(stores, object);
  }
  json_t *root = json_pack("{s:b,s:b,s:o}", "agree", (int)result->agree, "same_index",
                           (int)result->level, "stores", stores);
  (void)json_dumpf(root, stdout, JSON_INDENT(2));
  (void)putchar('\n');
  json_decref(root);
}

/* Asks until all are at the same index, or the time is up, or there is a contradiction. */
static comparison ask(const kv_ctl *ctl, kv_cluster_view *view) {
  const long long deadline = kv_ctl_now() + (ctl->timeout_ms > 0 ? ctl->timeout_ms : WAIT_MS);
  for (;;) {
    kv_cluster_view_ask(view, "KV.CHECKSUM", ROUND_MS);
    const comparison result = compare(view);
    if (!ctl->wait || result.level || !result.agree || kv_ctl_now() >= deadline) {
      return result;
    }
    const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000L};
    (void)nanosleep(&pause, NULL);
  }
}

int kv_ctl_checksum(const kv_ctl *ctl) {
  kv_cluster_view view;
  kv_error error;
  if (kv_cluster_view_status(&ctl->addresses, 2000, &view, &error) != KV_OK) {
    return kv_ctl_complain(KV_CTL_FAILED, error.text);
  }
  const comparison result = ask(ctl, &view);
  if (ctl->json) {
    print_json(&view, &result);
  } else {
    print_table(&view, &result);
  }
  kv_cluster_view_free(&view);
  const bool right = result.agree && result.answers > 0 && (result.level || !ctl->wait);
  return right ? KV_CTL_OK : KV_CTL_FAILED;
}
