/* raw_client.c - a blocking client of raw calls, which finds the leader of each key's region.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "client/raw_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/backoff.h"
#include "client/frame_client.h"
#include "client/region_cache.h"
#include "scheduler/message.h"

enum { CACHED_REGIONS = 16384, FIRST_WAIT_MS = 5, LONGEST_WAIT_MS = 500 };

/* A connection to a store, or to the scheduler (id 0). */
typedef struct line {
  uint64_t store_id;
  bool open;
  kv_frame_client frames;
} line;

struct kv_raw_client {
  char scheduler[KV_ADDRESS_SIZE];
  int timeout_ms;
  uint64_t random;
  uint64_t last_id;
  kv_region_cache cache;
  line *lines;
  size_t line_count;
  kv_raw_response response;
};

/* What became of one try. */
typedef enum outcome { DONE, AT_ONCE, LATER, UNKNOWN, FAILED } outcome;

static uint64_t now_ms(void) {
  struct timespec now;
  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void sleep_ms(uint64_t ms) {
  struct timespec wait = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};
  (void)nanosleep(&wait, NULL);
}

int kv_raw_client_open(const char *scheduler, int timeout_ms, uint64_t seed, kv_raw_client **client,
                       kv_error *error) {
  kv_raw_client *made = calloc(1, sizeof *made);
  *client = made;
  if (made == NULL) {
    return kv_fail(error, KV_ENOMEM, "out of memory");
  }
  (void)snprintf(made->scheduler, sizeof made->scheduler, "%s", scheduler);
  made->timeout_ms = timeout_ms;
  made->random = seed;
  kv_region_cache_init(&made->cache, CACHED_REGIONS);
  return KV_OK;
}

static void hang_up(line *l) {
  if (l->open) {
    kv_frame_client_close(&l->frames);
    l->open = false;
  }
}

void kv_raw_client_close(kv_raw_client *client) {
  if (client == NULL) {
    return;
  }
  for (size_t i = 0; i < client->line_count; i++) {
    hang_up(&client->lines[i]);
  }
  free(client->lines);
  kv_raw_response_clear(&client->response);
  kv_region_cache_free(&client->cache);
  free(client);
}

/* ---- lines ---- */

static line *line_to(kv_raw_client *client, uint64_t store_id, kv_error *error) {
  for (size_t i = 0; i < client->line_count; i++) {
    if (client->lines[i].store_id == store_id) {
      return &client->lines[i];
    }
  }
  line *lines = realloc(client->lines, (client->line_count + 1) * sizeof *lines);
  if (lines == NULL) {
    (void)kv_fail(error, KV_ENOMEM, "out of memory");
    return NULL;
  }
  client->lines = lines;
  lines[client->line_count] = (line){.store_id = store_id, .frames.socket.fd = -1};
  return &lines[client->line_count++];
}

/* A store answers the greeting of a client by its own, whatever else there is to say. */
static int greet(line *l, kv_error *error) {
  unsigned char payload[KV_HELLO_MAX];
  const kv_hello hello = {.target_id = l->store_id};
  kv_frame frame;
  int rc = kv_frame_client_send(&l->frames, KV_FRAME_HELLO,
                                (raft_slice){payload, kv_hello_encode(&hello, payload)});
  rc = rc == KV_OK ? kv_frame_client_receive(&l->frames, &frame, error)
                   : kv_fail(error, rc, "out of memory");
  if (rc == KV_OK && frame.type != KV_FRAME_HELLO) {
    rc = kv_fail(error, KV_EIO, "%s is no store", l->frames.socket.address);
  }
  return rc;
}

static int dial(line *l, const char *address, uint64_t left, kv_error *error) {
  const int timeout = left > INT32_MAX ? INT32_MAX : (int)left;
  if (l->open) {
    l->frames.socket.timeout_ms = timeout;
    return KV_OK;
  }
  int rc = kv_frame_client_open(&l->frames, address, timeout, error);
  l->open = true; /* to be closed in any case */
  rc = rc == KV_OK && l->store_id != 0 ? greet(l, error) : rc;
  if (rc != KV_OK) {
    hang_up(l);
  }
  return rc;
}

static int exchange(line *l, kv_frame_type type, const raft_buf *bytes, kv_frame *frame,
                    kv_error *error) {
  const raft_slice payload = {raft_buf_data(bytes), raft_buf_len(bytes)};
  const int rc = kv_frame_client_send(&l->frames, type, payload);
  return rc == KV_OK ? kv_frame_client_receive(&l->frames, frame, error)
                     : kv_fail(error, rc, "out of memory");
}

