/* message.h - requests to the scheduler and its responses, as structs and as bytes.
 *
 * A request is made by a store (store_id) or a tool (store_id 0), and every one is answered by one
 * response with the same request_id. Both structs are flat; the table of calls below says which
 * fields have a meaning. What is not named is zero and ignored.
 *
 * The small parts are the structs that nanopb generates; their fields are explained in
 * proto/schedulerpb.proto. Texts are terminated, and cut to their field's size by whoever fills
 * them (kv_message_text).
 *
 * Ownership: a decoded message owns its lists and regions, and borrows key and split_key from
 * the bytes it was decoded from. Encoding takes no ownership. Clear both kinds when done.
 *
 * No globals; any thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_SCHEDULER_MESSAGE_H
#define KV_SCHEDULER_MESSAGE_H

#include <libraft/bytes.h>
#include <stdbool.h>
#include <stdint.h>

#include "raftstore/region.h"
#include "schedulerpb.pb.h"

/* Numbers are on the wire. Fields: request -> response. In every response: status, text. */
typedef enum kv_scheduler_call {
  KV_CALL_NONE = 0,
  /* id (the store's own, 0: it is new), text (address), incarnation (of its data directory)
   * -> id, cluster_id, bootstrapped, stores, stores_version. cluster_id of the request may be 0:
   * the store does not know it yet. A store that has lost the answer gets the same id by asking
   * with the same address and incarnation. */
  KV_CALL_PUT_STORE = 1,
  /* report.region: the first region, whose range is everything, with one peer on this store; its
   * ids came from KV_CALL_ALLOC_IDS. -> bootstrapped. KV_SCHEDULER_BOOTSTRAPPED: somebody was
   * first, join; but repeating one's own is ok. */
  KV_CALL_BOOTSTRAP = 2,
  KV_CALL_ALLOC_IDS = 3, /* count (1 to 1024) -> id: the first of so many */
  /* stats, incarnation, stores_version (of the list that it has) -> store_state, stores_version,
   * and, if that is another one, stores */
  KV_CALL_STORE_HEARTBEAT = 4,
  /* report -> region_id, epoch, step (kind KV_STEP_NONE: nothing to do), split_key */
  KV_CALL_REGION_HEARTBEAT = 5,
  /* report.region as it is now -> id: of the right half, peer_ids: as many and in the same order
   * as the region's peers, region_id, epoch: those asked about */
  KV_CALL_ASK_SPLIT = 6,
  /* id, or if that is 0: key; previous: the region that ends where the key's one begins
   * -> regions: one; stores: those of its peers */
  KV_CALL_GET_REGION = 7,
  /* key (from the region that contains it), count (limit; 0: 1024) -> regions, holes left out */
  KV_CALL_SCAN_REGIONS = 8,
  KV_CALL_GET_STORE = 9,         /* id -> stores: one */
  KV_CALL_LIST_STORES = 10,      /* -> stores, stores_version */
  KV_CALL_DRAIN_STORE = 11,      /* id -> text: how many regions have to go */
  KV_CALL_UNDRAIN_STORE = 12,    /* id; it serves on */
  KV_CALL_REMOVE_TOMBSTONE = 13, /* id; it is forgotten, its id stays used */
  /* id (region), text ("transfer-leader", "add-peer", "remove-peer", "move-peer", "split"),
   * from_store, to_store (as the name needs), key (split: where; empty: half-way)
   * -> id: the operator's */
  KV_CALL_ADD_OPERATOR = 14,
  KV_CALL_LIST_OPERATORS = 15,   /* -> operators, oldest first */
  KV_CALL_OPERATOR_HISTORY = 16, /* count (0: all that is kept) -> operators, latest first */
  KV_CALL_CANCEL_OPERATOR = 17,  /* id: the region's */
  KV_CALL_DESCRIBE = 18,         /* -> lines: who does what, or why not */
  KV_CALL_PAUSE = 19,            /* no operators are made by itself until resumed */
  KV_CALL_RESUME = 20,
  KV_CALL_GET_CONFIG = 21, /* -> items */
  KV_CALL_SET_CONFIG = 22  /* text (name), count (value) -> items */
} kv_scheduler_call;

typedef enum kv_scheduler_status {
  KV_SCHEDULER_OK = 0,
  KV_SCHEDULER_FAILED = 1,           /* could not do it (storage); ask again */
  KV_SCHEDULER_INVALID = 2,          /* makes no sense, or is refused: text says why */
  KV_SCHEDULER_NOT_BOOTSTRAPPED = 3, /* there is no cluster yet */
  KV_SCHEDULER_BOOTSTRAPPED = 4,     /* there is one already */
  KV_SCHEDULER_WRONG_CLUSTER = 5,    /* the sender belongs to another cluster */
  KV_SCHEDULER_TOMBSTONE = 6,        /* the sender's store id is dead: wipe it, join as new */
  KV_SCHEDULER_NOT_FOUND = 7,
  KV_SCHEDULER_STALE = 8 /* the region is known in a newer epoch or term */
} kv_scheduler_status;

typedef enum kv_scheduler_store_state {
  KV_STORE_UP = 0,
  KV_STORE_DISCONNECTED = 1, /* no heartbeat for a while: gets nothing new */
  KV_STORE_DOWN = 2,         /* for long: its peers are made up for elsewhere */
  KV_STORE_OFFLINE = 3,      /* being drained; serves still */
  KV_STORE_TOMBSTONE = 4     /* empty and gone for ever */
} kv_scheduler_store_state;

