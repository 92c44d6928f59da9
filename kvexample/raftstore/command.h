/* command.h - what a client asks of the key space, free of any client protocol.
 *
 * A command is decided where it is executed: reads on an engine state that contains every
 * acknowledged write, writes at apply, inside the transaction that applies their entry. So
 * read-modify-write commands are atomic, and every replica computes the same.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_RAFTSTORE_COMMAND_H
#define KV_RAFTSTORE_COMMAND_H

#include <libraft/bytes.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "engine/engine.h"
#include "raftstore/region.h"
#include "raftstore/reply.h"

/* Numbers are on disk (in raft entries): never change one, only add. */
typedef enum kv_op {
  KV_OP_NONE = 0,
  /* writes: args */
  KV_OP_SET = 1,    /* key value; flags NX, XX, GET, INT */
  KV_OP_MSET = 2,   /* key value key value ... */
  KV_OP_DEL = 3,    /* key ...; answers the number deleted */
  KV_OP_GETDEL = 4, /* key */
  KV_OP_APPEND = 5, /* key value; answers the new length */
  KV_OP_INCRBY = 6, /* key; number is the increment */
  KV_OP_CAS = 7,    /* key expected value; flags ABSENT (expected: no key); answers 1 or 0 */
  /* reads: args */
  KV_OP_GET = 32,    /* key */
  KV_OP_MGET = 33,   /* key ... */
  KV_OP_EXISTS = 34, /* key ...; counts repeats, as Redis does */
  KV_OP_STRLEN = 35, /* key */
  KV_OP_TYPE = 36,   /* key */
  KV_OP_TTL = 37,    /* key; -1 or -2; flag MILLIS changes nothing yet */
  KV_OP_SCAN = 38,   /* from [pattern]; number is the count. Answers [cursor, [key ...]] */
  KV_OP_DBSIZE = 39, /* [from] */
  KV_OP_RANGE = 40   /* from; number is the count; flag KEYS. Answers [next, [key value ...]] */
} kv_op;

enum {
  KV_FLAG_NX = 1u << 0,  /* only if the key is absent */
  KV_FLAG_XX = 1u << 1,  /* only if the key is there */
  KV_FLAG_GET = 1u << 2, /* answer the old value (or nil) instead of OK */
  KV_FLAG_INT = 1u << 3, /* answer 1 or 0 instead of OK or nil (SETNX) */
  KV_FLAG_ABSENT = 1u << 4,
  KV_FLAG_KEYS = 1u << 5 /* without their values */
};

/* Bounds of one command beyond those of its keys and values: bytes of all arguments together,
 * number of arguments, bytes of a pattern. Requests above them are refused before they travel. */
#define KV_MAX_COMMAND (8u << 20)
#define KV_MAX_ARGS    (1u << 17)
#define KV_MAX_PATTERN 512
/* Bounds of one answer: MGET answers an error beyond the first, SCAN stops early at the others. */
#define KV_MAX_REPLY      (64u << 20)
#define KV_MAX_SCAN_REPLY (1u << 20)
#define KV_MAX_SCAN_KEYS  10000

typedef struct kv_command {
  kv_op op;
  uint32_t flags;
  int64_t number;
  const raft_slice *args;
  size_t arg_count;
} kv_command;

bool kv_op_is_write(kv_op op); /* false also for a number that is no op */
bool kv_op_is_known(kv_op op);
const char *kv_op_name(kv_op op); /* "SET"; "?" for what is none */

/* Checks counts and sizes (KV_MAX_KEY, KV_MAX_VALUE, empty keys). KV_EINVAL: *why is a static
 * Redis-style error text. Also what a decoded command must pass before it is executed. */
int kv_command_check(const kv_command *command, const char **why);

/* Every key that the command names: position and stride in args. */
typedef struct kv_key_range {
  size_t first, step, count;
} kv_key_range;
kv_key_range kv_command_keys(const kv_command *command);
/* They are the region's, whatever was split off since the command was sent there. */
bool kv_command_keys_inside(const kv_command *command, const kv_region *region);

/* Binary form, used in raft entries and between stores. size_t return: bytes needed; nothing is
 * written beyond `size`. */
size_t kv_command_encode(const kv_command *command, void *buf, size_t size);
/* Decodes one command from the front of *input and moves it past. The arguments borrow from the
 * input; they go to args, which has room for *arg_room of them.
 * KV_EFULL: *arg_room is what it takes, the input stands where it was. KV_ECORRUPT: not a command
 * (an unknown op included: a replica that cannot execute an entry must not pass over it). */
int kv_command_decode(raft_slice *input, kv_command *command, raft_slice *args, size_t *arg_room);

/* What a command changed, about: see kv_region_size. Added up. */
typedef struct kv_size_change {
  int64_t bytes;
  int64_t keys;
} kv_size_change;

/* Executes against a transaction and appends the answer to `reply`. An answer that is a Redis
 * error (not an integer, too long ...) is still KV_OK: it is the same on every replica. Other codes
 * mean that the engine failed and the transaction must be given up. A command that does not pass
 * kv_command_check answers that error. SCAN and DBSIZE look at keys in [range_start, range_end)
 * only; range_end empty: no end. change: of writes; NULL if it does not matter.
 *
 * SCAN: args[0] is the key from which on to look (empty: from the start), args[1] a pattern
 * (absent: every key). Its cursor is the next key to be looked at, or empty when none is left.
 * It looks at `number` keys, at most KV_MAX_SCAN_KEYS, and at fewer when the answer or the matching
 * becomes too much work for one call: a caller goes on as long as the cursor is not empty. RANGE is
 * the same with values and without patterns. */
int kv_command_execute(const kv_command *command, kv_txn *txn, raft_slice range_start,
                       raft_slice range_end, kv_reply *reply, kv_size_change *change);

#endif
