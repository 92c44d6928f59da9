/* data_directory.c - where a store keeps everything, and whose it is.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "net/data_directory.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { IDENT_FORMAT = 1, IDENT_MAX = 256 };

static char *join(const char *folder, const char *name) {
  char *path = NULL;
  return asprintf(&path, "%s/%s", folder, name) < 0 ? NULL : path;
}

static int io_error(kv_error *error, const char *what, const char *path) {
  return kv_fail(error, errno == ENOSPC || errno == EDQUOT ? KV_EFULL : KV_EIO, "cannot %s %s: %s",
                 what, path, strerror(errno));
}

static int make_folder(const char *path, kv_error *error) {
  return mkdir(path, 0700) == 0 || errno == EEXIST ? KV_OK
                                                   : io_error(error, "make directory", path);
}

static int sync_folder(const char *path, kv_error *error) {
  const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = fd >= 0 && fsync(fd) == 0;
  const int rc = synced ? KV_OK : io_error(error, "sync directory", path);
  if (fd >= 0) {
    (void)close(fd);
  }
  return rc;
}

/* ---- whole small files ---- */

/* *len gets what was read; KV_ENOTFOUND: there is no such file. */
static int read_file(const char *path, char *text, size_t size, kv_error *error) {
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return errno == ENOENT ? KV_ENOTFOUND : io_error(error, "open", path);
  }
  const ssize_t len = read(fd, text, size - 1);
  const int rc = len < 0 ? io_error(error, "read", path) : KV_OK;
  text[len < 0 ? 0 : len] = '\0';
  (void)close(fd);
  return rc;
}

static int write_synced(const char *path, const char *text, kv_error *error) {
  const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) {
    return io_error(error, "make", path);
  }
  const size_t len = strlen(text);
  const ssize_t written = write(fd, text, len);
  if (written >= 0 && (size_t)written < len) {
    errno = ENOSPC;
  }
  const bool ok = written == (ssize_t)len && fsync(fd) == 0;
  const int rc = ok ? KV_OK : io_error(error, "write", path);
  (void)close(fd);
  return rc;
}

static int replace(const char *folder, const char *temporary, const char *path, const char *text,
                   kv_error *error) {
  int rc = write_synced(temporary, text, error);
  if (rc == KV_OK && rename(temporary, path) != 0) {
    rc = io_error(error, "rename to", path);
  }
  return rc == KV_OK ? sync_folder(folder, error) : rc;
}

/* Whole or not at all, whatever happens. */
static int replace_file(const char *folder, const char *name, const char *text, kv_error *error) {
  char *path = join(folder, name);
  char *temporary = join(folder, "new.tmp");
  int rc = KV_ENOMEM;
  if (path == NULL || temporary == NULL) {
    (void)kv_fail(error, KV_ENOMEM, "out of memory");
  } else {
    rc = replace(folder, temporary, path, text, error);
  }
  free(path);
  free(temporary);
  return rc;
}

/* ---- IDENT ---- */

/* Reads a line such as "store 3" and moves behind it. */
static bool take_line(const char **at, const char *name, uint64_t *value) {
  const size_t len = strlen(name);
  char *end = NULL;
  if (strncmp(*at, name, len) != 0 || (*at)[len] != ' ' || (*at)[len + 1] < '0' ||
      (*at)[len + 1] > '9') {
    return false;
  }
  errno = 0;
  *value = strtoull(*at + len + 1, &end, 10);
  *at = end + 1;
  return errno == 0 && *end == '\n';
}

static int parse_ident(kv_data_directory *directory, const char *path, const char *text,
                       kv_error *error) {
  uint64_t format = 0;
  const char *at = text;
  const bool known = take_line(&at, "format", &format);
  if (known && format != IDENT_FORMAT) {
    return kv_fail(error, KV_EFOREIGN,
                   "%s: the data has format %" PRIu64 ", this program writes %d: use the release "
                   "that wrote it",
                   path, format, IDENT_FORMAT);
  }
  if (!known || !take_line(&at, "cluster", &directory->cluster_id) ||
      !take_line(&at, "store", &directory->store_id)) {
    return kv_fail(error, KV_ECORRUPT,
                   "%s is not readable: restore it from a copy, or remove the store from its "
                   "cluster and start it anew in an empty directory",
                   path);
  }
  return KV_OK;
}

