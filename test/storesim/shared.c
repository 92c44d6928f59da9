/* shared.c - what clients of shared keys ask, and the history of the answers.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "shared.h"

#include <stdio.h>
#include <string.h>

#include "bench/linear.h"
#include "reply.h"

enum {
  KEYS = 12,
  CLIENTS = 8,
  AT_ONCE = 3,      /* keys of one MGET */
  UNKNOWN_MOST = 5, /* of one key */
  OPERATIONS_MOST = 60,
  RECENT = 4,
  TEXT = 256
};
/* Configurations of one key. */
#define LIMIT UINT64_C(2000000)

typedef enum key_kind { REGISTER, COUNTER, LIST, KEY_KINDS } key_kind;

typedef struct shared_key {
  uint64_t generation;
  unsigned operations;
  unsigned unknown;
  char recent[RECENT][TEXT]; /* values that were seen or written */
} shared_key;

typedef struct shared_client {
  bool busy;
  bool waiting;
  kv_linear_op ops[AT_ONCE];
  size_t op_count;
  unsigned keys[AT_ONCE];
} shared_client;

typedef struct shared {
  shared_key keys[KEYS];
  shared_client clients[CLIENTS];
  unsigned key_count, client_count;
  bool stopping;
  uint64_t serial; /* of values */
  kv_linear_history history;
} shared;

static shared *of(ss_world *world) {
  return world->clients;
}

static key_kind kind_of(unsigned key) {
  return (key_kind)(key % KEY_KINDS);
}

static uint64_t id_of(const shared *all, unsigned key) {
  return (uint64_t)key << 32 | all->keys[key].generation;
}

static void name_of(const shared *all, unsigned key, char name[TEXT]) {
  (void)snprintf(name, TEXT, "%c%02u.%llu", "rcl"[kind_of(key)], key,
                 (unsigned long long)all -> keys[key].generation);
}

static raft_slice text(const char *string) {
  return (raft_slice){string, strlen(string)};
}

static void remember(ss_world *world, unsigned key, const char *value, size_t len) {
  char *slot = of(world)->keys[key].recent[ss_below(world, RECENT)];
  if (len < TEXT) {
    memcpy(slot, value, len);
    slot[len] = '\0';
  }
}

/* ---- what is asked ---- */

typedef struct question {
  ss_command command;
  char names[AT_ONCE][TEXT];
  char value[TEXT];
  char expected[TEXT];
} question;

static void ask_read(ss_world *world, shared_client *client, question *q, bool many) {
  shared *all = of(world);
  client->op_count = many ? AT_ONCE : 1;
  q->command.op = many ? KV_OP_MGET : KV_OP_GET;
  for (size_t i = 0; i < client->op_count; i++) {
    unsigned key = i == 0 ? client->keys[0] : (unsigned)ss_below(world, all->key_count);
    client->keys[i] = key;
    client->ops[i] = (kv_linear_op){.key = id_of(all, key), .kind = KV_LINEAR_READ};
    name_of(all, key, q->names[i]);
    q->command.args[i] = text(q->names[i]);
  }
  q->command.arg_count = client->op_count;
}

static void begin_write(shared *all, shared_client *client, question *q, kv_op command,
                        kv_linear_kind kind) {
  client->op_count = 1;
  client->ops[0] = (kv_linear_op){.key = id_of(all, client->keys[0]), .kind = kind};
  name_of(all, client->keys[0], q->names[0]);
  q->command = (ss_command){.op = command, .arg_count = 1, .args = {text(q->names[0])}};
}

static void with_value(ss_world *world, shared_client *client, question *q) {
  shared *all = of(world);
  int pad = (int)ss_below(world, world->options.pad + 1);
  (void)snprintf(q->value, TEXT, "v%llu,%0*d", (unsigned long long)++all->serial, pad, 0);
  client->ops[0].value = kv_linear_value_of(q->value, strlen(q->value));
  q->command.args[q->command.arg_count++] = text(q->value);
}

static void ask_set(ss_world *world, shared_client *client, question *q) {
  begin_write(of(world), client, q, KV_OP_SET, KV_LINEAR_WRITE);
  with_value(world, client, q);
  remember(world, client->keys[0], q->value, strlen(q->value));
}

static void ask_cas(ss_world *world, shared_client *client, question *q) {
  shared *all = of(world);
  begin_write(all, client, q, KV_OP_CAS, KV_LINEAR_CAS);
  (void)snprintf(q->expected, TEXT, "%s",
                 all->keys[client->keys[0]].recent[ss_below(world, RECENT)]);
  if (q->expected[0] == '\0') {
    q->command.flags = KV_FLAG_ABSENT;
  } else {
    client->ops[0].expected = kv_linear_value_of(q->expected, strlen(q->expected));
  }
  q->command.args[q->command.arg_count++] = text(q->expected);
  with_value(world, client, q);
  remember(world, client->keys[0], q->value, strlen(q->value));
}

