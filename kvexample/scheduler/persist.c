/* persist.c - what the scheduler keeps in its engine, and reading it again.
 *
 * Keys of the metadata space: "cluster", "ids", "config/NAME", "store/ID", "region/ID" with ids in
 * eight bytes, the most significant first. Numbers in values are little-endian, stores and
 * regions are messages of proto/schedulerpb.proto.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "scheduler/persist.h"

#include <inttypes.h>
#include <string.h>

#include "base/little_endian.h"
#include "scheduler/message_parts.h"
#include "scheduler/region_set.h"
#include "scheduler/store_set.h"

enum { FORMAT = 1, CLUSTER_BYTES = 32, KEY_BYTES = 80 };

static const char cluster_key[] = "cluster";
static const char ids_key[] = "ids";
static const char config_prefix[] = "config/";
static const char store_prefix[] = "store/";
static const char region_prefix[] = "region/";

/* ---- keys ---- */

typedef struct record_key {
  char bytes[KEY_BYTES];
  size_t len;
} record_key;

static raft_slice slice_of(const record_key *key) {
  return (raft_slice){key->bytes, key->len};
}

static record_key text_key(const char *prefix, const char *name) {
  record_key key = {.len = strlen(prefix)};
  const size_t len = strlen(name) < sizeof key.bytes - key.len ? strlen(name) : 0;
  memcpy(key.bytes, prefix, key.len);
  memcpy(key.bytes + key.len, name, len);
  key.len += len;
  return key;
}

static record_key id_key(const char *prefix, uint64_t id) {
  record_key key = text_key(prefix, "");
  for (int shift = 56; shift >= 0; shift -= 8) {
    key.bytes[key.len++] = (char)(id >> shift);
  }
  return key;
}

/* ---- writing ---- */

static int begin(const kv_scheduler *s, kv_txn **txn) {
  return s->engine->ops->begin(s->engine, true, txn);
}

static int finish(const kv_scheduler *s, kv_txn *txn, int rc) {
  if (rc == KV_OK) {
    return kv_commit_durable(txn);
  }
  s->engine->ops->abort(txn);
  return rc;
}

static int put(const kv_scheduler *s, kv_txn *txn, record_key key, raft_slice value) {
  return s->engine->ops->put(txn, KV_SPACE_META, slice_of(&key), value);
}

static int put_alone(const kv_scheduler *s, record_key key, raft_slice value) {
  kv_txn *txn = NULL;
  const int rc = begin(s, &txn);
  return rc != KV_OK ? rc : finish(s, txn, put(s, txn, key, value));
}

static int forget(const kv_scheduler *s, record_key key) {
  kv_txn *txn = NULL;
  int rc = begin(s, &txn);
  if (rc != KV_OK) {
    return rc;
  }
  rc = s->engine->ops->del(txn, KV_SPACE_META, slice_of(&key));
  return finish(s, txn, rc == KV_ENOTFOUND ? KV_OK : rc);
}

static int put_number(const kv_scheduler *s, record_key key, uint64_t number) {
  unsigned char value[8];
  kv_put_u64(value, number);
  return put_alone(s, key, (raft_slice){value, sizeof value});
}

static int put_region(const kv_scheduler *s, kv_txn *txn, const kv_region_report *report) {
  schedulerpb_RegionReport pb;
  kv_report_source source;
  raft_buf *value = NULL;
  int rc = kv_report_to_pb(report, &source, &pb)
               ? kv_pb_encode_buf(schedulerpb_RegionReport_fields, &pb, &value)
               : KV_EINVAL;
  if (rc == KV_OK) {
    rc = put(s, txn, id_key(region_prefix, report->region.id),
             (raft_slice){raft_buf_data(value), raft_buf_len(value)});
  }
  raft_buf_release(value);
  return rc;
}

