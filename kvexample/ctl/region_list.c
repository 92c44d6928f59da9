/* region_list.c - all regions of a cluster in key order, as the scheduler knows them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ctl/region_list.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE = 1024 };

void kv_region_list_free(kv_region_list *list) {
  for (size_t i = 0; i < list->count; i++) {
    kv_region_report_clear(&list->reports[i]);
  }
  free(list->reports);
  *list = (kv_region_list){NULL, 0};
}

/* Moves the response's regions behind those that are there. */
static bool take(kv_region_list *list, kv_scheduler_response *response) {
  kv_region_report *reports =
      realloc(list->reports, (list->count + response->region_count) * sizeof(*reports));
  if (reports == NULL) {
    (void)kv_ctl_complain(KV_CTL_FAILED, "out of memory");
    return false;
  }
  memcpy(reports + list->count, response->regions, response->region_count * sizeof(*reports));
  list->reports = reports;
  list->count += response->region_count;
  response->region_count = 0;
  return true;
}

bool kv_region_list_fetch(kv_asker *asker, kv_region_list *list) {
  kv_scheduler_request request = {.call = KV_CALL_SCAN_REGIONS, .count = PAGE};
  *list = (kv_region_list){NULL, 0};
  for (;;) {
    if (!kv_asker_ask(asker, &request)) {
      return false;
    }
    if (asker->response.region_count == 0) {
      return true;
    }
    if (!take(list, &asker->response)) {
      return false;
    }
    request.key = list->reports[list->count - 1].region.end;
    if (request.key.len == 0) {
      return true;
    }
  }
}

static size_t voters_of(const kv_region *region) {
  size_t voters = 0;
  for (size_t i = 0; i < region->peer_count; i++) {
    voters += kv_peer_is_learner(&region->peers[i]) ? 0 : 1;
  }
  return voters;
}

bool kv_region_list_complaint(const kv_region_report *report, uint64_t replicas, char *text,
                              size_t size) {
  const kv_region *region = &report->region;
  const size_t voters = voters_of(region);
  if (report->leader_peer == 0) {
    (void)snprintf(text, size, "region %" PRIu64 " has no leader", region->id);
  } else if (report->trouble_count > 0) {
    (void)snprintf(text, size, "region %" PRIu64 ": peer %" PRIu64 " is %s", region->id,
                   report->troubles[0].peer_id, report->troubles[0].pending ? "pending" : "down");
  } else if (voters != replicas || voters != region->peer_count) {
    (void)snprintf(text, size, "region %" PRIu64 " has %zu voters of %zu peers, not %" PRIu64,
                   region->id, voters, region->peer_count, replicas);
  } else {
    return false;
  }
  return true;
}
