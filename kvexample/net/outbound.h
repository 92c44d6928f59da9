/* outbound.h - outgoing connections to the other stores, one a store, that mend themselves.
 *
 * A link connects when there is something to send, and after a failure not again before its
 * back-off is over: what is sent meanwhile is lost, which Raft expects. All frames that were queued
 * in a turn leave with one call. Only frames go out on a link; what the other store has to say
 * comes on its own link to us, except for its greeting.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_NET_OUTBOUND_H
#define KV_NET_OUTBOUND_H

#include <stdbool.h>

#include "base/log.h"
#include "net/connection.h"
#include "net/frame.h"

typedef struct kv_outbound_link kv_outbound_link;

/* Zero-initialise and fill in before the first frame. */
typedef struct kv_outbound {
  kv_connections *connections;
  kv_store *store;
  const kv_logger *logger;
  kv_hello own;       /* what we say; target_id is filled by link */
  size_t queue_bytes; /* of one link; frames below 1 KiB (heartbeats, votes) get some more */

  kv_outbound_link *first; /* kept by link.c */
  bool closed;             /* nothing is sent any more */
} kv_outbound;

/* kv_transport_device.send. */
int kv_outbound_send(kv_outbound *outbound, uint64_t store_id, const char *address,
                     kv_frame_type type, const raft_bytes *parts, size_t count);

/* Tells the store of links that broke; before kv_store_flush. */
void kv_outbound_report(kv_outbound *outbound);

/* Closes all connections; after that nothing is sent. */
void kv_outbound_close(kv_outbound *outbound);
/* When the loop has run. */
void kv_outbound_free(kv_outbound *outbound);

#endif