int kv_persist_cluster(const kv_scheduler *s, bool bootstrapped, bool paused,
                       const kv_region_report *first) {
  unsigned char value[CLUSTER_BYTES];
  kv_txn *txn = NULL;
  int rc = begin(s, &txn);
  if (rc != KV_OK) {
    return rc;
  }
  kv_put_u64(value, FORMAT);
  kv_put_u64(value + 8, s->cluster_id);
  kv_put_u64(value + 16, bootstrapped);
  kv_put_u64(value + 24, paused);
  rc = put(s, txn, text_key(cluster_key, ""), (raft_slice){value, sizeof value});
  if (rc == KV_OK && first != NULL) {
    rc = put_region(s, txn, first);
  }
  return finish(s, txn, rc);
}

int kv_persist_ids(const kv_scheduler *s, uint64_t limit) {
  return put_number(s, text_key(ids_key, ""), limit);
}

int kv_persist_setting(const kv_scheduler *s, const char *name, uint64_t value) {
  return put_number(s, text_key(config_prefix, name), value);
}

int kv_persist_store(const kv_scheduler *s, const kv_sched_store *store) {
  unsigned char value[512];
  size_t len = 0;
  kv_store_info info = {
      .id = store->id, .state = (uint32_t)store->kept, .incarnation = store->incarnation};
  memcpy(info.address, store->address, sizeof info.address);
  const int rc = kv_pb_encode(schedulerpb_Store_fields, &info, value, sizeof value, &len);
  return rc != KV_OK ? rc : put_alone(s, id_key(store_prefix, store->id), (raft_slice){value, len});
}

int kv_persist_forget_store(const kv_scheduler *s, uint64_t id) {
  return forget(s, id_key(store_prefix, id));
}

int kv_persist_regions(kv_scheduler *s, size_t most) {
  kv_list written;
  kv_txn *txn = NULL;
  if (kv_list_is_empty(&s->regions.dirty)) {
    return KV_OK;
  }
  int rc = begin(s, &txn);
  if (rc != KV_OK) {
    return rc;
  }
  kv_list_init(&written);
  for (kv_link *link; most > 0 && rc == KV_OK && (link = kv_list_pop(&s->regions.dirty)) != NULL;
       most--) {
    rc = put_region(s, txn, &KV_OBJECT_OF(link, kv_sched_region, dirty)->report);
    kv_list_append(&written, link);
  }
  rc = finish(s, txn, rc);
  if (rc != KV_OK) {
    kv_list_move(&s->regions.dirty, &written);
  }
  while (kv_list_pop(&written) != NULL) {
  }
  return rc;
}

/* ---- reading ---- */

static int load_cluster(kv_scheduler *s, raft_slice value, kv_error *error) {
  if (value.len != CLUSTER_BYTES || kv_get_u64(value.data) != FORMAT) {
    return kv_fail(error, KV_EFOREIGN, "the scheduler's data is of another format");
  }
  const unsigned char *at = value.data;
  s->cluster_id = kv_get_u64(at + 8);
  s->bootstrapped = kv_get_u64(at + 16) != 0;
  s->paused = kv_get_u64(at + 24) != 0;
  return KV_OK;
}

static int load_ids(kv_scheduler *s, raft_slice value) {
  if (value.len != 8) {
    return KV_ECORRUPT;
  }
  s->ids.next = s->ids.limit = kv_get_u64(value.data);
  return KV_OK;
}

/* A setting that this version does not know, or would not take, is none. */
static int load_setting(kv_scheduler *s, raft_slice name, raft_slice value) {
  char text[KEY_BYTES];
  if (value.len != 8 || name.len >= sizeof text) {
    return KV_ECORRUPT;
  }
  memcpy(text, name.data, name.len);
  text[name.len] = '\0';
  kv_error error;
  if (kv_scheduler_config_set(&s->config, text, kv_get_u64(value.data), &error) != KV_OK) {
    kv_log(&s->logger, KV_WARN, "a stored setting is ignored", "name=%s why=\"%s\"", text,
           error.text);
  }
  return KV_OK;
}

