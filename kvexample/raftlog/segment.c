/* segment.c - names and headers of the raft log's files.
 *
 * Header, little-endian: magic of 8 bytes, u32 format, u32 salt, u64 epoch, u64 bytes, u64 cluster
 * id, u64 store id, u32 crc32c of all before it; zeros to the end of the block.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "raftlog/segment.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/little_endian.h"
#include "raftlog/files.h"

static const char magic[8] = {'k', 'v', 'r', 'a', 'f', 't', 'l', 'g'};

enum {
  AT_FORMAT = 8,
  AT_SALT = 12,
  AT_EPOCH = 16,
  AT_BYTES = 24,
  AT_CLUSTER = 32,
  AT_STORE = 40,
  AT_CRC = 48,
  HEADER_END = 52
};

static const struct {
  kv_log_file_kind kind;
  const char *prefix;
  const char *suffix;
} names[] = {
    {KV_LOG_FILE_SEGMENT, "segment-", ".log"},
    {KV_LOG_FILE_SPARE, "spare-", ".log"},
    {KV_LOG_FILE_PARTIAL, "partial-", ".tmp"},
};

enum { NAME_COUNT = sizeof(names) / sizeof(names[0]), DIGITS = 16 };

void kv_log_file_name(kv_log_file_kind kind, uint64_t number, char *name) {
  name[0] = '\0';
  for (size_t i = 0; i < NAME_COUNT; i++) {
    if (names[i].kind == kind) {
      (void)snprintf(name, KV_LOG_NAME_SIZE, "%s%016" PRIx64 "%s", names[i].prefix, number,
                     names[i].suffix);
    }
  }
}

static bool parse_digits(const char *text, uint64_t *number) {
  *number = 0;
  for (int i = 0; i < DIGITS; i++) {
    const char *digits = "0123456789abcdef";
    const char *digit = text[i] == '\0' ? NULL : strchr(digits, text[i]);
    if (digit == NULL) {
      return false;
    }
    *number = *number << 4 | (uint64_t)(digit - digits);
  }
  return true;
}

kv_log_file_kind kv_log_file_parse(const char *name, uint64_t *number) {
  for (size_t i = 0; i < NAME_COUNT; i++) {
    const size_t prefix = strlen(names[i].prefix);
    if (strlen(name) == prefix + DIGITS + strlen(names[i].suffix) &&
        strncmp(name, names[i].prefix, prefix) == 0 &&
        strcmp(name + prefix + DIGITS, names[i].suffix) == 0 &&
        parse_digits(name + prefix, number)) {
      return names[i].kind;
    }
  }
  return KV_LOG_FILE_OTHER;
}

void kv_log_segment_header_encode(const kv_log_segment_header *header, unsigned char *block) {
  memset(block, 0, KV_LOG_SEGMENT_HEADER);
  memcpy(block, magic, sizeof(magic));
  kv_put_u32(block + AT_FORMAT, KV_LOG_FORMAT);
  kv_put_u32(block + AT_SALT, header->salt);
  kv_put_u64(block + AT_EPOCH, header->epoch);
  kv_put_u64(block + AT_BYTES, header->bytes);
  kv_put_u64(block + AT_CLUSTER, header->cluster_id);
  kv_put_u64(block + AT_STORE, header->store_id);
  kv_put_u32(block + AT_CRC, kv_crc32c(0, block, AT_CRC));
}

int kv_log_segment_header_decode(const unsigned char *block, size_t len, const char *name,
                                 kv_log_segment_header *header, kv_error *error) {
  if (len < sizeof(magic) || memcmp(block, magic, sizeof(magic)) != 0) {
    return kv_fail(error, KV_EFOREIGN,
                   "%s is not a raft log segment: give the store a directory of its own", name);
  }
  if (len < HEADER_END || kv_get_u32(block + AT_CRC) != kv_crc32c(0, block, AT_CRC)) {
    return kv_fail(error, KV_ECORRUPT,
                   "%s is damaged at offset 0: its header does not verify; restore this store's "
                   "directory from a backup, or remove the store from the cluster and let it join "
                   "again with an empty directory",
                   name);
  }
  if (kv_get_u32(block + AT_FORMAT) != KV_LOG_FORMAT) {
    return kv_fail(error, KV_EFOREIGN,
                   "%s has format %" PRIu32 ", this program knows format %u: start the program "
                   "version that wrote it",
                   name, kv_get_u32(block + AT_FORMAT), KV_LOG_FORMAT);
  }
  *header = (kv_log_segment_header){.epoch = kv_get_u64(block + AT_EPOCH),
                                    .bytes = kv_get_u64(block + AT_BYTES),
                                    .cluster_id = kv_get_u64(block + AT_CLUSTER),
                                    .store_id = kv_get_u64(block + AT_STORE),
                                    .salt = kv_get_u32(block + AT_SALT)};
  return KV_OK;
}

kv_log_segment *kv_log_segment_create(uint64_t epoch, uint64_t bytes) {
  kv_log_segment *segment = calloc(1, sizeof(*segment));
  if (segment != NULL) {
    segment->epoch = epoch;
    segment->bytes = bytes;
    segment->fd = -1;
  }
  return segment;
}

void kv_log_segment_free(kv_log_segment *segment) {
  if (segment != NULL && segment->fd >= 0) {
    kv_log_close(segment->fd);
  }
  free(segment);
}
