/* notebook.c - a notebook that several processes keep together: a whole program on libraft.
 *
 *   notebook DIRECTORY PORT ID [MEMBER...]
 *
 * Member ID keeps everything in its DIRECTORY and listens on 127.0.0.1, PORT + ID. The MEMBERs are
 * the ids that a new group begins with, the same for each of them; a member that is added later
 * is given none. A line typed into any of them is printed by all of them, in one order. Besides:
 *
 *   ?      print the notebook with all that was written before, by whomever (a linearizable read)
 *   +4 -4  add, remove member 4
 *   >2     let member 2 lead
 *
 * Kill any of them at any time, with -9 too, and start it again: what was printed is still there.
 * One thread; the heart is pump(). README.md beside this file says what is left out.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <libraft/raft.h>
#include <libraft/wire.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "journal.h"
#include "links.h"
#include "parts.h"

enum { TICK_MS = 50, COMPACT_EVERY = 1000 /* entries */ };

typedef struct notebook {
  raft_rawnode *node;
  journal journal;
  links links;
  buffer text;      /* the state machine: all lines ... */
  uint64_t applied; /* ... up to this entry */
  uint64_t read_at; /* a read waits until this entry is applied; 0: none does */
  bool members_changed;
  bool at_keyboard;
  buffer typed;
} notebook;

/* ---- the state machine ---- */

static void install(notebook *n, const raft_snapshot *snapshot) {
  n->text.len = 0;
  append(&n->text, snapshot->data.data, snapshot->data.len);
  n->applied = snapshot->index;
  printf("-- the notebook as it was at entry %" PRIu64 ":\n", n->applied);
  fwrite(n->text.data, 1, n->text.len, stdout);
}

static void change_members(notebook *n, const raft_entry *entry) {
  raft_conf_change change;
  check(raft_conf_change_decode(entry->data, &change), "a change of membership");
  int rc = raft_rawnode_apply_conf_change_v1(n->node, &change, NULL);
  check(rc, "a change of membership");
  n->members_changed = true;
  printf("-- %s member %" PRIu64 "%s\n", change.type == RAFT_CONF_ADD_NODE ? "add" : "remove",
         change.node_id, rc == RAFT_OK ? "" : ": refused");
}

static void apply(notebook *n, const raft_entry *entry) {
  if (entry->type == RAFT_ENTRY_CONF_CHANGE) {
    change_members(n, entry);
  } else if (entry->data.len > 0) { /* a new leader begins with an empty entry */
    append(&n->text, entry->data.data, entry->data.len);
    fwrite(entry->data.data, 1, entry->data.len, stdout);
  }
  n->applied = entry->index;
}

/* The leader has said up to where a read must see. */
static void note_read(notebook *n, const raft_read_state *read) {
  if (read->status != RAFT_OK) {
    printf("-- ask again: %s\n", raft_error_string(read->status));
  } else if (read->index > n->read_at) {
    n->read_at = read->index;
  }
}

static void answer_read(notebook *n) {
  if (n->read_at != 0 && n->applied >= n->read_at) {
    printf("-- begin\n");
    fwrite(n->text.data, 1, n->text.len, stdout);
    printf("-- end\n");
    n->read_at = 0;
  }
}

/* A new member needs a snapshot that knows it, so a change of membership makes one too. */
static void compact(notebook *n) {
  uint64_t begin = journal_snapshot(&n->journal).index;
  if (n->applied - begin >= COMPACT_EVERY || (n->members_changed && begin > 0)) {
    raft_status status;
    raft_bytes text = {n->text.data, n->text.len, NULL};
    raft_rawnode_status(n->node, &status);
    journal_compact(&n->journal, n->applied, &status.conf_state, text);
  }
  n->members_changed = false;
}

/* ---- what raft wants done ---- */

static void do_work(notebook *n, const raft_ready *rd) {
  if (rd->soft_state != NULL) {
    printf("-- leader: %" PRIu64 "\n", rd->soft_state->lead);
  }
  journal_save(&n->journal, rd); /* first what others will rely on ... */
  for (size_t i = 0; i < rd->message_count; i++) {
    links_send(&n->links, &rd->messages[i]); /* ... then what tells them ... */
  }
  if (rd->snapshot != NULL) {
    install(n, rd->snapshot);
  }
  for (size_t i = 0; i < rd->committed_entry_count; i++) {
    apply(n, &rd->committed_entries[i]); /* ... and then what all have agreed on */
  }
  for (size_t i = 0; i < rd->read_state_count; i++) {
    note_read(n, &rd->read_states[i]);
  }
}

static void pump(notebook *n) {
  while (raft_rawnode_has_ready(n->node)) {
    const raft_ready *rd;
    check(raft_rawnode_ready(n->node, &rd), "ready");
    do_work(n, rd);
    check(raft_rawnode_advance(n->node, rd), "advance");
    answer_read(n);
  }
  compact(n);
}

