/* entry.c - how many bytes an entry has in raftpb.
 *
 * All byte limits count this. It is what the codec writes: fields that are zero or absent take no
 * room, present but empty data does.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <libraft/types.h>

/* Bytes of a protobuf varint: seven bits each. */
static uint64_t varint_size(uint64_t value) {
  uint64_t size = 1;
  while (value >= 0x80) {
    value >>= 7;
    size++;
  }
  return size;
}

/* A number field with its one-byte tag. */
static uint64_t number_size(uint64_t value) {
  return value == 0 ? 0 : 1 + varint_size(value);
}

uint64_t raft_entry_size(const raft_entry *entry) {
  uint64_t size =
      number_size((uint64_t)entry->type) + number_size(entry->term) + number_size(entry->index);
  if (entry->data.data != NULL) {
    size += 1 + varint_size(entry->data.len) + entry->data.len;
  }
  return size;
}
