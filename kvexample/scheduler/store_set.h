/* store_set.h - the stores of the cluster, their states, and which of them may get more.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_SCHEDULER_STORE_SET_H
#define KV_SCHEDULER_STORE_SET_H

#include "scheduler/state.h"

kv_sched_store *kv_store_set_find(const kv_store_set *set, uint64_t id); /* NULL: none */
/* A store that is no Tombstone has the address; NULL: none. */
kv_sched_store *kv_store_set_by_address(const kv_store_set *set, const char *address);
/* The store, new if need be. NULL: out of memory. */
kv_sched_store *kv_store_set_add(kv_store_set *set, uint64_t id);
void kv_store_set_remove(kv_store_set *set, uint64_t id); /* it has no peers */
void kv_store_set_clear(kv_store_set *set);

kv_scheduler_store_state kv_sched_store_state(const kv_scheduler *s, const kv_sched_store *store);
/* What its peers weigh once the running operators are done. */
int64_t kv_sched_store_score(const kv_sched_store *store);
int64_t kv_sched_store_leaders(const kv_sched_store *store);

/* May it get a peer, or a leader? False: `why` says what is against it. */
bool kv_store_takes_peer(const kv_scheduler *s, const kv_sched_store *store, char *why,
                         size_t size);
bool kv_store_takes_leader(const kv_scheduler *s, const kv_sched_store *store, char *why,
                           size_t size);
/* The lightest store that takes a peer of the region and has none yet, NULL: none, `why` says. */
kv_sched_store *kv_store_set_target(const kv_scheduler *s, const kv_sched_region *region, char *why,
                                    size_t size);

/* Stores other than `except` that are or may soon be there to hold peers. */
size_t kv_store_set_serving(const kv_scheduler *s, const kv_sched_store *except);
void kv_sched_store_describe(const kv_scheduler *s, const kv_sched_store *store,
                             kv_store_info *info);
/* Changes of state into the log; an Offline store without peers becomes a Tombstone. */
void kv_store_set_tick(kv_scheduler *s);

#endif
