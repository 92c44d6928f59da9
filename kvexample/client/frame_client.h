/* frame_client.h - a blocking client of the framed protocol, with a time limit for everything.
 *
 * For tools that speak to a scheduler or to a store in frames (net/frame.h). One connection, one
 * thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_CLIENT_FRAME_CLIENT_H
#define KV_CLIENT_FRAME_CLIENT_H

#include "client/socket.h"
#include "net/frame.h"

/* All zero but for socket.fd = -1 is one that is not open. */
typedef struct kv_frame_client {
  kv_socket socket;
  size_t given; /* bytes of the frame that kv_frame_client_receive gave out last */
} kv_frame_client;

/* As kv_socket_open; no greeting is sent. */
int kv_frame_client_open(kv_frame_client *client, const char *address, int timeout_ms,
                         kv_error *error);
void kv_frame_client_close(kv_frame_client *client);

/* Queues a frame; it leaves with the next receive. KV_ENOMEM. */
int kv_frame_client_send(kv_frame_client *client, kv_frame_type type, raft_slice payload);
/* Sends what is queued and waits for the next frame, whose payload is valid until the next call.
 * KV_EIO with a sentence: the connection is of no use any more. KV_ENOMEM. */
int kv_frame_client_receive(kv_frame_client *client, kv_frame *frame, kv_error *error);

#endif
