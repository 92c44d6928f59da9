/* scheduler.h - the placement driver: which stores and regions there are, and where they should be.
 *
 * A deterministic state machine like the store's core: it has no clock, no sockets and no threads.
 * Requests and the time come in, responses go out; what must survive is in an engine. The program
 * (cmd/kvscheduler.c) and the simulator drive it by the same four calls.
 *
 * It never speaks first: what it wants of a region goes with the response to that region's
 * heartbeat, again and again until the heartbeats show it done.
 *
 * Thread rule: one thread at a time. Times are milliseconds of a monotonic clock.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_SCHEDULER_SCHEDULER_H
#define KV_SCHEDULER_SCHEDULER_H

#include "base/error.h"
#include "base/log.h"
#include "engine/engine.h"
#include "scheduler/config.h"
#include "scheduler/message.h"

typedef struct kv_scheduler kv_scheduler;

typedef struct kv_scheduler_options {
  uint64_t cluster_id;        /* of a cluster that is made now; not 0. A stored one wins. */
  kv_scheduler_config config; /* kv_scheduler_config_init first; what was set by request wins */
  kv_logger logger;
} kv_scheduler_options;

/* Reads what the engine holds, or begins a new cluster there. The engine is borrowed and must
 * outlive the scheduler. KV_EINVAL: options; KV_ECORRUPT, KV_EFOREIGN: not a scheduler's data;
 * KV_ENOMEM and whatever the engine fails with. error may be NULL. */
int kv_scheduler_open(const kv_scheduler_options *options, kv_engine *engine, uint64_t now_ms,
                      kv_scheduler **scheduler, kv_error *error);
void kv_scheduler_close(kv_scheduler *scheduler); /* NULL: nothing */

/* Fills *response, always; clear it (kv_scheduler_response_clear) before the next call of the
 * scheduler. The request is borrowed. What the response promises is durable. */
void kv_scheduler_handle(kv_scheduler *scheduler, uint64_t now_ms,
                         const kv_scheduler_request *request, kv_scheduler_response *response);
/* The same for the payloads of frames. *answer: a new buffer with one reference. KV_ECORRUPT: not a
 * request, close the connection. KV_ENOMEM. */
int kv_scheduler_handle_frame(kv_scheduler *scheduler, uint64_t now_ms, raft_bytes frame,
                              raft_buf **answer);

/* Call it every 100 ms or so: time-outs, store states, balancing. */
void kv_scheduler_tick(kv_scheduler *scheduler, uint64_t now_ms);

uint64_t kv_scheduler_cluster_id(const kv_scheduler *scheduler);

#endif
