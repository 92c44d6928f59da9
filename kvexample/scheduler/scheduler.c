/* scheduler.c - the placement driver: opening, one request, one tick.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "scheduler/scheduler.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/format.h"
#include "scheduler/checkers.h"
#include "scheduler/describe.h"
#include "scheduler/handlers.h"
#include "scheduler/message_parts.h"
#include "scheduler/operators.h"
#include "scheduler/persist.h"
#include "scheduler/region_set.h"
#include "scheduler/store_set.h"

/* Operators that one balancer begins, and regions that are written, in one tick. */
enum { PLANS_PER_TICK = 4, REGIONS_PER_TICK = 256 };

/* ---- opening and closing ---- */

static int load(kv_scheduler *s, uint64_t new_cluster_id, kv_error *error) {
  bool found = false;
  int rc = kv_persist_load(s, &found, error);
  if (rc == KV_OK && !found) {
    s->cluster_id = new_cluster_id;
    rc = kv_persist_cluster(s, false, false, NULL);
    if (rc != KV_OK) {
      return kv_fail(error, rc, "the new cluster cannot be written");
    }
  }
  /* What a restart makes of the version never was one before, since ids are skipped. */
  s->stores.version = (s->ids.next << 20) + 1;
  return rc;
}

int kv_scheduler_open(const kv_scheduler_options *options, kv_engine *engine, uint64_t now_ms,
                      kv_scheduler **scheduler, kv_error *error) {
  *scheduler = NULL;
  if (options->cluster_id == 0) {
    return kv_fail(error, KV_EINVAL, "a cluster's id is not 0");
  }
  int rc = kv_scheduler_config_check(&options->config, error);
  kv_scheduler *s = rc == KV_OK ? calloc(1, sizeof *s) : NULL;
  if (s == NULL) {
    return rc != KV_OK ? rc : kv_fail(error, KV_ENOMEM, "out of memory");
  }
  s->config = options->config;
  s->logger = options->logger;
  s->engine = engine;
  s->now = s->started = now_ms;
  s->ids = (kv_ids){1, 1};
  kv_region_set_init(&s->regions);
  kv_operator_set_init(&s->operators);
  rc = load(s, options->cluster_id, error);
  if (rc != KV_OK) {
    kv_scheduler_close(s);
    return rc;
  }
  *scheduler = s;
  return KV_OK;
}

void kv_scheduler_close(kv_scheduler *scheduler) {
  if (scheduler != NULL) {
    kv_operator_set_clear(scheduler);
    kv_region_set_clear(&scheduler->regions);
    kv_store_set_clear(&scheduler->stores);
    free(scheduler);
  }
}

uint64_t kv_scheduler_cluster_id(const kv_scheduler *scheduler) {
  return scheduler->cluster_id;
}

/* ---- may plans of its own be made? ---- */

static void see_ready(kv_scheduler *s) {
  const size_t known = s->regions.by_key.count;
  if (!s->ready && s->bootstrapped &&
      (s->now - s->started >= s->config.start_wait_ms ||
       (known > 0 && s->regions.reported * 100 >= known * s->config.start_wait_percent))) {
    s->ready = true;
    kv_log(&s->logger, KV_INFO, "enough regions reported", "reported=%zu known=%zu",
           s->regions.reported, known);
  }
}

bool kv_scheduler_may_plan(const kv_scheduler *s, char *why, size_t size) {
  if (!s->bootstrapped) {
    kv_message_text(why, size, "waits: the cluster is not bootstrapped");
  } else if (s->paused) {
    kv_message_text(why, size, "paused");
  } else if (!s->ready) {
    kv_message_text(why, size,
                    "waits for reports after its start: %zu of %zu regions, %" PRIu64
                    " %% needed, or %" PRIu64 " s more",
                    s->regions.reported, s->regions.by_key.count, s->config.start_wait_percent,
                    (s->config.start_wait_ms - (s->now - s->started)) / 1000);
  } else {
    return true;
  }
  return false;
}

/* ---- settings ---- */

