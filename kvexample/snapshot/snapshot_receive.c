/* snapshot_receive.c - a snapshot file arriving from another store, chunk by chunk.
 *
 * What arrives is written as it comes, up to the announced length, and is worth nothing until all
 * of it has been read back and agrees with what was announced.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "raftstore/region_state.h"
#include "snapshot/snapshot.h"
#include "snapshot/snapshot_dir.h"

struct kv_snapshot_receiver {
  int fd;
  char *directory;
  raft_buf *meta;
  kv_snapshot_file file;
  uint64_t left;
};

static int fail_write(const kv_snapshot_receiver *receiver, int cause, kv_error *error) {
  int code = cause == ENOSPC || cause == EDQUOT || cause == EFBIG ? KV_EFULL : KV_EIO;
  return kv_fail(error, code, "%s/%s: cannot write the snapshot: %s", receiver->directory,
                 receiver->file.name, strerror(cause));
}

/* Better now than after an hour of transfer. */
static int check_space(const kv_snapshot_receiver *receiver, kv_error *error) {
  struct statvfs disk;
  if (statvfs(receiver->directory, &disk) != 0) {
    return fail_write(receiver, errno, error);
  }
  if ((uint64_t)disk.f_bavail * disk.f_frsize < receiver->left) {
    return kv_fail(error, KV_EFULL, "%s: no space for a snapshot of %" PRIu64 " bytes",
                   receiver->directory, receiver->left);
  }
  return KV_OK;
}

static int make_file(kv_snapshot_receiver *receiver, kv_error *error) {
  int rc = check_space(receiver, error);
  if (rc == KV_OK) {
    rc = kv_snapshot_choose_name(receiver->directory, &receiver->file, error);
  }
  if (rc != KV_OK) {
    return rc;
  }
  char *path = kv_snapshot_path(receiver->directory, receiver->file.name, 1);
  if (path == NULL) {
    return kv_fail(error, KV_ENOMEM, "%s: out of memory", receiver->directory);
  }
  receiver->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  free(path);
  return receiver->fd >= 0 ? KV_OK : fail_write(receiver, errno, error);
}

static int describe(kv_snapshot_receiver *receiver, raft_slice bytes, kv_error *error) {
  kv_snapshot_meta meta;
  int rc = kv_snapshot_meta_decode(bytes, &meta);
  if (rc != KV_OK) {
    return kv_fail(error, rc, "the description of a snapshot cannot be read");
  }
  receiver->left = meta.bytes;
  receiver->file = (kv_snapshot_file){
      .region_id = meta.region.id, .index = meta.index, .term = meta.term, .bytes = meta.bytes};
  kv_snapshot_meta_clear(&meta);
  return KV_OK;
}

int kv_snapshot_receive_begin(const char *directory, raft_slice meta, kv_snapshot_receiver **out,
                              kv_error *error) {
  kv_snapshot_receiver *receiver = calloc(1, sizeof *receiver);
  if (receiver == NULL) {
    return kv_fail(error, KV_ENOMEM, "%s: out of memory", directory);
  }
  receiver->fd = -1;
  receiver->directory = strdup(directory);
  receiver->meta = raft_buf_copy(NULL, meta.data, meta.len);
  if (receiver->directory == NULL || receiver->meta == NULL) {
    kv_snapshot_receive_abort(receiver);
    return kv_fail(error, KV_ENOMEM, "%s: out of memory", directory);
  }
  int rc = describe(receiver, meta, error);
  if (rc == KV_OK) {
    rc = make_file(receiver, error);
  }
  if (rc != KV_OK) {
    kv_snapshot_receive_abort(receiver);
    return rc;
  }
  *out = receiver;
  return KV_OK;
}

int kv_snapshot_receive_chunk(kv_snapshot_receiver *receiver, const void *data, size_t len,
                              kv_error *error) {
  const char *bytes = data;
  if (len > receiver->left) {
    return kv_fail(error, KV_ECORRUPT, "a snapshot is longer than announced");
  }
  receiver->left -= len;
  while (len > 0) {
    ssize_t done = write(receiver->fd, bytes, len);
    if (done < 0 && errno != EINTR) {
      return fail_write(receiver, errno, error);
    }
    if (done > 0) {
      bytes += done;
      len -= (size_t)done;
    }
  }
  return KV_OK;
}

static int finish(kv_snapshot_receiver *receiver, kv_error *error) {
  raft_slice meta = {raft_buf_data(receiver->meta), raft_buf_len(receiver->meta)};
  char temporary[sizeof receiver->file.name + 4];
  if (receiver->left > 0) {
    return kv_fail(error, KV_ECORRUPT, "a snapshot is shorter than announced");
  }
  if (fsync(receiver->fd) != 0) {
    return fail_write(receiver, errno, error);
  }
  (void)snprintf(temporary, sizeof temporary, "%s.tmp", receiver->file.name);
  int rc = kv_snapshot_verify(receiver->directory, temporary, meta, error);
  return rc == KV_OK ? kv_snapshot_publish(receiver->directory, receiver->file.name, error) : rc;
}

static void free_receiver(kv_snapshot_receiver *receiver) {
  if (receiver->fd >= 0) {
    close(receiver->fd);
  }
  raft_buf_release(receiver->meta);
  free(receiver->directory);
  free(receiver);
}

int kv_snapshot_receive_end(kv_snapshot_receiver *receiver, kv_snapshot_file *file,
                            kv_error *error) {
  int rc = finish(receiver, error);
  if (rc != KV_OK) {
    kv_snapshot_receive_abort(receiver);
    return rc;
  }
  *file = receiver->file;
  free_receiver(receiver);
  return KV_OK;
}

void kv_snapshot_receive_abort(kv_snapshot_receiver *receiver) {
  if (receiver == NULL) {
    return;
  }
  if (receiver->fd >= 0) {
    kv_snapshot_remove(receiver->directory, receiver->file.name);
  }
  free_receiver(receiver);
}
