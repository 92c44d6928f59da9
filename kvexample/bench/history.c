/* history.c - the threads of clients, and the book that they write into.
 *
 * A time is taken before a request is handed to the socket and after its answer was read, by the
 * thread that does both: an operation never seems shorter than it was.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "bench/history.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/key_picker.h"
#include "bench/load.h"
#include "client/client.h"

enum {
  KEY_OPERATIONS = 2000, /* of one key, before another takes its place */
  LIST_OPERATIONS = 300, /* the same for lists, which grow */
  KEY_UNKNOWN = 6, /* the same for writes of open outcome: each doubles what has to be thought of */
  READ_SHARE = 35, /* per cent, unless told otherwise */
  PAUSE_MS = 20,   /* after a failure */
  ENOUGH = 5,      /* refusals in a row: try another store */
  WORD = 64
};

static const uint64_t millisecond = 1000000;
static const uint64_t second = 1000000000;
/* Operations of one run, unless told otherwise: 170 bytes each. */
static const uint64_t most_operations = 2000000;

typedef enum key_kind { KEY_REGISTER, KEY_COUNTER, KEY_LIST } key_kind;

typedef struct shared_key {
  uint64_t generation;
  unsigned operations;
  unsigned unknown;
} shared_key;

typedef struct book {
  const kv_bench_options *options;
  const char *prefix;
  kv_history_result *result;
  uint64_t begin;
  uint64_t end;
  uint64_t patience; /* when reading at the end is given up */

  pthread_mutex_t lock; /* of all that follows, and of the result */
  kv_linear_history history;
  shared_key *keys;
  uint64_t operations; /* begun */
  uint64_t last_answer;
  uint64_t last_write;
  uint64_t last_key; /* the next to be read at the end, and its generation */
  uint64_t last_generation;
  bool out_of_memory;
} book;

/* One connection's thread, and its operation under way. */
typedef struct worker {
  book *book;
  pthread_t thread;
  kv_key_picker dice;
  kv_client *client; /* NULL: none at the moment */
  size_t address;
  unsigned refusals;
  uint64_t id;
  uint64_t serial;
  uint64_t next; /* when the next operation is due */

  kv_linear_op op;
  char name[KV_BENCH_KEY + WORD];
  char value[WORD];
  char expected[WORD];
  /* What it last found in a register, for exchanges that succeed. */
  char found[WORD];
  uint64_t found_in;
} worker;

static uint64_t read_clock(void) {
  struct timespec now;
  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * second + (uint64_t)now.tv_nsec;
}

