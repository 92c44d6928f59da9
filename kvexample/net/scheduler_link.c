/* scheduler_link.c - a store's connection to the scheduler, which mends itself.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "net/scheduler_link.h"

enum {
  BACKOFF_FIRST = 50, /* milliseconds */
  BACKOFF_LAST = 1000,
  DEAD_AFTER = 3000, /* a path that swallows packets is given up */
  QUEUE_BYTES = 4 << 20
};

static void on_connected(kv_connection *connection) {
  kv_scheduler_link *link = connection->state;
  kv_connection_give_up_after(connection, DEAD_AFTER);
  link->connected = true;
  link->warned = false;
  (void)uv_timer_stop(&link->timer);
  kv_log(link->logger, KV_INFO, "connected to the scheduler", "address=%s", link->address);
}

static void refuse(kv_scheduler_link *link, const char *why) {
  kv_log(link->logger, KV_ERROR, "this is no scheduler", "address=%s reason=\"%s\"", link->address,
         why);
  link->warned = true;
  link->backoff = BACKOFF_LAST;
  kv_connection_close(link->connection, UV_EPROTO);
}

static void on_frame(kv_scheduler_link *link, const kv_frame *frame) {
  if (frame->type != KV_FRAME_SCHEDULER_RESPONSE) {
    refuse(link, "another kind of frame");
    return;
  }
  link->backoff = 0;
  link->received(link->ctx, (raft_bytes){frame->payload.data, frame->payload.len, NULL});
}

static void on_readable(kv_connection *connection) {
  kv_scheduler_link *link = connection->state;
  kv_frame frame;
  while (!connection->closing) {
    switch (kv_frame_read(connection->in.data, connection->in.len, &frame)) {
    case KV_FRAME_MORE: connection->wanted = frame.wanted; return;
    case KV_FRAME_BAD: refuse(link, frame.why); return;
    case KV_FRAME_WHOLE:
      on_frame(link, &frame);
      kv_inbox_consume(&connection->in, frame.size);
      break;
    }
  }
}

static void on_time(uv_timer_t *timer);

static void pause_before_next(kv_scheduler_link *link) {
  link->backoff = link->backoff == 0 ? BACKOFF_FIRST : link->backoff * 2;
  link->backoff = link->backoff < BACKOFF_LAST ? link->backoff : BACKOFF_LAST;
  if (!link->closed) {
    (void)uv_timer_start(&link->timer, on_time, link->backoff, 0);
  }
}

static void on_closed(kv_connection *connection, int rc) {
  kv_scheduler_link *link = connection->state;
  link->connection = NULL;
  link->connected = false;
  if (!link->warned && !link->closed) {
    link->warned = true;
    kv_log(link->logger, KV_WARN, "no connection to the scheduler, trying again",
           "address=%s reason=\"%s\"", link->address,
           rc == 0 ? "closed by the other side" : uv_strerror(rc));
  }
  pause_before_next(link);
}

static const kv_protocol link_protocol = {
    .name = "scheduler", .connected = on_connected, .readable = on_readable, .closed = on_closed};

static void dial(kv_scheduler_link *link) {
  link->connection = kv_connection_open(link->connections, &link_protocol, link);
  if (link->connection == NULL) {
    pause_before_next(link);
    return;
  }
  kv_connection_dial(link->connection, link->address);
  (void)uv_timer_start(&link->timer, on_time, DEAD_AFTER, 0);
}

/* Time to dial, or time to give up dialling. */
static void on_time(uv_timer_t *timer) {
  kv_scheduler_link *link = timer->data;
  if (link->connection == NULL) {
    dial(link);
  } else if (!link->connected) {
    kv_connection_close(link->connection, UV_ETIMEDOUT);
  }
}

int kv_scheduler_link_open(kv_scheduler_link *link, kv_error *error) {
  const int rc = uv_timer_init(link->connections->loop, &link->timer);
  if (rc != 0) {
    return kv_fail(error, KV_EIO, "cannot make a timer: %s", uv_strerror(rc));
  }
  link->timer_open = true;
  link->timer.data = link;
  dial(link);
  return KV_OK;
}

int kv_scheduler_link_send(void *ctx, raft_bytes request) {
  kv_scheduler_link *link = ctx;
  unsigned char header[KV_FRAME_HEADER];
  if (!link->connected || link->connection->closing ||
      kv_outbox_bytes(&link->connection->out) > QUEUE_BYTES) {
    return KV_EBUSY;
  }
  kv_frame_header(header, KV_FRAME_SCHEDULER_REQUEST, &request, 1);
  int rc = kv_outbox_copy(&link->connection->out, header, sizeof header);
  rc = rc == KV_OK ? kv_outbox_copy(&link->connection->out, request.data, request.len) : rc;
  if (rc != KV_OK) {
    kv_connection_close(link->connection, UV_ENOMEM); /* half a frame may be in the queue */
  } else {
    kv_connection_touch(link->connection);
  }
  return rc;
}

void kv_scheduler_link_close(kv_scheduler_link *link) {
  link->closed = true;
  if (link->connection != NULL) {
    kv_connection_close(link->connection, 0);
  }
  if (link->timer_open) {
    (void)uv_timer_stop(&link->timer);
  }
}
