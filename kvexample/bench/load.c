/* load.c - epoll over all lanes; requests out, replies in, broken lanes to another store.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "bench/load.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "bench/marked_value.h"
#include "client/request.h"

static const uint64_t millisecond = 1000000;
static const uint64_t second = 1000000000;

enum { EVENTS = 256, WAIT_MS = 5 };

typedef struct load {
  const kv_bench_options *options;
  const char *prefix;
  kv_ledger *ledger;
  kv_bench_result *result;
  kv_lane *lanes;
  int poll;
  kv_key_picker picker;
  char *value;
  uint64_t begin;
  uint64_t end; /* no new requests from then on; UINT64_MAX: no limit of time */
  uint64_t now;
  uint64_t issued;
  uint64_t under_way;
  uint64_t last_write; /* when the last write was acknowledged; 0: never */
  uint64_t next_tick;
  uint64_t next_progress;
  kv_histogram interval; /* since the last progress line */
} load;

/* Set by signal handlers, read by all threads. */
static atomic_bool stopping;

void kv_load_stop(void) {
  stopping = true;
}

bool kv_load_is_stopping(void) {
  return stopping;
}

static uint64_t read_clock(void) {
  struct timespec now;
  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * second + (uint64_t)now.tv_nsec;
}

size_t kv_bench_key(const char *prefix, uint64_t key, char name[KV_BENCH_KEY]) {
  return (size_t)snprintf(name, KV_BENCH_KEY, "%s:%08" PRIu64, prefix, key);
}

/* ---- judgement ---- */

void kv_violations_add(kv_violations *violations, const char *format, ...) {
  if (violations->count < KV_BENCH_VIOLATIONS) {
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(violations->texts[violations->count], KV_BENCH_VIOLATION_TEXT, format,
                    arguments);
    va_end(arguments);
  }
  violations->count++;
}

void kv_violations_judge(kv_violations *violations, kv_ledger *ledger, const char *name,
                         uint64_t key, uint64_t floor, const kv_value *found) {
  uint64_t sequence = 0;
  if (found->kind != KV_VALUE_NULL &&
      (found->kind != KV_VALUE_TEXT ||
       !kv_marked_value_check(found->text, found->len, key, &sequence))) {
    kv_violations_add(violations, "%s: a value of %zu bytes that nobody wrote", name, found->len);
    return;
  }
  const kv_ledger_page *page = &ledger->pages[key];
  switch (kv_ledger_judge(ledger, key, floor, sequence)) {
  case KV_VERDICT_RIGHT: break;
  case KV_VERDICT_LOST:
    kv_violations_add(violations,
                      "%s: found write %" PRIu64 ", but %" PRIu64
                      " was acknowledged or read before (attempted: %" PRIu64 ")",
                      name, sequence, floor, page->attempted);
    break;
  case KV_VERDICT_INVENTED:
    kv_violations_add(violations,
                      "%s: found write %" PRIu64 ", but only %" PRIu64 " were attempted", name,
                      sequence, page->attempted);
    break;
  }
}

/* ---- requests ---- */

/* A key that this lane may write: its own, and if there is one, nothing about it is unknown. */
static uint64_t pick_own_key(load *run, const kv_lane *lane) {
  const uint64_t lanes = run->options->connections;
  uint64_t key = 0;
  for (int attempt = 0; attempt < 16; attempt++) {
    key = kv_key_picker_next(&run->picker);
    key = key - key % lanes + lane->id;
    key = key < run->options->keys ? key : key - lanes;
    if (kv_ledger_is_clear(run->ledger, key)) {
      break;
    }
  }
  return key;
}

static int append_write(load *run, kv_lane *lane, kv_bench_request *request) {
  char name[KV_BENCH_KEY];
  if (run->ledger != NULL) {
    request->key = pick_own_key(run, lane);
    request->sequence = kv_ledger_attempt(run->ledger, request->key);
    kv_marked_value_fill(run->value, (size_t)run->options->value_size, request->key,
                         request->sequence);
  }
  const raft_slice arguments[] = {{"SET", 3},
                                  {name, kv_bench_key(run->prefix, request->key, name)},
                                  {run->value, (size_t)run->options->value_size}};
  return kv_request_append(&lane->out, arguments, 3);
}

static int append_read(load *run, kv_lane *lane, kv_bench_request *request) {
  char name[KV_BENCH_KEY];
  request->sequence = run->ledger != NULL ? kv_ledger_floor(run->ledger, request->key) : 0;
  const raft_slice arguments[] = {{"GET", 3},
                                  {name, kv_bench_key(run->prefix, request->key, name)}};
  return kv_request_append(&lane->out, arguments, 2);
}

