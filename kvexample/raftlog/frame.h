/* frame.h - one group of changes as bytes: what becomes durable, or is torn off, as a whole.
 *
 * A frame is a header, then the meta part (for each region a piece, followed by one entry header an
 * entry), then the payloads of all entries in the same order, then zeros up to a multiple of 8. The
 * checksum of the frame covers header and meta part; each entry header has the checksum of its
 * payload. docs/formats.md has the layout byte by byte.
 *
 * A piece carries the region's hard state and truncation point as they are after it, so the last
 * piece of a region is all that need be kept of its state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_RAFTLOG_FRAME_H
#define KV_RAFTLOG_FRAME_H

#include <libraft/types.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "raftlog/segment.h"

#define KV_LOG_FRAME_HEADER 56u
#define KV_LOG_PIECE        64u
#define KV_LOG_ENTRY_HEADER 24u
/* Frames begin at multiples of this. */
#define KV_LOG_ALIGNMENT 8u

typedef enum kv_log_piece_flag {
  KV_LOG_PIECE_RESET = 1, /* drop all entries before the rest is applied */
  KV_LOG_PIECE_REWRITE =
      2,                /* entries are copies of ones in force: nothing behind them is dropped */
  KV_LOG_PIECE_GONE = 4 /* the region does not exist after this piece */
} kv_log_piece_flag;

typedef struct kv_log_piece {
  uint64_t region_id;
  uint32_t flags;
  uint32_t entry_count;
  raft_hard_state hard_state;
  uint64_t truncated_index;
  uint64_t truncated_term;
  uint64_t first_index; /* of the entries that follow */
} kv_log_piece;

typedef struct kv_log_entry_header {
  uint64_t term;
  uint32_t len; /* of the payload */
  uint32_t crc; /* crc32c of the payload */
  uint8_t type; /* raft_entry_type */
  bool has_data;
} kv_log_entry_header;

typedef struct kv_log_frame_header {
  uint64_t epoch;
  uint64_t sequence; /* of the group; consecutive over all segments */
  uint64_t batch;    /* sequence of the first group that became durable together with this one */
  uint64_t oldest;   /* groups from this one on were still needed when this one was made */
  uint32_t meta_bytes;
  uint32_t payload_bytes;
  uint32_t pieces;
} kv_log_frame_header;

/* A group on its way to the disk. Made and freed by the loop side; in between the writer side owns
 * it. Payloads are referred to, with one reference each, not copied. */
typedef struct kv_log_group {
  struct kv_log_group *next;
  kv_log_segment *segment; /* where it goes */
  uint64_t offset;
  uint64_t token;
  bool has_token;
  kv_log_frame_header header;
  size_t bytes; /* of the whole frame with padding */
  struct iovec *vector;
  size_t vector_count;
  raft_buf **owners;
  size_t owner_count;
  unsigned char *head; /* header and meta part, in the order of adding */
  size_t head_used;
  uint64_t payload_used;
} kv_log_group;

/* Bytes of a frame with padding. */
uint64_t kv_log_frame_bytes(uint64_t meta_bytes, uint64_t payload_bytes);

/* Room for so many pieces, entries and payload bytes; together below 4 GiB. NULL: out of memory. */
kv_log_group *kv_log_group_create(size_t pieces, size_t entries, size_t payload_bytes);
/* Drops the references and frees. NULL is ignored. */
void kv_log_group_free(kv_log_group *group);

/* Adds the next piece; its entries follow by the function below. */
void kv_log_group_add_piece(kv_log_group *group, const kv_log_piece *piece);
/* Adds an entry whose payload lies in `owner`; takes a reference. Returns the offset of the payload
 * inside of the frame. */
uint64_t kv_log_group_add_entry(kv_log_group *group, const kv_log_entry_header *entry,
                                const void *data, raft_buf *owner);
/* Completes the header, which the writer side alone can do, and the vector. */
void kv_log_group_seal(kv_log_group *group, uint32_t salt, uint64_t batch);

/* Does a frame of this epoch begin at `bytes`, and does all of it verify? */
bool kv_log_frame_check(const unsigned char *bytes, size_t available, uint64_t epoch, uint32_t salt,
                        kv_log_frame_header *header);

/* The first place in [from, to) where a frame may begin; `to` when there is none. */
uint64_t kv_log_frame_seek(const unsigned char *bytes, uint64_t from, uint64_t to);

/* Reading a verified frame, piece by piece and entry by entry. */
typedef struct kv_log_frame_reader {
  const unsigned char *frame;
  size_t at; /* in the meta part, from the begin of the frame */
  size_t meta_end;
  size_t payload_at;
  size_t payload_end;
} kv_log_frame_reader;

void kv_log_frame_reader_init(kv_log_frame_reader *reader, const unsigned char *frame,
                              const kv_log_frame_header *header);
/* False: no further one, or the meta part makes no sense. */
bool kv_log_frame_next_piece(kv_log_frame_reader *reader, kv_log_piece *piece);
/* *offset: of the payload inside of the frame. */
bool kv_log_frame_next_entry(kv_log_frame_reader *reader, kv_log_entry_header *entry,
                             size_t *offset);

#endif
