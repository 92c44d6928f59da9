/* ids.h - ids of stores, regions and peers: each is given out once, ever.
 *
 * The engine says up to where ids may have been used; it is told in large steps ahead of use, so
 * that few ids cost a write, and a restart skips what was left of a step.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_SCHEDULER_IDS_H
#define KV_SCHEDULER_IDS_H

#include "scheduler/state.h"

/* The first of `count` new ids. KV_EINVAL: there are no more; the engine's errors. */
int kv_ids_take(kv_scheduler *s, uint64_t count, uint64_t *first);
/* Somebody chose an id by himself: it and all below will not be given out. */
int kv_ids_skip(kv_scheduler *s, uint64_t id);

#endif