/* ---- the keyboard ---- */

static int command(notebook *n, const char *line, size_t len) {
  raft_slice text = {line, len};
  raft_bytes no_context = {NULL, 0, NULL};
  uint64_t id = strtoull(line + 1, NULL, 10); /* the newline ends it */
  raft_conf_change change = {.node_id = id};
  switch (line[0]) {
  case '?': return raft_rawnode_read_index(n->node, &no_context);
  case '>': return raft_rawnode_transfer_leader(n->node, id);
  case '+':
  case '-':
    change.type = line[0] == '+' ? RAFT_CONF_ADD_NODE : RAFT_CONF_REMOVE_NODE;
    return raft_rawnode_propose_conf_change(n->node, &change);
  default: return raft_rawnode_propose(n->node, &text, 1);
  }
}

static void read_keyboard(notebook *n) {
  char block[65536];
  ssize_t len = read(STDIN_FILENO, block, sizeof block);
  n->at_keyboard = len > 0;
  append(&n->typed, block, len > 0 ? (size_t)len : 0);
  const char *end;
  while (n->typed.len > 0 && (end = memchr(n->typed.data, '\n', n->typed.len)) != NULL) {
    size_t line = (size_t)(end - n->typed.data) + 1;
    int rc = command(n, n->typed.data, line);
    check(rc, "a command");
    if (rc != RAFT_OK) {
      printf("-- not done: %s: %.*s", raft_error_string(rc), (int)line, n->typed.data);
    }
    drop(&n->typed, line);
  }
}

/* ---- begin, and go on for ever ---- */

static int bootstrap(notebook *n, char **members, size_t count) {
  raft_peer *peers = calloc(count, sizeof *peers);
  if (peers == NULL) {
    return RAFT_ENOMEM;
  }
  for (size_t i = 0; i < count; i++) {
    peers[i].id = strtoull(members[i], NULL, 10);
  }
  int rc = raft_rawnode_bootstrap(n->node, peers, count);
  free(peers);
  return rc;
}

static void open_node(notebook *n, uint64_t id, char **members, size_t count) {
  raft_config config;
  raft_snapshot snapshot = journal_snapshot(&n->journal);
  if (snapshot.index > 0) {
    install(n, &snapshot);
  }
  raft_config_init(&config);
  config.id = id;
  config.storage = n->journal.storage;
  config.applied = n->applied; /* what came after the snapshot is handed out again */
  int rc = raft_rawnode_open(&config, &n->node);
  if (rc == RAFT_OK && n->journal.hard_state.term == 0 && count > 0) {
    rc = bootstrap(n, members, count); /* an empty journal: the first start */
  }
  if (rc != RAFT_OK) {
    fprintf(stderr, "notebook: cannot begin: %s\n", raft_error_string(rc));
    exit(1);
  }
  n->links.node = n->node;
}

static int64_t now_ms(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* Waits for something to do until `deadline`, and hands it to raft. */
static void wait_until(notebook *n, int64_t deadline) {
  size_t count = links_polled(&n->links);
  int64_t wait = deadline - now_ms();
  struct pollfd *polled = calloc(count + 1, sizeof *polled);
  if (polled == NULL) {
    die("memory");
  }
  polled[0] = (struct pollfd){.fd = n->at_keyboard ? STDIN_FILENO : -1, .events = POLLIN};
  links_fill(&n->links, polled + 1);
  if (poll(polled, count + 1, wait > 0 ? (int)wait : 0) > 0) {
    links_serve(&n->links, polled + 1, count);
    if (polled[0].revents != 0) {
      read_keyboard(n);
    }
  }
  free(polled);
}

int main(int argc, char **argv) {
  notebook n = {.at_keyboard = true};
  int port = argc < 4 ? 0 : (int)strtol(argv[2], NULL, 10);
  uint64_t id = argc < 4 ? 0 : strtoull(argv[3], NULL, 10);
  if (port <= 0 || id == 0) {
    fprintf(stderr, "usage: notebook DIRECTORY PORT ID [MEMBER...]\n");
    return 2;
  }
  setvbuf(stdout, NULL, _IOLBF, 0);
  links_listen(&n.links, port, id); /* keeps a second process with this id out, too */
  journal_open(&n.journal, argv[1]);
  open_node(&n, id, argv + 4, (size_t)argc - 4);
  for (int64_t next_tick = now_ms();;) {
    wait_until(&n, next_tick);
    if (now_ms() >= next_tick) {
      check(raft_rawnode_tick(n.node), "tick");
      next_tick = now_ms() + TICK_MS;
    }
    pump(&n);
  }
}
