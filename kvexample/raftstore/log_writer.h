/* log_writer.h - what all regions want written to the raft log in one turn: one request.
 *
 * Each part is a change of one region with the storage message that asked for it. When the write is
 * durable, the peer gets the message back (kv_peer_log_written) and delivers its responses. A part
 * without a change waits for everything before it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_RAFTSTORE_LOG_WRITER_H
#define KV_RAFTSTORE_LOG_WRITER_H

#include <libraft/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "raftstore/device.h"

/* Why something is written; what the peer does once it is durable. */
typedef enum kv_log_purpose {
  KV_LOG_APPEND = 0,         /* entries and states of Raft: responses are delivered */
  KV_LOG_BEFORE_INSTALL = 1, /* the hard state that comes with a snapshot: it may be installed */
  KV_LOG_INSTALLED = 2,      /* the log begins behind an installed snapshot */
  KV_LOG_NOTHING = 3         /* compaction, destruction */
} kv_log_purpose;

typedef struct kv_log_part {
  uint64_t region_id;
  uint64_t life; /* kv_peer.life */
  kv_log_purpose purpose;
  raft_message message; /* a reference of its own; zero: none */
} kv_log_part;

typedef struct kv_log_parts {
  kv_log_part *items;
  size_t count;
  size_t room;
} kv_log_parts;

/* A request on its way. */
typedef struct kv_log_request {
  struct kv_log_request *next;
  uint64_t token;
  kv_log_parts parts;
} kv_log_request;

/* Zero-initialised is empty. */
typedef struct kv_log_writer {
  kv_log_change *changes; /* gathered, not handed to the device */
  size_t change_count;
  size_t change_room;
  kv_log_parts parts;
  kv_log_request *first, *last; /* handed to the device, in order */
  uint64_t token;
  bool full; /* the device refused; cleared by its next completion and by each tick */
} kv_log_writer;

struct kv_store;

void kv_log_writer_free(kv_log_writer *writer);
/* change NULL: none. message NULL: none; otherwise it is retained, and so is what the change points
 * to in it. Out of memory is the end of the store: Raft would wait for ever. */
void kv_log_writer_add(struct kv_store *store, const kv_log_change *change, kv_log_part part);
/* Hands what was gathered to the device. */
void kv_log_writer_flush(struct kv_store *store);
bool kv_log_writer_has_work(const kv_log_writer *writer);
/* What the device refused is offered again: space on a disk comes back without a completion, and a
 * queue may have been full of work that is not ours. */
void kv_log_writer_tick(kv_log_writer *writer);

#endif
