/* snapshot_reader.c - reads a snapshot file that may hold anything.
 *
 * Invariant: bytes are interpreted only after their hash was right, so what remains to be checked
 * of a record is what a hostile writer can do with right hashes.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "snapshot/snapshot_file.h"
#include "snapshot/snapshot_format.h"

struct kv_snapshot_reader {
  int fd;
  char *path;    /* for messages */
  uint64_t left; /* bytes of the file that were not read yet */
  XXH3_state_t *hash;
  unsigned char *head;
  size_t head_len;
  unsigned char *payload; /* of the chunk that is handed out */
  size_t room, len, at;
  unsigned char last_key[KV_MAX_KEY];
  size_t last_key_len;
  uint64_t chunks;
  bool done;
  kv_snapshot_sum sum;
};

static int fail_corrupt(const kv_snapshot_reader *reader, const char *what, kv_error *error) {
  return kv_fail(error, KV_ECORRUPT, "%s: damaged snapshot: %s", reader->path, what);
}

/* --- bytes -------------------------------------------------------------------------------------
 */

static int read_all(kv_snapshot_reader *reader, unsigned char *bytes, size_t len, kv_error *error) {
  if (len > reader->left) {
    return fail_corrupt(reader, "it ends too early", error);
  }
  reader->left -= len;
  reader->sum.bytes += len;
  for (size_t done = 0; done < len;) {
    ssize_t got = read(reader->fd, bytes + done, len - done);
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      return kv_fail(error, KV_EIO, "%s: cannot read the snapshot: %s", reader->path,
                     strerror(errno));
    }
    if (got == 0) {
      return fail_corrupt(reader, "it became shorter", error);
    }
    done += (size_t)got;
  }
  return KV_OK;
}

/* As read_all, for bytes that the hash of the file covers. */
static int read_hashed(kv_snapshot_reader *reader, unsigned char *bytes, size_t len,
                       kv_error *error) {
  int rc = read_all(reader, bytes, len, error);
  if (rc == KV_OK && XXH3_64bits_update(reader->hash, bytes, len) != XXH_OK) {
    rc = kv_fail(error, KV_ENOMEM, "%s: cannot hash the snapshot", reader->path);
  }
  return rc;
}

/* --- header ------------------------------------------------------------------------------------
 */

static int read_head(kv_snapshot_reader *reader, unsigned char *header, size_t len,
                     kv_error *error) {
  int rc = read_hashed(reader, header + KV_SNAPSHOT_HEADER, len + 8, error);
  size_t covered = KV_SNAPSHOT_HEADER + len;
  if (rc == KV_OK && kv_get_little(header + covered, 8) != XXH3_64bits(header, covered)) {
    rc = fail_corrupt(reader, "wrong checksum of the header", error);
  }
  if (rc == KV_OK) {
    memcpy(reader->head, header + KV_SNAPSHOT_HEADER, len);
    reader->head_len = len;
  }
  return rc;
}

static int read_header(kv_snapshot_reader *reader, kv_error *error) {
  unsigned char front[KV_SNAPSHOT_HEADER];
  int rc = read_hashed(reader, front, sizeof front, error);
  if (rc != KV_OK) {
    return rc;
  }
  if (memcmp(front, KV_SNAPSHOT_MAGIC, 8) != 0) {
    return fail_corrupt(reader, "it is none", error);
  }
  if (kv_get_little(front + 8, 4) != KV_SNAPSHOT_VERSION) {
    return fail_corrupt(reader, "its version is unknown", error);
  }
  size_t len = (size_t)kv_get_little(front + 12, 4);
  if (len > KV_SNAPSHOT_MAX_HEAD) {
    return fail_corrupt(reader, "its head is too long", error);
  }
  unsigned char *header = malloc(KV_SNAPSHOT_HEADER + len + 8);
  reader->head = malloc(len + 1);
  if (header == NULL || reader->head == NULL) {
    free(header);
    return kv_fail(error, KV_ENOMEM, "%s: out of memory", reader->path);
  }
  memcpy(header, front, sizeof front);
  rc = read_head(reader, header, len, error);
  free(header);
  return rc;
}

static int open_file(kv_snapshot_reader *reader, const char *path, kv_error *error) {
  struct stat status;
  reader->fd = -1;
  reader->path = strdup(path);
  reader->hash = XXH3_createState();
  if (reader->path == NULL || reader->hash == NULL || XXH3_64bits_reset(reader->hash) != XXH_OK) {
    return kv_fail(error, KV_ENOMEM, "%s: out of memory", path);
  }
  reader->fd = open(path, O_RDONLY | O_CLOEXEC);
  if (reader->fd < 0 || fstat(reader->fd, &status) != 0) {
    int code = errno == ENOENT ? KV_ENOTFOUND : KV_EIO;
    return kv_fail(error, code, "%s: cannot open the snapshot: %s", path, strerror(errno));
  }
  reader->left = (uint64_t)status.st_size;
  return KV_OK;
}

int kv_snapshot_reader_open(const char *path, kv_snapshot_reader **out, kv_error *error) {
  kv_snapshot_reader *reader = calloc(1, sizeof *reader);
  if (reader == NULL) {
    return kv_fail(error, KV_ENOMEM, "%s: out of memory", path);
  }
  int rc = open_file(reader, path, error);
  if (rc == KV_OK) {
    rc = read_header(reader, error);
  }
  if (rc != KV_OK) {
    kv_snapshot_reader_close(reader);
    return rc;
  }
  *out = reader;
  return KV_OK;
}

