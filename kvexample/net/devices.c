/* devices.c - the real devices of the deterministic core: log, engine, snapshots, network, clock.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "net/devices.h"

#include <inttypes.h>
#include <stdlib.h>

#include "snapshot/snapshot.h"
#include "snapshot/snapshot_dir.h"

/* ---- engine ---- */

static int engine_apply(void *ctx, kv_apply_task *task) {
  return kv_engine_threads_apply(&((kv_real_devices *)ctx)->engine, task);
}

static bool engine_is_busy(void *ctx) {
  return kv_engine_threads_are_busy(&((kv_real_devices *)ctx)->engine);
}

static int engine_read(void *ctx, kv_read_task *task) {
  return kv_engine_threads_read(&((kv_real_devices *)ctx)->engine, task);
}

/* ---- snapshots ---- */

typedef struct make_task {
  kv_task task;
  kv_real_devices *devices;
  uint64_t region_id;
  kv_snapshot_file file;
  raft_buf *meta;
  int rc;
  kv_error error;
} make_task;

static void run_make(kv_task *task) {
  make_task *make = (make_task *)task;
  make->rc = kv_snapshot_make(make->devices->engine.engine, make->devices->snapshot_directory,
                              make->region_id, &make->file, &make->meta, &make->error);
}

static void done_make(kv_task *task) {
  make_task *make = (make_task *)task;
  const kv_logger *logger = make->devices->logger;
  raft_bytes meta = {NULL, 0, NULL};
  if (make->rc == KV_OK) {
    meta = (raft_bytes){raft_buf_data(make->meta), raft_buf_len(make->meta), make->meta};
    kv_log(logger, KV_INFO, "snapshot made", "region=%" PRIu64 " index=%" PRIu64 " bytes=%" PRIu64,
           make->region_id, make->file.index, make->file.bytes);
  } else {
    kv_log(logger, KV_ERROR, "snapshot not made", "region=%" PRIu64 " reason=\"%s\"",
           make->region_id, make->error.text);
  }
  kv_store_snapshot_made(make->devices->store, make->region_id, make->rc, &make->file, meta);
  raft_buf_release(make->meta);
  free(make);
}

static int snapshot_make(void *ctx, uint64_t region_id) {
  kv_real_devices *devices = ctx;
  make_task *make = calloc(1, sizeof *make);
  if (make == NULL) {
    return KV_ENOMEM;
  }
  make->task = (kv_task){.run = run_make, .done = done_make};
  make->devices = devices;
  make->region_id = region_id;
  const int rc = kv_worker_push(devices->snapshot_make, &make->task.job);
  if (rc != KV_OK) {
    free(make);
  }
  return rc;
}

static int snapshot_send(void *ctx, uint64_t to_store, const char *address,
                         const kv_snapshot_file *file, raft_buf *envelope, uint64_t region_id,
                         uint64_t to_peer) {
  return kv_departures_send(&((kv_real_devices *)ctx)->departures, to_store, address, file,
                            envelope, region_id, to_peer);
}

static int snapshot_install(void *ctx, uint64_t region_id, const kv_snapshot_file *file) {
  return kv_engine_threads_install(&((kv_real_devices *)ctx)->engine, region_id, file);
}

typedef struct discard_task {
  kv_task task;
  const char *directory;
  kv_snapshot_file file;
} discard_task;

static void run_discard(kv_task *task) {
  const discard_task *discard = (const discard_task *)task;
  kv_snapshot_remove(discard->directory, discard->file.name);
}

static void done_discard(kv_task *task) {
  free(task);
}

/* A file that stays for want of memory is removed at the next start. */
static void snapshot_discard(void *ctx, const kv_snapshot_file *file) {
  kv_real_devices *devices = ctx;
  discard_task *discard = calloc(1, sizeof *discard);
  if (discard == NULL) {
    return;
  }
  discard->task = (kv_task){.run = run_discard, .done = done_discard};
  discard->directory = devices->snapshot_directory;
  discard->file = *file;
  if (kv_worker_push(devices->snapshot_io, &discard->task.job) != KV_OK) {
    free(discard);
  }
}

/* ---- network, clock ---- */

static int transport_send(void *ctx, uint64_t store_id, const char *address, kv_frame_type type,
                          const raft_bytes *parts, size_t count) {
  return kv_outbound_send(&((kv_real_devices *)ctx)->outbound, store_id, address, type, parts,
                          count);
}

static uint64_t clock_now(void *ctx) {
  return uv_now(((const kv_real_devices *)ctx)->loop);
}

void kv_real_devices_table(kv_real_devices *devices, kv_devices *table) {
  *table = (kv_devices){
      .engine = {.ctx = devices,
                 .apply = engine_apply,
                 .read = engine_read,
                 .is_busy = engine_is_busy},
      .snapshot = {.ctx = devices,
                   .make = snapshot_make,
                   .send = snapshot_send,
                   .install = snapshot_install,
                   .discard = snapshot_discard},
      .transport = {.ctx = devices, .send = transport_send},
      .clock = {.ctx = devices, .now = clock_now},
      .logger = *devices->logger,
  };
  kv_raft_log_device(devices->log, &table->log);
}

void kv_real_devices_kick(kv_real_devices *devices) {
  kv_log_thread_kick(&devices->log_thread);
  kv_engine_threads_kick(&devices->engine);
  kv_worker_kick(devices->snapshot_make);
  kv_worker_kick(devices->snapshot_io);
}

void kv_real_devices_report(kv_real_devices *devices) {
  kv_outbound_report(&devices->outbound);
  kv_departures_report(&devices->departures);
}
