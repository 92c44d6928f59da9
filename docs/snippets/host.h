/* host.h - a group in one process, on which the programs of this folder show one thing each.
 *
 * The state machine is a total; a command is an int64_t to add to it. Messages travel through
 * inboxes.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SNIPPETS_HOST_H
#define SNIPPETS_HOST_H

#include <libraft/memory_storage.h>
#include <libraft/raft.h>
#include <libraft/wire.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a test of this folder says when the guide is wrong. */
#define EXPECT(what)                                                     \
  do {                                                                   \
    if (!(what)) {                                                       \
      fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #what); \
      exit(1);                                                           \
    }                                                                    \
  } while (0)

enum { GROUP = 3, INBOX = 256 };

typedef struct host {
  uint64_t id;
  raft_rawnode *node;
  raft_memory_storage *storage;
  int64_t total;    /* the state machine ... */
  uint64_t applied; /* ... after this entry */
  struct host *group;
  raft_message inbox[INBOX];
  size_t inbox_count;
  bool cut_off;              /* from the network */
  raft_read_state reads[16]; /* without their contexts' bytes */
  uint64_t read_numbers[16];
  size_t read_count;
} host;

/* Three hosts, opened and bootstrapped. `tune` may change the configuration; NULL: the defaults. */
void group_open(host *group, void (*tune)(raft_config *config));
void group_close(host *group);
/* Ticks, pumps and delivers; each tick is followed by whatever there is to do. */
void group_run(host *group, int ticks);
/* Runs until there is one, and everybody knows it. */
host *group_leader(host *group);
/* A host that does not lead. */
host *group_follower(host *group);

int host_open(host *h, const raft_peer *peers, size_t count, void (*tune)(raft_config *config));
int host_pump(host *h);
int host_propose(host *h, int64_t amount);

#endif
