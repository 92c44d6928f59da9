/* scheduler_server.c - the scheduler as a program: the loop around its deterministic core.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "net/scheduler_server.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "net/connection.h"
#include "net/data_directory.h"
#include "net/frame.h"
#include "net/listen.h"

enum {
  TICK_MS = 100,
  /* A request is small; who announces more is no store. */
  MAX_REQUEST = 1 << 20,
  /* Answers that the other side does not read. */
  MAX_UNREAD = 16 << 20
};

typedef struct kv_scheduler_server {
  const kv_scheduler_server_config *config;
  const kv_logger *logger;
  kv_data_directory data;
  kv_engine *engine;
  kv_scheduler *scheduler;

  uv_loop_t loop;
  bool loop_open;
  uv_tcp_t listener;
  uv_timer_t ticker;
  uv_prepare_t prepare;
  uv_signal_t signals[2];
  kv_connections connections;
  char address[KV_MAX_ADDRESS + 1];
} kv_scheduler_server;

/* ---- requests ---- */

static int queue_response(kv_connection *connection, const raft_bytes *payload) {
  unsigned char header[KV_FRAME_HEADER];
  kv_frame_header(header, KV_FRAME_SCHEDULER_RESPONSE, payload, 1);
  const int rc = kv_outbox_copy(&connection->out, header, sizeof header);
  return rc == KV_OK ? kv_outbox_add(&connection->out, payload) : rc;
}

static void refuse(kv_scheduler_server *server, kv_connection *connection, const char *why) {
  const kv_endpoint peer = kv_connection_peer(connection);
  kv_log(server->logger, KV_WARN, "connection refused", "from=%s reason=\"%s\"", peer.text, why);
  kv_connection_close(connection, UV_EPROTO);
}

static void on_request(kv_scheduler_server *server, kv_connection *connection, raft_slice payload) {
  const raft_bytes bytes = {payload.data, payload.len, NULL};
  raft_buf *answer = NULL;
  int rc = kv_scheduler_handle_frame(server->scheduler, uv_now(&server->loop), bytes, &answer);
  if (rc == KV_ECORRUPT) {
    refuse(server, connection, "a malformed request");
    return;
  }
  if (rc == KV_OK) {
    const raft_bytes part = {raft_buf_data(answer), raft_buf_len(answer), answer};
    rc = queue_response(connection, &part);
    raft_buf_release(answer);
  }
  if (rc != KV_OK || kv_outbox_bytes(&connection->out) > MAX_UNREAD) {
    kv_connection_close(connection, UV_ENOBUFS);
  } else {
    kv_connection_touch(connection);
  }
}

/* ---- connections ---- */

static void wait_for_more(kv_connection *connection, const kv_frame *frame) {
  connection->wanted = frame->wanted;
  if (frame->wanted > MAX_REQUEST) {
    refuse(connection->state, connection, "a request that is too long");
  }
}

static void on_readable(kv_connection *connection) {
  kv_scheduler_server *server = connection->state;
  kv_frame frame;
  while (!connection->closing) {
    switch (kv_frame_read(connection->in.data, connection->in.len, &frame)) {
    case KV_FRAME_MORE: wait_for_more(connection, &frame); return;
    case KV_FRAME_BAD: refuse(server, connection, frame.why); return;
    case KV_FRAME_WHOLE:
      if (frame.type == KV_FRAME_SCHEDULER_REQUEST) {
        on_request(server, connection, frame.payload);
      } else {
        refuse(server, connection, "this is a scheduler: stores and kvctl talk to it");
      }
      kv_inbox_consume(&connection->in, frame.size);
      break;
    }
  }
}

static void on_closed(kv_connection *connection, int rc) {
  (void)connection;
  (void)rc;
}

static const kv_protocol protocol = {
    .name = "scheduler", .readable = on_readable, .closed = on_closed};

static void on_connection(uv_stream_t *listener, int rc) {
  kv_scheduler_server *server = listener->data;
  if (rc != 0) {
    kv_log(server->logger, KV_WARN, "cannot accept a connection", "reason=\"%s\"", uv_strerror(rc));
    return;
  }
  kv_connection *connection = kv_connection_open(&server->connections, &protocol, server);
  if (connection != NULL) {
    (void)kv_connection_accept(connection, listener);
  }
}

/* ---- the loop ---- */

static void on_tick(uv_timer_t *timer) {
  kv_scheduler_server *server = timer->data;
  kv_scheduler_tick(server->scheduler, uv_now(&server->loop));
}

/* Before the loop waits: what this turn has answered leaves. */
static void on_prepare(uv_prepare_t *handle) {
  kv_scheduler_server *server = handle->data;
  kv_connections_turn(&server->connections);
}

static void on_signal(uv_signal_t *handle, int number) {
  kv_scheduler_server *server = handle->data;
  kv_log(server->logger, KV_INFO, "stopping", "signal=%d", number);
  uv_stop(&server->loop);
}

