/* device.h - everything that the deterministic raftstore core asks of the world.
 *
 * The core calls these and returns at once; what takes time is answered later by the completion
 * function of store.h that is named at each, called on the core's thread from outside of any other
 * core call. Real devices use threads, the simulator a schedule. Requests are never dropped
 * silently: each gets its completion, with an error if need be, unless the store is closed first.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_RAFTSTORE_DEVICE_H
#define KV_RAFTSTORE_DEVICE_H

#include <libraft/raft.h>

#include "base/error.h"
#include "base/log.h"

/* ---- raft log: many regions' entries and hard states in one durable stream ---- */

/* One region's part of a write. Applied in the order of the fields. */
typedef struct kv_log_change {
  uint64_t region_id;
  bool destroy; /* forget the region: log, hard state and all */
  bool reset;   /* drop all entries; the log now begins behind (reset_index, reset_term) */
  uint64_t reset_index;
  uint64_t reset_term;
  raft_hard_state hard_state; /* all zero: unchanged */
  const raft_entry
      *entries; /* consecutive; replace what stands at their indexes and behind. Retained */
  size_t entry_count;
  uint64_t compact_to; /* entries <= this index may be forgotten; 0: unchanged */
} kv_log_change;

typedef struct kv_log_bounds {
  uint64_t first_index; /* entries [first, last] can be read; last = first - 1: none */
  uint64_t last_index;
  uint64_t truncated_term; /* term of first_index - 1 */
  raft_hard_state hard_state;
  uint64_t bytes; /* of the entries that can be read; 0: not counted */
} kv_log_bounds;

typedef struct kv_log_device {
  void *ctx;
  /* Makes the changes visible to the reading functions at once, in call order, and durable later:
   * kv_store_log_written(store, token, rc). Everything queued becomes durable in call order. A
   * failed write is fatal for the program. KV_EBUSY: the queue is full, KV_EFULL: the disk is;
   * nothing was taken, it is offered again. */
  int (*write)(void *ctx, const kv_log_change *changes, size_t count, uint64_t token);
  /* Reading, answered at once. KV_ENOTFOUND: no such region. */
  int (*bounds)(void *ctx, uint64_t region_id, kv_log_bounds *bounds);
  /* As raft_storage.term and .entries, RAFT_ECOMPACTED and RAFT_EUNAVAILABLE included. */
  int (*term)(void *ctx, uint64_t region_id, uint64_t index, uint64_t *term);
  int (*entries)(void *ctx, uint64_t region_id, uint64_t lo, uint64_t hi, uint64_t max_bytes,
                 raft_entry *out, size_t *count);
  /* Every region that has a log, one call each; for start-up. */
  int (*each_region)(void *ctx, int (*visit)(void *arg, uint64_t region_id), void *arg);
} kv_log_device;

/* ---- state machine ---- */

typedef struct kv_apply_task kv_apply_task; /* apply.h */
typedef struct kv_read_task kv_read_task;   /* read.h */

/* Tasks are owned objects that travel: the device runs them (kv_apply_run inside a write
 * transaction that it commits, kv_read_run inside a read transaction), many in one transaction, in
 * order, and gives them back: kv_store_applied(store, task), kv_store_read_done(store, task), with
 * task->rc set. What is committed must be visible then; it may become durable later, but for
 * barriers (apply.h), and kv_store_durable tells. */
typedef struct kv_engine_device {
  void *ctx;
  int (*apply)(void *ctx, kv_apply_task *task); /* KV_EBUSY: not taken */
  int (*read)(void *ctx, kv_read_task *task);   /* KV_EBUSY: not taken */
  /* Is it so far behind that clients' writes should be refused? NULL: never. What is committed is
   * offered all the same. */
  bool (*is_busy)(void *ctx);
} kv_engine_device;

/* ---- snapshots ---- */

/* A snapshot file that exists on this store, complete and verified. `meta` is what travels in
 * raft_snapshot.data: region, checksum, size (snapshot.h encodes and decodes it). */
