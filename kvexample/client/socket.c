/* socket.c - a non-blocking socket, waited for with a deadline.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "client/socket.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { RECEIVE_STEP = 64 * 1024 };

static int64_t now_ms(void) {
  struct timespec now;
  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t kv_socket_deadline(const kv_socket *socket) {
  return now_ms() + socket->timeout_ms;
}

/* An error of a connection that there is. */
static int fail_exchange(const kv_socket *socket, int number, kv_error *error) {
  return number == ETIMEDOUT ? kv_fail(error, KV_EIO, "%s gives no answer in time", socket->address)
                             : kv_fail(error, KV_EIO, "lost the connection to %s: %s",
                                       socket->address, strerror(number));
}

/* Waits until the socket is ready; false: the deadline has passed (errno is ETIMEDOUT). */
static bool wait_for(const kv_socket *socket, short events, int64_t deadline) {
  for (;;) {
    const int64_t left = deadline - now_ms();
    struct pollfd waited = {.fd = socket->fd, .events = events};
    const int ready = left <= 0 ? 0 : poll(&waited, 1, (int)left);
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

static int finish_connecting(const kv_socket *socket, kv_error *error) {
  int number = 0;
  socklen_t size = sizeof(number);
  if (!wait_for(socket, POLLOUT, kv_socket_deadline(socket))) {
    return kv_address_fail(error, socket->address, errno);
  }
  (void)getsockopt(socket->fd, SOL_SOCKET, SO_ERROR, &number, &size);
  return number == 0 ? KV_OK : kv_address_fail(error, socket->address, number);
}

int kv_socket_open(kv_socket *socket, const char *address, int timeout_ms, kv_error *error) {
  *socket = (kv_socket){.fd = -1, .timeout_ms = timeout_ms};
  strncpy(socket->address, address, sizeof(socket->address) - 1);
  const int rc = kv_address_connect(address, &socket->fd, error);
  return rc == KV_OK ? finish_connecting(socket, error) : rc;
}

void kv_socket_close(kv_socket *socket) {
  if (socket->fd >= 0) {
    (void)close(socket->fd);
  }
  socket->fd = -1;
  kv_buffer_free(&socket->out);
  kv_buffer_free(&socket->in);
}

static int receive_some(kv_socket *socket, kv_error *error) {
  char *to = kv_buffer_reserve(&socket->in, RECEIVE_STEP);
  if (to == NULL) {
    return kv_fail(error, KV_ENOMEM, "out of memory");
  }
  const ssize_t got = recv(socket->fd, to, RECEIVE_STEP, 0);
  if (got > 0) {
    kv_buffer_added(&socket->in, (size_t)got);
    return KV_OK;
  }
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
    return KV_OK;
  }
  return fail_exchange(socket, got == 0 ? ECONNRESET : errno, error);
}

static int send_some(kv_socket *socket, kv_error *error) {
  const ssize_t sent =
      send(socket->fd, kv_buffer_front(&socket->out), kv_buffer_len(&socket->out), MSG_NOSIGNAL);
  if (sent >= 0) {
    kv_buffer_discard(&socket->out, (size_t)sent);
    return KV_OK;
  }
  return errno == EAGAIN || errno == EINTR ? KV_OK : fail_exchange(socket, errno, error);
}

int kv_socket_exchange(kv_socket *socket, int64_t deadline, kv_error *error) {
  const bool sending = kv_buffer_len(&socket->out) > 0;
  if (!wait_for(socket, sending ? POLLIN | POLLOUT : POLLIN, deadline)) {
    return fail_exchange(socket, errno, error);
  }
  const int rc = sending ? send_some(socket, error) : KV_OK;
  return rc == KV_OK ? receive_some(socket, error) : rc;
}
