/* departure.h - snapshots on their way to other stores, each on a connection of its own.
 *
 * A departure reads its file on the snapshot thread, chunk by chunk, never further ahead of the
 * receiver's acknowledgements than a window. Those that are too many at a time wait their turn.
 * Each ends with one kv_store_snapshot_sent, delivered by kv_departures_report.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_NET_DEPARTURE_H
#define KV_NET_DEPARTURE_H

#include "base/log.h"
#include "net/connection.h"
#include "net/frame.h"
#include "net/worker.h"

typedef struct kv_departure kv_departure;

/* Zero-initialise and fill in before the first departure. */
typedef struct kv_departures {
  kv_connections *connections;
  kv_store *store;
  const kv_logger *logger;
  kv_hello own;
  kv_worker *snapshot_io; /* of tasks: reads the files */
  const char *snapshot_directory;
  size_t max_running;
  uint64_t timeout_ms; /* without progress */

  /* Kept by departure.c: in order; the first ones run, the others wait. */
  kv_departure *first;
  size_t running;
  bool closed;
} kv_departures;

/* kv_snapshot_device.send. The file must stay until the departure is over. */
int kv_departures_send(kv_departures *departures, uint64_t to_store, const char *address,
                       const kv_snapshot_file *file, raft_buf *envelope, uint64_t region_id,
                       uint64_t to_peer);

/* Tells the store of those that are over and starts waiting ones; before kv_store_flush. */
void kv_departures_report(kv_departures *departures);

/* Ends those without progress; from time to time. */
void kv_departures_check(kv_departures *departures, uint64_t now);

/* Ends all. Memory is free once the connections are closed and the worker is stopped. */
void kv_departures_close(kv_departures *departures);
void kv_departures_free(kv_departures *departures);

#endif
