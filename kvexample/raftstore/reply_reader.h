/* reply_reader.h - takes answers apart that were put together by reply.h.
 *
 * For bytes of other stores, too: what is not of the wanted kind, or cut off, is refused.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_RAFTSTORE_REPLY_READER_H
#define KV_RAFTSTORE_REPLY_READER_H

#include <libraft/bytes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Each takes one thing from the front of *reply. False: it is something else. */
bool kv_reply_read_integer(raft_slice *reply, int64_t *number);
bool kv_reply_read_array(raft_slice *reply, size_t *count); /* the header; the items follow */
bool kv_reply_read_bulk(raft_slice *reply, raft_slice *bytes);
bool kv_reply_read_nil(raft_slice *reply);
/* A bulk string or nil, as it stands. */
bool kv_reply_read_item(raft_slice *reply, raft_slice *item);

#endif
