/* segment.h - one file of the raft log: its name, its header, and the account of what it holds.
 *
 * A segment is a file of fixed size whose blocks were all written once, so that making an appended
 * group durable changes no metadata. Its header of one block names the format, the store it belongs
 * to and its epoch, a number that grows with every segment put to use and is part of every frame:
 * what an earlier life of the same file left behind it is recognised by another epoch.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_RAFTLOG_SEGMENT_H
#define KV_RAFTLOG_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Bytes of the header; frames begin behind it. */
#define KV_LOG_SEGMENT_HEADER 4096u
#define KV_LOG_FORMAT         1u
/* Room for the longest of the names below. */
#define KV_LOG_NAME_SIZE 40u

typedef struct kv_log_segment_header {
  uint64_t epoch;
  uint64_t bytes; /* of the whole file */
  uint64_t cluster_id;
  uint64_t store_id;
  uint32_t salt; /* where the checksums of this segment's frames start; drawn at random */
} kv_log_segment_header;

/* A segment in use. The loop side owns it; the writer side sets fd and salt when it puts the file
 * to use, before the loop side looks at them. */
typedef struct kv_log_segment {
  struct kv_log_segment *next; /* the one with the next epoch */
  uint64_t epoch;
  uint64_t bytes;
  uint64_t first_sequence; /* of the first group in it; 0: none yet */
  uint64_t retire_after;   /* when this group is durable the file is free; 0: still needed */
  size_t live;             /* entries and region states in it that are in force */
  uint32_t salt;
  int fd; /* -1: not put to use yet */
} kv_log_segment;

typedef enum kv_log_file_kind {
  KV_LOG_FILE_OTHER,   /* not ours */
  KV_LOG_FILE_SEGMENT, /* in use, or ready for it; the number is its epoch */
  KV_LOG_FILE_SPARE,   /* written once, content without meaning */
  KV_LOG_FILE_PARTIAL  /* being made when the program ended */
} kv_log_file_kind;

/* Writes the name of a file of a kind to name[KV_LOG_NAME_SIZE]. */
void kv_log_file_name(kv_log_file_kind kind, uint64_t number, char *name);

/* What a directory entry is; *number is set for segments and spares. */
kv_log_file_kind kv_log_file_parse(const char *name, uint64_t *number);

/* Fills block[KV_LOG_SEGMENT_HEADER]. */
void kv_log_segment_header_encode(const kv_log_segment_header *header, unsigned char *block);

/* Reads a block of which `len` bytes exist. `name` is for messages. KV_EFOREIGN: not a segment, or
 * of another format; KV_ECORRUPT: a segment whose header does not verify. */
int kv_log_segment_header_decode(const unsigned char *block, size_t len, const char *name,
                                 kv_log_segment_header *header, kv_error *error);

/* NULL: out of memory. */
kv_log_segment *kv_log_segment_create(uint64_t epoch, uint64_t bytes);

/* Closes the file, if it is open, and frees. NULL is ignored. */
void kv_log_segment_free(kv_log_segment *segment);

#endif