static void add_items(const kv_scheduler *s, kv_scheduler_response *response) {
  const char *name;
  uint64_t value;
  for (size_t i = 0; (name = kv_scheduler_config_item(&s->config, i, &value)) != NULL; i++) {
    void *items = response->items;
    kv_scheduler_item *item =
        kv_list_grow(&items, response->item_count, sizeof *response->items, KV_MAX_LIST);
    response->items = items;
    if (item == NULL) {
      kv_response_code(response, KV_ENOMEM, "listing the settings");
      return;
    }
    kv_message_text(item->name, sizeof item->name, "%s", name);
    item->value = value;
    response->item_count++;
  }
}

static void handle_get_config(kv_scheduler *s, const kv_scheduler_request *request,
                              kv_scheduler_response *response) {
  (void)request;
  add_items(s, response);
}

static void handle_set_config(kv_scheduler *s, const kv_scheduler_request *request,
                              kv_scheduler_response *response) {
  kv_scheduler_config changed = s->config;
  kv_error error;
  if (kv_scheduler_config_set(&changed, request->text, request->count, &error) != KV_OK) {
    kv_response_fail(response, KV_SCHEDULER_INVALID, "%s", error.text);
    return;
  }
  const int rc = kv_persist_setting(s, request->text, request->count);
  kv_response_code(response, rc, "writing the setting");
  if (rc == KV_OK) {
    s->config = changed;
    add_items(s, response);
  }
}

static void set_paused(kv_scheduler *s, bool paused, kv_scheduler_response *response) {
  const int rc = kv_persist_cluster(s, s->bootstrapped, paused, NULL);
  kv_response_code(response, rc, "writing it");
  if (rc == KV_OK) {
    s->paused = paused;
  }
}

static void handle_pause(kv_scheduler *s, const kv_scheduler_request *request,
                         kv_scheduler_response *response) {
  (void)request;
  set_paused(s, true, response);
}

static void handle_resume(kv_scheduler *s, const kv_scheduler_request *request,
                          kv_scheduler_response *response) {
  (void)request;
  set_paused(s, false, response);
}

static void handle_describe(kv_scheduler *s, const kv_scheduler_request *request,
                            kv_scheduler_response *response) {
  (void)request;
  kv_response_code(response, kv_scheduler_describe(s, response), "describing");
}

/* ---- requests ---- */

void kv_response_fail(kv_scheduler_response *response, kv_scheduler_status status,
                      const char *format, ...) {
  va_list args;
  va_start(args, format);
  (void)kv_vformat(response->text, sizeof response->text, format, args);
  va_end(args);
  response->status = status;
}

void kv_response_code(kv_scheduler_response *response, int code, const char *what) {
  if (code != KV_OK) {
    kv_response_fail(response, KV_SCHEDULER_FAILED, "%s failed: %s", what,
                     code == KV_ENOMEM  ? "out of memory"
                     : code == KV_EFULL ? "the scheduler's disk is full"
                                        : "the scheduler's storage does not work");
  }
}

static const kv_scheduler_handler handlers[] = {
    [KV_CALL_PUT_STORE] = kv_handle_put_store,
    [KV_CALL_BOOTSTRAP] = kv_handle_bootstrap,
    [KV_CALL_ALLOC_IDS] = kv_handle_alloc_ids,
    [KV_CALL_STORE_HEARTBEAT] = kv_handle_store_heartbeat,
    [KV_CALL_REGION_HEARTBEAT] = kv_handle_region_heartbeat,
    [KV_CALL_ASK_SPLIT] = kv_handle_ask_split,
    [KV_CALL_GET_REGION] = kv_handle_get_region,
    [KV_CALL_SCAN_REGIONS] = kv_handle_scan_regions,
    [KV_CALL_GET_STORE] = kv_handle_get_store,
    [KV_CALL_LIST_STORES] = kv_handle_list_stores,
    [KV_CALL_DRAIN_STORE] = kv_handle_drain_store,
    [KV_CALL_UNDRAIN_STORE] = kv_handle_undrain_store,
    [KV_CALL_REMOVE_TOMBSTONE] = kv_handle_remove_tombstone,
    [KV_CALL_ADD_OPERATOR] = kv_handle_add_operator,
    [KV_CALL_LIST_OPERATORS] = kv_handle_list_operators,
    [KV_CALL_OPERATOR_HISTORY] = kv_handle_operator_history,
    [KV_CALL_CANCEL_OPERATOR] = kv_handle_cancel_operator,
    [KV_CALL_DESCRIBE] = handle_describe,
    [KV_CALL_PAUSE] = handle_pause,
    [KV_CALL_RESUME] = handle_resume,
    [KV_CALL_GET_CONFIG] = handle_get_config,
    [KV_CALL_SET_CONFIG] = handle_set_config};

