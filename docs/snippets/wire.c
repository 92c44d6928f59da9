/* wire.c - messages as bytes: piece by piece out, without copies in.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "host.h"

/* snippet: encode */
/* For writev(): headers are gathered in one small buffer, payloads stay where they are. */
typedef struct pieces {
  raft_slice items[16];
  size_t count;
  unsigned char small[512];
  size_t small_len;
} pieces;

static int add_piece(void *ctx, const void *data, size_t len) {
  pieces *out = ctx;
  if (out->count == 16) {
    return RAFT_ENOSPACE;
  }
  if (len <= RAFT_WIRE_SMALL) { /* gone after this call, so it is copied */
    if (len > sizeof out->small - out->small_len) {
      return RAFT_ENOSPACE;
    }
    data = memcpy(out->small + out->small_len, data, len);
    out->small_len += len;
  }
  out->items[out->count++] = (raft_slice){data, len};
  return RAFT_OK;
}
/* end */

/* snippet: decode */
/* `received` is a whole message as it came; entries point into it for as long as they are needed.
 */
static int take_message(raft_rawnode *node, raft_buf *received) {
  const raft_bytes input = {raft_buf_data(received), raft_buf_len(received), received};
  const raft_wire_limits limits = {.max_bytes = 8 << 20, .max_entries = 65536, .max_ids = 256};
  raft_message message;
  int rc = raft_message_decode(input, &limits, NULL, &message);
  if (rc != RAFT_OK) {
    return rc; /* RAFT_EDECODE, RAFT_ELIMIT: hang up on this peer */
  }
  if (message.to == 2) { /* this node, and not another one at its old address */
    rc = raft_rawnode_step(node, &message);
  }
  raft_message_release(&message);
  return rc;
}
/* end */

static void check_pieces(const raft_message *message) {
  pieces out = {.count = 0};
  char bytes[4096];
  size_t len = 0, at = 0;
  EXPECT(raft_message_encode_to(message, add_piece, &out) == RAFT_OK);
  EXPECT(raft_message_encode(message, bytes, sizeof bytes, &len) == RAFT_OK);
  for (size_t i = 0; i < out.count; i++) {
    EXPECT(memcmp(bytes + at, out.items[i].data, out.items[i].len) == 0);
    at += out.items[i].len;
  }
  EXPECT(at == len);
}

static void check_long_lists(void) {
  uint64_t ids[30];
  for (size_t i = 0; i < 30; i++) {
    ids[i] = UINT64_MAX - 100 + i;
  }
  const raft_snapshot snapshot = {
      .index = 5, .term = 1, .conf_state = {.voters = {ids, 30}}, .data = {"state", 5, NULL}};
  const raft_message message = {.type = RAFT_MSG_SNAP, .to = 2, .snapshot = &snapshot};
  check_pieces(&message);
}

int main(void) {
  static host group[GROUP];
  static char payload[1000];
  group_open(group, NULL);
  const raft_entry entry = {.term = 1, .index = 4, .data = {payload, sizeof payload, NULL}};
  const raft_message append = {.type = RAFT_MSG_APP,
                               .to = 2,
                               .from = 1,
                               .term = 1,
                               .log_term = 1,
                               .index = 3,
                               .entries = &entry,
                               .entry_count = 1};
  check_pieces(&append);
  check_long_lists();
  pieces out = {.count = 0};
  EXPECT(raft_message_encode_to(&append, add_piece, &out) == RAFT_OK);

  void *data;
  raft_buf *received = raft_buf_create(NULL, raft_message_wire_size(&append), &data);
  EXPECT(received != NULL);
  size_t len = 0;
  bool untouched = false;
  for (size_t i = 0; i < out.count; i++) {
    untouched = untouched || out.items[i].data == payload;
    memcpy((char *)data + len, out.items[i].data, out.items[i].len);
    len += out.items[i].len;
  }
  EXPECT(untouched && len == raft_message_wire_size(&append));
  EXPECT(take_message(group[1].node, received) == RAFT_OK);
  raft_buf_release(received);
  EXPECT(host_pump(&group[1]) == RAFT_OK);
  raft_basic_status status;
  raft_rawnode_basic_status(group[1].node, &status);
  EXPECT(status.last_index == 4 && status.soft_state.lead == 1);

  raft_buf *garbage = raft_buf_copy(NULL, "\xff\xff", 2);
  EXPECT(take_message(group[1].node, garbage) == RAFT_EDECODE);
  raft_buf_release(garbage);
  group_close(group);
  return 0;
}
