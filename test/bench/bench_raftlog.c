/* bench_raftlog.c - groups a second that the raft log makes durable, by payload and by groups a
 * sync.
 *
 * One thread: write, take, perform, done. Files are in TMPDIR, else /tmp. Each row is a second.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "raftlog/raft_log.h"

static uint64_t now(void) { /* nanoseconds */
  struct timespec time;
  (void)clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void fail(const char *what) {
  (void)fprintf(stderr, "bench_raftlog: %s\n", what);
  exit(EXIT_FAILURE);
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk) {
  (void)status;
  (void)kind;
  (void)walk;
  return remove(path);
}

static void write_one(kv_raft_log *log, uint64_t index, raft_buf *payload) {
  const raft_entry entry = {
      .index = index, .term = 1, .data = {raft_buf_data(payload), raft_buf_len(payload), payload}};
  const kv_log_change change = {.region_id = 1,
                                .hard_state = {1, 1, index - 1},
                                .entries = &entry,
                                .entry_count = 1,
                                .compact_to = index > 1000 ? index - 1000 : 0};
  if (kv_raft_log_write(log, &change, 1, index) != 0) {
    fail("a write was refused");
  }
}

static void sync_all(kv_raft_log *log) {
  kv_log_work *work = kv_raft_log_take(log);
  if (work != NULL) {
    kv_error error;
    (void)kv_raft_log_perform(work);
    if (kv_raft_log_done(log, work, NULL, NULL, &error) != 0) {
      fail(error.text);
    }
  }
}

static void run(kv_raft_log *log, uint64_t *index, size_t bytes, unsigned groups) {
  void *data;
  raft_buf *payload = raft_buf_create(NULL, bytes, &data);
  if (payload == NULL) {
    fail("out of memory");
  }
  memset(data, 'x', bytes);
  uint64_t syncs = 0;
  const uint64_t begin = now();
  uint64_t end = begin;
  for (; end - begin < 1000000000u; end = now()) {
    for (unsigned i = 0; i < groups; i++) {
      write_one(log, ++*index, payload);
    }
    sync_all(log);
    syncs++;
  }
  const double seconds = (double)(end - begin) / 1e9;
  (void)printf("%6zu B, %3u groups a sync: %9.0f groups/s %7.0f syncs/s %7.1f us a sync\n", bytes,
               groups, (double)syncs * groups / seconds, (double)syncs / seconds,
               seconds * 1e6 / (double)syncs);
  raft_buf_release(payload);
}

int main(void) {
  const char *parent = getenv("TMPDIR");
  char directory[512];
  (void)snprintf(directory, sizeof(directory), "%s/bench-raftlog.XXXXXX",
                 parent == NULL ? "/tmp" : parent);
  if (mkdtemp(directory) == NULL) {
    fail("cannot make a directory");
  }
  const kv_raft_log_options options = {.directory = directory};
  kv_raft_log *log;
  kv_error error;
  if (kv_raft_log_open(&options, &log, &error) != 0) {
    fail(error.text);
  }
  uint64_t index = 0;
  const size_t sizes[] = {256, 4096};
  const unsigned groups[] = {1, 16, 64};
  for (size_t s = 0; s < 2; s++) {
    for (size_t g = 0; g < 3; g++) {
      run(log, &index, sizes[s], groups[g]);
    }
  }
  kv_raft_log_stats stats;
  kv_raft_log_get_stats(log, &stats);
  (void)printf("segments in use: %zu\n", stats.segments);
  kv_raft_log_close(log);
  (void)nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
  return EXIT_SUCCESS;
}
