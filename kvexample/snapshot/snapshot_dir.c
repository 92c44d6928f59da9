/* snapshot_dir.c - the directory of snapshot files: names, and their removal.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "snapshot/snapshot_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_SERIAL = 10000 };

char *kv_snapshot_path(const char *directory, const char *name, int temporary) {
  char *path = NULL;
  return asprintf(&path, "%s/%s%s", directory, name, temporary ? ".tmp" : "") < 0 ? NULL : path;
}

static bool exists(const char *directory, const char *name, int temporary) {
  char *path = kv_snapshot_path(directory, name, temporary);
  bool there = path == NULL || access(path, F_OK) == 0;
  free(path);
  return there;
}

int kv_snapshot_choose_name(const char *directory, kv_snapshot_file *file, kv_error *error) {
  for (unsigned serial = 0; serial < MAX_SERIAL; serial++) {
    (void)snprintf(file->name, sizeof file->name, "r%" PRIu64 "-t%" PRIu64 "-i%" PRIu64 "-%u.snap",
                   file->region_id, file->term, file->index, serial);
    if (!exists(directory, file->name, 0) && !exists(directory, file->name, 1)) {
      return KV_OK;
    }
  }
  return kv_fail(error, KV_EINVAL, "%s: too many snapshot files of region %" PRIu64, directory,
                 file->region_id);
}

static int sync_directory(const char *directory, kv_error *error) {
  int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  int rc = KV_OK;
  if (fd < 0 || fsync(fd) != 0) {
    rc = kv_fail(error, KV_EIO, "%s: cannot sync the directory: %s", directory, strerror(errno));
  }
  if (fd >= 0) {
    close(fd);
  }
  return rc;
}

int kv_snapshot_publish(const char *directory, const char *name, kv_error *error) {
  char *from = kv_snapshot_path(directory, name, 1);
  char *to = kv_snapshot_path(directory, name, 0);
  int rc = KV_OK;
  if (from == NULL || to == NULL) {
    rc = kv_fail(error, KV_ENOMEM, "%s: out of memory", directory);
  } else if (rename(from, to) != 0) {
    rc = kv_fail(error, KV_EIO, "%s: cannot rename: %s", from, strerror(errno));
  } else {
    rc = sync_directory(directory, error);
  }
  free(from);
  free(to);
  return rc;
}

void kv_snapshot_remove(const char *directory, const char *name) {
  for (int temporary = 0; temporary < 2; temporary++) {
    char *path = kv_snapshot_path(directory, name, temporary);
    if (path != NULL) {
      (void)unlink(path);
      free(path);
    }
  }
}

static bool ends_with(const char *text, const char *end) {
  size_t len = strlen(text), end_len = strlen(end);
  return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

static bool is_kept(const char *name, const char *const *keep, size_t keep_count) {
  for (size_t i = 0; i < keep_count; i++) {
    if (strcmp(name, keep[i]) == 0) {
      return true;
    }
  }
  return false;
}

int kv_snapshot_collect(const char *directory, const char *const *keep, size_t keep_count,
                        kv_error *error) {
  const struct dirent *entry;
  DIR *dir = opendir(directory);
  if (dir == NULL) {
    return kv_fail(error, KV_EIO, "%s: cannot read the directory: %s", directory, strerror(errno));
  }
  while ((entry = readdir(dir)) != NULL) {
    bool ours = ends_with(entry->d_name, ".snap") || ends_with(entry->d_name, ".snap.tmp");
    if (ours && !is_kept(entry->d_name, keep, keep_count)) {
      (void)unlinkat(dirfd(dir), entry->d_name, 0);
    }
  }
  closedir(dir);
  return KV_OK;
}
