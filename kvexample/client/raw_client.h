/* raw_client.h - a blocking client of raw calls, which finds the leader of each key's region.
 *
 * It knows some stores to begin with, asks the scheduler where there is one, and learns from what
 * the stores answer (region_cache.h). What was certainly not executed is tried again, with waits,
 * until the time is up. One thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_CLIENT_RAW_CLIENT_H
#define KV_CLIENT_RAW_CLIENT_H

#include "base/error.h"
#include "raftstore/raw_call.h"

typedef struct kv_raw_client kv_raw_client;

/* scheduler: its address. Nothing is connected yet. KV_ENOMEM. */
int kv_raw_client_open(const char *scheduler, int timeout_ms, uint64_t seed, kv_raw_client **client,
                       kv_error *error);
void kv_raw_client_close(kv_raw_client *client); /* NULL is ignored */

/* One call; of `request` call, key, value, expected, absent, limit and keys_only are looked at. The
 * response is valid until the next call; a scan's next_key is where to go on, in the next region if
 * need be, and empty when no key is left.
 * KV_OK; KV_EINVAL: refused, with the store's words; KV_EBUSY: certainly not executed in time;
 * KV_EIO: a write of which nobody knows whether it was, or will be, executed. All with a sentence.
 */
int kv_raw_client_call(kv_raw_client *client, const kv_raw_request *request,
                       const kv_raw_response **response, kv_error *error);

#endif
