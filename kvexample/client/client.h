/* client.h - a blocking client of the Redis protocol, with a time limit for everything.
 *
 * For tools. One connection, one thread. Requests may be sent ahead of their replies.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_CLIENT_CLIENT_H
#define KV_CLIENT_CLIENT_H

#include <libraft/bytes.h>

#include "client/address_list.h"
#include "client/resp_value.h"

typedef struct kv_client kv_client;

/* Connects to "host:port" and speaks RESP3 to it. *client is NULL on failure. KV_EIO with a
 * sentence (refused, no answer within timeout_ms ...), KV_EINVAL, KV_ENOMEM. */
int kv_client_open(const char *address, int timeout_ms, kv_client **client, kv_error *error);
/* NULL is ignored. */
void kv_client_close(kv_client *client);
const char *kv_client_address(const kv_client *client);

/* Limit for each of the calls below, in milliseconds. */
void kv_client_set_timeout(kv_client *client, int timeout_ms);

/* Queues a command; nothing is sent before kv_client_receive needs it. KV_ENOMEM. */
int kv_client_send(kv_client *client, const raft_slice *arguments, size_t count);
/* Sends what is queued and waits for the next reply, valid until the next call. A reply that is
 * an error is a reply. KV_EIO: the connection broke or the time is up; it is of no use any more. */
int kv_client_receive(kv_client *client, const kv_value **reply, kv_error *error);
/* Sends one command of text arguments, ended by NULL, and waits for its reply. */
int kv_client_call(kv_client *client, const char *const *arguments, const kv_value **reply,
                   kv_error *error);

#endif
