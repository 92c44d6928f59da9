/* data_directory.h - where a store keeps everything, and whose it is.
 *
 *   IDENT     format, cluster and store; written at the first start
 *   address   where the running store listens
 *   log/      the raft log
 *   db/       the state machine
 *   snap/     snapshots on their way
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_NET_DATA_DIRECTORY_H
#define KV_NET_DATA_DIRECTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

typedef struct kv_data_directory {
  char *path;
  char *log;
  char *db;
  char *snap;
  int lock;            /* file descriptor that keeps other processes out */
  bool fresh;          /* IDENT was missing */
  uint64_t cluster_id; /* from IDENT unless fresh */
  uint64_t store_id;
} kv_data_directory;

/* Makes what is missing of the directory itself and locks it. KV_EBUSY: another process has it;
 * KV_EFOREIGN: IDENT is of another format; KV_ECORRUPT, KV_EIO, KV_ENOMEM. */
int kv_data_directory_open(const char *path, kv_data_directory *directory, kv_error *error);

/* Makes the folders that are missing. */
int kv_data_directory_prepare(const kv_data_directory *directory, kv_error *error);

/* The last step of a first start: writes IDENT, durably. What was made before, by a start that did
 * not get that far, must be such that it can be made again. */
int kv_data_directory_claim(kv_data_directory *directory, uint64_t cluster_id, uint64_t store_id,
                            kv_error *error);

/* Tells scripts where the store listens. */
int kv_data_directory_publish(const kv_data_directory *directory, const char *address,
                              kv_error *error);

/* Removes the address, unlocks. */
void kv_data_directory_close(kv_data_directory *directory);

#endif
