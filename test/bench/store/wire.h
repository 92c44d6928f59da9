/* wire.h - what a load generator must know of a protocol: a request's bytes, and when its answer is
 * complete.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TEST_BENCH_STORE_WIRE_H
#define TEST_BENCH_STORE_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "client/buffer.h"

enum { WIRE_KEY = 16 };

typedef struct wire_request {
  bool put;
  char key[WIRE_KEY + 1];
  const char *value; /* put */
  size_t value_len;
} wire_request;

typedef enum wire_answer { WIRE_MORE, WIRE_DONE, WIRE_ERROR } wire_answer;

typedef struct wire_connection {
  int fd;
  uint64_t begun; /* of the request under way, nanoseconds */
  bool put;
  kv_buffer in;
  kv_buffer out;
  void *state; /* the protocol's */
} wire_connection;

typedef struct wire_protocol {
  const char *name;
  /* After connecting. false: out of memory. */
  bool (*open)(wire_connection *connection, const char *address);
  void (*close)(wire_connection *connection);
  /* Appends to `out`. false: it cannot be sent. */
  bool (*ask)(wire_connection *connection, const wire_request *request);
  /* Takes from `in`; may append to `out`. */
  wire_answer (*take)(wire_connection *connection);
} wire_protocol;

/* etcd's client protocol, gRPC over HTTP/2: KV.Put, and KV.Range of one key, linearizable. */
extern const wire_protocol wire_etcd;
/* Redis: SET followed by WAIT 1, and GET. */
extern const wire_protocol wire_redis;

#endif
