/* lane.c - a socket and a ring of requests.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "bench/lane.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/address_list.h"

enum { RECEIVE_STEP = 64 * 1024 };

int kv_lane_init(kv_lane *lane, uint64_t id, size_t room) {
  *lane = (kv_lane){.id = id, .fd = -1, .room = room};
  lane->requests = calloc(room, sizeof(*lane->requests));
  return lane->requests == NULL ? KV_ENOMEM : KV_OK;
}

void kv_lane_free(kv_lane *lane) {
  kv_lane_shut(lane);
  free(lane->requests);
}

int kv_lane_connect(kv_lane *lane, const char *address, kv_error *error) {
  const int rc = kv_address_connect(address, &lane->fd, error);
  lane->state = rc == KV_OK ? KV_LANE_CONNECTING : KV_LANE_DOWN;
  return rc;
}

void kv_lane_shut(kv_lane *lane) {
  if (lane->fd >= 0) {
    (void)close(lane->fd);
  }
  lane->fd = -1;
  lane->state = KV_LANE_DOWN;
  kv_buffer_free(&lane->out);
  kv_buffer_free(&lane->in);
  kv_resp_reader_free(&lane->reader);
}

bool kv_lane_has_room(const kv_lane *lane) {
  return lane->count < lane->room;
}

void kv_lane_push(kv_lane *lane, const kv_bench_request *request) {
  lane->requests[(lane->first + lane->count++) % lane->room] = *request;
}

bool kv_lane_pop(kv_lane *lane, kv_bench_request *request) {
  if (lane->count == 0) {
    return false;
  }
  *request = lane->requests[lane->first];
  lane->first = (lane->first + 1) % lane->room;
  lane->count--;
  return true;
}

int kv_lane_send(kv_lane *lane) {
  while (kv_buffer_len(&lane->out) > 0) {
    const ssize_t sent =
        send(lane->fd, kv_buffer_front(&lane->out), kv_buffer_len(&lane->out), MSG_NOSIGNAL);
    if (sent < 0 && errno == EAGAIN) {
      return KV_OK;
    }
    if (sent < 0 && errno != EINTR) {
      return KV_EIO;
    }
    kv_buffer_discard(&lane->out, sent > 0 ? (size_t)sent : 0);
  }
  return KV_OK;
}

int kv_lane_receive(kv_lane *lane) {
  char *to = kv_buffer_reserve(&lane->in, RECEIVE_STEP);
  if (to == NULL) {
    return KV_ENOMEM;
  }
  const ssize_t got = recv(lane->fd, to, RECEIVE_STEP, 0);
  if (got > 0) {
    kv_buffer_added(&lane->in, (size_t)got);
    return KV_OK;
  }
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
    return KV_OK;
  }
  errno = got == 0 ? ECONNRESET : errno;
  return KV_EIO;
}
