/* server_stop.c - a graceful stop: what was asked is answered, then the loop ends.
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

void kv_server_begin_stop(kv_server *server) {
  server->phase = KV_SERVER_DRAINING;
  uv_close((uv_handle_t *)&server->listener, NULL);
  kv_clients_drain(&server->clients);
  (void)uv_timer_start(&server->stop_timer, on_late, server->config->stop_ms, 0);
}

void kv_server_check_stop(kv_server *server) {
  if (server->phase == KV_SERVER_DRAINING && server->clients.figures.connected == 0) {
    server->phase = KV_SERVER_STOPPED;
    uv_stop(&server->loop);
  }
}
