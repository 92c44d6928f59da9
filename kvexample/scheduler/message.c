/* message.c - what messages to and from the scheduler own, and the names of their numbers.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "scheduler/message.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/format.h"

void kv_region_report_clear(kv_region_report *report) {
  kv_region_clear(&report->region);
  free(report->troubles);
  *report = (kv_region_report){0};
}

int kv_region_report_copy(kv_region_report *to, const kv_region_report *from) {
  *to = *from;
  to->troubles = NULL;
  to->trouble_count = 0;
  int rc = kv_region_copy(&to->region, &from->region);
  if (rc == KV_OK && from->trouble_count > 0) {
    to->troubles = malloc(from->trouble_count * sizeof *to->troubles);
    if (to->troubles == NULL) {
      rc = KV_ENOMEM;
    } else {
      memcpy(to->troubles, from->troubles, from->trouble_count * sizeof *to->troubles);
      to->trouble_count = from->trouble_count;
    }
  }
  if (rc != KV_OK) {
    kv_region_report_clear(to);
  }
  return rc;
}

const kv_peer_trouble *kv_region_report_trouble(const kv_region_report *report, uint64_t peer_id) {
  for (size_t i = 0; i < report->trouble_count; i++) {
    if (report->troubles[i].peer_id == peer_id) {
      return &report->troubles[i];
    }
  }
  return NULL;
}

void kv_scheduler_request_clear(kv_scheduler_request *request) {
  kv_region_report_clear(&request->report);
  *request = (kv_scheduler_request){0};
}

void kv_scheduler_response_clear(kv_scheduler_response *response) {
  for (size_t i = 0; i < response->region_count; i++) {
    kv_region_report_clear(&response->regions[i]);
  }
  free(response->regions);
  free(response->stores);
  free(response->operators);
  free(response->lines);
  free(response->items);
  *response = (kv_scheduler_response){0};
}

/* The bytes that follow the first of a character in UTF-8 begin with the bits 10. */
static bool inside_character(char c) {
  return ((unsigned char)c & 0xc0u) == 0x80u;
}

void kv_message_text(char *text, size_t size, const char *format, ...) {
  va_list args;
  va_start(args, format);
  size_t len = kv_vformat(text, size, format, args);
  va_end(args);
  if (len < size) {
    return;
  }
  /* The last character may have been cut in two: it goes as a whole. */
  size_t at = size - 1;
  while (at > 0 && inside_character(text[at - 1])) {
    at--;
  }
  if (at > 0 && ((unsigned char)text[at - 1] & 0x80u) != 0) {
    text[at - 1] = '\0';
  }
}

const char *kv_scheduler_call_name(kv_scheduler_call call) {
  static const char *const names[] = {"none",
                                      "put-store",
                                      "bootstrap",
                                      "alloc-ids",
                                      "store-heartbeat",
                                      "region-heartbeat",
                                      "ask-split",
                                      "get-region",
                                      "scan-regions",
                                      "get-store",
                                      "list-stores",
                                      "drain-store",
                                      "undrain-store",
                                      "remove-tombstone",
                                      "add-operator",
                                      "list-operators",
                                      "operator-history",
                                      "cancel-operator",
                                      "describe",
                                      "pause",
                                      "resume",
                                      "get-config",
                                      "set-config"};
  return (size_t)call < sizeof names / sizeof *names ? names[call] : "unknown";
}

const char *kv_scheduler_status_name(kv_scheduler_status status) {
  static const char *const names[] = {
      "ok",        "failed",    "invalid", "not-bootstrapped", "bootstrapped", "wrong-cluster",
      "tombstone", "not-found", "stale"};
  return (size_t)status < sizeof names / sizeof *names ? names[status] : "unknown";
}

const char *kv_scheduler_store_state_name(kv_scheduler_store_state state) {
  static const char *const names[] = {"Up", "Disconnected", "Down", "Offline", "Tombstone"};
  return (size_t)state < sizeof names / sizeof *names ? names[state] : "unknown";
}

const char *kv_operator_state_name(kv_operator_state state) {
  static const char *const names[] = {"running", "finished", "cancelled", "timed-out", "outdated"};
  return (size_t)state < sizeof names / sizeof *names ? names[state] : "unknown";
}

const char *kv_change_kind_name(kv_change_kind kind) {
  static const char *const names[] = {"none",    "add-voter", "add-learner",
                                      "promote", "demote",    "remove"};
  return (size_t)kind < sizeof names / sizeof *names ? names[kind] : "unknown";
}
