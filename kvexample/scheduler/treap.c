/* treap.c - an ordered set of nodes that lie in the objects they order, balanced by chance.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "scheduler/treap.h"

uint64_t kv_treap_mix(uint64_t id) {
  uint64_t x = id + 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

/* The node takes the place of the first one of less priority on its way down, and that one's
 * subtree is parted among its two sides. */
void kv_treap_insert(kv_treap *treap, kv_treap_node *node, const void *key) {
  kv_treap_node **at = &treap->root;
  while (*at != NULL && (*at)->priority >= node->priority) {
    at = treap->order(key, *at) < 0 ? &(*at)->left : &(*at)->right;
  }
  kv_treap_node *rest = *at, **before = &node->left, **after = &node->right;
  while (rest != NULL) {
    if (treap->order(key, rest) < 0) {
      *after = rest;
      after = &rest->left;
      rest = rest->left;
    } else {
      *before = rest;
      before = &rest->right;
      rest = rest->right;
    }
  }
  *before = *after = NULL;
  *at = node;
  treap->count++;
}

/* What was below the node is merged into its place. */
void kv_treap_remove(kv_treap *treap, kv_treap_node *node, const void *key) {
  kv_treap_node **at = &treap->root;
  while (*at != node) {
    at = treap->order(key, *at) < 0 ? &(*at)->left : &(*at)->right;
  }
  kv_treap_node *left = node->left, *right = node->right;
  while (left != NULL && right != NULL) {
    if (left->priority >= right->priority) {
      *at = left;
      at = &left->right;
      left = left->right;
    } else {
      *at = right;
      at = &right->left;
      right = right->left;
    }
  }
  *at = left != NULL ? left : right;
  node->left = node->right = NULL;
  treap->count--;
}

kv_treap_node *kv_treap_floor(const kv_treap *treap, const void *key) {
  kv_treap_node *at = treap->root, *best = NULL;
  while (at != NULL) {
    if (treap->order(key, at) >= 0) {
      best = at;
      at = at->right;
    } else {
      at = at->left;
    }
  }
  return best;
}

kv_treap_node *kv_treap_find(const kv_treap *treap, const void *key) {
  kv_treap_node *at = kv_treap_floor(treap, key);
  return at != NULL && treap->order(key, at) == 0 ? at : NULL;
}

kv_treap_node *kv_treap_above(const kv_treap *treap, const void *key) {
  kv_treap_node *at = treap->root, *best = NULL;
  while (at != NULL) {
    if (treap->order(key, at) < 0) {
      best = at;
      at = at->left;
    } else {
      at = at->right;
    }
  }
  return best;
}

kv_treap_node *kv_treap_below(const kv_treap *treap, const void *key) {
  kv_treap_node *at = treap->root, *best = NULL;
  while (at != NULL) {
    if (treap->order(key, at) > 0) {
      best = at;
      at = at->right;
    } else {
      at = at->left;
    }
  }
  return best;
}

kv_treap_node *kv_treap_first(const kv_treap *treap) {
  kv_treap_node *at = treap->root;
  while (at != NULL && at->left != NULL) {
    at = at->left;
  }
  return at;
}
