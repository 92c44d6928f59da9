/* buffer.h - bytes that are appended at the end and taken from the front.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_CLIENT_BUFFER_H
#define KV_CLIENT_BUFFER_H

#include <stdarg.h>
#include <stddef.h>

/* All zero is an empty buffer. */
typedef struct kv_buffer {
  char *bytes; /* what is in it: bytes[begin, end) */
  size_t begin;
  size_t end;
  size_t room;
} kv_buffer;

void kv_buffer_free(kv_buffer *buffer);

static inline size_t kv_buffer_len(const kv_buffer *buffer) {
  return buffer->end - buffer->begin;
}

static inline const char *kv_buffer_front(const kv_buffer *buffer) {
  return buffer->bytes + buffer->begin;
}

/* Where the next `len` bytes go; count them by kv_buffer_added. NULL: out of memory. */
char *kv_buffer_reserve(kv_buffer *buffer, size_t len);
void kv_buffer_added(kv_buffer *buffer, size_t len);

/* KV_ENOMEM: nothing was added. */
int kv_buffer_append(kv_buffer *buffer, const void *data, size_t len);
/* printf behind what is there, of any length; the terminating zero is there, but not counted. */
int kv_buffer_print(kv_buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
int kv_buffer_vprint(kv_buffer *buffer, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));

/* Takes len bytes from the front. */
void kv_buffer_discard(kv_buffer *buffer, size_t len);

#endif
