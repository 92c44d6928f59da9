/* server_scheduler.c - a store's dealings with the scheduler: the connection, joining, disk space.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/statvfs.h>

#include "net/server_parts.h"
#include "raftstore/join.h"

enum { SPACE_MS = 5000 }; /* between two looks at the disk */

/* ---- the connection ---- */

static void on_response(void *ctx, raft_bytes response) {
  kv_server *server = ctx;
  if (server->store != NULL) {
    kv_store_scheduler_received(server->store, response);
  } else if (server->join != NULL) {
    kv_join_received(server->join, response);
  }
}

static int open_link(kv_server *server, kv_error *error) {
  kv_scheduler_link *link = &server->scheduler;
  kv_host_port parsed;
  const char *address = server->config->scheduler;
  const int rc = kv_host_port_parse(address, &parsed, error);
  if (rc != KV_OK || strlen(address) > KV_MAX_ADDRESS) {
    return rc != KV_OK ? rc : kv_fail(error, KV_EINVAL, "--scheduler is too long");
  }
  *link = (kv_scheduler_link){.connections = &server->connections,
                              .logger = server->logger,
                              .received = on_response,
                              .ctx = server};
  (void)snprintf(link->address, sizeof link->address, "%s", address);
  return kv_scheduler_link_open(link, error);
}

kv_scheduler_device kv_server_scheduler_device(kv_server *server) {
  return server->config->scheduler == NULL
             ? (kv_scheduler_device){0}
             : (kv_scheduler_device){&server->scheduler, kv_scheduler_link_send};
}

/* ---- joining ---- */

static void on_tick(uv_timer_t *timer) {
  const kv_server *server = timer->data;
  kv_join_tick(server->join);
}

static void on_signal(uv_signal_t *handle, int number) {
  kv_server *server = handle->data;
  (void)number;
  server->phase = KV_SERVER_STOPPED;
}

static void start_waiting(kv_server *server) {
  const uint64_t tick = server->config->store.tick_ms;
  (void)uv_signal_start(&server->signals[0], on_signal, SIGTERM);
  (void)uv_signal_start(&server->signals[1], on_signal, SIGINT);
  (void)uv_timer_start(&server->ticker, on_tick, 0, tick);
}

static void end_waiting(kv_server *server) {
  (void)uv_signal_stop(&server->signals[0]);
  (void)uv_signal_stop(&server->signals[1]);
  (void)uv_timer_stop(&server->ticker);
}

static int wait_for_id(kv_server *server, kv_error *error) {
  kv_join_state state;
  start_waiting(server);
  while ((state = kv_join_look(server->join, &server->ident, error)) == KV_JOIN_ASKING &&
         server->phase == KV_SERVER_STARTING) {
    kv_connections_turn(&server->connections);
    (void)uv_run(&server->loop, UV_RUN_ONCE);
  }
  end_waiting(server);
  if (state == KV_JOIN_ASKING) {
    return kv_fail(error, KV_ECLOSED, "stopped before the scheduler at %s gave this store an id",
                   server->config->scheduler);
  }
  return state == KV_JOIN_DONE ? KV_OK : error->code;
}

static int join(kv_server *server, kv_error *error) {
  const kv_scheduler_device device = kv_server_scheduler_device(server);
  kv_join_config config = {.address = server->advertise,
                           .wanted_id = server->config->store.store_id};
  if (getrandom(&config.data_id, sizeof config.data_id, 0) != (ssize_t)sizeof config.data_id) {
    return kv_fail(error, KV_EIO, "the system gives no random numbers");
  }
  config.data_id |= 1; /* 0 means none */
  int rc = kv_join_open(&config, server->engine, &device, &server->join, error);
  rc = rc == KV_OK ? wait_for_id(server, error) : rc;
  kv_join_close(server->join);
  server->join = NULL;
  if (rc == KV_OK) {
    kv_log(server->logger, KV_INFO, "joined the cluster", "store=%" PRIu64 " cluster=%" PRIu64,
           server->ident.store_id, server->ident.cluster_id);
  }
  return rc;
}

int kv_server_open_scheduler(kv_server *server, kv_error *error) {
  if (server->config->scheduler == NULL) {
    return KV_OK;
  }
  const int rc = open_link(server, error);
  return rc == KV_OK && server->data.fresh ? join(server, error) : rc;
}

void kv_server_close_scheduler(kv_server *server) {
  if (server->scheduler.timer_open) {
    kv_scheduler_link_close(&server->scheduler);
  }
}

/* ---- disk space ---- */

void kv_server_note_space(kv_server *server, uint64_t now) {
  struct statvfs disk;
  kv_lmdb_usage usage;
  if (server->config->scheduler == NULL || now < server->space_at) {
    return;
  }
  server->space_at = now + SPACE_MS;
  if (statvfs(server->data.path, &disk) == 0) {
    kv_lmdb_usage_of(server->disk, &usage);
    const kv_store_space space = {.capacity = (uint64_t)disk.f_blocks * disk.f_frsize,
                                  .available = (uint64_t)disk.f_bavail * disk.f_frsize,
                                  .used = usage.used_bytes,
                                  .receiving = server->inbound.arrival_count};
    kv_store_set_space(server->store, &space);
  }
}
