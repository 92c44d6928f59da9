/* confchange_visit.h - the changes of an encoded ConfChangeV2, one by one and without memory.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RAFT_CONFCHANGE_VISIT_H
#define RAFT_CONFCHANGE_VISIT_H

#include <libraft/types.h>

typedef void (*raft_change_visitor)(void *ctx, const raft_conf_change_single *change);

/* Calls visit(ctx, change) for each, in order, up to the first one that is none: RAFT_OK or
 * RAFT_EDECODE. visit NULL: only looks whether the bytes are a ConfChangeV2. */
int raft_conf_change_v2_visit(raft_slice input, raft_change_visitor visit, void *ctx);

#endif
