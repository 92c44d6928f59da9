/* wire.c - appends as bytes: encoding with its size asked for first, decoding with a copy of the
 * payloads.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <libraft/raft.h>
#include <libraft/wire.h>

#include "bench.h"

enum { CHUNK = 256, ENTRIES_MOST = 64, PAYLOAD = 256, BYTES_MOST = ENTRIES_MOST * (PAYLOAD + 64) };

typedef struct coding {
  raft_entry entries[ENTRIES_MOST];
  raft_message message;
  unsigned char bytes[BYTES_MOST];
  size_t len;
} coding;

static const unsigned char payload[PAYLOAD];

static void encode(void *ctx, size_t n) {
  coding *c = ctx;
  for (size_t i = 0; i < n; i++) {
    size_t size = raft_message_wire_size(&c->message);
    bench_check(raft_message_encode(&c->message, c->bytes, size, &c->len), "encode");
  }
}

static void decode(void *ctx, size_t n) {
  coding *c = ctx;
  raft_bytes input = {c->bytes, c->len, NULL};
  for (size_t i = 0; i < n; i++) {
    raft_message message;
    bench_check(raft_message_decode(input, NULL, NULL, &message), "decode");
    bench_sink += message.entry_count;
    raft_message_release(&message);
  }
}

static double run(const bench_point *point, void (*work)(void *ctx, size_t n)) {
  static coding c;
  for (size_t i = 0; i < point->batch; i++) {
    raft_entry entry = {.term = 7, .index = 100001 + i, .data = {payload, point->size, NULL}};
    c.entries[i] = entry;
  }
  c.message = (raft_message){.type = RAFT_MSG_APP,
                             .from = 1,
                             .to = 2,
                             .term = 7,
                             .log_term = 7,
                             .index = 100000,
                             .commit = 100000,
                             .entries = c.entries,
                             .entry_count = point->batch};
  encode(&c, 1);
  return bench_time(work, &c, CHUNK);
}

static double encoding(const bench_point *point) {
  return run(point, encode);
}

static double decoding(const bench_point *point) {
  return run(point, decode);
}

const bench_point bench_wire_points[] = {
    {"encode an append, 1 entry of 256 B", "ns", encoding, 0, 1, PAYLOAD},
    {"encode an append, 64 entries of 256 B", "ns", encoding, 0, 64, PAYLOAD},
    {"decode an append, 1 entry of 256 B", "ns", decoding, 0, 1, PAYLOAD},
    {"decode an append, 64 entries of 256 B", "ns", decoding, 0, 64, PAYLOAD},
    {.name = NULL},
};
