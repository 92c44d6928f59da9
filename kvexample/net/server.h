/* server.h - one store as a program: the loop that brings core, devices and connections together.
 *
 * A turn of the loop: what has arrived is handed to the core, kv_store_flush, then everything that
 * came out leaves together: the raft log to its thread first, frames and answers next.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_NET_SERVER_H
#define KV_NET_SERVER_H

#include "base/log.h"
#include "net/client.h"
#include "raftstore/store.h"

/* Fill with kv_server_config_init, then set what differs. Everything must outlive kv_server_run. */
typedef struct kv_server_config {
  const char *data_directory;
  const char *listen;    /* host:port, port 0: any; NULL: the own address of `members` */
  const char *advertise; /* where other stores reach this one; NULL: where it listens */
  const char *join;      /* an address of a running cluster, or NULL */
  const char *scheduler; /* host:port of the cluster's scheduler; NULL: there is none */
  const char *version;   /* shown to clients */
  kv_store_config store; /* store_id and cluster_id 0: what the data directory says */
  bool cluster_given;    /* store.cluster_id was chosen, not assumed */
  kv_client_limits clients;
  uint64_t log_segment_bytes; /* 0: default */
  uint64_t map_bytes;         /* of the engine; 0: default */
  bool engine_sync;           /* answer after the engine's commit to disk, not before */
  size_t generation_bytes;    /* otherwise: committed in memory before it is written, ... */
  uint64_t generation_ms;     /* ... in bytes and in age */
  size_t link_bytes;          /* queue of frames to one store */
  uint64_t snapshot_timeout_ms;
  uint64_t stop_ms; /* how long a stop waits for answers that are due */
  const kv_logger *logger;
} kv_server_config;

void kv_server_config_init(kv_server_config *config);

/* Runs until SIGTERM or SIGINT (KV_OK; a second one ends it at once), or until the store cannot go
 * on. Errors come with a sentence: KV_EINVAL (configuration), KV_EFOREIGN, KV_EBUSY (data
 * directory or address in use), KV_ECORRUPT, KV_EIO, KV_EFULL, KV_ENOMEM. */
int kv_server_run(const kv_server_config *config, kv_error *error);

#endif
