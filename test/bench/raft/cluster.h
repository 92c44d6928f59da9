/* cluster.h - a group in one process whose messages go straight from a Ready into the others' step.
 *
 * What a loop around the library has to do is done, and nothing else: hard state and entries go to
 * a raft_memory_storage, messages to their recipients, committed entries are looked at one by
 * one, and the storage is compacted every now and then. Nothing in here allocates.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef BENCH_CLUSTER_H
#define BENCH_CLUSTER_H

#include <libraft/memory_storage.h>
#include <libraft/raft.h>

enum { CLUSTER_MOST = 5 };

typedef struct cluster_member {
  raft_rawnode *node;
  raft_memory_storage *storage;
  uint64_t applied;
  uint64_t applied_bytes;
  uint64_t compacted;
} cluster_member;

typedef struct cluster {
  cluster_member members[CLUSTER_MOST]; /* ids are positions + 1 */
  size_t count;
} cluster;

/* `count` voters, of which the first leads. memory: of the nodes, not of their storage; NULL: the
 * default. change (NULL: none) may set what differs from the defaults. */
void cluster_open(cluster *c, size_t count, const raft_allocator *memory,
                  void (*change)(raft_config *config));
void cluster_close(cluster *c);

/* One Ready of a member, messages delivered; false: it had none. */
bool cluster_turn(cluster *c, size_t position);
/* Turns until nobody has anything to do. */
void cluster_settle(cluster *c);
/* Drops what is applied from the member's storage. */
void cluster_compact(cluster *c, size_t position);

#endif
