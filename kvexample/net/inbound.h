/* inbound.h - incoming connections of other stores: greeting, frames, snapshots.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_NET_INBOUND_H
#define KV_NET_INBOUND_H

#include "base/log.h"
#include "net/connection.h"
#include "net/frame.h"
#include "net/worker.h"

typedef struct kv_arrival kv_arrival; /* arrival.h */

/* What serves the other stores. Zero-initialise and fill in before the first connection. */
typedef struct kv_inbound {
  kv_store *store;
  const kv_logger *logger;
  kv_hello own;
  kv_worker *snapshot_io;         /* of tasks: writes what arrives */
  const char *snapshot_directory; /* where it goes */
  size_t max_arrivals;            /* snapshots at a time; more are refused */
  uint64_t arrival_timeout_ms;    /* without progress */

  kv_arrival *arrivals; /* kept by arrival.c */
  size_t arrival_count;
} kv_inbound;

/* Makes the connection, whose inbox has its first bytes, another store's. */
void kv_inbound_adopt(kv_inbound *inbound, kv_connection *connection);

#endif
