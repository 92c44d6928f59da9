/* listen.c - a port of a program, on loopback only.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "net/listen.h"

#include <stdio.h>
#include <string.h>

#include "net/host_port.h"

enum { BACKLOG = 1024 };

static int refused(kv_error *error, const char *address, int rc) {
  if (rc == UV_EADDRINUSE) {
    return kv_fail(error, KV_EBUSY,
                   "cannot listen on %s: the address is in use; stop what uses it, or choose "
                   "another --listen (port 0: any that is free)",
                   address);
  }
  return kv_fail(error, KV_EINVAL, "cannot listen on %s: %s", address, uv_strerror(rc));
}

static void note_address(const uv_tcp_t *listener, char *text, size_t size) {
  struct sockaddr_storage bound;
  int len = (int)sizeof bound;
  char host[64] = "";
  int port = 0;
  if (uv_tcp_getsockname(listener, (struct sockaddr *)&bound, &len) != 0) {
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
  (void)snprintf(text, size, six ? "[%s]:%d" : "%s:%d", host, port);
}

int kv_listen(uv_loop_t *loop, uv_tcp_t *listener, const char *address,
              uv_connection_cb on_connection, char *bound, size_t size, kv_error *error) {
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
  rc = uv_tcp_init(loop, listener);
  rc = rc == 0 ? uv_tcp_bind(listener, (struct sockaddr *)&where, 0) : rc;
  if (rc == 0) {
    note_address(listener, bound, size);
  }
  /* Who uses the address is only found when listening; the port is taken from then on. */
  rc = rc == 0 ? uv_listen((uv_stream_t *)listener, BACKLOG, on_connection) : rc;
  return rc == 0 ? KV_OK : refused(error, address, rc);
}
