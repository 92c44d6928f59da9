/* client.c - a connection that speaks the Redis protocol: requests in, answers in their order out.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "net/client.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/format.h"
#include "net/stalled.h"
#include "resp/resp2.h"

/* Requests that are kept for reuse. */
enum { SPARE_SLOTS = 64 };

/* The length of an answer before any was seen. */
enum { FIRST_GUESS = 256 << 10 };

/* Which commands may be under way together. */
typedef enum command_class { CLASS_NONE, CLASS_READ, CLASS_WRITE } command_class;

typedef struct slot {
  struct slot *next;
  kv_client *client; /* NULL: it has gone, nobody waits for the answer */
  kv_clients *clients;
  kv_reply early; /* the answer, while earlier ones are missing */
  bool ready;
  bool scan;
  int protocol;
  command_class class;
} slot;

struct kv_client {
  kv_clients *clients;
  kv_connection *connection;
  kv_client *previous;
  kv_client *next;
  kv_session session;
  kv_resp_parser parser;
  uint64_t since; /* times of the loop, in milliseconds */
  uint64_t active;

  /* Requests in order; those before the first that is not ready have been written. */
  slot *first;
  slot **end;
  size_t slots;
  size_t under_way; /* of class `class` */
  command_class class;
  size_t early_bytes;
  size_t guess; /* how long the next answer is: as the longest of late, which is slowly forgotten */
  kv_stalled *stalled; /* the command that waits for those of the other class; slot is in line */
  slot *stalled_slot;

  slot *spare;
  size_t spares;
  bool draining; /* no further request is taken; close when all is written */
  bool ended;    /* the client sends no more: drain once all that it sent is taken */
  bool paused;   /* there may be requests in the inbox that were not looked at */
};

kv_client_limits kv_client_default_limits(void) {
  return (kv_client_limits){.request = kv_resp_default_limits(),
                            .clients = 10000,
                            .requests = 1024,
                            .answers = (size_t)16 << 20,
                            .output_pause = (size_t)1 << 20,
                            .output_maximum = (size_t)128 << 20};
}

/* ---- output ---- */

static void give_up(kv_client *client, int rc) {
  kv_connection_close(client->connection, rc);
}

static void output(kv_client *client, int protocol, const void *data, size_t len) {
  int rc = KV_OK;
  if (protocol == 3 || kv_resp2_is_same(data, len)) {
    rc = kv_outbox_copy(&client->connection->out, data, len);
  } else {
    kv_reply older = {0};
    rc = kv_resp2_append(&older, data, len);
    if (rc == KV_OK && !older.failed) {
      rc = kv_outbox_copy(&client->connection->out, older.data, older.len);
    }
    rc = older.failed ? KV_ENOMEM : rc;
    kv_reply_free(&older);
  }
  if (rc != KV_OK) {
    give_up(client, UV_ENOMEM);
    return;
  }
  kv_connection_touch(client->connection);
}

static void output_reply(kv_client *client, int protocol, const kv_reply *reply) {
  const raft_slice none = kv_reply_out_of_memory();
  output(client, protocol, reply->failed ? none.data : reply->data,
         reply->failed ? none.len : reply->len);
}

static void output_answer(kv_client *client, const slot *s, const void *data, size_t len) {
  if (!s->scan) {
    output(client, s->protocol, data, len);
    return;
  }
  kv_reply numbered = {0};
  kv_cursors_rewrite(client->clients->cursors, (raft_slice){data, len}, &numbered);
  output_reply(client, s->protocol, &numbered);
  kv_reply_free(&numbered);
}

/* ---- slots ---- */

static slot *new_slot(kv_client *client) {
  slot *s = client->spare;
  if (s != NULL) {
    client->spare = s->next;
    client->spares--;
  } else {
    s = malloc(sizeof *s);
  }
  if (s == NULL) {
    return NULL;
  }
  *s = (slot){.client = client, .clients = client->clients, .protocol = client->session.protocol};
  *client->end = s;
  client->end = &s->next;
  client->slots++;
  return s;
}

