/* memory.c - what an idle node holds, and how often a working one asks for memory; both counted
 * through the allocator hook, so that they are exact and do not depend on the malloc below.
 *
 * Storage is not counted: it is the embedder's. Bytes are as asked for.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdalign.h>
#include <stdlib.h>

#include "bench.h"
#include "cluster.h"

enum { OPERATIONS = 10000, PAYLOAD = 256 };

/* Each block has its size in front of it. */
typedef struct counter {
  raft_allocator hook;
  size_t live;
  size_t calls;
} counter;

typedef union header {
  size_t size;
  max_align_t align;
} header;

static void *counted_realloc(void *ctx, void *pointer, size_t size) {
  counter *count = ctx;
  header *old = pointer == NULL ? NULL : (header *)pointer - 1;
  size_t before = old == NULL ? 0 : old->size;
  header *block = realloc(old, sizeof *block + size);
  if (block == NULL) {
    return NULL;
  }
  block->size = size;
  count->live += size - before;
  count->calls++;
  return block + 1;
}

static void *counted_malloc(void *ctx, size_t size) {
  return counted_realloc(ctx, NULL, size);
}

static void counted_free(void *ctx, void *pointer) {
  counter *count = ctx;
  if (pointer != NULL) {
    header *block = (header *)pointer - 1;
    count->live -= block->size;
    free(block);
  }
}

static void counter_init(counter *count) {
  *count = (counter){.hook = {counted_malloc, counted_realloc, counted_free, count}};
}

static void propose(cluster *c) {
  static const unsigned char payload[PAYLOAD];
  raft_slice slice = {payload, sizeof payload};
  bench_check(raft_rawnode_propose(c->members[0].node, &slice, 1), "propose");
  cluster_settle(c);
}

static void tick(cluster *c) {
  for (size_t i = 0; i < c->count; i++) {
    bench_check(raft_rawnode_tick(c->members[i].node), "tick");
  }
  cluster_settle(c);
}

/* A group whose memory is counted, and that has worked for a while. */
static void open_counted(cluster *c, counter *count, size_t nodes, void (*work)(cluster *c)) {
  counter_init(count);
  cluster_open(c, nodes, &count->hook, NULL);
  for (int i = 0; i < 100; i++) {
    work(c);
  }
}

/* ---- bytes ---- */

/* The group leads, works, and idles; then what closing one of the nodes gives back is its size. */
static double bytes_of(const bench_point *point, size_t position) {
  counter count;
  cluster c;
  open_counted(&c, &count, point->nodes, propose);
  for (size_t i = 0; i < c.count; i++) {
    cluster_compact(&c, i); /* payloads belong to the log, not to the node */
  }
  for (int i = 0; i < 20; i++) {
    tick(&c);
  }
  size_t before = count.live;
  raft_rawnode_close(c.members[position].node);
  c.members[position].node = NULL;
  size_t bytes = before - count.live;
  cluster_close(&c);
  return (double)bytes;
}

static double leader_bytes(const bench_point *point) {
  return bytes_of(point, 0);
}

static double follower_bytes(const bench_point *point) {
  return bytes_of(point, point->nodes - 1);
}

/* ---- allocations ---- */

static double allocations(const bench_point *point, void (*work)(cluster *c)) {
  counter count;
  cluster c;
  open_counted(&c, &count, point->nodes, work);
  count.calls = 0;
  for (int i = 0; i < OPERATIONS; i++) {
    work(&c);
  }
  double per_operation = (double)count.calls / OPERATIONS;
  cluster_close(&c);
  return per_operation;
}

static double proposal_allocations(const bench_point *point) {
  return allocations(point, propose);
}

static double tick_allocations(const bench_point *point) {
  return allocations(point, tick);
}

const bench_point bench_memory_points[] = {
    {"memory, idle node alone", "B", leader_bytes, 1, 0, 0},
    {"memory, idle leader of 3", "B", leader_bytes, 3, 0, 0},
    {"memory, idle follower of 3", "B", follower_bytes, 3, 0, 0},
    {"memory, idle leader of 5", "B", leader_bytes, 5, 0, 0},
    {"memory, idle follower of 5", "B", follower_bytes, 5, 0, 0},
    {"allocations, proposal, 1 node", "calls", proposal_allocations, 1, 0, 0},
    {"allocations, proposal, all of 3 nodes", "calls", proposal_allocations, 3, 0, 0},
    {"allocations, heartbeat round, all of 3 nodes", "calls", tick_allocations, 3, 0, 0},
    {.name = NULL},
};
