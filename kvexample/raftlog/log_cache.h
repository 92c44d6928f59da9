/* log_cache.h - payloads of recently written entries, oldest out first.
 *
 * Every entry is cached from its write until it is durable, because only then can it be read from
 * its file; after that until the budget of bytes is exceeded. What is read from files is not
 * cached: a follower that catches up does not drive out what everybody else asks for.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_RAFTLOG_LOG_CACHE_H
#define KV_RAFTLOG_LOG_CACHE_H

#include <libraft/bytes.h>
#include <stddef.h>
#include <stdint.h>

struct kv_log_region;

typedef struct kv_log_cached {
  struct kv_log_cached *previous;
  struct kv_log_cached *next;
  struct kv_log_region *region; /* whose entry `index` points back here */
  uint64_t index;
  uint64_t sequence; /* of the group that makes the entry durable */
  const void *data;
  size_t len;
  raft_buf *owner;
} kv_log_cached;

typedef struct kv_log_cache {
  kv_log_cached ends; /* of the list, in the order of writing; only its links are used */
  size_t bytes;       /* payload bytes of all on the list */
  size_t budget;
} kv_log_cache;

void kv_log_cache_init(kv_log_cache *cache, size_t budget);

/* Puts a node at the end of the list; it holds a reference of owner already. */
void kv_log_cache_append(kv_log_cache *cache, kv_log_cached *node);

/* Takes a node off the list, drops its reference and frees it. NULL is ignored. */
void kv_log_cache_remove(kv_log_cache *cache, kv_log_cached *node);

/* The node to give up next: there are too many bytes, and it is durable. NULL: none. */
kv_log_cached *kv_log_cache_surplus(const kv_log_cache *cache, uint64_t durable);

#endif
