/* server_stop.c - a graceful stop: what was asked is answered, then the loop ends.
 *
 * Leadership is handed over before, so that the other stores need no election. A leader that
 * resigns goes on to commit what it has until another one leads, so the two do not disturb each
 * other.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>

#include "net/server_parts.h"

static void on_late(uv_timer_t *timer) {
  kv_server *server = timer->data;
  kv_log(server->logger, KV_WARN, "stopping although requests are without an answer",
         "clients=%zu requests=%zu", server->clients.figures.connected, server->clients.waiting);
  uv_stop(&server->loop);
}

/* The one who takes over needs a message and an answer; if that does not do, an election does it.
 */
static void resign(kv_server *server) {
  const kv_store_config *store = &server->config->store;
  const size_t regions = kv_store_resign(server->store);
  if (regions > 0) {
    kv_log(server->logger, KV_INFO, "handing over leadership", "regions=%zu", regions);
    server->resign_until = uv_now(&server->loop) + (uint64_t)store->tick_ms * store->election_ticks;
  }
}

void kv_server_begin_stop(kv_server *server) {
  server->phase = KV_SERVER_DRAINING;
  uv_close((uv_handle_t *)&server->listener, NULL);
  resign(server);
  kv_clients_drain(&server->clients);
  (void)uv_timer_start(&server->stop_timer, on_late, server->config->stop_ms, 0);
}

/* Commands that other stores have forwarded are answered too. */
static bool is_due(const kv_server *server) {
  kv_store_summary summary;
  kv_store_summarize(server->store, &summary);
  return server->clients.figures.connected > 0 || summary.pending_count > 0 ||
         (summary.leaders > 0 && uv_now(&server->loop) < server->resign_until);
}

void kv_server_check_stop(kv_server *server) {
  if (server->phase == KV_SERVER_DRAINING && !is_due(server)) {
    server->phase = KV_SERVER_STOPPED;
    uv_stop(&server->loop);
  }
}
