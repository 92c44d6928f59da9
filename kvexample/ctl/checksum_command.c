/* checksum_command.c - do replicas have the same data? Those at the same applied index must.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ctl/cluster_view.h"
#include "ctl/commands.h"
#include "ctl/records.h"

enum { STATUS_MS = 2000, ROUND_MS = 30000, WAIT_MS = 30000, PAUSE_MS = 100 };

typedef struct comparison {
  size_t regions;
  size_t answers;
  bool agree;     /* no two replicas at the same index differ */
  bool level;     /* every replica answered, all those of a region at the same index */
  bool reachable; /* the cluster could be asked at all */
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

/* Adds what the stores said of one region. */
static void compare(const kv_cluster_view *view, comparison *result) {
  const kv_store_view *first = NULL;
  for (size_t i = 0; i < view->count; i++) {
    const kv_store_view *store = &view->stores[i];
    if (store->skipped) {
      continue;
    }
    first = first != NULL ? first : store;
    result->answers += store->reply != NULL ? 1 : 0;
    result->level = result->level && store->reply != NULL && applied_of(store) == applied_of(first);
    for (size_t j = 0; j < i; j++) {
      result->agree = result->agree && !contradict(store, &view->stores[j]);
    }
  }
}

static void add_rows(kv_records *records, const kv_cluster_view *view, int64_t region) {
  for (size_t i = 0; i < view->count; i++) {
    const kv_store_view *store = &view->stores[i];
    if (store->skipped) {
      continue;
    }
    kv_records_number(records, (uint64_t)region);
    kv_records_number(records, (uint64_t)store->store);
    kv_records_text(records, "%s", store->address);
    kv_records_number(records, (uint64_t)kv_value_get_integer(store->reply, "applied", 0));
    kv_records_number(records, (uint64_t)kv_value_get_integer(store->reply, "keys", 0));
    kv_records_text(records, "%s",
                    store->reply == NULL ? store->error.text
                                         : kv_value_get_text(store->reply, "checksum", "-"));
  }
}

/* In words. */
static const char *verdict(const comparison *result) {
  if (!result->agree) {
    return "DIFFERENT: replicas at the same index have different data";
  }
  if (result->level) {
    return "equal: all replicas have the same data";
  }
  return "no contradiction, but not all replicas answered at the same index; --wait waits for that";
}

/* Which stores had which of the regions in their status: a row of `stores` flags a region. */
typedef struct holdings {
  int64_t *regions;
  size_t count;
  bool *held;
} holdings;

static bool find_holdings(const kv_cluster_view *view, holdings *found) {
  found->regions = kv_cluster_view_regions(view, &found->count);
  found->held = calloc(found->count * view->count + 1, sizeof(*found->held));
  for (size_t r = 0; found->held != NULL && r < found->count; r++) {
    for (size_t i = 0; i < view->count; i++) {
      found->held[r * view->count + i] =
          kv_status_find_region(view->stores[i].reply, found->regions[r]) != NULL;
    }
  }
  return found->regions != NULL && found->held != NULL;
}

static void free_holdings(holdings *found) {
  free(found->regions);
  free(found->held);
}

static void ask_about(kv_cluster_view *view, const holdings *found, size_t position) {
  char region[32];
  (void)snprintf(region, sizeof(region), "%" PRId64, found->regions[position]);
  for (size_t i = 0; i < view->count; i++) {
    view->stores[i].skipped = !found->held[position * view->count + i];
  }
  kv_cluster_view_ask(view, (const char *const[]){"KV.CHECKSUM", region, NULL}, ROUND_MS);
}

/* Every region on every store that has it. */
static comparison ask_all(kv_cluster_view *view, kv_records *records) {
  comparison result = {.agree = true, .level = true, .reachable = true};
  holdings found;
  if (find_holdings(view, &found)) {
    for (size_t i = 0; i < view->count; i++) {
      result.level = result.level && view->stores[i].reply != NULL;
    }
    for (size_t r = 0; r < found.count; r++) {
      ask_about(view, &found, r);
      compare(view, &result);
      add_rows(records, view, found.regions[r]);
    }
    result.regions = found.count;
  }
  free_holdings(&found);
  return result;
}

/* One round; `records` is begun by it. */
static comparison ask(const kv_ctl *ctl, kv_records *records) {
  static const char *const names[] = {"region", "store", "address", "applied", "keys", "checksum"};
  comparison result = {.agree = true};
  kv_cluster_view view;
  kv_error error;
  kv_records_begin(records, names, sizeof(names) / sizeof(names[0]));
  if (kv_cluster_view_status(&ctl->addresses, STATUS_MS, &view, &error) != KV_OK) {
    (void)kv_ctl_complain(KV_CTL_FAILED, error.text);
    return result;
  }
  result = ask_all(&view, records);
  kv_cluster_view_free(&view);
  return result;
}

/* Asks until all are at the same index, or the time is up, or there is a contradiction. */
static comparison ask_until(const kv_ctl *ctl, kv_records *records) {
  const long long deadline = kv_ctl_now() + (ctl->timeout_ms > 0 ? ctl->timeout_ms : WAIT_MS);
  for (;;) {
    const comparison result = ask(ctl, records);
    if (!result.reachable || !ctl->wait || result.level || !result.agree ||
        kv_ctl_now() >= deadline) {
      return result;
    }
    kv_records_drop(records);
    const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000L};
    (void)nanosleep(&pause, NULL);
  }
}

int kv_ctl_checksum(const kv_ctl *ctl) {
  kv_records records;
  const comparison result = ask_until(ctl, &records);
  if (!result.reachable) {
    kv_records_drop(&records);
    return KV_CTL_FAILED;
  }
  kv_records_end(&records, ctl->json, "replicas");
  if (!ctl->json) {
    (void)printf("%s\n", verdict(&result));
  }
  const bool right = result.agree && result.answers > 0 && (result.level || !ctl->wait);
  return right ? KV_CTL_OK : KV_CTL_FAILED;
}
