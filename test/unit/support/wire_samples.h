/* wire_samples.h - messages to encode and decode, drawn at random, and their comparison.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TEST_WIRE_SAMPLES_H
#define TEST_WIRE_SAMPLES_H

#include <libraft/wire.h>

/* Bytes from hexadecimal digits, valid until the next call. */
raft_bytes from_hex(const char *hex);
/* `data` is the bytes that `hex` says. */
void assert_hex(const void *data, size_t len, const char *hex);

bool same_bytes(raft_bytes a, raft_bytes b);
bool same_ids(raft_ids a, raft_ids b);
bool same_conf_state(const raft_conf_state *a, const raft_conf_state *b);
bool same_entry(const raft_entry *a, const raft_entry *b);
bool same_snapshot(const raft_snapshot *a, const raft_snapshot *b);
/* In all that goes over the wire. */
void assert_same_message(const raft_message *a, const raft_message *b);

/* The numbers drawn from here on are a function of `start`, which is not 0. */
void draw_from(uint64_t start);
size_t draw(size_t below);

enum { MOST_ENTRIES = 5, MOST_IDS = 6 };

/* A message and the memory of its parts. */
typedef struct drawn {
  raft_message message;
  raft_entry entries[MOST_ENTRIES];
  raft_snapshot snapshot;
  uint64_t ids[MOST_IDS];
} drawn;

/* A message of this type with any other fields. */
void draw_message(drawn *to, raft_message_type type);

#endif
