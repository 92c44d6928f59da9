/* client.c - a non-blocking socket, waited for with a deadline.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "client/client.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "client/request.h"
#include "client/resp_reader.h"

enum { RECEIVE_STEP = 64 * 1024, MOST_ARGUMENTS = 16 };

struct kv_client {
  char address[KV_ADDRESS_SIZE];
  int fd;
  int timeout_ms;
  kv_buffer out;
  kv_buffer in;
  kv_resp_reader reader;
};

static int64_t now_ms(void) {
  struct timespec now;
  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int fail_connection(const kv_client *client, int number, kv_error *error) {
  return kv_address_fail(error, client->address, number);
}

/* An error of a connection that there is. */
static int fail_exchange(const kv_client *client, int number, kv_error *error) {
  return number == ETIMEDOUT ? kv_fail(error, KV_EIO, "%s gives no answer in time", client->address)
                             : kv_fail(error, KV_EIO, "lost the connection to %s: %s",
                                       client->address, strerror(number));
}

/* Waits until the socket is ready; false: the deadline has passed (errno is ETIMEDOUT). */
static bool wait_for(const kv_client *client, short events, int64_t deadline) {
  for (;;) {
    const int64_t left = deadline - now_ms();
    struct pollfd socket = {.fd = client->fd, .events = events};
    const int ready = left <= 0 ? 0 : poll(&socket, 1, (int)left);
    if (ready > 0) {
      return true;
    }
    if (ready == 0) {
      errno = ETIMEDOUT;
      return false;
    }
    if (errno != EINTR) {
      return false;
    }
  }
}

static int finish_connecting(const kv_client *client, kv_error *error) {
  int number = 0;
  socklen_t size = sizeof(number);
  if (!wait_for(client, POLLOUT, now_ms() + client->timeout_ms)) {
    return fail_connection(client, errno, error);
  }
  (void)getsockopt(client->fd, SOL_SOCKET, SO_ERROR, &number, &size);
  return number == 0 ? KV_OK : fail_connection(client, number, error);
}

static int say_hello(kv_client *client, kv_error *error) {
  const kv_value *reply;
  const int rc = kv_client_call(client, (const char *const[]){"HELLO", "3", NULL}, &reply, error);
  if (rc == KV_OK && reply->kind == KV_VALUE_ERROR) {
    return kv_fail(error, KV_EIO, "%s does not speak RESP3: %s", client->address, reply->text);
  }
  return rc;
}

int kv_client_open(const char *address, int timeout_ms, kv_client **out, kv_error *error) {
  *out = NULL;
  kv_client *client = calloc(1, sizeof(*client));
  if (client == NULL) {
    return kv_fail(error, KV_ENOMEM, "out of memory");
  }
  client->fd = -1;
  client->timeout_ms = timeout_ms;
  strncpy(client->address, address, sizeof(client->address) - 1);
  int rc = kv_address_connect(address, &client->fd, error);
  rc = rc == KV_OK ? finish_connecting(client, error) : rc;
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
  if (client->fd >= 0) {
    (void)close(client->fd);
  }
  kv_buffer_free(&client->out);
  kv_buffer_free(&client->in);
  kv_resp_reader_free(&client->reader);
  free(client);
}

const char *kv_client_address(const kv_client *client) {
  return client->address;
}

void kv_client_set_timeout(kv_client *client, int timeout_ms) {
  client->timeout_ms = timeout_ms;
}

int kv_client_send(kv_client *client, const raft_slice *arguments, size_t count) {
  return kv_request_append(&client->out, arguments, count);
}

static int receive_some(kv_client *client, kv_error *error) {
  char *to = kv_buffer_reserve(&client->in, RECEIVE_STEP);
  if (to == NULL) {
    return kv_fail(error, KV_ENOMEM, "out of memory");
  }
  const ssize_t got = recv(client->fd, to, RECEIVE_STEP, 0);
  if (got > 0) {
    kv_buffer_added(&client->in, (size_t)got);
    return KV_OK;
  }
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
    return KV_OK;
  }
  return fail_exchange(client, got == 0 ? ECONNRESET : errno, error);
}

static int send_some(kv_client *client, kv_error *error) {
  const ssize_t sent =
      send(client->fd, kv_buffer_front(&client->out), kv_buffer_len(&client->out), MSG_NOSIGNAL);
  if (sent >= 0) {
    kv_buffer_discard(&client->out, (size_t)sent);
    return KV_OK;
  }
  return errno == EAGAIN || errno == EINTR ? KV_OK : fail_exchange(client, errno, error);
}

/* Moves some bytes in whatever direction there is something to do. */
static int exchange(kv_client *client, int64_t deadline, kv_error *error) {
  const bool sending = kv_buffer_len(&client->out) > 0;
  if (!wait_for(client, sending ? POLLIN | POLLOUT : POLLIN, deadline)) {
    return fail_exchange(client, errno, error);
  }
  const int rc = sending ? send_some(client, error) : KV_OK;
  return rc == KV_OK ? receive_some(client, error) : rc;
}

int kv_client_receive(kv_client *client, const kv_value **reply, kv_error *error) {
  const int64_t deadline = now_ms() + client->timeout_ms;
  for (;;) {
    const int rc = kv_resp_read(&client->reader, &client->in, reply);
    if (rc == KV_OK) {
      return KV_OK;
    }
    if (rc != KV_ENOTFOUND) {
      return kv_fail(error, KV_EIO, "%s answered something that is not the Redis protocol",
                     client->address);
    }
    const int moved = exchange(client, deadline, error);
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
