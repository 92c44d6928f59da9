/* cursors.h - numbers for SCAN cursors: clients want a number, the store continues after a key.
 *
 * A bounded table: the newest cursors are kept, the oldest is dropped for a new one, and its
 * number is refused from then on. A cursor may be used more than once.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_RESP_CURSORS_H
#define KV_RESP_CURSORS_H

#include <libraft/bytes.h>
#include <stddef.h>
#include <stdint.h>

#include "raftstore/reply.h"

typedef struct kv_cursors kv_cursors;

/* `first` is the first number given out (not 0). Numbers of an earlier run should not be valid in
 * this one: take something that grows, such as the time. NULL: out of memory. */
kv_cursors *kv_cursors_open(size_t capacity, uint64_t first);
void kv_cursors_close(kv_cursors *cursors);

/* Remembers a key. 0: out of memory. */
uint64_t kv_cursors_add(kv_cursors *cursors, raft_slice key);

/* The key of a number; valid until the next add. KV_ENOTFOUND: never given out, or dropped. */
int kv_cursors_find(const kv_cursors *cursors, uint64_t number, raft_slice *key);

/* Appends the answer of KV_OP_SCAN, [key, [key ...]], with the first key replaced by a number
 * ("0" for an empty one: finished). Any other answer (an error) is appended as it is. */
void kv_cursors_rewrite(kv_cursors *cursors, raft_slice answer, kv_reply *out);

#endif
