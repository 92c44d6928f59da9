/* treap.h - an ordered set of nodes that lie in the objects they order, balanced by chance.
 *
 * Every node has a priority; the tree is ordered by key and a heap by priority (Aragon and Seidel),
 * so that its depth is logarithmic whatever the order of insertion, given priorities that look
 * random. The caller mixes them out of ids: nothing here is random, runs repeat.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_SCHEDULER_TREAP_H
#define KV_SCHEDULER_TREAP_H

#include <stddef.h>
#include <stdint.h>

typedef struct kv_treap_node {
  struct kv_treap_node *left, *right;
  uint64_t priority;
} kv_treap_node;

/* As memcmp: the key against the node's key. */
typedef int (*kv_treap_order)(const void *key, kv_treap_node *node);

typedef struct kv_treap {
  kv_treap_node *root;
  kv_treap_order order;
  size_t count;
} kv_treap;

/* A priority out of an id: neighbours get unrelated ones (the finisher of splitmix64). */
uint64_t kv_treap_mix(uint64_t id);

/* No node of the tree has this key yet. */
void kv_treap_insert(kv_treap *treap, kv_treap_node *node, const void *key);
void kv_treap_remove(kv_treap *treap, kv_treap_node *node, const void *key); /* it is in there */
kv_treap_node *kv_treap_find(const kv_treap *treap, const void *key);        /* NULL: none */
/* The last node whose key is not behind this one; NULL: none. */
kv_treap_node *kv_treap_floor(const kv_treap *treap, const void *key);
/* The first node whose key is behind this one; NULL: none. */
kv_treap_node *kv_treap_above(const kv_treap *treap, const void *key);
/* The last node whose key is before this one; NULL: none. */
kv_treap_node *kv_treap_below(const kv_treap *treap, const void *key);
kv_treap_node *kv_treap_first(const kv_treap *treap);

#endif
