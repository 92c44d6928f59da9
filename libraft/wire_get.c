/* wire_get.c - a reader of protobuf fields out of flat bytes.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "wire_get.h"

static size_t left(const raft_wire_reader *from) {
  return from->input.len - from->used;
}

/* At most 64 bits, in at most ten bytes. */
static bool read_varint(raft_wire_reader *from, uint64_t *value) {
  const unsigned char *bytes = from->input.data;
  if (left(from) > 0 && bytes[from->used] < 0x80) {
    *value = bytes[from->used++]; /* as most are */
    return true;
  }
  *value = 0;
  for (unsigned shift = 0; shift < 64 && left(from) > 0; shift += 7) {
    uint64_t byte = bytes[from->used++];
    if (shift == 63 && byte > 1) {
      return false;
    }
    *value |= (byte & 0x7f) << shift;
    if (byte < 0x80) {
      return true;
    }
  }
  return false;
}

static bool take(raft_wire_reader *from, uint64_t len, raft_slice *bytes) {
  if (len > left(from)) {
    return false;
  }
  *bytes = (raft_slice){(const unsigned char *)from->input.data + from->used, (size_t)len};
  from->used += (size_t)len;
  return true;
}

static bool read_value(raft_wire_reader *from, raft_wire_item *item) {
  uint64_t len;
  switch (item->type) {
  case RAFT_WIRE_VARINT: return read_varint(from, &item->number);
  case RAFT_WIRE_BYTES: return read_varint(from, &len) && take(from, len, &item->bytes);
  case RAFT_WIRE_FIXED64: return take(from, 8, &item->bytes);
  case RAFT_WIRE_FIXED32: return take(from, 4, &item->bytes);
  }
  return false;
}

static bool read_item(raft_wire_reader *from, raft_wire_item *item) {
  uint64_t tag;
  if (!read_varint(from, &tag) || tag > UINT32_MAX) {
    return false;
  }
  *item = (raft_wire_item){.field = tag >> 3, .type = (raft_wire_type)(tag & 7)};
  return item->field != 0 && read_value(from, item);
}

bool raft_wire_next(raft_wire_reader *from, raft_wire_item *item) {
  if (left(from) == 0) {
    return false;
  }
  from->malformed = !read_item(from, item);
  return !from->malformed;
}
