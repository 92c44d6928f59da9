/* appender.c - puts, scans, gets and deletes of one client, one after the other, until they work.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "appender.h"

#include <stdio.h>
#include <string.h>

#include "reply.h"

enum { TIMEOUT_MS = 1000, GETS = 4 };

static void name_key(const ss_appender *appender, uint64_t number, char name[32]) {
  (void)snprintf(name, 32, "c%02u %08llu", appender->number, (unsigned long long)number);
}

static void name_value(const ss_appender *appender, uint64_t number, char value[48]) {
  (void)snprintf(value, 48, "x %u %llu y", appender->number, (unsigned long long)number);
}

static ss_store *any_store(ss_world *world) {
  ss_store *store = &world->stores[1 + ss_below(world, world->store_count)];
  return ss_is_up(store) ? store : NULL;
}

static void answered(ss_call *call, void *owner);

static raft_slice text(const char *string) {
  return (raft_slice){string, strlen(string)};
}

static void wait_for(ss_appender *appender, uint64_t most) {
  appender->waiting = true;
  ss_plan(appender->world, 1 + ss_below(appender->world, most), SS_CLIENT, 0, appender->number,
          NULL);
}

/* Tries again a little later if the store is down. */
static void ask(ss_appender *appender, const ss_command *command) {
  ss_store *store = any_store(appender->world);
  if (store == NULL) {
    wait_for(appender, 20 * SS_MS);
    return;
  }
  (void)ss_execute(store, command, TIMEOUT_MS, answered, appender);
}

static void put(ss_appender *appender) {
  char key[32], value[48];
  name_key(appender, appender->next, key);
  name_value(appender, appender->next, value);
  ask(appender, &(ss_command){.op = KV_OP_SET, .arg_count = 2, .args = {text(key), text(value)}});
}

static void scan(ss_appender *appender) {
  char pattern[16];
  (void)snprintf(pattern, sizeof pattern, "c%02u *", appender->number);
  ask(appender, &(ss_command){.op = KV_OP_SCAN,
                              .number = 1 + (int64_t)(appender->next - appender->first),
                              .arg_count = 2,
                              .args = {text(appender->cursor), text(pattern)}});
}

static void get(ss_appender *appender) {
  char keys[GETS][32];
  ss_command command = {.op = KV_OP_MGET, .arg_count = GETS};
  for (unsigned i = 0; i < GETS; i++) {
    name_key(appender, appender->gets[i], keys[i]);
    command.args[i] = text(keys[i]);
  }
  ask(appender, &command);
}

static void delete_one(ss_appender *appender) {
  char key[32];
  name_key(appender, appender->first, key);
  ask(appender, &(ss_command){.op = KV_OP_DEL, .arg_count = 1, .args = {text(key)}});
}

/* ---- what comes next ---- */

static void go(ss_appender *appender);

static void rest(ss_appender *appender) {
  appender->state = SS_APPENDER_IDLE;
  if (appender->deleting && appender->first < appender->next) {
    appender->state = SS_APPENDER_DELETES;
    go(appender);
    return;
  }
  appender->deleting = false;
  if (!appender->stopping) {
    wait_for(appender, appender->world->options.think_most);
  }
}

static void begin_scan(ss_appender *appender) {
  appender->state = SS_APPENDER_SCANS;
  appender->seen = appender->first;
  (void)snprintf(appender->cursor, sizeof appender->cursor, "c%02u ", appender->number);
}

static void begin(ss_appender *appender) {
  if (appender->stopping) {
    return;
  }
  if (ss_below(appender->world, 2) == 0) {
    appender->state = SS_APPENDER_PUTS;
  } else {
    begin_scan(appender);
  }
}

static void go(ss_appender *appender) {
  if (appender->state == SS_APPENDER_IDLE) {
    begin(appender);
  }
  switch (appender->state) {
  case SS_APPENDER_IDLE: break;
  case SS_APPENDER_PUTS: put(appender); break;
  case SS_APPENDER_SCANS: scan(appender); break;
  case SS_APPENDER_GETS: get(appender); break;
  case SS_APPENDER_DELETES: delete_one(appender); break;
  }
}

/* ---- answers ---- */

static void wrong(const ss_appender *appender, const char *what, raft_slice found) {
  ss_violation(appender->world, "client %u has put keys %llu to %llu: %s at %llu, found \"%.*s\"",
               appender->number, (unsigned long long)appender->first,
               (unsigned long long)appender->next - 1, what, (unsigned long long)appender->seen,
               (int)found.len, (const char *)found.data);
}

