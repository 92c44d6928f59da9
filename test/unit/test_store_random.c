/* test_store_random.c - stores under everything at once, from a seed: what was promised holds.
 *
 * Writers count: each increments a key of its own, one command after the other, so that a lost or
 * a repeated write shows in the next answer. When an outcome is unknown the writer begins another
 * key. Readers anywhere read any key, and must never see less than what was acknowledged, or seen,
 * before they asked. Meanwhile stores crash and start, the network loses, repeats, reorders and
 * parts, leaders are moved, members added and removed, logs cut.
 *
 * In two of three runs the region falls asleep whenever nothing happens for a moment.
 *
 * RANDOM_SEED=n runs one seed, RANDOM_COUNT=n so many. WORLD_VERBOSE=1 shows the stores' logs.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store_world.h"

enum { WRITERS = 4, READERS = 4, KEYS = 2000, STEPS = 60000, ADMINS = 2 };

/* What is known of one key. */
typedef struct key_state {
  uint64_t acknowledged;
  uint64_t seen;
  bool unknown; /* one more write may have taken effect */
} key_state;

typedef struct client {
  world_call call;
  bool busy;
  size_t key;
  uint64_t floor; /* readers: what the answer must not be below */
  uint64_t at;    /* store that was asked */
} client;

typedef struct run {
  world w;
  key_state keys[KEYS];
  size_t key_count;
  client writers[WRITERS], readers[READERS], admins[ADMINS];
  uint64_t acknowledged, refused, unknown, reads;
  bool ending; /* nobody begins anything */
} run;

static bool begins(const client *c, const char *text) {
  return strncmp(c->call.reply, text, strlen(text)) == 0;
}

static void key_name(size_t key, char name[16]) {
  (void)snprintf(name, 16, "k%03u", (unsigned)key);
}

/* 0: none is up. */
static uint64_t any_store(run *r) {
  for (int i = 0; i < 8; i++) {
    uint64_t id = 1 + world_random(&r->w, r->w.store_count);
    if (world_at(&r->w, id)->store != NULL) {
      return id;
    }
  }
  return 0;
}

/* ---- writers ---- */

static void new_key(run *r, client *c) {
  ck_assert_uint_lt(r->key_count, KEYS);
  c->key = r->key_count++;
}

static void finish_write(run *r, client *c) {
  key_state *key = &r->keys[c->key];
  c->busy = false;
  if (c->call.reply[0] == ':') {
    uint64_t count = strtoull(c->call.reply + 1, NULL, 10);
    ck_assert_msg(count == key->acknowledged + 1, "key %zu: %d acknowledged, then %d", c->key,
                  (int)key->acknowledged, (int)count);
    key->acknowledged = count;
    r->acknowledged++;
  } else if (begins(c, "-TRYAGAIN")) {
    r->refused++;
  } else {
    ck_assert_msg(begins(c, "-TIMEOUT outcome unknown"), "%s", c->call.reply);
    key->unknown = true;
    r->unknown++;
    new_key(r, c);
  }
}

static void begin_write(run *r, client *c) {
  char name[16];
  uint64_t id = any_store(r);
  key_name(c->key, name);
  if (id != 0) {
    c->busy = true;
    world_execute(&r->w, id, &c->call, 500 + world_random(&r->w, 8000), KV_OP_INCRBY, 1, name,
                  NULL);
  }
}

/* ---- readers ---- */

static void finish_read(run *r, client *c) {
  key_state *key = &r->keys[c->key];
  c->busy = false;
  if (c->call.reply[0] != '$' && c->call.reply[0] != '_') {
    ck_assert_msg(begins(c, "-TRYAGAIN"), "%s", c->call.reply);
    return;
  }
  const char *digits = strstr(c->call.reply, "\r\n");
  uint64_t value = c->call.reply[0] == '_' ? 0 : strtoull(digits + 2, NULL, 10);
  ck_assert_msg(value >= c->floor, "key %zu: read %d after %d", c->key, (int)value, (int)c->floor);
  key->seen = value > key->seen ? value : key->seen;
  r->reads++;
}

