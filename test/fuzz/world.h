/* world.h - a group of nodes whose every step a fuzzer chooses: messages, storage, crashes, time.
 *
 * Three voters, and two more nodes that changes of members may bring in. Each has storage that
 * keeps what was written, a state machine in memory that is built anew from snapshot and log after
 * a crash, and, with asynchronous writes, two queues that stand for its storage threads.
 *
 * What must hold is checked wherever it shows, and a violation aborts. Once a message was
 * forged the group has no common truth any more: then only what each node owes itself is checked.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef FUZZ_WORLD_H
#define FUZZ_WORLD_H

#include <libraft/memory_storage.h>
#include <libraft/raft.h>

#include "input.h"

enum {
  WORLD_VOTERS = 3,
  WORLD_NODES = 5,
  WORLD_TERMS = 32,
  WORLD_INDEXES = 160,
  WORLD_READS = 64,
  WORLD_MEMBERS = 64, /* ids in all lists of a configuration, longer ones are not kept */
  WORLD_FLIGHT = 40   /* messages on their way; of more the oldest is lost */
};

/* Messages that are kept, oldest first. */
typedef struct world_queue {
  raft_message items[WORLD_FLIGHT];
  size_t count;
} world_queue;

typedef struct world_node {
  raft_config config;
  raft_memory_storage *storage;
  raft_rawnode *raft;         /* NULL: down */
  const raft_ready *ready;    /* handed out, not advanced */
  world_queue to_append;      /* asynchronous writes that wait */
  world_queue to_apply;       /* ... and commits */
  uint64_t applied;           /* the state machine's */
  uint64_t restored;          /* ... the snapshot that it began with, or took last */
  uint64_t state;             /* ... a hash of all that it applied */
  uint64_t handed_out;        /* last entry given to be applied */
  raft_conf_state conf_state; /* as of applied; its lists are in `members` */
  uint64_t members[WORLD_MEMBERS];
  raft_hard_state shown; /* the last one a Ready told, or storage kept */
} world_node;

typedef struct world {
  world_node nodes[WORLD_NODES + 1]; /* by id; 0 is unused */
  world_queue flight;
  bool forged;     /* somebody lied: group-wide promises are void */
  bool reshaped;   /* members were changed */
  bool lease_read; /* safe only with clocks that these are not */
  uint64_t leaders[WORLD_TERMS];
  uint64_t states[WORLD_INDEXES];            /* by index, of whoever applied first */
  uint64_t logs[WORLD_TERMS][WORLD_INDEXES]; /* hash of the entry with that term and index */
  uint64_t applied;                          /* the most that any node ever applied */
  uint64_t read_floor[WORLD_READS];          /* `applied` when read number n was asked */
  uint64_t reads;                            /* how many were asked */
} world;

/* All five open, the first three with each other as voters. `options` are taken
 * from the input. */
void world_open(world *w, fuzz_input *options, bool honest);
void world_close(world *w);

/* Node `id` loses what is in memory. */
void world_crash(world *w, uint64_t id);
/* ... and comes back from its storage. */
void world_restart(world *w, uint64_t id);

/* Each: false when there is nothing to do. Takes a Ready and does its work, or advances the one
 * that is out. */
bool world_pump(world *w, uint64_t id);
/* One write, or one batch of commits, of a storage thread. */
bool world_write(world *w, uint64_t id);
bool world_apply(world *w, uint64_t id);

/* The message at `position` in flight, which stays there if `again`. */
void world_deliver(world *w, size_t position, bool again);
void world_lose(world *w, size_t position);

/* Steps a message and checks that it was not written to. */
void world_step(world *w, uint64_t id, const raft_message *message);
/* Checks the answer of a call. */
void world_expect(world *w, uint64_t id, int rc);

void world_read(world *w, uint64_t id);
/* The node's storage makes a snapshot of the state machine, and may forget the log before. */
void world_compact(world *w, uint64_t id, uint64_t keep);

/* What must hold between any two calls. */
void world_check(world *w);
/* Everybody is up and heard: the group must agree on something new. */
void world_heal(world *w);

#endif
