/* log_fixture.c - a raft log in a directory of its own, and files that fail when told.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "log_fixture.h"

#include <check.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "raftlog/segment.h"

void fixture_open(log_fixture *fixture) {
  memset(fixture, 0, sizeof(*fixture));
  (void)snprintf(fixture->directory, sizeof(fixture->directory), "/tmp/raftlog-test.XXXXXX");
  ck_assert_ptr_nonnull(mkdtemp(fixture->directory));
  fixture->options = (kv_raft_log_options){.directory = fixture->directory,
                                           .segment_bytes = FIXTURE_SEGMENT,
                                           .cluster_id = 7,
                                           .store_id = 1,
                                           .files = &fixture->files};
  fixture->plan.after = -1;
  fault_files(&fixture->plan, &fixture->files);
  fixture->next_token = 1;
  const int rc = fixture_reopen(fixture);
  ck_assert_msg(rc == 0, "open: %s", fixture->error.text);
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk) {
  (void)status;
  (void)kind;
  (void)walk;
  return remove(path);
}

void fixture_close(log_fixture *fixture) {
  kv_raft_log_close(fixture->log);
  fixture->log = NULL;
  ck_assert_int_eq(nftw(fixture->directory, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

int fixture_reopen(log_fixture *fixture) {
  kv_raft_log_close(fixture->log);
  return kv_raft_log_open(&fixture->options, &fixture->log, &fixture->error);
}

void fixture_segment_path(const log_fixture *fixture, uint64_t epoch, char *path, size_t size) {
  char name[KV_LOG_NAME_SIZE];
  kv_log_file_name(KV_LOG_FILE_SEGMENT, epoch, name);
  (void)snprintf(path, size, "%s/%s", fixture->directory, name);
}

static void note(void *ctx, uint64_t token, int rc) {
  log_fixture *fixture = ctx;
  const size_t at = fixture->reported++ % (sizeof(fixture->tokens) / sizeof(fixture->tokens[0]));
  fixture->tokens[at] = token;
  fixture->codes[at] = rc;
}

int fixture_sync(log_fixture *fixture) {
  int rc = 0;
  for (kv_log_work *work; rc == 0 && (work = kv_raft_log_take(fixture->log)) != NULL;) {
    ck_assert_ptr_null(kv_raft_log_take(fixture->log));
    (void)kv_raft_log_perform(work);
    rc = kv_raft_log_done(fixture->log, work, note, fixture, &fixture->error);
  }
  return rc;
}

int fixture_change(log_fixture *fixture, const kv_log_change *change) {
  return kv_raft_log_write(fixture->log, change, 1, fixture->next_token++);
}

void fixture_payload(unsigned char *data, size_t len, uint64_t region, uint64_t index,
                     uint64_t term) {
  for (size_t i = 0; i < len; i++) {
    data[i] = (unsigned char)(region * 131 + index * 31 + term * 7 + i);
  }
}

int fixture_append(log_fixture *fixture, uint64_t region, uint64_t index, size_t count,
                   uint64_t term, size_t len) {
  raft_entry *entries = calloc(count, sizeof(*entries));
  for (size_t i = 0; i < count; i++) {
    void *data;
    raft_buf *buf = raft_buf_create(NULL, len, &data);
    fixture_payload(data, len, region, index + i, term);
    entries[i] = (raft_entry){.term = term, .index = index + i, .data = {data, len, buf}};
  }
  const kv_log_change change = {.region_id = region, .entries = entries, .entry_count = count};
  const int rc = fixture_change(fixture, &change);
  for (size_t i = 0; i < count; i++) {
    raft_buf_release(entries[i].data.owner);
  }
  free(entries);
  return rc;
}

int fixture_compact(log_fixture *fixture, uint64_t region, uint64_t to) {
  const kv_log_change change = {.region_id = region, .compact_to = to};
  return fixture_change(fixture, &change);
}

int fixture_hard_state(log_fixture *fixture, uint64_t region, uint64_t term, uint64_t vote,
                       uint64_t commit) {
  const kv_log_change change = {.region_id = region, .hard_state = {term, vote, commit}};
  return fixture_change(fixture, &change);
}

static void expect_entry(const raft_entry *entry, uint64_t region, uint64_t index, uint64_t term,
                         size_t len) {
  unsigned char *expected = malloc(len + 1);
  fixture_payload(expected, len, region, index, term);
  ck_assert_uint_eq(entry->index, index);
  ck_assert_uint_eq(entry->term, term);
  ck_assert_uint_eq(entry->data.len, len);
  ck_assert_ptr_nonnull(entry->data.owner);
  ck_assert_int_eq(memcmp(entry->data.data, expected, len), 0);
  free(expected);
}

void fixture_expect(log_fixture *fixture, uint64_t region, uint64_t first, uint64_t last,
                    uint64_t term, size_t len) {
  kv_log_bounds bounds;
  ck_assert_int_eq(kv_raft_log_bounds(fixture->log, region, &bounds), 0);
  ck_assert_uint_eq(bounds.first_index, first);
  ck_assert_uint_eq(bounds.last_index, last);
  raft_entry entries[16];
  for (uint64_t index = first; index <= last;) {
    size_t count = 16;
    ck_assert_int_eq(
        kv_raft_log_entries(fixture->log, region, index, last + 1, RAFT_NO_LIMIT, entries, &count),
        0);
    ck_assert_uint_ge(count, 1);
    for (size_t i = 0; i < count; i++) {
      uint64_t found;
      expect_entry(&entries[i], region, index + i, term, len);
      ck_assert_int_eq(kv_raft_log_term(fixture->log, region, index + i, &found), 0);
      ck_assert_uint_eq(found, term);
      raft_buf_release(entries[i].data.owner);
    }
    index += count;
  }
}

/* ---- faults ---- */

