/* log_cache.c - a list in the order of writing, with a count of bytes.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "raftlog/log_cache.h"

#include <stdlib.h>

void kv_log_cache_init(kv_log_cache *cache, size_t budget) {
  *cache = (kv_log_cache){.budget = budget};
  cache->ends.next = &cache->ends;
  cache->ends.previous = &cache->ends;
}

void kv_log_cache_append(kv_log_cache *cache, kv_log_cached *node) {
  node->next = &cache->ends;
  node->previous = cache->ends.previous;
  node->previous->next = node;
  cache->ends.previous = node;
  cache->bytes += node->len;
}

void kv_log_cache_remove(kv_log_cache *cache, kv_log_cached *node) {
  if (node == NULL) {
    return;
  }
  node->previous->next = node->next;
  node->next->previous = node->previous;
  cache->bytes -= node->len;
  raft_buf_release(node->owner);
  free(node);
}

kv_log_cached *kv_log_cache_surplus(const kv_log_cache *cache, uint64_t durable) {
  kv_log_cached *oldest = cache->ends.next;
  return cache->bytes > cache->budget && oldest != &cache->ends && oldest->sequence <= durable
             ? oldest
             : NULL;
}
