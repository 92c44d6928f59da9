/* devices.h - the real devices of the deterministic core: log, engine, snapshots, network, clock.
 *
 * They only translate: what a device asks for is done by the parts named in the struct. Nothing
 * calls back into the core from here; completions come through the loop, in kv_devices_report and
 * from the workers.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_NET_DEVICES_H
#define KV_NET_DEVICES_H

#include "net/departure.h"
#include "net/engine_threads.h"
#include "net/log_thread.h"
#include "net/outbound.h"
#include "net/worker.h"

typedef struct kv_real_devices {
  uv_loop_t *loop;
  kv_store *store; /* set once it is open */
  const kv_logger *logger;
  kv_raft_log *log;
  kv_log_thread log_thread;
  kv_engine_threads engine;
  kv_worker *snapshot_make; /* of tasks: copies regions into files */
  kv_worker *snapshot_io;   /* of tasks: chunks, removal */
  const char *snapshot_directory;
  kv_outbound outbound;
  kv_departures departures;
} kv_real_devices;

/* Fills the core's table. */
void kv_real_devices_table(kv_real_devices *devices, kv_devices *table);

/* Hands over to the threads what a kv_store_flush has asked for. */
void kv_real_devices_kick(kv_real_devices *devices);
/* Completions that no thread delivers; before kv_store_flush. */
void kv_real_devices_report(kv_real_devices *devices);

#endif