static void ask_add(ss_world *world, shared_client *client, question *q) {
  begin_write(of(world), client, q, KV_OP_INCRBY, KV_LINEAR_ADD);
  q->command.number = client->ops[0].number = 1 + (int64_t)ss_below(world, 5);
}

static void ask_append(ss_world *world, shared_client *client, question *q) {
  begin_write(of(world), client, q, KV_OP_APPEND, KV_LINEAR_APPEND);
  with_value(world, client, q);
}

static void ask_write(ss_world *world, shared_client *client, question *q) {
  if (ss_below(world, 8) == 0) {
    begin_write(of(world), client, q, KV_OP_DEL, KV_LINEAR_DELETE);
    return;
  }
  switch (kind_of(client->keys[0])) {
  case REGISTER:
    if (ss_below(world, 2) == 0) {
      ask_set(world, client, q);
    } else {
      ask_cas(world, client, q);
    }
    break;
  case COUNTER: ask_add(world, client, q); break;
  case LIST:
  case KEY_KINDS: ask_append(world, client, q); break;
  }
}

/* ---- the course of a client ---- */

static void answered(ss_call *call, void *owner);

static void wait_for(ss_world *world, shared_client *client, uint64_t most) {
  client->waiting = true;
  ss_plan(world, 1 + ss_below(world, most), SS_CLIENT, 0, (uint64_t)(client - of(world)->clients),
          NULL);
}

/* False: no store is up that could be asked now. */
static bool send(ss_world *world, shared_client *client, const question *q) {
  ss_store *store = &world->stores[1 + ss_below(world, world->store_count)];
  unsigned leader = ss_below(world, 2) == 0 ? ss_any_leader(world) : 0;
  store = leader != 0 ? &world->stores[leader] : store;
  if (!ss_is_up(store)) {
    return false;
  }
  for (size_t i = 0; i < client->op_count; i++) {
    client->ops[i].begun = world->now;
    client->ops[i].client = (uint64_t)(client - of(world)->clients);
  }
  client->busy = true;
  uint64_t timeout = 50 + ss_below(world, world->options.timeout_ms);
  (void)ss_execute(store, &q->command, timeout, answered, client);
  return true;
}

static void go(ss_world *world, shared_client *client) {
  shared *all = of(world);
  question q = {0};
  client->keys[0] = (unsigned)ss_below(world, all->key_count);
  if (ss_below(world, 2) == 0) {
    ask_read(world, client, &q, ss_below(world, 4) == 0);
  } else {
    ask_write(world, client, &q);
  }
  if (!send(world, client, &q)) {
    wait_for(world, client, 50 * SS_MS);
  }
}

static void client_event(ss_world *world, unsigned number) {
  shared_client *client = &of(world)->clients[number];
  client->waiting = false;
  if (!of(world)->stopping) {
    go(world, client);
  }
}

/* ---- answers ---- */

static bool take_value(ss_world *world, unsigned key, ss_reader *reader, kv_linear_value *value) {
  raft_slice found;
  if (ss_read_nil(reader)) {
    *value = (kv_linear_value){0};
    return true;
  }
  if (!ss_read_bulk(reader, &found)) {
    return false;
  }
  *value = kv_linear_value_of(found.data, found.len);
  remember(world, key, found.data, found.len);
  return true;
}

static bool take(ss_world *world, shared_client *client, const ss_call *call) {
  ss_reader reader = {call->reply, call->len};
  int64_t count = 0;
  kv_linear_op *op = &client->ops[0];
  switch (op->kind) {
  case KV_LINEAR_READ:
    if (client->op_count > 1 && !ss_read_array(&reader, &count)) {
      return false;
    }
    for (size_t i = 0; i < client->op_count; i++) {
      if (!take_value(world, client->keys[i], &reader, &client->ops[i].value)) {
        return false;
      }
    }
    return true;
  case KV_LINEAR_WRITE: return strcmp(call->reply, "+OK\r\n") == 0;
  case KV_LINEAR_DELETE:
  case KV_LINEAR_CAS:
  case KV_LINEAR_ADD:
  case KV_LINEAR_APPEND: return ss_read_integer(&reader, &op->result);
  }
  return false;
}

/* A fresh key takes its place. */
static void give_up(shared_key *key) {
  *key = (shared_key){.generation = key->generation + 1};
}

