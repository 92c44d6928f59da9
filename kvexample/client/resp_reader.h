/* resp_reader.h - finds replies in the bytes that a server sent, however they are cut.
 *
 * The reader takes what it has understood from the front of the buffer; what it remembers of
 * an incomplete reply is in memory of its own. Lengths and depths are limited, and memory for the
 * items of a list is taken as they arrive, not as they are announced.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_CLIENT_RESP_READER_H
#define KV_CLIENT_RESP_READER_H

#include "base/error.h"
#include "client/buffer.h"
#include "client/resp_value.h"

enum { KV_RESP_DEPTH = 32 };

typedef struct kv_resp_block kv_resp_block;

/* A list that is being filled. */
typedef struct kv_resp_level {
  kv_value *list;
  size_t wanted; /* items that it shall have */
  size_t room;
  bool drop; /* an attribute: its value is not part of the reply */
} kv_resp_level;

typedef struct kv_resp_reader {
  kv_value root;
  kv_resp_block *blocks; /* memory of the current reply */
  kv_resp_level levels[KV_RESP_DEPTH];
  size_t depth;
} kv_resp_reader;

/* All zero is a fresh reader. */
void kv_resp_reader_free(kv_resp_reader *reader);

/* KV_OK: *reply is complete and valid until the next call with this reader. KV_ENOTFOUND: more
 * bytes are needed. KV_ECORRUPT: this is not the Redis protocol; KV_ENOMEM. After an error the
 * reader is of no use. */
int kv_resp_read(kv_resp_reader *reader, kv_buffer *buffer, const kv_value **reply);

#endif
