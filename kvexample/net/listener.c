/* listener.c - the one port of a store: clients and other stores, told apart by their first byte.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "net/listen.h"
#include "net/server_parts.h"

/* ---- a connection that has not said anything ---- */

static void on_first_byte(kv_connection *connection) {
  kv_server *server = connection->state;
  const unsigned char first = (unsigned char)connection->in.data[0];
  if (server->phase != KV_SERVER_SERVING) {
    kv_connection_close(connection, 0);
  } else if (first == KV_FRAME_MAGIC) {
    kv_inbound_adopt(&server->inbound, connection);
  } else {
    kv_client_adopt(&server->clients, connection);
  }
}

static void on_closed(kv_connection *connection, int rc) {
  (void)connection;
  (void)rc;
}

static const kv_protocol undecided = {
    .name = "new", .readable = on_first_byte, .closed = on_closed};

static void on_connection(uv_stream_t *listener, int rc) {
  kv_server *server = listener->data;
  if (rc != 0) {
    kv_log(server->logger, KV_WARN, "cannot accept a connection", "reason=\"%s\"", uv_strerror(rc));
    return;
  }
  kv_connection *connection = kv_connection_open(&server->connections, &undecided, server);
  if (connection != NULL) {
    (void)kv_connection_accept(connection, listener);
  }
}

/* ---- the port ---- */

int kv_server_listen(kv_server *server, const char *address, kv_error *error) {
  server->listener.data = server;
  return kv_listen(&server->loop, &server->listener, address, on_connection, server->address,
                   sizeof server->address, error);
}
