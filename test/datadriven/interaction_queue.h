/* interaction_queue.h - messages that wait in order: in flight, or for a storage thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef DATADRIVEN_INTERACTION_QUEUE_H
#define DATADRIVEN_INTERACTION_QUEUE_H

#include <libraft/types.h>

/* A message and the references that keep it readable. */
struct interaction_item {
  raft_message message;
  raft_message holder; /* the storage message that a response came out of; all zero: none */
};

/* All zero: empty. */
struct interaction_queue {
  struct interaction_item *items;
  size_t count;
  size_t capacity;
};

/* Appends `message`, retained. holder (NULL: none) is retained too: a response may point into
 * the memory of the message that carried it. */
void interaction_queue_push(struct interaction_queue *queue, const raft_message *message,
                            const raft_message *holder);

/* Takes the first item out, for the caller to release. The queue must not be empty. */
struct interaction_item interaction_queue_pop(struct interaction_queue *queue);

typedef bool interaction_match(const raft_message *message, const void *ctx);

/* Moves the items that match from one queue to the end of another; both keep their order. */
void interaction_queue_move(struct interaction_queue *from, struct interaction_queue *to,
                            interaction_match *matches, const void *ctx);

/* True if some item matches. */
bool interaction_queue_any(const struct interaction_queue *queue, interaction_match *matches,
                           const void *ctx);

void interaction_item_release(const struct interaction_item *item);

/* Releases what is left; the queue is empty and usable again. */
void interaction_queue_clear(struct interaction_queue *queue);

#endif
