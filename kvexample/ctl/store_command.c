/* store_command.c - the stores of a cluster as the scheduler knows them, and draining one.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ctl/records.h"
#include "ctl/scheduler_ask.h"

static const char *const columns[] = {"store",     "address",   "state",     "leaders",
                                      "regions",   "bytes",     "pending",   "sending",
                                      "receiving", "available", "heartbeat", "note"};
enum { COLUMNS = sizeof(columns) / sizeof(columns[0]) };

static void add(kv_records *records, const kv_store_info *store) {
  kv_records_number(records, store->id);
  kv_records_text(records, "%s", store->address);
  kv_records_text(records, "%s",
                  kv_scheduler_store_state_name((kv_scheduler_store_state)store->state));
  kv_records_number(records, store->leader_count);
  kv_records_number(records, store->region_count);
  kv_records_bytes(records, store->region_bytes);
  kv_records_number(records, store->pending_count);
  kv_records_number(records, store->stats.sending_snapshots);
  kv_records_number(records, store->stats.receiving_snapshots);
  kv_records_bytes(records, store->stats.available);
  kv_records_age(records, store->heartbeat_age);
  kv_records_text(records, "%s", store->note);
}

static int list(const kv_ctl *ctl, kv_scheduler_request *request) {
  kv_asker asker;
  const bool done = kv_ctl_ask_scheduler(ctl, &asker, request);
  if (done) {
    kv_records records;
    kv_records_begin(&records, columns, COLUMNS);
    for (size_t i = 0; i < asker.response.store_count; i++) {
      add(&records, &asker.response.stores[i]);
    }
    kv_records_end(&records, ctl->json, "stores");
  }
  kv_asker_close(&asker);
  return done ? KV_CTL_OK : KV_CTL_FAILED;
}

int kv_ctl_store_list(const kv_ctl *ctl) {
  kv_scheduler_request request = {.call = KV_CALL_LIST_STORES};
  return list(ctl, &request);
}

/* A call whose only argument is a store. */
static bool about_store(const kv_ctl *ctl, kv_scheduler_call call, kv_scheduler_request *request) {
  long long id;
  if (!kv_ctl_number(ctl->words[0], "store", &id)) {
    return false;
  }
  *request = (kv_scheduler_request){.call = call, .id = (uint64_t)id};
  return true;
}

int kv_ctl_store_show(const kv_ctl *ctl) {
  kv_scheduler_request request;
  return about_store(ctl, KV_CALL_GET_STORE, &request) ? list(ctl, &request) : KV_CTL_USAGE;
}

static int order(const kv_ctl *ctl, kv_scheduler_call call) {
  kv_scheduler_request request;
  return about_store(ctl, call, &request) ? kv_ctl_order(ctl, &request) : KV_CTL_USAGE;
}

int kv_ctl_store_drain(const kv_ctl *ctl) {
  return order(ctl, KV_CALL_DRAIN_STORE);
}

int kv_ctl_store_undrain(const kv_ctl *ctl) {
  return order(ctl, KV_CALL_UNDRAIN_STORE);
}

int kv_ctl_store_forget(const kv_ctl *ctl) {
  return order(ctl, KV_CALL_REMOVE_TOMBSTONE);
}
