/* peer_load.c - the load that kvbench makes, for servers that kvbench does not speak to.
 *
 * Usage: peer_load etcd|redis ADDRESS put|get CONNECTIONS SECONDS KEYS [REQUESTS]
 *
 * One thread, one request under way a connection, uniform keys of 16 bytes, values of 256. With
 * REQUESTS it makes so many, of keys in turn (to fill the store). Prints a line: requests a
 * second, p50 and p99 in milliseconds, errors.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "bench/histogram.h"
#include "bench/key_picker.h"
#include "client/address_list.h"
#include "wire.h"

enum { VALUE = 256, EVENTS = 256, STEP = 65536, WAIT_MS = 100 };

typedef struct load {
  const wire_protocol *protocol;
  const char *address;
  bool put;
  uint64_t connections;
  uint64_t requests; /* 0: no limit */
  double seconds;
  wire_connection *lanes;
  int poll;
  kv_key_picker picker;
  uint64_t issued;
  uint64_t under_way;
  uint64_t end;
  uint64_t errors;
  char value[VALUE];
  kv_histogram latencies;
} load;

static uint64_t read_clock(void) {
  struct timespec now;
  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static int complain(const char *what) {
  (void)fprintf(stderr, "peer_load: %s\n", what);
  return EXIT_FAILURE;
}

/* ---- a connection ---- */

/* Requests are small and one at a time: what does not fit the socket's buffer is a failure. */
static bool send_all(wire_connection *lane) {
  while (kv_buffer_len(&lane->out) > 0) {
    const ssize_t sent =
        send(lane->fd, kv_buffer_front(&lane->out), kv_buffer_len(&lane->out), MSG_NOSIGNAL);
    if (sent <= 0) {
      return false;
    }
    kv_buffer_discard(&lane->out, (size_t)sent);
  }
  return true;
}

static bool issue(load *run, wire_connection *lane) {
  const uint64_t now = read_clock();
  if (now >= run->end || (run->requests > 0 && run->issued >= run->requests)) {
    return true;
  }
  wire_request request = {.put = run->put, .value = run->value, .value_len = VALUE};
  (void)snprintf(request.key, sizeof(request.key), "kvbench:%08" PRIu64,
                 kv_key_picker_next(&run->picker));
  lane->begun = now;
  lane->put = run->put;
  run->issued++;
  run->under_way++;
  return run->protocol->ask(lane, &request) && send_all(lane);
}

static bool receive(wire_connection *lane) {
  char *to = kv_buffer_reserve(&lane->in, STEP);
  const ssize_t got = to == NULL ? 0 : recv(lane->fd, to, STEP, 0);
  if (got <= 0) {
    return false;
  }
  kv_buffer_added(&lane->in, (size_t)got);
  return true;
}

static bool serve(load *run, wire_connection *lane) {
  if (!receive(lane)) {
    return false;
  }
  const wire_answer answer = run->protocol->take(lane);
  if (answer == WIRE_MORE) {
    return send_all(lane);
  }
  run->under_way--;
  run->errors += answer == WIRE_ERROR ? 1 : 0;
  if (answer == WIRE_DONE) {
    kv_histogram_add(&run->latencies, read_clock() - lane->begun);
  }
  return issue(run, lane);
}

static bool connect_lane(load *run, wire_connection *lane) {
  kv_error error;
  lane->fd = -1;
  if (kv_address_connect(run->address, &lane->fd, &error) != KV_OK) {
    return complain(error.text) == EXIT_SUCCESS;
  }
  struct pollfd connected = {.fd = lane->fd, .events = POLLOUT};
  int number = 0;
  socklen_t size = sizeof(number);
  (void)poll(&connected, 1, 5000);
  (void)getsockopt(lane->fd, SOL_SOCKET, SO_ERROR, &number, &size);
  const int yes = 1;
  (void)setsockopt(lane->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
  struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = lane}};
  return number == 0 && run->protocol->open(lane, run->address) &&
         epoll_ctl(run->poll, EPOLL_CTL_ADD, lane->fd, &event) == 0;
}

