/* bench_raft.c - what the library costs: a proposal, a heartbeat round, an idle group.
 *
 * Everything in one process, without disk and network; medians of several rounds. The memory of a
 * group is counted through the allocator hook, so it is exact and does not depend on malloc.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <libraft/raft.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../unit/support/group.h"

enum { ROUNDS = 7 };

static double now_ns(void) {
  struct timespec t;
  (void)clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double median(double *values, size_t count) {
  qsort(values, count, sizeof *values, by_value);
  return values[count / 2];
}

/* Proposes `batch` payloads of `size` bytes until `total` are committed and applied everywhere. */
static double proposals(size_t voters, size_t batch, size_t size, size_t total) {
  double times[ROUNDS];
  unsigned char *payload = calloc(1, size);
  raft_bytes *payloads = calloc(batch, sizeof *payloads);
  raft_buf *buf = raft_buf_copy(NULL, payload, size);
  for (size_t i = 0; i < batch; i++) {
    raft_bytes bytes = {raft_buf_data(buf), size, buf};
    payloads[i] = bytes;
  }
  for (size_t round = 0; round < ROUNDS; round++) {
    group g;
    group_open(&g, voters, NULL);
    group_elect(&g, 1);
    g.no_hash = true;
    double begin = now_ns();
    for (size_t done = 0; done < total; done += batch) {
      if (raft_rawnode_propose_batch(group_node(&g, 1), payloads, batch) != RAFT_OK) {
        abort();
      }
      group_settle(&g);
    }
    times[round] = (now_ns() - begin) / (double)total;
    group_close(&g);
  }
  raft_buf_release(buf);
  free((void *)payloads);
  free(payload);
  return median(times, ROUNDS);
}

static double heartbeat_round(size_t voters, size_t *calls) {
  double times[ROUNDS];
  enum { TICKS = 20000 };
  group g;
  group_open(&g, voters, NULL);
  group_elect(&g, 1);
  group_tick(&g, 10);
  for (uint64_t id = 1; id <= voters; id++) {
    failing_allocator_arm(&g.members[id].memory, 0, false);
  }
  for (size_t round = 0; round < ROUNDS; round++) {
    double begin = now_ns();
    group_tick(&g, TICKS);
    times[round] = (now_ns() - begin) / TICKS;
  }
  *calls = 0;
  for (uint64_t id = 1; id <= voters; id++) {
    *calls += g.members[id].memory.total_calls;
  }
  group_close(&g);
  return median(times, ROUNDS);
}

static void idle_memory(size_t voters) {
  group g;
  group_open(&g, voters, NULL);
  group_elect(&g, 1);
  for (int i = 0; i < 100; i++) {
    (void)group_propose(&g, 1, "a proposal like any other");
    group_settle(&g);
  }
  for (uint64_t id = 1; id <= voters; id++) {
    group_compact(&g, id, g.members[id].applied); /* payloads belong to the log, not to the node */
  }
  group_tick(&g, 20);
  printf("idle group of %zu: leader %zu bytes in %zu blocks, follower %zu bytes in %zu blocks\n",
         voters, g.members[1].memory.live_bytes, g.members[1].memory.live_blocks,
         g.members[voters].memory.live_bytes, g.members[voters].memory.live_blocks);
  group_close(&g);
}

int main(void) {
  static const size_t batches[] = {1, 64, 1024};
  for (size_t voters = 1; voters <= 5; voters += 2) {
    for (size_t i = 0; i < sizeof batches / sizeof batches[0]; i++) {
      printf("propose to applied on all, %zu voters, batch %4zu, 256 B: %8.0f ns a proposal\n",
             voters, batches[i], proposals(voters, batches[i], 256, 16384));
    }
  }
  for (size_t voters = 3; voters <= 5; voters += 2) {
    size_t calls = 0;
    double ns = heartbeat_round(voters, &calls);
    printf("tick and heartbeat round, %zu voters: %.0f ns, %zu allocations\n", voters, ns, calls);
  }
  for (size_t voters = 1; voters <= 5; voters += 2) {
    idle_memory(voters);
  }
  return 0;
}
