/* list.h - doubly linked lists whose links lie in the objects that they chain.
 *
 * An object is in at most one list per kv_link member. Zero-initialised links are in none; lists
 * are initialised by kv_list_init.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_BASE_LIST_H
#define KV_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

typedef struct kv_link {
  struct kv_link *next, *prev;
} kv_link;

typedef struct kv_list {
  kv_link head;
} kv_list;

/* The object whose `member` a link is. */
#define KV_OBJECT_OF(link, type, member) ((type *)(void *)((char *)(link)-offsetof(type, member)))

static inline void kv_list_init(kv_list *list) {
  list->head.next = list->head.prev = &list->head;
}

static inline bool kv_list_is_empty(const kv_list *list) {
  return list->head.next == &list->head;
}

static inline bool kv_link_is_listed(const kv_link *link) {
  return link->next != NULL;
}

static inline void kv_list_append(kv_list *list, kv_link *link) {
  link->next = &list->head;
  link->prev = list->head.prev;
  list->head.prev->next = link;
  list->head.prev = link;
}

/* No-op for a link that is in no list. */
static inline void kv_list_remove(kv_link *link) {
  if (link->next != NULL) {
    link->next->prev = link->prev;
    link->prev->next = link->next;
    link->next = link->prev = NULL;
  }
}

/* NULL: the list is empty. */
static inline kv_link *kv_list_first(const kv_list *list) {
  /* The analyzer believes that a removed link may still be in the list. */
  kv_link *first = list->head.next;
  return first == &list->head ? NULL : first; /* NOLINT(clang-analyzer-unix.Malloc) */
}

/* NULL: `link` is the last one. */
static inline kv_link *kv_list_next(const kv_list *list, const kv_link *link) {
  return link->next == &list->head ? NULL : link->next;
}

static inline kv_link *kv_list_pop(kv_list *list) {
  kv_link *link = kv_list_first(list);
  if (link != NULL) {
    kv_list_remove(link);
  }
  return link;
}

/* All of `from` to the end of `to`. */
static inline void kv_list_move(kv_list *to, kv_list *from) {
  kv_link *link;
  while ((link = kv_list_pop(from)) != NULL) {
    kv_list_append(to, link);
  }
}

#endif