static void drop_first(kv_client *client) {
  slot *s = client->first;
  client->first = s->next;
  if (client->first == NULL) {
    client->end = &client->first;
  }
  client->slots--;
  kv_reply_free(&s->early);
  if (client->spares < SPARE_SLOTS) {
    s->next = client->spare;
    client->spare = s;
    client->spares++;
  } else {
    free(s);
  }
}

static void write_ready(kv_client *client) {
  while (client->first != NULL && client->first->ready) {
    const slot *s = client->first;
    client->early_bytes -= s->early.len;
    output_answer(client, s, s->early.data, s->early.len);
    drop_first(client);
  }
}

static void keep_early(kv_client *client, slot *s, const void *data, size_t len) {
  kv_reply_append(&s->early, data, len);
  client->early_bytes += s->early.len;
  if (s->early.failed) {
    give_up(client, UV_ENOMEM);
  }
}

static bool hopeless(const kv_client *client) {
  return kv_outbox_bytes(&client->connection->out) + client->early_bytes >
         client->clients->limits.output_maximum;
}

static void drop_hopeless(kv_client *client) {
  if (hopeless(client) && !client->connection->closing) {
    client->clients->figures.dropped++;
    kv_log(client->clients->logger, KV_WARN, "client disconnected: it does not read its answers",
           "client=%" PRIu64 " address=%s bytes=%zu", client->session.id,
           kv_connection_peer(client->connection).text,
           kv_outbox_bytes(&client->connection->out) + client->early_bytes);
    give_up(client, UV_ENOBUFS);
  }
}

/* The answer of a slot has come. */
static void answer_slot(kv_client *client, slot *s, const void *data, size_t len) {
  s->ready = true;
  if (s == client->first) {
    output_answer(client, s, data, len);
    drop_first(client);
    write_ready(client);
  } else {
    keep_early(client, s, data, len);
  }
  drop_hopeless(client);
}

/* From kv_store_flush, for commands and administration. */
static void on_answer(void *ctx, const void *data, size_t len) {
  slot *s = ctx;
  kv_client *client = s->client;
  s->clients->waiting--;
  if (client == NULL) {
    free(s);
    return;
  }
  client->under_way -= s->class != CLASS_NONE ? 1 : 0;
  client->guess = len > client->guess / 2 ? len : client->guess / 2;
  kv_connection_touch(client->connection);
  answer_slot(client, s, data, len);
}

/* ---- requests ---- */

static command_class class_of(const kv_command *command) {
  return kv_op_is_write(command->op) ? CLASS_WRITE : CLASS_READ;
}

static void execute(kv_client *client, slot *s, const kv_command *command) {
  s->class = class_of(command);
  client->class = s->class;
  client->under_way++;
  client->clients->waiting++;
  client->clients->execute(client->clients->store, command, 0, on_answer, s);
}

static bool must_wait(const kv_client *client, const kv_command *command) {
  return client->under_way > 0 && client->class != class_of(command);
}

static void take_command(kv_client *client, const kv_call *call) {
  slot *s = new_slot(client);
  if (s == NULL) {
    give_up(client, UV_ENOMEM);
    return;
  }
  s->scan = call->scan;
  if (!must_wait(client, &call->command)) {
    execute(client, s, &call->command);
    return;
  }
  client->stalled = kv_stalled_copy(&call->command);
  client->stalled_slot = s;
  if (client->stalled == NULL) {
    give_up(client, UV_ENOMEM);
  }
}

static void resume_stalled(kv_client *client) {
  if (client->stalled == NULL || client->under_way > 0) {
    return;
  }
  kv_stalled *stalled = client->stalled;
  client->stalled = NULL;
  execute(client, client->stalled_slot, &stalled->command);
  free(stalled);
}

/* An answer that is there at once still waits for those before. */
static void take_answer(kv_client *client, const kv_reply *reply, int protocol) {
  if (client->first == NULL) {
    output_reply(client, protocol, reply);
    return;
  }
  slot *s = new_slot(client);
  if (s == NULL) {
    give_up(client, UV_ENOMEM);
    return;
  }
  const raft_slice none = kv_reply_out_of_memory();
  s->protocol = protocol;
  s->ready = true;
  keep_early(client, s, reply->failed ? none.data : reply->data,
             reply->failed ? none.len : reply->len);
}

