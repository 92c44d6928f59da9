/* client.h - a connection that speaks the Redis protocol: requests in, answers in their order out.
 *
 * Every request gets a slot in a queue; answers that come early wait in their slot for those
 * before. As in Redis a client's commands take effect in the order in which it sent them: reads of
 * one connection may be under way together, so may writes, but a read waits for the writes before
 * it and a write for the reads.
 *
 * Memory of a connection is bounded: requests that wait, their answers and the output. A client
 * that does not read its answers is not read from; if even so too much gathers, it is disconnected.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_NET_CLIENT_H
#define KV_NET_CLIENT_H

#include "base/log.h"
#include "net/connection.h"
#include "raftstore/store.h"
#include "resp/commands.h"
#include "resp/parser.h"

typedef struct kv_client_limits {
  kv_resp_limits request;
  size_t clients;        /* connections at a time */
  size_t requests;       /* of one connection, without an answer */
  size_t answers;        /* bytes that answers under way may have, guessed by those before */
  size_t output_pause;   /* bytes of answers from which on no more requests are read */
  size_t output_maximum; /* bytes of answers from which on the client is disconnected */
} kv_client_limits;

/* The default limits of requests; 10 000, 1024, 16 MiB, 1 MiB, 128 MiB. */
kv_client_limits kv_client_default_limits(void);

/* Counters since the start. */
typedef struct kv_client_figures {
  size_t connected;
  uint64_t accepted;
  uint64_t refused;
  uint64_t dropped; /* did not read their answers */
  uint64_t commands;
} kv_client_figures;

typedef struct kv_client kv_client;
typedef struct kv_clients kv_clients;

/* What serves the clients; zero-initialise and fill in before the first client. */
struct kv_clients {
  kv_store *store;
  /* kv_store_execute, but for tests. */
  void (*execute)(kv_store *store, const kv_command *command, uint64_t timeout_ms,
                  kv_answer_function answer, void *ctx);
  kv_cursors *cursors;
  const kv_logger *logger;
  const kv_setting *settings;
  size_t setting_count;
  kv_client_limits limits;
  /* Answers a host call: at once into call->reply (true), or by `answer` later (false). */
  bool (*host)(void *ctx, kv_client *client, kv_call *call, kv_answer_function answer,
               void *answer_ctx);
  void *ctx;

  /* Kept by client.c: */
  kv_client_figures figures;
  uint64_t last_id;
  size_t waiting; /* requests without an answer */
  kv_client *first;
};

/* Makes the connection, whose inbox has its first bytes, a client's. Out of memory: it is closed.
 */
void kv_client_adopt(kv_clients *clients, kv_connection *connection);

/* No more requests are taken; connections close as soon as they are answered. */
void kv_clients_drain(kv_clients *clients);

/* Appends a line as of CLIENT LIST. now: milliseconds of the loop's clock. */
void kv_client_describe(const kv_client *client, uint64_t now, kv_reply *out);
void kv_clients_describe(const kv_clients *clients, uint64_t now, kv_reply *out);

#endif
