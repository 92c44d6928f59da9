/* store.h - the deterministic core of one store: many regions, each a member of a Raft group.
 *
 * In: ticks, frames from other stores, client commands and completions of the devices. Out:
 * frames, requests to devices (device.h) and answers. The same inputs in the same order give the
 * same outputs; time is what the clock device says, randomness is config.seed.
 *
 * The loop of a shell:
 *
 *   wait for something: sockets, a completion, the tick; not at all if kv_store_has_work()
 *   hand all of it in: kv_store_receive(), kv_store_execute(), kv_store_applied(), kv_store_tick()
 *   kv_store_flush()      commands become entries, Readies go to the devices, answers go out
 *
 * Nothing goes out before kv_store_flush: what is handed in between two of them shares raft
 * entries, read rounds, log writes and messages.
 *
 * Threads: all functions on one thread. None may be called from within a device function; device
 * functions in turn must not call back, but note their completion and deliver it later. Answers
 * are given from within kv_store_flush and kv_store_close only; the function that takes one may
 * call kv_store_execute and the administration calls, nothing else.
 *
 * Answers are RESP3 bytes (reply.h). Each command gets exactly one. Errors and what they promise:
 *   -TRYAGAIN ...                 certainly not done, may be sent again
 *   -TIMEOUT outcome unknown: ... a write that may still take effect, or already has
 *   -ERR ..., other codes         certainly not done, and wrong
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_RAFTSTORE_STORE_H
#define KV_RAFTSTORE_STORE_H

#include <libraft/raft.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "engine/engine.h"
#include "raftstore/command.h"
#include "raftstore/device.h"
#include "raftstore/region_error.h"
#include "raftstore/reply.h"

typedef struct kv_store kv_store;

/* Longest address of a store in bytes, "host:port" with a DNS name of full length. */
#define KV_MAX_ADDRESS 264

#define KV_MAX_INITIAL_REGIONS 100000u

/* A store that takes part in the first start of a cluster. */
typedef struct kv_member {
  uint64_t store_id;
  const char *address;
} kv_member;

/* Fill with kv_store_config_init, then set what differs. Copied by kv_store_open. */
typedef struct kv_store_config {
  uint64_t store_id;   /* required, not 0 */
  uint64_t cluster_id; /* required, not 0 */
  const char *address; /* required: where the other stores reach this one */
  uint64_t seed;       /* election timeouts are a function of seed and store id */

  /* The first start of a cluster: every member is given the same list, this store among them;
   * they begin with one region that holds all keys. No members: this store joins a running
   * cluster and waits for a leader's message. Ignored when the engine already holds a store. */
  const kv_member *members;
  size_t member_count;
  /* 1; into how many regions that first start divides the keys, evenly by their first 32 bits as 8
   * hexadecimal digits. At most KV_MAX_INITIAL_REGIONS, and the same on every member. */
  uint32_t initial_regions;

  /* Time. */
  uint32_t tick_ms;         /* 100 */
  uint32_t election_ticks;  /* 10 */
  uint32_t heartbeat_ticks; /* 2 */
  uint32_t command_ms;      /* 10000; deadline of commands that name none */

  /* 5000; a region in which nothing happened for so long sleeps: no ticks, no heartbeats, until
   * something is to be done (hibernate.h). 0: never. */
  uint32_t hibernate_ms;

  /* Limits. What exceeds them is answered -TRYAGAIN server is busy. */
  size_t max_batch_bytes;    /* 1 MiB: commands in one raft entry; a longer command goes alone */
  size_t max_pending_bytes;  /* 64 MiB of commands that are not answered yet */
  size_t max_pending_count;  /* 65536 commands that are not answered yet */
  size_t max_inflight_bytes; /* 32 MiB of proposals that are not applied yet, a region */
  size_t max_entry_bytes;    /* 9 MiB: a longer write is refused, RaftEntryTooLarge */
  size_t max_cached_regions; /* 16384: regions without a replica here whose place is remembered */

  /* Log compaction: a leader cuts its log when it holds so many applied entries or bytes, down to
   * about half. Entries that a live follower lacks are kept until there are twice as many. */
  uint64_t log_gc_entries; /* 10000; 0: only when asked */
  uint64_t log_gc_bytes;   /* 256 MiB; 0: not counted */

  /* A leader splits a region of more than region_max_bytes of keys and values half-way, if there is
   * a scheduler to give ids. One that could not be split is looked at again when it has grown by an
   * eighth of region_split_bytes, which is about what a region should have. */
  uint64_t region_split_bytes; /* 96 MiB */
  uint64_t region_max_bytes;   /* 144 MiB; 0: never by itself */
} kv_store_config;

void kv_store_config_init(kv_store_config *config);

