/* describe_text.c - text that is written into a caller's buffer, as snprintf does.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "describe_text.h"

#include <stdarg.h>
#include <stdio.h>

raft_text raft_text_begin(char *buf, size_t size) {
  if (size > 0) {
    buf[0] = '\0';
  }
  return (raft_text){buf, size, 0};
}

void raft_text_format(raft_text *text, const char *format, ...) {
  size_t room = text->len < text->size ? text->size - text->len : 0;
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(room > 0 ? text->buf + text->len : NULL, room, format, arguments);
  va_end(arguments);
  text->len += length > 0 ? (size_t)length : 0;
}

void raft_text_char(raft_text *text, char c) {
  if (text->len + 1 < text->size) {
    text->buf[text->len] = c;
    text->buf[text->len + 1] = '\0';
  }
  text->len++;
}

void raft_text_string(raft_text *text, const char *string) {
  for (; *string != '\0'; string++) {
    raft_text_char(text, *string);
  }
}