raft_slice kv_snapshot_reader_head(const kv_snapshot_reader *reader) {
  return (raft_slice){reader->head, reader->head_len};
}

/* --- chunks ------------------------------------------------------------------------------------
 */

static int read_payload(kv_snapshot_reader *reader, size_t len, uint64_t hash, kv_error *error) {
  if (len > reader->room) {
    unsigned char *grown = realloc(reader->payload, len);
    if (grown == NULL) {
      return kv_fail(error, KV_ENOMEM, "%s: out of memory", reader->path);
    }
    reader->payload = grown;
    reader->room = len;
  }
  int rc = read_hashed(reader, reader->payload, len, error);
  if (rc == KV_OK && XXH3_64bits(reader->payload, len) != hash) {
    rc = fail_corrupt(reader, "wrong checksum of a chunk", error);
  }
  if (rc == KV_OK) {
    reader->chunks++;
    reader->len = len;
    reader->at = 0;
  }
  return rc;
}

/* The part behind the prefix. KV_ENOTFOUND if everything is in order. */
static int read_trailer(kv_snapshot_reader *reader, const unsigned char *prefix, kv_error *error) {
  unsigned char rest[KV_SNAPSHOT_TRAILER - KV_SNAPSHOT_PREFIX];
  int rc = read_hashed(reader, rest, 8, error);
  if (rc != KV_OK) {
    return rc;
  }
  reader->sum.checksum = XXH3_64bits_digest(reader->hash);
  rc = read_all(reader, rest + 8, 8, error);
  if (rc != KV_OK) {
    return rc;
  }
  if (kv_get_little(rest + 8, 8) != reader->sum.checksum) {
    return fail_corrupt(reader, "wrong checksum of the file", error);
  }
  if (kv_get_little(prefix + 4, 4) != 0 || kv_get_little(prefix + 8, 8) != reader->chunks ||
      kv_get_little(rest, 8) != reader->sum.keys || reader->left != 0) {
    return fail_corrupt(reader, "wrong counts at its end", error);
  }
  reader->done = true;
  return KV_ENOTFOUND;
}

static int next_chunk(kv_snapshot_reader *reader, kv_error *error) {
  unsigned char prefix[KV_SNAPSHOT_PREFIX];
  int rc = read_hashed(reader, prefix, sizeof prefix, error);
  if (rc != KV_OK) {
    return rc;
  }
  uint64_t kind = kv_get_little(prefix, 4);
  if (kind == KV_SNAPSHOT_TRAILER_KIND) {
    return read_trailer(reader, prefix, error);
  }
  size_t len = (size_t)kv_get_little(prefix + 4, 4);
  if (kind != KV_SNAPSHOT_CHUNK_KIND || len == 0 || len > KV_SNAPSHOT_MAX_CHUNK ||
      len > reader->left) {
    return fail_corrupt(reader, "no chunk where one should be", error);
  }
  return read_payload(reader, len, kv_get_little(prefix + 8, 8), error);
}

/* --- records -----------------------------------------------------------------------------------
 */

static bool ascends(const kv_snapshot_reader *reader, const unsigned char *key, size_t len) {
  size_t common = len < reader->last_key_len ? len : reader->last_key_len;
  int order = memcmp(key, reader->last_key, common);
  return order > 0 || (order == 0 && len > reader->last_key_len);
}

static int take_record(kv_snapshot_reader *reader, raft_slice *key, raft_slice *value,
                       kv_error *error) {
  const unsigned char *at = reader->payload + reader->at;
  size_t left = reader->len - reader->at;
  if (left < KV_SNAPSHOT_RECORD) {
    return fail_corrupt(reader, "a record is cut off", error);
  }
  size_t key_len = (size_t)kv_get_little(at, 2), value_len = (size_t)kv_get_little(at + 2, 4);
  left -= KV_SNAPSHOT_RECORD;
  if (key_len == 0 || key_len > KV_MAX_KEY || value_len > KV_MAX_VALUE ||
      key_len + value_len > left) {
    return fail_corrupt(reader, "a record has an impossible length", error);
  }
  *key = (raft_slice){at + KV_SNAPSHOT_RECORD, key_len};
  *value = (raft_slice){at + KV_SNAPSHOT_RECORD + key_len, value_len};
  if (!ascends(reader, key->data, key_len)) {
    return fail_corrupt(reader, "keys out of order", error);
  }
  memcpy(reader->last_key, key->data, key_len);
  reader->last_key_len = key_len;
  reader->at += KV_SNAPSHOT_RECORD + key_len + value_len;
  reader->sum.keys++;
  return KV_OK;
}

int kv_snapshot_reader_next(kv_snapshot_reader *reader, raft_slice *key, raft_slice *value,
                            kv_error *error) {
  if (reader->done) {
    return KV_ENOTFOUND;
  }
  if (reader->at == reader->len) {
    int rc = next_chunk(reader, error);
    if (rc != KV_OK) {
      return rc;
    }
  }
  return take_record(reader, key, value, error);
}

kv_snapshot_sum kv_snapshot_reader_sum(const kv_snapshot_reader *reader) {
  return reader->sum;
}

void kv_snapshot_reader_close(kv_snapshot_reader *reader) {
  if (reader == NULL) {
    return;
  }
  if (reader->fd >= 0) {
    close(reader->fd);
  }
  XXH3_freeState(reader->hash);
  free(reader->payload);
  free(reader->head);
  free(reader->path);
  free(reader);
}
