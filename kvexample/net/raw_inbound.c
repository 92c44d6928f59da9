/* raw_inbound.c - incoming connections of clients that speak raw calls in frames.
 *
 * Calls are answered in the order in which they are done; the request id tells which is which. A
 * connection with many calls under way, or answers that nobody reads, is not read from.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "net/raw_inbound.h"

#include <stdlib.h>

enum {
  MOST_CALLS = 1024,
  MOST_OUTPUT = 8 << 20, /* bytes */
  MOST_INPUT = (int)KV_MAX_COMMAND + 4096
};

typedef struct client {
  kv_inbound *inbound;
  kv_connection *connection; /* NULL: it has gone */
  size_t calls;              /* under way */
  bool paused;
} client;

static void refuse(client *c, const char *why) {
  kv_log(c->inbound->logger, KV_WARN, "connection of a raw client refused",
         "address=%s reason=\"%s\"", kv_connection_peer(c->connection).text, why);
  kv_connection_close(c->connection, UV_EPROTO);
}

static bool may_take_more(const client *c) {
  return c->calls < MOST_CALLS && kv_outbox_bytes(&c->connection->out) < MOST_OUTPUT;
}

static void release(client *c) {
  if (c->connection == NULL && c->calls == 0) {
    free(c);
  }
}

/* From kv_store_flush. */
static void on_answer(void *ctx, const void *data, size_t len) {
  client *c = ctx;
  c->calls--;
  if (c->connection != NULL && len > 0) {
    unsigned char header[KV_FRAME_HEADER];
    const raft_bytes part = {data, len, NULL};
    kv_frame_header(header, KV_FRAME_RAW_RESPONSE, &part, 1);
    if (kv_outbox_copy(&c->connection->out, header, sizeof header) != KV_OK ||
        kv_outbox_copy(&c->connection->out, data, len) != KV_OK) {
      kv_connection_close(c->connection, UV_ENOMEM);
      return;
    }
  }
  if (c->connection != NULL) {
    kv_connection_touch(c->connection);
  }
  release(c);
}

static void on_frame(client *c, const kv_frame *frame) {
  if (frame->type != KV_FRAME_RAW_REQUEST) {
    refuse(c, "a frame that no client sends");
    return;
  }
  c->calls++;
  const int rc = kv_store_raw(c->inbound->store, frame->payload, on_answer, c);
  if (rc != KV_OK) {
    c->calls--;
    refuse(c, rc == KV_ENOMEM ? "out of memory" : "malformed call");
  }
}

static void on_readable(kv_connection *connection) {
  client *c = connection->state;
  kv_frame frame;
  while (!connection->closing && !(c->paused = !may_take_more(c))) {
    const kv_frame_state state = kv_frame_read(connection->in.data, connection->in.len, &frame);
    if (state == KV_FRAME_BAD) {
      refuse(c, frame.why);
      return;
    }
    if (state == KV_FRAME_MORE) {
      connection->wanted = frame.wanted;
      if (frame.wanted > MOST_INPUT) {
        refuse(c, "a call that is too long");
      }
      break;
    }
    on_frame(c, &frame);
    kv_inbox_consume(&connection->in, frame.size);
  }
  kv_connection_touch(connection);
}

static void on_turn(kv_connection *connection) {
  client *c = connection->state;
  if (c->paused && may_take_more(c)) {
    c->paused = false;
    kv_connection_reread(connection);
  }
  if (connection->closing) {
    return;
  }
  if (kv_outbox_flush(&connection->out) != 0) {
    kv_connection_close(connection, UV_EPIPE);
    return;
  }
  kv_connection_read(connection, !c->paused);
}

static void on_closed(kv_connection *connection, int rc) {
  client *c = connection->state;
  (void)rc;
  c->connection = NULL;
  release(c);
}

static const kv_protocol raw_protocol = {
    .name = "raw", .readable = on_readable, .turn = on_turn, .closed = on_closed};

void kv_raw_adopt(kv_inbound *inbound, kv_connection *connection) {
  client *c = calloc(1, sizeof *c);
  if (c == NULL) {
    kv_connection_close(connection, UV_ENOMEM);
    return;
  }
  *c = (client){.inbound = inbound, .connection = connection};
  connection->protocol = &raw_protocol;
  connection->state = c;
}