static bool may_issue(const load *run) {
  const kv_bench_options *options = run->options;
  if (stopping || run->now >= run->end ||
      (options->requests > 0 && run->issued >= options->requests)) {
    return false;
  }
  const double elapsed = (double)(run->now - run->begin) / (double)second;
  return options->rate == 0 || (double)run->issued < elapsed * (double)options->rate;
}

static int issue(load *run, kv_lane *lane) {
  const uint64_t dice = kv_key_picker_random(&run->picker) % 100;
  kv_bench_request request = {.write = dice >= run->options->read_share, .begun = run->now};
  request.key = run->ledger != NULL && request.write ? 0 : kv_key_picker_next(&run->picker);
  const int rc =
      request.write ? append_write(run, lane, &request) : append_read(run, lane, &request);
  if (rc == KV_OK) {
    kv_lane_push(lane, &request);
    run->issued++;
    run->under_way++;
  }
  return rc;
}

/* A store that has nothing but refusals for us, such as one that is not a member yet: try another.
 */
static bool has_enough(const load *run, const kv_lane *lane) {
  enum { ENOUGH = 20 };
  return lane->refusals >= ENOUGH && run->options->addresses.count > 1;
}

static void move_on(load *run, kv_lane *lane) {
  kv_lane_shut(lane);
  lane->address = (lane->address + 1) % run->options->addresses.count;
  lane->refusals = 0;
}

static int fill_lane(load *run, kv_lane *lane) {
  int rc = KV_OK;
  if (has_enough(run, lane)) {
    if (lane->count == 0) {
      move_on(run, lane);
    }
    return KV_OK;
  }
  while (rc == KV_OK && lane->state == KV_LANE_UP && kv_lane_has_room(lane) &&
         run->now >= lane->not_before && may_issue(run)) {
    rc = issue(run, lane);
  }
  return rc;
}

/* ---- replies ---- */

bool kv_bench_was_refused(const char *text) {
  static const char *const refusals[] = {"TRYAGAIN", "ERR",    "OOM",
                                         "LOADING",  "NOAUTH", "WRONGTYPE"};
  for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
    if (strncmp(text, refusals[i], strlen(refusals[i])) == 0) {
      return true;
    }
  }
  return false;
}

static bool is_refusal_for_now(const kv_value *reply) {
  return reply->kind == KV_VALUE_ERROR && strncmp(reply->text, "TRYAGAIN", 8) == 0;
}

static void note_acknowledged(load *run) {
  const uint64_t since = run->last_write == 0 ? run->begin : run->last_write;
  run->result->gap = run->now - since > run->result->gap ? run->now - since : run->result->gap;
  run->last_write = run->now;
}

static void take_error(load *run, kv_lane *lane, const kv_bench_request *request,
                       const char *text) {
  kv_tally_add(&run->result->errors, text);
  lane->not_before = run->now + 10 * millisecond; /* do not storm a server that is in trouble */
  if (run->ledger != NULL && request->write && !kv_bench_was_refused(text)) {
    kv_ledger_leave_unknown(run->ledger, request->key, request->sequence);
  }
}

static void take_reply(load *run, kv_lane *lane, const kv_bench_request *request,
                       const kv_value *reply) {
  const uint64_t latency = run->now - request->begun;
  lane->failures = 0;
  lane->refusals = is_refusal_for_now(reply) ? lane->refusals + 1 : 0;
  if (reply->kind == KV_VALUE_ERROR) {
    take_error(run, lane, request, reply->text);
    return;
  }
  kv_histogram_add(request->write ? &run->result->writes : &run->result->reads, latency);
  kv_histogram_add(&run->interval, latency);
  if (request->write) {
    note_acknowledged(run);
  }
  if (run->ledger == NULL) {
    return;
  }
  if (request->write) {
    kv_ledger_acknowledge(run->ledger, request->key, request->sequence);
  } else {
    char name[KV_BENCH_KEY];
    (void)kv_bench_key(run->prefix, request->key, name);
    kv_violations_judge(&run->result->violations, run->ledger, name, request->key,
                        request->sequence, reply);
  }
}

/* ---- lanes ---- */

/* The connection is gone, and with it the outcome of what was under way. Half a second at most
 * until the next attempt, at another store. */
