/* data_command.c - single keys and ranges of them, by raw calls to the leaders of their regions.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/raw_client.h"
#include "ctl/records.h"
#include "ctl/scheduler_ask.h"

enum { DATA_MS = 10000, SCAN_PAGE = 1000 };

static raft_slice word(const kv_ctl *ctl, int position) {
  return (raft_slice){ctl->words[position], strlen(ctl->words[position])};
}

static kv_raw_client *open_client(const kv_ctl *ctl) {
  kv_raw_client *client;
  kv_error error;
  const int timeout = ctl->timeout_ms > 0 ? ctl->timeout_ms : DATA_MS;
  if (kv_raw_client_open(ctl->scheduler, timeout, (uint64_t)kv_ctl_now(), &client, &error) !=
      KV_OK) {
    (void)kv_ctl_complain(KV_CTL_FAILED, error.text);
    return NULL;
  }
  return client;
}

/* False: it has been complained about. */
static bool call(kv_raw_client *client, const kv_raw_request *request,
                 const kv_raw_response **response) {
  kv_error error;
  if (kv_raw_client_call(client, request, response, &error) == KV_OK) {
    return true;
  }
  (void)kv_ctl_complain(KV_CTL_FAILED, error.text);
  return false;
}

/* One call whose response is for `tell`, which gives the exit status. */
static int once(const kv_ctl *ctl, const kv_raw_request *request,
                int (*tell)(const kv_ctl *ctl, const kv_raw_response *response)) {
  const kv_raw_response *response;
  kv_raw_client *client = open_client(ctl);
  int status = KV_CTL_FAILED;
  if (client != NULL && call(client, request, &response)) {
    status = tell(ctl, response);
  }
  kv_raw_client_close(client);
  return status;
}

static int tell_value(const kv_ctl *ctl, const kv_raw_response *response) {
  static const char *const columns[] = {"value"};
  if (response->not_found) {
    return kv_ctl_complain(KV_CTL_FAILED, "there is no such key");
  }
  if (ctl->json) {
    kv_records records;
    kv_records_begin(&records, columns, 1);
    kv_records_key(&records, response->value, "");
    kv_records_end(&records, true, "values");
  } else {
    (void)fwrite(response->value.data, 1, response->value.len, stdout);
    (void)putchar('\n');
  }
  return KV_CTL_OK;
}

static int tell_done(const kv_ctl *ctl, const kv_raw_response *response) {
  (void)response;
  kv_ctl_say(ctl, "done");
  return KV_CTL_OK;
}

static int tell_deleted(const kv_ctl *ctl, const kv_raw_response *response) {
  kv_ctl_say(ctl, response->succeeded ? "deleted" : "there was no such key");
  return KV_CTL_OK;
}

static int tell_swapped(const kv_ctl *ctl, const kv_raw_response *response) {
  if (!response->succeeded) {
    return kv_ctl_complain(KV_CTL_FAILED, "not changed: another value is there, or none");
  }
  return tell_done(ctl, response);
}

int kv_ctl_get(const kv_ctl *ctl) {
  const kv_raw_request request = {.call = KV_RAW_GET, .key = word(ctl, 0)};
  return once(ctl, &request, tell_value);
}

int kv_ctl_put(const kv_ctl *ctl) {
  const kv_raw_request request = {.call = KV_RAW_PUT, .key = word(ctl, 0), .value = word(ctl, 1)};
  return once(ctl, &request, tell_done);
}

int kv_ctl_delete(const kv_ctl *ctl) {
  const kv_raw_request request = {.call = KV_RAW_DELETE, .key = word(ctl, 0)};
  return once(ctl, &request, tell_deleted);
}

int kv_ctl_cas(const kv_ctl *ctl) {
  const bool absent = ctl->word_count == 2;
  const kv_raw_request request = {.call = KV_RAW_CAS,
                                  .key = word(ctl, 0),
                                  .value = word(ctl, absent ? 1 : 2),
                                  .expected = absent ? (raft_slice){"", 0} : word(ctl, 1),
                                  .absent = absent};
  return once(ctl, &request, tell_swapped);
}

/* ---- scan ---- */

/* Where a scan goes on: a copy, because the response it came with is gone by then. */
typedef struct place {
  char *key;
  size_t len;
} place;

static bool move_to(place *at, raft_slice key) {
  char *copy = malloc(key.len + 1);
  if (copy == NULL) {
    (void)kv_ctl_complain(KV_CTL_FAILED, "out of memory");
    return false;
  }
  memcpy(copy, key.data, key.len);
  free(at->key);
  at->key = copy;
  at->len = key.len;
  return true;
}

/* Page by page and region by region. False: it has been complained about. */
static bool scan(kv_raw_client *client, raft_slice from, uint64_t limit, kv_records *records) {
  const kv_raw_response *response;
  place at = {NULL, 0};
  bool more = true, right = move_to(&at, from);
  while (right && more && limit > 0) {
    const kv_raw_request request = {.call = KV_RAW_SCAN,
                                    .key = {at.key, at.len},
                                    .limit = (uint32_t)(limit < SCAN_PAGE ? limit : SCAN_PAGE)};
    right = call(client, &request, &response);
    for (size_t i = 0; right && i < response->pair_count; i++) {
      kv_records_key(records, response->pairs[i].key, "");
      kv_records_key(records, response->pairs[i].value, "");
      limit--;
    }
    more = right && response->next_key.len > 0;
    right = right && (!more || move_to(&at, response->next_key));
  }
  free(at.key);
  return right;
}

int kv_ctl_scan(const kv_ctl *ctl) {
  static const char *const columns[] = {"key", "value"};
  long long limit = 1000;
  if (ctl->word_count == 2 && !kv_ctl_number(ctl->words[1], "count", &limit)) {
    return KV_CTL_USAGE;
  }
  kv_raw_client *client = open_client(ctl);
  kv_records records;
  kv_records_begin(&records, columns, 2);
  const raft_slice from = ctl->word_count > 0 ? word(ctl, 0) : (raft_slice){"", 0};
  const bool right = client != NULL && scan(client, from, (uint64_t)limit, &records);
  if (right) {
    kv_records_end(&records, ctl->json, "pairs");
  } else {
    kv_records_drop(&records);
  }
  kv_raw_client_close(client);
  return right ? KV_CTL_OK : KV_CTL_FAILED;
}
