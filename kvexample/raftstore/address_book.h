/* address_book.h - where other stores live, and when they were last heard of.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_RAFTSTORE_ADDRESS_BOOK_H
#define KV_RAFTSTORE_ADDRESS_BOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct kv_address {
  uint64_t store_id;
  char *address;
  uint64_t heard_tick; /* of the last frame from it; 0: none yet */
  uint64_t lost_tick;  /* of the last report that it is unreachable, 0: heard since */
} kv_address;

/* Ascending by store id. Zero-initialised is empty. */
typedef struct kv_address_book {
  kv_address *items;
  size_t count;
} kv_address_book;

void kv_address_book_free(kv_address_book *book);
/* NULL: unknown. Valid until the next kv_address_book_learn. */
kv_address *kv_address_book_find(const kv_address_book *book, uint64_t store_id);
/* False: out of memory. */
bool kv_address_book_learn(kv_address_book *book, uint64_t store_id, const char *address);

#endif
