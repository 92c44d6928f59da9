/* entry_size.h - how many bytes an entry has in raftpb, as fast as it can be said.
 *
 * All byte limits count this, so it is asked several times for each entry on its way. It is what
 * the codec writes: fields that are zero or absent take no room, present but empty data does.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RAFT_ENTRY_SIZE_H
#define RAFT_ENTRY_SIZE_H

#include <libraft/types.h>

/* Bytes of a protobuf varint: seven bits each. For 1 to 64 bits, (9 * bits + 64) / 64 is
 * bits / 7 rounded up. */
static inline uint64_t raft_varint_bytes(uint64_t value) {
  uint64_t bits = 64 - (uint64_t)__builtin_clzll(value | 1);
  return (9 * bits + 64) / 64;
}

/* A number field with its one-byte tag. */
static inline uint64_t raft_number_bytes(uint64_t value) {
  return value == 0 ? 0 : 1 + raft_varint_bytes(value);
}

static inline uint64_t raft_entry_bytes(const raft_entry *entry) {
  uint64_t bytes = raft_number_bytes((uint64_t)entry->type) + raft_number_bytes(entry->term) +
                   raft_number_bytes(entry->index);
  if (entry->data.data != NULL) {
    bytes += 1 + raft_varint_bytes(entry->data.len) + entry->data.len;
  }
  return bytes;
}

#endif