static void record(ss_world *world, shared_client *client, const ss_call *call, bool unknown) {
  shared *all = of(world);
  for (size_t i = 0; i < client->op_count; i++) {
    kv_linear_op *op = &client->ops[i];
    shared_key *key = &all->keys[client->keys[i]];
    op->ended = call->ended;
    op->unknown = unknown;
    if (kv_linear_add(&all->history, op) != KV_OK) {
      abort();
    }
    if (op->key != id_of(all, client->keys[i])) {
      continue;
    }
    key->operations++;
    key->unknown += unknown;
    if (key->unknown >= UNKNOWN_MOST || key->operations >= OPERATIONS_MOST) {
      give_up(key);
    }
  }
}

static void answered(ss_call *call, void *owner) {
  shared_client *client = owner;
  ss_world *world = call->world;
  bool read = client->ops[0].kind == KV_LINEAR_READ;
  client->busy = false;
  switch (ss_outcome_of(call)) {
  case SS_DONE:
    world->counts[SS_OPERATIONS]++;
    if (!take(world, client, call)) {
      ss_violation(world, "s%u gives client %llu a strange answer: %.*s", call->store,
                   (unsigned long long)client->ops[0].client, (int)call->len, call->reply);
      return;
    }
    record(world, client, call, false);
    break;
  case SS_NOT_DONE: world->counts[SS_REFUSED]++; break;
  case SS_PERHAPS:
    world->counts[SS_UNKNOWN]++;
    if (!read) {
      record(world, client, call, true);
    }
    break;
  case SS_WRONG:
    ss_violation(world, "s%u answers a client: %.*s", call->store, (int)call->len, call->reply);
    return;
  }
  if (!of(world)->stopping) {
    wait_for(world, client, world->options.think_most);
  }
}

/* ---- begin and end ---- */

static void free_shared(ss_world *world) {
  kv_linear_free(&of(world)->history);
  free(world->clients);
}

void ss_shared_start(ss_world *world) {
  shared *all = sim_zeroed(1, sizeof *all);
  all->key_count = world->options.keys < KEYS ? world->options.keys : KEYS;
  all->client_count = world->options.clients < CLIENTS ? world->options.clients : CLIENTS;
  world->clients = all;
  world->client_event = client_event;
  world->clients_free = free_shared;
  for (unsigned i = 0; i < all->client_count; i++) {
    wait_for(world, &all->clients[i], world->options.think_most);
  }
}

static bool is_quiet(ss_world *world, void *arg) {
  const shared *all = of(world);
  (void)arg;
  for (unsigned i = 0; i < all->client_count; i++) {
    if (all->clients[i].busy || all->clients[i].waiting) {
      return false;
    }
  }
  return true;
}

/* One read, tried until it is answered. */
static bool read_last(ss_world *world, unsigned key, uint64_t patience) {
  shared_client *client = &of(world)->clients[0];
  size_t before = of(world)->history.count;
  uint64_t end = world->now + patience;
  while (!world->violated && world->now < end && of(world)->history.count == before) {
    question q = {0};
    client->keys[0] = key;
    ask_read(world, client, &q, false);
    (void)send(world, client, &q);
    (void)ss_run_until(world, is_quiet, NULL, patience);
  }
  return of(world)->history.count != before;
}

bool ss_shared_finish(ss_world *world, uint64_t patience) {
  of(world)->stopping = true;
  if (!ss_run_until(world, is_quiet, NULL, patience) && !world->violated) {
    ss_violation(world, "clients are not answered long after all faults have ended");
  }
  for (unsigned key = 0; key < of(world)->key_count && !world->violated; key++) {
    if (!read_last(world, key, patience)) {
      ss_violation(world, "a key cannot be read long after all faults have ended");
    }
  }
  return !world->violated;
}

static void tell(ss_world *world, const kv_linear_history *history) {
  char line[KV_LINEAR_OP_TEXT], name[TEXT] = "";
  const shared *all = of(world);
  for (size_t i = 0; i < history->count; i++) {
    kv_linear_describe(&history->ops[i], 0, line);
    ss_tell(world, 0, "%s", line);
  }
  if (history->count > 0) {
    shared_key key = {.generation = history->ops[0].key & UINT32_MAX};
    shared copy = {.key_count = all->key_count};
    unsigned number = (unsigned)(history->ops[0].key >> 32);
    copy.keys[number % KEYS] = key;
    name_of(&copy, number % KEYS, name);
  }
  ss_violation(world, "the history of key %s is not linearizable", name);
}

void ss_shared_judge(ss_world *world) {
  kv_linear_report report = {0};
  if (world->violated || kv_linear_check(&of(world)->history, LIMIT, &report) != KV_OK) {
    return;
  }
  world->counts[SS_KEYS] += report.keys;
  world->counts[SS_UNPROVEN] += report.gave_up;
  if (report.wrong > 0) {
    tell(world, &report.offending);
  }
  kv_linear_report_free(&report);
}