static void begin_read(run *r, client *c) {
  char name[16];
  uint64_t id = any_store(r);
  c->key = world_random(&r->w, r->key_count);
  const key_state *key = &r->keys[c->key];
  key_name(c->key, name);
  if (id != 0) {
    c->busy = true;
    c->floor = key->seen > key->acknowledged ? key->seen : key->acknowledged;
    world_execute(&r->w, id, &c->call, 500 + world_random(&r->w, 8000), KV_OP_GET, 0, name, NULL);
  }
}

static void step_clients(run *r) {
  for (size_t i = 0; i < WRITERS; i++) {
    client *c = &r->writers[i];
    if (c->busy && c->call.answers > 0) {
      finish_write(r, c);
    } else if (!c->busy && !r->ending && world_random(&r->w, 20) == 0) {
      begin_write(r, c);
    }
  }
  for (size_t i = 0; i < READERS; i++) {
    client *c = &r->readers[i];
    if (c->busy && c->call.answers > 0) {
      finish_read(r, c);
    } else if (!c->busy && !r->ending && world_random(&r->w, 20) == 0) {
      begin_read(r, c);
    }
  }
}

/* ---- what goes wrong ---- */

static void crash_or_start(run *r) {
  uint64_t id = 1 + world_random(&r->w, r->w.store_count);
  if (world_at(&r->w, id)->store != NULL) {
    world_crash(&r->w, id);
  } else {
    world_start(&r->w, id);
  }
}

static void disturb_network(run *r) {
  world *w = &r->w;
  switch (world_random(w, 7)) {
  case 0: world_isolate(w, 1 + world_random(w, w->store_count), true); break;
  case 1: {
    uint64_t from = 1 + world_random(w, w->store_count), to = 1 + world_random(w, w->store_count);
    w->blocked[from][to] = true; /* one direction only */
    break;
  }
  case 2:
    w->drop_percent = (unsigned)world_random(w, 20);
    w->repeat_percent = (unsigned)world_random(w, 20);
    break;
  default: world_heal(w); break;
  }
}

static void administrate(run *r) {
  client *c = &r->admins[world_random(&r->w, ADMINS)];
  uint64_t by = any_store(r), which = 1 + world_random(&r->w, r->w.store_count);
  if (c->busy && c->call.answers == 0) {
    return;
  }
  c->busy = by != 0;
  if (by == 0) {
    return;
  }
  c->call = (world_call){0};
  kv_store *store = world_at(&r->w, by)->store;
  switch (world_random(&r->w, 5)) {
  case 0: kv_store_transfer(store, 1, which, 3000, world_answered, &c->call); break;
  case 1:
    kv_store_add_peer(store, 1, which, world_at(&r->w, which)->address, 5000, world_answered,
                      &c->call);
    break;
  case 2:
    if (world_number(&r->w, by, "voters") > 3) { /* else the end would have to wait for one */
      kv_store_remove_peer(store, 1, which, 5000, world_answered, &c->call);
    } else {
      c->busy = false;
    }
    break;
  default: kv_store_compact(store, 1, 0, 3000, world_answered, &c->call); break;
  }
}

static void disturb(run *r) {
  uint64_t chance = world_random(&r->w, 8000);
  if (chance < 6) {
    crash_or_start(r);
  } else if (chance < 12) {
    disturb_network(r);
  } else if (chance < 24) {
    administrate(r);
  } else if (chance < 26) {
    uint64_t id = 1 + world_random(&r->w, r->w.store_count);
    world_at(&r->w, id)->engine.fail_commits = (int)world_random(&r->w, 3);
  }
}

/* ---- a whole run ---- */

static void wait_for(run *r, client *c) {
  for (int i = 0; i < 6000 && c->busy && c->call.answers == 0; i++) {
    world_run(&r->w, 10);
  }
  ck_assert(!c->busy || c->call.answers == 1);
}