/* Opens the core from what the log device and the engine hold; on a first start it writes the
 * store's identity and first region to `engine`, in one transaction. The engine is used during
 * this call only; devices (copied) and what their ctx point to must outlive the store. An
 * interrupted snapshot installation must have been finished before. Errors, with a sentence in
 * *error: KV_EINVAL (configuration), KV_EFOREIGN (the data is another store's or another
 * cluster's), KV_ECORRUPT, KV_EIO, KV_ENOMEM. */
int kv_store_open(const kv_store_config *config, const kv_devices *devices, kv_engine *engine,
                  kv_store **store, kv_error *error);

/* Answers all pending commands, then frees. Tasks that the engine device still has must be given
 * back before (or freed by kv_apply_task_free and kv_read_task_free once the device stopped).
 * NULL is ignored. */
void kv_store_close(kv_store *store);

/* The end of a loop turn; see above. */
void kv_store_flush(kv_store *store);
/* True if kv_store_flush would do something. */
bool kv_store_has_work(const kv_store *store);
/* KV_OK, or why this store must stop: a log write or a fatal error of a raft group. The shell
 * checks it after each flush and exits. */
int kv_store_health(const kv_store *store, kv_error *error);

/* Every config.tick_ms. */
void kv_store_tick(kv_store *store);

/* ---- network ---- */

/* A frame from another store: KV_FRAME_RAFT, KV_FRAME_FORWARD or KV_FRAME_FORWARD_REPLY. With an
 * owner the payload is retained, not copied. Hostile bytes are dropped and logged. */
void kv_store_receive(kv_store *store, uint64_t from_store, kv_frame_type type, raft_bytes payload);
/* Frames to this store may have been lost. */
void kv_store_unreachable(kv_store *store, uint64_t store_id);
/* Where a store was last known to live; NULL: unknown. Valid until the next call. */
const char *kv_store_address_of(const kv_store *store, uint64_t store_id);

/* ---- clients ---- */

typedef void (*kv_answer_function)(void *ctx, const void *reply, size_t len);
/* Instead of an answer: the request was not executed. The error is borrowed. */
typedef void (*kv_refused_function)(void *ctx, const kv_region_error *error);

/* Executes a command that kv_command_check accepted, wherever its leader is. Borrowed for the
 * call, copied once. timeout_ms 0: config.command_ms. Commands of one caller that wait at the
 * same time may be executed in any order. */
void kv_store_execute(kv_store *store, const kv_command *command, uint64_t timeout_ms,
                      kv_answer_function answer, void *ctx);

/* A raw call (raw_call.h): executed here, or refused with a region error. The answer is the bytes
 * of a kv_raw_response, none if there was no memory for it. KV_ECORRUPT: no such call; KV_ENOMEM:
 * in both cases there is no answer. */
int kv_store_raw(kv_store *store, raft_slice request, kv_answer_function answer, void *ctx);

/* ---- administration: region 0 means the only region of this store, KV_EINVAL text otherwise ----
 */

/* Hands leadership to the peer on to_store; +OK once this has happened. */
void kv_store_transfer(kv_store *store, uint64_t region_id, uint64_t to_store, uint64_t timeout_ms,
                       kv_answer_function answer, void *ctx);
/* Begins to hand over every region that this store leads, before it stops. Returns how many; as
 * long as kv_store_summary.leaders is not 0 it is worth waiting, for an election timeout at most.
 */
size_t kv_store_resign(kv_store *store);
/* Adds a peer on a store: as learner first, which is promoted to voter once it has caught up;
 * +OK once it is a voter. */
void kv_store_add_peer(kv_store *store, uint64_t region_id, uint64_t store_id, const char *address,
                       uint64_t timeout_ms, kv_answer_function answer, void *ctx);
/* Removes the peer on a store; a leader hands over first. */
void kv_store_remove_peer(kv_store *store, uint64_t region_id, uint64_t store_id,
                          uint64_t timeout_ms, kv_answer_function answer, void *ctx);
/* Splits the region at `key` (empty: half-way through its data); the new region begins there. Ids
 * come from the scheduler: without one this is an error. region_id 0: the region that has the key.
 * Answers a map: region, new_region, key. A key at which two regions meet already is no error. */
void kv_store_split(kv_store *store, uint64_t region_id, raft_slice key, uint64_t timeout_ms,
                    kv_answer_function answer, void *ctx);
/* Cuts the region's logs up to and including `index`, or what is applied if that is less; 0: all
 * that is applied. Answers the index. */
void kv_store_compact(kv_store *store, uint64_t region_id, uint64_t index, uint64_t timeout_ms,
                      kv_answer_function answer, void *ctx);
/* Hash of this store's own data of the region (never forwarded), as a map: store, region, applied,
 * keys, checksum (16 hexadecimal digits). Equal data at an equal applied index gives an equal one.
 */
