/* snapshot_writer.c - writes a snapshot file.
 *
 * Records are gathered in memory until a chunk is full; what leaves the memory goes through one
 * function, which also feeds the hash of the whole file.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "snapshot/snapshot_file.h"
#include "snapshot/snapshot_format.h"

struct kv_snapshot_writer {
  int fd;
  char *path; /* for messages */
  XXH3_state_t *hash;
  unsigned char *chunk; /* prefix and payload */
  size_t len;           /* of the payload */
  uint64_t chunks;
  kv_snapshot_sum sum;
};

static int fail_write(const kv_snapshot_writer *writer, int cause, kv_error *error) {
  int code = cause == ENOSPC || cause == EDQUOT || cause == EFBIG ? KV_EFULL : KV_EIO;
  return kv_fail(error, code, "%s: cannot write the snapshot: %s", writer->path, strerror(cause));
}

static int write_all(kv_snapshot_writer *writer, const unsigned char *bytes, size_t len,
                     kv_error *error) {
  if (XXH3_64bits_update(writer->hash, bytes, len) != XXH_OK) {
    return kv_fail(error, KV_ENOMEM, "%s: cannot hash the snapshot", writer->path);
  }
  writer->sum.bytes += len;
  while (len > 0) {
    ssize_t done = write(writer->fd, bytes, len);
    if (done < 0 && errno == EINTR) {
      continue;
    }
    if (done < 0) {
      return fail_write(writer, errno, error);
    }
    bytes += done;
    len -= (size_t)done;
  }
  return KV_OK;
}

static int write_header(kv_snapshot_writer *writer, raft_slice head, kv_error *error) {
  size_t len = KV_SNAPSHOT_HEADER + head.len;
  unsigned char *header = malloc(len + 8);
  if (header == NULL) {
    return kv_fail(error, KV_ENOMEM, "%s: out of memory", writer->path);
  }
  memcpy(header, KV_SNAPSHOT_MAGIC, 8);
  kv_put_little(header + 8, KV_SNAPSHOT_VERSION, 4);
  kv_put_little(header + 12, head.len, 4);
  if (head.len > 0) {
    memcpy(header + KV_SNAPSHOT_HEADER, head.data, head.len);
  }
  kv_put_little(header + len, XXH3_64bits(header, len), 8);
  int rc = write_all(writer, header, len + 8, error);
  free(header);
  return rc;
}

static int make_file(kv_snapshot_writer *writer, const char *path, kv_error *error) {
  writer->fd = -1;
  writer->path = strdup(path);
  writer->hash = XXH3_createState();
  writer->chunk = malloc(KV_SNAPSHOT_PREFIX + KV_SNAPSHOT_MAX_CHUNK);
  if (writer->path == NULL || writer->hash == NULL || writer->chunk == NULL ||
      XXH3_64bits_reset(writer->hash) != XXH_OK) {
    return kv_fail(error, KV_ENOMEM, "%s: out of memory", path);
  }
  writer->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (writer->fd < 0) {
    int code = errno == EEXIST ? KV_EINVAL : KV_EIO;
    return kv_fail(error, code, "%s: cannot make the file: %s", path, strerror(errno));
  }
  return KV_OK;
}

int kv_snapshot_writer_open(const char *path, raft_slice head, kv_snapshot_writer **out,
                            kv_error *error) {
  if (head.len > KV_SNAPSHOT_MAX_HEAD) {
    return kv_fail(error, KV_EINVAL, "%s: the head of a snapshot is too long", path);
  }
  kv_snapshot_writer *writer = calloc(1, sizeof *writer);
  if (writer == NULL) {
    return kv_fail(error, KV_ENOMEM, "%s: out of memory", path);
  }
  int rc = make_file(writer, path, error);
  if (rc == KV_OK) {
    rc = write_header(writer, head, error);
  }
  if (rc != KV_OK) {
    kv_snapshot_writer_close(writer);
    return rc;
  }
  *out = writer;
  return KV_OK;
}

static int close_chunk(kv_snapshot_writer *writer, kv_error *error) {
  if (writer->len == 0) {
    return KV_OK;
  }
  const unsigned char *payload = writer->chunk + KV_SNAPSHOT_PREFIX;
  kv_put_little(writer->chunk, KV_SNAPSHOT_CHUNK_KIND, 4);
  kv_put_little(writer->chunk + 4, writer->len, 4);
  kv_put_little(writer->chunk + 8, XXH3_64bits(payload, writer->len), 8);
  size_t len = KV_SNAPSHOT_PREFIX + writer->len;
  writer->len = 0;
  writer->chunks++;
  return write_all(writer, writer->chunk, len, error);
}

int kv_snapshot_writer_add(kv_snapshot_writer *writer, raft_slice key, raft_slice value,
                           kv_error *error) {
  if (key.len == 0 || key.len > KV_MAX_KEY || value.len > KV_MAX_VALUE) {
    return kv_fail(error, KV_EINVAL, "%s: a record exceeds what a store may hold", writer->path);
  }
  unsigned char *at = writer->chunk + KV_SNAPSHOT_PREFIX + writer->len;
  kv_put_little(at, key.len, 2);
  kv_put_little(at + 2, value.len, 4);
  memcpy(at + KV_SNAPSHOT_RECORD, key.data, key.len);
  if (value.len > 0) {
    memcpy(at + KV_SNAPSHOT_RECORD + key.len, value.data, value.len);
  }
  writer->len += KV_SNAPSHOT_RECORD + key.len + value.len;
  writer->sum.keys++;
  return writer->len >= KV_SNAPSHOT_CHUNK ? close_chunk(writer, error) : KV_OK;
}

int kv_snapshot_writer_finish(kv_snapshot_writer *writer, kv_snapshot_sum *sum, kv_error *error) {
  unsigned char trailer[KV_SNAPSHOT_TRAILER] = {0};
  int rc = close_chunk(writer, error);
  if (rc != KV_OK) {
    return rc;
  }
  kv_put_little(trailer, KV_SNAPSHOT_TRAILER_KIND, 4);
  kv_put_little(trailer + 8, writer->chunks, 8);
  kv_put_little(trailer + 16, writer->sum.keys, 8);
  rc = write_all(writer, trailer, KV_SNAPSHOT_TRAILER - 8, error);
  if (rc != KV_OK) {
    return rc;
  }
  writer->sum.checksum = XXH3_64bits_digest(writer->hash);
  kv_put_little(trailer + KV_SNAPSHOT_TRAILER - 8, writer->sum.checksum, 8);
  rc = write_all(writer, trailer + KV_SNAPSHOT_TRAILER - 8, 8, error);
  *sum = writer->sum;
  return rc;
}

int kv_snapshot_writer_sync(kv_snapshot_writer *writer, kv_error *error) {
  return fsync(writer->fd) == 0 ? KV_OK : fail_write(writer, errno, error);
}

void kv_snapshot_writer_close(kv_snapshot_writer *writer) {
  if (writer == NULL) {
    return;
  }
  if (writer->fd >= 0) {
    close(writer->fd);
  }
  XXH3_freeState(writer->hash);
  free(writer->chunk);
  free(writer->path);
  free(writer);
}