static int read_ident(kv_data_directory *directory, kv_error *error) {
  char text[IDENT_MAX] = "";
  char *path = join(directory->path, "IDENT");
  if (path == NULL) {
    return kv_fail(error, KV_ENOMEM, "out of memory");
  }
  int rc = read_file(path, text, sizeof text, error);
  directory->fresh = rc == KV_ENOTFOUND;
  if (rc != KV_ENOTFOUND) {
    rc = rc == KV_OK ? parse_ident(directory, path, text, error) : rc;
  }
  free(path);
  return directory->fresh ? KV_OK : rc;
}

static int lock(kv_data_directory *directory, kv_error *error) {
  directory->lock = open(directory->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory->lock < 0) {
    return io_error(error, "open", directory->path);
  }
  if (flock(directory->lock, LOCK_EX | LOCK_NB) == 0) {
    return KV_OK;
  }
  return errno == EWOULDBLOCK ? kv_fail(error, KV_EBUSY,
                                        "data directory %s is used by another process: stop that "
                                        "one, or give each store its own --data",
                                        directory->path)
                              : io_error(error, "lock", directory->path);
}

int kv_data_directory_open(const char *path, kv_data_directory *directory, kv_error *error) {
  *directory = (kv_data_directory){.lock = -1};
  directory->path = strdup(path);
  directory->log = join(path, "log");
  directory->db = join(path, "db");
  directory->snap = join(path, "snap");
  int rc = KV_ENOMEM;
  if (directory->path == NULL || directory->log == NULL || directory->db == NULL ||
      directory->snap == NULL) {
    (void)kv_fail(error, KV_ENOMEM, "out of memory");
  } else {
    rc = make_folder(path, error);
    rc = rc == KV_OK ? lock(directory, error) : rc;
  }
  if (rc == KV_OK) {
    rc = read_ident(directory, error);
  }
  if (rc != KV_OK) {
    kv_data_directory_close(directory);
  }
  return rc;
}

int kv_data_directory_prepare(const kv_data_directory *directory, kv_error *error) {
  int rc = make_folder(directory->log, error);
  rc = rc == KV_OK ? make_folder(directory->db, error) : rc;
  rc = rc == KV_OK ? make_folder(directory->snap, error) : rc;
  return rc == KV_OK ? sync_folder(directory->path, error) : rc;
}

int kv_data_directory_claim(kv_data_directory *directory, uint64_t cluster_id, uint64_t store_id,
                            kv_error *error) {
  char text[IDENT_MAX];
  (void)snprintf(text, sizeof text, "format %d\ncluster %" PRIu64 "\nstore %" PRIu64 "\n",
                 IDENT_FORMAT, cluster_id, store_id);
  const int rc = replace_file(directory->path, "IDENT", text, error);
  if (rc == KV_OK) {
    directory->cluster_id = cluster_id;
    directory->store_id = store_id;
  }
  return rc;
}

int kv_data_directory_publish(const kv_data_directory *directory, const char *address,
                              kv_error *error) {
  char *text = NULL;
  if (asprintf(&text, "%s\n", address) < 0) {
    return kv_fail(error, KV_ENOMEM, "out of memory");
  }
  const int rc = replace_file(directory->path, "address", text, error);
  free(text);
  return rc;
}

void kv_data_directory_close(kv_data_directory *directory) {
  char *address = directory->path == NULL ? NULL : join(directory->path, "address");
  if (address != NULL && directory->lock >= 0) {
    (void)unlink(address);
  }
  if (directory->lock >= 0) {
    (void)close(directory->lock);
  }
  free(address);
  free(directory->path);
  free(directory->log);
  free(directory->db);
  free(directory->snap);
  *directory = (kv_data_directory){.lock = -1};
}
