/* client.c - requests and replies of the Redis protocol on a connection.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "client/client.h"

#include <stdlib.h>
#include <string.h>

#include "client/request.h"
#include "client/resp_reader.h"
#include "client/socket.h"

enum { MOST_ARGUMENTS = 16 };

struct kv_client {
  kv_socket socket;
  kv_resp_reader reader;
};

static int say_hello(kv_client *client, kv_error *error) {
  const kv_value *reply;
  const int rc = kv_client_call(client, (const char *const[]){"HELLO", "3", NULL}, &reply, error);
  if (rc == KV_OK && reply->kind == KV_VALUE_ERROR) {
    return kv_fail(error, KV_EIO, "%s does not speak RESP3: %s", client->socket.address,
                   reply->text);
  }
  return rc;
}

int kv_client_open(const char *address, int timeout_ms, kv_client **out, kv_error *error) {
  *out = NULL;
  kv_client *client = calloc(1, sizeof(*client));
  if (client == NULL) {
    return kv_fail(error, KV_ENOMEM, "out of memory");
  }
  int rc = kv_socket_open(&client->socket, address, timeout_ms, error);
  rc = rc == KV_OK ? say_hello(client, error) : rc;
  if (rc != KV_OK) {
    kv_client_close(client);
    return rc;
  }
  *out = client;
  return KV_OK;
}

void kv_client_close(kv_client *client) {
  if (client == NULL) {
    return;
  }
  kv_socket_close(&client->socket);
  kv_resp_reader_free(&client->reader);
  free(client);
}

const char *kv_client_address(const kv_client *client) {
  return client->socket.address;
}

void kv_client_set_timeout(kv_client *client, int timeout_ms) {
  client->socket.timeout_ms = timeout_ms;
}

int kv_client_send(kv_client *client, const raft_slice *arguments, size_t count) {
  return kv_request_append(&client->socket.out, arguments, count);
}

int kv_client_receive(kv_client *client, const kv_value **reply, kv_error *error) {
  const int64_t deadline = kv_socket_deadline(&client->socket);
  for (;;) {
    const int rc = kv_resp_read(&client->reader, &client->socket.in, reply);
    if (rc == KV_OK) {
      return KV_OK;
    }
    if (rc != KV_ENOTFOUND) {
      return kv_fail(error, KV_EIO, "%s answered something that is not the Redis protocol",
                     client->socket.address);
    }
    const int moved = kv_socket_exchange(&client->socket, deadline, error);
    if (moved != KV_OK) {
      return moved;
    }
  }
}

int kv_client_call(kv_client *client, const char *const *arguments, const kv_value **reply,
                   kv_error *error) {
  raft_slice slices[MOST_ARGUMENTS];
  size_t count = 0;
  for (; count < MOST_ARGUMENTS && arguments[count] != NULL; count++) {
    slices[count] = (raft_slice){arguments[count], strlen(arguments[count])};
  }
  if (kv_client_send(client, slices, count) != KV_OK) {
    return kv_fail(error, KV_ENOMEM, "out of memory");
  }
  return kv_client_receive(client, reply, error);
}
