/* install_record.c - what a store must remember of a snapshot that it is installing.
 *
 * Bytes: version=1, had_range, then name, start and end, each behind a length of two bytes.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "snapshot/install_record.h"

#include <string.h>

#include "snapshot/snapshot_format.h"

enum { VERSION = 1, KEY_LENGTH = 9, MAX_RECORD = 2 + 3 * 2 + 128 + 2 * KV_MAX_KEY };

static raft_slice make_key(uint64_t region_id, unsigned char key[KEY_LENGTH]) {
  key[0] = 'I';
  for (size_t i = 0; i < 8; i++) {
    key[1 + i] = (unsigned char)(region_id >> (8 * (7 - i))); /* ids ascend with keys */
  }
  return (raft_slice){key, KEY_LENGTH};
}

bool kv_install_record_set(kv_install_record *record, const char *name, bool had_range,
                           raft_slice start, raft_slice end) {
  *record = (kv_install_record){.had_range = had_range};
  size_t len = strlen(name);
  if (len >= sizeof record->name || start.len > KV_MAX_KEY || end.len > KV_MAX_KEY) {
    return false;
  }
  memcpy(record->name, name, len + 1);
  if (start.len > 0) {
    memcpy(record->start, start.data, start.len);
  }
  if (end.len > 0) {
    memcpy(record->end, end.data, end.len);
  }
  record->start_len = start.len;
  record->end_len = end.len;
  return true;
}

static unsigned char *put_field(unsigned char *to, const void *bytes, size_t len) {
  kv_put_little(to, len, 2);
  memcpy(to + 2, bytes, len);
  return to + 2 + len;
}

int kv_install_record_save(kv_txn *txn, uint64_t region_id, const kv_install_record *record) {
  unsigned char key[KEY_LENGTH], bytes[MAX_RECORD] = {VERSION, record->had_range};
  unsigned char *end = put_field(bytes + 2, record->name, strlen(record->name));
  end = put_field(end, record->start, record->start_len);
  end = put_field(end, record->end, record->end_len);
  raft_slice value = {bytes, (size_t)(end - bytes)};
  return txn->engine->ops->put(txn, KV_SPACE_META, make_key(region_id, key), value);
}

/* Moves *bytes past a field of at most `room` bytes. */
static bool take_field(raft_slice *bytes, unsigned char *to, size_t room, size_t *len) {
  const unsigned char *at = bytes->data;
  if (bytes->len < 2) {
    return false;
  }
  *len = (size_t)kv_get_little(at, 2);
  if (*len > room || *len > bytes->len - 2) {
    return false;
  }
  memcpy(to, at + 2, *len);
  *bytes = (raft_slice){at + 2 + *len, bytes->len - 2 - *len};
  return true;
}

static bool decode(raft_slice bytes, kv_install_record *record) {
  const unsigned char *at = bytes.data;
  unsigned char name[sizeof record->name];
  size_t name_len;
  *record = (kv_install_record){0};
  if (bytes.len < 2 || at[0] != VERSION) {
    return false;
  }
  record->had_range = at[1] != 0;
  bytes = (raft_slice){at + 2, bytes.len - 2};
  bool whole = take_field(&bytes, name, sizeof name - 1, &name_len) &&
               take_field(&bytes, record->start, KV_MAX_KEY, &record->start_len) &&
               take_field(&bytes, record->end, KV_MAX_KEY, &record->end_len) && bytes.len == 0;
  if (whole) {
    memcpy(record->name, name, name_len);
  }
  /* It becomes a path. */
  return whole && memchr(name, '/', name_len) == NULL && memchr(name, '\0', name_len) == NULL;
}

int kv_install_record_load(kv_txn *txn, uint64_t region_id, kv_install_record *record) {
  unsigned char key[KEY_LENGTH];
  raft_slice value;
  int rc = txn->engine->ops->get(txn, KV_SPACE_META, make_key(region_id, key), &value);
  if (rc != KV_OK) {
    return rc;
  }
  return decode(value, record) ? KV_OK : KV_ECORRUPT;
}

int kv_install_record_delete(kv_txn *txn, uint64_t region_id) {
  unsigned char key[KEY_LENGTH];
  int rc = txn->engine->ops->del(txn, KV_SPACE_META, make_key(region_id, key));
  return rc == KV_ENOTFOUND ? KV_OK : rc;
}
