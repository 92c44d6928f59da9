/* text.c - output that grows: one string, appended to.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Noreturn static void out_of_memory(void) {
  fprintf(stderr, "datadriven: out of memory\n");
  exit(2);
}

void *must_allocate(size_t size) {
  return must_reallocate(NULL, size);
}

void *must_reallocate(void *pointer, size_t size) {
  void *memory = realloc(pointer, size == 0 ? 1 : size);
  if (memory == NULL) {
    out_of_memory();
  }
  return memory;
}

char *must_copy(const char *data, size_t len) {
  char *copy = must_allocate(len + 1);
  if (len > 0) {
    memcpy(copy, data, len);
  }
  copy[len] = '\0';
  return copy;
}

/* Room for `more` bytes and the terminating 0. */
static void make_room(struct text *text, size_t more) {
  size_t need = text->len + more + 1;
  if (need <= text->capacity) {
    return;
  }
  text->capacity = need < 2 * text->capacity ? 2 * text->capacity : need;
  text->data = must_reallocate(text->data, text->capacity);
}

const char *text_string(const struct text *text) {
  return text->data == NULL ? "" : text->data;
}

void text_append(struct text *text, const char *data, size_t len) {
  make_room(text, len);
  if (len > 0) {
    memcpy(text->data + text->len, data, len);
  }
  text->len += len;
  text->data[text->len] = '\0';
}

void text_puts(struct text *text, const char *string) {
  text_append(text, string, strlen(string));
}

void text_vprintf(struct text *text, const char *format, va_list arguments) {
  char *string = NULL;
  int len = vasprintf(&string, format, arguments);
  if (len < 0) {
    out_of_memory();
  }
  text_append(text, string, (size_t)len);
  free(string);
}

void text_printf(struct text *text, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  text_vprintf(text, format, arguments);
  va_end(arguments);
}

void text_indent(struct text *text, const struct text *from) {
  const char *line = text_string(from);
  while (*line != '\0') {
    size_t len = strcspn(line, "\n");
    text_puts(text, "  ");
    text_append(text, line, len);
    text_puts(text, "\n");
    line += line[len] == '\n' ? len + 1 : len;
  }
}

void text_clear(struct text *text) {
  text->len = 0;
  if (text->data != NULL) {
    text->data[0] = '\0';
  }
}

void text_free(struct text *text) {
  free(text->data);
  *text = (struct text){0};
}
