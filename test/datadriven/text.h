/* text.h - output that grows: one string, appended to.
 *
 * Always terminated by 0. When memory runs out the program says so and exits: this is a
 * test program, it has nothing to save.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef DATADRIVEN_TEXT_H
#define DATADRIVEN_TEXT_H

#include <stdarg.h>
#include <stddef.h>

/* Zero-initialised is the empty text; read it by text_string. */
struct text {
  char *data;
  size_t len;
  size_t capacity;
};

/* Never NULL; valid until the text changes. */
const char *text_string(const struct text *text);
void text_append(struct text *text, const char *data, size_t len);
void text_puts(struct text *text, const char *string);
__attribute__((format(printf, 2, 3))) void text_printf(struct text *text, const char *format, ...);
__attribute__((format(printf, 2, 0))) void text_vprintf(struct text *text, const char *format,
                                                        va_list arguments);
/* Appends each line of `from` behind two spaces; the last one gets its newline if it has none. */
void text_indent(struct text *text, const struct text *from);
/* Empty again; keeps the memory. */
void text_clear(struct text *text);
void text_free(struct text *text);

/* malloc and realloc that exit when there is no memory; size 0 is taken as 1. */
void *must_allocate(size_t size);
void *must_reallocate(void *pointer, size_t size);
/* A copy of `len` bytes with a terminating 0. */
char *must_copy(const char *data, size_t len);

#endif
