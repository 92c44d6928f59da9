/* scheduler_link.h - a store's connection to the scheduler, which mends itself.
 *
 * Requests leave and responses come as frames; what is sent while there is no connection is lost
 * at once, and whoever sent it knows (kv_scheduler_device). A connection that breaks is dialled
 * again after a pause that doubles from 50 ms to a second.
 *
 * Thread: the loop's.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_NET_SCHEDULER_LINK_H
#define KV_NET_SCHEDULER_LINK_H

#include "base/log.h"
#include "net/connection.h"
#include "net/frame.h"

typedef struct kv_scheduler_link {
  /* Set before kv_scheduler_link_open. */
  kv_connections *connections;
  const kv_logger *logger;
  char address[KV_MAX_ADDRESS + 1];
  void (*received)(void *ctx, raft_bytes response); /* borrowed */
  void *ctx;

  /* The rest is the link's. */
  kv_connection *connection; /* NULL: none */
  bool connected;
  bool warned; /* that it cannot be reached; once until it can */
  bool closed; /* for good */
  bool timer_open;
  uint64_t backoff;
  uv_timer_t timer;
} kv_scheduler_link;

/* Begins to dial. */
int kv_scheduler_link_open(kv_scheduler_link *link, kv_error *error);
/* For kv_scheduler_device.send; ctx is the link. KV_EBUSY: no connection now, or a full queue. */
int kv_scheduler_link_send(void *ctx, raft_bytes request);
/* No more calls of `received`. The loop must run until its connections are gone. */
void kv_scheduler_link_close(kv_scheduler_link *link);

#endif
