/* host_port.c - "host:port", as people write where a store lives.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "net/host_port.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "base/decimal.h"

static int invalid(const char *text, kv_error *error) {
  return kv_fail(error, KV_EINVAL,
                 "\"%s\" is not an address: write host:port, such as 127.0.0.1:7001", text);
}

int kv_host_port_parse(const char *text, kv_host_port *out, kv_error *error) {
  const char *colon = strrchr(text, ':');
  int64_t port = 0;
  if (colon == NULL || colon == text || strlen(colon + 1) >= sizeof out->port ||
      !kv_decimal_parse(colon + 1, strlen(colon + 1), &port) || port < 0 || port > 65535) {
    return invalid(text, error);
  }
  const char *host = text;
  size_t len = (size_t)(colon - text);
  const bool bracketed = host[0] == '[';
  if (bracketed) {
    if (len < 3 || host[len - 1] != ']') {
      return invalid(text, error);
    }
    host++;
    len -= 2;
  }
  if (len >= sizeof out->host || (!bracketed && memchr(host, ':', len) != NULL)) {
    return invalid(text, error);
  }
  memcpy(out->host, host, len);
  out->host[len] = '\0';
  memcpy(out->port, colon + 1, strlen(colon + 1) + 1);
  return KV_OK;
}

bool kv_host_port_numeric(const kv_host_port *host_port, struct sockaddr_storage *address) {
  const int port = (int)strtol(host_port->port, NULL, 10);
  memset(address, 0, sizeof *address);
  return uv_ip4_addr(host_port->host, port, (struct sockaddr_in *)address) == 0 ||
         uv_ip6_addr(host_port->host, port, (struct sockaddr_in6 *)address) == 0;
}

bool kv_host_port_is_loopback(const kv_host_port *host_port) {
  struct sockaddr_storage address;
  if (!kv_host_port_numeric(host_port, &address)) {
    return false;
  }
  if (address.ss_family == AF_INET) {
    const struct sockaddr_in *in = (const struct sockaddr_in *)&address;
    return (ntohl(in->sin_addr.s_addr) >> 24) == 127;
  }
  const struct sockaddr_in6 *in = (const struct sockaddr_in6 *)&address;
  return IN6_IS_ADDR_LOOPBACK(&in->sin6_addr) != 0;
}