typedef struct kv_snapshot_file {
  uint64_t region_id;
  uint64_t index;
  uint64_t term;
  uint64_t bytes;
  char name[96]; /* file name inside the store's snapshot directory */
} kv_snapshot_file;

typedef struct kv_snapshot_device {
  void *ctx;
  /* Copies the region's range and states from one read transaction into a file:
   * kv_store_snapshot_made(store, region_id, rc, &file, meta). */
  int (*make)(void *ctx, uint64_t region_id);
  /* Streams the file and then the message to a store, on a connection of its own:
   * kv_store_snapshot_sent(store, region_id, to_peer, rc). `envelope` is retained. */
  int (*send)(void *ctx, uint64_t to_store, const char *address, const kv_snapshot_file *file,
              raft_buf *envelope, uint64_t region_id, uint64_t to_peer);
  /* Replaces the region's data and states by a received file, crash-atomically, after the tasks
   * handed to the engine before: kv_store_snapshot_installed(store, region_id, rc). */
  int (*install)(void *ctx, uint64_t region_id, const kv_snapshot_file *file);
  /* The file is not needed any more. */
  void (*discard)(void *ctx, const kv_snapshot_file *file);
} kv_snapshot_device;
/* Arrival of a snapshot: kv_store_snapshot_received(store, envelope, &file). */

/* ---- network ---- */

/* Kinds of frame between stores; numbers are on the wire. */
typedef enum kv_frame_type {
  KV_FRAME_HELLO = 1,   /* who speaks: store id, cluster id (the shell's) */
  KV_FRAME_RAFT = 2,    /* one raft envelope */
  KV_FRAME_FORWARD = 3, /* a client command for the leader */
  KV_FRAME_FORWARD_REPLY = 4,
  KV_FRAME_SNAPSHOT_BEGIN = 5, /* the shell's: chunks of a snapshot file */
  KV_FRAME_SNAPSHOT_CHUNK = 6,
  KV_FRAME_SNAPSHOT_END = 7,
  KV_FRAME_SNAPSHOT_ACK = 8,
  KV_FRAME_SCHEDULER_REQUEST = 9, /* to the scheduler, which answers each (the shell's) */
  KV_FRAME_SCHEDULER_RESPONSE = 10,
  KV_FRAME_BEATS = 11,       /* heartbeats and signs of life (beat.h) */
  KV_FRAME_RAW_REQUEST = 12, /* of a client, which is answered on its connection (the shell's) */
  KV_FRAME_RAW_RESPONSE = 13
} kv_frame_type;

typedef struct kv_transport_device {
  void *ctx;
  /* Queues one frame to a store; the address says where it was last known to live. The parts are
   * copied or retained (those with an owner). May be lost: then, or when the connection breaks,
   * kv_store_unreachable(store, store_id). A frame is delivered at most once:
   * kv_store_receive(store, from_store, type, payload). KV_EBUSY: queue full, lost. */
  int (*send)(void *ctx, uint64_t store_id, const char *address, kv_frame_type type,
              const raft_bytes *parts, size_t count);
} kv_transport_device;

/* ---- scheduler ---- */

/* The way to the cluster's scheduler. send NULL: there is none, members are static. */
typedef struct kv_scheduler_device {
  void *ctx;
  /* Sends one request (scheduler/message.h), copied. It or its response may be lost: what matters
   * is asked again. Responses: kv_store_scheduler_received(store, response). Other than KV_OK: not
   * sent, there is no connection now. */
  int (*send)(void *ctx, raft_bytes request);
} kv_scheduler_device;

/* ---- time ---- */

typedef struct kv_clock_device {
  void *ctx;
  uint64_t (*now)(void *ctx); /* milliseconds, monotonic */
} kv_clock_device;
/* kv_store_tick(store) is called every kv_store_config.tick_ms. */

typedef struct kv_devices {
  kv_log_device log;
  kv_engine_device engine;
  kv_snapshot_device snapshot;
  kv_transport_device transport;
  kv_clock_device clock;
  kv_logger logger;
  kv_scheduler_device scheduler;
} kv_devices;

#endif
