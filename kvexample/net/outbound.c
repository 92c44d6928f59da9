/* outbound.c - outgoing connections to the other stores, one a store, that mend themselves.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "net/outbound.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
  SMALL_FRAME = 1 << 10,
  SMALL_RESERVE = 1 << 20, /* queue that small frames have for themselves */
  BACKOFF_FIRST = 50,      /* milliseconds */
  BACKOFF_LAST = 1000,
  /* A path that swallows packets is given up after this, connecting or connected: TCP itself would
   * wait for minutes, and longer after each try, when the path has long been mended. */
  DEAD_AFTER = 3000
};

struct kv_outbound_link {
  kv_outbound *outbound;
  kv_outbound_link *next;
  uint64_t store_id;
  char address[KV_MAX_ADDRESS + 1];
  kv_connection *connection; /* NULL: none */
  bool connected;
  bool lost;   /* frames were lost since the last report */
  bool warned; /* that it cannot be reached; once until it can */
  bool closed; /* for good */
  uint64_t backoff;
  uint64_t retry_at;
  uint64_t begun_at; /* of the connection */
};

static const kv_protocol link_protocol;

static kv_outbound_link *find(kv_outbound *outbound, uint64_t store_id) {
  for (kv_outbound_link *link = outbound->first; link != NULL; link = link->next) {
    if (link->store_id == store_id) {
      return link;
    }
  }
  kv_outbound_link *link = calloc(1, sizeof *link);
  if (link != NULL) {
    *link = (kv_outbound_link){.outbound = outbound, .store_id = store_id, .next = outbound->first};
    outbound->first = link;
  }
  return link;
}

static int queue_hello(kv_outbound_link *link) {
  unsigned char payload[KV_HELLO_MAX];
  unsigned char header[KV_FRAME_HEADER];
  kv_hello hello = link->outbound->own;
  hello.target_id = link->store_id;
  const raft_bytes part = {payload, kv_hello_encode(&hello, payload), NULL};
  kv_frame_header(header, KV_FRAME_HELLO, &part, 1);
  const int rc = kv_outbox_copy(&link->connection->out, header, sizeof header);
  return rc == KV_OK ? kv_outbox_copy(&link->connection->out, payload, part.len) : rc;
}

static int begin(kv_outbound_link *link) {
  kv_connections *connections = link->outbound->connections;
  if (link->closed || uv_now(connections->loop) < link->retry_at) {
    return KV_EBUSY;
  }
  link->connection = kv_connection_open(connections, &link_protocol, link);
  if (link->connection == NULL) {
    return KV_ENOMEM;
  }
  if (queue_hello(link) != KV_OK) {
    kv_connection_close(link->connection, UV_ENOMEM);
    return KV_ENOMEM;
  }
  link->begun_at = uv_now(connections->loop);
  kv_connection_dial(link->connection, link->address);
  return KV_OK;
}

static int queue_frame(kv_outbound_link *link, kv_frame_type type, const raft_bytes *parts,
                       size_t count) {
  kv_outbox *out = &link->connection->out;
  unsigned char header[KV_FRAME_HEADER];
  kv_frame_header(header, type, parts, count);
  int rc = kv_outbox_copy(out, header, sizeof header);
  for (size_t i = 0; i < count && rc == KV_OK; i++) {
    rc = kv_outbox_add(out, &parts[i]);
  }
  if (rc != KV_OK) {
    kv_connection_close(link->connection, UV_ENOMEM); /* half a frame may be in the queue */
  } else if (link->connected) {
    kv_connection_touch(link->connection);
  }
  return rc;
}

static bool has_room(const kv_outbound_link *link, kv_frame_type type, const raft_bytes *parts,
                     size_t count) {
  size_t bytes = 0;
  for (size_t i = 0; i < count; i++) {
    bytes += parts[i].len;
  }
  const bool small = bytes < SMALL_FRAME || type == KV_FRAME_BEATS;
  const size_t reserve = small ? SMALL_RESERVE : 0;
  const size_t queued = kv_outbox_bytes(&link->connection->out);
  return queued == 0 || queued + bytes <= link->outbound->queue_bytes + reserve;
}

static void give_up_dialing(kv_outbound_link *link) {
  if (link->connection != NULL && !link->connected &&
      uv_now(link->outbound->connections->loop) - link->begun_at > DEAD_AFTER) {
    kv_connection_close(link->connection, UV_ETIMEDOUT);
  }
}

