/* connection.c - a TCP connection with its input, its output and the protocol that it speaks.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "net/connection.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>

#include "net/host_port.h"

static uv_handle_t *handle_of(kv_connection *connection) {
  return (uv_handle_t *)&connection->tcp;
}

static void unlink_connection(kv_connection *connection) {
  kv_connections *set = connection->set;
  if (connection->previous != NULL) {
    connection->previous->next = connection->next;
  } else {
    set->first = connection->next;
  }
  if (connection->next != NULL) {
    connection->next->previous = connection->previous;
  }
  set->count--;
}

static void on_progress(kv_outbox *outbox, int rc) {
  kv_connection *connection = outbox->owner;
  if (rc != 0) {
    kv_connection_close(connection, rc);
  } else {
    kv_connection_touch(connection);
  }
}

kv_connection *kv_connection_open(kv_connections *set, const kv_protocol *protocol, void *state) {
  kv_connection *connection = calloc(1, sizeof *connection);
  if (connection == NULL || uv_tcp_init(set->loop, &connection->tcp) != 0) {
    free(connection);
    return NULL;
  }
  connection->tcp.data = connection;
  connection->set = set;
  connection->protocol = protocol;
  connection->state = state;
  connection->wanted = 1;
  kv_inbox_init(&connection->in, &set->input);
  kv_outbox_init(&connection->out, (uv_stream_t *)&connection->tcp, connection, on_progress);
  connection->next = set->first;
  if (set->first != NULL) {
    set->first->previous = connection;
  }
  set->first = connection;
  set->count++;
  return connection;
}

/* ---- reading ---- */

static void on_space(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
  (void)suggested;
  kv_connection *connection = handle->data;
  *buf = kv_inbox_space(&connection->in);
}

void kv_connection_reread(kv_connection *connection) {
  if (!connection->closing && connection->in.len >= connection->wanted) {
    connection->wanted = 1;
    connection->protocol->readable(connection);
  }
  if (!connection->closing && kv_inbox_keep(&connection->in, connection->wanted) != KV_OK) {
    kv_connection_close(connection, UV_ENOMEM);
  }
}

static void take_input(kv_connection *connection, size_t bytes) {
  kv_inbox_filled(&connection->in, bytes);
  kv_connection_reread(connection);
}

static void on_read(uv_stream_t *stream, ssize_t bytes, const uv_buf_t *buf) {
  (void)buf;
  kv_connection *connection = stream->data;
  if (bytes > 0) {
    take_input(connection, (size_t)bytes);
  } else if (bytes == UV_EOF && connection->protocol->ended != NULL) {
    kv_connection_read(connection, false);
    connection->protocol->ended(connection);
  } else if (bytes < 0) {
    kv_connection_close(connection, bytes == UV_EOF ? 0 : (int)bytes);
  }
}

void kv_connection_read(kv_connection *connection, bool on) {
  if (connection->closing || connection->reading == on) {
    return;
  }
  uv_stream_t *stream = (uv_stream_t *)&connection->tcp;
  connection->reading = on;
  const int rc = on ? uv_read_start(stream, on_space, on_read) : uv_read_stop(stream);
  if (rc != 0) {
    kv_connection_close(connection, rc);
  }
}

int kv_connection_accept(kv_connection *connection, uv_stream_t *listener) {
  const int rc = uv_accept(listener, (uv_stream_t *)&connection->tcp);
  if (rc != 0) {
    kv_connection_close(connection, rc);
    return rc;
  }
  (void)uv_tcp_nodelay(&connection->tcp, 1);
  kv_connection_read(connection, true);
  return 0;
}

static void on_connected(uv_connect_t *request, int rc) {
  kv_connection *connection = request->data;
  if (rc != 0) {
    kv_connection_close(connection, rc);
    return;
  }
  (void)uv_tcp_nodelay(&connection->tcp, 1);
  kv_connection_read(connection, true);
  if (connection->protocol->connected != NULL) {
    connection->protocol->connected(connection);
  }
}

static void dial(kv_connection *connection, const struct sockaddr *address) {
  connection->connect.data = connection;
  const int rc = uv_tcp_connect(&connection->connect, &connection->tcp, address, on_connected);
  if (rc != 0) {
    kv_connection_close(connection, rc);
  }
}

/* A name that is being looked up; the connection may be gone when the answer comes. */
typedef struct kv_lookup {
  uv_getaddrinfo_t request;
  kv_connection *connection;
} kv_lookup;

static void on_looked_up(uv_getaddrinfo_t *request, int rc, struct addrinfo *found) {
  kv_lookup *lookup = request->data;
  kv_connection *connection = lookup->connection;
  free(lookup);
  if (connection != NULL) {
    connection->lookup = NULL;
    if (rc == 0) {
      dial(connection, found->ai_addr);
    } else {
      kv_connection_close(connection, rc);
    }
  }
  uv_freeaddrinfo(found);
}

