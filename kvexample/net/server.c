/* server.c - one store as a program: the loop that brings core, devices and connections together.
 *
 * The turn runs before the loop waits, so that it sees everything that the wait before has brought.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "net/server.h"

#include <inttypes.h>
#include <signal.h>
#include <unistd.h>

#include "net/arrival.h"
#include "net/server_parts.h"

/* Turns without waiting, one after the other, before the kernel is asked for news again. */
enum { ROUNDS = 4 };

void kv_server_config_init(kv_server_config *config) {
  *config = (kv_server_config){.version = "0",
                               .clients = kv_client_default_limits(),
                               .link_bytes = (size_t)64 << 20,
                               .generation_bytes = (size_t)32 << 20,
                               .generation_ms = 1000,
                               .snapshot_timeout_ms = 30000,
                               .stop_ms = 5000};
  kv_store_config_init(&config->store);
}

/* One round: completions in, flush, and all that came out leaves. */
static void run_round(kv_server *server) {
  kv_real_devices_report(&server->devices);
  kv_store_flush(server->store);
  kv_real_devices_kick(&server->devices);
  kv_connections_turn(&server->connections);
}

static bool has_more(const kv_server *server) {
  return kv_store_has_work(server->store) || kv_connections_have_turn(&server->connections);
}

static void check_health(kv_server *server) {
  if (server->failure.code == KV_OK && kv_store_health(server->store, &server->failure) != KV_OK) {
    uv_stop(&server->loop);
  }
}

static void on_busy(uv_idle_t *handle) {
  (void)handle; /* that it is active is enough */
}

static void on_prepare(uv_prepare_t *handle) {
  kv_server *server = handle->data;
  bool more = true;
  for (int i = 0; i < ROUNDS && more; i++) {
    run_round(server);
    more = has_more(server);
  }
  if (more) {
    (void)uv_idle_start(&server->busy, on_busy);
  } else {
    (void)uv_idle_stop(&server->busy);
  }
  check_health(server);
  kv_server_check_stop(server);
}

static void on_tick(uv_timer_t *timer) {
  kv_server *server = timer->data;
  const uint64_t now = uv_now(&server->loop);
  kv_server_note_space(server, now);
  kv_store_tick(server->store);
  kv_raft_log_tick(server->log);
  kv_departures_check(&server->devices.departures, now);
  kv_arrivals_check(&server->inbound, now);
}

static void on_signal(uv_signal_t *handle, int number) {
  kv_server *server = handle->data;
  if (server->phase == KV_SERVER_SERVING) {
    kv_log(server->logger, KV_INFO, "stopping", "signal=%d", number);
    kv_server_begin_stop(server);
  } else {
    kv_log(server->logger, KV_WARN, "stopping at once", "signal=%d", number);
    _exit(128 + number);
  }
}

static int begin_service(kv_server *server, kv_error *error) {
  static const int numbers[] = {SIGTERM, SIGINT};
  int rc = uv_prepare_start(&server->prepare, on_prepare);
  for (size_t i = 0; i < 2 && rc == 0; i++) {
    rc = uv_signal_start(&server->signals[i], on_signal, numbers[i]);
  }
  const uint64_t tick = server->config->store.tick_ms;
  rc = rc == 0 ? uv_timer_start(&server->ticker, on_tick, tick, tick) : rc;
  if (rc != 0) {
    return kv_fail(error, KV_EIO, "cannot start the event loop: %s", uv_strerror(rc));
  }
  server->phase = KV_SERVER_SERVING;
  server->started = uv_now(&server->loop);
  kv_log(server->logger, KV_INFO, "ready",
         "store=%" PRIu64 " cluster=%" PRIu64 " address=%s advertise=%s data=\"%s\" version=%s",
         server->devices.outbound.own.store_id, server->devices.outbound.own.cluster_id,
         server->address, server->advertise, server->data.path, server->config->version);
  return KV_OK;
}

int kv_server_run(const kv_server_config *config, kv_error *error) {
  static kv_server server;
  server = (kv_server){.config = config, .logger = config->logger, .data = {.lock = -1}};
  (void)signal(SIGPIPE, SIG_IGN);
  int rc = kv_server_open(&server, error);
  const bool asked = rc == KV_ECLOSED; /* to stop, while it waited for the scheduler */
  if (rc == KV_OK) {
    rc = begin_service(&server, error);
  }
  if (rc == KV_OK) {
    (void)uv_run(&server.loop, UV_RUN_DEFAULT);
    rc = server.failure.code;
    if (rc != KV_OK && error != NULL) {
      *error = server.failure;
    }
  }
  kv_server_close(&server);
  rc = asked ? KV_OK : rc;
  if (rc == KV_OK) {
    kv_log(config->logger, KV_INFO, "stopped", NULL);
  }
  return rc;
}
