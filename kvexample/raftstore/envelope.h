/* envelope.h - a raft message with what a store needs to deliver it: KV_FRAME_RAFT.
 *
 * The message says which peer ids it is between; the envelope adds the region, the stores on which
 * they live, where the sender can be reached and in which epoch it is. The frame is written in one
 * piece; on the receiving side entries keep a reference to it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_RAFTSTORE_ENVELOPE_H
#define KV_RAFTSTORE_ENVELOPE_H

#include <libraft/bytes.h>
#include <libraft/types.h>
#include <stdbool.h>
#include <stdint.h>

#include "raftstore/region.h"
#include "raftstore/store.h"

typedef struct kv_envelope {
  uint64_t region_id;
  uint64_t from_peer;
  uint64_t from_store;
  char from_address[KV_MAX_ADDRESS + 1];
  uint64_t to_peer;
  uint64_t to_store;
  kv_epoch epoch; /* the sender's; all zero from an uninitialised one */
  bool tombstone; /* no message: the receiver is no member any more */
  bool question;  /* no message: is the sender a member still? */
  bool refused;   /* no message: the receiver's snapshot found no place at the sender */
  bool has_range; /* the sender's region as it knows it; decoded ones borrow from the frame */
  raft_slice start, end;
} kv_envelope;

/* New frame with one reference. message NULL: the question, the refusal or else a tombstone.
 * KV_ENOMEM. */
int kv_envelope_encode(const kv_envelope *envelope, const raft_message *message, raft_buf **frame);

/* On success *message holds a reference (raft_message_release), unless it is one of those without a
 * message. KV_ECORRUPT, KV_ENOMEM: there is none. */
int kv_envelope_decode(raft_bytes frame, kv_envelope *envelope, raft_message *message);

#endif
