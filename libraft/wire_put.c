/* wire_put.c - a writer of protobuf fields: what happens when its buffer is full.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "wire_put.h"

#include "entry_size.h"

static void pass(raft_wire_writer *to, const void *data, size_t len) {
  if (to->rc == 0) {
    to->rc = to->write(to->ctx, data, len);
  }
}

void raft_wire_flush(raft_wire_writer *to) {
  if (to->write != NULL && to->used > 0) {
    pass(to, to->buffer, to->used);
    to->used = 0;
  }
}

void raft_wire_fit_pair(raft_wire_writer *to, uint32_t tag, uint64_t number) {
  size_t len = (size_t)(raft_varint_bytes(tag) + raft_varint_bytes(number));
  if (raft_wire_leaves_out(to, len)) {
    return;
  }
  if (len > to->size - to->used) {
    raft_wire_flush(to);
  }
  unsigned char *at = to->buffer + to->used;
  (void)raft_wire_write_varint(raft_wire_write_varint(at, tag), number);
  to->used += len;
}

void raft_wire_put_payload(raft_wire_writer *to, const void *data, size_t len) {
  if (len == 0) {
    return; /* the buffer of a writer that only counts may be NULL */
  }
  if (to->write != NULL) {
    raft_wire_flush(to);
    pass(to, data, len);
  } else if (!raft_wire_leaves_out(to, len)) {
    memcpy(to->buffer + to->used, data, len);
    to->used += len;
  }
}
