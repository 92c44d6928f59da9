/* region_command.c - the regions of a cluster: which there are, where a key is, are they sound.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ctl/records.h"
#include "ctl/region_list.h"

static const char *const columns[] = {"region", "start",   "end",      "leader_store",
                                      "term",   "version", "conf_ver", "peers",
                                      "bytes",  "keys",    "trouble",  "reported"};
enum { COLUMNS = sizeof(columns) / sizeof(columns[0]) };

static const kv_region_peer *leader_of(const kv_region_report *report) {
  return kv_region_find_peer(&report->region, report->leader_peer);
}

static void add_text(kv_records *records, kv_buffer *text) {
  kv_records_text(records, "%.*s", (int)kv_buffer_len(text),
                  kv_buffer_len(text) > 0 ? kv_buffer_front(text) : "");
  kv_buffer_free(text);
}

/* "11@1 12@2 13@3(learner)": peer@store. */
static void add_peers(kv_records *records, const kv_region *region) {
  kv_buffer text = {0};
  for (size_t i = 0; i < region->peer_count; i++) {
    const kv_region_peer *peer = &region->peers[i];
    const bool voter = peer->role == KV_PEER_VOTER;
    (void)kv_buffer_print(&text, "%s%" PRIu64 "@%" PRIu64 "%s%s%s", i > 0 ? " " : "", peer->id,
                          peer->store_id, voter ? "" : "(",
                          voter ? "" : kv_peer_role_name(peer->role), voter ? "" : ")");
  }
  add_text(records, &text);
}

static void add_trouble(kv_records *records, const kv_region_report *report) {
  kv_buffer text = {0};
  for (size_t i = 0; i < report->trouble_count; i++) {
    const kv_peer_trouble *trouble = &report->troubles[i];
    (void)kv_buffer_print(&text, "%speer %" PRIu64 " %s", i > 0 ? ", " : "", trouble->peer_id,
                          trouble->pending ? "pending" : "down");
  }
  add_text(records, &text);
}

static void add(kv_records *records, const kv_region_report *report) {
  const kv_region_peer *leader = leader_of(report);
  kv_records_number(records, report->region.id);
  kv_records_key(records, report->region.start, "-inf");
  kv_records_key(records, report->region.end, "+inf");
  kv_records_number(records, leader != NULL ? leader->store_id : 0);
  kv_records_number(records, report->term);
  kv_records_number(records, report->region.epoch.version);
  kv_records_number(records, report->region.epoch.conf_ver);
  add_peers(records, &report->region);
  kv_records_bytes(records, report->bytes);
  kv_records_number(records, report->keys);
  add_trouble(records, report);
  kv_records_age(records, report->age);
}

static void print(const kv_ctl *ctl, const kv_region_report *reports, size_t count) {
  kv_records records;
  kv_records_begin(&records, columns, COLUMNS);
  for (size_t i = 0; i < count; i++) {
    add(&records, &reports[i]);
  }
  kv_records_end(&records, ctl->json, "regions");
}

int kv_ctl_region_list(const kv_ctl *ctl) {
  kv_asker asker;
  kv_region_list list = {NULL, 0};
  const bool done = kv_asker_open(&asker, ctl) && kv_region_list_fetch(&asker, &list);
  if (done) {
    print(ctl, list.reports, list.count);
  }
  kv_region_list_free(&list);
  kv_asker_close(&asker);
  return done ? KV_CTL_OK : KV_CTL_FAILED;
}

static int show(const kv_ctl *ctl, kv_scheduler_request *request) {
  kv_asker asker;
  const bool done = kv_ctl_ask_scheduler(ctl, &asker, request);
  if (done) {
    print(ctl, asker.response.regions, asker.response.region_count);
  }
  kv_asker_close(&asker);
  return done ? KV_CTL_OK : KV_CTL_FAILED;
}

int kv_ctl_region_show(const kv_ctl *ctl) {
  long long id;
  if (!kv_ctl_number(ctl->words[0], "region", &id)) {
    return KV_CTL_USAGE;
  }
  kv_scheduler_request request = {.call = KV_CALL_GET_REGION, .id = (uint64_t)id};
  return show(ctl, &request);
}

int kv_ctl_region_key(const kv_ctl *ctl) {
  kv_scheduler_request request = {.call = KV_CALL_GET_REGION,
                                  .key = {ctl->words[0], strlen(ctl->words[0])}};
  return show(ctl, &request);
}

/* ---- check ---- */

static const kv_region_report *report_at(const kv_region_list *list, size_t position) {
  return position < list->count ? &list->reports[position] : NULL;
}

/* What is wrong between a region and the one before it. */
static bool seam_complaint(const kv_region_report *before, const kv_region_report *after,
                           char *text, size_t size) {
  const raft_slice end = before != NULL ? before->region.end : (raft_slice){"", 0};
  const raft_slice start = after != NULL ? after->region.start : (raft_slice){"", 0};
  if (end.len == start.len && (end.len == 0 || memcmp(end.data, start.data, end.len) == 0)) {
    return false;
  }
  (void)snprintf(text, size, "no region is known between region %" PRIu64 " and region %" PRIu64,
                 before != NULL ? before->region.id : 0, after != NULL ? after->region.id : 0);
  return true;
}

static uint64_t replicas_wanted(kv_asker *asker) {
  kv_scheduler_request request = {.call = KV_CALL_GET_CONFIG};
  uint64_t replicas = 0;
  if (kv_asker_ask(asker, &request)) {
    for (size_t i = 0; i < asker->response.item_count; i++) {
      const kv_scheduler_item *item = &asker->response.items[i];
      replicas = strcmp(item->name, "max-replicas") == 0 ? item->value : replicas;
    }
  }
  return replicas;
}

/* One row a complaint; true: there was none. */
static bool print_complaints(const kv_ctl *ctl, const kv_region_list *list, uint64_t replicas) {
  static const char *const names[] = {"complaint"};
  char text[200];
  bool sound = true;
  kv_records records;
  kv_records_begin(&records, names, 1);
  for (size_t i = 0; i <= list->count; i++) {
    const kv_region_report *before = i > 0 ? report_at(list, i - 1) : NULL;
    const kv_region_report *report = report_at(list, i);
    if (seam_complaint(before, report, text, sizeof(text))) {
      kv_records_text(&records, "%s", text);
      sound = false;
    }
    if (report != NULL && kv_region_list_complaint(report, replicas, text, sizeof(text))) {
      kv_records_text(&records, "%s", text);
      sound = false;
    }
  }
  if (ctl->json || !sound) {
    kv_records_end(&records, ctl->json, "complaints");
  } else {
    (void)printf("%zu regions: no holes, all with a leader and %" PRIu64 " voters\n", list->count,
                 replicas);
    kv_records_drop(&records);
  }
  return sound;
}

int kv_ctl_region_check(const kv_ctl *ctl) {
  kv_asker asker;
  kv_region_list list = {NULL, 0};
  bool sound = false;
  if (kv_asker_open(&asker, ctl)) {
    const uint64_t replicas = replicas_wanted(&asker);
    if (replicas > 0 && kv_region_list_fetch(&asker, &list)) {
      sound = print_complaints(ctl, &list, replicas);
    }
  }
  kv_region_list_free(&list);
  kv_asker_close(&asker);
  return sound ? KV_CTL_OK : KV_CTL_FAILED;
}