/* All is well again: everybody is answered, all data is there and the same. */
static void check_end(run *r) {
  uint64_t ids[WORLD_STORES];
  size_t count = 0;
  world_heal(&r->w);
  for (uint64_t id = 1; id <= r->w.store_count; id++) {
    world_at(&r->w, id)->engine.fail_commits = 0;
    if (world_at(&r->w, id)->store == NULL) {
      world_start(&r->w, id);
    }
  }
  (void)world_wait_leader(&r->w, 0);
  for (size_t i = 0; i < WRITERS; i++) {
    wait_for(r, &r->writers[i]);
  }
  for (size_t i = 0; i < READERS; i++) {
    wait_for(r, &r->readers[i]);
  }
  for (size_t i = 0; i < ADMINS; i++) {
    wait_for(r, &r->admins[i]);
  }
  r->ending = true;
  step_clients(r);
  world_run(&r->w, 20000);
  uint64_t leader = world_wait_leader(&r->w, 0);
  for (size_t key = 0; key < r->key_count; key++) {
    client c = {.key = key, .floor = r->keys[key].acknowledged};
    char name[16];
    key_name(key, name);
    world_do(&r->w, leader, &c.call, KV_OP_GET, 0, name, NULL);
    finish_read(r, &c);
    uint64_t most = r->keys[key].acknowledged + r->keys[key].unknown;
    ck_assert_msg(r->keys[key].seen <= most, "key %zu: %d of %d", key, (int)r->keys[key].seen,
                  (int)most);
  }
  for (uint64_t id = 1; id <= r->w.store_count; id++) {
    if (world_applied(&r->w, id) > 0) {
      ids[count++] = id;
    }
  }
  ck_assert_uint_ge(count, 2);
  world_check_equal(&r->w, ids, count);
}

static void run_seed(uint64_t seed) {
  static run r;
  memset(&r, 0, sizeof r);
  world_open(&r.w, seed, 3);
  r.w.config.log_gc_entries = 10 + world_random(&r.w, 100);
  r.w.config.max_batch_bytes = 20 + world_random(&r.w, 1000);
  r.w.pace = 1 + world_random(&r.w, 10);
  r.w.config.hibernate_ms = (uint32_t)(world_random(&r.w, 3) * 300); /* 0: never */
  r.w.overlay = seed % 2 == 0;
  (void)world_add_store(&r.w);
  for (uint64_t id = 1; id <= 4; id++) {
    world_at(&r.w, id)->task_limit = world_random(&r.w, 2) * 2;
    world_at(&r.w, id)->log.limit = world_random(&r.w, 2) * 2;
    world_start(&r.w, id);
  }
  for (size_t i = 0; i < WRITERS; i++) {
    new_key(&r, &r.writers[i]);
  }
  for (int i = 0; i < STEPS; i++) {
    world_random_step(&r.w);
    step_clients(&r);
    disturb(&r);
  }
  check_end(&r);
  if (getenv("RANDOM_FIGURES") != NULL) {
    printf("seed %llu: %llu acknowledged, %llu refused, %llu unknown, %llu reads, %zu keys\n",
           (unsigned long long)seed, (unsigned long long)r.acknowledged,
           (unsigned long long)r.refused, (unsigned long long)r.unknown,
           (unsigned long long)r.reads, r.key_count);
  }
  world_close(&r.w);
}

static uint64_t number_from(const char *variable, uint64_t otherwise) {
  const char *text = getenv(variable);
  return text != NULL ? strtoull(text, NULL, 10) : otherwise;
}

START_TEST(what_was_promised_holds_whatever_happens) {
  uint64_t group = (uint64_t)_i;
  uint64_t seed = number_from("RANDOM_SEED", group * 10 + 1);
  bool slow = getenv("CK_FORK") != NULL; /* under valgrind, in one process */
  uint64_t count = number_from("RANDOM_COUNT", slow ? 1 : 10);
  for (uint64_t i = 0; i < count; i++) {
    unsigned long long number = seed + i;
    printf("seed %llu\n", number);
    (void)fflush(stdout);
    run_seed(number);
  }
}
END_TEST

int main(void) {
  Suite *suite = suite_create("store_random");
  TCase *tcase = tcase_create("seeds");
  int groups = getenv("RANDOM_SEED") != NULL ? 1 : getenv("CK_FORK") != NULL ? 6 : 20;
  tcase_add_loop_test(tcase, what_was_promised_holds_whatever_happens, 0, groups);
  tcase_set_timeout(tcase, 300);
  suite_add_tcase(suite, tcase);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
