/* snapshot_format.h - the bytes of a snapshot file, for its writer and its reader.
 *
 *   header   magic[8] version:4 head_length:4 head XXH3 of all of it:8
 *   chunk    kind=1:4 length:4 XXH3 of the payload:8 payload: records
 *   record   key_length:2 value_length:4 key value
 *   trailer  kind=2:4 zero:4 chunks:8 keys:8 XXH3 of all bytes of the file before it:8
 *
 * Numbers are little-endian.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_SNAPSHOT_SNAPSHOT_FORMAT_H
#define KV_SNAPSHOT_SNAPSHOT_FORMAT_H

#include <stddef.h>
#include <stdint.h>

#include "engine/engine.h"

#define KV_SNAPSHOT_MAGIC   "KVSNAP\r\n"
#define KV_SNAPSHOT_VERSION 1u

enum {
  KV_SNAPSHOT_HEADER = 16,  /* without head and hash */
  KV_SNAPSHOT_PREFIX = 16,  /* of a chunk */
  KV_SNAPSHOT_RECORD = 6,   /* of a record */
  KV_SNAPSHOT_TRAILER = 32, /* hash included */
  KV_SNAPSHOT_CHUNK_KIND = 1,
  KV_SNAPSHOT_TRAILER_KIND = 2
};

/* A chunk is closed when it has reached the first; a single record makes it no longer than the
 * second. */
#define KV_SNAPSHOT_CHUNK     (256u << 10)
#define KV_SNAPSHOT_MAX_CHUNK (KV_SNAPSHOT_CHUNK + KV_SNAPSHOT_RECORD + KV_MAX_KEY + KV_MAX_VALUE)

static inline void kv_put_little(unsigned char *to, uint64_t number, size_t bytes) {
  for (size_t i = 0; i < bytes; i++) {
    to[i] = (unsigned char)(number >> (8 * i));
  }
}

static inline uint64_t kv_get_little(const unsigned char *from, size_t bytes) {
  uint64_t number = 0;
  for (size_t i = 0; i < bytes; i++) {
    number |= (uint64_t)from[i] << (8 * i);
  }
  return number;
}

#endif
