/* arrival.h - a snapshot that another store is sending: chunks to a file, then to the core.
 *
 * The file is written on the snapshot thread. Each chunk is acknowledged once it is written, which
 * is what keeps the sender from sending more than it may; the last acknowledgement says whether the
 * whole was verified. An arrival ends when its connection does, or when it makes no progress.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_NET_ARRIVAL_H
#define KV_NET_ARRIVAL_H

#include "net/inbound.h"

/* What an acknowledgement says behind the number of bytes. */
typedef enum kv_arrival_state {
  KV_ARRIVAL_RUNNING = 0,
  KV_ARRIVAL_COMPLETE = 1,
  KV_ARRIVAL_FAILED = 2,
  KV_ARRIVAL_BUSY = 3 /* too many at a time: try later */
} kv_arrival_state;

enum {
  KV_SNAPSHOT_FRAME = 256 << 10, /* bytes of a file in one frame */
  KV_SNAPSHOT_WINDOW = 4 << 20   /* bytes that may be under way without acknowledgement */
};

/* Begins with the envelope of the message that the snapshot belongs to. NULL: refused, and the
 * sender told so. The connection must outlive it, or kv_arrival_disconnected be called. */
kv_arrival *kv_arrival_begin(kv_inbound *inbound, kv_connection *connection, uint64_t from_store,
                             raft_slice envelope);

/* NULL is allowed and ignored in all of these. */
void kv_arrival_chunk(kv_arrival *arrival, raft_slice data);
void kv_arrival_end(kv_arrival *arrival);
void kv_arrival_disconnected(kv_arrival *arrival);

/* Ends those without progress; from time to time. */
void kv_arrivals_check(kv_inbound *inbound, uint64_t now);

#endif
