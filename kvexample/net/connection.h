/* connection.h - a TCP connection with its input, its output and the protocol that it speaks.
 *
 * A connection reads into its inbox and calls its protocol; what the protocol puts into the outbox
 * leaves at the end of the loop's turn, with all that other inputs of this turn have added. So a
 * protocol touches its connection whenever it has added something or wants its turn() called.
 *
 * A connection that is closed stays in memory until libuv is done with it; its protocol hears of
 * it once, through closed(), and must not use it afterwards.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_NET_CONNECTION_H
#define KV_NET_CONNECTION_H

#include <stdbool.h>
#include <uv.h>

#include "base/error.h"
#include "net/inbox.h"
#include "net/outbox.h"

typedef struct kv_connection kv_connection;
typedef struct kv_connections kv_connections;

typedef struct kv_protocol {
  const char *name; /* for logs */
  /* An outgoing connection stands. May be NULL. */
  void (*connected)(kv_connection *connection);
  /* There is input; leave in connection->wanted how many bytes make another call useful. */
  void (*readable)(kv_connection *connection);
  /* The other side will send no more; NULL: close. */
  void (*ended)(kv_connection *connection);
  /* End of a turn in which the connection was touched, before its output leaves. May be NULL. */
  void (*turn)(kv_connection *connection);
  /* The last call. rc: libuv's error, or 0. The owner of `state` frees it. */
  void (*closed)(kv_connection *connection, int rc);
} kv_protocol;

struct kv_connection {
  uv_tcp_t tcp;
  uv_connect_t connect;
  struct kv_lookup *lookup; /* of the name that is dialled */
  kv_connections *set;
  kv_connection *previous;
  kv_connection *next;
  kv_connection *next_touched;
  bool touched;
  bool reading;
  bool closing;
  int close_reason;

  kv_inbox in;
  size_t wanted;
  kv_outbox out;

  const kv_protocol *protocol;
  void *state; /* the protocol's */
};

/* All connections of a loop. Zero-initialise, then set loop. */
struct kv_connections {
  uv_loop_t *loop;
  kv_connection *first;
  kv_connection *touched;
  size_t count;
  kv_shared_input input;
};

/* A connection for uv_accept, or for kv_connection_dial. NULL: out of memory. */
kv_connection *kv_connection_open(kv_connections *set, const kv_protocol *protocol, void *state);

/* Accepts what waits at the listening handle and begins to read. 0 or a libuv error: then the
 * connection is closing. */
int kv_connection_accept(kv_connection *connection, uv_stream_t *listener);

/* Connects to "host:port", a name or a number; connected() or closed() follows. */
void kv_connection_dial(kv_connection *connection, const char *address);

/* A connected one closes when what it sent is not acknowledged for so long: a path that swallows
 * packets says nothing. */
void kv_connection_give_up_after(const kv_connection *connection, unsigned milliseconds);

/* Begins, or ends for a while, to read. */
void kv_connection_read(kv_connection *connection, bool on);

/* Offers what is left in the inbox to the protocol once more. */
void kv_connection_reread(kv_connection *connection);

/* To be looked at by kv_connections_turn. */
void kv_connection_touch(kv_connection *connection);

/* Closes without waiting for output; may be called again. closed() is called later, from the loop.
 */
void kv_connection_close(kv_connection *connection, int rc);

void kv_connections_close(kv_connections *set, int rc);

/* The end of a turn: turn() of the touched connections, then their output leaves. */
void kv_connections_turn(kv_connections *set);

/* Is there a connection that was touched? */
bool kv_connections_have_turn(const kv_connections *set);

/* "127.0.0.1:4000" of the other or of this side; "?" if unknown. */
typedef struct kv_endpoint {
  char text[64];
} kv_endpoint;
kv_endpoint kv_connection_peer(const kv_connection *connection);
kv_endpoint kv_connection_local(const kv_connection *connection);

#endif
