/* core.h - the store object, for the files of the core only.
 *
 * What arrives is put where it waits: commands in `arrived`, completions in `applied` and `read`,
 * answers in `done`, peers with something to do in `dirty`. kv_store_flush empties all of them, in
 * that order, until nothing moves. So no function of the core is ever entered from within
 * another one.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_RAFTSTORE_CORE_H
#define KV_RAFTSTORE_CORE_H

#include "base/list.h"
#include "client/region_cache.h"
#include "raftstore/address_book.h"
#include "raftstore/apply.h"
#include "raftstore/beat.h"
#include "raftstore/durable.h"
#include "raftstore/log_writer.h"
#include "raftstore/pending_votes.h"
#include "raftstore/read.h"
#include "raftstore/region_map.h"
#include "raftstore/region_state.h"
#include "raftstore/request.h"
#include "raftstore/scheduler_client.h"
#include "raftstore/store.h"

typedef struct kv_peer kv_peer;
struct kv_scheduler_response;

struct kv_store {
  kv_store_config config; /* members: not kept */
  char *address;          /* config.address */
  kv_devices devices;
  kv_store_ident ident;
  uint64_t ticks;
  bool ticked; /* since the last flush */
  bool in_flush;
  bool closing;

  kv_region_map regions;
  kv_address_book addresses;
  kv_region_cache cache; /* regions that others have, or know better */

  kv_scheduler_client scheduler;

  kv_request_table requests;
  kv_list arrived;      /* requests: KV_STAGE_ARRIVED */
  kv_list done;         /* requests: KV_STAGE_DONE */
  kv_list parked;       /* requests: KV_STAGE_WAITING, until their retry_tick */
  kv_list forwarded;    /* reads: KV_STAGE_FORWARDED, oldest first; see kv_forward_tick */
  uint64_t lookup_tick; /* of the last question to the scheduler, */
  size_t lookups;       /* and how many there were in it */
  uint64_t asked_store; /* the last of the stores that were asked in turn */
  kv_list dirty;        /* peers */
  kv_list awake;        /* peers that are ticked */
  kv_list asleep;  /* peers that are not; who asked last whether it is a member still comes last */
  kv_list starved; /* peers whose tasks the engine device refused: all that wait for room there */
  size_t peer_count;
  size_t leader_count; /* of them, as Raft said last */
  size_t asleep_count;
  bool beats_due; /* something waits for the end of the turn (beat_box.c) */

  kv_log_writer log;
  kv_apply_task *applied_first, *applied_last; /* given back by the engine, not looked at yet */
  kv_read_task *read_first, *read_last;
  kv_apply_task *clear_first, *clear_last; /* data of regions that are gone, to be deleted */
  kv_durable durable;                      /* log cuts that wait for the engine */
  bool disk_full;                          /* for the log, or the engine's last transaction */
  uint64_t last_life; /* of peers: what was written for one must not reach its successor */
  kv_pending_votes pending_votes;
  size_t sending;      /* snapshots that the device has been given to send */
  kv_list accepted;    /* kv_peer.snapshot: snapshots whose ranges are not in the map yet */
  uint64_t last_round; /* ids of read rounds: a task may outlive its peer and meet its successor */
  bool engine_full;    /* the engine device refused a task since the last completion */

  kv_store_summary summary; /* its counters */
  kv_error failure;         /* code KV_OK: none */
};

/* The store must stop. The first call decides what kv_store_health says. */
void kv_store_fail(kv_store *store, int code, const char *what);

uint64_t kv_store_now(const kv_store *store);

/* Peer has something to flush. */
void kv_store_mark(kv_store *store, kv_peer *peer);

/* For the log or for the engine. */
bool kv_store_disk_is_full(const kv_store *store);

/* The engine device takes nothing now, and peer has something for it. */
void kv_store_starve(kv_store *store, kv_peer *peer);
/* The engine device gave something back: what it refused before may be offered again. */
void kv_store_engine_moved(kv_store *store);
/* Everything that the engine gave back. */
void kv_store_handle_applied(kv_store *store);
void kv_store_handle_reads(kv_store *store);
void kv_store_clear_submit(kv_store *store);

/* ---- beat_box.c: what is short waits for the end of the turn ---- */

void kv_beat_send(kv_store *store, uint64_t to_store, const kv_beat *beat);
/* It is to be sent a sign of life at least. */
void kv_beat_due(kv_store *store, kv_address *to);
void kv_beat_flush(kv_store *store);

/* ---- answer.c: every request is answered through one of these, and gone afterwards, or with the
 * next flush when called from outside of one ---- */

