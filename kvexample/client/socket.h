/* socket.h - a TCP connection of a tool: bytes out, bytes in, a deadline for everything.
 *
 * One thread. What it speaks is its users' affair: client.h (Redis), frame_client.h (frames).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_CLIENT_SOCKET_H
#define KV_CLIENT_SOCKET_H

#include <stdint.h>

#include "client/address_list.h"
#include "client/buffer.h"

typedef struct kv_socket {
  char address[KV_ADDRESS_SIZE];
  int fd; /* -1: none */
  int timeout_ms;
  kv_buffer out; /* what is to be sent */
  kv_buffer in;  /* what came and was not taken yet */
} kv_socket;

/* Connects to "host:port". KV_EIO with a sentence (refused, no answer within timeout_ms ...),
 * KV_EINVAL. kv_socket_close in each case. */
int kv_socket_open(kv_socket *socket, const char *address, int timeout_ms, kv_error *error);
void kv_socket_close(kv_socket *socket);

/* When what begins now must be done, for kv_socket_exchange. */
int64_t kv_socket_deadline(const kv_socket *socket);

/* Waits until bytes can be moved in a direction in which there is something to do, and moves some.
 * KV_EIO: the connection broke or the deadline has passed; it is of no use any more. KV_ENOMEM. */
int kv_socket_exchange(kv_socket *socket, int64_t deadline, kv_error *error);

#endif
