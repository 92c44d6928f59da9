/* cursors.c - numbers for SCAN cursors: a ring in which number n lies in slot n modulo capacity.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "resp/cursors.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/decimal.h"
#include "base/error.h"

typedef struct cursor_slot {
  uint64_t number; /* 0: empty */
  char *key;
  size_t len;
} cursor_slot;

struct kv_cursors {
  uint64_t next;
  size_t capacity;
  cursor_slot slots[];
};

kv_cursors *kv_cursors_open(size_t capacity, uint64_t first) {
  kv_cursors *cursors = calloc(1, sizeof *cursors + capacity * sizeof *cursors->slots);
  if (cursors != NULL) {
    cursors->next = first;
    cursors->capacity = capacity;
  }
  return cursors;
}

void kv_cursors_close(kv_cursors *cursors) {
  if (cursors == NULL) {
    return;
  }
  for (size_t i = 0; i < cursors->capacity; i++) {
    free(cursors->slots[i].key);
  }
  free(cursors);
}

uint64_t kv_cursors_add(kv_cursors *cursors, raft_slice key) {
  char *copy = malloc(key.len > 0 ? key.len : 1);
  if (copy == NULL) {
    return 0;
  }
  memcpy(copy, key.data, key.len);
  cursor_slot *slot = &cursors->slots[cursors->next % cursors->capacity];
  free(slot->key);
  *slot = (cursor_slot){.number = cursors->next++, .key = copy, .len = key.len};
  return slot->number;
}

int kv_cursors_find(const kv_cursors *cursors, uint64_t number, raft_slice *key) {
  const cursor_slot *slot = &cursors->slots[number % cursors->capacity];
  if (number == 0 || slot->number != number) {
    return KV_ENOTFOUND;
  }
  *key = (raft_slice){slot->key, slot->len};
  return KV_OK;
}

/* Reads "*2\r\n$<len>\r\n<key>\r\n"; the bytes read, or 0: something else. */
static size_t read_key(raft_slice answer, raft_slice *key) {
  static const char opening[] = "*2\r\n$";
  const size_t begin = sizeof opening - 1;
  const char *data = answer.data;
  if (answer.len < begin || memcmp(data, opening, begin) != 0) {
    return 0;
  }
  const char *end = memchr(data + begin, '\r', answer.len - begin);
  int64_t len = 0;
  if (end == NULL || !kv_decimal_parse(data + begin, (size_t)(end - data) - begin, &len)) {
    return 0;
  }
  const size_t at = (size_t)(end - data) + 2;
  if (len < 0 || at + (size_t)len + 2 > answer.len) {
    return 0;
  }
  *key = (raft_slice){data + at, (size_t)len};
  return at + (size_t)len + 2;
}

void kv_cursors_rewrite(kv_cursors *cursors, raft_slice answer, kv_reply *out) {
  raft_slice key;
  const size_t skip = read_key(answer, &key);
  if (skip == 0) {
    kv_reply_append(out, answer.data, answer.len);
    return;
  }
  const uint64_t number = key.len > 0 ? kv_cursors_add(cursors, key) : 0;
  if (number == 0 && key.len > 0) {
    kv_reply_error(out, "ERR out of memory for a cursor");
    return;
  }
  char text[24];
  (void)snprintf(text, sizeof text, "%" PRIu64, number);
  kv_reply_array(out, 2);
  kv_reply_text(out, text);
  kv_reply_append(out, (const char *)answer.data + skip, answer.len - skip);
}
