/* scratch.c - a directory for the files of one test.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "scratch.h"

#include <check.h>
#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void scratch_open(scratch *dir) {
  const char *parent = getenv("TMPDIR");
  if (parent == NULL || parent[0] == '\0') {
    parent = "/tmp";
  }
  int len = snprintf(dir->path, sizeof dir->path, "%s/kv-test.XXXXXX", parent);
  ck_assert(len > 0 && (size_t)len < sizeof dir->path);
  ck_assert_ptr_nonnull(mkdtemp(dir->path));
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *ftw) {
  (void)status;
  (void)kind;
  (void)ftw;
  return remove(path);
}

void scratch_close(const scratch *dir) {
  ck_assert_int_eq(nftw(dir->path, remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
}

char *scratch_path(const scratch *dir, const char *name, char *buf) {
  int len = snprintf(buf, 512, "%s/%s", dir->path, name);
  ck_assert(len > 0 && len < 512);
  return buf;
}

void scratch_write(const scratch *dir, const char *name, const void *data, size_t len) {
  char path[512];
  FILE *file = fopen(scratch_path(dir, name, path), "wb");
  ck_assert_ptr_nonnull(file);
  ck_assert_uint_eq(fwrite(data, 1, len, file), len);
  ck_assert_int_eq(fclose(file), 0);
}

void *scratch_read(const scratch *dir, const char *name, size_t *len) {
  char path[512];
  struct stat status;
  FILE *file = fopen(scratch_path(dir, name, path), "rb");
  ck_assert_ptr_nonnull(file);
  ck_assert_int_eq(fstat(fileno(file), &status), 0);
  *len = (size_t)status.st_size;
  void *data = malloc(*len > 0 ? *len : 1);
  ck_assert_ptr_nonnull(data);
  ck_assert_uint_eq(fread(data, 1, *len, file), *len);
  ck_assert_int_eq(fclose(file), 0);
  return data;
}

size_t scratch_count(const scratch *dir) {
  size_t count = 0;
  const struct dirent *entry;
  DIR *open_dir = opendir(dir->path);
  ck_assert_ptr_nonnull(open_dir);
  while ((entry = readdir(open_dir)) != NULL) {
    count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
  }
  ck_assert_int_eq(closedir(open_dir), 0);
  return count;
}