void kv_store_checksum(kv_store *store, uint64_t region_id, uint64_t timeout_ms,
                       kv_answer_function answer, void *ctx);
/* What this store knows, at once, as a map: cluster, store, address, scheduler (the verdict's name,
 * below), regions: [ {region, peer,
 * role, leader_store, leader_peer, term, first, last, commit, applied, log_bytes, voters, learners,
 * conf_ver, version, peers: [ {peer, store, address, role, match, next, state, lag,
 * recent_active, snapshot} ] } ]. Of peers a follower knows the first four fields only. */
void kv_store_status(const kv_store *store, kv_reply *reply);

/* Figures for INFO and for logs. Counters count since kv_store_open. */
typedef struct kv_store_summary {
  uint64_t regions;
  uint64_t leaders;       /* regions that this store leads */
  uint64_t asleep;        /* regions in which nothing is to be done (hibernate.h) */
  uint64_t leader_store;  /* of the first region; 0: unknown */
  uint64_t pending_count; /* commands that are not answered yet */
  uint64_t pending_bytes;
  uint64_t commands;       /* taken by kv_store_execute */
  uint64_t entries;        /* proposed */
  uint64_t entry_commands; /* commands in them */
  uint64_t read_rounds;
  uint64_t reads;     /* commands answered by them */
  uint64_t forwarded; /* commands sent to another store */
  uint64_t busy;      /* commands refused because of a limit */
  uint64_t unknown;   /* writes answered with an unknown outcome */
  uint64_t snapshots_sent;
  uint64_t snapshots_installed;
} kv_store_summary;
void kv_store_summarize(const kv_store *store, kv_store_summary *summary);

/* ---- scheduler ---- */

/* What the disk below the data directory holds; for the scheduler. */
typedef struct kv_store_space {
  uint64_t capacity; /* bytes; 0: unknown */
  uint64_t available;
  uint64_t used;      /* by this store */
  uint64_t receiving; /* snapshots that are on their way to it */
} kv_store_space;
void kv_store_set_space(kv_store *store, const kv_store_space *space);

/* What this store makes of its scheduler. Whatever it is, the store serves. */
typedef enum kv_scheduler_verdict {
  KV_SCHEDULER_NONE = 0,    /* the store has none */
  KV_SCHEDULER_AWAY = 1,    /* it does not answer */
  KV_SCHEDULER_GOOD = 2,    /* it answers, and is listened to */
  KV_SCHEDULER_FOREIGN = 3, /* it is another cluster's: not listened to */
  KV_SCHEDULER_REFUSES = 4  /* it does not take this store, which it took before, for what it is */
} kv_scheduler_verdict;
const char *kv_scheduler_verdict_name(kv_scheduler_verdict verdict); /* "ok", "away" ... */

typedef struct kv_scheduler_view {
  kv_scheduler_verdict verdict;
  uint64_t cluster_id; /* of the scheduler that answered last; 0: none did */
} kv_scheduler_view;
void kv_store_scheduler_view(const kv_store *store, kv_scheduler_view *view);

/* ---- completions of devices; see device.h ---- */

/* A response of the scheduler. Hostile bytes are dropped and logged. */
void kv_store_scheduler_received(kv_store *store, raft_bytes response);

/* rc other than KV_OK is fatal: see kv_store_health. */
void kv_store_log_written(kv_store *store, uint64_t token, int rc);
void kv_store_applied(kv_store *store, kv_apply_task *task);  /* the task is the store's again */
void kv_store_read_done(kv_store *store, kv_read_task *task); /* the task is the store's again */
/* Everything that was committed with numbers up to `sequence` (kv_apply_task) is durable: what the
 * raft log has of it may be cut. rc: how the attempt to get further ended. With KV_EFULL writes are
 * refused until a call with KV_OK; KV_ENOMEM and KV_EBUSY mean later; others are fatal.
 * O(log cuts that this sets free). */
void kv_store_durable(kv_store *store, uint64_t sequence, int rc);
/* file and meta are borrowed for the call, and not looked at unless rc is KV_OK. */
void kv_store_snapshot_made(kv_store *store, uint64_t region_id, int rc,
                            const kv_snapshot_file *file, raft_bytes meta);
void kv_store_snapshot_sent(kv_store *store, uint64_t region_id, uint64_t to_peer, int rc);
/* `envelope` is the one that was given to kv_snapshot_device.send. The file is the store's to
 * install or to discard. */
void kv_store_snapshot_received(kv_store *store, uint64_t from_store, raft_bytes envelope,
                                const kv_snapshot_file *file);
void kv_store_snapshot_installed(kv_store *store, uint64_t region_id, int rc);

#endif
