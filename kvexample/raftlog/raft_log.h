/* raft_log.h - the raft log of one store: entries and hard states of all regions in one stream.
 *
 * The log has two sides and no thread of its own. The loop side (open, write, the reading
 * functions, take, done, tick, close) is one thread's. The writer side is one function,
 * kv_raft_log_perform, for any other thread or the same one; whoever passes the work across must
 * order the memory accesses, as every queue with a lock does.
 *
 *   loop    kv_raft_log_write ... kv_raft_log_write, kv_raft_log_take -> work
 *   writer  kv_raft_log_perform(work)           one pwritev and one fdatasync for all that was
 * queued loop    kv_raft_log_done(work, report)      reports the tokens of what is now durable, in
 * order
 *
 * Cost: memory for every entry that is kept (48 bytes each) and for the payloads of the newest
 * ones. docs/formats.md describes the files.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_RAFTLOG_RAFT_LOG_H
#define KV_RAFTLOG_RAFT_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/log.h"
#include "raftlog/files.h"
#include "raftstore/device.h"

typedef struct kv_raft_log_options {
  const char *directory;     /* made if it does not exist; its parent does */
  uint64_t segment_bytes;    /* of one file; 0: 64 MiB; at least 64 KiB, rounded up to 4 KiB */
  size_t cache_bytes;        /* of payloads in memory besides undurable ones; 0: 32 MiB */
  size_t queue_bytes;        /* not yet durable, beyond which write answers KV_EBUSY; 0: 64 MiB */
  uint64_t cluster_id;       /* whose log it is; 0: not checked and not recorded */
  uint64_t store_id;         /* same */
  const kv_logger *logger;   /* NULL: silent; must outlive the log */
  const kv_log_files *files; /* NULL: the operating system's; must outlive the log */
} kv_raft_log_options;

typedef struct kv_raft_log kv_raft_log;
typedef struct kv_log_work kv_log_work;

typedef struct kv_raft_log_stats {
  size_t segments;     /* files in use, the active one included */
  uint64_t file_bytes; /* of these files */
  uint64_t live_bytes; /* of entries that can be read */
  size_t cached_bytes;
  size_t queued_bytes; /* written and not yet durable */
  uint64_t groups;     /* made durable since the log was first created */
  uint64_t syncs;      /* of data, since open */
  bool disk_full;
} kv_raft_log_stats;

/* Opens the log, or creates it. What is in the directory is read and verified: an incomplete write
 * at the end is dropped, as whole groups that nobody was told of; anything else that does not
 * verify refuses. *log is NULL on failure, and error says what is wrong, where, and what to do.
 * KV_EFOREIGN: the files are another store's, or another format's. KV_EBUSY: another process
 * has the log open. KV_ECORRUPT, KV_EIO, KV_EFULL, KV_ENOMEM, KV_EINVAL (options). */
int kv_raft_log_open(const kv_raft_log_options *options, kv_raft_log **log, kv_error *error);

/* Closes and frees. Work that was taken must have been given back. What was queued and not
 * performed is lost, and its tokens are not reported. NULL is ignored. */
void kv_raft_log_close(kv_raft_log *log);

/* Applies the changes to what the reading functions see, and queues them as one group: all of it
 * becomes durable, or none. Entry payloads with an owner are retained, others copied. compact_to
 * beyond the last entry means the last entry. On any error nothing has changed.
 * KV_EINVAL: entries that do not follow on from what is there, or begin below it. KV_EBUSY: the
 * queue is full. KV_EFULL: the disk is full; hard states are still taken while the room that is
 * kept for them lasts. KV_EIO: the log has failed before. KV_ENOMEM. O(size of the changes). */
int kv_raft_log_write(kv_raft_log *log, const kv_log_change *changes, size_t count, uint64_t token);

/* Reading; see kv_log_device. Payloads come with an owner and one reference, which the caller
 * drops. entries: KV_EIO or KV_ECORRUPT when a file cannot be read back, with a line in the log. */
int kv_raft_log_bounds(kv_raft_log *log, uint64_t region_id, kv_log_bounds *bounds);
int kv_raft_log_term(kv_raft_log *log, uint64_t region_id, uint64_t index, uint64_t *term);
int kv_raft_log_entries(kv_raft_log *log, uint64_t region_id, uint64_t lo, uint64_t hi,
                        uint64_t max_bytes, raft_entry *out, size_t *count);
/* Stops at the first visit that is not 0 and returns it. No writing in a visit. */
int kv_raft_log_each_region(kv_raft_log *log, int (*visit)(void *arg, uint64_t region_id),
                            void *arg);
/* Bytes of the region's entries in the log; 0 for an unknown region. */
uint64_t kv_raft_log_region_bytes(const kv_raft_log *log, uint64_t region_id);

/* Everything that is queued, as one piece of work; NULL: nothing is, or work is under way. */
kv_log_work *kv_raft_log_take(kv_raft_log *log);

/* Writer side: writes and syncs, and prepares the next file ahead of need. 0, KV_EFULL: some or all
 * of it could not be written for want of space, and will be tried again; KV_EIO: the log has failed
 * and the program must end, because what a failed fdatasync left behind is not known. */
int kv_raft_log_perform(kv_log_work *work);

/* Takes performed work back. report is called for each token that is now durable, with rc 0, in the
 * order of the writes, and after a failure for each that will not be, with KV_EIO; it may call
 * write. Returns what perform returned; error, which may be NULL, gets its sentence. After KV_EFULL
 * the rest is queued again and tried after the next kv_raft_log_tick. */
int kv_raft_log_done(kv_raft_log *log, kv_log_work *work,
                     void (*report)(void *ctx, uint64_t token, int rc), void *ctx, kv_error *error);

/* Call it from time to time (each 100 ms): the next take tries again what a full disk stopped. */
void kv_raft_log_tick(kv_raft_log *log);

void kv_raft_log_get_stats(const kv_raft_log *log, kv_raft_log_stats *stats);

/* The device by which the deterministic core sees this log. */
void kv_raft_log_device(kv_raft_log *log, kv_log_device *device);

#endif