int kv_outbound_send(kv_outbound *outbound, uint64_t store_id, const char *address,
                     kv_frame_type type, const raft_bytes *parts, size_t count) {
  if (outbound->closed) {
    return KV_EBUSY; /* a link that begins now would outlive us */
  }
  kv_outbound_link *link = find(outbound, store_id);
  if (link == NULL) {
    return KV_ENOMEM;
  }
  const size_t len = strlen(address);
  if (len > 0 && len < sizeof link->address) {
    memcpy(link->address, address, len + 1);
  }
  give_up_dialing(link);
  int rc = link->connection == NULL ? begin(link) : KV_OK;
  if (rc == KV_OK && (link->connection->closing || !has_room(link, type, parts, count))) {
    rc = KV_EBUSY;
  }
  return rc == KV_OK ? queue_frame(link, type, parts, count) : rc;
}

void kv_outbound_report(kv_outbound *outbound) {
  for (kv_outbound_link *link = outbound->first; link != NULL; link = link->next) {
    if (link->lost) {
      link->lost = false;
      kv_store_unreachable(outbound->store, link->store_id);
    }
  }
}

/* ---- protocol ---- */

static void on_connected(kv_connection *connection) {
  kv_outbound_link *link = connection->state;
  kv_connection_give_up_after(connection, DEAD_AFTER);
  link->connected = true;
  kv_connection_touch(connection);
}

static void refuse(kv_outbound_link *link, const char *why) {
  if (!link->warned) {
    link->warned = true;
    kv_log(link->outbound->logger, KV_ERROR, "cannot talk to a store",
           "store=%" PRIu64 " address=%s reason=\"%s\"", link->store_id, link->address, why);
  }
  link->backoff = BACKOFF_LAST;
  kv_connection_close(link->connection, UV_EPROTO);
}

static void on_hello(kv_outbound_link *link, raft_slice payload) {
  kv_hello hello;
  kv_error error;
  if (kv_hello_decode(payload, &hello) != KV_OK) {
    refuse(link, "its greeting is malformed");
  } else if (kv_hello_check(&link->outbound->own, &hello, &error) != KV_OK) {
    refuse(link, error.text);
  } else if (hello.store_id != link->store_id) {
    refuse(link, "another store lives there");
  } else {
    link->backoff = 0;
    link->warned = false;
    kv_log(link->outbound->logger, KV_INFO, "connected to store", "store=%" PRIu64 " address=%s",
           link->store_id, link->address);
  }
}

static void on_readable(kv_connection *connection) {
  kv_outbound_link *link = connection->state;
  kv_frame frame;
  switch (kv_frame_read(connection->in.data, connection->in.len, &frame)) {
  case KV_FRAME_MORE: connection->wanted = frame.wanted; break;
  case KV_FRAME_BAD: refuse(link, frame.why); break;
  case KV_FRAME_WHOLE:
    if (frame.type == KV_FRAME_HELLO) {
      on_hello(link, frame.payload);
    }
    kv_inbox_consume(&connection->in, frame.size);
    break;
  }
}

static void on_closed(kv_connection *connection, int rc) {
  kv_outbound_link *link = connection->state;
  link->backoff = link->backoff == 0 ? BACKOFF_FIRST : link->backoff * 2;
  link->backoff = link->backoff < BACKOFF_LAST ? link->backoff : BACKOFF_LAST;
  link->retry_at = uv_now(connection->set->loop) + link->backoff;
  if (!link->warned && !link->closed) {
    link->warned = true;
    kv_log(link->outbound->logger, KV_WARN, "connection to store lost",
           "store=%" PRIu64 " address=%s reason=\"%s\"", link->store_id, link->address,
           rc == 0 ? "closed by the other side" : uv_strerror(rc));
  }
  link->connection = NULL;
  link->connected = false;
  link->lost = true;
}

static const kv_protocol link_protocol = {
    .name = "link", .connected = on_connected, .readable = on_readable, .closed = on_closed};

void kv_outbound_close(kv_outbound *outbound) {
  outbound->closed = true;
  for (kv_outbound_link *link = outbound->first; link != NULL; link = link->next) {
    link->closed = true;
    if (link->connection != NULL) {
      kv_connection_close(link->connection, 0);
    }
  }
}

void kv_outbound_free(kv_outbound *outbound) {
  while (outbound->first != NULL) {
    kv_outbound_link *link = outbound->first;
    outbound->first = link->next;
    free(link);
  }
}
