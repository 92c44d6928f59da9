/* describe.c - what the scheduler does and why it does nothing, in lines for people.
 *
 * The checkers only look, so their reasons are had by running them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "scheduler/describe.h"

#include <inttypes.h>
#include <string.h>

#include "scheduler/checkers.h"
#include "scheduler/message_parts.h"
#include "scheduler/operators.h"
#include "scheduler/region_set.h"
#include "scheduler/store_set.h"

/* Regions not reported for so long are worth a word. */
enum { LONG_MS = 60000 };

static int add_line(kv_scheduler_response *response, const char *subject, const char *text) {
  void *lines = response->lines;
  kv_scheduler_line *line =
      kv_list_grow(&lines, response->line_count, sizeof *response->lines, KV_MAX_LIST);
  response->lines = lines;
  if (line == NULL) {
    return KV_ENOMEM;
  }
  kv_message_text(line->subject, sizeof line->subject, "%s", subject);
  kv_message_text(line->text, sizeof line->text, "%s", text);
  response->line_count++;
  return KV_OK;
}

static int describe_cluster(const kv_scheduler *s, kv_scheduler_response *response) {
  char text[240];
  size_t states[KV_STORE_TOMBSTONE + 1] = {0};
  for (size_t i = 0; i < s->stores.count; i++) {
    states[kv_sched_store_state(s, s->stores.stores[i])]++;
  }
  kv_message_text(text, sizeof text,
                  "%zu regions, %zu of them reported, %zu holes; stores: %zu Up, %zu Disconnected, "
                  "%zu Down, %zu Offline, %zu Tombstone",
                  s->regions.by_key.count, s->regions.reported, kv_region_set_holes(s),
                  states[KV_STORE_UP], states[KV_STORE_DISCONNECTED], states[KV_STORE_DOWN],
                  states[KV_STORE_OFFLINE], states[KV_STORE_TOMBSTONE]);
  return add_line(response, "cluster", s->bootstrapped ? text : "not bootstrapped yet");
}

static int describe_scheduler(const kv_scheduler *s, kv_scheduler_response *response) {
  char text[240];
  if (kv_scheduler_may_plan(s, text, sizeof text)) {
    kv_message_text(text, sizeof text, "at work, %zu operators run", s->operators.count);
  }
  return add_line(response, "scheduler", text);
}

static int describe_replicas(const kv_scheduler *s, kv_scheduler_response *response) {
  char text[240], first[KV_WHY_BYTES] = "";
  size_t wanting = 0, stuck = 0, silent = 0;
  for (kv_sched_region *region = kv_region_set_first(&s->regions); region != NULL;
       region = kv_region_set_next(&s->regions, region)) {
    kv_plan plan;
    silent += s->now - region->reported_ms >= LONG_MS;
    if (!kv_replica_check(s, region, &plan) || region->operator!= NULL) {
      continue;
    }
    wanting++;
    stuck += plan.kind == KV_PLAN_NONE;
    if (first[0] == '\0' && plan.kind == KV_PLAN_NONE) {
      kv_message_text(first, sizeof first, "%s", plan.why);
    }
  }
  kv_message_text(text, sizeof text, "%zu regions want something, %zu cannot have it%s%s", wanting,
                  stuck, stuck > 0 ? ": " : "", first);
  int rc = add_line(response, "replica-checker",
                    wanting > 0 ? text : "every region has its replicas, or an operator for them");
  if (rc == KV_OK && silent > 0) {
    kv_message_text(text, sizeof text, "%zu regions were not reported for a minute: no leader?",
                    silent);
    rc = add_line(response, "regions", text);
  }
  return rc;
}

static int describe_balance(const kv_scheduler *s, kv_scheduler_response *response,
                            kv_operator_class class,
                            void (*balance)(const kv_scheduler *, kv_plan *)) {
  char text[240];
  kv_plan plan;
  balance(s, &plan);
  kv_message_text(text, sizeof text, "%zu of %" PRIu64 " operators run; %s%s",
                  s->operators.of_class[class], kv_operator_limit(s, class),
                  plan.kind != KV_PLAN_NONE ? "next: " : "", plan.why);
  return add_line(response, kv_operator_class_name(class), text);
}

static int describe_stores(const kv_scheduler *s, kv_scheduler_response *response) {
  int rc = KV_OK;
  for (size_t i = 0; i < s->stores.count && rc == KV_OK; i++) {
    const kv_sched_store *store = s->stores.stores[i];
    kv_store_info info;
    char subject[40], why[KV_WHY_BYTES], text[240];
    kv_sched_store_describe(s, store, &info);
    kv_message_text(subject, sizeof subject, "store %" PRIu64, store->id);
    if (kv_store_takes_peer(s, store, why, sizeof why)) {
      kv_message_text(why, sizeof why, "takes peers and leaders");
    }
    kv_message_text(text, sizeof text, "%s%s%s", why, info.note[0] != '\0' ? "; " : "", info.note);
    rc = add_line(response, subject, text);
  }
  return rc;
}

int kv_scheduler_describe(kv_scheduler *s, kv_scheduler_response *response) {
  int rc = describe_cluster(s, response);
  rc = rc == KV_OK ? describe_scheduler(s, response) : rc;
  rc = rc == KV_OK ? describe_replicas(s, response) : rc;
  rc = rc == KV_OK ? describe_balance(s, response, KV_CLASS_BALANCE, kv_balance_region) : rc;
  rc = rc == KV_OK ? describe_balance(s, response, KV_CLASS_LEADER, kv_balance_leader) : rc;
  return rc == KV_OK ? describe_stores(s, response) : rc;
}
