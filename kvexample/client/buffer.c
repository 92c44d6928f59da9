/* buffer.c - a growing piece of memory with a moving front.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "client/buffer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

void kv_buffer_free(kv_buffer *buffer) {
  free(buffer->bytes);
  *buffer = (kv_buffer){NULL, 0, 0, 0};
}

char *kv_buffer_reserve(kv_buffer *buffer, size_t len) {
  if (buffer->begin > 0 && buffer->room - buffer->end < len) {
    memmove(buffer->bytes, buffer->bytes + buffer->begin, kv_buffer_len(buffer));
    buffer->end -= buffer->begin;
    buffer->begin = 0;
  }
  if (buffer->room - buffer->end < len) {
    const size_t needed = buffer->end + len;
    const size_t room = needed < 4096 ? 4096 : needed + needed / 2;
    char *bytes = realloc(buffer->bytes, room);
    if (bytes == NULL) {
      return NULL;
    }
    buffer->bytes = bytes;
    buffer->room = room;
  }
  return buffer->bytes + buffer->end;
}

void kv_buffer_added(kv_buffer *buffer, size_t len) {
  buffer->end += len;
}

int kv_buffer_append(kv_buffer *buffer, const void *data, size_t len) {
  if (len == 0) {
    return KV_OK;
  }
  char *to = kv_buffer_reserve(buffer, len);
  if (to == NULL) {
    return KV_ENOMEM;
  }
  memcpy(to, data, len);
  kv_buffer_added(buffer, len);
  return KV_OK;
}

int kv_buffer_vprint(kv_buffer *buffer, const char *format, va_list arguments) {
  va_list again;
  va_copy(again, arguments);
  const int len = vsnprintf(NULL, 0, format, arguments);
  char *room = len >= 0 ? kv_buffer_reserve(buffer, (size_t)len + 1) : NULL;
  if (room != NULL) {
    (void)vsnprintf(room, (size_t)len + 1, format, again);
    kv_buffer_added(buffer, (size_t)len);
  }
  va_end(again);
  return room != NULL ? KV_OK : KV_ENOMEM;
}

int kv_buffer_print(kv_buffer *buffer, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  const int rc = kv_buffer_vprint(buffer, format, arguments);
  va_end(arguments);
  return rc;
}

void kv_buffer_discard(kv_buffer *buffer, size_t len) {
  buffer->begin += len;
  if (buffer->begin == buffer->end) {
    buffer->begin = 0;
    buffer->end = 0;
  }
}
