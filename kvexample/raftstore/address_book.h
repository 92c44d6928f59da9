/* address_book.h - where other stores live, and when they were last heard of.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_RAFTSTORE_ADDRESS_BOOK_H
#define KV_RAFTSTORE_ADDRESS_BOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "raftstore/beat.h"

typedef struct kv_address {
  uint64_t store_id;
  char *address;
  uint64_t heard_tick; /* of the last frame from it; 0: none yet */
  uint64_t lost_tick;  /* of the last report that it is unreachable, 0: heard since */

  /* hibernate.h */
  uint64_t incarnation;  /* the last one heard of; 0: none */
  uint64_t awaited_tick; /* when it said last that it wants to hear that this store is alive */
  size_t sleepers;       /* peers of this store that sleep and have a member there */
  bool silent;           /* for an election timeout */

  kv_beats beats; /* to be sent at the end of this turn */
  bool is_due;    /* even if there are none */
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
