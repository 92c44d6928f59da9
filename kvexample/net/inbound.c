/* inbound.c - incoming connections of other stores: greeting, frames, snapshots.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "net/inbound.h"

#include <inttypes.h>
#include <stdlib.h>

#include "net/arrival.h"
#include "net/raw_inbound.h"

typedef struct peer {
  kv_inbound *inbound;
  kv_connection *connection;
  uint64_t store_id; /* 0: has not greeted */
  kv_arrival *arrival;
} peer;

static void refuse(peer *p, const char *why) {
  kv_log(p->inbound->logger, KV_ERROR, "connection of a store refused", "address=%s reason=\"%s\"",
         kv_connection_peer(p->connection).text, why);
  kv_connection_close(p->connection, UV_EPROTO);
}

/* Our own greeting goes back in any case: the other side's log should name the reason too. */
static void answer_hello(peer *p, uint64_t to) {
  unsigned char payload[KV_HELLO_MAX];
  unsigned char header[KV_FRAME_HEADER];
  kv_hello hello = p->inbound->own;
  hello.target_id = to;
  const raft_bytes part = {payload, kv_hello_encode(&hello, payload), NULL};
  kv_frame_header(header, KV_FRAME_HELLO, &part, 1);
  if (kv_outbox_copy(&p->connection->out, header, sizeof header) != KV_OK ||
      kv_outbox_copy(&p->connection->out, payload, part.len) != KV_OK) {
    kv_connection_close(p->connection, UV_ENOMEM);
    return;
  }
  (void)kv_outbox_flush(&p->connection->out);
}

/* A client may not know the cluster (0). What its connection has read is looked at by its new
 * protocol. */
static void greet_client(peer *p, const kv_hello *hello) {
  if (hello->protocol != KV_FRAME_VERSION ||
      (hello->cluster_id != 0 && hello->cluster_id != p->inbound->own.cluster_id)) {
    refuse(p, "a client of another version or cluster");
    return;
  }
  kv_raw_adopt(p->inbound, p->connection);
  if (p->connection->state != p) {
    free(p);
  }
}

static void on_hello(peer *p, raft_slice payload) {
  kv_hello hello;
  kv_error error;
  if (p->store_id != 0 || kv_hello_decode(payload, &hello) != KV_OK) {
    refuse(p, "malformed greeting");
    return;
  }
  answer_hello(p, hello.store_id);
  if (hello.store_id == 0) {
    greet_client(p, &hello);
    return;
  }
  if (kv_hello_check(&p->inbound->own, &hello, &error) != KV_OK) {
    refuse(p, error.text);
    return;
  }
  p->store_id = hello.store_id;
}

/* What the core may keep is copied once, as a whole. */
static void deliver(peer *p, kv_frame_type type, raft_slice payload) {
  raft_buf *copy = raft_buf_copy(NULL, payload.data, payload.len);
  if (copy == NULL) {
    return; /* lost, as a network may lose it */
  }
  const raft_bytes bytes = {raft_buf_data(copy), payload.len, copy};
  kv_store_receive(p->inbound->store, p->store_id, type, bytes);
  raft_buf_release(copy);
}

static void begin_arrival(peer *p, raft_slice payload) {
  if (p->arrival != NULL) {
    refuse(p, "two snapshots on one connection");
    return;
  }
  p->arrival = kv_arrival_begin(p->inbound, p->connection, p->store_id, payload);
}

static void on_frame(peer *p, const kv_frame *frame) {
  if (p->store_id == 0 && frame->type != KV_FRAME_HELLO) {
    refuse(p, "no greeting");
    return;
  }
  switch (frame->type) {
  case KV_FRAME_HELLO: on_hello(p, frame->payload); break;
  case KV_FRAME_RAFT:
  case KV_FRAME_BEATS:
  case KV_FRAME_FORWARD:
  case KV_FRAME_FORWARD_REPLY: deliver(p, frame->type, frame->payload); break;
  case KV_FRAME_SNAPSHOT_BEGIN: begin_arrival(p, frame->payload); break;
  case KV_FRAME_SNAPSHOT_CHUNK: kv_arrival_chunk(p->arrival, frame->payload); break;
  case KV_FRAME_SNAPSHOT_END: kv_arrival_end(p->arrival); break;
  case KV_FRAME_SNAPSHOT_ACK: break;
  case KV_FRAME_SCHEDULER_REQUEST:
  case KV_FRAME_SCHEDULER_RESPONSE:
  case KV_FRAME_RAW_REQUEST:
  case KV_FRAME_RAW_RESPONSE:
  default: refuse(p, "unknown kind of frame"); break;
  }
}

/* Who has not greeted is not given memory for more than a greeting. */
static void wait_for_more(kv_connection *connection, const kv_frame *frame) {
  peer *p = connection->state;
  connection->wanted = frame->wanted;
  if (p->store_id == 0 && frame->wanted > KV_FRAME_HEADER + KV_HELLO_MAX) {
    refuse(p, "no greeting");
  }
}

static void on_readable(kv_connection *connection) {
  const kv_protocol *own = connection->protocol;
  kv_frame frame;
  while (!connection->closing && connection->protocol == own) {
    switch (kv_frame_read(connection->in.data, connection->in.len, &frame)) {
    case KV_FRAME_MORE: wait_for_more(connection, &frame); return;
    case KV_FRAME_BAD: refuse(connection->state, frame.why); return;
    case KV_FRAME_WHOLE:
      on_frame(connection->state, &frame);
      kv_inbox_consume(&connection->in, frame.size);
      break;
    }
  }
  if (!connection->closing) {
    connection->protocol->readable(connection); /* a client's: what came behind the greeting */
  }
}

static void on_closed(kv_connection *connection, int rc) {
  (void)rc;
  peer *p = connection->state;
  kv_arrival_disconnected(p->arrival);
  free(p);
}

static const kv_protocol peer_protocol = {
    .name = "peer", .readable = on_readable, .closed = on_closed};

void kv_inbound_adopt(kv_inbound *inbound, kv_connection *connection) {
  peer *p = calloc(1, sizeof *p);
  if (p == NULL) {
    kv_connection_close(connection, UV_ENOMEM);
    return;
  }
  *p = (peer){.inbound = inbound, .connection = connection};
  connection->protocol = &peer_protocol;
  connection->state = p;
  on_readable(connection);
}
