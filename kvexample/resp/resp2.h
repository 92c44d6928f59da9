/* resp2.h - rewrites answers for clients that speak the older protocol, RESP2.
 *
 * Inside the store an answer is RESP3 (raftstore/reply.h). RESP2 has no nil, map, set, boolean,
 * double, big number, verbatim string, push or bulk error: each becomes what Redis 7 sends to
 * such clients.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_RESP_RESP2_H
#define KV_RESP_RESP2_H

#include <stdbool.h>
#include <stddef.h>

#include "raftstore/reply.h"

/* Is the first element one that both protocols write alike, and no aggregate? Then the whole answer
 * is: most answers, found without reading them through. */
bool kv_resp2_is_same(const char *data, size_t len);

/* Appends the answer (one or more whole RESP3 elements) to `out` as RESP2. One pass, no nesting
 * kept. KV_ECORRUPT: not RESP3, or cut; then nothing was appended. */
int kv_resp2_append(kv_reply *out, const char *data, size_t len);

#endif