typedef enum kv_step_kind {
  KV_STEP_NONE = 0,
  KV_STEP_TRANSFER_LEADER = 1, /* peer_id */
  KV_STEP_CHANGE_PEERS = 2,    /* changes: one, or several through a joint configuration */
  KV_STEP_SPLIT = 3            /* at split_key of the response; empty: half-way */
} kv_step_kind;

typedef enum kv_change_kind {
  KV_CHANGE_ADD_VOTER = 1,
  KV_CHANGE_ADD_LEARNER = 2,
  KV_CHANGE_PROMOTE = 3, /* learner to voter */
  KV_CHANGE_DEMOTE = 4,  /* voter to learner */
  KV_CHANGE_REMOVE = 5
} kv_change_kind;

typedef enum kv_operator_state {
  KV_OPERATOR_RUNNING = 0,
  KV_OPERATOR_FINISHED = 1,
  KV_OPERATOR_CANCELLED = 2,
  KV_OPERATOR_TIMED_OUT = 3,
  KV_OPERATOR_OUTDATED = 4 /* the region's epoch moved in a way that is not its own */
} kv_operator_state;

#define KV_MAX_STEP_CHANGES 16u
/* Elements of one list, ids of one KV_CALL_ALLOC_IDS. */
#define KV_MAX_LIST  65536u
#define KV_MAX_ALLOC 1024u
/* The largest id that a store may ask for itself: those that are given out later are larger. */
#define KV_MAX_WISHED_ID (UINT64_C(1) << 40)

typedef schedulerpb_StoreStats kv_store_stats;
typedef schedulerpb_Store kv_store_info;
typedef schedulerpb_Change kv_step_change;
typedef schedulerpb_Step kv_step;
typedef schedulerpb_Operator kv_operator_info;
typedef schedulerpb_Trouble kv_peer_trouble;
typedef schedulerpb_Line kv_scheduler_line;
typedef schedulerpb_Item kv_scheduler_item;

typedef struct kv_region_report {
  kv_region region;
  uint64_t leader_peer;
  uint64_t term;
  uint64_t bytes; /* approximate */
  uint64_t keys;
  uint64_t written_bytes; /* since the last report */
  uint64_t written_keys;
  kv_peer_trouble *troubles; /* members that are down or pending */
  size_t trouble_count;      /* at most KV_MAX_PEERS */
  uint64_t age;              /* in answers: ms since it was made */
} kv_region_report;

typedef struct kv_scheduler_request {
  uint64_t request_id;
  uint64_t cluster_id;
  uint64_t store_id;
  kv_scheduler_call call;
  uint64_t id;
  uint64_t count;
  raft_slice key; /* borrowed */
  char text[265];
  uint64_t incarnation;
  uint64_t stores_version;
  kv_region_report report;
  kv_store_stats stats;
  uint64_t from_store;
  uint64_t to_store;
  bool previous;
} kv_scheduler_request;

typedef struct kv_scheduler_response {
  uint64_t request_id;
  uint64_t cluster_id;
  kv_scheduler_call call;
  kv_scheduler_status status;
  char text[240]; /* a sentence for people; always there unless status is OK */
  uint64_t id;
  uint64_t stores_version;
  bool bootstrapped;
  kv_scheduler_store_state store_state;
  uint64_t region_id; /* for which the step is meant, */
  kv_epoch epoch;     /* in this epoch only */
  kv_step step;
  raft_slice split_key; /* borrowed */
  uint64_t peer_ids[KV_MAX_PEERS];
  size_t peer_count;
  kv_store_info *stores;
  size_t store_count;
  kv_region_report *regions;
  size_t region_count;
  kv_operator_info *operators;
  size_t operator_count;
  kv_scheduler_line *lines;
  size_t line_count;
  kv_scheduler_item *items;
  size_t item_count;
} kv_scheduler_response;

/* New buffer with one reference. KV_ENOMEM; KV_EINVAL: a list or text beyond its bound. */
int kv_scheduler_request_encode(const kv_scheduler_request *request, raft_buf **frame);
int kv_scheduler_response_encode(const kv_scheduler_response *response, raft_buf **frame);
/* KV_ECORRUPT: no such message. KV_ENOMEM. *message is then empty. */
int kv_scheduler_request_decode(raft_bytes frame, kv_scheduler_request *request);
int kv_scheduler_response_decode(raft_bytes frame, kv_scheduler_response *response);
void kv_scheduler_request_clear(kv_scheduler_request *request); /* frees and zeroes */
void kv_scheduler_response_clear(kv_scheduler_response *response);

void kv_region_report_clear(kv_region_report *report);
/* KV_ENOMEM leaves *to cleared. */
int kv_region_report_copy(kv_region_report *to, const kv_region_report *from);
const kv_peer_trouble *kv_region_report_trouble(const kv_region_report *report, uint64_t peer_id);

/* printf into a text of a message, cut to its size at a whole character. */
void kv_message_text(char *text, size_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

const char *kv_scheduler_call_name(kv_scheduler_call call); /* "put-store" ... */
const char *kv_scheduler_status_name(kv_scheduler_status status);
const char *kv_scheduler_store_state_name(kv_scheduler_store_state state); /* "Up" ... */
const char *kv_operator_state_name(kv_operator_state state);
const char *kv_change_kind_name(kv_change_kind kind);

#endif
