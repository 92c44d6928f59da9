/* spread.h - a command on keys of several regions: one part a region, answers put together.
 *
 * MGET, EXISTS, DEL and MSET are cut into one request a region, which go out together; each is
 * executed as a command of its own, atomic and linearizable in its region, not across regions.
 * DBSIZE counts region by region, many at a time; SCAN goes on into the next region until it has
 * what it was asked for. A part whose region was split meanwhile is cut again.
 *
 * The client's request is replaced by its parts. Each of them is answered exactly once, by its
 * deadline at the latest, and the last one answers the client. When a write was done in one region
 * and refused in another, the outcome is unknown: the answer says so.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_RAFTSTORE_SPREAD_H
#define KV_RAFTSTORE_SPREAD_H

#include "raftstore/command.h"
#include "raftstore/core.h"

typedef struct kv_part kv_part;

/* Puts parts in the place of a client's request, or of a part that no region has whole any more.
 * `command` is the request's own. The request is gone. */
void kv_spread(kv_store *store, kv_request *request, const kv_command *command);
/* The part goes to this region. NULL is ignored. */
void kv_part_routed(kv_part *part, const kv_region *region);

#endif