/* ---- the scheduler ---- */

static void learn(kv_raw_client *client, const kv_scheduler_response *response) {
  for (size_t i = 0; i < response->region_count; i++) {
    (void)kv_region_cache_put(&client->cache, &response->regions[i].region,
                              response->regions[i].leader_peer);
  }
}

static int read_lookup(kv_raw_client *client, const line *l, const kv_frame *frame,
                       kv_error *error) {
  kv_scheduler_response response;
  const raft_bytes bytes = {frame->payload.data, frame->payload.len, NULL};
  if (frame->type != KV_FRAME_SCHEDULER_RESPONSE ||
      kv_scheduler_response_decode(bytes, &response) != KV_OK) {
    return kv_fail(error, KV_EIO, "%s is no scheduler", l->frames.socket.address);
  }
  if (response.status != KV_SCHEDULER_OK) {
    (void)kv_fail(error, KV_EIO, "the scheduler: %s", response.text);
  }
  learn(client, &response);
  kv_scheduler_response_clear(&response);
  return KV_OK;
}

static outcome look_up(kv_raw_client *client, raft_slice key, uint64_t left, kv_error *error) {
  kv_scheduler_request request = {
      .request_id = ++client->last_id, .call = KV_CALL_GET_REGION, .key = key};
  line *l = line_to(client, 0, error);
  raft_buf *bytes = NULL;
  kv_frame frame;
  int rc = l != NULL ? kv_scheduler_request_encode(&request, &bytes) : KV_ENOMEM;
  if (rc != KV_OK) {
    (void)kv_fail(error, rc, rc == KV_EINVAL ? "the key is too long" : "out of memory");
    return FAILED;
  }
  rc = dial(l, client->scheduler, left, error);
  rc = rc == KV_OK ? exchange(l, KV_FRAME_SCHEDULER_REQUEST, bytes, &frame, error) : rc;
  rc = rc == KV_OK ? read_lookup(client, l, &frame, error) : rc;
  raft_buf_release(bytes);
  if (rc != KV_OK) {
    hang_up(l);
    return rc == KV_EINVAL ? FAILED : LATER; /* an address that is none becomes none by waiting */
  }
  return kv_region_cache_find(&client->cache, key) != NULL ? AT_ONCE : LATER;
}

/* ---- one try ---- */

static bool is_write(kv_raw_call call) {
  return call != KV_RAW_GET && call != KV_RAW_SCAN;
}

static bool begins(raft_slice text, const char *word) {
  const size_t len = strlen(word);
  return text.len >= len && memcmp(text.data, word, len) == 0;
}

static outcome take_error(raft_slice text, kv_error *error) {
  const char *words = text.data;
  const bool again = begins(text, "TRYAGAIN"), unknown = begins(text, "TIMEOUT");
  (void)kv_fail(error,
                again     ? KV_EBUSY
                : unknown ? KV_EIO
                          : KV_EINVAL,
                "%.*s", (int)text.len, words);
  return again ? LATER : unknown ? UNKNOWN : FAILED;
}

static outcome take_refusal(kv_raw_client *client, raft_slice key, raft_slice bytes,
                            uint64_t store_id, uint64_t left, kv_error *error) {
  kv_region_error refusal;
  char text[256];
  if (kv_region_error_decode(bytes, &refusal) != KV_OK) {
    (void)kv_fail(error, KV_EBUSY, "store %llu refused without a reason that can be read",
                  (unsigned long long)store_id);
    return LATER;
  }
  kv_region_error_text(&refusal, text, sizeof text);
  (void)kv_fail(error, KV_EBUSY, "%s: %s", kv_region_error_name(refusal.kind), text);
  const kv_cache_advice advice = kv_region_cache_refused(&client->cache, key, &refusal, store_id);
  kv_region_error_clear(&refusal);
  switch (advice) {
  case KV_ADVICE_AT_ONCE: return AT_ONCE;
  case KV_ADVICE_WAIT: return LATER;
  case KV_ADVICE_LOOK_UP: return look_up(client, key, left, error);
  case KV_ADVICE_GIVE_UP: break;
  }
  error->code = KV_EINVAL;
  return FAILED;
}

static int read_response(kv_raw_client *client, uint64_t request_id, const line *l,
                         const kv_frame *frame, kv_error *error) {
  if (frame->type == KV_FRAME_RAW_RESPONSE &&
      kv_raw_response_decode(frame->payload, &client->response) == KV_OK &&
      client->response.request_id == request_id) {
    return KV_OK;
  }
  return kv_fail(error, KV_EIO, "%s answered something else", l->frames.socket.address);
}

