/* inbox.c - bytes that were read from a connection and are not consumed.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "net/inbox.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

enum {
  SMALLEST_READ = 16 << 10, /* room behind kept bytes */
  GROWTH_AT_ONCE = 1 << 20  /* how far announced bytes are believed before they arrive */
};

void kv_inbox_init(kv_inbox *inbox, kv_shared_input *shared) {
  *inbox = (kv_inbox){.shared = shared};
}

void kv_inbox_free(kv_inbox *inbox) {
  free(inbox->own);
  inbox->own = NULL;
}

uv_buf_t kv_inbox_space(kv_inbox *inbox) {
  if (inbox->len == 0) {
    return uv_buf_init(inbox->shared->data, sizeof inbox->shared->data);
  }
  return uv_buf_init(inbox->own + inbox->len, (unsigned)(inbox->capacity - inbox->len));
}

void kv_inbox_filled(kv_inbox *inbox, size_t bytes) {
  if (inbox->len == 0) {
    inbox->data = inbox->shared->data;
  }
  inbox->len += bytes;
}

void kv_inbox_consume(kv_inbox *inbox, size_t bytes) {
  inbox->data += bytes;
  inbox->len -= bytes;
}

static bool in_own(const kv_inbox *inbox) {
  return inbox->own != NULL && inbox->data >= inbox->own &&
         inbox->data <= inbox->own + inbox->capacity;
}

/* Room to read a fair piece, and the whole of a large request without moving it again. */
static size_t room_for(const kv_inbox *inbox, size_t wanted) {
  const size_t least = inbox->len + SMALLEST_READ;
  const size_t most = inbox->len * 2 + GROWTH_AT_ONCE;
  const size_t aim = wanted < most ? wanted : most;
  return aim > least ? aim : least;
}

int kv_inbox_keep(kv_inbox *inbox, size_t wanted) {
  if (inbox->len == 0) {
    kv_inbox_free(inbox);
    inbox->capacity = 0;
    return KV_OK;
  }
  if (in_own(inbox) && inbox->capacity >= inbox->len + SMALLEST_READ) {
    memmove(inbox->own, inbox->data, inbox->len);
    inbox->data = inbox->own;
    return KV_OK;
  }
  const size_t room = room_for(inbox, wanted);
  char *grown = malloc(room);
  if (grown == NULL) {
    return KV_ENOMEM;
  }
  memcpy(grown, inbox->data, inbox->len);
  free(inbox->own);
  inbox->own = grown;
  inbox->capacity = room;
  inbox->data = grown;
  return KV_OK;
}
