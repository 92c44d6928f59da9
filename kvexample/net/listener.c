/* listener.c - the one port of a store: clients and other stores, told apart by their first byte.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "net/server_parts.h"

enum { BACKLOG = 1024 };

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

static int refused(kv_error *error, const char *address, int rc) {
  if (rc == UV_EADDRINUSE) {
    return kv_fail(error, KV_EBUSY,
                   "cannot listen on %s: the address is in use; stop what uses it, or choose "
                   "another --listen (port 0: any that is free)",
                   address);
  }
  return kv_fail(error, KV_EINVAL, "cannot listen on %s: %s", address, uv_strerror(rc));
}

static void note_address(kv_server *server) {
  struct sockaddr_storage bound;
  int len = (int)sizeof bound;
  char host[64] = "";
  int port = 0;
  if (uv_tcp_getsockname(&server->listener, (struct sockaddr *)&bound, &len) != 0) {
    return;
  }
  const bool six = bound.ss_family == AF_INET6;
  if (six) {
    (void)uv_ip6_name((const struct sockaddr_in6 *)&bound, host, sizeof host);
    port = ntohs(((const struct sockaddr_in6 *)&bound)->sin6_port);
  } else {
    (void)uv_ip4_name((const struct sockaddr_in *)&bound, host, sizeof host);
    port = ntohs(((const struct sockaddr_in *)&bound)->sin_port);
  }
  (void)snprintf(server->address, sizeof server->address, six ? "[%s]:%d" : "%s:%d", host, port);
}

int kv_server_listen(kv_server *server, const char *address, kv_error *error) {
  kv_host_port host_port;
  struct sockaddr_storage where;
  int rc = kv_host_port_parse(address, &host_port, error);
  if (rc != KV_OK) {
    return rc;
  }
  if (strcmp(host_port.host, "localhost") == 0) {
    memcpy(host_port.host, "127.0.0.1", sizeof "127.0.0.1");
  }
  if (!kv_host_port_is_loopback(&host_port)) {
    return kv_fail(error, KV_EINVAL,
                   "refusing to listen on %s: there are no passwords and no TLS yet, so anybody "
                   "who reaches the port could read and write everything; use a loopback address "
                   "such as 127.0.0.1:7001, and a tunnel for other machines",
                   address);
  }
  (void)kv_host_port_numeric(&host_port, &where);
  server->listener.data = server;
  rc = uv_tcp_init(&server->loop, &server->listener);
  rc = rc == 0 ? uv_tcp_bind(&server->listener, (struct sockaddr *)&where, 0) : rc;
  if (rc == 0) {
    note_address(server);
  }
  /* Who uses the address is only found when listening; the port is taken from then on. */
  rc = rc == 0 ? uv_listen((uv_stream_t *)&server->listener, BACKLOG, on_connection) : rc;
  return rc == 0 ? KV_OK : refused(error, address, rc);
}
