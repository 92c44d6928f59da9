/* fuzz_wire.c - libFuzzer: what the codec accepts it writes and reads again as the same bytes.
 *
 *   make fuzz-build
 *   build/fuzz/fuzz_wire -max_total_time=60
 *
 * The first byte says which decoder the rest is for, and whether it has an owner.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <libraft/describe.h>
#include <libraft/wire.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
  if (!holds) {
    abort();
  }
}

/* Bounds that keep one input's memory small. */
static const raft_wire_limits limits = {1 << 20, 1 << 12, 1 << 12};

/* A buffer of just `size` bytes, so that reading on is seen. */
static void *room_for(size_t size) {
  void *room = malloc(size > 0 ? size : 1);
  require(room != NULL);
  return room;
}

static unsigned char *encode(const raft_message *message, size_t *len) {
  size_t size = raft_message_wire_size(message);
  unsigned char *encoded = room_for(size);
  require(raft_message_encode(message, encoded, size, len) == RAFT_OK);
  require(*len == size);
  return encoded;
}

static void fuzz_message(raft_bytes input) {
  raft_message once;
  raft_message twice;
  if (raft_message_decode(input, &limits, NULL, &once) != RAFT_OK) {
    return;
  }
  char text[64];
  (void)raft_describe_message(&once, text, sizeof(text));
  size_t len;
  unsigned char *first = encode(&once, &len);
  require(raft_message_decode((raft_bytes){first, len, NULL}, NULL, NULL, &twice) == RAFT_OK);
  size_t len_again;
  unsigned char *second = encode(&twice, &len_again);
  require(len_again == len && memcmp(first, second, len) == 0);
  raft_message_release(&once);
  raft_message_release(&twice);
  free(first);
  free(second);
}

static void fuzz_entry(raft_bytes input) {
  raft_entry entry;
  if (raft_entry_decode(input, &entry) != RAFT_OK) {
    return;
  }
  uint64_t size = raft_entry_size(&entry);
  unsigned char *encoded = room_for((size_t)size);
  size_t len;
  require(raft_entry_encode(&entry, encoded, (size_t)size, &len) == RAFT_OK && len == size);
  free(encoded);
}

static void fuzz_change(raft_bytes input) {
  raft_conf_change_v2 change;
  void *list;
  if (raft_conf_change_v2_decode(input, &limits, NULL, &change, &list) != RAFT_OK) {
    return;
  }
  const raft_entry entry = {.type = RAFT_ENTRY_CONF_CHANGE_V2, .data = input};
  size_t len;
  (void)raft_describe_entry(&entry, NULL, 0);
  (void)raft_conf_change_v2_encode(&change, NULL, 0, &len);
  raft_conf_state_free(NULL, list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0) {
    return 0;
  }
  raft_buf *buf = raft_buf_copy(NULL, data + 1, size - 1);
  require(buf != NULL);
  const raft_bytes input = {raft_buf_data(buf), size - 1, (data[0] & 1) != 0 ? buf : NULL};
  switch ((data[0] >> 1) % 3) {
  case 0: fuzz_message(input); break;
  case 1: fuzz_entry(input); break;
  default: fuzz_change(input); break;
  }
  raft_buf_release(buf);
  return 0;
}
