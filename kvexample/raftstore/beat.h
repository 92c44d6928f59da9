/* beat.h - heartbeats of many regions in one frame, KV_FRAME_BEATS, and what else is as short.
 *
 * A store leads thousands of regions and talks to few others: what their leaders and followers say
 * at every heartbeat goes out once a turn, in one frame a store, some 15 bytes each. Raft sees the
 * very messages that it sent. A frame without any beat says that the store is alive.
 *
 * The layout is in docs/formats.md: numbers are varints as in protobuf, a count comes before what
 * is counted. A frame is good as a whole or dropped; reading one allocates nothing.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_RAFTSTORE_BEAT_H
#define KV_RAFTSTORE_BEAT_H

#include <libraft/bytes.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "raftstore/region.h"
#include "raftstore/store.h"

/* Numbers are on the wire. */
typedef enum kv_beat_kind {
  KV_BEAT_HEARTBEAT = 1, /* RAFT_MSG_HEARTBEAT; index: its commit */
  KV_BEAT_ANSWER = 2,    /* RAFT_MSG_HEARTBEAT_RESP */
  KV_BEAT_SLEEP = 3,     /* a leader: all is done up to index, sleep */
  KV_BEAT_ASLEEP = 4,    /* its follower: I do */
  KV_BEAT_WAKE = 5       /* a follower that woke up by itself, to its leader */
} kv_beat_kind;

/* Raft's heartbeats carry 8 bytes of context at most. */
#define KV_BEAT_MAX_CONTEXT 32u

typedef struct kv_beat {
  kv_beat_kind kind;
  uint64_t region_id;
  uint64_t from_peer;
  uint64_t to_peer;
  kv_epoch epoch; /* the sender's */
  uint64_t term;
  uint64_t index;
  raft_slice context;
} kv_beat;

/* Who speaks. */
typedef struct kv_beat_header {
  uint64_t from_store;
  uint64_t to_store;
  uint64_t incarnation; /* number of starts of the sender */
  bool awaits;          /* the sender wants to hear at every interval that the other one is alive */
  char from_address[KV_MAX_ADDRESS + 1];
} kv_beat_header;

/* Beats that wait for their frame. Zero-initialised is empty. */
typedef struct kv_beats {
  unsigned char *data;
  size_t len;
  size_t room;
  uint64_t count;
} kv_beats;

void kv_beats_free(kv_beats *beats);
/* KV_ENOMEM: it is lost. The context is copied. */
int kv_beats_add(kv_beats *beats, const kv_beat *beat);
/* New frame with one reference; the beats are taken out, their memory is kept. KV_ENOMEM: they are
 * lost. */
int kv_beats_frame(kv_beats *beats, const kv_beat_header *header, raft_buf **frame);

typedef struct kv_beat_reader {
  raft_slice rest;
  uint64_t count; /* beats that are left */
} kv_beat_reader;

/* Looks through all of the frame. KV_ECORRUPT: none of it is to be used. */
int kv_beats_read(raft_slice frame, kv_beat_header *header, kv_beat_reader *reader);
/* False: there is none left. The context points into the frame. */
bool kv_beats_next(kv_beat_reader *reader, kv_beat *beat);

#endif
