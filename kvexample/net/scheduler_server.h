/* scheduler_server.h - the scheduler as a program: the loop around its deterministic core.
 *
 * One connection a store or tool; each request is answered at once, in order. What the core keeps
 * is committed to LMDB inline, on the loop's thread: it writes when regions change, stores come and
 * ids run out, in transactions of a few records, and nobody waits for it in the path of a write.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_NET_SCHEDULER_SERVER_H
#define KV_NET_SCHEDULER_SERVER_H

#include "base/log.h"
#include "scheduler/scheduler.h"

/* Everything must outlive kv_scheduler_server_run. */
typedef struct kv_scheduler_server_config {
  const char *data_directory;
  const char *listen;             /* host:port, port 0: any */
  const char *version;            /* for the log */
  kv_scheduler_options scheduler; /* cluster_id 0: a random one for a new cluster */
  const kv_logger *logger;
} kv_scheduler_server_config;

/* Runs until SIGTERM or SIGINT (KV_OK), or until it cannot go on. Errors come with a sentence. */
int kv_scheduler_server_run(const kv_scheduler_server_config *config, kv_error *error);

#endif
