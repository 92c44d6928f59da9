/* server_open.c - puts the parts of a server together, and takes them apart.
 *
 * Order: whose data it is, the address, the files, the threads, the core; then IDENT, which makes a
 * first start a fact. Every part is opened by one function; a failure leaves the closing of what
 * there is to kv_server_close.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "net/server_parts.h"
#include "snapshot/snapshot.h"
#include "snapshot/snapshot_dir.h"

enum { SCAN_CURSORS = 4096, SNAPSHOT_QUEUE = 1024, SNAPSHOTS_AT_ONCE = 2 };

/* ---- identity ---- */

static int check_existing(const kv_server *server, kv_error *error) {
  const kv_store_config *store = &server->config->store;
  const kv_data_directory *data = &server->data;
  if (store->store_id != 0 && store->store_id != data->store_id) {
    return kv_fail(error, KV_EFOREIGN,
                   "data directory %s belongs to store %" PRIu64 ", this is store %" PRIu64
                   ": correct --data or --id",
                   data->path, data->store_id, store->store_id);
  }
  if (server->config->cluster_given && store->cluster_id != data->cluster_id) {
    return kv_fail(error, KV_EFOREIGN,
                   "data directory %s belongs to cluster %" PRIu64 ", this is cluster %" PRIu64
                   ": correct --data or --cluster",
                   data->path, data->cluster_id, store->cluster_id);
  }
  return KV_OK;
}

static int check_first_start(const kv_server *server, kv_error *error) {
  const kv_server_config *config = server->config;
  if (config->scheduler != NULL) {
    return config->store.member_count == 0 && config->join == NULL
               ? KV_OK
               : kv_fail(error, KV_EINVAL,
                         "--scheduler begins and joins clusters by itself: leave out --initial and "
                         "--join");
  }
  if (config->store.store_id == 0) {
    return kv_fail(error, KV_EINVAL, "data directory %s is empty: give the store its number, --id",
                   server->data.path);
  }
  if (config->store.member_count == 0 && config->join == NULL) {
    return kv_fail(error, KV_EINVAL,
                   "data directory %s is empty: give --initial to start a new cluster, or --join "
                   "for a store that is going to be added to a running one",
                   server->data.path);
  }
  return KV_OK;
}

static int open_data(kv_server *server, kv_error *error) {
  int rc = kv_data_directory_open(server->config->data_directory, &server->data, error);
  if (rc == KV_OK) {
    rc = server->data.fresh ? check_first_start(server, error) : check_existing(server, error);
  }
  return rc == KV_OK ? kv_data_directory_prepare(&server->data, error) : rc;
}

static uint64_t cluster_id(const kv_server *server) {
  return !server->data.fresh             ? server->data.cluster_id
         : server->ident.cluster_id != 0 ? server->ident.cluster_id
                                         : server->config->store.cluster_id;
}

static uint64_t store_id(const kv_server *server) {
  return !server->data.fresh           ? server->data.store_id
         : server->ident.store_id != 0 ? server->ident.store_id
                                       : server->config->store.store_id;
}

/* ---- loop and address ---- */

static void open_loop(kv_server *server) {
  (void)uv_loop_init(&server->loop);
  server->loop_open = true;
  server->connections.loop = &server->loop;
  (void)uv_timer_init(&server->loop, &server->ticker);
  (void)uv_timer_init(&server->loop, &server->stop_timer);
  (void)uv_prepare_init(&server->loop, &server->prepare);
  (void)uv_idle_init(&server->loop, &server->busy);
  (void)uv_signal_init(&server->loop, &server->signals[0]);
  (void)uv_signal_init(&server->loop, &server->signals[1]);
  server->ticker.data = server;
  server->stop_timer.data = server;
  server->prepare.data = server;
  server->signals[0].data = server;
  server->signals[1].data = server;
}

static const char *own_member_address(const kv_server *server) {
  const kv_store_config *store = &server->config->store;
  for (size_t i = 0; i < store->member_count; i++) {
    if (store->members[i].store_id == store_id(server)) {
      return store->members[i].address;
    }
  }
  return NULL;
}

static int open_address(kv_server *server, kv_error *error) {
  const char *member = own_member_address(server);
  const char *listen = server->config->listen != NULL ? server->config->listen : member;
  if (listen == NULL) {
    return kv_fail(error, KV_EINVAL,
                   "no address to listen on: give --listen, such as 127.0.0.1:7001");
  }
  const int rc = kv_server_listen(server, listen, error);
  if (rc != KV_OK) {
    return rc;
  }
  const char *advertise = server->config->advertise;
  advertise = advertise == NULL ? member : advertise;
  advertise = advertise == NULL ? server->address : advertise;
  if (strlen(advertise) > KV_MAX_ADDRESS) {
    return kv_fail(error, KV_EINVAL, "--advertise is longer than %d bytes", KV_MAX_ADDRESS);
  }
  (void)snprintf(server->advertise, sizeof server->advertise, "%s", advertise);
  return KV_OK;
}

/* ---- files ---- */