static void take_host_call(kv_client *client, kv_call *call) {
  slot *s = new_slot(client);
  if (s == NULL) {
    give_up(client, UV_ENOMEM);
    return;
  }
  client->clients->waiting++;
  if (client->clients->host(client->clients->ctx, client, call, on_answer, s)) {
    const raft_slice none = kv_reply_out_of_memory();
    on_answer(s, call->reply->failed ? none.data : call->reply->data,
              call->reply->failed ? none.len : call->reply->len);
  }
}

static void take_request(kv_client *client) {
  kv_clients *clients = client->clients;
  kv_reply reply = {0};
  kv_call call = {.session = &client->session,
                  .cursors = clients->cursors,
                  .settings = clients->settings,
                  .setting_count = clients->setting_count,
                  .args = client->parser.args,
                  .arg_count = client->parser.arg_count,
                  .reply = &reply};
  clients->figures.commands++;
  switch (kv_call_run(&call)) {
  case KV_OUTCOME_ANSWERED: take_answer(client, &reply, client->session.protocol); break;
  case KV_OUTCOME_COMMAND: take_command(client, &call); break;
  case KV_OUTCOME_HOST: take_host_call(client, &call); break;
  }
  kv_reply_free(&reply);
  client->draining = client->draining || client->session.closing;
}

static void protocol_error(kv_client *client) {
  kv_reply reply = {0};
  kv_reply_error(&reply, "%s", client->parser.error_text);
  take_answer(client, &reply, client->session.protocol);
  kv_reply_free(&reply);
  client->draining = true;
}

static bool may_take_more(const kv_client *client) {
  const kv_client_limits *limits = &client->clients->limits;
  return !client->draining && !client->connection->closing && client->stalled == NULL &&
         client->slots < limits->requests && client->under_way * client->guess < limits->answers &&
         kv_outbox_bytes(&client->connection->out) + client->early_bytes < limits->output_pause;
}

/* Takes requests until there is none, or no room for another. */
static void on_readable(kv_connection *connection) {
  kv_client *client = connection->state;
  client->active = uv_now(connection->set->loop);
  while (!(client->paused = !may_take_more(client))) {
    kv_resp_parser *parser = &client->parser;
    const kv_resp_state state = kv_resp_parse(parser, connection->in.data, connection->in.len);
    if (state == KV_RESP_MORE) {
      connection->wanted = parser->wanted;
      break;
    }
    if (state == KV_RESP_ERROR) {
      protocol_error(client);
      break;
    }
    if (state == KV_RESP_REQUEST) {
      take_request(client);
    }
    kv_inbox_consume(&connection->in, parser->consumed);
  }
  kv_connection_touch(connection);
}

/* ---- turns ---- */

static bool all_written(const kv_client *client) {
  return client->first == NULL && kv_outbox_bytes(&client->connection->out) == 0;
}

/* Reads when there is room, closes when the last answer has left. */
static void on_turn(kv_connection *connection) {
  kv_client *client = connection->state;
  resume_stalled(client);
  if (client->paused && may_take_more(client)) {
    client->paused = false;
    kv_connection_reread(connection);
  }
  if (connection->closing) {
    return;
  }
  if (kv_outbox_flush(&connection->out) != 0) {
    give_up(client, UV_EPIPE);
    return;
  }
  client->draining = client->draining || (client->ended && !client->paused);
  if (client->draining && all_written(client)) {
    kv_connection_close(connection, 0);
    return;
  }
  kv_connection_read(connection, !client->draining && !client->ended && !client->paused);
}

/* Half-closed, as by `printf ... | nc`: what was asked is answered first. */
static void on_ended(kv_connection *connection) {
  kv_client *client = connection->state;
  client->ended = true;
  kv_connection_touch(connection);
}

static void orphan_slots(kv_client *client) {
  for (slot *s = client->first; s != NULL;) {
    slot *next = s->next;
    kv_reply_free(&s->early);
    if (s->ready || s == client->stalled_slot) {
      free(s);
    } else {
      s->client = NULL;
    }
    s = next;
  }
  for (slot *s = client->spare; s != NULL;) {
    slot *next = s->next;
    free(s);
    s = next;
  }
}