static outcome take_response(kv_raw_client *client, const kv_raw_request *request, uint64_t left,
                             kv_error *error) {
  const kv_raw_response *response = &client->response;
  if (response->region_error.len > 0) {
    return take_refusal(client, request->key, response->region_error, request->store_id, left,
                        error);
  }
  return response->error.len > 0 ? take_error(response->error, error) : DONE;
}

static outcome ask(kv_raw_client *client, const kv_raw_request *request, line *l, uint64_t left,
                   kv_error *error) {
  raft_buf *bytes = NULL;
  kv_frame frame;
  if (kv_raw_request_encode(request, &bytes) != KV_OK) {
    (void)kv_fail(error, KV_ENOMEM, "out of memory");
    return FAILED;
  }
  int rc = exchange(l, KV_FRAME_RAW_REQUEST, bytes, &frame, error);
  raft_buf_release(bytes);
  rc = rc == KV_OK ? read_response(client, request->request_id, l, &frame, error) : rc;
  if (rc != KV_OK) {
    hang_up(l); /* whatever comes later on it would answer the wrong question */
  }
  const outcome result = rc == KV_OK ? take_response(client, request, left, error) : UNKNOWN;
  if (result == UNKNOWN) {
    kv_region_cache_failed(&client->cache, request->key, request->store_id);
  }
  return result == UNKNOWN && !is_write(request->call) ? LATER : result;
}

static outcome attempt(kv_raw_client *client, kv_raw_request *request, raft_slice *end,
                       uint64_t left, kv_error *error) {
  const kv_cached_region *cached = kv_region_cache_find(&client->cache, request->key);
  const kv_region_peer *target = cached != NULL ? kv_cached_region_target(cached) : NULL;
  if (target == NULL) {
    return look_up(client, request->key, left, error);
  }
  const uint64_t store_id = target->store_id;
  request->request_id = ++client->last_id;
  request->region_id = cached->region.id;
  request->epoch = cached->region.epoch;
  request->peer_id = target->id;
  request->store_id = store_id;
  request->timeout_ms = left;
  *end = cached->region.end;
  line *l = line_to(client, store_id, error);
  if (l == NULL) {
    return FAILED;
  }
  if (dial(l, target->address, left, error) != KV_OK) {
    kv_region_cache_failed(&client->cache, request->key, store_id);
    return LATER;
  }
  return ask(client, request, l, left, error);
}

/* ---- a call ---- */

/* The last try may have ended because the time was up, which tells less than the one before it. */
static int finish(outcome last, const kv_error *before, kv_error *error) {
  const kv_error own = *error;
  const bool more = before->text[0] != '\0' && strcmp(before->text, own.text) != 0;
  switch (last) {
  case UNKNOWN:
    return kv_fail(error, KV_EIO, "outcome unknown, it may still take effect: %s", own.text);
  case FAILED: return own.code;
  case LATER:
  case AT_ONCE:
  case DONE: break;
  }
  return kv_fail(error, KV_EBUSY, "not done in time: %.220s%s%.220s", own.text,
                 more ? "; before that: " : "", more ? before->text : "");
}

int kv_raw_client_call(kv_raw_client *client, const kv_raw_request *request,
                       const kv_raw_response **response, kv_error *error) {
  kv_raw_request own = *request;
  kv_backoff backoff;
  kv_error inner = {.code = KV_EBUSY, .text = "no answer"}, before = {.code = KV_OK};
  raft_slice end = {0};
  const uint64_t deadline = now_ms() + (uint64_t)client->timeout_ms;
  kv_backoff_init(&backoff, ++client->random, FIRST_WAIT_MS, LONGEST_WAIT_MS, deadline);
  outcome last = LATER;
  uint64_t now = now_ms();
  for (unsigned tries = 0; now < deadline; now = now_ms(), tries++) {
    kv_raw_response_clear(&client->response);
    before = tries > 0 ? inner : before;
    last = attempt(client, &own, &end, deadline - now, &inner);
    if (last == DONE || last == UNKNOWN || last == FAILED) {
      break;
    }
    if (last == LATER || tries % 8 == 7) { /* stores of different opinions must not play ball */
      sleep_ms(kv_backoff_next(&backoff, now_ms()));
    }
  }
  if (last != DONE) {
    const int rc = finish(last, &before, &inner);
    *error = inner;
    return rc;
  }
  if (request->call == KV_RAW_SCAN && client->response.next_key.len == 0) {
    client->response.next_key = end; /* of a region that is still the same: nothing was learnt */
  }
  *response = &client->response;
  return KV_OK;
}