static int open_disk(kv_server *server, kv_error *error) {
  const uint64_t map_bytes = server->config->map_bytes;
  const kv_lmdb_options options = {.directory = server->data.db,
                                   .map_size = map_bytes, /* only to begin with */
                                   .map_limit = map_bytes > 0 ? (uint64_t)1 << 40 : 0};
  size_t reset = 0;
  int rc = kv_lmdb_open(&options, &server->disk, error);
  if (rc == KV_OK) {
    server->engine = server->disk;
    rc = kv_snapshot_recover(server->disk, server->data.snap, &reset, error);
  }
  if (rc == KV_OK && reset > 0) {
    kv_log(server->logger, KV_WARN, "an interrupted snapshot installation could not be finished",
           "regions=%zu action=\"remove this store from its cluster and add it again\"", reset);
  }
  return rc;
}

static int open_engine(kv_server *server, kv_error *error) {
  int rc = open_disk(server, error);
  if (rc == KV_OK && !server->config->engine_sync) {
    rc = kv_overlay_open(server->disk, server->config->generation_bytes, &server->engine, error);
  }
  return rc == KV_OK ? kv_snapshot_collect(server->data.snap, NULL, 0, error) : rc;
}

static int open_log(kv_server *server, kv_error *error) {
  const kv_raft_log_options options = {.directory = server->data.log,
                                       .segment_bytes = server->config->log_segment_bytes,
                                       .cluster_id = cluster_id(server),
                                       .store_id = store_id(server),
                                       .logger = server->logger};
  return kv_raft_log_open(&options, &server->log, error);
}

/* ---- threads ---- */

static int open_task_worker(kv_server *server, const char *name, kv_worker **worker,
                            kv_error *error) {
  const kv_worker_config config = {
      .name = name, .limit = SNAPSHOT_QUEUE, .run = kv_tasks_run, .done = kv_tasks_done};
  return kv_worker_open(&server->loop, &config, worker, error);
}

static int open_threads(kv_server *server, kv_error *error) {
  kv_real_devices *devices = &server->devices;
  devices->loop = &server->loop;
  devices->logger = server->logger;
  devices->log = server->log;
  devices->snapshot_directory = server->data.snap;
  devices->log_thread = (kv_log_thread){.log = server->log, .logger = server->logger};
  devices->engine = (kv_engine_threads){.engine = server->engine,
                                        .overlay = !server->config->engine_sync,
                                        .age_ms = server->config->generation_ms,
                                        .logger = server->logger,
                                        .snapshot_directory = server->data.snap};
  int rc = kv_log_thread_open(&devices->log_thread, &server->loop, error);
  rc = rc == KV_OK ? kv_engine_threads_open(&devices->engine, &server->loop, error) : rc;
  rc = rc == KV_OK ? open_task_worker(server, "kv-snapshot", &devices->snapshot_make, error) : rc;
  return rc == KV_OK ? open_task_worker(server, "kv-snapshot-io", &devices->snapshot_io, error)
                     : rc;
}

/* ---- what talks ---- */

static void open_network(kv_server *server) {
  kv_real_devices *devices = &server->devices;
  kv_hello own = {.cluster_id = cluster_id(server), .store_id = store_id(server)};
  (void)snprintf(own.address, sizeof own.address, "%s", server->advertise);
  devices->outbound = (kv_outbound){.connections = &server->connections,
                                    .logger = server->logger,
                                    .own = own,
                                    .queue_bytes = server->config->link_bytes};
  devices->departures = (kv_departures){.connections = &server->connections,
                                        .logger = server->logger,
                                        .own = own,
                                        .snapshot_io = devices->snapshot_io,
                                        .snapshot_directory = server->data.snap,
                                        .max_running = SNAPSHOTS_AT_ONCE,
                                        .timeout_ms = server->config->snapshot_timeout_ms};
  server->inbound = (kv_inbound){.logger = server->logger,
                                 .own = own,
                                 .snapshot_io = devices->snapshot_io,
                                 .snapshot_directory = server->data.snap,
                                 .max_arrivals = SNAPSHOTS_AT_ONCE,
                                 .arrival_timeout_ms = server->config->snapshot_timeout_ms};
}

/* What CONFIG GET shows; tools look for these. */
static void fill_settings(kv_server *server) {
  const kv_client_limits *limits = &server->config->clients;
  (void)snprintf(server->setting_values[0], sizeof *server->setting_values, "%zu", limits->clients);
  (void)snprintf(server->setting_values[1], sizeof *server->setting_values, "%zu",
                 limits->request.bulk_bytes);
  const kv_setting settings[] = {{"appendfsync", "always"},
                                 {"appendonly", "yes"},
                                 {"databases", "1"},
                                 {"dir", server->data.path},
                                 {"maxclients", server->setting_values[0]},
                                 {"maxmemory", "0"},
                                 {"maxmemory-policy", "noeviction"},
                                 {"port", strrchr(server->address, ':') + 1},
                                 {"proto-max-bulk-len", server->setting_values[1]},
                                 {"save", ""},
                                 {"timeout", "0"}};
  memcpy(server->settings, settings, sizeof settings);
  server->clients.settings = server->settings;
  server->clients.setting_count = sizeof settings / sizeof *settings;
}

