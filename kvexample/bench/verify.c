/* verify.c - reads keys in batches; a batch that fails is asked again, of another store.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "bench/verify.h"

#include <string.h>
#include <time.h>

#include "client/client.h"

enum { BATCH = 64, STEP_MS = 5000, PAUSE_MS = 50 };

typedef struct verification {
  const kv_bench_options *options;
  const char *prefix;
  kv_ledger *ledger;
  kv_violations *violations;
  kv_client *client; /* NULL: none at the moment */
  size_t address;
  int64_t deadline;
  kv_error *error;
} verification;

static int64_t now_ms(void) {
  struct timespec now;
  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int time_left(const verification *run) {
  const int64_t left = run->deadline - now_ms();
  return left <= 0 ? 0 : left < STEP_MS ? (int)left : STEP_MS;
}

/* The next store in the list, after a moment. */
static void change_store(verification *run) {
  const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000L};
  kv_client_close(run->client);
  run->client = NULL;
  run->address = (run->address + 1) % run->options->addresses.count;
  (void)nanosleep(&pause, NULL);
}

static int connect_some(verification *run) {
  while (run->client == NULL) {
    const int left = time_left(run);
    if (left == 0) {
      return KV_EIO;
    }
    if (kv_client_open(run->options->addresses.texts[run->address], left, &run->client,
                       run->error) != KV_OK) {
      change_store(run);
    }
  }
  kv_client_set_timeout(run->client, time_left(run));
  return KV_OK;
}

static int send_batch(const verification *run, const uint64_t *keys, size_t count) {
  int rc = KV_OK;
  for (size_t i = 0; i < count && rc == KV_OK; i++) {
    char name[KV_BENCH_KEY];
    const raft_slice arguments[] = {{"GET", 3}, {name, kv_bench_key(run->prefix, keys[i], name)}};
    rc = kv_client_send(run->client, arguments, 2);
  }
  return rc;
}

/* Judges answers as they come; returns how many keys at the front are dealt with. */
static size_t receive_batch(verification *run, const uint64_t *keys, size_t count) {
  for (size_t i = 0; i < count; i++) {
    char name[KV_BENCH_KEY];
    const kv_value *reply;
    if (kv_client_receive(run->client, &reply, run->error) != KV_OK) {
      return i;
    }
    if (reply->kind == KV_VALUE_ERROR) {
      (void)kv_fail(run->error, KV_EIO, "%s answers %s", kv_client_address(run->client),
                    reply->text);
      return i;
    }
    (void)kv_bench_key(run->prefix, keys[i], name);
    kv_violations_judge(run->violations, run->ledger, name, keys[i],
                        kv_ledger_floor(run->ledger, keys[i]), reply);
  }
  return count;
}

static int read_batch(verification *run, const uint64_t *keys, size_t count) {
  while (count > 0) {
    if (connect_some(run) != KV_OK) {
      return KV_EIO;
    }
    if (send_batch(run, keys, count) != KV_OK) {
      return kv_fail(run->error, KV_ENOMEM, "out of memory");
    }
    const size_t done = receive_batch(run, keys, count);
    keys += done;
    count -= done;
    if (count > 0) {
      change_store(run);
    }
  }
  return KV_OK;
}

int kv_verify_run(const kv_bench_options *options, const char *prefix, kv_ledger *ledger,
                  kv_violations *violations, uint64_t *checked, kv_error *error) {
  verification run = {.options = options,
                      .prefix = prefix,
                      .ledger = ledger,
                      .violations = violations,
                      .deadline = now_ms() + (int64_t)options->verify_ms,
                      .error = error};
  uint64_t keys[BATCH];
  size_t count = 0;
  int rc = KV_OK;
  *checked = 0;
  for (uint64_t key = 0; key < ledger->keys && rc == KV_OK; key++) {
    if (ledger->pages[key].attempted > 0) {
      keys[count++] = key;
    }
    if (count == BATCH || (key + 1 == ledger->keys && count > 0)) {
      rc = read_batch(&run, keys, count);
      *checked += rc == KV_OK ? count : 0;
      count = 0;
    }
  }
  kv_client_close(run.client);
  return rc;
}