void kv_scheduler_handle(kv_scheduler *scheduler, uint64_t now_ms,
                         const kv_scheduler_request *request, kv_scheduler_response *response) {
  *response = (kv_scheduler_response){.request_id = request->request_id,
                                      .cluster_id = scheduler->cluster_id,
                                      .call = request->call};
  scheduler->now = now_ms;
  if (request->call <= KV_CALL_NONE || request->call > KV_CALL_SET_CONFIG) {
    kv_response_fail(response, KV_SCHEDULER_INVALID, "there is no such call");
  } else if (request->cluster_id != 0 && request->cluster_id != scheduler->cluster_id) {
    kv_response_fail(response, KV_SCHEDULER_WRONG_CLUSTER,
                     "this is the scheduler of cluster %" PRIu64 ", not of %" PRIu64,
                     scheduler->cluster_id, request->cluster_id);
  } else {
    handlers[request->call](scheduler, request, response);
    see_ready(scheduler);
  }
}

int kv_scheduler_handle_frame(kv_scheduler *scheduler, uint64_t now_ms, raft_bytes frame,
                              raft_buf **answer) {
  kv_scheduler_request request;
  kv_scheduler_response response;
  int rc = kv_scheduler_request_decode(frame, &request);
  if (rc != KV_OK) {
    return rc;
  }
  kv_scheduler_handle(scheduler, now_ms, &request, &response);
  rc = kv_scheduler_response_encode(&response, answer);
  kv_scheduler_response_clear(&response);
  kv_scheduler_request_clear(&request);
  return rc;
}

/* ---- time ---- */

static void balance(kv_scheduler *s, void (*plan_one)(const kv_scheduler *, kv_plan *)) {
  for (int i = 0; i < PLANS_PER_TICK; i++) {
    kv_plan plan;
    plan_one(s, &plan);
    if (plan.kind == KV_PLAN_NONE || kv_operator_start(s, &plan, NULL) != KV_OK) {
      return;
    }
  }
}

/* Every tick tries; what became of it is said when it changes. */
static void tell_of_writing(kv_scheduler *s, int rc) {
  const int before = s->write_code;
  s->write_code = rc;
  if (rc != KV_OK && rc != before) {
    kv_log(&s->logger, KV_ERROR, "regions cannot be written, trying again", "code=%d reason=\"%s\"",
           rc,
           rc == KV_EFULL    ? "the disk is full"
           : rc == KV_ENOMEM ? "out of memory"
                             : "the storage does not work");
  } else if (rc == KV_OK && before != KV_OK) {
    kv_log(&s->logger, KV_INFO, "regions can be written again", NULL);
  }
}

void kv_scheduler_tick(kv_scheduler *scheduler, uint64_t now_ms) {
  kv_scheduler *s = scheduler;
  char why[KV_WHY_BYTES];
  s->now = now_ms;
  see_ready(s);
  kv_store_set_tick(s);
  kv_operator_set_tick(s);
  if (kv_scheduler_may_plan(s, why, sizeof why)) {
    balance(s, kv_balance_region);
    balance(s, kv_balance_leader);
  }
  if (!kv_list_is_empty(&s->regions.dirty)) {
    tell_of_writing(s, kv_persist_regions(s, REGIONS_PER_TICK));
  }
}
