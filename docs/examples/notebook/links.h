/* links.h - messages between the members: a TCP connection to each of them, and one from each.
 *
 * Member ID listens on 127.0.0.1, port base + ID. Whatever cannot be sent is lost, which raft
 * allows; it is told.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef NOTEBOOK_LINKS_H
#define NOTEBOOK_LINKS_H

#include <libraft/raft.h>
#include <poll.h>

#include "parts.h"

typedef struct connection {
  int fd;
  uint64_t to; /* the member that we send to; 0: one that sends to us */
  buffer in, out;
  bool snapshot; /* there is one in `out` */
} connection;

typedef struct links {
  raft_rawnode *node; /* takes the messages; set before links_serve */
  uint64_t id;
  int base, listener;
  connection *items;
  size_t count;
} links;

void links_listen(links *l, int base, uint64_t id);
void links_send(links *l, const raft_message *message);
/* Poll sets of links_polled(l) items: filled before poll(), and served after it. */
size_t links_polled(const links *l);
void links_fill(const links *l, struct pollfd *polled);
void links_serve(links *l, const struct pollfd *polled, size_t count);

#endif
