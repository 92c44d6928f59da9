/* request.h - commands under way: who asked, until when, and where each one waits.
 *
 * A request is in the table from its arrival until it is answered, which happens exactly once. It
 * is in at most one waiting list, or in one slot of a batch: the raft entry or the round of reads
 * that it shares with others.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_RAFTSTORE_REQUEST_H
#define KV_RAFTSTORE_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "raftstore/region.h"
#include "raftstore/store.h"

/* Numbers are on the wire (Forward.kind). */
typedef enum kv_request_kind {
  KV_REQUEST_WRITE = 1,
  KV_REQUEST_READ = 2,
  KV_REQUEST_ADMIN = 3,
  KV_REQUEST_CHECKSUM = 4 /* never forwarded */
} kv_request_kind;

/* Where a request is; decides what its deadline means. */
typedef enum kv_request_stage {
  KV_STAGE_ARRIVED = 0, /* to be routed */
  KV_STAGE_WAITING = 1, /* for a leader */
  KV_STAGE_GATHERED = 2,
  KV_STAGE_PROPOSED = 3, /* in the log, or maybe in the log */
  KV_STAGE_READING = 4,
  KV_STAGE_FORWARDED = 5, /* another store has it */
  KV_STAGE_ADMIN = 6,     /* an administrative operation in steps */
  KV_STAGE_DONE = 7       /* its answer goes out with the next flush */
} kv_request_stage;

typedef struct kv_request kv_request;

/* Requests that share an entry or a read round. A slot is empty once its request was answered. */
typedef struct kv_batch {
  kv_request **slots;
  size_t count;
} kv_batch;

struct kv_request {
  kv_link link; /* of the list in which it waits */
  kv_link all;  /* of the table, by age */
  uint64_t id;
  kv_request_kind kind;
  kv_request_stage stage;
  uint64_t deadline; /* by the clock device */
  uint64_t region_id;
  kv_epoch epoch;   /* of the region, as whoever routed the request knew it; all zero: any */
  uint64_t to_peer; /* who is meant; 0: whoever is there */
  uint64_t term;    /* of a raw call: the leader\'s that is meant; 0: any */
  kv_batch *batch;  /* with slot; NULL: none */
  size_t slot;

  /* Who asked: a client of this store, or another store. */
  kv_answer_function answer;
  void *ctx;
  kv_refused_function refused; /* a raw client, which is told instead of served elsewhere */
  struct kv_part *part;        /* of a command on several regions; NULL: a whole one */
  uint64_t from_store;         /* 0: a client */
  uint64_t remote_id;
  uint64_t remote_incarnation;

  uint64_t to_store;   /* KV_STAGE_FORWARDED: who has it; of a raw call: who is meant, 0: any */
  bool lost;           /* KV_STAGE_FORWARDED: the connection broke since */
  uint64_t sent_tick;  /* KV_STAGE_FORWARDED: when, */
  bool impatient;      /* and that it was once before, without an answer */
  bool tried;          /* KV_STAGE_ADMIN: something of it was proposed */
  uint64_t retry_tick; /* when it was routed again last, or will be */
  uint32_t retries;
  bool looked_up;   /* the scheduler was asked for the region of its key */
  raft_bytes reply; /* KV_STAGE_DONE */

  size_t len; /* of body: a binary command, or raft_cmdpb.AdminRequest */
  unsigned char body[];
};

typedef struct kv_request_table {
  kv_list all;
  kv_request **slots;
  size_t room;
  uint32_t *free_slots; /* a stack */
  size_t free_count;
  uint32_t serial;
  size_t count;           /* of requests */
  size_t bytes;           /* of memory that they take */
  uint64_t next_deadline; /* no request has an earlier one; UINT64_MAX: none at all */
} kv_request_table;

void kv_request_table_init(kv_request_table *table);
/* The requests must be gone. */
void kv_request_table_free(kv_request_table *table);

/* New request with room for a body of `len` bytes, in no list. NULL: out of memory. */
kv_request *kv_request_create(kv_request_table *table, kv_request_kind kind, size_t len,
                              uint64_t deadline);
/* Out of every list, batch and the table; freed. */
void kv_request_free(kv_request_table *table, kv_request *request);
/* NULL: answered already. */
kv_request *kv_request_find(const kv_request_table *table, uint64_t id);

/* NULL: out of memory. The batch does not own the requests. */
kv_batch *kv_batch_create(size_t room);
void kv_batch_add(kv_batch *batch, kv_request *request, kv_request_stage stage);
/* Puts the requests that are left into `list` (NULL: nowhere) and frees the batch. */
void kv_batch_dissolve(kv_batch *batch, kv_list *list, kv_request_stage stage);

#endif