static void begin_gets(ss_appender *appender) {
  uint64_t count = appender->next - appender->first;
  if (count == 0) {
    rest(appender);
    return;
  }
  for (unsigned i = 0; i < GETS; i++) {
    appender->gets[i] = appender->first + ss_below(appender->world, count);
  }
  appender->gets[0] = appender->next - 1;
  appender->state = SS_APPENDER_GETS;
  go(appender);
}

static bool same(raft_slice slice, const char *string) {
  return slice.len == strlen(string) && memcmp(slice.data, string, slice.len) == 0;
}

static void end_scan(ss_appender *appender) {
  if (appender->seen != appender->next) {
    wrong(appender, "the rest is missing", (raft_slice){"", 0});
    return;
  }
  begin_gets(appender);
}

static void take_scan(ss_appender *appender, const ss_call *call) {
  ss_reader reader = {call->reply, call->len};
  raft_slice cursor, key;
  char expected[32], prefix[8];
  int64_t count = 0;
  (void)snprintf(prefix, sizeof prefix, "c%02u ", appender->number);
  if (!ss_read_array(&reader, &count) || count != 2 || !ss_read_bulk(&reader, &cursor) ||
      !ss_read_array(&reader, &count)) {
    wrong(appender, "a strange answer", (raft_slice){call->reply, call->len});
    return;
  }
  for (; count > 0 && ss_read_bulk(&reader, &key); count--) {
    name_key(appender, appender->seen, expected);
    if (!same(key, expected)) {
      wrong(appender, "another key", key);
      return;
    }
    appender->seen++;
  }
  bool on =
      cursor.len > 0 && cursor.len < sizeof appender->cursor && memcmp(cursor.data, prefix, 4) <= 0;
  if (!on) {
    end_scan(appender);
    return;
  }
  memcpy(appender->cursor, cursor.data, cursor.len);
  appender->cursor[cursor.len] = '\0';
  scan(appender);
}

static void take_gets(ss_appender *appender, const ss_call *call) {
  ss_reader reader = {call->reply, call->len};
  int64_t count = 0;
  (void)ss_read_array(&reader, &count);
  for (unsigned i = 0; i < GETS; i++) {
    raft_slice value = {"", 0};
    char expected[48];
    appender->seen = appender->gets[i];
    name_value(appender, appender->seen, expected);
    if (!ss_read_bulk(&reader, &value) || !same(value, expected)) {
      wrong(appender, "another value", value);
      return;
    }
  }
  rest(appender);
}

static void take(ss_appender *appender, const ss_call *call) {
  appender->world->counts[SS_OPERATIONS]++;
  switch (appender->state) {
  case SS_APPENDER_IDLE: break;
  case SS_APPENDER_PUTS:
    appender->next++;
    rest(appender);
    break;
  case SS_APPENDER_SCANS: take_scan(appender, call); break;
  case SS_APPENDER_GETS: take_gets(appender, call); break;
  case SS_APPENDER_DELETES:
    appender->first++;
    rest(appender);
    break;
  }
}

static void answered(ss_call *call, void *owner) {
  ss_appender *appender = owner;
  ss_world *world = appender->world;
  switch (ss_outcome_of(call)) {
  case SS_DONE: take(appender, call); return;
  case SS_NOT_DONE:
    world->counts[SS_REFUSED]++;
    (void)snprintf(appender->refusal, sizeof appender->refusal, "s%u: %.*s", call->store,
                   (int)call->len - 2, call->reply);
    break;
  case SS_PERHAPS: world->counts[SS_UNKNOWN]++; break;
  case SS_WRONG:
    ss_violation(world, "s%u answers client %u: %.*s", call->store, appender->number,
                 (int)call->len, call->reply);
    return;
  }
  if (appender->state == SS_APPENDER_SCANS) { /* from its beginning */
    begin_scan(appender);
  }
  wait_for(appender, 20 * SS_MS);
}

/* ---- from outside ---- */

void ss_appender_start(ss_appender *appender) {
  appender->stopping = false;
  go(appender);
}

void ss_appender_event(ss_appender *appender) {
  appender->waiting = false;
  go(appender);
}

void ss_appender_init(ss_appender *appender, ss_world *world, unsigned number) {
  *appender = (ss_appender){.world = world, .number = number, .stopping = true};
}

void ss_appender_verify(ss_appender *appender) {
  begin_scan(appender);
  scan(appender);
}

void ss_appender_delete_all(ss_appender *appender) {
  appender->deleting = true;
  rest(appender);
}