static int open_clients(kv_server *server, kv_error *error) {
  struct timespec now;
  (void)clock_gettime(CLOCK_REALTIME, &now);
  /* Larger than those of an earlier run, and exact in every client's numbers (below 2^53). */
  const uint64_t first = (uint64_t)now.tv_sec << 20;
  server->cursors = kv_cursors_open(SCAN_CURSORS, first);
  if (server->cursors == NULL) {
    return kv_fail(error, KV_ENOMEM, "out of memory");
  }
  server->clients = (kv_clients){.execute = kv_store_execute,
                                 .cursors = server->cursors,
                                 .logger = server->logger,
                                 .limits = server->config->clients,
                                 .host = kv_server_host_call,
                                 .ctx = server};
  fill_settings(server);
  return KV_OK;
}

/* ---- the core ---- */

static int open_store(kv_server *server, kv_error *error) {
  kv_devices table;
  kv_store_config config = server->config->store;
  config.cluster_id = cluster_id(server);
  config.store_id = store_id(server);
  config.address = server->advertise;
  if (config.seed == 0 &&
      getrandom(&config.seed, sizeof config.seed, 0) != (ssize_t)sizeof config.seed) {
    return kv_fail(error, KV_EIO, "the system gives no random numbers");
  }
  kv_real_devices_table(&server->devices, &table);
  table.scheduler = kv_server_scheduler_device(server);
  const int rc = kv_store_open(&config, &table, server->engine, &server->store, error);
  if (rc == KV_OK) {
    server->devices.store = server->store;
    server->devices.log_thread.store = server->store;
    kv_engine_threads_serve(&server->devices.engine, server->store);
    server->devices.outbound.store = server->store;
    server->devices.departures.store = server->store;
    server->inbound.store = server->store;
    server->clients.store = server->store;
  }
  return rc;
}

static int settle_identity(kv_server *server, kv_error *error) {
  int rc = KV_OK;
  if (server->data.fresh) {
    rc = kv_data_directory_claim(&server->data, cluster_id(server), store_id(server), error);
    if (rc == KV_OK && server->config->join != NULL) {
      kv_log(server->logger, KV_INFO, "waiting to be added to a cluster",
             "next=\"redis-cli -u redis://%s KV.ADDPEER %" PRIu64 " %s\"", server->config->join,
             store_id(server), server->advertise);
    }
  }
  return rc == KV_OK ? kv_data_directory_publish(&server->data, server->address, error) : rc;
}

int kv_server_open(kv_server *server, kv_error *error) {
  int rc = open_data(server, error);
  if (rc != KV_OK) {
    return rc;
  }
  open_loop(server);
  rc = open_address(server, error);
  rc = rc == KV_OK ? open_engine(server, error) : rc;
  rc = rc == KV_OK ? kv_server_open_scheduler(server, error) : rc;
  rc = rc == KV_OK ? open_log(server, error) : rc;
  rc = rc == KV_OK ? open_threads(server, error) : rc;
  if (rc == KV_OK) {
    open_network(server);
    rc = open_clients(server, error);
  }
  rc = rc == KV_OK ? open_store(server, error) : rc;
  return rc == KV_OK ? settle_identity(server, error) : rc;
}

/* ---- taking apart ---- */

static void close_handle(uv_handle_t *handle, void *arg) {
  (void)arg;
  if (!uv_is_closing(handle)) {
    uv_close(handle, NULL);
  }
}

/* Connections first, while the threads that serve them still run. */
static void close_connections(kv_server *server) {
  (void)uv_prepare_stop(&server->prepare);
  (void)uv_timer_stop(&server->ticker);
  (void)uv_idle_stop(&server->busy);
  kv_server_close_scheduler(server);
  kv_outbound_close(&server->devices.outbound);
  kv_departures_close(&server->devices.departures);
  kv_connections_close(&server->connections, 0);
  while (server->connections.count > 0) {
    (void)uv_run(&server->loop, UV_RUN_ONCE);
  }
}

static void close_threads(kv_server *server) {
  kv_log_thread_close(&server->devices.log_thread);
  kv_engine_threads_close(&server->devices.engine);
  kv_worker_close(server->devices.snapshot_make);
  kv_worker_close(server->devices.snapshot_io);
}

static void close_loop(kv_server *server) {
  close_connections(server);
  close_threads(server);
  kv_store_close(server->store);
  kv_departures_free(&server->devices.departures);
  kv_outbound_free(&server->devices.outbound);
  (void)uv_run(&server->loop, UV_RUN_NOWAIT); /* the workers free themselves */
  uv_walk(&server->loop, close_handle, NULL);
  (void)uv_run(&server->loop, UV_RUN_DEFAULT);
  (void)uv_loop_close(&server->loop);
}

void kv_server_close(kv_server *server) {
  if (server->loop_open) {
    close_loop(server);
  }
  kv_cursors_close(server->cursors);
  kv_raft_log_close(server->log);
  if (server->engine != NULL) {
    server->engine->ops->close(server->engine);
  }
  kv_data_directory_close(&server->data);
}
