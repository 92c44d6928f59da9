/* proposals.c - from propose to applied on all members, by members, batch and payload.
 *
 * One at a time: the next proposal begins when the last one is applied everywhere. A batch is one
 * call, and one message. Payloads are copied by the library, once, except where the name says
 * "shared": there they are in a raft_buf, which all members refer to.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>

#include "bench.h"
#include "cluster.h"

enum { CHUNK = 2048, PAYLOAD_MOST = 256, BATCH_MOST = 1024 };

typedef struct proposing {
  cluster group;
  size_t batch;
  size_t size;
  raft_bytes payloads[BATCH_MOST];
} proposing;

static unsigned char payload[PAYLOAD_MOST];

static void propose_single(void *ctx, size_t n) {
  proposing *p = ctx;
  raft_slice slice = {payload, p->size};
  for (size_t i = 0; i < n; i++) {
    bench_check(raft_rawnode_propose(p->group.members[0].node, &slice, 1), "propose");
    cluster_settle(&p->group);
  }
}

static void propose_batches(void *ctx, size_t n) {
  proposing *p = ctx;
  for (size_t done = 0; done < n; done += p->batch) {
    bench_check(raft_rawnode_propose_batch(p->group.members[0].node, p->payloads, p->batch),
                "propose a batch");
    cluster_settle(&p->group);
  }
}

static double run(const bench_point *point, raft_buf *shared) {
  proposing *p = calloc(1, sizeof *p);
  bench_check(p == NULL ? RAFT_ENOMEM : RAFT_OK, "prepare");
  p->batch = point->batch;
  p->size = point->size;
  for (size_t i = 0; i < BATCH_MOST; i++) {
    p->payloads[i] =
        (raft_bytes){shared == NULL ? payload : raft_buf_data(shared), p->size, shared};
  }
  cluster_open(&p->group, point->nodes, NULL, NULL);
  double ns =
      bench_time(p->batch == 1 && shared == NULL ? propose_single : propose_batches, p, CHUNK);
  for (size_t i = 0; i < p->group.count; i++) {
    bool all = p->group.members[i].applied_bytes == p->group.members[0].applied_bytes;
    bench_check(all ? RAFT_OK : RAFT_EINVARIANT, "applied on all");
  }
  cluster_close(&p->group);
  free(p);
  return ns;
}

static double copied(const bench_point *point) {
  return run(point, NULL);
}

static double shared(const bench_point *point) {
  raft_buf *buf = raft_buf_copy(NULL, payload, point->size);
  double ns = run(point, buf);
  raft_buf_release(buf);
  return ns;
}

const bench_point bench_proposal_points[] = {
    {"propose, 1 node, batch 1, 16 B", "ns", copied, 1, 1, 16},
    {"propose, 1 node, batch 1, 256 B", "ns", copied, 1, 1, 256},
    {"propose, 1 node, batch 64, 16 B", "ns", copied, 1, 64, 16},
    {"propose, 1 node, batch 64, 256 B", "ns", copied, 1, 64, 256},
    {"propose, 1 node, batch 1024, 16 B", "ns", copied, 1, 1024, 16},
    {"propose, 1 node, batch 1024, 256 B", "ns", copied, 1, 1024, 256},
    {"propose, 3 nodes, batch 1, 16 B", "ns", copied, 3, 1, 16},
    {"propose, 3 nodes, batch 1, 256 B", "ns", copied, 3, 1, 256},
    {"propose, 3 nodes, batch 64, 16 B", "ns", copied, 3, 64, 16},
    {"propose, 3 nodes, batch 64, 256 B", "ns", copied, 3, 64, 256},
    {"propose, 3 nodes, batch 1024, 16 B", "ns", copied, 3, 1024, 16},
    {"propose, 3 nodes, batch 1024, 256 B", "ns", copied, 3, 1024, 256},
    {"propose, 5 nodes, batch 1, 16 B", "ns", copied, 5, 1, 16},
    {"propose, 5 nodes, batch 1, 256 B", "ns", copied, 5, 1, 256},
    {"propose, 5 nodes, batch 64, 16 B", "ns", copied, 5, 64, 16},
    {"propose, 5 nodes, batch 64, 256 B", "ns", copied, 5, 64, 256},
    {"propose, 5 nodes, batch 1024, 16 B", "ns", copied, 5, 1024, 16},
    {"propose, 5 nodes, batch 1024, 256 B", "ns", copied, 5, 1024, 256},
    {"propose shared, 1 node, batch 1, 256 B", "ns", shared, 1, 1, 256},
    {"propose shared, 3 nodes, batch 1, 256 B", "ns", shared, 3, 1, 256},
    {"propose shared, 3 nodes, batch 64, 256 B", "ns", shared, 3, 64, 256},
    {"propose shared, 3 nodes, batch 1024, 256 B", "ns", shared, 3, 1024, 256},
    {.name = NULL},
};
