/* group.h - a Raft group in one process: nodes, their storage, and a network that tests can cut.
 *
 * Everything is deterministic: messages travel in the order in which they were sent, time passes
 * when the test says so. Each node's memory comes from an allocator of its own that can fail; an
 * application whose conf change finds no memory waits until there is some.
 *
 * Whatever a test does, the group aborts when a term has two leaders, or when two members apply
 * different things.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TEST_GROUP_H
#define TEST_GROUP_H

#include <libraft/memory_storage.h>
#include <libraft/raft.h>

#include "failing_allocator.h"

enum { GROUP_MOST = 9, GROUP_TERMS = 64, GROUP_INDEXES = 256 };

typedef struct group_member {
  uint64_t id;
  raft_config config;
  raft_rawnode *node; /* NULL while it is down */
  raft_memory_storage *storage;
  failing_allocator memory;   /* of the node alone */
  uint64_t applied;           /* last index applied */
  uint64_t applied_hash;      /* over the normal entries applied, to compare members */
  raft_conf_state conf_state; /* as of applied; lists are in `members` */
  uint64_t members[GROUP_MOST * 2];
  raft_read_state reads[64]; /* answered, without their contexts' owners */
  uint64_t read_tags[64];    /* first 8 bytes of each context */
  size_t read_count;
  bool cut;       /* no messages in or out */
  int last_error; /* of the last step that failed, for tests that expect one */
  int odd_error;  /* of the first step that failed for want of anything but memory */
} group_member;

typedef struct group {
  group_member members[GROUP_MOST + 1]; /* by id; [0] is unused */
  size_t count;
  raft_message *queue; /* in flight, oldest first */
  size_t queued;
  size_t capacity;
  bool (*keep)(void *ctx, const raft_message *message); /* NULL, or false: the message is lost */
  void *keep_ctx;
  bool wired;   /* messages travel as bytes, decoded with their recipients' memory */
  bool no_hash; /* benchmarks: do not look into what is applied */
  uint64_t delivered[RAFT_MSG_TYPE_COUNT]; /* by type */
  uint64_t leaders[GROUP_TERMS];           /* by term, of the first ones */
  uint64_t hashes[GROUP_INDEXES];          /* by index, of the first ones applied */
} group;

/* `count` voters 1 ... count; change(config) may be NULL. All nodes are open, nobody leads. */
void group_open(group *g, size_t count, void (*change)(raft_config *config));
void group_close(group *g);
/* A new group in the place of this one, in which 1 leads. */
void group_reopen(group *g, size_t count, void (*change)(raft_config *config));

/* For `change`: time makes nobody campaign or step down, and one round of votes elects. */
void group_plain(raft_config *config);

/* `count` nodes on empty storage, to be bootstrapped. */
void group_open_empty(group *g, size_t count, void (*change)(raft_config *config));

/* Node `id` is opened on empty storage with no configuration, to be added. */
void group_join(group *g, uint64_t id, void (*change)(raft_config *config));

/* Handles one Ready of each member that has one; false: none had. */
bool group_turn(group *g);
/* Delivers what is in flight now; false: nothing was. */
bool group_deliver(group *g);
/* Turns and deliveries until nothing is left to do. */
void group_settle(group *g);
/* The first message in flight of that type from -> to; NULL: none. Handles Readies first, delivers
 * nothing. */
const raft_message *group_sent(group *g, raft_message_type type, uint64_t from, uint64_t to);
/* Loses everything in flight. */
void group_lose(group *g);
/* One tick of each live member, then settles. */
void group_tick(group *g, size_t ticks);

/* Campaigns and settles; the node must win. */
void group_elect(group *g, uint64_t id);
uint64_t group_leader(const group *g); /* the leader of the highest term that is up; 0: none */
raft_rawnode *group_node(group *g, uint64_t id);
raft_basic_status group_status(group *g, uint64_t id);
/* What leader 1 knows of `id`, where the ids are 1, 2, 3 ... without a gap. */
raft_progress_status group_progress(group *g, uint64_t id);
/* Steps one message into its recipient. */
int group_step(group *g, raft_message message);
int group_propose(group *g, uint64_t id, const char *text);
/* A change of `member`, proposed at node `id`. */
int group_propose_change(group *g, uint64_t id, raft_conf_change_type type, uint64_t member);
/* Loses what is in memory, and starts again from storage. */
void group_restart(group *g, uint64_t id);
/* The same in two steps, of which the second may fail: then the node stays down. */
void group_stop(group *g, uint64_t id);
int group_start(group *g, uint64_t id);
/* Makes a snapshot at what the member has applied, and drops the log up to `index`. */
void group_compact(group *g, uint64_t id, uint64_t index);
/* Checks that all live members that are not cut applied the same, and how far. */
void group_expect_equal(group *g);

#endif
