/* frame_client.c - frames on a connection.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "client/frame_client.h"

int kv_frame_client_open(kv_frame_client *client, const char *address, int timeout_ms,
                         kv_error *error) {
  client->given = 0;
  return kv_socket_open(&client->socket, address, timeout_ms, error);
}

void kv_frame_client_close(kv_frame_client *client) {
  kv_socket_close(&client->socket);
}

int kv_frame_client_send(kv_frame_client *client, kv_frame_type type, raft_slice payload) {
  kv_buffer *out = &client->socket.out;
  const raft_bytes part = {payload.data, payload.len, NULL};
  unsigned char header[KV_FRAME_HEADER];
  kv_frame_header(header, type, &part, 1);
  if (kv_buffer_reserve(out, sizeof(header) + payload.len) == NULL) {
    return KV_ENOMEM;
  }
  (void)kv_buffer_append(out, header, sizeof(header));
  return kv_buffer_append(out, payload.data, payload.len);
}

int kv_frame_client_receive(kv_frame_client *client, kv_frame *frame, kv_error *error) {
  kv_socket *socket = &client->socket;
  const int64_t deadline = kv_socket_deadline(socket);
  kv_buffer_discard(&socket->in, client->given);
  client->given = 0;
  for (;;) {
    switch (kv_frame_read(kv_buffer_front(&socket->in), kv_buffer_len(&socket->in), frame)) {
    case KV_FRAME_WHOLE: client->given = frame->size; return KV_OK;
    case KV_FRAME_BAD:
      return kv_fail(error, KV_EIO, "%s answered something that is no frame: %s", socket->address,
                     frame->why);
    case KV_FRAME_MORE: break;
    }
    const int rc = kv_socket_exchange(socket, deadline, error);
    if (rc != KV_OK) {
      return rc;
    }
  }
}