static void open_loop(kv_scheduler_server *server) {
  (void)uv_loop_init(&server->loop);
  server->loop_open = true;
  server->connections.loop = &server->loop;
  (void)uv_timer_init(&server->loop, &server->ticker);
  (void)uv_prepare_init(&server->loop, &server->prepare);
  (void)uv_signal_init(&server->loop, &server->signals[0]);
  (void)uv_signal_init(&server->loop, &server->signals[1]);
  server->listener.data = server;
  server->ticker.data = server;
  server->prepare.data = server;
  server->signals[0].data = server;
  server->signals[1].data = server;
}

/* ---- opening and closing ---- */

static int open_data(kv_scheduler_server *server, kv_error *error) {
  kv_data_directory *data = &server->data;
  int rc = kv_data_directory_open(server->config->data_directory, data, error);
  if (rc == KV_OK && !data->fresh && data->store_id != 0) {
    return kv_fail(error, KV_EFOREIGN,
                   "data directory %s is that of a store: give the scheduler one of its own",
                   data->path);
  }
  if (rc == KV_OK && mkdir(data->db, 0700) != 0 && errno != EEXIST) {
    return kv_fail(error, KV_EIO, "cannot make directory %s: %s", data->db, strerror(errno));
  }
  return rc == KV_OK && data->fresh ? kv_data_directory_claim(data, 0, 0, error) : rc;
}

static int open_core(kv_scheduler_server *server, kv_error *error) {
  const kv_lmdb_options lmdb = {.directory = server->data.db};
  kv_scheduler_options options = server->config->scheduler;
  if (options.cluster_id == 0 && getrandom(&options.cluster_id, sizeof options.cluster_id, 0) !=
                                     (ssize_t)sizeof options.cluster_id) {
    return kv_fail(error, KV_EIO, "the system gives no random numbers");
  }
  options.cluster_id = (options.cluster_id >> 1) | 1; /* people's tools have signed numbers */
  options.logger = *server->logger;
  int rc = kv_lmdb_open(&lmdb, &server->engine, error);
  if (rc == KV_OK) {
    rc = kv_scheduler_open(&options, server->engine, uv_now(&server->loop), &server->scheduler,
                           error);
  }
  return rc;
}

static int begin_service(kv_scheduler_server *server, kv_error *error) {
  static const int numbers[] = {SIGTERM, SIGINT};
  int rc = uv_prepare_start(&server->prepare, on_prepare);
  for (size_t i = 0; i < 2 && rc == 0; i++) {
    rc = uv_signal_start(&server->signals[i], on_signal, numbers[i]);
  }
  rc = rc == 0 ? uv_timer_start(&server->ticker, on_tick, TICK_MS, TICK_MS) : rc;
  return rc == 0 ? KV_OK
                 : kv_fail(error, KV_EIO, "cannot start the event loop: %s", uv_strerror(rc));
}

static int open_all(kv_scheduler_server *server, kv_error *error) {
  int rc = open_data(server, error);
  if (rc != KV_OK) {
    return rc;
  }
  open_loop(server);
  rc = open_core(server, error);
  if (rc == KV_OK) { /* only who can answer is found at its address */
    rc = kv_listen(&server->loop, &server->listener, server->config->listen, on_connection,
                   server->address, sizeof server->address, error);
  }
  rc = rc == KV_OK ? begin_service(server, error) : rc;
  return rc == KV_OK ? kv_data_directory_publish(&server->data, server->address, error) : rc;
}

static void close_handle(uv_handle_t *handle, void *arg) {
  (void)arg;
  if (!uv_is_closing(handle)) {
    uv_close(handle, NULL);
  }
}

static void close_all(kv_scheduler_server *server) {
  if (server->loop_open) {
    kv_connections_close(&server->connections, 0);
    while (server->connections.count > 0) {
      (void)uv_run(&server->loop, UV_RUN_ONCE);
    }
    uv_walk(&server->loop, close_handle, NULL);
    (void)uv_run(&server->loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&server->loop);
  }
  kv_scheduler_close(server->scheduler);
  if (server->engine != NULL) {
    server->engine->ops->close(server->engine);
  }
  kv_data_directory_close(&server->data);
}

int kv_scheduler_server_run(const kv_scheduler_server_config *config, kv_error *error) {
  static kv_scheduler_server server;
  server = (kv_scheduler_server){.config = config, .logger = config->logger, .data = {.lock = -1}};
  (void)signal(SIGPIPE, SIG_IGN);
  const int rc = open_all(&server, error);
  if (rc == KV_OK) {
    kv_log(server.logger, KV_INFO, "ready", "cluster=%" PRIu64 " address=%s data=\"%s\" version=%s",
           kv_scheduler_cluster_id(server.scheduler), server.address, server.data.path,
           config->version);
    (void)uv_run(&server.loop, UV_RUN_DEFAULT);
  }
  close_all(&server);
  if (rc == KV_OK) {
    kv_log(config->logger, KV_INFO, "stopped", NULL);
  }
  return rc;
}
