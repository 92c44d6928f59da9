/* listen.h - a port of a program, on loopback only.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_NET_LISTEN_H
#define KV_NET_LISTEN_H

#include <uv.h>

#include "base/error.h"

/* Listens at "host:port", port 0: any; `bound` (of `size` bytes) gets what it became. The handle is
 * initialised here, its data is the caller's. KV_EBUSY: the address is in use. KV_EINVAL. */
int kv_listen(uv_loop_t *loop, uv_tcp_t *listener, const char *address,
              uv_connection_cb on_connection, char *bound, size_t size, kv_error *error);

#endif
