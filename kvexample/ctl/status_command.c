/* status_command.c - one line a replica: who leads, how far each is, who cannot be reached.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

#include "ctl/cluster_view.h"
#include "ctl/commands.h"
#include "ctl/table.h"
#include "ctl/value_json.h"

enum { STATUS_MS = 2000 };

static void add_head(kv_table *table) {
  static const char *const names[] = {"STORE", "ADDRESS", "REGION",  "ROLE", "LEADER", "TERM",
                                      "LAST",  "COMMIT",  "APPLIED", "LOG",  "LAG",    "STATE"};
  table->columns = sizeof(names) / sizeof(names[0]);
  for (size_t i = 0; i < table->columns; i++) {
    (void)kv_table_add(table, "%s", names[i]);
  }
}

static void add_store(kv_table *table, const kv_store_view *store) {
  if (store->store != 0) {
    (void)kv_table_add(table, "%" PRId64, store->store);
  } else {
    (void)kv_table_add(table, "?");
  }
  (void)kv_table_add(table, "%s", store->address);
}

static void add_number(kv_table *table, const kv_value *map, const char *key) {
  kv_table_add_number(table, kv_value_get(map, key));
}

static void add_blanks(kv_table *table, size_t count) {
  for (size_t i = 0; i < count; i++) {
    (void)kv_table_add(table, "-");
  }
}

static void add_span(kv_table *table, const kv_value *region) {
  const int64_t first = kv_value_get_integer(region, "first", 1);
  const int64_t last = kv_value_get_integer(region, "last", 0);
  const double bytes = (double)kv_value_get_integer(region, "log_bytes", 0);
  (void)kv_table_add(table, "%" PRId64 "..%" PRId64 " %.1f MB", first, last, bytes / 1e6);
}

/* What the leader says of the member: how far behind, and how it is being fed. */
static void add_progress(kv_table *table, const kv_value *leader, int64_t store) {
  const kv_value *member = kv_status_find_member(leader, store);
  add_number(table, member, "lag");
  (void)kv_table_add(table, "%s", kv_value_get_text(member, "state", "-"));
}

static void add_region(kv_table *table, const kv_cluster_view *view, const kv_store_view *store,
                       const kv_value *region) {
  const kv_value *leader = kv_cluster_view_leader(view, kv_value_get_integer(region, "region", 0));
  const kv_value *member = kv_status_find_member(region, store->store);
  const bool learner = kv_value_is_text(kv_value_get(member, "role"), "learner");
  add_store(table, store);
  add_number(table, region, "region");
  (void)kv_table_add(table, "%s%s", kv_value_get_text(region, "role", "-"),
                     learner ? " (learner)" : "");
  add_number(table, region, "leader_store");
  add_number(table, region, "term");
  add_number(table, region, "last");
  add_number(table, region, "commit");
  add_number(table, region, "applied");
  add_span(table, region);
  add_progress(table, leader, store->store);
}

/* Unreachable, or without a replica. */
static void add_other(kv_table *table, const kv_store_view *store) {
  add_store(table, store);
  (void)kv_table_add(table, "-");
  (void)kv_table_add(table, "%s", store->reply == NULL ? "unreachable" : "no replica");
  add_blanks(table, 8);
}

static void print_table(const kv_cluster_view *view) {
  kv_table table = {.columns = 0};
  add_head(&table);
  for (size_t i = 0; i < view->count; i++) {
    const kv_store_view *store = &view->stores[i];
    const kv_value *region = kv_status_region(store->reply, 0);
    if (region == NULL) {
      add_other(&table, store);
    }
    for (size_t r = 0; (region = kv_status_region(store->reply, r)) != NULL; r++) {
      add_region(&table, view, store, region);
    }
  }
  (void)printf("cluster %" PRId64 "\n", view->cluster);
  kv_table_print(&table, stdout);
  kv_table_free(&table);
  for (size_t i = 0; i < view->count; i++) {
    if (view->stores[i].reply == NULL) {
      (void)fprintf(stderr, "kvctl: %s\n", view->stores[i].error.text);
    }
  }
}

static json_t *store_to_json(const kv_store_view *store) {
  json_t *object = store->reply != NULL ? kv_value_to_json(store->reply) : json_object();
  (void)json_object_set_new(object, "reachable", json_boolean(store->reply != NULL));
  if (store->reply == NULL) {
    (void)json_object_set_new(object, "address", json_string(store->address));
    (void)json_object_set_new(object, "store", json_integer((json_int_t)store->store));
    (void)json_object_set_new(object, "error", json_string(store->error.text));
  }
  return object;
}

static void print_json(const kv_cluster_view *view) {
  json_t *stores = json_array();
  for (size_t i = 0; i < view->count; i++) {
    (void)json_array_append_new(stores, store_to_json(&view->stores[i]));
  }
  json_t *root = json_pack("{s:I,s:o}", "cluster", (json_int_t)view->cluster, "stores", stores);
  (void)json_dumpf(root, stdout, JSON_INDENT(2));
  (void)putchar('\n');
  json_decref(root);
}

int kv_ctl_status(const kv_ctl *ctl) {
  kv_cluster_view view;
  kv_error error;
  const int timeout = ctl->timeout_ms > 0 ? ctl->timeout_ms : STATUS_MS;
  if (kv_cluster_view_status(&ctl->addresses, timeout, &view, &error) != KV_OK) {
    return kv_ctl_complain(KV_CTL_FAILED, error.text);
  }
  if (ctl->json) {
    print_json(&view);
  } else {
    print_table(&view);
  }
  kv_cluster_view_free(&view);
  return KV_CTL_OK;
}
