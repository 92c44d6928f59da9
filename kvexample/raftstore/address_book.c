/* address_book.c - where other stores live.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "raftstore/address_book.h"

#include <stdlib.h>
#include <string.h>

void kv_address_book_free(kv_address_book *book) {
  for (size_t i = 0; i < book->count; i++) {
    free(book->items[i].address);
    kv_beats_free(&book->items[i].beats);
  }
  free(book->items);
  *book = (kv_address_book){0};
}

static size_t position(const kv_address_book *book, uint64_t store_id) {
  size_t at = 0;
  while (at < book->count && book->items[at].store_id < store_id) {
    at++;
  }
  return at;
}

kv_address *kv_address_book_find(const kv_address_book *book, uint64_t store_id) {
  size_t at = position(book, store_id);
  return at < book->count && book->items[at].store_id == store_id ? &book->items[at] : NULL;
}

static bool insert(kv_address_book *book, uint64_t store_id, char *address) {
  size_t at = position(book, store_id);
  kv_address *items = realloc(book->items, (book->count + 1) * sizeof *items);
  if (items == NULL) {
    return false;
  }
  memmove(items + at + 1, items + at, (book->count - at) * sizeof *items);
  items[at] = (kv_address){.store_id = store_id, .address = address};
  book->items = items;
  book->count++;
  return true;
}

bool kv_address_book_learn(kv_address_book *book, uint64_t store_id, const char *address) {
  kv_address *known = kv_address_book_find(book, store_id);
  if (known != NULL && strcmp(known->address, address) == 0) {
    return true;
  }
  char *copy = strdup(address);
  if (copy == NULL) {
    return false;
  }
  if (known != NULL) {
    free(known->address);
    known->address = copy;
    return true;
  }
  if (!insert(book, store_id, copy)) {
    free(copy);
    return false;
  }
  return true;
}
