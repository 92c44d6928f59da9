/* log_read.c - the loop side that reads: from the index, the cache, or the files.
 *
 * Payloads that stand next to each other in a file are read by one call into one buffer, which
 * the entries then share.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <inttypes.h>
#include <libraft/error.h>
#include <string.h>

#include "base/crc32c.h"
#include "raftlog/log_state.h"

/* NULL: no such region. */
static kv_log_region *existing(const kv_raft_log *log, uint64_t region_id) {
  kv_log_region *region = kv_log_index_find(&log->index, region_id);
  return region != NULL && region->exists ? region : NULL;
}

int kv_raft_log_bounds(kv_raft_log *log, uint64_t region_id, kv_log_bounds *bounds) {
  const kv_log_region *region = existing(log, region_id);
  if (region == NULL) {
    return KV_ENOTFOUND;
  }
  *bounds = (kv_log_bounds){.first_index = region->truncated_index + 1,
                            .last_index = kv_log_region_last(region),
                            .truncated_term = region->truncated_term,
                            .hard_state = region->hard_state,
                            .bytes = region->bytes};
  return KV_OK;
}

int kv_raft_log_term(kv_raft_log *log, uint64_t region_id, uint64_t index, uint64_t *term) {
  const kv_log_region *region = existing(log, region_id);
  if (region == NULL) {
    return KV_ENOTFOUND;
  }
  if (index == region->truncated_index) {
    *term = region->truncated_term;
    return KV_OK;
  }
  const kv_log_entry *entry = kv_log_region_entry(region, index);
  if (entry == NULL) {
    return index < region->truncated_index ? RAFT_ECOMPACTED : RAFT_EUNAVAILABLE;
  }
  *term = entry->header.term;
  return KV_OK;
}

/* ---- payloads from files ---- */

static int report_unreadable(const kv_raft_log *log, const kv_log_region *region, uint64_t index,
                             const kv_log_entry *entry, int rc, const char *why) {
  char name[KV_LOG_NAME_SIZE];
  kv_log_file_name(KV_LOG_FILE_SEGMENT, entry->segment->epoch, name);
  kv_log(log->logger, KV_ERROR, "raft log entry cannot be read back",
         "region=%" PRIu64 " index=%" PRIu64 " file=\"%s/%s\" offset=%" PRIu32 " error=\"%s\"",
         region->id, index, log->writer.path, name, entry->offset, why);
  return rc;
}

/* Does the payload of `next` begin where that of `entry` ends, in the file? */
static bool adjoins(const kv_log_entry *entry, const kv_log_entry *next) {
  return next->cached == NULL && next->header.has_data && next->segment == entry->segment &&
         next->offset == entry->offset + entry->header.len;
}

/* Reads the payloads of entries that adjoin each other, `count` from index on; each gets its own
 * reference. */
static int load_run(kv_raft_log *log, const kv_log_region *region, uint64_t index, size_t count,
                    raft_entry *out) {
  const kv_log_entry *entries = kv_log_region_entry(region, index);
  size_t len = 0;
  for (size_t i = 0; i < count; i++) {
    len += entries[i].header.len;
  }
  void *data;
  raft_buf *buf = raft_buf_create(NULL, len, &data);
  if (buf == NULL) {
    return RAFT_ENOMEM;
  }
  size_t got;
  int rc =
      kv_log_read_all(log->writer.files, entries->segment->fd, data, len, entries->offset, &got);
  if (rc != KV_OK || got < len) {
    const char *why = rc != KV_OK ? strerror(errno) : "the file is too short";
    rc = report_unreadable(log, region, index, entries, KV_EIO, why);
  }
  const unsigned char *at = data;
  for (size_t i = 0; i < count && rc == KV_OK; i++) {
    if (kv_crc32c(0, at, entries[i].header.len) != entries[i].header.crc) {
      rc = report_unreadable(log, region, index + i, &entries[i], KV_ECORRUPT,
                             "the checksum is another");
    }
    out[i].data = (raft_bytes){at, entries[i].header.len, buf};
    at += entries[i].header.len;
  }
  for (size_t i = 0; i < count && rc == KV_OK; i++) {
    (void)raft_buf_retain(buf);
  }
  raft_buf_release(buf);
  return rc;
}

int kv_log_load(kv_raft_log *log, const kv_log_region *region, uint64_t index, raft_bytes *data) {
  const kv_log_entry *entry = kv_log_region_entry(region, index);
  *data = (raft_bytes){NULL, 0, NULL};
  if (!entry->header.has_data) {
    return KV_OK;
  }
  if (entry->cached != NULL) {
    *data = (raft_bytes){entry->cached->data, entry->cached->len,
                         raft_buf_retain(entry->cached->owner)};
    return KV_OK;
  }
  raft_entry out;
  const int rc = load_run(log, region, index, 1, &out);
  *data = rc == KV_OK ? out.data : *data;
  return rc;
}

