/* admin.h - what operators ask of a region's leader, in bytes: the body of an administrative
 * request.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_RAFTSTORE_ADMIN_H
#define KV_RAFTSTORE_ADMIN_H

#include <libraft/bytes.h>
#include <stdint.h>

#include "raftstore/store.h"

/* Numbers are on the wire. */
typedef enum kv_admin_kind {
  KV_ADMIN_TRANSFER = 1,
  KV_ADMIN_ADD_PEER = 2,
  KV_ADMIN_REMOVE_PEER = 3,
  KV_ADMIN_COMPACT = 4,
  KV_ADMIN_SPLIT = 5
} kv_admin_kind;

typedef struct kv_admin {
  kv_admin_kind kind;
  uint64_t store_id;
  uint64_t index;
  char address[KV_MAX_ADDRESS + 1];
  raft_slice key; /* borrowed; of a decoded one from its body */
} kv_admin;

/* Writes it into buf and sets *len. KV_EFULL. */
int kv_admin_encode(const kv_admin *admin, void *buf, size_t size, size_t *len);
/* KV_ECORRUPT. */
int kv_admin_decode(raft_slice body, kv_admin *admin);

#define KV_ADMIN_BYTES (KV_MAX_ADDRESS + KV_MAX_KEY + 64)

#endif