static void unlink_client(kv_client *client) {
  if (client->previous != NULL) {
    client->previous->next = client->next;
  } else {
    client->clients->first = client->next;
  }
  if (client->next != NULL) {
    client->next->previous = client->previous;
  }
  client->clients->figures.connected--;
}

static void on_closed(kv_connection *connection, int rc) {
  kv_client *client = connection->state;
  kv_log(client->clients->logger, KV_DEBUG, "client gone", "client=%" PRIu64 " reason=\"%s\"",
         client->session.id, rc == 0 ? "closed" : uv_strerror(rc));
  unlink_client(client);
  if (client->stalled == NULL) {
    client->stalled_slot = NULL;
  }
  orphan_slots(client);
  free(client->stalled);
  kv_session_free(&client->session);
  kv_resp_parser_free(&client->parser);
  free(client);
}

static const kv_protocol client_protocol = {.name = "client",
                                            .readable = on_readable,
                                            .ended = on_ended,
                                            .turn = on_turn,
                                            .closed = on_closed};

static kv_client *new_client(kv_clients *clients, kv_connection *connection) {
  kv_client *client = calloc(1, sizeof *client);
  if (client == NULL) {
    return NULL;
  }
  client->clients = clients;
  client->connection = connection;
  client->end = &client->first;
  client->since = uv_now(connection->set->loop);
  client->guess = FIRST_GUESS;
  kv_session_init(&client->session, ++clients->last_id);
  kv_resp_parser_init(&client->parser, &clients->limits.request);
  client->next = clients->first;
  if (clients->first != NULL) {
    clients->first->previous = client;
  }
  clients->first = client;
  clients->figures.connected++;
  clients->figures.accepted++;
  return client;
}

static void refuse_if_too_many(kv_client *client) {
  kv_clients *clients = client->clients;
  if (clients->figures.connected <= clients->limits.clients) {
    return;
  }
  static const char text[] = "-ERR max number of clients reached\r\n";
  clients->figures.refused++;
  client->draining = true;
  output(client, 2, text, sizeof text - 1);
}

void kv_client_adopt(kv_clients *clients, kv_connection *connection) {
  kv_client *client = new_client(clients, connection);
  if (client == NULL) {
    kv_connection_close(connection, UV_ENOMEM);
    return;
  }
  connection->protocol = &client_protocol;
  connection->state = client;
  refuse_if_too_many(client);
  on_readable(connection);
}

void kv_clients_drain(kv_clients *clients) {
  for (kv_client *client = clients->first; client != NULL; client = client->next) {
    client->draining = true;
    kv_connection_touch(client->connection);
  }
}

/* ---- CLIENT LIST ---- */

static const char *or_empty(const char *text) {
  return text == NULL ? "" : text;
}

void kv_client_describe(const kv_client *client, uint64_t now, kv_reply *out) {
  const kv_session *session = &client->session;
  char line[512];
  size_t len =
      kv_format(line, sizeof line,
                "id=%" PRIu64 " addr=%s laddr=%s age=%" PRIu64 " idle=%" PRIu64
                " db=0 resp=%d qbuf=%zu oll=%zu omem=%zu cmd=%s name=",
                session->id, kv_connection_peer(client->connection).text,
                kv_connection_local(client->connection).text, (now - client->since) / 1000,
                (now - client->active) / 1000, session->protocol, client->connection->in.len,
                client->slots, kv_outbox_bytes(&client->connection->out),
                session->last_command == NULL ? "NULL" : session->last_command);
  kv_reply_append(out, line, len < sizeof line ? len : sizeof line - 1);
  const char *const parts[] = {or_empty(session->name),
                               " lib-name=",
                               or_empty(session->library_name),
                               " lib-ver=",
                               or_empty(session->library_version),
                               "\n"};
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
    kv_reply_append(out, parts[i], strlen(parts[i]));
  }
}

void kv_clients_describe(const kv_clients *clients, uint64_t now, kv_reply *out) {
  for (const kv_client *client = clients->first; client != NULL; client = client->next) {
    kv_client_describe(client, now, out);
  }
}