static void lose_lane(load *run, kv_lane *lane, const char *text) {
  kv_bench_request request;
  kv_tally_add(&run->result->errors, text);
  while (kv_lane_pop(lane, &request)) {
    run->under_way--;
    if (run->ledger != NULL && request.write) {
      kv_ledger_leave_unknown(run->ledger, request.key, request.sequence);
    }
  }
  kv_lane_shut(lane);
  lane->address = (lane->address + 1) % run->options->addresses.count;
  lane->failures += lane->failures < 5 ? 1 : 0;
  lane->not_before = run->now + ((UINT64_C(16) << lane->failures) - 16) * millisecond;
}

static void lose_lane_by_errno(load *run, kv_lane *lane, int number) {
  char text[KV_TALLY_TEXT];
  (void)snprintf(text, sizeof(text), "%s: %s", run->options->addresses.texts[lane->address],
                 strerror(number));
  lose_lane(run, lane, text);
}

static void connect_lane(load *run, kv_lane *lane) {
  kv_error error;
  lane->not_before = run->now;
  if (kv_lane_connect(lane, run->options->addresses.texts[lane->address], &error) != KV_OK) {
    lose_lane(run, lane, error.text);
    return;
  }
  struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data = {.ptr = lane}};
  if (epoll_ctl(run->poll, EPOLL_CTL_ADD, lane->fd, &event) != 0) {
    lose_lane_by_errno(run, lane, errno);
  }
}

/* The socket reported: connected, or not. */
static void finish_connecting(load *run, kv_lane *lane, uint32_t events) {
  int number = 0;
  socklen_t size = sizeof(number);
  (void)getsockopt(lane->fd, SOL_SOCKET, SO_ERROR, &number, &size);
  if (number != 0) {
    lose_lane_by_errno(run, lane, number);
  } else if ((events & EPOLLOUT) != 0) {
    lane->state = KV_LANE_UP;
  }
}

static int take_replies(load *run, kv_lane *lane) {
  for (;;) {
    const kv_value *reply;
    kv_bench_request request;
    const int rc = kv_resp_read(&lane->reader, &lane->in, &reply);
    if (rc == KV_ENOTFOUND) {
      return KV_OK;
    }
    if (rc == KV_ENOMEM) {
      return rc;
    }
    if (rc != KV_OK || !kv_lane_pop(lane, &request)) {
      lose_lane(run, lane, "an answer that is not the Redis protocol");
      return KV_OK;
    }
    run->under_way--;
    take_reply(run, lane, &request, reply);
  }
}

/* Reads until the socket has no more, which edge-triggered events ask for. */
static int receive_all(load *run, kv_lane *lane) {
  while (lane->state == KV_LANE_UP) {
    const size_t before = kv_buffer_len(&lane->in);
    const int rc = kv_lane_receive(lane);
    if (rc == KV_ENOMEM) {
      return rc;
    }
    if (rc != KV_OK) {
      lose_lane_by_errno(run, lane, errno);
      return KV_OK;
    }
    const bool more = kv_buffer_len(&lane->in) > before;
    const int taken = more ? take_replies(run, lane) : KV_OK;
    if (taken != KV_OK || !more) {
      return taken;
    }
  }
  return KV_OK;
}

static int fill_and_send(load *run, kv_lane *lane) {
  const int rc = fill_lane(run, lane);
  if (rc == KV_OK && lane->state == KV_LANE_UP && kv_lane_send(lane) != KV_OK) {
    lose_lane_by_errno(run, lane, errno);
  }
  return rc;
}

static int serve_lane(load *run, kv_lane *lane, uint32_t events) {
  if (lane->state == KV_LANE_CONNECTING) {
    finish_connecting(run, lane, events);
  }
  const int rc = receive_all(run, lane);
  return rc == KV_OK ? fill_and_send(run, lane) : rc;
}

/* ---- time ---- */

static void check_timeout(load *run, kv_lane *lane) {
  const uint64_t limit = run->options->timeout_ms * millisecond;
  const bool late = lane->count > 0 && run->now - lane->requests[lane->first].begun > limit;
  if (late || (lane->state == KV_LANE_CONNECTING && run->now - lane->not_before > limit)) {
    char text[KV_TALLY_TEXT];
    (void)snprintf(text, sizeof(text), "%s: no answer within %" PRIu64 " ms",
                   run->options->addresses.texts[lane->address], run->options->timeout_ms);
    lose_lane(run, lane, text);
  }
}

