/* raw_load.c - a thread for each client; they share nothing, and are added up at the end.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "bench/raw_load.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/raw_client.h"

enum { PAUSE_MS = 10 }; /* after an error: do not storm a store that is in trouble */

static const uint64_t second = 1000000000;

typedef struct worker {
  const kv_bench_options *options;
  const char *prefix;
  const char *value; /* read by all */
  pthread_t thread;
  kv_raw_client *client;
  kv_key_picker picker;
  uint64_t left; /* requests; UINT64_MAX: no limit */
  uint64_t end;  /* no new requests from then on; UINT64_MAX: no limit of time */
  kv_histogram writes;
  kv_histogram reads;
  kv_tally errors;
  int rc; /* KV_ENOMEM ends the worker */
} worker;

static uint64_t read_clock(void) {
  struct timespec now;
  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * second + (uint64_t)now.tv_nsec;
}

/* ---- a worker ---- */

static void take_error(worker *own, const kv_error *error) {
  const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000};
  kv_tally_add(&own->errors, error->text);
  if (error->code == KV_ENOMEM) {
    own->rc = KV_ENOMEM;
  }
  (void)nanosleep(&pause, NULL);
}

static void make_request(worker *own, uint64_t now) {
  char name[KV_BENCH_KEY];
  const kv_raw_response *response;
  kv_error error;
  const bool write = kv_key_picker_random(&own->picker) % 100 >= own->options->read_share;
  const size_t len = kv_bench_key(own->prefix, kv_key_picker_next(&own->picker), name);
  const kv_raw_request request = {
      .call = write ? KV_RAW_PUT : KV_RAW_GET,
      .key = {name, len},
      .value = {own->value, write ? (size_t)own->options->value_size : 0}};
  if (kv_raw_client_call(own->client, &request, &response, &error) == KV_OK) {
    kv_histogram_add(write ? &own->writes : &own->reads, read_clock() - now);
  } else {
    take_error(own, &error);
  }
}

static void *work(void *context) {
  worker *own = context;
  uint64_t now = read_clock();
  while (own->rc == KV_OK && own->left > 0 && now < own->end && !kv_load_is_stopping()) {
    make_request(own, now);
    own->left -= own->left == UINT64_MAX ? 0 : 1;
    now = read_clock();
  }
  return NULL;
}

/* ---- all of them ---- */

/* The same keys as one picker would give, from another place on for each. A picker is copied
 * because it takes time to make one. */
static int begin(worker *workers, const kv_bench_options *options, const worker *first,
                 kv_error *error) {
  const uint64_t count = options->connections;
  int rc = KV_OK;
  for (uint64_t i = 0; i < count && rc == KV_OK; i++) {
    worker *own = &workers[i];
    *own = *first;
    own->picker.state = options->seed + i;
    own->picker.next = options->keys * i / count;
    own->left = options->requests == 0
                    ? UINT64_MAX
                    : options->requests / count + (i < options->requests % count ? 1 : 0);
    rc = kv_raw_client_open(options->scheduler, (int)options->timeout_ms, own->picker.state,
                            &own->client, error);
  }
  return rc;
}

/* Is anybody there? Then a store that is down is an event of the run, not a mistake. */
static int ask_once(worker *own, kv_error *error) {
  const kv_raw_response *response;
  char name[KV_BENCH_KEY];
  const size_t len = kv_bench_key(own->prefix, 0, name);
  const kv_raw_request request = {.call = KV_RAW_GET, .key = {name, len}};
  return kv_raw_client_call(own->client, &request, &response, error);
}

static int run_all(worker *workers, uint64_t count, uint64_t end, kv_error *error) {
  uint64_t started = 0;
  int failed = 0;
  while (started < count && failed == 0) {
    workers[started].end = end;
    failed = pthread_create(&workers[started].thread, NULL, work, &workers[started]);
    started += failed == 0 ? 1 : 0;
  }
  if (failed != 0) {
    kv_load_stop();
  }
  for (uint64_t i = 0; i < started; i++) {
    (void)pthread_join(workers[i].thread, NULL);
  }
  return failed == 0 ? KV_OK
                     : kv_fail(error, KV_EIO, "cannot start a thread: %s", strerror(failed));
}

static int add_up(const worker *workers, uint64_t count, kv_bench_result *result, kv_error *error) {
  int rc = KV_OK;
  for (uint64_t i = 0; i < count; i++) {
    kv_histogram_merge(&result->writes, &workers[i].writes);
    kv_histogram_merge(&result->reads, &workers[i].reads);
    kv_tally_merge(&result->errors, &workers[i].errors);
    rc = workers[i].rc == KV_OK ? rc : workers[i].rc;
  }
  return rc == KV_OK ? KV_OK : kv_fail(error, rc, "out of memory");
}

static int run(worker *workers, const kv_bench_options *options, kv_bench_result *result,
               kv_error *error) {
  int rc = ask_once(&workers[0], error);
  if (rc != KV_OK) {
    return rc;
  }
  const uint64_t now = read_clock();
  const uint64_t end =
      options->seconds > 0 ? now + (uint64_t)(options->seconds * (double)second) : UINT64_MAX;
  rc = run_all(workers, options->connections, end, error);
  result->elapsed = read_clock() - now;
  const int added = add_up(workers, options->connections, result, error);
  return rc == KV_OK ? added : rc;
}

int kv_raw_load_run(const kv_bench_options *options, const char *prefix, kv_bench_result *result,
                    kv_error *error) {
  worker *workers = calloc((size_t)options->connections, sizeof(*workers));
  worker *first = calloc(1, sizeof(*first));
  char *value = malloc((size_t)options->value_size + 1);
  int rc = KV_ENOMEM;
  if (workers == NULL || first == NULL || value == NULL) {
    (void)kv_fail(error, rc, "out of memory");
  } else {
    memset(value, 'x', (size_t)options->value_size);
    *first = (worker){.options = options, .prefix = prefix, .value = value};
    kv_key_picker_init(&first->picker, options->distribution, options->keys, options->seed);
    rc = begin(workers, options, first, error);
    rc = rc == KV_OK ? run(workers, options, result, error) : rc;
  }
  for (uint64_t i = 0; workers != NULL && i < options->connections; i++) {
    kv_raw_client_close(workers[i].client);
  }
  free(value);
  free(first);
  free(workers);
  return rc;
}
