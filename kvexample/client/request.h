/* request.h - writes a command in the Redis protocol.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_CLIENT_REQUEST_H
#define KV_CLIENT_REQUEST_H

#include <libraft/bytes.h>

#include "client/buffer.h"

/* Appends one command. KV_ENOMEM: the buffer is as it was. */
int kv_request_append(kv_buffer *buffer, const raft_slice *arguments, size_t count);

#endif
