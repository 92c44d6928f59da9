/* files.h - the file operations of the raft log, behind a table that tests can make fail.
 *
 * Each function has the meaning, result and errno of the system call of its name. The helpers below
 * the table deal with interruptions and short transfers.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_RAFTLOG_FILES_H
#define KV_RAFTLOG_FILES_H

#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

typedef struct kv_log_files {
  void *ctx;
  int (*open)(void *ctx, int directory, const char *name, int flags);
  ssize_t (*pread)(void *ctx, int fd, void *data, size_t len, off_t offset);
  ssize_t (*pwritev)(void *ctx, int fd, const struct iovec *vector, int count, off_t offset);
  int (*allocate)(void *ctx, int fd, off_t len);             /* fallocate of [0, len) */
  void (*start)(void *ctx, int fd, off_t offset, off_t len); /* begin writing out; a hint */
  int (*sync_data)(void *ctx, int fd);                       /* fdatasync */
  int (*sync_directory)(void *ctx, int fd);                  /* fsync */
  int (*rename)(void *ctx, int directory, const char *from, const char *to);
  int (*unlink)(void *ctx, int directory, const char *name);
} kv_log_files;

/* The operating system's. */
extern const kv_log_files kv_log_system_files;

/* Closes fd, whose data are synced or not wanted: what it says of an error changes nothing. */
void kv_log_close(int fd);

/* Writes all of the vector, which is used up on the way, at offset. 0, or KV_EFULL, or KV_EIO;
 * errno says why. */
int kv_log_write_all(const kv_log_files *files, int fd, struct iovec *vector, size_t count,
                     uint64_t offset);

/* Reads up to len bytes at offset, fewer only at the end of the file; *got is how many. KV_EIO. */
int kv_log_read_all(const kv_log_files *files, int fd, void *data, size_t len, uint64_t offset,
                    size_t *got);

/* KV_EFULL for the errno values of a full disk or quota, KV_EIO for all others. */
int kv_log_error_of_errno(int number);

#endif