static int look_up(kv_connection *connection, const kv_host_port *target) {
  static const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
  kv_lookup *lookup = calloc(1, sizeof *lookup);
  if (lookup == NULL) {
    return UV_ENOMEM;
  }
  lookup->request.data = lookup;
  lookup->connection = connection;
  const int rc = uv_getaddrinfo(connection->set->loop, &lookup->request, on_looked_up, target->host,
                                target->port, &hints);
  if (rc != 0) {
    free(lookup);
  } else {
    connection->lookup = lookup;
  }
  return rc;
}

void kv_connection_dial(kv_connection *connection, const char *address) {
  kv_host_port target;
  struct sockaddr_storage numeric;
  if (kv_host_port_parse(address, &target, NULL) != KV_OK) {
    kv_connection_close(connection, UV_EINVAL);
  } else if (kv_host_port_numeric(&target, &numeric)) {
    dial(connection, (struct sockaddr *)&numeric);
  } else {
    const int rc = look_up(connection, &target);
    if (rc != 0) {
      kv_connection_close(connection, rc);
    }
  }
}

void kv_connection_give_up_after(const kv_connection *connection, unsigned milliseconds) {
  uv_os_fd_t fd;
  if (uv_fileno((const uv_handle_t *)&connection->tcp, &fd) == 0) {
    (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &milliseconds, sizeof milliseconds);
  }
}

/* ---- turns ---- */

void kv_connection_touch(kv_connection *connection) {
  if (connection->touched || connection->closing) {
    return;
  }
  connection->touched = true;
  connection->next_touched = connection->set->touched;
  connection->set->touched = connection;
}

bool kv_connections_have_turn(const kv_connections *set) {
  return set->touched != NULL;
}

static void give_turn(kv_connection *connection) {
  if (!connection->closing && connection->protocol->turn != NULL) {
    connection->protocol->turn(connection);
  }
  if (connection->closing) {
    return;
  }
  const int rc = kv_outbox_flush(&connection->out);
  if (rc != 0) {
    kv_connection_close(connection, rc);
  }
}

/* What is touched meanwhile waits for the next turn. */
void kv_connections_turn(kv_connections *set) {
  kv_connection *connection = set->touched;
  set->touched = NULL;
  while (connection != NULL) {
    kv_connection *next = connection->next_touched;
    connection->touched = false;
    give_turn(connection);
    connection = next;
  }
}

/* ---- closing ---- */

static void on_closed(uv_handle_t *handle) {
  kv_connection *connection = handle->data;
  unlink_connection(connection);
  connection->protocol->closed(connection, connection->close_reason);
  kv_inbox_free(&connection->in);
  kv_outbox_free(&connection->out);
  free(connection);
}

static void untouch(kv_connection *connection) {
  kv_connection **at = &connection->set->touched;
  while (*at != NULL && *at != connection) {
    at = &(*at)->next_touched;
  }
  if (*at != NULL) {
    *at = connection->next_touched;
    connection->touched = false;
  }
}

/* A connection that kv_connections_turn holds in its own list is freed later than that. */
void kv_connection_close(kv_connection *connection, int rc) {
  if (connection->closing) {
    return;
  }
  connection->closing = true;
  connection->close_reason = rc;
  if (connection->touched) {
    untouch(connection);
  }
  if (connection->lookup != NULL) {
    connection->lookup->connection = NULL;
  }
  uv_close(handle_of(connection), on_closed);
}

void kv_connections_close(kv_connections *set, int rc) {
  for (kv_connection *connection = set->first; connection != NULL; connection = connection->next) {
    kv_connection_close(connection, rc);
  }
}

/* ---- names ---- */

static kv_endpoint endpoint_of(const struct sockaddr_storage *address, int rc) {
  kv_endpoint endpoint = {"?"};
  char host[INET6_ADDRSTRLEN] = "";
  if (rc != 0) {
    return endpoint;
  }
  if (address->ss_family == AF_INET) {
    const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)address;
    (void)uv_ip4_name(in, host, sizeof host);
    (void)snprintf(endpoint.text, sizeof endpoint.text, "%s:%u", host, ntohs(in->sin_port));
  } else if (address->ss_family == AF_INET6) {
    const struct sockaddr_in6 *in = (const struct sockaddr_in6 *)(const void *)address;
    (void)uv_ip6_name(in, host, sizeof host);
    (void)snprintf(endpoint.text, sizeof endpoint.text, "[%s]:%u", host, ntohs(in->sin6_port));
  }
  return endpoint;
}

kv_endpoint kv_connection_peer(const kv_connection *connection) {
  struct sockaddr_storage address = {0};
  int len = (int)sizeof address;
  const int rc = uv_tcp_getpeername(&connection->tcp, (struct sockaddr *)&address, &len);
  return endpoint_of(&address, rc);
}

kv_endpoint kv_connection_local(const kv_connection *connection) {
  struct sockaddr_storage address = {0};
  int len = (int)sizeof address;
  const int rc = uv_tcp_getsockname(&connection->tcp, (struct sockaddr *)&address, &len);
  return endpoint_of(&address, rc);
}