static void print_progress(load *run) {
  const kv_histogram *interval = &run->interval;
  if (!run->options->quiet) {
    (void)fprintf(stderr,
                  "%5.0f s  %8" PRIu64 " op/s  p50 %7.2f ms  p99 %7.2f ms  errors %" PRIu64 "\n",
                  (double)(run->now - run->begin) / (double)second, interval->count,
                  (double)kv_histogram_quantile(interval, 50000) / 1e6,
                  (double)kv_histogram_quantile(interval, 99000) / 1e6, run->result->errors.total);
  }
  memset(&run->interval, 0, sizeof(run->interval));
  run->next_progress += second;
}

/* What is due by time and not by an event: a few times in a hundredth of a second. */
static int tick(load *run) {
  int rc = KV_OK;
  for (uint64_t i = 0; i < run->options->connections && rc == KV_OK; i++) {
    kv_lane *lane = &run->lanes[i];
    if (lane->state == KV_LANE_DOWN && run->now >= lane->not_before && run->now < run->end) {
      connect_lane(run, lane);
    }
    check_timeout(run, lane);
    rc = fill_and_send(run, lane);
  }
  if (run->now >= run->next_progress) {
    print_progress(run);
  }
  run->next_tick = run->now + (run->options->rate > 0 ? millisecond : WAIT_MS * millisecond);
  return rc;
}

static bool is_over(const load *run) {
  const bool all_issued = run->options->requests > 0 && run->issued >= run->options->requests;
  return run->under_way == 0 && (stopping || run->now >= run->end || all_issued);
}

static int turn(load *run) {
  struct epoll_event events[EVENTS];
  const int wait = run->options->rate > 0 ? 1 : WAIT_MS;
  const int count = epoll_wait(run->poll, events, EVENTS, wait);
  int rc = KV_OK;
  run->now = read_clock();
  for (int i = 0; i < count && rc == KV_OK; i++) {
    rc = serve_lane(run, events[i].data.ptr, events[i].events);
    run->now = read_clock();
  }
  return rc == KV_OK && run->now >= run->next_tick ? tick(run) : rc;
}

/* ---- the whole ---- */

static int begin(load *run, kv_error *error) {
  const kv_bench_options *options = run->options;
  run->value = malloc((size_t)options->value_size + 1);
  run->lanes = calloc((size_t)options->connections, sizeof(*run->lanes));
  if (run->value == NULL || run->lanes == NULL) {
    return kv_fail(error, KV_ENOMEM, "out of memory");
  }
  memset(run->value, 'x', (size_t)options->value_size);
  for (uint64_t i = 0; i < options->connections; i++) {
    if (kv_lane_init(&run->lanes[i], i, (size_t)options->pipeline) != KV_OK) {
      return kv_fail(error, KV_ENOMEM, "out of memory");
    }
    run->lanes[i].address = (size_t)i % options->addresses.count;
  }
  run->poll = epoll_create1(EPOLL_CLOEXEC);
  if (run->poll < 0) {
    return kv_fail(error, KV_EIO, "cannot wait for sockets: %s", strerror(errno));
  }
  kv_key_picker_init(&run->picker, options->distribution, options->keys, options->seed);
  run->begin = run->now = read_clock();
  run->end = options->seconds > 0 ? run->begin + (uint64_t)(options->seconds * (double)second)
                                  : UINT64_MAX;
  run->next_progress = run->begin + second;
  return KV_OK;
}

static void finish(load *run) {
  run->result->elapsed = run->now - run->begin;
  if (run->last_write != 0 && run->end != UINT64_MAX && run->end > run->last_write) {
    const uint64_t silence = (run->now < run->end ? run->now : run->end) - run->last_write;
    run->result->gap = silence > run->result->gap ? silence : run->result->gap;
  }
  for (uint64_t i = 0; run->lanes != NULL && i < run->options->connections; i++) {
    kv_lane_free(&run->lanes[i]);
  }
  if (run->poll >= 0) {
    (void)close(run->poll);
  }
  free(run->lanes);
  free(run->value);
}

int kv_load_run(const kv_bench_options *options, const char *prefix, kv_ledger *ledger,
                kv_bench_result *result, kv_error *error) {
  load run = {.options = options, .prefix = prefix, .ledger = ledger, .result = result, .poll = -1};
  int rc = begin(&run, error);
  while (rc == KV_OK && !is_over(&run)) {
    rc = turn(&run);
    if (rc == KV_ENOMEM) {
      (void)kv_fail(error, rc, "out of memory");
    }
  }
  finish(&run);
  return rc;
}
