/* log_state.h - the two halves of a raft log, for the files that share them.
 *
 * raft_log.c writes and reads (loop side), writer.c performs (writer side), recovery.c fills both
 * before either runs, gc.c frees segments (loop side).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_RAFTLOG_LOG_STATE_H
#define KV_RAFTLOG_LOG_STATE_H

#include "raftlog/log_index.h"
#include "raftlog/raft_log.h"

enum { KV_LOG_VECTOR = 1024, KV_LOG_SPARES = 4 };

typedef enum kv_log_next { KV_LOG_NEXT_MAKING, KV_LOG_NEXT_READY, KV_LOG_NEXT_FULL } kv_log_next;

/* ---- writer side ---- */

/* The file that becomes the next segment. */
typedef struct kv_log_maker {
  int fd;           /* -1: none begun */
  uint64_t bytes;   /* size that it shall have */
  uint64_t written; /* zeros written so far */
  bool ready;       /* it is a segment of this epoch, with a header and durable */
  uint64_t epoch;
  uint32_t salt;
  char name[KV_LOG_NAME_SIZE];
} kv_log_maker;

typedef struct kv_log_writer {
  const kv_log_files *files;
  char *path; /* for messages */
  int directory;
  uint64_t segment_bytes;
  uint64_t cluster_id;
  uint64_t store_id;
  uint64_t next_number;           /* for names of spares and partial files */
  uint64_t spares[KV_LOG_SPARES]; /* numbers of files that can be used again */
  size_t spare_count;
  kv_log_maker next;
  uint64_t syncs;
  struct iovec vector[KV_LOG_VECTOR];
} kv_log_writer;

/* ---- what travels ---- */

typedef struct kv_log_groups {
  kv_log_group *first;
  kv_log_group *last;
} kv_log_groups;

struct kv_log_work {
  kv_log_writer *writer;
  kv_log_groups todo;
  kv_log_groups performed;
  kv_log_segment *active;  /* the newest segment: the next one is prepared behind it */
  kv_log_segment *retired; /* a list of segments whose files are free */
  bool under_way;
  int rc;
  kv_log_next next;
  kv_error error;
};

/* ---- loop side ---- */

struct kv_raft_log {
  const kv_logger *logger;
  int lock; /* descriptor of the lock file */
  size_t queue_bytes;
  kv_log_index index;

  /* Segments in the order of their epochs. All groups are assigned to places when they are queued:
   * tail is where the next one goes in the active segment. */
  kv_log_segment *oldest;
  kv_log_segment *active;
  kv_log_segment *reserved; /* object for the segment to roll to, made before it is needed */
  uint64_t tail;
  size_t segments;
  uint64_t file_bytes;

  /* durable < next_sequence; the groups in between are queued or under way. `oldest_needed` is the
   * first group that is still needed, as stamped on frames. */
  uint64_t next_sequence;
  uint64_t durable;
  uint64_t oldest_needed;
  uint64_t writes; /* calls of write so far; marks plans */

  kv_log_groups queue;
  size_t queued_bytes;
  kv_log_work work;

  kv_log_next next; /* what the writer last said about the next segment */
  uint64_t syncs;   /* the writer's count when it last said something */
  bool full;        /* the last work could not all be written */
  bool retry;       /* a tick has passed since */
  bool failed;      /* for good */

  /* Forward rewriting: bytes that may be spent, and where to look on: slot of the region, index. */
  int64_t allowance;
  size_t cursor_slot;
  uint64_t cursor_index;

  kv_log_writer writer;
};

void kv_log_groups_push(kv_log_groups *list, kv_log_group *group);
kv_log_group *kv_log_groups_pop(kv_log_groups *list);

/* raft_log.c: gives a group its place, stamps it and queues it. */
void kv_log_enqueue(kv_raft_log *log, kv_log_group *group);
/* KV_OK: a frame of so many bytes may be queued. KV_EFULL otherwise. The place is made by
 * kv_log_enqueue. `weighty`: it has entries, so it may not use the reserve for hard states. */
int kv_log_admit(const kv_raft_log *log, uint64_t frame_bytes, bool weighty);
/* raft_log.c: makes sure that there is a segment object to roll to; KV_ENOMEM. */
int kv_log_ready_place(kv_raft_log *log, uint64_t frame_bytes);

/* log_read.c: payload of an entry with one reference of its own; KV_EIO, KV_ECORRUPT, KV_ENOMEM. */
int kv_log_load(kv_raft_log *log, const kv_log_region *region, uint64_t index, raft_bytes *data);

/* recovery.c: fills index, segments and writer from the directory. */
int kv_log_recover(kv_raft_log *log, kv_error *error);

/* gc.c: finds segments that are not needed, and writes forward what pins the oldest one. */
void kv_log_collect(kv_raft_log *log);
/* gc.c: moves segments whose end is durable to the work. */
void kv_log_retire(kv_raft_log *log, kv_log_work *work);

/* writer.c */
int kv_log_writer_open(kv_log_writer *writer, const kv_raft_log_options *options, kv_error *error);
void kv_log_writer_close(kv_log_writer *writer);
/* Puts a new file to use as this segment. */
int kv_log_writer_roll(kv_log_writer *writer, kv_log_segment *segment, kv_error *error);
int kv_log_writer_sync_directory(kv_log_writer *writer, kv_error *error);
/* Fills [from, to) of a file with zeros. */
int kv_log_writer_fill(kv_log_writer *writer, int fd, uint64_t from, uint64_t to, kv_error *error);

#endif