static void wait_for(uint64_t moment) {
  const struct timespec until = {.tv_sec = (time_t)(moment / second),
                                 .tv_nsec = (long)(moment % second)};
  (void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
}

/* ---- keys ---- */

/* Half of them registers; counters and lists the rest. */
static key_kind kind_of(uint64_t index) {
  static const key_kind kinds[] = {KEY_REGISTER, KEY_COUNTER, KEY_REGISTER, KEY_LIST};
  return kinds[index % (sizeof(kinds) / sizeof(kinds[0]))];
}

static void name_key(worker *self, uint64_t index, uint64_t generation) {
  static const char *const kinds[] = {"register", "counter", "list"};
  (void)snprintf(self->name, sizeof(self->name), "%s:%02" PRIu64 ":%s:%" PRIu64, self->book->prefix,
                 index, kinds[kind_of(index)], generation);
  self->op.key = index << 40 | generation;
}

/* Chooses a key that has not done its duty; counts one operation more on it. */
static uint64_t choose_key(worker *self) {
  book *all = self->book;
  const uint64_t index = kv_key_picker_next(&self->dice);
  const unsigned most = kind_of(index) == KEY_LIST ? LIST_OPERATIONS : KEY_OPERATIONS;
  shared_key *key = &all->keys[index];
  (void)pthread_mutex_lock(&all->lock);
  if (key->operations >= most || key->unknown >= KEY_UNKNOWN) {
    *key = (shared_key){.generation = key->generation + 1};
  }
  key->operations++;
  const uint64_t generation = key->generation;
  (void)pthread_mutex_unlock(&all->lock);
  name_key(self, index, generation);
  return index;
}

/* ---- operations ---- */

static raft_slice slice_of(const char *text) {
  return (raft_slice){text, strlen(text)};
}

/* A value that nobody else writes. */
static void make_value(worker *self, const char *end) {
  (void)snprintf(self->value, sizeof(self->value), "c%" PRIu64 "-%" PRIu64 "%s", self->id,
                 ++self->serial, end);
  self->op.value = kv_linear_value_of(self->value, strlen(self->value));
}

static size_t make_read(worker *self, raft_slice *arguments) {
  self->op.kind = KV_LINEAR_READ;
  arguments[0] = slice_of("GET");
  return 2;
}

static size_t make_write(worker *self, raft_slice *arguments) {
  self->op.kind = KV_LINEAR_WRITE;
  make_value(self, "");
  arguments[0] = slice_of("SET");
  arguments[2] = slice_of(self->value);
  return 3;
}

static size_t make_exchange(worker *self, raft_slice *arguments) {
  self->op.kind = KV_LINEAR_CAS;
  make_value(self, "");
  const bool knows = self->found_in == self->op.key && self->found[0] != '\0';
  (void)snprintf(self->expected, sizeof(self->expected), "%s", knows ? self->found : "c0-0");
  self->op.expected = kv_linear_value_of(self->expected, strlen(self->expected));
  arguments[0] = slice_of("KV.CAS");
  arguments[2] = slice_of(self->expected);
  arguments[3] = slice_of(self->value);
  return 4;
}

static size_t make_first_write(worker *self, raft_slice *arguments) {
  self->op.kind = KV_LINEAR_CAS;
  make_value(self, "");
  self->op.expected = (kv_linear_value){0};
  arguments[0] = slice_of("SETNX");
  arguments[2] = slice_of(self->value);
  return 3;
}

static size_t make_deletion(worker *self, raft_slice *arguments) {
  self->op.kind = KV_LINEAR_DELETE;
  arguments[0] = slice_of("DEL");
  return 2;
}

static size_t make_addition(worker *self, raft_slice *arguments) {
  self->op.kind = KV_LINEAR_ADD;
  self->op.number = (int64_t)(kv_key_picker_random(&self->dice) % 9) + 1;
  (void)snprintf(self->value, sizeof(self->value), "%" PRId64, self->op.number);
  arguments[0] = slice_of("INCRBY");
  arguments[2] = slice_of(self->value);
  return 3;
}

static size_t make_append(worker *self, raft_slice *arguments) {
  self->op.kind = KV_LINEAR_APPEND;
  make_value(self, ";");
  arguments[0] = slice_of("APPEND");
  arguments[2] = slice_of(self->value);
  return 3;
}

typedef size_t make_operation(worker *self, raft_slice *arguments);

static size_t make_change(worker *self, key_kind kind, raft_slice *arguments) {
  static make_operation *const changes[] = {make_write,    make_write,      make_write,
                                            make_exchange, make_exchange,   make_exchange,
                                            make_deletion, make_first_write};
  switch (kind) {
  case KEY_COUNTER: return make_addition(self, arguments);
  case KEY_LIST: return make_append(self, arguments);
  case KEY_REGISTER: break;
  }
  return changes[kv_key_picker_random(&self->dice) % 8](self, arguments);
}

static size_t make_operation_on(worker *self, uint64_t index, raft_slice *arguments) {
  const uint64_t share = self->book->options->read_share;
  const bool read = kv_key_picker_random(&self->dice) % 100 < (share == 0 ? READ_SHARE : share);
  const size_t count =
      read ? make_read(self, arguments) : make_change(self, kind_of(index), arguments);
  arguments[1] = slice_of(self->name);
  return count;
}

/* ---- answers ---- */

/* false: not an answer to this. */
static bool take_result(worker *self, const kv_value *reply) {
  kv_linear_op *op = &self->op;
  switch (op->kind) {
  case KV_LINEAR_READ:
    op->value = (kv_linear_value){0};
    if (reply->kind == KV_VALUE_TEXT) {
      op->value = kv_linear_value_of(reply->text, reply->len);
    }
    return reply->kind == KV_VALUE_NULL || reply->kind == KV_VALUE_TEXT;
  case KV_LINEAR_WRITE: return kv_value_is_text(reply, "OK");
  case KV_LINEAR_DELETE:
  case KV_LINEAR_CAS:
  case KV_LINEAR_ADD:
  case KV_LINEAR_APPEND: op->result = reply->integer; return reply->kind == KV_VALUE_INTEGER;
  }
  return false;
}

static void remember_found(worker *self, const kv_value *reply) {
  if (self->op.kind == KV_LINEAR_READ) {
    const bool fits = reply->kind == KV_VALUE_TEXT && reply->len < sizeof(self->found);
    (void)snprintf(self->found, sizeof(self->found), "%s", fits ? reply->text : "");
    self->found_in = self->op.key;
  }
}

static void longest(uint64_t *gap, uint64_t since, uint64_t now) {
  *gap = now > since && now - since > *gap ? now - since : *gap;
}

static void write_down(worker *self) {
  book *all = self->book;
  all->out_of_memory |= kv_linear_add(&all->history, &self->op) != KV_OK;
}

/* Answers may be written down in another order than they came in. */
static void take_answer(worker *self, const kv_value *reply) {
  book *all = self->book;
  const uint64_t now = self->op.ended;
  const bool read = self->op.kind == KV_LINEAR_READ;
  self->refusals = 0;
  remember_found(self, reply);
  (void)pthread_mutex_lock(&all->lock);
  write_down(self);
  kv_histogram_add(&all->result->answered, now - self->op.begun);
  if (now <= all->end) {
    longest(&all->result->gap, all->last_answer, now);
    longest(&all->result->write_gap, all->last_write, read ? 0 : now);
    all->last_answer = now > all->last_answer ? now : all->last_answer;
    all->last_write = !read && now > all->last_write ? now : all->last_write;
  }
  *(read ? &all->result->reads : &all->result->writes) += 1;
  (void)pthread_mutex_unlock(&all->lock);
}

/* ---- failures ---- */

static void count_error(worker *self, const char *text) {
  book *all = self->book;
  (void)pthread_mutex_lock(&all->lock);
  kv_tally_add(&all->result->errors, text);
  (void)pthread_mutex_unlock(&all->lock);
}

static void leave_unknown(worker *self) {
  book *all = self->book;
  if (self->op.kind == KV_LINEAR_READ) {
    return;
  }
  self->op.unknown = true;
  (void)pthread_mutex_lock(&all->lock);
  write_down(self);
  shared_key *key = &all->keys[self->op.key >> 40];
  key->unknown += (self->op.key & ((UINT64_C(1) << 40) - 1)) == key->generation ? 1 : 0;
  (void)pthread_mutex_unlock(&all->lock);
}

static void change_store(worker *self) {
  kv_client_close(self->client);
  self->client = NULL;
  self->refusals = 0;
  self->address = (self->address + 1) % self->book->options->addresses.count;
}

static void pause_shortly(void) {
  wait_for(read_clock() + PAUSE_MS * millisecond);
}

/* ---- one operation ---- */

static bool connect_if_needed(worker *self) {
  const kv_bench_options *options = self->book->options;
  kv_error error;
  if (self->client != NULL ||
      kv_client_open(options->addresses.texts[self->address], (int)options->timeout_ms,
                     &self->client, &error) == KV_OK) {
    return true;
  }
  count_error(self, error.text);
  change_store(self);
  pause_shortly();
  return false;
}

static bool refuse(worker *self, const char *text) {
  count_error(self, text);
  if (!kv_bench_was_refused(text)) {
    leave_unknown(self);
  }
  if (++self->refusals >= ENOUGH) {
    change_store(self);
  }
  pause_shortly();
  return false;
}

static bool lose(worker *self, const char *text) {
  count_error(self, text);
  leave_unknown(self);
  change_store(self);
  pause_shortly();
  return false;
}

/* true: it was answered. */
static bool perform(worker *self, const raft_slice *arguments, size_t count) {
  kv_error error;
  const kv_value *reply;
  self->op.unknown = false;
  self->op.begun = read_clock();
  if (kv_client_send(self->client, arguments, count) != KV_OK) {
    return lose(self, "out of memory");
  }
  if (kv_client_receive(self->client, &reply, &error) != KV_OK) {
    return lose(self, error.text);
  }
  self->op.ended = read_clock();
  if (reply->kind == KV_VALUE_ERROR) {
    return refuse(self, reply->text);
  }
  if (!take_result(self, reply)) {
    return lose(self, "an answer of the wrong kind");
  }
  take_answer(self, reply);
  return true;
}

/* ---- a client's life ---- */

static bool may_begin(book *all) {
  const uint64_t most = all->options->requests == 0 ? most_operations : all->options->requests;
  (void)pthread_mutex_lock(&all->lock);
  const bool may = all->operations < most && !all->out_of_memory && !kv_load_is_stopping();
  all->operations += may ? 1 : 0;
  (void)pthread_mutex_unlock(&all->lock);
  return may && read_clock() < all->end;
}

static void keep_the_rate(worker *self) {
  const kv_bench_options *options = self->book->options;
  if (options->rate > 0) {
    const uint64_t now = read_clock();
    self->next = self->next < now ? now : self->next;
    wait_for(self->next);
    self->next += options->connections * second / options->rate;
  }
}

static void work(worker *self) {
  raft_slice arguments[4];
  while (may_begin(self->book)) {
    keep_the_rate(self);
    if (connect_if_needed(self)) {
      const uint64_t index = choose_key(self);
      const size_t count = make_operation_on(self, index, arguments);
      (void)perform(self, arguments, count);
    }
  }
}

/* The next key to be read at the end, of all that ever were. */
static bool next_last_read(worker *self) {
  book *all = self->book;
  (void)pthread_mutex_lock(&all->lock);
  if (all->last_key < all->options->keys &&
      all->last_generation > all->keys[all->last_key].generation) {
    all->last_key++;
    all->last_generation = 0;
  }
  const bool any = all->last_key < all->options->keys;
  if (any) {
    name_key(self, all->last_key, all->last_generation++);
  }
  (void)pthread_mutex_unlock(&all->lock);
  return any;
}

static void read_at_the_end(worker *self) {
  raft_slice arguments[4];
  while (next_last_read(self)) {
    bool done = false;
    const size_t count = make_read(self, arguments);
    arguments[1] = slice_of(self->name);
    while (!done && read_clock() < self->book->patience) {
      done = connect_if_needed(self) && perform(self, arguments, count);
    }
    (void)pthread_mutex_lock(&self->book->lock);
    self->book->result->unread += done ? 0 : 1;
    (void)pthread_mutex_unlock(&self->book->lock);
  }
}

static void *live(void *argument) {
  worker *self = argument;
  work(self);
  return NULL;
}

static void *look_back(void *argument) {
  worker *self = argument;
  read_at_the_end(self);
  return NULL;
}

/* ---- the whole ---- */

static int run_threads(worker *workers, uint64_t count, void *(*body)(void *), kv_error *error) {
  uint64_t started = 0;
  int rc = 0;
  for (; started < count && rc == 0; started++) {
    rc = pthread_create(&workers[started].thread, NULL, body, &workers[started]);
  }
  started -= rc == 0 ? 0 : 1;
  if (rc != 0) {
    kv_load_stop();
  }
  for (uint64_t i = 0; i < started; i++) {
    (void)pthread_join(workers[i].thread, NULL);
  }
  return rc == 0 ? KV_OK : kv_fail(error, KV_EIO, "cannot start a thread: %s", strerror(rc));
}

static void begin_workers(book *all, worker *workers) {
  const kv_bench_options *options = all->options;
  for (uint64_t i = 0; i < options->connections; i++) {
    workers[i] = (worker){.book = all,
                          .id = i + 1,
                          .address = (size_t)(i % options->addresses.count),
                          .next = all->begin};
    kv_key_picker_init(&workers[i].dice, options->distribution, options->keys,
                       options->seed + i * 7919);
  }
}

static void set_times(book *all) {
  const kv_bench_options *options = all->options;
  all->begin = all->last_answer = all->last_write = read_clock();
  all->end = options->seconds > 0 ? all->begin + (uint64_t)(options->seconds * (double)second)
                                  : UINT64_MAX;
}

/* Silence until the end counts too. */
static void close_load(book *all) {
  const uint64_t now = read_clock();
  const uint64_t until = now < all->end ? now : all->end;
  longest(&all->result->gap, all->last_answer, until);
  longest(&all->result->write_gap, all->last_write, until);
  all->result->elapsed = now - all->begin;
  all->end = 0; /* gaps are those of the load */
  all->patience = now + all->options->verify_ms * millisecond;
}

static int run_clients(book *all, worker *workers, kv_error *error) {
  const uint64_t connections = all->options->connections;
  begin_workers(all, workers);
  int rc = run_threads(workers, connections, live, error);
  if (rc == KV_OK) {
    close_load(all);
    rc = run_threads(workers, connections, look_back, error);
  }
  for (uint64_t i = 0; i < connections; i++) {
    kv_client_close(workers[i].client);
  }
  return rc;
}

int kv_history_run(const kv_bench_options *options, const char *prefix, kv_history_result *result,
                   kv_error *error) {
  book all = {.options = options, .prefix = prefix, .result = result};
  worker *workers = calloc((size_t)options->connections, sizeof(*workers));
  all.keys = calloc((size_t)options->keys, sizeof(*all.keys));
  *result = (kv_history_result){0};
  int rc = KV_ENOMEM;
  if (workers != NULL && all.keys != NULL && pthread_mutex_init(&all.lock, NULL) == 0) {
    set_times(&all);
    rc = run_clients(&all, workers, error);
    (void)pthread_mutex_destroy(&all.lock);
    rc = rc == KV_OK && all.out_of_memory ? KV_ENOMEM : rc;
    rc = rc == KV_OK ? kv_linear_check(&all.history, 0, &result->report) : rc;
  }
  kv_linear_free(&all.history);
  free(all.keys);
  free(workers);
  return rc == KV_ENOMEM ? kv_fail(error, rc, "out of memory") : rc;
}

void kv_history_result_free(kv_history_result *result) {
  kv_linear_report_free(&result->report);
}

bool kv_history_is_proven(const kv_history_result *result) {
  return result->unread == 0 && result->report.wrong == 0 && result->report.gave_up == 0;
}
