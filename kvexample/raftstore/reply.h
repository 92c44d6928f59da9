/* reply.h - a growing answer in RESP3 bytes, the neutral form of answers inside the store.
 *
 * RESP3 is what travels between threads and stores; a client that speaks RESP2 gets its nil
 * rewritten at the edge.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_RAFTSTORE_REPLY_H
#define KV_RAFTSTORE_REPLY_H

#include <libraft/bytes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

/* Zero-initialised is empty. A failed allocation sets `failed`, appends become no-ops, and the
 * owner answers with kv_reply_out_of_memory() instead. */
typedef struct kv_reply {
  char *data;
  size_t len;
  size_t capacity;
  bool failed;
} kv_reply;

void kv_reply_free(kv_reply *reply);                     /* leaves it empty */
void kv_reply_nil(kv_reply *reply);                      /* _ */
void kv_reply_status(kv_reply *reply, const char *text); /* +OK */
/* -ERR ...: format starts with the Redis error code; CR and LF in it become spaces. */
void kv_reply_error(kv_reply *reply, const char *format, ...) __attribute__((format(printf, 2, 3)));
void kv_reply_integer(kv_reply *reply, int64_t number);
void kv_reply_bulk(kv_reply *reply, const void *data, size_t len);
void kv_reply_text(kv_reply *reply, const char *text); /* bulk from a C string */
void kv_reply_boolean(kv_reply *reply, bool value);
void kv_reply_array(kv_reply *reply, size_t count); /* header; `count` items follow */
void kv_reply_map(kv_reply *reply, size_t pairs);   /* header; 2 * pairs items follow */
void kv_reply_append(kv_reply *reply, const void *data, size_t len); /* ready-made RESP3 */

/* The mark of a command that was not executed, because its key is another region's by now. No
 * client sees it: the command is routed again. */
void kv_reply_moved(kv_reply *reply);
bool kv_reply_is_moved(raft_slice reply);

/* What to answer instead of a failed reply; static. */
raft_slice kv_reply_out_of_memory(void);

#endif
