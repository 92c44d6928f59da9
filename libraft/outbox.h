/* outbox.h - messages waiting to be handed out.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RAFT_OUTBOX_H
#define RAFT_OUTBOX_H

#include <libraft/types.h>

/* Zero-initialised is empty. Each message holds one reference of its body. */
typedef struct raft_outbox {
  raft_message *items;
  uint32_t count;
  uint32_t capacity;
} raft_outbox;

/* Room for `more` messages. RAFT_ENOMEM: unchanged. */
int raft_outbox_grow(raft_outbox *box, size_t more, const raft_allocator *allocator);
static inline int raft_outbox_reserve(raft_outbox *box, size_t more,
                                      const raft_allocator *allocator) {
  return more <= box->capacity - box->count ? 0 : raft_outbox_grow(box, more, allocator);
}
/* The reference moves in; room must be reserved. */
void raft_outbox_push(raft_outbox *box, const raft_message *message);
/* Releases the first ones; the others move up. */
void raft_outbox_drop(raft_outbox *box, uint32_t count);
/* Releases all; what can be used again becomes *spare. */
void raft_outbox_reclaim(raft_outbox *box, raft_body **spare);
/* Releases the messages, keeps the memory. */
void raft_outbox_clear(raft_outbox *box);
void raft_outbox_close(raft_outbox *box, const raft_allocator *allocator);
/* Gives the memory of an empty box back if it has room for more than `usual` messages. */
void raft_outbox_shrink(raft_outbox *box, uint32_t usual, const raft_allocator *allocator);
/* `spare` is cleared; its memory serves `box` if that has none, else it stays where it is. */
void raft_outbox_recycle(raft_outbox *box, raft_outbox *spare);

/* A message that may be kept: a reference to `message`'s body, or a copy where it is borrowed. */
int raft_message_own(const raft_allocator *allocator, const raft_message *message,
                     raft_message *own);
/* A body that holds a copy of a snapshot; its data is retained where it has an owner. */
raft_body *raft_snapshot_body(const raft_allocator *allocator, const raft_snapshot *snapshot);

#endif
