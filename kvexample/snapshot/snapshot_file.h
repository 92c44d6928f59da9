/* snapshot_file.h - one file with the records of a key range, protected by checksums.
 *
 * Written from front to end by a writer, read from front to end by a reader that believes nothing:
 * lengths are bounded before memory is allocated, every chunk is checked before its records are
 * handed out, and the last record has been read only once the trailer agrees with the whole file.
 * Format: docs/formats.md, "Snapshot files".
 *
 * One thread at a time for each writer and reader. Errors come with a sentence in *error (may be
 * NULL): KV_EIO, KV_EFULL, KV_ENOMEM, KV_EINVAL; of the reader also KV_ECORRUPT.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_SNAPSHOT_SNAPSHOT_FILE_H
#define KV_SNAPSHOT_SNAPSHOT_FILE_H

#include <libraft/bytes.h>
#include <stdint.h>

#include "base/error.h"

/* What the records are about, in bytes that only their owner understands. */
#define KV_SNAPSHOT_MAX_HEAD (64u << 10)

/* Known at the end of a file. */
typedef struct kv_snapshot_sum {
  uint64_t keys;
  uint64_t bytes;    /* of the file */
  uint64_t checksum; /* XXH3 of all bytes before it */
} kv_snapshot_sum;

typedef struct kv_snapshot_writer kv_snapshot_writer;

/* Makes the file; KV_EINVAL if it exists. `path` is copied. */
int kv_snapshot_writer_open(const char *path, raft_slice head, kv_snapshot_writer **writer,
                            kv_error *error);
/* Keys must ascend. */
int kv_snapshot_writer_add(kv_snapshot_writer *writer, raft_slice key, raft_slice value,
                           kv_error *error);
/* Writes what is left and the trailer; the file is complete, but not yet durable. */
int kv_snapshot_writer_finish(kv_snapshot_writer *writer, kv_snapshot_sum *sum, kv_error *error);
/* Makes a finished file durable. */
int kv_snapshot_writer_sync(kv_snapshot_writer *writer, kv_error *error);
/* Closes the file, in whatever state. NULL is ignored. */
void kv_snapshot_writer_close(kv_snapshot_writer *writer);

typedef struct kv_snapshot_reader kv_snapshot_reader;

int kv_snapshot_reader_open(const char *path, kv_snapshot_reader **reader, kv_error *error);
/* Valid until the reader is closed. */
raft_slice kv_snapshot_reader_head(const kv_snapshot_reader *reader);
/* The next record, valid until the next call; KV_ENOTFOUND: that was the last one, and the whole
 * file is as it was written. */
int kv_snapshot_reader_next(kv_snapshot_reader *reader, raft_slice *key, raft_slice *value,
                            kv_error *error);
/* After the last record. */
kv_snapshot_sum kv_snapshot_reader_sum(const kv_snapshot_reader *reader);
void kv_snapshot_reader_close(kv_snapshot_reader *reader); /* NULL is ignored */

#endif