/* ---- the whole ---- */

static bool begin(load *run) {
  run->poll = epoll_create1(EPOLL_CLOEXEC);
  run->lanes = calloc((size_t)run->connections, sizeof(*run->lanes));
  memset(run->value, 'x', sizeof(run->value));
  run->end = UINT64_MAX;
  bool right = run->poll >= 0 && run->lanes != NULL;
  for (uint64_t i = 0; right && i < run->connections; i++) {
    right = connect_lane(run, &run->lanes[i]);
  }
  return right;
}

static bool turn(load *run) {
  struct epoll_event events[EVENTS];
  const int count = epoll_wait(run->poll, events, EVENTS, WAIT_MS);
  for (int i = 0; i < count; i++) {
    if (!serve(run, events[i].data.ptr)) {
      return false;
    }
  }
  return count >= 0 || errno == EINTR;
}

/* What is not answered two seconds after the end counts as an error. */
static bool drive(load *run, uint64_t *elapsed) {
  const uint64_t begun = read_clock();
  bool right = true;
  run->end = run->requests > 0 ? UINT64_MAX : begun + (uint64_t)(run->seconds * 1e9);
  for (uint64_t i = 0; right && i < run->connections; i++) {
    right = issue(run, &run->lanes[i]);
  }
  const uint64_t limit = run->end == UINT64_MAX ? UINT64_MAX : run->end + 2000000000u;
  while (right && run->under_way > 0 && read_clock() < limit) {
    right = turn(run);
  }
  *elapsed = read_clock() - begun;
  run->errors += run->under_way;
  return right;
}

static void finish(load *run) {
  for (uint64_t i = 0; run->lanes != NULL && i < run->connections; i++) {
    run->protocol->close(&run->lanes[i]);
    kv_buffer_free(&run->lanes[i].in);
    kv_buffer_free(&run->lanes[i].out);
    (void)close(run->lanes[i].fd);
  }
  free(run->lanes);
  (void)close(run->poll);
}

static bool read_arguments(load *run, int argc, char **argv) {
  if (argc != 7 && argc != 8) {
    return false;
  }
  run->protocol = strcmp(argv[1], "etcd") == 0    ? &wire_etcd
                  : strcmp(argv[1], "redis") == 0 ? &wire_redis
                                                  : NULL;
  run->address = argv[2];
  run->put = strcmp(argv[3], "put") == 0;
  run->connections = strtoull(argv[4], NULL, 10);
  run->seconds = strtod(argv[5], NULL);
  run->requests = argc == 8 ? strtoull(argv[7], NULL, 10) : 0;
  const uint64_t keys = strtoull(argv[6], NULL, 10);
  if (run->protocol == NULL || run->connections == 0 || keys == 0 || run->seconds <= 0) {
    return false;
  }
  kv_key_picker_init(&run->picker, run->requests > 0 ? KV_SEQUENTIAL : KV_UNIFORM, keys,
                     UINT64_C(20261122));
  return true;
}

int main(int argc, char **argv) {
  load *run = calloc(1, sizeof(*run));
  uint64_t elapsed = 0;
  if (run == NULL || !read_arguments(run, argc, argv)) {
    free(run);
    return complain("etcd|redis ADDRESS put|get CONNECTIONS SECONDS KEYS [REQUESTS]");
  }
  const bool right = begin(run) && drive(run, &elapsed);
  if (right) {
    (void)printf("%.0f %.3f %.3f %" PRIu64 "\n",
                 (double)run->latencies.count / ((double)elapsed / 1e9),
                 (double)kv_histogram_quantile(&run->latencies, 50000) / 1e6,
                 (double)kv_histogram_quantile(&run->latencies, 99000) / 1e6, run->errors);
  }
  finish(run);
  free(run);
  return right ? EXIT_SUCCESS : complain("a connection failed");
}
