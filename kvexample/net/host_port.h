/* host_port.h - "host:port", as people write where a store lives.
 *
 * IPv6 addresses stand in brackets: [::1]:7001.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_NET_HOST_PORT_H
#define KV_NET_HOST_PORT_H

#include <stdbool.h>
#include <sys/socket.h>

#include "base/error.h"
#include "raftstore/store.h"

typedef struct kv_host_port {
  char host[KV_MAX_ADDRESS + 1]; /* without brackets */
  char port[6];
} kv_host_port;

/* KV_EINVAL, with a sentence. */
int kv_host_port_parse(const char *text, kv_host_port *out, kv_error *error);

/* false: the host is a name that must be looked up. */
bool kv_host_port_numeric(const kv_host_port *host_port, struct sockaddr_storage *address);

/* Is the address one of this machine's own loopback? A name is not. */
bool kv_host_port_is_loopback(const kv_host_port *host_port);

#endif
