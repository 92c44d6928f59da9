/* persist.h - what the scheduler keeps in its engine (docs/formats.md), and reading it again.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_SCHEDULER_PERSIST_H
#define KV_SCHEDULER_PERSIST_H

#include "scheduler/state.h"

/* Each is durable when it returns KV_OK; otherwise nothing of it happened. Errors: the engine's. */
int kv_persist_cluster(const kv_scheduler *s, bool bootstrapped, bool paused,
                       const kv_region_report *first);
int kv_persist_ids(const kv_scheduler *s, uint64_t limit);
int kv_persist_setting(const kv_scheduler *s, const char *name, uint64_t value);
int kv_persist_store(const kv_scheduler *s, const kv_sched_store *store);
int kv_persist_forget_store(const kv_scheduler *s, uint64_t id);
/* Writes up to `most` regions that changed, in one transaction. */
int kv_persist_regions(kv_scheduler *s, size_t most);

/* Fills an empty scheduler; *found false: the engine is empty. KV_EFOREIGN, KV_ECORRUPT. */
int kv_persist_load(kv_scheduler *s, bool *found, kv_error *error);

#endif
