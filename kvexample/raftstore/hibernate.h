/* hibernate.h - groups in which nothing happens fall asleep: no ticks, no heartbeats, no elections.
 *
 * Going to sleep. A leader whose group is at rest for config.hibernate_ms (all members have
 * everything, everything is committed and applied, nobody is away, nothing is under way) stops its
 * heartbeats and asks all members at (term, last index). A member for which the same is true falls
 * asleep and says so; when all have, the leader sleeps too. If one does not answer within a
 * heartbeat interval the leader goes on as before, and its heartbeat wakes those that did.
 *
 * Waking up. Whatever a peer is to do wakes it: a request, a proposal, a message of Raft. A leader
 * then sends heartbeats at once, which wake the others; a follower tells its leader. So a leader
 * never answers a read without having heard of a majority: reads ask Raft as ever, and no lease
 * rests on time that was slept through.
 *
 * A sleeping follower of a dead leader. Stores that have sleeping regions in common tell each other
 * at every heartbeat interval that they are alive, one frame for all regions. Who hears nothing
 * from a store for an election timeout wakes the regions that it led, their election timers moved
 * on by that time; a store that was started anew wakes all regions that it has a part in; and a
 * sleeping leader wakes when too few stores for a majority are alive.
 *
 * A sleeping peer that was removed, while its store could not be told so, finds out by asking the
 * other members from time to time (KV_QUESTION_TICKS), which wakes nobody.
 *
 * Invariant: when a leader fell asleep every member had fallen asleep at the same term and last
 * index, and every change to that begins by waking some of them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_RAFTSTORE_HIBERNATE_H
#define KV_RAFTSTORE_HIBERNATE_H

#include <libraft/types.h>
#include <stdbool.h>
#include <stdint.h>

#include "raftstore/address_book.h"
#include "raftstore/beat.h"

struct kv_peer;
struct kv_store;

typedef struct kv_sleep {
  bool asleep;
  bool asking;         /* leader: it has asked the others, and ticks no more */
  uint64_t busy_tick;  /* when something happened last */
  uint64_t busy_index; /* last index at that time */
  uint64_t asked_tick; /* asking: when it did; asleep: when it asked whether it is a member still */
  uint64_t term;       /* what was asked */
  uint64_t index;
  uint64_t agreed; /* asking: who sleeps, by position in the region's list of peers */
} kv_sleep;

/* Ten minutes, at the usual length of a tick. */
#define KV_QUESTION_TICKS 6000u

/* A tick of a peer that is awake. True: nothing is to tick, it fell or is falling asleep. */
bool kv_sleep_tick(struct kv_peer *peer);
/* Something is to be done. No-op for one that is awake, but that the quiet time begins anew. */
void kv_sleep_wake(struct kv_peer *peer);
/* A message of Raft is going to be stepped. */
void kv_sleep_heard(struct kv_peer *peer, const raft_message *message);
/* The end of a flush: a peer that sleeps and has something to do wakes up. */
void kv_sleep_flushed(struct kv_peer *peer);
/* KV_BEAT_SLEEP, KV_BEAT_ASLEEP or KV_BEAT_WAKE for this peer. */
void kv_sleep_receive(struct kv_peer *peer, const kv_beat *beat);
/* The peer closes. */
void kv_sleep_close(struct kv_peer *peer);

/* A tick of the store: signs of life to others, and who gave none. */
void kv_sleep_store_tick(struct kv_store *store);
/* A sign of life. */
void kv_sleep_store_heard(struct kv_store *store, kv_address *from, const kv_beat_header *header);

#endif
