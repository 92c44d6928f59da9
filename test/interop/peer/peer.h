/* peer.h - one libraft node with its storage, the work that waits, and what came of it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef INTEROP_PEER_H
#define INTEROP_PEER_H

#include <libraft/memory_storage.h>
#include <libraft/raft.h>

#include "../pipe/pipe.h"

enum { MOST_MEMBERS = 64, START_INDEX = 10 };

/* Membership with memory of its own. */
struct membership {
  raft_conf_state state;
  uint64_t ids[4][MOST_MEMBERS];
};

/* A message that waits, retained; so is the one that it came in, whose memory it may lie in. */
struct waiting {
  raft_message message;
  raft_message holder; /* all zero: none */
};

/* All zero: empty. First in, first out. */
struct queue {
  struct waiting *items;
  size_t count;
  size_t capacity;
};

void queue_push(struct queue *queue, const raft_message *message, const raft_message *holder);
/* The first one, for the caller to release. There must be one. */
struct waiting queue_pop(struct queue *queue);
void queue_clear(struct queue *queue);
void waiting_release(const struct waiting *waiting);

struct peer {
  raft_config config;
  raft_memory_storage *storage;
  raft_rawnode *node;
  struct membership membership; /* as of `applied` */
  uint64_t applied;
  uint64_t applied_term;
  struct queue append; /* for the storage threads of an asynchronous node */
  struct queue apply;
  struct queue to_self;       /* what the threads answered, and the node has not heard yet */
  struct pipe_answer *answer; /* of the request that is being served */
};

void peer_keep_membership(struct peer *peer, const raft_conf_state *state);

/* Hands out Readies until there is none: does all of what they say, of an asynchronous node only
 * what is not left to its storage threads. */
void peer_work(struct peer *peer);
/* Makes a synchronous node's next Ready durable and goes no further. */
void peer_persist(struct peer *peer);
/* One message of a queue is worked off; nothing happens if there is none. */
void peer_append(struct peer *peer);
void peer_apply(struct peer *peer);
int peer_hear(struct peer *peer);
void peer_put_message(struct peer *peer, const raft_message *message);

#endif