static bool fails(void *ctx, fault_call call) {
  fault_plan *plan = ctx;
  const int count = plan->counts[call]++;
  if (plan->after < 0 || plan->call != call || count < plan->after ||
      (count > plan->after && !plan->for_ever)) {
    return false;
  }
  errno = plan->number;
  return true;
}

static int faulty_open(void *ctx, int directory, const char *name, int flags) {
  return fails(ctx, FAULT_OPEN) ? -1 : kv_log_system_files.open(NULL, directory, name, flags);
}

static ssize_t faulty_pread(void *ctx, int fd, void *data, size_t len, off_t offset) {
  const fault_plan *plan = ctx;
  const size_t some = plan->short_by > 0 && plan->short_by < len ? plan->short_by : len;
  return fails(ctx, FAULT_PREAD) ? -1 : kv_log_system_files.pread(NULL, fd, data, some, offset);
}

static ssize_t faulty_pwritev(void *ctx, int fd, const struct iovec *vector, int count,
                              off_t offset) {
  const fault_plan *plan = ctx;
  if (fails(ctx, FAULT_PWRITEV)) {
    return -1;
  }
  if (plan->short_by > 0) {
    return pwrite(fd, vector->iov_base,
                  vector->iov_len < plan->short_by ? vector->iov_len : plan->short_by, offset);
  }
  return kv_log_system_files.pwritev(NULL, fd, vector, count, offset);
}

static int faulty_allocate(void *ctx, int fd, off_t len) {
  return fails(ctx, FAULT_ALLOCATE) ? -1 : kv_log_system_files.allocate(NULL, fd, len);
}

static void faulty_start(void *ctx, int fd, off_t offset, off_t len) {
  (void)ctx;
  (void)fd;
  (void)offset;
  (void)len;
}

/* Tests do not cut the power: nothing needs to be synced, only counted. */
static int faulty_sync_data(void *ctx, int fd) {
  (void)fd;
  return fails(ctx, FAULT_SYNC_DATA) ? -1 : 0;
}

static int faulty_sync_directory(void *ctx, int fd) {
  (void)fd;
  return fails(ctx, FAULT_SYNC_DIRECTORY) ? -1 : 0;
}

static int faulty_rename(void *ctx, int directory, const char *from, const char *to) {
  return fails(ctx, FAULT_RENAME) ? -1 : kv_log_system_files.rename(NULL, directory, from, to);
}

static int faulty_unlink(void *ctx, int directory, const char *name) {
  return fails(ctx, FAULT_UNLINK) ? -1 : kv_log_system_files.unlink(NULL, directory, name);
}

void fault_files(fault_plan *plan, kv_log_files *files) {
  *files = (kv_log_files){.ctx = plan,
                          .open = faulty_open,
                          .pread = faulty_pread,
                          .pwritev = faulty_pwritev,
                          .allocate = faulty_allocate,
                          .start = faulty_start,
                          .sync_data = faulty_sync_data,
                          .sync_directory = faulty_sync_directory,
                          .rename = faulty_rename,
                          .unlink = faulty_unlink};
}