/* ---- entries ---- */

/* How many entries from lo on fit into max_bytes, at least one; fills all but their data. */
static size_t select_entries(const kv_log_region *region, uint64_t lo, size_t most,
                             uint64_t max_bytes, raft_entry *out) {
  const kv_log_entry *entries = kv_log_region_entry(region, lo);
  uint64_t bytes = 0;
  size_t count = 0;
  for (; count < most; count++) {
    const kv_log_entry_header *header = &entries[count].header;
    raft_entry *entry = &out[count];
    *entry = (raft_entry){
        .term = header->term, .index = lo + count, .type = (raft_entry_type)header->type};
    /* The size of an entry depends on whether it has data, not on which. */
    entry->data = (raft_bytes){header->has_data ? "" : NULL, header->len, NULL};
    bytes += raft_entry_size(entry);
    if (count > 0 && bytes > max_bytes) {
      break;
    }
  }
  return count;
}

/* Fills the data of entries from out[at] on; returns how many it did, 0: *rc says why. */
static size_t load_some(kv_raft_log *log, const kv_log_region *region, raft_entry *out,
                        size_t count, int *rc) {
  const kv_log_entry *entry = kv_log_region_entry(region, out->index);
  if (entry->cached != NULL || !entry->header.has_data) {
    *rc = kv_log_load(log, region, out->index, &out->data);
    return *rc == KV_OK ? 1 : 0;
  }
  size_t run = 1;
  while (run < count && adjoins(&entry[run - 1], &entry[run])) {
    run++;
  }
  *rc = load_run(log, region, out->index, run, out);
  return *rc == KV_OK ? run : 0;
}

int kv_raft_log_entries(kv_raft_log *log, uint64_t region_id, uint64_t lo, uint64_t hi,
                        uint64_t max_bytes, raft_entry *out, size_t *count) {
  const kv_log_region *region = existing(log, region_id);
  if (region == NULL) {
    return KV_ENOTFOUND;
  }
  if (lo <= region->truncated_index) {
    return RAFT_ECOMPACTED;
  }
  if (hi > kv_log_region_last(region) + 1) {
    return RAFT_EUNAVAILABLE;
  }
  const uint64_t wanted = lo < hi ? hi - lo : 0;
  const size_t most = wanted < *count ? (size_t)wanted : *count;
  const size_t selected = most == 0 ? 0 : select_entries(region, lo, most, max_bytes, out);
  size_t loaded = 0;
  int rc = KV_OK;
  while (loaded < selected && rc == KV_OK) {
    loaded += load_some(log, region, out + loaded, selected - loaded, &rc);
  }
  if (rc != KV_OK) {
    for (size_t i = 0; i < loaded; i++) {
      raft_buf_release(out[i].data.owner);
    }
    return rc;
  }
  *count = selected;
  return KV_OK;
}

int kv_raft_log_each_region(kv_raft_log *log, int (*visit)(void *arg, uint64_t region_id),
                            void *arg) {
  for (size_t i = 0; i < log->index.slot_count; i++) {
    const kv_log_region *region = log->index.slots[i];
    const int rc = region != NULL && region->exists ? visit(arg, region->id) : 0;
    if (rc != 0) {
      return rc;
    }
  }
  return KV_OK;
}

uint64_t kv_raft_log_region_bytes(const kv_raft_log *log, uint64_t region_id) {
  const kv_log_region *region = existing(log, region_id);
  return region == NULL ? 0 : region->bytes;
}

/* ---- device ---- */

static int device_write(void *ctx, const kv_log_change *changes, size_t count, uint64_t token) {
  return kv_raft_log_write(ctx, changes, count, token);
}

static int device_bounds(void *ctx, uint64_t region_id, kv_log_bounds *bounds) {
  return kv_raft_log_bounds(ctx, region_id, bounds);
}

static int device_term(void *ctx, uint64_t region_id, uint64_t index, uint64_t *term) {
  return kv_raft_log_term(ctx, region_id, index, term);
}

static int device_entries(void *ctx, uint64_t region_id, uint64_t lo, uint64_t hi,
                          uint64_t max_bytes, raft_entry *out, size_t *count) {
  return kv_raft_log_entries(ctx, region_id, lo, hi, max_bytes, out, count);
}

static int device_each_region(void *ctx, int (*visit)(void *arg, uint64_t region_id), void *arg) {
  return kv_raft_log_each_region(ctx, visit, arg);
}

void kv_raft_log_device(kv_raft_log *log, kv_log_device *device) {
  *device = (kv_log_device){.ctx = log,
                            .write = device_write,
                            .bounds = device_bounds,
                            .term = device_term,
                            .entries = device_entries,
                            .each_region = device_each_region};
}
