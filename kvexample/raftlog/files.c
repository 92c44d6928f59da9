/* files.c - the operating system's file operations, and complete transfers made of them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "raftlog/files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "base/error.h"

static int system_open(void *ctx, int directory, const char *name, int flags) {
  (void)ctx;
  return openat(directory, name, flags | O_CLOEXEC, 0644);
}

static ssize_t system_pread(void *ctx, int fd, void *data, size_t len, off_t offset) {
  (void)ctx;
  return pread(fd, data, len, offset);
}

static ssize_t system_pwritev(void *ctx, int fd, const struct iovec *vector, int count,
                              off_t offset) {
  (void)ctx;
  return pwritev(fd, vector, count, offset);
}

static int system_allocate(void *ctx, int fd, off_t len) {
  (void)ctx;
  return fallocate(fd, 0, 0, len);
}

static void system_start(void *ctx, int fd, off_t offset, off_t len) {
  (void)ctx;
  (void)sync_file_range(fd, offset, len, SYNC_FILE_RANGE_WRITE);
}

static int system_sync_data(void *ctx, int fd) {
  (void)ctx;
  return fdatasync(fd);
}

static int system_sync_directory(void *ctx, int fd) {
  (void)ctx;
  return fsync(fd);
}

static int system_rename(void *ctx, int directory, const char *from, const char *to) {
  (void)ctx;
  return renameat(directory, from, directory, to);
}

static int system_unlink(void *ctx, int directory, const char *name) {
  (void)ctx;
  return unlinkat(directory, name, 0);
}

const kv_log_files kv_log_system_files = {.open = system_open,
                                          .pread = system_pread,
                                          .pwritev = system_pwritev,
                                          .allocate = system_allocate,
                                          .start = system_start,
                                          .sync_data = system_sync_data,
                                          .sync_directory = system_sync_directory,
                                          .rename = system_rename,
                                          .unlink = system_unlink};

void kv_log_close(int fd) {
  (void)close(fd);
}

int kv_log_error_of_errno(int number) {
  return number == ENOSPC || number == EDQUOT ? KV_EFULL : KV_EIO;
}

/* Takes `len` bytes off the front of the vector; returns the first part that is left. */
static struct iovec *advance(struct iovec *vector, const struct iovec *end, size_t len) {
  while (vector < end && len >= vector->iov_len) {
    len -= vector->iov_len;
    vector++;
  }
  if (vector < end) {
    vector->iov_base = (unsigned char *)vector->iov_base + len;
    vector->iov_len -= len;
  }
  return vector;
}

int kv_log_write_all(const kv_log_files *files, int fd, struct iovec *vector, size_t count,
                     uint64_t offset) {
  const struct iovec *const end = vector + count;
  vector = advance(vector, end, 0);
  while (vector < end) {
    const int some = end - vector < IOV_MAX ? (int)(end - vector) : IOV_MAX;
    const ssize_t written = files->pwritev(files->ctx, fd, vector, some, (off_t)offset);
    if (written < 0 && errno == EINTR) {
      continue;
    }
    if (written < 0) {
      return kv_log_error_of_errno(errno);
    }
    if (written == 0) {
      errno = EIO;
      return KV_EIO;
    }
    offset += (uint64_t)written;
    vector = advance(vector, end, (size_t)written);
  }
  return KV_OK;
}

int kv_log_read_all(const kv_log_files *files, int fd, void *data, size_t len, uint64_t offset,
                    size_t *got) {
  *got = 0;
  while (*got < len) {
    const ssize_t some = files->pread(files->ctx, fd, (unsigned char *)data + *got, len - *got,
                                      (off_t)(offset + *got));
    if (some < 0 && errno == EINTR) {
      continue;
    }
    if (some < 0) {
      return KV_EIO;
    }
    if (some == 0) {
      return KV_OK;
    }
    *got += (size_t)some;
  }
  return KV_OK;
}
