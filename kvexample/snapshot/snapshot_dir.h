/* snapshot_dir.h - the directory of snapshot files: names, arrival, removal.
 *
 * A file is made under a name that ends in ".tmp" and gets its own name, "r1-t5-i1200-0.snap", once
 * it is complete and durable. So what has that name is whole, and what has not is rubbish of a
 * process that died.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_SNAPSHOT_SNAPSHOT_DIR_H
#define KV_SNAPSHOT_SNAPSHOT_DIR_H

#include <libraft/bytes.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "raftstore/device.h"

/* "<directory>/<name>", and ".tmp" behind it if temporary. The caller frees; NULL: out of memory.
 */
char *kv_snapshot_path(const char *directory, const char *name, int temporary);

/* Chooses a name in file->name that no file of this directory has, from the other fields. */
int kv_snapshot_choose_name(const char *directory, kv_snapshot_file *file, kv_error *error);

/* Gives a finished and synced temporary file its name, durably. */
int kv_snapshot_publish(const char *directory, const char *name, kv_error *error);

/* Deletes the file, its temporary form too; that there is none is no error. */
void kv_snapshot_remove(const char *directory, const char *name);

/* Deletes all snapshot files, temporary ones included, but those in `keep`. Files that are not
 * snapshots stay. Only while no file is being made or received. */
int kv_snapshot_collect(const char *directory, const char *const *keep, size_t keep_count,
                        kv_error *error);

/* ---- arrival from another store ----
 *
 * begin, chunk ..., end. The meta is what came in raft_snapshot.data; it says how long the file
 * must be and which checksum it must have. Any failure deletes what has arrived.
 * KV_ECORRUPT: not what the meta says; KV_EFULL: no space; KV_EINVAL, KV_EIO, KV_ENOMEM. */
typedef struct kv_snapshot_receiver kv_snapshot_receiver;

int kv_snapshot_receive_begin(const char *directory, raft_slice meta,
                              kv_snapshot_receiver **receiver, kv_error *error);
/* After a failure only abort may follow. */
int kv_snapshot_receive_chunk(kv_snapshot_receiver *receiver, const void *data, size_t len,
                              kv_error *error);
/* Verifies every byte, makes the file durable, says where it is. Frees the receiver in any case. */
int kv_snapshot_receive_end(kv_snapshot_receiver *receiver, kv_snapshot_file *file,
                            kv_error *error);
/* Gives up. NULL is ignored. */
void kv_snapshot_receive_abort(kv_snapshot_receiver *receiver);

#endif