static int load_store(kv_scheduler *s, raft_slice value) {
  kv_store_info info = schedulerpb_Store_init_zero;
  if (kv_pb_decode(schedulerpb_Store_fields, value, &info) != KV_OK || info.id == 0) {
    return KV_ECORRUPT;
  }
  kv_sched_store *store = kv_store_set_add(&s->stores, info.id);
  if (store == NULL) {
    return KV_ENOMEM;
  }
  memcpy(store->address, info.address, sizeof store->address);
  store->kept = (kv_scheduler_store_state)info.state;
  store->incarnation = info.incarnation;
  store->heard_ms = s->now;
  return info.state <= KV_STORE_TOMBSTONE ? KV_OK : KV_ECORRUPT;
}

static int load_region(kv_scheduler *s, raft_slice value) {
  schedulerpb_RegionReport pb = schedulerpb_RegionReport_init_zero;
  kv_region_report report;
  kv_report_reader reader;
  kv_report_bind(&reader, &pb);
  const bool decoded = kv_pb_decode(schedulerpb_RegionReport_fields, value, &pb) == KV_OK;
  int rc = kv_report_read(&reader, &pb, decoded, &report);
  if (rc == KV_OK) {
    report.term = 0; /* whoever leads it now is heard of first */
    report.leader_peer = 0;
    /* One that was superseded when it was no more written. */
    rc = !kv_sched_region_is_valid(&report.region) ? KV_ECORRUPT
         : kv_region_set_is_stale(s, &report)      ? KV_OK
                                                   : kv_region_set_put(s, &report, false);
    kv_region_report_clear(&report);
  }
  return rc;
}

static bool has_prefix(raft_slice key, const char *prefix, raft_slice *rest) {
  const size_t len = strlen(prefix);
  if (key.len < len || memcmp(key.data, prefix, len) != 0) {
    return false;
  }
  *rest = (raft_slice){(const char *)key.data + len, key.len - len};
  return true;
}

/* "region/" comes before "store/", but needs the stores: there are two passes. */
static int load_record(kv_scheduler *s, bool regions, raft_slice key, raft_slice value,
                       kv_error *error) {
  raft_slice rest;
  if (has_prefix(key, region_prefix, &rest)) {
    return regions ? load_region(s, value) : KV_OK;
  }
  if (regions) {
    return KV_OK;
  }
  if (has_prefix(key, store_prefix, &rest)) {
    return load_store(s, value);
  }
  if (has_prefix(key, config_prefix, &rest)) {
    return load_setting(s, rest, value);
  }
  if (has_prefix(key, ids_key, &rest)) {
    return load_ids(s, value);
  }
  return has_prefix(key, cluster_key, &rest)
             ? load_cluster(s, value, error)
             : kv_fail(error, KV_EFOREIGN, "the data is not a scheduler's");
}

static int load_pass(kv_scheduler *s, kv_txn *txn, bool regions, bool *found, kv_error *error) {
  const kv_engine_ops *ops = s->engine->ops;
  kv_cursor *cursor = NULL;
  int rc = ops->seek(txn, KV_SPACE_META, (raft_slice){0}, &cursor);
  if (rc != KV_OK) {
    return rc == KV_ENOTFOUND ? KV_OK : rc;
  }
  while (rc == KV_OK) {
    raft_slice key, value;
    *found = true;
    ops->item(cursor, &key, &value);
    rc = load_record(s, regions, key, value, error);
    rc = rc == KV_OK ? ops->next(cursor) : rc;
  }
  ops->cursor_close(cursor);
  return rc == KV_ENOTFOUND ? KV_OK : rc;
}

int kv_persist_load(kv_scheduler *s, bool *found, kv_error *error) {
  kv_txn *txn = NULL;
  *found = false;
  int rc = s->engine->ops->begin(s->engine, false, &txn);
  if (rc != KV_OK) {
    return kv_fail(error, rc, "the scheduler's data cannot be read");
  }
  rc = load_pass(s, txn, false, found, error);
  if (rc == KV_OK) {
    rc = load_pass(s, txn, true, found, error);
  }
  s->engine->ops->abort(txn);
  if (rc == KV_OK && *found && s->cluster_id == 0) {
    return kv_fail(error, KV_ECORRUPT, "the scheduler's data names no cluster");
  }
  return rc == KV_OK || rc == KV_EFOREIGN
             ? rc
             : kv_fail(error, rc, "a record of the scheduler's data is damaged");
}
