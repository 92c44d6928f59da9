/* lane.h - one connection of the load: requests under way, and what is left of it when it breaks.
 *
 * A lane connects without waiting, sends what is queued when the socket takes it, and hands replies
 * out one by one together with the request that they answer.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_BENCH_LANE_H
#define KV_BENCH_LANE_H

#include <stdbool.h>
#include <stdint.h>

#include "client/buffer.h"
#include "client/resp_reader.h"

typedef struct kv_bench_request {
  bool write;
  uint64_t key;
  uint64_t sequence; /* write: of the value; read: what it must find at least */
  uint64_t begun;    /* nanoseconds */
} kv_bench_request;

typedef enum kv_lane_state { KV_LANE_DOWN, KV_LANE_CONNECTING, KV_LANE_UP } kv_lane_state;

typedef struct kv_lane {
  uint64_t id;
  kv_lane_state state;
  int fd; /* -1 when down */
  size_t address;
  uint64_t not_before; /* time of the next attempt to connect, or of the next request */
  unsigned failures;   /* since the last reply */
  unsigned refusals;   /* "try again" as the last answers, in a row */
  kv_buffer out;
  kv_buffer in;
  kv_resp_reader reader;

  /* Requests under way, a ring. */
  kv_bench_request *requests;
  size_t room;
  size_t first;
  size_t count;
} kv_lane;

/* KV_ENOMEM. `room`: most requests under way. */
int kv_lane_init(kv_lane *lane, uint64_t id, size_t room);
void kv_lane_free(kv_lane *lane);

/* Begins to connect. KV_EIO with a sentence. */
int kv_lane_connect(kv_lane *lane, const char *address, kv_error *error);
/* Closes the socket and forgets unread bytes; requests under way stay for kv_lane_pop. */
void kv_lane_shut(kv_lane *lane);

/* Has room for one more request. */
bool kv_lane_has_room(const kv_lane *lane);
void kv_lane_push(kv_lane *lane, const kv_bench_request *request);
/* The oldest request under way; false: none. */
bool kv_lane_pop(kv_lane *lane, kv_bench_request *request);

/* Moves bytes. KV_OK, or KV_EIO with errno (ECONNRESET when the other side closed), or KV_ENOMEM.
 */
int kv_lane_send(kv_lane *lane);
int kv_lane_receive(kv_lane *lane);

#endif
