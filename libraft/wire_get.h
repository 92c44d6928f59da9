/* wire_get.h - a reader of protobuf fields out of flat bytes, one after the other.
 *
 * It is for the messages that are read all the time, Message and Entry. Nothing is read behind the
 * input's end, whatever lengths it speaks of, and nothing is copied.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RAFT_WIRE_GET_H
#define RAFT_WIRE_GET_H

#include <libraft/types.h>

typedef struct raft_wire_reader {
  raft_slice input;
  size_t used;
  bool malformed;
} raft_wire_reader;

typedef enum raft_wire_type {
  RAFT_WIRE_VARINT = 0,
  RAFT_WIRE_FIXED64 = 1,
  RAFT_WIRE_BYTES = 2,
  RAFT_WIRE_FIXED32 = 5
} raft_wire_type;

typedef struct raft_wire_item {
  uint64_t field; /* its number in the .proto */
  raft_wire_type type;
  uint64_t number;  /* of a varint */
  raft_slice bytes; /* of bytes; data is not NULL */
} raft_wire_item;

/* The next field; false at the end of the input, and where it is malformed. Groups are
 * malformed: nobody sends them. */
bool raft_wire_next(raft_wire_reader *from, raft_wire_item *item);

/* The value of a known field; false: it has another wire type. */
static inline bool raft_wire_get_number(const raft_wire_item *item, uint64_t *number) {
  *number = item->number;
  return item->type == RAFT_WIRE_VARINT;
}

static inline bool raft_wire_get_bytes(const raft_wire_item *item, raft_slice *bytes) {
  *bytes = item->bytes;
  return item->type == RAFT_WIRE_BYTES;
}

#endif