void kv_answer(kv_store *store, kv_request *request, raft_slice reply);
void kv_answer_bytes(kv_store *store, kv_request *request, raft_bytes reply);
/* Text begins with the Redis error code. */
void kv_answer_error(kv_store *store, kv_request *request, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void kv_answer_ok(kv_store *store, kv_request *request);
/* A write that may take effect: -TIMEOUT outcome unknown: <why>. */
void kv_answer_unknown(kv_store *store, kv_request *request, const char *why);
/* All requests of the batch that are left; frees it. */
void kv_answer_batch_unknown(kv_store *store, kv_batch *batch, const char *why);
/* Gives out what was answered outside of a flush. */
void kv_answer_done(kv_store *store);
/* The deadlines that have passed. */
void kv_answer_expired(kv_store *store);
/* All of them, because the store closes. */
void kv_answer_closing(kv_store *store);

/* Refused for good: the error in words, -TRYAGAIN if it may be sent again. */
void kv_answer_refusal(kv_store *store, kv_request *request, const kv_region_error *error);

/* ---- route.c: where a request goes next ---- */

void kv_route(kv_store *store, kv_request *request);
/* A store that cannot be reached, as was said within an election timeout, or is not known. */
bool kv_route_is_lost(const kv_store *store, uint64_t store_id);
/* It is certain that a request was not and will not be executed, so that it may be routed again.
 * Another store's goes back to it and a raw client's to its client, both with the reason; any other
 * client's stays here and waits ... */
void kv_route_again(kv_peer *peer, kv_request *request); /* ... at `peer`, for a leader */
void kv_route_batch_again(kv_peer *peer, kv_batch *batch);
void kv_route_moved(kv_peer *peer, kv_request *request); /* its keys may be another region's now */
void kv_route_batch_moved(kv_peer *peer, kv_batch *batch);
/* The peer has another range, or none any more: what waits there is routed by it. */
void kv_route_range_changed(kv_peer *peer);
/* The answer of whoever executed it; or, if its key is another region's by now, once more (P16). */
void kv_route_answered(kv_peer *peer, kv_request *request, raft_slice reply);
/* The replica here is gone (P15). */
void kv_route_gone(kv_store *store, kv_request *request);
/* The store that was asked refused. */
void kv_route_refused(kv_store *store, kv_request *request, const kv_region_error *error,
                      uint64_t from_store);

/* ---- lookup.c: requests that wait for a better time ---- */

/* It is routed again after some ticks, more of them each time. */
void kv_park(kv_store *store, kv_request *request);
/* The same, and the scheduler is asked who has the key. Without one the request is answered. */
void kv_look_up(kv_store *store, kv_request *request, raft_slice key);
/* Those whose wait is over. */
void kv_park_tick(kv_store *store);
/* The scheduler's answer. */
void kv_looked_up(kv_store *store, const struct kv_scheduler_response *response);
/* Another store asks for a key that has no place here: others are asked, once, so that there is an
 * answer when it asks again. */
void kv_look_up_for_another(kv_store *store, const kv_request *request);
/* The answer of another store. */
void kv_looked_up_at_a_store(kv_store *store, const kv_region_error *error);

/* ---- admit.c: may a request be executed here? ---- */

/* An error and what it points to. */
typedef struct kv_refusal {
  kv_region_error error;
  kv_region regions[KV_MAX_ERROR_REGIONS]; /* borrowed from peers */
} kv_refusal;

/* Checks what another store or a raw client asks against what is here now. NULL: *refusal says why
 * not; otherwise the peer, which leads. */
kv_peer *kv_admit(kv_store *store, const kv_request *request, kv_refusal *refusal);
void kv_refusal_not_leader(const kv_peer *peer, kv_refusal *refusal);
/* For somebody who knows the region as it was at `version` (P50). */
void kv_refusal_epoch(const kv_peer *peer, uint64_t version, kv_refusal *refusal);
/* Gives the reason to whoever asked, a store or a raw client; the request is gone. */
void kv_refuse(kv_store *store, kv_request *request, const kv_region_error *error);

/* ---- forward.c: requests that another store executes ---- */

/* To the peer `to_peer` (0: whoever it is) of the region there. False: certainly not sent. */
bool kv_forward(kv_store *store, kv_request *request, uint64_t to_store, uint64_t to_peer);
/* Which region has the key? A request without id and region, which is never executed, but always
 * refused: with the region, as kv_looked_up_at_a_store takes it, if it is known there. */
bool kv_forward_question(kv_store *store, uint64_t to_store, raft_slice key, bool passed_on);
/* An answer to a request that another store sent. */
void kv_forward_answer(kv_store *store, const kv_request *request, raft_slice reply);
/* "Not executed, because": certain. */
void kv_forward_refuse(kv_store *store, const kv_request *request, const kv_region_error *error);
void kv_forward_receive(kv_store *store, uint64_t from_store, raft_bytes payload);
void kv_forward_receive_reply(kv_store *store, uint64_t from_store, raft_bytes payload);
/* The connection to `to_store` broke. */
void kv_forward_lost(kv_store *store, uint64_t to_store);
/* A new leader is known: what a lost or silent store has is asked again, or its outcome unknown. */
void kv_forward_leader_changed(kv_peer *peer);
/* Reads of regions that have no replica here, and no answer for long, are asked elsewhere, once. */
void kv_forward_tick(kv_store *store);
/* The peer closes. */
void kv_forward_peer_gone(kv_peer *peer);

#endif
