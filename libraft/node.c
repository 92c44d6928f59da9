/* node.c - what all parts of a node use: events, sending, randomness, poisoning.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "node.h"

#include <string.h>

void raft_emit(const raft_rawnode *node, raft_log_level level, raft_event_type type, uint64_t peer,
               uint64_t index, uint64_t a, uint64_t b) {
  if (node->config.log == NULL) {
    return;
  }
  raft_event event = {.level = level,
                      .type = type,
                      .id = node->config.id,
                      .term = node->term,
                      .peer = peer,
                      .index = index,
                      .a = a,
                      .b = b};
  node->config.log(node->config.log_ctx, &event);
}

/* What is said of a type by the bit of its number. */
#define BIT(type) (UINT32_C(1) << (type))

/* Vote traffic says for itself which term it is about; forwarded proposals and reads have none. */
static bool carries_own_term(raft_message_type type) {
  const uint32_t others = BIT(RAFT_MSG_VOTE) | BIT(RAFT_MSG_VOTE_RESP) | BIT(RAFT_MSG_PRE_VOTE) |
                          BIT(RAFT_MSG_PRE_VOTE_RESP) | BIT(RAFT_MSG_PROP) |
                          BIT(RAFT_MSG_READ_INDEX);
  return (BIT(type) & others) == 0;
}

/* Thesis 3.8: term, vote and entries are durable before anyone is told of them. */
static bool promises(raft_message_type type) {
  const uint32_t promising =
      BIT(RAFT_MSG_APP_RESP) | BIT(RAFT_MSG_VOTE_RESP) | BIT(RAFT_MSG_PRE_VOTE_RESP);
  return (BIT(type) & promising) != 0;
}

/* A request for votes promises too, by its term and by the log that it boasts of: a candidate that
 * forgot them in a crash could campaign in the same term again with less, be elected by votes for
 * the first campaign, and lead a term twice. (Upstream sends it at once where writes are
 * asynchronous; where they are not, the application has written everything before it sends.) */
static bool asks_in_good_faith(const raft_rawnode *node, raft_message_type type) {
  return type == RAFT_MSG_VOTE && node->config.async_storage_writes && !node->config.etcd_quirks;
}

static raft_outbox *box_for(raft_rawnode *node, raft_message_type type) {
  return promises(type) || asks_in_good_faith(node, type) ? &node->after_append : &node->messages;
}

raft_message *raft_compose(raft_rawnode *node, raft_message_type type, uint64_t to) {
  raft_outbox *box = box_for(node, type);
  if (raft_outbox_reserve(box, 1, raft_memory(node)) != RAFT_OK) {
    return NULL;
  }
  raft_message *message = &box->items[box->count++];
  memset(message, 0, sizeof *message);
  message->type = type;
  message->to = to;
  message->from = node->config.id;
  message->term = carries_own_term(type) ? node->term : 0;
  return message;
}

bool raft_send(raft_rawnode *node, raft_message *message) {
  raft_outbox *box = box_for(node, message->type);
  if (raft_outbox_reserve(box, 1, raft_memory(node)) != RAFT_OK) {
    raft_message_release(message);
    return false;
  }
  if (message->from == RAFT_NO_ID) {
    message->from = node->config.id;
  }
  if (carries_own_term(message->type)) {
    message->term = node->term;
  }
  raft_outbox_push(box, message);
  return true;
}

int raft_reserve_self(raft_rawnode *node) {
  return raft_outbox_reserve(&node->after_append, 1, raft_memory(node));
}

int raft_forward(raft_rawnode *node, const raft_message *message) {
  raft_message own;
  int rc = raft_message_own(raft_memory(node), message, &own);
  if (rc == RAFT_OK) {
    own.to = node->lead;
    rc = raft_send(node, &own) ? RAFT_OK : RAFT_ENOMEM;
  }
  return rc;
}

/* SplitMix64: small, seedable, and good enough to keep election timeouts apart. */
static uint64_t mix(uint64_t z) {
  z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
  return z ^ (z >> 31);
}

/* Members of a group often have one seed. All sequences are parts of one circle, so each must begin
 * far from the others: two that draw the same numbers, one a draw behind the other, would
 * split the votes for ever. */
void raft_random_init(raft_rawnode *node, uint64_t seed) {
  node->random = mix(mix(node->config.id) ^ seed);
}

uint32_t raft_random_below(raft_rawnode *node, uint32_t bound) {
  node->random += UINT64_C(0x9E3779B97F4A7C15);
  return (uint32_t)(((mix(node->random) >> 32) * bound) >> 32);
}

int raft_poison(raft_rawnode *node, int code, unsigned line) {
  if (node->poisoned == RAFT_OK) {
    node->poisoned = code;
    raft_emit(node, RAFT_LOG_FATAL, RAFT_EVENT_POISONED, 0, 0, (uint64_t)-code, line);
#ifdef RAFT_ABORT_ON_INVARIANT
    if (code == RAFT_EINVARIANT) {
      __builtin_trap();
    }
#endif
  }
  return node->poisoned;
}

int raft_finish_failed(raft_rawnode *node, int rc) {
  if (node->poisoned != RAFT_OK) {
    return node->poisoned;
  }
  if (node->log.failure != RAFT_OK) {
    return raft_poison(node, node->log.failure, __LINE__);
  }
  return rc;
}
