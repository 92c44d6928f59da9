/* links.c - messages between the members: a TCP connection to each of them, and one from each.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include "links.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_UNSENT = 1 << 26 }; /* bytes to one member; what is beyond is dropped */

static struct sockaddr_in address_of(const links *l, uint64_t id) {
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)(l->base + (int)id)),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  return address;
}

void links_listen(links *l, int base, uint64_t id) {
  int yes = 1;
  l->base = base;
  l->id = id;
  struct sockaddr_in address = address_of(l, id);
  l->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (l->listener < 0 || setsockopt(l->listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0 ||
      bind(l->listener, (struct sockaddr *)&address, sizeof address) != 0 ||
      listen(l->listener, 64) != 0) {
    die("listening");
  }
}

static connection *add(links *l, int fd, uint64_t to) {
  connection *grown = realloc(l->items, (l->count + 1) * sizeof *grown);
  if (grown == NULL) {
    die("memory");
  }
  l->items = grown;
  grown[l->count] = (connection){.fd = fd, .to = to};
  return &grown[l->count++];
}

static connection *link_to(links *l, uint64_t id) {
  for (size_t i = 0; i < l->count; i++) {
    if (l->items[i].to == id) {
      return &l->items[i];
    }
  }
  struct sockaddr_in address = address_of(l, id);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (fd < 0) {
    return NULL;
  }
  if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0 && errno != EINPROGRESS) {
    close(fd);
    return NULL;
  }
  return add(l, fd, id);
}

static void lost(links *l, uint64_t to, bool snapshot) {
  check(raft_rawnode_report_unreachable(l->node, to), "report");
  if (snapshot) {
    check(raft_rawnode_report_snapshot(l->node, to, false), "report");
  }
}

void links_send(links *l, const raft_message *message) {
  connection *c = link_to(l, message->to);
  bool is_snapshot = message->type == RAFT_MSG_SNAP;
  if (c == NULL || c->out.len > MAX_UNSENT) {
    lost(l, message->to, is_snapshot);
    return;
  }
  append_frame(&c->out, message);
  c->snapshot = c->snapshot || is_snapshot;
}

/* Both return false when the link is of no more use. */
static bool flush(links *l, connection *c) {
  ssize_t sent = send(c->fd, c->out.data, c->out.len, MSG_NOSIGNAL);
  if (sent < 0) {
    return errno == EAGAIN;
  }
  drop(&c->out, (size_t)sent);
  if (c->snapshot && c->out.len == 0) {
    c->snapshot = false;
    check(raft_rawnode_report_snapshot(l->node, c->to, true), "report");
  }
  return true;
}

static bool receive(links *l, connection *c) {
  char block[65536];
  ssize_t len = recv(c->fd, block, sizeof block, 0);
  if (len <= 0) {
    return len < 0 && errno == EAGAIN;
  }
  append(&c->in, block, (size_t)len);
  raft_message message;
  size_t at = 0;
  while ((len = take_frame(c->in.data + at, c->in.len - at, &message)) > 0) {
    if (message.to == l->id) {
      check(raft_rawnode_step(l->node, &message), "a message");
    }
    raft_message_release(&message);
    at += (size_t)len;
  }
  drop(&c->in, at);
  return len == 0;
}

static void disconnect(links *l, connection *c) {
  if (c->to != 0) {
    lost(l, c->to, c->snapshot);
  }
  close(c->fd);
  free(c->in.data);
  free(c->out.data);
  *c = l->items[--l->count];
}

size_t links_polled(const links *l) {
  return l->count + 1;
}

void links_fill(const links *l, struct pollfd *polled) {
  polled[0] = (struct pollfd){.fd = l->listener, .events = POLLIN};
  for (size_t i = 0; i < l->count; i++) {
    short events = l->items[i].out.len > 0 ? POLLIN | POLLOUT : POLLIN;
    polled[i + 1] = (struct pollfd){.fd = l->items[i].fd, .events = events};
  }
}

void links_serve(links *l, const struct pollfd *polled, size_t count) {
  for (size_t i = count - 1; i-- > 0;) { /* backwards: disconnect() moves the last one here */
    short events = polled[i + 1].revents;
    connection *c = &l->items[i];
    if (((events & POLLOUT) && !flush(l, c)) ||
        ((events & (POLLIN | POLLHUP | POLLERR)) && !receive(l, c))) {
      disconnect(l, c);
    }
  }
  int fd = polled[0].revents != 0 ? accept4(l->listener, NULL, NULL, SOCK_NONBLOCK) : -1;
  if (fd >= 0) {
    add(l, fd, 0);
  }
}
