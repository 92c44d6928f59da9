/* fake_frames.c - poll over some listeners and their connections, frame by frame.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "fake_frames.h"

#include <arpa/inet.h>
#include <check.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/buffer.h"

enum { GUESTS = 32, POLLED = 1 + FAKE_FRAME_SERVERS + GUESTS };

typedef struct guest {
  int fd; /* -1: free */
  unsigned server;
  kv_buffer in;
} guest;

struct fake_frames {
  fake_frame_handler handler;
  void *context;
  int wake[2];
  int listeners[FAKE_FRAME_SERVERS];
  guest guests[GUESTS];
  pthread_t thread;
};

static void hang_up(guest *on) {
  if (on->fd >= 0) {
    (void)close(on->fd);
  }
  on->fd = -1;
  kv_buffer_free(&on->in);
}

static bool send_all(const guest *to, const void *data, size_t len) {
  size_t done = 0;
  while (done < len) {
    const ssize_t sent = send(to->fd, (const char *)data + done, len - done, MSG_NOSIGNAL);
    if (sent <= 0) {
      return false;
    }
    done += (size_t)sent;
  }
  return true;
}

static bool send_frame(const guest *to, kv_frame_type type, raft_slice payload) {
  const raft_bytes part = {payload.data, payload.len, NULL};
  unsigned char header[KV_FRAME_HEADER];
  kv_frame_header(header, type, &part, 1);
  return send_all(to, header, sizeof header) && send_all(to, payload.data, payload.len);
}

static bool greet(const guest *to) {
  unsigned char payload[KV_HELLO_MAX];
  const kv_hello hello = {.cluster_id = 1, .store_id = to->server};
  return send_frame(to, KV_FRAME_HELLO, (raft_slice){payload, kv_hello_encode(&hello, payload)});
}

/* False: the connection is over. */
static bool answer(fake_frames *frames, const guest *from, const kv_frame *frame) {
  raft_buf *bytes = NULL;
  kv_frame_type type = frame->type;
  switch (frames->handler(frames->context, from->server, frame, &type, &bytes)) {
  case FAKE_ANSWER: break;
  case FAKE_GREETING: return greet(from);
  case FAKE_SILENCE: return true;
  case FAKE_HANG_UP: return false;
  case FAKE_GARBAGE: return send_all(from, "-ERR what?\r\n", 12);
  }
  const bool sent = send_frame(from, type, (raft_slice){raft_buf_data(bytes), raft_buf_len(bytes)});
  raft_buf_release(bytes);
  return sent;
}

static bool answer_all(fake_frames *frames, guest *from) {
  kv_frame frame;
  while (kv_frame_read(kv_buffer_front(&from->in), kv_buffer_len(&from->in), &frame) ==
         KV_FRAME_WHOLE) {
    if (!answer(frames, from, &frame)) {
      return false;
    }
    kv_buffer_discard(&from->in, frame.size);
  }
  return true;
}

static void serve(fake_frames *frames, guest *from) {
  char *to = kv_buffer_reserve(&from->in, 65536);
  const ssize_t got = recv(from->fd, to, 65536, 0);
  kv_buffer_added(&from->in, got > 0 ? (size_t)got : 0);
  if (got <= 0 || !answer_all(frames, from)) {
    hang_up(from);
  }
}

static void take_in(fake_frames *frames, unsigned server) {
  const int fd = accept(frames->listeners[server], NULL, NULL);
  for (size_t i = 0; i < GUESTS && fd >= 0; i++) {
    if (frames->guests[i].fd < 0) {
      frames->guests[i] = (guest){.fd = fd, .server = server};
      return;
    }
  }
  ck_assert_int_lt(fd, 0);
}

static void *run(void *argument) {
  fake_frames *frames = argument;
  struct pollfd polled[POLLED];
  for (;;) {
    polled[0] = (struct pollfd){.fd = frames->wake[0], .events = POLLIN};
    for (unsigned i = 0; i < FAKE_FRAME_SERVERS; i++) {
      polled[1 + i] = (struct pollfd){.fd = frames->listeners[i], .events = POLLIN};
    }
    for (size_t i = 0; i < GUESTS; i++) {
      polled[1 + FAKE_FRAME_SERVERS + i] =
          (struct pollfd){.fd = frames->guests[i].fd, .events = POLLIN};
    }
    (void)poll(polled, POLLED, -1);
    if (polled[0].revents != 0) {
      return NULL;
    }
    for (size_t i = 0; i < GUESTS; i++) {
      if (polled[1 + FAKE_FRAME_SERVERS + i].revents != 0 && frames->guests[i].fd >= 0) {
        serve(frames, &frames->guests[i]);
      }
    }
    for (unsigned i = 0; i < FAKE_FRAME_SERVERS; i++) {
      if (polled[1 + i].revents != 0) {
        take_in(frames, i);
      }
    }
  }
}

static int listen_somewhere(char address[32]) {
  struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  socklen_t size = sizeof(name);
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ck_assert_int_eq(bind(listener, (const struct sockaddr *)&name, size), 0);
  ck_assert_int_eq(listen(listener, 64), 0);
  ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&name, &size), 0);
  (void)snprintf(address, 32, "127.0.0.1:%u", ntohs(name.sin_port));
  return listener;
}

fake_frames *fake_frames_start(fake_frame_handler handler, void *context,
                               char addresses[FAKE_FRAME_SERVERS][32]) {
  fake_frames *frames = calloc(1, sizeof(*frames));
  ck_assert_ptr_nonnull(frames);
  frames->handler = handler;
  frames->context = context;
  for (size_t i = 0; i < GUESTS; i++) {
    frames->guests[i].fd = -1;
  }
  for (unsigned i = 0; i < FAKE_FRAME_SERVERS; i++) {
    frames->listeners[i] = listen_somewhere(addresses[i]);
  }
  ck_assert_int_eq(pipe(frames->wake), 0);
  ck_assert_int_eq(pthread_create(&frames->thread, NULL, run, frames), 0);
  return frames;
}

void fake_frames_stop(fake_frames *frames) {
  ck_assert_int_eq(write(frames->wake[1], "", 1), 1);
  (void)pthread_join(frames->thread, NULL);
  for (size_t i = 0; i < GUESTS; i++) {
    hang_up(&frames->guests[i]);
  }
  for (unsigned i = 0; i < FAKE_FRAME_SERVERS; i++) {
    (void)close(frames->listeners[i]);
  }
  (void)close(frames->wake[0]);
  (void)close(frames->wake[1]);
  free(frames);
}
